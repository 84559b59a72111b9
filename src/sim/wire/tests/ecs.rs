use aws_sdk_ecs::operation::describe_services::DescribeServicesError;
use aws_sdk_ecs::operation::describe_task_definition::DescribeTaskDefinitionError;
use aws_sdk_ecs::operation::list_tasks::ListTasksError;
use aws_sdk_ecs::operation::update_service::UpdateServiceError;
use aws_sdk_ecs::types::{
    ContainerDefinition, ContainerOverride, DeploymentRolloutState, ServiceField, SortOrder, Tag, TaskDefinitionField,
    TaskOverride,
};

use super::*;

const CLUSTER: &str = "shop";
const SERVICE: &str = "api-blue";

#[tokio::test(start_paused = true)]
async fn clusters_are_listed_and_described_with_those_that_are_missing() {
    let ecs = Account::new().ecs();
    let listed = ecs.list_clusters().send().await.unwrap();
    assert!(listed.cluster_arns().iter().any(|arn| arn.ends_with(":cluster/shop")), "{listed:?}");
    let described = ecs.describe_clusters().clusters(CLUSTER).clusters("nowhere").send().await.unwrap();
    assert_eq!(described.clusters()[0].status(), Some("ACTIVE"));
    assert!(described.clusters()[0].running_tasks_count() >= 6, "{described:?}");
    assert_eq!(described.failures()[0].reason(), Some("MISSING"));
}

#[tokio::test(start_paused = true)]
async fn a_service_is_described_with_its_deployment_events_and_target_group() {
    let ecs = Account::new().ecs();
    let listed = ecs.list_services().cluster(CLUSTER).send().await.unwrap();
    assert!(listed.service_arns().iter().any(|arn| arn.ends_with("api-blue")), "{listed:?}");
    let described = ecs.describe_services().cluster(CLUSTER).services(SERVICE).services("ghost").send().await.unwrap();
    let service = &described.services()[0];
    assert_eq!((service.status(), service.desired_count(), service.running_count()), (Some("ACTIVE"), 6, 6));
    assert_eq!(service.deployments()[0].status(), Some("PRIMARY"));
    assert_eq!(service.deployments()[0].rollout_state(), Some(&DeploymentRolloutState::Completed));
    assert!(service.load_balancers()[0].target_group_arn().unwrap().contains(":targetgroup/api-blue"));
    assert!(service.created_at().unwrap().secs() > 1_700_000_000);
    assert!(service.tags().is_empty(), "tags are shown only when asked for");
    assert!(described.failures()[0].arn().unwrap().ends_with("ghost"));
    ecs.describe_services().cluster(CLUSTER).services(SERVICE).include(ServiceField::Tags).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_update_deploys_another_revision() {
    let account = Account::new();
    let ecs = account.ecs();
    let container = ContainerDefinition::builder()
        .name("api")
        .image("123456789012.dkr.ecr.eu-west-1.amazonaws.com/api:9ab03d7")
        .essential(true)
        .build();
    let registered = ecs
        .register_task_definition()
        .family("api")
        .cpu("1024")
        .memory("2048")
        .container_definitions(container)
        .tags(Tag::builder().key("version").value("9ab03d7").build())
        .send()
        .await
        .unwrap();
    let definition = registered.task_definition().unwrap();
    assert_eq!((definition.family(), definition.cpu()), (Some("api"), Some("1024")));
    assert_eq!(registered.tags()[0].value(), Some("9ab03d7"));
    let arn = definition.task_definition_arn().unwrap();

    let updated = ecs
        .update_service()
        .cluster(CLUSTER)
        .service("api-green")
        .task_definition(arn)
        .desired_count(2)
        .send()
        .await
        .unwrap();
    assert_eq!(updated.service().unwrap().task_definition(), Some(arn));
    account.pass(Duration::from_mins(3)).await;
    let described = ecs.describe_services().cluster(CLUSTER).services("api-green").send().await.unwrap();
    let green = &described.services()[0];
    assert_eq!(green.running_count(), 2);
    assert_eq!(green.deployments()[0].rollout_state(), Some(&DeploymentRolloutState::Completed));
    assert!(!green.events().is_empty());
}

#[tokio::test(start_paused = true)]
async fn task_definitions_are_described_listed_and_deregistered() {
    let ecs = Account::new().ecs();
    let described =
        ecs.describe_task_definition().task_definition("api").include(TaskDefinitionField::Tags).send().await.unwrap();
    let definition = described.task_definition().unwrap();
    assert_eq!(definition.container_definitions()[0].name(), Some("api"));
    assert!(definition.registered_at().is_some());
    let listed = ecs.list_task_definitions().family_prefix("api").sort(SortOrder::Desc).send().await.unwrap();
    let newest = &listed.task_definition_arns()[0];
    assert_eq!(Some(newest.as_str()), definition.task_definition_arn());
    let gone = ecs.deregister_task_definition().task_definition(newest).send().await.unwrap();
    assert_eq!(gone.task_definition().unwrap().status().unwrap().as_str(), "INACTIVE");
}

#[tokio::test(start_paused = true)]
async fn tasks_are_paged_described_stopped_and_run() {
    let account = Account::new();
    let ecs = account.ecs();
    let pages = ecs
        .list_tasks()
        .cluster(CLUSTER)
        .service_name(SERVICE)
        .into_paginator()
        .page_size(4)
        .items()
        .send()
        .collect::<Result<Vec<_>, _>>()
        .await
        .unwrap();
    assert_eq!(pages.len(), 6);
    let described = ecs.describe_tasks().cluster(CLUSTER).set_tasks(Some(pages.clone())).send().await.unwrap();
    let task = &described.tasks()[0];
    assert_eq!((task.last_status(), task.containers()[0].name()), (Some("RUNNING"), Some("api")));
    assert!(task.attachments()[0].details().iter().any(|detail| detail.name() == Some("privateIPv4Address")));

    let stopped = ecs.stop_task().cluster(CLUSTER).task(&pages[0]).reason("drill").send().await.unwrap();
    assert_eq!(stopped.task().unwrap().desired_status(), Some("STOPPED"));
    account.pass(Duration::from_mins(10)).await;
    let described = ecs.describe_tasks().cluster(CLUSTER).tasks(&pages[0]).send().await.unwrap();
    assert_eq!(described.tasks()[0].last_status(), Some("STOPPED"));
    assert!(described.tasks()[0].stopped_reason().unwrap().contains("drill"), "{described:?}");

    let overrides = ContainerOverride::builder().name("api").command("migrate").build();
    let run = ecs
        .run_task()
        .cluster(CLUSTER)
        .task_definition("api")
        .started_by("tests")
        .overrides(TaskOverride::builder().container_overrides(overrides).build())
        .send()
        .await
        .unwrap();
    assert_eq!(run.tasks()[0].started_by(), Some("tests"));
}

#[tokio::test(start_paused = true)]
async fn tags_are_kept() {
    let ecs = Account::new().ecs();
    let described = ecs.describe_services().cluster(CLUSTER).services(SERVICE).send().await.unwrap();
    let arn = described.services()[0].service_arn().unwrap();
    let tag = Tag::builder().key("owner").value("payments").build();
    ecs.tag_resource().resource_arn(arn).tags(tag.clone()).send().await.unwrap();
    let listed = ecs.list_tags_for_resource().resource_arn(arn).send().await.unwrap();
    assert!(listed.tags().contains(&tag), "{listed:?}");
}

#[tokio::test(start_paused = true)]
async fn refusals_are_the_sdks_own_error_variants() {
    let ecs = Account::new().ecs();
    let refused = ecs.describe_services().cluster("nowhere").services(SERVICE).send().await.unwrap_err();
    assert!(matches!(refused.into_service_error(), DescribeServicesError::ClusterNotFoundException(_)));
    let refused = ecs.update_service().cluster(CLUSTER).service("ghost").send().await.unwrap_err();
    assert!(matches!(refused.into_service_error(), UpdateServiceError::ServiceNotFoundException(_)));
    let refused = ecs.describe_task_definition().task_definition("ghost").send().await.unwrap_err();
    assert!(matches!(refused.into_service_error(), DescribeTaskDefinitionError::ClientException(_)));
    let refused = ecs.list_tasks().cluster(CLUSTER).next_token("made-up").send().await.unwrap_err();
    assert!(matches!(refused.into_service_error(), ListTasksError::InvalidParameterException(_)));
    let eleven = (0..11).map(|n| format!("service-{n}")).collect();
    let refused = ecs.describe_services().cluster(CLUSTER).set_services(Some(eleven)).send().await.unwrap_err();
    assert!(matches!(refused.into_service_error(), DescribeServicesError::InvalidParameterException(_)));
}
