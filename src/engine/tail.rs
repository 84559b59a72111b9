//! Following the logs: streamed where that is allowed, otherwise polled with overlap; repeats left out, lines put in order of
//! time, each made harmless before anybody sees it.

mod merge;
mod seen;
mod sides;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select_all;

use self::merge::Merge;
use self::seen::{Seen, Way};
use super::lines;
use super::settings::LogFeed;
use super::snapshot::{Feed, Source};
use crate::clock::Clock;
use crate::cloud::{Cloud, CloudError, ErrorKind, LogEvent, LogRequest, LogStream, LogUpdate};
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::log::LogLine;
use crate::domain::plan::Plan;
use crate::domain::redact::Redactor;
use crate::domain::time::Timestamp;

pub(super) use self::merge::LATENESS;
pub(super) use self::sides::TaskSides;

/// Events asked for in one call.
const PAGE: u32 = 1_000;

/// Calls for one group in one round; what is beyond is left out, and said to be.
const PAGES: usize = 3;

/// CloudWatch Logs makes events readable out of order within about this time.
const OVERLAP: Duration = Duration::from_secs(10);

/// How far back the first round looks.
const FIRST_LOOK: Duration = Duration::from_mins(1);

/// Live Tail sends an update every second, also an empty one: after this long without, the connection is taken for lost.
const SILENCE: Duration = Duration::from_secs(15);

/// Updates of a little less than a second are taken together: the next one then ends the round.
const PATIENCE: Duration = Duration::from_millis(900);

/// Where streaming was refused for good, it is asked for again after this long: permissions change.
const REFUSED: Duration = Duration::from_mins(10);

/// Where it failed in passing, it is asked for again after this long.
const FAILED: Duration = Duration::from_secs(30);

/// Live Tail follows so many groups at once (`StartLiveTail`, `logGroupIdentifiers`).
const MOST_GROUPS: usize = 10;

/// What one round brought.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// In order of time, but for those that came too late for it.
    pub(super) lines: Vec<LogLine>,
    /// How many of them came too late.
    pub(super) late: u64,
    /// At least this many events were left out because there were too many.
    pub(super) left_out: u64,
    /// The service sent a sample of the events.
    pub(super) is_sampled: bool,
    /// How long after it was written the slowest event could be read; `None` without events.
    pub(super) lag: Option<Duration>,
    /// Tasks whose lines came, and that are not known.
    pub(super) strangers: Vec<String>,
    pub(super) calls: u64,
    pub(super) error: Option<CloudError>,
}

/// Follows log groups.
pub(super) struct Tailer {
    clouds: Components<Arc<dyn Cloud>>,
    clock: Clock,
    /// Each once, with the component through whose cloud it is read: the first that logs there.
    groups: Vec<(ComponentIndex, String)>,
    redactor: Redactor,
    every: Duration,
    since: HashMap<String, Timestamp>,
    seen: Seen,
    merge: Merge,
    /// One for each cloud; none while polled.
    streams: Vec<Box<dyn LogStream>>,
    /// When streaming is asked for next, if ever.
    stream_due: Option<Timestamp>,
    poll_due: Timestamp,
    feed: Feed,
}

impl Tailer {
    /// Follows the log groups of a plan; `None` if it has none.
    pub(super) fn new(
        clouds: Components<Arc<dyn Cloud>>,
        clock: Clock,
        plan: &Plan,
        redactor: Redactor,
        feed: LogFeed,
        every: Duration,
    ) -> Option<Self> {
        let now = clock.now();
        let groups = log_groups(plan);
        if groups.is_empty() {
            return None;
        }
        let too_many = groups.len() > MOST_GROUPS;
        let (stream_due, why) = match feed {
            LogFeed::Live if too_many => (None, Some(format!("Live Tail follows {MOST_GROUPS} log groups at most"))),
            LogFeed::Live => (Some(now), None),
            LogFeed::Polled => (None, None),
        };
        Some(Self {
            clouds,
            clock,
            groups,
            redactor,
            every,
            since: HashMap::new(),
            seen: Seen::default(),
            merge: Merge::default(),
            streams: Vec::new(),
            stream_due,
            poll_due: now,
            feed: Feed::Polled { every, why },
        })
    }

    /// How the logs are read.
    pub(super) fn feed(&self) -> &Feed {
        &self.feed
    }

    /// When there is something to do again.
    pub(super) fn due(&self) -> Timestamp {
        if !self.streams.is_empty() {
            return self.clock.now();
        }
        let merged = self.merge.due();
        [Some(self.poll_due), self.stream_due, merged].into_iter().flatten().min().unwrap_or(self.poll_due)
    }

    /// Reads what is new in all groups.
    pub(super) async fn round(mut self, sides: TaskSides) -> (Self, Round) {
        let mut round = Round::default();
        if self.streams.is_empty() && self.stream_due.is_some_and(|due| due <= self.clock.now()) {
            self.open(&mut round).await;
        }
        if self.poll_due <= self.clock.now() {
            self.poll(&mut round).await;
            // What was written before a stream opened is read once.
            let next = self.clock.now() + self.every;
            self.poll_due = if self.streams.is_empty() { next } else { Timestamp::from_millis(i64::MAX) };
        } else if !self.streams.is_empty() {
            self.listen(&mut round).await;
        }
        let now = self.clock.now();
        round.strangers = self.merge.waiting().filter(|task| sides.of(task).is_none()).map(str::to_owned).collect();
        (round.lines, round.late) = self.merge.take(now, &sides);
        (self, round)
    }

    /// Asks for the streams.
    async fn open(&mut self, round: &mut Round) {
        let now = self.clock.now();
        let mut streams = Vec::new();
        for of in self.clouds.indices() {
            let groups: Vec<String> =
                self.groups.iter().filter(|(by, _)| *by == of).map(|(_, group)| group.clone()).collect();
            if groups.is_empty() {
                continue;
            }
            round.calls += 1;
            match self.clouds[of].follow_logs(&groups).await {
                Ok(stream) => streams.push(stream),
                Err(error) => {
                    let after = if error.is_transient() { FAILED } else { REFUSED };
                    return self.back_to_polling(&error.to_string(), now + after);
                }
            }
        }
        self.streams = streams;
        self.stream_due = None;
        self.poll_due = now;
        self.feed = Feed::Live { since: now };
    }

    fn back_to_polling(&mut self, why: &str, again: Timestamp) {
        let now = self.clock.now();
        self.streams.clear();
        self.stream_due = Some(again);
        self.poll_due = self.poll_due.min(now);
        self.feed = Feed::Polled { every: self.every, why: Some(self.redactor.clean(why)) };
    }

    /// Takes what the streams bring for a second of real time: faces are told no more often where time runs faster.
    async fn listen(&mut self, round: &mut Round) {
        let end = self.clock.now() + PATIENCE.mul_f64(self.clock.speed().max(1.0));
        while self.clock.now() < end && !self.streams.is_empty() {
            self.update(round).await;
        }
    }

    /// Waits for the next update of any stream.
    async fn update(&mut self, round: &mut Round) {
        let clock = self.clock;
        let update = tokio::select! {
            biased;
            (update, ..) = select_all(self.streams.iter_mut().map(|stream| stream.next())) => update,
            () = clock.sleep(SILENCE) => Err(CloudError {
                kind: ErrorKind::Timeout,
                operation: "logs:StartLiveTail",
                message: format!("nothing came for {} s", SILENCE.as_secs()),
            }),
        };
        let now = self.clock.now();
        match update {
            Ok(Some(LogUpdate { events, is_sampled })) => {
                round.is_sampled |= is_sampled;
                for event in events {
                    self.take(Way::Streamed, event, round);
                }
            }
            // AWS ends a session after three hours: the next one begins at once.
            Ok(None) => self.back_to_polling("the stream ended", now),
            Err(error) => {
                self.back_to_polling(&error.to_string(), now + FAILED);
                round.error = Some(error);
            }
        }
    }

    /// Reads all groups once.
    async fn poll(&mut self, round: &mut Round) {
        for (of, group) in self.groups.clone() {
            if let Err(error) = self.read(of, &group, round).await {
                round.error = Some(error);
            }
        }
    }

    async fn read(&mut self, of: ComponentIndex, group: &str, round: &mut Round) -> Result<(), CloudError> {
        let now = self.clock.now();
        let since = self.since.get(group).copied().unwrap_or(now - FIRST_LOOK);
        let mut cursor: Option<String> = None;
        let mut newest = since;
        for page in 0..PAGES {
            let request = LogRequest { group, since: since - OVERLAP, cursor: cursor.as_deref(), limit: PAGE };
            round.calls += 1;
            let found = self.clouds[of].logs(&request).await?;
            for event in found.events {
                newest = newest.max(event.at);
                self.take(Way::Polled, event, round);
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
        // A line from a clock that is ahead must not hide what others write until then.
        self.since.insert(group.to_owned(), newest.max(since).min(now));
        Ok(())
    }

    fn take(&mut self, way: Way, event: LogEvent, round: &mut Round) {
        let now = self.clock.now();
        if !self.seen.is_new(way, &event, now) {
            return;
        }
        if way == Way::Streamed {
            for since in self.since.values_mut() {
                *since = (*since).max(event.at.min(now));
            }
        }
        let lag = event.ingested.unwrap_or(now).since(event.at);
        round.lag = round.lag.max(Some(lag));
        let (level, text) = lines::kept(&event.message, &self.redactor);
        let task = event.stream.rsplit('/').next().unwrap_or_default();
        let task = self.redactor.clean(task);
        self.merge.put(LogLine { at: event.at, component: None, side: None, task, level, text }, now);
    }

    /// The source that it shows up as.
    pub(super) const SOURCE: Source = Source::Logs;
}

/// Every log group of the plan, once.
fn log_groups(plan: &Plan) -> Vec<(ComponentIndex, String)> {
    let mut groups: Vec<(ComponentIndex, String)> = Vec::new();
    for (of, component) in plan.components.iter() {
        for group in &component.logs {
            if groups.iter().all(|(_, known)| known != group) {
                groups.push((of, group.clone()));
            }
        }
    }
    groups
}
