//! Which commands are possible now, and for the others, why not and what is. The machine refuses by it, and the screen
//! dims keys by it, so that the two cannot differ.

use super::command::CommandKind;
use super::ids::StageName;
use super::percent::Percent;
use super::plan::{Driver, StageKind, StagePlan};
use super::release::{Release, Stage, StageStatus, StepPhase, Work};

/// Whether `kind` can be carried out now; if not, why not.
pub fn possible(release: &Release, kind: CommandKind) -> Result<(), String> {
    candidates(release, kind).map(drop)
}

/// The stage that a command is for: the one named, or the only one that it can be for. `None` for what is said to the
/// release as a whole.
///
/// # Errors
///
/// Why it cannot be carried out, or which stages to choose from.
pub fn target(release: &Release, kind: CommandKind, named: Option<&StageName>) -> Result<Option<usize>, String> {
    let candidates = candidates(release, kind)?;
    let name = |index: &usize| release.plan.stage(*index).map(|plan| &plan.name);
    match (named, candidates.as_slice()) {
        (_, []) => Ok(None),
        (None, [only]) => Ok(Some(*only)),
        (None, several) => {
            let names: Vec<String> = several.iter().filter_map(name).map(ToString::to_string).collect();
            Err(format!("several stages could be meant: name one of {}", names.join(", ")))
        }
        (Some(named), several) => match several.iter().find(|index| name(index) == Some(named)) {
            Some(index) => Ok(Some(*index)),
            None => Err(only_for(release, kind, named)),
        },
    }
}

fn only_for(release: &Release, kind: CommandKind, named: &StageName) -> String {
    match release.plan.stages.iter().position(|plan| plan.name == *named) {
        None => format!("there is no stage {named}"),
        Some(index) if release.active().any(|active| active == index) => {
            for_stage(release, kind, index).err().unwrap_or_else(|| format!("not possible for {named} now"))
        }
        Some(_) => format!("{named} is not at work now"),
    }
}

/// The stages that `kind` could mean now; empty when it is for the release as a whole.
///
/// # Errors
///
/// Why it cannot be carried out.
pub fn candidates(release: &Release, kind: CommandKind) -> Result<Vec<usize>, String> {
    if let Some(ended) = &release.ended {
        return Err(format!("the release has ended: {}", ended.ending.word()));
    }
    if release.is_watching() {
        return Err("this only watches: take it over to steer it".to_owned());
    }
    if release.begun.is_none() {
        return Err("the release has not begun".to_owned());
    }
    if kind == CommandKind::Acknowledge {
        return Ok(Vec::new());
    }
    if release.unwinding.is_some() {
        return Err("the release is going back; that outranks everything else".to_owned());
    }
    let mut active = release.active().peekable();
    let is_over = active.peek().is_none();
    match kind {
        CommandKind::Rollback | CommandKind::Abort | CommandKind::Acknowledge => return Ok(Vec::new()),
        _ if is_over => return Err("all stages are done".to_owned()),
        CommandKind::Pause if release.hold.is_some() => return Err("already paused; resume goes on".to_owned()),
        CommandKind::Resume if release.hold.is_none() => return Err("not paused".to_owned()),
        CommandKind::Pause if is_on_anothers_clock(release) => {
            let why =
                "CodeDeploy shifts on its own clock and cannot be paused; before the shift it waits to be let through";
            return Err(format!("{why}; rollback stops it"));
        }
        CommandKind::Pause if is_replacing_tasks(release) => {
            return Err("ECS replaces the tasks by itself and cannot be paused; rollback stops it".to_owned());
        }
        CommandKind::Pause | CommandKind::Resume => return Ok(Vec::new()),
        CommandKind::Promote
        | CommandKind::PromoteFull
        | CommandKind::Retry
        | CommandKind::Skip
        | CommandKind::Approve => {}
    }
    let mut stages = Vec::new();
    let mut why = None;
    for index in active {
        match for_stage(release, kind, index) {
            Ok(()) => stages.push(index),
            Err(reason) => why = why.or(Some(reason)),
        }
    }
    if stages.is_empty() { Err(why.unwrap_or_else(|| "not now".to_owned())) } else { Ok(stages) }
}

/// Whether CodeDeploy shifts traffic now, which only a rollback stops.
fn is_on_anothers_clock(release: &Release) -> bool {
    release.components.iter().any(|(of, component)| {
        let is_moving = component.traffic.observed.is_none_or(|green| green != Percent::FULL);
        release.plan.components[of].driver() == Driver::CodeDeploy && component.has_shifted() && is_moving
    })
}

/// Whether ECS replaces tasks now, which only a rollback stops.
fn is_replacing_tasks(release: &Release) -> bool {
    release.components.iter().any(|(of, component)| {
        let is_moving = component.traffic.observed.is_none_or(|green| green != Percent::FULL);
        let is_asked = component.has_shifted()
            && release
                .step(of)
                .is_some_and(|(_, phase)| matches!(phase, StepPhase::Raising { .. } | StepPhase::Settling { .. }));
        release.plan.components[of].driver() == Driver::Rolling && is_asked && is_moving
    })
}

/// Whether `kind` can be carried out on a stage whose turn it is.
fn for_stage(release: &Release, kind: CommandKind, index: usize) -> Result<(), String> {
    let Some((plan, stage)) = release.plan.stage(index).zip(release.stages.get(index)) else {
        return Err("there is no such stage".to_owned());
    };
    match kind {
        CommandKind::Promote => promote(release, &plan.kind, stage),
        CommandKind::PromoteFull => promote_full(release, plan, stage),
        CommandKind::Retry if stage.status == StageStatus::Failed => Ok(()),
        CommandKind::Retry => Err("no stage has failed".to_owned()),
        CommandKind::Skip => skip(&plan.kind, stage),
        CommandKind::Approve if stage.work == Work::Confirming || may_approve_early(&plan.kind, stage) => Ok(()),
        CommandKind::Approve => Err("nothing waits for an approval".to_owned()),
        CommandKind::Pause
        | CommandKind::Resume
        | CommandKind::Rollback
        | CommandKind::Abort
        | CommandKind::Acknowledge => Ok(()),
    }
}

/// Whether a stage is a gate that waits for its window to open.
pub fn waits_for_window(release: &Release, stage: Option<usize>) -> bool {
    let current = stage.and_then(|index| release.plan.stage(index).zip(release.stages.get(index)));
    current.is_some_and(|(plan, stage)| is_at_window(&plan.kind, stage))
}

fn is_at_window(kind: &StageKind, stage: &Stage) -> bool {
    matches!((kind, stage.work), (StageKind::Gate(_), Work::Until(_)))
}

/// Approvals may come while a gate still waits for its window.
fn may_approve_early(kind: &StageKind, stage: &Stage) -> bool {
    matches!((kind, stage.work), (StageKind::Gate(gate), Work::Until(_)) if gate.approval.is_some())
}

fn promote(release: &Release, kind: &StageKind, stage: &Stage) -> Result<(), String> {
    if release.hold.is_some() {
        return Err("paused; resume first".to_owned());
    }
    match stage.work {
        Work::Until(_) if is_at_window(kind, stage) => {
            Err("this gate waits for its window; skip goes past it, with a reason".to_owned())
        }
        Work::Step { phase: StepPhase::Baking { .. } | StepPhase::AtGate { .. }, .. } | Work::Until(_) => Ok(()),
        Work::Step { .. } => Err("the weight of this step is still being set".to_owned()),
        Work::Confirming => Err("this gate waits for somebody to approve".to_owned()),
        Work::Idle if stage.status == StageStatus::Failed => {
            Err("the stage failed: retry, skip or roll back".to_owned())
        }
        Work::Idle | Work::Asked | Work::Part(_) | Work::Registering(_) | Work::Settling => {
            Err("traffic is not being shifted now".to_owned())
        }
    }
}

fn promote_full(release: &Release, plan: &StagePlan, stage: &Stage) -> Result<(), String> {
    let StageKind::Shift(shift) = &plan.kind else { return Err("traffic is not being shifted now".to_owned()) };
    let last = shift.steps.len().saturating_sub(1);
    match stage.work {
        Work::Step { index, .. } if index >= last => Err("already at the last step".to_owned()),
        _ => promote(release, &plan.kind, stage),
    }
}

fn skip(kind: &StageKind, stage: &Stage) -> Result<(), String> {
    if is_at_window(kind, stage) {
        return Ok(());
    }
    if stage.status != StageStatus::Failed {
        return Err("no stage has failed".to_owned());
    }
    match kind {
        // Without a build's digest there is nothing to deploy.
        StageKind::Build(_) | StageKind::Deploy | StageKind::Shift(_) => {
            Err(format!("{} cannot be left out: retry or roll back", kind.word()))
        }
        StageKind::Gate(_)
        | StageKind::Command(_)
        | StageKind::Task(_)
        | StageKind::Migrate(_)
        | StageKind::Smoke(_)
        | StageKind::WarmUp(_)
        | StageKind::Load(_)
        | StageKind::Flag(_)
        | StageKind::Verify(_)
        | StageKind::Notify
        | StageKind::StatusPage(_)
        | StageKind::Wait(_)
        | StageKind::Cleanup(_) => Ok(()),
    }
}
