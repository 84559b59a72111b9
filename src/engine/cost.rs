//! What watching costs at CloudWatch, and how it is kept within what it may.

use std::collections::BTreeSet;
use std::time::Duration;

use super::settings::Polls;
use super::snapshot::Watching;
use crate::domain::plan::Plan;
use crate::domain::signal::{Measure, SignalPlan};

/// Millionths of a dollar for each metric that `GetMetricData` is asked for, and for each other call: one cent for a
/// thousand of either, as others who pay it report the list price of US East (Site24x7, "CloudWatch metrics cost calculation",
/// read in November 2026). Other regions differ. Of the other calls the first million of a month is free, which is not
/// counted on; `GetMetricData` is charged from the first (Amazon CloudWatch Pricing, free tier).
const MICROS: u64 = 10;

/// Signals are never read less often than this, whatever they cost: a release that is not measured is not judged.
const RAREST: Duration = Duration::from_mins(2);

/// Metrics that one read of these signals asks for: each once, however many signals need it.
fn metrics(signals: &[SignalPlan]) -> u64 {
    let mut asked: BTreeSet<String> = BTreeSet::new();
    let mut own = 0_u64;
    for signal in signals {
        let names: &[&str] = match &signal.measure {
            Measure::TargetErrors => &["requests", "5xx"],
            Measure::ClientErrors => &["requests", "4xx"],
            Measure::Success => &["requests", "2xx", "3xx"],
            Measure::ResponseTime(percentile) => {
                asked.insert(percentile.to_string());
                &["requests"]
            }
            Measure::RequestRate => &["requests"],
            Measure::Cpu => &["cpu"],
            Measure::Memory => &["memory"],
            Measure::RunningTasks => &["tasks"],
            Measure::UnhealthyTargets => &["unhealthy"],
            Measure::Custom(custom) => {
                let of = u64::try_from(custom.of.metrics().len()).unwrap_or(u64::MAX);
                own = own.saturating_add(if custom.is_shared() { of } else { of.saturating_mul(2) });
                &[]
            }
        };
        asked.extend(names.iter().map(|name| (*name).to_owned()));
    }
    // Both sides have each of these.
    u64::try_from(asked.len()).unwrap_or(u64::MAX).saturating_mul(2).saturating_add(own)
}

/// What watching a release costs an hour while nothing is looked at in detail.
pub(super) fn watching(plan: &Plan, polls: &Polls) -> Watching {
    let hour = Duration::from_hours(1).as_millis();
    let times = |every: Duration| u64::try_from(hour / every.as_millis().max(1)).unwrap_or(u64::MAX);
    let measured = plan.components.iter().filter(|(_, component)| component.sides.is_some());
    let a_read: u64 = measured.map(|(_, component)| metrics(&component.signals)).sum();
    let with_alarms = plan.components.iter().filter(|(_, component)| !component.alarms.is_empty()).count();
    let calls = u64::try_from(with_alarms).unwrap_or(u64::MAX).saturating_mul(times(polls.alarms));
    let metrics = a_read.saturating_mul(times(polls.signals));
    Watching { calls, metrics, micros: metrics.saturating_add(calls).saturating_mul(MICROS) }
}

/// These intervals, with signals read so rarely that watching costs no more than it may.
pub(super) fn bounded(plan: &Plan, polls: Polls) -> Polls {
    let most = u64::from(polls.most_cents).saturating_mul(10_000);
    let Watching { calls, metrics, .. } = watching(plan, &polls);
    let left = most.saturating_sub(calls.saturating_mul(MICROS)).max(1);
    let wanted = metrics.saturating_mul(MICROS);
    if wanted <= left {
        return polls;
    }
    let factor = wanted as f64 / left as f64;
    Polls { signals: polls.signals.mul_f64(factor.min(1_000.0)).min(RAREST.max(polls.signals)), ..polls }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::fixture;

    #[test]
    fn what_several_signals_need_is_paid_for_once_and_each_side_for_itself() {
        let plan = fixture::plan();
        let signals = &plan.components[crate::domain::components::ComponentIndex::FIRST].signals;
        // Requests, 5xx, p99, p50, CPU and memory.
        assert_eq!(metrics(signals), 12);
        let polls = Polls { signals: Duration::from_secs(20), alarms: Duration::from_secs(15), ..Polls::default() };
        let cost = watching(&plan, &polls);
        assert_eq!((cost.metrics, cost.calls), (12 * 180, 240));
        assert_eq!(cost.micros, 24_000, "2.4 cents");
    }

    #[test]
    fn signals_are_read_less_often_rather_than_cost_more_but_never_too_rarely() {
        let plan = fixture::plan();
        let every = |most_cents| {
            let bounded = bounded(&plan, Polls { most_cents, ..Polls::default() });
            let cost = watching(&plan, &bounded).micros;
            (bounded.signals, cost <= u64::from(most_cents) * 10_000)
        };
        assert_eq!(every(100), (Polls::default().signals, true));
        let (rarer, is_kept) = every(1);
        assert!(rarer > Polls::default().signals && is_kept, "{rarer:?}");
        assert_eq!(every(0).0, RAREST);
    }
}
