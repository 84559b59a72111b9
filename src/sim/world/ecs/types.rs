//! What ECS shows of clusters, task definitions and services.

use std::collections::VecDeque;

use serde_json::{Map, Value};

use super::{AdvancedConfiguration, DeploymentConfiguration, TaskSet};
use crate::domain::time::Timestamp;
use crate::sim::world::words::words;

/// Found resources, and those asked for that are not there.
#[derive(Clone, Debug)]
pub struct Described<T> {
    /// What was found, in the order asked for.
    pub found: Vec<T>,
    /// What was not.
    pub failures: Vec<Failure>,
}

/// Why ECS could not show a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The resource's ARN.
    pub arn: String,
    /// AWS's word, `MISSING`.
    pub reason: &'static str,
}

/// A key and its value, attached to a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The tag's name.
    pub key: String,
    /// The tag's value.
    pub value: String,
}

/// A cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Tasks in `RUNNING`.
    pub running_tasks: u32,
    /// Tasks on their way to `RUNNING`.
    pub pending_tasks: u32,
    /// Services in `ACTIVE`.
    pub active_services: u32,
}

words! {
    /// Whether a task definition may still be used.
    DefinitionStatus { Active = "ACTIVE", Inactive = "INACTIVE" }
}

/// One revision of a task definition.
#[derive(Clone, Debug)]
pub struct TaskDefinition {
    /// Its ARN, ending in `family:revision`.
    pub arn: String,
    /// The family's name.
    pub family: String,
    /// The revision, from 1.
    pub revision: u32,
    /// Whether it may still be used.
    pub status: DefinitionStatus,
    /// The containers, as they were registered (JSON with AWS's field names).
    pub containers: Vec<Value>,
    /// All other fields, as they were registered: `cpu`, `memory`, `networkMode`, `executionRoleArn`, …
    pub settings: Map<String, Value>,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// When it was deregistered.
    pub deregistered_at: Option<Timestamp>,
}

/// Input of `RegisterTaskDefinition`.
#[derive(Clone, Debug, Default)]
pub struct RegisterTaskDefinition {
    /// The family's name.
    pub family: String,
    /// The containers (JSON with AWS's field names).
    pub containers: Vec<Value>,
    /// All other fields but the tags.
    pub settings: Map<String, Value>,
    /// Tags.
    pub tags: Vec<Tag>,
}

/// Input of `ListTaskDefinitions`.
#[derive(Clone, Debug, Default)]
pub struct ListTaskDefinitions {
    /// The exact family, as AWS treats `familyPrefix`; all families without it.
    pub family: Option<String>,
    /// `Active` unless given.
    pub status: Option<DefinitionStatus>,
    /// Newest revision first.
    pub order: ListOrder,
}

/// Which revision comes first in a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListOrder {
    /// `ASC`: by family, oldest first.
    #[default]
    Ascending,
    /// `DESC`: newest first.
    Descending,
}

words! {
    /// Where a service is in its life.
    ServiceStatus { Active = "ACTIVE", Draining = "DRAINING", Inactive = "INACTIVE" }
}
words! {
    /// Whether a deployment is the one wanted or one being replaced.
    DeploymentStatus { Primary = "PRIMARY", Active = "ACTIVE" }
}
words! {
    /// How far a deployment has come.
    RolloutState { Completed = "COMPLETED", Failed = "FAILED", InProgress = "IN_PROGRESS" }
}

words! {
    /// Who replaces a service's tasks.
    DeploymentController { Ecs = "ECS", CodeDeploy = "CODE_DEPLOY" }
}

/// A target group that a service registers its tasks in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceLoadBalancer {
    /// The target group's ARN.
    pub target_group_arn: String,
    /// The container that takes the traffic.
    pub container_name: String,
    /// Its port.
    pub container_port: u16,
    /// What takes turns with it, if deployments shift traffic.
    pub advanced: Option<AdvancedConfiguration>,
}

/// What ECS does when tasks of a deployment keep failing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CircuitBreaker {
    /// It keeps trying.
    #[default]
    Off,
    /// It fails the deployment.
    Fail,
    /// It fails the deployment and deploys the last completed one.
    Rollback,
}

/// A service.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its cluster's ARN.
    pub cluster_arn: String,
    /// Where it is in its life.
    pub status: ServiceStatus,
    /// The task definition of its primary deployment (ARN).
    pub task_definition: String,
    /// Tasks wanted.
    pub desired: u32,
    /// Tasks in `RUNNING`.
    pub running: u32,
    /// Tasks on their way to `RUNNING`.
    pub pending: u32,
    /// Who replaces its tasks.
    pub controller: DeploymentController,
    /// Primary deployment first; none when CodeDeploy replaces the tasks.
    pub deployments: Vec<Deployment>,
    /// Primary task set first; none when ECS replaces the tasks.
    pub task_sets: Vec<TaskSet>,
    /// The last hundred events, newest first.
    pub events: VecDeque<ServiceEvent>,
    /// Where its tasks are registered.
    pub load_balancers: Vec<ServiceLoadBalancer>,
    /// How it replaces tasks.
    pub deployment_configuration: DeploymentConfiguration,
    /// Seconds during which failing health checks of a new task are ignored.
    pub health_check_grace_seconds: u32,
    /// The subnets that its tasks run in.
    pub subnets: Vec<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Its tags.
    pub tags: Vec<Tag>,
}

/// One deployment of a service.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Its id, `ecs-svc/…`.
    pub id: String,
    /// The service revision that it runs, by ARN.
    pub revision: String,
    /// The target group that its tasks are registered in.
    pub target_group: Option<String>,
    /// Whether it is the one wanted.
    pub status: DeploymentStatus,
    /// Its task definition's ARN.
    pub task_definition: String,
    /// Tasks it wants.
    pub desired: u32,
    /// Tasks in `RUNNING`.
    pub running: u32,
    /// Tasks on their way to `RUNNING`.
    pub pending: u32,
    /// Tasks that failed to start or to become healthy.
    pub failed_tasks: u32,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// How far it has come.
    pub rollout_state: RolloutState,
    /// AWS's sentence about that.
    pub rollout_state_reason: String,
}

/// One line of a service's event list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceEvent {
    /// A UUID.
    pub id: String,
    /// When it happened.
    pub at: Timestamp,
    /// The sentence.
    pub message: String,
}

/// Input of `CreateService`.
#[derive(Clone, Debug, Default)]
pub struct CreateService {
    /// Cluster name or ARN; the default cluster without it.
    pub cluster: Option<String>,
    /// The service's name.
    pub name: String,
    /// Family, `family:revision` or ARN.
    pub task_definition: String,
    /// Tasks wanted.
    pub desired: u32,
    /// Where its tasks are registered.
    pub load_balancers: Vec<ServiceLoadBalancer>,
    /// Who replaces its tasks; ECS unless given.
    pub controller: Option<DeploymentController>,
    /// How it replaces tasks.
    pub deployment_configuration: DeploymentConfiguration,
    /// Seconds during which failing health checks of a new task are ignored.
    pub health_check_grace_seconds: u32,
    /// Tags.
    pub tags: Vec<Tag>,
}

/// Input of `UpdateService`. What is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct UpdateService {
    /// Cluster name or ARN; the default cluster without it.
    pub cluster: Option<String>,
    /// The service's name or ARN.
    pub service: String,
    /// Family, `family:revision` or ARN.
    pub task_definition: Option<String>,
    /// Tasks wanted.
    pub desired: Option<u32>,
    /// Whether to replace tasks although nothing else changes.
    pub force_new_deployment: bool,
    /// How it replaces tasks.
    pub deployment_configuration: Option<DeploymentConfiguration>,
    /// Seconds during which failing health checks of a new task are ignored.
    pub health_check_grace_seconds: Option<u32>,
    /// The subnets that its tasks run in; others than before replace all tasks.
    pub subnets: Option<Vec<String>>,
    /// Where its tasks are registered.
    pub load_balancers: Option<Vec<ServiceLoadBalancer>>,
}
