//! The operations of CloudWatch on metrics.

use std::time::Duration;

use super::statistic::Summary;
use super::store::Measured;
use super::{
    Datapoint, Evaluation, GetMetricData, GetMetricStatistics, ListMetrics, MetricData, MetricDataResult, MetricDatum,
    MetricId, QuerySource, Samples, ScanBy, Statistic, StatusCode, Window,
};
use crate::sim::world::{ApiError, ApiResult, World};

/// The most datapoints in one answer of `GetMetricData`.
const MOST_DATAPOINTS: usize = 100_800;

impl World {
    /// Numbers and metric math over published datapoints.
    pub fn get_metric_data(&self, input: &GetMetricData) -> ApiResult<MetricData> {
        if input.start >= input.end {
            return Err(invalid("The parameter StartTime must be less than the parameter EndTime."));
        }
        if input.queries.is_empty() || input.queries.len() > 500 {
            return Err(invalid("The parameter MetricDataQueries must have between 1 and 500 members."));
        }
        for (index, query) in input.queries.iter().enumerate() {
            let starts = query.id.chars().next().is_some_and(|first| first.is_ascii_lowercase());
            if !starts || !query.id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Err(invalid(format!("The value {} for parameter Id is not valid.", query.id)));
            }
            if input.queries.iter().take(index).any(|earlier| earlier.id == query.id) {
                return Err(invalid(format!("The id {} is used twice.", query.id)));
            }
            if let QuerySource::Stat(stat) = &query.source {
                check_stat(&stat.stat, stat.period)?;
            }
        }
        let skip = match &input.next_token {
            None => 0,
            Some(token) => {
                token.parse::<usize>().map_err(|_| ApiError::new("InvalidNextToken", "The next token is invalid."))?
            }
        };
        let window = Window { from: input.start, to: input.end };
        let mut evaluation = Evaluation::new(&self.metrics, &input.queries, window, self.now);
        let mut results = Vec::new();
        for query in input.queries.iter().filter(|query| query.return_data) {
            let label = query.label.clone().unwrap_or_else(|| default_label(&query.source, &query.id));
            match evaluation.lines(&query.id) {
                Ok(lines) => results.extend(lines.into_iter().map(|mut line| {
                    if input.scan_by == ScanBy::TimestampDescending {
                        line.reverse();
                    }
                    let (timestamps, values) = line.into_iter().unzip();
                    let status_code = StatusCode::Complete;
                    let (id, label) = (query.id.clone(), label.clone());
                    MetricDataResult { id, label, timestamps, values, status_code, messages: Vec::new() }
                })),
                Err(reason) => {
                    return Err(invalid(format!("Error in expression '{}': {reason}", query.id)));
                }
            }
        }
        let most = input.max_datapoints.unwrap_or(MOST_DATAPOINTS).clamp(1, MOST_DATAPOINTS);
        Ok(page(results, skip, most))
    }

    /// Statistics of one metric, oldest first.
    pub fn get_metric_statistics(&self, input: &GetMetricStatistics) -> ApiResult<Vec<Datapoint>> {
        if input.start >= input.end {
            return Err(ApiError::new(
                "InvalidParameterCombination",
                "The parameter StartTime must be less than the parameter EndTime.",
            ));
        }
        let mut stats = Vec::new();
        for stat in &input.stats {
            check_stat(stat, input.period)?;
            stats.extend(Statistic::parse(stat).map(|parsed| (stat, parsed)));
        }
        let period = Duration::from_secs(u64::from(input.period));
        let metric = input.metric.clone().sorted();
        let periods = self.metrics.periods(&metric, input.start.floor_to(period), input.end, period, self.now);
        let unit = self.metrics.unit(&metric);
        let points = periods.into_iter().map(|(at, mut samples)| {
            let values = stats.iter().filter_map(|(name, stat)| Some(((*name).clone(), samples.reduce(*stat)?)));
            Datapoint { at, values: values.collect(), unit }
        });
        let points: Vec<Datapoint> = points.collect();
        if points.len() > 1_440 {
            let message = "You have requested up to too many datapoints, which exceeds the limit of 1440.";
            return Err(ApiError::new("InvalidParameterCombination", message));
        }
        Ok(points)
    }

    /// Metrics that have datapoints; the wire layer pages.
    pub fn list_metrics(&self, input: &ListMetrics) -> ApiResult<Vec<MetricId>> {
        let wanted = |id: &&MetricId| {
            input.namespace.as_ref().is_none_or(|namespace| *namespace == id.namespace)
                && input.name.as_ref().is_none_or(|name| *name == id.name)
                && input.dimensions.iter().all(|(name, value)| {
                    id.dimensions
                        .iter()
                        .any(|one| one.name == *name && value.as_ref().is_none_or(|value| *value == one.value))
                })
        };
        Ok(self.metrics.visible(self.now).filter(wanted).cloned().collect())
    }

    /// Takes datapoints.
    pub fn put_metric_data(&mut self, namespace: &str, data: Vec<MetricDatum>) -> ApiResult<()> {
        if namespace.is_empty() || namespace.starts_with("AWS/") {
            let message = format!("The value {namespace} for parameter Namespace is invalid.");
            return Err(ApiError::new("InvalidParameterValue", message));
        }
        let count = data.len();
        for datum in data {
            let resolution = Duration::from_secs(if datum.storage_resolution == 1 { 1 } else { 60 });
            let at = datum.at.unwrap_or(self.now).floor_to(resolution);
            let (summary, values) = match datum.samples {
                Samples::Values(mut pairs) => {
                    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
                    let mut summary = Summary::default();
                    for &(value, times) in &pairs {
                        summary.add(&Summary { count: times, sum: value * times, minimum: value, maximum: value });
                    }
                    (summary, Some(pairs.iter().map(|&(value, times)| (value as f32, times as f32)).collect()))
                }
                Samples::Summary { count, sum, minimum, maximum } => (Summary { count, sum, minimum, maximum }, None),
            };
            let id =
                MetricId { namespace: namespace.to_owned(), name: datum.name, dimensions: datum.dimensions }.sorted();
            let visible_at = self.now + self.schema.metrics.high_resolution_delay;
            let unit = datum.unit.as_deref().and_then(known_unit).unwrap_or("None");
            self.metrics.push(id, unit, Measured { at, visible_at, summary, values });
        }
        self.ledger.change(
            self.now,
            "PutMetricData",
            vec![("namespace", namespace.to_owned()), ("count", count.to_string())],
        );
        Ok(())
    }
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationError", message)
}

pub(in crate::sim) fn check_stat(stat: &str, period: u32) -> ApiResult<()> {
    if Statistic::parse(stat).is_none() {
        return Err(invalid(format!("The value {stat} for parameter Stat is not supported.")));
    }
    if !matches!(period, 1 | 5 | 10 | 20 | 30) && (period == 0 || !period.is_multiple_of(60)) {
        return Err(invalid(format!(
            "The value {period} for parameter Period is not valid: 1, 5, 10, 20, 30 or a multiple of 60."
        )));
    }
    Ok(())
}

fn default_label(source: &QuerySource, id: &str) -> String {
    match source {
        QuerySource::Stat(stat) => stat.metric.name.clone(),
        QuerySource::Expression { .. } => id.to_owned(),
    }
}

fn known_unit(unit: &str) -> Option<&'static str> {
    ["Seconds", "Milliseconds", "Count", "Percent", "Bytes", "Count/Second", "None"]
        .into_iter()
        .find(|known| *known == unit)
}

/// The part of the results that holds datapoints `skip..skip + most`, counted through all results.
fn page(results: Vec<MetricDataResult>, skip: usize, most: usize) -> MetricData {
    let total: usize = results.iter().map(|result| result.values.len()).sum();
    if skip == 0 && total <= most {
        return MetricData { results, next_token: None };
    }
    let (mut before, end) = (0, skip + most);
    let mut paged = Vec::new();
    for mut result in results {
        let length = result.values.len();
        let (from, to) = (skip.saturating_sub(before).min(length), end.saturating_sub(before).min(length));
        before += length;
        if from < to {
            result.timestamps = result.timestamps.get(from..to).unwrap_or_default().to_vec();
            result.values = result.values.get(from..to).unwrap_or_default().to_vec();
            if to < length {
                result.status_code = StatusCode::PartialData;
            }
            paged.push(result);
        }
    }
    MetricData { results: paged, next_token: (end < total).then(|| end.to_string()) }
}
