//! What is looked at before a release, beside the service itself: the image, secrets, backups, and how what runs is set
//! up. Only reads, all of which may be repeated at will.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

use super::{CloudError, Target};
use crate::domain::gate::{BackupSource, Breaker, Risk};
use crate::domain::ids::{TaskDefinitionArn, Version};
use crate::domain::percent::Percent;
use crate::domain::plan::SidePlan;
use crate::domain::time::Timestamp;

/// What a gate asks of a cloud.
#[async_trait]
pub trait Estate: Send + Sync {
    /// An image of the registry; `None` when it, or its repository, is not there.
    /// [`ErrorKind::Unexpected`](super::ErrorKind::Unexpected) when the reference names no image of this cloud's registry.
    async fn image(&self, image: &Version) -> Result<Option<Image>, CloudError>;

    /// What the scan of an image found.
    async fn scan(&self, image: &Version) -> Result<Scan, CloudError>;

    /// A secret's dates, never its value; `None` when it is not there.
    async fn secret(&self, name: &str) -> Result<Option<Secret>, CloudError>;

    /// The newest finished snapshot of a database; `None` when there is none. A source that is a program has none.
    async fn newest_snapshot(&self, source: &BackupSource) -> Result<Option<Snapshot>, CloudError>;

    /// The image of a container in a task definition; `None` when the definition is gone or has been deregistered.
    async fn definition(&self, arn: &TaskDefinitionArn, container: &str) -> Result<Option<Version>, CloudError>;

    /// Many components at once, by few calls, in the order asked for. One that is not as configured is an error of its own;
    /// only a cloud that gives no answer fails the whole.
    async fn glance(&self, targets: &[Target]) -> Result<Vec<Result<Glance, CloudError>>, CloudError>;

    /// How a side's service and target group are set up, and what its tasks run.
    async fn deployed(&self, side: &SidePlan) -> Result<Deployed, CloudError>;
}

/// A component as a list of many shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glance {
    /// Weight of each service's target group, of 100.
    pub weights: [Percent; 2],
    /// What each service runs.
    pub services: [ServiceGlance; 2],
}

impl Glance {
    /// Index of the service that has most of the weight.
    pub fn serving(&self) -> usize {
        let [first, second] = self.weights;
        usize::from(second > first)
    }
}

/// A service as a list of many shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceGlance {
    /// Task definition of its primary deployment.
    pub task_definition: TaskDefinitionArn,
    /// Tasks wanted.
    pub desired: u32,
    /// Tasks that run.
    pub running: u32,
    /// A deployment is under way.
    pub is_deploying: bool,
}

/// An image of the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its digest, `sha256:…`.
    pub digest: String,
    /// When it was pushed, if known.
    pub pushed: Option<Timestamp>,
}

/// What an image scan has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scan {
    /// It is finished.
    Finished {
        /// When, if known.
        at: Option<Timestamp>,
        /// How many findings there are of each kind; none of a kind that is not here.
        findings: BTreeMap<Risk, u32>,
    },
    /// It is under way.
    UnderWay,
    /// Nobody has asked for one.
    NotScanned,
    /// It cannot be had of this image, for the reason given.
    Unavailable(String),
}

/// A secret's dates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Its name.
    pub name: String,
    /// Whether rotation is switched on.
    pub rotates: bool,
    /// When it was last rotated.
    pub rotated: Option<Timestamp>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// Since when it has been waiting to be deleted.
    pub deleted: Option<Timestamp>,
}

/// A snapshot of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its identifier.
    pub id: String,
    /// When it was taken.
    pub at: Timestamp,
}

/// How a side is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployed {
    /// The task definition of the service's primary deployment.
    pub task_definition: TaskDefinitionArn,
    /// The container's image, as that task definition has it.
    pub image: Version,
    /// Digests of the image that the running tasks' containers were started from, each once.
    pub digests: Vec<String>,
    /// Tasks wanted.
    pub desired: u32,
    /// The deployment circuit breaker.
    pub breaker: Breaker,
    /// The least healthy percent of a deployment, if set.
    pub min_healthy: Option<u32>,
    /// The greatest percent of a deployment, if set.
    pub max_healthy: Option<u32>,
    /// Names of the container's environment variables and secrets.
    pub env: Vec<String>,
    /// The target group's health check.
    pub health_check: HealthCheck,
}

/// A target group's health check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthCheck {
    /// The path asked for.
    pub path: Option<String>,
    /// The time between two checks.
    pub interval: Option<Duration>,
    /// A check fails when no answer came by then.
    pub timeout: Option<Duration>,
    /// Checks in a row that make a target healthy.
    pub healthy: Option<u32>,
    /// Failed checks in a row that make it unhealthy.
    pub unhealthy: Option<u32>,
}
