//! Alarms, their states and their history.

mod composite;
mod evaluate;
mod operations;
mod reason;
mod setup;
mod types;

use super::Timestamp;
pub use types::*;

/// How many history items are kept.
const KEPT_HISTORY: usize = 5_000;

/// Every alarm and what happened to it.
#[derive(Clone, Debug, Default)]
pub(super) struct Alarms {
    alarms: Vec<Watched>,
    /// Oldest first.
    history: Vec<HistoryItem>,
}

/// An alarm and when it is looked at.
#[derive(Clone, Debug)]
struct Watched {
    alarm: Alarm,
    next_look: Timestamp,
    /// The rule of a composite alarm, read.
    composite: Option<composite::Formula>,
}

impl Alarms {
    fn find(&self, name: &str) -> Option<&Watched> {
        self.alarms.iter().find(|watched| watched.alarm.definition.name == name)
    }

    fn find_mut(&mut self, name: &str) -> Option<&mut Watched> {
        self.alarms.iter_mut().find(|watched| watched.alarm.definition.name == name)
    }

    fn note(&mut self, item: HistoryItem) {
        if self.history.len() == KEPT_HISTORY {
            self.history.remove(0);
        }
        self.history.push(item);
    }

    /// Every alarm's name and state, for fingerprints.
    pub(super) fn states(&self) -> impl Iterator<Item = (&str, AlarmState, Timestamp)> {
        self.alarms.iter().map(|watched| {
            (watched.alarm.definition.name.as_str(), watched.alarm.state, watched.alarm.state_updated_at)
        })
    }
}

impl AlarmDefinition {
    /// What kind of alarm this is.
    pub const fn alarm_type(&self) -> AlarmType {
        match self.rule {
            AlarmRule::Metric(_) => AlarmType::Metric,
            AlarmRule::Composite(_) => AlarmType::Composite,
        }
    }
}
