//! The part of the engine that awaits nothing: steps the machine, keeps the journal, holds what was read.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use super::measure::Measurements;
use super::poll::{self, Read, Reading, SignalsWanted, Topic};
use super::settings::Settings;
use super::snapshot::{AlarmView, AlarmWord, EngineView, IdentityView, Snapshot, Source, SourceView};
use super::tail::TaskSides;
use super::witness::Witness;
use crate::clock::Clock;
use crate::cloud::{Alarm, AlarmState, CloudError};
use crate::domain::command::{Actor, Order, Refusal};
use crate::domain::effect::{Effect, Intent, Outcome};
use crate::domain::event::{Event, FiringAlarm};
use crate::domain::evidence::Evidence;
use crate::domain::facts;
use crate::domain::ids::{EffectId, Revision};
use crate::domain::log::LogLine;
use crate::domain::machine;
use crate::domain::redact::Redactor;
use crate::domain::release::{Release, StepPhase};
use crate::domain::time::Timestamp;
use crate::journal::account::Account;
use crate::journal::{Entry, Journal, JournalError, Record, Standing};
use crate::judge::{Circumstances, Judge};

/// Lines of a running program's output that are shown.
const OUTPUT: usize = 200;

/// What the core wants done after an event.
#[must_use]
#[derive(Debug, Default)]
pub(super) struct Acts {
    /// Effects to carry out; their intents are on disk.
    pub(super) start: Vec<Intent>,
    /// Effects to give up.
    pub(super) cancel: Vec<EffectId>,
    /// The answer to an order.
    pub(super) answer: Option<Result<Revision, Refusal>>,
    /// Topics to read at once.
    pub(super) hurry: Vec<Topic>,
}

impl Acts {
    /// Both, in order.
    fn join(&mut self, later: Self) {
        self.start.retain(|intent| !later.cancel.contains(&intent.id));
        self.start.extend(later.start);
        self.cancel.extend(later.cancel);
        self.hurry.extend(later.hurry);
    }
}

pub(super) struct Core {
    pub(super) release: Release,
    journal: Box<dyn Journal>,
    judge: Box<dyn Judge>,
    measurements: Measurements,
    sources: Vec<SourceView>,
    alarms: Vec<Alarm>,
    identity: Option<IdentityView>,
    /// ARN of the identity that the engine acts with, once known.
    acting: Option<String>,
    witness: Witness,
    output: VecDeque<String>,
    pub(super) task_sides: TaskSides,
    engine: EngineView,
    redactor: Redactor,
    speed: f64,
    started: Timestamp,
    /// When the machine was last told something: what was due by then has been looked at.
    told: Timestamp,
    /// Counts writes to the traffic split and to services: a read that began under another count is out of date.
    generation: u64,
    /// Something that a face shows has changed.
    pub(super) dirty: bool,
}

impl Core {
    pub(super) fn new(
        release: Release,
        journal: Box<dyn Journal>,
        judge: Box<dyn Judge>,
        settings: &Settings,
        actor: &Actor,
        clock: Clock,
    ) -> Self {
        let measurements = Measurements::new(&release.plan, settings.period);
        let engine = EngineView {
            pid: std::process::id(),
            host: actor.host.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ends_with_face: settings.is_demo,
            replay: None,
        };
        Self {
            release,
            journal,
            judge,
            measurements,
            sources: poll::sources(&settings.polls),
            alarms: Vec::new(),
            identity: None,
            acting: None,
            witness: Witness::default(),
            output: VecDeque::new(),
            task_sides: TaskSides::default(),
            engine,
            redactor: settings.redactor.clone(),
            speed: clock.speed(),
            started: clock.now(),
            told: Timestamp::default(),
            generation: 0,
            dirty: true,
        }
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Tells the machine, and keeps what came of it before anybody acts on it.
    pub(super) fn tell(&mut self, event: Event, now: Timestamp) -> Result<Acts, JournalError> {
        let event = match event {
            Event::Ordered(order) => Event::Ordered(order.cleaned(&self.redactor)),
            other => other,
        };
        let writes_end = self.is_end_of_write(&event);
        let order = match &event {
            Event::Ordered(order) => Some(order.clone()),
            _ => None,
        };
        self.told = now;
        let kept = event.clone();
        // What somebody saw was so before their order; what the release itself goes by is part of the event.
        let known = order.as_ref().map(|_| self.evidence());
        let (stood, had_ended) = (self.standing(), self.release.ended.is_some());
        let reaction = machine::step(&mut self.release, event, now);
        let known = known.or_else(|| (self.standing() != stood).then(|| self.evidence()));
        if self.has_turned(stood.1, had_ended) {
            self.witness.turned(now);
        }
        self.keep(kept, order.as_ref(), &reaction, known, now)?;
        let writes_begin = reaction.start.iter().any(|intent| is_write(&intent.effect));
        if writes_begin || writes_end {
            self.generation += 1;
        }
        self.dirty |= reaction.changed;
        let mut hurry = if writes_end { vec![Topic::Weight, Topic::Capacity] } else { Vec::new() };
        if self.standing() != stood {
            // Why tasks stopped is only to be had for an hour.
            hurry.push(Topic::Tasks);
        }
        Ok(Acts { start: reaction.start, cancel: reaction.cancel, answer: reaction.answer, hurry })
    }

    /// What is known now, in figures.
    fn evidence(&self) -> Evidence {
        Evidence::of(&self.release, self.acting.as_deref())
    }

    /// Whether it is held, and whether it goes back: what the release may also decide by itself.
    fn standing(&self) -> (bool, bool) {
        (self.release.hold.is_some(), self.goes_back())
    }

    /// Whether it has just begun to go back, or ended: what was held for that case is kept.
    fn has_turned(&self, went_back: bool, had_ended: bool) -> bool {
        (self.goes_back() && !went_back) || (self.release.ended.is_some() && !had_ended && went_back)
    }

    /// Whether the way back has begun.
    pub(super) fn goes_back(&self) -> bool {
        facts::way_back(&self.release).is_some()
    }

    fn is_end_of_write(&self, event: &Event) -> bool {
        let Event::EffectEnded { id, .. } = event else { return false };
        self.release.in_flight.iter().any(|flight| flight.id() == *id && is_write(&flight.intent.effect))
    }

    fn keep(
        &mut self,
        event: Event,
        order: Option<&Order>,
        reaction: &machine::Reaction,
        known: Option<Evidence>,
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let mut entries = Vec::new();
        match (&reaction.answer, order) {
            (Some(Err(why)), Some(order)) => {
                if reaction.changed {
                    // A refused order changes nothing, but the time at which it came may.
                    entries.push(Entry::Event(Event::Ticked));
                }
                entries.push(Entry::Refused { order: order.clone(), why: why.clone() });
            }
            _ if reaction.changed => entries.push(Entry::Event(event)),
            _ => {}
        }
        if let Some(Ok(revision)) = &reaction.answer {
            entries.push(Entry::Accepted { revision: *revision });
        }
        entries.extend(known.filter(|_| !entries.is_empty()).map(Witness::evidence));
        entries.extend(reaction.start.iter().cloned().map(Entry::Intent));
        if entries.is_empty() {
            return Ok(());
        }
        self.append(entries, now)
    }

    fn append(&mut self, entries: Vec<Entry>, now: Timestamp) -> Result<(), JournalError> {
        let mut records = self.witness.take();
        records.extend(entries.into_iter().map(|entry| Record { at: now, entry }));
        let standing = Standing { status: self.release.status().word(), ended: self.release.ended.is_some() };
        self.journal.append(self.release.id, &records, standing)
    }

    /// Appends what was seen and has not been kept together with something that happened.
    pub(super) fn flush(&mut self, now: Timestamp) -> Result<(), JournalError> {
        if self.witness.is_empty() { Ok(()) } else { self.append(Vec::new(), now) }
    }

    /// Lines of logs were read.
    pub(super) fn lines_read(&mut self, lines: &[LogLine], now: Timestamp) {
        if self.release.ended.is_none() {
            self.witness.lines(lines, now);
        }
    }

    /// Everything kept of this release.
    pub(super) fn account(&self) -> Result<Account, JournalError> {
        let summary = self.journal.find(self.release.id)?;
        Ok(Account::of(&summary, &self.journal.numbered(self.release.id)?))
    }

    /// Where incident reports go.
    pub(super) fn incidents(&self) -> Option<PathBuf> {
        self.journal.incidents()
    }

    /// A program runs in this process group: kept, so that whoever recovers can end what is left of it.
    pub(super) fn program_started(&mut self, effect: EffectId, group: u32, now: Timestamp) -> Result<(), JournalError> {
        self.append(vec![Entry::Started { effect, group }], now)
    }

    /// A running program has written a line.
    pub(super) fn program_wrote(&mut self, line: String) {
        if self.output.len() >= OUTPUT {
            self.output.pop_front();
        }
        self.output.push_back(line);
        self.dirty = true;
    }

    /// When the machine wants to be told that time has passed. A moment that it has already looked at is not one: what
    /// is held up until somebody resumes would otherwise be due for ever.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        machine::deadline(&self.release, self.told)
    }

    /// What to ask CloudWatch for.
    pub(super) fn signals_wanted(&self, now: Timestamp) -> SignalsWanted {
        self.measurements.wanted(now)
    }

    /// A read has ended.
    pub(super) fn read(&mut self, read: Read, now: Timestamp) -> Result<Acts, JournalError> {
        let reading = match read.result {
            Ok(reading) => {
                self.heard(read.topic.source(), now);
                reading
            }
            Err(error) => return self.read_failed(read.topic, &error, now),
        };
        let is_old = read.generation != self.generation;
        match reading {
            Reading::Weight(_) | Reading::Capacity(_) if is_old => {
                Ok(Acts { hurry: vec![read.topic], ..Acts::default() })
            }
            Reading::Weight(green) => self.tell(Event::WeightObserved(green), now),
            Reading::Capacity(mut capacities) => {
                for side in [&mut capacities.blue, &mut capacities.green] {
                    side.trouble = side.trouble.take().map(|trouble| self.redactor.clean(&trouble));
                }
                let failed = capacities.green.failed_tasks;
                let known = self.release.capacities.as_ref().map_or(0, |known| known.green.failed_tasks);
                let mut acts = self.tell(Event::CapacityObserved(capacities), now)?;
                if failed > known {
                    acts.hurry.push(Topic::Tasks);
                }
                Ok(acts)
            }
            Reading::Alarms(alarms) => self.alarms_read(alarms, now),
            Reading::Signals(pairs) => {
                let new = self.measurements.take(pairs, now, self.release.traffic.green_since);
                if self.release.ended.is_none() {
                    self.witness.points(new, now);
                }
                let acts = self.judge(now)?;
                self.flush(now)?;
                Ok(acts)
            }
            Reading::Identity(identity) => {
                self.acting = Some(identity.arn.clone());
                self.identity =
                    Some(IdentityView { account: identity.account, arn: identity.arn, expires: identity.expires });
                Ok(Acts::default())
            }
            Reading::Tasks(tasks) => {
                self.task_sides.learn(&tasks, &self.release.plan.sides);
                if self.release.ended.is_none() {
                    self.witness.tasks(&tasks, &self.release.plan.sides, &self.redactor, now);
                }
                Ok(Acts::default())
            }
        }
    }

    fn alarms_read(&mut self, mut alarms: Vec<Alarm>, now: Timestamp) -> Result<Acts, JournalError> {
        for alarm in &mut alarms {
            alarm.reason = self.redactor.clean(&alarm.reason);
        }
        let missing: Vec<String> = alarms
            .iter()
            .filter(|alarm| matches!(alarm.state, AlarmState::Missing | AlarmState::Unknown))
            .map(|alarm| alarm.name.to_string())
            .collect();
        let firing: Vec<FiringAlarm> = alarms.iter().filter_map(Alarm::firing).collect();
        self.alarms = alarms;
        if self.release.ended.is_none() {
            self.witness.alarms(&self.alarm_views(), now);
        }
        if missing.is_empty() {
            self.tell(Event::AlarmsObserved(firing), now)
        } else {
            let why = format!("no state to be had of {}", missing.join(", "));
            self.tell(Event::AlarmsLost { why, firing }, now)
        }
    }

    fn read_failed(&mut self, topic: Topic, error: &CloudError, now: Timestamp) -> Result<Acts, JournalError> {
        let source = topic.source();
        self.failed(source, error.to_string(), now);
        let is_stale = self.sources.iter().any(|view| view.source == source && view.is_stale(now));
        match topic {
            Topic::Alarms if is_stale => {
                let firing = self.release.firing.clone();
                self.tell(Event::AlarmsLost { why: error.kind.to_string(), firing }, now)
            }
            Topic::Signals if is_stale => {
                self.measurements.fail(error.kind.to_string());
                self.judge(now)
            }
            _ => Ok(Acts::default()),
        }
    }

    /// Time has passed. What was read too long ago is no longer believed, whyever nothing newer came.
    pub(super) fn tick(&mut self, now: Timestamp) -> Result<Acts, JournalError> {
        let mut acts = Acts::default();
        if self.is_silent(Source::Alarms, now) && self.release.alarms_lost.is_none() {
            let firing = self.release.firing.clone();
            acts.join(self.tell(Event::AlarmsLost { why: "no answer".to_owned(), firing }, now)?);
        }
        if self.is_silent(Source::Signals, now) && !self.measurements.has_failed() {
            self.measurements.fail("no answer".to_owned());
            acts.join(self.judge(now)?);
        }
        acts.join(self.tell(Event::Ticked, now)?);
        Ok(acts)
    }

    /// Whether a source has said nothing for too long, counted from this engine's start at the earliest.
    fn is_silent(&self, source: Source, now: Timestamp) -> bool {
        self.sources
            .iter()
            .filter(|view| view.source == source)
            .any(|view| now.since(view.last_ok.unwrap_or(self.started)) > view.stale_after)
    }

    /// Judges what is held, and tells the machine.
    fn judge(&mut self, now: Timestamp) -> Result<Acts, JournalError> {
        if self.release.unwinding.is_some() || self.release.ended.is_some() {
            // The verdicts that decided stay: nothing is decided by them any more.
            return Ok(Acts::default());
        }
        let step_since = self.release.step().map(|(_, phase)| match phase {
            StepPhase::Raising { since } | StepPhase::Settling { since } | StepPhase::Baking { since, .. } => since,
            StepPhase::AtGate { watched, .. } => watched,
        });
        let circumstances = Circumstances { now, green_since: self.release.traffic.green_since, step_since };
        let verdicts = self.judge.judge(&self.measurements.measured(), circumstances);
        self.tell(Event::Judged(verdicts), now)
    }

    /// An effect has ended.
    pub(super) fn ended(&mut self, intent: &Intent, outcome: Outcome, now: Timestamp) -> Result<Acts, JournalError> {
        self.tell(Event::EffectEnded { id: intent.id, attempt: intent.attempt, outcome }, now)
    }

    /// A source has answered.
    pub(super) fn heard(&mut self, source: Source, now: Timestamp) {
        if let Some(view) = self.source(source) {
            view.last_ok = Some(now);
            view.failing = None;
        }
    }

    /// A source has not answered.
    pub(super) fn failed(&mut self, source: Source, why: String, now: Timestamp) {
        if let Some(view) = self.source(source) {
            let since = view.failing.as_ref().map_or(now, |(since, _)| *since);
            view.failing = Some((since, why));
        }
    }

    pub(super) fn called(&mut self, source: Source, calls: u64) {
        if let Some(view) = self.source(source) {
            view.calls += calls;
        }
    }

    fn source(&mut self, source: Source) -> Option<&mut SourceView> {
        self.dirty = true;
        self.sources.iter_mut().find(|view| view.source == source)
    }

    /// Everything a face needs.
    pub(super) fn snapshot(&self, now: Timestamp) -> Snapshot {
        Snapshot {
            at: now,
            speed: self.speed,
            release: Arc::new(self.release.clone()),
            series: self.measurements.series().to_vec(),
            alarms: self.alarm_views(),
            sources: self.sources.clone(),
            identity: self.identity.clone(),
            toll: self.measurements.toll(self.release.traffic_span()),
            output: self.output.iter().cloned().collect(),
            engine: self.engine.clone(),
        }
    }

    fn alarm_views(&self) -> Vec<AlarmView> {
        let begun = self.release.begun.as_ref().map(|begun| begun.at);
        let mut views: Vec<AlarmView> = self
            .alarms
            .iter()
            .map(|alarm| AlarmView {
                name: alarm.name.clone(),
                state: match alarm.state {
                    AlarmState::Ok => AlarmWord::Ok,
                    AlarmState::Alarm => AlarmWord::Firing,
                    AlarmState::InsufficientData => AlarmWord::InsufficientData,
                    AlarmState::Missing => AlarmWord::Missing,
                    AlarmState::Unknown => AlarmWord::Unknown,
                },
                since: alarm.since,
                reason: alarm.reason.clone(),
                is_older_than_release: alarm.since.zip(begun).is_some_and(|(since, begun)| since < begun),
            })
            .collect();
        views.sort_by(|a, b| a.state.cmp(&b.state).then_with(|| a.name.cmp(&b.name)));
        views
    }
}

fn is_write(effect: &Effect) -> bool {
    matches!(effect, Effect::SetWeight { .. } | Effect::Scale { .. })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::command::Command;
    use crate::domain::ids::{TaskDefinitionArn, Version};
    use crate::domain::percent::Percent;
    use crate::domain::plan::{
        Driver, OnFailure, Place, Plan, RollbackPlan, SidePlan, Sides, StageKind, StagePlan, VerifyPlan,
    };
    use crate::domain::redact::Redactor;
    use crate::engine::settings::Polls;
    use crate::journal::sqlite::SqliteJournal;
    use crate::judge::threshold::Threshold;

    const MINUTE: Duration = Duration::from_mins(1);

    /// One stage that is over after a minute.
    fn plan() -> Plan {
        let side = SidePlan {
            service: "api".to_owned(),
            target_group: "api".to_owned(),
            task_definition: TaskDefinitionArn::from("api:1"),
            container: "api".to_owned(),
            desired: 1,
            url: None,
        };
        Plan {
            environment: "demo".into(),
            production: false,
            component: "api".into(),
            place: Place::default(),
            driver: Driver::Alb,
            from: Version("api:1".to_owned()),
            to: Version("api:2".to_owned()),
            sides: Sides { rule: "rule".to_owned(), blue: side.clone(), green: side },
            stages: vec![StagePlan {
                name: "watch".into(),
                kind: StageKind::Verify(VerifyPlan { watch: MINUTE, checks: Vec::new() }),
                timeout: MINUTE,
                on_failure: OnFailure::Rollback,
            }],
            signals: Vec::new(),
            alarms: Vec::new(),
            rollback: RollbackPlan { escalate_after: MINUTE, min_healthy: Percent::FULL, keep_green: false },
            notify: Vec::new(),
            secrets: Vec::new(),
        }
    }

    #[test]
    fn what_falls_due_when_an_order_is_refused_is_in_the_journal() {
        let by = Actor::new("captain", "bastion");
        let begun = Timestamp::from_secs(1_000);
        let mut journal = SqliteJournal::in_memory().unwrap();
        let (id, plan) = journal.create(&mut |_| plan(), &by, begun).unwrap();
        let settings = Settings {
            log_groups: Vec::new(),
            polls: Polls::default(),
            period: MINUTE,
            redactor: Redactor::default(),
            variables: std::collections::BTreeMap::new(),
            is_demo: false,
        };
        let release = Release::planned(id, plan.clone());
        let judge = Box::new(Threshold::new(Vec::new()));
        let mut core = Core::new(release, Box::new(journal), judge, &settings, &by, Clock::starting_at(begun, 1.0));
        let _acts = core.tell(Event::Requested { by: by.clone() }, begun).unwrap();
        let order = Order { command: Command::Resume, by, seen: None };
        let acts = core.tell(Event::Ordered(order), begun + MINUTE).unwrap();
        assert!(matches!(acts.answer, Some(Err(_))), "nothing is paused: {acts:?}");
        assert!(core.release.ended.is_some(), "the minute is over");
        let records = core.journal.records(id).unwrap();
        assert_eq!(crate::journal::replay(id, plan, &records), core.release);
    }
}
