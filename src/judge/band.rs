//! How much worse green is, with a band that holds at every moment at once.

use super::histogram::{Histogram, WIDTH};
use super::hypergeometric::Hypergeometric;
use super::reference::{Payoff, Reference};
use super::safe::gain;

/// The band leaves the truth out at most once in twenty releases, looked at as often as one likes.
const OUTSIDE: f64 = 20.0;

/// An interval with its most likely value.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Band {
    /// Its lower end.
    pub low: f64,
    /// The value that what was seen speaks for most.
    pub middle: f64,
    /// Its upper end.
    pub high: f64,
}

/// Odds ratios looked at: from a sixteenth to 64 in equal ratios.
const ODDS: usize = 121;
const LEAST_ODDS: f64 = 1.0 / 16.0;
const ODDS_STEP: f64 = std::f64::consts::LN_2 * 10.0 / 120.0;

/// The odds ratio of failing, green's to blue's.
#[derive(Clone, Debug)]
pub struct OddsBand {
    nats: Vec<f64>,
}

impl Default for OddsBand {
    fn default() -> Self {
        Self { nats: vec![0.0; ODDS] }
    }
}

fn odds(index: usize) -> f64 {
    LEAST_ODDS * (index as f64 * ODDS_STEP).exp()
}

impl OddsBand {
    /// Takes a tick: by chance green has so many of its errors, and had `errors`; `dispersion` of them are one witness.
    pub fn take(&mut self, by_chance: &Hypergeometric, errors: u64, dispersion: f64) {
        for (index, nats) in self.nats.iter_mut().enumerate() {
            let psi = odds(index);
            *nats += (errors as f64 * psi.ln() - by_chance.ln_average(psi)) / dispersion;
        }
    }

    /// The odds ratios that are not refuted; `None` while all of them are possible.
    pub fn band(&self) -> Option<Band> {
        let most = self.nats.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mean = most + (self.nats.iter().map(|nats| (nats - most).exp()).sum::<f64>() / ODDS as f64).ln();
        let is_in = |nats: &&f64| mean - **nats < OUTSIDE.ln();
        let low = self.nats.iter().position(|nats| is_in(&nats))?;
        let high = self.nats.iter().rposition(|nats| is_in(&nats))?;
        let middle = self.nats.iter().position(|nats| *nats >= most)?;
        (low > 0 || high + 1 < ODDS).then(|| Band { low: odds(low), middle: odds(middle), high: odds(high) })
    }
}

/// Latency factors looked at, in bins of 5 %: from 0.46 to 4.8.
const QUICKEST: i32 = -16;
const SLOWEST: i32 = 32;

/// Bets for and against each: that green, with the factor taken out, is slower or quicker by so much.
const BETS: [f64; 4] = [1.15, 1.35, 1.0 / 1.15, 1.0 / 1.35];

/// The factor that green's requests take as long as blue's.
#[derive(Clone, Debug, Default)]
pub struct FactorBand {
    nats: Vec<[f64; BETS.len()]>,
    payoffs: Vec<Payoff>,
    chosen_at: u64,
}

impl FactorBand {
    /// Takes the latencies of some seconds. Within them green's weight must not change.
    pub fn take(&mut self, green: &Histogram, blue: &Histogram, reference: &Reference) {
        let total = reference.seen().total();
        if reference.density().is_empty() || green.total() == 0 || blue.total() == 0 {
            return;
        }
        if self.payoffs.is_empty() || total > 2 * self.chosen_at {
            self.chosen_at = total;
            self.payoffs = BETS.iter().map(|factor| Payoff::new(reference.density(), *factor)).collect();
        }
        self.nats.resize((SLOWEST - QUICKEST + 1) as usize, [0.0; BETS.len()]);
        for (shift, nats) in (QUICKEST..=SLOWEST).zip(&mut self.nats) {
            let bins = shift.unsigned_abs() as usize;
            let green = if shift < 0 { green.slower_by(bins) } else { green.quicker_by(bins) };
            for (payoff, nats) in self.payoffs.iter().zip(nats) {
                *nats += gain(payoff, &green, blue);
            }
        }
    }

    /// The factors that are not refuted; `None` while all of them are possible.
    pub fn band(&self) -> Option<Band> {
        let against = |nats: &[f64; BETS.len()]| {
            let most = nats.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            most + (nats.iter().map(|nats| (nats - most).exp()).sum::<f64>() / BETS.len() as f64).ln()
        };
        let all: Vec<f64> = self.nats.iter().map(against).collect();
        let is_in = |nats: &f64| *nats < OUTSIDE.ln();
        let (low, high) = (all.iter().position(is_in)?, all.iter().rposition(is_in)?);
        let least = all.iter().copied().fold(f64::INFINITY, f64::min);
        let middle = all.iter().position(|nats| *nats <= least)?;
        let factor = |index: usize| ((index as f64 + f64::from(QUICKEST)) * WIDTH).exp();
        // Latencies are known to a bin.
        let bin = WIDTH.exp();
        (low > 0 || high + 1 < all.len()).then(|| Band {
            low: factor(low) / bin,
            middle: factor(middle),
            high: factor(high) * bin,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_seen_is_no_band() {
        assert_eq!((OddsBand::default().band(), FactorBand::default().band()), (None, None));
    }

    #[test]
    fn odds_close_in_on_the_truth() {
        let mut band = OddsBand::default();
        let mut widths = Vec::new();
        for tick in 0..300_u64 {
            // 2 of 10 green requests and 4 of 90 blue ones: an odds ratio of 5.4.
            let errors = if tick % 5 == 0 { (10, 20) } else { (0, 0) };
            let by_chance = Hypergeometric::new(500, errors.0 + errors.1, 50);
            band.take(&by_chance, errors.0, 1.0);
            widths.extend(band.band().map(|band| band.high / band.low));
        }
        let band = band.band().unwrap();
        assert!(band.low > 3.0 && band.high < 9.0 && (band.middle - 5.4).abs() < 1.0, "{band:?}");
        assert!(widths.last().unwrap() < widths.first().unwrap());
    }

    #[test]
    fn the_factor_is_found() {
        let mut blue = Histogram::default();
        let mut green = Histogram::default();
        for step in 0..600 {
            blue.add(40.0 * 1.006_f64.powi(step));
            if step % 10 == 3 {
                green.add(1.5 * 40.0 * 1.006_f64.powi(step));
            }
        }
        let mut reference = Reference::new(super::super::settings::Latencies::Each);
        reference.learn(&blue);
        reference.choose();
        let mut band = FactorBand::default();
        for _ in 0..20 {
            band.take(&green, &blue, &reference);
        }
        let band = band.band().unwrap();
        assert!(band.low > 1.2 && band.high < 1.9 && (band.middle - 1.5).abs() < 0.12, "{band:?}");
    }
}
