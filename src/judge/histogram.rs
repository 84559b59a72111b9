//! Latencies counted in bins of equal ratio.

/// Number of bins: from half a millisecond to 61 seconds, just over the longest a load balancer waits by default.
pub const BINS: usize = 240;

/// Width of a bin as a natural logarithm: ln 1.05.
pub const WIDTH: f64 = 0.048_790_164_169_432;

/// Upper end of the lowest bin's start, in milliseconds: what is quicker counts there too.
const FIRST_MS: f64 = 0.5;

/// How many requests took how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    counts: [u32; BINS],
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [0; BINS], total: 0 }
    }
}

/// The bin of a latency in milliseconds; what lies beyond either end counts at that end, as does what is no number.
pub fn bin_of(milliseconds: f64) -> usize {
    let above = (milliseconds / FIRST_MS).ln() / WIDTH;
    // A cast of a float saturates, and makes zero of what is no number.
    (above as usize).min(BINS - 1)
}

/// The lower end of a bin, in milliseconds.
pub fn start_of(bin: usize) -> f64 {
    FIRST_MS * (bin as f64 * WIDTH).exp()
}

/// How many bins a factor is wide: the next whole number, so that no latency within the factor is left out.
pub fn bins_up(factor: f64) -> usize {
    // A factor of exactly one bin must not become two by rounding.
    (factor.max(1.0).ln() / WIDTH - 1e-9).ceil() as usize
}

impl Histogram {
    /// Counts one latency, in milliseconds.
    pub fn add(&mut self, milliseconds: f64) {
        self.add_to(bin_of(milliseconds), 1);
    }

    /// Counts `requests` in a bin; none beyond the last.
    pub fn add_to(&mut self, bin: usize, requests: u32) {
        if let Some(count) = self.counts.get_mut(bin) {
            *count = count.saturating_add(requests);
            self.total += u64::from(requests);
        }
    }

    /// Adds all of another's.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count = count.saturating_add(*more);
        }
        self.total += other.total;
    }

    /// What is left when a part of it is taken out.
    #[must_use]
    pub fn without(&self, part: &Self) -> Self {
        let mut rest = self.clone();
        for (count, less) in rest.counts.iter_mut().zip(&part.counts) {
            *count = count.saturating_sub(*less);
        }
        rest.total = rest.counts.iter().map(|count| u64::from(*count)).sum();
        rest
    }

    /// The same requests, each `bins` bins quicker; none below the lowest bin.
    #[must_use]
    pub fn quicker_by(&self, bins: usize) -> Self {
        let mut moved = Self { counts: [0; BINS], total: self.total };
        let (below, above) = self.counts.split_at(bins.min(BINS));
        for (count, from) in moved.counts.iter_mut().zip(above) {
            *count = *from;
        }
        if let Some(lowest) = moved.counts.first_mut() {
            *lowest = below.iter().fold(*lowest, |sum, count| sum.saturating_add(*count));
        }
        moved
    }

    /// The same requests, each `bins` bins slower; none above the highest bin.
    #[must_use]
    pub fn slower_by(&self, bins: usize) -> Self {
        let mut moved = Self { counts: [0; BINS], total: self.total };
        let (below, above) = self.counts.split_at(BINS - bins.min(BINS));
        for (count, from) in moved.counts.iter_mut().skip(bins).zip(below) {
            *count = *from;
        }
        if let Some(highest) = moved.counts.last_mut() {
            *highest = above.iter().fold(*highest, |sum, count| sum.saturating_add(*count));
        }
        moved
    }

    /// Every count halved: old requests count less.
    pub fn halve(&mut self) {
        for count in &mut self.counts {
            *count /= 2;
        }
        self.total = self.counts.iter().map(|count| u64::from(*count)).sum();
    }

    /// Number of requests.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Requests of each bin.
    pub fn counts(&self) -> &[u32; BINS] {
        &self.counts
    }

    /// Requests above a bin.
    pub fn above(&self, bin: usize) -> u64 {
        self.counts.iter().skip(bin.saturating_add(1)).map(|count| u64::from(*count)).sum()
    }

    /// The lowest bin at or below which at least `share` of the requests lie; `None` without requests.
    pub fn quantile(&self, share: f64) -> Option<usize> {
        let wanted = (share * self.total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        self.counts.iter().position(|count| {
            seen += u64::from(*count);
            seen >= wanted
        })
    }

    /// Mean and standard deviation of the bins; `None` without requests.
    pub fn moments(&self) -> Option<(f64, f64)> {
        if self.total == 0 {
            return None;
        }
        let total = self.total as f64;
        let each = || self.counts.iter().enumerate().map(|(bin, count)| (bin as f64, f64::from(*count)));
        let mean = each().map(|(bin, count)| bin * count).sum::<f64>() / total;
        let variance = each().map(|(bin, count)| (bin - mean).powi(2) * count).sum::<f64>() / total;
        Some((mean, variance.sqrt()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_five_percent_wide_and_hold_everything() {
        assert_eq!([f64::NAN, -1.0, 0.0, 0.5, 0.52, 0.53].map(bin_of), [0, 0, 0, 0, 0, 1]);
        assert_eq!([60_000.0, f64::INFINITY, f64::MAX].map(bin_of), [239, 239, 239]);
        assert_eq!([1.0, 1.05, 1.06, 1.2].map(bins_up), [0, 1, 2, 4]);
        assert!((start_of(1) - 0.525).abs() < 1e-12);
    }

    #[test]
    fn moving_keeps_every_request() {
        let mut histogram = Histogram::default();
        for (bin, requests) in [(0, 1), (3, 2), (10, 4), (239, 8)] {
            histogram.add_to(bin, requests);
        }
        let quicker = histogram.quicker_by(4);
        assert_eq!((quicker.counts()[0], quicker.counts()[6], quicker.counts()[235], quicker.total()), (3, 4, 8, 15));
        let slower = histogram.slower_by(4);
        assert_eq!((slower.counts()[4], slower.counts()[7], slower.counts()[14], slower.counts()[239]), (1, 2, 4, 8));
        assert_eq!((histogram.quicker_by(999).counts()[0], histogram.slower_by(999).counts()[239]), (15, 15));
        assert_eq!((histogram.above(3), histogram.above(usize::MAX)), (12, 0));
        assert_eq!((histogram.quantile(0.2), histogram.quantile(1.0)), (Some(3), Some(239)));
        assert_eq!(histogram.without(&histogram), Histogram::default());
        assert_eq!((Histogram::default().quantile(0.5), Histogram::default().moments()), (None, None));
    }
}
