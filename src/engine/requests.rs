//! From log lines to what is judged: each component's requests, in ticks of two seconds.

use std::time::Duration;

use super::tail::{LATENESS, Round};
use crate::domain::components::Components;
use crate::domain::ids::Side;
use crate::domain::log::request::{RequestReader, RequestSample, Tally};
use crate::domain::plan::ComponentPlan;
use crate::domain::time::Timestamp;
use crate::judge::intake::{Intake, Outcome, Sample, TICK};
use crate::judge::tick::Tick;

/// A side that writes nothing for so long is quiet, and not late.
const QUIET: Duration = Duration::from_secs(10);

/// The requests of a component.
#[derive(Debug)]
pub(super) struct Requests {
    /// `None` for a pattern that does not work; configurations with one are refused.
    reader: Option<RequestReader>,
    /// Requests that the other side may still have to add to.
    waiting: Vec<Sample>,
    intake: Intake,
    tally: Tally,
    /// When the newest line of each side was written.
    newest: [Timestamp; 2],
}

impl Requests {
    pub(super) fn new(plan: &ComponentPlan) -> Self {
        Self {
            reader: RequestReader::new(&plan.requests).ok(),
            waiting: Vec::new(),
            // Lines come in order already, as far as anybody waits for them.
            intake: Intake::new(TICK, Duration::ZERO),
            tally: Tally::default(),
            newest: [Timestamp::default(); 2],
        }
    }

    /// Tasks of green's have died.
    pub(super) fn died(&mut self, tasks: u64, at: Timestamp) {
        if tasks > 0 {
            self.intake.died(tasks, at);
        }
    }

    /// What was counted so far.
    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    fn take(&mut self, sample: RequestSample) {
        let RequestSample { at, side, task, answer, .. } = sample;
        self.tally.add(side, answer);
        let outcome = if answer.is_error() { Outcome::Failed } else { Outcome::Answered };
        // Without a latency it is known only that it was answered: that says nothing of slowness, on either side.
        let latency = answer.latency.unwrap_or_default();
        self.intake.begin(at);
        self.waiting.push(Sample { at, side, task: task.as_str().into(), outcome, latency });
    }

    /// The ticks that are over once everything up to `until` has come.
    fn over(&mut self, until: Timestamp) -> Vec<Tick> {
        let (ready, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(|sample| sample.at < until);
        self.waiting = waiting;
        let ready: Vec<Sample> = ready;
        for sample in &ready {
            self.intake.push(sample);
        }
        self.intake.advance(until);
        self.intake.over()
    }

    /// Until when everything has come: the side that is behind says so, unless it is just quiet.
    fn complete(&self, read_at: Timestamp) -> Timestamp {
        let [blue, green] = self.newest;
        blue.min(green).max(read_at - QUIET).min(read_at - LATENESS)
    }
}

/// Takes what a reading of the logs brought; for each component the ticks that are over now.
pub(super) fn ticks(all: &mut Components<Requests>, round: &Round, read_at: Timestamp) -> Components<Vec<Tick>> {
    for line in &round.lines {
        let Some(of) = line.component.filter(|of| all.holds(*of)) else { continue };
        let requests = &mut all[of];
        if let Some(side) = line.side {
            let [blue, green] = &mut requests.newest;
            let newest = match side {
                Side::Blue => blue,
                Side::Green => green,
            };
            *newest = (*newest).max(line.at.min(read_at));
        }
        if let Some(sample) = requests.reader.as_ref().and_then(|reader| reader.sample(line)) {
            requests.take(sample);
        }
    }
    let has_all = round.error.is_none();
    let mut over = all.map(|_| Vec::new());
    for (of, requests) in all.iter_mut() {
        if round.is_sampled || round.left_out > 0 {
            // The update speaks of the last second or two; of which one, it does not say.
            for back in [Duration::ZERO, TICK] {
                requests.intake.sampled(read_at - back);
            }
            requests.tally.is_sampled = true;
        }
        if has_all && requests.tally.any() {
            over[of] = requests.over(requests.complete(read_at));
        }
    }
    over
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::fixture::{self, Scene};
    use crate::domain::components::ComponentIndex;
    use crate::domain::log::{Level, LogLine};

    const API: ComponentIndex = ComponentIndex::FIRST;

    fn line(millis: i64, side: Side, status: u16) -> LogLine {
        LogLine {
            at: at(millis),
            component: Some(API),
            side: Some(side),
            task: side.word().to_owned(),
            level: Level::Info,
            text: format!(r#"{{"status":{status},"duration_ms":40}}"#),
        }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + millis)
    }

    fn all() -> Components<Requests> {
        let plan = &fixture::snapshot(Scene::Baking).release.plan;
        plan.components.map(Requests::new)
    }

    fn round(lines: Vec<LogLine>) -> Round {
        Round { lines, ..Round::default() }
    }

    fn shape(ticks: &[Tick]) -> Vec<(i64, u64, u64, u64)> {
        let sum = |side: &[crate::judge::tick::Counts]| side.iter().map(|counts| counts.requests).sum::<u64>();
        let errors = |tick: &Tick| tick.green.iter().map(|counts| counts.errors).sum::<u64>();
        ticks
            .iter()
            .map(|tick| (tick.end.millis() - 1_000_000, sum(&tick.blue), sum(&tick.green), errors(tick)))
            .collect()
    }

    #[test]
    fn ticks_wait_for_the_side_that_is_behind_and_for_no_side_that_is_quiet() {
        let mut requests = all();
        let both = [line(0, Side::Blue, 200), line(500, Side::Green, 500), line(2_500, Side::Blue, 200)];
        let over = ticks(&mut requests, &round(both.to_vec()), at(6_000));
        assert!(over[API].is_empty(), "green has said nothing of the rest of the first two seconds");
        let over = ticks(&mut requests, &round(vec![line(4_100, Side::Green, 200)]), at(7_000));
        assert_eq!(shape(&over[API]), [(2_000, 1, 1, 1)]);
        let over = ticks(&mut requests, &round(Vec::new()), at(16_000));
        assert_eq!(shape(&over[API]), [(4_000, 1, 0, 0), (6_000, 0, 1, 0)], "ten seconds without a word are quiet");
        let Tally { blue, green, is_sampled } = requests[API].tally();
        assert_eq!((blue.requests, green.requests, green.errors, is_sampled), (2, 2, 1, false));
    }

    #[test]
    fn a_failed_reading_ends_no_tick_and_a_sample_is_marked() {
        let mut requests = all();
        ticks(&mut requests, &round(vec![line(0, Side::Blue, 200), line(100, Side::Green, 200)]), at(1_000));
        let failed = crate::cloud::CloudError {
            kind: crate::cloud::ErrorKind::Throttled,
            operation: "logs:FilterLogEvents",
            message: "slow down".to_owned(),
        };
        let over = ticks(&mut requests, &Round { error: Some(failed), ..Round::default() }, at(60_000));
        assert!(over[API].is_empty());
        let over = ticks(&mut requests, &Round { is_sampled: true, ..Round::default() }, at(3_500));
        assert!(over[API].is_empty());
        let over = ticks(&mut requests, &round(Vec::new()), at(15_000));
        let marks: Vec<_> =
            over[API].iter().map(|tick| tick.counting == crate::judge::tick::Counting::Sampled).collect();
        assert_eq!(marks, [true, true]);
        assert!(requests[API].tally().is_sampled);
    }
}
