//! Alarms: a strip in the release view, a list with reasons in a view of their own.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::format::{age, clock};
use super::look::Look;
use super::theme::{Glyphs, Role};
use super::widgets::text::wrap;
use super::widgets::{Align, Column, Focus, Panel, Table, Width};
use crate::engine::snapshot::{AlarmView, AlarmWord, Source};

/// Rows for the selected alarm's reason.
const REASON_ROWS: u16 = 6;

fn face(glyphs: &'static Glyphs, state: AlarmWord) -> (&'static str, Role, &'static str) {
    match state {
        AlarmWord::Firing => (glyphs.bad, Role::Bad, "firing"),
        AlarmWord::Missing => (glyphs.warning, Role::Warning, "missing"),
        AlarmWord::Unknown => (glyphs.no_data, Role::NoData, "unknown"),
        AlarmWord::InsufficientData => (glyphs.no_data, Role::NoData, "too little data"),
        AlarmWord::Ok => (glyphs.ok, Role::Ok, "ok"),
    }
}

/// The strip: what is not quiet by name, and how many are.
pub(super) fn strip(look: Look<'_>, row: Rect, buf: &mut Buffer) {
    let glyphs = look.theme.glyphs;
    let alarms = &look.seen().alarms;
    let mut left = vec![look.span(Role::Title, " alarms ")];
    for alarm in alarms.iter().filter(|alarm| alarm.state != AlarmWord::Ok) {
        left.extend(named(look, alarm));
    }
    let quiet = alarms.iter().filter(|alarm| alarm.state == AlarmWord::Ok).count();
    if look.planned().alarms.is_empty() {
        left.push(look.span(Role::Muted, " none are watched"));
    } else if alarms.is_empty() {
        left.push(look.span(Role::NoData, format!(" {} not read yet", glyphs.no_data)));
    } else if quiet > 0 {
        left.push(look.span(Role::Ok, format!(" {} {quiet} ok", glyphs.ok)));
    }
    if let Some(why) = &look.component().alarms_lost {
        left.push(look.span(Role::Bad, format!(" {} cannot be read: {why}", glyphs.warning)));
    }
    let right = look.stale(Source::Alarms).map(|text| look.span(Role::Warning, format!("{} {text} ", glyphs.warning)));
    look.row(row, buf, left, right.into_iter().collect());
}

/// Whether it is in trouble that this release has not made: that something was quiet before, too, is no news.
fn is_old_trouble(alarm: &AlarmView) -> bool {
    alarm.is_older_than_release && matches!(alarm.state, AlarmWord::Firing | AlarmWord::Missing)
}

fn named<'a>(look: Look<'a>, alarm: &'a AlarmView) -> [Span<'a>; 3] {
    let (sign, role, word) = face(look.theme.glyphs, alarm.state);
    let since = alarm.since.map(|at| format!(" {}", age(look.now().since(at)))).unwrap_or_default();
    let older = if is_old_trouble(alarm) { ", before this release" } else { "" };
    [
        Span::raw(" "),
        look.span(role, format!("{sign} {} {word}{since}", alarm.name)),
        look.span(Role::Muted, format!("{older} {}", look.theme.glyphs.bullet)),
    ]
}

/// The view: every alarm, and the reason of the selected one.
pub(super) fn view(look: Look<'_>, area: Rect, buf: &mut Buffer) {
    let alarms = &look.seen().alarms;
    let reason_rows = if area.height >= 12 { REASON_ROWS } else { 0 };
    let list = Rect { height: area.height - reason_rows, ..area };
    let firing = alarms.iter().filter(|alarm| alarm.state == AlarmWord::Firing).count();
    let right =
        if firing > 0 { look.span(Role::Bad, format!("{firing} firing")) } else { look.span(Role::Ok, "none firing") };
    let panel = Panel { title: Line::from("alarms"), right: Line::from(right), focus: Focus::Here, ..Panel::default() };
    let inner = panel.render(list, buf, look.theme);
    if alarms.is_empty() {
        let text = if look.planned().alarms.is_empty() {
            " this release watches no alarms: name them under `alarms` in the configuration"
        } else {
            " not read yet"
        };
        look.row(inner, buf, vec![look.span(Role::Muted, text)], Vec::new());
        return;
    }
    let cell = |row: usize, column: usize| -> (Cow<'_, str>, Role) {
        let Some(alarm) = alarms.get(row) else { return ("".into(), Role::Text) };
        let (sign, role, word) = face(look.theme.glyphs, alarm.state);
        match column {
            0 => (format!("{sign} {word}").into(), role),
            1 => (alarm.name.as_str().into(), Role::Strong),
            2 => (alarm.since.map(|at| age(look.now().since(at))).unwrap_or_default().into(), Role::Text),
            3 if look.planned().alarms.contains(&alarm.name) => ("rolls back".into(), Role::Text),
            3 => ("only shown".into(), Role::Muted),
            4 if is_old_trouble(alarm) => ("before release".into(), Role::Warning),
            4 => ("".into(), Role::Muted),
            _ => (alarm.since.map(|at| clock(at, look.model.utc_offset)).unwrap_or_default().into(), Role::Muted),
        }
    };
    let columns = [
        Column { title: "state", width: Width::Exactly(17), align: Align::Left },
        Column { title: "alarm", width: Width::AtLeast(20), align: Align::Left },
        Column { title: "for", width: Width::Exactly(6), align: Align::Right },
        Column { title: "if it fires", width: Width::Exactly(11), align: Align::Left },
        Column { title: "", width: Width::Exactly(14), align: Align::Left },
        Column { title: "since", width: Width::Exactly(9), align: Align::Right },
    ];
    let selected = look.model.alarm.min(alarms.len() - 1);
    let height = usize::from(inner.height.saturating_sub(1)).max(1);
    let top = (selected + 1).saturating_sub(height);
    Table { columns: &columns, len: alarms.len(), top, selected: Some(selected), cell: &cell }
        .render(inner, buf, look.theme);
    if let Some(alarm) = alarms.get(selected).filter(|_| reason_rows > 0) {
        reason(look, alarm, Rect { y: list.bottom(), height: reason_rows, ..area }, buf);
    }
}

fn reason(look: Look<'_>, alarm: &AlarmView, area: Rect, buf: &mut Buffer) {
    let panel = Panel { title: Line::from(alarm.name.to_string()), ..Panel::default() };
    let inner = panel.render(area, buf, look.theme);
    let on_list = if look.planned().alarms.contains(&alarm.name) {
        "rolls the release back when it fires"
    } else {
        "is only shown"
    };
    let text = if alarm.reason.is_empty() { "no reason given" } else { alarm.reason.as_str() };
    let lines = wrap(text, usize::from(inner.width.saturating_sub(2)));
    let texts = lines.into_iter().map(|line| (Role::Text, line)).chain([(Role::Muted, on_list)]);
    for ((role, line), row) in texts.zip(inner.rows()) {
        look.row(row, buf, vec![look.span(role, format!(" {line}"))], Vec::new());
    }
}
