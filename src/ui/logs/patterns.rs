//! What lines have in common, first of all what only green logs.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::app::model::{LogsFocus, View};
use crate::domain::log::Level;
use crate::domain::log::patterns::{Pattern, Standing};
use crate::domain::log::request::SideTally;
use crate::ui::format::{age, grouped};
use crate::ui::look::Look;
use crate::ui::theme::Role;
use crate::ui::widgets::text::{fill, pad, pad_start, put_line};
use crate::ui::widgets::{Focus, Panel, Scrollbar};

/// Patterns in sight while the keys go to the lines.
const IN_SIGHT: usize = 3;

/// Rows of the border.
const BORDER: u16 = 2;

/// The rows for patterns, and those for lines below them.
pub(super) fn split(look: Look<'_>, area: Rect) -> (Rect, Rect) {
    let all = look.snapshot.logs.patterns.len();
    let wanted = match look.model.logs_focus {
        // One row more, for the example of the one that is selected.
        LogsFocus::Patterns => all.max(1) + 1,
        LogsFocus::Lines => told(look).count().min(IN_SIGHT),
    };
    let most = match look.model.logs_focus {
        LogsFocus::Patterns => area.height / 2,
        LogsFocus::Lines => area.height / 3,
    };
    let rows = if wanted == 0 { 0 } else { u16::try_from(wanted).unwrap_or(most).saturating_add(BORDER).min(most) };
    let rows = if rows <= BORDER { 0 } else { rows };
    (Rect { height: rows, ..area }, Rect { y: area.y + rows, height: area.height - rows, ..area })
}

/// Those worth telling unasked: green logs them more than blue, or blue does not at all.
fn told(look: Look<'_>) -> impl Iterator<Item = &Pattern> {
    look.snapshot.logs.patterns.iter().filter(|pattern| pattern.standing != Standing::Usual)
}

/// One row of the release view: what is new in green, with its number of lines.
pub(super) fn strip(look: Look<'_>, area: Rect, buf: &mut Buffer) -> Rect {
    /// Rows that must be left for lines.
    const LEFT: u16 = 4;
    // What tasks say when they start is new in green, too, and no news.
    let is_news = |pattern: &&Pattern| pattern.standing == Standing::NewInGreen && pattern.level >= Level::Warn;
    let new = || told(look).filter(is_news);
    let Some(first) = new().next().filter(|_| look.model.view == View::Release && area.height > LEFT) else {
        return area;
    };
    let others = match new().count() - 1 {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    let lead = format!(" {} new in green{others}: {}x ", look.theme.glyphs.warning, grouped(first.counts.green));
    let spans = vec![look.span(Role::Warning, lead), look.span(level_role(first.level), first.text())];
    look.row(Rect { height: 1, ..area }, buf, spans, Vec::new());
    Rect { y: area.y + 1, height: area.height - 1, ..area }
}

/// Draws the panel.
pub(super) fn draw(look: Look<'_>, area: Rect, focus: Focus, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let view = &look.snapshot.logs;
    let counted = counted(look);
    let panel = Panel {
        title: Line::from("patterns"),
        right: Line::from(look.span(Role::Muted, counted)),
        focus,
        role: (focus == Focus::Here).then_some(Role::Muted),
        ..Panel::default()
    };
    let inner = panel.render(area, buf, look.theme);
    if view.patterns.is_empty() {
        let text = " nothing yet: lines are told apart as they come";
        look.row(Rect { height: inner.height.min(1), ..inner }, buf, vec![look.span(Role::Muted, text)], Vec::new());
        return;
    }
    let has_focus = focus == Focus::Here;
    let height = usize::from(inner.height).saturating_sub(usize::from(has_focus));
    let selected = look.model.pattern.min(view.patterns.len().saturating_sub(1));
    let top = if has_focus { (selected + 1).saturating_sub(height) } else { 0 };
    let list = Rect { height: u16::try_from(height).unwrap_or(inner.height), ..inner };
    let list = Scrollbar { len: view.patterns.len(), top }.render(list, buf, look.theme);
    for ((place, pattern), row) in view.patterns.iter().enumerate().skip(top).zip(list.rows()) {
        put_line(buf, (row.x, row.y), row.width, &look.clip_line(spans(look, pattern), row.width.into()));
        if has_focus && place == selected {
            buf.set_style(row, look.style(Role::Selection));
            fill(buf, Rect { width: 1, ..row }, look.theme.glyphs.cursor, look.style(Role::BorderFocus));
        }
    }
    if let Some(pattern) = view.patterns.get(selected).filter(|_| has_focus && inner.height > 1) {
        let row = Rect { y: inner.bottom() - 1, height: 1, ..inner };
        let ago = age(look.now().since(pattern.last));
        let left = vec![
            look.span(Role::Muted, format!(" {} ago {}  ", ago, pattern.task.chars().take(5).collect::<String>())),
            Span::raw(pattern.example.clone()),
        ];
        look.row(row, buf, left, Vec::new());
    }
}

/// How many lines there were, and what they told of requests.
fn counted(look: Look<'_>) -> String {
    let lines = format!("{} lines", grouped(look.snapshot.logs.lines.all()));
    let requests = look.seen().requests;
    if !requests.any() {
        return lines;
    }
    let side = |tally: SideTally| format!("{} failed of {}", grouped(tally.errors), grouped(tally.requests));
    let sampled = if requests.is_sampled { ", sampled" } else { "" };
    format!("{lines} · requests b {}, g {}{sampled}", side(requests.blue), side(requests.green))
}

fn spans<'a>(look: Look<'a>, pattern: &'a Pattern) -> Vec<Span<'a>> {
    let (word, role) = match pattern.standing {
        Standing::NewInGreen => ("new".to_owned(), Role::Warning),
        Standing::MoreInGreen(times) => (format!("{}x", times.round().clamp(1.0, 999.0)), Role::Warning),
        Standing::Usual => (String::new(), Role::Muted),
    };
    let count = |count: u64| pad_start(&short(count), 5);
    let mut spans = vec![
        look.span(role, format!(" {}", pad(&word, 5))),
        look.span(Role::Blue, format!("b{} ", count(pattern.counts.blue))),
        look.span(Role::Green, format!("g{} ", count(pattern.counts.green))),
    ];
    if pattern.counts.other > 0 {
        spans.push(look.span(Role::Muted, format!("o{} ", count(pattern.counts.other))));
    }
    spans.push(look.span(level_role(pattern.level), format!("{:5} ", pattern.level.word())));
    for word in &pattern.words {
        let role = if word.contains('<') { Role::Muted } else { Role::Text };
        spans.push(look.span(role, format!("{word} ")));
    }
    spans
}

/// A count in at most five columns.
fn short(count: u64) -> String {
    match count {
        0..=9_999 => count.to_string(),
        10_000..=9_999_999 => format!("{}k", count / 1_000),
        _ => format!("{}M", (count / 1_000_000).min(9_999)),
    }
}

fn level_role(level: Level) -> Role {
    match level {
        Level::Error => Role::LogError,
        Level::Warn => Role::LogWarning,
        Level::Info => Role::Text,
        Level::Debug => Role::LogFaint,
    }
}
