//! A bar: a share of a whole, to an eighth of a column.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::text::{fill, put};
use crate::ui::theme::{Role, Theme};

/// A horizontal bar over the whole area.
#[derive(Clone, Copy, Debug)]
pub struct Bar {
    /// How much of it is filled, 0 to 1. What is not a number counts as 0.
    pub share: f64,
    /// Another share to mark, such as what was asked for where the bar shows what is.
    pub mark: Option<f64>,
    /// The look of the filled part.
    pub role: Role,
}

impl Bar {
    /// Draws the bar. A share above nothing shows at least one part of a column and one below the whole leaves at least
    /// one free, so that 0.1 % and 99.9 % never look like 0 and 100.
    pub fn render(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let area = area.intersection(buf.area);
        let (track, filled) = (theme.style(Role::Track), theme.style(self.role));
        fill(buf, area, theme.glyphs.track, track);

        let per_column = theme.glyphs.parts.len() + 1;
        let all = usize::from(area.width) * per_column;
        let parts = whole_parts(self.share, all);
        let full = parts / per_column;
        fill(buf, Rect { width: super::text::columns(full), ..area }, theme.glyphs.full, filled);
        if let Some(part) = (parts % per_column).checked_sub(1).and_then(|part| theme.glyphs.parts.get(part)) {
            for y in area.rows().map(|row| row.y) {
                put(buf, (area.x.saturating_add(super::text::columns(full)), y), 1, part, filled);
            }
        }
        if let Some(mark) = self.mark.filter(|_| area.width > 0) {
            let at = (mark.clamp(0.0, 1.0) * f64::from(area.width)) as u16;
            let x = area.x.saturating_add(at.min(area.width - 1));
            for y in area.rows().map(|row| row.y) {
                put(buf, (x, y), 1, theme.glyphs.mark, theme.style(Role::Mark));
            }
        }
    }
}

fn whole_parts(share: f64, all: usize) -> usize {
    let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
    let parts = (share * all as f64).round() as usize;
    if share > 0.0 && share < 1.0 { parts.clamp(1.min(all), all.saturating_sub(1)) } else { parts }
}
