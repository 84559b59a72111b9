//! Keys in a view, and what actions do.

use super::{copy, orders, overlay, scrolling};
use crate::app::alarms::{self, AlarmPane};
use crate::app::availability::{can_do, command};
use crate::app::checklist;
use crate::app::filter::{Filter, Whose};
use crate::app::fleet;
use crate::app::keymap::{Action, Chord, Context};
use crate::app::logs::{Landmark, Towards};
use crate::app::model::{LogsFocus, Model, Overlay, Pane, View};
use crate::app::msg::Cmd;
use crate::app::palette::Palette;
use crate::app::signals::SignalPane;
use crate::app::watch;
use crate::domain::foreign::Then;
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
    if let Some(then) = watch::meant(action, &snapshot.release) {
        return watch::ask(model, snapshot, then);
    }
    match action {
        Action::TakeOver => {
            let why = watch::possible(&snapshot.release, Then::Judge).err().unwrap_or_default();
            model.tell(snapshot.speed, Tone::Warning, format!("take over: {why}"));
        }
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
            let can = |action| can_do(model, snapshot, action) == Some(Ok(()));
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
        Action::ViewDoctor => return checklist::show(model),
        Action::Examine if model.view == View::Doctor => return checklist::examine(model),
        Action::Examine => {}
        Action::FocusNext | Action::FocusPrevious if model.view == View::Logs => {
            model.logs_focus = match model.logs_focus {
                LogsFocus::Lines => LogsFocus::Patterns,
                LogsFocus::Patterns => LogsFocus::Lines,
            };
        }
        Action::ViewFleet => model.view = View::Fleet,
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
        Action::Window => model.signals.window = model.signals.window.step(1),
        Action::ShorterWindow => model.signals.window = model.signals.window.step(-1),
        Action::Open => open(model, snapshot),
        Action::LogsHere => scrolling::logs_here(model, snapshot),
        Action::Scope => {
            model.view = View::Alarms;
            model.alarms.scope = model.alarms.scope.next();
        }
        Action::ToggleSide if model.view == View::Signals => model.signal_side = next_side(model.signal_side),
        Action::Up
        | Action::Down
        | Action::PageUp
        | Action::PageDown
        | Action::Top
        | Action::Bottom
        | Action::Left
        | Action::Right => scrolling::scroll(model, snapshot, action),
        Action::NextError if model.view == View::Doctor => next_item(model, snapshot, Towards::Newer),
        Action::PreviousError if model.view == View::Doctor => next_item(model, snapshot, Towards::Older),
        Action::Follow
        | Action::NextError
        | Action::PreviousError
        | Action::NextHit
        | Action::PreviousHit
        | Action::Level
        | Action::ToggleSide
        | Action::ToggleWrap
        | Action::Stamps
        | Action::MarkHits
        | Action::Pin
        | Action::Save
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
        | Action::Acknowledge
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
    model.alarms = AlarmPane { scope: model.alarms.scope, ..AlarmPane::default() };
    model.chart = 0;
    model.signals = SignalPane { window: model.signals.window, ..SignalPane::default() };
}

fn open_filter(model: &mut Model, snapshot: &Snapshot) {
    match model.view {
        View::Release | View::Logs => {
            show_logs(model);
            let before = model.logs.filter().clone();
            model.overlay = Some(Overlay::Filter { text: before.text().to_owned(), error: None, before });
        }
        View::Signals | View::Alarms | View::Fleet | View::History | View::Doctor => {
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
    } else if model.view == View::Signals && model.signals.cursor.is_some() {
        model.signals.cursor = None;
    } else if model.view == View::Signals && model.signals.is_open {
        model.signals.is_open = false;
    } else if model.view == View::Alarms && model.alarms.open.is_some() {
        model.alarms.open = None;
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
        (View::Alarms, _) if model.alarms.open.is_some() => scrolling::logs_here(model, snapshot),
        (View::Alarms, _) => alarms::open(model, snapshot),
        (View::Fleet, _) => fleet::open(model, snapshot),
        (View::Logs, _) if model.logs_focus == LogsFocus::Patterns => {
            if let Some(pattern) = snapshot.logs.patterns.get(model.pattern)
                && let Ok(filter) = model.logs.filter().clone().with_text(&pattern.query())
            {
                model.logs.set_filter(filter);
                model.logs_focus = LogsFocus::Lines;
            }
        }
        (View::Logs, _) => {
            if let Some(line) = model.logs.marked.and_then(|number| model.logs.line(number)) {
                model.overlay = Some(Overlay::Line(line, 0));
            } else {
                model.tell(snapshot.speed, Tone::Plain, "select a line first, then open it");
            }
        }
        (View::Signals, _) => model.signals.is_open = !model.signals.is_open,
        (View::History | View::Doctor, _) => {}
    }
}

/// Selects the next item of the checklist that something is to be done about.
fn next_item(model: &mut Model, snapshot: &Snapshot, towards: Towards) {
    if !model.checklist.jump(towards) {
        let end = match towards {
            Towards::Newer => "last",
            Towards::Older => "first",
        };
        model.tell(snapshot.speed, Tone::Plain, format!("{end} item that is not as it must be"));
    }
}

/// Brings the logs into sight, wherever the operator is: what a key does must be seen.
fn show_logs(model: &mut Model) {
    match model.view {
        View::Release => model.pane = Pane::Logs,
        View::Logs => {}
        View::Signals | View::Alarms | View::Fleet | View::History | View::Doctor => model.view = View::Logs,
    }
}

fn logs(model: &mut Model, snapshot: &Snapshot, action: Action) {
    show_logs(model);
    let filter = model.logs.filter().clone();
    match action {
        Action::Follow => model.logs.toggle_follow(),
        Action::NextError => jump(model, snapshot, Towards::Newer, Landmark::Error),
        Action::PreviousError => jump(model, snapshot, Towards::Older, Landmark::Error),
        Action::NextHit => jump(model, snapshot, Towards::Newer, Landmark::Hit),
        Action::PreviousHit => jump(model, snapshot, Towards::Older, Landmark::Hit),
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
            let whose = match filter.whose() {
                Whose::All => Whose::Of(Side::Green),
                Whose::Of(Side::Green) => Whose::Of(Side::Blue),
                Whose::Of(Side::Blue) => Whose::Other,
                Whose::Other => Whose::All,
            };
            model.logs.set_filter(filter.on(whose));
        }
        Action::ToggleWrap => model.logs.wrap = !model.logs.wrap,
        Action::Stamps => model.logs.stamps = model.logs.stamps.next(),
        Action::MarkHits => {
            let other = filter.shows().other();
            model.logs.set_filter(filter.showing(other));
        }
        Action::Pin if model.logs.toggle_pin() => {}
        Action::Pin => model.tell(snapshot.speed, Tone::Plain, "select a line first, then pin it"),
        Action::Save => {
            let path = format!("cutover-release-{}.log", snapshot.release.id);
            model.overlay = Some(Overlay::Save { path, error: None });
        }
        Action::ClearFilter => model.logs.set_filter(Filter::default()),
        _ => {}
    }
}

fn jump(model: &mut Model, snapshot: &Snapshot, towards: Towards, to: Landmark) {
    if model.logs.jump(towards, to) {
        return;
    }
    let (what, forth, back) = match to {
        Landmark::Error => ("error", Action::NextError, Action::PreviousError),
        Landmark::Hit if model.logs.filter().searches() => ("hit", Action::NextHit, Action::PreviousHit),
        Landmark::Hit => ("line", Action::NextHit, Action::PreviousHit),
    };
    let (end, action, way) = match towards {
        Towards::Newer => ("last", back, "back"),
        Towards::Older => ("first", forth, "forth"),
    };
    let text = match model.keymap.chord(model.context(), action) {
        _ if model.logs.unsearched() > 0 => format!("no {what} there yet; older lines are still being searched"),
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
