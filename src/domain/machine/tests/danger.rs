//! Situations in which a simpler machine would leave production in a bad place.

use std::sync::Arc;

use super::*;
use crate::domain::origin::{Earlier, Origin};
use crate::domain::outlook::left_behind;

fn alarm() -> Vec<FiringAlarm> {
    vec![FiringAlarm { name: "api-5xx-high".into(), since: Timestamp::from_secs(1), reason: String::new() }]
}

/// A release whose first raise is under way: green has nothing yet, as far as anybody knows.
fn raising() -> (Bench, Intent) {
    let mut bench = Bench::begun();
    for _ in 0..200 {
        if let Some(intent) = bench.open.iter().find(|intent| intent.effect.sets_weight()).cloned() {
            return (bench, intent);
        }
        if !bench.carry_out() {
            bench.look();
        }
    }
    panic!("never raises");
}

#[test]
fn going_back_during_the_first_raise_sends_zero_and_waits_for_what_may_still_land() {
    let (mut bench, _) = raising();
    bench.order(Command::Rollback { reason: None }).expect("rollback");
    assert!(
        bench.open.iter().any(|intent| intent.effect == Effect::SetWeight { component: API, green: Percent::ZERO })
    );
    bench.settle();
    assert_eq!(bench.ending(), None);
    assert_eq!(bench.api().capacity.green.desired, 4, "nothing is taken down under what may still land");
    bench.api().weight = Percent::clamped(10);
    bench.look();
    bench.wait(Duration::from_secs(16));
    bench.settle();
    assert_eq!((bench.ending(), bench.api().weight), (Some(Ending::RolledBack), Percent::ZERO));
}

#[test]
fn green_is_watched_at_full_weight_in_whichever_stage() {
    for stage in [5, 7] {
        let mut bench = Bench::begun();
        while bench.release.foremost() != Some(stage) {
            bench.settle();
            bench.wait(MINUTE);
            bench.judge(Ruling::Pass, Policy::Rollback);
        }
        bench.api().capacity.green.healthy = 0;
        bench.look();
        bench.settle();
        assert_eq!(bench.ending(), Some(Ending::RolledBack), "stage {stage}");
        assert_eq!(bench.api().capacity.blue.desired, 4, "stage {stage}: blue is what production runs on now");
    }
}

#[test]
fn a_way_back_to_an_earlier_release_does_not_turn_round_by_itself() {
    let mut bench = Bench::begun();
    let earlier = Earlier { release: ReleaseId(1), reason: None, warm: false, undoes: Vec::new(), left: Vec::new() };
    Arc::make_mut(&mut bench.release.plan).origin = Origin::Earlier(Box::new(earlier));
    while bench.release.foremost() != Some(5) {
        bench.settle();
        bench.wait(MINUTE);
        bench.judge(Ruling::Pass, Policy::Rollback);
    }
    bench.api().capacity.green.healthy = 0;
    bench.look();
    bench.settle();
    assert!(bench.release.unwinding.is_none() && bench.release.hold.is_some(), "{:#?}", bench.release.timeline);
    bench.order(Command::Rollback { reason: None }).expect("whoever is asked may");
}

#[test]
fn going_back_while_blue_is_taken_down_looks_at_blue_first() {
    let mut bench = Bench::begun();
    let is_blue_down = |intent: &Intent| matches!(intent.effect, Effect::Scale { side: Side::Blue, desired: 0, .. });
    for _ in 0..400 {
        if bench.open.iter().any(is_blue_down) {
            break;
        }
        if !bench.carry_out() {
            bench.look();
            bench.wait(MINUTE);
            bench.judge(Ruling::Pass, Policy::Rollback);
        }
    }
    assert!(bench.open.iter().any(is_blue_down), "{:#?}", bench.release.timeline);
    bench.order(Command::Rollback { reason: None }).expect("rollback");
    assert!(!bench.open.iter().any(|intent| intent.effect.sets_weight()), "what was known of blue is out of date");
    // The call had landed: its targets are still there, and will not be for long.
    bench.api().capacity.blue.desired = 0;
    bench.look();
    assert!(
        bench.open.iter().any(|intent| matches!(intent.effect, Effect::Scale { side: Side::Blue, desired: 4, .. }))
    );
    bench.settle();
    assert_eq!(bench.ending(), Some(Ending::RolledBack));
}

#[test]
fn a_pause_for_any_reason_excuses_no_signal() {
    let mut bench = Bench::to_bake_at_ten();
    bench.judge(Ruling::Marginal, Policy::Rollback);
    bench.order(Command::Pause).expect("pause");
    bench.order(Command::Resume).expect("resume");
    bench.judge(Ruling::Fail, Policy::Rollback);
    bench.settle();
    assert_eq!(bench.ending(), Some(Ending::RolledBack));

    let mut bench = Bench::to_bake_at_ten();
    bench.judge(Ruling::Fail, Policy::Pause);
    bench.order(Command::Resume).expect("resume");
    bench.judge(Ruling::NoData, Policy::Pause);
    bench.wait(8 * MINUTE);
    bench.settle();
    assert_eq!(bench.asked_weights(), [10], "silence is never excused");
}

#[test]
fn an_alarm_that_fired_before_its_traffic_was_known_still_counts() {
    let (mut bench, _) = raising();
    // The raise landed and its answer was lost.
    bench.api().weight = Percent::clamped(10);
    let _ = bench.tell(Event::AlarmsObserved { component: API, firing: alarm() });
    assert!(bench.release.unwinding.is_none());
    bench.api().firing = alarm();
    bench.look();
    assert!(bench.release.unwinding.is_some(), "green is seen with traffic, and the alarm fires");
}

#[test]
fn an_alarm_that_begins_to_fire_after_the_gates_stops_the_release_at_once() {
    let mut bench = Bench::begun();
    // As far as the deployment, with the gate behind it.
    while !bench.release.stages[0].status.is_done() {
        assert!(bench.carry_out() || !bench.open.is_empty());
        bench.look();
    }
    assert!(bench.release.ended.is_none() && !bench.release.is_green_live());
    bench.now = bench.now + MINUTE;
    bench.api().firing = alarm();
    bench.look();
    assert!(bench.release.unwinding.is_none(), "the gate saw it, or somebody went past it all the same");
    bench.api().firing = vec![FiringAlarm { since: bench.now, ..alarm().remove(0) }];
    bench.look();
    let cause = bench.release.unwinding.as_ref().map(|back| back.cause.as_str());
    assert_eq!(cause, Some("alarm api-5xx-high fires"), "{:#?}", bench.release.timeline);
    bench.settle();
    assert_eq!((bench.ending(), bench.asked_weights()), (Some(Ending::Failed), vec![]));
    assert_eq!(bench.release.exit_code(), 3);
}

#[test]
fn an_alarm_that_begins_to_fire_before_the_gates_are_passed_is_theirs_to_see() {
    let mut bench = Bench::begun();
    bench.now = bench.now + MINUTE;
    bench.api().firing = vec![FiringAlarm { since: bench.now, ..alarm().remove(0) }];
    bench.look();
    assert!(bench.release.unwinding.is_none(), "{:#?}", bench.release.timeline);
}

#[test]
fn a_missing_alarm_hides_no_other() {
    let mut bench = Bench::to_bake_at_ten();
    let _ = bench.tell(Event::AlarmsLost { component: API, why: "no such alarm".to_owned(), firing: alarm() });
    assert!(bench.release.unwinding.is_some());
}

#[test]
fn nothing_is_raised_over_what_somebody_set_by_hand() {
    let mut bench = Bench::to_bake_at_ten();
    bench.api().weight = Percent::ZERO;
    bench.look();
    bench.wait(6 * MINUTE);
    bench.judge(Ruling::Pass, Policy::Rollback);
    assert_eq!(bench.asked_weights(), [10]);
    bench.look();
    assert_eq!(bench.release.status(), Status::Paused);
}

#[test]
fn time_spent_paused_times_nothing_out() {
    let (mut bench, raise) = raising();
    bench.end(&raise, Outcome::Failed(Failure { transient: true, message: "throttled".to_owned() }));
    bench.order(Command::Pause).expect("pause");
    let before = bench.asked.len();
    bench.wait(30 * MINUTE);
    bench.look();
    assert_eq!(bench.asked.len(), before, "nothing is tried while paused");
    bench.order(Command::Resume).expect("resume");
    bench.settle();
    assert!(bench.release.unwinding.is_none(), "{:#?}", bench.release.timeline);
    assert_eq!(bench.api().weight, Percent::clamped(10));
}

#[test]
fn a_shift_that_is_tried_again_goes_on_where_traffic_stands() {
    let mut waiting = plan();
    waiting.stages[4].on_failure = OnFailure::Wait;
    let mut bench = Bench::new(waiting);
    let _ = bench.tell(Event::Requested { by: captain() });
    bench.settle();
    bench.order(Command::Promote).expect("promote");
    while bench.carry_out() {}
    // Set to 50 and never read back.
    bench.wait(6 * MINUTE);
    assert_eq!(bench.release.status(), Status::Waiting, "{:#?}", bench.release.timeline);
    bench.order(Command::Retry).expect("retry");
    bench.settle();
    assert_eq!(bench.asked_weights(), [10, 50], "nothing is taken back from green only to be given again");
}

#[test]
fn while_ecs_cannot_be_asked_blue_is_judged_by_its_targets_and_nothing_is_raised_or_scaled() {
    let half = |healthy| {
        let unread = Some(Failure { transient: true, message: "ecs:DescribeServices: throttled".to_owned() });
        Capacity { healthy, registered: healthy, unread, ..Capacity::default() }
    };
    for (blue, back) in [(4, &[10, 0][..]), (1, &[10])] {
        let mut bench = Bench::to_bake_at_ten();
        bench.api().capacity = Capacities { blue: half(blue), green: half(4), deployment: None };
        bench.look();
        bench.order(Command::Promote).expect("promote");
        assert_eq!(bench.asked_weights(), [10], "nothing is raised on half a reading");
        bench.order(Command::Rollback { reason: None }).expect("rollback");
        assert_eq!(bench.asked_weights(), back, "with {blue} healthy targets of blue");
        let is_scale = |intent: &Intent| matches!(intent.effect, Effect::Scale { side: Side::Blue, .. });
        assert!(!bench.open.iter().any(is_scale), "how many tasks blue is to run is not known");
    }
}

#[test]
fn tasks_that_an_earlier_hold_has_kept_are_told_of_where_nobody_takes_them_down() {
    for (warm, begins) in [(4, false), (0, false), (4, true)] {
        let mut bench = Bench::new(plan());
        let green = &mut bench.api().capacity.green;
        (green.desired, green.running, green.healthy) = (warm, warm, warm);
        let _ = bench.tell(Event::Requested { by: captain() });
        bench.look();
        if begins {
            bench.settle();
        }
        bench.order(Command::Rollback { reason: None }).expect("rollback");
        bench.settle();
        let left = left_behind(&bench.release).into_iter().map(|(_, left)| left).collect::<Vec<_>>().join("; ");
        assert_eq!(left.contains("still runs 4 tasks"), warm > 0 && !begins, "{warm} {begins}: {left}");
        assert!(!left.contains("still runs") || left.contains("--service api-green --desired-count 0"), "{left}");
    }
}
