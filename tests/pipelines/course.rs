//! What must come of a fault, told from the plan alone and held against what came of it.

use std::collections::BTreeSet;

use cutover::domain::plan::{OnFailure, Plan, StageKind, Undo};
use cutover::domain::program::Runs;
use cutover::domain::release::{Release, StageStatus};

use crate::fault::Fault;
use crate::run::{Run, Subject};

/// Holds a release against what its plan and the fault in the stage `at` say, and tells it in a row of a table.
pub(crate) fn judge(subject: &Subject, run: &Run, at: usize, fault: &Fault) -> String {
    let plan = &run.release.plan;
    let stage = &plan.stages[at];
    let before = ancestors(plan, at);
    let context = format!("{} / {}: {:?}\n{}", stage.name, fault.words(), run.release.ended, run.lines);
    let undone = undone(&run.release);

    if matches!(fault, Fault::Deaf) {
        assert_eq!(run.code, 0, "a dead channel holds nothing up: {context}");
        assert!(run.lines.contains("could not be sent"), "{context}");
    } else if waits(plan, at, fault) {
        assert_eq!(run.code, 6, "{context}");
        assert_eq!(undone, Vec::<usize>::new(), "{context}");
    } else {
        let is_shift = |index: &usize| matches!(plan.stages[*index].kind, StageKind::Shift(_));
        let shifted = run.release.has_shifted();
        if before.iter().any(is_shift) || is_shift(&at) {
            assert!(shifted, "{context}");
        }
        // What reaches users without traffic to shift is taken back all the same.
        let is_switched_back = undone.iter().any(|index| plan.is_switch(&plan.stages[*index]));
        assert_eq!(run.code, if shifted || is_switched_back { 4 } else { 3 }, "{context}");
        assert_eq!(run.release.stages[at].attempts, 1, "{context}");
        assert!(is_named(run, at, fault), "{context}");
        is_undone_as_it_must(run, at, fault, &before, &undone, &context);
        nothing_is_left(run, &context);
        let (ended, back) = (run.release.ended.as_ref().unwrap(), run.release.unwinding.as_ref().unwrap());
        let took = ended.at.since(back.since);
        assert!(subject.figures.rollback.is_none_or(|most| took < most), "going back took {took:?}: {context}");
    }
    let undone: Vec<&str> = undone.iter().map(|index| plan.stages[*index].name.as_str()).collect();
    let undone = if undone.is_empty() { "–".to_owned() } else { undone.join(", ") };
    let told = if run.told.is_empty() { "–".to_owned() } else { run.told.join("; ") };
    format!("| `{}` | {} | {} | {undone} | {told} |", stage.name, fault.words(), ending(run))
}

fn ending(run: &Run) -> String {
    let word = run.release.status().word();
    let exit = run.code;
    format!("{word}, {exit}")
}

/// Whether the release waits for somebody instead of going back.
fn waits(plan: &Plan, at: usize, fault: &Fault) -> bool {
    matches!(fault, Fault::Unapproved | Fault::Untyped) || plan.stages[at].on_failure == OnFailure::Wait
}

/// The cause that is told names the stage, or the signal.
fn is_named(run: &Run, at: usize, fault: &Fault) -> bool {
    let cause = &run.release.unwinding.as_ref().unwrap().cause;
    match fault {
        Fault::Errors(_) | Fault::Slow(_) => run
            .release
            .plan
            .components
            .iter()
            .any(|(_, one)| one.signals.iter().any(|s| cause.contains(s.name.as_str()))),
        Fault::Alarm(name) => cause.contains(name.as_str()),
        _ => cause.starts_with(&format!("{} failed: ", run.release.plan.stages[at].name)),
    }
}

/// The stages that were undone, in the order in which they were.
fn undone(release: &Release) -> Vec<usize> {
    let names = release.timeline.iter().filter_map(|moment| moment.text.strip_suffix(" undone"));
    names.map(|name| release.plan.stages.iter().position(|stage| stage.name.as_str() == name).unwrap()).collect()
}

/// Features first, then from the last stage to the first; all that was done and can be undone, and nothing else.
fn is_undone_as_it_must(
    run: &Run,
    at: usize,
    fault: &Fault,
    before: &BTreeSet<usize>,
    undone: &[usize],
    context: &str,
) {
    let plan = &run.release.plan;
    let undoes = |index: &usize| {
        let kind = &plan.stages[*index].kind;
        kind.undoes_itself() || matches!(kind, StageKind::Deploy)
    };
    let mut wanted: BTreeSet<usize> = before.iter().copied().filter(undoes).collect();
    if undoes(&at) && leaves_something(plan, at, fault) {
        wanted.insert(at);
    }
    let found: BTreeSet<usize> = undone.iter().copied().collect();
    assert!(found.is_superset(&wanted), "{wanted:?} {found:?} {context}");
    // Beside it, a stage of another branch may have been done by then; never one that comes after it.
    let after = |index: &usize| ancestors(plan, *index).contains(&at);
    let others: Vec<&usize> = found.difference(&wanted).collect();
    assert!(others.iter().all(|index| undoes(index) && !after(index) && **index != at), "{others:?} {context}");

    let is_flag = |index: &usize| matches!(plan.stages[*index].kind, StageKind::Flag(_));
    let (flags, rest): (Vec<usize>, Vec<usize>) = undone.iter().copied().partition(is_flag);
    assert_eq!(undone, [flags.clone(), rest.clone()].concat(), "features go first: {context}");
    for order in [flags, rest] {
        assert!(order.is_sorted_by(|one, next| one > next), "{order:?} {context}");
    }

    // What undoes them was truly run, in that order.
    let programs = undone.iter().filter_map(|index| match plan.stages[*index].kind.undo()? {
        Undo::Program { run, .. } => Some(run.to_vec()),
        Undo::Job(job) => match job.runs() {
            Runs::Command(command) => Some(command.run.clone()),
            Runs::Task(_) | Runs::Flag(_) => None,
        },
        Undo::Flag(_) => None,
    });
    let programs: Vec<Vec<String>> = programs.collect();
    let begun: Vec<Vec<String>> = run.bench.begun().into_iter().map(|program| program.run).collect();
    assert!(begun.ends_with(&programs), "{programs:?} {begun:?} {context}");
}

/// Whether a stage that failed this way may have changed something.
fn leaves_something(plan: &Plan, at: usize, fault: &Fault) -> bool {
    match (&plan.stages[at].kind, fault) {
        (StageKind::Deploy | StageKind::Flag(_), _) => true,
        (StageKind::Migrate(_), Fault::Program(part, _) | Fault::Task(part, _)) => *part != "backup",
        _ => false,
    }
}

/// In the accounts: all traffic on blue, none of green's tasks wanted.
fn nothing_is_left(run: &Run, context: &str) {
    let plan = &run.release.plan;
    for (of, component) in plan.components.iter() {
        let Some(sides) = &component.sides else { continue };
        run.place.sims[of].with(|world, _| {
            let services = [sides.blue.service.clone(), sides.green.service.clone()];
            let found = world.describe_services(None, &services).unwrap().found;
            let desired = |name: &str| found.iter().find(|service| service.name == name).unwrap().desired;
            let wanted = (sides.blue.desired, 0);
            assert_eq!((desired(&sides.blue.service), desired(&sides.green.service)), wanted, "{context}");
            let group = sides.green.target_group.rsplit('/').nth(1).unwrap();
            let (_, weights) = world.current_weights().into_iter().find(|(rule, _)| *rule == sides.rule).unwrap();
            let green = weights.iter().find(|(name, _)| name == group).map(|(_, weight)| *weight);
            assert_eq!(green, Some(0), "{context}");
        });
    }
}

/// The stages that are done before this one begins.
fn ancestors(plan: &Plan, at: usize) -> BTreeSet<usize> {
    let mut all = BTreeSet::new();
    let mut open = plan.stages[at].after.clone();
    while let Some(index) = open.pop() {
        if all.insert(index) {
            open.extend(&plan.stages[index].after);
        }
    }
    all
}

/// A release in which nothing goes wrong: everything is done, and everybody who is to hear of it has.
pub(crate) fn succeeded(subject: &Subject, run: &Run) {
    let Run { release, code, lines, .. } = run;
    assert_eq!(*code, 0, "{lines}");
    assert!(release.stages.iter().all(|stage| stage.status == StageStatus::Passed), "{lines}");
    assert!(!run.told.is_empty(), "{lines}");
    for (of, component) in release.plan.components.iter().filter(|(_, one)| one.sides.is_some()) {
        let observed = release.components[of].traffic.observed.unwrap();
        assert_eq!(observed.get(), 100, "{}: {lines}", component.name);
    }
    let is_cleanup = |index: &usize| matches!(release.plan.stages[*index].kind, StageKind::Cleanup(_));
    let cleanup = (0..release.stages.len()).find(is_cleanup).and_then(|index| release.stages[index].started);
    let done = cleanup.unwrap_or(release.ended.as_ref().unwrap().at);
    let took = done.since(release.begun.as_ref().unwrap().at);
    assert!(subject.figures.release.is_none_or(|most| took < most), "the release took {took:?}: {lines}");
    let everything = [lines.as_str(), &run.bench.calls().join("\n")].concat();
    assert!(!everything.contains("0123456789abcdef"), "a secret is shown, or an argument");
}
