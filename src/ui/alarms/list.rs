//! The list of alarms: the worst first, each with a strip of its last day, and below it the reason of the selected one.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::{because, cell, face, notes, quiet_word};
use crate::app::alarms::{Place, Row, rows, selected};
use crate::domain::alarm::{Transition, strip};
use crate::engine::snapshot::AlarmWord;
use crate::ui::format::age;
use crate::ui::look::Look;
use crate::ui::theme::Role;
use crate::ui::widgets::text::{clip, put, wrap};
use crate::ui::widgets::{Align, Column, Focus, Panel, Table, Width};

/// Rows for the selected alarm's reason, with the frame.
const REASON_ROWS: u16 = 7;

/// A list less wide than this has no column for what is particular about an alarm.
const NARROW: u16 = 94;

/// How far back the strips go.
const DAY: std::time::Duration = std::time::Duration::from_hours(24);

pub(super) fn draw(look: Look<'_>, area: Rect, buf: &mut Buffer) {
    let rows = rows(look.model, look.snapshot);
    let reason_rows = if area.height >= 12 { REASON_ROWS } else { 0 };
    let list = Rect { height: area.height - reason_rows, ..area };
    let firing = rows.iter().filter(|row| row.alarm.state == AlarmWord::Firing).count();
    let mut right = vec![if firing > 0 {
        look.span(Role::Bad, format!("{firing} firing"))
    } else {
        look.span(Role::Ok, "none firing")
    }];
    right.push(look.span(Role::Muted, format!(" of {} {}", rows.len(), look.model.alarms.scope.word())));
    let panel = Panel {
        title: Line::from("alarms"),
        right: Line::from(right),
        below: Line::from(look.span(Role::Muted, state_of_list(look))),
        focus: Focus::Here,
        ..Panel::default()
    };
    let inner = panel.render(list, buf, look.theme);
    if rows.is_empty() {
        let text = if look.planned().alarms.is_empty() {
            " this release watches no alarms: name them under `alarms` in the configuration"
        } else {
            " not read yet"
        };
        look.row(inner, buf, vec![look.span(Role::Muted, text)], Vec::new());
        return;
    }
    let selected = selected(look.model, &rows);
    table(look, &rows, selected, inner, buf);
    if let Some(row) = rows.get(selected).filter(|_| reason_rows > 0) {
        reason(look, row, Rect { y: list.bottom(), height: reason_rows, ..area }, buf);
    }
}

/// How far the list of all alarms has come, where there is something to say of it.
fn state_of_list(look: Look<'_>) -> String {
    let list = &look.model.alarms.list;
    match (&list.had, &list.failed) {
        (_, Some(why)) => format!("only those of the release: {why}"),
        (None, None) if look.snapshot.engine.replay.is_some() => String::new(),
        (None, None) => "reading all alarms".to_owned(),
        (Some(had), None) => {
            let mut text = had.unread.first().map(|why| format!("not read: {why}; ")).unwrap_or_default();
            if had.is_cut {
                text.push_str("there are more than 500; ");
            }
            text.push_str(&format!("all read {} ago, last 24 h", age(look.now().since(had.at))));
            text
        }
    }
}

fn table(look: Look<'_>, rows: &[Row<'_>], selected: usize, inner: Rect, buf: &mut Buffer) {
    let strip_columns = match inner.width {
        0..100 => 12,
        100..150 => 24,
        _ => 48,
    };
    let text = |row: usize, column: usize| -> (Cow<'_, str>, Role) {
        let Some(row) = rows.get(row) else { return ("".into(), Role::Text) };
        let alarm = row.alarm;
        let (sign, role, word) = face(look.theme.glyphs, alarm.state);
        match column {
            // The reason below says it in full.
            0 if alarm.state == AlarmWord::InsufficientData => (format!("{sign} no data").into(), role),
            0 => (format!("{sign} {word}").into(), role),
            1 => (alarm.name.to_string().into(), Role::Strong),
            2 => (alarm.since.map(|at| age(look.now().since(at))).unwrap_or_default().into(), Role::Text),
            // What is particular about it is worth more where there is room for one alone.
            3 if inner.width < NARROW && !tag(row).0.is_empty() => tag(row),
            3 => match row.place {
                Place::Listed => ("rolls back".into(), Role::Text),
                Place::Component => ("only shown".into(), Role::Muted),
                Place::Elsewhere => ("elsewhere".into(), Role::Muted),
            },
            // The strip is drawn over it.
            4 => ("".into(), Role::Muted),
            5 => tag(row),
            _ => (because(look, alarm).into(), Role::Text),
        }
    };
    let mut columns = vec![
        Column { title: "state", width: Width::Exactly(10), align: Align::Left },
        Column { title: "alarm", width: Width::AtLeast(20), align: Align::Left },
        Column { title: "for", width: Width::Exactly(6), align: Align::Right },
        Column {
            title: "if it fires",
            width: Width::Exactly(if inner.width < NARROW { 14 } else { 11 }),
            align: Align::Left,
        },
        Column { title: "last 24 h", width: Width::Exactly(strip_columns), align: Align::Left },
        Column { title: "", width: Width::Exactly(14), align: Align::Left },
    ];
    if inner.width >= 150 {
        columns.push(Column { title: "why", width: Width::AtLeast(30), align: Align::Left });
    }
    let height = usize::from(inner.height.saturating_sub(1)).max(1);
    let top = (selected + 1).saturating_sub(height);
    let table = Table { columns: &columns, len: rows.len(), top, selected: Some(selected), cell: &text };
    table.render(inner, buf, look.theme);
    let Some((x, size)) = table.place(inner.width, 4) else { return };
    for (row, place) in rows.iter().skip(top).zip(inner.rows().skip(1)) {
        let at = Rect { x: inner.x + x, width: size.min(strip_columns), ..place };
        strip_of(look, row, at, buf);
    }
}

/// What is particular about an alarm, in a word or two.
fn tag(row: &Row<'_>) -> (Cow<'static, str>, Role) {
    if row.acknowledged.is_some() {
        ("acknowledged".into(), Role::Ok)
    } else if let Some(quiet) = row.quiet {
        (quiet_word(quiet).into(), Role::Warning)
    } else if row.is_old_trouble() {
        ("before release".into(), Role::Warning)
    } else {
        ("".into(), Role::Muted)
    }
}

/// The last day of an alarm, one column a part of it.
fn strip_of(look: Look<'_>, row: &Row<'_>, area: Rect, buf: &mut Buffer) {
    let Some(list) = &look.model.alarms.list.had else { return };
    let turns: Vec<&Transition> = list.transitions.iter().filter(|turn| turn.alarm == row.alarm.name).collect();
    let to = look.now();
    let cells = strip(&turns, row.alarm.state, list.known_since, (to - DAY, to), area.width.into());
    for (state, column) in cells.into_iter().zip(area.columns()) {
        let (sign, role) = cell(look.theme.glyphs, state);
        put(buf, (column.x, column.y), 1, sign, look.style(role));
    }
}

fn reason(look: Look<'_>, row: &Row<'_>, area: Rect, buf: &mut Buffer) {
    let alarm = row.alarm;
    let description = alarm.setup.description.as_deref().unwrap_or_default();
    let room = usize::from(area.width.saturating_sub(10)).saturating_sub(alarm.name.as_str().len());
    let panel = Panel {
        title: Line::from(alarm.name.to_string()),
        right: Line::from(look.span(Role::Muted, clip(description, room, look.theme.glyphs.ellipsis).into_owned())),
        ..Panel::default()
    };
    let inner = panel.render(area, buf, look.theme);
    let columns = usize::from(inner.width.saturating_sub(2));
    let why = because(look, alarm);
    let mut lines: Vec<(Role, String)> =
        wrap(&why, columns).into_iter().map(|line| (Role::Strong, line.to_owned())).collect();
    for (role, note) in notes(look, row) {
        lines.extend(wrap(&note, columns).into_iter().map(|line| (role, line.to_owned())));
    }
    for ((role, line), row) in lines.into_iter().zip(inner.rows()) {
        look.row(row, buf, vec![look.span(role, format!(" {line}"))], Vec::new());
    }
}
