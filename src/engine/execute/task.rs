//! Tasks that ECS runs once: started with a token that tells repeats, found again by the name they were started under,
//! followed to their end, stopped when given up.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::Said;
use super::command::{Tail, readable};
use crate::clock::Clock;
use crate::cloud::{Cloud, CloudError, ErrorKind, LogRequest, TaskRun, TaskState};
use crate::domain::effect::{Failure, Intent, Outcome};
use crate::domain::one_off::{OneOff, Piece};
use crate::domain::plan::Plan;
use crate::domain::redact::Redactor;
use crate::domain::time::Timestamp;

/// What ECS shows as the reason why a task was stopped.
const GIVEN_UP: &str = "given up by cutover";

/// How often a running task is looked at.
const LOOK: Duration = Duration::from_secs(3);

/// Log events asked for in one call.
const PAGE: u32 = 1_000;

/// Calls for log events at one look: the group may be one that all of production writes to.
const PAGES: usize = 5;

/// What arrives in CloudWatch Logs out of order is looked for again this far back.
const OVERLAP: Duration = Duration::from_secs(10);

/// ECS may not know a task for so long after it said that it started it.
const KNOWN_BY: Duration = Duration::from_mins(1);

/// Lines that reach CloudWatch Logs after the task's end are waited for this long.
const LAST_LINES: Duration = Duration::from_secs(6);

/// What was asked for may only be seen this much later: a call that was given up can still take effect, and lists lag.
const SEEN_BY: Duration = Duration::from_secs(20);

/// ECS remembers tasks that have stopped for an hour: a little less is sure.
const REMEMBERED: Duration = Duration::from_mins(55);

/// What a task needs to be run and followed.
pub(super) struct Follow<'a> {
    pub(super) cloud: &'a Arc<dyn Cloud>,
    pub(super) clock: Clock,
    pub(super) intent: &'a Intent,
    pub(super) one_off: &'a OneOff,
    pub(super) redactor: &'a Redactor,
    pub(super) said: &'a mpsc::Sender<Said>,
    /// The log group that it writes to.
    pub(super) logs: Option<&'a str>,
}

/// By what ECS knows a task: the same for every try to start one run of one part of a stage, and for no other.
#[derive(Debug)]
pub(super) struct Mark {
    /// Tells repeats. At most 64 characters, which is all that ECS takes.
    pub(super) token: String,
    /// What it is listed by. At most 128 characters of those that ECS takes.
    pub(super) started_by: String,
}

impl Mark {
    /// That of a stage's task; `release` is unique among all releases.
    pub(super) fn new(plan: &Plan, stage: usize, release: &str, task: &OneOff) -> Self {
        let what = match task.piece {
            Piece::Part(part) => part.to_string(),
            Piece::Undo => "undo".to_owned(),
        };
        // FNV-1a, as for every name that must be the same in every build.
        let hash = |seed: u64| {
            let bytes = format!("{release} {stage}.{what} {}", task.attempt);
            bytes.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
        };
        let unique = format!("{:016x}{:016x}", hash(0xcbf2_9ce4_8422_2325), hash(0x8422_2325_cbf2_9ce4));
        let name = plan.stage(stage).map(|stage| stage.name.to_string()).unwrap_or_default();
        let is_taken = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/');
        let readable = format!("{release}/{name}/{what}");
        // What people read is cut, what tells tasks apart is not.
        let readable: String = readable.chars().map(|c| if is_taken(c) { c } else { '_' }).take(80).collect();
        Self { token: format!("cutover-{unique}"), started_by: format!("cutover/{readable}/{unique}") }
    }
}

/// Runs a task to its end, or follows the one that was started before.
pub(super) async fn run(follow: Follow<'_>, run: &TaskRun<'_>) -> Outcome {
    let begun = follow.clock.now();
    let task = match &follow.one_off.task {
        Some(task) => task.clone(),
        None => match find_or_start(&follow, run).await {
            Ok(task) => {
                let told = Said::Task { effect: follow.intent.id, task: task.clone() };
                let _nobody_listens = follow.said.send(told).await;
                task
            }
            Err(outcome) => return outcome,
        },
    };
    let mut lines =
        Lines { follow: &follow, task: &task, since: begun, cursor: None, seen: HashSet::new(), tail: Tail::default() };
    let end = loop {
        follow.clock.sleep(LOOK).await;
        lines.read().await;
        match follow.cloud.task_state(&task, run.container).await {
            Ok(TaskState::Running(_)) => {}
            Ok(TaskState::Stopped { code, reason }) => break (code, reason),
            Err(error) if error.is_transient() => {}
            Err(error) if error.kind == ErrorKind::NotFound && follow.clock.now().since(begun) < KNOWN_BY => {}
            Err(error) => return failed(&error),
        }
    };
    follow.clock.sleep(LAST_LINES).await;
    lines.read().await;
    let tail = lines.tail.into();
    match end {
        (Some(code), _) => Outcome::Exited { code: Some(code), tail },
        (None, reason) => {
            Outcome::NeverRan { why: follow.redactor.clean(&format!("the task did not run to its end: {reason}")) }
        }
    }
}

/// The task that an earlier try has started, or else a new one.
async fn find_or_start(follow: &Follow<'_>, run: &TaskRun<'_>) -> Result<String, Outcome> {
    let is_first = follow.intent.attempt == 1;
    if !is_first {
        if let Some(task) = find(follow, run).await? {
            return Ok(task);
        }
        if follow.clock.now().since(follow.one_off.asked) > REMEMBERED {
            let message = "ECS shows no task that an earlier try may have started, and forgets them within an hour: \
                           whether it has run is unknown; look, then retry or skip";
            return Err(Outcome::Failed(Failure { transient: false, message: message.to_owned() }));
        }
    }
    let error = match follow.cloud.run_task(run).await {
        Ok(task) => return Ok(task),
        Err(error) => error,
    };
    if error.kind == ErrorKind::Conflict {
        return find_despite(follow, run, &error).await;
    }
    if is_first && !error.is_transient() {
        // ECS has said no, and nobody has asked it before.
        return Err(Outcome::NeverRan { why: error.to_string() });
    }
    Err(failed(&error))
}

/// ECS has started a task with this token and a request that differs from this one, by the service's network for one: asking
/// again would never help, and another token could run it twice.
async fn find_despite(follow: &Follow<'_>, run: &TaskRun<'_>, conflict: &CloudError) -> Result<String, Outcome> {
    let began = follow.clock.now();
    loop {
        if let Some(task) = find(follow, run).await? {
            return Ok(task);
        }
        if follow.clock.now().since(began) >= KNOWN_BY {
            let message =
                format!("{conflict}; an earlier try has started the task, and ECS shows none: how it ended is unknown");
            return Err(Outcome::Failed(Failure { transient: false, message }));
        }
        follow.clock.sleep(LOOK).await;
    }
}

async fn find(follow: &Follow<'_>, run: &TaskRun<'_>) -> Result<Option<String>, Outcome> {
    let found = follow.cloud.tasks_started_by(run.started_by).await.map_err(|error| failed(&error))?;
    Ok(found.into_iter().next())
}

/// Stops a task that was given up, and waits until it has stopped. One whose id is not known is looked for until it must
/// have been seen.
pub(super) async fn stop(cloud: &dyn Cloud, clock: Clock, task: &OneOff, mark: &Mark, container: &str) -> Outcome {
    let began = clock.now();
    let mut told = HashSet::new();
    loop {
        let found = match &task.task {
            Some(task) => Ok(vec![task.clone()]),
            None => cloud.tasks_started_by(&mark.started_by).await,
        };
        let found = match found {
            Ok(found) => found,
            Err(error) => return failed(&error),
        };
        let mut is_running = false;
        for id in &found {
            match cloud.task_state(id, container).await {
                Ok(TaskState::Stopped { .. }) => {}
                Ok(TaskState::Running(_)) => {
                    is_running = true;
                    if told.insert(id.clone())
                        && let Err(error) = cloud.stop_task(id, GIVEN_UP).await
                    {
                        return failed(&error);
                    }
                }
                // Not shown yet, or forgotten since it stopped.
                Err(error) if error.kind == ErrorKind::NotFound => {
                    is_running |= clock.now().since(task.asked) < KNOWN_BY;
                }
                Err(error) => return failed(&error),
            }
        }
        if !is_running && (!found.is_empty() || clock.now().since(began) >= SEEN_BY) {
            return Outcome::Done;
        }
        clock.sleep(LOOK).await;
    }
}

fn failed(error: &CloudError) -> Outcome {
    Outcome::Failed(Failure { transient: error.is_transient(), message: error.to_string() })
}

struct Lines<'a> {
    follow: &'a Follow<'a>,
    task: &'a str,
    since: Timestamp,
    /// Where the next look goes on, when the last one left something unread.
    cursor: Option<String>,
    seen: HashSet<String>,
    tail: Tail,
}

impl Lines<'_> {
    /// Hands on what the task has written meanwhile. What cannot be read now is read the next time.
    async fn read(&mut self) {
        let Some(group) = self.follow.logs else { return };
        let mut newest = None;
        for _ in 0..PAGES {
            let request = LogRequest { group, since: self.since, cursor: self.cursor.as_deref(), limit: PAGE };
            let Ok(page) = self.follow.cloud.logs(&request).await else { return };
            newest = newest.max(page.events.iter().map(|event| event.at).max());
            for event in page.events {
                if event.stream.ends_with(self.task) && self.seen.insert(event.id) {
                    let line = readable(&event.message, self.follow.redactor);
                    self.tail.push(line.clone());
                    let _nobody_listens =
                        self.follow.said.send(Said::Line { effect: self.follow.intent.id, line }).await;
                }
            }
            self.cursor = page.cursor;
            if self.cursor.is_none() {
                self.since = self.since.max(newest.map_or(self.since, |newest| newest - OVERLAP));
                return;
            }
        }
    }
}
