//! What the machine is told.

use serde::{Deserialize, Serialize};

use super::capacity::Capacities;
use super::command::{Actor, Order};
use super::components::ComponentIndex;
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
    /// ECS has said which task it runs.
    TaskStarted {
        /// The effect that runs it.
        effect: EffectId,
        /// Its id.
        task: String,
    },
    /// Green's weight was read from the load balancer.
    WeightObserved {
        /// Whose.
        component: ComponentIndex,
        /// Green's weight.
        green: Percent,
    },
    /// Both sides' capacity was read.
    CapacityObserved {
        /// Whose.
        component: ComponentIndex,
        /// What was read.
        capacities: Capacities,
    },
    /// A component's alarms were read.
    AlarmsObserved {
        /// Whose.
        component: ComponentIndex,
        /// Those that fire.
        firing: Vec<FiringAlarm>,
    },
    /// A component's alarms can no longer be read: silence is not health.
    AlarmsLost {
        /// Whose.
        component: ComponentIndex,
        /// What came instead.
        why: String,
        /// Those that are known to fire all the same.
        firing: Vec<FiringAlarm>,
    },
    /// The signals were judged.
    Judged {
        /// Whose.
        component: ComponentIndex,
        /// One verdict for each signal.
        verdicts: Vec<Verdict>,
    },
    /// The credentials that the engine acts with end soon, or have ended, and nobody renews them.
    CredentialsEnding {
        /// When; `None` while it is only known that they do.
        expires: Option<Timestamp>,
    },
    /// Time has passed.
    Ticked,
    /// A new release of the same components takes its place while blue is kept warm: there is nothing to take down any
    /// more, for what is blue here becomes green there.
    Superseded {
        /// Who begins the new one.
        by: Actor,
    },
    /// An engine took the release over from one that is gone. Effects without an end are in doubt.
    Recovered {
        /// Who runs the new engine.
        by: Actor,
    },
}

impl Event {
    /// The component that it tells of, if it tells of one.
    pub fn component(&self) -> Option<ComponentIndex> {
        match self {
            Self::WeightObserved { component, .. }
            | Self::CapacityObserved { component, .. }
            | Self::AlarmsObserved { component, .. }
            | Self::AlarmsLost { component, .. }
            | Self::Judged { component, .. } => Some(*component),
            Self::CredentialsEnding { .. }
            | Self::Requested { .. }
            | Self::Ordered(_)
            | Self::EffectEnded { .. }
            | Self::TaskStarted { .. }
            | Self::Ticked
            | Self::Superseded { .. }
            | Self::Recovered { .. } => None,
        }
    }
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
