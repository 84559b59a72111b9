//! Scrolling, in whatever the keys go to.

use crate::app::alarms;
use crate::app::keymap::Action;
use crate::app::model::{LogsFocus, Model, Pane, View};
use crate::app::scroll::{Anchor, Extent};
use crate::app::{fleet, past, signals};
use crate::domain::release::{Release, Tone};
use crate::engine::snapshot::Snapshot;

/// Columns that one press moves long lines by.
const SIDEWAYS: usize = 8;

/// The furthest that lines are moved sideways.
const FURTHEST: usize = 4_000;

/// Scrolls what the keys go to.
pub(super) fn scroll(model: &mut Model, snapshot: &Snapshot, action: Action) {
    match (model.view, model.pane) {
        (View::Logs, _) if model.logs_focus == LogsFocus::Patterns => patterns(model, snapshot, action),
        (View::Logs, _) | (View::Release, Pane::Logs | Pane::Past) => logs(model, action),
        (View::History, Pane::Past) if !model.past.is_empty() => match action {
            Action::Top => past::step(model, isize::MIN),
            Action::Bottom => past::step(model, isize::MAX),
            _ => past::step(model, lines(action, 10).unwrap_or(0)),
        },
        (View::History, _) | (View::Release, Pane::Timeline) => history(model, snapshot, action),
        (View::Doctor, _) => match action {
            Action::Top => model.checklist.step(isize::MIN),
            Action::Bottom => model.checklist.step(isize::MAX),
            _ => model.checklist.step(lines(action, 10).unwrap_or(0)),
        },
        (View::Alarms, _) => through_alarms(model, snapshot, action),
        (View::Fleet, _) => match action {
            Action::Top => fleet::step(model, isize::MIN),
            Action::Bottom => fleet::step(model, isize::MAX),
            _ => fleet::step(model, lines(action, model.sight.fleet).unwrap_or(0)),
        },
        (View::Signals, _) => charts(model, snapshot, action),
    }
}

/// Lines that `action` moves by, where a page has so many; `None` for what does not move lines.
fn lines(action: Action, page: usize) -> Option<isize> {
    // One line of the last page stays in sight, so that the reader finds on.
    let page = isize::try_from(page.saturating_sub(1).max(1)).unwrap_or(isize::MAX);
    Some(match action {
        Action::Up => -1,
        Action::Down => 1,
        Action::PageUp => -page,
        Action::PageDown => page,
        _ => return None,
    })
}

fn logs(model: &mut Model, action: Action) {
    let pane = &mut model.logs;
    match action {
        Action::Top => pane.to_top(),
        Action::Bottom => pane.follow(),
        Action::Left => pane.shift = pane.shift.saturating_sub(SIDEWAYS),
        Action::Right => pane.shift = pane.shift.saturating_add(SIDEWAYS).min(FURTHEST),
        Action::Up => pane.step(-1),
        Action::Down => pane.step(1),
        _ => {
            if let Some(by) = lines(action, pane.rows) {
                pane.scroll(by);
            }
        }
    }
}

fn patterns(model: &mut Model, snapshot: &Snapshot, action: Action) {
    let last = snapshot.logs.patterns.len().saturating_sub(1);
    model.pattern = match action {
        Action::Top => 0,
        Action::Bottom => last,
        _ => model.pattern.saturating_add_signed(lines(action, 10).unwrap_or(0)).min(last),
    };
}

fn history(model: &mut Model, snapshot: &Snapshot, action: Action) {
    let extent = timeline_extent(&snapshot.release, model.sight.history);
    model.history = match action {
        Action::Top => Anchor::at(0, extent),
        Action::Bottom => Anchor::Follow,
        _ => match lines(action, extent.height) {
            Some(by) => model.history.by(by, extent),
            None => model.history,
        },
    };
}

/// The lines of the timeline, as far as scrolling is concerned: old ones may be gone, so the first has its number.
pub fn timeline_extent(release: &Release, height: usize) -> Extent {
    let first = release.timeline.first().map_or(0, |moment| moment.number);
    Extent { first, len: release.timeline.len(), height }
}

fn through_alarms(model: &mut Model, snapshot: &Snapshot, action: Action) {
    let by = match action {
        Action::Top => isize::MIN,
        Action::Bottom => isize::MAX,
        _ => lines(action, 10).unwrap_or(0),
    };
    alarms::step(model, snapshot, by);
}

fn charts(model: &mut Model, snapshot: &Snapshot, action: Action) {
    let last = snapshot.release.plan.components[model.focus_in(snapshot)]
        .signals
        .len()
        .saturating_sub(model.sight.charts.max(1));
    match action {
        Action::Left => return signals::move_cursor(model, snapshot, -1),
        Action::Right => return signals::move_cursor(model, snapshot, 1),
        _ => {}
    }
    model.chart = match action {
        Action::Top => 0,
        Action::Bottom => last,
        _ => model.chart.saturating_add_signed(lines(action, model.sight.charts).unwrap_or(0)).min(last),
    };
}

/// Shows the logs from the moment that what is selected began.
pub(super) fn logs_here(model: &mut Model, snapshot: &Snapshot) {
    let at = match model.view {
        View::Alarms => alarms::moment(model, snapshot),
        View::Release | View::Signals | View::Logs | View::Fleet | View::History | View::Doctor => {
            let timeline = &snapshot.release.timeline;
            timeline
                .iter()
                .rev()
                .find(|moment| matches!(moment.tone, Tone::Warning | Tone::Bad))
                .map(|moment| moment.at)
        }
    };
    let Some(at) = at else {
        return model.tell(snapshot.speed, Tone::Plain, "nothing here has a moment to show the logs of");
    };
    if model.logs.show_time(at) {
        model.view = View::Logs;
    } else {
        model.tell(snapshot.speed, Tone::Plain, "no line of that minute, or of later, is held");
    }
}
