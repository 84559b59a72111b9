//! Deployments that somebody else began: the console, a CI system, another tool. They are watched as they are, and can be
//! taken over: from then on a release of cutover's own judges them and takes them back.
//!
//! The plan of such a release is what is left of its pipeline: green is there or comes up, so that nothing is built,
//! migrated or registered. Where the deployment waits for somebody at each step, the release opens those gates. Where it
//! goes by a clock of its own, the release follows that, and its only step is all of the traffic.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::components::ComponentIndex;
use super::ids::{TaskDefinitionArn, Version};
use super::origin::Origin;
use super::percent::Percent;
use super::plan::{Driver, GateKind, Plan, ShiftPlan, ShiftStep, StageKind, StagePlan};
use super::release::{Release, Traffic};
use super::time::Timestamp;

/// What a step of a deployment is watched for where its pipeline has no shift to take a span from.
const BAKE: Duration = Duration::from_mins(5);

/// How much longer than planned a deployment on its own clock may take.
const LEEWAY: Duration = Duration::from_mins(15);

/// A deployment that somebody else began, as it was when it was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreign {
    /// Its ARN or id; empty when none was under way.
    pub deployment: String,
    /// How it goes about it, in AWS's words, such as `CANARY`.
    pub strategy: String,
    /// When it began, if that is known.
    pub began: Option<Timestamp>,
    /// Green's weight at that time.
    pub weight: Percent,
    /// What it deploys; `None` when none was under way.
    pub green: Option<TaskDefinitionArn>,
    /// It goes on by a clock of its own: what it gives green is not what the release has asked for.
    pub own_clock: bool,
    /// What is done with it first.
    pub then: Then,
    /// Why it was taken over, if somebody said so.
    pub reason: Option<String>,
}

/// What is done with a deployment as soon as it is taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    /// It is judged where it is, and goes on when its gates open.
    #[default]
    Judge,
    /// It goes on from where it waits, and is judged from there.
    GoOn,
    /// It goes back.
    Back,
}

/// A deployment that is under way, as whoever wants to take it over finds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Afoot {
    /// Its ARN or id.
    pub id: String,
    /// How it goes about it, in AWS's words.
    pub strategy: String,
    /// When it began, if that is known.
    pub began: Option<Timestamp>,
    /// What it deploys.
    pub green: TaskDefinitionArn,
    /// The image of that.
    pub version: Version,
    /// Green's weight.
    pub weight: Percent,
    /// It waits, or will, before green gets its first traffic.
    pub waits_before: bool,
    /// The weights before each of which it waits for somebody; empty when it goes by a clock of its own.
    pub waits: Vec<Percent>,
    /// How long it takes in all at the most, by its own plan.
    pub lasting: Duration,
}

impl Afoot {
    /// Nothing was under way: what serves is only looked at.
    pub fn is_nothing(&self) -> bool {
        self.id.is_empty()
    }

    /// The plan of the release that takes it over, or shows it, from the plan that the pipeline has for the same version.
    pub fn plan(&self, plan: Plan, then: Then, reason: Option<String>) -> Plan {
        let driver = plan.components[ComponentIndex::FIRST].driver();
        let own_clock = driver.is_deployment() && self.waits.is_empty();
        let stages = self.stages(&plan, driver, own_clock, then);
        let mut plan = Plan { stages, ..plan };
        if !self.is_nothing() {
            plan.components[ComponentIndex::FIRST].pinned.task_definition = Some(self.green.clone());
            plan.components[ComponentIndex::FIRST].to = self.version.clone();
        }
        plan.origin = Origin::Foreign(Box::new(Foreign {
            deployment: self.id.clone(),
            strategy: self.strategy.clone(),
            began: self.began,
            weight: self.weight,
            green: (!self.is_nothing()).then(|| self.green.clone()),
            own_clock,
            then,
            reason,
        }));
        plan
    }

    /// What is left of a pipeline, one after the other.
    fn stages(&self, plan: &Plan, driver: Driver, own_clock: bool, then: Then) -> Vec<StagePlan> {
        if self.is_nothing() {
            return Vec::new();
        }
        let is_before = self.weight == Percent::ZERO && self.waits_before;
        let is_kept = |kind: &StageKind| match kind {
            // Whether green is up is only asked where nothing moves meanwhile.
            StageKind::Deploy => is_before && driver.is_side_by_side(),
            StageKind::Smoke(_) => is_before && then == Then::Judge && driver.is_side_by_side(),
            StageKind::Verify(_) | StageKind::Notify => true,
            // Tasks that ECS replaces leave nothing behind.
            StageKind::Cleanup(_) => driver.is_side_by_side(),
            _ => false,
        };
        let (mut stages, mut is_shifted): (Vec<StagePlan>, bool) = (Vec::new(), false);
        for stage in plan.stages.iter().filter(|stage| stage.component.is_some()) {
            let kind = match &stage.kind {
                StageKind::Shift(shift) if !is_shifted => {
                    is_shifted = true;
                    StageKind::Shift(self.shift(shift, own_clock, then))
                }
                kind if is_kept(kind) => kind.clone(),
                _ => continue,
            };
            let clock =
                if own_clock && matches!(kind, StageKind::Shift(_)) { self.lasting + LEEWAY } else { Duration::ZERO };
            let timeout = stage.timeout.max(clock);
            stages.push(StagePlan {
                kind,
                timeout,
                after: stages.len().checked_sub(1).into_iter().collect(),
                ..stage.clone()
            });
        }
        stages
    }

    /// The steps that are left: those at which it can be held, or all at once where it cannot.
    fn shift(&self, shift: &ShiftPlan, own_clock: bool, then: Then) -> ShiftPlan {
        let bake = |weight: Percent| {
            let step = shift.steps.iter().find(|step| step.weight >= weight).or(shift.steps.last());
            step.map_or(BAKE, |step| step.bake)
        };
        let gate = |weight: Percent| {
            let step = shift.steps.iter().find(|step| step.weight == weight);
            step.map_or(GateKind::Automatic, |step| step.gate)
        };
        let step = |weight: Percent| ShiftStep { weight, bake: bake(weight), gate: gate(weight) };
        let is_ahead = |weight: &Percent| *weight > self.weight;
        let ahead: Vec<Percent> = match (own_clock, self.waits.is_empty()) {
            (true, _) => vec![Percent::FULL],
            (false, false) => self.waits.iter().copied().filter(is_ahead).collect(),
            // Weights that anybody may set: the pipeline's own.
            (false, true) => shift.steps.iter().map(|step| step.weight).filter(is_ahead).collect(),
        };
        let here = (!own_clock && then == Then::Judge && self.weight > Percent::ZERO).then_some(self.weight);
        let mut weights: Vec<Percent> = here.into_iter().chain(ahead).collect();
        if weights.last() != Some(&Percent::FULL) {
            weights.push(Percent::FULL);
        }
        ShiftPlan { steps: weights.into_iter().map(step).collect(), ..shift.clone() }
    }
}

impl Foreign {
    /// Whether a deployment was under way.
    pub fn is_afoot(&self) -> bool {
        !self.deployment.is_empty()
    }

    /// In a few words: `takes over a CANARY deployment of somebody else's`.
    pub fn words(&self) -> String {
        if !self.is_afoot() {
            return "nothing is being deployed".to_owned();
        }
        let then = match self.then {
            Then::Judge => "",
            Then::GoOn => ", to go on",
            Then::Back => ", to go back",
        };
        format!("takes over a {} deployment that was not begun by cutover{then}", self.strategy)
    }
}

impl Release {
    /// Whether it only watches what others do: it has not begun, and changes nothing.
    pub fn is_watching(&self) -> bool {
        self.begun.is_none() && self.plan.origin.foreign().is_some()
    }

    /// Whether a component's traffic goes on by a clock that is not the engine's: it can be ended, and not held.
    pub fn has_its_own_clock(&self, of: ComponentIndex) -> bool {
        let driver = self.plan.components[of].driver();
        driver.has_its_own_clock() || self.plan.origin.foreign().is_some_and(|foreign| foreign.own_clock)
    }
}

impl Traffic {
    /// As somebody else's deployment has made it.
    pub(super) fn of(foreign: &Foreign) -> Self {
        Self { set: foreign.weight, peak: foreign.weight, ..Self::default() }
    }
}

impl Then {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Judge => "judge",
            Self::GoOn => "go-on",
            Self::Back => "back",
        }
    }
}
