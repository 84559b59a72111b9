//! Following the logs: polled with overlap, repeats left out, every line made harmless before anybody sees it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::lines;
use super::snapshot::Source;
use crate::clock::Clock;
use crate::cloud::{Cloud, CloudError, LogEvent, LogRequest, TaskBrief};
use crate::domain::components::ComponentIndex;
use crate::domain::ids::Side;
use crate::domain::log::LogLine;
use crate::domain::plan::Sides;
use crate::domain::redact::Redactor;
use crate::domain::time::Timestamp;

/// Events asked for in one call.
const PAGE: u32 = 1_000;

/// Calls for one group in one round; what is beyond is left out, and said to be.
const PAGES: usize = 3;

/// CloudWatch Logs makes events readable out of order within about this time.
const OVERLAP: Duration = Duration::from_secs(10);

/// How far back the first round looks.
const FIRST_LOOK: Duration = Duration::from_mins(1);

/// Event ids remembered to leave out repeats.
const REMEMBERED: usize = 20_000;

/// What one round brought.
#[derive(Debug, Default)]
pub(super) struct Round {
    pub(super) lines: Vec<LogLine>,
    /// At least this many events were left out because there were too many.
    pub(super) left_out: u64,
    pub(super) calls: u64,
    pub(super) error: Option<CloudError>,
}

/// Follows log groups.
pub(super) struct Tailer {
    cloud: Arc<dyn Cloud>,
    clock: Clock,
    groups: Vec<String>,
    redactor: Redactor,
    since: HashMap<String, Timestamp>,
    seen: Seen,
}

/// Which component and side each task belongs to.
#[derive(Clone, Debug, Default)]
pub(super) struct TaskSides {
    known: HashMap<String, (ComponentIndex, Side)>,
    /// Tasks that were asked about in vain: of other services that share the log group.
    foreign: HashSet<String>,
}

impl TaskSides {
    pub(super) fn learn(&mut self, tasks: &[TaskBrief], of: ComponentIndex, sides: &Sides) {
        for task in tasks {
            if let Some(side) = Side::BOTH.into_iter().find(|side| sides.of(*side).service == task.service) {
                self.known.insert(task.id.clone(), (of, side));
            }
        }
    }

    /// Whether the tasks have been asked about at all.
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether there is a task among these lines that was not asked about yet.
    pub(super) fn misses(&mut self, lines: &[LogLine]) -> bool {
        let mut is_new = false;
        for line in lines.iter().filter(|line| line.side.is_none()) {
            is_new |= !self.foreign.contains(&line.task) && self.foreign.insert(line.task.clone());
        }
        is_new
    }

    fn of(&self, task: &str) -> Option<(ComponentIndex, Side)> {
        self.known.get(task).copied()
    }
}

impl Tailer {
    pub(super) fn new(cloud: Arc<dyn Cloud>, clock: Clock, groups: Vec<String>, redactor: Redactor) -> Self {
        Self { cloud, clock, groups, redactor, since: HashMap::new(), seen: Seen::default() }
    }

    /// Reads what is new in all groups.
    pub(super) async fn round(mut self, sides: TaskSides) -> (Self, Round) {
        let mut round = Round::default();
        for group in self.groups.clone() {
            if let Err(error) = self.read(&group, &sides, &mut round).await {
                round.error = Some(error);
            }
        }
        round.lines.sort_by_key(|line| line.at);
        (self, round)
    }

    async fn read(&mut self, group: &str, sides: &TaskSides, round: &mut Round) -> Result<(), CloudError> {
        let now = self.clock.now();
        let since = self.since.get(group).copied().unwrap_or(now - FIRST_LOOK);
        let mut cursor: Option<String> = None;
        let mut newest = since;
        for page in 0..PAGES {
            let request = LogRequest { group, since: since - OVERLAP, cursor: cursor.as_deref(), limit: PAGE };
            round.calls += 1;
            let found = self.cloud.logs(&request).await?;
            for event in found.events {
                newest = newest.max(event.at);
                if self.seen.is_new(&event.id) {
                    round.lines.push(self.line(event, sides));
                }
            }
            cursor = found.cursor;
            if cursor.is_none() {
                break;
            }
            if page + 1 == PAGES {
                // Too much to read: go on from now, and say so.
                round.left_out += u64::from(PAGE);
                newest = now;
            }
        }
        self.since.insert(group.to_owned(), newest.max(since));
        Ok(())
    }

    fn line(&self, event: LogEvent, sides: &TaskSides) -> LogLine {
        let (level, text) = lines::read(&event.message);
        let task = event.stream.rsplit('/').next().unwrap_or_default();
        let origin = sides.of(task);
        LogLine {
            at: event.at,
            component: origin.map(|(of, _)| of),
            side: origin.map(|(_, side)| side),
            task: self.redactor.clean(task),
            level,
            text: self.redactor.clean(&text),
        }
    }

    /// The source that it shows up as.
    pub(super) const SOURCE: Source = Source::Logs;
}

/// Event ids seen lately.
#[derive(Debug, Default)]
struct Seen {
    ids: HashSet<String>,
    order: VecDeque<String>,
}

impl Seen {
    fn is_new(&mut self, id: &str) -> bool {
        if !self.ids.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}
