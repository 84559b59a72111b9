//! Fixed limits, and green against blue beside them.
//!
//! The limits rule on each signal. On error rates the evidence of the [`Detector`] is added: it says how far green is from being
//! proved worse than blue, keeps a gate shut while green is suspicious, and holds the release once that is proved. It takes
//! nothing back: metrics cannot tell a host from a version.

use std::time::Duration;

use super::detector::Detector;
use super::judgement::Judgement;
use super::minutes::ticks;
use super::settings::{Bands, Settings, Share};
use super::threshold::Threshold;
use super::{Circumstances, Judge, Measured};
use crate::domain::signal::{Measure, Point, Policy, Ruling, SignalPlan, Verdict};
use crate::domain::time::Timestamp;

/// Minutes from before green had traffic that show what is usual for blue.
const BEFORE: Duration = Duration::from_mins(30);

/// Judges by limits and by comparison.
#[derive(Clone, Debug)]
pub struct Beside {
    plans: Vec<SignalPlan>,
    limits: Threshold,
}

impl Beside {
    /// A judge of these signals.
    pub fn new(plans: Vec<SignalPlan>) -> Self {
        Self { limits: Threshold::new(plans.clone()), plans }
    }
}

impl Judge for Beside {
    fn judge(&mut self, measured: &[Measured<'_>], circumstances: Circumstances) -> Vec<Verdict> {
        let mut verdicts = self.limits.judge(measured, circumstances);
        let Some(since) = circumstances.green_since else { return verdicts };
        for (plan, verdict) in self.plans.iter().zip(&mut verdicts) {
            if let Some(measured) = measured.iter().find(|measured| *measured.signal == plan.name)
                && plan.measure == Measure::TargetErrors
                && plan.max.is_some()
                && measured.failed.is_none()
            {
                let judgement = compare(measured, since + plan.warm_up, circumstances.now);
                add(verdict, &judgement, Comparison::of(measured));
            }
        }
        verdicts
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

/// Adds what the comparison says to what the limit says.
fn add(verdict: &mut Verdict, judgement: &Judgement, comparison: Comparison) {
    let evidence = (judgement.evidence.max(1.0).ln() / judgement.needed.ln()).clamp(0.0, 1.0);
    verdict.evidence = verdict.evidence.max(evidence);
    let is_lenient = matches!(verdict.ruling, Ruling::Pass | Ruling::Marginal | Ruling::NoData);
    let Some(finding) = judgement.findings.first().filter(|_| is_lenient) else { return };
    let against = || format!("{}, evidence {:.0} of {:.0}", finding.hypothesis, judgement.evidence, judgement.needed);
    if judgement.evidence >= judgement.needed {
        verdict.ruling = Ruling::Fail;
        if verdict.policy == Policy::Rollback {
            verdict.policy = Policy::Pause;
        }
        verdict.reason = format!("worse than blue: {}", against());
    } else if judgement.evidence >= SUSPICIOUS && comparison == Comparison::GoesOn && verdict.ruling == Ruling::Pass {
        verdict.ruling = Ruling::Marginal;
        verdict.reason = format!("suspicious beside blue: {}", against());
    }
}

/// Evidence that keeps a gate shut.
const SUSPICIOUS: f64 = 10.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::signal::{Golden, Unit};

    fn plan(policy: Policy) -> SignalPlan {
        SignalPlan {
            name: "errors".into(),
            golden: Golden::Errors,
            measure: Measure::TargetErrors,
            unit: Unit::Percent,
            max: Some(5.0),
            over_blue: Some(2.0),
            min_samples: 100,
            breaches: 2,
            warm_up: Duration::ZERO,
            policy,
        }
    }

    fn points(minutes: std::ops::Range<i64>, value: f64, samples: u64) -> Vec<Point> {
        minutes.map(|minute| Point { at: Timestamp::from_secs(60 * minute), value, samples }).collect()
    }

    /// Ten minutes of blue alone, then so many with green beside it.
    fn verdict(plan: SignalPlan, minutes: i64, green: f64) -> Verdict {
        let (name, now) = (plan.name.clone(), Timestamp::from_secs(60 * (11 + minutes)));
        let blue = [points(0..10, 0.1, 3_000), points(10..10 + minutes, 0.1, 2_700)].concat();
        let green = points(10..10 + minutes, green, 300);
        let since = Some(Timestamp::from_secs(600));
        let measured =
            [Measured { signal: &name, blue: &blue, green: &green, period: Duration::from_mins(1), failed: None }];
        Beside::new(vec![plan]).judge(&measured, Circumstances { now, green_since: since, step_since: since }).remove(0)
    }

    #[test]
    fn what_is_worse_than_blue_and_within_the_limit_is_suspicious_and_then_held() {
        let rulings: Vec<Ruling> =
            (1..=4).map(|minutes| verdict(plan(Policy::Rollback), minutes, 2.0).ruling).collect();
        assert_eq!(rulings, [Ruling::Marginal, Ruling::Fail, Ruling::Fail, Ruling::Fail]);
        let held = verdict(plan(Policy::Rollback), 3, 2.0);
        assert_eq!((held.policy, held.evidence >= 1.0), (Policy::Pause, true));
        assert!(held.reason.starts_with("worse than blue: requests fail at about"), "{}", held.reason);
        assert_eq!(verdict(plan(Policy::Observe), 3, 2.0).policy, Policy::Observe);
    }

    #[test]
    fn what_is_alike_passes_and_what_breaks_the_limit_still_goes_back() {
        let alike = verdict(plan(Policy::Rollback), 10, 0.1);
        assert_eq!((alike.ruling, alike.reason.as_str()), (Ruling::Pass, "0.10 % on green, limit 5 %"));
        assert!(alike.evidence < 0.1, "{}", alike.evidence);
        let broken = verdict(plan(Policy::Rollback), 2, 40.0);
        assert_eq!((broken.ruling, broken.policy), (Ruling::Fail, Policy::Rollback));
    }

    #[test]
    fn what_is_suspicious_holds_up_nothing_where_blue_serves_no_more() {
        let plan = plan(Policy::Rollback);
        let blue = [points(0..10, 0.1, 3_000), points(10..11, 0.1, 2_700)].concat();
        let green = [points(10..11, 2.0, 300), points(11..15, 0.1, 3_000)].concat();
        let since = Some(Timestamp::from_secs(600));
        let ruling = |green: &[Point], minute: i64| {
            let now = Timestamp::from_secs(60 * minute);
            let measured =
                [Measured { signal: &plan.name, blue: &blue, green, period: Duration::from_mins(1), failed: None }];
            let circumstances = Circumstances { now, green_since: since, step_since: since };
            Beside::new(vec![plan.clone()]).judge(&measured, circumstances).remove(0).ruling
        };
        assert_eq!((ruling(&green[..1], 12), ruling(&green, 16)), (Ruling::Marginal, Ruling::Pass));
    }

    #[test]
    fn signals_without_a_limit_or_of_other_kinds_are_left_alone() {
        let watched = SignalPlan { max: None, ..plan(Policy::Observe) };
        assert_eq!(verdict(watched, 3, 20.0).ruling, Ruling::Pass);
        let other = SignalPlan { measure: Measure::ClientErrors, ..plan(Policy::Rollback) };
        assert_eq!(verdict(other, 3, 2.0).ruling, Ruling::Pass);
    }
}
