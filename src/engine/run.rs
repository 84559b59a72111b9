//! The engine's loop: one thing that happened at a time, orders first.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::core::{Acts, Core};
use super::execute::{Executor, Said};
use super::handle::{Envelope, Receipt};
use super::hub::Hub;
use super::poll::{Poller, Topic};
use super::settings::{Parts, Settings};
use super::snapshot::Source;
use super::tail::{Round, Tailer};
use crate::clock::Clock;
use crate::domain::command::Actor;
use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::ids::ReleaseId;
use crate::domain::plan::Plan;
use crate::domain::release::{Ended, Release};
use crate::domain::time::Timestamp;
use crate::journal::{self, Entry, JournalError, Record};

/// Messages that are still owed after the end get this long; after a new engine has taken them over, once more.
const LAST_WORDS: Duration = Duration::from_mins(1);

/// The first log lines wait this long for the tasks to be read.
const TASKS_FIRST: Duration = Duration::from_secs(5);

/// Lines on their way from programs to the core.
const SAID: usize = 256;

/// An engine, ready to run.
pub struct Engine {
    core: Core,
    executor: Executor,
    poller: Poller,
    tailer: Option<Tailer>,
    hub: Hub,
    orders: mpsc::Receiver<Envelope>,
    said: mpsc::Receiver<Said>,
    clock: Clock,
    settings: Settings,
    first: Event,
    started: Timestamp,
    is_stopping: watch::Receiver<bool>,
}

/// Stops an engine, without a word to the cloud: the release stays where it is.
#[derive(Clone, Debug)]
pub struct Stop(watch::Sender<bool>);

impl Stop {
    /// Stops it.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

/// What an engine left behind.
#[derive(Debug)]
pub struct Left {
    /// The release as it stands.
    pub release: Release,
}

impl Engine {
    /// An engine for a new release.
    ///
    /// # Errors
    ///
    /// When the journal cannot be written.
    pub fn begin(
        make_plan: &mut dyn FnMut(ReleaseId) -> Plan,
        mut parts: Parts,
    ) -> Result<(Self, Hub, Stop), JournalError> {
        let now = parts.clock.now();
        let (id, plan) = parts.journal.create(make_plan, &parts.actor, now)?;
        let by = parts.actor.clone();
        Ok(Self::assemble(Release::planned(id, plan), parts, Event::Requested { by }))
    }

    /// An engine for a release whose last engine is gone: replayed from the journal.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read, or has no such release.
    pub fn recover(id: ReleaseId, parts: Parts) -> Result<(Self, Hub, Stop), JournalError> {
        let summary = parts.journal.find(id)?;
        let records = parts.journal.records(id)?;
        end_leftovers(id, &records);
        let release = journal::replay(id, summary.plan, &records);
        let by = parts.actor.clone();
        let first = if release.begun.is_some() { Event::Recovered { by } } else { Event::Requested { by } };
        Ok(Self::assemble(release, parts, first))
    }

    fn assemble(release: Release, parts: Parts, first: Event) -> (Self, Hub, Stop) {
        let Parts { cloud, web, journal, judge, notifier, programs, clock, actor, settings } = parts;
        let now = clock.now();
        let core = Core::new(release, journal, judge, &settings, &actor, clock);
        let (hub, orders) = Hub::new(core.snapshot(now));
        let (say, said) = mpsc::channel(SAID);
        let executor = Executor::new(Arc::clone(&cloud), web, notifier, programs, clock, settings.clone(), say);
        let poller = Poller::new(Arc::clone(&cloud), settings.polls, now);
        let groups = settings.log_groups.clone();
        let tailer = (!groups.is_empty()).then(|| Tailer::new(cloud, clock, groups, settings.redactor.clone()));
        let (stop, is_stopping) = watch::channel(false);
        let engine = Self {
            core,
            executor,
            poller,
            tailer,
            hub: hub.clone(),
            orders,
            said,
            clock,
            settings,
            first,
            started: now,
            is_stopping,
        };
        (engine, hub, Stop(stop))
    }

    /// Runs until the release has ended and everybody has been told, or until it is stopped.
    ///
    /// # Errors
    ///
    /// When the journal cannot be written any more: an engine without a journal does not act.
    pub async fn run(mut self) -> Result<Left, JournalError> {
        let mut logs: JoinSet<(Tailer, Round)> = JoinSet::new();
        let mut logs_due = self.clock.now();
        let first = self.first.clone();
        let acts = self.core.tell(first, self.clock.now())?;
        self.act(acts);
        loop {
            self.read_due();
            self.tail_due(&mut logs, &mut logs_due);
            self.show();
            if self.is_over() {
                break;
            }
            let wake = self.next_wake(logs_due);
            let clock = self.clock;
            tokio::select! {
                biased;
                Ok(()) = self.is_stopping.changed() => break,
                Some(envelope) = self.orders.recv() => self.order(envelope)?,
                () = self.hub.attached() => self.core.dirty = true,
                ended = self.executor.next() => {
                    let acts = self.core.ended(&ended.intent, ended.outcome, clock.now())?;
                    self.act(acts);
                }
                read = self.poller.next() => {
                    let now = clock.now();
                    self.poller.ended(read.topic, read.result.is_err(), now);
                    let acts = self.core.read(read, now)?;
                    self.act(acts);
                }
                Some(Ok((tailer, round))) = logs.join_next() => self.tailed(tailer, round),
                () = sleep_until(clock, wake) => {
                    let acts = self.core.tick(clock.now())?;
                    self.act(acts);
                }
                // Last: a program that never stops writing must not keep the rest from happening.
                Some(said) = self.said.recv() => match said {
                    Said::Started { effect, group } => self.core.program_started(effect, group, clock.now())?,
                    Said::Line(line) => self.core.program_wrote(line),
                },
            }
        }
        self.hub.show(self.core.snapshot(self.clock.now()));
        Ok(Left { release: self.core.release })
    }

    fn order(&mut self, envelope: Envelope) -> Result<(), JournalError> {
        let Envelope { order, answer } = envelope;
        let mut acts = self.core.tell(Event::Ordered(order), self.clock.now())?;
        let receipt = match acts.answer.take() {
            Some(Ok(revision)) => Receipt::Accepted(revision),
            Some(Err(refusal)) => Receipt::Refused(refusal),
            None => Receipt::Lost("the engine gave no answer".to_owned()),
        };
        self.act(acts);
        answer_to(answer, receipt);
        Ok(())
    }

    fn act(&mut self, acts: Acts) {
        for id in acts.cancel {
            self.executor.cancel(id);
        }
        for intent in acts.start {
            self.executor.start(intent, &self.core.release);
        }
        let now = self.clock.now();
        for topic in acts.hurry {
            self.poller.hurry(topic, now);
        }
    }

    fn read_due(&mut self) {
        let now = self.clock.now();
        let core = &self.core;
        let started = self.poller.start_due(&core.release, now, core.generation(), || core.signals_wanted(now));
        for (source, calls) in started {
            self.core.called(source, calls);
        }
    }

    fn tail_due(&mut self, logs: &mut JoinSet<(Tailer, Round)>, due: &mut Timestamp) {
        let now = self.clock.now();
        // Lines that come before it is known which task belongs to which side could not be told apart.
        if self.core.task_sides.is_empty() && now < self.started + TASKS_FIRST {
            *due = self.started + TASKS_FIRST;
        }
        if now < *due {
            return;
        }
        if let Some(tailer) = self.tailer.take() {
            *due = now + self.settings.polls.logs;
            logs.spawn(tailer.round(self.core.task_sides.clone()));
        }
    }

    fn tailed(&mut self, tailer: Tailer, round: Round) {
        let now = self.clock.now();
        self.tailer = Some(tailer);
        self.core.called(Tailer::SOURCE, round.calls);
        match round.error {
            Some(error) => self.core.failed(Source::Logs, error.to_string(), now),
            None => self.core.heard(Source::Logs, now),
        }
        if self.core.task_sides.misses(&round.lines) && self.core.release.ended.is_none() {
            self.poller.hurry(Topic::Tasks, now);
        }
        if !round.lines.is_empty() || round.left_out > 0 {
            self.hub.hand_out(round.lines, round.left_out);
        }
    }

    fn show(&mut self) {
        if self.core.dirty && self.hub.is_watched() {
            self.core.dirty = false;
            self.hub.show(self.core.snapshot(self.clock.now()));
        }
    }

    /// Whether there is nothing left to do.
    fn is_over(&self) -> bool {
        let Some(ended) = &self.core.release.ended else { return false };
        if self.settings.is_demo {
            return false;
        }
        let owes = self.core.release.in_flight.iter().any(|flight| matches!(flight.intent.effect, Effect::Notify(_)));
        !owes || self.clock.now() >= self.last_words(ended)
    }

    /// Until when messages may still be sent.
    fn last_words(&self, ended: &Ended) -> Timestamp {
        ended.at.max(self.started) + LAST_WORDS
    }

    fn next_wake(&self, logs_due: Timestamp) -> Option<Timestamp> {
        let machine = self.core.deadline();
        let logs = self.tailer.as_ref().map(|_| logs_due);
        let ended = self.core.release.ended.as_ref().filter(|_| !self.settings.is_demo);
        let end = ended.map(|ended| self.last_words(ended));
        machine.into_iter().chain(self.poller.next_due()).chain(logs).chain(end).min()
    }
}

fn answer_to(answer: oneshot::Sender<Receipt>, receipt: Receipt) {
    // Whoever asked may have gone.
    let _gone = answer.send(receipt);
}

async fn sleep_until(clock: Clock, at: Option<Timestamp>) {
    match at {
        Some(at) => clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Ends the programs that a lost engine had running: nobody would see how they end.
fn end_leftovers(id: ReleaseId, records: &[Record]) {
    let mut open = None;
    for record in records {
        match &record.entry {
            Entry::Started { effect, group } => open = Some((*effect, *group)),
            Entry::Event(Event::EffectEnded { id, .. }) if open.is_some_and(|(effect, _)| effect == *id) => open = None,
            _ => {}
        }
    }
    if let Some((_, group)) = open.filter(|(_, group)| is_of_release(*group, id)) {
        super::execute::command::end_group(group);
    }
}

/// Whether the leader of a process group was started for this release. Numbers are used again, after a reboot at the
/// latest: a group that cannot be recognised is left alone.
fn is_of_release(group: u32, id: ReleaseId) -> bool {
    let mark = format!("CUTOVER_RELEASE={id}");
    std::fs::read(format!("/proc/{group}/environ"))
        .is_ok_and(|environment| environment.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes()))
}

/// The name that the system's user list has for this number.
fn user_name(uid: u32) -> String {
    let list = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mut entries = list.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let found = entries.find_map(|entry| match entry.as_slice() {
        [name, _, number, ..] if number.parse() == Ok(uid) => Some((*name).to_owned()),
        _ => None,
    });
    found.unwrap_or_else(|| format!("uid {uid}"))
}

/// Who runs this process: the operating-system user and host.
pub fn this_actor() -> Actor {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let name = variable("USER")
        .or_else(|| variable("LOGNAME"))
        .unwrap_or_else(|| user_name(rustix::process::getuid().as_raw()));
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Actor { name, host }
}
