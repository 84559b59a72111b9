//! A line of the log, cut or over several rows.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use crate::app::logs::Stamps;
use crate::domain::ids::Side;
use crate::domain::log::reading::read;
use crate::domain::log::{Level, LogLine};
use crate::domain::time::{Elapsed, Timestamp};
use crate::ui::format::{clock, columns_after};
use crate::ui::look::Look;
use crate::ui::theme::Role;
use crate::ui::widgets::text::{fill, pad, pad_start, put_line, wrap};

/// A panel at least this wide names the task of each line.
const WIDE: u16 = 90;

/// Long lines cut, and moved sideways.
pub(super) fn cut(look: Look<'_>, top: usize, area: Rect, buf: &mut Buffer) {
    for ((number, line), row) in look.model.logs.shown_from(top).zip(area.rows()) {
        let spans = spans(look, &line, area.width, None);
        put_line(buf, (row.x, row.y), row.width, &look.clip_line(spans, row.width.into()));
        mark(look, number, row, buf);
    }
}

/// Long lines over several rows. While following, the newest line is the one that is whole.
pub(super) fn wrapped(look: Look<'_>, top: usize, area: Rect, buf: &mut Buffer) {
    let logs = &look.model.logs;
    let indent = head_columns(area.width);
    let room = usize::from(area.width).saturating_sub(indent).max(1);
    let top = if logs.is_following() { last_whole(look, room, usize::from(area.height)) } else { top };
    let mut rows = area.rows();
    for (number, line) in logs.shown_from(top) {
        let text = read(&line.text);
        for (at, part) in wrap(&text, room).into_iter().enumerate() {
            let Some(row) = rows.next() else { return };
            let mut spans =
                if at == 0 { head(look, &line, area.width, None) } else { vec![Span::raw(" ".repeat(indent))] };
            spans.extend(body(look, line.level, part));
            put_line(buf, (row.x, row.y), row.width, &look.clip_line(spans, row.width.into()));
            mark(look, number, row, buf);
        }
    }
}

/// The place from which on the newest lines fill so many rows.
fn last_whole(look: Look<'_>, room: usize, height: usize) -> usize {
    let logs = &look.model.logs;
    let len = logs.shown_len();
    let mut left = height;
    let mut first = len;
    // One row a line at least: no more than `height` of them can be in sight.
    let newest: Vec<_> = logs.shown_from(len.saturating_sub(height)).collect();
    for (_, line) in newest.iter().rev() {
        match left.checked_sub(wrap(&read(&line.text), room).len().max(1)) {
            Some(rest) => left = rest,
            None => break,
        }
        first -= 1;
    }
    first.min(len.saturating_sub(1))
}

/// The line in one row; `sign` stands before it, if there is one.
pub(super) fn spans<'a>(look: Look<'a>, line: &LogLine, panel: u16, sign: Option<&str>) -> Vec<Span<'a>> {
    let mut spans = head(look, line, panel, sign);
    spans.extend(body(look, line.level, columns_after(&read(&line.text), look.model.logs.shift)));
    spans
}

/// Columns of what stands before the text.
fn head_columns(panel: u16) -> usize {
    if panel >= WIDE { 24 } else { 18 }
}

fn head<'a>(look: Look<'a>, line: &LogLine, panel: u16, sign: Option<&str>) -> Vec<Span<'a>> {
    let (letter, side) = match line.side {
        Some(Side::Blue) => ("b", Role::Blue),
        Some(Side::Green) => ("g", Role::Green),
        None => ("o", Role::Muted),
    };
    let level = match line.level {
        Level::Error => Role::LogError,
        Level::Warn => Role::LogWarning,
        Level::Info => Role::Muted,
        Level::Debug => Role::LogFaint,
    };
    let mut spans = vec![
        look.span(Role::Muted, format!("{}{} ", sign.unwrap_or(" "), stamp(look, line.at))),
        look.span(side, format!("{letter} ")),
    ];
    if panel >= WIDE {
        let task: String = line.task.chars().take(5).collect();
        spans.push(look.span(Role::Muted, pad(&task, 6)));
    }
    spans.push(look.span(level, format!("{:5} ", line.level.word())));
    spans
}

/// A moment in eight columns, as long as the release takes less than ten hours.
pub(super) fn stamp(look: Look<'_>, at: Timestamp) -> String {
    match look.model.logs.stamps {
        Stamps::Local => clock(at, look.model.utc_offset),
        Stamps::Utc => clock(at, 0),
        Stamps::Relative => {
            let text = match look.release().begun.as_ref().map(|begun| begun.at) {
                Some(begun) if at >= begun => format!("+{}", Elapsed(at.since(begun))),
                Some(begun) => format!("-{}", Elapsed(begun.since(at))),
                None => format!("-{}", Elapsed(look.now().since(at))),
            };
            pad_start(&text, 8)
        }
    }
}

fn body<'a>(look: Look<'a>, level: Level, text: &str) -> Vec<Span<'a>> {
    let role = match level {
        Level::Error => Role::LogError,
        Level::Warn => Role::LogWarning,
        Level::Info => Role::Text,
        Level::Debug => Role::LogFaint,
    };
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default().to_owned();
    let mut spans = Vec::new();
    let mut from = 0;
    for hit in look.model.logs.filter().hits(text) {
        spans.push(look.span(role, part(from..hit.start)));
        spans.push(look.span(Role::SearchHit, part(hit.clone())));
        from = hit.end;
    }
    spans.push(look.span(role, part(from..text.len())));
    spans
}

fn mark(look: Look<'_>, number: u64, row: Rect, buf: &mut Buffer) {
    if look.model.logs.marked == Some(number) {
        buf.set_style(row, look.style(Role::Selection));
        fill(buf, Rect { width: 1, ..row }, look.theme.glyphs.cursor, look.style(Role::BorderFocus));
    }
}
