//! Signals from CloudWatch, all of them in one batch.
//!
//! Shares are worked out here rather than by CloudWatch's metric math, so that a period without requests is a gap
//! and one without a 5xx a zero: CloudWatch leaves both out alike.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, ScanBy, StatusCode};

use super::alarming::stat;
use super::errors::{during, told, unexpected};
use super::{Aws, last_part};
use crate::cloud::{CloudError, ErrorKind, SeriesPair, SignalRequest};
use crate::domain::formula::{Formula, Term};
use crate::domain::ids::{Side, SignalName};
use crate::domain::plan::Sides;
use crate::domain::signal::{Measure, Percentile, Point};
use crate::domain::time::Timestamp;

const GET: &str = "cloudwatch:GetMetricData";

/// Most queries that CloudWatch takes by one call.
const BATCH: usize = 500;

/// The points of every signal asked for. Both ends are rounded down to a period: one that still runs would count too
/// little.
pub(super) async fn signals(aws: &Aws, request: &SignalRequest<'_>) -> Result<Vec<SeriesPair>, CloudError> {
    let period = i32::try_from(request.period.as_secs()).ok().filter(|secs| *secs > 0);
    let period = period.ok_or_else(|| unexpected(GET, "a period must be whole seconds, one or more"))?;
    let (from, to) = (request.from.floor_to(request.period), request.to.floor_to(request.period));
    let mut measured = Measured::wanted(request.signals.iter().map(|(_, measure)| measure), request.sides);
    let groups = measured.queries(request, period)?;
    if from < to {
        for batch in batches(groups) {
            let call = aws
                .cloudwatch
                .get_metric_data()
                .set_metric_data_queries(Some(batch))
                .start_time(DateTime::from_millis(from.millis()))
                .end_time(DateTime::from_millis(to.millis()))
                .scan_by(ScanBy::TimestampAscending);
            let mut pages = call.into_paginator().send();
            while let Some(page) = pages.next().await {
                for result in page.map_err(during(GET))?.metric_data_results.unwrap_or_default() {
                    measured.take(result)?;
                }
            }
        }
    }
    let pair = |(index, (signal, measure)): (usize, &(SignalName, Measure))| SeriesPair {
        signal: signal.clone(),
        blue: measured.points(Side::Blue, index, measure, request.period),
        green: measured.points(Side::Green, index, measure, request.period),
    };
    Ok(request.signals.iter().enumerate().map(pair).collect())
}

/// Groups of queries in as few calls as there may be; queries that refer to each other stay together.
fn batches(groups: Vec<Vec<MetricDataQuery>>) -> Vec<Vec<MetricDataQuery>> {
    let mut batches: Vec<Vec<MetricDataQuery>> = Vec::new();
    for group in groups {
        match batches.last_mut().filter(|batch| batch.len() + group.len() <= BATCH) {
            Some(batch) => batch.extend(group),
            None => batches.push(group),
        }
    }
    batches
}

/// One CloudWatch metric of a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Requests,
    Answers2xx,
    Answers3xx,
    Answers5xx,
    Answers4xx,
    ResponseTime(Percentile),
    Cpu,
    Memory,
    Tasks,
    Unhealthy,
    /// Of the configuration's own, by the place of its signal in the request.
    Custom(usize),
}

impl Source {
    /// What a measure is made of; `index` is the place of its signal.
    fn of(index: usize, measure: &Measure) -> Vec<Self> {
        match measure {
            Measure::TargetErrors => vec![Self::Requests, Self::Answers5xx],
            Measure::ClientErrors => vec![Self::Requests, Self::Answers4xx],
            Measure::Success => vec![Self::Requests, Self::Answers2xx, Self::Answers3xx],
            Measure::ResponseTime(percentile) => vec![Self::Requests, Self::ResponseTime(*percentile)],
            Measure::RequestRate => vec![Self::Requests],
            Measure::Cpu => vec![Self::Cpu],
            Measure::Memory => vec![Self::Memory],
            Measure::RunningTasks => vec![Self::Tasks],
            Measure::UnhealthyTargets => vec![Self::Unhealthy],
            Measure::Custom(_) => vec![Self::Custom(index)],
        }
    }

    fn metric(self) -> &'static str {
        match self {
            Self::Requests => "RequestCount",
            Self::Answers2xx => "HTTPCode_Target_2XX_Count",
            Self::Answers3xx => "HTTPCode_Target_3XX_Count",
            Self::Answers5xx => "HTTPCode_Target_5XX_Count",
            Self::Answers4xx => "HTTPCode_Target_4XX_Count",
            Self::ResponseTime(_) => "TargetResponseTime",
            Self::Cpu | Self::Tasks => "CPUUtilization",
            Self::Memory => "MemoryUtilization",
            Self::Unhealthy => "UnHealthyHostCount",
            Self::Custom(_) => "a metric of the configuration",
        }
    }

    fn stat(self) -> String {
        match self {
            Self::Requests | Self::Answers2xx | Self::Answers3xx | Self::Answers5xx | Self::Answers4xx => {
                "Sum".to_owned()
            }
            Self::ResponseTime(percentile) => percentile.to_string(),
            Self::Cpu | Self::Memory => "Average".to_owned(),
            Self::Tasks => "SampleCount".to_owned(),
            Self::Unhealthy => "Maximum".to_owned(),
            Self::Custom(_) => String::new(),
        }
    }

    /// Whether each side has one of its own: where the sides are revisions of one service, what is measured of the
    /// service is of both together.
    fn is_apart(self, Sides { blue, green, .. }: &Sides) -> bool {
        let has_groups = blue.target_group != green.target_group;
        match self {
            Self::Custom(_) => has_groups || blue.service != green.service,
            _ if self.is_of_load_balancer() => has_groups,
            _ => blue.service != green.service,
        }
    }

    fn is_of_load_balancer(self) -> bool {
        match self {
            Self::Requests
            | Self::Answers2xx
            | Self::Answers3xx
            | Self::Answers5xx
            | Self::Answers4xx
            | Self::ResponseTime(_)
            | Self::Unhealthy => true,
            Self::Cpu | Self::Memory | Self::Tasks | Self::Custom(_) => false,
        }
    }
}

/// What CloudWatch is asked for and what it has answered, each source of a side once however many signals need it.
struct Measured {
    series: Vec<(Side, Source, BTreeMap<Timestamp, f64>)>,
}

impl Measured {
    /// What is measured of both sides together is green's: compared with itself it would never be worse. What a measure
    /// of one's own says of both is blue's, and asked for once.
    fn wanted<'m>(measures: impl Iterator<Item = &'m Measure>, sides: &Sides) -> Self {
        let mut series: Vec<(Side, Source, BTreeMap<Timestamp, f64>)> = Vec::new();
        for (index, measure) in measures.enumerate() {
            for source in Source::of(index, measure) {
                if series.iter().any(|(_, known, _)| *known == source) {
                    continue;
                }
                let measured = if measure.is_shared() {
                    &[Side::Blue][..]
                } else if source.is_apart(sides) {
                    &Side::BOTH[..]
                } else {
                    &[Side::Green][..]
                };
                series.extend(measured.iter().map(|side| (*side, source, BTreeMap::new())));
            }
        }
        Self { series }
    }

    /// The queries of each series, its index as the id of the one that is answered.
    fn queries(&self, request: &SignalRequest<'_>, period: i32) -> Result<Vec<Vec<MetricDataQuery>>, CloudError> {
        let group = |(index, (side, source, _)): (usize, &(Side, Source, _))| {
            let id = format!("m{index}");
            if let Source::Custom(signal) = source {
                let measure = request.signals.get(*signal).map(|(_, measure)| measure);
                let Some(Measure::Custom(custom)) = measure else { return Ok(Vec::new()) };
                return Ok(custom_queries(&id, &custom.of, request, *side, period));
            }
            let stat = MetricStat::builder()
                .metric(metric(*source, request, *side)?)
                .period(period)
                .stat(source.stat())
                .build();
            Ok(vec![MetricDataQuery::builder().id(id).metric_stat(stat).build()])
        };
        self.series.iter().enumerate().map(group).collect()
    }

    /// Takes a result in. Results of one query may come on several pages.
    fn take(&mut self, result: MetricDataResult) -> Result<(), CloudError> {
        let trouble = match result.status_code() {
            // PartialData: the rest is on the next page.
            Some(StatusCode::Complete | StatusCode::PartialData) | None => None,
            Some(StatusCode::Forbidden) => Some(ErrorKind::Denied),
            Some(StatusCode::InternalError) => Some(ErrorKind::Unavailable),
            Some(_) => Some(ErrorKind::Unexpected),
        };
        let id = result.id.unwrap_or_default();
        let index = id.strip_prefix('m').and_then(|index| index.parse::<usize>().ok());
        let Some((side, source, series)) = index.and_then(|index| self.series.get_mut(index)) else {
            return Err(unexpected(GET, format!("a result `{id}` that was not asked for")));
        };
        if let Some(kind) = trouble {
            let said = result.messages.unwrap_or_default().into_iter().find_map(|message| message.value);
            let said = said.unwrap_or_else(|| "no reason given".to_owned());
            return Err(told(GET, kind, &format!("{} of {side} cannot be read: {said}", source.metric())));
        }
        let moments = result.timestamps.unwrap_or_default();
        for (moment, value) in moments.into_iter().zip(result.values.unwrap_or_default()) {
            if let Ok(millis) = moment.to_millis()
                && value.is_finite()
            {
                series.insert(Timestamp::from_millis(millis), value);
            }
        }
        Ok(())
    }

    fn of(&self, side: Side, source: Source) -> impl Iterator<Item = (Timestamp, f64)> {
        let series = self.series.iter().find(|(of, known, _)| *of == side && *known == source);
        series.into_iter().flat_map(|(_, _, values)| values).map(|(at, value)| (*at, *value))
    }

    fn at(&self, side: Side, source: Source, at: Timestamp) -> Option<f64> {
        let series = self.series.iter().find(|(of, known, _)| *of == side && *known == source);
        series.and_then(|(_, _, values)| values.get(&at)).copied()
    }

    fn points(&self, side: Side, index: usize, measure: &Measure, period: Duration) -> Vec<Point> {
        let requests_at = |at| self.at(side, Source::Requests, at).unwrap_or_default();
        let share = |of: &[Source]| {
            let requests = self.of(side, Source::Requests).filter(|(_, requests)| *requests > 0.0);
            let point = |(at, requests): (Timestamp, f64)| {
                // CloudWatch has no point where it counted none.
                let answers: f64 = of.iter().map(|of| self.at(side, *of, at).unwrap_or_default()).sum();
                Point { at, value: (100.0 * answers / requests).min(100.0), samples: requests as u64 }
            };
            requests.map(point).collect()
        };
        match measure {
            Measure::TargetErrors => share(&[Source::Answers5xx]),
            Measure::ClientErrors => share(&[Source::Answers4xx]),
            Measure::Success => share(&[Source::Answers2xx, Source::Answers3xx]),
            Measure::ResponseTime(percentile) => {
                let seconds = self.of(side, Source::ResponseTime(*percentile));
                let point = |(at, seconds)| Point { at, value: 1_000.0 * seconds, samples: requests_at(at) as u64 };
                seconds.map(point).collect()
            }
            Measure::RequestRate => {
                let point =
                    |(at, requests)| Point { at, value: requests / period.as_secs_f64(), samples: requests as u64 };
                self.of(side, Source::Requests).map(point).collect()
            }
            Measure::Cpu => self.plain(side, Source::Cpu),
            Measure::Memory => self.plain(side, Source::Memory),
            Measure::Custom(_) if measure.is_shared() => self.plain(Side::Blue, Source::Custom(index)),
            Measure::Custom(_) => self.plain(side, Source::Custom(index)),
            Measure::UnhealthyTargets => self.plain(side, Source::Unhealthy),
            Measure::RunningTasks => {
                // One sample for each task and minute.
                let minutes = (period.as_secs_f64() / 60.0).max(1.0);
                let mut points = self.plain(side, Source::Tasks);
                for point in &mut points {
                    point.value = (point.value / minutes).round();
                }
                points
            }
        }
    }

    /// Values that rest on no requests.
    fn plain(&self, side: Side, source: Source) -> Vec<Point> {
        self.of(side, source).map(|(at, value)| Point { at, value, samples: 0 }).collect()
    }
}

/// A formula of the configuration's own as queries: `id` is the one that is answered. Its parts have names of their own,
/// since formulas of several signals stand in one request.
fn custom_queries(
    id: &str,
    of: &Formula,
    request: &SignalRequest<'_>,
    side: Side,
    period: i32,
) -> Vec<MetricDataQuery> {
    let place = request.sides.of(side);
    let of = of.at(&[
        ("service", last_part(&place.service)),
        ("target_group", place.target_group.rsplit(':').next().unwrap_or_default()),
        ("load_balancer", request.sides.load_balancer().unwrap_or_default()),
        ("cluster", last_part(request.cluster)),
    ]);
    match of {
        Formula::Metric(metric) => {
            vec![MetricDataQuery::builder().id(id).metric_stat(stat(&metric, period)).build()]
        }
        Formula::Math(parts) => {
            let names: Vec<&str> = parts.iter().filter(|part| !part.is_result).map(|part| part.id.as_str()).collect();
            parts
                .iter()
                .map(|part| {
                    let own = if part.is_result { id.to_owned() } else { format!("{id}_{}", part.id) };
                    let query = MetricDataQuery::builder().id(own).return_data(part.is_result);
                    match &part.is {
                        Term::Metric { metric, .. } => query.metric_stat(stat(metric, period)).build(),
                        Term::Expression(expression) => {
                            query.expression(renamed(expression, &names, id)).period(period).build()
                        }
                    }
                })
                .collect()
        }
    }
}

/// An expression with each of these names preceded by `prefix_`.
fn renamed(expression: &str, names: &[&str], prefix: &str) -> String {
    let is_of_word = |sign: char| sign.is_ascii_alphanumeric() || sign == '_';
    let mut text = String::with_capacity(expression.len() + 16);
    let mut word = String::new();
    for sign in expression.chars().map(Some).chain([None]) {
        match sign {
            Some(sign) if is_of_word(sign) => word.push(sign),
            other => {
                if names.contains(&word.as_str()) {
                    text.push_str(prefix);
                    text.push('_');
                }
                text.push_str(&word);
                word.clear();
                text.extend(other);
            }
        }
    }
    text
}

fn metric(source: Source, request: &SignalRequest<'_>, side: Side) -> Result<Metric, CloudError> {
    let place = request.sides.of(side);
    let (namespace, dimensions) = if source.is_of_load_balancer() {
        let load_balancer = request.sides.load_balancer().ok_or_else(|| {
            unexpected(GET, format!("`{}` is not the ARN of an application load balancer's rule", request.sides.rule))
        })?;
        let target_group = place.target_group.rsplit(':').next().unwrap_or_default();
        ("AWS/ApplicationELB", [("LoadBalancer", load_balancer), ("TargetGroup", target_group)])
    } else {
        ("AWS/ECS", [("ClusterName", last_part(request.cluster)), ("ServiceName", last_part(&place.service))])
    };
    let dimension = |(name, value)| Dimension::builder().name(name).value(value).build();
    let dimensions = dimensions.map(dimension).to_vec();
    Ok(Metric::builder().namespace(namespace).metric_name(source.metric()).set_dimensions(Some(dimensions)).build())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cloud::Cloud as _;
    use crate::cloud::aws::testing::{GREEN, LISTENER, RULE, Reply, START, Script, cbor, sides};
    use crate::domain::formula::{Metric as OwnMetric, Part};
    use crate::domain::plan::Sides;
    use crate::domain::plan::load_balancer_of;
    use crate::domain::signal::{Custom, Unit};

    const MINUTE: Duration = Duration::from_mins(1);
    const P99: Measure = Measure::ResponseTime(Percentile(990));

    fn signals(measures: &[Measure]) -> Vec<(SignalName, Measure)> {
        measures.iter().map(|measure| (SignalName(format!("{measure:?}")), measure.clone())).collect()
    }

    fn request<'a>(signals: &'a [(SignalName, Measure)], sides: &'a Sides) -> SignalRequest<'a> {
        // Neither end on a minute.
        let (from, to) = (START + Duration::from_secs(7), START + Duration::from_secs(3 * 60 + 59));
        SignalRequest { signals, sides, cluster: "arn:aws:ecs:eu-west-1:1:cluster/prod", from, to, period: MINUTE }
    }

    fn measured(measures: &[Measure]) -> Measured {
        Measured::wanted(measures.iter(), &crate::cloud::aws::testing::sides())
    }

    fn result(id: &str, minutes: &[i64], values: &[f64]) -> MetricDataResult {
        let moments = minutes.iter().map(|minute| DateTime::from_secs(60 * minute)).collect();
        MetricDataResult::builder().id(id).set_timestamps(Some(moments)).set_values(Some(values.to_vec())).build()
    }

    fn values(points: &[Point]) -> Vec<(i64, f64, u64)> {
        points.iter().map(|point| (point.at.secs() / 60, point.value, point.samples)).collect()
    }

    #[test]
    fn each_metric_of_a_side_is_asked_for_once_with_its_dimensions() {
        let sides = sides();
        let signals = signals(&[Measure::TargetErrors, Measure::RequestRate, P99, Measure::Cpu]);
        let queries = measured(&[Measure::TargetErrors, Measure::RequestRate, P99, Measure::Cpu])
            .queries(&request(&signals, &sides), 60)
            .unwrap()
            .concat();
        let shown: Vec<String> = queries
            .iter()
            .map(|query| {
                let stat = query.metric_stat().unwrap();
                let metric = stat.metric().unwrap();
                let dimensions: Vec<&str> = metric.dimensions().iter().filter_map(Dimension::value).collect();
                let (name, stat, period) =
                    (metric.metric_name().unwrap(), stat.stat().unwrap(), stat.period().unwrap());
                format!("{} {name} {stat} {period} {}", query.id().unwrap(), dimensions.join(" "))
            })
            .collect();
        assert_eq!(
            shown,
            [
                "m0 RequestCount Sum 60 app/front/0a targetgroup/api-a/aa",
                "m1 RequestCount Sum 60 app/front/0a targetgroup/api-b/bb",
                "m2 HTTPCode_Target_5XX_Count Sum 60 app/front/0a targetgroup/api-a/aa",
                "m3 HTTPCode_Target_5XX_Count Sum 60 app/front/0a targetgroup/api-b/bb",
                "m4 TargetResponseTime p99 60 app/front/0a targetgroup/api-a/aa",
                "m5 TargetResponseTime p99 60 app/front/0a targetgroup/api-b/bb",
                "m6 CPUUtilization Average 60 prod api-a",
                "m7 CPUUtilization Average 60 prod api-b",
            ]
        );
    }

    #[test]
    fn a_metric_of_ones_own_is_asked_for_by_side_or_once_and_its_parts_keep_apart() {
        let of = |name: &str, value: &str| OwnMetric {
            namespace: "App".to_owned(),
            name: name.to_owned(),
            dimensions: BTreeMap::from([("Of".to_owned(), value.to_owned())]),
            statistic: "Maximum".to_owned(),
        };
        let custom = |of| Measure::Custom(Box::new(Custom { of, unit: Unit::Count }));
        let term = |name: &str| Term::Metric { metric: of(name, "${service}"), period: MINUTE };
        let part = |id: &str, is| Part { id: id.to_owned(), label: None, is_result: id == "share", is };
        let share = Term::Expression("100 * used / (all + used_not)".to_owned());
        let math = Formula::Math(vec![part("share", share), part("used", term("Used")), part("all", term("All"))]);
        let signals = signals(&[custom(Formula::Metric(of("Connections", "shop"))), custom(math)]);
        let sides = sides();
        let request = request(&signals, &sides);
        let groups =
            Measured::wanted(signals.iter().map(|(_, measure)| measure), &sides).queries(&request, 60).unwrap();
        let shown = |query: &MetricDataQuery| match query.metric_stat() {
            Some(stat) => {
                let value = stat.metric().unwrap().dimensions()[0].value().unwrap().to_owned();
                format!("{} {value}", query.id().unwrap())
            }
            None => format!("{} {}", query.id().unwrap(), query.expression().unwrap()),
        };
        let shown: Vec<Vec<String>> = groups.iter().map(|group| group.iter().map(shown).collect()).collect();
        assert_eq!(
            shown,
            [
                vec!["m0 shop"],
                vec!["m1 100 * m1_used / (m1_all + used_not)", "m1_used api-a", "m1_all api-a"],
                vec!["m2 100 * m2_used / (m2_all + used_not)", "m2_used api-b", "m2_all api-b"],
            ]
        );
        let many = vec![groups[1].clone(); 300];
        let sizes: Vec<usize> = batches(many).iter().map(Vec::len).collect();
        assert_eq!(sizes, [498, 402], "no group is torn apart");
    }

    #[test]
    fn tasks_are_told_by_their_samples_and_what_is_shared_stands_on_both_sides() {
        let mut held = measured(&[Measure::RunningTasks]);
        held.take(result("m0", &[1], &[30.0])).unwrap();
        let five_minutes = held.points(Side::Blue, 0, &Measure::RunningTasks, 5 * MINUTE);
        assert_eq!(values(&five_minutes), [(1, 6.0, 0)]);
        let of = OwnMetric {
            namespace: "App".to_owned(),
            name: "x".to_owned(),
            dimensions: BTreeMap::new(),
            statistic: "Average".to_owned(),
        };
        let shared = Measure::Custom(Box::new(Custom { of: Formula::Metric(of), unit: Unit::Count }));
        let mut held = measured(std::slice::from_ref(&shared));
        held.take(result("m0", &[1], &[41.0])).unwrap();
        for side in Side::BOTH {
            assert_eq!(values(&held.points(side, 0, &shared, MINUTE)), [(1, 41.0, 0)]);
        }
    }

    #[test]
    fn a_load_balancer_is_told_from_the_arn_of_its_rule_or_listener() {
        assert_eq!(load_balancer_of(RULE), Some("app/front/0a"));
        assert_eq!(load_balancer_of(LISTENER), Some("app/front/0a"));
        assert_eq!(load_balancer_of(GREEN), None);
    }

    #[test]
    fn no_requests_are_a_gap_and_no_errors_a_zero() {
        let mut held = measured(&[Measure::TargetErrors]);
        // Minute 2 has no request at all, minute 3 none counted, minute 4 requests and no error.
        held.take(result("m1", &[1, 3, 4], &[200.0, 0.0, 50.0])).unwrap();
        held.take(result("m3", &[1, 2], &[3.0, 1.0])).unwrap();
        assert_eq!(values(&held.points(Side::Green, 0, &Measure::TargetErrors, MINUTE)), [(1, 1.5, 200), (4, 0.0, 50)]);
        assert_eq!(held.points(Side::Blue, 0, &Measure::TargetErrors, MINUTE), []);
    }

    #[test]
    fn times_are_milliseconds_rates_a_second_and_shares_of_the_service_rest_on_no_requests() {
        let mut held = measured(&[P99, Measure::RequestRate, Measure::Cpu]);
        held.take(result("m0", &[1], &[120.0])).unwrap();
        held.take(result("m2", &[1, 2], &[0.64, f64::NAN])).unwrap();
        held.take(result("m4", &[1], &[41.0])).unwrap();
        assert_eq!(values(&held.points(Side::Blue, 0, &P99, MINUTE)), [(1, 640.0, 120)]);
        assert_eq!(values(&held.points(Side::Blue, 0, &Measure::RequestRate, MINUTE)), [(1, 2.0, 120)]);
        assert_eq!(values(&held.points(Side::Blue, 0, &Measure::Cpu, MINUTE)), [(1, 41.0, 0)]);
    }

    #[test]
    fn a_result_that_could_not_be_computed_is_an_error_and_no_silence() {
        for (status, kind) in [
            ("Forbidden", Some(ErrorKind::Denied)),
            ("InternalError", Some(ErrorKind::Unavailable)),
            ("NewStatus", Some(ErrorKind::Unexpected)),
            ("Complete", None),
            ("PartialData", None),
        ] {
            let answer = MetricDataResult::builder().id("m0").status_code(StatusCode::from(status)).build();
            let taken = measured(&[Measure::Cpu]).take(answer);
            assert_eq!(taken.err().map(|error| error.kind), kind, "{status}");
        }
        assert!(measured(&[Measure::Cpu]).take(result("m9", &[], &[])).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn points_of_all_pages_come_oldest_first() {
        let page = |minute: i64, requests: f64, next: Option<&str>| {
            let at = format!("@{}", START.secs() + 60 * minute);
            let result = json!({ "Id": "m1", "StatusCode": "Complete", "Timestamps": [at], "Values": [requests] });
            let mut body = json!({ "MetricDataResults": [result] });
            if let Some(next) = next {
                body["NextToken"] = json!(next);
            }
            cbor(&body)
        };
        let script =
            Script::new().on("GetMetricData", page(0, 60.0, Some("more"))).on("GetMetricData", page(1, 120.5, None));
        let (sides, signals) = (sides(), signals(&[Measure::RequestRate]));
        let pairs = script.aws().signals(&request(&signals, &sides)).await.unwrap();
        let green: Vec<_> = pairs[0].green.iter().map(|point| (point.at.since(START), point.samples)).collect();
        assert_eq!(green, [(Duration::ZERO, 60), (MINUTE, 120)]);
        assert_eq!((pairs.len(), pairs[0].blue.len(), script.count()), (1, 0, 2));
        // Both ends of the window were moved back to a whole minute.
        let sent = &script.sent("GetMetricData")[0];
        for secs in [START.secs(), START.secs() + 180] {
            assert!(sent.holds(&json!(format!("@{secs}"))), "{secs}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_within_one_running_period_asks_nothing() {
        let script = Script::new().on("GetMetricData", Reply::Lost);
        let (sides, signals) = (sides(), signals(&[Measure::RequestRate]));
        let to = START + Duration::from_secs(50);
        let pairs = script.aws().signals(&SignalRequest { to, ..request(&signals, &sides) }).await.unwrap();
        assert_eq!((pairs[0].green.len(), script.count()), (0, 0));
    }
}
