//! What the machine is told.

use serde::{Deserialize, Serialize};

use super::capacity::Capacities;
use super::command::{Actor, Order};
use super::effect::Outcome;
use super::ids::{AlarmName, EffectId};
use super::percent::Percent;
use super::signal::Verdict;
use super::time::Timestamp;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The release was asked for.
    Requested {
        /// By whom.
        by: Actor,
    },
    /// Someone sent a command.
    Ordered(Order),
    /// An effect ended.
    EffectEnded {
        /// Which.
        id: EffectId,
        /// Which try of it.
        attempt: u32,
        /// How.
        outcome: Outcome,
    },
    /// Green's weight was read from the load balancer.
    WeightObserved(Percent),
    /// Both sides' capacity was read.
    CapacityObserved(Capacities),
    /// The release's alarms were read.
    AlarmsObserved(Vec<FiringAlarm>),
    /// The release's alarms can no longer be read: silence is not health.
    AlarmsLost {
        /// What came instead.
        why: String,
        /// Those that are known to fire all the same.
        firing: Vec<FiringAlarm>,
    },
    /// The signals were judged.
    Judged(Vec<Verdict>),
    /// The credentials that the engine acts with end soon, or have ended, and nobody renews them.
    CredentialsEnding {
        /// When; `None` while it is only known that they do.
        expires: Option<Timestamp>,
    },
    /// Time has passed.
    Ticked,
    /// An engine took the release over from one that is gone. Effects without an end are in doubt.
    Recovered {
        /// Who runs the new engine.
        by: Actor,
    },
}

/// An alarm of the release that is in ALARM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FiringAlarm {
    /// Which.
    pub name: AlarmName,
    /// Since when.
    pub since: Timestamp,
    /// CloudWatch's reason.
    pub reason: String,
}
