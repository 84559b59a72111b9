//! Why an alarm is in its state, in plain words. CloudWatch gives a sentence that names neither the metric nor what it is
//! counted in, and beside it, as JSON, the points that it judged by.

use std::time::Duration;

use serde_json::Value;

use super::{Comparison, Condition, Evaluated, Missing, Rule, Setup};
use crate::domain::observed::AlarmWord;
use crate::domain::time::Timestamp;

/// The points in an alarm's `StateReasonData`, oldest first. Nothing where it has none, or is not what it is known to be.
pub fn evaluated(data: &str) -> Vec<Evaluated> {
    let Ok(data) = serde_json::from_str::<Value>(data) else { return Vec::new() };
    let points = data.get("evaluatedDatapoints").and_then(Value::as_array);
    let mut points: Vec<Evaluated> = points.into_iter().flatten().filter_map(point).collect();
    points.sort_by_key(|point| point.at);
    points
}

fn point(point: &Value) -> Option<Evaluated> {
    let text = point.get("timestamp")?.as_str()?;
    let at = text.parse::<jiff::Timestamp>().ok()?;
    let value = point.get("value").and_then(Value::as_f64).filter(|value| value.is_finite());
    Some(Evaluated { at: Timestamp::from_millis(at.as_millisecond()), value })
}

/// Why an alarm is in this state: what was measured, its limit, and how often it was beyond. `reason` is CloudWatch's
/// sentence, which stands where nothing better can be said.
pub fn explain(state: AlarmWord, reason: &str, setup: &Setup) -> String {
    if state == AlarmWord::Missing {
        return "there is no such alarm: it was deleted, or the configuration misspells it".to_owned();
    }
    if reason.starts_with("Unchecked: Initial alarm creation") {
        return "new: CloudWatch has not looked at it yet".to_owned();
    }
    match &setup.rule {
        Rule::Metric(condition) if is_cloudwatchs_own(reason) => of_metric(state, reason, condition, &setup.evaluated),
        Rule::Composite { .. } if is_cloudwatchs_own(reason) => {
            let whether = if state == AlarmWord::Firing { "holds" } else { "does not hold" };
            format!("its rule {whether}")
        }
        Rule::Metric(_) | Rule::Composite { .. } => format!("set by hand: {}", or_nothing(reason)),
        Rule::Unknown => or_nothing(reason).to_owned(),
    }
}

fn or_nothing(reason: &str) -> &str {
    if reason.trim().is_empty() { "no reason given" } else { reason }
}

/// Whether CloudWatch itself gave this reason. Whoever sets a state by hand writes what they like.
fn is_cloudwatchs_own(reason: &str) -> bool {
    const BEGINNINGS: [&str; 5] =
        ["Threshold Crossed", "Thresholds Crossed", "Insufficient Data", "Unchecked", "The composite alarm"];
    // A composite alarm names the child that turned.
    BEGINNINGS.iter().any(|beginning| reason.starts_with(beginning))
        || (reason.starts_with("arn:") && reason.contains(" transitioned to "))
}

fn of_metric(state: AlarmWord, reason: &str, condition: &Condition, points: &[Evaluated]) -> String {
    let title = condition.of.title();
    let values: Vec<f64> = points.iter().filter_map(|point| point.value).collect();
    let Some(newest) = values.last().copied() else { return of_silence(state, reason, condition) };
    let amount = |value: f64| condition.of.amount(value);
    let breaches = |value: &&f64| condition.comparison.breaches(**value, condition.threshold);
    let beyond = values.iter().filter(breaches).count();
    match (state, condition.threshold) {
        (AlarmWord::Firing, Some(threshold)) if beyond > 0 => {
            let worst = worst(condition.comparison, &values);
            let mut text = format!(
                "{title} is {} {}: {beyond} of the last {} points ({} each), newest {}",
                word(condition.comparison),
                amount(threshold),
                values.len(),
                span(condition.period),
                amount(newest),
            );
            if (worst - newest).abs() > f64::EPSILON {
                text.push_str(&format!(", worst {}", amount(worst)));
            }
            text
        }
        (AlarmWord::Firing, None) => format!("{title} is outside of its band, newest {}", amount(newest)),
        (AlarmWord::InsufficientData, _) => of_silence(state, reason, condition),
        (_, Some(threshold)) => {
            let needed = if beyond > 0 {
                format!(", {beyond} of the {} breaches that it takes", condition.breaches)
            } else {
                String::new()
            };
            format!("{title} {} of {} {}{needed}", amount(newest), allowed(condition.comparison), amount(threshold))
        }
        (_, None) => format!("{title} {} within its band", amount(newest)),
    }
}

/// What an alarm makes of no points at all.
fn of_silence(state: AlarmWord, reason: &str, condition: &Condition) -> String {
    let title = condition.of.title();
    let whole = span(condition.period.saturating_mul(condition.periods));
    match (state, condition.missing) {
        (AlarmWord::InsufficientData, _) => format!("no points of {title} to judge by for {whole}"),
        (AlarmWord::Firing, Missing::Breaching) => {
            format!("no points of {title} for {whole}, and silence counts as a breach")
        }
        (AlarmWord::Ok, Missing::NotBreaching) => {
            format!("no points of {title} for {whole}, and silence counts as fine")
        }
        (_, Missing::Ignore) => format!("no points of {title} for {whole}: it stays as it was"),
        _ => or_nothing(reason).to_owned(),
    }
}

fn worst(comparison: Comparison, values: &[f64]) -> f64 {
    let values = values.iter().copied();
    match comparison {
        Comparison::Below | Comparison::AtMost => values.fold(f64::INFINITY, f64::min),
        Comparison::Above | Comparison::AtLeast | Comparison::OutsideBand => values.fold(f64::NEG_INFINITY, f64::max),
    }
}

fn word(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Above => "above",
        Comparison::AtLeast => "at or above",
        Comparison::Below => "below",
        Comparison::AtMost => "at or below",
        Comparison::OutsideBand => "outside of",
    }
}

/// What does not breach.
fn allowed(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Above => "at most",
        Comparison::AtLeast => "less than",
        Comparison::Below => "at least",
        Comparison::AtMost => "more than",
        Comparison::OutsideBand => "within",
    }
}

/// `30 s`, `5 min`, `2 h`.
fn span(span: Duration) -> String {
    match span.as_secs() {
        secs if secs >= 3_600 && secs.is_multiple_of(3_600) => format!("{} h", secs / 3_600),
        secs if secs >= 60 && secs.is_multiple_of(60) => format!("{} min", secs / 60),
        secs => format!("{secs} s"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::formula::{Formula, Metric};
    use crate::domain::ids::AlarmName;

    const CROSSED: &str = "Threshold Crossed: 3 out of the last 3 datapoints [2.1 (20/11/26 10:16:00)] were greater \
                           than the threshold (1.0) (minimum 3 datapoints for OK -> ALARM transition).";

    fn setup(missing: Missing, values: &[Option<f64>]) -> Setup {
        let metric = Metric {
            namespace: "AWS/ApplicationELB".to_owned(),
            name: "TargetResponseTime".to_owned(),
            dimensions: BTreeMap::new(),
            statistic: "p99".to_owned(),
        };
        let condition = Condition {
            of: Formula::Metric(metric),
            comparison: Comparison::Above,
            threshold: Some(1.0),
            breaches: 3,
            periods: 5,
            period: Duration::from_mins(1),
            missing,
        };
        let point =
            |(minute, value): (i64, &Option<f64>)| Evaluated { at: Timestamp::from_secs(60 * minute), value: *value };
        Setup {
            rule: Rule::Metric(Box::new(condition)),
            evaluated: (0_i64..).zip(values).map(point).collect(),
            ..Setup::default()
        }
    }

    #[test]
    fn cloudwatchs_figures_become_a_sentence_with_metric_limit_and_points() {
        let values = [Some(0.4), None, Some(2.1), Some(1.9), Some(1.84)];
        assert_eq!(
            explain(AlarmWord::Firing, CROSSED, &setup(Missing::Missing, &values)),
            "TargetResponseTime p99 is above 1 s: 3 of the last 4 points (1 min each), newest 1.84 s, worst 2.1 s"
        );
        assert_eq!(
            explain(AlarmWord::Ok, CROSSED, &setup(Missing::Missing, &[Some(0.4), Some(1.2), Some(0.3)])),
            "TargetResponseTime p99 300 ms of at most 1 s, 1 of the 3 breaches that it takes"
        );
    }

    #[test]
    fn silence_is_named_with_what_it_counts_as() {
        let said = |state, missing| explain(state, "Threshold Crossed: no datapoints", &setup(missing, &[]));
        assert_eq!(
            said(AlarmWord::Firing, Missing::Breaching),
            "no points of TargetResponseTime p99 for 5 min, and silence counts as a breach"
        );
        assert!(said(AlarmWord::Ok, Missing::NotBreaching).ends_with("silence counts as fine"));
        assert!(said(AlarmWord::InsufficientData, Missing::Missing).contains("to judge by for 5 min"));
    }

    #[test]
    fn what_somebody_set_by_hand_and_what_is_not_known_keep_their_words() {
        let by_hand = explain(AlarmWord::Firing, "fire drill", &setup(Missing::Missing, &[Some(0.1)]));
        assert_eq!(by_hand, "set by hand: fire drill");
        assert_eq!(explain(AlarmWord::Firing, CROSSED, &Setup::default()), CROSSED);
        assert_eq!(explain(AlarmWord::Ok, " ", &Setup::default()), "no reason given");
        let rule = Rule::Composite { formula: "ALARM(a)".to_owned(), children: vec![AlarmName::from("a")] };
        let turned = "arn:aws:cloudwatch:eu-west-1:1:alarm:a transitioned to ALARM at Friday 20 November, 2026";
        assert_eq!(explain(AlarmWord::Firing, turned, &Setup { rule, ..Setup::default() }), "its rule holds");
    }

    #[test]
    fn points_are_read_from_what_cloudwatch_sends_and_nothing_from_what_it_does_not() {
        let data = r#"{"version":"1.0","evaluatedDatapoints":[
            {"timestamp":"2026-11-20T10:16:00.000+0000","sampleCount":5.0,"value":7.8},
            {"timestamp":"2026-11-20T10:14:00.000+0000"},{"timestamp":"later","value":1}]}"#;
        let points = evaluated(data);
        let values: Vec<_> = points.iter().map(|point| point.value).collect();
        assert_eq!(values, [None, Some(7.8)]);
        assert_eq!(points[1].at.since(points[0].at), Duration::from_mins(2));
        for nothing in ["", "{}", "[]", "{\"evaluatedDatapoints\":3}"] {
            assert_eq!(evaluated(nothing), [], "{nothing}");
        }
    }
}
