//! What ECS shows of tasks, and how they are asked for.

use super::Tag;
use crate::domain::time::Timestamp;
use crate::sim::world::words::words;

words! {
    /// Where a task is in its life. The order is the order of that life.
    TaskStatus {
        Provisioning = "PROVISIONING", Pending = "PENDING", Activating = "ACTIVATING", Running = "RUNNING",
        Deactivating = "DEACTIVATING", Stopping = "STOPPING", Deprovisioning = "DEPROVISIONING", Stopped = "STOPPED",
    }
}
words! {
    /// What ECS wants of a task.
    DesiredStatus { Running = "RUNNING", Stopped = "STOPPED" }
}
words! {
    /// What the container health check says.
    HealthStatus { Healthy = "HEALTHY", Unhealthy = "UNHEALTHY", Unknown = "UNKNOWN" }
}
words! {
    /// Why a task stopped.
    StopCode {
        TaskFailedToStart = "TaskFailedToStart", EssentialContainerExited = "EssentialContainerExited",
        UserInitiated = "UserInitiated", ServiceSchedulerInitiated = "ServiceSchedulerInitiated",
    }
}

/// A container of a task.
#[derive(Clone, Debug)]
pub struct Container {
    /// Its name in the task definition.
    pub name: String,
    /// Its image, as the task definition gives it.
    pub image: String,
    /// The digest that was pulled, `sha256:…`.
    pub image_digest: Option<String>,
    /// `PENDING`, `RUNNING` or `STOPPED`.
    pub last_status: TaskStatus,
    /// How the process ended.
    pub exit_code: Option<i32>,
    /// Why it ended, when there is more to say.
    pub reason: Option<String>,
    /// What its own health check says.
    pub health: HealthStatus,
}

/// A task.
#[derive(Clone, Debug)]
pub struct Task {
    /// The last part of its ARN: 32 hexadecimal digits.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its cluster's ARN.
    pub cluster_arn: String,
    /// Its task definition's ARN.
    pub task_definition: String,
    /// `service:<name>` or what `RunTask` was given.
    pub group: String,
    /// The deployment's id, or what `RunTask` was given.
    pub started_by: Option<String>,
    /// Where it is in its life.
    pub last_status: TaskStatus,
    /// What ECS wants of it.
    pub desired_status: DesiredStatus,
    /// What its containers' health checks say together.
    pub health: HealthStatus,
    /// Its containers.
    pub containers: Vec<Container>,
    /// Its address in the network.
    pub private_ip: String,
    /// `eu-west-1a` or the like.
    pub availability_zone: String,
    /// CPU units, as text.
    pub cpu: String,
    /// MiB of memory, as text.
    pub memory: String,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When the pulling of its image began.
    pub pull_started_at: Option<Timestamp>,
    /// When the pulling of its image ended.
    pub pull_stopped_at: Option<Timestamp>,
    /// When it reached `RUNNING`.
    pub started_at: Option<Timestamp>,
    /// When it was told to stop.
    pub stopping_at: Option<Timestamp>,
    /// When its containers had ended.
    pub execution_stopped_at: Option<Timestamp>,
    /// When it reached `STOPPED`.
    pub stopped_at: Option<Timestamp>,
    /// Why it stopped, as a word.
    pub stop_code: Option<StopCode>,
    /// Why it stopped, as a sentence.
    pub stopped_reason: Option<String>,
    /// Its tags.
    pub tags: Vec<Tag>,
}

/// Input of `ListTasks`.
#[derive(Clone, Debug, Default)]
pub struct ListTasks {
    /// Cluster name or ARN; the default cluster without it.
    pub cluster: Option<String>,
    /// Only tasks of this service (name or ARN).
    pub service: Option<String>,
    /// Only tasks of this family.
    pub family: Option<String>,
    /// Only tasks started by this.
    pub started_by: Option<String>,
    /// `Running` unless given, as in AWS; it is compared with the *desired* status.
    pub desired_status: Option<DesiredStatus>,
}

/// Input of `RunTask`.
#[derive(Clone, Debug, Default)]
pub struct RunTask {
    /// Cluster name or ARN; the default cluster without it.
    pub cluster: Option<String>,
    /// Family, `family:revision` or ARN.
    pub task_definition: String,
    /// How many, 1–10.
    pub count: u32,
    /// The group's name; `family:<family>` without it.
    pub group: Option<String>,
    /// Who started it.
    pub started_by: Option<String>,
    /// Commands that replace those of the containers: (container, words).
    pub commands: Vec<(String, Vec<String>)>,
    /// The subnets that they run in.
    pub subnets: Vec<String>,
    /// Tells repeats: the same token with the same request finds the tasks that it started; with another request it is
    /// refused. <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html>
    pub client_token: Option<String>,
    /// Tags.
    pub tags: Vec<Tag>,
}
