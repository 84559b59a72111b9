//! A meter: how much of what is needed is there.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Bar;
use super::text::{columns, put, width};
use crate::ui::theme::{Role, Theme};

/// A label, a gauge and a percentage on one row. The gauge is a bar where there is room and one sign where there is not.
#[derive(Clone, Copy, Debug)]
pub struct Meter<'a> {
    /// What is measured.
    pub label: &'a str,
    /// How much of it is there, 0 to 1; `None` when not even that is known.
    pub share: Option<f64>,
    /// The look of the gauge.
    pub role: Role,
}

/// The least columns that make a bar worth drawing.
const LEAST_BAR: u16 = 4;

impl Meter<'_> {
    /// Draws the meter on the first row.
    pub fn render(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        let share = self.share.filter(|share| share.is_finite());
        let nothing = format!("{} no data", theme.glyphs.no_data);
        // What is not there is worth more than the name of it.
        let has_room = share.is_some() || width(self.label) + 1 + width(&nothing) <= area.width.into();
        let label = if has_room { self.label } else { "" };
        let label = put(buf, (area.x, area.y), area.width, label, theme.style(Role::Muted));
        let mut x = area.x.saturating_add(label).saturating_add(u16::from(label > 0));
        let Some(share) = share else {
            let text = nothing;
            put(buf, (x, area.y), area.right().saturating_sub(x), &text, theme.style(Role::NoData));
            return;
        };
        let share = share.clamp(0.0, 1.0);
        // Never rounded up to 100 %: enough is enough only when it is there.
        let figure = format!("{:>3} %", (share * 100.0).floor());
        let room = area.right().saturating_sub(x).saturating_sub(columns(width(&figure)) + 1);
        let style = theme.style(self.role);
        if room >= LEAST_BAR {
            let bar = Rect { x, y: area.y, width: room, height: 1 };
            Bar { share, mark: None, role: self.role }.render(bar, buf, theme);
            put(buf, (bar.right().saturating_add(1), area.y), area.width, &figure, style);
        } else {
            let levels = theme.glyphs.levels;
            let level = (share * (levels.len().saturating_sub(1)) as f64).round() as usize;
            let sign = levels.get(level).copied().unwrap_or_default();
            x = x.saturating_add(put(buf, (x, area.y), area.right().saturating_sub(x), sign, style)).saturating_add(1);
            put(buf, (x, area.y), area.right().saturating_sub(x), figure.trim_start(), style);
        }
    }
}
