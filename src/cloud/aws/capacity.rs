//! How much of each side is there to serve traffic, and what is wrong where some is missing.

use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState, Service};
use aws_sdk_elasticloadbalancingv2::types::{TargetHealth, TargetHealthDescription, TargetHealthStateEnum};
use tokio::try_join;

use super::errors::during;
use super::services::{self, count, definition_of};
use super::{Aws, lock, tasks};
use crate::cloud::CloudError;
use crate::domain::capacity::{Capacities, Capacity};
use crate::domain::plan::Sides;

const DESCRIBE_HEALTH: &str = "elasticloadbalancing:DescribeTargetHealth";

/// Both sides' capacity, by three calls; by two more for a side on which more tasks have failed since the last look.
pub(super) async fn capacity(aws: &Aws, sides: &Sides) -> Result<Capacities, CloudError> {
    let ([blue, green], blue_targets, green_targets) = try_join!(
        services::describe(aws, [&sides.blue.service, &sides.green.service]),
        targets(aws, &sides.blue.target_group),
        targets(aws, &sides.green.target_group),
    )?;
    let (blue, green) = try_join!(side(aws, &blue, &blue_targets), side(aws, &green, &green_targets))?;
    Ok(Capacities { blue, green })
}

async fn targets(aws: &Aws, target_group: &str) -> Result<Vec<TargetHealthDescription>, CloudError> {
    let call = aws.elb.describe_target_health().target_group_arn(target_group);
    let answer = call.send().await.map_err(during(DESCRIBE_HEALTH))?;
    Ok(answer.target_health_descriptions.unwrap_or_default())
}

async fn side(aws: &Aws, service: &Service, targets: &[TargetHealthDescription]) -> Result<Capacity, CloudError> {
    let newest = newest(service)?;
    let cause = cause_of_death(aws, service, newest).await;
    Ok(capacity_of(service, newest, targets, cause))
}

/// What was found when the tasks that a deployment lost were last looked at.
#[derive(Clone, Debug)]
pub(super) struct Autopsy {
    deployment: Option<String>,
    failed_tasks: i32,
    cause: String,
}

/// Why a deployment's tasks failed, looked up again only when more of them have. ECS forgets stopped tasks after an
/// hour, and a failed look-up costs no more than the words.
async fn cause_of_death(aws: &Aws, service: &Service, deployment: &Deployment) -> Option<String> {
    if deployment.failed_tasks <= 0 {
        return None;
    }
    let name = service.service_name().unwrap_or_default();
    let known = lock(&aws.autopsies).get(name).cloned().filter(|known| known.deployment == deployment.id);
    if let Some(known) = known.as_ref().filter(|known| known.failed_tasks == deployment.failed_tasks) {
        return Some(known.cause.clone());
    }
    let found = tasks::newest_failure(aws, name, definition_of(deployment).as_str()).await.ok().flatten();
    let Some(cause) = found else { return known.map(|known| known.cause) };
    let autopsy =
        Autopsy { deployment: deployment.id.clone(), failed_tasks: deployment.failed_tasks, cause: cause.clone() };
    lock(&aws.autopsies).insert(name.to_owned(), autopsy);
    Some(cause)
}

/// The newest deployment that somebody asked for. When ECS's circuit breaker goes back by itself, the primary
/// deployment is its own, and the one asked for stands beside it as FAILED.
fn newest(service: &Service) -> Result<&Deployment, CloudError> {
    let primary = services::primary(service)?;
    if !primary.rollout_state_reason().unwrap_or_default().contains("rolling back") {
        return Ok(primary);
    }
    Ok(service.deployments().iter().find(|deployment| has_failed(deployment)).unwrap_or(primary))
}

fn has_failed(deployment: &Deployment) -> bool {
    deployment.rollout_state == Some(DeploymentRolloutState::Failed)
}

fn capacity_of(
    service: &Service,
    newest: &Deployment,
    targets: &[TargetHealthDescription],
    cause_of_death: Option<String>,
) -> Capacity {
    let states = targets.iter().map(|target| target.target_health.as_ref().and_then(|health| health.state.as_ref()));
    let in_state = |wanted: &TargetHealthStateEnum| states.clone().filter(|state| *state == Some(wanted)).count();
    let healthy = in_state(&TargetHealthStateEnum::Healthy);
    // A draining target has been taken out already.
    let registered = targets.len() - in_state(&TargetHealthStateEnum::Draining);
    let is_completed = newest.rollout_state == Some(DeploymentRolloutState::Completed);
    Capacity {
        task_definition: definition_of(newest),
        desired: count(service.desired_count),
        running: count(service.running_count),
        pending: count(service.pending_count),
        healthy: u32::try_from(healthy).unwrap_or(u32::MAX),
        registered: u32::try_from(registered).unwrap_or(u32::MAX),
        failed_tasks: count(newest.failed_tasks),
        trouble: trouble(service, newest, targets, cause_of_death),
        rollout_failed: has_failed(newest),
        steady: service.deployments().len() == 1 && is_completed && service.running_count == service.desired_count,
    }
}

/// What tells most of what is wrong, at most two reasons, the cause before its effect.
fn trouble(
    service: &Service,
    newest: &Deployment,
    targets: &[TargetHealthDescription],
    cause_of_death: Option<String>,
) -> Option<String> {
    let given_up = newest.rollout_state_reason.clone().filter(|_| has_failed(newest));
    let reasons = [cause_of_death, given_up, ill_targets(targets), cannot_place(service, newest)];
    let told: Vec<String> =
        reasons.into_iter().flatten().take(2).map(|it| it.trim_end_matches('.').to_owned()).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// What the load balancer says of targets that are neither well, new, nor on their way out.
fn ill_targets(targets: &[TargetHealthDescription]) -> Option<String> {
    let is_ill = |health: &&TargetHealth| match &health.state {
        Some(TargetHealthStateEnum::Healthy | TargetHealthStateEnum::Initial | TargetHealthStateEnum::Draining) => {
            false
        }
        Some(_) => true,
        None => false,
    };
    let ill: Vec<&TargetHealth> = targets.iter().filter_map(|it| it.target_health.as_ref()).filter(is_ill).collect();
    let first = ill.first()?;
    let state = first.state.as_ref().map_or("?", TargetHealthStateEnum::as_str);
    let why = match (first.description(), &first.reason) {
        (Some(description), _) => description,
        (None, Some(reason)) => reason.as_str(),
        (None, None) => "no reason given",
    };
    Some(format!("{} of {} targets {state}: {why}", ill.len(), targets.len()))
}

/// ECS says only in the service's events when it finds no room, no image, or no permission to start tasks.
fn cannot_place(service: &Service, newest: &Deployment) -> Option<String> {
    if service.running_count >= service.desired_count {
        return None;
    }
    let since = newest.created_at;
    let event = service.events().iter().find(|event| {
        let is_new = matches!((event.created_at, since), (Some(at), Some(since)) if at.secs() >= since.secs());
        is_new && event.message().is_some_and(|message| message.contains("unable"))
    })?;
    event.message.clone()
}
