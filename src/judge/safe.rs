//! Proof that green is not worse than is tolerated: the other way round, green is supposed to be just so much worse, until
//! what it does speaks against that.

use super::bet::{Bet, Limit, mean_worth};
use super::histogram::{Histogram, WIDTH};
use super::permutation::{Stake, ln_average};
use super::reference::{Payoff, Reference};

/// Requests that blue's usual error rate counts for beside what blue does just now.
const USUAL_COUNTS: f64 = 50.0;

/// The proof that green fails at most so much more often.
#[derive(Clone, Debug, Default)]
pub struct SafeErrors {
    nats: f64,
}

impl SafeErrors {
    /// Takes green's requests and errors of a few seconds in which blue had `blue`, and usually has the rate `usual`; `excess`
    /// is what is tolerated, as a part of one.
    pub fn take(&mut self, green: (u64, u64), blue: (u64, u64), usual: f64, excess: f64) {
        let now = (blue.1 as f64 + usual * USUAL_COUNTS) / (blue.0 as f64 + USUAL_COUNTS);
        let rate = now.clamp(1e-6, (1.0 - excess - 1e-6).max(1e-6));
        let (requests, errors) = (green.0 as f64, green.1 as f64);
        let worse = (rate + excess).min(1.0 - 1e-9);
        self.nats += errors * (rate / worse).ln() + (requests - errors) * ((1.0 - rate) / (1.0 - worse)).ln();
    }

    /// Evidence so far, as a natural logarithm.
    pub fn nats(&self) -> f64 {
        self.nats
    }
}

/// Factors by which green, once the tolerated factor is taken out, is bet to be quicker than blue.
const QUICKER: [f64; 2] = [1.0 / 1.15, 1.0 / 1.35];

/// The proof that green takes at most so many times as long.
#[derive(Clone, Debug, Default)]
pub struct SafeLatency {
    bets: [Bet; QUICKER.len()],
    payoffs: Vec<Payoff>,
    chosen_at: u64,
    is_begun: bool,
}

impl SafeLatency {
    /// Takes the latencies of both sides of a few seconds; `factor` is what is tolerated.
    pub fn take(&mut self, green: &Histogram, blue: &Histogram, reference: &Reference, factor: f64) {
        self.choose(reference);
        // A bin less than the factor is wide at most: then what is proved holds for the factor.
        let quicker = green.quicker_by((factor.max(1.0).ln() / WIDTH + 1e-9).floor() as usize);
        let stake = if self.is_begun { 0.0 } else { 1.0 };
        self.is_begun = true;
        for (index, bet) in self.bets.iter_mut().enumerate() {
            bet.close(Limit::Gross, stake);
            if let Some(payoff) = self.payoffs.get(index) {
                bet.add(gain(payoff, &quicker, blue));
            }
        }
    }

    fn choose(&mut self, reference: &Reference) {
        let total = reference.seen().total();
        if !reference.density().is_empty() && (self.payoffs.is_empty() || total > 2 * self.chosen_at) {
            self.chosen_at = total;
            self.payoffs = QUICKER.iter().map(|factor| Payoff::new(reference.density(), *factor)).collect();
        }
    }

    /// Evidence so far, as a natural logarithm.
    pub fn nats(&self) -> f64 {
        if self.is_begun { mean_worth(&self.bets, Limit::Gross, 0.0).max(1e-300).ln() } else { 0.0 }
    }
}

/// What a bet gained from the latencies of both sides, as a natural logarithm.
pub fn gain(payoff: &Payoff, green: &Histogram, blue: &Histogram) -> f64 {
    let both = green.counts().iter().zip(blue.counts()).enumerate();
    let pool: Vec<Stake> = both
        .filter(|(_, (green, blue))| **green > 0 || **blue > 0)
        .map(|(bin, (green, blue))| (f64::from(*green) + f64::from(*blue), payoff.pays(bin)))
        .collect();
    payoff.ln_paid(green) - ln_average(&pool, green.total())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn healthy_seconds_add_up_and_errors_cost_dearly() {
        let mut safe = SafeErrors::default();
        for _ in 0..33 {
            safe.take((5, 0), (45, 0), 0.001, 0.02);
        }
        assert!(safe.nats() > 20.0_f64.ln(), "{}", safe.nats());
        safe.take((5, 1), (45, 0), 0.001, 0.02);
        assert!(safe.nats() < 20.0_f64.ln());
        // A burst that blue has too says little either way.
        let before = safe.nats();
        safe.take((5, 1), (450, 90), 0.001, 0.02);
        assert!((safe.nats() - before).abs() < 0.2, "{}", safe.nats() - before);
    }

    #[test]
    fn impossible_rates_stay_finite() {
        let mut safe = SafeErrors::default();
        for (green, blue, usual, excess) in
            [((0, 0), (0, 0), 0.0, 0.02), ((9, 9), (9, 9), 1.0, 0.02), ((9, 0), (0, 0), 1.0, 1.0)]
        {
            safe.take(green, blue, usual, excess);
            assert!(safe.nats().is_finite());
        }
    }
}
