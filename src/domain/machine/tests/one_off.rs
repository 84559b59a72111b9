//! Tasks on ECS that are given up: stopped, and seen to have stopped, before anything that must not run beside them.

use super::programs::{begun, program, task};
use super::*;
use crate::domain::plan::{Job, MigrationPlan};

/// A migration by a task, undone by another.
fn on_ecs(on_failure: OnFailure) -> StagePlan {
    let migration = MigrationPlan {
        backup: None,
        apply: Job::Task(task("upgrade")),
        verify: None,
        undo: Some(Job::Task(task("downgrade"))),
        undo_is_safe: true,
    };
    StagePlan { on_failure, ..stage("migrate", StageKind::Migrate(Box::new(migration))) }
}

/// The release as its task runs, which ECS has named if `known`.
fn running(on_failure: OnFailure, known: bool) -> Bench {
    let mut bench = begun(vec![on_ecs(on_failure)]);
    while open(&bench, is_run).is_none() {
        assert!(bench.carry_out());
    }
    if known {
        let effect = open(&bench, is_run).unwrap().id;
        let _ = bench.tell(Event::TaskStarted { effect, task: "4f2c1e9".to_owned() });
    }
    bench
}

fn is_run(effect: &Effect) -> bool {
    matches!(effect, Effect::RunCommand { .. })
}

fn is_stop(effect: &Effect) -> bool {
    matches!(effect, Effect::StopTask { .. })
}

fn is_undo(effect: &Effect) -> bool {
    matches!(effect, Effect::UndoCommand { .. })
}

fn open(bench: &Bench, pick: impl Fn(&Effect) -> bool) -> Option<Intent> {
    bench.open.iter().find(|intent| pick(&intent.effect)).cloned()
}

/// Ends everything but what `pick` picks.
fn end_all_but(bench: &mut Bench, pick: impl Fn(&Effect) -> bool) {
    while let Some(intent) = open(bench, |effect| !pick(effect)) {
        bench.end(&intent, Outcome::Done);
    }
    bench.look();
}

fn refused(message: &str) -> Outcome {
    Outcome::Failed(Failure { transient: false, message: message.to_owned() })
}

#[test]
fn what_undoes_a_task_waits_until_it_has_stopped() {
    for known in [false, true] {
        let mut bench = running(OnFailure::Rollback, known);
        bench.wait(6 * MINUTE);
        assert_eq!(open(&bench, is_run), None, "given up");
        let stop = open(&bench, is_stop).expect("stopped in its place");
        let Effect::StopTask { task, .. } = &stop.effect else { unreachable!() };
        assert_eq!(task.task.is_some(), known);
        end_all_but(&mut bench, is_stop);
        assert_eq!((open(&bench, is_undo), bench.ending()), (None, None));
        bench.end(&stop, Outcome::Done);
        assert!(open(&bench, is_undo).is_some());
        bench.settle();
        assert_eq!(bench.ending(), Some(Ending::Failed), "{:#?}", bench.release.timeline);
        assert_eq!(bench.release.stages[0].status, StageStatus::Undone);
    }
}

#[test]
fn the_next_try_waits_until_the_last_one_has_stopped() {
    let mut bench = running(OnFailure::Wait, true);
    bench.wait(6 * MINUTE);
    bench.order(Command::Retry).unwrap();
    assert_eq!((bench.release.stages[0].status, open(&bench, is_run)), (StageStatus::Pending, None));
    let stop = open(&bench, is_stop).unwrap();
    bench.end(&stop, Outcome::Done);
    assert!(open(&bench, is_run).is_some(), "{:#?}", bench.release.timeline);
}

#[test]
fn a_stage_after_one_that_is_skipped_waits_for_its_task_as_well() {
    let mut bench = running(OnFailure::Wait, true);
    bench.wait(6 * MINUTE);
    bench.order(Command::Skip { reason: "done by hand".to_owned() }).unwrap();
    assert_eq!(bench.release.stages[1].status, StageStatus::Pending);
    let stop = open(&bench, is_stop).unwrap();
    bench.end(&stop, Outcome::Done);
    assert_eq!(bench.release.stages[1].status, StageStatus::Running);
}

#[test]
fn what_undoes_a_task_that_cannot_be_stopped_is_not_begun() {
    let mut bench = running(OnFailure::Rollback, true);
    bench.wait(6 * MINUTE);
    let stop = open(&bench, is_stop).unwrap();
    bench.end(&stop, refused("not authorized to perform ecs:StopTask"));
    bench.settle();
    assert_eq!(bench.ending(), Some(Ending::RollbackFailed), "{:#?}", bench.release.timeline);
    assert!(!bench.asked.iter().any(is_undo));
    let why = &bench.release.ended.as_ref().unwrap().why;
    assert_eq!(why.matches("task 4f2c1e9 may still run: not authorized").count(), 1, "{why}");
}

#[test]
fn a_next_try_over_a_task_that_cannot_be_stopped_fails_and_may_be_tried_again() {
    let mut bench = running(OnFailure::Wait, true);
    bench.wait(6 * MINUTE);
    let stop = open(&bench, is_stop).unwrap();
    bench.end(&stop, refused("denied"));
    assert_eq!(open(&bench, is_stop), None, "a human is waited for");
    bench.order(Command::Retry).unwrap();
    let stop = open(&bench, is_stop).expect("whoever tries again has it stopped again");
    bench.end(&stop, refused("denied"));
    assert_eq!(bench.release.stages[0].status, StageStatus::Failed, "{:#?}", bench.release.timeline);
    assert_eq!(open(&bench, is_run), None);
}

#[test]
fn stopping_is_tried_again_for_a_while_and_by_the_next_engine() {
    let mut bench = running(OnFailure::Rollback, true);
    bench.wait(6 * MINUTE);
    let lost = Failure { transient: true, message: "timed out".to_owned() };
    let stop = open(&bench, is_stop).unwrap();
    bench.end(&stop, Outcome::Failed(lost));
    bench.wait(MINUTE);
    assert_eq!(open(&bench, is_stop).map(|intent| intent.attempt), Some(2));
    bench.open.clear();
    bench.now = bench.now + 60 * MINUTE;
    let _ = bench.tell(Event::Recovered { by: captain() });
    assert_eq!(
        open(&bench, is_stop).map(|intent| intent.attempt),
        Some(3),
        "the time without an engine is not counted"
    );
    end_all_but(&mut bench, is_stop);
    bench.wait(6 * MINUTE);
    bench.settle();
    assert_eq!(bench.ending(), Some(Ending::RollbackFailed), "{:#?}", bench.release.timeline);
}

#[test]
fn an_undo_by_a_task_goes_on_after_a_lost_engine_and_is_stopped_when_it_takes_too_long() {
    let mut bench = running(OnFailure::Rollback, true);
    let run = open(&bench, is_run).unwrap();
    bench.end(&run, Outcome::Exited { code: Some(1), tail: Vec::new() });
    assert!(open(&bench, is_stop).is_none(), "it has ended by itself");
    assert!(open(&bench, is_undo).is_some());
    bench.open.clear();
    let _ = bench.tell(Event::Recovered { by: captain() });
    assert_eq!(open(&bench, is_undo).map(|intent| intent.attempt), Some(2));
    bench.look();
    bench.wait(6 * MINUTE);
    assert_eq!((open(&bench, is_undo), bench.ending()), (None, None));
    let stop = open(&bench, is_stop).unwrap();
    bench.end(&stop, Outcome::Done);
    bench.settle();
    assert_eq!(bench.ending(), Some(Ending::RollbackFailed), "{:#?}", bench.release.timeline);
}

#[test]
fn a_stage_that_fails_gives_up_nothing_of_the_one_beside_it() {
    let beside = StagePlan {
        component: Some(API),
        on_failure: OnFailure::Wait,
        ..stage("beside", StageKind::Command(program("look", None)))
    };
    let plan = Plan { stages: vec![stage("deploy", StageKind::Deploy), beside], ..plan() };
    let mut bench = Bench::new(plan);
    let _ = bench.tell(Event::Requested { by: captain() });
    let is_register = |effect: &Effect| matches!(effect, Effect::RegisterTaskDefinition { .. });
    let is_scale = |effect: &Effect| matches!(effect, Effect::Scale { .. });
    let register = open(&bench, is_register).unwrap();
    let run = open(&bench, is_run).unwrap();
    bench.end(&register, Outcome::Registered(TaskDefinitionArn("td/api:9".to_owned())));
    assert!(open(&bench, is_scale).is_some());
    bench.end(&run, Outcome::Exited { code: Some(1), tail: Vec::new() });
    assert_eq!(bench.release.stages[1].status, StageStatus::Failed);
    assert!(open(&bench, is_scale).is_some(), "green still comes up");
}
