use aws_sdk_codedeploy::error::ProvideErrorMetadata as _;
use aws_sdk_codedeploy::operation::continue_deployment::ContinueDeploymentError;
use aws_sdk_codedeploy::operation::create_deployment::CreateDeploymentError;
use aws_sdk_codedeploy::operation::get_deployment::GetDeploymentError;
use aws_sdk_codedeploy::operation::list_deployments::ListDeploymentsError;
use aws_sdk_codedeploy::operation::stop_deployment::StopDeploymentError;
use aws_sdk_codedeploy::types::{
    AppSpecContent, DeploymentCreator, DeploymentReadyAction, DeploymentStatus, DeploymentWaitType, EcsTarget,
    ErrorCode, LifecycleEventStatus, RevisionLocation, RevisionLocationType, StopStatus, TargetLabel, TargetStatus,
    TrafficRoutingType,
};
use aws_sdk_ecs::types::{DeploymentControllerType, StabilityStatus};
use serde_json::json;

use super::*;

fn account() -> Account {
    Account::of(Scenario::named("healthy").unwrap().laid_out(crate::sim::Layout::TwoTaskSets), Vec::new())
}

fn revision(task_definition: &str) -> RevisionLocation {
    let balancer = json!({"ContainerName": "api", "ContainerPort": 8080});
    let properties = json!({"TaskDefinition": task_definition, "LoadBalancerInfo": balancer});
    let service = json!({"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}});
    let spec = json!({"version": 1, "Resources": [service]}).to_string();
    let content = AppSpecContent::builder().content(spec).build();
    RevisionLocation::builder().revision_type(RevisionLocationType::AppSpecContent).app_spec_content(content).build()
}

impl Account {
    async fn deploy(&self, description: &str) -> Result<String, CreateDeploymentError> {
        let create = self.codedeploy().create_deployment().application_name("api").deployment_group_name("api");
        let sent = create.revision(revision("api")).description(description).send().await;
        sent.map(|created| created.deployment_id.unwrap())
            .map_err(aws_sdk_codedeploy::error::SdkError::into_service_error)
    }

    async fn standing(&self, id: &str) -> aws_sdk_codedeploy::types::DeploymentInfo {
        let shown = self.codedeploy().get_deployment().deployment_id(id).send().await.unwrap();
        shown.deployment_info.unwrap()
    }

    async fn target(&self, id: &str) -> EcsTarget {
        let shown = self.codedeploy().get_deployment_target().deployment_id(id).target_id("shop:api").send().await;
        shown.unwrap().deployment_target.unwrap().ecs_target.unwrap()
    }

    /// Waits until a deployment has this status.
    async fn until(&self, id: &str, status: DeploymentStatus) {
        for _ in 0..600 {
            if self.standing(id).await.status == Some(status.clone()) {
                return;
            }
            self.pass(Duration::from_secs(5)).await;
        }
        panic!("{id} never became {status:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_is_followed_from_its_creation_to_its_end() {
    let account = account();
    let codedeploy = account.codedeploy();
    let id = account.deploy("release 7").await.unwrap();
    let early = codedeploy.get_deployment_target().deployment_id(&id).target_id("shop:api").send().await.unwrap_err();
    assert_eq!(early.code(), Some("DeploymentNotStartedException"));
    account.until(&id, DeploymentStatus::Ready).await;
    let shown = account.standing(&id).await;
    assert_eq!((shown.description(), &shown.creator), (Some("release 7"), &Some(DeploymentCreator::User)));
    let content = shown.revision.unwrap().app_spec_content.unwrap();
    assert_eq!((content.content, content.sha256.map(|sha| sha.len())), (None, Some(64)));

    let target = account.target(&id).await;
    assert_eq!(target.status, Some(TargetStatus::Ready));
    let labels: Vec<_> =
        target.task_sets_info().iter().map(|set| (set.task_set_label.clone(), set.traffic_weight)).collect();
    assert_eq!(labels, [(Some(TargetLabel::Blue), 100.0), (Some(TargetLabel::Green), 0.0)]);
    let events: Vec<_> = target.lifecycle_events().iter().filter_map(|event| event.lifecycle_event_name()).collect();
    assert_eq!((events.len(), events[0], events[7]), (8, "BeforeInstall", "AfterAllowTraffic"));

    let services = account.ecs().describe_services().cluster("shop").services("api").send().await.unwrap();
    let service = &services.services()[0];
    assert_eq!(
        service.deployment_controller.as_ref().map(|it| &it.r#type),
        Some(&DeploymentControllerType::CodeDeploy)
    );
    assert!(service.deployments().is_empty());
    let green = &service.task_sets()[1];
    assert_eq!(
        (green.status(), green.external_id(), green.started_by()),
        (Some("ACTIVE"), Some(&*id), Some("CODE_DEPLOY"))
    );
    assert_eq!((green.computed_desired_count, green.running_count), (6, 6));
    assert_eq!(green.stability_status, Some(StabilityStatus::SteadyState));
    let alone = account.ecs().describe_task_sets().cluster("shop").service("api").task_sets(green.id().unwrap());
    assert_eq!(alone.send().await.unwrap().task_sets(), std::slice::from_ref(green));

    let go_on = |wait| codedeploy.continue_deployment().deployment_id(&id).deployment_wait_type(wait).send();
    go_on(DeploymentWaitType::ReadyWait).await.unwrap();
    let twice = go_on(DeploymentWaitType::ReadyWait).await.unwrap_err().into_service_error();
    assert!(matches!(twice, ContinueDeploymentError::DeploymentIsNotInReadyStateException(_)), "{twice:?}");
    account.pass(Duration::from_mins(6)).await;
    let target = account.target(&id).await;
    assert_eq!(target.status, Some(TargetStatus::Succeeded));
    assert!(target.lifecycle_events().iter().all(|event| event.status == Some(LifecycleEventStatus::Succeeded)));
    assert!(account.standing(&id).await.instance_termination_wait_time_started);
    go_on(DeploymentWaitType::TerminationWait).await.unwrap();
    assert_eq!(account.standing(&id).await.status, Some(DeploymentStatus::Succeeded));
    let over = go_on(DeploymentWaitType::ReadyWait).await.unwrap_err().into_service_error();
    assert!(matches!(over, ContinueDeploymentError::DeploymentAlreadyCompletedException(_)), "{over:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stopped_deployment_says_which_one_brings_its_traffic_back() {
    let account = account();
    let id = account.deploy("x").await.unwrap();
    account.until(&id, DeploymentStatus::Ready).await;
    let stop = || account.codedeploy().stop_deployment().deployment_id(&id).auto_rollback_enabled(true).send();
    assert_eq!(stop().await.unwrap().status, Some(StopStatus::Pending));
    account.until(&id, DeploymentStatus::Stopped).await;
    let shown = account.standing(&id).await;
    assert_eq!(shown.error_information.unwrap().code, Some(ErrorCode::ManualStop));
    let back = shown.rollback_info.unwrap().rollback_deployment_id.unwrap();
    account.until(&back, DeploymentStatus::Succeeded).await;
    let shown = account.standing(&back).await;
    assert_eq!(shown.creator, Some(DeploymentCreator::CodeDeployRollback));
    assert_eq!(shown.rollback_info.unwrap().rollback_triggering_deployment_id, Some(id.clone()));
    let over = stop().await.unwrap_err().into_service_error();
    assert!(matches!(over, StopDeploymentError::DeploymentAlreadyCompletedException(_)), "{over:?}");
}

#[tokio::test(start_paused = true)]
async fn the_group_and_its_configuration_say_what_a_deployment_will_do() {
    let account = account();
    let codedeploy = account.codedeploy();
    assert_eq!(codedeploy.list_applications().send().await.unwrap().applications(), ["api"]);
    let groups = codedeploy.list_deployment_groups().application_name("api").send().await.unwrap();
    assert_eq!(groups.deployment_groups(), ["api"]);
    let group = codedeploy.get_deployment_group().application_name("api").deployment_group_name("api");
    let group = group.send().await.unwrap().deployment_group_info.unwrap();
    let service = &group.ecs_services()[0];
    assert_eq!((service.cluster_name(), service.service_name()), (Some("shop"), Some("api")));
    let options = group.blue_green_deployment_configuration().unwrap();
    let ready = options.deployment_ready_option().unwrap();
    assert_eq!(
        (ready.action_on_timeout.clone(), ready.wait_time_in_minutes),
        (Some(DeploymentReadyAction::StopDeployment), 30)
    );
    let terminate = options.terminate_blue_instances_on_deployment_success().unwrap();
    assert_eq!(terminate.termination_wait_time_in_minutes, 10);
    let pair = &group.load_balancer_info().unwrap().target_group_pair_info_list()[0];
    let names: Vec<_> = pair.target_groups().iter().filter_map(|group| group.name()).collect();
    assert_eq!(names, ["api-blue", "api-green"]);
    let production = pair.prod_traffic_route().unwrap().listener_arns();
    assert_eq!(production, [account.listener().await]);
    assert_eq!(group.alarm_configuration().unwrap().alarms().len(), 2);
    assert_eq!(group.auto_rollback_configuration().unwrap().events().len(), 3);

    let config = codedeploy.get_deployment_config().deployment_config_name(group.deployment_config_name().unwrap());
    let config = config.send().await.unwrap().deployment_config_info.unwrap();
    let routing = config.traffic_routing_config().unwrap();
    assert_eq!(routing.r#type, Some(TrafficRoutingType::TimeBasedCanary));
    let canary = routing.time_based_canary().unwrap();
    assert_eq!((canary.canary_percentage, canary.canary_interval), (10, 5));
}

#[tokio::test(start_paused = true)]
async fn deployments_are_listed_newest_first_page_by_page() {
    let account = account();
    let codedeploy = account.codedeploy();
    let mut ids = Vec::new();
    for number in 0..101 {
        let id = account.deploy(&number.to_string()).await.unwrap();
        codedeploy.stop_deployment().deployment_id(&id).auto_rollback_enabled(false).send().await.unwrap();
        account.until(&id, DeploymentStatus::Stopped).await;
        ids.insert(0, id);
    }
    let list = || codedeploy.list_deployments().application_name("api").deployment_group_name("api");
    let first = list().send().await.unwrap();
    assert_eq!(first.deployments(), &ids[..100]);
    let second = list().set_next_token(first.next_token).send().await.unwrap();
    assert_eq!((second.deployments(), second.next_token.is_none()), (&ids[100..], true));
    let running = list().include_only_statuses(DeploymentStatus::InProgress).send().await.unwrap();
    assert!(running.deployments().is_empty());
    let refused = list().next_token("made-up").send().await.unwrap_err().into_service_error();
    assert!(matches!(refused, ListDeploymentsError::InvalidNextTokenException(_)), "{refused:?}");
    let half = codedeploy.list_deployments().application_name("api").send().await.unwrap_err().into_service_error();
    assert!(matches!(half, ListDeploymentsError::DeploymentGroupNameRequiredException(_)), "{half:?}");

    let batch = codedeploy.batch_get_deployments().set_deployment_ids(Some(ids[..25].to_vec())).send().await.unwrap();
    let described: Vec<_> = batch.deployments_info().iter().filter_map(|info| info.description()).collect();
    assert_eq!((described.len(), described[0], described[24]), (25, "100", "76"));
    let much =
        codedeploy.batch_get_deployments().set_deployment_ids(Some(ids[..26].to_vec())).send().await.unwrap_err();
    assert_eq!(much.code(), Some("BatchLimitExceededException"));
}

#[tokio::test(start_paused = true)]
async fn refusals_have_codedeploys_own_names() {
    let account = account();
    let codedeploy = account.codedeploy();
    let of = |application: &str, group: &str| {
        codedeploy.create_deployment().application_name(application).deployment_group_name(group)
    };
    let refused = of("ghost", "api").send().await.unwrap_err().into_service_error();
    assert!(matches!(refused, CreateDeploymentError::ApplicationDoesNotExistException(_)), "{refused:?}");
    let refused = of("api", "ghost").send().await.unwrap_err().into_service_error();
    assert!(matches!(refused, CreateDeploymentError::DeploymentGroupDoesNotExistException(_)), "{refused:?}");
    let refused = of("api", "api").send().await.unwrap_err().into_service_error();
    assert!(matches!(refused, CreateDeploymentError::RevisionRequiredException(_)), "{refused:?}");
    let refused = account.deploy(&"x".repeat(257)).await.unwrap_err();
    assert!(matches!(refused, CreateDeploymentError::DescriptionTooLongException(_)), "{refused:?}");
    let refused =
        codedeploy.get_deployment().deployment_id("d-GHOST1234").send().await.unwrap_err().into_service_error();
    assert!(matches!(refused, GetDeploymentError::DeploymentDoesNotExistException(_)), "{refused:?}");
    let refused = codedeploy.get_deployment().deployment_id("ghost").send().await.unwrap_err().into_service_error();
    assert!(matches!(refused, GetDeploymentError::InvalidDeploymentIdException(_)), "{refused:?}");
    account.deploy("first").await.unwrap();
    let refused = account.deploy("second").await.unwrap_err();
    assert!(matches!(refused, CreateDeploymentError::DeploymentLimitExceededException(_)), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_leaves_a_deployment_that_its_description_finds() {
    let faults = vec![ApiFault::new(ApiFaultKind::LostResponse, crate::sim::scenario::Percent::all())];
    let faults = faults.into_iter().map(|fault| fault.on(&["CreateDeployment"])).collect();
    let mut account =
        Account::of(Scenario::named("healthy").unwrap().laid_out(crate::sim::Layout::TwoTaskSets), faults);
    let once = aws_sdk_ecs::config::retry::RetryConfig::disabled();
    account.config = account.config.into_builder().retry_config(once).build();
    account.deploy("release 7").await.unwrap_err();
    let list = account.codedeploy().list_deployments().application_name("api").deployment_group_name("api");
    let ids = list.send().await.unwrap().deployments.unwrap();
    assert_eq!(account.standing(&ids[0]).await.description(), Some("release 7"));
}
