//! Whether errors come in clusters: how much more often than chance two errors of blue's hit the same task.
//!
//! Clients that try again and connections that break make errors that are not separate witnesses. How many errors make one is
//! measured on blue, and evidence from errors is divided by it. Dividing an e-value's logarithm by a number of at least one
//! leaves its expected value at or below one (Jensen), so the bound on false alarms holds.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::ids::TaskId;
use crate::domain::time::Timestamp;

use super::tick::Counts;

/// Errors are looked at together over this span.
const WINDOW: Duration = Duration::from_secs(20);
/// Below this many of blue's errors, or tasks, nothing can be told.
const FEWEST_ERRORS: u64 = 20;
const FEWEST_TASKS: usize = 4;
/// A surplus of pairs within so many standard errors is chance.
const BEYOND_CHANCE: f64 = 2.5;
const LARGEST: f64 = 20.0;

/// The dispersion of blue's errors over its tasks.
#[derive(Clone, Debug)]
pub struct Dispersion {
    window: BTreeMap<TaskId, Seen>,
    since: Timestamp,
    surplus: f64,
    scale: f64,
    variance: f64,
    errors: u64,
    factor: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    requests: u64,
    errors: u64,
}

impl Default for Dispersion {
    fn default() -> Self {
        Self {
            window: BTreeMap::new(),
            since: Timestamp::default(),
            surplus: 0.0,
            scale: 0.0,
            variance: 0.0,
            errors: 0,
            factor: 1.0,
        }
    }
}

impl Dispersion {
    /// Takes blue's requests of a tick that ended at `end`.
    pub fn learn(&mut self, blue: &[Counts], end: Timestamp) {
        for counts in blue {
            let seen = self.window.entry(counts.task.clone()).or_default();
            seen.requests += counts.requests;
            seen.errors += counts.errors;
        }
        if end.since(self.since) >= WINDOW {
            self.since = end;
            self.close();
        }
    }

    fn close(&mut self) {
        let window = std::mem::take(&mut self.window);
        let requests: u64 = window.values().map(|seen| seen.requests).sum();
        let errors: u64 = window.values().map(|seen| seen.errors).sum();
        if window.len() < FEWEST_TASKS || errors < 2 {
            return;
        }
        let all = errors as f64;
        let alike: f64 = window.values().map(|seen| (seen.requests as f64 / requests as f64).powi(2)).sum();
        let pairs: f64 = window.values().map(|seen| seen.errors as f64 * (seen.errors as f64 - 1.0)).sum();
        // For each error: a burst that all tasks share must not drown what the quiet windows show.
        self.surplus += pairs / all - (all - 1.0) * alike;
        self.scale += 1.0 - alike;
        self.variance += 2.0 * (all - 1.0) / all * alike * (1.0 - alike);
        self.errors += errors;
        let is_clear = self.errors >= FEWEST_ERRORS && self.surplus > BEYOND_CHANCE * self.variance.sqrt();
        self.factor =
            if is_clear && self.scale > 0.0 { (1.0 + self.surplus / self.scale).clamp(1.0, LARGEST) } else { 1.0 };
    }

    /// How many errors make one witness: at least 1.
    pub fn factor(&self) -> f64 {
        self.factor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick(errors: [u64; 4]) -> Vec<Counts> {
        let task = |(index, errors): (usize, u64)| Counts {
            task: TaskId(format!("b{index}")),
            requests: 500,
            errors,
            ..Counts::default()
        };
        errors.into_iter().enumerate().map(task).collect()
    }

    fn factor(windows: impl Iterator<Item = [u64; 4]>) -> f64 {
        let mut dispersion = Dispersion::default();
        for (index, errors) in windows.enumerate() {
            dispersion.learn(&tick(errors), Timestamp::from_secs(20 * (i64::try_from(index).unwrap() + 1)));
        }
        dispersion.factor()
    }

    #[test]
    fn spread_errors_are_witnesses_each_and_clustered_ones_are_not() {
        assert!((factor((0..40).map(|_| [1, 1, 1, 1])) - 1.0).abs() < 1e-12);
        assert!(
            (factor((0..40).map(|index| if index % 2 == 0 { [4, 0, 0, 0] } else { [0, 0, 4, 0] })) - 4.0).abs() < 1e-9
        );
        assert!((factor((0..3).map(|_| [4, 0, 0, 0])) - 1.0).abs() < 1e-12, "too few to tell");
        assert!((factor((0..40).map(|_| [900, 0, 0, 0])) - 20.0).abs() < 1e-12);
        let bursts = (0..40).map(|index| if index % 8 == 0 { [450, 450, 450, 450] } else { [4, 0, 0, 0] });
        assert!(factor(bursts) > 3.0, "a burst of all tasks hides no clusters");
    }
}
