//! Service deployments as ECS shows them, for the drivers that leave the shift to ECS.

use aws_sdk_ecs::types::{
    DeploymentAlarms, DeploymentCircuitBreaker, DeploymentConfiguration, DeploymentLifecycleHookAction,
    DeploymentLifecycleHookDetail, DeploymentLifecycleHookStatus, DeploymentLifecycleHookTargetType, ServiceDeployment,
    ServiceDeploymentStatus, ServiceRevisionSummary, StopServiceDeploymentStopType,
};

use super::super::connect::hasty;
use super::super::errors::{during, unexpected};
use super::super::services::count;
use super::super::{Aws, lock};
use crate::cloud::{CloudError, ErrorKind, Progress};
use crate::domain::deployment::{Course, Deployment, LifecycleEvent, Wait};
use crate::domain::ids::{AlarmName, TaskDefinitionArn};
use crate::domain::time::Timestamp;

const LIST: &str = "ecs:ListServiceDeployments";
const DESCRIBE: &str = "ecs:DescribeServiceDeployments";
const REVISIONS: &str = "ecs:DescribeServiceRevisions";
const CONTINUE: &str = "ecs:ContinueServiceDeployment";
const STOP: &str = "ecs:StopServiceDeployment";

/// The newest deployment of a service.
#[derive(Clone, Debug)]
pub(super) struct Newest {
    pub(super) arn: String,
    /// As the engine sees it.
    pub(super) seen: Deployment,
    /// The revision that it deploys, by ARN.
    pub(super) revision: String,
    /// The same, as it counts it.
    pub(super) target: Revision,
    /// Those that it replaces.
    pub(super) sources: Vec<Revision>,
    /// How it was told to go about it.
    pub(super) configuration: Option<DeploymentConfiguration>,
    /// When it was created.
    pub(super) began: Option<Timestamp>,
}

/// A revision of a service, as one of its deployments counts it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Revision {
    pub(super) task_definition: TaskDefinitionArn,
    pub(super) requested: u32,
    pub(super) running: u32,
    pub(super) pending: u32,
    /// The production traffic that ECS last asked the load balancer to give it, in percent.
    pub(super) asked: f64,
}

impl Newest {
    /// The id of the pause that it waits at.
    pub(super) fn pause(&self) -> Option<&str> {
        self.seen.wait.as_ref().map(|wait| wait.id.as_str())
    }

    pub(super) fn deploys(&self, task_definition: &TaskDefinitionArn) -> bool {
        self.target.task_definition == *task_definition
    }
}

/// The newest deployment of a service, by two calls; by one more for each revision that was not seen before.
pub(super) async fn newest(aws: &Aws, service: &str) -> Result<Option<Newest>, CloudError> {
    let listed = aws.ecs.list_service_deployments().cluster(&aws.cluster).service(service).send().await;
    let listed = listed.map_err(during(LIST))?.service_deployments.unwrap_or_default();
    // In which order they come is not documented.
    let newest = listed.into_iter().max_by_key(|brief| brief.created_at.map(|at| (at.secs(), at.subsec_nanos())));
    let Some(arn) = newest.and_then(|brief| brief.service_deployment_arn) else { return Ok(None) };
    let described = aws.ecs.describe_service_deployments().service_deployment_arns(&arn).send().await;
    let described = described.map_err(during(DESCRIBE))?.service_deployments.unwrap_or_default().into_iter().next();
    let described = described.ok_or_else(|| unexpected(DESCRIBE, format!("{arn} was listed and is not there")))?;
    let summaries = described.target_service_revision.iter().chain(described.source_service_revisions());
    learn_revisions(aws, summaries.filter_map(|summary| summary.arn.as_deref())).await?;
    let target = described.target_service_revision.as_ref().map(|it| revision(aws, it)).unwrap_or_default();
    let sources = described.source_service_revisions().iter().map(|it| revision(aws, it)).collect();
    let seen = seen(&arn, &described, &target.task_definition);
    let began = described.created_at.and_then(|at| at.to_millis().ok()).map(Timestamp::from_millis);
    let revision = described.target_service_revision.and_then(|it| it.arn).unwrap_or_default();
    Ok(Some(Newest { arn, seen, revision, target, sources, configuration: described.deployment_configuration, began }))
}

/// Looks up what revisions run. A revision never changes, so each is asked for once.
pub(super) async fn learn_revisions(aws: &Aws, arns: impl Iterator<Item = &str>) -> Result<(), CloudError> {
    let unknown: Vec<String> = {
        let known = lock(&aws.revisions);
        arns.filter(|arn| !known.contains_key(*arn)).map(str::to_owned).collect()
    };
    if unknown.is_empty() {
        return Ok(());
    }
    let answer = aws.ecs.describe_service_revisions().set_service_revision_arns(Some(unknown)).send().await;
    for found in answer.map_err(during(REVISIONS))?.service_revisions.unwrap_or_default() {
        if let (Some(arn), Some(definition)) = (found.service_revision_arn, found.task_definition) {
            lock(&aws.revisions).insert(arn, TaskDefinitionArn(definition));
        }
    }
    Ok(())
}

/// What a revision runs, if it has been looked up.
pub(super) fn definition_in(aws: &Aws, revision: &str) -> TaskDefinitionArn {
    lock(&aws.revisions).get(revision).cloned().unwrap_or_default()
}

fn revision(aws: &Aws, summary: &ServiceRevisionSummary) -> Revision {
    let known = summary.arn.as_ref().and_then(|arn| lock(&aws.revisions).get(arn).cloned());
    Revision {
        task_definition: known.unwrap_or_default(),
        requested: count(summary.requested_task_count),
        running: count(summary.running_task_count),
        pending: count(summary.pending_task_count),
        asked: summary.requested_production_traffic_weight.unwrap_or_default(),
    }
}

fn seen(arn: &str, it: &ServiceDeployment, task_definition: &TaskDefinitionArn) -> Deployment {
    let strategy = it.deployment_configuration.as_ref().and_then(DeploymentConfiguration::strategy);
    let back = it.rollback.as_ref().and_then(|rollback| rollback.reason.clone());
    let alarms = it.alarms.as_ref().filter(|alarms| !alarms.alarm_names().is_empty());
    let breaker = it.deployment_circuit_breaker.as_ref();
    Deployment {
        id: arn.to_owned(),
        task_definition: task_definition.clone(),
        strategy: strategy.map_or("ROLLING", |strategy| strategy.as_str()).to_owned(),
        status: it.status.as_ref().map_or("?", ServiceDeploymentStatus::as_str).to_owned(),
        stage: it.lifecycle_stage.as_ref().map(|stage| stage.as_str().to_owned()),
        course: it.status.as_ref().map_or(Course::Unknown, course),
        reason: back.or_else(|| it.status_reason.clone()).filter(|reason| !reason.is_empty()),
        wait: it.lifecycle_hook_details().iter().find_map(wait),
        alarms: alarms.and_then(|alarms| alarms.status.as_ref()).map(|status| status.as_str().to_owned()),
        events: it.lifecycle_hook_details().iter().map(hook).collect(),
        failures: breaker.map(|breaker| (count(breaker.failure_count), count(breaker.threshold))),
    }
}

fn course(status: &ServiceDeploymentStatus) -> Course {
    match status {
        ServiceDeploymentStatus::Pending | ServiceDeploymentStatus::InProgress => Course::Underway,
        ServiceDeploymentStatus::Successful => Course::Completed,
        ServiceDeploymentStatus::StopRequested
        | ServiceDeploymentStatus::RollbackRequested
        | ServiceDeploymentStatus::RollbackInProgress => Course::GoingBack,
        ServiceDeploymentStatus::RollbackSuccessful => Course::WentBack,
        ServiceDeploymentStatus::Stopped => Course::Stopped,
        ServiceDeploymentStatus::RollbackFailed => Course::Failed,
        _ => Course::Unknown,
    }
}

/// A hook, in AWS's words.
fn hook(hook: &DeploymentLifecycleHookDetail) -> LifecycleEvent {
    let kind = hook.target_type.as_ref().map_or("HOOK", DeploymentLifecycleHookTargetType::as_str);
    let function = hook.target_arn.as_deref().and_then(|arn| arn.rsplit(':').next());
    LifecycleEvent {
        name: function.map_or_else(|| kind.to_owned(), |function| format!("{kind} {function}")),
        status: hook.status.as_ref().map_or("?", DeploymentLifecycleHookStatus::as_str).to_owned(),
        course: match &hook.status {
            Some(DeploymentLifecycleHookStatus::AwaitingAction | DeploymentLifecycleHookStatus::InProgress) => {
                Course::Underway
            }
            Some(DeploymentLifecycleHookStatus::Succeeded) => Course::Completed,
            Some(DeploymentLifecycleHookStatus::Failed | DeploymentLifecycleHookStatus::TimedOut) => Course::Failed,
            _ => Course::Unknown,
        },
        expires: hook.expires_at.and_then(|at| at.to_millis().ok()).map(Timestamp::from_millis),
        ..LifecycleEvent::default()
    }
}

/// A pause that waits for an answer. Hooks that run a function answer for themselves.
fn wait(hook: &DeploymentLifecycleHookDetail) -> Option<Wait> {
    let is_pause = hook.target_type == Some(DeploymentLifecycleHookTargetType::Pause)
        && hook.status == Some(DeploymentLifecycleHookStatus::AwaitingAction);
    let id = hook.hook_id.clone().filter(|_| is_pause)?;
    let then = hook.timeout_action.as_ref().map_or("ROLLBACK", DeploymentLifecycleHookAction::as_str).to_owned();
    Some(Wait { id, expires: hook.expires_at.and_then(|at| at.to_millis().ok()).map(Timestamp::from_millis), then })
}

/// Answers a pause. The action is always sent: without one ECS takes it for CONTINUE.
pub(super) async fn answer(
    aws: &Aws,
    arn: &str,
    pause: &str,
    action: DeploymentLifecycleHookAction,
) -> Result<Progress, CloudError> {
    let call = aws.ecs.continue_service_deployment().service_deployment_arn(arn).hook_id(pause).action(action);
    let hasty = aws_sdk_ecs::config::Builder::new().timeout_config(hasty());
    underway(call.customize().config_override(hasty).send().await.map(drop).map_err(during(CONTINUE)))
}

/// Stops a deployment and has ECS go back. Asking again while it goes back changes nothing.
pub(super) async fn stop(aws: &Aws, arn: &str) -> Result<Progress, CloudError> {
    let rollback = StopServiceDeploymentStopType::Rollback;
    let call = aws.ecs.stop_service_deployment().service_deployment_arn(arn).stop_type(rollback);
    let hasty = aws_sdk_ecs::config::Builder::new().timeout_config(hasty());
    underway(call.customize().config_override(hasty).send().await.map(drop).map_err(during(STOP)))
}

/// What was read before may have passed: the deployment went on, or is over. That is seen when it is looked at again.
fn underway(result: Result<(), CloudError>) -> Result<Progress, CloudError> {
    match result {
        Ok(()) => Ok(Progress::Underway),
        Err(error) if error.kind == ErrorKind::Conflict => Ok(Progress::Underway),
        Err(error) if error.message.ends_with("(InvalidParameterException)") => Ok(Progress::Underway),
        Err(error) => Err(error),
    }
}

/// Alarms that ECS is to go back at; none switches them off.
pub(super) fn alarms(names: &[AlarmName]) -> Result<DeploymentAlarms, CloudError> {
    let is_any = !names.is_empty();
    let names = names.iter().map(|name| name.as_str().to_owned()).collect();
    let alarms = DeploymentAlarms::builder().set_alarm_names(Some(names)).enable(is_any).rollback(is_any).build();
    alarms.map_err(|error| unexpected("ecs:UpdateService", error.to_string()))
}

/// A circuit breaker that goes back.
pub(super) fn breaker() -> DeploymentCircuitBreaker {
    DeploymentCircuitBreaker::builder().enable(true).rollback(true).build()
}

/// A deployment that somebody else began, in the way of one's own.
pub(super) fn somebody_elses(newest: &Newest) -> CloudError {
    let what = newest.target.task_definition.short();
    let message =
        format!("a deployment of {what} is under way that is not this release's ({}); let it end", newest.seen.words());
    unexpected(DESCRIBE, message)
}

/// A deployment that has gone, or goes, another way than forward.
pub(super) fn given_up(newest: &Newest) -> CloudError {
    unexpected(DESCRIBE, format!("ECS has given the deployment up: {}", newest.seen.why_given_up()))
}
