//! A release rehearsed before it begins: the state machine itself, in a cloud that does at once what it is asked, with
//! people who agree at once and signals that pass. What it asks for there, it asks for in earnest when all goes well.
//!
//! Time moves only where the plan says that it does: bakes, watches, holds and waits.

use std::time::Duration;

use super::capacity::{Capacities, Capacity};
use super::command::{Actor, Command, Order};
use super::components::Components;
use super::effect::{Effect, Intent, Outcome};
use super::event::Event;
use super::ids::{ReleaseId, Side, TaskDefinitionArn, Version};
use super::machine;
use super::outlook::{RollbackPreview, rollback_preview};
use super::percent::Percent;
use super::plan::{ComponentPlan, Plan, StageKind};
use super::release::{Release, StageStatus, Status, StepPhase, Work};
use super::signal::{Ruling, SignalPlan, Verdict};
use super::time::Timestamp;

/// More turns than any plan needs; a rehearsal that takes them all is stuck.
const TURNS: usize = 20_000;

/// Any moment will do.
const BEGINNING: Timestamp = Timestamp::from_secs(1_000_000);

/// The task definition that a release will register, whose number nobody knows yet.
pub const NEW_DEFINITION: &str = "the new task definition";

/// What a release will do.
#[derive(Clone, Debug, PartialEq)]
pub struct Rehearsal {
    /// What it asks for, in order.
    pub asked: Vec<Asked>,
    /// How long all of that takes, bakes, watches, holds and waits alone.
    pub length: Duration,
    /// For how long each stage bakes, watches, holds or waits, in the plan's order.
    pub spans: Vec<Duration>,
    /// What a rollback would do from each place on the way, in the order in which they are reached.
    pub ways_back: Vec<WayBack>,
    /// How it ends: `succeeded`, unless the plan has no way through.
    pub ending: String,
}

/// One thing asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// How many were asked for before it.
    pub number: usize,
    /// Index of the stage that it is the work of; `None` for messages.
    pub stage: Option<usize>,
    /// What.
    pub effect: Effect,
}

/// A rollback from one place.
#[derive(Clone, Debug, PartialEq)]
pub struct WayBack {
    /// From where: `before any traffic`, `green at 10 %`.
    pub from: String,
    /// How much had been asked for by then.
    begun: usize,
    /// What it asks for, in order.
    pub asked: Vec<Effect>,
    /// The same as it is told to people, and what is left undone.
    pub preview: RollbackPreview,
    /// How many of these it takes until all traffic was seen on blue.
    pub restored: usize,
    /// How it ends.
    pub ending: String,
}

impl WayBack {
    /// Whether it branches off before this was asked for on the way forward.
    pub fn is_before(&self, number: usize) -> bool {
        self.begun <= number
    }
}

/// Rehearses a release of `plan` with this number.
pub fn rehearse(plan: &Plan, id: ReleaseId) -> Rehearsal {
    let mut stage = Stage::new(plan, id);
    stage.tell(Event::Requested { by: requester() });
    let mut before_traffic = None;
    let mut ways_back = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for _ in 0..TURNS {
        if stage.release.ended.is_some() {
            break;
        }
        if !stage.release.has_shifted() {
            before_traffic = Some(stage.clone());
        } else if let Some(place) = place(&stage.release).filter(|place| !seen.contains(place)) {
            if let Some(before) = before_traffic.take() {
                ways_back.push(before.go_back("before any traffic".to_owned()));
            }
            ways_back.push(stage.clone().go_back(place.clone()));
            seen.push(place);
        }
        if !stage.turn() {
            break;
        }
    }
    if ways_back.is_empty()
        && let Some(before) = before_traffic
    {
        ways_back.push(before.go_back("before its end".to_owned()));
    }
    let length = stage.now.since(BEGINNING);
    Rehearsal { asked: stage.asked, length, spans: stage.spans, ways_back, ending: ending(&stage.release) }
}

/// Where a release with traffic on green stands, if that is a place to stay at for a while.
fn place(release: &Release) -> Option<String> {
    let stages = release.plan.stages.iter().zip(&release.stages);
    let places = stages.filter(|(_, stage)| stage.status == StageStatus::Running).filter_map(|(plan, stage)| {
        let whose = plan.component.map(|of| release.plan.whose(of)).unwrap_or_default();
        match (&plan.kind, stage.work) {
            (StageKind::Shift(shift), Work::Step { index, phase: StepPhase::Baking { .. } }) => {
                Some(format!("{whose}green at {}", shift.steps.get(index)?.weight))
            }
            (StageKind::Cleanup(_), Work::Until(_)) => Some(format!("{whose}blue kept warm, in {}", plan.name)),
            _ => None,
        }
    });
    let places: Vec<String> = places.collect();
    (!places.is_empty()).then(|| places.join(", "))
}

fn ending(release: &Release) -> String {
    match release.status() {
        Status::Ended(ending) => ending.word().to_owned(),
        _ => "stuck".to_owned(),
    }
}

fn requester() -> Actor {
    // No name of an operating system's user is empty, so it is nobody who must approve.
    Actor::new("", "")
}

/// A component's place in the cloud.
#[derive(Clone)]
struct Spot {
    weight: Percent,
    capacities: Capacities,
}

/// A release in a cloud that does at once what it is asked.
#[derive(Clone)]
struct Stage {
    release: Release,
    now: Timestamp,
    spots: Components<Spot>,
    open: Vec<Intent>,
    asked: Vec<Asked>,
    spans: Vec<Duration>,
}

impl Stage {
    fn new(plan: &Plan, id: ReleaseId) -> Self {
        Self {
            release: Release::planned(id, plan.clone()),
            now: BEGINNING,
            spots: plan.components.map(|component| Spot {
                weight: Percent::ZERO,
                capacities: Capacities {
                    blue: at_first(component, Side::Blue),
                    green: at_first(component, Side::Green),
                    deployment: None,
                },
            }),
            open: Vec::new(),
            asked: Vec::new(),
            spans: plan.stages.iter().map(|_| Duration::ZERO).collect(),
        }
    }

    /// Orders a rollback, and follows it to its end.
    fn go_back(mut self, from: String) -> WayBack {
        let preview = rollback_preview(&self.release);
        let begun = self.asked.len();
        self.asked.clear();
        self.order(Command::Rollback { reason: None }, None);
        let mut restored = None;
        for _ in 0..TURNS {
            let before = self.asked.len();
            if self.release.ended.is_some() || !self.turn() {
                break;
            }
            // Whatever is asked for once blue is seen with all traffic is the undo.
            let is_back = self.release.unwinding.as_ref().is_some_and(|back| back.restored.is_some());
            restored = restored.or(is_back.then_some(before));
        }
        let restored = restored.unwrap_or_default();
        let asked = self.asked.into_iter().map(|asked| asked.effect).collect();
        WayBack { from, begun, asked, preview, restored, ending: ending(&self.release) }
    }

    /// Moves on by one; whether anything moved.
    fn turn(&mut self) -> bool {
        if self.carry_out() {
            return true;
        }
        let before = self.release.clone();
        self.look();
        if before != self.release || self.agree() {
            return true;
        }
        self.pass_time()
    }

    fn tell(&mut self, event: Event) {
        let reaction = machine::step(&mut self.release, event, self.now);
        self.open.retain(|intent| !reaction.cancel.contains(&intent.id));
        for intent in reaction.start {
            let stage = self.stage_of(&intent.effect);
            if intent.attempt == 1 {
                let number = self.asked.len();
                self.asked.push(Asked { number, stage, effect: intent.effect.clone() });
            }
            self.open.push(intent);
        }
    }

    /// The stage that asks for an effect: it stands on it, or is the one at work on the component.
    fn stage_of(&self, effect: &Effect) -> Option<usize> {
        effect.stage().or_else(|| {
            let of = effect.component()?;
            let fits = |index: &usize| match (effect, self.release.plan.stage(*index).map(|stage| &stage.kind)) {
                (Effect::SetWeight { .. }, Some(kind)) => matches!(kind, StageKind::Shift(_)),
                (Effect::Scale { side: Side::Blue, .. }, Some(kind)) => matches!(kind, StageKind::Cleanup(_)),
                (Effect::Scale { .. }, Some(kind)) => matches!(kind, StageKind::Deploy),
                (Effect::RegisterTaskDefinition { .. }, Some(kind)) => {
                    matches!(kind, StageKind::Deploy | StageKind::Task(_) | StageKind::Migrate(_))
                }
                _ => false,
            };
            let is_about = |index: &usize| {
                self.release.plan.stage(*index).is_some_and(|stage| stage.component.is_none_or(|about| about == of))
            };
            self.release.active().filter(is_about).find(fits)
        })
    }

    /// Does what the oldest open effect asks for; whether there was one.
    fn carry_out(&mut self) -> bool {
        if self.open.is_empty() {
            return false;
        }
        let Intent { id, attempt, effect } = self.open.remove(0);
        let outcome = self.outcome(&effect);
        self.tell(Event::EffectEnded { id, attempt, outcome });
        true
    }

    fn outcome(&mut self, effect: &Effect) -> Outcome {
        match effect {
            Effect::CheckGate { .. } | Effect::RunChecks { .. } | Effect::WarmUp { .. } => Outcome::Checked(Vec::new()),
            Effect::RunCommand { stage, .. } => match self.release.plan.stage(*stage).map(|stage| &stage.kind) {
                Some(StageKind::Build(build)) => {
                    Outcome::Built { tail: Vec::new(), image: Version(format!("{}@sha256:…", build.repository)) }
                }
                Some(StageKind::Load(_)) => Outcome::Measured { code: Some(0), tail: Vec::new(), checks: Vec::new() },
                _ => Outcome::Exited { code: Some(0), tail: Vec::new() },
            },
            Effect::UndoCommand { .. } => Outcome::Exited { code: Some(0), tail: Vec::new() },
            Effect::RegisterTaskDefinition { .. } => Outcome::Registered(TaskDefinitionArn::from(NEW_DEFINITION)),
            Effect::Scale { component, side, desired, task_definition } => {
                let both = &mut self.spots[*component].capacities;
                let capacity = match side {
                    Side::Blue => &mut both.blue,
                    Side::Green => &mut both.green,
                };
                size(capacity, *desired);
                if let Some(arn) = task_definition {
                    capacity.task_definition = arn.clone();
                }
                Outcome::Done
            }
            Effect::SetWeight { component, green } => {
                self.spots[*component].weight = *green;
                Outcome::Done
            }
            Effect::StopTask { .. } | Effect::Notify(_) => Outcome::Done,
        }
    }

    fn look(&mut self) {
        for component in self.spots.indices() {
            let planned = &self.release.plan.components[component];
            let verdicts = planned.signals.iter().map(pass).collect();
            let has_sides = planned.sides.is_some();
            let Spot { weight: green, capacities } = self.spots[component].clone();
            if has_sides {
                self.tell(Event::WeightObserved { component, green });
                self.tell(Event::CapacityObserved { component, capacities });
                self.tell(Event::Judged { component, verdicts });
            }
            self.tell(Event::AlarmsObserved { component, firing: Vec::new() });
        }
    }

    /// Gives what a stage waits for of people; whether one did.
    fn agree(&mut self) -> bool {
        let waiting = self
            .release
            .active()
            .find(|index| self.release.stages.get(*index).is_some_and(|stage| stage.status == StageStatus::Waiting));
        let Some(index) = waiting else { return false };
        let before = self.release.revision;
        let Some(StageKind::Gate(gate)) = self.release.plan.stage(index).map(|stage| stage.kind.clone()) else {
            self.order(Command::Promote, Some(index));
            return self.release.revision != before;
        };
        let phrase = gate.confirm.clone().unwrap_or_default();
        let asks = gate.asks();
        let count = asks.as_ref().map_or(1, |asks| asks.count);
        let named = asks.map(|asks| asks.by).unwrap_or_default();
        for nobody in 0..count {
            let position = usize::try_from(nobody).unwrap_or(usize::MAX);
            let name = named.get(position).cloned().unwrap_or_else(|| format!("somebody {nobody}"));
            let command = Command::Approve { phrase: phrase.clone() };
            self.order_by(command, Some(index), Actor::new(name, ""));
        }
        self.release.revision != before
    }

    fn order(&mut self, command: Command, stage: Option<usize>) {
        self.order_by(command, stage, requester());
    }

    fn order_by(&mut self, command: Command, stage: Option<usize>, by: Actor) {
        let stage = stage.and_then(|index| Some(self.release.plan.stage(index)?.name.clone()));
        let seen = Some(self.release.revision);
        self.tell(Event::Ordered(Order { command, stage, by, seen }));
    }

    /// Goes on to when something is due; whether anything ever is.
    fn pass_time(&mut self) -> bool {
        let Some(due) = machine::deadline(&self.release, self.now) else { return false };
        let span = due.since(self.now);
        for index in self.release.active() {
            if let Some(spent) = self.spans.get_mut(index) {
                *spent += span;
            }
        }
        self.now = due;
        self.tell(Event::Ticked);
        true
    }
}

fn at_first(component: &ComponentPlan, side: Side) -> Capacity {
    let task_definition = component.sides.as_ref().map(|sides| sides.of(side).task_definition.clone());
    let mut capacity =
        Capacity { task_definition: task_definition.unwrap_or_default(), steady: true, ..Capacity::default() };
    if side == Side::Blue {
        size(&mut capacity, component.wanted(side));
    }
    capacity
}

fn size(capacity: &mut Capacity, count: u32) {
    (capacity.desired, capacity.running, capacity.healthy, capacity.registered) = (count, count, count, count);
}

fn pass(signal: &SignalPlan) -> Verdict {
    Verdict {
        signal: signal.name.clone(),
        ruling: Ruling::Pass,
        policy: signal.policy,
        green: None,
        blue: None,
        max: signal.max,
        samples: signal.min_samples,
        needed: signal.min_samples,
        evidence: 0.0,
        newest: None,
        reason: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::fixture;

    fn weights(effects: impl Iterator<Item = Effect>) -> Vec<u8> {
        let weight = |effect: Effect| match effect {
            Effect::SetWeight { green, .. } => Some(green.get()),
            _ => None,
        };
        effects.filter_map(weight).collect()
    }

    #[test]
    fn a_rehearsal_goes_through_every_stage_and_takes_as_long_as_the_plan_says() {
        let plan = fixture::plan();
        let rehearsal = rehearse(&plan, ReleaseId(7));
        assert_eq!(rehearsal.ending, "succeeded");
        let StageKind::Shift(shift) = &plan.stages.iter().find(|stage| stage.kind.word() == "shift").unwrap().kind
        else {
            panic!("no shift");
        };
        let planned: Vec<u8> = shift.steps.iter().map(|step| step.weight.get()).collect();
        assert_eq!(weights(rehearsal.asked.iter().map(|asked| asked.effect.clone())), planned);
        for (stage, span) in plan.stages.iter().zip(&rehearsal.spans) {
            let known = match &stage.kind {
                StageKind::Shift(shift) => shift.steps.iter().map(|step| step.bake).sum(),
                StageKind::Verify(verify) => verify.watch,
                StageKind::Cleanup(cleanup) => cleanup.hold,
                StageKind::Wait(wait) => wait.span,
                _ => Duration::ZERO,
            };
            assert_eq!(*span, known, "{}", stage.name);
        }
    }

    #[test]
    fn there_is_a_way_back_from_every_weight_and_from_before_them() {
        let rehearsal = rehearse(&fixture::plan(), ReleaseId(7));
        let places: Vec<&str> = rehearsal.ways_back.iter().map(|back| back.from.as_str()).collect();
        assert!(places.starts_with(&["before any traffic", "green at 10 %"]), "{places:?}");
        for back in &rehearsal.ways_back {
            let is_before = back.from == "before any traffic";
            let wanted: &[u8] = if is_before { &[] } else { &[0] };
            assert_eq!(weights(back.asked.iter().cloned()), wanted, "{}", back.from);
            assert_eq!(back.ending, if is_before { "aborted" } else { "rolled-back" }, "{}", back.from);
            assert!(back.preview.moves_traffic != is_before);
        }
    }
}
