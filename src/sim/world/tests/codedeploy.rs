//! Deployments by CodeDeploy, from the first lifecycle event to the end of the old task set, and every way out of them.

use crate::sim::world::codedeploy::{
    CreateDeployment, Creator, DeploymentStatus, ErrorCode, LifecycleEventName, LifecycleEventStatus, ShownDeployment,
    TargetStatus, TrafficRouting, WaitType,
};
use crate::sim::world::ecs::{DeploymentController, Stability, TaskSetStatus};

use super::*;

/// A world whose service CodeDeploy deploys; `more` goes into `[codedeploy]`.
fn deployed(more: &str) -> World {
    written(&format!("summary = \"x\"\n[codedeploy]\n{more}\n"))
}

impl World {
    /// Begins a deployment of a new version. Its id.
    fn deploy(&mut self) -> String {
        self.try_deploy(&json!([])).unwrap()
    }

    fn try_deploy(&mut self, hooks: &serde_json::Value) -> Result<String, ApiError> {
        let mut definition = self.describe_task_definition("api").unwrap();
        definition.containers[0]["image"] = json!(GREEN_IMAGE);
        let registered = self
            .register_task_definition(RegisterTaskDefinition {
                family: definition.family,
                containers: definition.containers,
                settings: definition.settings,
                tags: definition.tags,
            })
            .unwrap();
        self.create_deployment(CreateDeployment {
            application: "api".to_owned(),
            group: Some("api".to_owned()),
            app_spec: Some(app_spec(&registered.arn, hooks)),
            ..CreateDeployment::default()
        })
    }

    fn deployment(&self, id: &str) -> ShownDeployment {
        self.get_deployment(id).unwrap()
    }

    fn status(&self, id: &str) -> DeploymentStatus {
        self.deployment(id).deployment.status
    }

    fn stands(&self, id: &str, name: LifecycleEventName) -> LifecycleEventStatus {
        let shown = self.deployment(id);
        shown.deployment.events.iter().find(|event| event.name == name).unwrap().status
    }

    /// Green's share of users' traffic, by the rule.
    fn green(&self) -> u32 {
        let rule = self.describe_rules(None, &[self.rule()]).unwrap().remove(0);
        let Action::Forward { target_groups, .. } = &rule.actions[0] else { panic!("{rule:?}") };
        let green = self.group("api-green");
        let weight = |of: &WeightedTargetGroup| of.weight;
        let total: u32 = target_groups.iter().map(weight).sum();
        let own: u32 = target_groups.iter().filter(|one| one.target_group_arn == green).map(weight).sum();
        100 * own / total
    }

    /// Lets time pass, second by second, until something holds.
    fn until(&mut self, what: impl Fn(&Self) -> bool) {
        for _ in 0..7_200 {
            if what(self) {
                return;
            }
            self.wait(1);
        }
        panic!("it never came");
    }

    fn sets(&self) -> Vec<(TaskSetStatus, u32, Stability)> {
        self.service("api").task_sets.iter().map(|set| (set.status, set.running, set.stability)).collect()
    }
}

fn app_spec(task_definition: &str, hooks: &serde_json::Value) -> String {
    let balancer = json!({"ContainerName": "api", "ContainerPort": 8080});
    let properties = json!({"TaskDefinition": task_definition, "LoadBalancerInfo": balancer});
    let service = json!({"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}});
    json!({"version": 1, "Resources": [service], "Hooks": hooks}).to_string()
}

fn reason(world: &World, id: &str) -> Option<ErrorCode> {
    world.deployment(id).deployment.error.map(|(code, _)| code)
}

#[test]
fn a_service_of_codedeploys_is_made_of_task_sets_and_takes_no_deployment_from_ecs() {
    let mut world = deployed("");
    let service = world.service("api");
    assert_eq!(service.controller, DeploymentController::CodeDeploy);
    assert!(service.deployments.is_empty());
    assert_eq!(world.sets(), [(TaskSetStatus::Primary, 6, Stability::SteadyState)]);
    assert_eq!(world.states("api-blue"), [TargetState::Healthy; 6]);

    let update = |change: UpdateService| UpdateService { service: "api".to_owned(), ..change };
    let refused = [
        UpdateService { task_definition: Some("api".to_owned()), ..UpdateService::default() },
        UpdateService { force_new_deployment: true, ..UpdateService::default() },
        UpdateService { subnets: Some(vec!["subnet-1".to_owned()]), ..UpdateService::default() },
    ];
    for change in refused {
        let error = world.update_service(update(change)).unwrap_err();
        assert!(error.message.ends_with("Use AWS CodeDeploy to trigger a new deployment."), "{error}");
    }
    world.update_service(update(UpdateService { desired: Some(8), ..UpdateService::default() })).unwrap();
    world.until(|world| world.sets() == [(TaskSetStatus::Primary, 8, Stability::SteadyState)]);
}

#[test]
fn a_deployment_takes_its_events_in_order_and_waits_to_be_let_through_and_to_let_go() {
    let mut world = deployed("ready_wait = \"20m\"\ntermination_wait = \"10m\"");
    let id = world.deploy();
    assert_eq!(world.status(&id), DeploymentStatus::Created);
    world.until(|world| world.stands(&id, LifecycleEventName::Install) == LifecycleEventStatus::InProgress);
    world.wait(1);
    assert_eq!(world.green(), 0);
    let service = world.service("api");
    assert_eq!(service.task_sets[1].external_id.as_ref(), Some(&id));
    assert_eq!(service.task_sets[1].stability, Stability::Stabilizing);

    world.until(|world| world.status(&id) == DeploymentStatus::Ready);
    assert_eq!(
        world.sets(),
        [(TaskSetStatus::Primary, 6, Stability::SteadyState), (TaskSetStatus::Active, 6, Stability::SteadyState)]
    );
    assert_eq!(
        (world.green(), world.stands(&id, LifecycleEventName::BeforeAllowTraffic)),
        (0, LifecycleEventStatus::Pending)
    );
    let refused = world.continue_deployment(&id, Some(WaitType::Termination)).unwrap_err();
    assert_eq!(refused.code, "InvalidDeploymentStatusException");
    world.continue_deployment(&id, Some(WaitType::Ready)).unwrap();
    let refused = world.continue_deployment(&id, Some(WaitType::Ready)).unwrap_err();
    assert_eq!(refused.code, "DeploymentIsNotInReadyStateException");

    world.until(|world| world.green() == 10);
    let at_ten = world.now();
    world.until(|world| world.green() == 100);
    assert_eq!(world.now().since(at_ten), Duration::from_mins(5));
    let target = |world: &World| world.get_deployment_target(&id, "shop:api").unwrap();
    world.until(|world| target(world).status == TargetStatus::Succeeded);
    let shown = world.deployment(&id).deployment;
    assert_eq!((shown.status, shown.termination_wait_started), (DeploymentStatus::InProgress, true));
    assert!(shown.events.iter().all(|event| event.status == LifecycleEventStatus::Succeeded), "{:?}", shown.events);
    let labels: Vec<_> = target(&world).task_sets.iter().map(|set| (set.label, set.status, set.weight)).collect();
    assert_eq!(labels, [("Green", "PRIMARY", 100.0), ("Blue", "ACTIVE", 0.0)]);
    assert_eq!(world.service("api").task_definition, world.service("api").task_sets[0].task_definition);

    world.continue_deployment(&id, Some(WaitType::Termination)).unwrap();
    assert_eq!(world.status(&id), DeploymentStatus::Succeeded);
    world.until(|world| world.sets() == [(TaskSetStatus::Primary, 6, Stability::SteadyState)]);
    assert_eq!(world.states("api-blue"), []);
    assert_eq!(world.truth().unserved.requests, 0, "no request is lost on the way");
    let late = world.stop_deployment(&id, Some(true)).unwrap_err();
    assert_eq!(late.code, "DeploymentAlreadyCompletedException");

    let next = world.deploy();
    assert_ne!(world.deployment(&next).deployment.previous_revision, None);
    world.until(|world| world.status(&next) == DeploymentStatus::Ready);
    assert_eq!(world.states("api-blue"), [TargetState::Healthy; 6], "the next one goes back to the other target group");
}

#[test]
fn without_a_wait_it_goes_by_itself_to_the_end_of_its_termination_wait() {
    let mut world =
        deployed("ready_wait = \"0s\"\ntermination_wait = \"3m\"\nconfig = \"CodeDeployDefault.ECSAllAtOnce\"");
    let id = world.deploy();
    world.until(|world| world.green() == 100);
    world.until(|world| world.deployment(&id).deployment.termination_wait_started);
    let began = world.now();
    world.until(|world| world.status(&id).is_final());
    assert_eq!((world.status(&id), world.now().since(began)), (DeploymentStatus::Succeeded, Duration::from_mins(3)));
}

#[test]
fn a_linear_configuration_goes_up_in_equal_steps() {
    let own = "config = \"thirds\"\nready_wait = \"0s\"\n[[codedeploy.configuration]]\nname = \"thirds\"\npercent = 40\n\
               interval = \"2m\"";
    let mut world = deployed(own);
    let routing = world.get_deployment_config("thirds").unwrap().routing;
    assert_eq!(routing, TrafficRouting::Linear { percent: 40, interval: Duration::from_mins(2) });
    world.deploy();
    let mut seen = Vec::new();
    for wanted in [40, 80, 100] {
        world.until(|world| world.green() == wanted);
        seen.push(world.now());
    }
    let steps: Vec<u64> = seen.windows(2).map(|pair| pair[1].since(pair[0]).as_secs()).collect();
    assert_eq!(steps, [120, 120]);
    assert_eq!(world.get_deployment_config("half").unwrap_err().code, "DeploymentConfigDoesNotExistException");
}

#[test]
fn nobody_lets_it_through_and_it_stops_with_users_where_they_were() {
    let mut world = deployed("ready_wait = \"5m\"");
    let id = world.deploy();
    world.until(|world| world.status(&id) == DeploymentStatus::Ready);
    let ready = world.now();
    world.until(|world| world.status(&id).is_final());
    assert_eq!(world.now().since(ready), Duration::from_mins(5));
    assert_eq!((world.status(&id), reason(&world, &id)), (DeploymentStatus::Stopped, Some(ErrorCode::Timeout)));
    assert_eq!((world.green(), world.sets().len()), (0, 2));
    assert_eq!(world.stands(&id, LifecycleEventName::AllowTraffic), LifecycleEventStatus::Skipped);

    let next = world.deploy();
    world.until(|world| world.status(&next) == DeploymentStatus::Ready);
    assert!(world.sets().iter().any(|set| set.0 == TaskSetStatus::Draining), "what the stopped one left goes");
    world.until(|world| world.sets().len() == 2);
}

#[test]
fn stopping_brings_users_back_by_a_deployment_of_its_own_or_leaves_them_where_they_are() {
    let mut world = deployed("ready_wait = \"0s\"");
    let id = world.deploy();
    let second = world.try_deploy(&json!([])).unwrap_err();
    assert_eq!(second.code, "DeploymentLimitExceededException");
    assert!(second.message.ends_with(&format!("already has an active Deployment '{id}'")), "{second}");
    world.until(|world| world.green() == 10);
    world.stop_deployment(&id, Some(true)).unwrap();
    assert_eq!(world.status(&id), DeploymentStatus::InProgress, "stopping takes a moment");
    world.until(|world| world.status(&id).is_final());
    assert_eq!((world.status(&id), reason(&world, &id)), (DeploymentStatus::Stopped, Some(ErrorCode::ManualStop)));
    let back = world.deployment(&id).deployment.rolled_back_by.unwrap();
    world.until(|world| world.status(&back).is_final());
    let shown = world.deployment(&back).deployment;
    assert_eq!((shown.status, shown.creator), (DeploymentStatus::Succeeded, Creator::Rollback));
    assert_eq!((world.green(), shown.rolls_back.as_ref()), (0, Some(&id)));
    world.until(|world| world.sets() == [(TaskSetStatus::Primary, 6, Stability::SteadyState)]);

    let id = world.deploy();
    world.until(|world| world.green() == 10);
    world.stop_deployment(&id, Some(false)).unwrap();
    world.wait(60);
    assert_eq!((world.status(&id), world.green()), (DeploymentStatus::Stopped, 10));
    assert_eq!(world.deployment(&id).deployment.rolled_back_by, None);
}

#[test]
fn an_alarm_that_fires_stops_it_even_while_it_waits_to_let_go() {
    let mut world = deployed("ready_wait = \"0s\"\nconfig = \"CodeDeployDefault.ECSAllAtOnce\"");
    let id = world.deploy();
    world.until(|world| world.deployment(&id).deployment.termination_wait_started);
    world.set_alarm_state("api-5xx-high", AlarmState::Alarm, "drill", None).unwrap();
    world.until(|world| world.status(&id).is_final());
    assert_eq!((world.status(&id), reason(&world, &id)), (DeploymentStatus::Stopped, Some(ErrorCode::AlarmActive)));
    world.until(|world| world.green() == 0);
    let service = world.service("api");
    assert_eq!(service.task_definition, service.task_sets[0].task_definition, "what served before serves again");
    assert!(service.task_sets[0].external_id.is_none());
}

#[test]
fn functions_end_as_the_scenario_says() {
    let hooks = json!([{"AfterAllowTestTraffic": "check-it"}, {"BeforeInstall": "announce"}]);
    let failing = "ready_wait = \"0s\"\n[[codedeploy.hook]]\nevent = \"AfterAllowTestTraffic\"\nend = \"failed\"\nafter = \"20s\"";
    let mut world = deployed(failing);
    let id = world.try_deploy(&hooks).unwrap();
    world.until(|world| world.status(&id).is_final());
    assert_eq!(
        (world.status(&id), reason(&world, &id)),
        (DeploymentStatus::Failed, Some(ErrorCode::HookExecutionFailure))
    );
    let ran = |name| world.stands(&id, name);
    assert_eq!(ran(LifecycleEventName::BeforeInstall), LifecycleEventStatus::Succeeded);
    assert_eq!(ran(LifecycleEventName::AfterAllowTestTraffic), LifecycleEventStatus::Failed);
    assert_eq!(ran(LifecycleEventName::BeforeAllowTraffic), LifecycleEventStatus::Skipped);
    world.until(|world| world.sets() == [(TaskSetStatus::Primary, 6, Stability::SteadyState)]);

    let silent = failing.replace("end = \"failed\"", "end = \"silent\"");
    let mut world = deployed(&silent);
    let id = world.try_deploy(&hooks).unwrap();
    world.until(|world| {
        world.stands(&id, LifecycleEventName::AfterAllowTestTraffic) == LifecycleEventStatus::InProgress
    });
    let began = world.now();
    world.until(|world| world.status(&id).is_final());
    assert_eq!(world.now().since(began), Duration::from_hours(1));
    let unknown = world.try_deploy(&json!([{"AllowTraffic": "x"}])).unwrap_err();
    assert_eq!(unknown.code, "InvalidRevisionException");
}

#[test]
fn tasks_that_die_keep_users_where_they_are_until_the_hour_is_over() {
    let mut world =
        World::new(&Scenario::named("crash-loop").unwrap().laid_out(crate::sim::Layout::TwoTaskSets), 1, START);
    let id = world.deploy();
    world.wait(3_000);
    assert_eq!((world.status(&id), world.green()), (DeploymentStatus::InProgress, 0));
    world.until(|world| world.status(&id).is_final());
    assert_eq!((world.status(&id), reason(&world, &id)), (DeploymentStatus::Failed, Some(ErrorCode::Timeout)));
    world.until(|world| world.sets() == [(TaskSetStatus::Primary, 6, Stability::SteadyState)]);
    assert_eq!(world.truth().harmed(), 0);
}

#[test]
fn test_traffic_reaches_the_new_version_before_users_do() {
    let mut world = deployed("");
    let version = |world: &mut World| {
        let headers = vec![("x-forwarded-port".to_owned(), "8443".to_owned())];
        let (host, method, path) = ("api.shop.test".to_owned(), "GET".to_owned(), "/version".to_owned());
        match world.http(&AppRequest { host, method, path, headers }) {
            AppResponse::Answered { body, .. } => body,
            other => panic!("{other:?}"),
        }
    };
    assert!(version(&mut world).contains("4f2c1e9"));
    let id = world.deploy();
    world.until(|world| world.status(&id) == DeploymentStatus::Ready);
    assert!(version(&mut world).contains("9ab03d7"));
    world.stop_deployment(&id, Some(true)).unwrap();
    world.wait(120);
    assert!(version(&mut world).contains("4f2c1e9"));
}
