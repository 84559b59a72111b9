//! Keys while something lies over the view.

use super::{keys, orders};
use crate::app::keymap::{Action, Chord, Context, Key};
use crate::app::model::{Model, Overlay};
use crate::app::msg::Cmd;
use crate::domain::command::CommandKind;
use crate::domain::release::Tone;
use crate::engine::snapshot::Snapshot;

/// One line of help, or a page of it.
const PAGE: isize = 10;

/// A key while something lies over the view.
pub(super) fn press(model: &mut Model, snapshot: &Snapshot, chord: Chord) -> Vec<Cmd> {
    let action = model.keymap.action(model.context(), chord);
    if wants_rollback(model, chord) {
        // Even where it is refused: the enter that follows was not meant for what lay open.
        cancel(model);
        return orders::ask(model, snapshot, CommandKind::Rollback);
    }
    match action {
        Some(Action::Suspend) => return vec![Cmd::Suspend],
        Some(Action::Redraw) => return vec![Cmd::Redraw],
        // A plain key closes what lies over the view; leaving takes one that types nothing.
        Some(Action::Quit) if chord.typed().is_none() => return vec![Cmd::Quit],
        Some(Action::Cancel) => {
            cancel(model);
            return Vec::new();
        }
        _ => {}
    }
    match &mut model.overlay {
        Some(Overlay::Dialog(dialog)) => match action {
            Some(Action::Confirm) => return orders::confirm(model, snapshot),
            Some(Action::FocusNext) => dialog.ask_for_reason(),
            _ if chord.key() == Key::Backspace => {
                dialog.typed.pop();
            }
            _ => type_chord(model, chord),
        },
        Some(Overlay::Palette(palette)) => match action {
            Some(Action::Confirm) => {
                let chosen = palette.action();
                model.overlay = None;
                return chosen.map(|action| keys::act(model, snapshot, action)).unwrap_or_default();
            }
            Some(Action::Up) => palette.step(-1),
            Some(Action::Down) => palette.step(1),
            Some(Action::PageUp) => palette.step(-PAGE),
            Some(Action::PageDown) => palette.step(PAGE),
            _ if chord.key() == Key::Backspace => palette.erase(),
            _ => type_chord(model, chord),
        },
        Some(Overlay::Filter { text, .. }) => match action {
            Some(Action::Confirm) => model.overlay = None,
            Some(Action::FocusNext) => {
                let filter = model.logs.filter().clone();
                let other = filter.shows().other();
                model.logs.set_filter(filter.showing(other));
            }
            _ if chord.key() == Key::Backspace => {
                text.pop();
                apply_filter(model);
            }
            _ => type_chord(model, chord),
        },
        Some(Overlay::Save { path, error }) => match action {
            Some(Action::Confirm) if path.trim().is_empty() => *error = Some("type the name of a file".to_owned()),
            Some(Action::Confirm) => return vec![Cmd::Save(path.trim().to_owned())],
            _ if chord.key() == Key::Backspace => {
                path.pop();
            }
            _ => type_chord(model, chord),
        },
        Some(Overlay::Line(line, _)) if action == Some(Action::Copy) => {
            let text = line.text.clone();
            model.tell(snapshot.speed, Tone::Plain, "the line copied");
            return vec![Cmd::Copy(text)];
        }
        Some(Overlay::Help(_) | Overlay::Line(..)) => scroll(model, action),
        None => {}
    }
    Vec::new()
}

/// Whether the key rolls back: the key for it works in whatever lies over the view, unless it is a letter being typed.
fn wants_rollback(model: &Model, chord: Chord) -> bool {
    let is_letter_of_text = model.context() == Context::Prompt && chord.typed().is_some();
    model.keymap.action(Context::Global, chord) == Some(Action::Rollback) && !is_letter_of_text
}

fn cancel(model: &mut Model) {
    if let Some(Overlay::Filter { before, .. }) = model.overlay.take() {
        model.logs.set_filter(before);
    }
}

/// Lines were saved, or not: then another name can be typed.
pub(super) fn saved(model: &mut Model, snapshot: &Snapshot, outcome: Result<(u64, String), String>) {
    let asked = matches!(model.overlay, Some(Overlay::Save { .. }));
    match (outcome, &mut model.overlay) {
        (Ok((lines, path)), _) => {
            if asked {
                model.overlay = None;
            }
            model.tell(snapshot.speed, Tone::Good, format!("{lines} lines saved to {path}"));
        }
        (Err(why), Some(Overlay::Save { error, .. })) => *error = Some(why),
        (Err(why), _) => model.insist(snapshot.speed, Tone::Bad, format!("not saved: {why}")),
    }
}

fn scroll(model: &mut Model, action: Option<Action>) {
    let most = model.sight.overlay;
    let Some(Overlay::Help(top) | Overlay::Line(_, top)) = &mut model.overlay else { return };
    let by = match action {
        Some(Action::Up) => -1,
        Some(Action::Down) => 1,
        Some(Action::PageUp) => -PAGE,
        Some(Action::PageDown) => PAGE,
        Some(Action::Top) => isize::MIN,
        Some(Action::Bottom) => isize::MAX,
        Some(Action::Help | Action::Quit) => {
            model.overlay = None;
            return;
        }
        _ => return,
    };
    *top = top.saturating_add_signed(by).min(most);
}

fn type_chord(model: &mut Model, chord: Chord) {
    if let Some(character) = chord.typed() {
        type_text(model, character.encode_utf8(&mut [0; 4]));
    }
}

/// Text for whatever line is being typed; nothing where none is.
pub(super) fn type_text(model: &mut Model, added: &str) {
    match &mut model.overlay {
        Some(Overlay::Dialog(dialog)) if dialog.is_typing() => dialog.type_text(added),
        Some(Overlay::Palette(palette)) => palette.type_text(added),
        Some(Overlay::Filter { text, .. }) => {
            crate::app::dialog::type_into(text, added);
            apply_filter(model);
        }
        Some(Overlay::Save { path, error }) => {
            crate::app::dialog::type_into(path, added);
            *error = None;
        }
        Some(Overlay::Dialog(_) | Overlay::Help(_) | Overlay::Line(..)) | None => {}
    }
}

fn apply_filter(model: &mut Model) {
    let Some(Overlay::Filter { text, error, .. }) = &mut model.overlay else { return };
    match model.logs.filter().clone().with_text(text) {
        Ok(filter) => {
            *error = None;
            model.logs.set_filter(filter);
        }
        Err(why) => *error = Some(why),
    }
}
