//! When a bet begins.
//!
//! A regression may be there from the first request or come after ten minutes. So the stake of every bet is divided: a part
//! is staked at once, more during the warm-up, the rest over half an hour and beyond. What is not yet staked counts as it is.
//! That is a weighted mean of martingales that begin at different moments (the mixture of Shin, Ramdas and Rinaldo 2024), so
//! the bound on false alarms holds for all beginnings together.

/// Which bets: those that a cold start could win have to wait for its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// Half is staked at once.
    AtOnce,
    /// Nothing is staked before the cold start is over.
    WhenWarm,
}

/// Staked at the beginning.
const AT_ONCE: f64 = 0.5;
/// Staked in equal parts during the first two minutes, every [`WARM_UP_STEP`].
const WARM_UP: f64 = 0.2;
/// Staked in equal parts from then to half an hour, every [`STEP`].
const HALF_HOUR: f64 = 0.26;
const WARM_UP_STEP: f64 = 12.0;
const WARM_UP_ENDS: f64 = 120.0;
const STEP: f64 = 30.0;
const HALF_HOUR_ENDS: f64 = 1_800.0;
/// What is staked of the rest when green gets a new weight.
const AT_NEW_WEIGHT: f64 = 0.1;

/// The stake of a group of bets.
#[derive(Clone, Debug, PartialEq)]
pub struct Onset {
    beginning: Beginning,
    /// What new weights have left of what is not staked by the clock.
    left: f64,
    unstaked: f64,
}

impl Onset {
    /// A stake of one, none of it staked.
    pub fn new(beginning: Beginning) -> Self {
        Self { beginning, left: 1.0, unstaked: 1.0 }
    }

    /// What is not staked.
    pub fn unstaked(&self) -> f64 {
        self.unstaked
    }

    /// What is to be staked now, `elapsed` seconds after the beginning; `warm` is when the cold start is over, in seconds.
    pub fn stake(&mut self, elapsed: f64, warm: f64) -> f64 {
        let due = match self.beginning {
            Beginning::WhenWarm if elapsed < warm => 0.0,
            Beginning::AtOnce | Beginning::WhenWarm => staked_by(elapsed),
        };
        let unstaked = (self.left * (1.0 - due)).min(self.unstaked);
        let stake = self.unstaked - unstaked;
        self.unstaked = unstaked;
        stake
    }

    /// Green has a new weight: more of the rest is staked the next time.
    pub fn new_weight(&mut self) {
        self.left *= 1.0 - AT_NEW_WEIGHT;
    }
}

/// The part that is staked `elapsed` seconds after the beginning, without new weights.
fn staked_by(elapsed: f64) -> f64 {
    let steps = |since: f64, until: f64, step: f64| {
        let all = ((until - since) / step).round();
        (((elapsed - since) / step + 1e-9).floor()).clamp(0.0, all) / all
    };
    let later = ((elapsed - HALF_HOUR_ENDS) / STEP).floor().max(0.0);
    let rest = 1.0 - AT_ONCE - WARM_UP - HALF_HOUR;
    // 1/((s+1)(s+2)) of the rest at the s-th step: slow enough that something is left after a day.
    AT_ONCE
        + WARM_UP * steps(0.0, WARM_UP_ENDS, WARM_UP_STEP)
        + HALF_HOUR * steps(WARM_UP_ENDS, HALF_HOUR_ENDS, STEP)
        + rest * (1.0 - 1.0 / (later / 60.0 + 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_stake_is_one_and_never_grows() {
        for beginning in [Beginning::AtOnce, Beginning::WhenWarm] {
            let mut onset = Onset::new(beginning);
            let mut staked = 0.0;
            for second in 0..200_000 {
                if second % 600 == 599 {
                    onset.new_weight();
                }
                let stake = onset.stake(f64::from(second), 120.0);
                assert!(stake >= 0.0, "{second}");
                staked += stake;
                assert!((staked + onset.unstaked() - 1.0).abs() < 1e-9, "{second}");
            }
        }
    }

    #[test]
    fn half_at_once_or_all_that_is_due_when_warm() {
        let first = |beginning, elapsed, warm| Onset::new(beginning).stake(elapsed, warm);
        assert!((first(Beginning::AtOnce, 0.0, 120.0) - 0.5).abs() < 1e-12);
        assert!(first(Beginning::WhenWarm, 119.0, 120.0).abs() < 1e-12);
        assert!((first(Beginning::WhenWarm, 120.0, 120.0) - 0.7).abs() < 1e-12);
        assert!((first(Beginning::WhenWarm, 0.0, 0.0) - 0.5).abs() < 1e-12);
        assert!((first(Beginning::AtOnce, 1_800.0, 0.0) - 0.96).abs() < 1e-12);
    }
}
