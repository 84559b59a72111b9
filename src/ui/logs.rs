//! The log tail: only the lines on the screen are looked at.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::format::{age, clock, columns_after, grouped, zone};
use super::look::Look;
use super::theme::Role;
use super::widgets::text::{fill, pad, put_line, wrap};
use super::widgets::{Focus, Panel, Scrollbar};
use crate::app::model::Overlay;
use crate::app::scroll::Anchor;
use crate::domain::ids::Side;
use crate::domain::log::{Level, LogLine};
use crate::engine::snapshot::Source;

/// A panel at least this wide names the task of each line.
const WIDE: u16 = 90;

/// Draws the panel, and answers how many rows it has for lines.
pub(super) fn draw(look: Look<'_>, area: Rect, focus: Focus, buf: &mut Buffer) -> usize {
    let panel = Panel {
        title: title(look),
        right: counts(look),
        focus,
        role: (focus == Focus::Here).then_some(Role::Muted),
        ..Panel::default()
    };
    let inner = panel.render(area, buf, look.theme);
    let logs = &look.model.logs;
    let height = usize::from(inner.height);
    let extent = crate::app::scroll::Extent { height, ..logs.extent() };
    if logs.shown_len() == 0 {
        look.row(Rect { height: inner.height.min(1), ..inner }, buf, nothing(look), Vec::new());
        return height;
    }
    let top = logs.anchor.top(extent);
    let inner = Scrollbar { len: logs.shown_len(), top }.render(inner, buf, look.theme);
    if logs.wrap {
        wrapped(look, top, inner, buf);
    } else {
        cut(look, top, inner, buf);
    }
    height
}

fn title(look: Look<'_>) -> Line<'_> {
    if let Some(Overlay::Filter { text, error, .. }) = &look.model.overlay {
        let mut spans = vec![
            Span::raw("filter "),
            look.span(Role::Prompt, format!("/{text}")),
            Span::styled(" ", look.style(Role::Prompt).reversed()),
        ];
        spans.push(match error {
            Some(why) => look.span(Role::Bad, format!(" {why}")),
            None => look.span(Role::Muted, " ~regex  !not"),
        });
        return Line::from(spans);
    }
    let filter = look.model.logs.filter();
    let mut spans = vec![Span::raw("logs")];
    match filter.side() {
        Some(Side::Green) => spans.push(look.span(Role::Green, " green only")),
        Some(Side::Blue) => spans.push(look.span(Role::Blue, " blue only")),
        None => {}
    }
    if filter.level() > Level::Debug {
        spans.push(look.span(Role::Warning, format!(" {} and above", filter.level().word().to_lowercase())));
    }
    if !filter.text().is_empty() {
        spans.push(look.span(Role::SearchHit, format!(" /{} ", filter.text())));
    }
    Line::from(spans)
}

/// Where the reader is, and what did not come.
fn counts(look: Look<'_>) -> Line<'_> {
    let logs = &look.model.logs;
    let mut spans = Vec::new();
    match logs.anchor {
        Anchor::Follow => spans.push(look.span(Role::Muted, "following")),
        Anchor::Line(_) => {
            let below = logs.anchor.below(logs.extent());
            spans.push(look.span(Role::Warning, format!("held, {} below", grouped(below as u64))));
        }
    }
    if logs.lost > 0 {
        spans.push(look.span(Role::Bad, format!("  {} lines skipped: too fast", grouped(logs.lost))));
    }
    if let Some(text) = look.stale(Source::Logs) {
        spans.push(look.span(Role::Warning, format!("  {text}")));
    }
    spans.push(look.span(Role::Muted, format!("  {}", zone(look.model.utc_offset))));
    Line::from(spans)
}

/// What an empty panel means.
fn nothing(look: Look<'_>) -> Vec<Span<'_>> {
    let logs = &look.model.logs;
    let failing = look.source(Source::Logs).and_then(|source| source.failing.as_ref());
    if !logs.is_empty() {
        let text = format!(" none of {} lines pass the filter", grouped(logs.len() as u64));
        vec![look.span(Role::Muted, text)]
    } else if let Some((since, why)) = failing {
        let text = format!(" {} no logs for {}: {why}", look.theme.glyphs.warning, look.since(*since));
        vec![look.span(Role::Bad, text)]
    } else if let Some(at) = look.source(Source::Logs).and_then(|source| source.last_ok) {
        vec![look.span(Role::Muted, format!(" no line yet; last asked {} ago", age(look.now().since(at))))]
    } else {
        vec![look.span(Role::Muted, format!(" {} connecting to the logs", look.theme.glyphs.no_data))]
    }
}

/// Long lines cut, and moved sideways.
fn cut(look: Look<'_>, top: usize, area: Rect, buf: &mut Buffer) {
    for (place, row) in (top..).zip(area.rows()) {
        let Some((number, line)) = look.model.logs.shown_at(place) else { return };
        let mut spans = head(look, line, area.width);
        let text = columns_after(&line.text, look.model.logs.shift);
        spans.extend(body(look, line, text));
        put_line(buf, (row.x, row.y), row.width, &look.clip_line(spans, row.width.into()));
        mark(look, number, row, buf);
    }
}

/// Long lines over several rows. While following, the newest line is the one that is whole.
fn wrapped(look: Look<'_>, top: usize, area: Rect, buf: &mut Buffer) {
    let logs = &look.model.logs;
    let indent = head_columns(area.width);
    let room = usize::from(area.width).saturating_sub(indent).max(1);
    let height = usize::from(area.height);
    let rows_of = |line: &LogLine| wrap(&line.text, room).len().max(1);
    let top = match logs.anchor {
        Anchor::Line(_) => top,
        Anchor::Follow => {
            let mut left = height;
            let mut first = logs.shown_len();
            while let Some((_, line)) = first.checked_sub(1).and_then(|place| logs.shown_at(place)) {
                match left.checked_sub(rows_of(line)) {
                    Some(rest) => left = rest,
                    None => break,
                }
                first -= 1;
            }
            first.min(logs.shown_len().saturating_sub(1))
        }
    };
    let mut rows = area.rows();
    for place in top.. {
        let Some((number, line)) = logs.shown_at(place) else { return };
        for (at, text) in wrap(&line.text, room).into_iter().enumerate() {
            let Some(row) = rows.next() else { return };
            let mut spans = if at == 0 { head(look, line, area.width) } else { vec![Span::raw(" ".repeat(indent))] };
            spans.extend(body(look, line, text));
            put_line(buf, (row.x, row.y), row.width, &look.clip_line(spans, row.width.into()));
            mark(look, number, row, buf);
        }
    }
}

/// Columns of what stands before the text.
fn head_columns(panel: u16) -> usize {
    if panel >= WIDE { 24 } else { 18 }
}

fn head<'a>(look: Look<'a>, line: &'a LogLine, panel: u16) -> Vec<Span<'a>> {
    let (letter, side) = match line.side {
        Some(Side::Blue) => ("b", Role::Blue),
        Some(Side::Green) => ("g", Role::Green),
        None => (" ", Role::Muted),
    };
    let level = match line.level {
        Level::Error => Role::LogError,
        Level::Warn => Role::LogWarning,
        Level::Info => Role::Muted,
        Level::Debug => Role::LogFaint,
    };
    let mut spans = vec![
        look.span(Role::Muted, format!(" {} ", clock(line.at, look.model.utc_offset))),
        look.span(side, format!("{letter} ")),
    ];
    if panel >= WIDE {
        let task: String = line.task.chars().take(5).collect();
        spans.push(look.span(Role::Muted, pad(&task, 6)));
    }
    spans.push(look.span(level, format!("{:5} ", line.level.word())));
    spans
}

fn body<'a>(look: Look<'a>, line: &LogLine, text: &'a str) -> Vec<Span<'a>> {
    let role = match line.level {
        Level::Error => Role::LogError,
        Level::Warn => Role::LogWarning,
        Level::Info => Role::Text,
        Level::Debug => Role::LogFaint,
    };
    let mut spans = Vec::new();
    let mut from = 0;
    for hit in look.model.logs.filter().hits(text).filter(|hit| !hit.is_empty()) {
        spans.push(look.span(role, text.get(from..hit.start).unwrap_or_default()));
        spans.push(look.span(Role::SearchHit, text.get(hit.clone()).unwrap_or_default()));
        from = hit.end;
    }
    spans.push(look.span(role, text.get(from..).unwrap_or_default()));
    spans
}

fn mark(look: Look<'_>, number: u64, row: Rect, buf: &mut Buffer) {
    if look.model.logs.marked == Some(number) {
        buf.set_style(row, look.style(Role::Selection));
        fill(buf, Rect { width: 1, ..row }, look.theme.glyphs.cursor, look.style(Role::BorderFocus));
    }
}
