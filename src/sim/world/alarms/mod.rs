//! Alarms, their states and their history.

mod composite;
mod evaluate;
mod operations;
mod reason;
mod setup;
mod types;

use std::time::Duration;

use super::Timestamp;
pub use types::*;

/// How many history items are kept.
const KEPT_HISTORY: usize = 5_000;

/// Every alarm and what happened to it.
#[derive(Clone, Debug, Default)]
pub(super) struct Alarms {
    watched: Vec<Watched>,
    /// Oldest first.
    history: Vec<HistoryItem>,
    /// Rules in force; when they are is not simulated.
    mutes: Vec<MuteRule>,
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
        self.watched.iter().find(|watched| watched.alarm.definition.name == name)
    }

    fn find_mut(&mut self, name: &str) -> Option<&mut Watched> {
        self.watched.iter_mut().find(|watched| watched.alarm.definition.name == name)
    }

    fn note(&mut self, item: HistoryItem) {
        if self.history.len() == KEPT_HISTORY {
            self.history.remove(0);
        }
        self.history.push(item);
    }

    /// What keeps a composite alarm quiet at `at`, by the rules for its suppressor: while that fires, for the extension
    /// after it has stopped, and for the wait after the composite alarm began to fire.
    fn suppression(&self, alarm: &Alarm, at: Timestamp) -> Option<Suppression> {
        let suppressor = alarm.definition.suppressor.as_ref()?;
        let known = &self.find(suppressor.name())?.alarm;
        let lasts = |since: Timestamp, secs: u32| at.since(since) < std::time::Duration::from_secs(u64::from(secs));
        let name = suppressor.name();
        if known.state == AlarmState::Alarm {
            let reason = format!("Actions suppressed by {name} in ALARM state");
            return Some(Suppression { by: "Alarm", reason });
        }
        let has_fired = self.history.iter().any(|item| item.alarm == name && item.summary.contains("from ALARM"));
        if has_fired && lasts(known.state_transitioned_at, suppressor.extension) {
            let reason = format!("Actions suppressed by extension period of {name}");
            return Some(Suppression { by: "ExtensionPeriod", reason });
        }
        let waits = alarm.state == AlarmState::Alarm && lasts(alarm.state_transitioned_at, suppressor.wait);
        waits.then(|| Suppression { by: "WaitPeriod", reason: format!("Actions suppressed by wait period for {name}") })
    }

    fn is_muted(&self, name: &str) -> bool {
        self.mutes.iter().any(|rule| rule.alarms.iter().any(|alarm| alarm == name))
    }

    /// Whether the alarm of this name is in ALARM.
    pub(super) fn is_firing(&self, name: &str) -> bool {
        self.find(name).is_some_and(|watched| watched.alarm.state == AlarmState::Alarm)
    }

    /// How long the alarm of this name needs to fire.
    pub(super) fn window(&self, name: &str) -> Duration {
        match self.find(name).map(|watched| &watched.alarm.definition.rule) {
            Some(AlarmRule::Metric(condition)) => Duration::from_mins(u64::from(condition.evaluation_periods)),
            Some(AlarmRule::Composite(_)) | None => Duration::ZERO,
        }
    }

    /// Every alarm's name and state, for fingerprints.
    pub(super) fn states(&self) -> impl Iterator<Item = (&str, AlarmState, Timestamp)> {
        self.watched.iter().map(|watched| {
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
