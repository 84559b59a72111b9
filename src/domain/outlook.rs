//! What happens next, when, and what then: the one line an operator reads first.

use serde::{Deserialize, Serialize};

use super::ids::Side;
use super::plan::{GateKind, StageKind};
use super::release::{Release, StageStatus, Status, StepPhase, UnwindPhase, Work};
use super::time::Timestamp;

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
        Status::Planned => ("not begun".to_owned(), None, "the first stage".to_owned()),
        Status::Ended(ending) => {
            let why = release.ended.as_ref().map(|ended| ended.why.clone()).unwrap_or_default();
            (ending.word().to_owned(), None, why)
        }
        Status::RollingBack => going_back(release),
        Status::Paused => {
            let why = release.hold.as_ref().map(|hold| hold.why.clone()).unwrap_or_default();
            let then = if release.is_green_live() {
                let green = release.traffic.set;
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

/// What a rollback ordered now would do, as far as traffic goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackPreview {
    /// Blue's healthy and wanted targets; `None` while they have not been read.
    pub blue: Option<(u32, u32)>,
    /// Blue can take all traffic at once.
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
    let wanted = plan.sides.blue.desired;
    let blue = release.capacities.as_ref().map(|both| (both.of(Side::Blue).healthy, wanted));
    let is_warm = blue.is_some_and(|(healthy, wanted)| plan.rollback.is_enough(healthy, wanted));
    let moves_traffic = release.has_shifted();
    let mut steps = Vec::new();
    let mut left = Vec::new();
    if moves_traffic {
        if !is_warm {
            steps.push(format!("scale blue to {wanted} tasks and wait until they are healthy"));
        }
        steps.push(format!("all traffic to blue, {}", plan.from));
    }
    for (stage, plan_of) in release.stages.iter().zip(&plan.stages).rev() {
        let name = &plan_of.name;
        let done = stage.status == StageStatus::Passed;
        match &plan_of.kind {
            StageKind::Command(command) if done => match &command.undo {
                Some(undo) => steps.push(format!("undo {name}: {}", undo.join(" "))),
                None => left.push(format!("{name} has no undo")),
            },
            StageKind::Command(_) if stage.attempts > 0 => left.push(format!("{name} is not done: nothing is undone")),
            StageKind::Deploy if stage.attempts > 0 && !plan.rollback.keep_green => {
                steps.push("scale green to 0".to_owned());
            }
            StageKind::Deploy if stage.attempts > 0 => left.push("green's tasks stay up".to_owned()),
            _ => {}
        }
    }
    RollbackPreview { blue, is_warm, moves_traffic, steps, left }
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
    let Some(index) = release.current() else {
        return ("reading the weights a last time".to_owned(), None, "the release succeeds".to_owned());
    };
    let (Some(plan), Some(stage)) = (release.plan.stage(index), release.stages.get(index)) else {
        return Default::default();
    };
    let next =
        release.plan.stage(index + 1).map_or_else(|| "the release succeeds".to_owned(), |next| next.name.to_string());
    if stage.status == StageStatus::Failed {
        return (format!("{} failed", plan.name), None, "retry, skip, or roll back".to_owned());
    }
    let bound = stage.started.map(|started| started + plan.timeout);
    match stage.work {
        Work::Step { phase: StepPhase::AtGate { limit: None, .. }, .. } => {
            let then = "promote or roll back; it stays until you act, and failing signals still roll back";
            (stage.note.clone(), None, then.to_owned())
        }
        Work::Step { index, phase } => step(release, index, phase, &next),
        Work::Confirming => (format!("{}: {}", plan.name, stage.note), None, next),
        Work::Until(until) => match &plan.kind {
            StageKind::Cleanup(_) => ("blue stays warm".to_owned(), Some(until), "blue is scaled down".to_owned()),
            StageKind::Gate(_) => (
                format!("{} waits for its window", plan.name),
                Some(until),
                "its conditions are looked at again".to_owned(),
            ),
            _ => (format!("{}: watching green", plan.name), Some(until), format!("if the signals hold, {next}")),
        },
        Work::Idle | Work::Asked | Work::Settling => {
            let failure = match plan.on_failure {
                super::plan::OnFailure::Rollback => "it fails and is undone",
                super::plan::OnFailure::Wait => "it fails and waits for a human",
            };
            (plan.name.to_string(), bound, format!("{next}; after its time-out {failure}"))
        }
    }
}

fn step(release: &Release, index: usize, phase: StepPhase, after: &str) -> (String, Option<Timestamp>, String) {
    let Some(shift) = release.plan.shift() else { return Default::default() };
    let weight = |index: usize| shift.steps.get(index).map(|step| step.weight.to_string());
    let here = weight(index).unwrap_or_default();
    let next = weight(index + 1).unwrap_or_else(|| after.to_owned());
    let is_human = shift.steps.get(index).is_some_and(|step| step.gate == GateKind::Human);
    match phase {
        StepPhase::Raising { .. } => (format!("raising green to {here}"), None, "reading it back".to_owned()),
        StepPhase::Settling { .. } => {
            (format!("reading {here} back from the load balancer"), None, "the bake".to_owned())
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
