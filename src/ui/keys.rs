//! The key bar: what works now, and why the rest does not.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::look::Look;
use super::question;
use super::widgets::{Hint, KeyBar, Readiness};
use crate::app::availability::{can_send, command};
use crate::app::keymap::{Action, Context};
use crate::app::model::View;
use crate::domain::command::CommandKind;
use crate::domain::release::{StageStatus, Status, Work};

/// A hint that owns its text.
pub(super) struct OwnedHint {
    key: String,
    label: &'static str,
    why_not: Option<String>,
}

impl OwnedHint {
    /// A hint for `action` as `context` binds it; `None` when no key means it there.
    pub(super) fn new(look: Look<'_>, context: Context, action: Action, label: &'static str) -> Option<Self> {
        let key = look.model.keymap.chord(context, action)?.to_string();
        let why_not = command(action, look.snapshot).and_then(|kind| can_send(look.model, look.snapshot, kind).err());
        Some(Self { key, label, why_not })
    }

    pub(super) fn hint(&self) -> Hint<'_> {
        let readiness = match &self.why_not {
            Some(why) => Readiness::Disabled(why),
            None => Readiness::Ready,
        };
        Hint { key: &self.key, label: self.label, readiness }
    }
}

pub(super) fn draw(look: Look<'_>, row: Rect, buf: &mut Buffer) {
    let row = Rect { x: row.x.saturating_add(1), width: row.width.saturating_sub(2), ..row };
    let context = look.model.view.context();
    let owned: Vec<OwnedHint> =
        listed(look).into_iter().filter_map(|(action, label)| OwnedHint::new(look, context, action, label)).collect();
    let hints: Vec<Hint<'_>> = owned.iter().map(OwnedHint::hint).collect();
    KeyBar { hints: &hints }.render(row, buf, look.theme);
}

/// What is worth a hint now, the most important first.
fn listed(look: Look<'_>) -> Vec<(Action, &'static str)> {
    let release = look.release();
    let status = release.status();
    let mut listed = Vec::new();
    let is_held = release.hold.is_some();
    if !matches!(status, Status::Ended(_) | Status::RollingBack) {
        if is_held {
            listed.push((Action::PauseOrResume, "resume"));
        }
        let current = release.current().and_then(|index| release.stages.get(index));
        if current.is_some_and(|stage| stage.status == StageStatus::Failed) {
            listed.push((Action::Retry, "retry"));
            listed.push((Action::Skip, "skip"));
        } else if current.is_some_and(|stage| stage.work == Work::Confirming) {
            listed.push((Action::Approve, "approve"));
        } else {
            let label = if question::waiting(release).is_some() { "end wait" } else { "promote" };
            listed.push((Action::Promote, label));
            let can = |kind| can_send(look.model, look.snapshot, kind).is_ok();
            if look.model.view == View::Release && (can(CommandKind::Promote) || can(CommandKind::PromoteFull)) {
                listed.push((Action::PromoteFull, "to 100 %"));
            }
        }
        if !is_held {
            listed.push((Action::PauseOrResume, "pause"));
        }
        listed.push((Action::Rollback, "roll back"));
    }
    listed.push((Action::Help, "help"));
    listed.extend(match look.model.view {
        View::Release => [(Action::Filter, "filter"), (Action::NextView, "views")].as_slice(),
        View::Signals => &[(Action::Window, "span"), (Action::ToggleSide, "sides")],
        View::Alarms => &[(Action::LogsHere, "logs of then")],
        View::Logs => &[
            (Action::Filter, "filter"),
            (Action::NextError, "next error"),
            (Action::Level, "level"),
            (Action::ToggleSide, "side"),
            (Action::ToggleWrap, "wrap"),
            (Action::Follow, "follow"),
        ],
        View::History => &[(Action::Copy, "copy"), (Action::LogsHere, "logs of then")],
    });
    listed.push((Action::Palette, "command"));
    listed.push((Action::Quit, if look.snapshot.engine.ends_with_face { "quit" } else { "detach" }));
    listed
}
