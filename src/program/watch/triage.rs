//! What is wrong with a component, and what was changed before: what AWS, the alarms and the journal tell of it.

use std::path::Path;
use std::time::Duration;

use tokio::join;

use crate::cloud::{Alarm, AlarmState, Cloud, CloudError, Target};
use crate::domain::capacity::Capacities;
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::ids::{AlarmName, ComponentName, ReleaseId};
use crate::domain::observed::AlarmWord;
use crate::domain::plan::Plan;
use crate::domain::time::Timestamp;
use crate::domain::triage::{Change, ChangeKind, Triage};
use crate::journal::sqlite::SqliteJournal;
use crate::journal::{Journal, Listing, Summary};
use crate::program::back::{self, Wish};

/// Releases that are looked through.
const LOOKED_THROUGH: usize = 500;

/// Releases that succeeded and are held against what serves, newest first.
const TRIED: usize = 5;

/// Where it is looked.
pub(super) struct Place<'a> {
    pub(super) cloud: &'a dyn Cloud,
    pub(super) target: Option<&'a Target>,
    /// Of the release that would be made of what serves.
    pub(super) plan: &'a Plan,
    /// The journal's file; it need not be there.
    pub(super) journal: &'a Path,
    pub(super) lineup: &'a Components<ComponentName>,
}

/// What could be read, and what could not.
pub(super) async fn look(place: &Place<'_>, now: Timestamp, since: Duration) -> Triage {
    let planned = &place.plan.components[ComponentIndex::FIRST];
    let from = now - since;
    let deployments = async {
        match place.target {
            Some(target) => place.cloud.deployments().changes(target, from).await,
            None => Ok(Vec::new()),
        }
    };
    let capacity = async {
        match &planned.sides {
            Some(sides) => place.cloud.capacity(sides).await.map(Some),
            None => Ok(None),
        }
    };
    let names: Vec<AlarmName> = planned.alarms.clone();
    let (alarms, past, deployed, capacity) =
        join!(place.cloud.alarms(&names), place.cloud.alarming().transitions(None, from), deployments, capacity,);
    let mut unread = Vec::new();
    let alarms = read(alarms, "the alarms", &mut unread);
    let past = read(past, "what the alarms went through", &mut unread);
    let mut changes = read(deployed, "what was deployed", &mut unread);
    let capacity = read(capacity, "the tasks", &mut unread);
    let mut wrong: Vec<(Option<Timestamp>, String)> = alarms.iter().filter_map(firing).collect();
    wrong.extend(capacity.as_ref().and_then(|both| short_of_tasks(both, place.plan)));
    let transitions = past.transitions.into_iter().filter(|transition| names.contains(&transition.alarm));
    changes.extend(transitions.map(|transition| {
        let (name, word) = (transition.alarm, transition.to.word());
        let text = format!("alarm {name} {} {word}: {}", "→", transition.reason);
        let is_firing = transition.to == AlarmWord::Firing;
        let kind = if is_firing { ChangeKind::Fired(name) } else { ChangeKind::Alarm(name) };
        Change { at: transition.at, kind, text }
    }));
    let earlier = match kept(place, from) {
        Ok((releases, earlier)) => {
            changes.extend(releases);
            earlier
        }
        Err(why) => {
            unread.push(format!("the journal: {}", crate::program::output::in_words(&why)));
            None
        }
    };
    Triage::of(now, wrong, changes, earlier, unread)
}

fn read<T: Default>(result: Result<T, CloudError>, what: &str, unread: &mut Vec<String>) -> T {
    result.unwrap_or_else(|error| {
        unread.push(format!("{what}: {error}"));
        T::default()
    })
}

fn firing(alarm: &Alarm) -> Option<(Option<Timestamp>, String)> {
    match alarm.state {
        AlarmState::Alarm => Some((alarm.since, format!("alarm {} fires: {}", alarm.name, alarm.reason))),
        AlarmState::Missing => Some((None, format!("alarm {} does not exist", alarm.name))),
        AlarmState::Ok | AlarmState::InsufficientData | AlarmState::Unknown => None,
    }
}

fn short_of_tasks(both: &Capacities, plan: &Plan) -> Option<(Option<Timestamp>, String)> {
    let wanted = plan.components[ComponentIndex::FIRST].wanted(crate::domain::ids::Side::Blue);
    let healthy = both.blue.healthy;
    let trouble = both.blue.trouble.as_ref().map(|trouble| format!(": {trouble}")).unwrap_or_default();
    (healthy < wanted).then(|| (None, format!("{healthy} of {wanted} targets are healthy{trouble}")))
}

/// The releases since then, and the newest that succeeded and that something else has taken the place of.
fn kept(place: &Place<'_>, from: Timestamp) -> color_eyre::eyre::Result<(Vec<Change>, Option<ReleaseId>)> {
    if !place.journal.exists() {
        return Ok((Vec::new(), None));
    }
    let journal = SqliteJournal::open(place.journal)?;
    let name = place.lineup[ComponentIndex::FIRST].as_str();
    let Listing { releases, .. } = journal.list(LOOKED_THROUGH)?;
    let is_ours =
        |summary: &&Summary| summary.plan.environment == place.plan.environment && summary.plan.releases(name);
    let changes = releases.iter().filter(is_ours).filter(|summary| summary.created >= from).map(|summary| Change {
        at: summary.created,
        kind: ChangeKind::Release(summary.id),
        text: format!("release {} by {}: {}, {}", summary.id, summary.by.name, summary.plan.moves(), summary.status),
    });
    let succeeded = releases.iter().filter(is_ours).filter(|summary| summary.status == "succeeded").take(TRIED);
    let is_replaced = |summary: &&Summary| {
        let wish = Wish { to: summary.id, reason: None, leave_migrations: true };
        let lineup = summary.plan.components.map(|planned| planned.name.clone());
        let way = back::find(&journal, place.plan.environment.as_str(), &lineup, wish);
        way.is_ok_and(|back| !back.way.serves_already(place.plan))
    };
    Ok((changes.collect(), succeeded.clone().find(is_replaced).map(|summary| summary.id)))
}
