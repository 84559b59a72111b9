//! Alarms beyond the state of those that a release watches: all there are, their past, what they look at, and their
//! setup. Reads may be repeated at will.

use std::time::Duration;

use async_trait::async_trait;

use super::{Alarm, CloudError};
use crate::domain::alarm::{Definition, Transition};
use crate::domain::formula::Formula;
use crate::domain::ids::AlarmName;
use crate::domain::time::Timestamp;

/// What can be asked and said of alarms.
#[async_trait]
pub trait Alarming: Send + Sync {
    /// Every alarm of the region, metric and composite ones, at most so many: one call for each hundred.
    async fn every_alarm(&self, most: usize) -> Result<Roll, CloudError>;

    /// Changes of state since then, newest first, of one alarm or of all: one call, the newest hundred.
    async fn transitions(&self, of: Option<&AlarmName>, since: Timestamp) -> Result<Past, CloudError>;

    /// Alarms that a mute rule in force keeps from telling anybody, each with the rule's name: one call, and one for each
    /// rule.
    async fn muted(&self) -> Result<Vec<(AlarmName, String)>, CloudError>;

    /// Creates an alarm, or replaces one of its name. Doing it twice changes nothing.
    async fn put_alarm(&self, alarm: &Definition) -> Result<(), CloudError>;

    /// Deletes an alarm. [`ErrorKind::NotFound`](super::ErrorKind::NotFound) when there is none.
    async fn delete_alarm(&self, alarm: &AlarmName) -> Result<(), CloudError>;

    /// The points of what an alarm looks at, oldest first: one call.
    async fn watched_points(&self, of: &Formula, span: Span) -> Result<Vec<(Timestamp, f64)>, CloudError>;
}

/// A stretch of time in periods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first moment.
    pub from: Timestamp,
    /// The moment after its last.
    pub to: Timestamp,
    /// Length of a period.
    pub period: Duration,
}

/// Every alarm, as far as they were read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Roll {
    /// By name.
    pub alarms: Vec<Alarm>,
    /// There are more than were asked for.
    pub is_cut: bool,
}

/// Changes of state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// Newest first.
    pub transitions: Vec<Transition>,
    /// As far back as they go: what was before then is not known.
    pub known_since: Timestamp,
}
