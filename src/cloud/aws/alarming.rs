//! What alarms went through, what mutes them, and the points that they look at.

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    AlarmHistoryItem, AlarmMuteRuleStatus, AlarmType, ComparisonOperator, Dimension, HistoryItemType,
    Metric as SdkMetric, MetricDataQuery, MetricStat, MuteTargets, ScanBy, Statistic,
};
use serde_json::Value;

use super::Aws;
use super::errors::{during, unexpected};
use crate::cloud::{CloudError, Past, Span};
use crate::domain::alarm::{Comparison, Definition, Missing, Transition};
use crate::domain::formula::{Formula, Metric, Term};
use crate::domain::ids::AlarmName;
use crate::domain::observed::AlarmWord;
use crate::domain::time::Timestamp;

const HISTORY: &str = "cloudwatch:DescribeAlarmHistory";
const RULES: &str = "cloudwatch:ListAlarmMuteRules";
const RULE: &str = "cloudwatch:GetAlarmMuteRule";
const POINTS: &str = "cloudwatch:GetMetricData";
const PUT: &str = "cloudwatch:PutMetricAlarm";
const DELETE: &str = "cloudwatch:DeleteAlarms";

/// Items of an alarm's history that CloudWatch answers at most by one call.
const ITEMS: i32 = 100;

/// Mute rules that are looked into: each costs a call.
const MOST_RULES: usize = 10;

/// Changes of state, newest first, as far as one answer goes.
pub(super) async fn transitions(aws: &Aws, of: Option<&AlarmName>, since: Timestamp) -> Result<Past, CloudError> {
    let call = aws
        .cloudwatch
        .describe_alarm_history()
        .set_alarm_name(of.map(|name| name.0.clone()))
        .alarm_types(AlarmType::MetricAlarm)
        .alarm_types(AlarmType::CompositeAlarm)
        .history_item_type(HistoryItemType::StateUpdate)
        .start_date(DateTime::from_millis(since.millis()))
        .scan_by(ScanBy::TimestampDescending)
        .max_records(ITEMS);
    let answer = call.send().await.map_err(during(HISTORY))?;
    let transitions: Vec<Transition> = answer.alarm_history_items().iter().filter_map(transition).collect();
    let oldest = transitions.last().map(|transition| transition.at).filter(|_| answer.next_token.is_some());
    Ok(Past { transitions, known_since: oldest.unwrap_or(since) })
}

fn transition(item: &AlarmHistoryItem) -> Option<Transition> {
    let at = item.timestamp().and_then(|at| at.to_millis().ok()).map(Timestamp::from_millis)?;
    let data: Value = serde_json::from_str(item.history_data()?).ok()?;
    let part = |state: &str, name: &str| data.get(state)?.get(name)?.as_str();
    Some(Transition {
        alarm: AlarmName(item.alarm_name()?.to_owned()),
        at,
        from: word(part("oldState", "stateValue")?),
        to: word(part("newState", "stateValue")?),
        reason: part("newState", "stateReason").unwrap_or_default().to_owned(),
    })
}

fn word(state: &str) -> AlarmWord {
    match state {
        "OK" => AlarmWord::Ok,
        "ALARM" => AlarmWord::Firing,
        "INSUFFICIENT_DATA" => AlarmWord::InsufficientData,
        _ => AlarmWord::Unknown,
    }
}

/// Alarms that a rule in force mutes, each with the rule's name.
pub(super) async fn muted(aws: &Aws) -> Result<Vec<(AlarmName, String)>, CloudError> {
    let call = aws.cloudwatch.list_alarm_mute_rules().statuses(AlarmMuteRuleStatus::Active).max_records(100);
    let rules = call.send().await.map_err(during(RULES))?;
    let mut muted = Vec::new();
    for rule in rules.alarm_mute_rule_summaries().iter().take(MOST_RULES) {
        let Some(name) = rule.alarm_mute_rule_arn().and_then(|arn| arn.rsplit(':').next()) else { continue };
        let found = aws.cloudwatch.get_alarm_mute_rule().alarm_mute_rule_name(name).send().await;
        let found = found.map_err(during(RULE))?;
        let names = found.mute_targets().map(MuteTargets::alarm_names).unwrap_or_default();
        muted.extend(names.iter().map(|alarm| (AlarmName(alarm.clone()), name.to_owned())));
    }
    Ok(muted)
}

/// Creates or replaces an alarm.
pub(super) async fn put(aws: &Aws, alarm: &Definition) -> Result<(), CloudError> {
    let condition = &alarm.condition;
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let period = i32::try_from(condition.period.as_secs()).unwrap_or(60);
    let call = aws
        .cloudwatch
        .put_metric_alarm()
        .alarm_name(alarm.name.as_str())
        .alarm_description(&alarm.description)
        .actions_enabled(true)
        .set_alarm_actions(Some(alarm.actions.clone()))
        .set_ok_actions(Some(alarm.actions.clone()))
        .set_threshold(condition.threshold)
        .evaluation_periods(number(condition.periods))
        .datapoints_to_alarm(number(condition.breaches))
        .comparison_operator(match condition.comparison {
            Comparison::Above => ComparisonOperator::GreaterThanThreshold,
            Comparison::AtLeast => ComparisonOperator::GreaterThanOrEqualToThreshold,
            Comparison::Below => ComparisonOperator::LessThanThreshold,
            Comparison::AtMost => ComparisonOperator::LessThanOrEqualToThreshold,
            Comparison::OutsideBand => ComparisonOperator::LessThanLowerOrGreaterThanUpperThreshold,
        })
        .treat_missing_data(match condition.missing {
            Missing::Breaching => "breaching",
            Missing::NotBreaching => "notBreaching",
            Missing::Ignore => "ignore",
            Missing::Missing => "missing",
        });
    let call = match &condition.of {
        Formula::Metric(metric) => {
            let call = call.namespace(&metric.namespace).metric_name(&metric.name).period(period);
            let call = call.set_dimensions(Some(dimensions(metric)));
            // The five plain statistics have a member of their own.
            match Statistic::try_parse(&metric.statistic) {
                Ok(statistic) => call.statistic(statistic),
                Err(_) => call.extended_statistic(&metric.statistic),
            }
        }
        Formula::Math(parts) => {
            let mut queries = queries(&condition.of, period);
            for (query, part) in queries.iter_mut().zip(parts) {
                query.label.clone_from(&part.label);
            }
            call.set_metrics(Some(queries))
        }
    };
    call.send().await.map_err(during(PUT))?;
    Ok(())
}

/// Deletes an alarm.
pub(super) async fn delete(aws: &Aws, alarm: &AlarmName) -> Result<(), CloudError> {
    aws.cloudwatch.delete_alarms().alarm_names(alarm.as_str()).send().await.map_err(during(DELETE))?;
    Ok(())
}

/// The points of a formula, oldest first.
pub(super) async fn points(aws: &Aws, of: &Formula, span: Span) -> Result<Vec<(Timestamp, f64)>, CloudError> {
    let period = i32::try_from(span.period.as_secs()).ok().filter(|secs| *secs > 0);
    let period = period.ok_or_else(|| unexpected(POINTS, "a period must be whole seconds, one or more"))?;
    let (from, to) = (span.from.floor_to(span.period), span.to.floor_to(span.period));
    if from >= to {
        return Ok(Vec::new());
    }
    let call = aws
        .cloudwatch
        .get_metric_data()
        .set_metric_data_queries(Some(queries(of, period)))
        .start_time(DateTime::from_millis(from.millis()))
        .end_time(DateTime::from_millis(to.millis()))
        .scan_by(ScanBy::TimestampAscending);
    let mut pages = call.into_paginator().send();
    let mut points = Vec::new();
    while let Some(page) = pages.next().await {
        for result in page.map_err(during(POINTS))?.metric_data_results.unwrap_or_default() {
            let moments = result.timestamps().iter().zip(result.values());
            let point = |(at, value): (&DateTime, &f64)| Some((Timestamp::from_millis(at.to_millis().ok()?), *value));
            points.extend(moments.filter_map(point).filter(|(_, value)| value.is_finite()));
        }
    }
    points.sort_by_key(|(at, _)| *at);
    Ok(points)
}

/// A formula as CloudWatch is asked for it; one metric alone is asked for in periods of `period` seconds, the parts of
/// metric math in their own, since the limit is about those.
fn queries(of: &Formula, period: i32) -> Vec<MetricDataQuery> {
    match of {
        Formula::Metric(metric) => {
            vec![MetricDataQuery::builder().id("m1").metric_stat(stat(metric, period)).build()]
        }
        Formula::Math(parts) => parts
            .iter()
            .map(|part| {
                let query = MetricDataQuery::builder().id(&part.id).return_data(part.is_result);
                match &part.is {
                    Term::Metric { metric, period: own } => {
                        let own = i32::try_from(own.as_secs()).unwrap_or(period).max(period);
                        query.metric_stat(stat(metric, own)).build()
                    }
                    Term::Expression(expression) => query.expression(expression).period(period).build(),
                }
            })
            .collect(),
    }
}

fn dimensions(metric: &Metric) -> Vec<Dimension> {
    let dimension = |(name, value): (&String, &String)| Dimension::builder().name(name).value(value).build();
    metric.dimensions.iter().map(dimension).collect()
}

/// One statistic of a metric, in periods of so many seconds.
pub(super) fn stat(metric: &Metric, period: i32) -> MetricStat {
    let of = SdkMetric::builder()
        .namespace(&metric.namespace)
        .metric_name(&metric.name)
        .set_dimensions(Some(dimensions(metric)))
        .build();
    MetricStat::builder().metric(of).period(period).stat(&metric.statistic).build()
}
