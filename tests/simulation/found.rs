//! What the simulation has found, each in the smallest release that shows it.

use std::time::Duration;

use cutover::domain::command::CommandKind;
use cutover::domain::release::Ending;
use cutover::sim::scenario::{ApiFault, ApiFaultKind, Percent as Share};

use crate::drive;
use crate::trial::{Ambush, Fate, Life, Press, Prey, Seen, Trial};

/// A plain release to which only this happens, within a quarter of an hour.
fn holds(ending: Ending, change: impl Fn(&mut Trial)) {
    let mut trial = Trial::plain(11);
    trial.calm = Duration::from_mins(15);
    change(&mut trial);
    let report = drive::run(&trial, None);
    assert!(report.violations.is_empty(), "{report}");
    assert_eq!(report.ending, Some(ending), "{report}");
}

fn press(at: u64, command: CommandKind) -> Press {
    Press { at: Duration::from_secs(at), operator: 0, command, seen: Seen::Newest, aim: None }
}

fn life(fate: Fate, gap: Duration) -> Life {
    Life { skew: 0, speed: 1.0, fate, gap }
}

#[test]
fn an_engine_rests_while_its_release_is_paused_beyond_a_bake() {
    holds(Ending::Succeeded, |trial| {
        trial.presses = vec![press(60, CommandKind::Pause), press(400, CommandKind::Resume)];
    });
}

#[test]
fn a_new_engine_tells_once_that_it_doubts_a_program() {
    holds(Ending::Aborted, |trial| {
        trial.lives = vec![life(Fate::DiesAt(Duration::from_secs(3)), Duration::from_secs(10))];
        trial.presses = vec![press(14, CommandKind::Abort)];
    });
}

#[test]
fn an_undo_that_nobody_saw_end_is_not_run_again_even_if_its_program_may_be() {
    holds(Ending::RollbackFailed, |trial| {
        trial.shape.is_repeatable = true;
        trial.presses = vec![press(200, CommandKind::Rollback)];
        trial.lives = vec![life(Fate::DiesAt(Duration::from_secs(203)), Duration::from_secs(10))];
    });
}

#[test]
fn what_is_owed_after_the_end_is_told_by_the_next_engine_however_late_it_comes() {
    holds(Ending::Succeeded, |trial| trial.lives = vec![life(Fate::DiesAtTheEnd, Duration::from_mins(5))]);
}

#[test]
fn a_rollback_while_blue_is_being_taken_down_leaves_blue_up() {
    for after in [0, 100, 2_500] {
        holds(Ending::RolledBack, |trial| {
            let (after, calm) = (Duration::from_millis(after), trial.calm);
            let mut slow = ApiFault::new(ApiFaultKind::Slow, Share::all()).on(&["UpdateService"]);
            slow.delay = Duration::from_secs(3);
            trial.faults = vec![slow.during(Duration::ZERO, calm)];
            trial.ambush = Some(Ambush { effect: Prey::BlueDown, after, command: CommandKind::Rollback });
        });
    }
}
