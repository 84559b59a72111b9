//! Fixed limits, and green against blue beside them.
//!
//! The limits rule on each signal. What the comparison with blue says is added, by two sources. The request log knows each
//! request and its task: what it proves is ruled by the signal's own policy, seconds after it happened. CloudWatch's minutes know
//! error rates alone, late and without tasks: what they prove holds the release, unless the log shows that no one task explains
//! it. Each verdict says whether the other source agrees. What is suspicious keeps a gate shut while both sides serve.

use std::collections::BTreeMap;
use std::time::Duration;

use super::detector::Detector;
use super::judgement::{Doubt, Judgement, Recommendation, Symptom};
use super::live::{Live, Picture};
use super::minutes::ticks;
use super::saturation::minutes_until_full;
use super::settings::{Bands, Settings, Share};
use super::threshold::Threshold;
use super::tick::Tick;
use super::{Circumstances, Judge, Measured};
use crate::domain::ids::SignalName;
use crate::domain::signal::{Measure, Point, Policy, Ruling, SignalPlan, Verdict};
use crate::domain::time::{Elapsed, Timestamp};

/// Minutes from before green had traffic that show what is usual for blue.
const BEFORE: Duration = Duration::from_mins(30);

/// What is proved and may be one bad task's doing waits so long for the request log to tell, before a human is asked.
const UNTIL_HELD: Duration = Duration::from_mins(3);

/// Evidence that keeps a gate shut.
const SUSPICIOUS: f64 = 10.0;

/// Green answers too little where it has less than this part of what its weight says, by CloudWatch as well.
const TOO_LITTLE: f64 = 0.6;

/// Memory that is full within so many minutes holds a release.
const SOON_FULL: f64 = 60.0;

/// Judges by limits and by comparison.
#[derive(Clone, Debug)]
pub struct Beside {
    plans: Vec<SignalPlan>,
    limits: Threshold,
    /// The requests, where the log tells of them.
    live: Option<Live>,
    /// What they have proved, and when.
    proved: BTreeMap<SignalName, Timestamp>,
    /// Since when CloudWatch's minutes prove something.
    minutes_prove: BTreeMap<SignalName, Timestamp>,
    /// What the requests speak for, as last ruled on.
    ruled_on: Option<Standing>,
}

/// What the requests speak for: as a whole, by which symptom, and how many signals they have proved worse.
type Standing = (Recommendation, Option<Symptom>, usize);

impl Beside {
    /// A judge of these signals by metrics alone.
    pub fn new(plans: Vec<SignalPlan>) -> Self {
        Self {
            limits: Threshold::new(plans.clone()),
            plans,
            live: None,
            proved: BTreeMap::new(),
            minutes_prove: BTreeMap::new(),
            ruled_on: None,
        }
    }

    /// It compares requests as well, as soon as the log tells of any.
    #[must_use]
    pub fn with_requests(self, live: Live) -> Self {
        Self { live: Some(live), ..self }
    }

    /// What the requests speak for now.
    fn standing(&self) -> Option<Standing> {
        let detector = self.live.as_ref()?.detector();
        // Which symptom leads matters only where something is ruled by it.
        let speaks = !matches!(detector.recommendation(), Recommendation::Continue | Recommendation::Promote);
        let leading = leading(detector).filter(|_| speaks);
        Some((detector.recommendation().clone(), leading, self.proved.len()))
    }

    /// What the log says of a signal now.
    fn log_of(&self, plan: &SignalPlan, now: Timestamp) -> Option<Log> {
        let live = self.live.as_ref()?;
        let detector = live.detector();
        if plan.measure == Measure::RequestRate {
            return self.silence_of(live, plan, now);
        }
        let symptoms = symptoms(plan);
        let began = detector.began().filter(|_| !symptoms.is_empty())?;
        let of_it: Vec<(Symptom, f64)> =
            detector.contributions().filter(|(symptom, _)| symptoms.contains(symptom)).collect();
        let (symptom, _) = of_it.iter().copied().max_by(|(_, one), (_, other)| one.total_cmp(other))?;
        let is_leading = leading(detector).is_some_and(|leading| symptoms.contains(&leading));
        let doubtful = |why: String| Says::Doubtful { why, lasting: now.since(detector.since()) };
        let says = match (self.proved.get(&plan.name), detector.recommendation()) {
            (Some(since), _) => Says::Proved { after: since.since(began) },
            (None, Recommendation::Hold { because: Doubt::OneTask { task } }) if is_leading => {
                doubtful(format!("task {task} alone explains it: replace the task, not the version"))
            }
            (None, Recommendation::Hold { because: Doubt::OneSpell }) if is_leading => {
                doubtful("one short spell, on too few tasks to tell a host from the version".to_owned())
            }
            (None, Recommendation::Hold { .. }) if is_leading => Says::Suspicious,
            _ => Says::Nothing,
        };
        Some(Log {
            says,
            evidence: of_it.iter().map(|(_, evidence)| evidence).sum(),
            words: detector.hypothesis(symptom),
            requests: detector.harm().green(),
            speaks: live.speaks(now),
            holds_without_any_task: detector
                .without_worst()
                .is_none_or(|(_, least)| least >= detector.settings().without_any_task),
        })
    }

    /// What the log says of green's share of the traffic.
    fn silence_of(&self, live: &Live, plan: &SignalPlan, now: Timestamp) -> Option<Log> {
        let (began, silence) = (live.detector().began()?, live.silence());
        Some(Log {
            says: match self.proved.get(&plan.name) {
                Some(since) => Says::Proved { after: since.since(began) },
                None => Says::Nothing,
            },
            evidence: silence.evidence(),
            words: silence.hypothesis(),
            requests: live.detector().harm().green(),
            speaks: live.speaks(now),
            holds_without_any_task: true,
        })
    }
}

/// What the request log says of a signal.
#[derive(Clone, Debug)]
struct Log {
    says: Says,
    /// 1 is none.
    evidence: f64,
    /// The likeliest explanation.
    words: String,
    /// Requests of green's that it rests on.
    requests: u64,
    /// It has told of both sides lately.
    speaks: bool,
    /// No one of green's tasks explains it.
    holds_without_any_task: bool,
}

/// How far the evidence of the log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Says {
    Nothing,
    Suspicious,
    /// Green is worse, and something else than the version may explain it, for so long already.
    Doubtful {
        why: String,
        lasting: Duration,
    },
    /// Green is worse; that was known so long after it got traffic.
    Proved {
        after: Duration,
    },
}

/// The symptoms that a signal stands for.
fn symptoms(plan: &SignalPlan) -> &'static [Symptom] {
    match plan.measure {
        Measure::TargetErrors if plan.max.is_some() => &[Symptom::Errors, Symptom::Deaths],
        Measure::ResponseTime(_) if plan.max.is_some() => &[Symptom::Latency, Symptom::Tail],
        _ => &[],
    }
}

/// The symptom that most of the evidence is of.
fn leading(detector: &Detector) -> Option<Symptom> {
    detector.began()?;
    let most = detector.contributions().max_by(|(_, one), (_, other)| one.total_cmp(other));
    most.map(|(symptom, _)| symptom)
}

impl Judge for Beside {
    fn judge(&mut self, measured: &[Measured<'_>], circumstances: Circumstances) -> Vec<Verdict> {
        let mut verdicts = self.limits.judge(measured, circumstances);
        self.ruled_on = self.standing();
        let Some(since) = circumstances.green_since else { return verdicts };
        let now = circumstances.now;
        for (plan, verdict) in self.plans.iter().zip(&mut verdicts) {
            let measured = measured.iter().find(|measured| *measured.signal == plan.name);
            let readable = measured.filter(|measured| measured.failed.is_none());
            let minutes = readable
                .filter(|_| plan.measure == Measure::TargetErrors && plan.max.is_some())
                .map(|measured| (compare(measured, since + plan.warm_up, now), Comparison::of(measured)));
            let log = self.log_of(plan, now);
            if let Some(log) = &log {
                let agrees = match (&minutes, plan.measure.clone()) {
                    (Some((minutes, _)), _) => minutes_agree(minutes),
                    (None, Measure::RequestRate) => share_agrees(readable, self.live.as_ref()),
                    (None, _) => values_agree(verdict),
                };
                add_log(verdict, plan, log, &agrees);
            }
            if let Some((minutes, comparison)) = &minutes {
                let proves = minutes.evidence >= minutes.needed;
                let first = proves.then(|| *self.minutes_prove.entry(plan.name.clone()).or_insert(now));
                let waited = first.map(|first| now.since(first)).unwrap_or_default();
                add_minutes(verdict, minutes, *comparison, log.as_ref(), waited);
            }
            if let Some(measured) = readable.filter(|_| plan.measure == Measure::Memory) {
                add_forecast(verdict, measured, since);
            }
        }
        verdicts
    }

    fn take(&mut self, tick: &Tick) {
        let Some(live) = &mut self.live else { return };
        let is_first = *live.detector().recommendation() != Recommendation::RollBack;
        live.take(tick);
        let (detector, silence) = (live.detector(), live.silence());
        for plan in self.plans.iter().filter(|plan| plan.measure == Measure::RequestRate) {
            if let Some(since) = silence.proved() {
                self.proved.entry(plan.name.clone()).or_insert(since);
            }
        }
        let holds = detector.without_worst().is_none_or(|(_, least)| least >= detector.settings().without_any_task);
        if *detector.recommendation() != Recommendation::RollBack || !holds {
            return;
        }
        let (leading, needed) = (leading(detector), detector.settings().needed());
        for plan in &self.plans {
            let symptoms = symptoms(plan);
            let is_leading = is_first && leading.is_some_and(|leading| symptoms.contains(&leading));
            let of_it = detector.contributions().filter(|(symptom, _)| symptoms.contains(symptom));
            if is_leading || of_it.map(|(_, evidence)| evidence).sum::<f64>() >= needed {
                self.proved.entry(plan.name.clone()).or_insert(tick.end);
            }
        }
    }

    fn weigh(&mut self, share: f64, at: Timestamp) {
        if let Some(live) = &mut self.live {
            live.weigh(share, at);
        }
    }

    fn wants_requests(&self) -> bool {
        self.live.as_ref().is_some_and(Live::goes_on)
    }

    fn has_news(&self) -> bool {
        self.standing() != self.ruled_on
    }

    fn picture(&self) -> Option<Picture> {
        self.live.as_ref()?.picture()
    }
}

/// Judges green's minutes since `since` against blue's.
fn compare(measured: &Measured<'_>, since: Timestamp, now: Timestamp) -> Judgement {
    let settings = Settings { bands: Bands::Skipped, share: Share::Ignored, longest_bake: None, ..Settings::default() };
    let mut detector = Detector::new(settings.of_minutes());
    for mut tick in ticks(measured.blue, measured.green, measured.period, now) {
        if tick.end + BEFORE <= since {
            continue;
        }
        // A minute in which its traffic began counts, as its requests do.
        if tick.end <= since {
            tick.green.clear();
        }
        detector.take(&tick);
    }
    detector.judgement()
}

/// Whether both sides serve.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    GoesOn,
    /// Blue has no requests any more: what is suspicious can neither be proved nor fade.
    Over,
}

impl Comparison {
    fn of(measured: &Measured<'_>) -> Self {
        let both = measured.blue.last().zip(measured.green.last());
        let is_near = |(blue, green): (&Point, &Point)| blue.samples > 0 && blue.at + 2 * measured.period >= green.at;
        if both.is_some_and(is_near) { Self::GoesOn } else { Self::Over }
    }
}

/// Whether CloudWatch shows what the log does, with the words for it.
#[derive(Clone, Debug)]
struct Agreement {
    confirms: bool,
    words: String,
}

impl Agreement {
    fn new(confirms: bool, words: impl Into<String>) -> Self {
        Self { confirms, words: words.into() }
    }

    /// CloudWatch's minutes are late.
    fn not_yet() -> Self {
        Self::new(false, "CloudWatch has no minute of it yet")
    }
}

fn minutes_agree(minutes: &Judgement) -> Agreement {
    if minutes.requests.0 == 0 {
        Agreement::not_yet()
    } else if minutes.evidence >= minutes.needed {
        Agreement::new(true, "CloudWatch proves it as well")
    } else if minutes.evidence >= SUSPICIOUS {
        Agreement::new(true, "CloudWatch points the same way")
    } else {
        Agreement::new(false, format!("CloudWatch does not show it, evidence {:.1}", minutes.evidence))
    }
}

/// By the newest point of both sides.
fn values_agree(verdict: &Verdict) -> Agreement {
    match verdict.green.zip(verdict.blue) {
        None => Agreement::not_yet(),
        Some((green, blue)) if green > blue * 1.05 => {
            Agreement::new(true, format!("CloudWatch shows {green:.0} beside {blue:.0}"))
        }
        Some((green, blue)) => Agreement::new(false, format!("CloudWatch does not: {green:.0} beside {blue:.0}")),
    }
}

/// By green's part of the requests in the newest minute of both sides.
fn share_agrees(measured: Option<&Measured<'_>>, live: Option<&Live>) -> Agreement {
    let of_both = measured.and_then(|measured| {
        let since = live?.share_since()?;
        let blue = measured.blue.iter().rev().find(|point| point.at >= since)?;
        // A side that answers nothing has no point at all.
        let green = measured.green.iter().find(|point| point.at == blue.at).map_or(0.0, |point| point.value);
        Some((green, blue.value))
    });
    let (Some((green, blue)), Some(live)) = (of_both, live) else { return Agreement::not_yet() };
    let share = if green + blue > 0.0 { green / (green + blue) } else { 0.0 };
    let words = format!("{:.1} % of the requests, by a weight of {:.0} %", share * 100.0, live.share() * 100.0);
    if share < TOO_LITTLE * live.share() {
        Agreement::new(true, format!("CloudWatch shows {words}"))
    } else {
        Agreement::new(false, format!("CloudWatch does not: {words}"))
    }
}

/// How far evidence has come, from nothing to proof.
fn part_of_proof(evidence: f64, needed: f64) -> f64 {
    (evidence.max(1.0).ln() / needed.ln()).clamp(0.0, 1.0)
}

/// What fails by doubtful evidence is not taken back by itself.
fn hold(verdict: &mut Verdict) {
    verdict.ruling = Ruling::Fail;
    if verdict.policy == Policy::Rollback {
        verdict.policy = Policy::Pause;
    }
}

/// Adds what the log says.
fn add_log(verdict: &mut Verdict, plan: &SignalPlan, log: &Log, cloudwatch: &Agreement) {
    verdict.evidence = verdict.evidence.max(part_of_proof(log.evidence, NEEDED));
    // What the limits have ruled out needs no other reason, unless that would be ruled more strictly.
    if verdict.ruling == Ruling::Fail {
        return;
    }
    let Agreement { confirms, words } = cloudwatch;
    let against = format!(
        "{}, evidence {:.0} of {NEEDED:.0} from {} requests; {words}",
        log.words,
        log.evidence.max(1.0),
        log.requests
    );
    match &log.says {
        Says::Nothing => {}
        Says::Suspicious => {
            if verdict.ruling == Ruling::Pass && log.speaks {
                verdict.ruling = Ruling::Marginal;
                verdict.reason = format!("suspicious beside blue: {against}");
            }
        }
        // The first errors of a bad version often hit one task: those of the others follow.
        Says::Doubtful { why, lasting } if *lasting < UNTIL_HELD => {
            if verdict.ruling == Ruling::Pass {
                verdict.ruling = Ruling::Marginal;
            }
            verdict.reason = format!("worse than blue, but {why}; {against}");
        }
        Says::Doubtful { why, .. } => {
            hold(verdict);
            verdict.reason = format!("worse than blue, but {why}; {against}");
        }
        // A log that is no longer written, or in other words, looks like a side that answers nothing.
        Says::Proved { .. } if plan.measure == Measure::RequestRate && !confirms => {
            if verdict.ruling == Ruling::Pass {
                verdict.ruling = Ruling::Marginal;
            }
            verdict.reason = format!("the log says: {against}");
        }
        Says::Proved { after } => {
            verdict.ruling = Ruling::Fail;
            verdict.reason = format!("worse than blue, proved after {}: {against}", Elapsed(*after));
        }
    }
}

/// Evidence that is proof: by default, as releases are judged.
const NEEDED: f64 = 100.0;

/// Adds what CloudWatch's minutes say.
fn add_minutes(
    verdict: &mut Verdict,
    minutes: &Judgement,
    comparison: Comparison,
    log: Option<&Log>,
    waited: Duration,
) {
    verdict.evidence = verdict.evidence.max(part_of_proof(minutes.evidence, minutes.needed));
    let is_lenient = matches!(verdict.ruling, Ruling::Pass | Ruling::Marginal | Ruling::NoData);
    let Some(finding) = minutes.findings.first().filter(|_| is_lenient) else { return };
    let against = format!("{}, evidence {:.0} of {:.0}", finding.hypothesis, minutes.evidence, minutes.needed);
    let log = log.filter(|log| log.speaks);
    let of_log = log.map_or_else(String::new, |log| format!(", the log's {:.1}", log.evidence));
    if minutes.evidence >= minutes.needed {
        match log {
            // The log alone proves nothing yet, but it shows what the minutes cannot: that no host of green's explains it.
            Some(log) if log.evidence >= SUSPICIOUS && log.holds_without_any_task => {
                verdict.ruling = Ruling::Fail;
                verdict.reason =
                    format!("worse than blue by CloudWatch, and no one task explains it: {against}{of_log}");
            }
            Some(_) if waited < UNTIL_HELD && comparison == Comparison::GoesOn => {
                verdict.ruling = Ruling::Marginal;
                verdict.reason = format!("worse than blue by CloudWatch, not yet by the log: {against}{of_log}");
            }
            Some(_) => {
                hold(verdict);
                verdict.reason = format!("worse than blue by CloudWatch, and not by the log: {against}{of_log}");
            }
            None => {
                hold(verdict);
                verdict.reason = format!("worse than blue: {against}");
            }
        }
    } else if minutes.evidence >= SUSPICIOUS && comparison == Comparison::GoesOn && verdict.ruling == Ruling::Pass {
        verdict.ruling = Ruling::Marginal;
        verdict.reason = format!("suspicious beside blue: {against}{of_log}");
    }
}

/// Adds when memory will be full, if it only grows.
fn add_forecast(verdict: &mut Verdict, measured: &Measured<'_>, since: Timestamp) {
    let from = measured.green.first().map_or(since, |first| first.at);
    let used = |points: &[Point]| -> Vec<(f64, f64)> {
        points.iter().map(|point| (point.at.since(from).as_secs_f64() / 60.0, point.value)).collect()
    };
    let Some(minutes) = minutes_until_full(&used(measured.green)).filter(|minutes| *minutes <= SOON_FULL) else {
        return;
    };
    // What blue's does as well is the day's, or both versions'.
    if minutes_until_full(&used(measured.blue)).is_some() || verdict.ruling == Ruling::Fail {
        return;
    }
    hold(verdict);
    verdict.reason = format!("memory grows steadily: 90 % in {minutes:.0} minutes if it goes on so");
}
#[cfg(test)]
mod tests;
