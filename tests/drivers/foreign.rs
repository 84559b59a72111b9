//! Deployments that somebody else began, by calls of the SDK and without cutover: watched, taken over, judged, taken back.

use std::time::Duration;

use aws_sdk_codedeploy::types::{AppSpecContent, RevisionLocation, RevisionLocationType};
use aws_sdk_ecs::types::{
    CanaryConfiguration, DeploymentConfiguration, DeploymentLifecycleHook, DeploymentLifecycleHookAction,
    DeploymentLifecycleHookStage, DeploymentLifecycleHookTargetType, DeploymentLifecycleHookTimeoutConfiguration,
    DeploymentStrategy, LinearConfiguration,
};
use aws_sdk_elasticloadbalancingv2::types::{Action, ActionTypeEnum, ForwardActionConfig, TargetGroupTuple};
use aws_types::SdkConfig;
use aws_types::region::Region;
use cutover::app::watch;
use cutover::cloud::Sight;
use cutover::domain::command::CommandKind;
use cutover::domain::deployment::Course;
use cutover::domain::foreign::Then;
use cutover::domain::guard;
use cutover::domain::percent::Percent;
use cutover::domain::plan::{Driver, Plan, StageKind};
use cutover::domain::release::{Ending, Release, Status};
use cutover::domain::triage::ChangeKind;
use cutover::engine::run::Engine;

use super::place::{API, End, Place};

const IMAGE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/api:9ab03d7";

/// Another tool, with clients of its own.
struct Tool {
    ecs: aws_sdk_ecs::Client,
    codedeploy: aws_sdk_codedeploy::Client,
    elb: aws_sdk_elasticloadbalancingv2::Client,
}

impl Tool {
    fn of(place: &Place) -> Self {
        let login = aws_credential_types::Credentials::new("AKIDOFANOTHERTOOL", "secret", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(aws_sdk_ecs::config::BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(aws_sdk_ecs::config::SharedCredentialsProvider::new(login))
            .http_client(place.sim.http_client())
            .build();
        Self {
            ecs: aws_sdk_ecs::Client::new(&config),
            codedeploy: aws_sdk_codedeploy::Client::new(&config),
            elb: aws_sdk_elasticloadbalancingv2::Client::new(&config),
        }
    }

    /// Registers the new version.
    async fn register(&self) -> String {
        let family = self.ecs.describe_task_definition().task_definition("api").send().await.unwrap();
        let family = family.task_definition.unwrap();
        let mut containers = family.container_definitions.clone().unwrap();
        containers[0].image = Some(IMAGE.to_owned());
        let call = self.ecs.register_task_definition().family("api").set_container_definitions(Some(containers));
        let call = call.set_requires_compatibilities(family.requires_compatibilities.clone());
        let call = call.set_network_mode(family.network_mode.clone()).set_cpu(family.cpu.clone());
        let call = call.set_memory(family.memory.clone()).set_execution_role_arn(family.execution_role_arn.clone());
        call.send().await.unwrap().task_definition.unwrap().task_definition_arn.unwrap()
    }

    async fn deploy(&self, service: &str, configuration: Option<DeploymentConfiguration>) {
        let definition = self.register().await;
        let call = self.ecs.update_service().cluster("shop").service(service).task_definition(definition);
        call.set_deployment_configuration(configuration).send().await.unwrap();
    }

    async fn deploy_by_codedeploy(&self) {
        let definition = self.register().await;
        let content = serde_json::json!({"version": 1, "Resources": [{"TargetService": {"Type": "AWS::ECS::Service",
            "Properties": {"TaskDefinition": definition, "LoadBalancerInfo": {"ContainerName": "api", "ContainerPort": 8080}}}}]});
        let content = AppSpecContent::builder().content(content.to_string()).build();
        let kind = RevisionLocationType::AppSpecContent;
        let revision = RevisionLocation::builder().revision_type(kind).app_spec_content(content).build();
        let call = self.codedeploy.create_deployment().application_name("api").deployment_group_name("api");
        call.description("a pipeline of another tool").revision(revision).send().await.unwrap();
    }

    /// Gives green a share by hand.
    async fn split(&self, plan: &Plan, green: i32) {
        let sides = plan.components[API].sides.as_ref().unwrap();
        let group = |arn: &str, weight| TargetGroupTuple::builder().target_group_arn(arn).weight(weight).build();
        let forward = ForwardActionConfig::builder()
            .target_groups(group(&sides.blue.target_group, 100 - green))
            .target_groups(group(&sides.green.target_group, green))
            .build();
        let action = Action::builder().r#type(ActionTypeEnum::Forward).forward_config(forward).build();
        self.elb.modify_rule().rule_arn(&sides.rule).actions(action).send().await.unwrap();
    }
}

/// A canary of a tenth for some minutes; with pauses, before each step.
fn canary(pauses: bool) -> DeploymentConfiguration {
    let timeout = DeploymentLifecycleHookTimeoutConfiguration::builder()
        .timeout_in_minutes(60)
        .action(DeploymentLifecycleHookAction::Rollback)
        .build();
    let hook = DeploymentLifecycleHook::builder()
        .target_type(DeploymentLifecycleHookTargetType::Pause)
        .lifecycle_stages(DeploymentLifecycleHookStage::PreProductionTrafficShift)
        .timeout_configuration(timeout)
        .build();
    DeploymentConfiguration::builder()
        .strategy(DeploymentStrategy::Canary)
        .canary_configuration(
            CanaryConfiguration::builder().canary_percent(10.0).canary_bake_time_in_minutes(8).build(),
        )
        .bake_time_in_minutes(3)
        .set_lifecycle_hooks(pauses.then(|| vec![hook]))
        .build()
}

fn linear() -> DeploymentConfiguration {
    let steps = LinearConfiguration::builder().step_percent(20.0).step_bake_time_in_minutes(4).build();
    DeploymentConfiguration::builder()
        .strategy(DeploymentStrategy::Linear)
        .linear_configuration(steps)
        .bake_time_in_minutes(3)
        .build()
}

/// Waits until what is under way has come so far.
async fn until(place: &Place, wanted: impl Fn(&Sight) -> bool) -> Sight {
    for _ in 0..1_000 {
        let sight = place.sight().await;
        if wanted(&sight) {
            return sight;
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    panic!("it never came so far: {:?}", place.sight().await)
}

/// Watches what is under way until `done` says so.
async fn watch(place: &Place, done: impl Fn(&Release) -> bool) -> Release {
    let plan = place.taking_over(&place.sight().await, Then::Judge);
    let (engine, hub, stop) = Engine::watch(&mut |_| plan.clone(), None, place.parts(&plan)).unwrap();
    let handle = hub.attach();
    let engine = tokio::spawn(engine.run());
    for _ in 0..2_000 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let release = Release::clone(&handle.snapshot.borrow().release);
        if done(&release) {
            stop.stop();
            engine.await.unwrap().unwrap();
            return release;
        }
    }
    panic!("what was waited for never came")
}

/// Begins a deployment of somebody else's by a driver, as people usually do: without anything that waits.
async fn begin(place: &Place, driver: Driver) {
    let tool = Tool::of(place);
    match driver {
        Driver::Native => tool.deploy("api", Some(linear())).await,
        Driver::Rolling => tool.deploy("api", None).await,
        Driver::CodeDeploy => tool.deploy_by_codedeploy().await,
        Driver::Alb => {
            let plan = place.plan().await;
            tool.deploy("api-green", None).await;
            let up = tool.ecs.update_service().cluster("shop").service("api-green").desired_count(6);
            up.send().await.unwrap();
            tokio::time::sleep(Duration::from_mins(4)).await;
            tool.split(&plan, 10).await;
        }
        Driver::Command => {}
    }
}

const DRIVERS: [Driver; 4] = [Driver::Alb, Driver::Native, Driver::CodeDeploy, Driver::Rolling];

/// Takes over what somebody else has begun, as soon as green has traffic or waits for it.
async fn taken_over(scenario: &str, driver: Driver, then: Then) -> (Place, End) {
    let place = Place::new(scenario, driver);
    begin(&place, driver).await;
    let sight = until(&place, |sight| sight.afoot.weight > Percent::ZERO || sight.afoot.waits_before).await;
    assert_eq!(sight.obstacle, None, "{driver:?}");
    let plan = place.taking_over(&sight, then);
    let end = place.run(plan).await;
    (place, end)
}

#[tokio::test(start_paused = true)]
async fn a_good_version_that_somebody_else_deploys_is_judged_and_serves_on_every_driver() {
    for driver in DRIVERS {
        let (place, end) = taken_over("healthy", driver, Then::Judge).await;
        assert_eq!(end.ending(), Some(Ending::Succeeded), "{driver:?}: {}", end.told());
        place.check(&end);
        let begins = if driver == Driver::CodeDeploy { "CreateDeployment" } else { "UpdateService" };
        let begun = if driver == Driver::Alb { 3 } else { 1 };
        assert!(end.changes(begins).len() <= begun, "{driver:?}: nothing is deployed twice: {}", end.told());
        assert_eq!(end.changes("RegisterTaskDefinition").len(), 1, "{driver:?}: what is there is taken as it is");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_version_that_somebody_else_deploys_is_rolled_back_on_every_driver() {
    for driver in DRIVERS {
        let (place, end) = taken_over("errors", driver, Then::Judge).await;
        assert_eq!(end.ending(), Some(Ending::RolledBack), "{driver:?}: {}", end.told());
        assert_eq!(end.release.exit_code(), 4, "{driver:?}");
        place.check(&end);
        assert!(end.told().contains("takes over a"), "{driver:?}: {}", end.told());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_over_to_be_taken_back_goes_back_at_once_on_every_driver() {
    for driver in DRIVERS {
        let (place, end) = taken_over("healthy", driver, Then::Back).await;
        assert_eq!(end.ending(), Some(Ending::RolledBack), "{driver:?}: {}", end.told());
        place.check(&end);
        let back = end.release.unwinding.as_ref().unwrap();
        assert_eq!(back.by.as_ref().map(|by| by.name.as_str()), Some("maria"), "{driver:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_waits_is_held_at_its_own_steps_and_goes_on_when_they_were_judged() {
    let place = Place::new("healthy", Driver::Native);
    Tool::of(&place).deploy("api", Some(canary(true))).await;
    let sight = until(&place, |sight| !sight.afoot.is_nothing()).await;
    assert_eq!(sight.afoot.waits.iter().map(|weight| weight.get()).collect::<Vec<_>>(), [10, 100]);
    let plan = place.taking_over(&sight, Then::Judge);
    let kinds: Vec<&str> = plan.stages.iter().map(|stage| stage.kind.word()).collect();
    assert_eq!(kinds, ["deploy", "smoke", "shift", "verify", "cleanup"], "checked before it gets any traffic");
    let end = place.run(plan).await;
    assert_eq!(end.ending(), Some(Ending::Succeeded), "{}", end.told());
    assert_eq!(end.changes("ContinueServiceDeployment").len(), 2, "{}", end.told());
    assert!(end.told().contains("green observed at 10 %, baking"), "{}", end.told());
}

#[tokio::test(start_paused = true)]
async fn a_canary_is_let_go_on_from_where_it_waits_and_judged_from_there() {
    let place = Place::new("errors", Driver::Native);
    Tool::of(&place).deploy("api", Some(canary(true))).await;
    let waits = |release: &Release| {
        watch::possible(release, Then::GoOn).is_ok() && watch::seen(release).is_some_and(|seen| seen.wait.is_some())
    };
    let seen = watch(&place, waits).await;
    let wait = watch::seen(&seen).and_then(|seen| seen.wait.clone()).unwrap();
    assert_eq!(wait.then, "ROLLBACK");
    assert!(wait.expires.is_some());
    let plan = place.taking_over(&place.sight().await, Then::GoOn);
    assert!(!plan.stages.iter().any(|stage| matches!(stage.kind, StageKind::Smoke(_))));
    let end = place.run(plan).await;
    assert_eq!(end.ending(), Some(Ending::RolledBack), "{}", end.told());
    assert!(end.truth.new.requests > 0, "it went on, and was judged by what came of it");
}

#[tokio::test(start_paused = true)]
async fn whoever_only_watches_changes_nothing_and_is_told_what_is_possible_instead() {
    let place = Place::new("healthy", Driver::Native);
    Tool::of(&place).deploy("api", Some(linear())).await;
    let before = place.sim.with(|world, _| world.changes().len());
    let release = watch(&place, |release| release.components[API].traffic.observed >= Some(Percent::clamped(40))).await;
    assert_eq!(release.status(), Status::Planned);
    assert_eq!(release.components[API].traffic.set, release.components[API].traffic.observed.unwrap());
    let foreign_changes = place.sim.with(|world, _| {
        let ours = ["ContinueServiceDeployment", "StopServiceDeployment", "UpdateService", "RegisterTaskDefinition"];
        world.changes().iter().skip(before).filter(|change| ours.contains(&change.operation)).count()
    });
    assert_eq!(foreign_changes, 0);
    let why = watch::possible(&release, Then::GoOn).unwrap_err();
    assert!(why.contains("by its own clock and waits for nobody; take over"), "{why}");
    let why = watch::refusal(&release, CommandKind::Pause).unwrap();
    assert!(why.contains("cannot be paused; rollback stops it"), "{why}");
    assert_eq!(watch::possible(&release, Then::Judge), Ok(()));
    assert!(guard::possible(&release, CommandKind::Rollback).unwrap_err().contains("only watches"));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_what_is_watched_is_seen_and_it_can_no_longer_be_taken_over() {
    let place = Place::new("healthy", Driver::Rolling);
    Tool::of(&place).deploy("api", None).await;
    let is_over = |release: &Release| {
        let both = release.components[API].capacities.as_ref();
        both.and_then(|both| both.deployment.as_ref()).is_some_and(|one| one.course == Course::Completed)
    };
    let release = watch(&place, is_over).await;
    assert!(watch::possible(&release, Then::Back).unwrap_err().contains("is over"));
    assert!(place.sight().await.afoot.is_nothing());
}

#[tokio::test(start_paused = true)]
async fn what_goes_back_by_itself_is_followed_once_it_is_taken_over() {
    let place = Place::new("healthy", Driver::Native);
    let tool = Tool::of(&place);
    tool.deploy("api", Some(linear())).await;
    let sight = until(&place, |sight| sight.afoot.weight > Percent::ZERO).await;
    let plan = place.taking_over(&sight, Then::Judge);
    let stop = async {
        tokio::time::sleep(Duration::from_mins(2)).await;
        let id = sight.afoot.id.clone();
        tool.ecs.stop_service_deployment().service_deployment_arn(id).send().await.unwrap();
    };
    let (end, ()) = tokio::join!(place.run(plan), stop);
    assert_eq!(end.ending(), Some(Ending::RolledBack), "{}", end.told());
    assert!(end.told().contains("ECS went back by itself"), "{}", end.told());
    assert!(place.sight().await.obstacle.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_was_deployed_and_scaled_is_told_afterwards() {
    for driver in [Driver::Native, Driver::Rolling, Driver::CodeDeploy] {
        let place = Place::new("healthy", driver);
        begin(&place, driver).await;
        until(&place, |sight| !sight.afoot.is_nothing()).await;
        let definition = place.sight().await.afoot.green;
        let (target, since) = (place.target(), place.clock.now() - Duration::from_hours(1));
        let changes = place.cloud.deployments().changes(&target, since).await.unwrap();
        let deployed = changes.iter().find(|change| change.kind == ChangeKind::Deployment(definition.clone()));
        let by_id = changes.iter().any(|change| matches!(change.kind, ChangeKind::Deployment(_)));
        assert!(deployed.is_some() || (driver == Driver::CodeDeploy && by_id), "{driver:?}: {changes:?}");
    }
}
