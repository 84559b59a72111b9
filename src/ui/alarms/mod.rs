//! Alarms: a strip in the release view, a list with reasons in a view of their own, and one alarm with its past.

mod list;
mod opened;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::format::age;
use super::look::Look;
use super::theme::{Glyphs, Role};
use crate::app::alarms::{Place, Row};
use crate::domain::alarm::{Quiet, explain};
use crate::domain::ids::AlarmName;
use crate::engine::snapshot::{AlarmView, AlarmWord, Source};

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

/// The view: every alarm and the reason of the selected one, or one of them opened.
pub(super) fn view(look: Look<'_>, area: Rect, buf: &mut Buffer) {
    match &look.model.alarms.open {
        Some(open) => opened::draw(look, open, area, buf),
        None => list::draw(look, area, buf),
    }
}

/// What an alarm's state looks like in its history: one column.
fn cell(glyphs: &'static Glyphs, state: Option<AlarmWord>) -> (&'static str, Role) {
    match state {
        Some(AlarmWord::Firing) => (glyphs.full, Role::Bad),
        Some(AlarmWord::InsufficientData | AlarmWord::Unknown | AlarmWord::Missing) => (glyphs.track, Role::NoData),
        Some(AlarmWord::Ok) => (glyphs.rule, Role::Ok),
        None => (" ", Role::Muted),
    }
}

/// Why an alarm tells nobody, in a word or two.
fn quiet_word(quiet: &Quiet) -> &'static str {
    match quiet {
        Quiet::SwitchedOff => "actions off",
        Quiet::Muted { .. } => "muted",
        Quiet::Suppressed { .. } => "suppressed",
    }
}

/// What is to be known of an alarm beside its state: who looks after it, why it tells nobody, since when.
fn notes(look: Look<'_>, row: &Row<'_>) -> Vec<(Role, String)> {
    let mut notes = Vec::new();
    if let Some((who, note)) = row.note() {
        let at = row.acknowledged.map(|ordered| format!(" {} ago", age(look.now().since(ordered.accepted))));
        notes.push((Role::Ok, format!("acknowledged by {who}{}: {note}", at.unwrap_or_default())));
    }
    match row.quiet {
        Some(Quiet::SwitchedOff) => {
            notes.push((Role::Warning, "tells nobody: its actions are switched off".to_owned()));
        }
        Some(Quiet::Muted { rule }) => notes.push((Role::Warning, format!("tells nobody: muted by rule {rule}"))),
        Some(Quiet::Suppressed { by, why }) => {
            notes.push((Role::Warning, format!("tells nobody while {by} fires: {why}")));
        }
        None => {}
    }
    let what = match (row.place, row.alarm.state) {
        (Place::Listed, _) => "rolls the release back when it fires, and keeps one from beginning",
        (Place::Component, _) => "of this component, and only shown: name it under `alarms` to roll back by it",
        (Place::Elsewhere, _) => "not of this component, and only shown",
    };
    let when = match row.alarm.state {
        AlarmWord::Firing if row.alarm.is_older_than_release => "; it fired before this release began",
        AlarmWord::Firing => "; it fires since this release began",
        AlarmWord::Missing | AlarmWord::Unknown | AlarmWord::InsufficientData | AlarmWord::Ok => "",
    };
    notes.push((Role::Muted, format!("{what}{when}")));
    notes
}

/// Why an alarm is in its state. Of a composite one, which of its children fire.
fn because(look: Look<'_>, alarm: &AlarmView) -> String {
    let children = alarm.setup.children();
    if children.is_empty() {
        return explain(alarm.state, &alarm.reason, &alarm.setup);
    }
    let known = rows_of_all(look);
    let firing: Vec<&str> = children
        .iter()
        .filter(|child| known.iter().any(|(name, state)| name == *child && *state == AlarmWord::Firing))
        .map(AlarmName::as_str)
        .collect();
    match firing.as_slice() {
        [] => format!("none of its {} alarms fires", children.len()),
        some => format!("{} of its {} alarms fire: {}", some.len(), children.len(), some.join(", ")),
    }
}

/// Every alarm that is known, whatever is listed, with its state.
fn rows_of_all(look: Look<'_>) -> Vec<(AlarmName, AlarmWord)> {
    let watched = look.seen().alarms.iter();
    let listed = look.model.alarms.list.had.iter().flat_map(|list| &list.alarms);
    watched.chain(listed).map(|alarm| (alarm.name.clone(), alarm.state)).collect()
}
