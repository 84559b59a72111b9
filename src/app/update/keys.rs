//! Keys in a view, and what actions do.

use super::{copy, orders, overlay, scrolling};
use crate::app::availability::{can_send, command};
use crate::app::filter::Filter;
use crate::app::keymap::{Action, Chord, Context};
use crate::app::logs::Towards;
use crate::app::model::{Model, Overlay, Pane, View};
use crate::app::msg::Cmd;
use crate::app::palette::Palette;
use crate::domain::ids::Side;
use crate::domain::log::Level;
use crate::domain::release::Tone;
use crate::engine::handle::Playback;
use crate::engine::snapshot::Snapshot;

/// A key, wherever the keys go.
pub(super) fn press(model: &mut Model, snapshot: &Snapshot, chord: Chord) -> Vec<Cmd> {
    if model.overlay.is_some() {
        return overlay::press(model, snapshot, chord);
    }
    let of_replay = snapshot.engine.replay.and_then(|_| model.keymap.meaning_in(Context::Replay, chord));
    match of_replay.or_else(|| model.keymap.action(model.context(), chord)) {
        Some(action) => act(model, snapshot, action),
        None => Vec::new(),
    }
}

/// What `action` does in the view that is shown.
pub(super) fn act(model: &mut Model, snapshot: &Snapshot, action: Action) -> Vec<Cmd> {
    if let Some(kind) = command(action, snapshot) {
        return orders::ask(model, snapshot, kind);
    }
    match action {
        Action::Quit => return vec![Cmd::Quit],
        Action::Suspend => return vec![Cmd::Suspend],
        Action::Redraw => return vec![Cmd::Redraw],
        Action::Copy => return copy::copy(model, snapshot),
        Action::ReplayPause => return play(snapshot, Playback::Pause),
        Action::ReplayFaster => return play(snapshot, Playback::Faster),
        Action::ReplaySlower => return play(snapshot, Playback::Slower),
        Action::ReplayNext => return play(snapshot, Playback::Next),
        Action::Help => model.overlay = Some(Overlay::Help(0)),
        Action::Palette => {
            let can = |action| command(action, snapshot).is_some_and(|kind| can_send(model, snapshot, kind).is_ok());
            model.overlay = Some(Overlay::Palette(Palette::new(can)));
        }
        Action::Filter => open_filter(model, snapshot),
        Action::NextView => model.view = model.view.step(1),
        Action::PreviousView => model.view = model.view.step(-1),
        Action::ViewRelease => model.view = View::Release,
        Action::ViewSignals => model.view = View::Signals,
        Action::ViewAlarms => model.view = View::Alarms,
        Action::ViewLogs => model.view = View::Logs,
        Action::ViewHistory => model.view = View::History,
        Action::ViewFleet => {
            let plan = &snapshot.release.plan;
            let note = format!("this screen shows one release: {} in {}", plan.components_named(), plan.environment);
            model.tell(snapshot.speed, Tone::Plain, note);
        }
        Action::FocusNext | Action::FocusPrevious => {
            model.pane = match (model.view, model.pane) {
                (View::History, Pane::Past) => Pane::Timeline,
                (View::History, _) if !model.past.is_empty() => Pane::Past,
                (_, Pane::Logs) => Pane::Timeline,
                (_, Pane::Timeline | Pane::Past) => Pane::Logs,
            };
        }
        Action::NextComponent => next_component(model, snapshot),
        Action::Freeze => freeze(model, snapshot),
        Action::Cancel => dismiss(model),
        Action::Window => model.window = model.window.next(),
        Action::Open => open(model, snapshot),
        Action::LogsHere => scrolling::logs_here(model, snapshot),
        Action::ToggleSide if model.view == View::Signals => model.signal_side = next_side(model.signal_side),
        Action::Up
        | Action::Down
        | Action::PageUp
        | Action::PageDown
        | Action::Top
        | Action::Bottom
        | Action::Left
        | Action::Right => scrolling::scroll(model, snapshot, action),
        Action::Follow
        | Action::NextError
        | Action::PreviousError
        | Action::NextHit
        | Action::PreviousHit
        | Action::Level
        | Action::ToggleSide
        | Action::ToggleWrap
        | Action::ClearFilter => logs(model, snapshot, action),
        // Sent above, or only of meaning in a question.
        Action::Promote
        | Action::PromoteFull
        | Action::PauseOrResume
        | Action::Rollback
        | Action::Abort
        | Action::Retry
        | Action::Skip
        | Action::Approve
        | Action::Confirm => {}
    }
    Vec::new()
}

/// What is wished for of a replay, where there is one.
fn play(snapshot: &Snapshot, wish: Playback) -> Vec<Cmd> {
    snapshot.engine.replay.map(|_| Cmd::Play(wish)).into_iter().collect()
}

fn next_component(model: &mut Model, snapshot: &Snapshot) {
    if snapshot.components.count() == 1 {
        model.tell(snapshot.speed, Tone::Plain, "this release has one component");
    }
    model.focus = snapshot.components.after(model.focus_in(snapshot));
    model.alarm = 0;
    model.chart = 0;
}

fn open_filter(model: &mut Model, snapshot: &Snapshot) {
    match model.view {
        View::Release | View::Logs => {
            show_logs(model);
            let before = model.logs.filter().clone();
            model.overlay = Some(Overlay::Filter { text: before.text().to_owned(), error: None, before });
        }
        View::Signals | View::Alarms | View::History => {
            model.tell(snapshot.speed, Tone::Plain, "only logs are filtered");
        }
    }
}

fn freeze(model: &mut Model, snapshot: &Snapshot) {
    model.frozen = match model.frozen {
        Some(_) => None,
        None => Some(Box::new(snapshot.clone())),
    };
}

/// Takes away what is in the way, one thing at a time.
fn dismiss(model: &mut Model) {
    if !model.toasts.is_empty() {
        model.toasts.clear();
    } else if model.frozen.is_some() {
        model.frozen = None;
    } else {
        model.logs.marked = None;
    }
}

fn open(model: &mut Model, snapshot: &Snapshot) {
    // An enter that was meant for a question which has just been refused or voided must not lead somewhere else.
    if !model.toasts.is_empty() {
        return;
    }
    match (model.view, model.pane) {
        (View::Release, Pane::Logs | Pane::Past) => model.view = View::Logs,
        (View::Release, Pane::Timeline) => model.view = View::History,
        (View::Alarms, _) => scrolling::logs_here(model, snapshot),
        (View::Signals | View::Logs | View::History, _) => {}
    }
}

/// Brings the logs into sight, wherever the operator is: what a key does must be seen.
fn show_logs(model: &mut Model) {
    match model.view {
        View::Release => model.pane = Pane::Logs,
        View::Logs => {}
        View::Signals | View::Alarms | View::History => model.view = View::Logs,
    }
}

fn logs(model: &mut Model, snapshot: &Snapshot, action: Action) {
    show_logs(model);
    let filter = model.logs.filter().clone();
    match action {
        Action::Follow => model.logs.toggle_follow(),
        Action::NextError => jump(model, snapshot, Towards::Newer, Level::Error),
        Action::PreviousError => jump(model, snapshot, Towards::Older, Level::Error),
        Action::NextHit => jump(model, snapshot, Towards::Newer, Level::Debug),
        Action::PreviousHit => jump(model, snapshot, Towards::Older, Level::Debug),
        Action::Level => {
            let next = match filter.level() {
                Level::Debug => Level::Info,
                Level::Info => Level::Warn,
                Level::Warn => Level::Error,
                Level::Error => Level::Debug,
            };
            model.logs.set_filter(filter.at_least(next));
        }
        Action::ToggleSide => {
            let side = next_side(filter.side());
            model.logs.set_filter(filter.on(side));
        }
        Action::ToggleWrap => model.logs.wrap = !model.logs.wrap,
        Action::ClearFilter => model.logs.set_filter(Filter::default()),
        _ => {}
    }
}

fn jump(model: &mut Model, snapshot: &Snapshot, towards: Towards, at_least: Level) {
    if model.logs.jump(towards, at_least) {
        return;
    }
    let (what, forth, back) = match at_least {
        Level::Error => ("error", Action::NextError, Action::PreviousError),
        Level::Debug | Level::Info | Level::Warn => ("line", Action::NextHit, Action::PreviousHit),
    };
    let (end, action, way) = match towards {
        Towards::Newer => ("last", back, "back"),
        Towards::Older => ("first", forth, "forth"),
    };
    let text = match model.keymap.chord(model.context(), action) {
        _ if model.logs.marked.is_none() => format!("no {what} is held"),
        Some(key) => format!("{end} {what}; {key} goes {way}"),
        None => format!("{end} {what}"),
    };
    model.tell(snapshot.speed, Tone::Plain, text);
}

/// Green alone first: it is what is being judged.
fn next_side(side: Option<Side>) -> Option<Side> {
    match side {
        None => Some(Side::Green),
        Some(Side::Green) => Some(Side::Blue),
        Some(Side::Blue) => None,
    }
}
