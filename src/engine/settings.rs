//! What an engine needs to know beside the plan.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::execute::command::Programs;
use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::domain::command::Actor;
use crate::domain::components::Components;
use crate::domain::redact::Redactor;
use crate::journal::Journal;
use crate::judge::Judge;
use crate::notify::Notifier;
use crate::web::Web;

/// Everything outside that an engine works with.
pub struct Parts {
    /// The cloud, as each component sees it: their clusters may differ.
    pub clouds: Components<Arc<dyn Cloud>>,
    /// What HTTP checks are asked with.
    pub web: Arc<dyn Web>,
    /// The journal.
    pub journal: Box<dyn Journal>,
    /// The judge of each component's signals.
    pub judges: Components<Box<dyn Judge>>,
    /// Who is told what.
    pub notifier: Arc<dyn Notifier>,
    /// What runs command stages.
    pub programs: Arc<dyn Programs>,
    /// Time.
    pub clock: Clock,
    /// Who the engine acts for.
    pub actor: Actor,
    /// Settings.
    pub settings: Settings,
}

/// Settings of an engine.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How often each source is read.
    pub polls: Polls,
    /// Length of a period that signals are read in.
    pub period: Duration,
    /// What must never be kept or shown.
    pub redactor: Redactor,
    /// Variables for command stages beside the engine's own environment.
    pub variables: BTreeMap<String, String>,
    /// How logs are read.
    pub logs: LogFeed,
    /// The engine ends together with the face that shows it, and goes on reading after the release has ended.
    pub is_demo: bool,
}

/// How logs are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFeed {
    /// Streamed by CloudWatch's Live Tail, as long as that is to be had; otherwise polled.
    #[default]
    Live,
    /// Polled.
    Polled,
}

/// How often each source is read while nothing waits for it. What the release waits for is read more often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Polls {
    /// Weights: one call.
    pub weights: Duration,
    /// Services and targets: three calls.
    pub capacity: Duration,
    /// Alarms: one call for up to 100.
    pub alarms: Duration,
    /// Metrics: one call.
    pub signals: Duration,
    /// Logs: one call for each group.
    pub logs: Duration,
    /// Which task belongs to which side: up to four calls. A line of a task not known yet has it read at once.
    pub tasks: Duration,
    /// Credentials: one call.
    pub identity: Duration,
    /// US cents an hour that CloudWatch may cost at list price: signals are read less often rather than cost more.
    pub most_cents: u32,
}

impl Default for Polls {
    /// Together at most 30 calls a minute.
    fn default() -> Self {
        Self {
            weights: Duration::from_secs(15),
            capacity: Duration::from_secs(20),
            alarms: Duration::from_secs(15),
            signals: Duration::from_secs(20),
            logs: Duration::from_secs(10),
            tasks: Duration::from_mins(10),
            identity: Duration::from_mins(5),
            most_cents: 100,
        }
    }
}
