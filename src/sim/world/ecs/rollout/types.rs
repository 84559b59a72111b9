//! What ECS shows of service deployments and revisions.

use super::super::ServiceLoadBalancer;
use crate::domain::time::Timestamp;
use crate::sim::world::words::words;

words! {
    /// How a service deployment replaces the old revision.
    Strategy { Rolling = "ROLLING", BlueGreen = "BLUE_GREEN", Linear = "LINEAR", Canary = "CANARY" }
}
words! {
    /// Where a service deployment stands.
    RolloutStatus {
        Pending = "PENDING", Successful = "SUCCESSFUL", Stopped = "STOPPED", StopRequested = "STOP_REQUESTED",
        InProgress = "IN_PROGRESS", RollbackRequested = "ROLLBACK_REQUESTED",
        RollbackInProgress = "ROLLBACK_IN_PROGRESS", RollbackSuccessful = "ROLLBACK_SUCCESSFUL",
        RollbackFailed = "ROLLBACK_FAILED",
    }
}
words! {
    /// A stage in the life of a deployment that shifts traffic.
    Stage {
        ReconcileService = "RECONCILE_SERVICE", PreScaleUp = "PRE_SCALE_UP", ScaleUp = "SCALE_UP",
        PostScaleUp = "POST_SCALE_UP", TestTrafficShift = "TEST_TRAFFIC_SHIFT",
        PostTestTrafficShift = "POST_TEST_TRAFFIC_SHIFT", PreProductionTrafficShift = "PRE_PRODUCTION_TRAFFIC_SHIFT",
        ProductionTrafficShift = "PRODUCTION_TRAFFIC_SHIFT",
        PostProductionTrafficShift = "POST_PRODUCTION_TRAFFIC_SHIFT", BakeTime = "BAKE_TIME", CleanUp = "CLEAN_UP",
    }
}
words! {
    /// Whether the circuit breaker, or the alarms, watch a deployment.
    MonitorStatus {
        Triggered = "TRIGGERED", Monitoring = "MONITORING", MonitoringComplete = "MONITORING_COMPLETE",
        Disabled = "DISABLED",
    }
}
words! {
    /// What a lifecycle hook does.
    HookTarget { Lambda = "AWS_LAMBDA", Pause = "PAUSE" }
}
words! {
    /// Where a lifecycle hook stands.
    HookStatus {
        AwaitingAction = "AWAITING_ACTION", InProgress = "IN_PROGRESS", Succeeded = "SUCCEEDED", Failed = "FAILED",
        TimedOut = "TIMED_OUT",
    }
}
words! {
    /// How a deployment goes on from a hook.
    HookAction { Rollback = "ROLLBACK", Continue = "CONTINUE" }
}
words! {
    /// How a deployment is stopped.
    StopType { Abort = "ABORT", Rollback = "ROLLBACK" }
}

impl Stage {
    /// Whether a hook may run in it.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentLifecycleHook.html>
    pub(super) fn takes_hooks(self, target: HookTarget) -> bool {
        match self {
            Self::ScaleUp | Self::BakeTime | Self::CleanUp => false,
            Self::TestTrafficShift | Self::ProductionTrafficShift => target == HookTarget::Lambda,
            Self::ReconcileService
            | Self::PreScaleUp
            | Self::PostScaleUp
            | Self::PostTestTrafficShift
            | Self::PreProductionTrafficShift
            | Self::PostProductionTrafficShift => true,
        }
    }
}

/// The target groups and rules of a service whose deployments shift traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdvancedConfiguration {
    /// The target group that takes turns with the load balancer's own.
    pub alternate_target_group_arn: String,
    /// The rule that production traffic follows.
    pub production_listener_rule: String,
    /// The rule that test traffic follows.
    pub test_listener_rule: Option<String>,
    /// The role that changes the rules.
    pub role_arn: String,
}

/// A lifecycle hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecycleHook {
    /// What it does.
    pub target: HookTarget,
    /// The function, if it runs one.
    pub target_arn: Option<String>,
    /// The role that runs it.
    pub role_arn: Option<String>,
    /// When it runs.
    pub stages: Vec<Stage>,
    /// Minutes after which it times out.
    pub timeout_minutes: u32,
    /// What follows from that.
    pub timeout_action: HookAction,
}

/// The alarms of a deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentAlarms {
    /// Their names.
    pub names: Vec<String>,
    /// Whether they are looked at.
    pub enable: bool,
    /// Whether one that fires rolls the deployment back; otherwise it is stopped.
    pub rollback: bool,
}

/// A revision of a service: what one of its deployments made it be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Its ARN.
    pub arn: String,
    /// Its service's ARN.
    pub service_arn: String,
    /// Its cluster's ARN.
    pub cluster_arn: String,
    /// Its task definition's ARN.
    pub task_definition: String,
    /// The service's load balancers.
    pub load_balancers: Vec<ServiceLoadBalancer>,
    /// The target group that its tasks are registered in.
    pub target_group: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A revision's tasks and traffic, as a deployment shows them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RevisionSummary {
    /// Its ARN.
    pub arn: String,
    /// Tasks wanted.
    pub requested: u32,
    /// Tasks in `RUNNING`.
    pub running: u32,
    /// Tasks on their way to it.
    pub pending: u32,
    /// The share of the test traffic asked for, in percent, where traffic is shifted.
    pub test_weight: Option<f64>,
    /// The share of the production traffic asked for.
    pub production_weight: Option<f64>,
}

/// A deployment's rollback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollbackInfo {
    /// Why.
    pub reason: String,
    /// Since when.
    pub started_at: Timestamp,
    /// The revision gone back to.
    pub revision_arn: String,
}

/// A lifecycle hook of the present stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookDetail {
    /// Names it when it is answered.
    pub id: String,
    /// What it does.
    pub target: HookTarget,
    /// The function, if it runs one.
    pub target_arn: Option<String>,
    /// Where it stands.
    pub status: HookStatus,
    /// When it times out.
    pub expires_at: Timestamp,
    /// What follows from that.
    pub timeout_action: HookAction,
}

/// A service deployment.
#[derive(Clone, Debug)]
pub struct ServiceDeployment {
    /// Its ARN.
    pub arn: String,
    /// Its service's ARN.
    pub service_arn: String,
    /// Its cluster's ARN.
    pub cluster_arn: String,
    /// Where it stands.
    pub status: RolloutStatus,
    /// Why.
    pub status_reason: Option<String>,
    /// The stage it is in, if it shifts traffic and has begun.
    pub stage: Option<Stage>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// When it was stopped.
    pub stopped_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// What it replaces.
    pub sources: Vec<RevisionSummary>,
    /// What it deploys.
    pub target: RevisionSummary,
    /// How it goes about it.
    pub configuration: super::super::DeploymentConfiguration,
    /// Set once it goes back.
    pub rollback: Option<RollbackInfo>,
    /// The circuit breaker: its status, failures so far, and how many trip it.
    pub breaker: (MonitorStatus, u32, u32),
    /// The alarms: their status, and those that fired.
    pub alarms: (MonitorStatus, Vec<String>),
    /// The hooks of the present stage.
    pub hooks: Vec<HookDetail>,
}
