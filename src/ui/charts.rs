//! The signals view: one chart a signal, blue against green, with the limit and the moments that matter.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::compared;
use super::format::{axis, clock, value};
use super::look::Look;
use super::signals::{Reading, sign};
use super::theme::Role;
use super::widgets::text::{clip, width};
use super::widgets::{Chart, Mark, Panel, Series};
use crate::app::signals;
use crate::domain::ids::Side;
use crate::domain::signal::Policy;
use crate::domain::time::Timestamp;
use crate::engine::snapshot::AlarmWord;

/// The least columns and rows of a chart that says something.
const LEAST: (u16, u16) = (50, 6);

/// Draws the charts that fit, and answers how many did.
pub(super) fn view(look: Look<'_>, area: Rect, buf: &mut Buffer) -> usize {
    let series = signals::series(look.model, look.snapshot);
    let readings = Reading::over(look, &series);
    if readings.is_empty() {
        let text = " this release measures nothing: name signals in the configuration";
        look.row(area, buf, vec![look.span(Role::Muted, text)], Vec::new());
        return 0;
    }
    let above = compared::rows(look, area);
    compared::draw(look, Rect { height: above, ..area }, buf);
    let area = Rect { y: area.y + above, height: area.height - above, ..area };
    let end = signals::end(&series);
    if look.model.signals.is_open {
        let first = look.model.chart.min(readings.len() - 1);
        if let Some(reading) = readings.get(first) {
            draw(look, *reading, end, area, buf);
        }
        return 1;
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
        draw(look, *reading, end, place, buf);
    }
    shown
}

/// What both sides had at the cursor, or have now.
fn figures<'a>(look: Look<'a>, reading: Reading<'_>) -> Vec<Span<'a>> {
    let unit = reading.plan.unit;
    let shared = reading.plan.measure.is_shared();
    let at = |side| look.model.signals.cursor.map(|at| value(reading.at(side, at), unit));
    let shown = |side: Side, role| {
        let newest = reading.newest(look, side);
        let text = at(side).unwrap_or_else(|| newest.aged(look, unit));
        let sign = if side == Side::Green { "g" } else { "b" };
        look.span(if at(side).is_some() { role } else { newest.role(role) }, format!("  {sign} {text}"))
    };
    if shared {
        let text = at(Side::Blue).unwrap_or_else(|| reading.newest(look, Side::Blue).aged(look, unit));
        return vec![look.span(Role::Strong, format!("  {text}"))];
    }
    vec![shown(Side::Green, Role::Green), shown(Side::Blue, Role::Blue)]
}

fn draw(look: Look<'_>, reading: Reading<'_>, end: Option<Timestamp>, area: Rect, buf: &mut Buffer) {
    let (glyph, role, word) = sign(look.theme.glyphs, reading.ruling());
    let mut title = vec![look.span(role, glyph), Span::raw(format!(" {}", reading.plan.name))];
    title.extend(figures(look, reading));
    if let Some(at) = look.model.signals.cursor {
        title.push(look.span(Role::Muted, format!("  at {}", stamp(look, at))));
    }
    let title = Line::from(title);
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
    plot(look, reading, end, Rect { x: inner.x + 1, width: inner.width.saturating_sub(1), ..inner }, buf);
}

fn plot(look: Look<'_>, reading: Reading<'_>, end: Option<Timestamp>, area: Rect, buf: &mut Buffer) {
    let (Some(series), Some(end)) = (reading.series, end) else {
        look.row(area, buf, vec![look.span(Role::NoData, "nothing measured yet")], Vec::new());
        return;
    };
    let end = end.floor_to(series.period);
    let step = series.period.as_millis().max(1);
    let span = u128::from(look.model.signals.window.minutes()) * 60_000;
    let count = usize::try_from(span / step).unwrap_or(usize::MAX).clamp(2, 10_000);
    let shown = |side| match look.model.signal_side {
        Some(only) if only != side => vec![None; count],
        _ => reading.values_until(side, end, count),
    };
    let (blue, green) = (shown(Side::Blue), shown(Side::Green));
    let both = reading.values_until(Side::Blue, end, count);
    let unit = reading.plan.unit;
    let label = |number: f64| axis(number, unit);
    let start = end - series.period.saturating_mul(u32::try_from(count - 1).unwrap_or(u32::MAX));
    let place = |at: Timestamp| {
        let all = end.since(start).as_secs_f64();
        (at >= start && at <= end && all > 0.0).then(|| at.since(start).as_secs_f64() / all)
    };
    let named = marks(look, start, end);
    let marks: Vec<Mark<'_>> = named
        .iter()
        .filter_map(|(at, label)| Some((place(*at)?, label)))
        // Near the right edge there is no room for the word beside the line.
        .map(|(at, label)| Mark { at, label: if at < 0.85 { label } else { "" } })
        .collect();
    let ticks = if area.width >= 70 { 4_u32 } else { 2 };
    let times: Vec<(f64, String)> = (0..=ticks)
        .map(|tick| (f64::from(tick) / f64::from(ticks), tick_label(look, start + end.since(start) * tick / ticks)))
        .collect();
    let times: Vec<(f64, &str)> = times.iter().map(|(at, text)| (*at, text.as_str())).collect();
    let sides = [
        Series { points: &blue, sign: "b", role: Role::Blue },
        Series { points: &green, sign: "g", role: Role::Green },
    ];
    let shared = [Series { points: &both, sign: look.theme.glyphs.bullet, role: Role::Strong }];
    Chart {
        series: if reading.plan.measure.is_shared() { &shared } else { &sides },
        threshold: reading.plan.max,
        marks: &marks,
        cursor: look.model.signals.cursor.and_then(place),
        times: &times,
        value: &label,
        dots: None,
    }
    .render(area, buf, look.theme);
}

/// What happened in this time: the release's beginning, its steps and its way back, and alarms that began to fire.
fn marks(look: Look<'_>, start: Timestamp, end: Timestamp) -> Vec<(Timestamp, String)> {
    let release = look.release();
    let mut marks: Vec<(Timestamp, String)> = Vec::new();
    marks.extend(release.begun.as_ref().map(|begun| (begun.at, "begin".to_owned())));
    marks.extend(look.component().traffic.green_since.map(|at| (at, "shift".to_owned())));
    marks.extend(release.unwinding.as_ref().map(|unwinding| (unwinding.since, "back".to_owned())));
    let firing = look.seen().alarms.iter().filter(|alarm| alarm.state == AlarmWord::Firing);
    marks.extend(firing.filter_map(|alarm| Some((alarm.since?, "alarm".to_owned()))));
    let listed = look.model.alarms.list.had.iter().flat_map(|list| &list.transitions);
    let of_release = listed.filter(|turn| turn.to == AlarmWord::Firing && look.planned().alarms.contains(&turn.alarm));
    marks.extend(of_release.map(|turn| (turn.at, "alarm".to_owned())));
    marks.retain(|(at, _)| *at >= start && *at <= end);
    marks.sort();
    marks.dedup();
    // Words that would stand on each other are left out, their lines are not.
    let least = end.since(start) / 8;
    let mut last: Option<Timestamp> = None;
    for (at, label) in &mut marks {
        if last.is_some_and(|last| at.since(last) < least) {
            label.clear();
        } else {
            last = Some(*at);
        }
    }
    marks
}

/// A moment under the axis: the time of day, and over more than a day the day too.
fn tick_label(look: Look<'_>, at: Timestamp) -> String {
    let time = clock(at, look.model.utc_offset).get(..5).unwrap_or_default().to_owned();
    let days = days_ago(look, at);
    if look.model.signals.window.minutes() > 1_440 && days > 0 { format!("-{days}d {time}") } else { time }
}

fn days_ago(look: Look<'_>, at: Timestamp) -> i64 {
    let day = |at: Timestamp| (at.secs() + i64::from(look.model.utc_offset)).div_euclid(86_400);
    day(look.now()) - day(at)
}

/// A moment that is read: the time of day, and the day where it is another one.
fn stamp(look: Look<'_>, at: Timestamp) -> String {
    let time = clock(at, look.model.utc_offset);
    match days_ago(look, at) {
        0 => time,
        days => format!("{time}, {days} d ago"),
    }
}

/// What the view shows, for its row of tabs.
pub(super) fn caption(look: Look<'_>) -> String {
    let window = look.model.signals.window;
    let long = look.model.signals.long.as_ref().map(|(_, long)| long);
    let state = match long {
        Some(long) if long.failed.is_some() => ", not all read",
        Some(long) if long.had.is_none() => ", reading",
        _ => "",
    };
    let watching = look.snapshot.engine.watching;
    let cost = if watching.micros > 0 {
        format!(" {} ${:.3}/h", look.theme.glyphs.bullet, watching.micros as f64 / 1e6)
    } else {
        String::new()
    };
    format!("{}{state}{cost}", window.word())
}
