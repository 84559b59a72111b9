//! Tasks that ECS runs once: started with a token that tells repeats, followed to their end, stopped when given up.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use super::Said;
use super::command::{Tail, readable};
use crate::clock::Clock;
use crate::cloud::{Cloud, CloudError, ErrorKind, LogRequest, TaskRun, TaskState};
use crate::domain::effect::{Failure, Outcome};
use crate::domain::ids::EffectId;
use crate::domain::redact::Redactor;
use crate::domain::time::Timestamp;

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

/// What a task needs to be run and followed.
pub(super) struct Follow<'a> {
    pub(super) cloud: &'a Arc<dyn Cloud>,
    pub(super) clock: Clock,
    pub(super) effect: EffectId,
    pub(super) redactor: &'a Redactor,
    pub(super) said: &'a mpsc::Sender<Said>,
    /// Set when the engine leaves: the next one goes on with the task.
    pub(super) leaving: &'a Arc<AtomicBool>,
    /// The log group that it writes to.
    pub(super) logs: Option<&'a str>,
}

/// The token by which ECS tells repeats: the same for every try of one part of one run of a stage. At most 64 characters,
/// which is all that ECS takes.
pub(super) fn token(release: &str, what: &str, attempt: u32) -> String {
    // FNV-1a, as for every name that must be the same in every build.
    let hash = |seed: u64| {
        let bytes = format!("{release} {what} {attempt}");
        bytes.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    };
    format!("cutover-{:016x}{:016x}", hash(0xcbf2_9ce4_8422_2325), hash(0x8422_2325_cbf2_9ce4))
}

/// Runs a task to its end.
pub(super) async fn run(follow: Follow<'_>, run: &TaskRun<'_>) -> Outcome {
    let begun = follow.clock.now();
    let task = match follow.cloud.run_task(run).await {
        Ok(task) => task,
        Err(error) => return failed(&error),
    };
    let leaving = Arc::clone(follow.leaving);
    let mut abandoned = Abandoned { cloud: Arc::clone(follow.cloud), task: Some(task.clone()), leaving };
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
    abandoned.task = None;
    follow.clock.sleep(LAST_LINES).await;
    lines.read().await;
    let tail = lines.tail.into();
    match end {
        (Some(code), _) => Outcome::Exited { code: Some(code), tail },
        (None, reason) => {
            let message = follow.redactor.clean(&format!("the task never ran: {reason}"));
            Outcome::Failed(Failure { transient: false, message })
        }
    }
}

fn failed(error: &CloudError) -> Outcome {
    Outcome::Failed(Failure { transient: error.is_transient(), message: error.to_string() })
}

/// Stops the task when its stage is given up, which leaves nothing at work. An engine that only leaves stops nothing: the
/// next one finds the task by its token.
struct Abandoned {
    cloud: Arc<dyn Cloud>,
    task: Option<String>,
    leaving: Arc<AtomicBool>,
}

impl Drop for Abandoned {
    fn drop(&mut self) {
        let Some(task) = self.task.take().filter(|_| !self.leaving.load(Ordering::Relaxed)) else { return };
        let cloud = Arc::clone(&self.cloud);
        // Without a runtime there is no way left to ask.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _best_effort = cloud.stop_task(&task, "given up by cutover").await;
            });
        }
    }
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
                    let _nobody_listens = self.follow.said.send(Said::Line { effect: self.follow.effect, line }).await;
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
