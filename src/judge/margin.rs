//! How much slower green may be without being worse: the spread between tasks, and the cold start.

use std::collections::BTreeMap;

use crate::domain::ids::TaskId;

use super::histogram::{Histogram, WIDTH};
use super::tick::Counts;

/// How the time that green takes at first is allowed for.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColdStart {
    /// Green was warmed up before it got traffic.
    Warm,
    /// At first it may take up to `peak` times as long, falling evenly to nothing within `seconds`.
    Envelope {
        /// The factor at the beginning.
        peak: f64,
        /// How long it takes until it is gone.
        seconds: f64,
    },
    /// For so long it may take up to `peak` times as long, and from then on no longer: nothing is known of how it warms up.
    Plateau {
        /// The factor.
        peak: f64,
        /// How long it takes until it is gone.
        seconds: f64,
    },
}

impl ColdStart {
    /// The factor that is allowed `elapsed` seconds after green got traffic.
    pub fn factor(self, elapsed: f64) -> f64 {
        match self {
            Self::Warm => 1.0,
            Self::Envelope { peak, seconds } => {
                let gone = if seconds > 0.0 { (elapsed / seconds).clamp(0.0, 1.0) } else { 1.0 };
                (peak - (peak - 1.0) * gone).max(1.0)
            }
            Self::Plateau { peak, seconds } => {
                if elapsed < seconds {
                    peak.max(1.0)
                } else {
                    1.0
                }
            }
        }
    }

    /// When it is over, in seconds after green got traffic.
    pub fn ends(self) -> f64 {
        match self {
            Self::Warm => 0.0,
            Self::Envelope { seconds, .. } | Self::Plateau { seconds, .. } => seconds,
        }
    }
}

/// Requests that a task needs before its median says anything, and tasks that a spread needs.
const FEWEST_REQUESTS: u64 = 200;
const FEWEST_TASKS: usize = 3;

/// The spread of blue's tasks, as hosts and placement make it.
#[derive(Clone, Debug, Default)]
pub struct Spread {
    tasks: BTreeMap<TaskId, Histogram>,
}

impl Spread {
    /// Takes blue's requests of a tick.
    pub fn learn(&mut self, blue: &[Counts]) {
        for counts in blue.iter().filter(|counts| counts.latency.total() > 0) {
            match self.tasks.get_mut(&counts.task) {
                Some(latency) => latency.merge(&counts.latency),
                None => drop(self.tasks.insert(counts.task.clone(), counts.latency.clone())),
            }
        }
    }

    /// The standard deviation of the logarithm of blue's tasks' medians, as far as it is more than chance; zero if it is not.
    pub fn between_tasks(&self) -> f64 {
        let known: Vec<(f64, f64)> = self
            .tasks
            .values()
            .filter(|latency| latency.total() >= FEWEST_REQUESTS)
            .filter_map(|latency| {
                let median = median(latency)? * WIDTH;
                let (_, deviation) = latency.moments()?;
                // The variance of a median of n, for a bell curve: π/2 · σ²/n.
                let by_chance = 1.571 * (deviation * WIDTH).powi(2) / latency.total() as f64;
                Some((median, by_chance))
            })
            .collect();
        if known.len() < FEWEST_TASKS {
            return 0.0;
        }
        let number = known.len() as f64;
        let mean = known.iter().map(|(median, _)| median).sum::<f64>() / number;
        let by_chance = known.iter().map(|(_, by_chance)| by_chance).sum::<f64>() / number;
        let variance = known.iter().map(|(median, _)| (median - mean).powi(2)).sum::<f64>() / (number - 1.0);
        if variance > by_chance * chi_squared_per_degree(number - 1.0) { (variance - by_chance).sqrt() } else { 0.0 }
    }
}

/// The median in bins, with the part of the bin it lies in.
fn median(latency: &Histogram) -> Option<f64> {
    let bin = latency.quantile(0.5)?;
    let inside = f64::from(*latency.counts().get(bin)?);
    let below = latency.total() as f64 - latency.above(bin) as f64 - inside;
    Some(bin as f64 + ((latency.total() as f64 / 2.0 - below) / inside).clamp(0.0, 1.0))
}

/// The 99th percentile of χ² by its degrees of freedom, per degree (Wilson and Hilferty 1931).
fn chi_squared_per_degree(degrees: f64) -> f64 {
    let part = 2.0 / (9.0 * degrees);
    (1.0 - part + 2.326 * part.sqrt()).powi(3)
}

/// How much slower green may be on the whole, as a factor: at least `least`, and more where tasks differ by more than that by
/// chance, as they are `green` against `blue` of them.
pub fn margin(least: f64, between_tasks: f64, green: usize, blue: usize) -> f64 {
    let sides = (green.max(1) as f64).recip() + (blue.max(1) as f64).recip();
    least.max((2.33 * between_tasks * sides.sqrt()).exp()).min(4.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(factors: [f64; 4]) -> f64 {
        let mut spread = Spread::default();
        let task = |(index, factor): (usize, f64)| {
            let mut latency = Histogram::default();
            (0..2_000).for_each(|step| latency.add(40.0 * factor * 1.001_f64.powi(step)));
            Counts { task: TaskId(format!("b{index}")), requests: 2_000, latency, ..Counts::default() }
        };
        spread.learn(&factors.into_iter().enumerate().map(task).collect::<Vec<_>>());
        spread.between_tasks()
    }

    #[test]
    fn the_spread_is_told_from_chance() {
        assert!(spread([1.0; 4]).abs() < 1e-12);
        let found = spread([0.9, 1.0, 1.0, 1.11]);
        assert!((found - 0.085).abs() < 0.02, "{found}");
        assert!((margin(1.05, found, 4, 4) - 1.15).abs() < 0.05);
        assert!((margin(1.05, 0.0, 0, 0) - 1.05).abs() < 1e-12);
        assert!((chi_squared_per_degree(3.0) - 11.345 / 3.0).abs() < 0.03, "the table's 11.345");
    }

    #[test]
    fn the_envelope_falls_evenly() {
        let cold = ColdStart::Envelope { peak: 4.0, seconds: 120.0 };
        let percent = |cold: ColdStart, at: f64| (100.0 * cold.factor(at)).round() as u32;
        assert_eq!([0.0, 60.0, 120.0, 999.0].map(|at| percent(cold, at)), [400, 250, 100, 100]);
        assert_eq!((percent(ColdStart::Warm, 0.0), ColdStart::Warm.ends()), (100, 0.0));
        assert_eq!(percent(ColdStart::Envelope { peak: 4.0, seconds: 0.0 }, 0.0), 100);
    }
}
