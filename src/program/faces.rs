//! Choosing and fitting out a face.

use color_eyre::eyre::Result;
use jiff::tz::TimeZone;

use crate::app::keymap::Keymap;
use crate::app::model::Access;
use crate::cli::{Format, Globals};
use crate::clock::Clock;
use crate::config::Color;
use crate::domain::command::Actor;
use crate::domain::release::Status;
use crate::engine::handle::EngineHandle;
use crate::headless::Style;
use crate::runtime::{self, Cockpit, Leaving, Left};
use crate::term::{ColourChoice, Wishes};
use crate::ui::theme::{Charset, ColourDepth};

/// A signal detached the face; the release goes on.
const DETACHED: u8 = 130;

/// How the headless face writes.
pub(super) fn style(format: Format) -> Style {
    match format {
        Format::Text => Style::Text,
        Format::Json => Style::Json,
    }
}

/// Shows the cockpit until somebody leaves.
pub(super) async fn cockpit(
    handle: EngineHandle,
    globals: &Globals,
    clock: Clock,
    actor: Actor,
    exit_at_end: bool,
) -> Result<Left> {
    let access = if globals.read_only { Access::ReadOnly("started with --read-only".to_owned()) } else { Access::Full };
    let cockpit = Cockpit {
        wishes: wishes(globals),
        clock,
        actor,
        access,
        keymap: Keymap::built_in()?,
        utc_offset: utc_offset(clock),
        exit_at_end,
    };
    Ok(runtime::run(handle, cockpit).await?)
}

fn wishes(globals: &Globals) -> Wishes {
    let colour = match globals.color {
        None | Some(Color::Auto) => ColourChoice::Auto,
        Some(Color::Always) => ColourChoice::Always,
        Some(Color::Never) => ColourChoice::Exactly(ColourDepth::None),
    };
    Wishes { colour, charset: globals.ascii.then_some(Charset::Ascii), ..Wishes::default() }
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
        (Leaving::Signal(_) | Leaving::Terminal, _) => DETACHED,
        (Leaving::Key | Leaving::End, _) => 0,
    }
}
