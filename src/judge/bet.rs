//! One bet through time: capital that every block of ticks multiplies.

/// Capital is not counted beyond this, so that nothing overflows; it decides nothing, as a verdict needs far less.
const RICHEST: f64 = 1e200;

/// What one block may add at most, as a natural logarithm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// So much: one odd burst decides nothing.
    Clipped(f64),
    /// More than half of green's requests fail everywhere: what the whole count says, as far as a number holds it.
    Gross,
}

/// The most that a gross failure adds in a block.
const GROSS: f64 = 50.0;

/// One bet's capital.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bet {
    capital: f64,
    /// Gain of the running block, as a natural logarithm.
    gain: f64,
    /// The same without the cap on votes.
    uncapped: f64,
}

impl Bet {
    /// Adds a tick's gain, as a natural logarithm.
    pub fn add(&mut self, gain: f64) {
        self.add_capped(gain, gain);
    }

    /// Adds a tick's gain with and without the cap on votes.
    pub fn add_capped(&mut self, gain: f64, uncapped: f64) {
        self.gain += gain;
        self.uncapped += uncapped;
    }

    fn factor(&self, limit: Limit) -> f64 {
        match limit {
            Limit::Clipped(most) => self.gain.min(most),
            Limit::Gross => self.uncapped.min(GROSS),
        }
        .exp()
    }

    /// Capital now, with the running block.
    pub fn worth(&self, limit: Limit) -> f64 {
        (self.capital * self.factor(limit)).min(RICHEST)
    }

    /// Ends the running block, and stakes more for the next.
    pub fn close(&mut self, limit: Limit, stake: f64) {
        *self = Self { capital: self.worth(limit) + stake, gain: 0.0, uncapped: 0.0 };
    }
}

/// The mean worth of a group of bets, each with what is not staked yet.
pub fn mean_worth(bets: &[Bet], limit: Limit, unstaked: f64) -> f64 {
    if bets.is_empty() {
        return 1.0;
    }
    bets.iter().map(|bet| bet.worth(limit)).sum::<f64>() / bets.len() as f64 + unstaked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_adds_no_more_than_its_limit_and_loses_all_it_lost() {
        let mut bet = Bet::default();
        bet.close(Limit::Clipped(4.5), 0.5);
        bet.add_capped(3.0, 60.0);
        bet.add_capped(3.0, 60.0);
        assert!((bet.worth(Limit::Clipped(4.5)) - 0.5 * 4.5_f64.exp()).abs() < 1e-9);
        assert!((bet.worth(Limit::Gross) / (0.5 * 50.0_f64.exp()) - 1.0).abs() < 1e-12);
        bet.add(-9.0);
        bet.close(Limit::Clipped(4.5), 0.1);
        assert!((bet.worth(Limit::Clipped(4.5)) - (0.5 * (-3.0_f64).exp() + 0.1)).abs() < 1e-12);
    }

    #[test]
    fn riches_and_ruin_stay_numbers() {
        let mut bet = Bet::default();
        for _ in 0..1_000 {
            bet.close(Limit::Gross, 1.0);
            bet.add(1e9);
        }
        assert!(bet.worth(Limit::Gross).is_finite());
        bet.add(f64::NEG_INFINITY);
        bet.close(Limit::Gross, 0.25);
        assert!((bet.worth(Limit::Gross) - 0.25).abs() < 1e-12);
    }
}
