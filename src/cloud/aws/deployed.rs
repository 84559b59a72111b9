//! How a side is set up: its service, its task definition, its target group and its running tasks.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_ecs::types::{ContainerDefinition, DeploymentConfiguration};
use aws_sdk_elasticloadbalancingv2::types::TargetGroup;
use tokio::try_join;

use super::errors::{during, not_found};
use super::services::{self, count, definition_of, primary};
use super::{Aws, register, tasks};
use crate::cloud::{CloudError, Deployed, HealthCheck};
use crate::domain::gate::Breaker;
use crate::domain::ids::Version;
use crate::domain::plan::SidePlan;

pub(super) const DESCRIBE_GROUPS: &str = "elasticloadbalancing:DescribeTargetGroups";

/// One side as it is set up, by five calls.
pub(super) async fn deployed(aws: &Aws, side: &SidePlan) -> Result<Deployed, CloudError> {
    let (service, group, digests) = try_join!(
        services::describe_one(aws, &side.service),
        target_group(aws, &side.target_group),
        tasks::digests(aws, &side.service, &side.container),
    )?;
    let task_definition = definition_of(primary(&service)?);
    let (definition, _) = register::describe(aws, task_definition.as_str()).await?;
    let container = definition.container_definitions().iter().find(|it| it.name() == Some(&side.container));
    let container =
        container.ok_or_else(|| register::no_such_container(register::DESCRIBE, &definition, &side.container))?;
    let configuration = service.deployment_configuration();
    Ok(Deployed {
        image: Version(container.image().unwrap_or_default().to_owned()),
        env: environment(container),
        task_definition,
        digests,
        desired: count(service.desired_count),
        breaker: breaker(configuration),
        min_healthy: configuration.and_then(|it| it.minimum_healthy_percent).map(count),
        max_healthy: configuration.and_then(|it| it.maximum_percent).map(count),
        health_check: health_check(&group),
    })
}

async fn target_group(aws: &Aws, arn: &str) -> Result<TargetGroup, CloudError> {
    let answer = aws.elb.describe_target_groups().target_group_arns(arn).send().await;
    let groups = answer.map_err(during(DESCRIBE_GROUPS))?.target_groups.unwrap_or_default();
    groups.into_iter().next().ok_or_else(|| not_found(DESCRIBE_GROUPS, format!("there is no target group {arn}")))
}

/// Names only: what a variable holds is nobody's business here.
fn environment(container: &ContainerDefinition) -> Vec<String> {
    let plain = container.environment().iter().filter_map(|variable| variable.name());
    let secret = container.secrets().iter().map(aws_sdk_ecs::types::Secret::name);
    let names: BTreeSet<String> = plain.chain(secret).map(str::to_owned).collect();
    names.into_iter().collect()
}

pub(super) fn breaker(configuration: Option<&DeploymentConfiguration>) -> Breaker {
    match configuration.and_then(DeploymentConfiguration::deployment_circuit_breaker) {
        Some(breaker) if breaker.enable && breaker.rollback => Breaker::Rollback,
        Some(breaker) if breaker.enable => Breaker::Fail,
        _ => Breaker::Off,
    }
}

pub(super) fn health_check(group: &TargetGroup) -> HealthCheck {
    let seconds = |number: i32| Duration::from_secs(count(number).into());
    HealthCheck {
        path: group.health_check_path.clone(),
        interval: group.health_check_interval_seconds.map(seconds),
        timeout: group.health_check_timeout_seconds.map(seconds),
        healthy: group.healthy_threshold_count.map(count),
        unhealthy: group.unhealthy_threshold_count.map(count),
    }
}
