//! What tests and scorers may look up, and no AWS client could: every change made, and who was harmed by it.

use crate::domain::time::Timestamp;

/// One call that changed something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When it took effect.
    pub at: Timestamp,
    /// The operation's name in AWS, such as `ModifyRule`.
    pub operation: &'static str,
    /// What it was about: (name, value).
    pub facts: Vec<(&'static str, String)>,
}

/// The weights of a rule from one moment on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightChange {
    /// When they took effect.
    pub at: Timestamp,
    /// The rule's ARN, or the listener's for its default actions.
    pub rule_arn: String,
    /// (target group name, weight).
    pub weights: Vec<(String, u32)>,
}

/// What became of the requests of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tally {
    /// Requests that users sent.
    pub requests: u64,
    /// Those that ended with a status of 500 or more.
    pub errors: u64,
    /// Those that took longer than a second.
    pub slow: u64,
    /// Those that failed or were slowed, and would not have been on the version the world started with.
    pub harmed: u64,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.slow += other.slow;
        self.harmed += other.harmed;
    }
}

/// Tallies of both sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Truth {
    /// Requests handled by the version the world started with.
    pub old: Tally,
    /// Requests handled by any other version.
    pub new: Tally,
    /// Requests that reached no task.
    pub unserved: Tally,
}

impl Truth {
    /// All users harmed, on whichever side.
    pub fn harmed(&self) -> u64 {
        self.old.harmed + self.new.harmed + self.unserved.harmed
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.old.add(&other.old);
        self.new.add(&other.new);
        self.unserved.add(&other.unserved);
    }
}

/// The record of everything that happened.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    pub(super) changes: Vec<Change>,
    pub(super) weights: Vec<WeightChange>,
    /// By minute, oldest first.
    pub(super) minutes: Vec<(Timestamp, Truth)>,
    pub(super) total: Truth,
}

impl Ledger {
    pub(super) fn change(&mut self, at: Timestamp, operation: &'static str, facts: Vec<(&'static str, String)>) {
        self.changes.push(Change { at, operation, facts });
    }

    pub(super) fn weigh(&mut self, at: Timestamp, rule_arn: &str, weights: Vec<(String, u32)>) {
        if !weights.is_empty() {
            self.weights.push(WeightChange { at, rule_arn: rule_arn.to_owned(), weights });
        }
    }

    pub(super) fn count(&mut self, minute: Timestamp, truth: &Truth) {
        self.total.add(truth);
        match self.minutes.last_mut() {
            Some((last, tally)) if *last == minute => tally.add(truth),
            _ => self.minutes.push((minute, *truth)),
        }
    }
}
