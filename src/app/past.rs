//! Earlier releases that can be gone back to from the screen, and what that would do.

use super::dialog::{Dialog, Wants};
use super::model::{Access, Model, Overlay, Pane, View};
use super::msg::Cmd;
use crate::domain::command::CommandKind;
use crate::domain::ids::ReleaseId;
use crate::domain::policy::Deed;
use crate::domain::release::Tone;
use crate::domain::time::Timestamp;
use crate::engine::snapshot::Snapshot;

/// The word to be typed where a migration stays that the earlier version must get along with.
const LEAVE: &str = "leave";

/// An earlier release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastRelease {
    /// Its number.
    pub id: ReleaseId,
    /// What it released.
    pub versions: String,
    /// When the journal last heard of it: its end.
    pub ended: Timestamp,
    /// Who asked for it.
    pub by: String,
}

/// What going back to a release would do, as far as that is known before the services are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastPreview {
    /// The release.
    pub to: ReleaseId,
    /// Whether its tasks still run.
    pub warm: bool,
    /// What will change, in order.
    pub steps: Vec<String>,
    /// What stays as later releases left it, and why.
    pub left: Vec<String>,
    /// Migrations are among that.
    pub leaves_migrations: bool,
    /// Calls and time.
    pub cost: String,
}

/// What somebody wants to go back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackWish {
    /// The release.
    pub to: ReleaseId,
    /// Why, if said.
    pub reason: Option<String>,
    /// Migrations that stay were agreed to.
    pub leave_migrations: bool,
}

/// Whether rolling back means an earlier release: what is shown has ended, or is only shown again.
pub fn is_meant(model: &Model, snapshot: &Snapshot) -> bool {
    // What is begun from a replay is another release: that nobody steers a replay does not hold it up.
    let is_over = match snapshot.engine.replay {
        Some(_) => true,
        // Where nothing is being deployed, what serves is what is looked into.
        None if model.access != Access::Full => false,
        None => snapshot.release.ended.is_some() || snapshot.triage.is_some(),
    };
    is_over && !model.past.is_empty()
}

/// Asks for what going back to the selected release would do; from another view it leads to them first.
pub(super) fn ask(model: &mut Model, snapshot: &Snapshot) -> Vec<Cmd> {
    if let Err(why) = snapshot.release.plan.lets(Deed::Order(CommandKind::Rollback), model.actor.arn.as_deref()) {
        model.tell(snapshot.speed, Tone::Warning, format!("rollback: {why}"));
        return Vec::new();
    }
    let Some(chosen) = model.past.get(model.chosen) else { return Vec::new() };
    if model.view == View::History {
        return vec![Cmd::LookBack(chosen.id)];
    }
    (model.view, model.pane) = (View::History, Pane::Past);
    model.tell(snapshot.speed, Tone::Plain, "choose the earlier release to go back to");
    Vec::new()
}

/// Asks whether it is meant, once it is known what it would do.
pub(super) fn looked(model: &mut Model, snapshot: &Snapshot, looked: Result<PastPreview, String>) {
    match looked {
        Ok(preview) => {
            let wants = if preview.leaves_migrations { Wants::Word(LEAVE.to_owned()) } else { Wants::Yes };
            model.overlay = Some(Overlay::Dialog(Dialog {
                command: CommandKind::Rollback,
                stage: None,
                component: None,
                wants,
                typed: String::new(),
                seen: snapshot.release.revision,
                alarm: None,
                earlier: Some(Box::new(preview)),
                take: None,
            }));
        }
        Err(why) => model.insist(snapshot.speed, Tone::Warning, format!("rollback: {why}")),
    }
}

/// What the answer to such a question sets off; `None` while it is no answer.
pub(super) fn wish(dialog: &Dialog) -> Option<BackWish> {
    let preview = dialog.earlier.as_ref()?;
    let reason = dialog.answer(CommandKind::Rollback).ok()?.reason().map(str::to_owned);
    let leave_migrations = preview.leaves_migrations;
    Some(BackWish { to: preview.to, reason: reason.filter(|_| !leave_migrations), leave_migrations })
}

/// Moves the selection.
pub(super) fn step(model: &mut Model, by: isize) {
    let last = model.past.len().saturating_sub(1);
    model.chosen = model.chosen.saturating_add_signed(by).min(last);
}
