//! What happens next, when, and what then: the one line an operator reads first.

use serde::{Deserialize, Serialize};

use super::components::{ComponentIndex, Components};
use super::deployment::Course;
use super::ids::{Side, StageName};
use super::plan::{CommandPlan, Driver, GateKind, OnFailure, Plan, ShiftPlan, StageKind, StagePlan};
use super::release::{Component, Ended, Ending, Release, StageStatus, Status, StepPhase, UnwindPhase, Work};
use super::time::{Elapsed, Timestamp};

/// What the release waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlook {
    /// What it does or waits for now.
    pub now: String,
    /// When that is over at the latest, if it is known.
    pub until: Option<Timestamp>,
    /// What follows.
    pub then: String,
}

/// The outlook of `release`.
pub fn outlook(release: &Release) -> Outlook {
    let (now, until, then) = match release.status() {
        Status::Planned if release.is_watching() => watching(release),
        Status::Planned => ("not begun".to_owned(), None, "the first stage".to_owned()),
        Status::Ended(ending) => {
            let why = release.ended.as_ref().map(|ended| ended.why.clone()).unwrap_or_default();
            (ending.word().to_owned(), None, why)
        }
        Status::RollingBack => going_back(release),
        Status::Paused => {
            let why = release.hold.as_ref().map(|hold| hold.why.clone()).unwrap_or_default();
            let then = if release.is_green_live() {
                let weights = release.components.iter().filter(|(_, component)| component.is_green_live());
                let weights: Vec<String> = weights.map(|(_, component)| component.traffic.set.to_string()).collect();
                let green = weights.join(" and ");
                format!("green stays at {green} until somebody resumes; failing signals still roll back")
            } else {
                "nothing goes forward until somebody resumes or rolls back".to_owned()
            };
            (why, None, then)
        }
        Status::Running | Status::Waiting => going_forward(release),
    };
    Outlook { now, until, then }
}

/// What a deployment does that is only watched.
fn watching(release: &Release) -> (String, Option<Timestamp>, String) {
    let foreign = release.plan.origin.foreign().filter(|foreign| foreign.is_afoot());
    let Some(foreign) = foreign else { return ("nothing is being deployed".to_owned(), None, String::new()) };
    let both = release.components[ComponentIndex::FIRST].capacities.as_ref();
    let deployment = both.and_then(|both| both.deployment.as_ref());
    let Some(deployment) = deployment.filter(|deployment| deployment.id == foreign.deployment) else {
        let now = format!(
            "{} of others, green at {}",
            foreign.strategy,
            release.components[ComponentIndex::FIRST].traffic.set
        );
        return (now, None, "nobody goes back by itself until it is taken over".to_owned());
    };
    let then = match (&deployment.wait, deployment.course) {
        (Some(wait), _) => {
            let unless = if wait.is_answered_by_going_on() { " unless somebody goes on" } else { "" };
            format!("{}{unless}", wait.then)
        }
        (None, Course::Underway | Course::Unknown) if foreign.own_clock => "goes on by its own clock".to_owned(),
        (None, Course::Underway | Course::Unknown) => "goes on when somebody lets it".to_owned(),
        (None, _) => deployment.reason.clone().unwrap_or_default(),
    };
    (deployment.words(), deployment.wait.as_ref().and_then(|wait| wait.expires), then)
}

/// What a release does that goes back to an earlier one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackPreview {
    /// What will change, in order.
    pub steps: Vec<String>,
    /// What stays as it is, and why.
    pub left: Vec<String>,
}

/// What a release with this plan does that goes back to an earlier one; nothing of any other.
pub fn back_preview(plan: &Plan) -> BackPreview {
    let Some(earlier) = plan.origin.earlier() else { return BackPreview::default() };
    let mut steps = Vec::new();
    for stage in &plan.stages {
        let of = stage.component.unwrap_or(ComponentIndex::FIRST);
        let (planned, whose) = (&plan.components[of], subject(plan, stage));
        let undone = earlier.undoes.iter().find(|undoes| undoes.by == stage.name);
        match (&stage.kind, undone) {
            (kind, Some(undoes)) => {
                let line = kind.part(0).map(|part| part.runs.line()).unwrap_or_default();
                steps.push(format!("undo {} of release {}: {line}", undoes.stage, undoes.release));
            }
            (StageKind::Deploy, None) if earlier.warm => {
                steps.push(format!("{whose}start nothing: green still runs {}", planned.to));
            }
            (StageKind::Deploy, None) => {
                let definition = planned.pinned.task_definition.as_ref().map(|arn| format!(" from {}", arn.short()));
                let (tasks, definition) = (planned.wanted(Side::Green), definition.unwrap_or_default());
                steps.push(format!("{whose}start {tasks} tasks of {}{definition}", planned.to));
            }
            (StageKind::Smoke(checks), None) if !checks.is_empty() => {
                steps.push(format!("{whose}check it: {} checks before any traffic", checks.len()));
            }
            (StageKind::Shift(_), None) => {
                steps.push(format!("{whose}all traffic to {}, in one step", planned.to));
            }
            (StageKind::Command(command), None) => steps.push(format!("{whose}{}", command.run.join(" "))),
            (StageKind::Verify(verify), None) if !verify.checks.is_empty() => {
                steps.push(format!("{whose}check it again at full weight"));
            }
            _ => {}
        }
    }
    BackPreview { steps, left: earlier.left.clone() }
}

/// What a rollback ordered now would do, as far as traffic goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackPreview {
    /// Blue's healthy and wanted targets, of each component; `None` while they have not been read, or without sides.
    pub blue: Components<Option<(u32, u32)>>,
    /// Blue can take all traffic at once, in every component whose traffic moves.
    pub is_warm: bool,
    /// Whether production traffic is on green at all.
    pub moves_traffic: bool,
    /// What will change, in order.
    pub steps: Vec<String>,
    /// What will not be undone, and why.
    pub left: Vec<String>,
}

/// What a rollback ordered now would do.
pub fn rollback_preview(release: &Release) -> RollbackPreview {
    let plan = &release.plan;
    let blue_of = |of: ComponentIndex, state: &Component| {
        let sides = plan.components[of].sides.as_ref()?;
        Some((state.capacities.as_ref()?.blue.healthy, sides.blue.desired))
    };
    let mut blue = release.components.map(|_| None);
    let moves_traffic = release.has_shifted();
    let mut is_warm = true;
    let mut steps = Vec::new();
    let mut left = Vec::new();
    // Flags go off at once, whatever the traffic takes.
    let mut first = Vec::new();
    for (of, state) in release.components.iter() {
        blue[of] = blue_of(of, state);
        let is_ready = blue[of].is_some_and(|(healthy, wanted)| plan.rollback.is_enough(healthy, wanted));
        let planned = &plan.components[of];
        if planned.sides.is_none() || (moves_traffic && !state.has_shifted()) {
            continue;
        }
        is_warm &= is_ready;
        if !state.has_shifted() {
            continue;
        }
        let whose = plan.whose(of);
        let deployment = state.capacities.as_ref().and_then(|both| both.deployment.as_ref());
        let is_over = deployment.is_some_and(|deployment| deployment.course == Course::Completed);
        match planned.driver() {
            Driver::Rolling if is_over => {
                steps.push(format!("{whose}a new deployment of {}: ECS replaces all tasks again", planned.from));
            }
            Driver::Rolling => steps.push(format!("{whose}stop the deployment: ECS brings {} back", planned.from)),
            Driver::Native if is_over => {
                steps.push(format!("{whose}a new deployment of {}: ECS has taken blue down", planned.from));
                steps.push(format!("{whose}all traffic to blue, {}, once it is up", planned.from));
            }
            Driver::CodeDeploy if is_over => {
                steps.push(format!("{whose}a deployment of {}: CodeDeploy has taken blue down", planned.from));
                steps.push(format!("{whose}all traffic to blue, {}, once it is up", planned.from));
            }
            Driver::CodeDeploy => {
                steps.push(format!(
                    "{whose}stop the deployment: CodeDeploy brings all traffic to blue, {}",
                    planned.from
                ));
            }
            Driver::Native => steps.push(format!("{whose}ECS rolls back: all traffic to blue, {}", planned.from)),
            Driver::Alb | Driver::Command => {
                if !is_ready {
                    let wanted = planned.wanted(Side::Blue);
                    steps.push(format!("{whose}scale blue to {wanted} tasks and wait until they are healthy"));
                }
                steps.push(format!("{whose}all traffic to blue, {}", planned.from));
            }
        }
    }
    for (stage, plan_of) in release.stages.iter().zip(&plan.stages).rev() {
        let name = &plan_of.name;
        match &plan_of.kind {
            kind if kind.part(0).is_some() && stage.has_left_something(kind) => match kind.undo() {
                Some(undo) if matches!(kind, StageKind::Flag(_)) => first.push(format!("undo {name}: {}", undo.line())),
                Some(undo) if kind.undoes_itself() => steps.push(format!("undo {name}: {}", undo.line())),
                _ => left.extend(not_undone(plan_of)),
            },
            StageKind::Command(CommandPlan { undo: Some(undo), .. }) if stage.parts > 0 && !stage.undo_tried => {
                left.push(format!("{name} is not done and not undone; by hand, if need be: {}", undo.join(" ")));
            }
            kind if kind.part(0).is_some() && stage.attempts > 0 => {
                left.push(format!("{name} is not done: nothing is undone"));
            }
            StageKind::Deploy if stage.attempts > 0 && !plan.rollback.keep_green => {
                steps.push(format!("{}scale green to 0", subject(plan, plan_of)));
            }
            StageKind::Deploy if stage.attempts > 0 => {
                left.push(format!("{}green's tasks stay up", subject(plan, plan_of)));
            }
            _ => {}
        }
    }
    first.append(&mut steps);
    RollbackPreview { blue, is_warm, moves_traffic, steps: first, left }
}

/// What programs have done that no rollback undoes, and how a human would.
fn not_undone(stage: &StagePlan) -> Option<String> {
    let StagePlan { name, kind, .. } = stage;
    match kind.undo() {
        Some(undo) if kind.undoes_itself() => Some(format!("{name} is not undone; by hand: {}", undo.line())),
        Some(undo) => Some(format!("{name} may lose data when undone; by hand: {}", undo.line())),
        None if matches!(kind, StageKind::Load(_) | StageKind::Build(_)) => None,
        None => Some(format!("{name} has no undo")),
    }
}

/// What programs have done that stays as it is although the release did not succeed, and how a human would undo it, the
/// last one first, with its stage; empty before it ends. An undo that was tried and failed is not among them: the ending names it.
pub fn left_behind(release: &Release) -> Vec<(&StageName, String)> {
    match &release.ended {
        None | Some(Ended { ending: Ending::Succeeded, .. }) => Vec::new(),
        Some(_) => {
            let stages = release.stages.iter().zip(&release.plan.stages).rev();
            let left =
                stages.filter(|(stage, plan)| plan.kind.part(0).is_some() && stage.has_left_something(&plan.kind));
            let left = left.filter_map(|(_, plan)| Some((&plan.name, not_undone(plan)?)));
            left.chain(left_warm(release)).collect()
        }
    }
}

/// Tasks that an earlier release has kept warm on what would have become green. Its hold ended with the beginning of this
/// release, which has not replaced them either: nobody takes them down.
fn left_warm(release: &Release) -> impl Iterator<Item = (&StageName, String)> {
    release.components.iter().filter_map(|(of, component)| {
        let planned = &release.plan.components[of];
        let of_it = |stage: &&StagePlan| stage.component == Some(of);
        let is_taken_down =
            release.plan.stages.iter().filter(of_it).any(|stage| matches!(stage.kind, StageKind::Cleanup(_)));
        let deploy = release.deploy_stage(of)?;
        let has_begun = release.stages.get(deploy).is_some_and(|stage| stage.attempts > 0);
        let green = &component.capacities.as_ref()?.green;
        if has_begun || !is_taken_down || green.unread.is_some() || green.desired == 0 {
            return None;
        }
        let (service, cluster) = (&planned.sides.as_ref()?.green.service, &planned.cluster);
        let text = format!(
            "{service} still runs {} tasks of {}; by hand: aws ecs update-service --cluster {cluster} --service {service} --desired-count 0",
            green.desired,
            green.task_definition.short()
        );
        Some((&release.plan.stage(deploy)?.name, text))
    })
}

/// `api: ` before what is said of a stage's component, where there are several.
fn subject(plan: &Plan, stage: &StagePlan) -> String {
    match plan.subject(stage) {
        "" => String::new(),
        name => format!("{name}: "),
    }
}

/// What a promotion would end instead of raising green.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Green is watched at full weight.
    Verify,
    /// Blue is kept warm.
    Cleanup,
}

/// The wait that a promotion of this stage would end now; `None` when it goes on in another way.
pub fn promotion_ends(release: &Release, stage: Option<usize>) -> Option<Wait> {
    let index = stage?;
    let stage = release.stages.get(index)?;
    match (stage.work, &release.plan.stage(index)?.kind) {
        (Work::Until(_), StageKind::Verify(_)) => Some(Wait::Verify),
        (Work::Until(_), StageKind::Cleanup(_)) => Some(Wait::Cleanup),
        _ => None,
    }
}

fn going_back(release: &Release) -> (String, Option<Timestamp>, String) {
    let Some(unwinding) = &release.unwinding else { return Default::default() };
    match unwinding.phase {
        UnwindPhase::Traffic => {
            let is_warm = rollback_preview(release).is_warm;
            let now = if is_warm { "bringing traffic back to blue" } else { "waiting for blue's targets" };
            let escalation = unwinding.since + release.plan.rollback.escalate_after;
            let until = (!unwinding.escalated).then_some(escalation);
            (now.to_owned(), until, "everybody is told that it takes too long; it goes on trying".to_owned())
        }
        UnwindPhase::Undo { .. } => ("undoing what was done".to_owned(), None, "the release ends".to_owned()),
    }
}

fn going_forward(release: &Release) -> (String, Option<Timestamp>, String) {
    let Some(index) = release.foremost() else {
        return ("reading the weights a last time".to_owned(), None, "the release succeeds".to_owned());
    };
    let (Some(plan), Some(stage)) = (release.plan.stage(index), release.stages.get(index)) else {
        return Default::default();
    };
    let next: Vec<&str> = release
        .plan
        .stages
        .iter()
        .filter(|stage| stage.after.contains(&index))
        .map(|stage| stage.name.as_str())
        .collect();
    let next = if next.is_empty() { "the release succeeds".to_owned() } else { next.join(" and ") };
    if stage.status == StageStatus::Failed {
        return (format!("{} failed", plan.name), None, "retry, skip, or roll back".to_owned());
    }
    let bound = stage.started.map(|started| started + plan.timeout);
    let failure = failure(plan);
    match stage.work {
        Work::Step { phase: StepPhase::AtGate { limit: None, .. }, .. } => {
            let then = "promote or roll back; it stays until you act, and failing signals still roll back";
            (stage.note.clone(), None, then.to_owned())
        }
        Work::Step { index, phase } => match &plan.kind {
            StageKind::Shift(shift) => step(shift, plan, index, phase, &next),
            _ => Default::default(),
        },
        Work::Confirming => (format!("{}: {}", plan.name, stage.note), None, next),
        Work::Until(until) => match &plan.kind {
            StageKind::Wait(_) => (format!("{}: waiting", plan.name), Some(until), next),
            StageKind::Cleanup(_) => ("blue stays warm".to_owned(), Some(until), "blue is scaled down".to_owned()),
            StageKind::Gate(_) => (
                format!("{} waits for its window", plan.name),
                Some(until),
                "its conditions are looked at again".to_owned(),
            ),
            _ => {
                let timeout = Elapsed(plan.timeout);
                let then = format!("if the signals hold, {next}; {timeout} later without evidence {failure}");
                (format!("{}: watching green", plan.name), Some(until), then)
            }
        },
        Work::Idle | Work::Asked | Work::Part(_) | Work::Registering(_) | Work::Settling => {
            (plan.name.to_string(), bound, format!("{next}; after its time-out {failure}"))
        }
    }
}

/// What a stage's failure leads to.
fn failure(plan: &StagePlan) -> &'static str {
    match plan.on_failure {
        OnFailure::Rollback => "it fails and is undone",
        OnFailure::Wait => "it fails and waits for a human",
    }
}

fn step(
    shift: &ShiftPlan,
    plan: &StagePlan,
    index: usize,
    phase: StepPhase,
    after: &str,
) -> (String, Option<Timestamp>, String) {
    let weight = |index: usize| shift.steps.get(index).map(|step| step.weight.to_string());
    let here = weight(index).unwrap_or_default();
    let next = weight(index + 1).unwrap_or_else(|| after.to_owned());
    let is_human = shift.steps.get(index).is_some_and(|step| step.gate == GateKind::Human);
    let failure = failure(plan);
    match phase {
        StepPhase::Raising { since } => {
            let then = format!("reading it back; after its time-out {failure}");
            (format!("raising green to {here}"), Some(since + plan.timeout), then)
        }
        StepPhase::Settling { since } => {
            let then = format!("the bake; after its time-out {failure}");
            (format!("reading {here} back from the load balancer"), Some(since + plan.timeout), then)
        }
        StepPhase::Baking { until, .. } if is_human => {
            (format!("baking at {here}"), Some(until), format!("you promote to {next}"))
        }
        StepPhase::Baking { until, .. } => (format!("baking at {here}"), Some(until), format!("the gate, then {next}")),
        StepPhase::AtGate { limit: Some(limit), .. } => {
            (format!("waiting for evidence at {here}"), Some(limit), "a human is asked".to_owned())
        }
        StepPhase::AtGate { limit: None, .. } => (format!("waiting for you at {here}"), None, next),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::app::fixture::{self, NOW, Scene};

    const TIMEOUT: Duration = Duration::from_secs(90);

    /// The outlook of a release whose stage with this index is at `work`.
    fn at(index: usize, work: Work, on_failure: OnFailure) -> Outlook {
        let mut release = fixture::release(Scene::Baking);
        for (stage, done) in release.stages.iter_mut().zip(0..) {
            stage.status = if done < index { StageStatus::Passed } else { StageStatus::Pending };
        }
        let stage = &mut release.stages[index];
        (stage.status, stage.work, stage.started) = (StageStatus::Running, work, Some(NOW));
        let stage = &mut std::sync::Arc::make_mut(&mut release.plan).stages[index];
        (stage.timeout, stage.on_failure) = (TIMEOUT, on_failure);
        outlook(&release)
    }

    #[test]
    fn a_time_out_is_told_wherever_one_runs() {
        let plan = fixture::plan();
        let index = |word: &str| plan.stages.iter().position(|stage| stage.kind.word() == word).unwrap();
        let step = |phase| Work::Step { index: 0, phase };
        for (phase, now) in [
            (StepPhase::Raising { since: NOW }, "raising green to 10 %"),
            (StepPhase::Settling { since: NOW }, "reading 10 % back from the load balancer"),
        ] {
            let told = at(index("shift"), step(phase), OnFailure::Rollback);
            assert_eq!((told.now.as_str(), told.until), (now, Some(NOW + TIMEOUT)));
            assert!(told.then.ends_with("after its time-out it fails and is undone"), "{told:?}");
        }
        let told = at(index("verify"), Work::Until(NOW), OnFailure::Wait);
        assert_eq!(told.until, Some(NOW));
        assert!(told.then.ends_with("1:30 later without evidence it fails and waits for a human"), "{told:?}");
    }

    #[test]
    fn a_promotion_tells_the_wait_that_it_ends() {
        let ends = |kind: &str, work| {
            let mut release = fixture::release(Scene::Baking);
            let index = release.plan.stages.iter().position(|stage| stage.kind.word() == kind).unwrap();
            for stage in &mut release.stages[..index] {
                stage.status = StageStatus::Passed;
            }
            (release.stages[index].status, release.stages[index].work) = (StageStatus::Running, work);
            promotion_ends(&release, Some(index))
        };
        assert_eq!(ends("cleanup", Work::Until(NOW)), Some(Wait::Cleanup));
        assert_eq!(ends("cleanup", Work::Asked), None);
        assert_eq!(ends("verify", Work::Until(NOW)), Some(Wait::Verify));
        assert_eq!(promotion_ends(&fixture::release(Scene::Baking), Some(4)), None);
    }
}
