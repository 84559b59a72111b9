//! Choosing and fitting out a face.

use color_eyre::eyre::Result;
use jiff::tz::TimeZone;
use tokio::sync::mpsc::UnboundedSender;

use super::{output, settings};
use crate::app::keymap::Keymap;
use crate::app::model::Access;
use crate::cli::{Format, Globals};
use crate::clock::Clock;
use crate::config::{Color, Config};
use crate::domain::command::Actor;
use crate::domain::release::Status;
use crate::engine::handle::{EngineHandle, Playback};
use crate::headless::Style;
use crate::runtime::{self, Cockpit, Leaving, Left};
use crate::term::{ColourChoice, Wishes};
use crate::ui::theme::{Charset, ColourDepth};

/// How the headless face writes.
pub(super) fn style(format: Format) -> Style {
    match format {
        Format::Text => Style::Text,
        Format::Json => Style::Json,
    }
}

/// How the cockpit is to look, and whether commands may be given from it.
pub(super) struct Manner {
    access: Access,
    wishes: Wishes,
    player: Option<UnboundedSender<Playback>>,
}

impl Manner {
    /// As the flags alone say.
    pub(super) fn of_flags(globals: &Globals) -> Self {
        Self::new(globals.color.unwrap_or_default(), globals.ascii, globals.read_only.then_some("--read-only"))
    }

    /// As the configuration says, which the flags have been laid over.
    pub(super) fn of_config(config: &Config, environment: &str) -> Self {
        let why = settings::read_only(config, environment);
        Self::new(config.screen.color, config.screen.ascii, why)
    }

    fn new(color: Color, is_ascii: bool, read_only: Option<&'static str>) -> Self {
        let colour = match color {
            Color::Auto => ColourChoice::Auto,
            Color::Always => ColourChoice::Always,
            Color::Never => ColourChoice::Exactly(ColourDepth::None),
        };
        let charset = is_ascii.then_some(Charset::Ascii);
        let access = read_only.map_or(Access::Full, |why| Access::ReadOnly(why.to_owned()));
        Self { access, wishes: Wishes { colour, charset, ..Wishes::default() }, player: None }
    }

    /// To show a past release: whoever looks steers the replay, and nothing else.
    pub(super) fn of_replay(config: &Config, player: UnboundedSender<Playback>) -> Self {
        let why = Some("a past release is only shown again");
        Self { player: Some(player), ..Self::new(config.screen.color, config.screen.ascii, why) }
    }
}

/// Shows the cockpit until somebody leaves.
pub(super) async fn cockpit(
    handle: EngineHandle,
    manner: Manner,
    clock: Clock,
    actor: Actor,
    exit_at_end: bool,
) -> Result<Left> {
    let Manner { access, wishes, player } = manner;
    let cockpit = Cockpit {
        wishes,
        clock,
        actor,
        access,
        keymap: Keymap::built_in()?,
        utc_offset: utc_offset(clock),
        exit_at_end,
        player,
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
        (Leaving::Key | Leaving::End, _) => 0,
    }
}
