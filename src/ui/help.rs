//! Help: every key of the view and of everywhere, made from the keymap, with what cannot be done now and why.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::look::Look;
use super::theme::Role;
use super::widgets::text::{clear, pad};
use super::widgets::{Focus, List, Panel};
use crate::app::availability::{can_send, command};
use crate::app::keymap::{Action, Context};

/// Columns for the keys.
const KEYS: usize = 16;

/// Draws the page from line `top` on, and answers how far it can be scrolled.
pub(super) fn draw(look: Look<'_>, top: usize, area: Rect, buf: &mut Buffer) -> usize {
    let place = Rect {
        x: area.x + 2,
        y: area.y,
        width: area.width.saturating_sub(4).min(110),
        height: area.height.saturating_sub(1),
    };
    buf.set_style(area, look.style(Role::Backdrop));
    clear(buf, place, look.style(Role::Dialog));
    let lines = lines(look);
    let panel = Panel {
        title: Line::from("keys"),
        right: Line::from(look.span(Role::Muted, "esc closes")),
        below: Line::from(look.span(Role::Muted, "leaving only detaches; the release goes on")),
        focus: Focus::Here,
        ..Panel::default()
    };
    let inner = panel.render(place, buf, look.theme);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let most = lines.len().saturating_sub(usize::from(inner.height));
    let row = |index: usize| match lines.get(index) {
        Some(line) => look.clip_line(line.spans.clone(), inner.width.saturating_sub(1).into()),
        None => Line::default(),
    };
    List { len: lines.len(), top: top.min(most), selected: None, row: &row }.render(inner, buf, look.theme);
    most
}

fn lines(look: Look<'_>) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let replay = look.snapshot.engine.replay.map(|_| Context::Replay);
    let contexts = [look.model.view.context(), Context::Global, Context::Dialog, Context::Prompt];
    for context in replay.into_iter().chain(contexts) {
        let bindings = look.model.keymap.bindings(context);
        let bindings: Vec<_> = bindings.filter(|(action, _)| *action != Action::ViewFleet).collect();
        if bindings.is_empty() {
            continue;
        }
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(Line::from(look.span(Role::Title, heading(context))));
        for (action, chords) in bindings {
            let keys: Vec<String> = chords.iter().map(ToString::to_string).collect();
            let mut spans = vec![
                look.span(Role::Key, format!("  {}", pad(&keys.join(" "), KEYS))),
                look.span(Role::Text, action.describe()),
            ];
            let why = command(action, look.snapshot).and_then(|kind| can_send(look.model, look.snapshot, kind).err());
            if let Some(why) = why {
                spans.push(look.span(Role::KeyDisabled, format!("  not now: {why}")));
            }
            lines.push(Line::from(spans));
        }
    }
    lines
}

/// What a context is called, as a heading.
fn heading(context: Context) -> String {
    let mut letters = context.describe().chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
