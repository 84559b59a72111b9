//! The same average for events that are counted: errors, or requests slower than a limit.
//!
//! Of `n` requests `E` were events, and `green` of the `n` were green's. If the versions are alike, the events among green's
//! are hypergeometric. The bet on an odds ratio `ψ` pays `ψ` for each; its average is the mean of `ψ^x`, as in the conditional
//! test of a 2 × 2 table (Fisher), sequentially (Turner and Grünwald 2023).

use super::permutation::ln_average;

/// More terms than this are not added up: the saddlepoint is as good there, and no power overflows below.
const TERMS: u64 = 80;

/// How many of a tick's events are green's by chance.
#[derive(Clone, Debug, PartialEq)]
pub enum Hypergeometric {
    /// Every probability from `least` on.
    Listed {
        /// The fewest events that green must have.
        least: u64,
        /// Probabilities of `least`, `least + 1` and so on.
        probabilities: Vec<f64>,
    },
    /// Too many to list.
    Wide {
        /// Requests that were events.
        events: u64,
        /// Requests that were none.
        others: u64,
        /// Green's requests.
        green: u64,
    },
}

impl Hypergeometric {
    /// Of `requests` requests `events` were events, and `green` green's. What exceeds the requests is cut off.
    pub fn new(requests: u64, events: u64, green: u64) -> Self {
        let (events, green) = (events.min(requests), green.min(requests));
        let (others, blue) = (requests - events, requests - green);
        let least = events.saturating_sub(blue);
        let most = events.min(green);
        if most - least > TERMS {
            return Self::Wide { events, others, green };
        }
        // From the most likely number outwards, so that nothing underflows that counts.
        let mode = ((events as f64 + 1.0) * (green as f64 + 1.0) / (requests as f64 + 2.0)) as u64;
        let mode = mode.clamp(least, most);
        let up = |x: u64| {
            let spare = (others + x + 1).saturating_sub(green) as f64;
            (events - x) as f64 * (green - x) as f64 / ((x + 1) as f64 * spare)
        };
        let mut probabilities = vec![0.0; (most - least + 1) as usize];
        let rest = probabilities.split_at_mut((mode - least) as usize);
        let mut weight = 1.0;
        for (x, slot) in (mode..=most).zip(rest.1.iter_mut()) {
            *slot = weight;
            weight *= up(x);
        }
        weight = 1.0;
        for (x, slot) in (least..mode).rev().zip(rest.0.iter_mut().rev()) {
            weight /= up(x);
            *slot = weight;
        }
        let sum: f64 = probabilities.iter().sum();
        for weight in &mut probabilities {
            *weight /= sum;
        }
        Self::Listed { least, probabilities }
    }

    /// The natural logarithm of the mean of `psi` to the power of green's events.
    pub fn ln_average(&self, psi: f64) -> f64 {
        match self {
            Self::Listed { least, probabilities } => {
                let sum = probabilities.iter().rev().fold(0.0, |sum, probability| sum * psi + probability);
                *least as f64 * psi.ln() + sum.ln()
            }
            Self::Wide { events, others, green } => ln_average(&[(*events as f64, psi), (*others as f64, 1.0)], *green),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probability(requests: u64, events: u64, green: u64, x: u64) -> f64 {
        match Hypergeometric::new(requests, events, green) {
            Hypergeometric::Listed { least, probabilities } => {
                x.checked_sub(least).and_then(|index| probabilities.get(index as usize)).copied().unwrap_or(0.0)
            }
            Hypergeometric::Wide { .. } => f64::NAN,
        }
    }

    #[test]
    fn published_values() {
        // Fisher's tea tasting (The Design of Experiments, 1935): 8 cups, 4 with milk first, 4 chosen.
        for (right, ways) in [(0, 1.0), (1, 16.0), (2, 36.0), (3, 16.0), (4, 1.0)] {
            assert!((probability(8, 4, 4, right) - ways / 70.0).abs() < 1e-14, "{right}");
        }
        // Five cards of 52: P(all four aces) = 48/2598960; the lottery 6 of 49: P(six right) = 1/13983816.
        assert!((probability(52, 4, 5, 4) - 48.0 / 2_598_960.0).abs() < 1e-16);
        assert!((probability(49, 6, 6, 6) * 13_983_816.0 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_mean_of_a_bet_on_nothing_is_one_and_the_first_moment_is_right() {
        for (requests, events, green) in [(10, 3, 4), (100, 80, 30), (1_000, 40, 990), (7, 7, 3), (5, 0, 2), (1, 1, 1)]
        {
            let by_chance = Hypergeometric::new(requests, events, green);
            assert!(by_chance.ln_average(1.0).abs() < 1e-12);
            let slope = (by_chance.ln_average(1.0 + 1e-6) - by_chance.ln_average(1.0 - 1e-6)) / 2e-6;
            let mean = events as f64 * green as f64 / requests as f64;
            assert!((slope - mean).abs() < 1e-3, "{slope} {mean}");
        }
    }

    #[test]
    fn the_wide_form_continues_the_listed_one_and_stays_below_the_bound() {
        for psi in [0.1, 1.5, 4.0, 40.0] {
            let listed = Hypergeometric::new(4_000, 81, 400);
            assert!(matches!(Hypergeometric::new(4_000, 80, 400), Hypergeometric::Listed { .. }));
            let Hypergeometric::Wide { events, others, green } = listed else { panic!("81 events are listed") };
            let wide = Hypergeometric::Wide { events, others, green }.ln_average(psi);
            let below = Hypergeometric::new(4_000, 80, 400).ln_average(psi);
            let one_more = (1.0_f64 - 0.1 + 0.1 * psi).ln();
            assert!((wide - below - one_more).abs() < 0.1 * one_more.abs() + 1e-3, "{psi}: {below} {wide}");
            assert!(wide <= 81.0 * one_more + 1e-6, "{psi}: the average is above Hoeffding's bound");
        }
    }

    #[test]
    fn extremes_stay_finite() {
        for (requests, events, green) in
            [(0, 0, 0), (1, 5, 9), (u64::from(u32::MAX), 80, 1), (1 << 40, 1 << 39, 1 << 38)]
        {
            for psi in [1.0 / 16.0, 200.0] {
                let found = Hypergeometric::new(requests, events, green).ln_average(psi);
                assert!(found.is_finite(), "{requests} {events} {green} {psi}: {found}");
            }
        }
    }
}
