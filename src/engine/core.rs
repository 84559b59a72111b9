//! The part of the engine that awaits nothing: steps the machine, keeps the journal, holds what was read.

mod logs;
mod reading;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use self::reading::CredentialsEnd;
pub(super) use self::reading::share_of;
use super::alarms::views;
use super::ask::Context;
use super::clean::Cleaner;
use super::cost;
use super::execute::Rivals;
use super::handle::{Passage, Question};
use super::measure::Measurements;
use super::poll::{self, SignalsWanted, Topic};
use super::requests::Requests;
use super::settings::Settings;
use super::snapshot::{AlarmView, ComponentView, EngineView, IdentityView, LogsView, Snapshot, Source, SourceView};
use super::tail::{LATENESS, TaskSides};
use super::witness::Witness;
use crate::clock::Clock;
use crate::cloud::Alarm;
use crate::domain::alarm::Setup;
use crate::domain::command::{Actor, Order, Refusal};
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::effect::{Effect, Intent, Outcome};
use crate::domain::event::Event;
use crate::domain::evidence::Evidence;
use crate::domain::facts;
use crate::domain::gate::Condition;
use crate::domain::ids::{EffectId, Revision};
use crate::domain::log::patterns::Patterns;
use crate::domain::log::request::Tally;
use crate::domain::machine;
use crate::domain::plan::StageKind;
use crate::domain::release::{Release, StepPhase};
use crate::domain::time::Timestamp;
use crate::domain::triage::Triage;
use crate::journal::account::Account;
use crate::journal::format::Unreadable;
use crate::journal::{Entry, Journal, JournalError, Record, Standing, Summary};
use crate::judge::live::Picture;
use crate::judge::{Circumstances, Judge};

/// Newest releases of the journal among which rivals are looked for.
const LOOKED_AT: usize = 500;

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
    pub(super) hurry: Vec<(Topic, ComponentIndex)>,
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

/// What is held of one component.
struct Watch {
    judge: Box<dyn Judge>,
    measurements: Measurements,
    alarms: Vec<Alarm>,
}

pub(super) struct Core {
    pub(super) release: Release,
    journal: Box<dyn Journal>,
    /// Records that the journal has of the release.
    kept: usize,
    watches: Components<Watch>,
    sources: Vec<SourceView>,
    identity: Option<IdentityView>,
    /// ARN of the identity that the engine acts with, once known.
    acting: Option<String>,
    witness: Witness,
    /// What was last said of the credentials' end.
    credentials_told: Option<(CredentialsEnd, Option<Timestamp>)>,
    /// What running programs wrote, by the index of their stage.
    output: BTreeMap<usize, VecDeque<String>>,
    pub(super) task_sides: TaskSides,
    patterns: Patterns,
    requests: Components<Requests>,
    /// What is shown of the comparison by requests.
    compared: Components<Option<Arc<Picture>>>,
    logs: LogsView,
    engine: EngineView,
    /// What somebody who only watches has found out before.
    pub(super) triage: Option<Arc<Triage>>,
    cleaner: Cleaner,
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
    /// A core for `release`, of which the journal has `kept` records.
    pub(super) fn new(
        release: Release,
        kept: usize,
        journal: Box<dyn Journal>,
        judges: Components<Box<dyn Judge>>,
        settings: &Settings,
        actor: &Actor,
        clock: Clock,
    ) -> Self {
        let requests = release.plan.components.map(Requests::new);
        let compared = release.plan.components.map(|_| None);
        let sources = poll::sources(&settings.polls, &release.plan);
        let watches = judges.join(&release.plan.components, |judge, plan| Watch {
            judge,
            measurements: Measurements::new(plan, settings.period),
            alarms: Vec::new(),
        });
        let engine = EngineView {
            pid: std::process::id(),
            host: actor.host.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ends_with_face: settings.is_demo,
            trouble: None,
            watching: cost::watching(&release.plan, &settings.polls),
            replay: None,
        };
        Self {
            release,
            journal,
            kept,
            watches,
            sources,
            identity: None,
            patterns: Patterns::default(),
            requests,
            compared,
            logs: LogsView { lateness: LATENESS, ..LogsView::default() },
            acting: None,
            witness: Witness::default(),
            credentials_told: None,
            output: BTreeMap::new(),
            task_sides: TaskSides::default(),
            engine,
            triage: None,
            cleaner: Cleaner::new(settings.redactor.clone()),
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
        let event = self.cleaner.event(event);
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
        if writes_begin || writes_end.is_some() {
            self.generation += 1;
        }
        self.dirty |= reaction.changed;
        let mut hurry: Vec<_> =
            writes_end.into_iter().flat_map(|of| [(Topic::Weight, of), (Topic::Capacity, of)]).collect();
        if self.standing() != stood {
            // Why tasks stopped is only to be had for an hour.
            let sides = self.release.plan.components.iter().filter(|(_, component)| component.sides.is_some());
            hurry.extend(sides.map(|(of, _)| (Topic::Tasks, of)));
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

    /// The component whose place was written to, if that is what has ended.
    fn is_end_of_write(&self, event: &Event) -> Option<ComponentIndex> {
        let Event::EffectEnded { id, .. } = event else { return None };
        let flight = self.release.in_flight.iter().find(|flight| flight.id() == *id)?;
        flight.intent.effect.component().filter(|_| is_write(&flight.intent.effect))
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
        let appended = self.journal.append(self.release.id, &records, standing);
        appended.or_else(|error| self.append_again(&records, standing, error))?;
        self.kept += records.len();
        Ok(())
    }

    /// Tries once more to append what could not be. A write that ended with an error may be on disk all the same, and
    /// nothing may be there twice: an order replayed twice is carried out twice.
    fn append_again(
        &mut self,
        records: &[Record],
        standing: Standing<'_>,
        error: JournalError,
    ) -> Result<(), JournalError> {
        let id = self.release.id;
        match self.journal.records(id)?.len().checked_sub(self.kept) {
            Some(0) => self.journal.append(id, records, standing),
            Some(new) if new == records.len() => Ok(()),
            _ => Err(error),
        }
    }

    /// Appends what was seen and has not been kept together with something that happened.
    pub(super) fn flush(&mut self, now: Timestamp) -> Result<(), JournalError> {
        if self.witness.is_empty() { Ok(()) } else { self.append(Vec::new(), now) }
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

    /// Other unfinished releases of the same component that the journal knows of, for a gate that asks.
    pub(super) fn rivals(&self, intent: &Intent) -> Rivals {
        let Effect::CheckGate { stage } = intent.effect else { return Ok(Vec::new()) };
        let plan = &self.release.plan;
        let asks = plan.stage(stage).is_some_and(|stage| match &stage.kind {
            StageKind::Gate(gate) => gate.conditions.contains(&Condition::Alone),
            _ => false,
        });
        if !asks {
            return Ok(Vec::new());
        }
        let all = self.journal.list(LOOKED_AT).map_err(|error| self.cleaner.text(&error.to_string()))?;
        let is_unread_rival = |other: &&Unreadable| {
            let mut ours = plan.components.iter().map(|(_, component)| component.name.as_str());
            !other.ended && ours.any(|name| other.is_of(Some(plan.environment.as_str()), Some(name)))
        };
        let unread = all.unreadable.iter().filter(is_unread_rival).map(ToString::to_string);
        let is_rival = |other: &Summary| {
            let mut ours = plan.components.iter().map(|(_, component)| component.name.as_str());
            let same = other.plan.environment == plan.environment && ours.any(|name| other.plan.releases(name));
            same && !other.ended && other.id != self.release.id
        };
        let said = |other: &Summary| format!("release {} by {} is {}", other.id, other.by.name, other.status);
        Ok(all.releases.iter().filter(|other| is_rival(other)).map(said).chain(unread).collect())
    }

    /// A running program has written a line.
    pub(super) fn program_wrote(&mut self, effect: EffectId, line: String) {
        let flight = self.release.in_flight.iter().find(|flight| flight.id() == effect);
        let Some(stage) = flight.and_then(|flight| flight.intent.effect.stage()) else { return };
        let output = self.output.entry(stage).or_default();
        if output.len() >= OUTPUT {
            output.pop_front();
        }
        output.push_back(line);
        self.dirty = true;
    }

    /// When the machine wants to be told that time has passed. A moment that it has already looked at is not one: what
    /// is held up until somebody resumes would otherwise be due for ever.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        machine::deadline(&self.release, self.told)
    }

    /// What to ask CloudWatch for.
    pub(super) fn signals_wanted(&self, of: ComponentIndex, now: Timestamp) -> SignalsWanted {
        self.watches[of].measurements.wanted(now)
    }

    /// Time has passed. What was read too long ago is no longer believed, whyever nothing newer came.
    pub(super) fn tick(&mut self, now: Timestamp) -> Result<Acts, JournalError> {
        let mut acts = Acts::default();
        for component in self.release.components.indices() {
            let state = &self.release.components[component];
            if self.is_silent(Source::Alarms, component, now) && state.alarms_lost.is_none() {
                let firing = state.firing.clone();
                acts.join(self.tell(Event::AlarmsLost { component, why: "no answer".to_owned(), firing }, now)?);
            }
            let has_failed = self.watches[component].measurements.has_failed();
            if self.is_silent(Source::Signals, component, now) && !has_failed {
                self.watches[component].measurements.fail("no answer".to_owned());
                acts.join(self.judge(component, now)?);
            }
        }
        acts.join(self.watch_credentials(now)?);
        acts.join(self.tell(Event::Ticked, now)?);
        Ok(acts)
    }

    /// Whether a source has said nothing for too long, counted from this engine's start at the earliest.
    fn is_silent(&self, source: Source, of: ComponentIndex, now: Timestamp) -> bool {
        self.sources
            .iter()
            .filter(|view| view.source == source && view.component == of)
            .any(|view| now.since(view.last_ok.unwrap_or(self.started)) > view.stale_after)
    }

    /// Judges what is held, and tells the machine.
    fn judge(&mut self, of: ComponentIndex, now: Timestamp) -> Result<Acts, JournalError> {
        if self.release.unwinding.is_some() || self.release.ended.is_some() {
            // The verdicts that decided stay: nothing is decided by them any more.
            return Ok(Acts::default());
        }
        let step_since = self.release.step(of).map(|(_, phase)| match phase {
            StepPhase::Raising { since } | StepPhase::Settling { since } | StepPhase::Baking { since, .. } => since,
            StepPhase::AtGate { watched, .. } => watched,
        });
        let green_since = self.release.components[of].traffic.green_since;
        let Watch { judge, measurements, .. } = &mut self.watches[of];
        let verdicts = judge.judge(&measurements.measured(), Circumstances { now, green_since, step_since });
        self.tell(Event::Judged { component: of, verdicts }, now)
    }

    /// An effect has ended.
    pub(super) fn ended(&mut self, intent: &Intent, outcome: Outcome, now: Timestamp) -> Result<Acts, JournalError> {
        self.tell(Event::EffectEnded { id: intent.id, attempt: intent.attempt, outcome }, now)
    }

    /// A source has answered.
    pub(super) fn heard(&mut self, source: Source, of: ComponentIndex, now: Timestamp) {
        if let Some(view) = self.source(source, of) {
            view.last_ok = Some(now);
            view.failing = None;
        }
    }

    /// A source has not answered.
    pub(super) fn failed(&mut self, source: Source, of: ComponentIndex, why: &str, now: Timestamp) {
        let why = self.cleaner.text(why);
        if let Some(view) = self.source(source, of) {
            let since = view.failing.as_ref().map_or(now, |(since, _)| *since);
            view.failing = Some((since, why));
        }
    }

    pub(super) fn called(&mut self, source: Source, of: ComponentIndex, calls: u64) {
        if let Some(view) = self.source(source, of) {
            view.calls += calls;
        }
    }

    fn source(&mut self, source: Source, of: ComponentIndex) -> Option<&mut SourceView> {
        self.dirty = true;
        self.sources.iter_mut().find(|view| view.source == source && view.component == of)
    }

    /// Shows what is wrong with the lease, or that nothing is any more.
    pub(super) fn lease_troubled(&mut self, why: Option<String>) {
        self.engine.trouble = why.map(|why| self.cleaner.text(&why));
        self.dirty = true;
    }

    /// Says what keeps this engine from going on, and shows it.
    pub(super) fn troubled(&mut self, why: &str) {
        self.engine.trouble = Some(self.cleaner.text(why));
        self.dirty = true;
    }

    /// Everything a face needs.
    pub(super) fn snapshot(&self, now: Timestamp) -> Snapshot {
        Snapshot {
            at: now,
            speed: self.speed,
            release: Arc::new(self.release.clone()),
            components: self.component_views(),
            sources: self.sources.clone(),
            identity: self.identity.clone(),
            output: self.output.iter().map(|(stage, lines)| (*stage, lines.iter().cloned().collect())).collect(),
            logs: self.logs.clone(),
            engine: self.engine.clone(),
            triage: self.triage.clone(),
        }
    }

    fn component_views(&self) -> Components<ComponentView> {
        let views = self.watches.pair(&self.release.components, |watch, component| ComponentView {
            series: watch.measurements.series().to_vec(),
            alarms: self.alarm_views(&watch.alarms),
            toll: watch.measurements.toll(component.traffic_span()),
            requests: Tally::default(),
            compared: None,
        });
        let views = views.join(&self.compared, |view, compared| ComponentView { compared: compared.clone(), ..view });
        views.join(&self.requests, |view, requests| ComponentView { requests: requests.tally(), ..view })
    }

    fn alarm_views(&self, alarms: &[Alarm]) -> Vec<AlarmView> {
        views(alarms, self.release.begun.as_ref().map(|begun| begun.at))
    }

    /// What a question about this release is answered from.
    pub(super) fn context(&self, question: &Question, listed: Option<&Setup>, now: Timestamp) -> Context {
        let setup = match question {
            Question::Alarm { alarm, .. } => {
                let known = self.watches.iter().flat_map(|(_, watch)| &watch.alarms).find(|known| known.name == *alarm);
                known.map(|known| &known.setup).or(listed).cloned()
            }
            Question::Alarms { .. } | Question::Signals { .. } => None,
        };
        Context {
            plan: self.release.plan.clone(),
            begun: self.release.begun.as_ref().map(|begun| begun.at),
            setup,
            releases: match question {
                Question::Alarm { .. } => self.passages(),
                Question::Alarms { .. } | Question::Signals { .. } => Vec::new(),
            },
            now,
        }
    }

    /// The newest releases of this environment. A journal that cannot be read now shows none.
    fn passages(&self) -> Vec<Passage> {
        let all = self.journal.list(LOOKED_AT).map(|listing| listing.releases).unwrap_or_default();
        let passage = |summary: &Summary| Passage {
            id: summary.id,
            what: summary.plan.components_named().clone(),
            begun: summary.created,
            status: summary.status.clone(),
            ended: summary.ended.then_some(summary.touched),
        };
        all.iter().filter(|other| other.plan.environment == self.release.plan.environment).map(passage).collect()
    }
}

fn is_write(effect: &Effect) -> bool {
    matches!(effect, Effect::SetWeight { .. } | Effect::Scale { .. })
}
