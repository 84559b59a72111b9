//! The requests of a release that runs, on their way to the detector: ticks from the log, and green's weights as they are read
//! back. The same ticks and weights always come to the same, live and from the journal.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::band::Band;
use super::detector::Detector;
use super::histogram::{BINS, Histogram, start_of};
use super::judgement::Judgement;
use super::margin::ColdStart;
use super::settings::{Deaths, Settings, Share};
use super::silence::Silence;
use super::tick::Tick;
use crate::domain::components::ComponentIndex;
use crate::domain::plan::{ComponentPlan, Plan, StageKind, StagePlan};
use crate::domain::signal::{Measure, SignalPlan};
use crate::domain::time::Timestamp;

/// A task that begins is allowed so much at least for its cold start: nobody has measured how it warms up.
const COLD: Duration = Duration::from_mins(2);
const PEAK: f64 = 4.0;

/// A side that was not heard of for so long has no log, or no requests.
const HEARD: Duration = Duration::from_secs(90);

/// Moments of the past that are shown, and how far they lie apart at least.
const MOMENTS: usize = 360;
const APART: Duration = Duration::from_secs(10);

/// Latencies are shown in bars of so many bins.
const BAR: usize = 8;

/// Whether green was warmed up before it got traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WarmUp {
    /// By a stage of the pipeline: latency is judged from the first request.
    Done,
    /// No: it may start cold.
    None,
}

/// How a component of a plan is judged by its requests.
pub fn settings_of(plan: &Plan, of: ComponentIndex) -> Settings {
    let is_its = |stage: &&StagePlan| stage.component.is_none_or(|component| component == of);
    let is_warmed_up = plan.stages.iter().filter(is_its).any(|stage| matches!(stage.kind, StageKind::WarmUp(_)));
    settings(&plan.components[of], if is_warmed_up { WarmUp::Done } else { WarmUp::None })
}

fn settings(component: &ComponentPlan, warm_up: WarmUp) -> Settings {
    let of_latency = component.signals.iter().filter(|signal| matches!(signal.measure, Measure::ResponseTime(_)));
    let seconds = of_latency.map(|signal| signal.warm_up).max().unwrap_or_default().max(COLD).as_secs_f64();
    Settings {
        cold_start: match warm_up {
            WarmUp::Done => ColdStart::Warm,
            WarmUp::None => ColdStart::Plateau { peak: PEAK, seconds },
        },
        deaths: Deaths::Watched,
        // That is judged apart.
        share: Share::Ignored,
        longest_bake: None,
        ..Settings::default()
    }
}

/// The first while of green's traffic that says nothing of errors, as the configuration has it.
fn warm_up(signals: &[SignalPlan]) -> Duration {
    let of_errors = signals.iter().filter(|signal| signal.measure == Measure::TargetErrors);
    of_errors.map(|signal| signal.warm_up).min().unwrap_or_default()
}

/// What is shown of the comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// What there is to say.
    pub judgement: Judgement,
    /// Since when green has had traffic that is judged.
    pub began: Timestamp,
    /// How it came to that, oldest first.
    pub track: Vec<Moment>,
    /// How long green's requests took.
    pub green: Latencies,
    /// How long blue's took meanwhile.
    pub blue: Latencies,
    /// The factor of latency within which green is proved safe.
    pub safe_factor: f64,
    /// The excess of errors within which green is proved safe, as a part of one.
    pub safe_excess: f64,
}

/// What was known at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// The evidence that green is worse: 1 is none.
    pub evidence: f64,
    /// Green's excess of errors as a part of one.
    pub excess: Option<Band>,
    /// Green's latency as a multiple of blue's.
    pub factor: Option<Band>,
}

/// How long the requests of a side took that did not fail.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latencies {
    /// How many.
    pub requests: u64,
    /// The time in milliseconds that half, 90, 99 and 99.9 percent of them kept; `None` without requests.
    pub quantiles: Option<[f64; 4]>,
    /// How many took so long: each bar reaches half as far again as the one before.
    pub bars: Vec<u64>,
}

impl Latencies {
    fn of(histogram: &Histogram) -> Self {
        let at = |share| histogram.quantile(share).map(|bin| start_of(bin + 1));
        let quantiles = [0.5, 0.9, 0.99, 0.999].map(at);
        let bars = histogram.counts().chunks(BAR).map(|bins| bins.iter().map(|count| u64::from(*count)).sum());
        Self {
            requests: histogram.total(),
            quantiles: match quantiles {
                [Some(half), Some(most), Some(nearly), Some(all)] => Some([half, most, nearly, all]),
                _ => None,
            },
            bars: bars.collect(),
        }
    }

    /// Where a bar begins, in milliseconds.
    pub fn start_of_bar(bar: usize) -> f64 {
        start_of((bar * BAR).min(BINS))
    }
}

/// Judges requests as they come.
#[derive(Clone, Debug)]
pub struct Live {
    detector: Detector,
    silence: Silence,
    warm_up: Duration,
    /// Weights that were read back after the last tick.
    weights: VecDeque<(Timestamp, f64)>,
    first: Option<Timestamp>,
    share: f64,
    share_since: Option<Timestamp>,
    /// When each side was last heard of.
    heard: [Option<Timestamp>; 2],
    track: VecDeque<Moment>,
}

impl Live {
    /// A comparison that has seen nothing; green's requests count from `warm_up` after its first weight on.
    pub fn new(settings: Settings, warm_up: Duration) -> Self {
        Self {
            silence: Silence::new(&settings),
            detector: Detector::new(settings),
            warm_up,
            weights: VecDeque::new(),
            first: None,
            share: 0.0,
            share_since: None,
            heard: [None; 2],
            track: VecDeque::new(),
        }
    }

    /// A comparison of a component of a plan, as its release is judged.
    pub fn of(plan: &Plan, of: ComponentIndex) -> Self {
        Self::with(settings_of(plan, of), plan, of)
    }

    /// The same with other settings.
    pub fn with(settings: Settings, plan: &Plan, of: ComponentIndex) -> Self {
        Self::new(settings, warm_up(&plan.components[of].signals))
    }

    /// Green's weight is `share`, a part of one, as read at `at`.
    pub fn weigh(&mut self, share: f64, at: Timestamp) {
        if share > 0.0 && self.first.is_none() {
            self.first = Some(at);
        }
        let judged_from = self.first.map_or(at, |first| at.max(first + self.warm_up));
        self.weights.push_back((judged_from, share));
    }

    /// Whether both sides have traffic, or may still get it.
    pub fn goes_on(&self) -> bool {
        let newest = self.weights.back().map_or(self.share, |(_, share)| *share);
        newest < 1.0 || self.share < 1.0
    }

    /// Green's weight as a part of one.
    pub fn share(&self) -> f64 {
        self.share
    }

    /// Since when it is that.
    pub fn share_since(&self) -> Option<Timestamp> {
        self.share_since
    }

    /// Takes the requests of the next span.
    pub fn take(&mut self, tick: &Tick) {
        while let Some((at, share)) = self.weights.pop_front_if(|(at, _)| *at < tick.end) {
            if (self.share - share).abs() > 1e-9 {
                (self.share, self.share_since) = (share, Some(at));
            }
            self.detector.set_weight(share, at);
            self.silence.set_weight(share, at);
        }
        if self.share >= 1.0 {
            return;
        }
        for (heard, side) in self.heard.iter_mut().zip([&tick.blue, &tick.green]) {
            if !side.is_empty() {
                *heard = Some(tick.end);
            }
        }
        if self.detector.began().is_some() {
            self.detector.take(tick);
            self.silence.take(tick);
            self.remember(tick.end);
        } else {
            // Smoke tests reach green before its users do.
            self.detector.take(&Tick { green: Vec::new(), ..tick.clone() });
        }
    }

    fn remember(&mut self, at: Timestamp) {
        if self.track.back().is_some_and(|last| at.since(last.at) < APART) {
            return;
        }
        let judgement = self.detector.judgement();
        let Judgement { evidence, excess, factor, .. } = judgement;
        self.track.push_back(Moment { at, evidence, excess, factor });
        if self.track.len() > MOMENTS {
            self.track.pop_front();
        }
    }

    /// The evidence.
    pub fn detector(&self) -> &Detector {
        &self.detector
    }

    /// The evidence that green answers too little.
    pub fn silence(&self) -> &Silence {
        &self.silence
    }

    /// Whether requests of both sides are heard of at `now`: what says nothing confirms nothing.
    pub fn speaks(&self, now: Timestamp) -> bool {
        self.share < 1.0 && self.heard.iter().all(|heard| heard.is_some_and(|at| now.since(at) <= HEARD))
    }

    /// What is shown; `None` before green has traffic.
    pub fn picture(&self) -> Option<Picture> {
        let began = self.detector.began()?;
        let (green, blue) = self.detector.harm().latencies();
        Some(Picture {
            judgement: self.detector.judgement(),
            began,
            track: self.track.iter().copied().collect(),
            green: Latencies::of(green),
            blue: Latencies::of(blue),
            safe_factor: self.detector.settings().safe_factor,
            safe_excess: self.detector.settings().safe_excess,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::judgement::Recommendation;
    use crate::judge::tick::Counts;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(10_000 + secs)
    }

    /// Two seconds in which four tasks of each side serve, and green's fail as many of their requests.
    fn tick(end: i64, green_errors: u64) -> Tick {
        let side = |requests: u64, errors: u64| -> Vec<Counts> {
            let task = |name: u8| {
                let mut counts =
                    Counts { task: name.to_string().as_str().into(), requests, errors, ..Counts::default() };
                (errors..requests).for_each(|number| counts.latency.add(50.0 + (number * 7 % 40) as f64));
                counts
            };
            (0..4).map(task).collect()
        };
        Tick { end: at(end), blue: side(20, 0), green: side(3, green_errors), ..Tick::default() }
    }

    fn live() -> Live {
        Live::new(Settings { longest_bake: None, ..Settings::default() }, Duration::ZERO)
    }

    #[test]
    fn what_reaches_green_before_its_users_is_not_judged() {
        let mut live = live();
        live.weigh(0.0, at(0));
        (1..30).for_each(|second| live.take(&tick(2 * second, 3)));
        assert!(live.picture().is_none());
        live.weigh(0.1, at(60));
        (31..40).for_each(|second| live.take(&tick(2 * second, 0)));
        let picture = live.picture().unwrap();
        assert_eq!((picture.began, picture.judgement.recommendation.word()), (at(60), "continue"));
        assert!(live.speaks(at(80)) && !live.speaks(at(200)));
    }

    #[test]
    fn a_weight_counts_for_the_ticks_that_end_after_it_and_at_full_weight_nothing_is_compared() {
        let mut live = live();
        live.weigh(0.1, at(3));
        live.take(&tick(2, 0));
        assert!(live.picture().is_none());
        live.take(&tick(4, 0));
        assert_eq!(live.picture().unwrap().judgement.requests.0, 12);
        live.weigh(1.0, at(5));
        assert!(live.goes_on(), "ticks up to then are still to come");
        live.take(&tick(6, 3));
        assert!(!live.goes_on());
        assert_eq!(live.picture().unwrap().judgement.requests.0, 12);
    }

    #[test]
    fn a_warm_up_puts_off_the_beginning_and_then_proof_comes_within_seconds() {
        let mut live = Live::new(Settings { longest_bake: None, ..Settings::default() }, Duration::from_mins(1));
        live.weigh(0.1, at(0));
        (1..=30).for_each(|second| live.take(&tick(2 * second, 3)));
        assert!(live.picture().is_none());
        (31..=40).for_each(|second| live.take(&tick(2 * second, 3)));
        let picture = live.picture().unwrap();
        assert_eq!(picture.began, at(60));
        assert_eq!(picture.judgement.recommendation, Recommendation::RollBack);
        assert!(picture.judgement.since <= at(70), "{:?}", picture.judgement.since);
        assert!(!picture.track.is_empty() && picture.blue.quantiles.is_some() && picture.green.requests == 0);
    }
}
