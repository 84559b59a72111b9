//! What a face sees of a release: a value, complete at every moment. A face that misses some loses nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::alarm::{Setup, Transition};
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::ids::{AlarmName, ReleaseId, SignalName};
use crate::domain::log::patterns::{Counts, Pattern};
use crate::domain::log::request::Tally;
pub use crate::domain::observed::AlarmWord;
use crate::domain::release::Release;
use crate::domain::signal::Point;
use crate::domain::time::{Timestamp, millis};
use crate::domain::triage::Triage;
pub use crate::judge::judgement::{Doubt, Finding, Judgement, Recommendation, Symptom};
pub use crate::judge::live::{Latencies, Moment as Compared, Picture};

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
    /// What is known of the logs beside their lines.
    #[serde(default)]
    pub logs: LogsView,
    /// Where the engine runs.
    pub engine: EngineView,
    /// What is wrong and what was changed before, where nothing is being released and somebody looks for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triage: Option<Arc<Triage>>,
}

/// What is known of the logs beside their lines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogsView {
    /// How they are read.
    pub feed: Feed,
    /// A line waits so long for older ones; what comes later stands behind newer lines.
    #[serde(with = "millis")]
    pub lateness: Duration,
    /// How many lines came later than that.
    pub late: u64,
    /// At least so many were left out because there were too many to read.
    pub left_out: u64,
    /// When only a sample of the lines was sent last.
    pub sampled: Option<Timestamp>,
    /// How long after it was written the slowest line of the last reading could be read, in milliseconds.
    pub lag: Option<u64>,
    /// What the lines have in common: the templates that tell most, first those new in green.
    pub patterns: Arc<Vec<Pattern>>,
    /// How many lines they were made of.
    pub lines: Counts,
}

/// How the logs are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feed {
    /// As they are written.
    Live {
        /// Since when.
        since: Timestamp,
    },
    /// Time and again.
    Polled {
        /// How often.
        #[serde(with = "millis")]
        every: Duration,
        /// Why they are not streamed, unless that is by wish.
        why: Option<String>,
    },
}

impl Default for Feed {
    fn default() -> Self {
        Self::Polled { every: Duration::ZERO, why: None }
    }
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
    /// What its logs tell of requests.
    #[serde(default)]
    pub requests: Tally,
    /// What comparing them with blue's has come to; `None` before green has traffic, and without a log of requests.
    #[serde(default)]
    pub compared: Option<Arc<Picture>>,
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// How it is set up, and what it last looked at; nothing in a replay.
    #[serde(default)]
    pub setup: Setup,
}

/// Every alarm of the region.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AlarmList {
    /// When it was read.
    pub at: Timestamp,
    /// By name, those of the release among them.
    pub alarms: Vec<AlarmView>,
    /// There are more than were read.
    pub is_cut: bool,
    /// Changes of state, newest first.
    pub transitions: Vec<Transition>,
    /// How far back they go.
    pub known_since: Timestamp,
    /// What could not be read, and why.
    pub unread: Vec<String>,
}

/// What is known of one alarm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AlarmDetail {
    /// When it was read.
    pub at: Timestamp,
    /// What it looks at, oldest first: start of the period, and value. A missing one is a gap.
    pub points: Vec<(Timestamp, f64)>,
    /// Length of a period of these.
    #[serde(with = "millis")]
    pub period: Duration,
    /// First moment of these.
    pub from: Timestamp,
    /// Changes of its state, newest first.
    pub transitions: Vec<Transition>,
    /// How far back they go.
    pub known_since: Timestamp,
    /// Releases of the same environment that began or ended in this time, newest first.
    pub releases: Vec<Passage>,
    /// What could not be read, and why.
    pub unread: Vec<String>,
}

/// A release as it stands on a time axis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// Which.
    pub id: ReleaseId,
    /// What is released, and to which version.
    pub what: String,
    /// When it began.
    pub begun: Timestamp,
    /// The word for how it stands.
    pub status: String,
    /// Its journal's last entry, if it has ended.
    pub ended: Option<Timestamp>,
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
    /// What watching costs; nothing in a replay.
    #[serde(default)]
    pub watching: Watching,
    /// Set when there is no engine, and a past release is shown again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Playing>,
}

/// What watching a release costs an hour at CloudWatch's list price, while nothing is looked at in detail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watching {
    /// Calls that are paid for one by one.
    pub calls: u64,
    /// Metrics that are asked for.
    pub metrics: u64,
    /// Millionths of a dollar.
    pub micros: u64,
}

/// A past release being shown again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Playing {
    /// It stands still.
    pub is_paused: bool,
    /// The last moment there is.
    pub until: Timestamp,
}
