//! Ticks of a source that knows only counts of minutes: error rates with the requests they rest on, of each side.

use std::collections::BTreeMap;
use std::time::Duration;

use super::tick::{Counts, Tick};
use crate::domain::signal::Point;
use crate::domain::time::Timestamp;

/// A minute that only one side has shown is waited for so long: the other's point may just be late.
const LATE: Duration = Duration::from_mins(4);

/// The ticks of error rates in percent, oldest first, as known at `now`: each minute that both sides have shown, and older
/// ones of either.
pub fn ticks(blue: &[Point], green: &[Point], period: Duration, now: Timestamp) -> Vec<Tick> {
    let mut minutes: BTreeMap<Timestamp, (Option<Counts>, Option<Counts>)> = BTreeMap::new();
    for point in blue {
        minutes.entry(point.at).or_default().0 = Some(counts(point));
    }
    for point in green {
        minutes.entry(point.at).or_default().1 = Some(counts(point));
    }
    let newest = minutes.iter().rev().find(|(_, both)| both.0.is_some() && both.1.is_some()).map(|(at, _)| *at);
    minutes
        .into_iter()
        .filter(|(at, _)| newest.is_some_and(|newest| *at <= newest) || *at + period + LATE <= now)
        .map(|(at, (blue, green))| Tick {
            end: at + period,
            blue: blue.into_iter().collect(),
            green: green.into_iter().collect(),
            ..Tick::default()
        })
        .collect()
}

fn counts(point: &Point) -> Counts {
    let errors = (point.value.clamp(0.0, 100.0) / 100.0 * point.samples as f64).round() as u64;
    Counts { requests: point.samples, errors, ..Counts::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(of: &[(i64, f64, u64)]) -> Vec<Point> {
        of.iter().map(|(minute, value, samples)| Point { at: at(*minute), value: *value, samples: *samples }).collect()
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_secs(60 * minute)
    }

    #[test]
    fn minutes_of_both_sides_are_ticks_and_a_missing_one_is_waited_for() {
        let blue = points(&[(1, 1.0, 900), (2, 0.0, 900), (3, 0.0, 900), (4, 0.0, 900)]);
        let green = points(&[(1, 2.04, 98), (3, 100.0, 100)]);
        let shape = |now| -> Vec<(i64, u64, u64)> {
            let sum = |side: &[Counts], of: fn(&Counts) -> u64| side.iter().map(of).sum();
            ticks(&blue, &green, Duration::from_mins(1), at(now))
                .iter()
                .map(|tick| {
                    (
                        tick.end.secs() / 60,
                        sum(&tick.blue, |counts| counts.errors),
                        sum(&tick.green, |counts| counts.errors),
                    )
                })
                .collect()
        };
        assert_eq!(shape(6), [(2, 9, 2), (3, 0, 0), (4, 0, 100)]);
        assert_eq!(shape(9), [(2, 9, 2), (3, 0, 0), (4, 0, 100), (5, 0, 0)]);
    }
}
