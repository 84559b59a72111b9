//! Why an alarm is in its state, in CloudWatch's words.

use serde_json::json;

use super::evaluate::{Verdict, period_of};
use super::{AlarmSource, AlarmState, Comparison, MetricCondition, MissingData};
use crate::domain::time::Timestamp;
use crate::sim::world::logs::iso;

/// The sentence in `StateReason`.
pub(super) fn sentence(condition: &MetricCondition, verdict: &Verdict, before: AlarmState) -> String {
    let Verdict { state, points, breaching, missing } = verdict;
    if *state == AlarmState::InsufficientData {
        return format!(
            "Insufficient Data: {missing} datapoint{} unknown.",
            if *missing == 1 { " was" } else { "s were" }
        );
    }
    let crossed = *state == AlarmState::Alarm;
    if points.is_empty() {
        let treated = if condition.treat_missing_data == MissingData::Breaching { "Breaching" } else { "NonBreaching" };
        return format!(
            "Threshold Crossed: no datapoints were received for {missing} periods and {missing} missing datapoints were \
             treated as [{treated}]."
        );
    }
    let count = if crossed { *breaching } else { points.len() - breaching };
    let listed = points.iter().filter(|(_, value)| crossed == compares(condition, *value));
    let listed: Vec<String> = listed.map(|(at, value)| format!("{value:?} ({})", minute(*at))).collect();
    let verb = if count == 1 { "was" } else { "were" };
    let not = if crossed { "" } else { " not" };
    let than = match condition.comparison {
        Comparison::GreaterThan => "greater than",
        Comparison::GreaterOrEqual => "greater than or equal to",
        Comparison::LessThan => "less than",
        Comparison::LessOrEqual => "less than or equal to",
    };
    let needed = if crossed {
        condition.datapoints_to_alarm
    } else {
        condition.evaluation_periods - condition.datapoints_to_alarm + 1
    };
    format!(
        "Threshold Crossed: {count} out of the last {} datapoints [{}] {verb}{not} {than} the threshold ({:?}) (minimum \
         {needed} datapoint{} for {} -> {} transition).",
        points.len(),
        listed.join(", "),
        condition.threshold,
        if needed == 1 { "" } else { "s" },
        before.as_str(),
        state.as_str(),
    )
}

fn compares(condition: &MetricCondition, value: f64) -> bool {
    match condition.comparison {
        Comparison::GreaterThan => value > condition.threshold,
        Comparison::GreaterOrEqual => value >= condition.threshold,
        Comparison::LessThan => value < condition.threshold,
        Comparison::LessOrEqual => value <= condition.threshold,
    }
}

/// The JSON in `StateReasonData`.
pub(super) fn data(condition: &MetricCondition, verdict: &Verdict, at: Timestamp) -> String {
    let start = verdict.points.last().map_or(at, |(at, _)| *at);
    let statistic = match &condition.source {
        AlarmSource::Stat(stat) => Some(stat.stat.as_str()),
        AlarmSource::Math(_) => None,
    };
    let oldest_first = || verdict.points.iter().rev();
    let evaluated: Vec<_> =
        verdict.points.iter().map(|(at, value)| json!({"timestamp": stamp(*at), "value": value})).collect();
    json!({
        "version": "1.0",
        "queryDate": stamp(at),
        "startDate": stamp(start),
        "statistic": statistic,
        "period": period_of(condition).as_secs(),
        "recentDatapoints": oldest_first().map(|(_, value)| *value).collect::<Vec<_>>(),
        "threshold": condition.threshold,
        "evaluatedDatapoints": evaluated,
    })
    .to_string()
}

/// `2026-11-20T10:14:00.000+0000`.
fn stamp(at: Timestamp) -> String {
    iso(at).replace('Z', "+0000")
}

/// `20/11/26 10:14:00`.
fn minute(at: Timestamp) -> String {
    let text = iso(at);
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default().to_owned();
    format!("{}/{}/{} {}", part(8..10), part(5..7), part(2..4), part(11..19))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::world::metrics::{MetricId, MetricStat};

    #[test]
    fn the_sentence_reads_like_cloudwatchs() {
        let metric = MetricId::new("App", "x", &[]);
        let condition = MetricCondition {
            source: AlarmSource::Stat(MetricStat { metric, period: 60, stat: "Average".to_owned() }),
            comparison: Comparison::GreaterThan,
            threshold: 5.0,
            evaluation_periods: 3,
            datapoints_to_alarm: 2,
            treat_missing_data: MissingData::Missing,
        };
        let at = |minute: i64| Timestamp::from_secs(1_795_169_640 + minute * 60);
        let points = vec![(at(2), 7.8), (at(1), 1.0), (at(0), 7.2)];
        let verdict = Verdict { state: AlarmState::Alarm, points, breaching: 2, missing: 0 };
        assert_eq!(
            sentence(&condition, &verdict, AlarmState::Ok),
            "Threshold Crossed: 2 out of the last 3 datapoints [7.8 (20/11/26 10:16:00), 7.2 (20/11/26 10:14:00)] were \
             greater than the threshold (5.0) (minimum 2 datapoints for OK -> ALARM transition)."
        );
    }
}
