//! Whether green answers its share of the requests, apart from all else: a log that is no longer written, or in other words, looks
//! like a side that answers nothing, so this must not speak for anything but the traffic.

use super::bet::{Bet, Limit, mean_worth};
use super::onset::{Beginning, Onset};
use super::settings::Settings;
use super::tick::{Counting, Counts, Tick};
use super::traffic::{REMAINDERS, SETTLED, gain};
use crate::domain::time::Timestamp;

/// What it counts beside the other symptoms.
const WEIGHT: f64 = 0.035;

/// The evidence that green answers too little.
#[derive(Clone, Debug)]
pub struct Silence {
    bets: [Bet; REMAINDERS.len()],
    onset: Onset,
    limit: Limit,
    block: f64,
    needed: f64,
    began: Option<Timestamp>,
    /// When the running block began.
    since: Timestamp,
    before: Timestamp,
    weight: Option<(f64, Timestamp)>,
    proved: Option<Timestamp>,
}

impl Silence {
    /// Nothing is known yet.
    pub fn new(settings: &Settings) -> Self {
        Self {
            bets: Default::default(),
            onset: Onset::new(Beginning::AtOnce),
            limit: Limit::Clipped(settings.clip),
            block: settings.block.as_secs_f64(),
            needed: settings.needed(),
            began: None,
            since: Timestamp::default(),
            before: Timestamp::default(),
            weight: None,
            proved: None,
        }
    }

    /// Green's weight is `share`, a part of one, since `at`.
    pub fn set_weight(&mut self, share: f64, at: Timestamp) {
        if self.weight.is_some_and(|(before, _)| (before - share).abs() < 1e-9) {
            return;
        }
        self.weight = Some((share, at));
        if self.began.is_some() {
            self.onset.new_weight();
        } else if share > 0.0 {
            (self.began, self.since, self.before) = (Some(at), at, at);
            self.stake(0.0);
        }
    }

    fn stake(&mut self, elapsed: f64) {
        let stake = self.onset.stake(elapsed, 0.0);
        self.bets.iter_mut().for_each(|bet| bet.close(self.limit, stake));
    }

    /// Takes the requests of the next span.
    pub fn take(&mut self, tick: &Tick) {
        let (Some(began), Some((share, set))) = (self.began, self.weight) else { return };
        let sum = |side: &[Counts]| side.iter().map(|counts| counts.requests).sum();
        // The whole tick must lie after the new weight.
        let is_settled = self.before.since(set).as_secs_f64() >= SETTLED - 1e-6;
        if is_settled && tick.counting == Counting::Whole && share > 0.0 && share < 1.0 {
            for (bet, remainder) in self.bets.iter_mut().zip(REMAINDERS) {
                bet.add(gain(share, remainder, sum(&tick.green), sum(&tick.blue)));
            }
        }
        self.before = tick.end;
        if self.proved.is_none() && self.evidence() >= self.needed {
            self.proved = Some(tick.end);
        }
        if tick.end.since(self.since).as_secs_f64() >= self.block - 1e-6 {
            self.since = tick.end;
            self.stake(tick.end.since(began).as_secs_f64());
        }
    }

    /// The evidence: what is proof for the detector is proof here.
    pub fn evidence(&self) -> f64 {
        WEIGHT * mean_worth(&self.bets, self.limit, self.onset.unstaked())
    }

    /// When that was proved.
    pub fn proved(&self) -> Option<Timestamp> {
        self.proved
    }

    /// The likeliest explanation.
    pub fn hypothesis(&self) -> String {
        let worth = |bet: &Bet| bet.worth(self.limit);
        // Of those that are worth the same, the one that says most: a block limits what each may gain.
        let bets = self.bets.iter().zip(REMAINDERS).rev();
        let likeliest = bets.max_by(|(a, _), (b, _)| worth(a).total_cmp(&worth(b)));
        format!("green answers at most {:.0} % of its share", likeliest.map_or(1.0, |(_, part)| part) * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: i64, green: u64) -> Silence {
        let mut silence = Silence::new(&Settings::default());
        silence.set_weight(0.1, Timestamp::from_secs(100));
        for number in 1..=seconds / 2 {
            let side = |requests| vec![Counts { requests, ..Counts::default() }];
            let end = Timestamp::from_secs(100 + 2 * number);
            silence.take(&Tick { end, blue: side(90), green: side(green), ..Tick::default() });
        }
        silence
    }

    #[test]
    fn a_side_that_answers_nothing_is_found_and_one_that_answers_its_share_is_not() {
        let found = after(30, 0).proved().unwrap();
        assert!(found > Timestamp::from_secs(110) && found <= Timestamp::from_secs(120), "{found:?}");
        assert!(after(10, 0).proved().is_none(), "the weight may still be on its way");
        let served = after(600, 10);
        assert!(served.proved().is_none() && served.evidence() < 1.0);
        assert!(after(60, 0).hypothesis().contains("2 % of its share"));
    }
}
