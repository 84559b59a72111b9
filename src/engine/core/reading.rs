//! What was read from the cloud, on its way to the machine and to the faces.

use std::time::Duration;

use super::{Acts, Core};
use crate::cloud::{Alarm, AlarmState, CloudError};
use crate::domain::capacity::Capacity;
use crate::domain::components::ComponentIndex;
use crate::domain::event::{Event, FiringAlarm};
use crate::domain::percent::Percent;
use crate::domain::time::Timestamp;
use crate::engine::poll::{Read, Reading, Topic};
use crate::engine::snapshot::IdentityView;
use crate::journal::JournalError;

/// Credentials that nobody renews are said to end this long before they do.
const CREDENTIALS_SOON: Duration = Duration::from_mins(15);

/// How near the end of credentials is that nobody renews.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CredentialsEnd {
    Unknown,
    Soon,
    Past,
}

/// Green's weight as a part of one.
pub(in crate::engine) fn share_of(green: Percent) -> f64 {
    f64::from(green.get()) / 100.0
}

impl Core {
    /// A read has ended.
    pub(in crate::engine) fn read(&mut self, read: Read, now: Timestamp) -> Result<Acts, JournalError> {
        let component = read.component;
        let reading = match read.result {
            Ok(reading) => {
                self.answered(&reading, read.topic, component, now);
                reading
            }
            Err(error) => return self.read_failed(read.topic, component, &error, now),
        };
        let is_old = read.generation != self.generation;
        match reading {
            Reading::Weight(_) | Reading::Capacity(_) if is_old => {
                Ok(Acts { hurry: vec![(read.topic, component)], ..Acts::default() })
            }
            Reading::Weight(green) => {
                self.watches[component].judge.weigh(share_of(green), now);
                self.tell(Event::WeightObserved { component, green }, now)
            }
            Reading::Capacity(capacities) => {
                let failed = capacities.green.failed_tasks;
                let known = self.release.components[component].capacities.as_ref();
                let has_more = failed > known.map_or(0, |known| known.green.failed_tasks);
                // Green's first requests would count for nobody if its tasks were not known by then.
                let is_up = |side: &Capacity| side.desired > 0 && side.healthy >= side.desired;
                let has_come_up = is_up(&capacities.green) && !known.is_some_and(|known| is_up(&known.green));
                let mut acts = self.tell(Event::CapacityObserved { component, capacities }, now)?;
                if has_more || has_come_up {
                    acts.hurry.push((Topic::Tasks, component));
                }
                Ok(acts)
            }
            Reading::Alarms(alarms) => self.alarms_read(component, alarms, now),
            Reading::Signals(pairs) => {
                let green_since = self.release.components[component].traffic.green_since;
                let new = self.watches[component].measurements.take(pairs, now, green_since);
                if self.release.ended.is_none() {
                    self.witness.points(component, self.watches[component].measurements.period(), new, now);
                }
                let acts = self.judge(component, now)?;
                self.flush(now)?;
                Ok(acts)
            }
            Reading::Identity(identity) => {
                let identity = self.cleaner.identity(identity);
                self.acting = Some(identity.arn.clone());
                let (expires, is_renewed) = (identity.expires, identity.is_renewed);
                self.identity =
                    Some(IdentityView { account: identity.account, arn: identity.arn, expires, is_renewed });
                self.watch_credentials(now)
            }
            Reading::Tasks(tasks) => {
                self.task_sides.learn(&tasks, component);
                if self.release.ended.is_none() {
                    let died = self.witness.tasks(component, &tasks, &self.cleaner, now);
                    self.requests[component].died(died, now);
                }
                Ok(Acts::default())
            }
        }
    }

    /// A source has answered, as far as this read shows it.
    fn answered(&mut self, reading: &Reading, topic: Topic, of: ComponentIndex, now: Timestamp) {
        let Some(source) = topic.source() else { return };
        let unread = match reading {
            Reading::Capacity(both) => both.unread(),
            _ => None,
        };
        match unread {
            // Half an answer: what is shown of ECS grows old.
            Some(unread) => self.failed(source, of, &unread.message, now),
            None => self.heard(source, of, now),
        }
    }

    fn alarms_read(
        &mut self,
        component: ComponentIndex,
        alarms: Vec<Alarm>,
        now: Timestamp,
    ) -> Result<Acts, JournalError> {
        let alarms = self.cleaner.alarms(alarms);
        let missing: Vec<String> = alarms
            .iter()
            .filter(|alarm| matches!(alarm.state, AlarmState::Missing | AlarmState::Unknown))
            .map(|alarm| alarm.name.to_string())
            .collect();
        let firing: Vec<FiringAlarm> = alarms.iter().filter_map(Alarm::firing).collect();
        if self.release.ended.is_none() {
            self.witness.alarms(component, &self.alarm_views(&alarms), now);
        }
        self.watches[component].alarms = alarms;
        if missing.is_empty() {
            self.tell(Event::AlarmsObserved { component, firing }, now)
        } else {
            let why = format!("no state to be had of {}", missing.join(", "));
            self.tell(Event::AlarmsLost { component, why, firing }, now)
        }
    }

    fn read_failed(
        &mut self,
        topic: Topic,
        component: ComponentIndex,
        error: &CloudError,
        now: Timestamp,
    ) -> Result<Acts, JournalError> {
        let Some(source) = topic.source() else { return Ok(Acts::default()) };
        self.failed(source, component, &error.to_string(), now);
        let mut views = self.sources.iter().filter(|view| view.source == source && view.component == component);
        let is_stale = views.any(|view| view.is_stale(now));
        match topic {
            Topic::Alarms if is_stale => {
                let firing = self.release.components[component].firing.clone();
                self.tell(Event::AlarmsLost { component, why: error.kind.to_string(), firing }, now)
            }
            Topic::Signals if is_stale => {
                self.watches[component].measurements.fail(error.kind.to_string());
                self.judge(component, now)
            }
            _ => Ok(Acts::default()),
        }
    }

    /// Says once that the credentials end, once more shortly before, and once when they have.
    pub(super) fn watch_credentials(&mut self, now: Timestamp) -> Result<Acts, JournalError> {
        let Some(identity) = self.identity.as_ref().filter(|identity| !identity.is_renewed) else {
            return Ok(Acts::default());
        };
        let expires = identity.expires;
        let stands = match expires {
            None => CredentialsEnd::Unknown,
            Some(at) if now >= at => CredentialsEnd::Past,
            Some(at) if now + CREDENTIALS_SOON >= at => CredentialsEnd::Soon,
            Some(_) => return Ok(Acts::default()),
        };
        if self.credentials_told == Some((stands, expires)) {
            return Ok(Acts::default());
        }
        self.credentials_told = Some((stands, expires));
        self.tell(Event::CredentialsEnding { expires }, now)
    }
}
