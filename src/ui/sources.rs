//! How well each source answers: what is shown is worth as much as its age.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::format::{age, grouped};
use super::look::Look;
use super::theme::Role;
use super::widgets::Panel;
use crate::engine::snapshot::{Source, SourceView};

/// Rows of the panel.
pub(super) const ROWS: u16 = 8;

pub(super) fn draw(look: Look<'_>, area: Rect, buf: &mut Buffer) {
    let calls = look.snapshot.sources.iter().map(|source| source.calls).sum();
    let right = Line::from(look.span(Role::Muted, format!("{} calls", grouped(calls))));
    let inner = Panel { title: Line::from("sources"), right, ..Panel::default() }.render(area, buf, look.theme);
    for (source, row) in Source::ALL.into_iter().zip(inner.rows()) {
        let row = Rect { width: row.width.saturating_sub(1), ..row };
        let (sign, role, text) = match look.source(source) {
            Some(view) => state(look, view),
            None => (look.theme.glyphs.pending, Role::Muted, "not read".to_owned()),
        };
        let left = vec![Span::raw(" "), look.span(role, sign), look.span(Role::Text, format!(" {}", source.word()))];
        look.row(row, buf, left, vec![look.span(if role == Role::Ok { Role::Muted } else { role }, text)]);
    }
}

fn state(look: Look<'_>, view: &SourceView) -> (&'static str, Role, String) {
    let glyphs = look.theme.glyphs;
    let old = view.last_ok.map(|at| age(look.now().since(at)));
    match (&view.failing, old) {
        (Some((since, _)), _) => (glyphs.bad, Role::Bad, format!("failing {}", look.since(*since))),
        (None, None) => (glyphs.no_data, Role::NoData, "not read yet".to_owned()),
        (None, Some(old)) if view.is_stale(look.now()) => (glyphs.warning, Role::Warning, format!("{old} ago")),
        (None, Some(old)) => (glyphs.ok, Role::Ok, format!("{old} ago")),
    }
}
