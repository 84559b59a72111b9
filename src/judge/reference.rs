//! What blue usually does, by which bets on latency are chosen.
//!
//! It is used for nothing else: a reference that is wrong makes a bet poor, never a verdict false.

use super::histogram::{BINS, Histogram, WIDTH};
use super::onset::Beginning;
use super::settings::Latencies;

/// Factors by which green is bet to be slower.
pub const FACTORS: [f64; 5] = [1.15, 1.35, 1.8, 3.0, 6.0];

/// Odds by which more of green's requests are bet to be slower than a limit.
pub const TAIL_ODDS: [f64; 4] = [1.4, 2.5, 6.0, 20.0];

/// A limit above which a request counts as slow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// The share of blue's requests that are quicker.
    share: f64,
    /// How many bins it lies above that.
    above: usize,
    /// When bets on it begin: a cold start makes more requests exceed the lower ones.
    pub beginning: Beginning,
}

const fn limit(share: f64, above: usize, beginning: Beginning) -> Limit {
    Limit { share, above, beginning }
}

/// Where each latency is known: the body has bets of its own. The last is twice the one before.
const OF_TAIL: [Limit; 4] = [
    limit(0.95, 0, Beginning::WhenWarm),
    limit(0.99, 0, Beginning::WhenWarm),
    limit(0.999, 0, Beginning::AtOnce),
    limit(0.999, 14, Beginning::AtOnce),
];

/// Where only these are known.
const OF_ALL: [Limit; 6] = [
    limit(0.5, 0, Beginning::WhenWarm),
    limit(0.75, 0, Beginning::WhenWarm),
    limit(0.9, 0, Beginning::WhenWarm),
    limit(0.95, 0, Beginning::WhenWarm),
    limit(0.99, 0, Beginning::WhenWarm),
    limit(0.999, 0, Beginning::AtOnce),
];

/// The limits of a source.
pub fn limits(latencies: Latencies) -> &'static [Limit] {
    match latencies {
        Latencies::Each => &OF_TAIL,
        Latencies::AboveLimits => &OF_ALL,
    }
}

/// Below this many of blue's requests nothing is bet on latency.
const FEWEST: u64 = 20;

/// Above this, older requests begin to count half.
const MOST: u64 = 2_000_000;

/// No bet pays more than this or less than its reciprocal.
const MOST_PAID: f64 = 5.0;

/// What one bet pays for a request of each bin.
#[derive(Clone, Debug, PartialEq)]
pub struct Payoff {
    pays: Vec<f64>,
    ln_pays: Vec<f64>,
}

impl Payoff {
    /// The bet that green takes `factor` times as long as `density` says of blue.
    pub fn new(density: &[f64], factor: f64) -> Self {
        let shift = factor.ln() / WIDTH;
        let (whole, part) = (shift.floor(), shift - shift.floor());
        let at = |bin: f64| if bin < 0.0 { 0.0 } else { density.get(bin as usize).copied().unwrap_or(0.0) };
        // Where blue has next to nothing, neither has the bet anything to say.
        let floor = 1e-6 / BINS as f64;
        let ratios = density.iter().enumerate().map(|(bin, blue)| {
            let from = bin as f64 - whole;
            let green = (1.0 - part) * at(from) + part * at(from - 1.0);
            let ratio = ((green + floor) / (blue + floor)).clamp(MOST_PAID.recip(), MOST_PAID);
            (ratio.ln(), blue + floor)
        });
        let ln_pays = if factor >= 1.0 {
            rising(ratios)
        } else {
            rising(ratios.map(|(ratio, weight)| (-ratio, weight))).into_iter().map(|ratio| -ratio).collect()
        };
        Self { pays: ln_pays.iter().map(|ln_pays| ln_pays.exp()).collect(), ln_pays }
    }

    /// What it pays for a request of `bin`.
    pub fn pays(&self, bin: usize) -> f64 {
        self.pays.get(bin).copied().unwrap_or(1.0)
    }

    /// The logarithm of what it pays for all requests of a histogram.
    pub fn ln_paid(&self, requests: &Histogram) -> f64 {
        requests.counts().iter().zip(&self.ln_pays).map(|(count, ln_pays)| f64::from(*count) * ln_pays).sum()
    }
}

/// The closest values to these, by their weights, that never fall (pool adjacent violators).
///
/// A bet on slower requests that pays more for each slower one gains nothing from a green that is quicker: so it stays fair
/// when green is allowed a margin and does not use it.
fn rising(values: impl Iterator<Item = (f64, f64)>) -> Vec<f64> {
    let mut pools: Vec<(f64, f64, usize)> = Vec::with_capacity(BINS);
    for (value, weight) in values {
        let mut pool = (value, weight, 1);
        while let Some((before, its_weight, number)) = pools.pop_if(|before| before.0 >= pool.0) {
            let sum = its_weight + pool.1;
            pool = ((before * its_weight + pool.0 * pool.1) / sum, sum, number + pool.2);
        }
        pools.push(pool);
    }
    pools.into_iter().flat_map(|(value, _, number)| std::iter::repeat_n(value, number)).collect()
}

/// Blue's latencies so far, and the bets that follow from them.
#[derive(Clone, Debug)]
pub struct Reference {
    latencies: Latencies,
    seen: Histogram,
    chosen_at: u64,
    density: Vec<f64>,
    payoffs: Vec<Payoff>,
    limits: Vec<usize>,
}

impl Reference {
    /// Nothing is known of blue yet; `latencies` says how finely they will be.
    pub fn new(latencies: Latencies) -> Self {
        Self {
            latencies,
            seen: Histogram::default(),
            chosen_at: 0,
            density: Vec::new(),
            payoffs: Vec::new(),
            limits: Vec::new(),
        }
    }

    /// Blue's latencies so far.
    pub fn seen(&self) -> &Histogram {
        &self.seen
    }

    /// Takes more of blue's latencies; they do not change the bets before [`Self::choose`].
    pub fn learn(&mut self, latencies: &Histogram) {
        self.seen.merge(latencies);
        if self.seen.total() > MOST {
            self.seen.halve();
            self.chosen_at /= 2;
        }
    }

    /// Chooses the bets anew once enough was learned since the last time.
    pub fn choose(&mut self) {
        let total = self.seen.total();
        if total < FEWEST || total < self.chosen_at + self.chosen_at / 8 {
            return;
        }
        self.chosen_at = total;
        self.density = smooth(&self.seen);
        self.payoffs = match self.latencies {
            Latencies::Each => FACTORS.iter().map(|factor| Payoff::new(&self.density, *factor)).collect(),
            Latencies::AboveLimits => Vec::new(),
        };
        let bin_of = |limit: &Limit| Some((self.seen.quantile(limit.share)? + limit.above).min(BINS - 2));
        self.limits = limits(self.latencies).iter().filter_map(bin_of).collect();
    }

    /// Blue's latencies as a smooth density over bins; empty before there are enough.
    pub fn density(&self) -> &[f64] {
        &self.density
    }

    /// The bet on each of [`FACTORS`]; none before there is enough to choose them by.
    pub fn payoffs(&self) -> &[Payoff] {
        &self.payoffs
    }

    /// The bins of [`limits`] above which requests count as slow; none before there is enough to choose them by.
    pub fn limits(&self) -> &[usize] {
        &self.limits
    }
}

/// A kernel estimate over the bins, with Silverman's bandwidth.
fn smooth(seen: &Histogram) -> Vec<f64> {
    let Some((_, deviation)) = seen.moments() else { return vec![0.0; BINS] };
    let total = seen.total() as f64;
    let bandwidth = (1.06 * deviation * total.powf(-0.2)).clamp(0.6, 12.0);
    let reach = (4.0 * bandwidth).ceil() as usize;
    let kernel: Vec<f64> = (0..=reach).map(|away| (-0.5 * (away as f64 / bandwidth).powi(2)).exp()).collect();
    let mass = 2.0 * kernel.iter().sum::<f64>() - 1.0;
    let mut density = vec![0.0; BINS];
    for (bin, count) in seen.counts().iter().enumerate().filter(|(_, count)| **count > 0) {
        let each = f64::from(*count) / (total * mass);
        let from = bin.saturating_sub(reach);
        for (at, slot) in density.iter_mut().enumerate().skip(from).take(bin + reach + 1 - from) {
            *slot += kernel.get(at.abs_diff(bin)).map_or(0.0, |weight| weight * each);
        }
    }
    density
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(latencies: impl Iterator<Item = f64>) -> Reference {
        let mut histogram = Histogram::default();
        latencies.for_each(|milliseconds| histogram.add(milliseconds));
        let mut reference = Reference::new(Latencies::Each);
        reference.learn(&histogram);
        reference.choose();
        reference
    }

    #[test]
    fn a_bet_pays_for_the_slow_and_takes_for_the_quick_within_its_bounds() {
        let reference = learned((0..1_000).map(|index| 80.0 * 1.003_f64.powi(index)));
        assert_eq!((reference.payoffs().len(), reference.limits().len()), (FACTORS.len(), OF_TAIL.len()));
        assert!((reference.density().iter().sum::<f64>() - 1.0).abs() < 1e-3);
        for payoff in reference.payoffs() {
            let (quick, slow) = (super::super::histogram::bin_of(85.0), super::super::histogram::bin_of(1_800.0));
            assert!(payoff.pays(quick) < 1.0 && payoff.pays(slow) > 1.0);
            assert!((0..BINS).all(|bin| (0.2..=5.0).contains(&payoff.pays(bin))));
            assert!((1..BINS).all(|bin| payoff.pays(bin) >= payoff.pays(bin - 1)), "more for each slower request");
        }
        assert!(reference.limits().is_sorted());
    }

    #[test]
    fn too_few_requests_choose_no_bet() {
        assert!(learned([80.0; 19].into_iter()).payoffs().is_empty());
        assert!(
            learned([80.0; 20].into_iter()).payoffs().iter().all(|payoff| payoff.ln_paid(&Histogram::default()) == 0.0)
        );
    }
}
