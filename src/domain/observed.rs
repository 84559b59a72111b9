//! What was seen beside the events that move a release, and is kept with it: points, alarms, stopped tasks, errors, and
//! the evidence on which somebody decided.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::components::ComponentIndex;
use super::evidence::Evidence;
use super::ids::{AlarmName, Side, SignalName, TaskId};
use super::log::LogLine;
use super::signal::Point;
use super::time::{Timestamp, millis};

/// Something that was seen, kept for whoever looks back. It moves nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// What was known when somebody, or the release itself, decided.
    Evidence(Evidence),
    /// Points that are new, or were corrected.
    Points(Points),
    /// Alarms whose state is new.
    Alarms(Vec<AlarmSeen>),
    /// Tasks that were found stopped.
    Stopped(Vec<StoppedTask>),
    /// Lines of errors, a few of each reading: secrets masked, harmless to a terminal.
    Lines(Vec<LogLine>),
    /// Requests as they were judged, counted by side and task.
    Requests(Requests),
}

/// Requests as they were judged: whoever judges them again comes to the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Requests {
    /// Of which component.
    #[serde(default)]
    pub component: ComponentIndex,
    /// Spans of a couple of seconds, in order.
    pub ticks: Vec<RequestTick>,
}

/// The requests of both sides that ended within a couple of seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RequestTick {
    /// When the span ended.
    pub end: Timestamp,
    /// Blue's requests by task.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blue: Vec<TaskRequests>,
    /// Green's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub green: Vec<TaskRequests>,
    /// Tasks of green's that died meanwhile.
    #[serde(default, skip_serializing_if = "is_none")]
    pub deaths: u64,
    /// Some requests were left out on the way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_sampled: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_none(number: &u64) -> bool {
    *number == 0
}

/// The requests of a task, as a list without names: the task, how many, how many failed, and how long the others took, as the
/// number of a bin and its count one after the other. There are many of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskRequests(pub TaskId, pub u64, pub u64, pub Vec<u32>);

/// Measured points.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Points {
    /// Of which component.
    #[serde(default)]
    pub component: ComponentIndex,
    /// Length of a period.
    #[serde(with = "millis")]
    pub period: Duration,
    /// Each signal that has any.
    pub of: Vec<PointsOf>,
}

/// Measured points of one signal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointsOf {
    /// Which.
    pub signal: SignalName,
    /// Blue's, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blue: Vec<Compact>,
    /// Green's, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub green: Vec<Compact>,
}

/// A point as a list of three numbers, without names and to six significant digits: there are many of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compact(Timestamp, f64, u64);

impl From<Point> for Compact {
    fn from(point: Point) -> Self {
        let value = format!("{:.5e}", point.value).parse().unwrap_or(point.value);
        Self(point.at, value, point.samples)
    }
}

impl From<Compact> for Point {
    fn from(Compact(at, value, samples): Compact) -> Self {
        Self { at, value, samples }
    }
}

/// An alarm in a new state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmSeen {
    /// Of which component.
    #[serde(default)]
    pub component: ComponentIndex,
    /// Its name.
    pub name: AlarmName,
    /// Its state.
    pub state: AlarmWord,
    /// Since when, as CloudWatch says.
    pub since: Option<Timestamp>,
    /// CloudWatch's reason.
    pub reason: String,
}

/// A task that was found stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedTask {
    /// Of which component.
    #[serde(default)]
    pub component: ComponentIndex,
    /// Its id.
    pub task: String,
    /// Whose it was, if known.
    pub side: Option<Side>,
    /// Why it stopped, as ECS says.
    pub reason: String,
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

impl AlarmWord {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Missing => "missing",
            Self::Unknown => "unknown",
            Self::InsufficientData => "insufficient-data",
            Self::Ok => "ok",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_kept_to_six_digits_whatever_its_size() {
        for (value, kept) in [(43.145_573_828_511_04, 43.1456), (0.000_123_456_789, 0.000_123_457), (0.0, 0.0)] {
            let point = Point { at: Timestamp::from_secs(60), value, samples: 7 };
            let text = serde_json::to_string(&Compact::from(point)).unwrap();
            let read: Point = serde_json::from_str::<Compact>(&text).unwrap().into();
            assert_eq!(read, Point { value: kept, ..point });
        }
        let odd = Compact::from(Point { at: Timestamp::default(), value: 1e300, samples: 0 });
        assert_eq!(Point::from(odd).value.to_bits(), 1e300_f64.to_bits());
    }
}
