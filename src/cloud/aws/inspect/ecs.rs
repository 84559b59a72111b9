//! Clusters, services and task definitions.

use aws_sdk_ecs::types::{
    CapacityProviderStrategyItem, ContainerDefinition, DeploymentRolloutState, LogDriver, Secret, Service,
};

use super::super::deployed::breaker;
use super::super::errors::during;
use super::super::register;
use super::super::services::{self, count};
use super::super::{Aws, last_part};
use crate::cloud::{Attachment, CloudError, ClusterFacts, ContainerFacts, DefinitionFacts, ServiceFacts};
use crate::domain::ids::TaskDefinitionArn;

const CLUSTERS: &str = "ecs:DescribeClusters";
const SERVICES: &str = "ecs:DescribeServices";
const LIST: &str = "ecs:ListServices";

/// Most services that ECS describes by one call.
const BATCH: usize = 10;

pub(super) async fn cluster(aws: &Aws) -> Result<Option<ClusterFacts>, CloudError> {
    let found = aws.ecs.describe_clusters().clusters(&aws.cluster).send().await.map_err(during(CLUSTERS))?;
    Ok(found.clusters().first().map(|cluster| ClusterFacts {
        status: cluster.status().unwrap_or_default().to_owned(),
        services: count(cluster.active_services_count()),
    }))
}

pub(super) async fn service(aws: &Aws, name: &str) -> Result<Option<ServiceFacts>, CloudError> {
    Ok(describe(aws, &[name.to_owned()]).await?.into_iter().next())
}

pub(super) async fn services(aws: &Aws) -> Result<Vec<ServiceFacts>, CloudError> {
    let pages = aws.ecs.list_services().cluster(&aws.cluster).into_paginator().items().send();
    let arns = pages.collect::<Result<Vec<String>, _>>().await.map_err(during(LIST))?;
    let mut all = Vec::new();
    for batch in arns.chunks(BATCH) {
        let names: Vec<String> = batch.iter().map(|arn| last_part(arn).to_owned()).collect();
        all.extend(describe(aws, &names).await?);
    }
    Ok(all)
}

async fn describe(aws: &Aws, names: &[String]) -> Result<Vec<ServiceFacts>, CloudError> {
    let call = aws.ecs.describe_services().cluster(&aws.cluster).set_services(Some(names.to_vec()));
    Ok(call.send().await.map_err(during(SERVICES))?.services().iter().map(facts).collect())
}

fn facts(it: &Service) -> ServiceFacts {
    let primary = services::primary(it).ok();
    let configuration = it.deployment_configuration();
    let providers: Vec<&str> =
        it.capacity_provider_strategy().iter().map(CapacityProviderStrategyItem::capacity_provider).collect();
    let launch = it.launch_type().map(|launch| launch.as_str().to_owned());
    ServiceFacts {
        name: it.service_name().unwrap_or_default().to_owned(),
        status: it.status().unwrap_or_default().to_owned(),
        desired: count(it.desired_count()),
        running: count(it.running_count()),
        deployments: u32::try_from(it.deployments().len()).unwrap_or(u32::MAX),
        is_steady: it.deployments().len() == 1
            && primary.is_some_and(|one| one.rollout_state() == Some(&DeploymentRolloutState::Completed)),
        // Services of before controllers existed have none.
        controller: it.deployment_controller().map_or_else(|| "ECS".to_owned(), |it| it.r#type().as_str().to_owned()),
        launch: launch.unwrap_or_else(|| providers.join(", ")),
        strategy: configuration
            .and_then(|it| it.strategy())
            .map_or_else(|| "ROLLING".to_owned(), |strategy| strategy.as_str().to_owned()),
        breaker: breaker(configuration),
        task_definition: TaskDefinitionArn(it.task_definition().unwrap_or_default().to_owned()),
        shifts: it.load_balancers().iter().any(|it| it.advanced_configuration().is_some()),
        attachments: it
            .load_balancers()
            .iter()
            .map(|it| Attachment {
                target_group: it.target_group_arn().unwrap_or_default().to_owned(),
                container: it.container_name().unwrap_or_default().to_owned(),
                port: it.container_port().map(count).unwrap_or_default(),
            })
            .collect(),
    }
}

pub(super) async fn definition(aws: &Aws, arn: &TaskDefinitionArn) -> Result<DefinitionFacts, CloudError> {
    let (found, _) = register::describe(aws, arn.as_str()).await?;
    Ok(DefinitionFacts {
        arn: found.task_definition_arn().unwrap_or_default().to_owned(),
        containers: found.container_definitions().iter().map(container).collect(),
    })
}

fn container(it: &ContainerDefinition) -> ContainerFacts {
    let logs = it.log_configuration();
    let group = logs.filter(|logs| *logs.log_driver() == LogDriver::Awslogs).and_then(|logs| logs.options());
    let secret = |it: &Secret| (it.name().to_owned(), it.value_from().to_owned());
    ContainerFacts {
        name: it.name().unwrap_or_default().to_owned(),
        image: it.image().unwrap_or_default().to_owned(),
        log_driver: logs.map(|logs| logs.log_driver().as_str().to_owned()),
        log_group: group.and_then(|options| options.get("awslogs-group").cloned()),
        variables: it.environment().iter().filter_map(|it| it.name().map(str::to_owned)).collect(),
        secrets: it.secrets().iter().map(secret).collect(),
        has_health_check: it.health_check().is_some(),
    }
}
