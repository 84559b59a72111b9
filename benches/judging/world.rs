//! Requests one by one: a service of four blue and four green tasks, what may trouble both, and what green may do worse.

use std::collections::VecDeque;

use cutover::domain::ids::TaskId;
use cutover::domain::time::Timestamp;
use cutover::judge::histogram::Histogram;
use cutover::judge::tick::{Counts, Tick};
use rand::{Rng, RngExt, SeedableRng};
use rand_distr::{Distribution, Poisson, StandardNormal};
use rand_pcg::Pcg64Mcg;

/// Seconds of a tick.
pub(crate) const TICK: f64 = 2.0;
/// Seconds that green has traffic.
pub(crate) const BAKE: f64 = 1_800.0;
/// Seconds before that, of blue alone.
pub(crate) const BEFORE: f64 = 120.0;
/// When green gets traffic, in milliseconds of the simulated clock.
pub(crate) const START: i64 = 1_000_000_000;
const TASKS: usize = 4;
/// Latency: a median of 80 ms and a 99th percentile of 600 ms.
const MEDIAN: f64 = 80.0;
const SPREAD: f64 = 0.8662;

/// What troubles a service whose versions are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nuisance {
    Plain,
    /// Rate ±30 % and latency ±15 % over the half hour.
    Diurnal,
    /// Two bursts of 20 to 40 s of a dependency of both sides: 20 % more errors, three times the latency.
    SharedBurst,
    /// 2 % of the requests take as long as a Pareto distribution with exponent 1.1 from half a second says.
    HeavyTail,
    /// Spells of some 10 s in which errors of both sides are 15 times as frequent.
    Autocorrelated,
    /// Half of the errors come in clusters: four on average, within 10 s, on one task.
    Sticky,
    /// Green takes two to four times as long at first, falling to nothing within one to two minutes.
    ColdStart,
    /// Each task fails 30 % for 8 s, twice in eight hours.
    TaskBurst,
    /// Each task's host is faster or slower, with a standard deviation of 3 %.
    HostNoise,
    /// One task of the eight takes 1.5 times as long throughout.
    SlowHost,
    /// All but the first and the last but one.
    Mix,
}

impl Nuisance {
    pub(crate) const ALL: [Self; 11] = [
        Self::Plain,
        Self::Diurnal,
        Self::SharedBurst,
        Self::HeavyTail,
        Self::Autocorrelated,
        Self::Sticky,
        Self::ColdStart,
        Self::TaskBurst,
        Self::HostNoise,
        Self::SlowHost,
        Self::Mix,
    ];

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Diurnal => "diurnal",
            Self::SharedBurst => "shared bursts",
            Self::HeavyTail => "heavy tail",
            Self::Autocorrelated => "errors in spells",
            Self::Sticky => "sticky clusters",
            Self::ColdStart => "cold start",
            Self::TaskBurst => "bursts of a task",
            Self::HostNoise => "hosts differ by 3 %",
            Self::SlowHost => "one slow host",
            Self::Mix => "mix of eight",
        }
    }

    fn is(self, other: Self) -> bool {
        self == other || (self == Self::Mix && other != Self::SlowHost && other != Self::Plain)
    }
}

/// What green does worse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Regression {
    None,
    /// So many more requests fail, as a part of one.
    Errors(f64),
    /// Each request takes so many times as long.
    Slower(f64),
    /// 1 % of the requests take five seconds.
    SlowPath,
    /// Requests are neither answered nor logged.
    Dead,
}

/// One case: what is drawn anew for each seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Case {
    pub(crate) rate: f64,
    pub(crate) weight: f64,
    pub(crate) errors: f64,
    pub(crate) nuisance: Nuisance,
    pub(crate) regression: Regression,
    /// When green gets worse, in seconds after it got traffic.
    pub(crate) from: f64,
    pub(crate) parameters: Parameters,
    pub(crate) worse: Worse,
}

/// Whether rate, weight, spread and errors are as stated or drawn around that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parameters {
    Stated,
    Jittered,
}

/// Which side is worse: blue, for a control in which green is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worse {
    Green,
    Blue,
}

/// Counts of a tick that fixed limits look at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    /// Requests that took more than half a second, and more than one.
    pub(crate) above_500: u64,
    pub(crate) above_1000: u64,
    pub(crate) latency: Histogram,
}

impl Sums {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.above_500 += other.above_500;
        self.above_1000 += other.above_1000;
        self.latency.merge(&other.latency);
    }
}

/// What became known of a tick.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moment {
    /// When it ended, in seconds after green got traffic.
    pub(crate) end: f64,
    pub(crate) blue: [Counts; TASKS],
    pub(crate) green: [Counts; TASKS],
    pub(crate) sums: [Sums; 2],
    /// Users of green's that arrived in it and were harmed.
    pub(crate) harmed: f64,
}

impl Moment {
    pub(crate) fn tick(&self) -> Tick {
        let served = |side: &[Counts; TASKS]| side.iter().filter(|counts| counts.requests > 0).cloned().collect();
        Tick { end: moment(self.end), blue: served(&self.blue), green: served(&self.green), ..Tick::default() }
    }
}

pub(crate) fn moment(second: f64) -> Timestamp {
    Timestamp::from_millis(START + (second * 1_000.0).round() as i64)
}

/// The requests of one seed, tick by tick.
pub(crate) struct World {
    random: Pcg64Mcg,
    case: Case,
    spread: f64,
    now: f64,
    ahead: VecDeque<Moment>,
    phase: f64,
    bursts: Vec<(f64, f64)>,
    spells: Vec<(f64, f64)>,
    cold: (f64, f64),
    factors: [[f64; TASKS]; 2],
    task_bursts: [[Vec<f64>; TASKS]; 2],
    /// When clustered errors are due on each task, in no order.
    due: [[Vec<f64>; TASKS]; 2],
}

impl World {
    pub(crate) fn new(case: Case, seed: u64) -> Self {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let mut case = case;
        let mut spread = SPREAD;
        if case.parameters == Parameters::Jittered {
            case.rate *= random.random_range(0.7..1.4);
            case.weight = random.random_range(0.05..0.2);
            spread *= random.random_range(0.8..1.2);
            case.errors *= random.random_range(0.5..2.0);
        }
        let is = |nuisance| case.nuisance.is(nuisance);
        let phase = random.random_range(0.0..std::f64::consts::TAU);
        let bursts = if is(Nuisance::SharedBurst) {
            (0..2).map(|_| (random.random_range(0.0..BAKE - 40.0), random.random_range(20.0..40.0))).collect()
        } else {
            Vec::new()
        };
        let spells = if is(Nuisance::Autocorrelated) { spells(&mut random) } else { Vec::new() };
        let cold = (random.random_range(2.0..4.0), random.random_range(60.0..120.0));
        let mut factors = [[1.0; TASKS]; 2];
        if is(Nuisance::HostNoise) {
            for factor in factors.as_flattened_mut() {
                let noise: f64 = StandardNormal.sample(&mut random);
                *factor = (0.03 * noise).exp();
            }
        }
        if is(Nuisance::SlowHost) {
            factors[random.random_range(0..2)][random.random_range(0..TASKS)] = 1.5;
        }
        let mut task_bursts: [[Vec<f64>; TASKS]; 2] = Default::default();
        if is(Nuisance::TaskBurst) {
            for begins in task_bursts.as_flattened_mut() {
                let number = poisson(&mut random, 2.0 * (BAKE + BEFORE) / 28_800.0);
                *begins = (0..number).map(|_| random.random_range(-BEFORE..BAKE)).collect();
            }
        }
        let mut world = Self {
            random,
            case,
            spread,
            now: -BEFORE,
            ahead: VecDeque::new(),
            phase,
            bursts,
            spells,
            cold,
            factors,
            task_bursts,
            due: Default::default(),
        };
        if world.case.nuisance.is(Nuisance::Sticky) {
            world.cluster();
        }
        world
    }

    pub(crate) fn weight(&self) -> f64 {
        self.case.weight
    }

    /// Half of all errors, in clusters.
    fn cluster(&mut self) {
        // Blue has all requests, and so all errors, before green has any.
        for (side, share, from, until) in
            [(0, 1.0, -BEFORE, 0.0), (0, 1.0 - self.case.weight, 0.0, BAKE), (1, self.case.weight, 0.0, BAKE)]
        {
            for task in 0..TASKS {
                let clusters = self.case.rate * share / TASKS as f64 * self.case.errors / 2.0 / 4.0 * (until - from);
                for _ in 0..poisson(&mut self.random, clusters) {
                    let begin = self.random.random_range(from..until);
                    // Geometric, four on average.
                    loop {
                        self.due[side][task].push(begin + self.random.random_range(0.0..10.0));
                        if self.random.random_bool(0.25) {
                            break;
                        }
                    }
                }
                self.due[side][task].sort_by(|one, other| other.total_cmp(one));
            }
        }
    }

    /// The next tick, or `None` after the bake.
    pub(crate) fn next(&mut self) -> Option<Moment> {
        if self.now >= BAKE - 1e-9 {
            return None;
        }
        let from = self.now;
        self.now += TICK;
        let rate = self.case.rate * (1.0 + 0.3 * self.wave(from));
        for _ in 0..poisson(&mut self.random, rate * TICK) {
            let at = from + TICK * self.random.random::<f64>();
            self.request(at);
        }
        let mut moment = if self.ahead.is_empty() { Moment::default() } else { self.ahead.pop_front()? };
        moment.end = self.now;
        for (side, name) in [(&mut moment.blue, "b"), (&mut moment.green, "g")] {
            for (index, counts) in side.iter_mut().enumerate() {
                counts.task = TaskId(format!("{name}{index}"));
            }
        }
        Some(moment)
    }

    fn wave(&self, at: f64) -> f64 {
        if self.case.nuisance.is(Nuisance::Diurnal) {
            (at / BAKE * std::f64::consts::TAU + self.phase).sin()
        } else {
            0.0
        }
    }

    fn request(&mut self, at: f64) {
        let is_green = at >= 0.0 && self.random.random_bool(self.case.weight);
        let side = usize::from(is_green);
        let task = self.random.random_range(0..TASKS);
        let normal: f64 = StandardNormal.sample(&mut self.random);
        let mut latency =
            MEDIAN * (self.spread * normal).exp() * self.factors[side][task] * (1.0 + 0.15 * self.wave(at));
        let mut errors = self.case.errors;
        if self.case.nuisance.is(Nuisance::HeavyTail) && self.random.random_bool(0.02) {
            latency = (500.0 * self.random.random::<f64>().max(1e-12).powf(-1.0 / 1.1)).min(60_000.0);
        }
        if self.bursts.iter().any(|(from, long)| (*from..from + long).contains(&at)) {
            latency *= 3.0;
            errors += 0.2;
        }
        if self.spells.iter().any(|(from, until)| (*from..*until).contains(&at)) {
            errors *= 15.0;
        }
        if self.case.nuisance.is(Nuisance::Sticky) {
            errors /= 2.0;
        }
        if is_green && self.case.nuisance.is(Nuisance::ColdStart) {
            let (peak, seconds) = self.cold;
            latency *= 1.0 + (peak - 1.0) * (1.0 - at / seconds).max(0.0);
        }
        if self.task_bursts[side][task].iter().any(|from| (*from..from + 8.0).contains(&at)) {
            errors += 0.3;
        }
        let mut failed = self.random.random::<f64>() < errors;
        let due = &mut self.due[side][task];
        if due.last().is_some_and(|due| *due <= at) {
            due.pop();
            failed = true;
        }
        let worse = if self.case.worse == Worse::Green { is_green } else { !is_green && at >= 0.0 };
        let mut harmed = false;
        let mut answered = true;
        if worse && at >= self.case.from {
            match self.case.regression {
                Regression::None => {}
                Regression::Errors(excess) => {
                    if !failed && self.random.random::<f64>() < excess {
                        (failed, harmed) = (true, true);
                    }
                }
                Regression::Slower(factor) => (latency, harmed) = (latency * factor, true),
                Regression::SlowPath => {
                    if self.random.random_bool(0.01) {
                        (latency, harmed) = (latency.max(5_000.0), true);
                    }
                }
                Regression::Dead => (answered, harmed) = (false, true),
            }
        }
        if harmed && is_green {
            self.ahead(0).harmed += 1.0;
        }
        if answered {
            self.count(at + latency / 1_000.0, side, task, failed, latency);
        }
    }

    /// Counts a request where it ended.
    fn count(&mut self, ended: f64, side: usize, task: usize, failed: bool, latency: f64) {
        let ticks = ((ended - (self.now - TICK)) / TICK) as usize;
        let moment = self.ahead(ticks);
        let counts = if side == 0 { &mut moment.blue[task] } else { &mut moment.green[task] };
        counts.requests += 1;
        let sums = &mut moment.sums[side];
        sums.requests += 1;
        sums.above_500 += u64::from(latency > 500.0);
        sums.above_1000 += u64::from(latency > 1_000.0);
        if failed {
            counts.errors += 1;
            sums.errors += 1;
        } else {
            counts.latency.add(latency);
            sums.latency.add(latency);
        }
    }

    fn ahead(&mut self, ticks: usize) -> &mut Moment {
        while self.ahead.len() <= ticks {
            self.ahead.push_back(Moment::default());
        }
        &mut self.ahead[ticks]
    }
}

/// Spells of 10 s on average, 100 s apart on average.
fn spells(random: &mut Pcg64Mcg) -> Vec<(f64, f64)> {
    let mut exponential = |mean: f64| -mean * random.random::<f64>().max(1e-12).ln();
    let (mut at, mut found) = (-BEFORE, Vec::new());
    while at < BAKE {
        let from = at + exponential(100.0);
        at = from + exponential(10.0);
        found.push((from, at));
    }
    found
}

pub(crate) fn poisson(random: &mut impl Rng, mean: f64) -> u64 {
    Poisson::new(mean).map_or(0, |poisson| poisson.sample(random) as u64)
}
