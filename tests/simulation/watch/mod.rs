//! Looks at the release from outside: at every entry of the journal and at every change in the world, in the order in
//! which they happened, and holds them against the invariants. It asks the engine nothing.

mod deployments;
mod ending;
mod judgement;
mod migration;
mod notices;
mod secrets;
mod turns;
mod writes;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cutover::clock::Clock;
use cutover::domain::components::{ComponentIndex, Components};
use cutover::domain::effect::{Effect, Intent};
use cutover::domain::event::Event;
use cutover::domain::ids::{ReleaseId, Side};
use cutover::domain::machine;
use cutover::domain::plan::{ComponentPlan, Driver, Plan, SidePlan, Sides};
use cutover::domain::release::Release;
use cutover::domain::time::Timestamp;
use cutover::engine::run::TrafficLeft;
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
    /// Stages, and components on the way back, come in the plan's order.
    Turns,
    /// A migration runs once at a time, never beside what undoes it, and nothing new is brought up after one that failed.
    Migration,
    /// Features are switched off before the weights go back.
    Flags,
    /// No task on ECS outlives its release.
    Leftover,
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
    clock: Clock,
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
    /// The worlds that the components run in.
    sims: Components<Sim>,
    places: Components<Place>,
    /// The oldest that a stale read may be.
    stale: Duration,
    /// The release as the journal tells it.
    mirror: Release,
    /// Effects that this engine has put down and not ended.
    open: Vec<Intent>,
    /// The engine was told that its journal is broken.
    is_broken: bool,
    /// Where engines without a journal left the traffic.
    left: Vec<TrafficLeft>,
    /// Programs started, by the first word.
    programs: Vec<String>,
    /// Those of them that run.
    running: Vec<String>,
    /// How migrations last ended, by the component's name: well, or not.
    applied: BTreeMap<String, bool>,
    notices: Notices,
    /// Every record of the journal, as it is written.
    journal: Vec<String>,
    /// Log lines shown to a face.
    lines: usize,
    /// Components of which there were any.
    heard: BTreeSet<ComponentIndex>,
    /// The most components that were shifted at the same time.
    side_by_side: usize,
    violations: Vec<Violation>,
}

/// What is known of a component's world.
#[derive(Debug, Default)]
struct Place {
    /// Changes, changes of weights and deliveries that were looked at.
    changes: usize,
    weights: usize,
    deliveries: usize,
    truths: VecDeque<Truth>,
    /// When the newest reads of capacity, of this engine, began: those that brought an answer.
    capacity_reads: VecDeque<Timestamp>,
    weight_reads: VecDeque<Timestamp>,
    registrations: u32,
    /// Tasks that were run once, oldest first.
    one_offs: Vec<self::migration::OneOff>,
    somebody_set_weights: bool,
    judgement: Judgement,
    deployments: self::deployments::Deployments,
}

impl Place {
    fn of(sim: &Sim) -> Self {
        sim.with(|world, _| Self {
            changes: world.changes().len(),
            weights: world.weight_history().len(),
            ..Self::default()
        })
    }
}

impl Watch {
    pub(crate) fn new(sims: Components<Sim>, plan: Plan, trial: &Trial) -> Self {
        let clock = sims[ComponentIndex::FIRST].clock();
        let state = State {
            mirror: Release::planned(ReleaseId(1), plan.clone()),
            plan,
            places: sims.map(Place::of),
            sims,
            stale: trial.stale(),
            open: Vec::new(),
            is_broken: false,
            left: Vec::new(),
            programs: Vec::new(),
            running: Vec::new(),
            applied: BTreeMap::new(),
            notices: Notices::default(),
            journal: Vec::new(),
            lines: 0,
            heard: BTreeSet::new(),
            side_by_side: 0,
            violations: Vec::new(),
        };
        let prey = trial.ambush.map(|ambush| ambush.effect);
        Self { clock, state: Arc::new(Mutex::new(state)), bell: Arc::default(), prey }
    }

    fn with<R>(&self, act: impl FnOnce(&mut State, Timestamp) -> R) -> R {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut state, self.clock.now())
    }

    /// A release was created under this number.
    pub(crate) fn created(&self, id: ReleaseId, plan: &Plan) {
        self.with(|state, _| state.mirror = Release::planned(id, plan.clone()));
    }

    /// Looks at what has changed in the world.
    pub(crate) fn look(&self) {
        self.with(State::look);
    }

    /// Somebody who is not the engine changes a component's world.
    pub(crate) fn disturb(&self, of: ComponentIndex, act: impl FnOnce(&mut World)) {
        self.with(|state, now| {
            state.look(now);
            state.sims[of].clone().with(|world, _| {
                act(world);
                let place = &mut state.places[of];
                let before = std::mem::replace(&mut place.weights, world.weight_history().len());
                place.changes = world.changes().len();
                place.somebody_set_weights |= place.weights > before;
                state.notice_truth(of, world, now);
            });
        });
    }

    /// These records are in the journal now.
    pub(crate) fn appended(&self, records: &[Record]) {
        self.with(|state, now| {
            state.look(now);
            for record in records {
                state.record(record, now);
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

    /// The engine was told that its journal cannot be written, or that it can be again.
    pub(crate) fn journal_works(&self, works: bool) {
        self.with(|state, now| {
            state.look(now);
            state.is_broken = !works;
        });
    }

    /// An engine without a journal has ended, and says where it left the traffic. No engine may leave green with users
    /// whom nobody watches while blue could take them.
    pub(crate) fn journal_lost(&self, left: &TrafficLeft) {
        self.with(|state, now| {
            state.look(now);
            for of in state.plan.components.indices() {
                let Some(truth) = state.truth(of) else { continue };
                let is_so = match left {
                    TrafficLeft::OnBlue => truth.green == 0 || !state.mirror.components[of].has_shifted(),
                    TrafficLeft::Untouched => truth.green == 0 || state.mirror.ended.is_some() || truth.green == 100,
                    TrafficLeft::OnGreen { .. } => true,
                };
                let by_others = state.places[of].somebody_set_weights;
                state.require(is_so || by_others, Invariant::I3, now, || {
                    format!("an engine without a journal says {left:?}, and the truth is {truth:?}")
                });
            }
            state.left.push(left.clone());
        });
    }

    /// Where engines without a journal left the traffic.
    pub(crate) fn left(&self) -> Vec<TrafficLeft> {
        self.with(|state, _| state.left.clone())
    }

    /// The engine is gone, and with it all that was under way.
    pub(crate) fn engine_gone(&self) {
        self.with(|state, now| {
            state.look(now);
            state.open.clear();
            state.is_broken = false;
            for (_, place) in state.places.iter_mut() {
                place.capacity_reads.clear();
                place.weight_reads.clear();
            }
        });
    }

    /// A read of a component's capacity that began at that moment, by the cloud's clock, was answered.
    pub(crate) fn capacity_read(&self, of: ComponentIndex, began: Timestamp) {
        self.with(|state, _| keep_newest(&mut state.places[of].capacity_reads, began));
    }

    /// The same for its weights.
    pub(crate) fn weight_read(&self, of: ComponentIndex, began: Timestamp) {
        self.with(|state, _| keep_newest(&mut state.places[of].weight_reads, began));
    }

    /// The cloud's time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The release as the journal tells it.
    pub(crate) fn release(&self) -> Release {
        self.with(|state, _| state.mirror.clone())
    }

    pub(crate) fn violate(&self, invariant: Invariant, what: String) {
        self.with(|state, now| state.violate(invariant, now, what));
    }

    pub(crate) fn violations(&self) -> Vec<Violation> {
        self.with(|state, _| state.violations.clone())
    }

    /// Every record of the journal, as it was written.
    pub(crate) fn journal(&self) -> Vec<String> {
        self.with(|state, _| state.journal.clone())
    }
}

fn is_prey(prey: Prey, intent: &Intent) -> bool {
    match (&intent.effect, prey) {
        (Effect::SetWeight { green, .. }, Prey::Weight(weight)) => green.get() == weight,
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

    fn look(&mut self, now: Timestamp) {
        for of in self.plan.components.indices() {
            self.sims[of].clone().with(|world, _| self.look_at(of, world, now));
        }
    }

    fn look_at(&mut self, of: ComponentIndex, world: &World, now: Timestamp) {
        // First: one may have ended just before another began.
        self.tasks_run(of, world);
        let new: Vec<_> = world.changes()[self.places[of].changes..].to_vec();
        self.places[of].changes += new.len();
        for change in &new {
            self.changed(of, change, world, now);
        }
        self.places[of].weights = world.weight_history().len();
        self.delivered(of, world, now);
        self.notice_truth(of, world, now);
    }

    fn notice_truth(&mut self, of: ComponentIndex, world: &World, now: Timestamp) {
        let truth = truth_of(world, self.sides(of), now);
        let last = self.truth(of);
        if last.is_none_or(|last| Truth { at: now, ..last } != truth) {
            self.places[of].truths.push_back(truth);
            self.moved(of, last.map_or(0, |last| last.green), truth.green, now);
        }
    }

    /// Whether something was true of a component at any moment that a reader of its capacity may still take for the
    /// present.
    fn capacity_was(&self, of: ComponentIndex, now: Timestamp, holds: impl Fn(&Truth) -> bool) -> bool {
        self.was_true(of, &self.places[of].capacity_reads, now, holds)
    }

    /// The same for a reader of its weights.
    fn weight_was(&self, of: ComponentIndex, now: Timestamp, holds: impl Fn(&Truth) -> bool) -> bool {
        self.was_true(of, &self.places[of].weight_reads, now, holds)
    }

    fn was_true(
        &self,
        of: ComponentIndex,
        reads: &VecDeque<Timestamp>,
        now: Timestamp,
        holds: impl Fn(&Truth) -> bool,
    ) -> bool {
        let truths = &self.places[of].truths;
        let from = reads.front().copied().unwrap_or(now) - self.stale;
        let first = truths.iter().rposition(|truth| truth.at <= from).unwrap_or(0);
        truths.iter().skip(first).any(holds)
    }

    /// What is true of a component now.
    fn truth(&self, of: ComponentIndex) -> Option<Truth> {
        self.places[of].truths.back().copied()
    }

    fn record(&mut self, record: &Record, now: Timestamp) {
        let text = serde_json::to_string(record).unwrap();
        self.keeps_secret("a row of the journal", &text, now);
        self.journal.push(text);
        match &record.entry {
            Entry::Event(event) => self.event(event, record.at, now),
            Entry::Intent(intent) => self.intent(intent, now),
            Entry::Refused { .. }
            | Entry::Accepted { .. }
            | Entry::Started { .. }
            | Entry::Seen(_)
            | Entry::Writer(_) => {}
        }
    }

    fn event(&mut self, event: &Event, at: Timestamp, now: Timestamp) {
        let before = self.mirror.clone();
        self.notices.ended(event, &before);
        let _asked = machine::step(&mut self.mirror, event.clone(), at);
        self.open.retain(|intent| {
            self.mirror.in_flight.iter().any(|flight| flight.id() == intent.id && flight.retry_at.is_none())
                && !matches!(event, Event::EffectEnded { id, attempt, .. } if *id == intent.id && *attempt == intent.attempt)
        });
        self.judged(event, &before, at, now);
        self.transitions(&before);
        self.turns(&before, now);
        self.claims(&before, now);
        self.leaves_no_task(&before, now);
    }

    fn intent(&mut self, intent: &Intent, now: Timestamp) {
        if let Effect::SetWeight { component, green } = &intent.effect {
            self.places[*component].deployments.asked(*green);
        }
        if let Effect::Notify(notice) = &intent.effect {
            let sent_already = self.notices.asked(intent, notice);
            self.require(!sent_already, Invariant::I9, now, || {
                format!("{} is sent again after it was sent", notice.key)
            });
        }
        self.open.push(intent.clone());
    }

    fn component(&self, of: ComponentIndex) -> &ComponentPlan {
        &self.plan.components[of]
    }

    fn sides(&self, of: ComponentIndex) -> &Sides {
        self.component(of).sides.as_ref().unwrap()
    }

    fn healthy_wanted(&self, of: ComponentIndex, side: Side) -> u32 {
        self.component(of).wanted(side)
    }
}

/// What is true of a component now.
fn truth_of(world: &World, sides: &Sides, at: Timestamp) -> Truth {
    if sides.driver == Driver::Rolling {
        return deployments::share_of(world, sides, at);
    }
    let weights = world.current_weights();
    let rule = weights.iter().find(|(arn, _)| *arn == sides.rule);
    let of = |group: &str| {
        rule.and_then(|(_, weights)| weights.iter().find(|(name, _)| name == group)).map_or(0, |(_, weight)| *weight)
    };
    let (blue, green) = (group(&sides.blue), group(&sides.green));
    Truth {
        at,
        green: of(green),
        healthy_blue: world.healthy_targets(blue).0,
        healthy_green: world.healthy_targets(green).0,
    }
}

/// The name of a side's target group.
fn group(side: &SidePlan) -> &str {
    side.target_group.split('/').nth(1).unwrap()
}
