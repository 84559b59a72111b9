//! Which commands are possible now, and for the others, why not and what is. The machine refuses by it, and the screen
//! dims keys by it, so that the two cannot differ.

use super::command::CommandKind;
use super::plan::StageKind;
use super::release::{Release, Stage, StageStatus, StepPhase, Work};

/// Whether `kind` can be carried out now; if not, why not.
pub fn possible(release: &Release, kind: CommandKind) -> Result<(), String> {
    if let Some(ended) = &release.ended {
        return Err(format!("the release has ended: {}", ended.ending.word()));
    }
    if release.begun.is_none() {
        return Err("the release has not begun".to_owned());
    }
    if release.unwinding.is_some() {
        return Err("the release is going back; that outranks everything else".to_owned());
    }
    let current = release.current().and_then(|index| Some((release.plan.stage(index)?, release.stages.get(index)?)));
    let Some((plan, stage)) = current else {
        return match kind {
            CommandKind::Rollback | CommandKind::Abort => Ok(()),
            _ => Err("all stages are done".to_owned()),
        };
    };
    match kind {
        CommandKind::Rollback | CommandKind::Abort => Ok(()),
        CommandKind::Pause if release.hold.is_some() => Err("already paused; resume goes on".to_owned()),
        CommandKind::Pause => Ok(()),
        CommandKind::Resume if release.hold.is_some() => Ok(()),
        CommandKind::Resume => Err("not paused".to_owned()),
        CommandKind::Promote => promote(release, &plan.kind, stage),
        CommandKind::PromoteFull => promote_full(release, &plan.kind, stage),
        CommandKind::Retry if stage.status == StageStatus::Failed => Ok(()),
        CommandKind::Retry => Err("no stage has failed".to_owned()),
        CommandKind::Skip => skip(&plan.kind, stage),
        CommandKind::Approve if stage.work == Work::Confirming || may_approve_early(&plan.kind, stage) => Ok(()),
        CommandKind::Approve => Err("nothing waits for an approval".to_owned()),
    }
}

/// Whether a gate waits for its window to open.
pub fn waits_for_window(release: &Release) -> bool {
    let current = release.current().and_then(|index| Some((release.plan.stage(index)?, release.stages.get(index)?)));
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
        Work::Idle | Work::Asked | Work::Settling => Err("traffic is not being shifted now".to_owned()),
    }
}

fn promote_full(release: &Release, kind: &StageKind, stage: &Stage) -> Result<(), String> {
    if !matches!(kind, StageKind::Shift(_)) {
        return Err("traffic is not being shifted now".to_owned());
    }
    let last = release.plan.shift().map_or(0, |plan| plan.steps.len().saturating_sub(1));
    match stage.work {
        Work::Step { index, .. } if index >= last => Err("already at the last step".to_owned()),
        _ => promote(release, kind, stage),
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
        StageKind::Deploy | StageKind::Shift(_) => {
            Err(format!("{} cannot be left out: retry or roll back", kind.word()))
        }
        StageKind::Gate(_)
        | StageKind::Command(_)
        | StageKind::Smoke(_)
        | StageKind::Verify(_)
        | StageKind::Notify
        | StageKind::Cleanup(_) => Ok(()),
    }
}
