//! What the simulation has found, each in the smallest release that shows it.

use std::time::Duration;

use cutover::domain::command::CommandKind;
use cutover::domain::release::Ending;
use cutover::engine::run::TrafficLeft;
use cutover::sim::scenario::{ApiFault, ApiFaultKind, Percent as Share};

use crate::drive::{self, Report};
use crate::trial::{Ambush, Disturbance, Fate, Life, Press, Prey, Seen, Trial};

/// A plain release to which only this happens, within a quarter of an hour.
fn holds(ending: Ending, change: impl Fn(&mut Trial)) -> Report {
    let mut trial = Trial::plain(11);
    trial.calm = Duration::from_mins(15);
    change(&mut trial);
    let report = drive::run(&trial, None);
    assert!(report.violations.is_empty(), "{report}");
    assert_eq!(report.ending, Some(ending), "{report}");
    report
}

/// What the release's timeline says, line by line.
fn says(report: &Report, words: &str) -> bool {
    report.release.timeline.iter().any(|moment| moment.text.contains(words))
}

/// How long traffic took to be seen on blue again.
fn back_after(report: &Report) -> Duration {
    let unwinding = report.release.unwinding.as_ref().unwrap();
    unwinding.restored.unwrap().since(unwinding.since)
}

fn outage(kind: ApiFaultKind, scope: &str, at: u64, lasting: u64) -> ApiFault {
    ApiFault::new(kind, Share::all()).on(&[scope]).during(Duration::from_secs(at), Duration::from_secs(lasting))
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

#[test]
fn an_engine_that_loses_its_journal_while_green_serves_brings_traffic_back_before_it_ends() {
    let lost = |at, also: fn(&mut Trial)| {
        let mut trial = Trial::plain(11);
        trial.calm = Duration::from_mins(15);
        trial.lives = vec![life(Fate::LosesJournalAt(Duration::from_secs(at)), Duration::from_mins(1))];
        also(&mut trial);
        let report = drive::run(&trial, None);
        assert!(report.violations.is_empty(), "{report}");
        report
    };
    // While it bakes: the next engine finds green at 0 and waits for a human.
    let report = lost(200, |_| {});
    assert_eq!(report.left, [TrafficLeft::OnBlue], "{report}");
    assert_eq!(report.told_of_lost_journal, 4, "both channels, when it begins and when it is done: {report}");
    assert!(says(&report, "somebody else changed the weights"), "{report}");
    // While the load balancer takes no changes for three minutes.
    let report = lost(200, |trial| {
        trial.faults = vec![outage(ApiFaultKind::ServerError, "elbv2:ModifyRule", 190, 180)];
    });
    assert_eq!(report.left, [TrafficLeft::OnBlue], "{report}");
    // Before any traffic has shifted there is nothing to bring back.
    let report = lost(20, |_| {});
    assert_eq!((&report.left[..], report.told_of_lost_journal), (&[TrafficLeft::Untouched][..], 2), "{report}");
}

#[test]
fn a_journal_that_falters_once_costs_nothing_and_holds_nothing_twice() {
    for is_kept in [false, true] {
        for append in [5, 25, 45] {
            let report = holds(Ending::Succeeded, |trial| {
                trial.lives = vec![life(Fate::JournalFalters { append, is_kept }, Duration::ZERO)];
            });
            assert_eq!(report.engines_lost, 0, "{report}");
        }
    }
}

#[test]
fn a_rollback_by_a_new_engine_does_not_wait_for_ecs() {
    for kind in [ApiFaultKind::ServerError, ApiFaultKind::Throttling] {
        let report = holds(Ending::RolledBack, |trial| {
            trial.lives = vec![life(Fate::DiesAt(Duration::from_secs(200)), Duration::from_secs(10))];
            trial.presses = vec![press(215, CommandKind::Rollback)];
            trial.faults = vec![outage(kind, "ecs:*", 198, 300)];
        });
        assert!(back_after(&report) < Duration::from_secs(30), "{report}");
    }
}

#[test]
fn green_s_tasks_are_not_replaced_while_somebody_gives_it_traffic() {
    let report = holds(Ending::RolledBack, |trial| {
        trial.disturbances =
            vec![(Duration::from_secs(3), Disturbance::SomebodySetsGreen { component: "api", green: 33 })];
    });
    assert!(says(&report, "deploy failed: green has 33 % of the traffic: its tasks are not replaced"), "{report}");
}

#[test]
fn a_rollback_with_expired_credentials_is_loud_and_what_was_read_before_grows_old() {
    let report = holds(Ending::RolledBack, |trial| {
        trial.presses = vec![press(300, CommandKind::Rollback)];
        trial.faults = vec![outage(ApiFaultKind::ExpiredCredentials, "*", 200, 600)];
    });
    assert!(says(&report, "the alarms cannot be read"), "{report}");
    let why = "traffic is not back on blue yet: elasticloadbalancing:ModifyRule: credentials expired";
    assert!(says(&report, why), "{report}");
    assert!(report.release.unwinding.as_ref().is_some_and(|unwinding| unwinding.escalated), "{report}");
}
