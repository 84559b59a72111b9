//! What lies over the view: notes, and a question, the palette, or help.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::format::{columns, grouped};
use super::help;
use super::logs::detail;
use super::look::Look;
use super::question;
use super::theme::Role;
use super::widgets::text::{clear, clip, clip_start, pad, pad_start, put, wrap};
use super::widgets::{Focus, List, Panel, centred};
use crate::app::availability::{can_send, command};
use crate::app::keymap::Context;
use crate::app::model::{Overlay, Sight};
use crate::app::palette::Palette;
use crate::domain::release::Tone;

/// The widest that the palette gets, and the most actions that it lists.
const PALETTE: (u16, u16) = (90, 14);

/// Rows of one note at most.
const NOTE_ROWS: usize = 3;

pub(super) fn draw(look: Look<'_>, area: Rect, buf: &mut Buffer, sight: &mut Sight) {
    // Where this is and what happens stays in sight while something is decided.
    let head = super::header::ROWS + super::status::ROWS;
    let body = Rect { y: area.y + head, height: area.height.saturating_sub(head), ..area };
    match &look.model.overlay {
        Some(Overlay::Dialog(dialog)) => question::draw(look, dialog, body, buf),
        Some(Overlay::Palette(palette)) => draw_palette(look, palette, body, buf),
        Some(Overlay::Help(top)) => sight.overlay = help::draw(look, *top, body, buf),
        Some(Overlay::Line(line, top)) => sight.overlay = detail::draw(look, line, *top, body, buf),
        Some(Overlay::Save { path, error }) => draw_save(look, path, error.as_deref(), body, buf),
        Some(Overlay::Filter { .. }) | None => {}
    }
    draw_notes(look, area, buf);
}

fn draw_palette(look: Look<'_>, palette: &Palette, area: Rect, buf: &mut Buffer) {
    buf.set_style(area, look.style(Role::Backdrop));
    let wide = PALETTE.0.min(area.width.saturating_sub(4));
    let rows = PALETTE.1.min(area.height.saturating_sub(6));
    let place = centred(area, wide, rows + 4);
    clear(buf, place, look.style(Role::Dialog));
    let panel = Panel { title: Line::from("command"), focus: Focus::Here, ..Panel::default() };
    let inner = panel.render(place, buf, look.theme);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let mut x = put(buf, (inner.x, inner.y), inner.width, ": ", look.style(Role::Key));
    x += put(buf, (inner.x + x, inner.y), inner.width.saturating_sub(x), palette.typed(), look.style(Role::Prompt));
    put(buf, (inner.x + x, inner.y), inner.width.saturating_sub(x), " ", look.style(Role::Prompt).reversed());
    let list = Rect { y: inner.y + 2, height: inner.height.saturating_sub(2), ..inner };
    if palette.found.is_empty() {
        look.row(list, buf, vec![look.span(Role::Muted, "nothing goes by that name")], Vec::new());
        return;
    }
    let context = look.model.view.context();
    let room = usize::from(list.width.saturating_sub(2));
    let row = |index: usize| {
        let Some(action) = palette.found.get(index).copied() else { return Line::default() };
        let why = command(action, look.snapshot).and_then(|kind| can_send(look.model, look.snapshot, kind).err());
        let key = look.model.keymap.chord(context, action).or_else(|| look.model.keymap.chord(Context::Global, action));
        let key = key.map(|chord| chord.to_string()).unwrap_or_default();
        let (name, text, what) = match why {
            Some(why) => (Role::KeyDisabled, Role::KeyDisabled, format!("not now: {why}")),
            None => (Role::Strong, Role::Muted, action.describe().to_owned()),
        };
        look.clip_line(
            vec![
                look.span(name, pad(action.name(), 16)),
                look.span(Role::Key, pad_start(&key, 9)),
                look.span(text, format!("  {what}")),
            ],
            room,
        )
    };
    let height = usize::from(list.height);
    let top = (palette.selected + 1).saturating_sub(height);
    List { len: palette.found.len(), top, selected: Some(palette.selected), row: &row }.render(list, buf, look.theme);
}

/// Asks where lines are to be saved.
fn draw_save(look: Look<'_>, path: &str, error: Option<&str>, area: Rect, buf: &mut Buffer) {
    buf.set_style(area, look.style(Role::Backdrop));
    let place = centred(area, PALETTE.0.min(area.width.saturating_sub(4)), 5);
    clear(buf, place, look.style(Role::Dialog));
    let lines = grouped(look.model.logs.shown_len() as u64);
    let panel = Panel {
        title: Line::from(format!("save the {lines} lines shown")),
        right: Line::from(look.span(Role::Muted, "enter saves, esc closes")),
        focus: Focus::Here,
        ..Panel::default()
    };
    let inner = panel.render(place, buf, look.theme);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let mut rows = inner.rows();
    if let Some(row) = rows.next() {
        // The end of a long name is what is being typed.
        let shown = clip_start(path, usize::from(row.width).saturating_sub(9), look.theme.glyphs.ellipsis);
        let spans = vec![
            look.span(Role::Key, "file: "),
            look.span(Role::Prompt, shown),
            Span::styled(" ", look.style(Role::Prompt).reversed()),
        ];
        look.row(row, buf, spans, Vec::new());
    }
    let (role, said) = match error {
        Some(why) => (Role::Bad, format!("{} {why}", look.theme.glyphs.warning)),
        None => (Role::Muted, "readable by you alone; no file is written over".to_owned()),
    };
    for (part, row) in wrap(&said, inner.width.into()).into_iter().zip(rows) {
        put(buf, (row.x, row.y), row.width, part, look.style(role));
    }
}

/// Notes stand above the key bar, the newest lowest.
fn draw_notes(look: Look<'_>, area: Rect, buf: &mut Buffer) {
    let mut bottom = area.bottom().saturating_sub(1);
    for toast in look.model.toasts.iter().rev() {
        let (sign, role) = match toast.tone {
            Tone::Plain => (look.theme.glyphs.bullet, Role::Text),
            Tone::Good => (look.theme.glyphs.ok, Role::Ok),
            Tone::Warning => (look.theme.glyphs.warning, Role::Warning),
            Tone::Bad => (look.theme.glyphs.bad, Role::Bad),
        };
        let hint = "  esc";
        let room = usize::from(area.width).saturating_sub(8 + hint.len());
        let mut lines = wrap(&toast.text, room);
        lines.truncate(NOTE_ROWS);
        let rows = u16::try_from(lines.len()).unwrap_or(1);
        // The header and the status stay in sight.
        if bottom < area.y + rows + 4 {
            return;
        }
        let widest = lines.iter().map(|line| columns(line)).max().unwrap_or(0) + 5 + columns(hint);
        let place = Rect { x: area.right().saturating_sub(widest + 1), y: bottom - rows, width: widest, height: rows };
        clear(buf, place, look.style(Role::Dialog));
        let style = look.style(Role::Dialog).patch(look.style(role)).bold();
        for (at, (line, row)) in lines.into_iter().zip(place.rows()).enumerate() {
            let lead = if at == 0 { format!(" {sign} ") } else { "   ".to_owned() };
            let text = clip(line, room, look.theme.glyphs.ellipsis);
            let mut x = put(buf, (row.x, row.y), row.width, &format!("{lead}{text}"), style);
            if at + 1 == usize::from(rows) {
                x = row.width.saturating_sub(columns(hint) + 1).max(x);
                let key = look.style(Role::Dialog).patch(look.style(Role::Key));
                put(buf, (row.x + x, row.y), row.width.saturating_sub(x), hint, key);
            }
        }
        bottom -= rows;
    }
}
