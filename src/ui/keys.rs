//! The key bar: what works now, and why the rest does not.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::look::Look;
use super::widgets::{Hint, KeyBar, Readiness};
use crate::app::availability::can_do;
use crate::app::keymap::{Action, Context};
use crate::app::model::View;
use crate::app::{past, watch};
use crate::domain::command::CommandKind;
use crate::domain::guard;
use crate::domain::outlook::promotion_ends;
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
        let why_not = can_do(look.model, look.snapshot, action).and_then(Result::err);
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
    let hint = |(action, label)| match action {
        Action::NextView => views(look, context),
        Action::ReplayPause | Action::ReplayFaster | Action::ReplaySlower | Action::ReplayNext => {
            OwnedHint::new(look, Context::Replay, action, label)
        }
        _ => OwnedHint::new(look, context, action, label),
    };
    let owned: Vec<OwnedHint> = listed(look).into_iter().filter_map(hint).collect();
    let hints: Vec<Hint<'_>> = owned.iter().map(OwnedHint::hint).collect();
    KeyBar { hints: &hints }.render(row, buf, look.theme);
}

/// The keys of all views as one hint: `1-6 views`.
fn views(look: Look<'_>, context: Context) -> Option<OwnedHint> {
    let key = |action| look.model.keymap.chord(context, action);
    let (first, last) = (key(Action::ViewRelease)?, key(Action::ViewHistory)?);
    Some(OwnedHint { key: format!("{first}-{last}"), label: "views", why_not: None })
}

/// What is worth a hint, the most important first. While the release goes on, what steers it is always at the same
/// place, whether it can be done now or not.
fn listed(look: Look<'_>) -> Vec<(Action, &'static str)> {
    let quit = (Action::Quit, if look.snapshot.engine.ends_with_face { "quit" } else { "detach" });
    let mut listed = Vec::new();
    if past::is_meant(look.model, look.snapshot) {
        listed.push((Action::Rollback, "roll back"));
    }
    if let Some(replay) = look.snapshot.engine.replay {
        let pause = if replay.is_paused { "go on" } else { "hold" };
        listed.extend([
            (Action::ReplayPause, pause),
            (Action::ReplayNext, "next event"),
            (Action::ReplayFaster, "faster"),
            (Action::ReplaySlower, "slower"),
        ]);
    } else if matches!(look.release().status(), Status::Ended(_)) {
        listed.extend([
            (Action::NextError, "next error"),
            (Action::LogsHere, "logs"),
            (Action::ViewHistory, "history"),
            (Action::Copy, "copy"),
        ]);
    } else if look.release().is_watching() {
        if watch::afoot(look.release()).is_some() {
            let (back, take) = ((Action::Rollback, "roll back"), (Action::TakeOver, "take over"));
            listed.extend([back, take, (Action::Promote, "go on"), (Action::PauseOrResume, "pause")]);
        }
    } else {
        listed.extend(steering(look));
    }
    listed.extend([(Action::Help, "help"), quit]);
    let of_view: &[(Action, &'static str)] = match look.model.view {
        View::Release => &[(Action::NextView, "views"), (Action::Filter, "filter")],
        View::Signals => &[
            (Action::Window, "span"),
            (Action::Left, "cursor"),
            (Action::Open, "one chart"),
            (Action::ToggleSide, "sides"),
        ],
        View::Alarms if look.model.alarms.open.is_some() => {
            &[(Action::Cancel, "close"), (Action::LogsHere, "logs of then"), (Action::Acknowledge, "acknowledge")]
        }
        View::Alarms => &[
            (Action::Open, "open"),
            (Action::Acknowledge, "acknowledge"),
            (Action::Scope, "which"),
            (Action::LogsHere, "logs of then"),
        ],
        View::Logs => &[
            (Action::NextError, "next error"),
            (Action::Filter, "filter"),
            (Action::Level, "level"),
            (Action::ToggleSide, "side"),
            (Action::ToggleWrap, "wrap"),
            (Action::Follow, "follow"),
            (Action::Open, "open"),
            (Action::Pin, "pin"),
            (Action::Save, "save"),
        ],
        View::Fleet => &[(Action::Copy, "copy command")],
        View::History => &[(Action::Copy, "copy"), (Action::LogsHere, "logs of then")],
        View::Doctor => &[(Action::NextError, "next to do"), (Action::Examine, "look again"), (Action::Copy, "copy")],
    };
    for hint in of_view {
        if !listed.iter().any(|(action, _)| *action == hint.0) {
            listed.push(*hint);
        }
    }
    listed.push((Action::Palette, "command"));
    listed
}

/// What steers the release: the way back, the brake, and then the ways forward.
fn steering(look: Look<'_>) -> Vec<(Action, &'static str)> {
    let release = look.release();
    let brake = if release.hold.is_some() { "resume" } else { "pause" };
    let mut listed = vec![(Action::Rollback, "roll back"), (Action::PauseOrResume, brake)];
    let index = release.foremost_of(look.focus());
    let current = index.and_then(|index| release.stages.get(index));
    let is_going_back = release.unwinding.is_some();
    match current {
        Some(stage) if stage.status == StageStatus::Failed && !is_going_back => {
            listed.extend([(Action::Retry, "retry"), (Action::Skip, "skip")]);
        }
        _ if guard::waits_for_window(release, index) => {
            listed.push((Action::Skip, "go past"));
            if guard::possible(release, CommandKind::Approve).is_ok() {
                listed.push((Action::Approve, "approve"));
            }
        }
        Some(stage) if stage.work == Work::Confirming => listed.push((Action::Approve, "approve")),
        _ if promotion_ends(release, index).is_some() => listed.push((Action::Promote, "end wait")),
        _ => listed.extend([(Action::Promote, "promote"), (Action::PromoteFull, "100 %")]),
    }
    listed
}
