//! One alarm: why it is in its state, what it looks at against its limit, what it went through, and the releases around
//! that.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{because, cell, face, notes, rows_of_all};
use crate::app::alarms::{Open, meant};
use crate::domain::alarm::{Condition, Transition, strip};
use crate::domain::time::Timestamp;
use crate::engine::snapshot::{AlarmDetail, AlarmWord};
use crate::ui::format::{age, clock};
use crate::ui::look::Look;
use crate::ui::theme::Role;
use crate::ui::widgets::text::{put, wrap};
use crate::ui::widgets::{Chart, Focus, List, Mark, Panel, Series};

/// A body at least this wide has history and releases side by side.
const SIDE_BY_SIDE: u16 = 110;

pub(super) fn draw(look: Look<'_>, open: &Open, area: Rect, buf: &mut Buffer) {
    let Some(row) = meant(look.model, look.snapshot) else {
        let text = format!(" {} is gone", open.alarm);
        return look.row(area, buf, vec![look.span(Role::NoData, text)], Vec::new());
    };
    let alarm = row.alarm;
    let (sign, role, word) = face(look.theme.glyphs, alarm.state);
    let since = alarm.since.map(|at| format!(" for {}", age(look.now().since(at)))).unwrap_or_default();
    let title = Line::from(vec![
        look.span(role, format!("{sign} ")),
        Span::raw(alarm.name.to_string()),
        look.span(role, format!(" {word}{since}")),
    ]);
    let columns = usize::from(area.width.saturating_sub(4));
    let why = because(look, alarm);
    let mut lines: Vec<(Role, String)> =
        wrap(&why, columns).into_iter().take(2).map(|line| (Role::Strong, line.to_owned())).collect();
    if let Some(description) = &alarm.setup.description {
        lines.extend(wrap(description, columns).into_iter().take(1).map(|line| (Role::Text, line.to_owned())));
    }
    for (role, note) in notes(look, &row) {
        lines.extend(wrap(&note, columns).into_iter().take(2).map(|line| (role, line.to_owned())));
    }
    let most = usize::from(area.height / 3).max(2);
    lines.truncate(most);
    let head_rows = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2).min(area.height);
    let head = Rect { height: head_rows, ..area };
    let inner = Panel { title, focus: Focus::Here, ..Panel::default() }.render(head, buf, look.theme);
    for ((role, line), row) in lines.into_iter().zip(inner.rows()) {
        look.row(row, buf, vec![look.span(role, format!(" {line}"))], Vec::new());
    }
    let rest = Rect { y: head.bottom(), height: area.height - head.height, ..area };
    let Some(detail) = &open.detail.had else {
        let text = match &open.detail.failed {
            Some(why) => look.span(Role::Bad, format!(" {} cannot be read: {why}", look.theme.glyphs.warning)),
            None if look.snapshot.engine.replay.is_some() => {
                look.span(Role::Muted, " a replay holds no more than this of an alarm")
            }
            None => look.span(Role::Muted, " reading what it looks at, and its history"),
        };
        return look.row(rest, buf, vec![text], Vec::new());
    };
    let has_chart = alarm.setup.condition().is_some();
    let chart_rows = if has_chart { (rest.height * 3 / 5).max(5).min(rest.height) } else { 0 };
    let chart = Rect { height: chart_rows, ..rest };
    // A composite alarm has no points: its children stand in their place.
    if let Some(condition) = alarm.setup.condition() {
        plot(look, condition, detail, chart, buf);
    }
    let below = Rect { y: chart.bottom(), height: rest.height - chart.height, ..rest };
    let half = if area.width >= SIDE_BY_SIDE || !has_chart { below.width / 2 } else { below.width };
    history(look, open, detail, alarm.state, Rect { width: half, ..below }, buf);
    let right = Rect { x: below.x + half, width: below.width - half, ..below };
    if has_chart {
        releases(look, detail, right, buf);
    } else {
        children(look, alarm.setup.children(), right, buf);
    }
}

fn plot(look: Look<'_>, condition: &Condition, detail: &AlarmDetail, area: Rect, buf: &mut Buffer) {
    let of = &condition.of;
    let each = format!("{} points of {}", detail.points.len(), age(detail.period));
    let limit = condition.threshold.map_or_else(|| "a band".to_owned(), |threshold| of.amount(threshold));
    let takes = format!("fires after {} of {} beyond {limit}", condition.breaches, condition.periods);
    let below = detail.unread.first().map_or(takes, |why| format!("not read: {why}"));
    let panel = Panel {
        title: Line::from(of.title()),
        right: Line::from(look.span(Role::Muted, each)),
        below: Line::from(look.span(Role::Muted, below)),
        ..Panel::default()
    };
    let inner = panel.render(area, buf, look.theme);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(1), ..inner };
    if detail.points.is_empty() {
        let text = "no points in this time: nothing is known, which is not the same as fine";
        return look.row(inner, buf, vec![look.span(Role::NoData, text)], Vec::new());
    }
    let end = detail.at.floor_to(detail.period);
    let step = i64::try_from(detail.period.as_millis()).unwrap_or(i64::MAX).max(1);
    let from = detail.from.floor_to(detail.period);
    let count = usize::try_from((end.millis() - from.millis()) / step).unwrap_or(0).clamp(2, 4_000);
    let mut points = vec![None; count];
    for (at, value) in &detail.points {
        let place = usize::try_from((at.millis() - from.millis()) / step).ok();
        if let Some(slot) = place.and_then(|place| points.get_mut(place)) {
            *slot = Some(*value);
        }
    }
    let place = |at: Timestamp| {
        let all = end.since(from).as_secs_f64();
        (at >= from && at <= end && all > 0.0).then(|| at.since(from).as_secs_f64() / all)
    };
    let firing = detail.transitions.iter().filter(|turn| turn.to == AlarmWord::Firing);
    let turns = firing.filter_map(|turn| place(turn.at)).map(|at| (at, "fires".to_owned()));
    let begun = detail.releases.iter().filter_map(|release| Some((place(release.begun)?, format!("#{}", release.id))));
    let named: Vec<(f64, String)> = turns.chain(begun).take(12).collect();
    let marks: Vec<Mark<'_>> =
        named.iter().map(|(at, label)| Mark { at: *at, label: if *at < 0.9 { label } else { "" } }).collect();
    let short = |at: Timestamp| clock(at, look.model.utc_offset).get(..5).unwrap_or_default().to_owned();
    let middle = from + end.since(from) / 2;
    let times = [(0.0, short(from)), (0.5, short(middle)), (1.0, short(end))];
    let times: Vec<(f64, &str)> = times.iter().map(|(at, text)| (*at, text.as_str())).collect();
    let label = |number: f64| of.amount(number);
    Chart {
        series: &[Series { points: &points, sign: look.theme.glyphs.bullet, role: Role::Strong }],
        threshold: condition.threshold,
        marks: &marks,
        cursor: None,
        times: &times,
        value: &label,
        dots: None,
    }
    .render(inner, buf, look.theme);
}

/// Its changes of state, newest first, under a strip of all the time that is known.
fn history(look: Look<'_>, open: &Open, detail: &AlarmDetail, now: AlarmWord, area: Rect, buf: &mut Buffer) {
    let turns = &detail.transitions;
    let known = age(look.now().since(detail.known_since));
    let panel = Panel {
        title: Line::from(format!("history, {} changes in {known}", turns.len())),
        focus: Focus::Here,
        role: Some(Role::Border),
        ..Panel::default()
    };
    let inner = panel.render(area, buf, look.theme);
    if inner.height == 0 {
        return;
    }
    let band = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), height: 1, ..inner };
    let all: Vec<&Transition> = turns.iter().collect();
    let cells = strip(&all, now, detail.known_since, (detail.known_since, look.now()), band.width.into());
    for (state, column) in cells.into_iter().zip(band.columns()) {
        let (sign, role) = cell(look.theme.glyphs, state);
        put(buf, (column.x, column.y), 1, sign, look.style(role));
    }
    let list = Rect { y: inner.y + 1, height: inner.height - 1, ..inner };
    if turns.is_empty() {
        return look.row(list, buf, vec![look.span(Role::Muted, " no change in this time")], Vec::new());
    }
    let row = |index: usize| {
        let Some(turn) = turns.get(index) else { return Line::default() };
        let (sign, role, word) = face(look.theme.glyphs, turn.to);
        let lasted = index.checked_sub(1).and_then(|next| turns.get(next)).map_or(look.now(), |next| next.at);
        look.clip_line(
            vec![
                look.span(Role::Muted, format!("{} ", moment(look, turn.at))),
                look.span(role, format!("{sign} {word}")),
                look.span(Role::Muted, format!(" for {}", age(lasted.since(turn.at)))),
                look.span(Role::Muted, format!("  {}", turn.reason)),
            ],
            usize::from(list.width.saturating_sub(1)),
        )
    };
    let height = usize::from(list.height).max(1);
    let top = (open.turn + 1).saturating_sub(height);
    List { len: turns.len(), top, selected: Some(open.turn), row: &row }.render(list, buf, look.theme);
}

fn releases(look: Look<'_>, detail: &AlarmDetail, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let inner = Panel { title: Line::from("releases around it"), ..Panel::default() }.render(area, buf, look.theme);
    if detail.releases.is_empty() {
        return look.row(inner, buf, vec![look.span(Role::Muted, " none in this time")], Vec::new());
    }
    for (release, row) in detail.releases.iter().zip(inner.rows()) {
        let ended = release.ended.map(|at| format!(" until {}", moment(look, at))).unwrap_or_default();
        let left = vec![
            look.span(Role::Muted, format!(" {} ", moment(look, release.begun))),
            look.span(Role::Strong, format!("#{} {}", release.id, release.what)),
            look.span(Role::Text, format!(" {}", release.status)),
            look.span(Role::Muted, ended),
        ];
        look.row(row, buf, left, Vec::new());
    }
}

fn children(look: Look<'_>, names: &[crate::domain::ids::AlarmName], area: Rect, buf: &mut Buffer) {
    let inner = Panel { title: Line::from("made of"), ..Panel::default() }.render(area, buf, look.theme);
    let known = rows_of_all(look);
    for (name, row) in names.iter().zip(inner.rows()) {
        let state = known.iter().find(|(known, _)| known == name).map(|(_, state)| *state);
        let left = match state {
            Some(state) => {
                let (sign, role, word) = face(look.theme.glyphs, state);
                vec![look.span(role, format!(" {sign} {word} ")), look.span(Role::Strong, name.to_string())]
            }
            None => vec![
                look.span(Role::NoData, format!(" {} not read ", look.theme.glyphs.no_data)),
                look.span(Role::Strong, name.to_string()),
            ],
        };
        look.row(row, buf, left, Vec::new());
    }
}

/// The time of day, and the day where it is another one.
fn moment(look: Look<'_>, at: Timestamp) -> String {
    let days = (look.now().secs() + i64::from(look.model.utc_offset)).div_euclid(86_400)
        - (at.secs() + i64::from(look.model.utc_offset)).div_euclid(86_400);
    let time = clock(at, look.model.utc_offset);
    match days {
        0 => time,
        days => format!("{days} d ago {}", time.get(..5).unwrap_or_default()),
    }
}
