//! Makes ticks of single requests, as a log brings them: nearly in order, now and then late.

use std::collections::BTreeMap;
use std::time::Duration;

use super::tick::{Counting, Counts, Tick};
use crate::domain::ids::{Side, TaskId};
use crate::domain::time::Timestamp;

/// A tick, as it is judged best: short enough that nothing changes within it, long enough to hold requests of both sides.
pub const TICK: Duration = Duration::from_secs(2);

/// Silence beyond this is passed over at once and not tick by tick.
const LONGEST_SILENCE: Duration = Duration::from_hours(1);

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered.
    Answered,
    /// It failed: a status of 500 and above, or none at all.
    Failed,
}

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// When it ended.
    pub at: Timestamp,
    /// Who served it.
    pub side: Side,
    /// Which task of that side.
    pub task: TaskId,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took, in milliseconds.
    pub latency: f64,
}

/// Requests on their way into ticks.
#[derive(Clone, Debug)]
pub struct Intake {
    tick: Duration,
    lateness: Duration,
    origin: Option<Timestamp>,
    /// Where the next tick begins.
    from: Timestamp,
    newest: Timestamp,
    open: BTreeMap<u64, Tick>,
    late: u64,
}

impl Intake {
    /// Ticks of `tick`, each held open for requests that come up to `lateness` after newer ones.
    pub fn new(tick: Duration, lateness: Duration) -> Self {
        Self {
            tick: tick.max(Duration::from_millis(1)),
            lateness,
            origin: None,
            from: Timestamp::default(),
            newest: Timestamp::default(),
            open: BTreeMap::new(),
            late: 0,
        }
    }

    /// Ticks are counted from here on; before, from the first request.
    pub fn begin(&mut self, at: Timestamp) {
        if self.origin.is_none() {
            self.origin = Some(at);
            self.from = at;
            self.newest = at;
        }
    }

    /// Takes a request. One whose tick is over already is counted, and not judged.
    pub fn push(&mut self, sample: &Sample) {
        self.begin(sample.at);
        if sample.at < self.from {
            self.late += 1;
            return;
        }
        self.newest = self.newest.max(sample.at);
        let Some(tick) = self.slot(sample.at) else { return };
        let side = match sample.side {
            Side::Blue => &mut tick.blue,
            Side::Green => &mut tick.green,
        };
        let position = side.iter().position(|counts| counts.task == sample.task).unwrap_or_else(|| {
            side.push(Counts { task: sample.task.clone(), ..Counts::default() });
            side.len() - 1
        });
        let Some(counts) = side.get_mut(position) else { return };
        counts.requests += 1;
        match sample.outcome {
            Outcome::Failed => counts.errors += 1,
            Outcome::Answered => counts.latency.add(sample.latency),
        }
    }

    /// Some requests that ended at `at` were left out by the source.
    pub fn sampled(&mut self, at: Timestamp) {
        if at >= self.from
            && let Some(tick) = self.slot(at)
        {
            tick.counting = Counting::Sampled;
        }
    }

    /// Tasks of green's died at `at`.
    pub fn died(&mut self, tasks: u64, at: Timestamp) {
        if let Some(tick) = self.slot(at.max(self.from)) {
            tick.deaths += tasks;
        }
    }

    fn slot(&mut self, at: Timestamp) -> Option<&mut Tick> {
        let number = at.since(self.origin?).as_millis() / self.tick.as_millis();
        Some(self.open.entry(u64::try_from(number).unwrap_or(u64::MAX)).or_default())
    }

    /// The time has come to `now`, even if no request says so: a quiet side is news as well.
    pub fn advance(&mut self, now: Timestamp) {
        self.newest = self.newest.max(now);
    }

    /// The ticks that are over, oldest first, those without a request among them.
    pub fn over(&mut self) -> Vec<Tick> {
        self.until(self.newest - self.lateness)
    }

    /// All ticks that hold a request, however new it is.
    pub fn rest(&mut self) -> Vec<Tick> {
        self.until(self.newest + self.tick)
    }

    fn until(&mut self, until: Timestamp) -> Vec<Tick> {
        let mut ticks = Vec::new();
        let Some(origin) = self.origin else { return ticks };
        while self.from + self.tick <= until {
            let number = self.from.since(origin).as_millis() / self.tick.as_millis();
            let found = self.open.remove(&u64::try_from(number).unwrap_or(u64::MAX));
            if found.is_none() {
                self.skip_silence(origin, until);
            }
            let end = self.from + self.tick;
            ticks.push(Tick { end, ..found.unwrap_or_default() });
            self.from = end;
        }
        ticks
    }

    /// Passes over a silence that is far too long to be judged.
    fn skip_silence(&mut self, origin: Timestamp, until: Timestamp) {
        let ticks =
            |number: u64| u32::try_from(number).map_or(Duration::MAX, |number| self.tick.saturating_mul(number));
        let next = self.open.keys().next().map_or(until - self.tick, |number| origin + ticks(*number));
        if next.since(self.from) > LONGEST_SILENCE {
            let whole = next.since(origin).as_millis() / self.tick.as_millis();
            self.from = origin + ticks(u64::try_from(whole).unwrap_or(u64::MAX).saturating_sub(1));
        }
    }

    /// Requests that came too late to be judged.
    pub fn late(&self) -> u64 {
        self.late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(millis: i64, side: Side) -> Sample {
        let at = Timestamp::from_millis(1_000_000 + millis);
        Sample { at, side, task: "a".into(), outcome: Outcome::Answered, latency: 80.0 }
    }

    fn shape(ticks: &[Tick]) -> Vec<(i64, u64, u64)> {
        let requests = |side: &[Counts]| side.iter().map(|counts| counts.requests).sum();
        ticks.iter().map(|tick| (tick.end.millis() - 1_000_000, requests(&tick.blue), requests(&tick.green))).collect()
    }

    #[test]
    fn ticks_follow_each_other_and_silence_is_one_as_well() {
        let mut intake = Intake::new(TICK, Duration::from_secs(1));
        for (millis, side) in
            [(0, Side::Blue), (1_999, Side::Green), (2_000, Side::Blue), (1_500, Side::Blue), (7_100, Side::Blue)]
        {
            intake.push(&sample(millis, side));
        }
        assert_eq!(shape(&intake.over()), [(2_000, 2, 1), (4_000, 1, 0), (6_000, 0, 0)]);
        intake.push(&sample(5_000, Side::Blue));
        assert_eq!((intake.late(), intake.over().len()), (1, 0));
        intake.advance(Timestamp::from_millis(1_009_100));
        assert_eq!(shape(&intake.over()), [(8_000, 1, 0)]);
        assert_eq!(shape(&intake.rest()), [(10_000, 0, 0)]);
    }

    #[test]
    fn a_silence_of_years_is_passed_over() {
        let mut intake = Intake::new(TICK, Duration::ZERO);
        intake.push(&sample(0, Side::Blue));
        intake.push(&sample(1_000 * 60 * 60 * 24 * 365 * 50, Side::Blue));
        let ticks = intake.rest();
        assert!(ticks.len() < 10 && shape(&ticks).iter().map(|(_, blue, _)| blue).sum::<u64>() == 2, "{}", ticks.len());
    }
}
