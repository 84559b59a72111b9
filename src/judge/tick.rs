//! What is judged: the requests of a few seconds, counted for each task.

use crate::domain::ids::TaskId;
use crate::domain::observed::{RequestTick, TaskRequests};
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

impl Tick {
    /// Whether it holds nothing at all.
    pub fn is_empty(&self) -> bool {
        self.blue.is_empty() && self.green.is_empty() && self.deaths == 0
    }
}

impl From<&Tick> for RequestTick {
    fn from(tick: &Tick) -> Self {
        let kept = |side: &[Counts]| side.iter().map(kept).collect();
        Self {
            end: tick.end,
            blue: kept(&tick.blue),
            green: kept(&tick.green),
            deaths: tick.deaths,
            is_sampled: tick.counting == Counting::Sampled,
        }
    }
}

fn kept(counts: &Counts) -> TaskRequests {
    let bins = counts.latency.counts().iter().zip(0_u32..).filter(|(count, _)| **count > 0);
    let latency = bins.flat_map(|(count, bin)| [bin, *count]).collect();
    TaskRequests(counts.task.clone(), counts.requests, counts.errors, latency)
}

impl From<&RequestTick> for Tick {
    fn from(kept: &RequestTick) -> Self {
        let side = |of: &[TaskRequests]| of.iter().map(counted).collect();
        Self {
            end: kept.end,
            blue: side(&kept.blue),
            green: side(&kept.green),
            deaths: kept.deaths,
            counting: if kept.is_sampled { Counting::Sampled } else { Counting::Whole },
        }
    }
}

fn counted(TaskRequests(task, requests, errors, bins): &TaskRequests) -> Counts {
    let mut latency = Histogram::default();
    for pair in bins.chunks_exact(2) {
        if let [bin, count] = *pair {
            latency.add_to(usize::try_from(bin).unwrap_or(usize::MAX), count);
        }
    }
    Counts { task: task.clone(), requests: *requests, errors: *errors, latency }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_comes_back_from_the_journal_as_it_was() {
        let mut counts = Counts { task: "a".into(), requests: 5, errors: 2, ..Counts::default() };
        for latency in [0.1, 80.0, 80.0, 1e9] {
            counts.latency.add(latency);
        }
        let blue = Counts { task: "b".into(), requests: 1, ..Counts::default() };
        let tick = Tick {
            end: Timestamp::from_secs(9),
            blue: vec![blue],
            green: vec![counts],
            deaths: 1,
            counting: Counting::Sampled,
        };
        let text = serde_json::to_string(&RequestTick::from(&tick)).unwrap();
        let read: RequestTick = serde_json::from_str(&text).unwrap();
        assert_eq!(Tick::from(&read), tick);
        assert_eq!(
            text,
            r#"{"end":9000,"blue":[["b",1,0,[]]],"green":[["a",5,2,[0,1,104,2,239,1]]],"deaths":1,"is_sampled":true}"#
        );
    }
}
