//! What was measured and is still of interest.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::poll::SignalsWanted;
use super::snapshot::{SignalSeries, Toll};
use crate::cloud::SeriesPair;
use crate::domain::ids::SignalName;
use crate::domain::observed::{Compact, PointsOf};
use crate::domain::plan::ComponentPlan;
use crate::domain::signal::{Measure, Point};
use crate::domain::time::Timestamp;
use crate::judge::Measured;

/// Points older than this are let go.
const KEPT: Duration = Duration::from_hours(1);

/// Not even the points of a long exposure are kept longer.
const LONGEST: Duration = Duration::from_hours(48);

/// Before the first point is held, this much of the past is asked for.
const FIRST_LOOK: Duration = Duration::from_mins(30);

/// Later polls ask for this much again: points appear late and are corrected.
const OVERLAP: Duration = Duration::from_mins(8);

#[derive(Clone, Debug, Default)]
struct Held {
    blue: BTreeMap<Timestamp, Point>,
    green: BTreeMap<Timestamp, Point>,
}

/// The points of every signal of a component.
#[derive(Clone, Debug)]
pub(super) struct Measurements {
    signals: Vec<(SignalName, Measure)>,
    period: Duration,
    held: BTreeMap<SignalName, Held>,
    series: Vec<Arc<SignalSeries>>,
    failed: Option<String>,
}

impl Measurements {
    pub(super) fn new(plan: &ComponentPlan, period: Duration) -> Self {
        let signals: Vec<(SignalName, Measure)> =
            plan.signals.iter().map(|signal| (signal.name.clone(), signal.measure.clone())).collect();
        let held = signals.iter().map(|(name, _)| (name.clone(), Held::default())).collect();
        let mut measurements = Self { signals, period, held, series: Vec::new(), failed: None };
        measurements.rebuild();
        measurements
    }

    /// What to ask for at `now`.
    pub(super) fn wanted(&self, now: Timestamp) -> SignalsWanted {
        SignalsWanted { signals: self.signals.clone(), from: self.from(now), to: now, period: self.period }
    }

    fn from(&self, now: Timestamp) -> Timestamp {
        let is_empty = self.held.values().all(|held| held.blue.is_empty() && held.green.is_empty());
        (now - if is_empty { FIRST_LOOK } else { OVERLAP }).floor_to(self.period)
    }

    /// Takes what was read; `exposed` is since when green has had traffic, whose cost is counted from there. The points
    /// that are new or were corrected come back.
    pub(super) fn take(&mut self, pairs: Vec<SeriesPair>, now: Timestamp, exposed: Option<Timestamp>) -> Vec<PointsOf> {
        self.failed = None;
        let new: Vec<PointsOf> = pairs.iter().filter_map(|pair| self.new_of(pair)).collect();
        for pair in pairs {
            let Some(held) = self.held.get_mut(&pair.signal) else { continue };
            held.blue.extend(pair.blue.into_iter().map(|point| (point.at, point)));
            held.green.extend(pair.green.into_iter().map(|point| (point.at, point)));
        }
        let oldest = exposed.map_or(now - KEPT, |exposed| (now - KEPT).min(exposed - KEPT)).max(now - LONGEST);
        for held in self.held.values_mut() {
            held.blue = held.blue.split_off(&oldest);
            held.green = held.green.split_off(&oldest);
        }
        self.rebuild();
        new
    }

    /// Of what was read of a signal, what is not held just so.
    fn new_of(&self, pair: &SeriesPair) -> Option<PointsOf> {
        let held = self.held.get(&pair.signal)?;
        let new = |points: &[Point], held: &BTreeMap<Timestamp, Point>| -> Vec<Compact> {
            points.iter().filter(|point| held.get(&point.at) != Some(point)).map(|point| (*point).into()).collect()
        };
        let of = PointsOf {
            signal: pair.signal.clone(),
            blue: new(&pair.blue, &held.blue),
            green: new(&pair.green, &held.green),
        };
        (!of.blue.is_empty() || !of.green.is_empty()).then_some(of)
    }

    /// Length of a period.
    pub(super) fn period(&self) -> Duration {
        self.period
    }

    pub(super) fn fail(&mut self, why: String) {
        self.failed = Some(why);
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    fn rebuild(&mut self) {
        self.series = self
            .signals
            .iter()
            .map(|(name, _)| {
                let points = |side: &BTreeMap<Timestamp, Point>| side.values().copied().collect();
                let held = self.held.get(name);
                Arc::new(SignalSeries {
                    signal: name.clone(),
                    period: self.period,
                    blue: held.map(|held| points(&held.blue)).unwrap_or_default(),
                    green: held.map(|held| points(&held.green)).unwrap_or_default(),
                })
            })
            .collect();
    }

    pub(super) fn series(&self) -> &[Arc<SignalSeries>] {
        &self.series
    }

    pub(super) fn measured(&self) -> Vec<Measured<'_>> {
        self.series
            .iter()
            .map(|series| Measured {
                signal: &series.signal,
                blue: &series.blue,
                green: &series.green,
                period: self.period,
                failed: self.failed.as_deref(),
            })
            .collect()
    }

    /// What green has cost users while it had traffic, by the first signal that counts target errors.
    pub(super) fn toll(&self, span: Option<(Timestamp, Option<Timestamp>)>) -> Toll {
        let Some((since, until)) = span else { return Toll::default() };
        let name = self.signals.iter().find(|(_, measure)| *measure == Measure::TargetErrors).map(|(name, _)| name);
        let Some(held) = name.and_then(|name| self.held.get(name)) else { return Toll::default() };
        // At full weight there is no blue beside green: what blue had before is the best there is.
        let usual = mean(held.blue.values());
        let (mut requests, mut excess) = (0, 0.0);
        let points = held.green.range(since.floor_to(self.period)..).map(|(_, point)| point);
        for green in points.filter(|point| until.is_none_or(|until| point.at <= until)) {
            requests += green.samples;
            let blue = held.blue.get(&green.at).map_or(usual, |point| point.value);
            excess += (green.value - blue) / 100.0 * green.samples as f64;
        }
        // Of the whole span, not of each period, and only what goes beyond chance: of two sides that are alike, one always
        // has a few failures more. Failures at blue's rate scatter by the square root of their number.
        let by_chance = 2.0 * (usual / 100.0 * requests as f64).sqrt();
        let harmed = if excess > by_chance { excess.round() as u64 } else { 0 };
        Toll { green_requests: requests, harmed }
    }
}

fn mean<'a>(points: impl Iterator<Item = &'a Point>) -> f64 {
    let (failed, requests) = points.fold((0.0, 0_u64), |(failed, requests), point| {
        (failed + point.value * point.samples as f64, requests + point.samples)
    });
    if requests == 0 { 0.0 } else { failed / requests as f64 }
}
