//! `cutover replay`: a past release on the screen again, or line by line.

use color_eyre::eyre::{Result, WrapErr};
use tokio::sync::mpsc;

use super::faces::{self, Manner};
use super::history::find;
use super::{back, output, release, settings};
use crate::app::model::Access;
use crate::cli::{Globals, Replay};
use crate::clock::Clock;
use crate::engine::hub::Hub;
use crate::engine::replay::{Tape, play};
use crate::engine::run::this_actor;
use crate::headless::Printer;
use crate::journal::Journal;

/// How many times faster than it was, unless another speed is asked for.
const SPEED: f64 = 10.0;

/// Shows a past release again.
pub(super) async fn run(globals: &Globals, arguments: &Replay) -> Result<u8> {
    let config = settings::load(globals)?;
    let (journal, summary) = find(&config, arguments.release)?;
    let mut tape = Tape::new(&summary, journal.records(summary.id)?);
    if arguments.headless.headless {
        return print(tape, arguments).await;
    }
    let speed = arguments.speed.unwrap_or(SPEED);
    // The first picture is of the release as it began.
    let lines = tape.wind_to(tape.now());
    let (hub, arriving) = Hub::new(tape.snapshot(speed, false));
    hub.hand_out(lines, 0);
    let handle = hub.attach();
    let (player, wishes) = mpsc::unbounded_channel();
    let mut manner = Manner::read(&config.screen)?.with_player(player);
    let plan = summary.plan.clone();
    if settings::read_only(&config, plan.environment.as_str()).is_none() {
        manner = manner.with_past(Box::new(back::Shelf::of(&config, &plan)));
    }
    let access = Access::ReadOnly("a past release is only shown again".to_owned());
    let playing = tokio::spawn(play(tape, hub, arriving, wishes, speed));
    let left = faces::cockpit(handle, manner, access, Clock::system(), this_actor(), false).await?;
    playing.await.wrap_err("the replay was lost")?;
    match left.back {
        Some(wish) => release::go_back(globals, &config, &plan, wish).await,
        None => Ok(0),
    }
}

/// Prints it, moment by moment.
async fn print(mut tape: Tape, arguments: &Replay) -> Result<u8> {
    let mut printer = Printer::new(faces::style(arguments.headless.format));
    let mut out = output::out();
    let clock = Clock::system();
    let mut at = Some(tape.now());
    while let Some(moment) = at {
        if let Some(speed) = arguments.speed {
            clock.sleep(moment.since(tape.now()).div_f64(speed)).await;
        }
        let _not_printed = tape.wind_to(moment);
        printer.print(&tape.snapshot(1.0, false), &mut out)?;
        at = tape.next_moment();
    }
    let _not_printed = tape.wind_to(crate::domain::time::Timestamp::from_millis(i64::MAX));
    printer.summary(&tape.snapshot(1.0, false), &mut out)?;
    Ok(0)
}
