//! The part of the engine that awaits nothing: steps the machine, keeps the journal, holds what was read.

mod reading;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use self::reading::CredentialsEnd;
use super::clean::Cleaner;
use super::measure::Measurements;
use super::poll::{self, SignalsWanted, Topic};
use super::settings::Settings;
use super::snapshot::{AlarmView, AlarmWord, ComponentView, EngineView, IdentityView, Snapshot, Source, SourceView};
use super::tail::TaskSides;
use crate::clock::Clock;
use crate::cloud::{Alarm, AlarmState};
use crate::domain::command::{Actor, Order, Refusal};
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::effect::{Effect, Intent, Outcome};
use crate::domain::event::Event;
use crate::domain::ids::{EffectId, Revision};
use crate::domain::machine;
use crate::domain::release::{Release, StepPhase};
use crate::domain::time::Timestamp;
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
    /// What was last said of the credentials' end.
    credentials_told: Option<(CredentialsEnd, Option<Timestamp>)>,
    /// What running programs wrote, by the index of their stage.
    output: BTreeMap<usize, VecDeque<String>>,
    pub(super) task_sides: TaskSides,
    engine: EngineView,
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
        };
        Self {
            release,
            journal,
            kept,
            watches,
            sources,
            identity: None,
            credentials_told: None,
            output: BTreeMap::new(),
            task_sides: TaskSides::default(),
            engine,
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
        let reaction = machine::step(&mut self.release, event, now);
        self.keep(kept, order.as_ref(), &reaction, now)?;
        let writes_begin = reaction.start.iter().any(|intent| is_write(&intent.effect));
        if writes_begin || writes_end.is_some() {
            self.generation += 1;
        }
        self.dirty |= reaction.changed;
        let hurry = writes_end.into_iter().flat_map(|of| [(Topic::Weight, of), (Topic::Capacity, of)]).collect();
        Ok(Acts { start: reaction.start, cancel: reaction.cancel, answer: reaction.answer, hurry })
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
        entries.extend(reaction.start.iter().cloned().map(Entry::Intent));
        if entries.is_empty() {
            return Ok(());
        }
        self.append(entries, now)
    }

    fn append(&mut self, entries: Vec<Entry>, now: Timestamp) -> Result<(), JournalError> {
        let records: Vec<Record> = entries.into_iter().map(|entry| Record { at: now, entry }).collect();
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

    /// A program runs in this process group: kept, so that whoever recovers can end what is left of it.
    pub(super) fn program_started(&mut self, effect: EffectId, group: u32, now: Timestamp) -> Result<(), JournalError> {
        self.append(vec![Entry::Started { effect, group }], now)
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
            engine: self.engine.clone(),
        }
    }

    fn component_views(&self) -> Components<ComponentView> {
        self.watches.pair(&self.release.components, |watch, component| ComponentView {
            series: watch.measurements.series().to_vec(),
            alarms: self.alarm_views(&watch.alarms),
            toll: watch.measurements.toll(component.traffic_span()),
        })
    }

    fn alarm_views(&self, alarms: &[Alarm]) -> Vec<AlarmView> {
        let begun = self.release.begun.as_ref().map(|begun| begun.at);
        let mut views: Vec<AlarmView> = alarms
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
