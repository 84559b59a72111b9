//! How many errors of one task count: a task that fails in a burst is one witness, not a hundred.

use std::collections::BTreeMap;

use crate::domain::ids::TaskId;

use super::tick::Counts;

/// Errors that a task may always contribute in a block.
const ALWAYS: f64 = 1.0;

/// The votes that the tasks of green's have used up in the running block.
#[derive(Clone, Debug, Default)]
pub struct Votes {
    used: BTreeMap<TaskId, Used>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Used {
    requests: u64,
    votes: u64,
}

impl Votes {
    /// How many of the errors count of each of green's tasks in this tick, in their order.
    ///
    /// Blue's error rate, the larger of the block's and the usual one, says how many are to be expected of a task with so many
    /// requests; three standard deviations more count, and one on top. Counting fewer only lowers the evidence, so the bound
    /// on false alarms holds whatever the rate.
    pub fn counted(&mut self, green: &[Counts], blue_rate: f64) -> Vec<u64> {
        for counts in green {
            self.used.entry(counts.task.clone()).or_default().requests += counts.requests;
        }
        let requests: u64 = self.used.values().map(|used| used.requests).sum();
        let mean = requests as f64 / self.used.len().max(1) as f64;
        let count = |counts: &Counts| {
            let used = self.used.entry(counts.task.clone()).or_default();
            let expected = blue_rate * mean.max(used.requests as f64);
            let most = (ALWAYS + expected + 3.0 * expected.sqrt()).floor() as u64;
            let votes = counts.errors.min(most.saturating_sub(used.votes));
            used.votes += votes;
            votes
        };
        green.iter().map(count).collect()
    }

    /// A new block begins.
    pub fn renew(&mut self) {
        self.used.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(task: &str, requests: u64, errors: u64) -> Counts {
        Counts { task: TaskId(task.to_owned()), requests, errors, ..Counts::default() }
    }

    #[test]
    fn a_burst_of_one_task_is_one_vote_a_block() {
        let mut votes = Votes::default();
        let tick = [counts("a", 20, 15), counts("b", 20, 1), counts("c", 20, 0)];
        assert_eq!(votes.counted(&tick, 0.001), [1, 1, 0]);
        assert_eq!(votes.counted(&tick, 0.001), [0, 0, 0]);
        votes.renew();
        assert_eq!(votes.counted(&tick, 0.001), [1, 1, 0]);
    }

    #[test]
    fn a_burst_that_blue_has_too_is_counted() {
        assert_eq!(Votes::default().counted(&[counts("a", 20, 6)], 0.2), [6]);
        assert_eq!(Votes::default().counted(&[counts("a", 0, 0)], 1.0), [0]);
    }
}
