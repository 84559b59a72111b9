//! What green has cost users.

use super::histogram::Histogram;

/// Requests that green failed or slowed beyond what blue did at the same time.
#[derive(Clone, Debug, Default)]
pub struct Harm {
    green: u64,
    blue: u64,
    excess: f64,
    by_chance: f64,
    green_latency: Histogram,
    blue_latency: Histogram,
}

impl Harm {
    /// Takes requests and errors of each side of a few seconds; `usual` is blue's error rate by then.
    pub fn take(&mut self, green: (u64, u64), blue: (u64, u64), usual: f64) {
        self.green += green.0;
        self.blue += blue.0;
        let rate = if blue.0 > 0 { blue.1 as f64 / blue.0 as f64 } else { usual };
        self.excess += green.1 as f64 - green.0 as f64 * rate;
        // The variance of the difference, if both fail alike.
        let pooled = (green.1 + blue.1) as f64 / (green.0 + blue.0).max(1) as f64;
        let share = if blue.0 > 0 { 1.0 + green.0 as f64 / blue.0 as f64 } else { 1.0 };
        self.by_chance += green.0 as f64 * pooled * (1.0 - pooled) * share;
    }

    /// Takes latencies of each side.
    pub fn take_latency(&mut self, green: &Histogram, blue: &Histogram) {
        self.green_latency.merge(green);
        self.blue_latency.merge(blue);
    }

    /// Requests of green's.
    pub fn green(&self) -> u64 {
        self.green
    }

    /// Requests of blue's meanwhile.
    pub fn blue(&self) -> u64 {
        self.blue
    }

    /// How long green's requests and blue's took that did not fail.
    pub fn latencies(&self) -> (&Histogram, &Histogram) {
        (&self.green_latency, &self.blue_latency)
    }

    /// Failures beyond blue's rate; zero as long as chance explains them.
    pub fn failed(&self) -> f64 {
        if self.excess > 2.0 * self.by_chance.sqrt() { self.excess } else { 0.0 }
    }

    /// Requests that took longer than a limit that blue's would have kept: the largest number over all limits, and zero as
    /// long as chance explains it.
    pub fn slowed(&self) -> f64 {
        let (green, blue) = (self.green_latency.total() as f64, self.blue_latency.total() as f64);
        if green == 0.0 || blue == 0.0 {
            return 0.0;
        }
        let (mut of_green, mut of_blue, mut widest) = (0.0, 0.0, 0.0_f64);
        for (here, there) in self.green_latency.counts().iter().zip(self.blue_latency.counts()) {
            of_green += f64::from(*here) / green;
            of_blue += f64::from(*there) / blue;
            widest = widest.max(of_blue - of_green);
        }
        // Kolmogorov and Smirnov, at 0.1 %.
        let by_chance = 1.95 * (green.recip() + blue.recip()).sqrt();
        if widest > by_chance { widest * green } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_harms_nobody_and_a_regression_is_counted() {
        let mut alike = Harm::default();
        let mut worse = Harm::default();
        for second in 0..100 {
            let one = u64::from(second % 40 == 0);
            alike.take((5, one), (45, 9 * one), 0.01);
            worse.take((5, 1), (45, one), 0.01);
        }
        assert_eq!((alike.failed(), alike.slowed()), (0.0, 0.0));
        assert!((worse.failed() - 99.6).abs() < 1.0, "{}", worse.failed());
    }

    #[test]
    fn slowed_requests_are_counted_where_the_sides_differ_most() {
        let (mut blue, mut green) = (Histogram::default(), Histogram::default());
        (0..900).for_each(|_| blue.add(100.0));
        (0..100).for_each(|index| green.add(if index < 40 { 500.0 } else { 100.0 }));
        let mut harm = Harm::default();
        harm.take_latency(&green, &blue);
        assert!((harm.slowed() - 40.0).abs() < 1e-9);
    }
}
