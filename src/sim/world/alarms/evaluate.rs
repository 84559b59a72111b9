//! Whether an alarm fires: M out of N, with CloudWatch's treatment of what is missing.

use std::time::Duration;

use super::{AlarmRule, AlarmSource, AlarmState, Comparison, MetricCondition, MissingData};
use crate::domain::time::Timestamp;
use crate::sim::world::World;
use crate::sim::world::metrics::{Evaluation, MetricQuery, QuerySource, Window};

/// How many periods beyond its own CloudWatch fetches, so that late datapoints are not missing ones.
const EXTRA_PERIODS: u32 = 2;

/// What a look at an alarm's datapoints comes to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) state: AlarmState,
    /// The datapoints looked at, newest first.
    pub(super) points: Vec<(Timestamp, f64)>,
    /// How many of them breach.
    pub(super) breaching: usize,
    /// How many were missing and had to be filled in.
    pub(super) missing: usize,
}

/// The verdict over `points` (oldest first, at most N + 2 periods, the last of which ends at `end`).
pub(super) fn judge(
    condition: &MetricCondition,
    points: &[(Timestamp, f64)],
    end: Timestamp,
    period: Duration,
    current: AlarmState,
) -> Verdict {
    let (needed, to_alarm) = (condition.evaluation_periods as usize, condition.datapoints_to_alarm as usize);
    let points: Vec<(Timestamp, f64)> = points.iter().rev().take(needed).copied().collect();
    let breaches = |value: f64| breaches(condition.comparison, value, condition.threshold);
    let breaching = points.iter().filter(|(_, value)| breaches(*value)).count();
    let missing = needed - points.len();
    let when = |alarm| if alarm { AlarmState::Alarm } else { AlarmState::Ok };
    let all_breach = missing > 0 && breaching == points.len();
    let state = match condition.treat_missing_data {
        MissingData::Breaching => when(breaching + missing >= to_alarm),
        MissingData::NotBreaching => when(breaching >= to_alarm),
        MissingData::Missing if points.is_empty() => AlarmState::InsufficientData,
        MissingData::Ignore if points.is_empty() => current,
        MissingData::Missing | MissingData::Ignore if breaching >= to_alarm => AlarmState::Alarm,
        MissingData::Ignore if all_breach => current,
        MissingData::Missing if all_breach => {
            // Nothing but breaches and gaps: it fires once the oldest breach is as old as the datapoints it takes.
            let oldest = points.last().map_or(Duration::ZERO, |(at, _)| end.since(*at));
            if oldest >= period * condition.datapoints_to_alarm { AlarmState::Alarm } else { current }
        }
        MissingData::Missing | MissingData::Ignore => AlarmState::Ok,
    };
    Verdict { state, points, breaching, missing }
}

fn breaches(comparison: Comparison, value: f64, threshold: f64) -> bool {
    match comparison {
        Comparison::GreaterThan => value > threshold,
        Comparison::GreaterOrEqual => value >= threshold,
        Comparison::LessThan => value < threshold,
        Comparison::LessOrEqual => value <= threshold,
    }
}

/// The period an alarm is about: that of its metric, or the longest of its formula's.
pub(super) fn period_of(condition: &MetricCondition) -> Duration {
    let seconds = match &condition.source {
        AlarmSource::Stat(stat) => stat.period,
        AlarmSource::Math(queries) => {
            let periods = queries.iter().filter_map(|query| match &query.source {
                QuerySource::Stat(stat) => Some(stat.period),
                QuerySource::Expression { period, .. } => *period,
            });
            periods.max().unwrap_or(60)
        }
    };
    Duration::from_secs(u64::from(seconds.max(1)))
}

impl World {
    /// Looks at every alarm whose turn it is; composite ones after the metric ones they look at.
    pub(in crate::sim::world) fn tick_alarms(&mut self, at: Timestamp) {
        for index in 0..self.alarms.watched.len() {
            let Some(watched) = self.alarms.watched.get_mut(index) else { break };
            if watched.next_look > at {
                continue;
            }
            let definition = &watched.alarm.definition;
            let AlarmRule::Metric(condition) = &definition.rule else { continue };
            let period = period_of(condition);
            watched.next_look = at + period.clamp(Duration::from_secs(10), Duration::from_mins(1));
            let (condition, current) = (condition.clone(), watched.alarm.state);
            let verdict = self.look(&condition, current, at);
            let reason = super::reason::sentence(&condition, &verdict, current);
            let data = super::reason::data(&condition, &verdict, at);
            self.set_state(index, verdict.state, &reason, &data, at);
        }
        for index in 0..self.alarms.watched.len() {
            let Some(formula) = self.alarms.watched.get(index).and_then(|watched| watched.composite.clone()) else {
                continue;
            };
            let holds = formula.holds(&|name| self.alarms.find(name).map(|watched| watched.alarm.state));
            let state = if holds { AlarmState::Alarm } else { AlarmState::Ok };
            let reason = format!("The composite alarm's rule evaluates to {}", if holds { "TRUE" } else { "FALSE" });
            self.set_state(index, state, &reason, "", at);
        }
    }

    fn look(&self, condition: &MetricCondition, current: AlarmState, at: Timestamp) -> Verdict {
        let period = period_of(condition);
        let to = at.floor_to(period);
        let window = Window { from: to - period * (condition.evaluation_periods + EXTRA_PERIODS), to };
        let single;
        let (queries, id) = match &condition.source {
            AlarmSource::Stat(stat) => {
                let source = QuerySource::Stat(stat.clone());
                single = [MetricQuery { id: "m1".to_owned(), label: None, return_data: true, source }];
                (&single[..], "m1")
            }
            AlarmSource::Math(queries) => {
                let shown = queries.iter().find(|query| query.return_data).map_or("", |query| query.id.as_str());
                (queries.as_slice(), shown)
            }
        };
        let lines = Evaluation::new(&self.metrics, queries, window, at).lines(id);
        let line = lines.unwrap_or_default().into_iter().next().unwrap_or_default();
        judge(condition, &line, to, period, current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::world::metrics::{MetricId, MetricStat};

    fn condition(periods: u32, datapoints: u32, treat_missing_data: MissingData) -> MetricCondition {
        let metric = MetricId::new("App", "x", &[]);
        let source = AlarmSource::Stat(MetricStat { metric, period: 60, stat: "Average".to_owned() });
        MetricCondition {
            source,
            comparison: Comparison::GreaterThan,
            threshold: 5.0,
            evaluation_periods: periods,
            datapoints_to_alarm: datapoints,
            treat_missing_data,
        }
    }

    /// `0` is fine, `X` breaches, `-` is missing; one character a minute, the last one just ended.
    fn state(pattern: &str, periods: u32, datapoints: u32, missing: MissingData) -> AlarmState {
        let points: Vec<(Timestamp, f64)> = (0_i64..)
            .zip(pattern.chars())
            .filter(|(_, mark)| *mark != '-')
            .map(|(minute, mark)| (Timestamp::from_secs(minute * 60), if mark == 'X' { 9.0 } else { 1.0 }))
            .collect();
        let end = Timestamp::from_secs(i64::try_from(pattern.len()).unwrap() * 60);
        // The current state is one that no rule gives by itself here, so that keeping it shows.
        judge(&condition(periods, datapoints, missing), &points, end, Duration::from_mins(1), KEPT).state
    }

    const KEPT: AlarmState = AlarmState::InsufficientData;

    #[test]
    fn missing_data_is_treated_as_cloudwatch_documents_it() {
        use AlarmState::{Alarm, InsufficientData, Ok};
        use MissingData::{Breaching, Ignore, Missing, NotBreaching};
        for (pattern, periods, datapoints, expected) in [
            ("0-X-X", 3, 3, [Ok, Ok, Ok, Ok]),
            ("----0", 3, 3, [Ok, Ok, Ok, Ok]),
            ("-----", 3, 3, [InsufficientData, KEPT, Alarm, Ok]),
            ("0XX-X", 3, 3, [Alarm, Alarm, Alarm, Alarm]),
            ("--X--", 3, 3, [Alarm, KEPT, Alarm, Ok]),
            ("0-X-X", 3, 2, [Alarm, Alarm, Alarm, Alarm]),
            ("00X0X", 3, 2, [Alarm, Alarm, Alarm, Alarm]),
            ("0-X--", 3, 2, [Ok, Ok, Alarm, Ok]),
            ("----0", 3, 2, [Ok, Ok, Alarm, Ok]),
        ] {
            let states =
                [Missing, Ignore, Breaching, NotBreaching].map(|missing| state(pattern, periods, datapoints, missing));
            assert_eq!(states, expected, "{pattern} {datapoints} of {periods}");
        }
    }

    #[test]
    fn one_breach_in_an_otherwise_empty_range_does_not_fire_too_early() {
        assert_eq!(state("----X", 3, 2, MissingData::Missing), KEPT);
        assert_eq!(state("---X-", 3, 2, MissingData::Missing), AlarmState::Alarm);
    }
}
