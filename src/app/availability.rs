//! What can be done from this screen now, and why not the rest. Keys, palette and key bar go by it, so that no key is
//! silently dead.

use super::keymap::Action;
use super::model::{Access, Connection, Model};
use super::{past, watch};
use crate::domain::command::CommandKind;
use crate::domain::foreign::Then;
use crate::domain::guard;
use crate::engine::snapshot::Snapshot;

/// The command that `action` sends, if it sends one.
pub fn command(action: Action, snapshot: &Snapshot) -> Option<CommandKind> {
    Some(match action {
        Action::Promote => CommandKind::Promote,
        Action::PromoteFull => CommandKind::PromoteFull,
        Action::PauseOrResume if snapshot.release.hold.is_some() => CommandKind::Resume,
        Action::PauseOrResume => CommandKind::Pause,
        Action::Rollback => CommandKind::Rollback,
        Action::Abort => CommandKind::Abort,
        Action::Retry => CommandKind::Retry,
        Action::Skip => CommandKind::Skip,
        Action::Approve => CommandKind::Approve,
        Action::Acknowledge => CommandKind::Acknowledge,
        _ => return None,
    })
}

/// Whether `action` can be done now, if it steers a release or a deployment; if not, why not.
pub fn can_do(model: &Model, snapshot: &Snapshot, action: Action) -> Option<Result<(), String>> {
    if let Some(then) = watch::meant(action, &snapshot.release) {
        return Some(watch::can(model, snapshot, then));
    }
    if action == Action::TakeOver {
        return Some(watch::possible(&snapshot.release, Then::Judge));
    }
    command(action, snapshot).map(|kind| can_send(model, snapshot, kind))
}

/// Whether `kind` can be sent now.
///
/// # Errors
/// Why not, and what to do about it.
pub fn can_send(model: &Model, snapshot: &Snapshot, kind: CommandKind) -> Result<(), String> {
    if kind == CommandKind::Rollback && past::is_meant(model, snapshot) {
        return Ok(());
    }
    if let Access::ReadOnly(why) = &model.access {
        return Err(format!("read-only: {why}"));
    }
    snapshot.release.plan.lets(kind.into(), model.actor.arn.as_deref())?;
    if let Some(why) = watch::refusal(&snapshot.release, kind) {
        return Err(why);
    }
    if let Connection::Lost { why, .. } = &model.connection {
        let plan = &snapshot.release.plan;
        let verb = kind.word();
        return Err(format!(
            "the engine cannot be reached ({why}); from a shell: cutover {verb} {} {}",
            plan.environment,
            plan.components_named()
        ));
    }
    // A way back may be ordered again and again; everything else waits for the answer to the first.
    let is_urgent = matches!(kind, CommandKind::Rollback | CommandKind::Pause);
    if !is_urgent && let Some(sent) = model.sent.iter().find(|sent| sent.kind == kind) {
        return Err(format!("{} is already on its way", sent.kind.word()));
    }
    guard::possible(&snapshot.release, kind)
}
