//! What happened in this release: a panel beside the logs, and a view with every command and who gave it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::format::{age, clock, took, zone};
use super::look::Look;
use super::theme::Role;
use super::widgets::text::{pad, width, wrap};
use super::widgets::{Focus, List, Panel, Scrollbar};
use crate::app::keymap::Action;
use crate::app::model::Pane;
use crate::app::scroll::Anchor;
use crate::app::update::timeline_extent;
use crate::domain::command::{Command, Ordered, Progress};
use crate::domain::release::{Moment, Tone};

/// A view at least this wide has the commands beside the timeline, a narrower one below it.
const WIDE: u16 = 120;

/// Columns before the text of a line: the time and a sign.
const HEAD: usize = 12;

/// Draws the panel, and answers how many rows it has for lines.
pub(super) fn draw(look: Look<'_>, area: Rect, focus: Focus, buf: &mut Buffer) -> usize {
    let timeline = &look.release().timeline;
    let extent = |height| timeline_extent(look.release(), height);
    let below = look.model.history.below(extent(usize::from(area.height.saturating_sub(2))));
    let right = match look.model.history {
        Anchor::Follow => look.span(Role::Muted, zone(look.model.utc_offset)),
        Anchor::Line(_) => look.span(Role::Warning, format!("held, {below} below")),
    };
    let panel = Panel {
        title: Line::from("timeline"),
        right: Line::from(right),
        below: match focus {
            Focus::Here => Line::from(look.span(Role::Muted, "past releases: cutover history")),
            Focus::Elsewhere => Line::default(),
        },
        focus,
        role: (focus == Focus::Here).then_some(Role::Muted),
    };
    let inner = panel.render(area, buf, look.theme);
    let height = usize::from(inner.height);
    if timeline.is_empty() {
        look.row(inner, buf, vec![look.span(Role::Muted, " nothing has happened yet")], Vec::new());
        return height;
    }
    let top = look.model.history.top(extent(height));
    if focus == Focus::Here {
        let inner = Scrollbar { len: timeline.len(), top }.render(inner, buf, look.theme);
        wrapped(look, top, inner, buf);
        return height;
    }
    let room = usize::from(inner.width.saturating_sub(1));
    let row = |index: usize| match timeline.get(index) {
        Some(moment) => {
            let mut spans = line(look, moment, &moment.text);
            if let Some(by) = &moment.by {
                spans.push(look.span(Role::Muted, format!("  {by}")));
            }
            look.clip_line(spans, room)
        }
        None => Line::default(),
    };
    List { len: timeline.len(), top, selected: None, row: &row }.render(inner, buf, look.theme);
    height
}

/// Long lines over several rows. While following, the newest line is whole and the oldest ones give way.
fn wrapped(look: Look<'_>, top: usize, area: Rect, buf: &mut Buffer) {
    let timeline = &look.release().timeline;
    let room = usize::from(area.width).saturating_sub(HEAD + 1).max(1);
    let rows_of = |moment: &Moment| wrap(&moment.text, room).len().max(1);
    let top = match look.model.history {
        Anchor::Line(_) => top,
        Anchor::Follow => {
            let mut left = usize::from(area.height);
            let fits = |moment: &&Moment| {
                let rest = left.checked_sub(rows_of(moment));
                left = rest.unwrap_or(0);
                rest.is_some()
            };
            timeline.len() - timeline.iter().rev().take_while(fits).count().max(1)
        }
    };
    let mut rows = area.rows();
    for moment in timeline.iter().skip(top) {
        let mut parts = wrap(&moment.text, room).into_iter();
        let first = line(look, moment, parts.next().unwrap_or_default());
        let (_, _, role) = tone(look, moment.tone);
        let rest = parts.map(|part| vec![look.span(role, format!("{}{part}", " ".repeat(HEAD)))]);
        let mut lines: Vec<Vec<Span<'_>>> = std::iter::once(first).chain(rest).collect();
        if let (Some(last), Some(by)) = (lines.last_mut(), &moment.by) {
            last.push(look.span(Role::Muted, format!("  {by}")));
        }
        for spans in lines {
            let Some(row) = rows.next() else { return };
            look.row(row, buf, spans, Vec::new());
        }
    }
}

/// How a tone looks: its sign, the look of the sign, and that of the text.
fn tone(look: Look<'_>, tone: Tone) -> (&'static str, Role, Role) {
    let glyphs = look.theme.glyphs;
    match tone {
        Tone::Plain => (glyphs.bullet, Role::Muted, Role::Text),
        Tone::Good => (glyphs.ok, Role::Ok, Role::Text),
        Tone::Warning => (glyphs.warning, Role::Warning, Role::Warning),
        Tone::Bad => (glyphs.bad, Role::Bad, Role::Bad),
    }
}

fn line<'a>(look: Look<'a>, moment: &Moment, text: &'a str) -> Vec<Span<'a>> {
    let (sign, role, text_role) = tone(look, moment.tone);
    vec![
        look.span(Role::Muted, format!(" {} ", clock(moment.at, look.model.utc_offset))),
        look.span(role, format!("{sign} ")),
        look.span(text_role, text),
    ]
}

/// The view; answers how many rows it has for lines of the timeline.
pub(super) fn view(look: Look<'_>, area: Rect, buf: &mut Buffer) -> usize {
    let (moments, orders) = if area.width >= WIDE {
        let size = area.width * 3 / 5;
        (Rect { width: size, ..area }, Rect { x: area.x + size, width: area.width - size, ..area })
    } else {
        let size = if look.model.past.is_empty() { area.height - area.height / 3 } else { area.height / 2 };
        (Rect { height: size, ..area }, Rect { y: area.y + size, height: area.height - size, ..area })
    };
    let rows = draw(look, moments, Focus::Here, buf);
    let past = if look.model.past.is_empty() { 0 } else { (orders.height * 3 / 5).max(3).min(orders.height) };
    draw_orders(look, Rect { height: orders.height - past, ..orders }, buf);
    if past > 0 {
        draw_past(look, Rect { y: orders.bottom() - past, height: past, ..orders }, buf);
    }
    rows
}

/// Earlier releases, of which one is selected.
fn draw_past(look: Look<'_>, area: Rect, buf: &mut Buffer) {
    let past = &look.model.past;
    let key = |action| look.model.keymap.chord(look.model.view.context(), action).map(|chord| chord.to_string());
    let is_focused = look.model.pane == Pane::Past;
    let below = match (look.release().ended.is_some(), is_focused) {
        (true, true) => key(Action::Rollback).map(|key| format!("{key} goes back to it")),
        (true, false) => key(Action::FocusNext).map(|key| format!("{key} chooses")),
        (false, _) => None,
    };
    let panel = Panel {
        title: Line::from("earlier releases"),
        right: Line::from(look.span(Role::Muted, past.len().to_string())),
        below: Line::from(look.span(Role::Muted, below.unwrap_or_default())),
        focus: if is_focused { Focus::Here } else { Focus::Elsewhere },
        ..Panel::default()
    };
    let inner = panel.render(area, buf, look.theme);
    let height = usize::from(inner.height).max(1);
    let top = (look.model.chosen + 1).saturating_sub(height);
    let row = |index: usize| match past.get(index) {
        Some(release) => Line::from(vec![
            look.span(Role::Strong, format!(" {:>4}  {}", release.id.to_string(), release.versions)),
            look.span(Role::Muted, format!("  {} ago  {}", age(look.now().since(release.ended)), release.by)),
        ]),
        None => Line::default(),
    };
    List { len: past.len(), top, selected: Some(look.model.chosen), row: &row }.render(inner, buf, look.theme);
}

fn draw_orders(look: Look<'_>, area: Rect, buf: &mut Buffer) {
    let orders = &look.release().orders;
    let count = look.span(Role::Muted, orders.len().to_string());
    let engine = &look.snapshot.engine;
    // A release that is only shown again has no engine.
    let below = match engine.replay {
        Some(_) => Span::default(),
        None => look.span(Role::Muted, format!("engine {} on {}, pid {}", engine.version, engine.host, engine.pid)),
    };
    let panel =
        Panel { title: Line::from("commands"), right: Line::from(count), below: Line::from(below), ..Panel::default() };
    let inner = panel.render(area, buf, look.theme);
    if orders.is_empty() {
        let text = match look.release().ended {
            Some(_) => " nobody gave a command",
            None => " nobody has given a command yet",
        };
        look.row(inner, buf, vec![look.span(Role::Muted, text)], Vec::new());
        return;
    }
    let skipped = orders.len().saturating_sub(usize::from(inner.height));
    for (order, row) in orders.iter().skip(skipped).zip(inner.rows()) {
        let (left, right) = order_line(look, order, row.width.into());
        look.row(row, buf, left, right);
    }
}

fn order_line<'a>(look: Look<'a>, order: &'a Ordered, columns: usize) -> (Vec<Span<'a>>, Vec<Span<'a>>) {
    let took = took(order.at.since(order.accepted));
    let (sign, role, word, when) = match order.progress {
        Progress::Accepted => (
            look.theme.glyphs.running,
            Role::Running,
            "accepted",
            format!("{} ago", age(look.now().since(order.accepted))),
        ),
        Progress::Observed => (look.theme.glyphs.ok, Role::Ok, "observed", format!("after {took}")),
        Progress::Overtaken => (look.theme.glyphs.skipped, Role::Muted, "overtaken", format!("after {took}")),
    };
    let mut left = vec![
        look.span(Role::Muted, format!(" {} ", clock(order.accepted, look.model.utc_offset))),
        look.span(Role::Strong, pad(order.command.kind().word(), 13)),
        look.span(Role::Text, format!("{}@{}", order.by.name, order.by.host)),
    ];
    let reason = match &order.command {
        Command::Rollback { reason } | Command::Abort { reason } => reason.as_deref(),
        Command::Skip { reason } | Command::Acknowledge { note: reason, .. } => Some(reason.as_str()),
        Command::Promote
        | Command::PromoteFull
        | Command::Pause
        | Command::Resume
        | Command::Retry
        | Command::Approve { .. } => None,
    };
    if let Some(reason) = reason {
        left.push(look.span(Role::Muted, format!(": {reason}")));
    }
    // Who it was is worth more than how long it took, and than the word for it.
    let room = columns.saturating_sub(Line::from(left.clone()).width() + 2);
    let choices = [format!("{word} {when} "), format!("{word} "), format!("{sign} ")];
    let progress = choices.into_iter().find(|choice| width(choice) <= room).unwrap_or_else(|| format!("{sign} "));
    (left, vec![look.span(role, progress)])
}
