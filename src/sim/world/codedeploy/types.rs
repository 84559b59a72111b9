//! What CodeDeploy shows of applications, deployment groups, deployment configurations and deployments.

use std::time::Duration;

use crate::domain::time::Timestamp;
use crate::sim::world::words::words;

words! {
    /// How far a deployment has come.
    DeploymentStatus {
        Created = "Created", Queued = "Queued", InProgress = "InProgress", Baking = "Baking", Succeeded = "Succeeded",
        Failed = "Failed", Stopped = "Stopped", Ready = "Ready",
    }
}

impl DeploymentStatus {
    /// Nothing more will happen to it.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Stopped => true,
            Self::Created | Self::Queued | Self::InProgress | Self::Baking | Self::Ready => false,
        }
    }
}

words! {
    /// A part of a deployment to ECS, in the order in which they come.
    LifecycleEventName {
        BeforeInstall = "BeforeInstall", Install = "Install", AfterInstall = "AfterInstall",
        AllowTestTraffic = "AllowTestTraffic", AfterAllowTestTraffic = "AfterAllowTestTraffic",
        BeforeAllowTraffic = "BeforeAllowTraffic", AllowTraffic = "AllowTraffic", AfterAllowTraffic = "AfterAllowTraffic",
    }
}
words! {
    /// How far a part of a deployment has come.
    LifecycleEventStatus {
        Pending = "Pending", InProgress = "InProgress", Succeeded = "Succeeded", Failed = "Failed", Skipped = "Skipped",
        Unknown = "Unknown",
    }
}
words! {
    /// How far a deployment has come with the service.
    TargetStatus {
        Pending = "Pending", InProgress = "InProgress", Succeeded = "Succeeded", Failed = "Failed", Skipped = "Skipped",
        Unknown = "Unknown", Ready = "Ready",
    }
}
words! {
    /// What a deployment waits for somebody to end.
    WaitType { Ready = "READY_WAIT", Termination = "TERMINATION_WAIT" }
}
words! {
    /// What becomes of a deployment for which nobody lets traffic through in time.
    ReadyAction { Continue = "CONTINUE_DEPLOYMENT", Stop = "STOP_DEPLOYMENT" }
}
words! {
    /// What brings a deployment's traffic back by itself.
    RollbackEvent {
        Failure = "DEPLOYMENT_FAILURE", Alarm = "DEPLOYMENT_STOP_ON_ALARM", Request = "DEPLOYMENT_STOP_ON_REQUEST",
    }
}
words! {
    /// Who made a deployment.
    Creator { User = "user", Rollback = "codeDeployRollback" }
}
words! {
    /// Why a deployment did not succeed.
    ErrorCode {
        AlarmActive = "ALARM_ACTIVE", EcsUpdateError = "ECS_UPDATE_ERROR", HookExecutionFailure = "HOOK_EXECUTION_FAILURE",
        ManualStop = "MANUAL_STOP", Timeout = "TIMEOUT",
    }
}

/// How traffic goes from one task set to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrafficRouting {
    /// At once.
    AllAtOnce,
    /// A share first, and the rest later.
    Canary {
        /// The share, 1–99 percent.
        percent: u32,
        /// How long that is so, in whole minutes.
        interval: Duration,
    },
    /// In equal steps.
    Linear {
        /// The size of a step, 1–99 percent.
        percent: u32,
        /// From one step to the next, in whole minutes.
        interval: Duration,
    },
}

impl TrafficRouting {
    /// The share of the new task set, in percent, when traffic has been let through for `elapsed`.
    pub fn share(self, elapsed: Duration) -> u32 {
        match self {
            Self::AllAtOnce => 100,
            Self::Canary { percent, interval } if elapsed < interval => percent,
            Self::Canary { .. } => 100,
            Self::Linear { percent, interval } => {
                let steps = elapsed.as_secs().checked_div(interval.as_secs()).unwrap_or(0);
                percent.saturating_mul(u32::try_from(steps).unwrap_or(u32::MAX).saturating_add(1)).min(100)
            }
        }
    }
}

/// A deployment configuration.
#[derive(Clone, Debug)]
pub struct DeploymentConfig {
    /// A UUID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How it shifts traffic.
    pub routing: TrafficRouting,
    /// When it was created.
    pub created_at: Timestamp,
}

/// Alarms that stop a deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlarmConfiguration {
    /// Whether they do.
    pub enabled: bool,
    /// Whether it goes on when they cannot be read.
    pub ignore_poll_failure: bool,
    /// Their names.
    pub alarms: Vec<String>,
}

/// What brings traffic back by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AutoRollback {
    /// Whether anything does.
    pub enabled: bool,
    /// What.
    pub events: Vec<RollbackEvent>,
}

impl AutoRollback {
    /// Whether this does.
    pub fn covers(&self, event: RollbackEvent) -> bool {
        self.enabled && self.events.contains(&event)
    }
}

/// What the blue/green options of a deployment group say.
#[derive(Clone, Copy, Debug)]
pub struct BlueGreenOptions {
    /// What happens when nobody lets traffic through in time.
    pub on_ready_timeout: ReadyAction,
    /// For how long it is waited for somebody, in whole minutes.
    pub ready_wait: Duration,
    /// For how long the old task set is kept, in whole minutes.
    pub termination_wait: Duration,
}

/// The last deployment of some kind.
#[derive(Clone, Debug)]
pub struct LastDeployment {
    /// Its id.
    pub id: String,
    /// How it stands.
    pub status: DeploymentStatus,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// A deployment group.
#[derive(Clone, Debug)]
pub struct DeploymentGroup {
    /// A UUID.
    pub id: String,
    /// Its application's name.
    pub application: String,
    /// Its name.
    pub name: String,
    /// The name of its deployment configuration.
    pub config: String,
    /// The cluster's name.
    pub cluster: String,
    /// The service's name.
    pub service: String,
    /// The role that CodeDeploy works with.
    pub role_arn: String,
    /// Names of the pair of target groups.
    pub target_groups: [String; 2],
    /// The listener that users come to (ARN).
    pub production_listener: String,
    /// The listener that tests come to (ARN).
    pub test_listener: Option<String>,
    /// Blue/green options.
    pub options: BlueGreenOptions,
    /// Alarms that stop its deployments.
    pub alarms: AlarmConfiguration,
    /// What brings traffic back.
    pub auto_rollback: AutoRollback,
}

/// A deployment group and the last deployments to it.
#[derive(Clone, Debug)]
pub struct ShownGroup {
    /// The group.
    pub group: DeploymentGroup,
    /// The last deployment that succeeded.
    pub last_successful: Option<LastDeployment>,
    /// The last deployment.
    pub last_attempted: Option<LastDeployment>,
    /// SHA-256 of the AppSpec deployed last.
    pub target_revision: Option<String>,
}

/// One part of a deployment.
#[derive(Clone, Debug)]
pub struct LifecycleEvent {
    /// Which.
    pub name: LifecycleEventName,
    /// How far it has come.
    pub status: LifecycleEventStatus,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The function that it runs.
    pub function: Option<String>,
    /// What is wrong with it.
    pub message: Option<String>,
}

/// A deployment.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Its id, `d-…`.
    pub id: String,
    /// Its application's name.
    pub application: String,
    /// Its deployment group's name.
    pub group: String,
    /// The name of its deployment configuration.
    pub config: String,
    /// What its maker wrote about it.
    pub description: Option<String>,
    /// Who made it.
    pub creator: Creator,
    /// How far it has come.
    pub status: DeploymentStatus,
    /// Why it did not succeed.
    pub error: Option<(ErrorCode, String)>,
    /// SHA-256 of its AppSpec.
    pub revision: String,
    /// SHA-256 of the AppSpec that was deployed before.
    pub previous_revision: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// The deployment that brings its traffic back.
    pub rolled_back_by: Option<String>,
    /// The deployment whose traffic it brings back.
    pub rolls_back: Option<String>,
    /// How that goes.
    pub rollback_message: Option<String>,
    /// What brings its traffic back by itself.
    pub auto_rollback: AutoRollback,
    /// Alarms in the place of its group's.
    pub own_alarms: Option<AlarmConfiguration>,
    /// Whether the wait before the old task set is terminated has begun.
    pub termination_wait_started: bool,
    /// Its parts.
    pub events: Vec<LifecycleEvent>,
}

/// A deployment with the group it goes to.
#[derive(Clone, Debug)]
pub struct ShownDeployment {
    /// The deployment.
    pub deployment: Deployment,
    /// Its group.
    pub group: DeploymentGroup,
}

/// A task set as a deployment sees it.
#[derive(Clone, Debug)]
pub struct TargetTaskSet {
    /// Its id, `ecs-svc/…`.
    pub id: String,
    /// Tasks it wants, on their way and running.
    pub counts: [u32; 3],
    /// `PRIMARY`, `ACTIVE` or `DRAINING`.
    pub status: &'static str,
    /// Its share of production traffic, in percent.
    pub weight: f64,
    /// Its target group's name.
    pub target_group: String,
    /// `Blue` for what served before, `Green` for what is deployed.
    pub label: &'static str,
}

/// How far a deployment has come with the service.
#[derive(Clone, Debug)]
pub struct DeploymentTarget {
    /// The deployment's id.
    pub deployment: String,
    /// `<cluster>:<service>`.
    pub id: String,
    /// The service's ARN.
    pub arn: String,
    /// How far it has come.
    pub status: TargetStatus,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Its parts.
    pub events: Vec<LifecycleEvent>,
    /// The service's task sets.
    pub task_sets: Vec<TargetTaskSet>,
}

/// Input of `CreateDeployment`.
#[derive(Clone, Debug, Default)]
pub struct CreateDeployment {
    /// The application's name.
    pub application: String,
    /// The deployment group's name.
    pub group: Option<String>,
    /// The deployment configuration; the group's without it.
    pub config: Option<String>,
    /// At most 256 characters.
    pub description: Option<String>,
    /// The AppSpec as JSON.
    pub app_spec: Option<String>,
    /// In the place of the group's.
    pub auto_rollback: Option<AutoRollback>,
    /// In the place of the group's.
    pub alarms: Option<AlarmConfiguration>,
}

/// Input of `ListDeployments`.
#[derive(Clone, Debug, Default)]
pub struct ListDeployments {
    /// Application and deployment group.
    pub of: Option<(String, String)>,
    /// Only these.
    pub statuses: Vec<DeploymentStatus>,
    /// Created at this moment or later.
    pub from: Option<Timestamp>,
    /// Created at this moment or earlier.
    pub to: Option<Timestamp>,
}
