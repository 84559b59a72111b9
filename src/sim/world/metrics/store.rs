//! Datapoints, and from when on they can be seen.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::statistic::{Samples, Summary, Values};
use super::{MetricId, Statistic};
use crate::domain::time::Timestamp;

/// How many datapoints of one metric are kept: a day of minutes.
const KEPT: usize = 1_440;

/// The datapoints of every metric.
#[derive(Clone, Debug, Default)]
pub(in crate::sim::world) struct Store {
    series: BTreeMap<MetricId, Series>,
}

/// The datapoints of one metric, by time.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) unit: &'static str,
    points: VecDeque<Point>,
}

#[derive(Clone, Debug)]
struct Point {
    at: Timestamp,
    visible_at: Timestamp,
    summary: Summary,
    values: Option<Values>,
}

/// A measurement on its way into the store.
#[derive(Clone, Debug)]
pub(in crate::sim::world) struct Measured {
    pub(in crate::sim::world) at: Timestamp,
    pub(in crate::sim::world) visible_at: Timestamp,
    pub(in crate::sim::world) summary: Summary,
    pub(in crate::sim::world) values: Option<Values>,
}

impl Store {
    pub(in crate::sim::world) fn push(&mut self, id: MetricId, unit: &'static str, measured: Measured) {
        let series = self.series.entry(id).or_insert_with(|| Series { unit, points: VecDeque::new() });
        let Measured { at, visible_at, summary, values } = measured;
        let place = series.points.partition_point(|point| point.at <= at);
        series.points.insert(place, Point { at, visible_at, summary, values });
        if series.points.len() > KEPT {
            series.points.pop_front();
        }
    }

    /// Metrics with at least one datapoint that can be seen at `now`.
    pub(super) fn visible(&self, now: Timestamp) -> impl Iterator<Item = &MetricId> {
        self.series
            .iter()
            .filter(move |(_, series)| series.points.iter().any(|point| point.visible_at <= now))
            .map(|(id, _)| id)
    }

    pub(super) fn unit(&self, id: &MetricId) -> &'static str {
        self.series.get(id).map_or("None", |series| series.unit)
    }

    /// The samples of each period that begins in `from..to` and has any, oldest first.
    pub(super) fn periods(
        &self,
        id: &MetricId,
        from: Timestamp,
        to: Timestamp,
        period: Duration,
        now: Timestamp,
    ) -> Vec<(Timestamp, Samples)> {
        let Some(series) = self.series.get(id) else { return Vec::new() };
        let first = series.points.partition_point(|point| point.at < from);
        let mut periods: Vec<(Timestamp, Samples)> = Vec::new();
        for point in series.points.range(first..).take_while(|point| point.at < to) {
            if point.visible_at > now {
                continue;
            }
            let begins = point.at.floor_to(period);
            if periods.last().is_none_or(|(last, _)| *last != begins) {
                periods.push((begins, Samples::default()));
            }
            if let Some((_, samples)) = periods.last_mut() {
                samples.add(&point.summary, point.values.as_ref());
            }
        }
        periods
    }

    /// One number a period, oldest first; periods without samples are left out.
    pub(super) fn reduced(
        &self,
        id: &MetricId,
        window: super::Window,
        period: Duration,
        statistic: Statistic,
        now: Timestamp,
    ) -> Vec<(Timestamp, f64)> {
        let periods = self.periods(id, window.from.floor_to(period), window.to, period, now);
        periods.into_iter().filter_map(|(at, mut samples)| Some((at, samples.reduce(statistic)?))).collect()
    }
}

/// A number that is looked at several times a minute.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::sim::world) struct Gauge(Summary);

impl Gauge {
    pub(in crate::sim::world) fn look(&mut self, value: f64) {
        self.0.add(&Summary::of(value));
    }

    /// What was seen since the last time; nothing if it was not looked at.
    pub(in crate::sim::world) fn take(&mut self) -> Option<Summary> {
        let summary = std::mem::take(&mut self.0);
        (summary.count > 0.0).then_some(summary)
    }
}
