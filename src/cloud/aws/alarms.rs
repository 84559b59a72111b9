//! CloudWatch alarms by name, metric and composite alike.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    AlarmType, ComparisonOperator, CompositeAlarm, Metric as SdkMetric, MetricAlarm, MetricDataQuery, MetricStat,
    StateValue, Statistic,
};

use super::Aws;
use super::errors::during;
use crate::cloud::{Alarm, AlarmState, CloudError, Roll};
use crate::domain::alarm::{Comparison, Condition, Missing, Quiet, Rule, Setup, children, evaluated};
use crate::domain::formula::{Formula, Metric, Part, Term};
use crate::domain::ids::AlarmName;
use crate::domain::time::Timestamp;

const DESCRIBE: &str = "cloudwatch:DescribeAlarms";

/// Most names that CloudWatch takes by one call, and most alarms that it answers.
const BATCH: usize = 100;

/// The state of these alarms, in the order asked for.
pub(super) async fn alarms(aws: &Aws, names: &[AlarmName]) -> Result<Vec<Alarm>, CloudError> {
    let mut found = HashMap::new();
    for batch in names.chunks(BATCH) {
        let names = batch.iter().map(|name| name.0.clone()).collect();
        for alarm in described(aws, Some(names), usize::MAX).await?.alarms {
            found.insert(alarm.name.clone(), alarm);
        }
    }
    Ok(names.iter().map(|name| found.get(name).cloned().unwrap_or_else(|| missing(name))).collect())
}

/// Every alarm of the region, at most so many.
pub(super) async fn every(aws: &Aws, most: usize) -> Result<Roll, CloudError> {
    described(aws, None, most).await
}

async fn described(aws: &Aws, names: Option<Vec<String>>, most: usize) -> Result<Roll, CloudError> {
    let call = aws
        .cloudwatch
        .describe_alarms()
        .set_alarm_names(names)
        // Without its type named, a composite alarm is left out.
        .alarm_types(AlarmType::MetricAlarm)
        .alarm_types(AlarmType::CompositeAlarm)
        .max_records(100);
    let mut pages = call.into_paginator().send();
    let mut roll = Roll::default();
    while let Some(page) = pages.next().await {
        let page = page.map_err(during(DESCRIBE))?;
        roll.alarms.extend(page.metric_alarms.unwrap_or_default().into_iter().filter_map(of_metric));
        roll.alarms.extend(page.composite_alarms.unwrap_or_default().into_iter().filter_map(of_composite));
        if roll.alarms.len() >= most {
            roll.is_cut = page.next_token.is_some();
            break;
        }
    }
    Ok(roll)
}

fn of_metric(it: MetricAlarm) -> Option<Alarm> {
    let since = it.state_transitioned_timestamp.or(it.state_updated_timestamp);
    let setup = Setup {
        description: it.alarm_description.clone().filter(|text| !text.is_empty()),
        quiet: (it.actions_enabled == Some(false)).then_some(Quiet::SwitchedOff),
        actions: it.alarm_actions().to_vec(),
        evaluated: evaluated(it.state_reason_data().unwrap_or_default()),
        rule: Rule::Metric(Box::new(condition(&it))),
    };
    alarm(it.alarm_name, it.state_value.as_ref(), since, it.state_reason, setup)
}

fn condition(it: &MetricAlarm) -> Condition {
    let comparison = match it.comparison_operator() {
        Some(ComparisonOperator::GreaterThanOrEqualToThreshold) => Comparison::AtLeast,
        Some(ComparisonOperator::LessThanThreshold) => Comparison::Below,
        Some(ComparisonOperator::LessThanOrEqualToThreshold) => Comparison::AtMost,
        Some(ComparisonOperator::GreaterThanThreshold) => Comparison::Above,
        // The others are those of anomaly detection.
        Some(_) | None => Comparison::OutsideBand,
    };
    let of = if it.metrics().is_empty() { Formula::Metric(metric_of(it)) } else { math(it.metrics()) };
    let longest = it.metrics().iter().filter_map(|query| query.metric_stat()?.period().or(query.period())).max();
    let periods = natural(it.evaluation_periods()).max(1);
    Condition {
        of,
        comparison,
        threshold: it.threshold().filter(|_| comparison != Comparison::OutsideBand),
        breaches: it.datapoints_to_alarm().map_or(periods, |points| natural(Some(points))),
        periods,
        period: Duration::from_secs(u64::from(natural(it.period().or(longest)).max(1))),
        missing: match it.treat_missing_data() {
            Some("breaching") => Missing::Breaching,
            Some("notBreaching") => Missing::NotBreaching,
            Some("ignore") => Missing::Ignore,
            Some(_) | None => Missing::Missing,
        },
    }
}

fn natural(number: Option<i32>) -> u32 {
    number.and_then(|number| u32::try_from(number).ok()).unwrap_or_default()
}

fn metric_of(it: &MetricAlarm) -> Metric {
    let statistic = it.statistic().map(Statistic::as_str).or(it.extended_statistic());
    Metric {
        namespace: it.namespace().unwrap_or_default().to_owned(),
        name: it.metric_name().unwrap_or_default().to_owned(),
        dimensions: dimensions(it.dimensions()),
        statistic: statistic.unwrap_or_default().to_owned(),
    }
}

fn dimensions(of: &[aws_sdk_cloudwatch::types::Dimension]) -> std::collections::BTreeMap<String, String> {
    let pair = |it: &aws_sdk_cloudwatch::types::Dimension| Some((it.name()?.to_owned(), it.value()?.to_owned()));
    of.iter().filter_map(pair).collect()
}

fn math(queries: &[MetricDataQuery]) -> Formula {
    let term = |query: &MetricDataQuery| match (query.metric_stat(), query.expression()) {
        (Some(stat), _) => Some(of_stat(stat)),
        (None, Some(expression)) => Some(Term::Expression(expression.to_owned())),
        (None, None) => None,
    };
    let part = |query: &MetricDataQuery| {
        Some(Part {
            id: query.id()?.to_owned(),
            label: query.label().map(str::to_owned),
            // A part whose answer is wanted is the one that is compared.
            is_result: query.return_data().unwrap_or(true),
            is: term(query)?,
        })
    };
    Formula::Math(queries.iter().filter_map(part).collect())
}

fn of_stat(stat: &MetricStat) -> Term {
    let metric = stat.metric();
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Term::Metric {
        metric: Metric {
            namespace: text(metric.and_then(|metric| metric.namespace())),
            name: text(metric.and_then(|metric| metric.metric_name())),
            dimensions: dimensions(metric.map(SdkMetric::dimensions).unwrap_or_default()),
            statistic: text(stat.stat()),
        },
        period: Duration::from_secs(u64::from(natural(stat.period()).max(1))),
    }
}

fn of_composite(it: CompositeAlarm) -> Option<Alarm> {
    let since = it.state_transitioned_timestamp.or(it.state_updated_timestamp);
    let formula = it.alarm_rule().unwrap_or_default().to_owned();
    let suppressor = it.actions_suppressor().map(|name| name.rsplit(':').next().unwrap_or(name));
    // What it is suppressed by is only said while it is.
    let suppressed = it.actions_suppressed_by().zip(suppressor).map(|(by, suppressor)| Quiet::Suppressed {
        by: AlarmName(suppressor.to_owned()),
        why: it.actions_suppressed_reason().unwrap_or(by.as_str()).to_owned(),
    });
    let setup = Setup {
        description: it.alarm_description.clone().filter(|text| !text.is_empty()),
        quiet: if it.actions_enabled == Some(false) { Some(Quiet::SwitchedOff) } else { suppressed },
        actions: it.alarm_actions().to_vec(),
        evaluated: Vec::new(),
        rule: Rule::Composite { children: children(&formula), formula },
    };
    alarm(it.alarm_name, it.state_value.as_ref(), since, it.state_reason, setup)
}

fn alarm(
    name: Option<String>,
    state: Option<&StateValue>,
    since: Option<DateTime>,
    reason: Option<String>,
    setup: Setup,
) -> Option<Alarm> {
    Some(Alarm {
        name: AlarmName(name?),
        state: state_of(state),
        since: since.and_then(|at| at.to_millis().ok()).map(Timestamp::from_millis),
        reason: reason.unwrap_or_default(),
        setup,
    })
}

pub(super) fn state_of(state: Option<&StateValue>) -> AlarmState {
    match state {
        Some(StateValue::Ok) => AlarmState::Ok,
        Some(StateValue::Alarm) => AlarmState::Alarm,
        Some(StateValue::InsufficientData) => AlarmState::InsufficientData,
        Some(_) | None => AlarmState::Unknown,
    }
}

fn missing(name: &AlarmName) -> Alarm {
    let reason = format!("there is no alarm `{name}`");
    Alarm { name: name.clone(), state: AlarmState::Missing, since: None, reason, setup: Setup::default() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cloud::Cloud as _;
    use crate::cloud::aws::testing::{Script, cbor};

    #[tokio::test(start_paused = true)]
    async fn metric_and_composite_alarms_of_all_pages_come_in_the_order_asked_for() {
        let first = json!({
            "MetricAlarms": [{ "AlarmName": "errors", "StateValue": "ALARM", "StateReason": "Threshold Crossed",
                "StateUpdatedTimestamp": "@1795161500", "StateTransitionedTimestamp": "@1795161400" }],
            "CompositeAlarms": [{ "AlarmName": "any", "StateValue": "OK", "StateUpdatedTimestamp": "@1795161300" }],
            "NextToken": "more",
        });
        let second = json!({ "MetricAlarms": [{ "AlarmName": "latency", "StateValue": "INSUFFICIENT_DATA" },
            { "AlarmName": "future", "StateValue": "PONDERING" }] });
        let script = Script::new()
            .on("DescribeAlarms MetricAlarm CompositeAlarm", cbor(&first))
            .on("DescribeAlarms MetricAlarm CompositeAlarm", cbor(&second));
        let names = ["any", "gone", "future", "latency", "errors"].map(AlarmName::from);
        let alarms = script.aws().alarms(&names).await.unwrap();
        let states: Vec<_> = alarms.iter().map(|alarm| (alarm.name.as_str(), alarm.state)).collect();
        assert_eq!(
            states,
            [
                ("any", AlarmState::Ok),
                ("gone", AlarmState::Missing),
                ("future", AlarmState::Unknown),
                ("latency", AlarmState::InsufficientData),
                ("errors", AlarmState::Alarm),
            ]
        );
        // Since it changed, not since it was last looked at.
        assert_eq!(alarms[4].since, Some(Timestamp::from_secs(1_795_161_400)));
        assert_eq!(alarms[0].since, Some(Timestamp::from_secs(1_795_161_300)));
    }

    #[tokio::test(start_paused = true)]
    async fn no_names_ask_nothing_and_many_are_asked_for_in_hundreds() {
        let script = Script::new().on("DescribeAlarms", cbor(&json!({})));
        let aws = script.aws();
        // Without names, CloudWatch would show every alarm of the account.
        assert_eq!(aws.alarms(&[]).await.unwrap(), []);
        assert_eq!(script.count(), 0);
        let names: Vec<AlarmName> = (0..201).map(|index| AlarmName(format!("alarm-{index}"))).collect();
        assert_eq!(aws.alarms(&names).await.unwrap().len(), 201);
        assert_eq!(script.count(), 3);
    }
}
