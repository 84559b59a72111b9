//! The fleet: a row for each component of each environment, and all that is known of the selected one.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::format::age;
use super::look::Look;
use super::theme::Role;
use super::widgets::text::wrap;
use super::widgets::{Align, Column, Focus, Panel, Table, Width};
use crate::app::fleet::{EngineState, Fleet, Latest, Place, Running, Sighting};
use crate::domain::percent::Percent;
use crate::domain::release::Ending;
use crate::domain::time::Timestamp;

/// Rows for what is known of the selected place.
const DETAIL_ROWS: u16 = 7;

/// From this width on tasks and who asked have columns of their own.
const ROOMY: u16 = 110;

/// The view; how many places it has room for.
pub(super) fn view(look: Look<'_>, area: Rect, buf: &mut Buffer) -> usize {
    let detail_rows = if area.height >= 14 { DETAIL_ROWS } else { 0 };
    let list = Rect { height: area.height - detail_rows, ..area };
    let fleet = look.model.fleet.as_deref();
    let right = fleet.map(|fleet| how_fresh(look, fleet)).unwrap_or_default();
    let panel = Panel { title: Line::from("fleet"), right: Line::from(right), focus: Focus::Here, ..Panel::default() };
    let inner = panel.render(list, buf, look.theme);
    let Some(fleet) = fleet.filter(|fleet| !fleet.places.is_empty()) else {
        let text = match fleet {
            Some(_) => " the configuration has no environments",
            None if look.snapshot.engine.replay.is_some() => " a replay shows what was, and the fleet is what is",
            None => " not read yet",
        };
        look.row(inner, buf, vec![look.span(Role::Muted, text)], Vec::new());
        return 0;
    };
    let selected = look.model.place.min(fleet.places.len() - 1);
    let height = usize::from(inner.height.saturating_sub(1)).max(1);
    let top = (selected + 1).saturating_sub(height);
    let columns = columns(area.width >= ROOMY);
    let cell = |row: usize, column: usize| -> (Cow<'_, str>, Role) {
        match (fleet.places.get(row), columns.get(column)) {
            (Some(place), Some((what, _))) => shown(look, place, *what),
            _ => ("".into(), Role::Text),
        }
    };
    let titles: Vec<Column<'_>> = columns.iter().map(|(_, column)| *column).collect();
    Table { columns: &titles, len: fleet.places.len(), top, selected: Some(selected), cell: &cell }
        .render(inner, buf, look.theme);
    if let Some(place) = fleet.places.get(selected).filter(|_| detail_rows > 0) {
        detail(look, place, Rect { y: list.bottom(), height: detail_rows, ..area }, buf);
    }
    height
}

#[derive(Clone, Copy)]
enum What {
    Environment,
    Component,
    Serves,
    Tasks,
    Alarms,
    Release,
    To,
    By,
    Since,
}

fn columns(is_roomy: bool) -> Vec<(What, Column<'static>)> {
    let left = |title, width| Column { title, width, align: Align::Left };
    let right = |title, width| Column { title, width, align: Align::Right };
    let mut columns = vec![
        (What::Environment, left("environment", Width::AtLeast(12))),
        (What::Component, left("component", Width::AtLeast(10))),
        (What::Serves, left("serves", Width::Exactly(13))),
    ];
    if is_roomy {
        columns.push((What::Tasks, right("tasks", Width::Exactly(9))));
    }
    columns.extend([
        (What::Alarms, left("alarms", Width::Exactly(10))),
        (What::Release, left("newest release", Width::Exactly(20))),
    ]);
    if is_roomy {
        columns.extend([(What::To, left("of", Width::Exactly(13))), (What::By, left("by", Width::Exactly(10)))]);
    }
    columns.push((What::Since, right("ago", Width::Exactly(6))));
    columns
}

fn shown<'a>(look: Look<'a>, place: &'a Place, what: What) -> (Cow<'a, str>, Role) {
    let glyphs = look.theme.glyphs;
    match what {
        What::Environment if place.production => (place.environment.as_str().into(), Role::Strong),
        What::Environment => (place.environment.as_str().into(), Role::Text),
        What::Component => (place.component.as_str().into(), Role::Strong),
        What::Serves => serves(look, &place.cloud),
        What::Tasks => tasks(look, &place.cloud),
        What::Alarms => alarms(look, &place.cloud),
        What::Release => place.release.as_ref().map_or(("none".into(), Role::Muted), |latest| release(look, latest)),
        What::To => match place.release.as_ref().map(|latest| latest.to.as_ref()) {
            Some(Some(to)) => (to.short().into(), Role::Text),
            Some(None) => (format!("{} unreadable", glyphs.warning).into(), Role::Warning),
            None => ("".into(), Role::Text),
        },
        What::By => {
            (place.release.as_ref().and_then(|latest| latest.by.as_deref()).unwrap_or_default().into(), Role::Text)
        }
        What::Since => match &place.release {
            Some(latest) => (age(look.now().since(latest.at)).into(), Role::Muted),
            None => ("".into(), Role::Muted),
        },
    }
}

fn serves<'a>(look: Look<'a>, cloud: &'a Sighting) -> (Cow<'a, str>, Role) {
    let glyphs = look.theme.glyphs;
    match cloud {
        Sighting::Nothing => ("by programs".into(), Role::Muted),
        Sighting::NotYet => ("not read yet".into(), Role::NoData),
        Sighting::Failed { .. } => (format!("{} not read", glyphs.warning).into(), Role::Warning),
        Sighting::Seen { state: Running { version, share, .. }, .. } => {
            let version = version.as_ref().map_or(glyphs.ellipsis, |version| version.short());
            if *share == Percent::FULL {
                (version.into(), Role::Text)
            } else {
                (format!("{version} {share}").into(), Role::Waiting)
            }
        }
    }
}

fn tasks<'a>(look: Look<'a>, cloud: &'a Sighting) -> (Cow<'a, str>, Role) {
    let Sighting::Seen { state, .. } = cloud else { return ("".into(), Role::Text) };
    let (running, wanted) = state.tasks;
    let role = if running < wanted { Role::Warning } else { Role::Text };
    let sign = if state.is_deploying { look.theme.glyphs.running } else { "" };
    (format!("{sign} {running}/{wanted}").into(), role)
}

fn alarms<'a>(look: Look<'a>, cloud: &'a Sighting) -> (Cow<'a, str>, Role) {
    let glyphs = look.theme.glyphs;
    let Sighting::Seen { state, .. } = cloud else { return ("".into(), Role::Text) };
    let alarms = &state.alarms;
    match (alarms.firing.len(), alarms.silent) {
        (0, 0) if alarms.watched == 0 => ("none".into(), Role::Muted),
        (0, 0) => (format!("{} {} ok", glyphs.ok, alarms.watched).into(), Role::Ok),
        (0, silent) => (format!("{} {silent} silent", glyphs.no_data).into(), Role::NoData),
        (firing, _) => (format!("{} {firing} firing", glyphs.bad).into(), Role::Bad),
    }
}

fn release<'a>(look: Look<'a>, latest: &'a Latest) -> (Cow<'a, str>, Role) {
    let glyphs = look.theme.glyphs;
    let Latest { id, status, .. } = latest;
    match latest.engine {
        EngineState::Runs => (format!("{} {id} {status}", glyphs.running).into(), Role::Strong),
        EngineState::Lost => (format!("{} {id} {status}", glyphs.warning).into(), Role::Warning),
        EngineState::NotNeeded => {
            let ending = Ending::ALL.into_iter().find(|ending| ending.word() == status.as_str());
            let role = match ending {
                Some(Ending::Succeeded) => Role::Ok,
                Some(Ending::RollbackFailed | Ending::Failed) => Role::Bad,
                Some(Ending::RolledBack | Ending::Aborted) | None => Role::Warning,
            };
            (format!("  {id} {status}").into(), role)
        }
    }
}

fn how_fresh<'a>(look: Look<'a>, fleet: &'a Fleet) -> Vec<Span<'a>> {
    let (mut seen, mut failed, mut oldest): (usize, usize, Option<Timestamp>) = (0, 0, None);
    for place in &fleet.places {
        match &place.cloud {
            Sighting::Seen { at, .. } => {
                seen += 1;
                oldest = Some(oldest.map_or(*at, |oldest| oldest.min(*at)));
            }
            Sighting::Failed { .. } => failed += 1,
            Sighting::Nothing | Sighting::NotYet => {}
        }
    }
    let mut spans = Vec::new();
    if failed > 0 {
        spans.push(look.span(Role::Warning, format!("{} {failed} not read  ", look.theme.glyphs.warning)));
    }
    let when = oldest.map(|at| format!(", {} old", age(look.now().since(at)))).unwrap_or_default();
    spans.push(look.span(Role::Muted, format!("{seen} read{when}")));
    spans
}

/// What is known of the selected place, in sentences.
fn detail(look: Look<'_>, place: &Place, area: Rect, buf: &mut Buffer) {
    let title = format!("{} in {} {} {}", place.component, place.environment, look.theme.glyphs.bullet, place.site);
    let panel = Panel { title: Line::from(title), ..Panel::default() };
    let inner = panel.render(area, buf, look.theme);
    let mut lines: Vec<(Role, String)> = Vec::new();
    match &place.release {
        None => lines.push((Role::Muted, "nothing has been released here yet".to_owned())),
        Some(Latest { id, to, status, by, engine, .. }) => {
            let to = to.as_ref().map_or("written by another version".to_owned(), |to| to.short().to_owned());
            let by = by.as_ref().map(|by| format!(", by {by}")).unwrap_or_default();
            let (role, who) = match engine {
                EngineState::Runs => (Role::Strong, ", an engine acts on it"),
                EngineState::Lost => (Role::Warning, ", and no engine of this host acts on it"),
                EngineState::NotNeeded => (Role::Text, ""),
            };
            lines.push((role, format!("release {id}: {to}, {status}{by}{who}")));
        }
    }
    match &place.cloud {
        Sighting::Nothing => lines.push((Role::Muted, "it has no services: programs release it".to_owned())),
        Sighting::NotYet => lines.push((Role::NoData, "AWS has not been asked yet".to_owned())),
        Sighting::Failed { at, why } => {
            let ago = age(look.now().since(*at));
            lines.push((Role::Warning, format!("AWS could not be asked {ago} ago: {why}")));
        }
        Sighting::Seen { state, .. } => {
            let Running { service, share, tasks: (running, wanted), is_deploying, alarms, .. } = state;
            let deploying = if *is_deploying { "; ECS replaces tasks" } else { "" };
            lines.push((
                Role::Text,
                format!("{service} has {share} of the traffic, {running} of {wanted} tasks run{deploying}"),
            ));
            if !alarms.firing.is_empty() {
                lines.push((Role::Bad, format!("firing: {}", alarms.firing.join(", "))));
            }
            if alarms.silent > 0 {
                let silent = alarms.silent;
                lines
                    .push((Role::NoData, format!("{silent} of {} alarms do not exist or say nothing", alarms.watched)));
            }
        }
    }
    // In a demonstration there is nothing else to attach to.
    if !look.snapshot.engine.ends_with_face {
        lines.push((Role::Key, place.command()));
    }
    let wrapped = lines.iter().flat_map(|(role, text)| {
        wrap(text, usize::from(inner.width.saturating_sub(2))).into_iter().map(move |line| (*role, line))
    });
    for ((role, line), row) in wrapped.zip(inner.rows()) {
        look.row(row, buf, vec![Span::raw(" "), look.span(role, line)], Vec::new());
    }
}
