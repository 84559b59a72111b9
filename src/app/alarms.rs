//! The alarms view: every alarm, the worst first, and one of them opened.

use std::sync::Arc;

use super::asked::Asked;
use super::model::Model;
use crate::domain::alarm::{Quiet, Transition};
use crate::domain::command::{Command, Ordered};
use crate::domain::ids::AlarmName;
use crate::domain::plan::ComponentPlan;
use crate::domain::time::Timestamp;
use crate::engine::handle::{AlarmDetail, AlarmList};
use crate::engine::snapshot::{AlarmView, AlarmWord, Snapshot};

/// What the alarms view shows.
#[derive(Debug, Default)]
pub struct AlarmPane {
    /// The selected alarm, by name, since their order changes under the reader. `None` is the first.
    pub selected: Option<AlarmName>,
    /// Which alarms are listed.
    pub scope: Scope,
    /// Every alarm of the region.
    pub list: Asked<Arc<AlarmList>>,
    /// The one that is opened.
    pub open: Option<Open>,
}

/// An opened alarm.
#[derive(Debug)]
pub struct Open {
    /// Which.
    pub alarm: AlarmName,
    /// What was found out about it.
    pub detail: Asked<Arc<AlarmDetail>>,
    /// The selected one of its changes of state, newest first.
    pub turn: usize,
}

/// Which alarms are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Every one of the region.
    #[default]
    All,
    /// Those of the release, and those whose metrics are of the component.
    Component,
    /// Those of the release alone.
    Listed,
}

impl Scope {
    /// The next one.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::All => Self::Component,
            Self::Component => Self::Listed,
            Self::Listed => Self::All,
        }
    }

    /// What it lists, in words.
    pub fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Component => "of the component",
            Self::Listed => "that roll back",
        }
    }
}

/// What an alarm has to do with the release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// It keeps the release from beginning, and rolls it back.
    Listed,
    /// Its metrics are of the component, or it is made of such alarms.
    Component,
    /// Nothing.
    Elsewhere,
}

/// One alarm of the list.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// It.
    pub alarm: &'a AlarmView,
    /// What it has to do with the release.
    pub place: Place,
    /// Why it tells nobody, if it does not.
    pub quiet: Option<&'a Quiet>,
    /// Who looks after it since it fires.
    pub acknowledged: Option<&'a Ordered>,
}

impl Row<'_> {
    /// Whether it is in trouble that this release has not made: that something was quiet before, too, is no news.
    pub fn is_old_trouble(&self) -> bool {
        self.alarm.is_older_than_release && matches!(self.alarm.state, AlarmWord::Firing | AlarmWord::Missing)
    }

    /// The note with which it was acknowledged.
    pub fn note(&self) -> Option<(&str, &str)> {
        let ordered = self.acknowledged?;
        let Command::Acknowledge { note, .. } = &ordered.command else { return None };
        Some((ordered.by.name.as_str(), note.as_str()))
    }
}

/// The alarms that are listed: firing ones first, then those of the release, then those of its component.
pub fn rows<'a>(model: &'a Model, snapshot: &'a Snapshot) -> Vec<Row<'a>> {
    let focus = model.focus_in(snapshot);
    let planned = &snapshot.release.plan.components[focus];
    let watched = &snapshot.components[focus].alarms;
    let listed: &[AlarmView] = model.alarms.list.had.as_ref().map(|list| list.alarms.as_slice()).unwrap_or_default();
    let others = listed.iter().filter(|other| watched.iter().all(|alarm| alarm.name != other.name));
    let places = places(planned);
    let is_about = |alarm: &AlarmView| alarm.setup.is_about(&places);
    let place = |alarm: &AlarmView| {
        if planned.alarms.contains(&alarm.name) {
            return Place::Listed;
        }
        let children = alarm.setup.children();
        let has_child = children.iter().any(|child| {
            planned.alarms.contains(child) || listed.iter().any(|other| other.name == *child && is_about(other))
        });
        if has_child || is_about(alarm) { Place::Component } else { Place::Elsewhere }
    };
    let mut rows: Vec<Row<'a>> = watched
        .iter()
        .chain(others)
        .map(|alarm| {
            // Mute rules are only known of the list.
            let muted = || listed.iter().find(|other| other.name == alarm.name)?.setup.quiet.as_ref();
            Row {
                alarm,
                place: place(alarm),
                quiet: alarm.setup.quiet.as_ref().or_else(muted),
                acknowledged: acknowledged(snapshot, alarm),
            }
        })
        .filter(|row| match model.alarms.scope {
            Scope::All => true,
            Scope::Component => row.place <= Place::Component,
            Scope::Listed => row.place == Place::Listed,
        })
        .collect();
    rows.sort_by(|a, b| {
        let key = |row: &Row<'_>| (row.alarm.state, row.place);
        key(a).cmp(&key(b)).then_with(|| a.alarm.name.cmp(&b.alarm.name))
    });
    rows
}

/// The newest acknowledgement of an alarm since it came into its state.
fn acknowledged<'a>(snapshot: &'a Snapshot, alarm: &AlarmView) -> Option<&'a Ordered> {
    if alarm.state != AlarmWord::Firing {
        return None;
    }
    let is_of = |command: &Command| matches!(command, Command::Acknowledge { alarm: of, .. } if *of == alarm.name);
    let newest = snapshot.release.orders.iter().rev().find(|ordered| is_of(&ordered.command));
    newest.filter(|ordered| alarm.since.is_none_or(|since| ordered.accepted >= since))
}

/// The values of dimensions that metrics of a component have.
fn places(plan: &ComponentPlan) -> Vec<String> {
    let Some(sides) = &plan.sides else { return Vec::new() };
    let of_sides = [&sides.blue, &sides.green].into_iter().flat_map(|side| {
        let service = side.service.rsplit('/').next().unwrap_or_default();
        let group = side.target_group.rsplit(':').next().unwrap_or_default();
        [service.to_owned(), group.to_owned()]
    });
    of_sides.chain(sides.load_balancer().map(str::to_owned)).collect()
}

/// The place of the selected one among the rows.
pub fn selected(model: &Model, rows: &[Row<'_>]) -> usize {
    let name = model.alarms.selected.as_ref();
    name.and_then(|name| rows.iter().position(|row| row.alarm.name == *name)).unwrap_or(0)
}

/// The alarm that the keys are about: the one opened, or else the one selected.
pub fn meant<'a>(model: &'a Model, snapshot: &'a Snapshot) -> Option<Row<'a>> {
    let rows = rows(model, snapshot);
    match &model.alarms.open {
        Some(open) => rows.iter().find(|row| row.alarm.name == open.alarm).copied(),
        None => rows.get(selected(model, &rows)).copied(),
    }
}

/// The change of state of the opened alarm that is selected.
pub fn turn(model: &Model) -> Option<&Transition> {
    let open = model.alarms.open.as_ref()?;
    open.detail.had.as_ref()?.transitions.get(open.turn)
}

/// The moment that the logs are to be shown of.
pub(super) fn moment(model: &Model, snapshot: &Snapshot) -> Option<Timestamp> {
    turn(model).map(|turn| turn.at).or_else(|| meant(model, snapshot)?.alarm.since)
}

/// Selects so many alarms further on, or changes of the opened one.
pub(super) fn step(model: &mut Model, snapshot: &Snapshot, by: isize) {
    if let Some(open) = &mut model.alarms.open {
        let last = open.detail.had.as_ref().map_or(0, |detail| detail.transitions.len().saturating_sub(1));
        open.turn = open.turn.saturating_add_signed(by).min(last);
        return;
    }
    let rows = rows(model, snapshot);
    let place = selected(model, &rows).saturating_add_signed(by).min(rows.len().saturating_sub(1));
    let name = rows.get(place).map(|row| row.alarm.name.clone());
    model.alarms.selected = name;
}

/// Opens the selected alarm.
pub(super) fn open(model: &mut Model, snapshot: &Snapshot) {
    let Some(row) = meant(model, snapshot) else { return };
    let alarm = row.alarm.name.clone();
    model.alarms.selected = Some(alarm.clone());
    model.alarms.open = Some(Open { alarm, detail: Asked::default(), turn: 0 });
}
