//! What a release is to do: fixed when it is created, kept whole in the journal.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::check::HttpCheck;
use super::ids::{AlarmName, ComponentName, EnvironmentName, Side, StageName, TaskDefinitionArn, Version};
use super::percent::Percent;
use super::signal::SignalPlan;
use super::time::millis;

/// The whole of a release, decided before it begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The environment released into.
    pub environment: EnvironmentName,
    /// Production asks for typed confirmation and looks different.
    pub production: bool,
    /// What is released.
    pub component: ComponentName,
    /// Where: shown to whoever steers.
    pub place: Place,
    /// The way traffic is shifted.
    pub driver: Driver,
    /// Version that serves now.
    pub from: Version,
    /// Version to serve.
    pub to: Version,
    /// The two sides, as found when the release was created.
    pub sides: Sides,
    /// The stages, in order.
    pub stages: Vec<StagePlan>,
    /// What is measured and judged.
    pub signals: Vec<SignalPlan>,
    /// Alarms that roll the release back when they fire, and block it when they fire before it begins.
    pub alarms: Vec<AlarmName>,
    /// How a rollback is done.
    pub rollback: RollbackPlan,
    /// Who is told, by the names of the configuration's channels.
    pub notify: Vec<String>,
    /// Secrets in the environment that must be masked wherever text is kept or shown: names of environment variables.
    pub secrets: Vec<String>,
}

/// The account and region of an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Twelve-digit AWS account.
    pub account: String,
    /// AWS region.
    pub region: String,
    /// ECS cluster.
    pub cluster: String,
}

/// Who shifts traffic, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Driver {
    /// The engine sets the weights of two target groups on a listener rule and reads them back.
    Alb,
}

impl Driver {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Alb => "alb",
        }
    }
}

/// Both sides' places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides {
    /// The listener rule whose weights split production traffic.
    pub rule: String,
    /// What serves now.
    pub blue: SidePlan,
    /// What is released.
    pub green: SidePlan,
}

impl Sides {
    /// One side's place.
    pub fn of(&self, side: Side) -> &SidePlan {
        match side {
            Side::Blue => &self.blue,
            Side::Green => &self.green,
        }
    }
}

/// One side's service and target group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SidePlan {
    /// ECS service.
    pub service: String,
    /// Target group ARN.
    pub target_group: String,
    /// The task definition it ran when the release was created.
    pub task_definition: TaskDefinitionArn,
    /// The container whose image is the version.
    pub container: String,
    /// Tasks it is to run while it serves, or is ready to.
    pub desired: u32,
    /// Base URL that reaches this side alone, for smoke tests, if there is one.
    pub url: Option<String>,
}

/// One stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StagePlan {
    /// Its name, unique in the pipeline.
    pub name: StageName,
    /// What it does.
    pub kind: StageKind,
    /// It fails when its work takes longer. Time spent waiting for a human does not count; in `shift` it bounds each
    /// weight change, in `verify` and `cleanup` what comes on top of the hold.
    #[serde(with = "millis")]
    pub timeout: Duration,
    /// What its failure leads to.
    pub on_failure: OnFailure,
}

/// What a failed stage leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// Undo what was done: roll back if traffic has shifted, otherwise fail.
    Rollback,
    /// Wait for a human to retry, skip, or roll back.
    Wait,
}

/// The work of a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StageKind {
    /// Conditions that must hold before anything is changed.
    Gate(GatePlan),
    /// A program on this host.
    Command(CommandPlan),
    /// Green brought up with the new version.
    Deploy,
    /// HTTP checks against green before it takes production traffic.
    Smoke(Vec<HttpCheck>),
    /// Traffic moved step by step.
    Shift(ShiftPlan),
    /// Green watched at full weight.
    Verify(VerifyPlan),
    /// A message to the configuration's channels.
    Notify,
    /// The old side kept warm for a hold, then scaled down.
    Cleanup(CleanupPlan),
}

impl StageKind {
    /// The word for it in the configuration.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Gate(_) => "gate",
            Self::Command(_) => "command",
            Self::Deploy => "deploy",
            Self::Smoke(_) => "smoke",
            Self::Shift(_) => "shift",
            Self::Verify(_) => "verify",
            Self::Notify => "notify",
            Self::Cleanup(_) => "cleanup",
        }
    }
}

/// A gate's conditions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatePlan {
    /// Blue must have all its wanted targets healthy and no deployment under way.
    pub healthy: bool,
    /// None of the release's alarms may be firing, or be impossible to read.
    pub no_alarms: bool,
    /// The phrase a human must type, if any.
    pub confirm: Option<String>,
}

/// A program with its surroundings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandPlan {
    /// Program and arguments; never through a shell.
    pub run: Vec<String>,
    /// What undoes it, program and arguments, if anything does.
    pub undo: Option<Vec<String>>,
    /// Environment variables on top of the engine's own.
    pub env: BTreeMap<String, String>,
    /// Working directory.
    pub dir: Option<String>,
    /// Running it twice does no harm, so that the engine may run it again when it cannot know how the first run ended.
    /// Its undo is never run again.
    pub repeatable: bool,
}

/// The weights of a shift.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShiftPlan {
    /// Steps in rising order; the last is 100.
    pub steps: Vec<ShiftStep>,
    /// How much longer than its bake a step may wait for enough evidence before a human is asked.
    #[serde(with = "millis")]
    pub patience: Duration,
    /// Green loses this many seconds of full health before it counts as unhealthy.
    #[serde(with = "millis")]
    pub unhealthy_for: Duration,
}

/// One weight of a shift plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShiftStep {
    /// Green's weight.
    pub weight: Percent,
    /// How long it is watched there.
    #[serde(with = "millis")]
    pub bake: Duration,
    /// What opens the way to the next step.
    pub gate: GateKind,
}

/// Who opens a step's gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateKind {
    /// The verdicts.
    Automatic,
    /// A human.
    Human,
}

/// Watching green at full weight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyPlan {
    /// How long.
    #[serde(with = "millis")]
    pub watch: Duration,
    /// Checks run once before the watch begins.
    pub checks: Vec<HttpCheck>,
}

/// Taking the old side down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CleanupPlan {
    /// How long blue stays warm, so that a rollback is one call.
    #[serde(with = "millis")]
    pub hold: Duration,
}

/// How a rollback is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackPlan {
    /// When traffic is not observed back on blue by then, everybody is told again that it is not; the engine keeps on.
    #[serde(with = "millis")]
    pub escalate_after: Duration,
    /// Healthy share of blue's wanted targets that is enough to take all traffic back.
    pub min_healthy: Percent,
    /// Green's tasks stay up after a rollback, for whoever looks for the cause.
    pub keep_green: bool,
}

impl RollbackPlan {
    /// Whether `healthy` of `desired` targets can take all traffic back.
    pub fn is_enough(self, healthy: u32, desired: u32) -> bool {
        healthy > 0 && u64::from(healthy) * 100 >= u64::from(desired) * u64::from(self.min_healthy.get())
    }
}

impl Plan {
    /// The stage with this index.
    pub fn stage(&self, index: usize) -> Option<&StagePlan> {
        self.stages.get(index)
    }

    /// The shift plan, if a stage shifts traffic.
    pub fn shift(&self) -> Option<&ShiftPlan> {
        self.stages.iter().find_map(|stage| match &stage.kind {
            StageKind::Shift(plan) => Some(plan),
            StageKind::Gate(_)
            | StageKind::Command(_)
            | StageKind::Deploy
            | StageKind::Smoke(_)
            | StageKind::Verify(_)
            | StageKind::Notify
            | StageKind::Cleanup(_) => None,
        })
    }

    /// Whether `weight` may ever be set on green: a step of the plan, 0 or 100.
    pub fn allows(&self, weight: Percent) -> bool {
        weight == Percent::ZERO
            || weight == Percent::FULL
            || self.shift().is_some_and(|plan| plan.steps.iter().any(|step| step.weight == weight))
    }
}
