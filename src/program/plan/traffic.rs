//! The traffic that is to be expected, and what a bake shows at it.

use std::time::Duration;

use crate::cloud::{Cloud, SignalRequest};
use crate::domain::components::Components;
use crate::domain::percent::Percent;
use crate::domain::plan::{Plan, ShiftStep};
use crate::domain::signal::{Measure, Point};
use crate::domain::time::Timestamp;
use crate::judge::outlook::smallest_excess;

/// What was served so long is taken for what is to be expected.
const BACK: Duration = Duration::from_mins(30);

/// What serves now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Traffic {
    /// Requests a second.
    rate: f64,
    /// The part of them that fails.
    errors: f64,
}

/// The traffic of each component, as far as it can be read: a plan does without.
pub(super) async fn expected(
    plan: &Plan,
    clouds: &Components<std::sync::Arc<dyn Cloud>>,
    period: Duration,
    now: Timestamp,
) -> Components<Option<Traffic>> {
    let mut expected = plan.components.map(|_| None);
    for (of, component) in plan.components.iter() {
        let Some(sides) = &component.sides else { continue };
        let signals = [("errors".into(), Measure::TargetErrors)];
        let cluster = component.cluster.as_str();
        let request = SignalRequest { signals: &signals, sides, cluster, from: now - BACK, to: now, period };
        let found = clouds[of].signals(&request).await.unwrap_or_default();
        expected[of] = found.first().and_then(|pair| Traffic::of(&pair.blue, period));
    }
    expected
}

impl Traffic {
    fn of(points: &[Point], period: Duration) -> Option<Self> {
        let requests: u64 = points.iter().map(|point| point.samples).sum();
        let failed: f64 = points.iter().map(|point| point.value / 100.0 * point.samples as f64).sum();
        let seconds = period.as_secs_f64() * points.len() as f64;
        (requests > 0 && seconds > 0.0)
            .then(|| Self { rate: requests as f64 / seconds, errors: failed / requests as f64 })
    }

    /// What a step shows in words.
    pub(super) fn shown(self, step: ShiftStep) -> String {
        if step.weight == Percent::FULL {
            return "nothing is left on blue to compare with".to_owned();
        }
        let share = f64::from(step.weight.get()) / 100.0;
        let green = self.rate * share * step.bake.as_secs_f64();
        let shows = match smallest_excess(self.errors, green, share) {
            Some(excess) => format!("shows {:+.1} points of errors and more", (excess * 1_000.0).ceil() / 10.0),
            None => "too few to show any regression".to_owned(),
        };
        format!("some {green:.0} requests, {shows}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::plan::GateKind;

    #[test]
    fn a_bake_shows_what_its_requests_allow() {
        let at = |minute: i64| Timestamp::from_secs(60 * minute);
        let points: Vec<Point> = (0..10).map(|minute| Point { at: at(minute), value: 0.1, samples: 3_000 }).collect();
        let traffic = Traffic::of(&points, Duration::from_mins(1)).unwrap();
        let shown = |traffic: Traffic, weight: u8, minutes: u64| {
            let bake = Duration::from_mins(minutes);
            traffic.shown(ShiftStep { weight: Percent::clamped(weight), bake, gate: GateKind::Automatic })
        };
        assert_eq!(shown(traffic, 10, 5), "some 1500 requests, shows +0.6 points of errors and more");
        assert_eq!(shown(traffic, 50, 5), "some 7500 requests, shows +0.3 points of errors and more");
        assert_eq!(shown(traffic, 100, 5), "nothing is left on blue to compare with");
        let quiet = Traffic { rate: 0.01, ..traffic };
        assert_eq!(shown(quiet, 10, 5), "some 0 requests, too few to show any regression");
        assert_eq!(Traffic::of(&[], Duration::from_mins(1)), None);
    }
}
