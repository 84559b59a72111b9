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
        CommandKind::Promote => promote(release, stage),
        CommandKind::PromoteFull => promote_full(release, &plan.kind, stage),
        CommandKind::Retry if stage.status == StageStatus::Failed => Ok(()),
        CommandKind::Retry => Err("no stage has failed".to_owned()),
        CommandKind::Skip => skip(&plan.kind, stage),
        CommandKind::Approve if stage.work == Work::Confirming => Ok(()),
        CommandKind::Approve => Err("nothing waits for a typed phrase".to_owned()),
    }
}

fn promote(release: &Release, stage: &Stage) -> Result<(), String> {
    if release.hold.is_some() {
        return Err("paused; resume first".to_owned());
    }
    match stage.work {
        Work::Step { phase: StepPhase::Baking { .. } | StepPhase::AtGate { .. }, .. } | Work::Until(_) => Ok(()),
        Work::Step { .. } => Err("the weight of this step is still being set".to_owned()),
        Work::Confirming => Err("this gate waits for a typed phrase: approve".to_owned()),
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
        _ => promote(release, stage),
    }
}

fn skip(kind: &StageKind, stage: &Stage) -> Result<(), String> {
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
        | StageKind::StatusPage(_)
        | StageKind::Cleanup(_) => Ok(()),
    }
}
