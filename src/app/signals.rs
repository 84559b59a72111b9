//! The signals view: how much time it shows, which chart is opened, and where its cursor is.

use std::sync::Arc;
use std::time::Duration;

use super::asked::Asked;
use super::model::Model;
use crate::domain::signal::Point;
use crate::domain::time::Timestamp;
use crate::engine::snapshot::{SignalSeries, Snapshot};

/// What the signals view shows.
#[derive(Debug, Default)]
pub struct SignalPane {
    /// How much time.
    pub window: Window,
    /// One chart alone, in full.
    pub is_open: bool,
    /// The moment whose values are read; `None` reads the newest ones.
    pub cursor: Option<Timestamp>,
    /// The signals over a longer time than the engine holds, and over which.
    pub long: Option<(Window, Asked<Vec<Arc<SignalSeries>>>)>,
}

/// How much time the signals view shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Window {
    /// Five minutes.
    Five,
    /// A quarter of an hour.
    Quarter,
    /// An hour.
    #[default]
    Hour,
    /// Three hours.
    Three,
    /// Twelve hours.
    Half,
    /// A day.
    Day,
    /// Three days.
    Days,
    /// A week.
    Week,
}

impl Window {
    /// All of them, shortest first.
    pub const ALL: [Self; 8] =
        [Self::Five, Self::Quarter, Self::Hour, Self::Three, Self::Half, Self::Day, Self::Days, Self::Week];

    /// Its length in minutes.
    pub fn minutes(self) -> u32 {
        match self {
            Self::Five => 5,
            Self::Quarter => 15,
            Self::Hour => 60,
            Self::Three => 180,
            Self::Half => 720,
            Self::Day => 1_440,
            Self::Days => 4_320,
            Self::Week => 10_080,
        }
    }

    /// Its length.
    pub fn length(self) -> Duration {
        Duration::from_mins(u64::from(self.minutes()))
    }

    /// Length of a period of it, where the engine's is `period`: it grows with the window, so that there are some
    /// hundred and seventy at most. CloudWatch keeps minutes for 15 days, and less than a minute for three hours.
    pub fn period(self, period: Duration) -> Duration {
        let least = match self {
            Self::Five | Self::Quarter | Self::Hour => Duration::ZERO,
            Self::Three => Duration::from_mins(1),
            Self::Half => Duration::from_mins(5),
            Self::Day => Duration::from_mins(10),
            Self::Days => Duration::from_mins(30),
            Self::Week => Duration::from_hours(1),
        };
        period.max(least)
    }

    /// The next longer one, or the shortest after the longest; with `by` -1 the other way round.
    #[must_use]
    pub fn step(self, by: isize) -> Self {
        let all = Self::ALL.len();
        let here = Self::ALL.iter().position(|window| *window == self).unwrap_or(0);
        Self::ALL.get((here + all).saturating_add_signed(by) % all).copied().unwrap_or_default()
    }

    /// It in words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Five => "5 min",
            Self::Quarter => "15 min",
            Self::Hour => "1 h",
            Self::Three => "3 h",
            Self::Half => "12 h",
            Self::Day => "1 d",
            Self::Days => "3 d",
            Self::Week => "7 d",
        }
    }
}

/// Length of the engine's periods.
fn held(snapshot: &Snapshot, model: &Model) -> Duration {
    let series = &snapshot.components[model.focus_in(snapshot)].series;
    series.first().map_or(Duration::from_mins(1), |series| series.period)
}

/// The window that is to be asked for, with its periods; `None` while the engine holds as much.
pub(super) fn wanted(model: &Model, snapshot: &Snapshot) -> Option<(Window, Duration)> {
    let window = model.signals.window;
    let series = &snapshot.components[model.focus_in(snapshot)].series;
    let period = held(snapshot, model);
    let from = model.now - window.length();
    let reaches = |points: &[Point]| points.first().is_some_and(|first| first.at <= from + period);
    let is_held = window.period(period) == period && series.iter().any(|series| reaches(&series.blue));
    (!is_held && !series.is_empty()).then(|| (window, window.period(period)))
}

/// The signals over the window that is shown, in the plan's order: what was asked for, and what the engine holds where
/// that is newer.
pub fn series(model: &Model, snapshot: &Snapshot) -> Vec<Arc<SignalSeries>> {
    let live = &snapshot.components[model.focus_in(snapshot)].series;
    let asked = model.signals.long.as_ref().filter(|(window, _)| *window == model.signals.window);
    let Some(long) = asked.and_then(|(_, asked)| asked.had.as_ref()) else { return live.clone() };
    live.iter()
        .map(|live| match long.iter().find(|long| long.signal == live.signal) {
            Some(long) if long.period == live.period => Arc::new(SignalSeries {
                signal: live.signal.clone(),
                period: live.period,
                blue: joined(&long.blue, &live.blue),
                green: joined(&long.green, &live.green),
            }),
            Some(long) => Arc::clone(long),
            None => Arc::clone(live),
        })
        .collect()
}

/// Points of before `newer` begins, and all of those.
fn joined(older: &[Point], newer: &[Point]) -> Vec<Point> {
    let first = newer.first().map(|point| point.at);
    let before = older.iter().filter(|point| first.is_none_or(|first| point.at < first));
    before.chain(newer).copied().collect()
}

/// The newest period that there is a point of.
pub fn end(series: &[Arc<SignalSeries>]) -> Option<Timestamp> {
    let last = |points: &[Point]| points.last().map(|point| point.at);
    series.iter().flat_map(|series| [last(&series.blue), last(&series.green)]).flatten().max()
}

/// Moves the cursor by so many periods; past the newest one it goes.
pub(super) fn move_cursor(model: &mut Model, snapshot: &Snapshot, by: i64) {
    let series = series(model, snapshot);
    let Some((end, period)) = end(&series).zip(series.first().map(|series| series.period)) else { return };
    let step = i64::try_from(period.as_millis()).unwrap_or(i64::MAX).max(1);
    let first = end - model.signals.window.length();
    let here = model.signals.cursor.unwrap_or(end).floor_to(period);
    let there = Timestamp::from_millis(here.millis().saturating_add(step.saturating_mul(by))).max(first);
    model.signals.cursor = (there < end).then_some(there);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_grow_with_the_window_and_are_kept_by_cloudwatch() {
        for window in Window::ALL {
            for engine in [Duration::from_secs(10), Duration::from_mins(1)] {
                let period = window.period(engine);
                assert!(window.length().as_secs() / period.as_secs() <= 360, "{window:?}");
                // Less than a minute is only kept for three hours.
                assert!(period >= Duration::from_mins(1) || window.length() <= Duration::from_hours(3), "{window:?}");
            }
            assert_eq!(window.step(1).step(-1), window);
        }
    }

    #[test]
    fn what_is_newer_takes_the_place_of_what_was_asked_for() {
        let point = |secs, value| Point { at: Timestamp::from_secs(secs), value, samples: 1 };
        let older = [point(0, 1.0), point(60, 2.0), point(120, 3.0)];
        let newer = [point(120, 9.0), point(180, 4.0)];
        let values: Vec<f64> = joined(&older, &newer).iter().map(|point| point.value).collect();
        assert_eq!(values, [1.0, 2.0, 9.0, 4.0]);
        assert_eq!(joined(&older, &[]).len(), 3);
    }
}
