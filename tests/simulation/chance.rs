//! Seeded chance.

use std::ops::RangeInclusive;
use std::time::Duration;

use rand::RngExt;
use rand_pcg::Pcg32;

/// A stream of chance: the same seed and stream draw the same.
#[derive(Clone, Debug)]
pub(crate) struct Chance(Pcg32);

impl Chance {
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        // Neighbouring seeds of this generator begin alike; the multiplication drives them apart.
        Self(Pcg32::new(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15), stream))
    }

    /// True in `share` of all cases, 0 to 1.
    pub(crate) fn is(&mut self, share: f64) -> bool {
        self.0.random_bool(share)
    }

    pub(crate) fn number(&mut self, range: RangeInclusive<u64>) -> u64 {
        self.0.random_range(range)
    }

    pub(crate) fn real(&mut self, range: RangeInclusive<f64>) -> f64 {
        self.0.random_range(range)
    }

    /// A span of whole milliseconds between two numbers of seconds.
    pub(crate) fn seconds(&mut self, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.number(range.start() * 1_000..=range.end() * 1_000))
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        let at = usize::try_from(self.number(0..=from.len() as u64 - 1)).unwrap();
        from[at].clone()
    }
}
