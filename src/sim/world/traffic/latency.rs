//! Latencies: drawn from a table, counted in buckets of about one percent.

use std::sync::LazyLock;
use std::time::Duration;

const QUANTILES: usize = 4_096;
/// Buckets a doubling; the widest is 1/64 of its lower edge.
const PER_OCTAVE_BITS: u32 = 6;
const SHIFT: u32 = 23 - PER_OCTAVE_BITS;
/// The lowest latency told apart, in milliseconds: 2⁻⁴.
const FLOOR: f32 = 0.0625;
const BUCKETS: usize = 22 << PER_OCTAVE_BITS;
const FLOOR_INDEX: u32 = FLOOR.to_bits() >> SHIFT;

/// A log-normal latency as a table of its quantiles in milliseconds, so that a draw is one look-up.
#[derive(Clone, Debug)]
pub(in crate::sim::world) struct Latencies(Vec<f32>);

impl Latencies {
    pub(in crate::sim::world) fn new(p50: Duration, p99: Duration) -> Self {
        let median = p50.as_secs_f64() * 1_000.0;
        let sigma = (p99.as_secs_f64() / p50.as_secs_f64()).ln() / Z99;
        Self(NORMAL.iter().map(|z| (median * (sigma * z).exp()) as f32).collect())
    }

    /// The latency in milliseconds for the low bits of `random`.
    pub(in crate::sim::world) fn draw(&self, random: u64) -> f32 {
        self.0.get(random as usize & (QUANTILES - 1)).copied().unwrap_or(FLOOR)
    }
}

/// The standard normal distribution's 99th percentile.
const Z99: f64 = 2.326_347_874_040_841;

/// The standard normal distribution at the middle of each of the table's steps.
static NORMAL: LazyLock<Vec<f64>> = LazyLock::new(|| {
    const STEP: f64 = 0.000_5;
    let density = |z: f64| (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt();
    let mut table = Vec::with_capacity(QUANTILES);
    let (mut z, mut below) = (-6.0, 0.0);
    while table.len() < QUANTILES {
        let wanted = (table.len() as f64 + 0.5) / QUANTILES as f64;
        while below < wanted && z < 6.0 {
            below += density(z + STEP / 2.0) * STEP;
            z += STEP;
        }
        table.push(z);
    }
    table
});

/// How many requests took how long.
#[derive(Clone, Debug)]
pub(in crate::sim::world) struct Histogram {
    counts: Vec<u32>,
    sum: f64,
    minimum: f32,
    maximum: f32,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], sum: 0.0, minimum: f32::INFINITY, maximum: 0.0, total: 0 }
    }
}

impl Histogram {
    /// Counts a latency in milliseconds.
    pub(in crate::sim::world) fn add(&mut self, millis: f32) {
        // The exponent and the first bits of the mantissa number the buckets: no logarithm is taken.
        let index = (millis.max(FLOOR).to_bits() >> SHIFT) - FLOOR_INDEX;
        if let Some(count) = self.counts.get_mut((index as usize).min(BUCKETS - 1)) {
            *count += 1;
        }
        self.sum += f64::from(millis);
        self.minimum = self.minimum.min(millis);
        self.maximum = self.maximum.max(millis);
        self.total += 1;
    }

    pub(in crate::sim::world) fn total(&self) -> u64 {
        self.total
    }

    /// In milliseconds.
    pub(in crate::sim::world) fn sum(&self) -> f64 {
        self.sum
    }

    /// In milliseconds.
    pub(in crate::sim::world) fn range(&self) -> (f32, f32) {
        (self.minimum, self.maximum)
    }

    /// The middle of each bucket that is not empty in milliseconds, and its count; ascending.
    pub(in crate::sim::world) fn buckets(&self) -> impl Iterator<Item = (f32, u32)> {
        let edge = |index: usize| f32::from_bits((index as u32 + FLOOR_INDEX) << SHIFT);
        let filled = self.counts.iter().enumerate().filter(|&(_, &count)| count > 0);
        filled.map(move |(index, &count)| (f32::midpoint(edge(index), edge(index + 1)), count))
    }

    /// Adds everything that `other` counted.
    pub(in crate::sim::world) fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.sum += other.sum;
        self.minimum = self.minimum.min(other.minimum);
        self.maximum = self.maximum.max(other.maximum);
        self.total += other.total;
    }

    /// Empties it.
    pub(in crate::sim::world) fn clear(&mut self) {
        self.counts.fill(0);
        self.sum = 0.0;
        self.minimum = f32::INFINITY;
        self.maximum = 0.0;
        self.total = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_median_and_the_tail_it_was_made_for() {
        let table = Latencies::new(Duration::from_millis(80), Duration::from_millis(600));
        let quantile = |q: f64| f64::from(table.draw((q * QUANTILES as f64) as u64));
        assert!((quantile(0.5) / 80.0 - 1.0).abs() < 0.01, "{}", quantile(0.5));
        assert!((quantile(0.99) / 600.0 - 1.0).abs() < 0.01, "{}", quantile(0.99));
    }

    #[test]
    fn buckets_are_within_one_percent_of_what_they_count() {
        for step in 0..2_000 {
            let millis = 0.07_f32 * 1.007_f32.powi(step);
            let mut histogram = Histogram::default();
            histogram.add(millis);
            let (middle, count) = histogram.buckets().next().unwrap();
            assert_eq!(count, 1);
            assert!((middle / millis - 1.0).abs() < 0.01, "{millis} counted as {middle}");
        }
    }
}
