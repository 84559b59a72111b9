//! What happened in this release: a panel beside the logs, and a view with every command and who gave it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::format::{age, clock, took, zone};
use super::look::Look;
use super::theme::Role;
use super::widgets::text::pad;
use super::widgets::{Focus, List, Panel};
use crate::app::scroll::Anchor;
use crate::app::update::timeline_extent;
use crate::domain::command::{Command, Ordered, Progress};
use crate::domain::release::{Moment, Tone};

/// A view at least this wide has the commands beside the timeline, a narrower one below it.
const WIDE: u16 = 120;

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
        focus,
        role: (focus == Focus::Here).then_some(Role::Muted),
        ..Panel::default()
    };
    let inner = panel.render(area, buf, look.theme);
    let height = usize::from(inner.height);
    if timeline.is_empty() {
        look.row(inner, buf, vec![look.span(Role::Muted, " nothing has happened yet")], Vec::new());
        return height;
    }
    let room = usize::from(inner.width.saturating_sub(1));
    let row = |index: usize| match timeline.get(index) {
        Some(moment) => look.clip_line(line(look, moment), room),
        None => Line::default(),
    };
    List { len: timeline.len(), top: look.model.history.top(extent(height)), selected: None, row: &row }
        .render(inner, buf, look.theme);
    height
}

fn line<'a>(look: Look<'a>, moment: &'a Moment) -> Vec<Span<'a>> {
    let glyphs = look.theme.glyphs;
    let (sign, role, text) = match moment.tone {
        Tone::Plain => (glyphs.bullet, Role::Muted, Role::Text),
        Tone::Good => (glyphs.ok, Role::Ok, Role::Text),
        Tone::Warning => (glyphs.warning, Role::Warning, Role::Warning),
        Tone::Bad => (glyphs.bad, Role::Bad, Role::Bad),
    };
    let mut spans = vec![
        look.span(Role::Muted, format!(" {} ", clock(moment.at, look.model.utc_offset))),
        look.span(role, format!("{sign} ")),
        look.span(text, moment.text.as_str()),
    ];
    if let Some(by) = &moment.by {
        spans.push(look.span(Role::Muted, format!("  {by}")));
    }
    spans
}

/// The view; answers how many rows it has for lines of the timeline.
pub(super) fn view(look: Look<'_>, area: Rect, buf: &mut Buffer) -> usize {
    let (moments, orders) = if area.width >= WIDE {
        let size = area.width * 3 / 5;
        (Rect { width: size, ..area }, Rect { x: area.x + size, width: area.width - size, ..area })
    } else {
        let size = area.height - area.height / 3;
        (Rect { height: size, ..area }, Rect { y: area.y + size, height: area.height - size, ..area })
    };
    let rows = draw(look, moments, Focus::Here, buf);
    draw_orders(look, orders, buf);
    rows
}

fn draw_orders(look: Look<'_>, area: Rect, buf: &mut Buffer) {
    let orders = &look.release().orders;
    let count = look.span(Role::Muted, orders.len().to_string());
    let engine = &look.snapshot.engine;
    let below = look.span(Role::Muted, format!("engine {} on {}, pid {}", engine.version, engine.host, engine.pid));
    let panel =
        Panel { title: Line::from("commands"), right: Line::from(count), below: Line::from(below), ..Panel::default() };
    let inner = panel.render(area, buf, look.theme);
    if orders.is_empty() {
        look.row(inner, buf, vec![look.span(Role::Muted, " nobody has given a command yet")], Vec::new());
        return;
    }
    let skipped = orders.len().saturating_sub(usize::from(inner.height));
    for (order, row) in orders.iter().skip(skipped).zip(inner.rows()) {
        let (left, right) = order_line(look, order);
        look.row(row, buf, left, right);
    }
}

fn order_line<'a>(look: Look<'a>, order: &'a Ordered) -> (Vec<Span<'a>>, Vec<Span<'a>>) {
    let took = took(order.at.since(order.accepted));
    let (role, progress) = match order.progress {
        Progress::Accepted => (Role::Running, format!("accepted {} ago ", age(look.now().since(order.accepted)))),
        Progress::Observed => (Role::Ok, format!("observed after {took} ")),
        Progress::Overtaken => (Role::Muted, format!("overtaken after {took} ")),
    };
    let mut left = vec![
        look.span(Role::Muted, format!(" {} ", clock(order.accepted, look.model.utc_offset))),
        look.span(Role::Strong, pad(order.command.kind().word(), 13)),
        look.span(Role::Text, format!("{}@{}", order.by.name, order.by.host)),
    ];
    let reason = match &order.command {
        Command::Rollback { reason } | Command::Abort { reason } => reason.as_deref(),
        Command::Skip { reason } => Some(reason.as_str()),
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
    (left, vec![look.span(role, progress)])
}
