//! What is kept of what was seen, for whoever looks back: new points, alarms, stopped tasks and a few error lines. It
//! moves nothing, and is bounded.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use super::clean::Cleaner;
use super::snapshot::{AlarmView, AlarmWord};
use crate::cloud::TaskBrief;
use crate::domain::components::ComponentIndex;
use crate::domain::evidence::Evidence;
use crate::domain::ids::{AlarmName, Side};
use crate::domain::log::reading::read;
use crate::domain::log::{Level, LogLine};
use crate::domain::observed::{AlarmSeen, Points, PointsOf, RequestTick, Requests, Seen, StoppedTask};
use crate::domain::time::Timestamp;
use crate::journal::{Entry, Record};

/// While nothing is wrong, one error line of each side is kept in this time.
const SAMPLE: Duration = Duration::from_secs(30);

/// Error lines of each side that are kept when something turns out to be wrong: the last before that.
const LAST: usize = 40;

/// Characters kept of an error line.
const LINE_LENGTH: usize = 400;

/// Stopped tasks kept by one engine.
const TASKS: usize = 100;

/// Spans of two seconds of a component's requests that are kept: two hours of them.
const TICKS: usize = 3_600;

/// Keeps what was seen until it is appended to the journal, together with whatever is appended next: looking costs no
/// write of its own.
#[derive(Debug, Default)]
pub(super) struct Witness {
    pending: Vec<Record>,
    alarms: BTreeMap<(ComponentIndex, AlarmName), AlarmWord>,
    stopped: HashSet<String>,
    errors: HashMap<Whose, Errors>,
    ticks: BTreeMap<ComponentIndex, usize>,
}

/// Whose error lines: of which component and which side, as far as that is known.
type Whose = (Option<ComponentIndex>, Option<Side>);

/// Error lines of one side.
#[derive(Debug, Default)]
struct Errors {
    /// When one was last kept.
    kept: Option<Timestamp>,
    /// The last ones that were not.
    last: VecDeque<LogLine>,
}

impl Witness {
    /// Everything that is not yet in the journal, oldest first.
    pub(super) fn take(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.pending)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    fn keep(&mut self, seen: Seen, at: Timestamp) {
        self.pending.push(Record { at, entry: Entry::Seen(seen) });
    }

    /// Points that are new, or were corrected.
    pub(super) fn points(&mut self, component: ComponentIndex, period: Duration, of: Vec<PointsOf>, at: Timestamp) {
        if !of.is_empty() {
            self.keep(Seen::Points(Points { component, period, of }), at);
        }
    }

    /// All alarms of a component; those are kept whose state is new.
    pub(super) fn alarms(&mut self, component: ComponentIndex, views: &[AlarmView], at: Timestamp) {
        let mut new = Vec::new();
        for view in views {
            if self.alarms.insert((component, view.name.clone()), view.state) != Some(view.state) {
                let AlarmView { name, state, since, reason, .. } = view.clone();
                new.push(AlarmSeen { component, name, state, since, reason });
            }
        }
        if !new.is_empty() {
            self.keep(Seen::Alarms(new), at);
        }
    }

    /// A component's tasks as ECS lists them; those are kept that have stopped since the last look.
    /// So many of green's among them come back: they died.
    pub(super) fn tasks(
        &mut self,
        component: ComponentIndex,
        tasks: &[TaskBrief],
        cleaner: &Cleaner,
        at: Timestamp,
    ) -> u64 {
        let mut new = Vec::new();
        for task in tasks {
            let Some(reason) = &task.stopped else { continue };
            if self.stopped.len() < TASKS && self.stopped.insert(task.id.clone()) {
                let side = Some(task.side);
                new.push(StoppedTask { component, task: cleaner.text(&task.id), side, reason: cleaner.text(reason) });
            }
        }
        let died = new.iter().filter(|task| task.side == Some(Side::Green)).count();
        if !new.is_empty() {
            self.keep(Seen::Stopped(new), at);
        }
        u64::try_from(died).unwrap_or(u64::MAX)
    }

    /// Requests that were just judged. Of a release that takes long the first hours are kept.
    pub(super) fn requests(&mut self, component: ComponentIndex, mut ticks: Vec<RequestTick>, at: Timestamp) {
        let kept = self.ticks.entry(component).or_default();
        ticks.truncate(TICKS.saturating_sub(*kept));
        *kept += ticks.len();
        if !ticks.is_empty() {
            self.keep(Seen::Requests(Requests { component, ticks }), at);
        }
    }

    /// Lines that were just read, oldest first. Of the errors now and then one is kept; the last others are held, for the
    /// case that something turns out to be wrong.
    pub(super) fn lines(&mut self, lines: &[LogLine], at: Timestamp) {
        let mut kept = Vec::new();
        for line in lines.iter().filter(|line| line.level == Level::Error) {
            let text = read(&line.text).chars().take(LINE_LENGTH).collect();
            let LogLine { at: written, component, side, level, .. } = *line;
            let line = LogLine { at: written, component, side, task: line.task.clone(), level, text };
            let errors = self.errors.entry((line.component, line.side)).or_default();
            if errors.kept.is_none_or(|kept| at.since(kept) >= SAMPLE) {
                errors.kept = Some(at);
                kept.push(line);
                continue;
            }
            errors.last.push_back(line);
            if errors.last.len() > LAST {
                errors.last.pop_front();
            }
        }
        self.keep_lines(kept, at);
    }

    /// Something is wrong, or it is over: the last error lines of each side are kept.
    pub(super) fn turned(&mut self, at: Timestamp) {
        let mut held: Vec<LogLine> =
            self.errors.values_mut().flat_map(|errors| std::mem::take(&mut errors.last)).collect();
        held.sort_by_key(|line| line.at);
        self.keep_lines(held, at);
    }

    fn keep_lines(&mut self, lines: Vec<LogLine>, at: Timestamp) {
        if !lines.is_empty() {
            self.keep(Seen::Lines(lines), at);
        }
    }

    /// What was known at a decision.
    pub(super) fn evidence(evidence: Evidence) -> Entry {
        Entry::Seen(Seen::Evidence(evidence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::fixture;
    use crate::domain::redact::Redactor;

    const AT: Timestamp = Timestamp::from_secs(9);

    fn line(side: Side, level: Level, text: &str) -> LogLine {
        LogLine {
            at: AT,
            component: Some(ComponentIndex::FIRST),
            side: Some(side),
            task: "t".to_owned(),
            level,
            text: text.to_owned(),
        }
    }

    fn kept(witness: &mut Witness) -> Vec<Seen> {
        let seen = |record: Record| match record.entry {
            Entry::Seen(seen) => seen,
            other => panic!("{other:?}"),
        };
        witness.take().into_iter().map(seen).collect()
    }

    #[test]
    fn now_and_then_an_error_is_kept_and_the_last_ones_once_something_is_wrong() {
        let texts = |seen: Vec<Seen>| -> Vec<String> {
            let lines =
                seen.into_iter().filter_map(|seen| if let Seen::Lines(lines) = seen { Some(lines) } else { None });
            lines.flatten().map(|line| line.text).collect()
        };
        let mut witness = Witness::default();
        let lines = |from: u32| -> Vec<LogLine> {
            let green = (from..from + 60).map(|n| line(Side::Green, Level::Error, &n.to_string()));
            green.chain([line(Side::Blue, Level::Warn, "no error"), line(Side::Blue, Level::Error, "blue")]).collect()
        };
        for (round, secs) in [(0, 0), (1, 10), (2, 20), (3, 30)] {
            witness.lines(&lines(round * 100), AT + Duration::from_secs(secs));
        }
        assert_eq!(texts(kept(&mut witness)), ["0", "blue", "300", "blue"]);
        witness.turned(AT);
        let last = texts(kept(&mut witness));
        assert_eq!((last.len(), last.iter().filter(|text| *text == "blue").count()), (LAST + 2, 2));
        assert!(last.contains(&"359".to_owned()) && last.contains(&"320".to_owned()), "{last:?}");
        witness.turned(AT);
        assert!(witness.is_empty(), "they are kept once");
        let long = line(Side::Green, Level::Error, &"x".repeat(2_000));
        witness.lines(&[long], AT + Duration::from_mins(5));
        assert_eq!(texts(kept(&mut witness)), ["x".repeat(LINE_LENGTH)]);
    }

    #[test]
    fn an_alarm_is_kept_when_its_state_changes_and_a_task_when_it_stops() {
        let mut witness = Witness::default();
        let ok = [fixture::alarm("a", AlarmWord::Ok, false), fixture::alarm("b", AlarmWord::Ok, false)];
        let fires = [fixture::alarm("a", AlarmWord::Firing, false), fixture::alarm("b", AlarmWord::Ok, false)];
        for views in [&ok, &ok, &fires, &fires] {
            witness.alarms(ComponentIndex::FIRST, views, AT);
        }
        let counts: Vec<usize> = kept(&mut witness)
            .iter()
            .map(|seen| if let Seen::Alarms(alarms) = seen { alarms.len() } else { 0 })
            .collect();
        assert_eq!(counts, [2, 1]);
        let task = |id: &str, stopped: Option<&str>| TaskBrief {
            id: id.to_owned(),
            side: Side::Green,
            stopped: stopped.map(str::to_owned),
        };
        let mut died = 0;
        for tasks in [vec![task("1", None)], vec![task("1", Some("password=abc"))], vec![task("1", Some("again"))]] {
            died += witness.tasks(ComponentIndex::FIRST, &tasks, &Cleaner::new(Redactor::default()), AT);
        }
        assert_eq!(died, 1, "each of green's tasks dies once");
        let stopped = StoppedTask {
            component: ComponentIndex::FIRST,
            task: "1".to_owned(),
            side: Some(Side::Green),
            reason: "password=••••".to_owned(),
        };
        assert_eq!(kept(&mut witness), [Seen::Stopped(vec![stopped])]);
    }
}
