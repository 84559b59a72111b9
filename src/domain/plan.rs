//! What a release is to do: fixed when it is created, kept whole in the journal.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::check::HttpCheck;
use super::components::{ComponentIndex, Components};
use super::flag::{FlagPlan, Switch};
use super::ids::{AlarmName, ComponentName, EnvironmentName, Side, StageName, TaskDefinitionArn, Version};
use super::log::request::RequestLog;
use super::notice::PageStatus;
use super::origin::Origin;
use super::percent::Percent;
use super::policy::{Deed, Policy};
use super::program::Runs;
pub use super::program::{
    BuildPlan, CommandPlan, Definition, Job, LoadPlan, MigrationPlan, Part, ReportLimit, TaskPlan, Undo, WarmUpPlan,
};
use super::signal::SignalPlan;
use super::time::millis;

pub use super::driver::{DeploymentGroup, Driver};
pub use super::gate::GatePlan;

/// The whole of a release, decided before it begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The environment released into.
    pub environment: EnvironmentName,
    /// Production asks for typed confirmation and looks different.
    pub production: bool,
    /// Account and region: shown to whoever steers.
    pub place: Place,
    /// What is released, in the order in which traffic is brought back when that goes one after another.
    pub components: Components<ComponentPlan>,
    /// The stages, in the order of the configuration. A stage begins when those it comes after are done.
    pub stages: Vec<StagePlan>,
    /// How a rollback is done.
    pub rollback: RollbackPlan,
    /// Who is told, by the names of the configuration's channels.
    pub notify: Vec<String>,
    /// Secrets in the environment that must be masked wherever text is kept or shown: names of environment variables.
    pub secrets: Vec<String>,
    /// How it came about.
    #[serde(default, skip_serializing_if = "Origin::is_named")]
    pub origin: Origin,
    /// The commit that its versions were made of, where somebody said so or a text asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_sha: Option<String>,
    /// Who may do what to it; `None` when whoever reaches its engine may do everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
}

/// One component of a release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComponentPlan {
    /// Its name.
    pub name: ComponentName,
    /// Version that serves now.
    pub from: Version,
    /// Version to serve.
    pub to: Version,
    /// The two sides as found when the release was created; `None` when the pipeline's programs alone release it.
    pub sides: Option<Sides>,
    /// ECS cluster; empty without sides.
    pub cluster: String,
    /// Log groups to tail.
    pub logs: Vec<String>,
    /// How its tasks write of requests in them.
    #[serde(default, skip_serializing_if = "RequestLog::is_usual")]
    pub requests: RequestLog,
    /// What is measured and judged.
    pub signals: Vec<SignalPlan>,
    /// Alarms that roll the release back when they fire, and block it when they fire before it begins.
    pub alarms: Vec<AlarmName>,
    /// What is settled of what green runs before the release begins.
    #[serde(default, skip_serializing_if = "Pinned::is_nothing")]
    pub pinned: Pinned,
}

/// What is settled of what a green runs before its release begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// The image by its digest, deployed in place of the version's own reference.
    pub image: Option<Version>,
    /// The task definition of an earlier release: none is registered.
    pub task_definition: Option<TaskDefinitionArn>,
}

impl Pinned {
    /// Whether nothing is.
    pub fn is_nothing(&self) -> bool {
        self.image.is_none() && self.task_definition.is_none()
    }
}

impl ComponentPlan {
    /// The way its traffic is shifted.
    pub fn driver(&self) -> Driver {
        self.sides.as_ref().map_or(Driver::Command, |sides| sides.driver)
    }

    /// Tasks that a side is to run while it serves, or is ready to; none without sides.
    pub fn wanted(&self, side: Side) -> u32 {
        self.sides.as_ref().map_or(0, |sides| sides.of(side).desired)
    }
}

/// The account and region of an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Twelve-digit AWS account.
    pub account: String,
    /// AWS region.
    pub region: String,
}

/// Both sides' places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides {
    /// The way traffic is shifted between them.
    #[serde(default)]
    pub driver: Driver,
    /// The listener rule that leads production traffic, by weight where it is split.
    pub rule: String,
    /// What serves now.
    pub blue: SidePlan,
    /// What is released.
    pub green: SidePlan,
    /// How long a deployment inside AWS waits at a pause for the engine's word before it goes back by itself: the
    /// longest that green may have traffic with nobody to judge it. Zero where nothing waits.
    #[serde(default, with = "millis")]
    pub expiry: Duration,
    /// The deployment group that CodeDeploy shifts traffic by; `None` where somebody else does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<DeploymentGroup>,
}

impl Sides {
    /// One side's place.
    pub fn of(&self, side: Side) -> &SidePlan {
        match side {
            Side::Blue => &self.blue,
            Side::Green => &self.green,
        }
    }

    /// The load balancer as metrics name it: `app/name/id`.
    pub fn load_balancer(&self) -> Option<&str> {
        load_balancer_of(&self.rule)
    }
}

/// The `LoadBalancer` dimension, `app/name/id`, which the ARNs of a listener and of its rules hold.
pub fn load_balancer_of(rule: &str) -> Option<&str> {
    let (_, path) = rule.split_once("/app/")?;
    let id_ends = path.match_indices('/').nth(1).map_or(path.len(), |(at, _)| at);
    let start = rule.len() - path.len() - "app/".len();
    rule.get(start..start + "app/".len() + id_ends)
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
    /// The component that it is about; `None` for the release as a whole.
    pub component: Option<ComponentIndex>,
    /// Indices of the stages that must be done before it begins. Stages that wait for the same ones run side by side.
    pub after: Vec<usize>,
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
    /// An image built and pushed, whose digest the release carries from then on.
    Build(BuildPlan),
    /// A program on this host.
    Command(CommandPlan),
    /// A task that ECS runs once.
    Task(TaskPlan),
    /// A migration: backed up, applied, verified.
    Migrate(Box<MigrationPlan>),
    /// Green brought up with the new version.
    Deploy,
    /// HTTP checks against green before it takes production traffic.
    Smoke(Vec<HttpCheck>),
    /// Requests that wake green up.
    WarmUp(WarmUpPlan),
    /// A load test, judged by its report.
    Load(LoadPlan),
    /// Traffic moved step by step.
    Shift(ShiftPlan),
    /// A feature switched on; a rollback switches it off before anything else.
    Flag(FlagPlan),
    /// Green watched at full weight.
    Verify(VerifyPlan),
    /// A message to the configuration's channels.
    Notify,
    /// What a public status page says of the component.
    StatusPage(StatusPagePlan),
    /// Time that passes.
    Wait(WaitPlan),
    /// The old side kept warm for a hold, then scaled down.
    Cleanup(CleanupPlan),
}

impl StageKind {
    /// The word for it in the configuration.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Gate(_) => "gate",
            Self::Build(_) => "build",
            Self::Command(_) => "command",
            Self::Task(_) => "task",
            Self::Migrate(_) => "migrate",
            Self::Deploy => "deploy",
            Self::Smoke(_) => "smoke",
            Self::WarmUp(_) => "warm-up",
            Self::Load(_) => "load",
            Self::Shift(_) => "shift",
            Self::Flag(_) => "flag",
            Self::Verify(_) => "verify",
            Self::Notify => "notify",
            Self::StatusPage(_) => "status-page",
            Self::Wait(_) => "wait",
            Self::Cleanup(_) => "cleanup",
        }
    }

    /// The HTTP checks that it runs, if running some is part of it.
    pub fn checks(&self) -> Option<&[HttpCheck]> {
        match self {
            Self::Smoke(checks) => Some(checks),
            Self::Verify(verify) => Some(&verify.checks),
            Self::Gate(_)
            | Self::Build(_)
            | Self::Command(_)
            | Self::Task(_)
            | Self::Migrate(_)
            | Self::Deploy
            | Self::WarmUp(_)
            | Self::Load(_)
            | Self::Shift(_)
            | Self::Flag(_)
            | Self::Notify
            | Self::StatusPage(_)
            | Self::Wait(_)
            | Self::Cleanup(_) => None,
        }
    }

    /// How long it lets time pass, by its plan alone.
    pub fn waits(&self) -> Duration {
        match self {
            Self::Shift(shift) => shift.steps.iter().map(|step| step.bake).sum(),
            Self::Verify(verify) => verify.watch,
            Self::Wait(wait) => wait.span,
            Self::Cleanup(cleanup) => cleanup.hold,
            Self::Gate(_)
            | Self::Build(_)
            | Self::Command(_)
            | Self::Task(_)
            | Self::Migrate(_)
            | Self::Deploy
            | Self::Smoke(_)
            | Self::WarmUp(_)
            | Self::Load(_)
            | Self::Flag(_)
            | Self::Notify
            | Self::StatusPage(_) => Duration::ZERO,
        }
    }

    /// What it runs to an end, part by part.
    pub fn part(&self, index: usize) -> Option<Part<'_>> {
        let only = |runs| (index == 0).then_some(Part { name: "", runs });
        match self {
            Self::Build(build) => only(Runs::Command(&build.command)),
            Self::Command(command) | Self::Flag(FlagPlan::Command(command)) => only(Runs::Command(command)),
            Self::Flag(FlagPlan::AppConfig(flag)) => only(Runs::Flag(flag)),
            Self::Task(task) => only(Runs::Task(task)),
            Self::Load(load) => only(Runs::Command(&load.command)),
            Self::Migrate(migration) => migration.part(index),
            Self::Gate(_)
            | Self::Deploy
            | Self::Smoke(_)
            | Self::WarmUp(_)
            | Self::Shift(_)
            | Self::Verify(_)
            | Self::Notify
            | Self::StatusPage(_)
            | Self::Wait(_)
            | Self::Cleanup(_) => None,
        }
    }

    /// What undoes it by running something, whether or not that may be done without asking.
    pub fn undo(&self) -> Option<Undo<'_>> {
        match (self, self.part(0)?.runs) {
            (Self::Migrate(migration), _) => migration.undo.as_ref().map(Undo::Job),
            (_, Runs::Command(command)) => command.undo(),
            (_, Runs::Flag(flag)) => (flag.to == Switch::On).then_some(Undo::Flag(flag)),
            (_, Runs::Task(_)) => None,
        }
    }

    /// Whether something may be changed after so many of its parts were begun, even if they did not end well.
    pub fn is_begun_for_good(&self, parts: usize) -> bool {
        match self {
            Self::Migrate(migration) => parts > migration.apply_index(),
            Self::Command(command) => command.undo_on_failure && parts > 0,
            Self::Flag(_) => parts > 0,
            _ => false,
        }
    }

    /// The part with which another try begins when so many were begun before. A copy of what is half migrated already
    /// would take the place of the good one.
    pub fn resumes_at(&self, parts: usize) -> usize {
        match self {
            Self::Migrate(migration) if self.is_begun_for_good(parts) => migration.apply_index(),
            _ => 0,
        }
    }

    /// Whether a rollback may run what undoes it without asking.
    pub fn undoes_itself(&self) -> bool {
        match self {
            Self::Migrate(migration) => migration.undo_is_safe && migration.undo.is_some(),
            kind => kind.undo().is_some(),
        }
    }
}

/// Time that passes before the release goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitPlan {
    /// How long.
    #[serde(with = "millis")]
    pub span: Duration,
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

/// Changing a public status page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusPagePlan {
    /// What the page is to say until the release ends, or another stage changes it.
    pub status: PageStatus,
    /// The channels that are status pages, by name.
    pub channels: Vec<String>,
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
    /// Traffic is brought back component by component, in the plan's order, instead of all at once.
    pub one_by_one: bool,
}

impl RollbackPlan {
    /// Whether `healthy` of `desired` targets can take all traffic back.
    pub fn is_enough(self, healthy: u32, desired: u32) -> bool {
        healthy > 0 && u64::from(healthy) * 100 >= u64::from(desired) * u64::from(self.min_healthy.get())
    }
}

impl Plan {
    /// Whether somebody with this AWS identity may do it.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn lets(&self, deed: Deed, arn: Option<&str>) -> Result<(), String> {
        self.policy.as_ref().map_or(Ok(()), |policy| policy.allows(deed, arn))
    }

    /// Whether it must be known who does it.
    pub fn asks_who(&self, deed: Deed) -> bool {
        self.policy.as_ref().is_some_and(|policy| !policy.is_open(deed))
    }

    /// The stage with this index.
    pub fn stage(&self, index: usize) -> Option<&StagePlan> {
        self.stages.get(index)
    }

    /// The shift plan of a component, if a stage shifts its traffic.
    pub fn shift(&self, of: ComponentIndex) -> Option<&ShiftPlan> {
        self.stages.iter().find_map(|stage| match &stage.kind {
            StageKind::Shift(plan) if stage.component == Some(of) => Some(plan),
            _ => None,
        })
    }

    /// Whether `weight` may ever be set on a component's green: a step of its plan, 0 or 100.
    pub fn allows(&self, of: ComponentIndex, weight: Percent) -> bool {
        weight == Percent::ZERO
            || weight == Percent::FULL
            || self.shift(of).is_some_and(|plan| plan.steps.iter().any(|step| step.weight == weight))
    }

    /// Whether a stage is what brings a version to users where no traffic is shifted: a program that can be undone, of
    /// components without sides. What cannot be undone, a build for one, may as well have changed nothing that they see.
    pub fn is_switch(&self, stage: &StagePlan) -> bool {
        let is_program = matches!(stage.kind, StageKind::Command(_) | StageKind::Flag(_));
        let has_sides = match stage.component {
            Some(of) => self.components[of].sides.is_some(),
            None => self.components.iter().any(|(_, component)| component.sides.is_some()),
        };
        is_program && !has_sides && stage.kind.undo().is_some()
    }

    /// What is released, in a few words: `api`, or `api, web`.
    pub fn components_named(&self) -> String {
        let names: Vec<&str> = self.components.iter().map(|(_, component)| component.name.as_str()).collect();
        names.join(", ")
    }

    /// Whether a component of this name is released.
    pub fn releases(&self, name: &str) -> bool {
        self.components.iter().any(|(_, component)| component.name.as_str() == name)
    }

    /// From which version to which, in a few words, for each component that differs from the one before it.
    pub fn moves(&self) -> String {
        let mut moves: Vec<String> =
            self.components.iter().map(|(_, component)| format!("{} → {}", component.from, component.to)).collect();
        moves.dedup();
        moves.join(", ")
    }

    /// `api: ` before what is said of a component, where there are several.
    pub fn whose(&self, of: ComponentIndex) -> String {
        if self.components.count() > 1 { format!("{}: ", self.components[of].name) } else { String::new() }
    }

    /// What a stage is about, by name; empty for the release as a whole, and where there is only one component.
    pub fn subject(&self, stage: &StagePlan) -> &str {
        match stage.component {
            Some(of) if self.components.count() > 1 => self.components[of].name.as_str(),
            _ => "",
        }
    }

    /// Whether every index in it leads somewhere: what comes from a journal or a socket is asked before it is used.
    pub fn is_sound(&self) -> bool {
        self.stages.iter().enumerate().all(|(index, stage)| {
            stage.component.is_none_or(|of| self.components.holds(of)) && stage.after.iter().all(|after| *after < index)
        })
    }
}
