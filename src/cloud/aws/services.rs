//! ECS services: what they run, and how much of it they are to run.

use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState, Service, TaskDefinition};
use tokio::try_join;

use super::errors::{during, not_found, unexpected};
use super::register;
use super::rollout::alb;
use super::{Aws, last_part};
use crate::cloud::{CloudError, ServiceSurvey, Survey, Target};
use crate::domain::ids::{TaskDefinitionArn, Version};

const DESCRIBE: &str = "ecs:DescribeServices";
const UPDATE: &str = "ecs:UpdateService";

/// Looks at a component as it stands: weights, services, and the images of their task definitions.
pub(super) async fn survey(aws: &Aws, target: &Target) -> Result<Survey, CloudError> {
    let [first, second] = &target.services;
    let (share, [one, other]) = try_join!(
        alb::share(aws, &target.rule, &first.target_group, &second.target_group),
        describe(aws, [&first.service, &second.service]),
    )?;
    let (one, other) = try_join!(survey_of(aws, &one, &target.container), survey_of(aws, &other, &target.container))?;
    let weights = [share.rest(), share];
    Ok(Survey { blue: usize::from(share > share.rest()), weights, services: [one, other] })
}

async fn survey_of(aws: &Aws, service: &Service, container: &str) -> Result<ServiceSurvey, CloudError> {
    let primary = primary(service)?;
    let task_definition = definition_of(primary);
    let (definition, _) = register::describe(aws, task_definition.as_str()).await?;
    Ok(ServiceSurvey {
        version: image_of(&definition, container)?,
        task_definition,
        desired: count(service.desired_count),
        is_deploying: service.deployments().len() > 1
            || primary.rollout_state == Some(DeploymentRolloutState::InProgress),
    })
}

fn image_of(definition: &TaskDefinition, container: &str) -> Result<Version, CloudError> {
    let found = definition.container_definitions().iter().find(|found| found.name() == Some(container));
    let image = found.and_then(|found| found.image.clone());
    image.map(Version).ok_or_else(|| register::no_such_container(register::DESCRIBE, definition, container))
}

/// Makes a service run `desired` tasks, of `task_definition` if given.
pub(super) async fn scale(
    aws: &Aws,
    service: &str,
    desired: u32,
    task_definition: Option<&TaskDefinitionArn>,
) -> Result<(), CloudError> {
    let desired = i32::try_from(desired).map_err(|_| unexpected(UPDATE, format!("{desired} tasks are too many")))?;
    aws.ecs
        .update_service()
        .cluster(&aws.cluster)
        .service(service)
        .desired_count(desired)
        .set_task_definition(task_definition.map(|arn| arn.0.clone()))
        .send()
        .await
        .map_err(during(UPDATE))?;
    Ok(())
}

/// Two services by one call, in the order asked for.
pub(super) async fn describe(aws: &Aws, names: [&str; 2]) -> Result<[Service; 2], CloudError> {
    let [first, second] = names;
    let call = aws.ecs.describe_services().cluster(&aws.cluster).services(first).services(second);
    let mut found = call.send().await.map_err(during(DESCRIBE))?.services.unwrap_or_default();
    let mut take = |name: &str| {
        // ECS answers in any order, and shows deleted services as INACTIVE for a while.
        let at = found.iter().position(|service| is_named(service, name) && service.status() != Some("INACTIVE"));
        at.map(|at| found.swap_remove(at)).ok_or_else(|| {
            not_found(DESCRIBE, format!("there is no active service `{name}` in cluster `{}`", last_part(&aws.cluster)))
        })
    };
    Ok([take(first)?, take(second)?])
}

fn is_named(service: &Service, name: &str) -> bool {
    service.service_name() == Some(name) || service.service_arn() == Some(name)
}

/// The deployment that a service is to run.
pub(super) fn primary(service: &Service) -> Result<&Deployment, CloudError> {
    service.deployments().iter().find(|deployment| deployment.status() == Some("PRIMARY")).ok_or_else(|| {
        let name = service.service_name().unwrap_or("?");
        unexpected(DESCRIBE, format!("service `{name}` has no primary deployment; its controller must be of type ECS"))
    })
}

/// A deployment's task definition.
pub(super) fn definition_of(deployment: &Deployment) -> TaskDefinitionArn {
    TaskDefinitionArn(deployment.task_definition.clone().unwrap_or_default())
}

/// One of ECS's counts, which are never below zero.
pub(super) fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or_default()
}
