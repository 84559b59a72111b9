//! One line in full: what is known of it, and its text laid out.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::domain::ids::Side;
use crate::domain::log::LogLine;
use crate::domain::log::reading::laid_out;
use crate::ui::format::{clock, zone};
use crate::ui::look::Look;
use crate::ui::theme::Role;
use crate::ui::widgets::text::{clear, put, wrap};
use crate::ui::widgets::{Focus, Panel, Scrollbar, centred};

/// The widest that it gets.
const WIDEST: u16 = 120;

/// Draws it over `area` from its row `top` on; how many rows are below the screen when it is at its top.
pub(in crate::ui) fn draw(look: Look<'_>, line: &LogLine, top: usize, area: Rect, buf: &mut Buffer) -> usize {
    buf.set_style(area, look.style(Role::Backdrop));
    let wide = WIDEST.min(area.width.saturating_sub(4));
    let room = usize::from(wide.saturating_sub(5)).max(1);
    let text = laid_out(&line.text);
    let rows: Vec<&str> = text.lines().flat_map(|row| hung(row, room)).collect();
    let height = columns_of(rows.len()).saturating_add(2).min(area.height.saturating_sub(2)).max(3);
    let place = centred(area, wide, height);
    clear(buf, place, look.style(Role::Dialog));
    let panel = Panel { title: title(look, line), right: hint(look), focus: Focus::Here, ..Panel::default() };
    let inner = panel.render(place, buf, look.theme);
    let below = rows.len().saturating_sub(usize::from(inner.height));
    let top = top.min(below);
    let inner = Scrollbar { len: rows.len(), top }.render(inner, buf, look.theme);
    for (row, place) in rows.iter().skip(top).zip(inner.rows()) {
        let is_name = row.trim_start().starts_with('"');
        let (name, value) = match row.split_once("\": ").filter(|_| is_name) {
            Some((name, value)) => (row.get(..name.len() + 2).unwrap_or_default(), value),
            None => ("", *row),
        };
        let taken = put(buf, (place.x + 1, place.y), place.width.saturating_sub(2), name, look.style(Role::Muted));
        let taken = if name.is_empty() { 1 } else { taken + 2 };
        put(buf, (place.x + taken, place.y), place.width.saturating_sub(taken + 1), value, look.style(Role::Text));
    }
    below
}

/// A row of the text over several rows of the screen; an empty one is one, too.
fn hung(row: &str, room: usize) -> Vec<&str> {
    let rows = wrap(row, room);
    if rows.is_empty() { vec![""] } else { rows }
}

fn columns_of(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

fn title<'a>(look: Look<'a>, line: &LogLine) -> Line<'a> {
    let (word, role) = match line.side {
        Some(Side::Blue) => ("blue", Role::Blue),
        Some(Side::Green) => ("green", Role::Green),
        None => ("neither side", Role::Muted),
    };
    let level = line.level.word().to_lowercase();
    let at = format!("{}.{:03}", clock(line.at, look.model.utc_offset), line.at.millis().rem_euclid(1_000));
    let mut spans = vec![Span::raw(format!("{at} {} ", zone(look.model.utc_offset))), look.span(role, word)];
    spans.push(look.span(Role::Muted, format!(" {}", line.task)));
    spans.push(look.span(Role::Muted, format!(" {level}")));
    Line::from(spans)
}

fn hint(look: Look<'_>) -> Line<'_> {
    Line::from(look.span(Role::Muted, "esc closes"))
}
