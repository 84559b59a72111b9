//! The warm hold of a release whose engine is gone, when a new release of the same components comes.

use std::sync::Arc;

use super::clean::Cleaner;
use crate::clock::Clock;
use crate::cloud::{Cloud, CloudError};
use crate::domain::command::Actor;
use crate::domain::components::Components;
use crate::domain::event::Event;
use crate::domain::ids::{ComponentName, ReleaseId};
use crate::domain::machine;
use crate::domain::percent::Percent;
use crate::domain::redact::Redactor;
use crate::domain::release::Ending;
use crate::journal::format::sign;
use crate::journal::{Entry, Journal, JournalError, Record, Standing, replay};

/// Why the new release cannot take over.
#[derive(Debug, thiserror::Error)]
pub enum NotSuperseded {
    /// More than the hold is left of the earlier release.
    #[error("release {0} has more to do than to keep blue warm")]
    HasMore(ReleaseId),
    /// What serves is not what the earlier release has made serve.
    #[error("release {release} had all traffic of {component} on green, which has {green} now; look first")]
    Traffic {
        /// The earlier release.
        release: ReleaseId,
        /// Whose traffic.
        component: ComponentName,
        /// What green has.
        green: Percent,
    },
    /// The load balancer gives no answer.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// The journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Ends a release of which only the warm hold is left, in favour of a new one that `by` begins: as succeeded, if its green
/// is seen to have all traffic, and without touching blue. Its last messages are left to whichever engine comes next. The
/// caller holds whatever keeps other engines from acting on the release; `clouds` are of its components, in their order.
///
/// # Errors
///
/// Why it does not end. It stands as it was then.
pub async fn supersede(
    journal: &mut dyn Journal,
    id: ReleaseId,
    clouds: &Components<Arc<dyn Cloud>>,
    redactor: &Redactor,
    by: Actor,
    clock: Clock,
) -> Result<(), NotSuperseded> {
    let summary = journal.find(id)?;
    let mut release = replay(id, summary.plan, &journal.records(id)?);
    if release.warm_hold().is_none_or(|hold| hold.is_ending) {
        return Err(NotSuperseded::HasMore(id));
    }
    let places: Vec<_> = release.plan.components.iter().map(|(of, plan)| (of, plan.name.clone())).collect();
    let mut events = Vec::new();
    for (component, name) in places {
        let Some(sides) = &release.plan.components[component].sides else { continue };
        let green = clouds[component].weight(sides).await?;
        if green != Percent::FULL {
            return Err(NotSuperseded::Traffic { release: id, component: name, green });
        }
        events.push(Event::WeightObserved { component, green });
    }
    events.push(Event::Superseded { by });
    let (now, cleaner) = (clock.now(), Cleaner::new(redactor.clone()));
    let mut records = Vec::new();
    for event in events.into_iter().map(|event| cleaner.event(event)) {
        let reaction = machine::step(&mut release, event.clone(), now);
        let intents = reaction.start.into_iter().map(Entry::Intent);
        let entries = reaction.changed.then_some(Entry::Event(event)).into_iter().chain(intents);
        records.extend(entries.map(|entry| Record { at: now, entry }));
    }
    match &release.ended {
        Some(ended) if ended.ending == Ending::Succeeded => {
            sign(journal, &release, now)?;
            let standing = Standing { status: release.status().word(), ended: true };
            Ok(journal.append(id, &records, standing)?)
        }
        _ => Err(NotSuperseded::HasMore(id)),
    }
}
