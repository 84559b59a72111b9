//! All bets on one choice of green's tasks: all of them, or all but one.

use super::bet::{Bet, Limit, mean_worth};
use super::histogram::Histogram;
use super::hypergeometric::Hypergeometric;
use super::onset::Beginning;
use super::permutation::{Stake, ln_average};
use super::reference::{FACTORS, Limit as SlowLimit, Reference, TAIL_ODDS};

/// Odds ratios of failing that are bet on.
pub const ODDS: [f64; 7] = [1.5, 2.5, 4.0, 8.0, 16.0, 40.0, 200.0];

/// Slowdowns below this may be a cold start's: bets on them wait until it is over.
const SMALL: f64 = 2.5;

/// Green's side of a tick, as far as a row counts it.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// Requests.
    pub requests: u64,
    /// Errors that count as votes.
    pub votes: u64,
    /// All errors.
    pub errors: u64,
    /// Latencies as they were, less what is allowed.
    pub latency: Histogram,
}

impl Part {
    /// What is left of it without another part.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(other.requests),
            votes: self.votes.saturating_sub(other.votes),
            errors: self.errors.saturating_sub(other.errors),
            latency: self.latency.without(&other.latency),
        }
    }

    /// Adds another part.
    pub fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.votes += other.votes;
        self.errors += other.errors;
        self.latency.merge(&other.latency);
    }
}

/// What is not staked yet of bets that begin at once, and of those that wait for the end of the cold start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Of those that begin at once.
    pub at_once: f64,
    /// Of those that wait.
    pub when_warm: f64,
}

/// The circumstances of a tick.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// Blue's requests and errors.
    pub blue: (u64, u64),
    /// Blue's latencies.
    pub blue_latency: &'a Histogram,
    /// The bets on latency.
    pub reference: &'a Reference,
    /// The odds ratio that is tolerated.
    pub tolerated_odds: f64,
    /// How many errors make one witness.
    pub dispersion: f64,
}

/// The capital of all bets.
#[derive(Clone, Debug)]
pub struct Row {
    errors: [Bet; ODDS.len()],
    body: [Bet; FACTORS.len()],
    tail: Vec<(SlowLimit, [Bet; TAIL_ODDS.len()])>,
}

/// What a row's bets are worth, each group's mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Worth {
    /// Bets on errors.
    pub errors: f64,
    /// Bets on all latencies.
    pub body: f64,
    /// Bets on slow requests.
    pub tail: f64,
}

impl Row {
    /// Bets with nothing staked, on these limits among others.
    pub fn new(limits: &[SlowLimit]) -> Self {
        Self {
            errors: <[Bet; ODDS.len()]>::default(),
            body: <[Bet; FACTORS.len()]>::default(),
            tail: limits.iter().map(|limit| (*limit, <[Bet; TAIL_ODDS.len()]>::default())).collect(),
        }
    }

    /// Takes a tick.
    pub fn take(&mut self, green: &Part, terms: Terms<'_>) {
        if green.requests > 0 && terms.blue.0 > 0 {
            self.take_errors(green, terms);
        }
        if green.latency.total() > 0 && terms.blue_latency.total() > 0 {
            self.take_latency(green, terms);
        }
    }

    fn take_errors(&mut self, green: &Part, terms: Terms<'_>) {
        let requests = green.requests + terms.blue.0;
        let gains = |errors: u64| {
            let by_chance = Hypergeometric::new(requests, errors + terms.blue.1, green.requests);
            let gain = move |psi: f64| errors as f64 * psi.ln() - by_chance.ln_average(psi);
            let tolerated = if terms.tolerated_odds > 1.0 { gain(terms.tolerated_odds) } else { 0.0 };
            ODDS.map(|psi| if psi > terms.tolerated_odds { (gain(psi) - tolerated) / terms.dispersion } else { 0.0 })
        };
        if green.errors + terms.blue.1 == 0 {
            return;
        }
        let counted = gains(green.votes);
        let all = if green.errors == green.votes { counted } else { gains(green.errors) };
        for (bet, (counted, all)) in self.errors.iter_mut().zip(counted.into_iter().zip(all)) {
            bet.add_capped(counted, all);
        }
    }

    fn take_latency(&mut self, green: &Part, terms: Terms<'_>) {
        let of_green = green.latency.total();
        let requests = of_green + terms.blue_latency.total();
        let both = green.latency.counts().iter().zip(terms.blue_latency.counts()).enumerate();
        let occupied: Vec<(usize, f64)> = both
            .filter(|(_, (green, blue))| **green > 0 || **blue > 0)
            .map(|(bin, (green, blue))| (bin, f64::from(*green) + f64::from(*blue)))
            .collect();
        let mut pool: Vec<Stake> = Vec::with_capacity(occupied.len());
        for (bet, payoff) in self.body.iter_mut().zip(terms.reference.payoffs()) {
            pool.clear();
            pool.extend(occupied.iter().map(|(bin, count)| (*count, payoff.pays(*bin))));
            bet.add(payoff.ln_paid(&green.latency) - ln_average(&pool, of_green));
        }
        for ((_, bets), limit) in self.tail.iter_mut().zip(terms.reference.limits()) {
            let slow = green.latency.above(*limit);
            let all = slow + terms.blue_latency.above(*limit);
            if all == 0 {
                continue;
            }
            let by_chance = Hypergeometric::new(requests, all, of_green);
            for (bet, psi) in bets.iter_mut().zip(TAIL_ODDS) {
                bet.add(slow as f64 * psi.ln() - by_chance.ln_average(psi));
            }
        }
    }

    /// What the bets are worth now; `errors` and `other` are what the running block may add.
    pub fn worth(&self, errors: Limit, other: Limit, unstaked: Pair) -> Worth {
        let body = self.body.iter().zip(FACTORS);
        let body = body.map(|(bet, factor)| bet.worth(other) + unstaked.of(beginning_of(factor))).sum::<f64>();
        let tail = self.tail.iter().map(|(limit, bets)| mean_worth(bets, other, unstaked.of(limit.beginning)));
        Worth {
            errors: mean_worth(&self.errors, errors, unstaked.at_once),
            body: body / FACTORS.len() as f64,
            tail: tail.sum::<f64>() / self.tail.len().max(1) as f64,
        }
    }

    /// Ends the running block, and stakes more for the next.
    pub fn close(&mut self, errors: Limit, other: Limit, stake: Pair) {
        self.errors.iter_mut().for_each(|bet| bet.close(errors, stake.at_once));
        for (bet, factor) in self.body.iter_mut().zip(FACTORS) {
            bet.close(other, stake.of(beginning_of(factor)));
        }
        for (limit, bets) in &mut self.tail {
            for bet in bets {
                bet.close(other, stake.of(limit.beginning));
            }
        }
    }

    /// The odds ratio of errors whose bet is worth most.
    pub fn likeliest_odds(&self, errors: Limit) -> f64 {
        likeliest(self.errors.iter().zip(ODDS), errors).unwrap_or(1.0)
    }

    /// The factor of latency whose bet is worth most.
    pub fn likeliest_factor(&self, other: Limit) -> f64 {
        likeliest(self.body.iter().zip(FACTORS), other).unwrap_or(1.0)
    }

    /// The limit, by its number, and the odds ratio of exceeding it whose bet is worth most.
    pub fn likeliest_limit(&self, other: Limit) -> (usize, f64) {
        let each = self.tail.iter().enumerate();
        let bets = each.flat_map(|(index, (_, bets))| bets.iter().zip(TAIL_ODDS.map(|psi| (index, psi))));
        likeliest(bets, other).unwrap_or((0, 1.0))
    }
}

fn likeliest<'a, T>(bets: impl Iterator<Item = (&'a Bet, T)>, limit: Limit) -> Option<T> {
    bets.max_by(|(one, _), (other, _)| one.worth(limit).total_cmp(&other.worth(limit))).map(|(_, what)| what)
}

fn beginning_of(factor: f64) -> Beginning {
    if factor < SMALL { Beginning::WhenWarm } else { Beginning::AtOnce }
}

impl Pair {
    fn of(self, beginning: Beginning) -> f64 {
        match beginning {
            Beginning::AtOnce => self.at_once,
            Beginning::WhenWarm => self.when_warm,
        }
    }
}
