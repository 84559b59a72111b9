//! A look at how an account is set up: what the launch checklist and a first configuration are made of. Only reads, all of
//! which may be repeated at will.

use async_trait::async_trait;

use super::{AlarmState, CloudError, HealthCheck};
use crate::domain::gate::{BackupSource, Breaker};
use crate::domain::ids::{AlarmName, TaskDefinitionArn};
use crate::domain::time::Timestamp;

/// What can be seen of an account. What is not there is `None`; what may not be read is an error.
#[async_trait]
pub trait Inspect: Send + Sync {
    /// The cluster.
    async fn cluster(&self) -> Result<Option<ClusterFacts>, CloudError>;

    /// A service of the cluster.
    async fn service(&self, name: &str) -> Result<Option<ServiceFacts>, CloudError>;

    /// All services of the cluster.
    async fn services(&self) -> Result<Vec<ServiceFacts>, CloudError>;

    /// A task definition: an ARN, `family:revision` or `family`.
    async fn task_definition(&self, arn: &TaskDefinitionArn) -> Result<DefinitionFacts, CloudError>;

    /// A listener rule, or the default action of a listener.
    async fn rule(&self, arn: &str) -> Result<Option<RuleFacts>, CloudError>;

    /// All rules of a listener, its default one last.
    async fn rules(&self, listener: &str) -> Result<Vec<RuleFacts>, CloudError>;

    /// The listeners of a load balancer.
    async fn listeners(&self, load_balancer: &str) -> Result<Vec<ListenerFacts>, CloudError>;

    /// A target group with its targets.
    async fn target_group(&self, arn: &str) -> Result<Option<GroupFacts>, CloudError>;

    /// These alarms, of which those that do not exist are left out.
    async fn alarm_setup(&self, names: &[AlarmName]) -> Result<Vec<AlarmFacts>, CloudError>;

    /// All alarms of the region.
    async fn all_alarms(&self) -> Result<Vec<AlarmFacts>, CloudError>;

    /// A log group.
    async fn log_group(&self, name: &str) -> Result<Option<LogGroupFacts>, CloudError>;

    /// A topic.
    async fn topic(&self, arn: &str) -> Result<Option<TopicFacts>, CloudError>;

    /// For how many days a database keeps automated backups; `None` when there is no such database. A source that is a
    /// program has none.
    async fn backup_retention(&self, source: &BackupSource) -> Result<Option<u32>, CloudError>;

    /// What time it is for AWS, to the second; `None` when its answer does not say.
    async fn time(&self) -> Result<Option<Timestamp>, CloudError>;
}

/// A cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterFacts {
    /// `ACTIVE`, or what else ECS calls it.
    pub status: String,
    /// Services that are active.
    pub services: u32,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceFacts {
    /// Its name.
    pub name: String,
    /// `ACTIVE`, or what else ECS calls it.
    pub status: String,
    /// Tasks wanted.
    pub desired: u32,
    /// Tasks that run.
    pub running: u32,
    /// Deployments under way, the primary one among them.
    pub deployments: u32,
    /// The primary deployment is completed.
    pub is_steady: bool,
    /// Who deploys: `ECS`, `CODE_DEPLOY`, `EXTERNAL`.
    pub controller: String,
    /// How tasks are started: `FARGATE`, `EC2`, or the capacity providers.
    pub launch: String,
    /// `ROLLING`, `BLUE_GREEN` and others.
    pub strategy: String,
    /// What becomes of a deployment whose tasks keep failing.
    pub breaker: Breaker,
    /// Its task definition.
    pub task_definition: TaskDefinitionArn,
    /// Its deployments can shift traffic between two target groups.
    pub shifts: bool,
    /// The target groups that its tasks are registered with.
    pub attachments: Vec<Attachment>,
}

/// A service's tasks in a target group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment {
    /// The target group, by ARN.
    pub target_group: String,
    /// The container that answers.
    pub container: String,
    /// Its port.
    pub port: u32,
}

/// A task definition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DefinitionFacts {
    /// Its ARN.
    pub arn: String,
    /// Its containers.
    pub containers: Vec<ContainerFacts>,
}

/// A container of a task definition. Values of variables stay where they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerFacts {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// Where its lines go: `awslogs`, …; `None` when nowhere.
    pub log_driver: Option<String>,
    /// The CloudWatch log group among that.
    pub log_group: Option<String>,
    /// Names of variables that are written in the task definition.
    pub variables: Vec<String>,
    /// Variables that are taken from elsewhere: (name, ARN or name of the secret or parameter).
    pub secrets: Vec<(String, String)>,
    /// It has a health check of its own.
    pub has_health_check: bool,
}

/// A listener rule, or a listener's default action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleFacts {
    /// Its ARN; the listener's for its default action.
    pub arn: String,
    /// Conditions in words: `host-header api.shop.test`.
    pub conditions: Vec<String>,
    /// Actions that forward.
    pub forwards: u32,
    /// The target groups of the first of those, with their weights, 0 to 999 each.
    pub weights: Vec<(String, u32)>,
    /// A client stays with its target group.
    pub is_sticky: bool,
    /// Where it sends clients instead: the protocol of a redirect.
    pub redirects_to: Option<String>,
}

/// A listener.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenerFacts {
    /// Its ARN.
    pub arn: String,
    /// Its port.
    pub port: u32,
    /// `HTTPS`, `HTTP`.
    pub protocol: String,
    /// Its default action.
    pub default: RuleFacts,
}

/// A target group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupFacts {
    /// Its name.
    pub name: String,
    /// How targets are checked.
    pub health_check: HealthCheck,
    /// Load balancers that forward to it, by ARN.
    pub load_balancers: Vec<String>,
    /// Healthy targets.
    pub healthy: u32,
    /// Targets that are registered and not on their way out.
    pub registered: u32,
}

/// How an alarm is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmFacts {
    /// Its name.
    pub name: AlarmName,
    /// Its state.
    pub state: AlarmState,
    /// When it came into it, if known.
    pub since: Option<Timestamp>,
    /// Its actions are switched on.
    pub actions_enabled: bool,
    /// What happens when it fires, by ARN.
    pub actions: Vec<String>,
    /// What its metrics are of: values of dimensions, each once.
    pub dimensions: Vec<String>,
}

/// A log group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogGroupFacts {
    /// Days that lines are kept; `None` is for ever.
    pub retention_days: Option<u32>,
}

/// A topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicFacts {
    /// Subscriptions that have been confirmed.
    pub confirmed: u32,
    /// Subscriptions that nobody has confirmed yet.
    pub pending: u32,
}
