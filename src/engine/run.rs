//! The engine's loop: one thing that happened at a time, orders first.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::ask::Desk;
use super::clean::Cleaner;
use super::core::{Acts, Core};
use super::cost;
use super::execute::{Executor, Said};
use super::handle::{Envelope, Inquiry, Question, Receipt};
use super::hub::{Arriving, Hub};
use super::last_resort::LastWill;
use super::lease::{Health, Tenure};
use super::leftovers;
use super::poll::{Poller, Topic};
use super::report::Reporter;
use super::settings::{Parts, Settings};
use super::snapshot::Source;
use super::tail::{Round, Tailer};
use crate::clock::Clock;
use crate::domain::command::{Actor, Refusal};
use crate::domain::components::ComponentIndex;
use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::ids::ReleaseId;
use crate::domain::last_resort::{LastResort, most_urgent};
use crate::domain::lease::Need;
use crate::domain::plan::Plan;
use crate::domain::release::{Ended, Release};
use crate::domain::time::Timestamp;
use crate::domain::triage::Triage;
use crate::journal::format::sign;
use crate::journal::{self, JournalError};

pub use super::last_resort::{JournalLost, TrafficLeft};

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
    last_will: LastWill,
    poller: Poller,
    tailer: Option<Tailer>,
    hub: Hub,
    arriving: Arriving,
    desk: Desk,
    said: mpsc::Receiver<Said>,
    clock: Clock,
    settings: Settings,
    first: Event,
    started: Timestamp,
    reporter: Reporter,
    stopping: watch::Receiver<Stopping>,
}

/// Stops an engine, without a word to the cloud: the release stays where it is.
#[derive(Clone, Debug)]
pub struct Stop(watch::Sender<Stopping>);

/// Whether an engine is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stopping {
    No,
    /// Not while the release goes back.
    OnceItIsNotNeeded,
    Now,
}

impl Stop {
    /// Stops it at once.
    pub fn stop(&self) {
        self.0.send_replace(Stopping::Now);
    }

    /// Stops it, but not while its release goes back: a way back that was begun is seen to its end first.
    pub fn stop_once_not_needed(&self) {
        self.0.send_if_modified(|stopping| {
            let is_news = *stopping == Stopping::No;
            if is_news {
                *stopping = Stopping::OnceItIsNotNeeded;
            }
            is_news
        });
    }
}

/// What an engine left behind.
#[derive(Debug)]
pub struct Left {
    /// The release as it stands.
    pub release: Release,
    /// Why it acts no more, if another host's engine has taken the service over.
    pub stood_down: Option<String>,
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
        Ok(Self::assemble(Release::planned(id, plan), 0, parts, Event::Requested { by }))
    }

    /// An engine that only watches: the release of `make_plan` is never begun, so that nothing is asked of the cloud but to
    /// be read. With a triage, that is what is shown.
    ///
    /// # Errors
    ///
    /// When the journal cannot be written; one in memory will do.
    pub fn watch(
        make_plan: &mut dyn FnMut(ReleaseId) -> Plan,
        triage: Option<Triage>,
        mut parts: Parts,
    ) -> Result<(Self, Hub, Stop), JournalError> {
        let cleaner = Cleaner::new(parts.settings.redactor.clone());
        let triage = triage.map(|triage| cleaner.triage(triage));
        let (id, plan) = parts.journal.create(make_plan, &parts.actor, parts.clock.now())?;
        let mut release = Release::planned(id, plan);
        release.timeline = triage.iter().flat_map(Triage::moments).collect();
        let (mut engine, hub, stop) = Self::assemble(release, 0, parts, Event::Ticked);
        engine.core.triage = triage.map(Arc::new);
        hub.show(engine.core.snapshot(engine.clock.now()));
        Ok((engine, hub, stop))
    }

    /// An engine for a release whose last engine is gone: replayed from the journal.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read, or has no such release.
    pub fn recover(id: ReleaseId, mut parts: Parts) -> Result<(Self, Hub, Stop), JournalError> {
        let summary = parts.journal.find(id)?;
        let records = parts.journal.records(id)?;
        leftovers::end(id, &records);
        let release = journal::replay(id, summary.plan, &records);
        let kept = records.len() + sign(parts.journal.as_mut(), &release, parts.clock.now())?;
        let by = parts.actor.clone();
        let first = if release.begun.is_some() { Event::Recovered { by } } else { Event::Requested { by } };
        let (mut engine, hub, stop) = Self::assemble(release, kept, parts, first);
        engine.core.recall(&records);
        Ok((engine, hub, stop))
    }

    fn assemble(release: Release, kept: usize, parts: Parts, first: Event) -> (Self, Hub, Stop) {
        let Parts { clouds, web, journal, judges, notifier, programs, clock, actor, settings } = parts;
        let now = clock.now();
        let settings = Settings { polls: cost::bounded(&release.plan, settings.polls), ..settings };
        let core = Core::new(release, kept, journal, judges, &settings, &actor, clock);
        let (hub, arriving) = Hub::new(core.snapshot(now));
        let (say, said) = mpsc::channel(SAID);
        let last_will = LastWill {
            clouds: clouds.clone(),
            notifier: Arc::clone(&notifier),
            clock,
            cleaner: Cleaner::new(settings.redactor.clone()),
        };
        let executor = Executor::new(clouds.clone(), web, notifier, programs, clock, settings.clone(), say);
        let desk = Desk::new(clouds.clone(), Cleaner::new(settings.redactor.clone()));
        let poller = Poller::new(clouds.clone(), settings.polls, &core.release.plan, now);
        let tailer = Tailer::new(
            clouds,
            clock,
            &core.release.plan,
            settings.redactor.clone(),
            settings.logs,
            settings.polls.logs,
        );
        let (stop, stopping) = watch::channel(Stopping::No);
        let reporter = Reporter::new(core.incidents(), settings.redactor.clone());
        let engine = Self {
            core,
            executor,
            last_will,
            poller,
            tailer,
            hub: hub.clone(),
            arriving,
            desk,
            said,
            clock,
            settings,
            first,
            started: now,
            reporter,
            stopping,
        };
        (engine, hub, Stop(stop))
    }

    /// It with the leases of what it releases: it acts only while they are its own. `None` changes nothing.
    #[must_use]
    pub fn under(mut self, tenure: Option<Arc<Tenure>>) -> Self {
        self.executor.tenure = tenure;
        self
    }

    /// Runs until the release has ended and everybody has been told, or until it is stopped.
    ///
    /// # Errors
    ///
    /// When the journal cannot be written any more: an engine without a journal does not act, but for bringing traffic
    /// back to blue where green may have some.
    pub async fn run(mut self) -> Result<Left, JournalLost> {
        let tenure = self.executor.tenure.clone();
        let ran = tokio::select! {
            biased;
            () = kept(tenure.as_deref()) => Ok(()),
            ran = self.go_on() => ran,
        };
        match ran {
            Ok(()) => {
                let stood_down = self.stand_down();
                self.hub.show(self.core.snapshot(self.clock.now()));
                if self.core.release.ended.is_some() {
                    // Everything that decided anything is on disk.
                    let _unkept = self.core.flush(self.clock.now());
                    self.report_last().await;
                }
                Ok(Left { release: self.core.release, stood_down })
            }
            Err(journal) => {
                let traffic = if may_go_back(tenure.as_deref()).await {
                    self.end_without_journal(&journal).await
                } else {
                    self.executor.cancel_all();
                    TrafficLeft::Untouched
                };
                self.core.troubled(&format!("journal lost, {traffic}: {journal}"));
                let lost = JournalLost { journal, traffic };
                self.hub.show(self.core.snapshot(self.clock.now()));
                Err(lost)
            }
        }
    }

    /// Does what is right without a journal. Orders are refused meanwhile: nothing could be kept of them.
    async fn end_without_journal(&mut self, journal: &JournalError) -> TrafficLeft {
        self.executor.cancel_all();
        let what = match most_urgent(&self.core.release) {
            LastResort::Nothing => "the engine ends",
            LastResort::KeepGreen => "green keeps the traffic, for blue was being taken down",
            LastResort::BringBack { .. } => "bringing all traffic back to blue",
        };
        self.core.troubled(&format!("journal lost, {what}: {journal}"));
        self.hub.show(self.core.snapshot(self.clock.now()));
        let mut end = pin!(self.last_will.carry_out(&self.core.release, journal));
        loop {
            tokio::select! {
                biased;
                Ok(_) = self.stopping.wait_for(|stopping| *stopping == Stopping::Now) => {
                    return match most_urgent(&self.core.release) {
                        LastResort::Nothing => TrafficLeft::Untouched,
                        LastResort::KeepGreen | LastResort::BringBack { .. } => TrafficLeft::OnGreen {
                            why: "the engine was stopped before it was seen on blue".to_owned(),
                        },
                    };
                }
                Some(Envelope { answer, .. }) = self.arriving.orders.recv() => answer_to(answer, not_kept(journal)),
                traffic = &mut end => return traffic,
            }
        }
    }

    /// One thing that happened after the other, until there is nothing left to do.
    async fn go_on(&mut self) -> Result<(), JournalError> {
        let mut logs: JoinSet<(Tailer, Round)> = JoinSet::new();
        let mut logs_due = self.clock.now();
        let mut health = self.executor.tenure.as_ref().map(|tenure| tenure.health());
        let first = self.first.clone();
        let acts = self.core.tell(first, self.clock.now())?;
        self.act(acts);
        loop {
            self.read_due();
            self.tail_due(&mut logs, &mut logs_due);
            self.show();
            if self.is_over() || self.is_stopped() || self.is_followed() {
                return Ok(());
            }
            self.report();
            let wake = self.next_wake(logs_due);
            let clock = self.clock;
            tokio::select! {
                biased;
                Ok(()) = self.stopping.changed() => {}
                () = changed(&mut health) => self.core.lease_troubled(self.executor.tenure.as_ref().and_then(|it| it.trouble())),
                Some(envelope) = self.arriving.orders.recv() => self.order(envelope)?,
                () = self.hub.attached() => self.core.dirty = true,
                ended = self.executor.next() => {
                    let acts = self.core.ended(&ended.intent, ended.outcome, clock.now())?;
                    self.act(acts);
                }
                read = self.poller.next() => {
                    let now = clock.now();
                    self.poller.ended(read.topic, read.component, read.result.is_err(), now);
                    let acts = self.core.read(read, now)?;
                    self.act(acts);
                }
                Some(Ok((tailer, round))) = logs.join_next() => {
                    logs_due = tailer.due();
                    let acts = self.tailed(tailer, round)?;
                    self.act(acts);
                }
                Some(inquiry) = self.arriving.questions.recv() => self.question(inquiry),
                looked = self.desk.next() => {
                    let (source, of, calls) = looked.cost;
                    self.core.called(source, of, calls);
                }
                () = sleep_until(clock, wake) => {
                    let acts = self.core.tick(clock.now())?;
                    self.act(acts);
                }
                // Last: a program that never stops writing must not keep the rest from happening.
                Some(said) = self.said.recv() => match said {
                    Said::Started { effect, group } => self.core.program_started(effect, group, clock.now())?,
                    Said::Task { effect, task } => {
                        let acts = self.core.tell(Event::TaskStarted { effect, task }, clock.now())?;
                        self.act(acts);
                    }
                    Said::Line { effect, line } => self.core.program_wrote(effect, line),
                },
            }
        }
    }

    fn order(&mut self, envelope: Envelope) -> Result<(), JournalError> {
        let Envelope { order, answer } = envelope;
        let mut acts = match self.core.tell(Event::Ordered(order), self.clock.now()) {
            Ok(acts) => acts,
            Err(journal) => {
                answer_to(answer, not_kept(&journal));
                return Err(journal);
            }
        };
        let receipt = match acts.answer.take() {
            Some(Ok(revision)) => Receipt::Accepted(revision),
            Some(Err(refusal)) => Receipt::Refused(refusal),
            None => Receipt::Lost("the engine gave no answer".to_owned()),
        };
        self.act(acts);
        answer_to(answer, receipt);
        Ok(())
    }

    fn question(&mut self, inquiry: Inquiry) {
        let now = self.clock.now();
        let (core, question) = (&self.core, inquiry.question.clone());
        let listed = |desk: &Desk| match &question {
            Question::Alarm { alarm, .. } => desk.setup(alarm).cloned(),
            Question::Alarms { .. } | Question::Signals { .. } => None,
        };
        self.desk.ask(inquiry, |desk| core.context(&question, listed(desk).as_ref(), now), now);
    }

    fn act(&mut self, acts: Acts) {
        for id in acts.cancel {
            self.executor.cancel(id);
        }
        for intent in acts.start {
            let rivals = self.core.rivals(&intent);
            self.executor.start(intent, &self.core.release, rivals);
        }
        let now = self.clock.now();
        for (topic, of) in acts.hurry {
            self.poller.hurry(topic, of, now);
        }
    }

    /// Has the incident report written when it is due.
    fn report(&mut self) {
        let (now, has_ended) = (self.clock.now(), self.core.release.ended.is_some());
        if self.core.goes_back() && self.reporter.is_due(now, has_ended) {
            // A journal that cannot be read now is no reason to disturb the way back.
            if let Ok(account) = self.core.account() {
                self.reporter.write(account);
            }
        }
    }

    /// Has the report written once more, with what became of the messages, and waits for it a little.
    async fn report_last(&mut self) {
        if self.core.goes_back()
            && self.reporter.has_place()
            && let Ok(account) = self.core.account()
        {
            self.reporter.write(account);
        }
        self.reporter.finish().await;
    }

    fn read_due(&mut self) {
        let now = self.clock.now();
        let core = &self.core;
        let started = self.poller.start_due(&core.release, now, core.generation(), |of| core.signals_wanted(of, now));
        for (source, of, calls) in started {
            self.core.called(source, of, calls);
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
            logs.spawn(tailer.round(self.core.task_sides.clone()));
        }
    }

    fn tailed(&mut self, tailer: Tailer, mut round: Round) -> Result<Acts, JournalError> {
        let now = self.clock.now();
        self.core.task_sides.complete(&mut round.lines);
        let feed = tailer.feed().clone();
        self.tailer = Some(tailer);
        self.core.called(Tailer::SOURCE, ComponentIndex::FIRST, round.calls);
        match &round.error {
            Some(error) => self.core.failed(Source::Logs, ComponentIndex::FIRST, &error.to_string(), now),
            None => self.core.heard(Source::Logs, ComponentIndex::FIRST, now),
        }
        if self.core.task_sides.misses(&round.strangers) && self.core.release.ended.is_none() {
            for of in self.core.release.components.indices() {
                self.poller.hurry(Topic::Tasks, of, now);
            }
        }
        let acts = self.core.logs_read(&round, &feed, now);
        if !round.lines.is_empty() || round.left_out > 0 {
            self.hub.hand_out(round.lines, round.left_out);
        }
        acts
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

    /// Whether another host's engine has taken the service over: this one acts no more, and does not roll back either.
    fn is_followed(&self) -> bool {
        let tenure = self.executor.tenure.as_ref();
        tenure.is_some_and(|tenure| matches!(&*tenure.health().borrow(), Health::Lost(_)))
    }

    /// Gives everything up that is under way, if another host's engine has taken the service over, and says who has it.
    fn stand_down(&mut self) -> Option<String> {
        let why = self.executor.tenure.as_ref().filter(|_| self.is_followed())?.trouble()?;
        self.executor.cancel_all();
        self.core.lease_troubled(Some(why.clone()));
        Some(why)
    }

    /// Whether it was told to stop, and may.
    fn is_stopped(&self) -> bool {
        let release = &self.core.release;
        match *self.stopping.borrow() {
            Stopping::No => false,
            Stopping::OnceItIsNotNeeded => release.unwinding.is_none() || release.ended.is_some(),
            Stopping::Now => true,
        }
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
        let report = self.reporter.due();
        machine.into_iter().chain(self.poller.next_due()).chain(logs).chain(end).chain(report).min()
    }
}

/// The answer to an order that the journal does not take.
fn not_kept(journal: &JournalError) -> Receipt {
    let why = format!("{journal}; the engine only brings traffic back to blue, where green has some, and ends");
    Receipt::Refused(Refusal::NotNow { why })
}

fn answer_to(answer: oneshot::Sender<Receipt>, receipt: Receipt) {
    // Whoever asked may have gone.
    let _gone = answer.send(receipt);
}

/// Keeps the leases renewed until they are lost.
async fn kept(tenure: Option<&Tenure>) {
    match tenure {
        Some(tenure) => tenure.keep().await,
        None => std::future::pending().await,
    }
}

/// Whether nobody else is known to be in charge.
async fn may_go_back(tenure: Option<&Tenure>) -> bool {
    match tenure {
        Some(tenure) => tenure.permit(Need::NobodyElse).await.is_ok(),
        None => true,
    }
}

/// Pending for ever without leases.
async fn changed(health: &mut Option<tokio::sync::watch::Receiver<Health>>) {
    let is_over = match health {
        Some(health) => health.changed().await.is_err(),
        None => true,
    };
    if is_over {
        std::future::pending::<()>().await;
    }
}

async fn sleep_until(clock: Clock, at: Option<Timestamp>) {
    match at {
        Some(at) => clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
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
    Actor::new(name, host)
}
