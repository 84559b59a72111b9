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
//! | the driver `codedeploy` | for `survey`, `capacity`, `set_weight` and `scale` also `GetDeploymentGroup`, `GetDeploymentConfig`, `GetDeployment`, `ListDeploymentTargets`, `BatchGetDeploymentTargets`, `CreateDeployment`, `ContinueDeployment`, `StopDeployment` | the same in `codedeploy`, `codedeploy:RegisterApplicationRevision` and `codedeploy:GetApplicationRevision` |
//! | `deployments()` (`cutover watch`) | what `survey` and `weight` call, `ListServiceDeployments`, `DescribeServiceDeployments`, `DescribeServiceRevisions`; with `codedeploy` also `ListDeployments`, `BatchGetDeployments` | the same |
//! | `register` | `DescribeTaskDefinition`, `RegisterTaskDefinition`; when looking first `ListTaskDefinitions` | `ecs:DescribeTaskDefinition`, `ecs:RegisterTaskDefinition`, `ecs:TagResource`, `ecs:ListTaskDefinitions`, `iam:PassRole` on the task's roles |
//! | `scale` | `UpdateService`; with a task definition `DescribeServices` before | `ecs:UpdateService`, `ecs:DescribeServices`, `iam:PassRole` on the task's roles |
//! | `native` and `rolling`: `survey`, `capacity`, `set_weight`, `scale` | also `ListServiceDeployments`, `DescribeServiceDeployments`, `DescribeServiceRevisions`, `ContinueServiceDeployment`, `StopServiceDeployment`, `UpdateService` | `ecs:` and the same names; no `elasticloadbalancing:ModifyRule` |
//! | `signals` | `GetMetricData` | `cloudwatch:GetMetricData` |
//! | `alarms` | `DescribeAlarms` | `cloudwatch:DescribeAlarms` |
//! | `logs` | `FilterLogEvents` | `logs:FilterLogEvents` |
//! | `follow_logs` | `StartLiveTail`, `GetCallerIdentity` | `logs:StartLiveTail` |
//! | `tasks` | `ListTasks`, `DescribeTasks` | `ecs:ListTasks`, `ecs:DescribeTasks` |
//! | `run_task` | `DescribeServices`, `RunTask` | `ecs:DescribeServices`, `ecs:RunTask`, `iam:PassRole` on the task's roles |
//! | `tasks_started_by` | `ListTasks` | `ecs:ListTasks` |
//! | `task_state` | `DescribeTasks` | `ecs:DescribeTasks` |
//! | `stop_task` | `StopTask` | `ecs:StopTask` |
//! | `publish` | `Publish` | `sns:Publish` |
//! | `flags().flag` | `ListApplications`, `ListEnvironments`, `ListConfigurationProfiles`, `ListDeployments`, `GetDeployment`, `GetHostedConfigurationVersion` | the same, in `appconfig` |
//! | `flags().switch_flag`, `stop_flag` | what `flag` calls; `CreateHostedConfigurationVersion`, `StartDeployment`; `StopDeployment` | the same, in `appconfig` |
//! | `leases()` | `GetItem`, `PutItem`; `cutover doctor` also `DescribeTable` | the same, in `dynamodb` |
//! | `estate().image`, `scan` | `DescribeImages`, `DescribeImageScanFindings` | `ecr:DescribeImages`, `ecr:DescribeImageScanFindings` |
//! | `estate().secret` | `DescribeSecret` | `secretsmanager:DescribeSecret`, never `secretsmanager:GetSecretValue` |
//! | `estate().newest_snapshot` | `DescribeDBSnapshots` or `DescribeDBClusterSnapshots` | `rds:DescribeDBSnapshots`, `rds:DescribeDBClusterSnapshots` |
//! | `estate().glance`, of ten services and twenty rules a call | `DescribeServices`, `DescribeRules`, `DescribeListeners` | `ecs:DescribeServices`, `elasticloadbalancing:DescribeRules`, `elasticloadbalancing:DescribeListeners` |
//! | `estate().deployed` | `DescribeServices`, `DescribeTaskDefinition`, `DescribeTargetGroups`, `ListTasks`, `DescribeTasks` | `ecs:DescribeServices`, `ecs:DescribeTaskDefinition`, `elasticloadbalancing:DescribeTargetGroups`, `ecs:ListTasks`, `ecs:DescribeTasks` |
//!
//! | `inspect` (`cutover doctor`, `cutover config init`) | `DescribeClusters`, `DescribeServices`, `ListServices`, `DescribeTaskDefinition`, `DescribeRules`, `DescribeListeners`, `DescribeTargetGroups`, `DescribeTargetHealth`, `DescribeAlarms`, `DescribeLogGroups`, `GetTopicAttributes`, `DescribeDBInstances`, `DescribeDBClusters`, `GetCallerIdentity` | the same, in `ecs`, `elasticloadbalancing`, `cloudwatch`, `logs`, `sns` and `rds`; `GetCallerIdentity` needs none |
//!
//! Whoever only watches needs neither `set_weight`'s, `register`'s, `scale`'s, `run_task`'s, `stop_task`'s nor `publish`'s.

mod alarming;
mod alarms;
mod app_config;
mod backups;
mod capacity;
mod connect;
mod credentials;
mod deployed;
mod dynamodb;
mod ecr;
mod errors;
mod glance;
mod identity;
mod inspect;
mod live_tail;
mod logs;
mod metrics;
mod pace;
mod plain;
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

use self::app_config::AppConfig;
use self::capacity::Autopsy;
use self::credentials::Known;
use self::dynamodb::DynamoDb;
use self::rds::Rds;
use super::{
    Alarm, Alarming, Cloud, CloudError, Deployed, Deployments, Estate, FlagState, Flags, Glance, Identity, Image,
    Leases, LockTable, LogPage, LogRequest, LogStream, Message, Past, Progress, Registration, Roll, Rollout, Scan,
    Secret, SeriesPair, Sight, SignalRequest, Snapshot, Span, Survey, Target, TaskBrief, TaskRun, TaskState, Written,
};
use crate::domain::alarm::Definition;
use crate::domain::capacity::Capacities;
use crate::domain::flag::{FeatureFlag, Switch};
use crate::domain::formula::Formula;
use crate::domain::gate::BackupSource;
use crate::domain::ids::{AlarmName, Side, TaskDefinitionArn, Version};
use crate::domain::lease::Lease;
use crate::domain::percent::Percent;
use crate::domain::plan::{SidePlan, Sides};
use crate::domain::time::Timestamp;
use crate::domain::triage::Change;

pub use connect::{Connection, https_client};

/// AWS, as one environment sees it: one account, region and cluster.
pub struct Aws {
    ecs: aws_sdk_ecs::Client,
    elb: aws_sdk_elasticloadbalancingv2::Client,
    codedeploy: aws_sdk_codedeploy::Client,
    cloudwatch: aws_sdk_cloudwatch::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    sns: aws_sdk_sns::Client,
    sts: aws_sdk_sts::Client,
    ecr: aws_sdk_ecr::Client,
    secrets: aws_sdk_secretsmanager::Client,
    rds: Rds,
    app_config: AppConfig,
    dynamodb: DynamoDb,
    cluster: String,
    known: Known,
    /// The actions of each rule as last read, by ARN.
    rules: Mutex<HashMap<String, Vec<Action>>>,
    /// What the revisions of services run, by ARN: a revision never changes.
    revisions: Mutex<HashMap<String, TaskDefinitionArn>>,
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

    fn flags(&self) -> &dyn Flags {
        self
    }

    fn alarming(&self) -> &dyn Alarming {
        self
    }

    fn deployments(&self) -> &dyn Deployments {
        self
    }

    fn leases(&self) -> &dyn Leases {
        self
    }

    async fn identity(&self) -> Result<Identity, CloudError> {
        identity::identity(self).await
    }

    async fn survey(&self, target: &Target) -> Result<Survey, CloudError> {
        rollout::survey(self, target).await
    }

    async fn weight(&self, sides: &Sides) -> Result<Percent, CloudError> {
        rollout::weight(self, sides).await
    }

    async fn set_weight(&self, rollout: &Rollout<'_>, green: Percent) -> Result<Progress, CloudError> {
        rollout::set_weight(self, rollout, green).await
    }

    async fn capacity(&self, sides: &Sides) -> Result<Capacities, CloudError> {
        rollout::capacity(self, sides).await
    }

    async fn register(&self, request: &Registration<'_>) -> Result<TaskDefinitionArn, CloudError> {
        register::register(self, request).await
    }

    async fn scale(
        &self,
        rollout: &Rollout<'_>,
        side: Side,
        desired: u32,
        task_definition: Option<&TaskDefinitionArn>,
    ) -> Result<Progress, CloudError> {
        rollout::scale(self, rollout, side, desired, task_definition).await
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

    async fn follow_logs(&self, groups: &[String]) -> Result<Box<dyn LogStream>, CloudError> {
        Ok(Box::new(live_tail::follow(self, groups).await?))
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
impl Flags for Aws {
    async fn flag(&self, flag: &FeatureFlag) -> Result<FlagState, CloudError> {
        self.app_config.flag(flag).await
    }

    async fn switch_flag(&self, flag: &FeatureFlag, to: Switch, note: &str) -> Result<u32, CloudError> {
        self.app_config.switch(flag, to, note).await
    }

    async fn stop_flag(&self, flag: &FeatureFlag, deployment: u32) -> Result<(), CloudError> {
        self.app_config.stop(flag, deployment).await
    }
}

#[async_trait]
impl Deployments for Aws {
    async fn afoot(&self, target: &Target) -> Result<Sight, CloudError> {
        rollout::foreign::afoot(self, target).await
    }

    async fn changes(&self, target: &Target, since: Timestamp) -> Result<Vec<Change>, CloudError> {
        rollout::foreign::changes(self, target, since).await
    }
}

#[async_trait]
impl Leases for Aws {
    async fn lease(&self, table: &str, lock: &str) -> Result<Option<Lease>, CloudError> {
        self.dynamodb.lease(table, lock).await
    }

    async fn write_lease(
        &self,
        table: &str,
        lock: &str,
        lease: &Lease,
        instead_of: Option<&Lease>,
    ) -> Result<Written, CloudError> {
        self.dynamodb.write(table, lock, lease, instead_of).await
    }

    async fn lock_table(&self, table: &str) -> Result<LockTable, CloudError> {
        self.dynamodb.table(table).await
    }
}

#[async_trait]
impl Alarming for Aws {
    async fn every_alarm(&self, most: usize) -> Result<Roll, CloudError> {
        alarms::every(self, most).await
    }

    async fn transitions(&self, of: Option<&AlarmName>, since: Timestamp) -> Result<Past, CloudError> {
        alarming::transitions(self, of, since).await
    }

    async fn muted(&self) -> Result<Vec<(AlarmName, String)>, CloudError> {
        alarming::muted(self).await
    }

    async fn put_alarm(&self, alarm: &Definition) -> Result<(), CloudError> {
        alarming::put(self, alarm).await
    }

    async fn delete_alarm(&self, alarm: &AlarmName) -> Result<(), CloudError> {
        alarming::delete(self, alarm).await
    }

    async fn watched_points(&self, of: &Formula, span: Span) -> Result<Vec<(Timestamp, f64)>, CloudError> {
        alarming::points(self, of, span).await
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

    async fn glance(&self, targets: &[Target]) -> Result<Vec<Result<Glance, CloudError>>, CloudError> {
        glance::glance(self, targets).await
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
