mod any_order;
mod bench;
mod danger;
mod gates;
mod one_off;
mod orders;
mod programs;
mod several;
mod telling;

use std::collections::BTreeMap;
use std::time::Duration;

use self::bench::Bench;
use super::{Reaction, deadline, step};
use crate::domain::capacity::{Capacities, Capacity};
use crate::domain::command::{Actor, Command, CommandKind, Order, Progress, Refusal};
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::effect::{CheckResult, Effect, Failure, Intent, Outcome};
use crate::domain::event::{Event, FiringAlarm};
use crate::domain::gate::Condition;
use crate::domain::guard;
use crate::domain::ids::{ReleaseId, Revision, Side, TaskDefinitionArn, Version};
use crate::domain::log::request::RequestLog;
use crate::domain::origin::Origin;
use crate::domain::percent::Percent;
use crate::domain::plan::{
    CleanupPlan, CommandPlan, ComponentPlan, Driver, GateKind, GatePlan, OnFailure, Pinned, Place, Plan, RollbackPlan,
    ShiftPlan, ShiftStep, SidePlan, Sides, StageKind, StagePlan, VerifyPlan,
};
use crate::domain::release::{Ending, Release, StageStatus, Status, StepPhase};
use crate::domain::signal::{Golden, Measure, Policy, Ruling, SignalPlan, Unit, Verdict};
use crate::domain::time::Timestamp;

const MINUTE: Duration = Duration::from_mins(1);

/// The first component, in most tests the only one.
const API: ComponentIndex = ComponentIndex::FIRST;

fn stage(name: &str, kind: StageKind) -> StagePlan {
    let is_of_component = matches!(
        kind,
        StageKind::Deploy
            | StageKind::Smoke(_)
            | StageKind::WarmUp(_)
            | StageKind::Shift(_)
            | StageKind::Verify(_)
            | StageKind::Cleanup(_)
    );
    StagePlan {
        name: name.into(),
        component: is_of_component.then_some(API),
        after: Vec::new(),
        kind,
        timeout: 5 * MINUTE,
        on_failure: OnFailure::Rollback,
    }
}

/// One after the other.
fn in_line(mut stages: Vec<StagePlan>) -> Vec<StagePlan> {
    for (index, stage) in stages.iter_mut().enumerate() {
        stage.after = index.checked_sub(1).into_iter().collect();
    }
    stages
}

fn side(name: &str) -> SidePlan {
    SidePlan {
        service: format!("api-{name}"),
        target_group: format!("tg-{name}"),
        task_definition: TaskDefinitionArn(format!("td/api:{}", name.len())),
        container: "api".to_owned(),
        desired: 4,
        url: None,
    }
}

fn command(undo: bool, repeatable: bool) -> StageKind {
    StageKind::Command(CommandPlan {
        run: vec!["migrate".to_owned(), "up".to_owned()],
        undo: undo.then(|| vec!["migrate".to_owned(), "down".to_owned()]),
        env: BTreeMap::new(),
        dir: None,
        repeatable,
        undo_on_failure: false,
    })
}

fn shift() -> ShiftPlan {
    let step = |weight, gate| ShiftStep { weight: Percent::clamped(weight), bake: 5 * MINUTE, gate };
    ShiftPlan {
        steps: vec![step(10, GateKind::Automatic), step(50, GateKind::Automatic), step(100, GateKind::Automatic)],
        patience: 10 * MINUTE,
        unhealthy_for: MINUTE,
    }
}

fn component(name: &str) -> ComponentPlan {
    ComponentPlan {
        name: name.into(),
        from: Version("api:old".to_owned()),
        to: Version("api:new".to_owned()),
        sides: Some(Sides {
            driver: Driver::Alb,
            expiry: Duration::ZERO,
            group: None,
            rule: "rule".to_owned(),
            blue: side("blue"),
            green: side("green"),
        }),
        cluster: "shop".to_owned(),
        logs: Vec::new(),
        requests: RequestLog::default(),
        signals: vec![SignalPlan {
            name: "errors".into(),
            golden: Golden::Errors,
            measure: Measure::TargetErrors,
            unit: Unit::Percent,
            max: Some(5.0),
            over_blue: None,
            min_samples: 100,
            breaches: 1,
            warm_up: Duration::ZERO,
            policy: Policy::Rollback,
        }],
        alarms: vec!["api-5xx-high".into()],
        pinned: Pinned::default(),
    }
}

fn plan() -> Plan {
    let gate = GatePlan { conditions: vec![Condition::Healthy, Condition::NoAlarms], confirm: None, approval: None };
    Plan {
        environment: "production".into(),
        production: true,
        place: Place::default(),
        components: Components::one(component("api")),
        stages: in_line(vec![
            stage("gates", StageKind::Gate(gate)),
            stage("migrate", command(true, false)),
            stage("deploy", StageKind::Deploy),
            stage("smoke", StageKind::Smoke(Vec::new())),
            stage("shift", StageKind::Shift(shift())),
            stage("verify", StageKind::Verify(VerifyPlan { watch: 5 * MINUTE, checks: Vec::new() })),
            stage("tell", StageKind::Notify),
            stage("cleanup", StageKind::Cleanup(CleanupPlan { hold: 5 * MINUTE })),
        ]),
        rollback: RollbackPlan {
            escalate_after: 5 * MINUTE,
            min_healthy: Percent::clamped(75),
            keep_green: false,
            one_by_one: false,
        },
        notify: vec!["team".to_owned()],
        secrets: Vec::new(),
        origin: Origin::Named,
        git_sha: None,
        policy: None,
    }
}

fn captain() -> Actor {
    Actor::new("captain", "bastion")
}

fn verdict(ruling: Ruling, policy: Policy) -> Verdict {
    Verdict {
        signal: "errors".into(),
        ruling,
        policy,
        green: Some(1.0),
        blue: Some(1.0),
        max: Some(5.0),
        samples: 500,
        needed: 100,
        evidence: 0.0,
        newest: None,
        reason: ruling.word().to_owned(),
    }
}

#[test]
fn a_healthy_release_goes_up_step_by_step_and_succeeds() {
    let mut bench = Bench::begun();
    bench.finish_well();
    assert_eq!(bench.ending(), Some(Ending::Succeeded), "{:#?}", bench.release.timeline);
    assert_eq!(bench.asked_weights(), [10, 50, 100]);
    assert_eq!(bench.api().capacity.blue.desired, 0, "blue is scaled down in the end");
    assert_eq!(bench.release.exit_code(), 0);
}

#[test]
fn a_failing_signal_rolls_back_and_undoes_what_was_done() {
    let mut bench = Bench::to_bake_at_ten();
    bench.judge(Ruling::Fail, Policy::Rollback);
    bench.settle();
    assert_eq!(bench.ending(), Some(Ending::RolledBack));
    assert_eq!(bench.asked_weights(), [10, 0]);
    assert!(bench.asked.contains(&Effect::UndoCommand { stage: 1 }));
    assert_eq!(bench.api().capacity.green.desired, 0);
    assert_eq!(bench.release.stages[1].status, StageStatus::Undone);
    assert_eq!(bench.release.exit_code(), 4);
}

#[test]
fn silence_never_promotes_and_ends_at_a_human() {
    for ruling in [Ruling::NoData, Ruling::Error, Ruling::Marginal] {
        let mut bench = Bench::to_bake_at_ten();
        for _ in 0..14 {
            bench.wait(MINUTE);
            bench.judge(ruling, Policy::Rollback);
            bench.settle();
        }
        assert_eq!(bench.release.status(), Status::Running, "patience is not over yet");
        bench.wait(2 * MINUTE);
        bench.settle();
        assert_eq!(bench.release.status(), Status::Waiting, "{ruling:?}");
        assert_eq!(bench.asked_weights(), [10]);
        assert_eq!(bench.release.exit_code(), 6);
    }
}

#[test]
fn no_verdict_at_all_does_not_promote() {
    let mut bench = Bench::to_bake_at_ten();
    bench.wait(16 * MINUTE);
    bench.settle();
    assert_eq!(bench.asked_weights(), [10]);
}

#[test]
fn evidence_that_comes_late_opens_the_gate() {
    let mut bench = Bench::to_bake_at_ten();
    bench.wait(7 * MINUTE);
    bench.judge(Ruling::Pass, Policy::Rollback);
    bench.settle();
    assert_eq!(bench.asked_weights(), [10, 50]);
}

#[test]
fn a_signal_that_only_observes_holds_nothing_up() {
    let mut bench = Bench::to_bake_at_ten();
    bench.wait(6 * MINUTE);
    bench.judge(Ruling::Fail, Policy::Observe);
    bench.settle();
    assert_eq!(bench.asked_weights(), [10, 50]);
}

#[test]
fn a_signal_with_pause_holds_once_and_a_human_goes_on() {
    let mut bench = Bench::to_bake_at_ten();
    bench.judge(Ruling::Fail, Policy::Pause);
    assert_eq!(bench.release.status(), Status::Paused);
    bench.order(Command::Resume).expect("resume");
    bench.judge(Ruling::Fail, Policy::Pause);
    assert_eq!(bench.release.status(), Status::Running, "the same failure does not stop the same step again");
}

#[test]
fn a_crash_loop_fails_before_any_traffic_shifts() {
    let mut bench = Bench::begun();
    while !matches!(bench.open.first().map(|intent| &intent.effect), Some(Effect::Scale { side: Side::Green, .. })) {
        bench.carry_out();
    }
    bench.carry_out();
    bench.api().capacity.green.healthy = 0;
    bench.api().capacity.green.running = 0;
    bench.api().capacity.green.steady = false;
    bench.api().capacity.green.failed_tasks = 3;
    bench.settle();
    assert_eq!(bench.ending(), Some(Ending::Failed));
    assert_eq!(bench.asked_weights(), Vec::<u8>::new());
    assert_eq!(bench.release.exit_code(), 3);
}

#[test]
fn a_rollback_onto_missing_capacity_scales_first() {
    let mut bench = Bench::to_bake_at_ten();
    bench.api().capacity.blue.desired = 0;
    bench.api().capacity.blue.healthy = 0;
    bench.look();
    bench.order(Command::Rollback { reason: None }).expect("rollback");
    let effects: Vec<&Effect> = bench.open.iter().map(|intent| &intent.effect).collect();
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Scale { side: Side::Blue, desired: 4, .. })));
    assert!(!effects.iter().any(|effect| effect.sets_weight()));
    bench.settle();
    assert_eq!(bench.ending(), Some(Ending::RolledBack));
}

#[test]
fn weights_that_land_late_are_put_right_before_the_end() {
    let mut bench = Bench::to_bake_at_ten();
    bench.order(Command::Rollback { reason: None }).expect("rollback");
    let zero = bench.open.iter().find(|intent| intent.effect.sets_weight()).cloned().expect("to zero");
    bench.end(&zero, Outcome::Done);
    bench.api().weight = Percent::clamped(50);
    bench.look();
    bench.wait(Duration::from_secs(6));
    bench.settle();
    assert_eq!(bench.ending(), Some(Ending::RolledBack));
    assert_eq!(bench.asked_weights(), [10, 0, 0]);
}

#[test]
fn the_way_back_is_tried_again_for_ever_and_said_to_be_late() {
    let mut bench = Bench::to_bake_at_ten();
    bench.order(Command::Rollback { reason: None }).expect("rollback");
    for _ in 0..400 {
        let Some(intent) = bench.open.iter().find(|intent| intent.effect.sets_weight()).cloned() else {
            bench.wait(Duration::from_secs(2));
            continue;
        };
        let failure = Failure { transient: false, message: "denied".to_owned() };
        bench.end(&intent, Outcome::Failed(failure));
    }
    assert_eq!(bench.release.status(), Status::RollingBack);
    assert!(
        bench.asked.iter().any(|effect| matches!(effect, Effect::Notify(notice) if notice.key.ends_with("overdue")))
    );
    bench.wait(Duration::from_secs(10));
    bench.settle();
    assert_eq!(bench.ending(), Some(Ending::RolledBack));
}

#[test]
fn a_lost_engine_doubts_programs_and_watches_the_bake_again() {
    let mut bench = Bench::to_bake_at_ten();
    bench.wait(4 * MINUTE);
    let _ = bench.tell(Event::Recovered { by: captain() });
    assert_eq!(bench.release.components[API].traffic.observed, None, "nothing is believed before it is read again");
    bench.settle();
    bench.wait(2 * MINUTE);
    bench.judge(Ruling::Pass, Policy::Rollback);
    bench.settle();
    assert_eq!(bench.asked_weights(), [10], "time that nobody watched does not count");
    bench.wait(4 * MINUTE);
    bench.settle();
    assert_eq!(bench.asked_weights(), [10, 50]);

    let mut bench = Bench::begun();
    while !matches!(bench.open.first().map(|intent| &intent.effect), Some(Effect::RunCommand { .. })) {
        assert!(bench.carry_out());
    }
    let reaction = bench.tell(Event::Recovered { by: captain() });
    assert!(!reaction.start.iter().any(|intent| matches!(intent.effect, Effect::RunCommand { .. })), "I5");
    assert_eq!(bench.release.status(), Status::Waiting);
    let waiting =
        |intent: &&Intent| matches!(&intent.effect, Effect::Notify(it) if it.key.ends_with("/waiting-migrate"));
    assert_eq!(reaction.start.iter().filter(waiting).count(), 1, "I9: what the new engine tells, it tells once");
}

#[test]
fn a_lost_engine_never_undoes_twice_even_what_may_be_done_twice() {
    let mut plan = plan();
    plan.stages[1].kind = command(true, true);
    let mut bench = Bench::new(plan);
    let _ = bench.tell(Event::Requested { by: captain() });
    bench.settle();
    bench.order(Command::Rollback { reason: None }).unwrap();
    while !matches!(bench.open.last().map(|intent| &intent.effect), Some(Effect::UndoCommand { .. })) {
        assert!(bench.carry_out());
        bench.look();
    }
    let _ = bench.tell(Event::Recovered { by: captain() });
    bench.settle();
    let undone = bench.asked.iter().filter(|effect| matches!(effect, Effect::UndoCommand { .. })).count();
    assert_eq!((undone, bench.ending()), (1, Some(Ending::RollbackFailed)));
}

#[test]
fn a_rollback_while_blue_is_taken_down_brings_it_up_before_it_gets_traffic() {
    let takes_blue_down = |intent: &Intent| matches!(intent.effect, Effect::Scale { side: Side::Blue, desired: 0, .. });
    let mut bench = Bench::begun();
    while !bench.open.first().is_some_and(takes_blue_down) {
        if !bench.carry_out() {
            bench.look();
            bench.wait(MINUTE);
            bench.judge(Ruling::Pass, Policy::Rollback);
        }
    }
    // It takes effect, and its answer is not waited for: the last look still shows blue up.
    (bench.api().capacity.blue.desired, bench.api().capacity.blue.running, bench.api().capacity.blue.healthy) =
        (0, 0, 0);
    let before = bench.asked_weights();
    bench.order(Command::Rollback { reason: None }).unwrap();
    let _ = bench.tell(Event::Ticked);
    assert_eq!(bench.asked_weights(), before, "I4: nothing is moved onto targets that may be gone");
    assert!(bench.asked.contains(&Effect::Scale {
        component: API,
        side: Side::Blue,
        desired: 4,
        task_definition: None
    }));
    bench.settle();
    assert_eq!((bench.ending(), bench.api().capacity.blue.healthy), (Some(Ending::RolledBack), 4));
}

#[test]
fn time_alone_does_not_move_a_paused_release() {
    let mut bench = Bench::to_bake_at_ten();
    assert!(deadline(&bench.release, bench.now).is_some_and(|at| at > bench.now), "the end of the bake");
    bench.order(Command::Pause).unwrap();
    bench.wait(10 * MINUTE);
    bench.settle();
    assert_eq!(deadline(&bench.release, bench.now), None);
    bench.order(Command::Resume).unwrap();
    assert!(deadline(&bench.release, bench.now).is_some_and(|at| at > bench.now), "the gate's patience");
}

#[test]
fn weights_changed_by_somebody_else_pause_the_release() {
    let mut bench = Bench::to_bake_at_ten();
    bench.api().weight = Percent::clamped(40);
    bench.look();
    assert_eq!(bench.release.status(), Status::Running, "one read may be late");
    bench.wait(Duration::from_secs(20));
    bench.look();
    assert_eq!(bench.release.status(), Status::Paused);
    bench.order(Command::Resume).expect("resume");
    bench.settle();
    assert_eq!(bench.api().weight, Percent::clamped(10));
}

#[test]
fn green_without_targets_goes_back_at_once_and_with_too_few_after_a_while() {
    for (healthy, span, ends) in [(0, 0, true), (2, 30, false), (2, 70, true)] {
        let mut bench = Bench::to_bake_at_ten();
        bench.api().capacity.green.healthy = healthy;
        bench.look();
        bench.wait(Duration::from_secs(span));
        bench.settle();
        assert_eq!(bench.ending() == Some(Ending::RolledBack), ends, "{healthy} for {span} s");
    }
}

#[test]
fn an_alarm_that_the_gates_knew_of_rolls_back_only_while_green_has_traffic() {
    let alarm =
        || vec![FiringAlarm { name: "api-5xx-high".into(), since: Timestamp::from_secs(1), reason: String::new() }];
    let mut bench = Bench::to_bake_at_ten();
    bench.api().firing = alarm();
    bench.settle();
    assert_eq!(bench.ending(), Some(Ending::RolledBack));

    let mut bench = Bench::begun();
    bench.api().firing = alarm();
    bench.settle();
    assert_eq!(bench.asked_weights(), Vec::<u8>::new(), "nothing is raised while an alarm fires");
    assert!(bench.release.unwinding.is_none());
}
