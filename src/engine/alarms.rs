//! Alarms as read, on their way to the faces.

use super::snapshot::{AlarmView, AlarmWord};
use crate::cloud::{Alarm, AlarmState};
use crate::domain::time::Timestamp;

/// Alarms as faces are shown them, firing ones first; `begun` is when the release did.
pub(super) fn views(alarms: &[Alarm], begun: Option<Timestamp>) -> Vec<AlarmView> {
    let mut views: Vec<AlarmView> = alarms.iter().map(|alarm| view(alarm, begun)).collect();
    views.sort_by(|a, b| a.state.cmp(&b.state).then_with(|| a.name.cmp(&b.name)));
    views
}

fn view(alarm: &Alarm, begun: Option<Timestamp>) -> AlarmView {
    AlarmView {
        name: alarm.name.clone(),
        state: match alarm.state {
            AlarmState::Ok => AlarmWord::Ok,
            AlarmState::Alarm => AlarmWord::Firing,
            AlarmState::InsufficientData => AlarmWord::InsufficientData,
            AlarmState::Missing => AlarmWord::Missing,
            AlarmState::Unknown => AlarmWord::Unknown,
        },
        since: alarm.since,
        reason: alarm.reason.clone(),
        is_older_than_release: alarm.since.zip(begun).is_some_and(|(since, begun)| since < begun),
        setup: alarm.setup.clone(),
    }
}
