//! Latencies: drawn from a table, counted in buckets of about one percent.

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
        let sigma = (p99.as_secs_f64() / p50.as_secs_f64()).ln() / normal_quantile(0.99);
        let quantile = |index: usize| (index as f64 + 0.5) / QUANTILES as f64;
        let value = |index| (median * (sigma * normal_quantile(quantile(index))).exp()) as f32;
        Self((0..QUANTILES).map(value).collect())
    }

    /// The latency in milliseconds for the low bits of `random`.
    pub(in crate::sim::world) fn draw(&self, random: u64) -> f32 {
        self.0.get(random as usize & (QUANTILES - 1)).copied().unwrap_or(FLOOR)
    }
}

/// The standard normal distribution's quantile (Acklam's approximation, relative error below 1.2·10⁻⁹).
#[expect(clippy::excessive_precision, reason = "the published coefficients")]
fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969683028665376e1,
        2.209460984245205e2,
        -2.759285104469687e2,
        1.383577518672690e2,
        -3.066479806614716e1,
        2.506628277459239,
    ];
    const B: [f64; 5] =
        [-5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1, -1.328068155288572e1];
    const C: [f64; 6] = [
        -7.784894002430293e-3,
        -3.223964580411365e-1,
        -2.400758277161838,
        -2.549732539343734,
        4.374664141464968,
        2.938163982698783,
    ];
    const D: [f64; 4] = [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416];
    let horner = |coefficients: &[f64], x: f64| coefficients.iter().fold(0.0, |sum, c| sum * x + c);
    let tail = |p: f64| {
        let q = (-2.0 * p.ln()).sqrt();
        horner(&C, q) / (horner(&D, q) * q + 1.0)
    };
    if p < 0.02425 {
        tail(p)
    } else if p > 0.97575 {
        -tail(1.0 - p)
    } else {
        let q = p - 0.5;
        let r = q * q;
        horner(&A, r) * q / (horner(&B, r) * r + 1.0)
    }
}

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
