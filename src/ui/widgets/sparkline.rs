//! A sparkline: a series at a glance, with gaps where nothing is known.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::text::put;
use crate::ui::theme::{Role, Theme};

/// A series as columns of eight heights a row, the newest point at the right edge.
#[derive(Clone, Copy, Debug)]
pub struct Sparkline<'a> {
    /// Points at even distances, oldest first; `None` where nothing is known.
    pub points: &'a [Option<f64>],
    /// The value of full height; the highest point's when `None`. Set it to the same for two series to be compared.
    pub ceiling: Option<f64>,
    /// Its look.
    pub role: Role,
}

impl Sparkline<'_> {
    /// Draws the series. A measured zero has the lowest height; a gap has none. When there are more points than columns
    /// each column shows its highest, since a peak matters more than a mean.
    pub fn render(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let area = area.intersection(buf.area);
        let columns = highest_per_column(self.points, area.width.into());
        let ceiling = self.ceiling.unwrap_or_else(|| columns.iter().flatten().copied().fold(0.0, f64::max));
        let levels = theme.glyphs.levels;
        let all = levels.len() * usize::from(area.height);
        for (x, column) in area.columns().rev().map(|column| column.x).zip(columns.iter().rev()) {
            let height = column.map_or(0, |value| height(value, ceiling, all));
            for (above, row) in area.rows().rev().enumerate() {
                let here = height.saturating_sub(above * levels.len()).min(levels.len());
                let sign = here.checked_sub(1).and_then(|level| levels.get(level)).unwrap_or(&theme.glyphs.gap);
                put(buf, (x, row.y), 1, sign, theme.style(self.role));
            }
        }
    }
}

fn height(value: f64, ceiling: f64, all: usize) -> usize {
    let share = if ceiling > 0.0 { (value / ceiling).clamp(0.0, 1.0) } else { 0.0 };
    ((share * all as f64).round() as usize).max(1)
}

/// At most `columns` values: as many points as there are, or the highest of each column's share of them.
fn highest_per_column(points: &[Option<f64>], columns: usize) -> Vec<Option<f64>> {
    if points.len() <= columns {
        return points.iter().map(|point| point.filter(|value| value.is_finite())).collect();
    }
    let start = |column: usize| column * points.len() / columns.max(1);
    (0..columns)
        .map(|column| {
            let share = points.get(start(column)..start(column + 1)).unwrap_or_default();
            share.iter().flatten().copied().filter(|value| value.is_finite()).reduce(f64::max)
        })
        .collect()
}
