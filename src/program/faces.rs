//! Choosing and fitting out a face.

use std::path::Path;

use color_eyre::eyre::Result;
use jiff::tz::TimeZone;
use tokio::sync::mpsc::UnboundedSender;

use super::output::{self, Refused};
use super::settings;
use crate::app::keymap::Keymap;
use crate::app::model::Access;
use crate::cli::{Format, Globals};
use crate::clock::Clock;
use crate::config::{Color, Config, Screen, ThemeChoice};
use crate::document::Document;
use crate::domain::command::Actor;
use crate::domain::redact::printable;
use crate::domain::release::Status;
use crate::engine::handle::{EngineHandle, Playback};
use crate::headless::Style;
use crate::runtime::{self, Attention, Cockpit, Doctor, FleetFeed, Leaving, Left, Past};
use crate::term::{Capabilities, ColourChoice, Wishes};
use crate::ui::theme::{Background, Charset, ColourDepth, Theme};

/// How the headless face writes.
pub(super) fn style(format: Format) -> Style {
    match format {
        Format::Text => Style::Text,
        Format::Json => Style::Json,
    }
}

/// How the cockpit is to look, and what its keys mean.
pub(super) struct Manner {
    wishes: Wishes,
    theme: Option<Theme>,
    keymap: Keymap,
    attention: Attention,
    player: Option<UnboundedSender<Playback>>,
    past: Option<Box<dyn Past>>,
    doctor: Option<Box<dyn Doctor>>,
    fleet: Option<FleetFeed>,
}

impl Manner {
    /// As the flags alone say.
    pub(super) fn of_flags(globals: &Globals) -> Result<Self> {
        let color = globals.color.unwrap_or_default();
        Self::read(&Screen { color, ascii: globals.ascii, ..Screen::default() })
    }

    /// As the configuration says, which the flags have been laid over; reads the files that it names.
    pub(super) fn read(screen: &Screen) -> Result<Self> {
        let colour = match screen.color {
            Color::Auto => ColourChoice::Auto,
            Color::Always => ColourChoice::Always,
            Color::Never => ColourChoice::Exactly(ColourDepth::None),
        };
        let background = match screen.theme {
            ThemeChoice::Dark => Some(Background::Dark),
            ThemeChoice::Light => Some(Background::Light),
            ThemeChoice::Auto | ThemeChoice::File(_) => None,
        };
        let wishes = Wishes { colour, background, charset: screen.ascii.then_some(Charset::Ascii) };
        let theme = match &screen.theme {
            ThemeChoice::File(path) => Some(theme(path, wishes)?),
            ThemeChoice::Auto | ThemeChoice::Dark | ThemeChoice::Light => None,
        };
        let keymap = screen.keymap.as_deref().map_or_else(|| Ok(Keymap::built_in()?), keymap)?;
        let attention = Attention { bell: screen.bell, notifications: screen.notifications };
        Ok(Self { wishes, theme, keymap, attention, player: None, past: None, doctor: None, fleet: None })
    }

    /// The same, for whoever may want to go back to an earlier release.
    pub(super) fn with_past(self, past: Box<dyn Past>) -> Self {
        Self { past: Some(past), ..self }
    }

    /// The same, for whoever may want to look at the launch checklist.
    pub(super) fn with_doctor(self, doctor: Box<dyn Doctor>) -> Self {
        Self { doctor: Some(doctor), ..self }
    }

    /// The same, for whoever may want to see the fleet.
    pub(super) fn with_fleet(self, fleet: FleetFeed) -> Self {
        Self { fleet: Some(fleet), ..self }
    }

    /// The same, for whoever looks at a past release and steers its replay.
    pub(super) fn with_player(self, player: UnboundedSender<Playback>) -> Self {
        // What happened long ago calls for nobody's attention.
        let attention = Attention { bell: false, notifications: false };
        Self { attention, player: Some(player), ..self }
    }
}

fn theme(path: &Path, wishes: Wishes) -> Result<Theme> {
    let charset = Capabilities::of_process(wishes).charset;
    read("theme", path, |document| Theme::from_file(document, charset).map_err(|error| error.to_string()))
}

fn keymap(path: &Path) -> Result<Keymap> {
    read("keymap", path, |document| Keymap::with_overlay(document).map_err(|error| error.to_string()))
}

/// Reads a file of the user's; what is wrong with it is wrong with the configuration.
fn read<T>(key: &str, path: &Path, parse: impl FnOnce(Document<'_>) -> Result<T, String>) -> Result<T> {
    let here = std::env::current_dir().unwrap_or_default();
    let name = path.strip_prefix(here).unwrap_or(path).display().to_string();
    let refused = |why: String| Refused::usage(printable(&why).into_owned());
    let text = std::fs::read_to_string(path)
        .map_err(|error| refused(format!("{name}, which [screen] names as its {key}, cannot be read: {error}")))?;
    parse(Document { name: &name, text: &text }).map_err(refused)
}

/// Whether commands may be given by the flags alone.
pub(super) fn access_of_flags(globals: &Globals) -> Access {
    access(globals.read_only.then_some("--read-only"))
}

/// Whether commands may be given in an environment.
pub(super) fn access_of_config(config: &Config, environment: &str) -> Access {
    access(settings::read_only(config, environment))
}

fn access(read_only: Option<&'static str>) -> Access {
    read_only.map_or(Access::Full, |why| Access::ReadOnly(why.to_owned()))
}

/// Shows the cockpit until somebody leaves.
pub(super) async fn cockpit(
    handle: EngineHandle,
    manner: Manner,
    access: Access,
    clock: Clock,
    actor: Actor,
    exit_at_end: bool,
) -> Result<Left> {
    let Manner { wishes, theme, keymap, attention, player, past, doctor, fleet } = manner;
    let utc_offset = utc_offset(clock);
    let cockpit = Cockpit {
        wishes,
        theme,
        clock,
        actor,
        access,
        keymap,
        utc_offset,
        exit_at_end,
        attention,
        player,
        past,
        doctor,
        fleet,
    };
    Ok(runtime::run(handle, cockpit).await?)
}

/// Seconds by which local time is ahead of UTC.
fn utc_offset(clock: Clock) -> i32 {
    let now = jiff::Timestamp::from_millisecond(clock.now().millis()).unwrap_or_default();
    TimeZone::system().to_offset(now).seconds()
}

/// The exit code of a cockpit that was left.
pub(super) fn code(left: &Left) -> u8 {
    match (left.by, left.release.status()) {
        (Leaving::Crash, _) => 1,
        (_, Status::Ended(_)) => left.release.exit_code(),
        (Leaving::Signal(_) | Leaving::Terminal, _) => output::DETACHED,
        (Leaving::Key | Leaving::End | Leaving::Back | Leaving::TakeOver, _) => 0,
    }
}
