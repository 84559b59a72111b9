//! What is kept of what was seen, for whoever looks back: new points, alarms, stopped tasks and a few error lines. It
//! moves nothing, and is bounded.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::snapshot::{AlarmView, AlarmWord};
use crate::cloud::TaskBrief;
use crate::domain::evidence::Evidence;
use crate::domain::ids::{AlarmName, Side};
use crate::domain::log::{Level, LogLine};
use crate::domain::observed::{AlarmSeen, Points, Seen, StoppedTask};
use crate::domain::plan::Sides;
use crate::domain::redact::Redactor;
use crate::domain::time::Timestamp;
use crate::journal::{Entry, Record};

/// Error lines kept of one side and one reading.
const LINES_AT_ONCE: usize = 5;

/// Error lines kept by one engine.
const LINES: usize = 400;

/// Characters kept of an error line.
const LINE_LENGTH: usize = 400;

/// Stopped tasks kept by one engine.
const TASKS: usize = 100;

/// Keeps what was seen until it is appended to the journal, together with whatever is appended next: looking costs no
/// write of its own.
#[derive(Debug, Default)]
pub(super) struct Witness {
    pending: Vec<Record>,
    alarms: BTreeMap<AlarmName, AlarmWord>,
    stopped: HashSet<String>,
    lines: usize,
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
    pub(super) fn points(&mut self, points: Points, at: Timestamp) {
        if !points.of.is_empty() {
            self.keep(Seen::Points(points), at);
        }
    }

    /// All alarms; those are kept whose state is new.
    pub(super) fn alarms(&mut self, views: &[AlarmView], at: Timestamp) {
        let mut new = Vec::new();
        for view in views {
            if self.alarms.insert(view.name.clone(), view.state) != Some(view.state) {
                let AlarmView { name, state, since, reason, .. } = view.clone();
                new.push(AlarmSeen { name, state, since, reason });
            }
        }
        if !new.is_empty() {
            self.keep(Seen::Alarms(new), at);
        }
    }

    /// Tasks as ECS lists them; those are kept that have stopped since the last look.
    pub(super) fn tasks(&mut self, tasks: &[TaskBrief], sides: &Sides, redactor: &Redactor, at: Timestamp) {
        let mut new = Vec::new();
        for task in tasks {
            let Some(reason) = &task.stopped else { continue };
            if self.stopped.len() < TASKS && self.stopped.insert(task.id.clone()) {
                let side = Side::BOTH.into_iter().find(|side| sides.of(*side).service == task.service);
                new.push(StoppedTask { task: redactor.clean(&task.id), side, reason: redactor.clean(reason) });
            }
        }
        if !new.is_empty() {
            self.keep(Seen::Stopped(new), at);
        }
    }

    /// Lines that were just read; the last errors of each side are kept.
    pub(super) fn lines(&mut self, lines: &[LogLine], at: Timestamp) {
        let mut counts: HashMap<Option<Side>, usize> = HashMap::new();
        let mut kept: Vec<LogLine> = Vec::new();
        for line in lines.iter().rev().filter(|line| line.level == Level::Error) {
            let count = counts.entry(line.side).or_default();
            if *count >= LINES_AT_ONCE || self.lines + kept.len() >= LINES {
                continue;
            }
            *count += 1;
            kept.push(LogLine { text: line.text.chars().take(LINE_LENGTH).collect(), ..line.clone() });
        }
        self.lines += kept.len();
        kept.reverse();
        if !kept.is_empty() {
            self.keep(Seen::Lines(kept), at);
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

    const AT: Timestamp = Timestamp::from_secs(9);

    fn line(side: Side, level: Level, text: &str) -> LogLine {
        LogLine { at: AT, side: Some(side), task: "t".to_owned(), level, text: text.to_owned() }
    }

    fn kept(witness: &mut Witness) -> Vec<Seen> {
        let seen = |record: Record| match record.entry {
            Entry::Seen(seen) => seen,
            other => panic!("{other:?}"),
        };
        witness.take().into_iter().map(seen).collect()
    }

    #[test]
    fn the_last_errors_of_each_side_are_kept_and_never_more_than_the_bound() {
        let mut witness = Witness::default();
        let mut lines: Vec<LogLine> = (0..8).map(|n| line(Side::Green, Level::Error, &n.to_string())).collect();
        lines.push(line(Side::Blue, Level::Error, "blue"));
        lines.push(line(Side::Blue, Level::Warn, "no error"));
        lines.push(line(Side::Blue, Level::Error, &"x".repeat(2_000)));
        witness.lines(&lines, AT);
        let Some(Seen::Lines(first)) = kept(&mut witness).pop() else { panic!("nothing was kept") };
        let texts: Vec<&str> = first.iter().map(|line| &line.text[..line.text.len().min(4)]).collect();
        assert_eq!(texts, ["3", "4", "5", "6", "7", "blue", "xxxx"]);
        assert_eq!(first.last().map(|line| line.text.len()), Some(LINE_LENGTH));
        for _ in 0..200 {
            witness.lines(&lines, AT);
        }
        let all: usize =
            kept(&mut witness).iter().map(|seen| if let Seen::Lines(lines) = seen { lines.len() } else { 0 }).sum();
        assert_eq!(all + first.len(), LINES);
    }

    #[test]
    fn an_alarm_is_kept_when_its_state_changes_and_a_task_when_it_stops() {
        let mut witness = Witness::default();
        let ok = [fixture::alarm("a", AlarmWord::Ok, false), fixture::alarm("b", AlarmWord::Ok, false)];
        let fires = [fixture::alarm("a", AlarmWord::Firing, false), fixture::alarm("b", AlarmWord::Ok, false)];
        for views in [&ok, &ok, &fires, &fires] {
            witness.alarms(views, AT);
        }
        let counts: Vec<usize> = kept(&mut witness)
            .iter()
            .map(|seen| if let Seen::Alarms(alarms) = seen { alarms.len() } else { 0 })
            .collect();
        assert_eq!(counts, [2, 1]);
        let sides = fixture::plan().sides;
        let task = |id: &str, stopped: Option<&str>| TaskBrief {
            id: id.to_owned(),
            service: sides.green.service.clone(),
            stopped: stopped.map(str::to_owned),
        };
        for tasks in [vec![task("1", None)], vec![task("1", Some("password=abc"))], vec![task("1", Some("again"))]] {
            witness.tasks(&tasks, &sides, &Redactor::default(), AT);
        }
        let stopped =
            StoppedTask { task: "1".to_owned(), side: Some(Side::Green), reason: "password=••••".to_owned() };
        assert_eq!(kept(&mut witness), [Seen::Stopped(vec![stopped])]);
    }
}
