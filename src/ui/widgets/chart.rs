//! A chart: series over time with axes, a threshold and marked moments.
//!
//! ```text
//!   1 %           ┊10 %       ⣀⣀⡠g
//!       ╌╌╌╌╌╌╌╌╌╌┊╌╌╌╌╌╌⢀⡠⠔⠉╌╌╌
//! 0.5 %     ⡀     ┊      ⠁
//!       ⠒⠒⠒⠊⠉⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒b
//!   0 %   ⠁       ┊
//!       12:00   12:15        now
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::raster::Raster;
use super::text::{columns, put, width};
use crate::ui::theme::{Dots, Role, Theme};

/// One line of a chart.
#[derive(Clone, Copy, Debug)]
pub struct Series<'a> {
    /// Points at even distances over the chart's time, oldest first; `None` where nothing is known, which breaks the line.
    pub points: &'a [Option<f64>],
    /// One column that names the line at its end, so that lines are told apart without colour.
    pub sign: &'a str,
    /// Its look.
    pub role: Role,
}

/// A moment marked down the chart.
#[derive(Clone, Copy, Debug)]
pub struct Mark<'a> {
    /// When, 0 at the left edge and 1 at the right.
    pub at: f64,
    /// What, in a few columns at the top.
    pub label: &'a str,
}

/// A chart. Later series are drawn over earlier ones.
#[derive(Clone, Copy)]
pub struct Chart<'a> {
    /// The lines.
    pub series: &'a [Series<'a>],
    /// A value not to be crossed. One far above all points is named at the top instead of pressing them flat.
    pub threshold: Option<f64>,
    /// Marked moments.
    pub marks: &'a [Mark<'a>],
    /// The moment that is read, 0 at the left edge and 1 at the right.
    pub cursor: Option<f64>,
    /// Labels under the time axis, with their place from 0 to 1.
    pub times: &'a [(f64, &'a str)],
    /// How values read on the other axis.
    pub value: &'a dyn Fn(f64) -> String,
    /// How to pack points; as the theme's signs do when `None`.
    pub dots: Option<Dots>,
}

/// A threshold this many times above the highest point is not worth the height it would take.
const FAR: f64 = 3.0;

/// The least height with a label at half height.
const ROOM_FOR_MIDDLE: u16 = 5;

impl Chart<'_> {
    /// Draws the chart.
    pub fn render(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let area = area.intersection(buf.area);
        let top = self.top();
        let labels = [(self.value)(top), (self.value)(top / 2.0), (self.value)(0.0)];
        let gutter = columns(labels.iter().map(|label| width(label)).max().unwrap_or(0)).saturating_add(1);
        let has_times = !self.times.is_empty() && area.height >= 3;
        // Labels give way before the picture does.
        let gutter = if gutter.saturating_mul(2) < area.width { gutter } else { 0 };
        let plot = Rect {
            x: area.x.saturating_add(gutter),
            y: area.y,
            width: area.width.saturating_sub(gutter).saturating_sub(1),
            height: area.height.saturating_sub(u16::from(has_times)),
        };
        if plot.is_empty() {
            return;
        }
        if gutter > 0 {
            draw_values(plot, gutter, &labels, buf, theme);
        }
        if has_times {
            self.draw_times(plot, buf, theme);
        }
        self.draw_threshold(plot, top, buf, theme);
        self.draw_marks(plot, buf, theme);
        if let Some(at) = self.cursor {
            let line = Rect { x: place(at, plot), width: 1, ..plot };
            super::text::fill(buf, line, theme.glyphs.separator, theme.style(Role::Strong));
        }
        self.draw_series(plot, top, buf, theme);
        self.draw_far_threshold(plot, top, buf, theme);
    }

    fn highest(&self) -> f64 {
        let points = self.series.iter().flat_map(|series| series.points).flatten();
        points.copied().filter(|value| value.is_finite()).fold(0.0, f64::max)
    }

    /// The value at the upper edge.
    fn top(&self) -> f64 {
        let highest = self.highest();
        let near = self.threshold.filter(|threshold| highest <= 0.0 || *threshold <= highest * FAR);
        round_up(near.unwrap_or(0.0).max(highest))
    }

    fn draw_times(&self, plot: Rect, buf: &mut Buffer, theme: &Theme) {
        let mut free_from = plot.x;
        for (at, label) in self.times {
            let size = columns(width(label));
            let x =
                place(*at, plot).saturating_sub(size / 2).clamp(plot.x, plot.right().saturating_sub(size).max(plot.x));
            if x >= free_from && x.saturating_add(size) <= plot.right() {
                put(buf, (x, plot.bottom()), size, label, theme.style(Role::Axis));
                free_from = x.saturating_add(size).saturating_add(1);
            }
        }
    }

    fn draw_threshold(&self, plot: Rect, top: f64, buf: &mut Buffer, theme: &Theme) {
        if let Some(threshold) = self.threshold.filter(|threshold| *threshold <= top) {
            let line = Rect { y: row(threshold, top, plot), height: 1, ..plot };
            super::text::fill(buf, line, theme.glyphs.threshold, theme.style(Role::Threshold));
        }
    }

    /// Names a threshold beyond the upper edge, over whatever is there.
    fn draw_far_threshold(&self, plot: Rect, top: f64, buf: &mut Buffer, theme: &Theme) {
        if let Some(threshold) = self.threshold.filter(|threshold| *threshold > top) {
            let note = format!("{} limit {}", theme.glyphs.up, (self.value)(threshold));
            let size = columns(width(&note)).min(plot.width);
            put(buf, (plot.right() - size, plot.y), size, &note, theme.style(Role::Threshold));
        }
    }

    fn draw_marks(&self, plot: Rect, buf: &mut Buffer, theme: &Theme) {
        let style = theme.style(Role::Mark);
        for mark in self.marks {
            let x = place(mark.at, plot);
            super::text::fill(buf, Rect { x, width: 1, ..plot }, theme.glyphs.mark, style);
            let room = plot.right().saturating_sub(x).saturating_sub(1);
            put(buf, (x.saturating_add(1), plot.y), room, mark.label, style);
        }
    }

    fn draw_series(&self, plot: Rect, top: f64, buf: &mut Buffer, theme: &Theme) {
        let dots = self.dots.unwrap_or(theme.glyphs.dots);
        let mut named = Vec::new();
        // Cells shared by two lines keep the dots of both in the look of the later one.
        let mut raster = Raster::new(dots, plot.width.into(), plot.height.into());
        for series in self.series {
            let mut own = Raster::new(dots, plot.width.into(), plot.height.into());
            trace(series.points, top, &mut own, &mut raster);
            for position in plot.positions() {
                let (column, line) = (usize::from(position.x - plot.x), usize::from(position.y - plot.y));
                if own.cell(column, line) != 0
                    && let Some(cell) = buf.cell_mut(position)
                {
                    cell.set_char(dots.sign(raster.cell(column, line))).set_style(theme.style(series.role));
                }
            }
            let is_there = |point: &Option<f64>| point.is_some_and(f64::is_finite);
            let Some(last) = series.points.iter().rposition(is_there) else { continue };
            let Some(Some(value)) = series.points.get(last).copied() else { continue };
            // A line that ends early is named where it ends: it must not look like the present.
            let steps = series.points.len().saturating_sub(1).max(1);
            let x = place(if series.points.len() > 1 { last as f64 / steps as f64 } else { 1.0 }, plot) + 1;
            let taken: Vec<u16> = named.iter().filter(|(other, _)| *other == x).map(|(_, y)| *y).collect();
            if let Some(y) = free_row(row(value, top, plot), plot, &taken) {
                put(buf, (x, y), 1, series.sign, theme.style(series.role));
                named.push((x, y));
            }
        }
    }
}

/// Draws the lines between neighbouring points on both grids; a missing point breaks the line.
fn trace(points: &[Option<f64>], top: f64, own: &mut Raster, shared: &mut Raster) {
    let (right, bottom) = own.reach();
    let steps = points.len().saturating_sub(1);
    let mut previous = None;
    for (index, point) in points.iter().enumerate() {
        // A lone point stands at the right edge: it is the newest.
        let x = (index * right).checked_div(steps).unwrap_or(right);
        previous = point.filter(|value| value.is_finite()).map(|value| {
            let here = (x, bottom - (share(value, top) * bottom as f64).round() as usize);
            for raster in [&mut *own, &mut *shared] {
                raster.line(previous.unwrap_or(here), here);
            }
            here
        });
    }
}

fn draw_values(plot: Rect, gutter: u16, labels: &[String; 3], buf: &mut Buffer, theme: &Theme) {
    let style = theme.style(Role::Axis);
    let [top, middle, zero] = labels;
    let middle = (middle, plot.y + plot.height / 2, plot.height >= ROOM_FOR_MIDDLE);
    let zero = (zero, plot.bottom().saturating_sub(1), plot.height >= 2);
    for (label, y, shown) in [(top, plot.y, true), middle, zero] {
        if shown {
            let size = columns(width(label));
            put(buf, (plot.x.saturating_sub(size).saturating_sub(1), y), size.min(gutter), label, style);
        }
    }
}

/// The nearest row to `y` that has no name in it yet.
fn free_row(y: u16, plot: Rect, taken: &[u16]) -> Option<u16> {
    [Some(y), y.checked_sub(1), y.checked_add(1)]
        .into_iter()
        .flatten()
        .find(|y| (plot.top()..plot.bottom()).contains(y) && !taken.contains(y))
}

fn share(value: f64, top: f64) -> f64 {
    if top > 0.0 { (value / top).clamp(0.0, 1.0) } else { 0.0 }
}

fn row(value: f64, top: f64, plot: Rect) -> u16 {
    let last = plot.height.saturating_sub(1);
    plot.y + last - (share(value, top) * f64::from(last)).round() as u16
}

fn place(at: f64, plot: Rect) -> u16 {
    plot.x.saturating_add((at.clamp(0.0, 1.0) * f64::from(plot.width.saturating_sub(1))).round() as u16)
}

/// The next number above that is 1, 2 or 5 times a power of ten; 1 above nothing.
fn round_up(value: f64) -> f64 {
    if !value.is_finite() || value <= 0.0 {
        return 1.0;
    }
    let unit = 10_f64.powf(value.log10().floor());
    // Powers of ten are inexact below one: 0.05 / 0.01 may come out a hair above 5.
    [1.0, 2.0, 5.0].into_iter().map(|step| step * unit).find(|top| value <= top * (1.0 + 1e-9)).unwrap_or(10.0 * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        for (value, top) in [(0.0, 1.0), (0.05, 0.05), (0.12, 0.2), (3.1, 5.0), (640.0, 1_000.0), (f64::NAN, 1.0)] {
            assert!((round_up(value) - top).abs() < 1e-12, "{value}: {}", round_up(value));
        }
    }
}
