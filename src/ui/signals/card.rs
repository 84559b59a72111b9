//! One golden signal as a card: figures, a chart of both sides under the limit, the verdict with its evidence.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::{Reading, sign, staleness};
use crate::domain::ids::Side;
use crate::domain::signal::Ruling;
use crate::ui::format::axis;
use crate::ui::look::Look;
use crate::ui::theme::Role;
use crate::ui::widgets::text::{clip, pad_start, width, wrap};
use crate::ui::widgets::{Chart, Meter, Panel, Series, Sparkline};

/// The least rows in which a chart says more than a sparkline.
const CHART_ROWS: u16 = 3;

/// The fewest columns of a name that still tell signals apart.
const LEAST_NAME: usize = 5;

/// The most rows of a reason.
const REASON_ROWS: usize = 3;

pub(super) fn draw(look: Look<'_>, group: &[Reading<'_>], area: Rect, buf: &mut Buffer) {
    let Some((main, others)) = group.split_first() else { return };
    let (glyph, role, word) = sign(look.theme.glyphs, main.ruling());
    let columns = usize::from(area.width.saturating_sub(6));
    let right = match staleness(look, columns.saturating_sub(width(main.plan.golden.word()))) {
        Some(stale) => stale,
        None => look.span(role, format!("{glyph} {word}")),
    };
    let frame = match main.ruling() {
        Some(Ruling::Fail) => Some(Role::Danger),
        _ => None,
    };
    let room = columns.saturating_sub(right.width());
    let panel = Panel {
        title: Line::from(title(look, *main, room)),
        right: Line::from(right),
        role: frame,
        ..Panel::default()
    };
    let inner = panel.render(area, buf, look.theme);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    if inner.is_empty() {
        return;
    }
    let reason = main.reason().unwrap_or_default();
    let reason: Vec<&str> = wrap(&reason, inner.width.into()).into_iter().filter(|line| !line.is_empty()).collect();
    // What must be there first, then what there is room for: figures, evidence, a chart, the others, the reason.
    let fixed = 2;
    let others_rows = u16::try_from(others.len()).unwrap_or(u16::MAX);
    let reason_rows = u16::try_from(reason.len().min(REASON_ROWS)).unwrap_or(u16::MAX);
    let spare = inner.height.saturating_sub(fixed);
    let others_rows = others_rows.min(spare.saturating_sub(CHART_ROWS));
    let reason_rows = reason_rows.min(spare.saturating_sub(CHART_ROWS + others_rows));
    let plot_rows = spare.saturating_sub(others_rows + reason_rows);
    let mut y = inner.y;
    let mut rows = |count: u16| {
        let place = Rect { y, height: count.min(inner.bottom().saturating_sub(y)), ..inner };
        y = y.saturating_add(count);
        place
    };
    figures(look, *main, rows(1), buf);
    plot(look, *main, rows(plot_rows), buf);
    evidence(look, *main, role, rows(1), buf);
    for other in others.iter().take(others_rows.into()) {
        draw_other(look, *other, rows(1), buf);
    }
    for line in reason.into_iter().take(reason_rows.into()) {
        look.row(rows(1), buf, vec![look.span(Role::Muted, line.to_owned())], Vec::new());
    }
}

/// The signal's name, or that of its golden signal where only the shorter one leaves room for the verdict.
fn title(look: Look<'_>, reading: Reading<'_>, room: usize) -> String {
    let (name, golden) = (reading.plan.name.as_str(), reading.plan.golden.word());
    let shown = if width(name) > room && width(golden) < width(name) { golden } else { name };
    clip(shown, room.max(LEAST_NAME), look.theme.glyphs.ellipsis).into_owned()
}

fn figures(look: Look<'_>, reading: Reading<'_>, row: Rect, buf: &mut Buffer) {
    let unit = reading.plan.unit;
    let (green, blue) = (reading.newest(look, Side::Green), reading.newest(look, Side::Blue));
    let aged = [green, blue].map(|newest| newest.aged(look, unit));
    // An old value with its age where there is room for it, else none.
    let has_room = aged.iter().map(|text| width(text)).sum::<usize>() + 6 <= row.width.into();
    let [g, b] = if has_room { aged } else { [green, blue].map(|newest| newest.figure(unit)) };
    let left = vec![look.span(Role::Green, "g "), look.span(green.role(Role::Strong), g)];
    look.row(row, buf, left, vec![look.span(blue.role(Role::Blue), format!("b {b}"))]);
}

fn plot(look: Look<'_>, reading: Reading<'_>, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let count = usize::from(area.width).max(1);
    let (green, blue) = (reading.values(Side::Green, count), reading.values(Side::Blue, count));
    if area.height < CHART_ROWS {
        let points: Vec<Option<f64>> = blue.iter().chain(&green).copied().collect();
        let ceiling = super::ceiling(&points, reading.plan.max);
        Sparkline { points: &blue, ceiling: Some(ceiling), role: Role::Blue }.render(area, buf, look.theme);
        super::overlay_green(look, &green, ceiling, area, buf);
        return;
    }
    let unit = reading.plan.unit;
    let label = |number: f64| axis(number, unit);
    Chart {
        series: &[
            Series { points: &blue, sign: "b", role: Role::Blue },
            Series { points: &green, sign: "g", role: Role::Green },
        ],
        threshold: reading.plan.max,
        marks: &[],
        cursor: None,
        times: &[],
        value: &label,
        dots: None,
    }
    .render(area, buf, look.theme);
}

fn evidence(look: Look<'_>, reading: Reading<'_>, role: Role, row: Rect, buf: &mut Buffer) {
    let Some(verdict) = reading.verdict else {
        look.row(row, buf, vec![look.span(Role::Muted, "no green traffic")], Vec::new());
        return;
    };
    if let Some(stands) = reading.stands(look, row.width.into()) {
        look.row(row, buf, vec![look.span(role, stands)], Vec::new());
        return;
    }
    match verdict.ruling {
        Ruling::NoData | Ruling::Error if verdict.needed > 0 => {
            let share = Some(verdict.samples as f64 / verdict.needed as f64);
            Meter { label: "requests", share, role: Role::NoData }.render(row, buf, look.theme);
        }
        Ruling::NoData | Ruling::Error => {
            Meter { label: "to failure", share: None, role }.render(row, buf, look.theme);
        }
        Ruling::Pass | Ruling::Fail | Ruling::Marginal => {
            Meter { label: "to failure", share: Some(verdict.evidence), role }.render(row, buf, look.theme);
        }
    }
}

fn draw_other(look: Look<'_>, reading: Reading<'_>, row: Rect, buf: &mut Buffer) {
    let (glyph, role, _) = sign(look.theme.glyphs, reading.ruling());
    // The card says already what it is about: `latency-p50` is `p50` here.
    let (name, golden) = (reading.plan.name.as_str(), reading.plan.golden.word());
    let short = name.strip_prefix(golden).and_then(|rest| rest.strip_prefix('-')).unwrap_or(name);
    let left = vec![look.span(role, format!("{glyph} ")), look.span(Role::Muted, short)];
    let shown = pad_start(&reading.newest(look, Side::Green).figure(reading.plan.unit), 7);
    look.row(row, buf, left, vec![look.span(Role::Text, shown)]);
}
