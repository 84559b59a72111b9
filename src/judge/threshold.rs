//! Fixed limits.
//!
//! A signal fails when its newest `breaches` points in a row lie above `max` — and, where `over_blue` is set, above
//! blue's value of the same period times that factor too, so that a trouble which both sides share is not blamed on
//! green. For that it may rest on everything green has served. It passes when enough requests were seen since the present step began and the newest point is within the
//! limit. Everything in between is marginal, no-data or error, and never opens a gate.

use std::time::Duration;

use super::{Circumstances, Judge, Measured};
use crate::domain::signal::{Point, Ruling, SignalPlan, Unit, Verdict};
use crate::domain::time::Timestamp;

/// A newest point that began longer ago than this says nothing about now: one-minute metrics appear up to three
/// minutes after their minute began, and one may be missing.
const STALE: Duration = Duration::from_mins(5);

/// Judges by the plan's limits alone.
#[derive(Clone, Debug)]
pub struct Threshold {
    plans: Vec<SignalPlan>,
}

impl Threshold {
    /// A judge of these signals.
    pub fn new(plans: Vec<SignalPlan>) -> Self {
        Self { plans }
    }
}

impl Judge for Threshold {
    fn judge(&mut self, measured: &[Measured<'_>], circumstances: Circumstances) -> Vec<Verdict> {
        self.plans
            .iter()
            .map(|plan| {
                let found = measured.iter().find(|measured| *measured.signal == plan.name);
                rule(plan, found, circumstances)
            })
            .collect()
    }
}

/// Rules on one signal.
fn rule(plan: &SignalPlan, measured: Option<&Measured<'_>>, circumstances: Circumstances) -> Verdict {
    let (blue, green) = measured.map_or((&[][..], &[][..]), |measured| (measured.blue, measured.green));
    let judged = judged_points(plan, green, circumstances);
    let newest = judged.last().copied();
    let at_same_time = |at: Timestamp| blue.iter().rev().find(|point| point.at == at);
    let in_step = |point: &&Point| circumstances.step_since.is_none_or(|since| point.at >= since);
    let samples = judged.iter().filter(in_step).map(|point| point.samples).sum();
    let mut verdict = Verdict {
        signal: plan.name.clone(),
        ruling: Ruling::NoData,
        policy: plan.policy,
        green: newest.map(|point| point.value),
        blue: newest.and_then(|point| at_same_time(point.at)).map(|point| point.value),
        max: plan.max,
        samples,
        needed: needed(plan),
        evidence: 0.0,
        newest: newest.map(|point| point.at),
        reason: String::new(),
    };
    let (ruling, evidence, reason) = weigh(plan, &judged, blue, &verdict, measured, circumstances);
    verdict.ruling = ruling;
    verdict.evidence = evidence;
    verdict.reason = reason;
    verdict
}

/// Green's points that count: since its traffic began, less the warm-up.
fn judged_points(plan: &SignalPlan, green: &[Point], circumstances: Circumstances) -> Vec<Point> {
    let Some(since) = circumstances.green_since else { return Vec::new() };
    // Without a warm-up the first period counts from its first request; otherwise the last one of the warm-up does not.
    let from = if plan.warm_up.is_zero() { since.floor_to(ONE_MINUTE) } else { since + plan.warm_up };
    green.iter().filter(|point| point.at >= from).copied().collect()
}

/// CloudWatch's usual period.
const ONE_MINUTE: Duration = Duration::from_mins(1);

/// Requests needed: saturation rests on none.
fn needed(plan: &SignalPlan) -> u64 {
    if plan.measure.rests_on_requests() { plan.min_samples } else { 0 }
}

fn weigh(
    plan: &SignalPlan,
    judged: &[Point],
    blue: &[Point],
    verdict: &Verdict,
    measured: Option<&Measured<'_>>,
    circumstances: Circumstances,
) -> (Ruling, f64, String) {
    if let Some(failure) = measured.and_then(|measured| measured.failed) {
        return (Ruling::Error, 0.0, format!("could not be measured: {failure}"));
    }
    let Some(newest) = judged.last() else {
        return (Ruling::NoData, 0.0, no_data_yet(plan, circumstances));
    };
    let age = circumstances.now.since(newest.at);
    if age > STALE {
        return (Ruling::NoData, 0.0, format!("the newest point is {} s old", age.as_secs()));
    }
    let Some(max) = plan.max else {
        return (Ruling::Pass, 0.0, "no limit set".to_owned());
    };
    let show = |value: f64| with_unit(value, plan.unit);
    let at_same_time = |at: Timestamp| blue.iter().rev().find(|point| point.at == at).map(|point| point.value);
    let newest_first = || judged.iter().rev();
    let above = newest_first().take_while(|point| point.value > max).count();
    let worse = newest_first().take_while(|point| is_worse(plan, point.value, max, at_same_time(point.at))).count();
    let wanted = usize::try_from(plan.breaches.max(1)).unwrap_or(1);
    let evidence = (worse as f64 / wanted as f64).min(1.0);
    // A failure may rest on earlier steps as well; a pass only on what was seen at the present weight.
    let seen: u64 = judged.iter().map(|point| point.samples).sum();
    let is_of_step = circumstances.step_since.is_none_or(|since| newest.at >= since);
    let enough = verdict.samples >= verdict.needed && is_of_step;
    if worse >= wanted && seen >= verdict.needed {
        let against = at_same_time(newest.at).map(|blue| format!(", {} on blue", show(blue))).unwrap_or_default();
        let reason =
            format!("{} on green{against}, limit {}: {wanted} of {wanted} points", show(newest.value), show(max));
        return (Ruling::Fail, evidence, reason);
    }
    if !enough {
        let missing = verdict.needed.saturating_sub(verdict.samples);
        if missing == 0 {
            return (Ruling::NoData, evidence, "no point since the weight changed".to_owned());
        }
        let reason = format!("{} of {} requests seen, {missing} to go", verdict.samples, verdict.needed);
        return (Ruling::NoData, evidence, reason);
    }
    if above > 0 {
        let reason = if worse == 0 {
            format!("{} on green, limit {}, but blue suffers alike", show(newest.value), show(max))
        } else {
            format!("{} on green, limit {}: {worse} of {wanted} points", show(newest.value), show(max))
        };
        return (Ruling::Marginal, evidence, reason);
    }
    (Ruling::Pass, evidence, format!("{} on green, limit {}", show(newest.value), show(max)))
}

/// A value with its unit, to as many digits as say something.
fn with_unit(value: f64, unit: Unit) -> String {
    let digits = usize::from(value < 10.0 && value.fract() != 0.0) * 2;
    match unit {
        Unit::Percent => format!("{value:.digits$} %"),
        Unit::Milliseconds => format!("{value:.0} ms"),
        Unit::PerSecond => format!("{value:.digits$}/s"),
        Unit::Count => format!("{value:.digits$}"),
    }
}

fn is_worse(plan: &SignalPlan, green: f64, max: f64, blue: Option<f64>) -> bool {
    let limit = match (plan.over_blue, blue) {
        (Some(factor), Some(blue)) => max.max(blue * factor),
        // Without blue beside it, at 100 % say, the fixed limit is all there is.
        (Some(_) | None, _) => max,
    };
    green > limit
}

fn no_data_yet(plan: &SignalPlan, circumstances: Circumstances) -> String {
    match circumstances.green_since {
        None => "green takes no traffic yet".to_owned(),
        Some(since) if circumstances.now < since + plan.warm_up => {
            format!("warming up for another {} s", (since + plan.warm_up).since(circumstances.now).as_secs())
        }
        Some(_) if plan.warm_up.is_zero() => "no point since green took traffic".to_owned(),
        Some(_) => "no point since the warm-up".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::SignalName;
    use crate::domain::signal::{Golden, Measure, Policy};

    const START: i64 = 600;

    fn plan() -> SignalPlan {
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
            policy: Policy::Rollback,
        }
    }

    fn points(values: &[f64]) -> Vec<Point> {
        let at = |index: usize| Timestamp::from_secs(START + 60 * i64::try_from(index).unwrap());
        values.iter().enumerate().map(|(index, value)| Point { at: at(index), value: *value, samples: 60 }).collect()
    }

    fn judged(plan: SignalPlan, green: &[f64], blue: &[f64]) -> Verdict {
        let (green, blue) = (points(green), points(blue));
        let now = green.last().map_or(Timestamp::from_secs(START), |point| point.at) + Duration::from_mins(2);
        judged_at(plan, &green, &blue, None, now)
    }

    fn judged_at(plan: SignalPlan, green: &[Point], blue: &[Point], failed: Option<&str>, now: Timestamp) -> Verdict {
        let name: SignalName = plan.name.clone();
        let since = Some(Timestamp::from_secs(START));
        let circumstances = Circumstances { now, green_since: since, step_since: since };
        let measured = [Measured { signal: &name, blue, green, period: Duration::from_mins(1), failed }];
        Threshold::new(vec![plan]).judge(&measured, circumstances).remove(0)
    }

    #[test]
    fn rulings_follow_limits_blue_and_evidence() {
        let table: [(&str, &[f64], &[f64], Ruling); 8] = [
            ("within", &[0.1, 0.2], &[0.1, 0.1], Ruling::Pass),
            ("two above", &[0.1, 8.0, 8.0], &[0.1, 0.1, 0.1], Ruling::Fail),
            ("one above is not yet two", &[0.1, 0.1, 8.0], &[0.1, 0.1, 0.1], Ruling::Marginal),
            ("one is back within", &[8.0, 8.0, 0.1], &[0.1, 0.1, 0.1], Ruling::Pass),
            ("blue suffers alike", &[20.0, 20.0, 20.0], &[18.0, 21.0, 19.0], Ruling::Marginal),
            ("blue suffers, green twice as much", &[0.0, 50.0, 50.0], &[18.0, 21.0, 19.0], Ruling::Fail),
            ("no blue to compare with", &[0.0, 8.0, 8.0], &[], Ruling::Fail),
            ("too few requests", &[8.0], &[0.1], Ruling::NoData),
        ];
        for (what, green, blue, ruling) in table {
            let verdict = judged(plan(), green, blue);
            assert_eq!(verdict.ruling, ruling, "{what}: {}", verdict.reason);
        }
    }

    #[test]
    fn silence_is_never_a_pass() {
        assert_eq!(judged(plan(), &[], &[]).ruling, Ruling::NoData);
        let green = points(&[0.1, 0.1, 0.1]);
        let later = Timestamp::from_secs(START + 120 + 301);
        assert_eq!(judged_at(plan(), &green, &[], None, later).ruling, Ruling::NoData);
        let soon = Timestamp::from_secs(START + 180);
        assert_eq!(judged_at(plan(), &green, &[], Some("throttled"), soon).ruling, Ruling::Error);
        assert_eq!(judged_at(plan(), &green, &[], None, soon).ruling, Ruling::Pass);
    }

    #[test]
    fn a_pass_rests_on_the_present_step_alone_and_a_failure_on_all_of_them() {
        let at = |secs: i64| Timestamp::from_secs(START + secs);
        let ruling = |values: &[f64], step: i64| {
            let green = points(values);
            let name: SignalName = "errors".into();
            let now = green.last().unwrap().at + Duration::from_mins(2);
            let circumstances = Circumstances { now, green_since: Some(at(0)), step_since: Some(at(step)) };
            let measured =
                [Measured { signal: &name, blue: &[], green: &green, period: Duration::from_mins(1), failed: None }];
            Threshold::new(vec![plan()]).judge(&measured, circumstances).remove(0).ruling
        };
        assert_eq!(ruling(&[0.1; 6], 121), Ruling::Pass);
        assert_eq!(ruling(&[0.1; 6], 241), Ruling::NoData, "60 requests since, 100 needed");
        assert_eq!(ruling(&[8.0; 6], 241), Ruling::Fail);
    }

    #[test]
    fn warm_up_is_shown_but_not_judged() {
        let warm = SignalPlan { warm_up: Duration::from_mins(2), ..plan() };
        let unjudged = judged(warm.clone(), &[9.0, 9.0], &[0.1, 0.1]);
        assert_eq!((unjudged.ruling, unjudged.reason.as_str()), (Ruling::NoData, "no point since the warm-up"));
        assert_eq!(judged(warm, &[9.0, 9.0, 0.1, 0.1], &[0.1; 4]).ruling, Ruling::Pass);
    }

    #[test]
    fn what_is_missing_is_counted() {
        let verdict = judged(plan(), &[0.1], &[0.1]);
        assert_eq!((verdict.samples, verdict.needed), (60, 100));
        assert!(verdict.reason.contains("40 to go"), "{}", verdict.reason);
    }
}
