//! What a face sees of a release: a value, complete at every moment. A face that misses some loses nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::components::{ComponentIndex, Components};
use crate::domain::ids::{AlarmName, SignalName};
use crate::domain::release::Release;
use crate::domain::signal::Point;
use crate::domain::time::{Timestamp, millis};

/// Everything that a screen or a printer needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When it was taken, on the engine's clock.
    pub at: Timestamp,
    /// How many times faster than real time the engine's clock runs; 1 outside demonstrations.
    pub speed: f64,
    /// The release. Verdicts, weights, capacity, timeline and orders are in it.
    pub release: Arc<Release>,
    /// What was read of each component beside what the release keeps.
    pub components: Components<ComponentView>,
    /// How well each source answers.
    pub sources: Vec<SourceView>,
    /// Who the engine acts as, once known.
    pub identity: Option<IdentityView>,
    /// The output of running programs by the index of their stage, newest line last.
    pub output: BTreeMap<usize, Vec<String>>,
    /// Where the engine runs.
    pub engine: EngineView,
}

/// What was read of a component.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ComponentView {
    /// What was measured, one for each of the plan's signals, in its order.
    pub series: Vec<Arc<SignalSeries>>,
    /// Its alarms, firing ones first.
    pub alarms: Vec<AlarmView>,
    /// What it cost users so far.
    pub toll: Toll,
}

/// The points of a signal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignalSeries {
    /// Which.
    pub signal: SignalName,
    /// Length of a period.
    #[serde(with = "millis")]
    pub period: Duration,
    /// Blue's points, oldest first; a missing one is a gap.
    pub blue: Vec<Point>,
    /// Green's.
    pub green: Vec<Point>,
}

/// An alarm as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmView {
    /// Its name.
    pub name: AlarmName,
    /// `OK`, `ALARM`, `INSUFFICIENT_DATA`, `missing`, or what CloudWatch said.
    pub state: AlarmWord,
    /// Since when.
    pub since: Option<Timestamp>,
    /// CloudWatch's reason.
    pub reason: String,
    /// It came into this state before the release began.
    pub is_older_than_release: bool,
}

/// An alarm's state as shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlarmWord {
    /// Firing.
    Firing,
    /// There is no such alarm, though the configuration names it.
    Missing,
    /// A state this version does not know.
    Unknown,
    /// Too little data.
    InsufficientData,
    /// Quiet.
    Ok,
}

/// Something the engine reads regularly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Weights on the listener rule.
    Weights,
    /// Services and targets.
    Capacity,
    /// CloudWatch metrics.
    Signals,
    /// CloudWatch alarms.
    Alarms,
    /// CloudWatch Logs.
    Logs,
    /// Credentials.
    Identity,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Weights, Self::Capacity, Self::Signals, Self::Alarms, Self::Logs, Self::Identity];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Weights => "weights",
            Self::Capacity => "capacity",
            Self::Signals => "signals",
            Self::Alarms => "alarms",
            Self::Logs => "logs",
            Self::Identity => "credentials",
        }
    }
}

/// How well a source answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceView {
    /// Which.
    pub source: Source,
    /// Of which component; what is read for the release as a whole counts with the first.
    pub component: ComponentIndex,
    /// When it last answered; `None` if it never has.
    pub last_ok: Option<Timestamp>,
    /// Since when it has only failed, and what it said last.
    pub failing: Option<(Timestamp, String)>,
    /// An answer older than this counts as stale.
    #[serde(with = "millis")]
    pub stale_after: Duration,
    /// Calls made to it so far.
    pub calls: u64,
}

impl SourceView {
    /// Whether what it said last is too old to act on at `now`.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        self.last_ok.is_none_or(|at| now.since(at) > self.stale_after)
    }
}

/// Who the engine acts as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityView {
    /// Account.
    pub account: String,
    /// ARN.
    pub arn: String,
    /// When the credentials expire.
    pub expires: Option<Timestamp>,
    /// New ones are had before these expire.
    #[serde(default)]
    pub is_renewed: bool,
}

/// What the release cost users so far, as far as the metrics tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Toll {
    /// Requests that green has served.
    pub green_requests: u64,
    /// Of those, the failed ones beyond blue's share of failures at the same time.
    pub harmed: u64,
}

/// Where the engine runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineView {
    /// Process id.
    pub pid: u32,
    /// Host.
    pub host: String,
    /// Version of the program.
    pub version: String,
    /// It ends together with the face that shows it: a demonstration.
    pub ends_with_face: bool,
    /// What keeps it from going on; it ends soon.
    #[serde(default)]
    pub trouble: Option<String>,
}
