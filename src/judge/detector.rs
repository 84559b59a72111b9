//! Judges green against blue while both serve.
//!
//! The evidence is a weighted mean of many bets, each of them fair if the versions are alike, so it is a martingale: the
//! probability that it ever reaches 100 is at most 1 %, at whatever moments it is looked at and through all steps of a
//! release. What breaks the assumption that any request might as well have been the other side's — a cold start, a slow host,
//! errors in clusters — is met by guards, each of which can only lower the evidence.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::band::{FactorBand, OddsBand};
use super::bet::{Bet, Limit, mean_worth};
use super::dispersion::Dispersion;
use super::harm::Harm;
use super::histogram::{Histogram, bins_up};
use super::hypergeometric::Hypergeometric;
use super::judgement::{Doubt, Recommendation};
use super::margin::{Spread, margin};
use super::onset::{Beginning, Onset};
use super::reference::{Reference, limits};
use super::row::{Pair, Part, Row, Terms, Worth};
use super::safe::{SafeErrors, SafeLatency};
use super::saturation::gain_of_deaths;
use super::settings::{Authority, Bands, Deaths, Latencies, Settings, Share, Tasks};
use super::tick::{Counting, Counts, Tick};
use super::traffic::{self, REMAINDERS};
use super::votes::Votes;
use crate::domain::ids::TaskId;
use crate::domain::time::Timestamp;
use spells::Spells;
use weights::Weights;

mod report;
mod spells;
#[cfg(test)]
mod tests;
mod weights;

/// More tasks than this share rows: leaving one out leaves out its row's.
const ROWS: usize = 16;
/// With fewer tasks none can be left out, and proof must come in two spells.
const FEWEST_TASKS: usize = 3;
/// At least so many of green's requests of a block, half of them failed, on so many tasks, are a gross failure.
const GROSS_REQUESTS: u64 = 10;
const GROSS_TASKS: usize = 3;
/// Latencies are taken together for so many seconds to work out a band.
const BAND_EVERY: f64 = 10.0;
/// Growth is what came within so many seconds.
const GROWTH_OVER: f64 = 60.0;
/// A task that served nothing for so long is none any more.
const TASK_GONE: f64 = 120.0;

/// The evidence of a release as it runs: fed tick by tick, asked at any time.
#[derive(Clone, Debug)]
pub struct Detector {
    settings: Settings,
    now: Timestamp,
    began: Option<Timestamp>,
    weight: Option<(f64, Timestamp)>,
    reference: Reference,
    spread: Spread,
    dispersion: Dispersion,
    blue: Rate,
    votes: Votes,
    at_once: Onset,
    when_warm: Onset,
    all: Row,
    without: Vec<Row>,
    green_tasks: BTreeMap<TaskId, Task>,
    blue_tasks: BTreeMap<TaskId, f64>,
    traffic: [Bet; REMAINDERS.len()],
    deaths: Bet,
    block: Block,
    margin: f64,
    spells: Spells,
    odds: OddsBand,
    factor: FactorBand,
    gathered: Gathered,
    safe_errors: SafeErrors,
    safe_latency: SafeLatency,
    harm: Harm,
    history: VecDeque<(f64, f64)>,
    recommendation: Recommendation,
    since: Timestamp,
}

#[derive(Clone, Copy, Debug, Default)]
struct Rate {
    requests: u64,
    errors: u64,
}

impl Rate {
    fn add(&mut self, requests: u64, errors: u64) {
        self.requests += requests;
        self.errors += errors;
    }

    fn value(self) -> f64 {
        if self.requests == 0 { 0.0 } else { self.errors as f64 / self.requests as f64 }
    }
}

#[derive(Clone, Copy, Debug)]
struct Task {
    row: usize,
    seen: f64,
}

/// The running block.
#[derive(Clone, Debug, Default)]
struct Block {
    since: f64,
    green: BTreeMap<TaskId, Rate>,
    blue: Rate,
    of_green: Histogram,
    of_blue: Histogram,
}

/// What a band takes together.
#[derive(Clone, Debug, Default)]
struct Gathered {
    since: f64,
    green: Histogram,
    blue: Histogram,
}

impl Detector {
    /// A detector that has seen nothing.
    pub fn new(settings: Settings) -> Self {
        let limits = limits(settings.latencies);
        Self {
            now: Timestamp::default(),
            began: None,
            weight: None,
            reference: Reference::new(settings.latencies),
            spread: Spread::default(),
            dispersion: Dispersion::default(),
            blue: Rate::default(),
            votes: Votes::default(),
            at_once: Onset::new(Beginning::AtOnce),
            when_warm: Onset::new(Beginning::WhenWarm),
            all: Row::new(limits),
            without: Vec::new(),
            green_tasks: BTreeMap::new(),
            blue_tasks: BTreeMap::new(),
            traffic: <[Bet; REMAINDERS.len()]>::default(),
            deaths: Bet::default(),
            block: Block::default(),
            margin: settings.tolerated_factor,
            spells: Spells::default(),
            odds: OddsBand::default(),
            factor: FactorBand::default(),
            gathered: Gathered::default(),
            safe_errors: SafeErrors::default(),
            safe_latency: SafeLatency::default(),
            harm: Harm::default(),
            history: VecDeque::new(),
            recommendation: Recommendation::Continue,
            since: Timestamp::default(),
            settings,
        }
    }

    /// How strictly it judges.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Green's weight is `share`, a part of one, since `at`. Judging begins with the first weight, or with green's first request.
    pub fn set_weight(&mut self, share: f64, at: Timestamp) {
        let share = share.clamp(0.0, 1.0);
        if self.weight.is_some_and(|(before, _)| (before - share).abs() < 1e-9) {
            return;
        }
        self.weight = Some((share, at));
        if self.began.is_some() {
            self.at_once.new_weight();
            self.when_warm.new_weight();
        } else if share > 0.0 {
            self.begin(at);
        }
    }

    fn begin(&mut self, at: Timestamp) {
        self.began = Some(at);
        self.since = at;
        self.reference.choose();
        self.margin = self.margin_now();
        self.stake(0.0);
    }

    /// Whom green has harmed, and how long requests took.
    pub fn harm(&self) -> &Harm {
        &self.harm
    }

    /// Since when green has had traffic.
    pub fn began(&self) -> Option<Timestamp> {
        self.began
    }

    /// Takes the requests of the next span. Ticks come in order.
    pub fn take(&mut self, tick: &Tick) {
        let before = if self.now == Timestamp::default() { tick.end } else { self.now };
        self.now = tick.end;
        if self.began.is_none() && tick.green.iter().any(|counts| counts.requests > 0) {
            self.begin(before.min(tick.end));
        }
        if let Some(began) = self.began {
            let elapsed = tick.end.since(began).as_secs_f64();
            let span = tick.end.since(before.max(began)).as_secs_f64();
            self.weigh(tick, elapsed, span);
            self.learn(tick, elapsed);
            if elapsed - self.block.since >= self.settings.block.as_secs_f64() - 1e-6 {
                self.close_block(elapsed);
            }
            self.rule(elapsed);
        } else {
            self.learn(tick, 0.0);
            self.reference.choose();
        }
    }

    /// Bets on a tick.
    fn weigh(&mut self, tick: &Tick, elapsed: f64, span: f64) {
        let blue = sum(&tick.blue);
        for counts in &tick.green {
            self.block.green.entry(counts.task.clone()).or_default().add(counts.requests, counts.errors);
            self.know(&counts.task, elapsed);
        }
        self.block.blue.add(blue.requests, blue.errors);
        let rate = self.blue.value().max(self.block.blue.value());
        let votes = match self.settings.tasks {
            Tasks::Apart => self.votes.counted(&tick.green, rate),
            Tasks::Together => tick.green.iter().map(|counts| counts.errors).collect(),
        };
        let allowed = bins_up(self.allowed(elapsed));
        // A source that knows only what exceeds limits has moved the limits instead.
        let allowed = if self.settings.latencies == Latencies::Each { allowed } else { 0 };
        let mut parts = vec![Part::default(); self.without.len()];
        let mut green = Part::default();
        let mut as_it_was = Histogram::default();
        for (counts, votes) in tick.green.iter().zip(votes) {
            let latency = counts.latency.quicker_by(allowed);
            let part = Part { requests: counts.requests, votes, errors: counts.errors, latency };
            green.merge(&part);
            as_it_was.merge(&counts.latency);
            let row = self.green_tasks.get(&counts.task).map(|task| task.row);
            if let Some(slot) = row.and_then(|row| parts.get_mut(row)) {
                slot.merge(&part);
            }
        }
        let terms = Terms {
            blue: (blue.requests, blue.errors),
            blue_latency: &blue.latency,
            reference: &self.reference,
            tolerated_odds: self.settings.tolerated_odds,
            dispersion: self.dispersion.factor(),
        };
        self.all.take(&green, terms);
        for (row, part) in self.without.iter_mut().zip(&parts) {
            row.take(&green.without(part), terms);
        }
        self.weigh_traffic(tick, &green, &blue, elapsed, span);
        self.safe_errors.take(
            (green.requests, green.errors),
            (self.block.blue.requests, self.block.blue.errors),
            self.blue.value(),
            self.settings.safe_excess,
        );
        self.harm.take((green.requests, green.errors), (blue.requests, blue.errors), self.blue.value());
        self.harm.take_latency(&as_it_was, &blue.latency);
        self.block.of_green.merge(&as_it_was);
        self.block.of_blue.merge(&blue.latency);
        if self.settings.bands == Bands::Drawn && green.errors + blue.errors > 0 && blue.requests > 0 {
            let all = (green.requests + blue.requests, green.errors + blue.errors);
            let by_chance = Hypergeometric::new(all.0, all.1, green.requests);
            self.odds.take(&by_chance, green.errors, self.dispersion.factor());
        }
    }

    fn weigh_traffic(&mut self, tick: &Tick, green: &Part, blue: &Counts, elapsed: f64, span: f64) {
        if self.settings.deaths == Deaths::Watched {
            let task_hours = self.tasks_now(elapsed) as f64 * span / 3_600.0;
            self.deaths.add(gain_of_deaths(tick.deaths, task_hours));
        }
        let Some((share, since)) = self.weight else { return };
        // The whole tick must lie after it.
        let is_settled = tick.end.since(since).as_secs_f64() - span >= traffic::SETTLED - 1e-6;
        let is_judged = self.settings.share == Share::Judged && tick.counting == Counting::Whole;
        if is_judged && is_settled && share > 0.0 && share < 1.0 {
            for (bet, remainder) in self.traffic.iter_mut().zip(REMAINDERS) {
                bet.add(traffic::gain(share, remainder, green.requests, blue.requests));
            }
        }
    }

    /// A task of green's has served something.
    fn know(&mut self, task: &TaskId, elapsed: f64) {
        if self.settings.tasks == Tasks::Together {
            return;
        }
        if let Some(known) = self.green_tasks.get_mut(task) {
            known.seen = elapsed;
            return;
        }
        let row = self.green_tasks.len() % ROWS;
        self.green_tasks.insert(task.clone(), Task { row, seen: elapsed });
        if row >= self.without.len() {
            // Without it so far is what all others did.
            self.without.push(self.all.clone());
        }
    }

    fn tasks_now(&self, elapsed: f64) -> usize {
        self.green_tasks.values().filter(|task| elapsed - task.seen < TASK_GONE).count()
    }

    /// Remembers what blue did, for the bets of the ticks to come.
    fn learn(&mut self, tick: &Tick, elapsed: f64) {
        for counts in &tick.blue {
            self.reference.learn(&counts.latency);
            self.blue.add(counts.requests, counts.errors);
            match self.blue_tasks.get_mut(&counts.task) {
                Some(seen) => *seen = elapsed,
                None => drop(self.blue_tasks.insert(counts.task.clone(), elapsed)),
            }
        }
        if self.settings.tasks == Tasks::Apart {
            self.spread.learn(&tick.blue);
            self.dispersion.learn(&tick.blue, tick.end);
        }
    }

    fn margin_now(&self) -> f64 {
        let elapsed = self.began.map_or(0.0, |began| self.now.since(began).as_secs_f64());
        let blue = self.blue_tasks.values().filter(|seen| elapsed - **seen < TASK_GONE).count();
        // Before green's tasks have shown themselves, as many as blue's are supposed.
        let green = match self.tasks_now(elapsed) {
            0 => blue,
            green => green,
        };
        margin(self.settings.tolerated_factor, self.spread.between_tasks(), green, blue)
    }

    /// The factor of latency that is allowed.
    fn allowed(&self, elapsed: f64) -> f64 {
        self.settings.cold_start.factor(elapsed).max(self.margin)
    }

    /// What the running block may add to bets on errors, and to others.
    fn block_limits(&self) -> (Limit, Limit) {
        let clipped = Limit::Clipped(self.settings.clip);
        let tasks = self.block.green.values();
        let (requests, errors) = tasks.clone().fold((0, 0), |sum, of| (sum.0 + of.requests, sum.1 + of.errors));
        let failing = tasks.clone().filter(|of| of.errors > 0 && of.errors * 2 >= of.requests).count();
        let is_gross =
            requests >= GROSS_REQUESTS && errors * 2 >= requests && failing >= GROSS_TASKS.min(tasks.count());
        (if is_gross { Limit::Gross } else { clipped }, clipped)
    }

    fn unstaked(&self) -> Pair {
        Pair { at_once: self.at_once.unstaked(), when_warm: self.when_warm.unstaked() }
    }

    fn stake(&mut self, elapsed: f64) {
        let (errors, other) = self.block_limits();
        let warm = self.settings.cold_start.ends();
        let stake = Pair { at_once: self.at_once.stake(elapsed, warm), when_warm: self.when_warm.stake(elapsed, warm) };
        self.all.close(errors, other, stake);
        self.without.iter_mut().for_each(|row| row.close(errors, other, stake));
        self.traffic.iter_mut().for_each(|bet| bet.close(other, stake.at_once));
        self.deaths.close(other, stake.at_once);
    }

    fn close_block(&mut self, elapsed: f64) {
        self.stake(elapsed);
        let block = std::mem::take(&mut self.block);
        self.block.since = elapsed;
        self.votes.renew();
        self.reference.choose();
        self.margin = self.margin_now();
        if elapsed > self.settings.cold_start.ends() && self.settings.latencies == Latencies::Each {
            let (green, blue) = (&block.of_green, &block.of_blue);
            self.safe_latency.take(green, blue, &self.reference, self.settings.safe_factor);
            self.gather(green, blue, elapsed);
        }
        let evidence = self.evidence();
        self.history.push_back((elapsed, evidence.max(1e-300).ln()));
        while self.history.front().is_some_and(|(at, _)| elapsed - at > GROWTH_OVER) {
            self.history.pop_front();
        }
        self.spells.take(evidence, elapsed, self.settings.suspicious);
    }

    fn gather(&mut self, green: &Histogram, blue: &Histogram, elapsed: f64) {
        if self.settings.bands == Bands::Skipped {
            return;
        }
        self.gathered.green.merge(green);
        self.gathered.blue.merge(blue);
        if elapsed - self.gathered.since >= BAND_EVERY {
            let gathered = std::mem::take(&mut self.gathered);
            self.gathered.since = elapsed;
            self.factor.take(&gathered.green, &gathered.blue, &self.reference);
        }
    }

    fn combine(&self, worth: Worth) -> f64 {
        let (traffic, deaths) = self.worth_of_traffic();
        Weights::of(&self.settings).mean(worth, traffic, deaths)
    }

    fn worth_of_traffic(&self) -> (f64, f64) {
        let (_, other) = self.block_limits();
        let unstaked = self.at_once.unstaked();
        (mean_worth(&self.traffic, other, unstaked), mean_worth(std::slice::from_ref(&self.deaths), other, unstaked))
    }

    fn worth(&self, row: &Row) -> Worth {
        let (errors, other) = self.block_limits();
        row.worth(errors, other, self.unstaked())
    }

    /// The evidence that green is worse: 1 is none, and [`Settings::needed`] is proof.
    pub fn evidence(&self) -> f64 {
        self.combine(self.worth(&self.all))
    }

    /// The least evidence that is left without one of green's tasks, and that task; `None` where none can be left out.
    pub fn without_worst(&self) -> Option<(TaskId, f64)> {
        if self.green_tasks.len() < FEWEST_TASKS {
            return None;
        }
        let (row, least) = self
            .without
            .iter()
            .map(|row| self.combine(self.worth(row)))
            .enumerate()
            .min_by(|(_, one), (_, other)| one.total_cmp(other))?;
        let task = self.green_tasks.iter().find(|(_, task)| task.row == row).map(|(task, _)| task.clone())?;
        Some((task, least))
    }

    /// What to do now. A roll-back stays one.
    pub fn recommendation(&self) -> &Recommendation {
        &self.recommendation
    }

    /// Since when that is to be done.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    fn rule(&mut self, elapsed: f64) {
        if self.recommendation == Recommendation::RollBack {
            return;
        }
        let recommendation = self.recommend(elapsed);
        if recommendation != self.recommendation {
            self.recommendation = recommendation;
            self.since = self.now;
        }
    }

    fn recommend(&self, elapsed: f64) -> Recommendation {
        let evidence = self.evidence();
        if evidence >= self.settings.needed() {
            return self.convict(elapsed, evidence);
        }
        if evidence >= self.settings.suspicious {
            return Recommendation::Hold { because: Doubt::Suspicious };
        }
        let is_over = self.settings.longest_bake.is_some_and(|longest| elapsed >= longest.as_secs_f64());
        if self.is_safe() && elapsed >= self.settings.shortest_bake.as_secs_f64() {
            Recommendation::Promote
        } else if is_over {
            Recommendation::NotEnoughData
        } else {
            Recommendation::Continue
        }
    }

    /// What proof leads to, by what else might explain it.
    fn convict(&self, elapsed: f64, evidence: f64) -> Recommendation {
        // A side that answers too little is no matter of one task's requests: there are none to leave out.
        let (traffic, _) = self.worth_of_traffic();
        let is_silent = Weights::of(&self.settings).traffic * traffic >= self.settings.needed();
        let doubt = match (self.settings.tasks, self.without_worst()) {
            (Tasks::Together, _) => None,
            (Tasks::Apart, _) if is_silent => None,
            (Tasks::Apart, Some((task, least))) => {
                (least < self.settings.without_any_task).then_some(Doubt::OneTask { task })
            }
            (Tasks::Apart, None) => (!self.spells.are_two(elapsed, evidence)).then_some(Doubt::OneSpell),
        };
        match (doubt, self.settings.authority) {
            (Some(because), _) => Recommendation::Hold { because },
            (None, Authority::RollBack) => Recommendation::RollBack,
            (None, Authority::Hold) => Recommendation::Hold { because: Doubt::SourceKnowsNoTasks },
        }
    }

    fn is_safe(&self) -> bool {
        let needed = report::SAFE.ln();
        self.safe_errors.nats() >= needed
            && (self.settings.latencies == Latencies::AboveLimits || self.safe_latency.nats() >= needed)
    }

    /// How long green has had traffic.
    fn elapsed(&self) -> Duration {
        self.began.map_or(Duration::ZERO, |began| self.now.since(began))
    }
}

/// A side's tasks together.
fn sum(side: &[Counts]) -> Counts {
    let mut all = Counts::default();
    for counts in side {
        all.merge(counts);
    }
    all
}
