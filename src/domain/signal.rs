//! Signals, their policies and the verdicts on them.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::formula::Formula;
use super::ids::SignalName;
use super::time::{Timestamp, millis};

/// The four golden signals, by which the screen groups what is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Golden {
    /// Failed requests.
    Errors,
    /// How long requests take.
    Latency,
    /// How many requests come.
    Traffic,
    /// How full the service is.
    Saturation,
}

impl Golden {
    /// All four, in the order they are shown.
    pub const ALL: [Self; 4] = [Self::Errors, Self::Latency, Self::Traffic, Self::Saturation];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Latency => "latency",
            Self::Traffic => "traffic",
            Self::Saturation => "saturation",
        }
    }
}

/// What a signal is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Percent, 0 to 100.
    Percent,
    /// Milliseconds.
    Milliseconds,
    /// Requests a second.
    PerSecond,
    /// A plain number.
    Count,
}

impl Unit {
    /// All of them, by the words that the configuration has for them.
    pub const WORDS: [(&'static str, Self); 4] = [
        ("percent", Self::Percent),
        ("milliseconds", Self::Milliseconds),
        ("per-second", Self::PerSecond),
        ("count", Self::Count),
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, known)| *known == self).map_or("", |(word, _)| *word)
    }
}

/// What a failing verdict leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Roll the release back.
    Rollback,
    /// Hold the release and ask a human.
    Pause,
    /// Show it, and do nothing.
    Observe,
}

/// Where the numbers of a signal come from. The engine asks the cloud for them, the judge never looks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Share of a side's requests that its targets answered with a 5xx, in percent.
    TargetErrors,
    /// Share of a side's requests that its targets answered with a 4xx, in percent.
    ClientErrors,
    /// A percentile of the time a side's targets took to answer, in milliseconds.
    ResponseTime(Percentile),
    /// Requests a second to a side.
    RequestRate,
    /// CPU in use by a side's service, in percent of what it reserved.
    Cpu,
    /// Memory in use by a side's service, in percent of what it reserved.
    Memory,
    /// Share of a side's requests that were answered with a 2xx or 3xx, in percent.
    Success,
    /// Tasks of a side's service that run. ECS counts a sample of its CPU metric for each task and minute
    /// (Amazon ECS Developer Guide, "Service RUNNING task count").
    RunningTasks,
    /// Targets of a side that fail their health check, the most of a period.
    UnhealthyTargets,
    /// A metric of the configuration's own, or metric math.
    Custom(Box<Custom>),
}

/// What a signal of the configuration's own measures. Values of dimensions may hold `${service}`, `${target_group}`,
/// `${load_balancer}` and `${cluster}`, which each side fills in with its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Custom {
    /// What is measured.
    pub of: Formula,
    /// What it is counted in.
    pub unit: Unit,
}

impl Custom {
    /// Whether both sides have the same: nothing in it is filled in by side.
    pub fn is_shared(&self) -> bool {
        let is_of_side = |value: &String| value.contains("${service}") || value.contains("${target_group}");
        !self.of.metrics().iter().flat_map(|metric| metric.dimensions.values()).any(is_of_side)
    }
}

impl Measure {
    /// Whether both sides have the same value: a database's connections, for one.
    pub fn is_shared(&self) -> bool {
        match self {
            Self::Custom(custom) => custom.is_shared(),
            Self::TargetErrors
            | Self::ClientErrors
            | Self::ResponseTime(_)
            | Self::RequestRate
            | Self::Cpu
            | Self::Memory
            | Self::Success
            | Self::RunningTasks
            | Self::UnhealthyTargets => false,
        }
    }

    /// What it is counted in.
    pub fn unit(&self) -> Unit {
        match self {
            Self::TargetErrors | Self::ClientErrors | Self::Success | Self::Cpu | Self::Memory => Unit::Percent,
            Self::ResponseTime(_) => Unit::Milliseconds,
            Self::RequestRate => Unit::PerSecond,
            Self::RunningTasks | Self::UnhealthyTargets => Unit::Count,
            Self::Custom(custom) => custom.unit,
        }
    }

    /// Whether its value rests on requests, so that it says nothing without enough of them.
    pub fn rests_on_requests(&self) -> bool {
        match self {
            Self::TargetErrors | Self::ClientErrors | Self::Success | Self::ResponseTime(_) | Self::RequestRate => true,
            Self::Cpu | Self::Memory | Self::RunningTasks | Self::UnhealthyTargets | Self::Custom(_) => false,
        }
    }
}

/// A percentile in tenths of a percent, 1 to 999: `p99` is 990.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Percentile(pub u16);

impl fmt::Display for Percentile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(10) {
            write!(f, "p{}", self.0 / 10)
        } else {
            write!(f, "p{}.{}", self.0 / 10, self.0 % 10)
        }
    }
}

/// One signal to measure and judge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignalPlan {
    /// Its name, unique in the release.
    pub name: SignalName,
    /// The golden signal it belongs to.
    pub golden: Golden,
    /// What is measured.
    pub measure: Measure,
    /// What it is counted in.
    pub unit: Unit,
    /// Green above this fails; `None` is only watched.
    pub max: Option<f64>,
    /// Green above `max` fails only if it is also above blue's value of the same period times this. Keeps a trouble
    /// that both sides share from being blamed on green. `None` compares with `max` alone.
    pub over_blue: Option<f64>,
    /// Requests green must have served since the present step began before anything but no-data is said.
    pub min_samples: u64,
    /// How many of the newest points in a row must be above before it fails, 1 or more.
    pub breaches: u32,
    /// Points of this first while with traffic on green are shown but not judged.
    #[serde(with = "millis")]
    pub warm_up: Duration,
    /// What a failure leads to.
    pub policy: Policy,
}

/// One measured point of one side.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Start of the period measured.
    pub at: Timestamp,
    /// The value, in the signal's unit.
    pub value: f64,
    /// Requests that the value rests on; zero where it does not rest on requests.
    pub samples: u64,
}

/// What is held of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ruling {
    /// Within its limits, on enough samples.
    Pass,
    /// Beyond its limits.
    Fail,
    /// Neither clearly within nor clearly beyond.
    Marginal,
    /// Too few samples, none, or too old ones. Never promotes.
    NoData,
    /// It could not be measured. Never promotes.
    Error,
}

impl Ruling {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Marginal => "marginal",
            Self::NoData => "no-data",
            Self::Error => "error",
        }
    }
}

/// A ruling with its evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Which signal.
    pub signal: SignalName,
    /// What is held of it.
    pub ruling: Ruling,
    /// What a failure leads to.
    pub policy: Policy,
    /// Green's newest value, in the signal's unit.
    pub green: Option<f64>,
    /// Blue's value of the same period.
    pub blue: Option<f64>,
    /// The limit it was held against.
    pub max: Option<f64>,
    /// Requests that green served in the window judged.
    pub samples: u64,
    /// Requests needed before anything is ruled.
    pub needed: u64,
    /// How far the evidence has come towards a failure, 0 to 1.
    pub evidence: f64,
    /// Start of the newest point judged.
    pub newest: Option<Timestamp>,
    /// Why, in words.
    pub reason: String,
}

impl Verdict {
    /// Whether this verdict, alone, lets an automatic gate open.
    pub fn opens_gate(&self) -> bool {
        match self.policy {
            Policy::Observe => true,
            Policy::Rollback | Policy::Pause => self.ruling == Ruling::Pass,
        }
    }
}
