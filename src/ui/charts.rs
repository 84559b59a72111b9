//! The signals view: one chart a signal, blue against green, with the limit and the moments that matter.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::format::{axis, clock};
use super::look::Look;
use super::signals::{Reading, sign};
use super::theme::Role;
use super::widgets::text::{clip, width};
use super::widgets::{Chart, Mark, Panel, Series};
use crate::app::model::Window;
use crate::domain::ids::Side;
use crate::domain::signal::Policy;
use crate::domain::time::Timestamp;

/// The least columns and rows of a chart that says something.
const LEAST: (u16, u16) = (50, 6);

/// Draws the charts that fit, and answers how many did.
pub(super) fn view(look: Look<'_>, area: Rect, buf: &mut Buffer) -> usize {
    let readings = Reading::all(look);
    if readings.is_empty() {
        let text = " this release measures nothing: name signals in the configuration";
        look.row(area, buf, vec![look.span(Role::Muted, text)], Vec::new());
        return 0;
    }
    let count = u16::try_from(readings.len()).unwrap_or(u16::MAX);
    let across = (area.width / LEAST.0).clamp(1, 3).min(count);
    let down = count.div_ceil(across).min((area.height / LEAST.1).max(1));
    let shown = usize::from(across * down).min(readings.len());
    let first = look.model.chart.min(readings.len() - shown);
    for (index, reading) in readings.iter().skip(first).take(shown).enumerate() {
        let index = u16::try_from(index).unwrap_or(u16::MAX);
        let (column, row) = (index % across, index / across);
        let (left, right) = (area.width * column / across, area.width * (column + 1) / across);
        let (top, bottom) = (area.height * row / down, area.height * (row + 1) / down);
        let place = Rect { x: area.x + left, y: area.y + top, width: right - left, height: bottom - top };
        draw(look, *reading, place, buf);
    }
    shown
}

fn draw(look: Look<'_>, reading: Reading<'_>, area: Rect, buf: &mut Buffer) {
    let (glyph, role, word) = sign(look.theme.glyphs, reading.ruling());
    let unit = reading.plan.unit;
    let (green, blue) = (reading.newest(look, Side::Green), reading.newest(look, Side::Blue));
    let title = Line::from(vec![
        look.span(role, glyph),
        ratatui::text::Span::raw(format!(" {}", reading.plan.name)),
        look.span(green.role(Role::Green), format!("  g {}", green.aged(look, unit))),
        look.span(blue.role(Role::Blue), format!("  b {}", blue.aged(look, unit))),
    ]);
    let policy = match reading.plan.policy {
        Policy::Rollback => "failure rolls back",
        Policy::Pause => "failure pauses",
        Policy::Observe => "only shown",
    };
    // The reason is worth most; the word stands here too where there is room, for beside a long name there may be none.
    let dot = look.theme.glyphs.bullet;
    let room = usize::from(area.width.saturating_sub(6));
    let captions = match (reading.stands(look, room), reading.reason()) {
        (Some(stands), Some(reason)) => vec![format!("{stands}: {word}: {reason}"), format!("{stands}: {word}")],
        (Some(stands), None) => vec![format!("{stands}: {word}")],
        (None, Some(reason)) => {
            vec![format!("{word}: {reason} {dot} {policy}"), format!("{reason} {dot} {policy}"), reason]
        }
        (None, None) => vec![policy.to_owned()],
    };
    let below = captions.iter().find(|caption| width(caption) <= room).or(captions.last());
    let below = clip(below.map(String::as_str).unwrap_or_default(), room, look.theme.glyphs.ellipsis).into_owned();
    let panel = Panel {
        title,
        right: Line::from(look.span(role, word)),
        below: Line::from(look.span(Role::Muted, below)),
        ..Panel::default()
    };
    let inner = panel.render(area, buf, look.theme);
    plot(look, reading, Rect { x: inner.x + 1, width: inner.width.saturating_sub(1), ..inner }, buf);
}

fn plot(look: Look<'_>, reading: Reading<'_>, area: Rect, buf: &mut Buffer) {
    let (Some(series), Some(end)) = (reading.series, reading.end()) else {
        look.row(area, buf, vec![look.span(Role::NoData, "nothing measured yet")], Vec::new());
        return;
    };
    let step = series.period.as_millis().max(1);
    let span = u128::from(look.model.window.minutes()) * 60_000;
    let count = usize::try_from(span / step).unwrap_or(usize::MAX).clamp(2, 10_000);
    let shown = |side| match look.model.signal_side {
        Some(only) if only != side => vec![None; count],
        _ => reading.values(side, count),
    };
    let (blue, green) = (shown(Side::Blue), shown(Side::Green));
    let unit = reading.plan.unit;
    let label = |number: f64| axis(number, unit);
    let start = end - series.period.saturating_mul(u32::try_from(count - 1).unwrap_or(u32::MAX));
    let place = |at: Timestamp| {
        let all = end.since(start).as_secs_f64();
        (at >= start && at <= end && all > 0.0).then(|| at.since(start).as_secs_f64() / all)
    };
    let (from, to) = (clock(start, look.model.utc_offset), clock(end, look.model.utc_offset));
    let begun = look.release().begun.as_ref().and_then(|begun| place(begun.at));
    let green_since = look.component().traffic.green_since.and_then(place);
    let marked = green_since.map(|at| (at, "shift")).or_else(|| begun.map(|at| (at, "begin")));
    let back = look.release().unwinding.as_ref().and_then(|unwinding| place(unwinding.since));
    // Near the right edge there is no room for the word beside the line.
    let named = |(at, label)| Mark { at, label: if at < 0.8 { label } else { "" } };
    let marks: Vec<Mark<'_>> = marked.into_iter().chain(back.map(|at| (at, "back"))).map(named).collect();
    let short = |text: &str| text.get(..5).unwrap_or_default().to_owned();
    let (from, to) = (short(&from), short(&to));
    Chart {
        series: &[
            Series { points: &blue, sign: "b", role: Role::Blue },
            Series { points: &green, sign: "g", role: Role::Green },
        ],
        threshold: reading.plan.max,
        marks: &marks,
        times: &[(0.0, &from), (1.0, &to)],
        value: &label,
        dots: None,
    }
    .render(area, buf, look.theme);
}

/// What the view shows, for its row of tabs.
pub(super) fn caption(window: Window) -> String {
    match window {
        Window::Quarter => "15 min".to_owned(),
        Window::Hour => "1 h".to_owned(),
        Window::Long => "3 h".to_owned(),
    }
}
