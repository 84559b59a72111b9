//! What is judged: the requests of a few seconds, counted for each task.

use crate::domain::ids::TaskId;
use crate::domain::time::Timestamp;

use super::histogram::Histogram;

/// Requests of one task, or of a whole side where tasks are not told apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Which task; empty where tasks are not told apart.
    pub task: TaskId,
    /// Requests that ended.
    pub requests: u64,
    /// Those of them that failed.
    pub errors: u64,
    /// How long those took that did not fail: an error that is answered fast must not look like a gain.
    pub latency: Histogram,
}

impl Counts {
    /// Adds all of another's.
    pub fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.latency.merge(&other.latency);
    }
}

/// Whether every request was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counting {
    /// All of them.
    #[default]
    Whole,
    /// Some were left out, of either side alike: shares still say something, numbers do not.
    Sampled,
}

/// The requests of both sides that ended within a span, a couple of seconds from the log or a minute from metrics.
///
/// Green's weight must not change within it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tick {
    /// When the span ended.
    pub end: Timestamp,
    /// Blue's requests; at most one entry a task.
    pub blue: Vec<Counts>,
    /// Green's requests; at most one entry a task.
    pub green: Vec<Counts>,
    /// Tasks of green's that died meanwhile: with another exit code than zero, out of memory, or of failed health checks.
    pub deaths: u64,
    /// Whether all requests are in it.
    pub counting: Counting,
}
