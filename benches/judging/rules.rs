//! The rules that are compared, each fed with what its source would know and asked when it would take the release back.

use cutover::judge::detector::Detector;
use cutover::judge::histogram::{BINS, Histogram, bins_up, start_of};
use cutover::judge::judgement::Recommendation;
use cutover::judge::margin::ColdStart;
use cutover::judge::settings::{Bands, Settings};
use cutover::judge::tick::{Counts, Tick};

use super::kayenta::is_high;
use super::world::{Moment, Sums, TICK, moment};

/// Which rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The detector on the log.
    Ours,
    /// The same, told that green was warmed up.
    OursWarm,
    /// The same on CloudWatch's minutes: it only holds.
    OursMinutes,
    /// More than 5 % errors or a p99 above a second in the last minute, every two seconds from the log.
    PollLog,
    /// The same on each of CloudWatch's minutes.
    PollMinutes,
    /// The same in five minutes in a row.
    Alarm,
    /// Errors below 1 % and p95 below half a second, looked at once at the end.
    AtEnd,
    Kayenta,
    /// Success of 95 % each five minutes; the fourth failure ends it.
    Argo,
    /// Success of 99 % and p99 of a second each minute; the fifth failure ends it.
    Flagger,
}

impl Rule {
    pub(crate) const ALL: [Self; 10] = [
        Self::Ours,
        Self::OursWarm,
        Self::OursMinutes,
        Self::PollLog,
        Self::PollMinutes,
        Self::Alarm,
        Self::AtEnd,
        Self::Kayenta,
        Self::Argo,
        Self::Flagger,
    ];

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Ours => "cutover, log",
            Self::OursWarm => "cutover, pre-warmed",
            Self::OursMinutes => "cutover, CloudWatch (holds)",
            Self::PollLog => "(a) limits, log",
            Self::PollMinutes => "(a) limits, CloudWatch",
            Self::Alarm => "(b) alarm, 5 min",
            Self::AtEnd => "(c) limits at the end",
            Self::Kayenta => "(d) Kayenta",
            Self::Argo => "(e1) Argo Rollouts",
            Self::Flagger => "(e2) Flagger",
        }
    }
}

/// One rule at work: fed every tick and every minute, until it has decided.
pub(crate) trait Judging {
    /// A tick of the log; `delay` seconds later it is known.
    fn tick(&mut self, _moment: &Moment, _delay: f64) -> Option<f64> {
        None
    }

    /// A minute of CloudWatch that is known at `known`.
    fn minute(&mut self, _minute: &Minute) -> Option<f64> {
        None
    }
}

/// One of CloudWatch's minutes.
#[derive(Clone, Debug)]
pub(crate) struct Minute {
    pub(crate) end: f64,
    pub(crate) known: f64,
    pub(crate) blue: Sums,
    pub(crate) green: Sums,
}

pub(crate) fn judging(rule: Rule, weight: f64) -> Box<dyn Judging> {
    let settings = Settings { bands: Bands::Skipped, ..Settings::default() };
    let ours = |settings| {
        let mut detector = Detector::new(settings);
        // Blue's time before green's traffic is learned first: the weight is told when it is set.
        detector.set_weight(0.0, moment(f64::from(-3_600)));
        detector
    };
    match rule {
        Rule::Ours => Box::new(OnLog { detector: ours(settings), weight }),
        Rule::OursWarm => {
            Box::new(OnLog { detector: ours(Settings { cold_start: ColdStart::Warm, ..settings }), weight })
        }
        Rule::OursMinutes => Box::new(OnMinutes {
            detector: ours(settings.of_minutes()),
            weight,
            limits: Vec::new(),
            blue: Histogram::default(),
        }),
        Rule::PollLog => Box::new(PollLog::default()),
        Rule::PollMinutes => Box::new(InARow { wanted: 1, seen: 0 }),
        Rule::Alarm => Box::new(InARow { wanted: 5, seen: 0 }),
        Rule::AtEnd => Box::new(AtEnd::default()),
        Rule::Kayenta => Box::new(Kayenta::default()),
        Rule::Argo => Box::new(Argo::default()),
        Rule::Flagger => Box::new(Flagger::default()),
    }
}

struct OnLog {
    detector: Detector,
    weight: f64,
}

impl Judging for OnLog {
    fn tick(&mut self, seen: &Moment, delay: f64) -> Option<f64> {
        if seen.end > 0.0 {
            self.detector.set_weight(self.weight, moment(0.0));
        }
        self.detector.take(&seen.tick());
        (*self.detector.recommendation() == Recommendation::RollBack).then_some(seen.end + delay)
    }
}

/// Six limits a side, as `TC()` statistics count requests above them.
const LIMITS: [f64; 6] = [0.5, 0.75, 0.9, 0.95, 0.99, 0.999];

struct OnMinutes {
    detector: Detector,
    weight: f64,
    limits: Vec<usize>,
    blue: Histogram,
}

impl OnMinutes {
    /// What is known of latencies: how many lie between the limits.
    fn coarse(&self, latency: &Histogram) -> Histogram {
        let mut coarse = Histogram::default();
        let mut below = latency.total();
        let mut from = 0;
        for limit in &self.limits {
            let above = latency.above(*limit);
            coarse.add_to(from, (below - above) as u32);
            (below, from) = (above, limit + 1);
        }
        coarse.add_to(from.min(BINS - 1), below as u32);
        coarse
    }
}

impl Judging for OnMinutes {
    fn minute(&mut self, minute: &Minute) -> Option<f64> {
        if self.limits.is_empty() || minute.end <= 0.0 {
            self.blue.merge(&minute.blue.latency);
            self.limits = LIMITS.iter().filter_map(|share| self.blue.quantile(*share)).collect();
            self.limits.dedup();
        }
        if minute.end > 0.0 {
            self.detector.set_weight(self.weight, moment(0.0));
        }
        let settings = self.detector.settings();
        let allowed = settings.cold_start.factor((minute.end - 60.0).max(0.0)).max(settings.tolerated_factor);
        let counts = |sums: &Sums, latency: &Histogram| Counts {
            requests: sums.requests,
            errors: sums.errors,
            latency: self.coarse(latency),
            ..Counts::default()
        };
        let green = minute.green.latency.quicker_by(bins_up(allowed));
        let tick = Tick {
            end: moment(minute.end),
            blue: vec![counts(&minute.blue, &minute.blue.latency)],
            green: vec![counts(&minute.green, &green)],
            ..Tick::default()
        };
        self.detector.take(&tick);
        (self.detector.evidence() >= self.detector.settings().needed()).then_some(minute.known)
    }
}

fn is_bad(sums: &Sums) -> bool {
    let of = |part: u64| part as f64 / sums.requests.max(1) as f64;
    sums.requests > 0 && (of(sums.errors) > 0.05 || of(sums.above_1000) > 0.01)
}

#[derive(Default)]
struct PollLog {
    window: Vec<Sums>,
}

impl Judging for PollLog {
    fn tick(&mut self, seen: &Moment, delay: f64) -> Option<f64> {
        if seen.end <= 0.0 {
            return None;
        }
        self.window.push(seen.sums[1].clone());
        if self.window.len() > (60.0 / TICK) as usize {
            self.window.remove(0);
        }
        let mut all = Sums::default();
        for sums in &self.window {
            all.requests += sums.requests;
            all.errors += sums.errors;
            all.above_1000 += sums.above_1000;
        }
        // A whole window is not waited for, ten seconds are: fewer would fire on the first slow request of all.
        (seen.end >= 10.0 && is_bad(&all)).then_some(seen.end + delay)
    }
}

struct InARow {
    wanted: u32,
    seen: u32,
}

impl Judging for InARow {
    fn minute(&mut self, minute: &Minute) -> Option<f64> {
        self.seen = if is_bad(&minute.green) { self.seen + 1 } else { 0 };
        (self.seen >= self.wanted).then_some(minute.known)
    }
}

#[derive(Default)]
struct AtEnd {
    all: Sums,
}

impl Judging for AtEnd {
    fn minute(&mut self, minute: &Minute) -> Option<f64> {
        self.all.merge(&minute.green);
        let of = |part: u64| part as f64 / self.all.requests.max(1) as f64;
        let is_over = minute.end > super::world::BAKE - 60.0;
        let is_bad = of(self.all.errors) >= 0.01 || of(self.all.above_500) >= 0.05;
        (is_over && is_bad).then_some(minute.known)
    }
}

/// Every ten minutes over all minutes so far; errors are critical, p50, p95 and p99 a group beside them.
#[derive(Default)]
struct Kayenta {
    blue: [Vec<f64>; 4],
    green: [Vec<f64>; 4],
    minutes: u32,
}

impl Judging for Kayenta {
    fn minute(&mut self, minute: &Minute) -> Option<f64> {
        if minute.end < 60.0 {
            return None;
        }
        for (held, sums) in [(&mut self.blue, &minute.blue), (&mut self.green, &minute.green)] {
            if sums.requests > 0 {
                held[0].push(sums.errors as f64 / sums.requests as f64 * 100.0);
            }
            for (values, share) in held.iter_mut().skip(1).zip([0.5, 0.95, 0.99]) {
                values.extend(quantile(&sums.latency, share));
            }
        }
        self.minutes += 1;
        let high = |index: usize| is_high(&self.blue[index], &self.green[index]);
        // Missing values of green's group are no data, which does not count: a green that answers nothing is missing all.
        let is_silent = self.green[0].is_empty();
        let judged = self.minutes.is_multiple_of(10);
        let score = || {
            let latency = (1..4).filter(|index| !high(*index)).count() as f64 / 3.0 * 100.0;
            f64::midpoint(100.0, latency)
        };
        let last = self.minutes >= 29;
        let fails = judged && (is_silent || high(0) || score() <= 50.0) || last && score() < 75.0;
        fails.then_some(minute.known)
    }
}

fn quantile(latency: &Histogram, share: f64) -> Option<f64> {
    let bin = latency.quantile(share)?;
    let inside = f64::from(latency.counts()[bin]);
    let below = latency.total() as f64 - latency.above(bin) as f64 - inside;
    let part = ((share * latency.total() as f64 - below) / inside).clamp(0.0, 1.0);
    Some(start_of(bin) * 1.05_f64.powf(part))
}

#[derive(Default)]
struct Argo {
    window: Sums,
    minutes: u32,
    failed: u32,
}

impl Judging for Argo {
    fn minute(&mut self, minute: &Minute) -> Option<f64> {
        self.window.merge(&minute.green);
        self.minutes += 1;
        if !self.minutes.is_multiple_of(5) {
            return None;
        }
        let seen = std::mem::take(&mut self.window);
        let is_bad = seen.requests > 0 && seen.errors as f64 > 0.05 * seen.requests as f64;
        self.failed += u32::from(is_bad);
        (self.failed > 3).then_some(minute.known)
    }
}

#[derive(Default)]
struct Flagger {
    failed: u32,
}

impl Judging for Flagger {
    fn minute(&mut self, minute: &Minute) -> Option<f64> {
        let of = |part: u64| part as f64 / minute.green.requests.max(1) as f64;
        let is_bad =
            minute.green.requests > 0 && (of(minute.green.errors) > 0.01 || of(minute.green.above_1000) > 0.01);
        self.failed += u32::from(is_bad);
        (self.failed >= 5).then_some(minute.known)
    }
}
