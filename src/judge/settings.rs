//! How strictly is judged.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::margin::ColdStart;

/// Whether the tasks of a side are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tasks {
    /// Each request names its task, as request logs do. One task alone convicts no version.
    Apart,
    /// Only the side is known, as with the load balancer's metrics. A slow host may look like a slow version.
    Together,
}

/// How finely latencies are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Latencies {
    /// Each request's.
    Each,
    /// Only how many were above the limits of [`super::reference::Reference::limits`], green's already less what is allowed.
    AboveLimits,
}

/// What proof leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authority {
    /// The release goes back.
    RollBack,
    /// The release is held for a human.
    Hold,
}

/// Whether the number of green's requests is held against its weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Share {
    /// Yes, as requests are routed one by one.
    Judged,
    /// No: with sticky sessions the share says nothing.
    Ignored,
}

/// Whether what is worked out for people alone is worked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bands {
    /// Yes.
    Drawn,
    /// No: verdicts alone.
    Skipped,
}

/// Whether the deaths of tasks are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deaths {
    /// Each tick says how many of green's tasks died.
    Watched,
    /// Nothing is known of them.
    Unwatched,
}

/// How a release is judged. The default is what [the documentation](../../docs/judging.md) measures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The probability that a release whose versions are alike is ever found worse, over all signals and steps: 0.01.
    pub false_alarm: f64,
    /// Evidence that must be left when any one of green's tasks is left out: 5.
    pub without_any_task: f64,
    /// Evidence from which a release is suspicious: 10.
    pub suspicious: f64,
    /// The odds ratio of errors that is tolerated: 1.
    pub tolerated_odds: f64,
    /// The factor of latency that is tolerated, at least: 1.05.
    pub tolerated_factor: f64,
    /// What green is allowed at first.
    pub cold_start: ColdStart,
    /// How long ticks are taken together before what they say is clipped: 4 s.
    pub block: Duration,
    /// The most that a block adds to a bet's evidence, as a natural logarithm: 4.5.
    pub clip: f64,
    /// Whether tasks are told apart.
    pub tasks: Tasks,
    /// How finely latencies are known.
    pub latencies: Latencies,
    /// What proof leads to.
    pub authority: Authority,
    /// Whether green's share is judged.
    pub share: Share,
    /// Whether deaths of tasks are known.
    pub deaths: Deaths,
    /// The excess of errors within which green is proved safe, as a part of one: 0.02.
    pub safe_excess: f64,
    /// The factor of latency within which green is proved safe: 1.2.
    pub safe_factor: f64,
    /// Nothing is proved safe sooner than this after green got traffic: 2 minutes.
    pub shortest_bake: Duration,
    /// After this there was not enough evidence, if there was none.
    pub longest_bake: Option<Duration>,
    /// Whether bands are worked out.
    pub bands: Bands,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            false_alarm: 0.01,
            without_any_task: 5.0,
            suspicious: 10.0,
            tolerated_odds: 1.0,
            tolerated_factor: 1.05,
            cold_start: ColdStart::Envelope { peak: 4.0, seconds: 120.0 },
            block: Duration::from_secs(4),
            clip: 4.5,
            tasks: Tasks::Apart,
            latencies: Latencies::Each,
            authority: Authority::RollBack,
            share: Share::Judged,
            deaths: Deaths::Unwatched,
            safe_excess: 0.02,
            safe_factor: 1.2,
            shortest_bake: Duration::from_mins(2),
            longest_bake: Some(Duration::from_mins(30)),
            bands: Bands::Drawn,
        }
    }
}

impl Settings {
    /// For the minutes of CloudWatch, which know no tasks: without them a slow host or a client that tries again looks like a
    /// worse version more often than is tolerated, so proof holds the release and does not take it back.
    #[must_use]
    pub fn of_minutes(self) -> Self {
        Self { tasks: Tasks::Together, latencies: Latencies::AboveLimits, authority: Authority::Hold, ..self }
    }

    /// Evidence that is proof.
    pub fn needed(&self) -> f64 {
        self.false_alarm.clamp(1e-12, 1.0).recip()
    }
}
