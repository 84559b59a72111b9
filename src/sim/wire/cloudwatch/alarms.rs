//! Alarms, their history and their states.

use super::super::input::Input;
use super::super::page::page;
use super::super::service::Service;
use super::super::value::{Fields, Value};
use super::{dimensions_shown, metric, metric_id, period, queries, scan_by};
use crate::sim::world::alarms::{
    Alarm, AlarmDefinition, AlarmRule, AlarmSource, AlarmState, AlarmType, Comparison, DescribeAlarmHistory,
    DescribeAlarms, HistoryItem, HistoryType, MetricCondition, MissingData, MuteRule, Suppressor,
};
use crate::sim::world::metrics::{MetricQuery, MetricStat, QuerySource};
use crate::sim::world::{ApiError, ApiResult, World};

/// The statistics that have a member of their own; all others are extended ones.
const STATISTICS: [&str; 5] = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"];

pub(super) fn call(world: &mut World, operation: &str, input: Input<'_>) -> ApiResult<Value> {
    match operation {
        "DescribeAlarms" => {
            let found = world.describe_alarms(&alarms_wanted(input)?)?;
            let size = input.count("MaxRecords", 1..=100)?.unwrap_or(50);
            let (shown, next) = page(Service::CloudWatch, operation, found, input.text("NextToken")?, size)?;
            let (composite, metric): (Vec<_>, Vec<_>) =
                shown.into_iter().partition(|it| matches!(it.definition.rule, AlarmRule::Composite(_)));
            Ok(Fields::new()
                .with(
                    "CompositeAlarms",
                    Value::list(composite.into_iter().map(|it| composite_alarm(world, it)).collect::<Vec<_>>()),
                )
                .with("MetricAlarms", Value::list(metric.into_iter().map(alarm)))
                .maybe("NextToken", next)
                .into())
        }
        "DescribeAlarmsForMetric" => {
            let found = world.describe_alarms_for_metric(&metric_id(input)?)?;
            Ok(Fields::new().with("MetricAlarms", Value::list(found.into_iter().map(alarm))).into())
        }
        "DescribeAlarmHistory" => {
            let found = world.describe_alarm_history(&history_wanted(input)?)?;
            let size = input.count("MaxRecords", 1..=100)?.unwrap_or(100);
            let (shown, next) = page(Service::CloudWatch, operation, found, input.text("NextToken")?, size)?;
            let items = shown.into_iter().map(history_item);
            Ok(Fields::new().with("AlarmHistoryItems", Value::list(items)).maybe("NextToken", next).into())
        }
        "PutMetricAlarm" => {
            let condition = AlarmRule::Metric(condition(input)?);
            world.put_alarm(definition(input, condition)?).map(|()| Value::nothing())
        }
        "PutCompositeAlarm" => {
            let rule = AlarmRule::Composite(input.required("AlarmRule")?.to_owned());
            let definition = AlarmDefinition { suppressor: suppressor(input)?, ..definition(input, rule)? };
            world.put_alarm(definition).map(|()| Value::nothing())
        }
        "SetAlarmState" => {
            let state = word(input, "StateValue", AlarmState::parse)?.ok_or_else(|| input.missing("StateValue"))?;
            let reason = input.text("StateReason")?.ok_or_else(|| input.missing("StateReason"))?;
            world
                .set_alarm_state(input.required("AlarmName")?, state, reason, input.text("StateReasonData")?)
                .map(|()| Value::nothing())
        }
        "ListAlarmMuteRules" => {
            // All of them are in force: those that are not are not simulated.
            let statuses = input.texts("Statuses")?;
            let is_wanted = statuses.is_empty() || statuses.iter().any(|status| status == "ACTIVE");
            let found = if is_wanted { world.list_alarm_mute_rules(input.text("AlarmName")?) } else { Vec::new() };
            let size = input.count("MaxRecords", 1..=100)?.unwrap_or(50);
            let (shown, next) = page(Service::CloudWatch, operation, found, input.text("NextToken")?, size)?;
            let summary = |rule: MuteRule| mute_rule(world, &rule).with("MuteType", "RECURRING");
            let summaries: Vec<Fields> = shown.into_iter().map(summary).collect();
            let summaries = Value::list(summaries);
            Ok(Fields::new().with("AlarmMuteRuleSummaries", summaries).maybe("NextToken", next).into())
        }
        "GetAlarmMuteRule" => {
            let name = input.required("AlarmMuteRuleName")?;
            let found = world.list_alarm_mute_rules(None).into_iter().find(|rule| rule.name == name);
            let rule = found.ok_or_else(|| {
                ApiError::not_found("ResourceNotFoundException", format!("Alarm mute rule {name} does not exist"))
            })?;
            let targets = Fields::new().with("AlarmNames", rule.alarms.clone());
            Ok(mute_rule(world, &rule).with("Name", rule.name.as_str()).with("MuteTargets", targets).into())
        }
        "PutAlarmMuteRule" => {
            let targets = input.member("MuteTargets").ok_or_else(|| input.missing("MuteTargets"))?;
            world.put_alarm_mute_rule(input.required("Name")?, targets.texts("AlarmNames")?);
            Ok(Value::nothing())
        }
        "DeleteAlarmMuteRule" => {
            world.delete_alarm_mute_rule(input.required("AlarmMuteRuleName")?);
            Ok(Value::nothing())
        }
        "DeleteAlarms" => world.delete_alarms(&names(input)?).map(|()| Value::nothing()),
        "EnableAlarmActions" => world.enable_alarm_actions(&names(input)?).map(|()| Value::nothing()),
        "DisableAlarmActions" => world.disable_alarm_actions(&names(input)?).map(|()| Value::nothing()),
        _ => Err(Service::CloudWatch.unknown_operation(operation)),
    }
}

fn names(input: Input<'_>) -> ApiResult<Vec<String>> {
    let names = input.texts("AlarmNames")?;
    if names.is_empty() {
        return Err(input.missing("AlarmNames"));
    }
    Ok(names)
}

/// One of the words that an enumeration knows.
fn word<T>(input: Input<'_>, name: &str, parse: fn(&str) -> Option<T>) -> ApiResult<Option<T>> {
    let Some(text) = input.text(name)? else { return Ok(None) };
    let unknown = || input.invalid(format!("The value {text} for parameter {name} is not supported."));
    parse(text).map(Some).ok_or_else(unknown)
}

fn alarms_wanted(input: Input<'_>) -> ApiResult<DescribeAlarms> {
    let types = input
        .texts("AlarmTypes")?
        .iter()
        .map(|it| AlarmType::parse(it).ok_or_else(|| input.invalid(format!("Unknown alarm type {it}"))))
        .collect::<ApiResult<_>>()?;
    Ok(DescribeAlarms {
        names: input.texts("AlarmNames")?,
        name_prefix: input.string("AlarmNamePrefix")?,
        state: word(input, "StateValue", AlarmState::parse)?,
        types,
    })
}

fn history_wanted(input: Input<'_>) -> ApiResult<DescribeAlarmHistory> {
    Ok(DescribeAlarmHistory {
        name: input.string("AlarmName")?,
        kind: word(input, "HistoryItemType", HistoryType::parse)?,
        start: input.time("StartDate")?,
        end: input.time("EndDate")?,
        scan_by: scan_by(input)?,
    })
}

fn definition(input: Input<'_>, rule: AlarmRule) -> ApiResult<AlarmDefinition> {
    Ok(AlarmDefinition {
        name: input.required("AlarmName")?.to_owned(),
        description: input.string("AlarmDescription")?,
        actions_enabled: input.flag("ActionsEnabled")?.unwrap_or(true),
        suppressor: None,
        ok_actions: input.texts("OKActions")?,
        alarm_actions: input.texts("AlarmActions")?,
        insufficient_data_actions: input.texts("InsufficientDataActions")?,
        rule,
    })
}

fn suppressor(input: Input<'_>) -> ApiResult<Option<Suppressor>> {
    let Some(alarm) = input.string("ActionsSuppressor")? else { return Ok(None) };
    let period = |name: &str| input.natural(name)?.ok_or_else(|| input.missing(name));
    let (wait, extension) = (period("ActionsSuppressorWaitPeriod")?, period("ActionsSuppressorExtensionPeriod")?);
    Ok(Some(Suppressor { alarm, wait, extension }))
}

fn mute_rule(world: &World, rule: &MuteRule) -> Fields {
    Fields::new()
        .with("AlarmMuteRuleArn", world.mute_rule_arn(&rule.name))
        .with("Status", "ACTIVE")
        .with("LastUpdatedTimestamp", rule.updated_at)
}

fn composite_alarm(world: &World, it: Alarm) -> Fields {
    let suppression = world.alarm_suppression(&it);
    let suppressor = it.definition.suppressor.clone();
    let shown = alarm(it);
    let shown = match suppressor {
        Some(suppressor) => shown
            .with("ActionsSuppressor", suppressor.alarm)
            .with("ActionsSuppressorWaitPeriod", suppressor.wait)
            .with("ActionsSuppressorExtensionPeriod", suppressor.extension),
        None => shown,
    };
    match suppression {
        Some(suppression) => {
            shown.with("ActionsSuppressedBy", suppression.by).with("ActionsSuppressedReason", suppression.reason)
        }
        None => shown,
    }
}

fn condition(input: Input<'_>) -> ApiResult<MetricCondition> {
    let math = queries(input, "Metrics")?;
    let source = if math.is_empty() {
        let stat = match input.text("Statistic")? {
            Some(stat) => stat,
            None => input.required("ExtendedStatistic")?,
        };
        AlarmSource::Stat(MetricStat { metric: metric_id(input)?, period: period(input)?, stat: stat.to_owned() })
    } else {
        AlarmSource::Math(math)
    };
    let evaluation_periods = input.natural("EvaluationPeriods")?.ok_or_else(|| input.missing("EvaluationPeriods"))?;
    let datapoints_to_alarm = input.natural("DatapointsToAlarm")?.unwrap_or(evaluation_periods);
    Ok(MetricCondition {
        source,
        comparison: word(input, "ComparisonOperator", Comparison::parse)?
            .ok_or_else(|| input.missing("ComparisonOperator"))?,
        threshold: input.float("Threshold")?.ok_or_else(|| input.missing("Threshold"))?,
        evaluation_periods,
        datapoints_to_alarm,
        treat_missing_data: word(input, "TreatMissingData", MissingData::parse)?.unwrap_or(MissingData::Missing),
    })
}

fn alarm(it: Alarm) -> Fields {
    let definition = it.definition;
    let reason_data = Some(it.state_reason_data).filter(|data| !data.is_empty());
    let shown = Fields::new()
        .with("AlarmName", definition.name)
        .with("AlarmArn", it.arn)
        .maybe("AlarmDescription", definition.description)
        .with("AlarmConfigurationUpdatedTimestamp", it.configuration_updated_at)
        .with("ActionsEnabled", definition.actions_enabled)
        .with("OKActions", definition.ok_actions)
        .with("AlarmActions", definition.alarm_actions)
        .with("InsufficientDataActions", definition.insufficient_data_actions)
        .with("StateValue", it.state.as_str())
        .with("StateReason", it.state_reason)
        .maybe("StateReasonData", reason_data)
        .with("StateUpdatedTimestamp", it.state_updated_at)
        .with("StateTransitionedTimestamp", it.state_transitioned_at);
    match definition.rule {
        AlarmRule::Composite(rule) => shown.with("AlarmRule", rule),
        AlarmRule::Metric(condition) => {
            let shown = match condition.source {
                AlarmSource::Stat(stat) => shown_stat(shown, stat),
                AlarmSource::Math(queries) => shown
                    .with("Dimensions", Vec::<Fields>::new())
                    .with("Metrics", Value::list(queries.into_iter().map(query_shown))),
            };
            shown
                .with("EvaluationPeriods", condition.evaluation_periods)
                .with("DatapointsToAlarm", condition.datapoints_to_alarm)
                .with("Threshold", condition.threshold)
                .with("ComparisonOperator", condition.comparison.as_str())
                .with("TreatMissingData", condition.treat_missing_data.as_str())
        }
    }
}

fn shown_stat(shown: Fields, it: MetricStat) -> Fields {
    let name = if STATISTICS.contains(&it.stat.as_str()) { "Statistic" } else { "ExtendedStatistic" };
    shown
        .with("MetricName", it.metric.name)
        .with("Namespace", it.metric.namespace)
        .with(name, it.stat)
        .with("Dimensions", dimensions_shown(it.metric.dimensions))
        .with("Period", it.period)
}

fn query_shown(it: MetricQuery) -> Fields {
    let shown = Fields::new().with("Id", it.id).maybe("Label", it.label).with("ReturnData", it.return_data);
    match it.source {
        QuerySource::Stat(stat) => {
            let stat_shown =
                Fields::new().with("Metric", metric(stat.metric)).with("Period", stat.period).with("Stat", stat.stat);
            shown.with("MetricStat", stat_shown)
        }
        QuerySource::Expression { expression, period } => shown.with("Expression", expression).maybe("Period", period),
    }
}

fn history_item(it: HistoryItem) -> Fields {
    Fields::new()
        .with("AlarmName", it.alarm)
        .with("AlarmType", it.alarm_type.as_str())
        .with("Timestamp", it.at)
        .with("HistoryItemType", it.kind.as_str())
        .with("HistorySummary", it.summary)
        .with("HistoryData", it.data)
}
