//! Looks at the release from outside: at every entry of the journal and at every change in the world, in the order in
//! which they happened, and holds them against the invariants. It asks the engine nothing.

mod ending;
mod judgement;
mod notices;
mod secrets;
mod writes;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cutover::domain::effect::{Effect, Intent};
use cutover::domain::event::Event;
use cutover::domain::ids::{ReleaseId, Side};
use cutover::domain::machine;
use cutover::domain::plan::Plan;
use cutover::domain::release::Release;
use cutover::domain::time::Timestamp;
use cutover::journal::{Entry, Record};
use cutover::sim::{Sim, World};
use tokio::sync::Notify;

use self::judgement::Judgement;
use self::notices::Notices;
use crate::trial::{Prey, Trial};

/// The invariants of a release, as the architecture numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Invariant {
    /// The two weights add up to 100, and only the plan's steps, 0 and 100 are ever set.
    I1,
    /// Once rollback has begun, nothing raises green's weight.
    I2,
    /// An ending claims only what was observed.
    I3,
    /// Traffic is never shifted onto a side without enough healthy targets.
    I4,
    /// No effect without its journaled intent, none twice that must not be.
    I5,
    /// No-data, error, stale or too few samples never promote.
    I6,
    /// Every command is answered, and every release ends or waits visibly for a human.
    I7,
    /// Every transition is notified, and none twice without need.
    I9,
    /// Secrets stay where they are, and nothing steers a terminal.
    I10,
    /// The journal alone gives the release back.
    Replay,
}

/// An invariant that did not hold.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) invariant: Invariant,
    pub(crate) at: Timestamp,
    pub(crate) what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {} ms: {}", self.invariant, self.at.millis(), self.what)
    }
}

/// The watch. Clones watch together.
#[derive(Clone)]
pub(crate) struct Watch {
    sim: Sim,
    state: Arc<Mutex<State>>,
    /// Rings when the effect that an ambush waits for has begun.
    bell: Arc<Notify>,
    prey: Option<Prey>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

/// What was true in the world from a moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Truth {
    at: Timestamp,
    /// Green's weight of 100, as the rule has it.
    green: u32,
    healthy_blue: usize,
    healthy_green: usize,
}

/// How many reads an engine may be behind: the last may have been discarded because a write was under way.
const READS: usize = 3;

struct State {
    plan: Plan,
    /// The oldest that a stale read may be.
    stale: Duration,
    /// The release as the journal tells it.
    mirror: Release,
    /// Effects that this engine has put down and not ended.
    open: Vec<Intent>,
    /// The engine was told that its journal is broken.
    is_broken: bool,
    changes: usize,
    weights: usize,
    truths: VecDeque<Truth>,
    /// When the newest reads of capacity, of this engine, began: those that brought an answer.
    capacity_reads: VecDeque<Timestamp>,
    weight_reads: VecDeque<Timestamp>,
    registrations: u32,
    /// Programs started, by the first word.
    programs: Vec<String>,
    somebody_set_weights: bool,
    judgement: Judgement,
    notices: Notices,
    /// Every record of the journal, as it is written.
    journal: Vec<String>,
    /// Log lines shown to a face.
    lines: usize,
    violations: Vec<Violation>,
}

impl Watch {
    pub(crate) fn new(sim: Sim, plan: Plan, trial: &Trial) -> Self {
        let state = State {
            mirror: Release::planned(ReleaseId(1), plan.clone()),
            plan,
            stale: trial.stale(),
            open: Vec::new(),
            is_broken: false,
            changes: sim.with(|world, _| world.changes().len()),
            weights: sim.with(|world, _| world.weight_history().len()),
            truths: VecDeque::new(),
            capacity_reads: VecDeque::new(),
            weight_reads: VecDeque::new(),
            registrations: 0,
            programs: Vec::new(),
            somebody_set_weights: false,
            judgement: Judgement::default(),
            notices: Notices::default(),
            journal: Vec::new(),
            lines: 0,
            violations: Vec::new(),
        };
        let prey = trial.ambush.map(|ambush| ambush.effect);
        Self { sim, state: Arc::new(Mutex::new(state)), bell: Arc::default(), prey }
    }

    fn with<R>(&self, act: impl FnOnce(&mut State, &mut World, Timestamp) -> R) -> R {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.sim.with(|world, now| act(&mut state, world, now))
    }

    /// A release was created under this number.
    pub(crate) fn created(&self, id: ReleaseId, plan: &Plan) {
        self.with(|state, _, _| state.mirror = Release::planned(id, plan.clone()));
    }

    /// Looks at what has changed in the world.
    pub(crate) fn look(&self) {
        self.with(State::look);
    }

    /// Somebody who is not the engine changes the world.
    pub(crate) fn disturb(&self, act: impl FnOnce(&mut World)) {
        self.with(|state, world, now| {
            state.look(world, now);
            let before = state.weights;
            act(world);
            state.changes = world.changes().len();
            state.weights = world.weight_history().len();
            state.somebody_set_weights |= state.weights > before;
            state.notice_truth(world, now);
        });
    }

    /// These records are in the journal now.
    pub(crate) fn appended(&self, records: &[Record]) {
        self.with(|state, world, now| {
            state.look(world, now);
            for record in records {
                state.record(record, world, now);
                if matches!(&record.entry, Entry::Intent(intent) if self.prey.is_some_and(|prey| is_prey(prey, intent)))
                {
                    self.bell.notify_one();
                }
            }
        });
    }

    /// Waits until the effect that an ambush waits for has begun.
    pub(crate) async fn prey(&self) {
        self.bell.notified().await;
    }

    /// The engine was told that its journal cannot be written.
    pub(crate) fn journal_broke(&self) {
        self.with(|state, world, now| {
            state.look(world, now);
            state.is_broken = true;
        });
    }

    /// The engine is gone, and with it all that was under way.
    pub(crate) fn engine_gone(&self) {
        self.with(|state, world, now| {
            state.look(world, now);
            state.open.clear();
            state.is_broken = false;
            state.capacity_reads.clear();
            state.weight_reads.clear();
        });
    }

    /// A read of the capacity that began at that moment, by the cloud's clock, was answered.
    pub(crate) fn capacity_read(&self, began: Timestamp) {
        self.with(|state, _, _| keep_newest(&mut state.capacity_reads, began));
    }

    /// The same for the weights.
    pub(crate) fn weight_read(&self, began: Timestamp) {
        self.with(|state, _, _| keep_newest(&mut state.weight_reads, began));
    }

    /// The cloud's time.
    pub(crate) fn now(&self) -> Timestamp {
        self.sim.clock().now()
    }

    /// The release as the journal tells it.
    pub(crate) fn release(&self) -> Release {
        self.with(|state, _, _| state.mirror.clone())
    }

    pub(crate) fn violate(&self, invariant: Invariant, what: String) {
        self.with(|state, _, now| state.violate(invariant, now, what));
    }

    pub(crate) fn violations(&self) -> Vec<Violation> {
        self.with(|state, _, _| state.violations.clone())
    }

    /// Every record of the journal, as it was written.
    pub(crate) fn journal(&self) -> Vec<String> {
        self.with(|state, _, _| state.journal.clone())
    }
}

fn is_prey(prey: Prey, intent: &Intent) -> bool {
    match (&intent.effect, prey) {
        (Effect::SetWeight { green }, Prey::Weight(weight)) => green.get() == weight,
        (Effect::Scale { side: Side::Green, desired, .. }, Prey::GreenUp) => *desired > 0,
        (Effect::Scale { side: Side::Blue, desired: 0, .. }, Prey::BlueDown) => true,
        _ => false,
    }
}

fn keep_newest(reads: &mut VecDeque<Timestamp>, began: Timestamp) {
    reads.push_back(began);
    if reads.len() > READS {
        reads.pop_front();
    }
}

impl State {
    fn violate(&mut self, invariant: Invariant, at: Timestamp, what: String) {
        // What follows from the first is noise.
        if self.violations.len() < 5 {
            self.violations.push(Violation { invariant, at, what });
        }
    }

    fn require(&mut self, holds: bool, invariant: Invariant, at: Timestamp, what: impl FnOnce() -> String) {
        if !holds {
            self.violate(invariant, at, what());
        }
    }

    fn look(&mut self, world: &mut World, now: Timestamp) {
        let new: Vec<_> = world.changes()[self.changes..].to_vec();
        self.changes += new.len();
        for change in &new {
            self.changed(change, world, now);
        }
        self.weights = world.weight_history().len();
        self.delivered(world, now);
        self.notice_truth(world, now);
    }

    fn notice_truth(&mut self, world: &World, now: Timestamp) {
        let sides = &self.plan.sides;
        let truth = Truth {
            at: now,
            green: green_of(world, &self.plan),
            healthy_blue: world.healthy_targets(&sides.blue.service).0,
            healthy_green: world.healthy_targets(&sides.green.service).0,
        };
        if self.truths.back().is_none_or(|last| Truth { at: now, ..*last } != truth) {
            self.truths.push_back(truth);
        }
    }

    /// Whether something was true at any moment that a reader of these reads may still take for the present.
    fn was_true(&self, reads: &VecDeque<Timestamp>, now: Timestamp, holds: impl Fn(&Truth) -> bool) -> bool {
        let from = reads.front().copied().unwrap_or(now) - self.stale;
        let first = self.truths.iter().rposition(|truth| truth.at <= from).unwrap_or(0);
        self.truths.iter().skip(first).any(holds)
    }

    fn record(&mut self, record: &Record, world: &World, now: Timestamp) {
        let text = serde_json::to_string(record).unwrap();
        self.keeps_secret("a row of the journal", &text, now);
        self.journal.push(text);
        match &record.entry {
            Entry::Event(event) => self.event(event, record.at, world, now),
            Entry::Intent(intent) => self.intent(intent, now),
            Entry::Refused { .. } | Entry::Accepted { .. } | Entry::Started { .. } | Entry::Seen(_) => {}
        }
    }

    fn event(&mut self, event: &Event, at: Timestamp, world: &World, now: Timestamp) {
        let before = self.mirror.clone();
        self.notices.ended(event, &before);
        let _asked = machine::step(&mut self.mirror, event.clone(), at);
        self.open.retain(|intent| {
            self.mirror.in_flight.iter().any(|flight| flight.id() == intent.id && flight.retry_at.is_none())
                && !matches!(event, Event::EffectEnded { id, attempt, .. } if *id == intent.id && *attempt == intent.attempt)
        });
        self.judged(event, &before, at, world, now);
        self.transitions(&before);
        self.claims(&before, now);
    }

    fn intent(&mut self, intent: &Intent, now: Timestamp) {
        if let Effect::Notify(notice) = &intent.effect {
            let sent_already = self.notices.asked(intent, notice);
            self.require(!sent_already, Invariant::I9, now, || {
                format!("{} is sent again after it was sent", notice.key)
            });
        }
        self.open.push(intent.clone());
    }

    fn healthy_wanted(&self, side: Side) -> u32 {
        self.plan.sides.of(side).desired
    }
}

/// Green's weight on the plan's rule, in its hundred.
fn green_of(world: &World, plan: &Plan) -> u32 {
    let weights = world.current_weights();
    let rule = weights.iter().find(|(arn, _)| *arn == plan.sides.rule);
    let of = |service: &str| {
        rule.and_then(|(_, weights)| weights.iter().find(|(name, _)| name == service)).map_or(0, |(_, weight)| *weight)
    };
    of(&plan.sides.green.service)
}
