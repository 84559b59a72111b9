//! Choosing and fitting out a face.

use color_eyre::eyre::Result;
use jiff::tz::TimeZone;

use super::{output, settings};
use crate::app::keymap::Keymap;
use crate::app::model::Access;
use crate::cli::{Format, Globals};
use crate::clock::Clock;
use crate::config::{Color, Config, Screen};
use crate::domain::command::Actor;
use crate::domain::release::Status;
use crate::engine::handle::EngineHandle;
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

/// What the settings say about a cockpit.
#[derive(Debug)]
pub(super) struct Seat {
    screen: Screen,
    access: Access,
}

impl Seat {
    /// For the demo, which reads no configuration of its user.
    pub(super) fn of_demo(globals: &Globals) -> Self {
        let screen = Screen { color: globals.color.unwrap_or_default(), ascii: globals.ascii };
        let access =
            if globals.read_only { Access::ReadOnly("started with --read-only".to_owned()) } else { Access::Full };
        Self { screen, access }
    }

    /// For a release in `environment`.
    pub(super) fn of(globals: &Globals, config: &Config, environment: &str) -> Self {
        let access = settings::read_only(globals, config, environment).map_or(Access::Full, Access::ReadOnly);
        Self { screen: config.screen, access }
    }
}

/// Shows the cockpit until somebody leaves.
pub(super) async fn cockpit(
    handle: EngineHandle,
    seat: Seat,
    clock: Clock,
    actor: Actor,
    exit_at_end: bool,
) -> Result<Left> {
    let cockpit = Cockpit {
        wishes: wishes(seat.screen),
        clock,
        actor,
        access: seat.access,
        keymap: Keymap::built_in()?,
        utc_offset: utc_offset(clock),
        exit_at_end,
    };
    Ok(runtime::run(handle, cockpit).await?)
}

fn wishes(screen: Screen) -> Wishes {
    let colour = match screen.color {
        Color::Auto => ColourChoice::Auto,
        Color::Always => ColourChoice::Always,
        Color::Never => ColourChoice::Exactly(ColourDepth::None),
    };
    Wishes { colour, charset: screen.ascii.then_some(Charset::Ascii), ..Wishes::default() }
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
