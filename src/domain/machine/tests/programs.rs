//! Stages that run something to an end: builds, tasks, migrations, load tests, flags.

use super::*;
use crate::domain::check::Request;
use crate::domain::flag::FlagPlan;
use crate::domain::notice::Transition;
use crate::domain::origin::Origin;
use crate::domain::outlook::{left_behind, rollback_preview};
use crate::domain::plan::{
    BuildPlan, Definition, Job, LoadPlan, MigrationPlan, ReportLimit, TaskPlan, WaitPlan, WarmUpPlan,
};

pub(super) fn program(name: &str, undo: Option<&str>) -> CommandPlan {
    CommandPlan {
        run: vec![name.to_owned()],
        undo: undo.map(|undo| vec![undo.to_owned()]),
        env: BTreeMap::new(),
        dir: None,
        repeatable: true,
        undo_on_failure: false,
    }
}

pub(super) fn task(name: &str) -> TaskPlan {
    TaskPlan {
        definition: Definition::New,
        container: "api".to_owned(),
        run: vec![name.to_owned()],
        env: BTreeMap::new(),
        logs: None,
    }
}

fn migration(undo_is_safe: bool) -> StageKind {
    StageKind::Migrate(Box::new(MigrationPlan {
        backup: Some(Job::Command(program("backup", None))),
        apply: Job::Task(task("upgrade")),
        verify: Some(Job::Command(program("look", None))),
        undo: Some(Job::Command(program("downgrade", None))),
        undo_is_safe,
    }))
}

/// The usual plan with other stages before its deployment.
pub(super) fn with(stages: Vec<StagePlan>) -> Plan {
    let usual = plan();
    let deploy = usual.stages.iter().position(|stage| stage.kind == StageKind::Deploy).unwrap();
    let all = stages.into_iter().chain(usual.stages[deploy..].to_vec()).collect();
    Plan { stages: in_line(all), ..usual }
}

pub(super) fn begun(stages: Vec<StagePlan>) -> Bench {
    let mut bench = Bench::new(with(stages));
    let _ = bench.tell(Event::Requested { by: captain() });
    bench
}

fn parts(bench: &Bench) -> Vec<usize> {
    let part = |effect: &Effect| match effect {
        Effect::RunCommand { part, .. } => Some(*part),
        _ => None,
    };
    bench.asked.iter().filter_map(part).collect()
}

/// Ends the running part of the first stage.
fn end_part(bench: &mut Bench, outcome: Outcome) {
    let is_part = |intent: &&Intent| matches!(intent.effect, Effect::RunCommand { stage: 0, .. });
    let intent = bench.open.iter().find(is_part).cloned().expect("a part runs");
    bench.end(&intent, outcome);
}

fn exit(code: i32) -> Outcome {
    Outcome::Exited { code: Some(code), tail: vec![format!("exit {code}")] }
}

#[test]
fn a_migration_runs_part_by_part_and_registers_what_its_task_runs() {
    let mut bench = begun(vec![stage("migrate", migration(false))]);
    end_part(&mut bench, exit(0));
    assert!(bench.asked.contains(&Effect::RegisterTaskDefinition { component: API }));
    assert_eq!(parts(&bench), [0], "the task waits for its definition");
    bench.settle();
    assert_eq!(parts(&bench), [0, 1, 2]);
    assert_eq!(bench.release.stages[0].status, StageStatus::Passed);
    let registered = bench.asked.iter().filter(|effect| matches!(effect, Effect::RegisterTaskDefinition { .. }));
    assert_eq!(registered.count(), 1, "deploying takes the one that is there");
}

#[test]
fn a_migration_that_fails_stops_the_release_before_any_new_task_and_is_undone_only_if_that_is_safe() {
    for safe in [false, true] {
        let mut bench = begun(vec![stage("migrate", migration(safe))]);
        end_part(&mut bench, exit(0));
        bench.look();
        while !bench.open.iter().any(|intent| matches!(intent.effect, Effect::RunCommand { part: 1, .. })) {
            assert!(bench.carry_out());
        }
        let preview = rollback_preview(&bench.release);
        let (steps, left) = (preview.steps.join("; "), preview.left.join("; "));
        assert_eq!(steps.contains("undo migrate: downgrade"), safe, "{steps}");
        assert_eq!(left.contains("may lose data when undone; by hand: downgrade"), !safe, "{left}");
        end_part(&mut bench, exit(1));
        bench.settle();
        assert_eq!(bench.ending(), Some(Ending::Failed), "{:#?}", bench.release.timeline);
        assert_eq!(bench.asked.contains(&Effect::UndoCommand { stage: 0 }), safe);
        assert!(!bench.asked.iter().any(|effect| matches!(effect, Effect::Scale { desired: 1.., .. })));
        assert_eq!(bench.release.exit_code(), 3);
        let says = |text: &str| bench.release.timeline.iter().any(|moment| moment.text.contains(text));
        assert!(says("migrate failed: apply: exit 1"), "{:#?}", bench.release.timeline);
        let left = "left as it is: migrate may lose data when undone; by hand: downgrade";
        assert_eq!(says(left), !safe, "{:#?}", bench.release.timeline);
        assert_eq!(left_behind(&bench.release).len(), usize::from(!safe));
        let ended = bench.asked.iter().filter_map(|effect| match effect {
            Effect::Notify(notice) if notice.facts.transition == Transition::Ended => Some(&notice.body),
            _ => None,
        });
        assert_eq!(ended.map(|body| body.contains(left)).collect::<Vec<_>>(), [!safe], "whoever is called must know");
    }
}

#[test]
fn a_migration_whose_backup_fails_is_not_undone_however_safe_that_is() {
    let mut bench = begun(vec![stage("migrate", migration(true))]);
    let preview = rollback_preview(&bench.release);
    assert!(preview.left.contains(&"migrate is not done: nothing is undone".to_owned()), "{preview:?}");
    end_part(&mut bench, exit(1));
    bench.settle();
    assert_eq!(bench.ending(), Some(Ending::Failed), "{:#?}", bench.release.timeline);
    assert!(!bench.asked.contains(&Effect::UndoCommand { stage: 0 }), "what stands is an earlier release's");
}

/// A plan whose first stage waits for a human when it fails.
fn patient(kind: StageKind) -> Bench {
    begun(vec![StagePlan { on_failure: OnFailure::Wait, ..stage("it", kind) }])
}

#[test]
fn a_migration_that_is_tried_again_keeps_the_backup_from_before_it() {
    let mut bench = patient(migration(true));
    end_part(&mut bench, exit(1));
    bench.order(Command::Retry).unwrap();
    assert_eq!(parts(&bench), [0, 0], "a backup that failed is none");
    end_part(&mut bench, exit(0));
    bench.look();
    while !bench.open.iter().any(|intent| matches!(intent.effect, Effect::RunCommand { part: 1, .. })) {
        assert!(bench.carry_out());
    }
    end_part(&mut bench, exit(1));
    bench.order(Command::Retry).unwrap();
    assert_eq!(parts(&bench), [0, 0, 1, 1], "what is half migrated is not backed up");
}

#[test]
fn what_a_skipped_stage_may_have_left_is_undone_once_and_foretold() {
    for kind in [StageKind::Flag(FlagPlan::Command(program("on", Some("off")))), migration(true)] {
        let is_flag = matches!(kind, StageKind::Flag(_));
        let mut bench = patient(kind);
        if !is_flag {
            end_part(&mut bench, exit(0));
            while !bench.open.iter().any(|intent| matches!(intent.effect, Effect::RunCommand { part: 1, .. })) {
                assert!(bench.carry_out());
            }
        }
        end_part(&mut bench, exit(1));
        bench.order(Command::Skip { reason: "it works by hand".to_owned() }).unwrap();
        assert_eq!(bench.release.stages[0].status, StageStatus::Skipped);
        let steps = rollback_preview(&bench.release).steps.join("; ");
        assert!(steps.contains("undo it: "), "{steps}");
        bench.order(Command::Rollback { reason: None }).unwrap();
        let undo = |bench: &Bench| {
            let is_undo = |intent: &&Intent| intent.effect == Effect::UndoCommand { stage: 0 };
            bench.open.iter().find(is_undo).cloned()
        };
        while undo(&bench).is_none() {
            assert!(bench.carry_out(), "{:#?}", bench.release.timeline);
        }
        let asked = undo(&bench).unwrap();
        bench.end(&asked, exit(1));
        bench.settle();
        let undone = bench.asked.iter().filter(|effect| **effect == Effect::UndoCommand { stage: 0 }).count();
        assert_eq!(undone, 1, "an undo is never tried twice: {:#?}", bench.release.timeline);
    }
}

#[test]
fn nothing_is_built_where_what_succeeded_elsewhere_is_promoted() {
    let build = BuildPlan { command: program("build", Some("unbuild")), repository: "registry/api".to_owned() };
    let mut usual = plan();
    usual.origin = Origin::Promoted { from: "staging".into(), releases: vec![ReleaseId(41)] };
    usual.stages.insert(0, stage("build", StageKind::Build(build)));
    usual.stages = in_line(usual.stages);
    let mut bench = Bench::new(usual);
    let _ = bench.tell(Event::Requested { by: captain() });
    bench.settle();
    assert_eq!(bench.release.stages[0].status, StageStatus::Skipped);
    assert_eq!(bench.release.stages[0].note, "nothing is built: promoted from staging release 41");
    assert!(bench.release.stages[1].attempts > 0, "and the rest goes on");
    bench.order(Command::Rollback { reason: None }).unwrap();
    bench.settle();
    let ran =
        |effect: &Effect| matches!(effect, Effect::RunCommand { stage: 0, .. } | Effect::UndoCommand { stage: 0 });
    assert!(!bench.asked.iter().any(ran), "what was not built is not undone");
}

#[test]
fn a_program_whose_report_is_of_no_use_fails_and_its_output_stays() {
    let build = BuildPlan { command: program("build", None), repository: "registry/api".to_owned() };
    let mut bench = begun(vec![stage("build", StageKind::Build(build))]);
    let tail = vec!["exporting layers".to_owned()];
    end_part(&mut bench, Outcome::Misreported { tail: tail.clone(), why: "no digest".to_owned() });
    let stage = &bench.release.stages[0];
    assert_eq!((stage.status, &stage.output), (StageStatus::Failed, &tail));
}

#[test]
fn a_build_that_ends_after_the_definition_was_registered_fails() {
    let build = BuildPlan { command: program("build", None), repository: "registry/api".to_owned() };
    let mut bench = begun(vec![stage("build", StageKind::Build(build))]);
    bench.release.components[API].task_definition = Some(TaskDefinitionArn("td/api:9".to_owned()));
    let image = Version("registry/api@sha256:4f2c1e9".to_owned());
    end_part(&mut bench, Outcome::Built { tail: Vec::new(), image });
    assert_eq!(bench.release.stages[0].status, StageStatus::Failed);
}

#[test]
fn a_migration_goes_on_after_a_lost_engine() {
    let mut bench = begun(vec![stage("migrate", migration(false))]);
    bench.open.clear();
    let reaction = bench.tell(Event::Recovered { by: captain() });
    let again = |intent: &&Intent| matches!(intent.effect, Effect::RunCommand { part: 0, .. }) && intent.attempt == 2;
    assert_eq!(reaction.start.iter().filter(again).count(), 1);
    bench.finish_well();
    assert_eq!(bench.ending(), Some(Ending::Succeeded), "{:#?}", bench.release.timeline);
}

#[test]
fn what_was_built_is_what_is_deployed() {
    let build = BuildPlan { command: program("build", None), repository: "registry/api".to_owned() };
    let mut bench = begun(vec![stage("build", StageKind::Build(build))]);
    let image = Version("registry/api@sha256:4f2c1e9".to_owned());
    end_part(&mut bench, Outcome::Built { tail: Vec::new(), image: image.clone() });
    assert_eq!(bench.release.components[API].built, Some(image));
    assert_eq!(bench.release.stages[0].status, StageStatus::Passed);
    bench.finish_well();
    assert_eq!(bench.ending(), Some(Ending::Succeeded));
}

#[test]
fn a_load_test_is_judged_by_its_report_and_by_its_exit_code() {
    let limit = ReportLimit { name: "p95".to_owned(), at: "/p95".to_owned(), below: Some(500.0), above: None };
    let load = || LoadPlan { command: program("k6", None), report: None, limits: vec![limit.clone()] };
    let check = |passed| CheckResult::new("p95", passed, "612, must be below 500");
    for (code, passed, wanted) in [(0, true, None), (99, true, Some("exit 99")), (0, false, Some("p95: 612"))] {
        let mut bench = begun(vec![stage("load", StageKind::Load(load()))]);
        let outcome = Outcome::Measured { code: Some(code), tail: Vec::new(), checks: vec![check(passed)] };
        end_part(&mut bench, outcome);
        let stage = &bench.release.stages[0];
        match wanted {
            None => assert_eq!(stage.status, StageStatus::Passed),
            Some(why) => assert!(stage.status == StageStatus::Failed && stage.note.contains(why), "{}", stage.note),
        }
    }
}

#[test]
fn a_flag_is_switched_off_at_once_beside_the_traffic() {
    let flag = StageKind::Flag(FlagPlan::Command(program("on", Some("off"))));
    let mut usual = plan();
    let shift = usual.stages.iter().position(|stage| matches!(stage.kind, StageKind::Shift(_))).unwrap();
    usual.stages.insert(shift, stage("flag", flag));
    usual.stages = in_line(usual.stages);
    let mut bench = Bench::new(usual);
    let _ = bench.tell(Event::Requested { by: captain() });
    bench.settle();
    let steps = rollback_preview(&bench.release).steps;
    assert!(steps[0].starts_with("undo flag: ") && steps[1].starts_with("all traffic to blue"), "{steps:?}");
    bench.order(Command::Rollback { reason: None }).unwrap();
    let open: Vec<&Effect> = bench.open.iter().map(|intent| &intent.effect).collect();
    assert!(open.contains(&&Effect::UndoCommand { stage: shift }), "{open:?}");
    assert!(open.contains(&&Effect::SetWeight { component: API, green: Percent::ZERO }), "it waits for no flag");
    bench.settle();
    assert_eq!(bench.ending(), Some(Ending::RolledBack), "{:#?}", bench.release.timeline);
    let undone = bench.asked.iter().filter(|effect| **effect == Effect::UndoCommand { stage: shift }).count();
    assert_eq!((undone, bench.release.stages[shift].status), (1, StageStatus::Undone));
    assert_eq!(bench.release.stages[1].status, StageStatus::Undone, "and what came before it is undone as well");
}

#[test]
fn a_wait_passes_with_time_and_can_be_cut_short() {
    let wait = || vec![stage("wait", StageKind::Wait(WaitPlan { span: 10 * MINUTE }))];
    let mut bench = begun(wait());
    bench.wait(9 * MINUTE);
    assert_eq!(bench.release.stages[0].status, StageStatus::Running);
    assert_eq!(deadline(&bench.release, bench.now), Some(bench.now + MINUTE));
    bench.wait(MINUTE);
    assert_eq!(bench.release.stages[0].status, StageStatus::Passed);

    let mut bench = begun(wait());
    bench.order(Command::Promote).unwrap();
    assert_eq!(bench.release.stages[0].status, StageStatus::Passed);

    let mut bench = begun(wait());
    bench.order(Command::Pause).unwrap();
    bench.wait(20 * MINUTE);
    assert_eq!(bench.release.stages[0].status, StageStatus::Running, "paused is paused");
}

#[test]
fn green_that_does_not_answer_its_warm_up_gets_no_traffic() {
    let warm_up = WarmUpPlan {
        visits: vec![Request::get("http://green.test/".to_owned())],
        requests: 10,
        at_once: 2,
        timeout: MINUTE,
    };
    let mut usual = plan();
    let shift = usual.stages.iter().position(|stage| matches!(stage.kind, StageKind::Shift(_))).unwrap();
    usual.stages.insert(shift, stage("warm-up", StageKind::WarmUp(warm_up)));
    usual.stages = in_line(usual.stages);
    let mut bench = Bench::new(usual);
    let _ = bench.tell(Event::Requested { by: captain() });
    while !bench.open.iter().any(|intent| matches!(intent.effect, Effect::WarmUp { .. })) {
        assert!(bench.carry_out() || !bench.open.is_empty() || bench.release.ended.is_none());
        bench.look();
    }
    let asked = bench.open.iter().find(|intent| matches!(intent.effect, Effect::WarmUp { .. })).cloned().unwrap();
    let silent = CheckResult::new("green answers", false, "0 of 10");
    bench.end(&asked, Outcome::Checked(vec![silent]));
    bench.settle();
    assert_eq!((bench.ending(), bench.asked_weights()), (Some(Ending::Failed), vec![]));
}

/// A release by programs alone: there is no traffic to shift.
fn of_programs(stages: Vec<StagePlan>) -> Bench {
    let mut plan = Plan { stages: in_line(stages), ..plan() };
    plan.components[API].sides = None;
    let mut bench = Bench::new(plan);
    let _ = bench.tell(Event::Requested { by: captain() });
    bench
}

/// Ends the running part of a stage badly, after all before it went well.
fn fail_stage(bench: &mut Bench, index: usize) {
    for _ in 0..200 {
        let is_it = |intent: &&Intent| matches!(intent.effect, Effect::RunCommand { stage, .. } if stage == index);
        if let Some(intent) = bench.open.iter().find(is_it).cloned() {
            bench.end(&intent, exit(1));
            return bench.settle();
        }
        if !bench.carry_out() {
            bench.look();
        }
    }
    panic!("stage {index} never runs");
}

#[test]
fn a_release_by_programs_is_rolled_back_once_what_reaches_users_was_undone_and_fails_before() {
    let stages = || {
        vec![
            stage("build", StageKind::Command(program("build", None))),
            stage("promote", StageKind::Command(program("promote", Some("restore")))),
            stage("look", StageKind::Command(program("look", None))),
        ]
    };
    for (failing, ending, code, undone) in
        [(0, Ending::Failed, 3, 0), (1, Ending::Failed, 3, 0), (2, Ending::RolledBack, 4, 1)]
    {
        let mut bench = of_programs(stages());
        fail_stage(&mut bench, failing);
        assert_eq!(bench.ending(), Some(ending), "{failing}: {:#?}", bench.release.timeline);
        assert_eq!(bench.release.exit_code(), code, "{failing}");
        let undos = bench.asked.iter().filter(|effect| **effect == Effect::UndoCommand { stage: 1 }).count();
        assert_eq!(undos, undone, "{failing}");
    }
    let mut bench = of_programs(stages());
    let is_last = |intent: &Intent| matches!(intent.effect, Effect::RunCommand { stage: 2, .. });
    while !bench.open.iter().any(is_last) {
        assert!(bench.carry_out());
    }
    bench.order(Command::Rollback { reason: None }).unwrap();
    bench.settle();
    assert_eq!(bench.ending(), Some(Ending::RolledBack), "ordered by somebody, it is the same");
}

#[test]
fn a_command_that_failed_is_undone_where_the_file_says_so_and_that_is_foretold() {
    for undo_on_failure in [false, true] {
        let deploy = CommandPlan { undo_on_failure, ..program("deploy", Some("restore")) };
        let mut bench = of_programs(vec![
            stage("before", StageKind::Command(program("note", None))),
            StagePlan { on_failure: OnFailure::Wait, ..stage("deploy", StageKind::Command(deploy)) },
        ]);
        let before = rollback_preview(&bench.release);
        assert!(!before.steps.contains(&"undo deploy: restore".to_owned()), "it has not begun: {before:?}");
        fail_stage(&mut bench, 1);
        let preview = rollback_preview(&bench.release);
        assert_eq!(preview.steps.contains(&"undo deploy: restore".to_owned()), undo_on_failure, "{preview:?}");
        let left = "deploy is not done and not undone; by hand, if need be: restore".to_owned();
        assert_eq!(preview.left.contains(&left), !undo_on_failure, "{preview:?}");
        bench.order(Command::Rollback { reason: None }).unwrap();
        bench.settle();
        assert_eq!(bench.asked.contains(&Effect::UndoCommand { stage: 1 }), undo_on_failure);
        let ending = if undo_on_failure { Ending::RolledBack } else { Ending::Aborted };
        assert_eq!(bench.ending(), Some(ending), "{:#?}", bench.release.timeline);
    }
}
