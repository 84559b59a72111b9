//! Services and tasks over time.

use super::*;

#[test]
fn a_crash_loop_fails_the_deployment_and_leaves_what_serves_alone() {
    let mut world = world("crash-loop", 1);
    world.release("api-green", 6);
    world.wait(40);
    assert!(matches!(world.get("green.api.shop.test", "/healthz"), AppResponse::Refused));
    world.wait(300);
    let green = world.service("api-green");
    assert_eq!(green.deployments[0].rollout_state, RolloutState::Failed);
    assert_eq!(green.deployments[0].rollout_state_reason, "ECS deployment circuit breaker: tasks failed to start.");
    assert_eq!(green.deployments[0].failed_tasks, 3, "the breaker trips at half of the desired count");
    let stopped = ListTasks { desired_status: Some(DesiredStatus::Stopped), ..ListTasks::default() };
    let tasks = world.list_tasks(&stopped).unwrap();
    let task = world.describe_tasks(None, &tasks).unwrap().found.remove(0);
    assert_eq!(task.stop_code, Some(StopCode::EssentialContainerExited));
    assert_eq!(task.containers[0].exit_code, Some(1));
    assert_eq!(task.last_status, TaskStatus::Stopped);
    assert_eq!(world.service("api-blue").running, 6);
    world.wait(3_700);
    assert!(world.describe_tasks(None, &tasks).unwrap().found.is_empty(), "stopped tasks are forgotten after an hour");
}

#[test]
fn a_rolling_deployment_stays_within_its_bounds() {
    for (minimum, maximum) in [(100, 200), (50, 100), (100, 150)] {
        let mut world = world("healthy", 5);
        let deployment_configuration = Some(DeploymentConfiguration {
            minimum_healthy_percent: minimum,
            maximum_percent: maximum,
            circuit_breaker: CircuitBreaker::Fail,
            ..DeploymentConfiguration::default()
        });
        let service = "api-blue".to_owned();
        world.update_service(UpdateService { service, deployment_configuration, ..UpdateService::default() }).unwrap();
        world.release("api-blue", 6);
        let (mut least, mut most) = (u32::MAX, 0);
        let mut finished = false;
        for _ in 0..900 {
            world.wait(1);
            let states = world.states("api-blue");
            let healthy = states.iter().filter(|state| **state == TargetState::Healthy).count() as u32;
            let service = world.service("api-blue");
            least = least.min(healthy);
            most = most.max(service.running + service.pending);
            finished =
                service.deployments.len() == 1 && service.deployments[0].rollout_state == RolloutState::Completed;
            if finished {
                break;
            }
        }
        assert!(finished, "{minimum}/{maximum} never completed");
        assert!(least * 100 >= 6 * minimum, "{least} healthy of 6 at {minimum}%");
        assert!(most * 100 <= 6 * maximum, "{most} tasks for 6 at {maximum}%");
    }
}

#[test]
fn a_leaving_task_drains_for_the_deregistration_delay() {
    let mut world = written("summary = \"\"\n[health_check]\nderegistration_delay = \"20s\"\n");
    let service = "api-blue".to_owned();
    world.update_service(UpdateService { service, desired: Some(4), ..UpdateService::default() }).unwrap();
    world.wait(2);
    let draining =
        |world: &World| world.states("api-blue").iter().filter(|state| **state == TargetState::Draining).count();
    assert_eq!(draining(&world), 2);
    let requests = world.truth().unserved;
    world.wait(17);
    assert_eq!(draining(&world), 2);
    world.wait(4);
    assert_eq!(draining(&world), 0);
    assert_eq!(world.states("api-blue").len(), 4);
    assert_eq!(world.truth().unserved, requests, "nobody noticed");
}

#[test]
fn a_task_started_on_its_own_runs_logs_and_ends_with_its_exit_code() {
    for (text, code) in [("summary = \"\"\n", 0), ("summary = \"\"\n[one_off]\nfor = \"5s\"\nexit_code = 3\n", 3)] {
        let mut world = written(text);
        let input = RunTask {
            task_definition: "api".to_owned(),
            count: 1,
            started_by: Some("migrate".to_owned()),
            commands: vec![("api".to_owned(), vec!["alembic".to_owned(), "upgrade".to_owned(), "head".to_owned()])],
            ..RunTask::default()
        };
        let arn = world.run_task(input).unwrap().remove(0).arn;
        world.wait(60);
        let task = world.describe_tasks(None, &[arn]).unwrap().found.remove(0);
        assert_eq!((task.last_status, task.containers[0].exit_code), (TaskStatus::Stopped, Some(code)));
        let stream = format!("api/api/{}", task.id);
        let input = GetLogEvents { group: "/ecs/api".to_owned(), stream, ..GetLogEvents::default() };
        let events = world.get_log_events(&input).unwrap().events;
        assert!(events.iter().any(|event| event.message.contains("migration 0042")), "{events:?}");
        assert_eq!(world.service("api-blue").running, 6, "services are left alone");
    }
    for (only, code) in [("upgrade", 3), ("downgrade", 0)] {
        let mut world = written(&format!("summary = \"\"\n[one_off]\nexit_code = 3\nonly = \"{only}\"\n"));
        let commands = vec![("api".to_owned(), vec!["alembic".to_owned(), "upgrade".to_owned()])];
        let input = RunTask { task_definition: "api".to_owned(), count: 1, commands, ..RunTask::default() };
        let arn = world.run_task(input).unwrap().remove(0).arn;
        world.wait(60);
        let task = world.describe_tasks(None, &[arn]).unwrap().found.remove(0);
        assert_eq!(task.containers[0].exit_code, Some(code), "{only}");
    }
    let mut world = written("summary = \"\"\n");
    let commands = vec![("nobody".to_owned(), Vec::new())];
    let refused =
        world.run_task(RunTask { task_definition: "api".to_owned(), count: 1, commands, ..RunTask::default() });
    assert_eq!(refused.unwrap_err().code, "InvalidParameterException");
}

#[test]
fn the_circuit_breaker_rolls_a_service_back_when_told_to() {
    let mut world = written(
        "summary = \"\"\n[[service]]\nname = \"api\"\ndesired = 4\ncircuit_breaker = \"rollback\"\n[new.crash]\nafter = \
         \"2s\"\n",
    );
    let before = world.service("api").task_definition;
    world.release("api", 4);
    world.wait(300);
    let service = world.service("api");
    assert_eq!(service.task_definition, before);
    assert_eq!(service.deployments[0].rollout_state, RolloutState::Completed);
    assert_eq!((service.running, service.deployments.len()), (4, 1));
    assert!(service.events.iter().any(|event| event.message.contains("rolling back to (deployment ")));
    assert_eq!(world.truth().unserved.requests, 0, "the old tasks served all along");
}

#[test]
fn a_stopped_or_crashed_task_is_replaced() {
    let mut world = world("healthy", 2);
    let of_service = ListTasks { service: Some("api-blue".to_owned()), ..ListTasks::default() };
    let tasks = world.list_tasks(&of_service).unwrap();
    let stopped = world.stop_task(None, &tasks[0], Some("by hand")).unwrap();
    assert_eq!(
        (stopped.stop_code, stopped.stopped_reason.as_deref()),
        (Some(StopCode::UserInitiated), Some("by hand"))
    );
    assert!(world.crash_task("api-blue", 137));
    world.wait(5);
    assert!(world.service("api-blue").running < 6);
    world.wait(90);
    let now = world.list_tasks(&of_service).unwrap();
    assert_eq!(now.len(), 6);
    assert_eq!(now.iter().filter(|arn| tasks.contains(arn)).count(), 4);
    assert_eq!(world.states("api-blue").iter().filter(|state| **state == TargetState::Healthy).count(), 6);
}

#[test]
fn targets_that_fail_their_checks_become_unhealthy_and_are_replaced_after_the_grace_period() {
    let mut world = written(
        "summary = \"\"\n[new]\nhealth_check_failures = \"100%\"\n[[service]]\nname = \"api-blue\"\ndesired = 2\n[[service]]\n\
         name = \"api-green\"\ngrace = \"120s\"\ndesired = 0\n",
    );
    world.release("api-green", 2);
    world.wait(75);
    assert_eq!(world.states("api-green"), [TargetState::Unhealthy; 2]);
    let health = world.describe_target_health(&world.group("api-green")).unwrap().remove(0);
    assert_eq!(health.reason, Some("Target.ResponseCodeMismatch"));
    assert_eq!(world.service("api-green").deployments[0].failed_tasks, 0, "still in its grace period");
    world.wait(120);
    assert!(world.service("api-green").deployments[0].failed_tasks >= 2);
    let stopped = ListTasks { desired_status: Some(DesiredStatus::Stopped), ..ListTasks::default() };
    let tasks = world.list_tasks(&stopped).unwrap();
    let reason = world.describe_tasks(None, &tasks).unwrap().found.remove(0).stopped_reason.unwrap();
    assert!(
        reason.starts_with("Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:"),
        "{reason}"
    );
}
