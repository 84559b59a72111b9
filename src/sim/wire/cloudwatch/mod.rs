//! CloudWatch: metrics here, alarms in their own file.

mod alarms;

use super::input::Input;
use super::page::page;
use super::service::Service;
use super::value::{Fields, Value};
use crate::sim::world::metrics::{
    Datapoint, Dimension, GetMetricData, GetMetricStatistics, ListMetrics, MetricDataResult, MetricDatum, MetricId,
    MetricQuery, MetricStat, QuerySource, Samples, ScanBy,
};
use crate::sim::world::{ApiResult, World};

/// Datapoints of one answer of `GetMetricData`.
const MAX_DATAPOINTS: i64 = 100_800;
/// Datapoints of one answer of `GetMetricStatistics`.
const MAX_STATISTICS: usize = 1_440;
/// Metrics of one `PutMetricData`.
const MAX_DATA: usize = 1_000;
/// Metrics a page of `ListMetrics`; the client cannot choose.
const METRICS_PAGE: usize = 500;

pub(super) fn call(world: &mut World, operation: &str, input: Input<'_>) -> ApiResult<Value> {
    match operation {
        "GetMetricData" => metric_data(world, input),
        "GetMetricStatistics" => metric_statistics(world, input),
        "ListMetrics" => {
            let found = world.list_metrics(&metrics_wanted(input)?)?;
            let (shown, next) = page(Service::CloudWatch, operation, found, input.text("NextToken")?, METRICS_PAGE)?;
            let metrics = shown.into_iter().map(metric);
            Ok(Fields::new().with("Metrics", Value::list(metrics)).maybe("NextToken", next).into())
        }
        "PutMetricData" => {
            let data = input.members("MetricData")?;
            if data.is_empty() {
                return Err(input.missing("MetricData"));
            }
            if data.len() > MAX_DATA {
                return Err(
                    input.invalid(format!("The collection MetricData must not have a size greater than {MAX_DATA}."))
                );
            }
            let data = data.into_iter().map(datum).collect::<ApiResult<_>>()?;
            world.put_metric_data(input.required("Namespace")?, data)?;
            Ok(Value::nothing())
        }
        _ => alarms::call(world, operation, input),
    }
}

fn scan_by(input: Input<'_>) -> ApiResult<ScanBy> {
    match input.text("ScanBy")? {
        Some("TimestampAscending") => Ok(ScanBy::TimestampAscending),
        Some("TimestampDescending") | None => Ok(ScanBy::TimestampDescending),
        Some(other) => Err(input.invalid(format!("The value {other} for parameter ScanBy is not supported."))),
    }
}

fn metric_data(world: &World, input: Input<'_>) -> ApiResult<Value> {
    let queries = queries(input, "MetricDataQueries")?;
    if queries.is_empty() {
        return Err(input.missing("MetricDataQueries"));
    }
    let wanted = GetMetricData {
        queries,
        start: input.time("StartTime")?.ok_or_else(|| input.missing("StartTime"))?,
        end: input.time("EndTime")?.ok_or_else(|| input.missing("EndTime"))?,
        scan_by: scan_by(input)?,
        max_datapoints: input.count("MaxDatapoints", 1..=MAX_DATAPOINTS)?,
        next_token: input.string("NextToken")?,
    };
    let found = world.get_metric_data(&wanted)?;
    Ok(Fields::new()
        .with("MetricDataResults", Value::list(found.results.into_iter().map(result)))
        .maybe("NextToken", found.next_token)
        .with("Messages", Vec::<Fields>::new())
        .into())
}

fn result(it: MetricDataResult) -> Fields {
    let messages = it.messages.into_iter().map(|(code, value)| Fields::new().with("Code", code).with("Value", value));
    Fields::new()
        .with("Id", it.id)
        .with("Label", it.label)
        .with("Timestamps", it.timestamps)
        .with("Values", it.values)
        .with("StatusCode", it.status_code.as_str())
        .unless_empty("Messages", messages)
}

fn queries(input: Input<'_>, name: &str) -> ApiResult<Vec<MetricQuery>> {
    input.members(name)?.into_iter().map(query).collect()
}

fn query(input: Input<'_>) -> ApiResult<MetricQuery> {
    let source = match (input.member("MetricStat"), input.text("Expression")?) {
        (Some(stat), None) => QuerySource::Stat(metric_stat(stat)?),
        (None, Some(expression)) => {
            QuerySource::Expression { expression: expression.to_owned(), period: input.natural("Period")? }
        }
        _ => return Err(input.invalid("A query needs either MetricStat or Expression.")),
    };
    Ok(MetricQuery {
        id: input.required("Id")?.to_owned(),
        label: input.string("Label")?,
        return_data: input.flag("ReturnData")?.unwrap_or(true),
        source,
    })
}

fn metric_stat(input: Input<'_>) -> ApiResult<MetricStat> {
    let metric = input.member("Metric").ok_or_else(|| input.missing("Metric"))?;
    Ok(MetricStat { metric: metric_id(metric)?, period: period(input)?, stat: input.required("Stat")?.to_owned() })
}

fn period(input: Input<'_>) -> ApiResult<u32> {
    input.natural("Period")?.ok_or_else(|| input.missing("Period"))
}

fn metric_id(input: Input<'_>) -> ApiResult<MetricId> {
    Ok(MetricId {
        namespace: input.required("Namespace")?.to_owned(),
        name: input.required("MetricName")?.to_owned(),
        dimensions: dimensions(input)?,
    }
    .sorted())
}

fn dimensions(input: Input<'_>) -> ApiResult<Vec<Dimension>> {
    input
        .members("Dimensions")?
        .into_iter()
        .map(|it| Ok(Dimension { name: it.required("Name")?.to_owned(), value: it.required("Value")?.to_owned() }))
        .collect()
}

fn dimensions_shown(dimensions: Vec<Dimension>) -> Value {
    Value::list(dimensions.into_iter().map(|it| Fields::new().with("Name", it.name).with("Value", it.value)))
}

fn metric(it: MetricId) -> Fields {
    Fields::new()
        .with("Namespace", it.namespace)
        .with("MetricName", it.name)
        .with("Dimensions", dimensions_shown(it.dimensions))
}

fn metric_statistics(world: &World, input: Input<'_>) -> ApiResult<Value> {
    let mut stats = input.texts("Statistics")?;
    stats.extend(input.texts("ExtendedStatistics")?);
    if stats.is_empty() {
        return Err(input.missing("Statistics"));
    }
    let wanted = GetMetricStatistics {
        metric: metric_id(input)?,
        start: input.time("StartTime")?.ok_or_else(|| input.missing("StartTime"))?,
        end: input.time("EndTime")?.ok_or_else(|| input.missing("EndTime"))?,
        period: period(input)?,
        stats,
    };
    let asked = wanted.end.since(wanted.start).as_secs() / u64::from(wanted.period).max(1);
    if asked > MAX_STATISTICS as u64 {
        let message = format!(
            "You have requested up to {asked} datapoints, which exceeds the limit of {MAX_STATISTICS}. You may reduce \
             the datapoints requested by increasing Period, or decreasing the time range."
        );
        return Err(crate::sim::world::ApiError::new("InvalidParameterCombination", message));
    }
    let datapoints = world.get_metric_statistics(&wanted)?.into_iter().map(datapoint);
    Ok(Fields::new().with("Label", wanted.metric.name.as_str()).with("Datapoints", Value::list(datapoints)).into())
}

/// The five plain statistics are members of their own; percentiles and the like share a map.
fn datapoint(it: Datapoint) -> Fields {
    let mut shown = Fields::new().with("Timestamp", it.at);
    let mut extended = Vec::new();
    for (stat, value) in it.values {
        shown = match stat.as_str() {
            "Sum" => shown.with("Sum", value),
            "Average" => shown.with("Average", value),
            "Minimum" => shown.with("Minimum", value),
            "Maximum" => shown.with("Maximum", value),
            "SampleCount" => shown.with("SampleCount", value),
            _ => {
                extended.push((stat, Value::Float(value)));
                shown
            }
        };
    }
    let shown = shown.with("Unit", it.unit);
    if extended.is_empty() { shown } else { shown.with("ExtendedStatistics", Value::Map(extended)) }
}

fn metrics_wanted(input: Input<'_>) -> ApiResult<ListMetrics> {
    let dimensions = input
        .members("Dimensions")?
        .into_iter()
        .map(|it| Ok((it.required("Name")?.to_owned(), it.string("Value")?)))
        .collect::<ApiResult<_>>()?;
    Ok(ListMetrics { namespace: input.string("Namespace")?, name: input.string("MetricName")?, dimensions })
}

fn datum(input: Input<'_>) -> ApiResult<MetricDatum> {
    let samples = match (input.member("StatisticValues"), input.float("Value")?) {
        (Some(summary), None) => {
            let part = |name: &str| summary.float(name)?.ok_or_else(|| summary.missing(name));
            Samples::Summary {
                count: part("SampleCount")?,
                sum: part("Sum")?,
                minimum: part("Minimum")?,
                maximum: part("Maximum")?,
            }
        }
        (None, Some(value)) => Samples::Values(vec![(value, 1.0)]),
        (None, None) => Samples::Values(counted(input)?),
        (Some(_), Some(_)) => return Err(input.invalid("Value and StatisticValues cannot both be given.")),
    };
    Ok(MetricDatum {
        name: input.required("MetricName")?.to_owned(),
        dimensions: dimensions(input)?,
        at: input.time("Timestamp")?,
        samples,
        unit: input.string("Unit")?,
        storage_resolution: input.natural("StorageResolution")?.unwrap_or(60),
    })
}

/// `Values` with their `Counts`, each 1 when there are none.
fn counted(input: Input<'_>) -> ApiResult<Vec<(f64, f64)>> {
    let (values, counts) = (input.floats("Values")?, input.floats("Counts")?);
    if values.is_empty() {
        return Err(input.missing("Value"));
    }
    if counts.is_empty() {
        return Ok(values.into_iter().map(|value| (value, 1.0)).collect());
    }
    if counts.len() != values.len() {
        return Err(input.invalid("Values and Counts must have the same size."));
    }
    Ok(values.into_iter().zip(counts).collect())
}
