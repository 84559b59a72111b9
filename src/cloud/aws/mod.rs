//! AWS behind the port, by the unmodified SDK: the only place that names it.
//!
//! What each method calls, and so the least that its credentials must be allowed:
//!
//! | method | calls | IAM actions |
//! |---|---|---|
//! | `identity` | `GetCallerIdentity` | none |
//! | `survey` | `DescribeRules` or `DescribeListeners`, `DescribeServices`, `DescribeTaskDefinition` | `elasticloadbalancing:DescribeRules`, `elasticloadbalancing:DescribeListeners`, `ecs:DescribeServices`, `ecs:DescribeTaskDefinition` |
//! | `weight` | `DescribeRules` or `DescribeListeners` | `elasticloadbalancing:DescribeRules`, `elasticloadbalancing:DescribeListeners` |
//! | `set_weight` | `ModifyRule` or `ModifyListener`; the first time also what `weight` calls | `elasticloadbalancing:ModifyRule`, `elasticloadbalancing:ModifyListener` |
//! | `capacity` | `DescribeServices`, `DescribeTargetHealth`; after failed tasks `ListTasks`, `DescribeTasks` | `ecs:DescribeServices`, `elasticloadbalancing:DescribeTargetHealth`, `ecs:ListTasks`, `ecs:DescribeTasks` |
//! | `register` | `DescribeTaskDefinition`, `RegisterTaskDefinition`; when looking first `ListTaskDefinitions` | `ecs:DescribeTaskDefinition`, `ecs:RegisterTaskDefinition`, `ecs:TagResource`, `ecs:ListTaskDefinitions`, `iam:PassRole` on the task's roles |
//! | `scale` | `UpdateService`; with a task definition `DescribeServices` before | `ecs:UpdateService`, `ecs:DescribeServices`, `iam:PassRole` on the task's roles |
//! | `signals` | `GetMetricData` | `cloudwatch:GetMetricData` |
//! | `alarms` | `DescribeAlarms` | `cloudwatch:DescribeAlarms` |
//! | `logs` | `FilterLogEvents` | `logs:FilterLogEvents` |
//! | `tasks` | `ListTasks`, `DescribeTasks` | `ecs:ListTasks`, `ecs:DescribeTasks` |
//! | `run_task` | `DescribeServices`, `RunTask` | `ecs:DescribeServices`, `ecs:RunTask`, `iam:PassRole` on the task's roles |
//! | `tasks_started_by` | `ListTasks` | `ecs:ListTasks` |
//! | `task_state` | `DescribeTasks` | `ecs:DescribeTasks` |
//! | `stop_task` | `StopTask` | `ecs:StopTask` |
//! | `publish` | `Publish` | `sns:Publish` |
//! | `estate().image`, `scan` | `DescribeImages`, `DescribeImageScanFindings` | `ecr:DescribeImages`, `ecr:DescribeImageScanFindings` |
//! | `estate().secret` | `DescribeSecret` | `secretsmanager:DescribeSecret`, never `secretsmanager:GetSecretValue` |
//! | `estate().newest_snapshot` | `DescribeDBSnapshots` or `DescribeDBClusterSnapshots` | `rds:DescribeDBSnapshots`, `rds:DescribeDBClusterSnapshots` |
//! | `estate().deployed` | `DescribeServices`, `DescribeTaskDefinition`, `DescribeTargetGroups`, `ListTasks`, `DescribeTasks` | `ecs:DescribeServices`, `ecs:DescribeTaskDefinition`, `elasticloadbalancing:DescribeTargetGroups`, `ecs:ListTasks`, `ecs:DescribeTasks` |
//!
//! | `inspect` (`cutover doctor`, `cutover config init`) | `DescribeClusters`, `DescribeServices`, `ListServices`, `DescribeTaskDefinition`, `DescribeRules`, `DescribeListeners`, `DescribeTargetGroups`, `DescribeTargetHealth`, `DescribeAlarms`, `DescribeLogGroups`, `GetTopicAttributes`, `DescribeDBInstances`, `DescribeDBClusters`, `GetCallerIdentity` | the same, in `ecs`, `elasticloadbalancing`, `cloudwatch`, `logs`, `sns` and `rds`; `GetCallerIdentity` needs none |
//!
//! Whoever only watches needs neither `set_weight`'s, `register`'s, `scale`'s, `run_task`'s, `stop_task`'s nor `publish`'s.

mod alarms;
mod backups;
mod capacity;
mod connect;
mod credentials;
mod deployed;
mod ecr;
mod errors;
mod identity;
mod inspect;
mod logs;
mod metrics;
mod pace;
mod publish;
mod rds;
mod register;
mod rollout;
mod run_task;
mod secrets;
mod services;
mod tasks;
#[cfg(test)]
mod testing;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use aws_sdk_elasticloadbalancingv2::types::Action;

use self::capacity::Autopsy;
use self::credentials::Known;
use self::rds::Rds;
use super::{
    Alarm, Cloud, CloudError, Deployed, Estate, Identity, Image, LogPage, LogRequest, Message, Registration, Scan,
    Secret, SeriesPair, SignalRequest, Snapshot, Survey, Target, TaskBrief, TaskRun, TaskState,
};
use crate::domain::capacity::Capacities;
use crate::domain::gate::BackupSource;
use crate::domain::ids::{AlarmName, TaskDefinitionArn, Version};
use crate::domain::percent::Percent;
use crate::domain::plan::{SidePlan, Sides};

pub use connect::{Connection, https_client};

/// AWS, as one environment sees it: one account, region and cluster.
pub struct Aws {
    ecs: aws_sdk_ecs::Client,
    elb: aws_sdk_elasticloadbalancingv2::Client,
    cloudwatch: aws_sdk_cloudwatch::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    sns: aws_sdk_sns::Client,
    sts: aws_sdk_sts::Client,
    ecr: aws_sdk_ecr::Client,
    secrets: aws_sdk_secretsmanager::Client,
    rds: Rds,
    cluster: String,
    known: Known,
    /// The actions of each rule as last read, by ARN.
    rules: Mutex<HashMap<String, Vec<Action>>>,
    /// Why tasks of each service failed as last looked up, by service.
    autopsies: Mutex<HashMap<String, Autopsy>>,
    /// The failed deployment of each service that a new one was forced after: ECS may show it for some time yet.
    superseded: Mutex<HashMap<String, String>>,
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

#[async_trait]
impl Cloud for Aws {
    fn estate(&self) -> &dyn Estate {
        self
    }

    async fn identity(&self) -> Result<Identity, CloudError> {
        identity::identity(self).await
    }

    async fn survey(&self, target: &Target) -> Result<Survey, CloudError> {
        services::survey(self, target).await
    }

    async fn weight(&self, sides: &Sides) -> Result<Percent, CloudError> {
        rollout::alb::weight(self, sides).await
    }

    async fn set_weight(&self, sides: &Sides, green: Percent) -> Result<(), CloudError> {
        rollout::alb::set_weight(self, sides, green).await
    }

    async fn capacity(&self, sides: &Sides) -> Result<Capacities, CloudError> {
        capacity::capacity(self, sides).await
    }

    async fn register(&self, request: &Registration<'_>) -> Result<TaskDefinitionArn, CloudError> {
        register::register(self, request).await
    }

    async fn scale(
        &self,
        service: &str,
        desired: u32,
        task_definition: Option<&TaskDefinitionArn>,
    ) -> Result<(), CloudError> {
        services::scale(self, service, desired, task_definition).await
    }

    async fn signals(&self, request: &SignalRequest<'_>) -> Result<Vec<SeriesPair>, CloudError> {
        metrics::signals(self, request).await
    }

    async fn alarms(&self, names: &[AlarmName]) -> Result<Vec<Alarm>, CloudError> {
        alarms::alarms(self, names).await
    }

    async fn logs(&self, request: &LogRequest<'_>) -> Result<LogPage, CloudError> {
        logs::logs(self, request).await
    }

    async fn tasks(&self, sides: &Sides) -> Result<Vec<TaskBrief>, CloudError> {
        tasks::tasks(self, sides).await
    }

    async fn run_task(&self, run: &TaskRun<'_>) -> Result<String, CloudError> {
        run_task::run(self, run).await
    }

    async fn tasks_started_by(&self, started_by: &str) -> Result<Vec<String>, CloudError> {
        run_task::started_by(self, started_by).await
    }

    async fn task_state(&self, task: &str, container: &str) -> Result<TaskState, CloudError> {
        run_task::state(self, task, container).await
    }

    async fn stop_task(&self, task: &str, reason: &str) -> Result<(), CloudError> {
        run_task::stop(self, task, reason).await
    }

    async fn publish(&self, topic: &str, message: &Message<'_>) -> Result<(), CloudError> {
        publish::publish(self, topic, message).await
    }
}

#[async_trait]
impl Estate for Aws {
    async fn image(&self, image: &Version) -> Result<Option<Image>, CloudError> {
        ecr::image(self, image).await
    }

    async fn scan(&self, image: &Version) -> Result<Scan, CloudError> {
        ecr::scan(self, image).await
    }

    async fn secret(&self, name: &str) -> Result<Option<Secret>, CloudError> {
        secrets::secret(self, name).await
    }

    async fn newest_snapshot(&self, source: &BackupSource) -> Result<Option<Snapshot>, CloudError> {
        backups::newest(self, source).await
    }

    async fn definition(&self, arn: &TaskDefinitionArn, container: &str) -> Result<Option<Version>, CloudError> {
        services::definition(self, arn, container).await
    }

    async fn deployed(&self, side: &SidePlan) -> Result<Deployed, CloudError> {
        deployed::deployed(self, side).await
    }
}

/// What a mutex guards. Nothing that holds one of these locks can leave its data half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The last part of an ARN such as `…:service/cluster/api`; a plain name is its own last part.
fn last_part(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
