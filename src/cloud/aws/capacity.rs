//! How much of each side is there to serve traffic, and what is wrong where some is missing.

use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState, Service};
use aws_sdk_elasticloadbalancingv2::types::{TargetHealth, TargetHealthDescription, TargetHealthStateEnum};
use tokio::{join, try_join};

use super::errors::during;
use super::services::{self, count, definition_of};
use super::{Aws, lock, tasks};
use crate::cloud::CloudError;
use crate::domain::capacity::{Capacities, Capacity};
use crate::domain::effect::Failure;
use crate::domain::plan::Sides;

const DESCRIBE_HEALTH: &str = "elasticloadbalancing:DescribeTargetHealth";

/// Both sides' capacity, by three calls; by two more for a side on which more tasks have failed since the last look.
///
/// ECS failing does not keep back what the load balancer says of the targets: a rollback needs no more.
pub(super) async fn capacity(aws: &Aws, sides: &Sides) -> Result<Capacities, CloudError> {
    let (services, blue_targets, green_targets) = join!(
        services::describe(aws, [&sides.blue.service, &sides.green.service]),
        targets(aws, &sides.blue.target_group),
        targets(aws, &sides.green.target_group),
    );
    let (blue_targets, green_targets) = (blue_targets?, green_targets?);
    let whole = match services {
        Ok([blue, green]) => try_join!(side(aws, &blue, &blue_targets), side(aws, &green, &green_targets)),
        Err(error) => Err(error),
    };
    Ok(match whole {
        Ok((blue, green)) => Capacities { blue, green, deployment: None },
        Err(error) => {
            let part = |targets: &[TargetHealthDescription]| targets_alone(targets, &error);
            Capacities { blue: part(&blue_targets), green: part(&green_targets), deployment: None }
        }
    })
}

/// What is known of a side while ECS cannot be asked.
pub(super) fn targets_alone(targets: &[TargetHealthDescription], error: &CloudError) -> Capacity {
    let (healthy, registered) = counted(targets);
    let unread = Failure { transient: error.is_transient(), message: error.to_string() };
    Capacity { healthy, registered, trouble: ill_targets(targets), unread: Some(unread), ..Capacity::default() }
}

/// Healthy targets, and all that are registered. A draining one has been taken out already.
pub(super) fn counted(targets: &[TargetHealthDescription]) -> (u32, u32) {
    let states = targets.iter().map(|target| target.target_health.as_ref().and_then(|health| health.state.as_ref()));
    let in_state = |wanted: &TargetHealthStateEnum| states.clone().filter(|state| *state == Some(wanted)).count();
    let registered = targets.len() - in_state(&TargetHealthStateEnum::Draining);
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    (count(in_state(&TargetHealthStateEnum::Healthy)), count(registered))
}

pub(super) async fn targets(aws: &Aws, target_group: &str) -> Result<Vec<TargetHealthDescription>, CloudError> {
    let call = aws.elb.describe_target_health().target_group_arn(target_group);
    let answer = call.send().await.map_err(during(DESCRIBE_HEALTH))?;
    Ok(answer.target_health_descriptions.unwrap_or_default())
}

async fn side(aws: &Aws, service: &Service, targets: &[TargetHealthDescription]) -> Result<Capacity, CloudError> {
    let newest = newest(service)?;
    let superseded = lock(&aws.superseded).get(service.service_name().unwrap_or_default()).cloned();
    if superseded.is_some() && superseded == newest.id {
        // The failure is that of the deployment before: the one asked for does not show yet.
        let mut yet_to_show = newest.clone();
        (yet_to_show.rollout_state, yet_to_show.failed_tasks) = (None, 0);
        return Ok(capacity_of(service, &yet_to_show, targets, None));
    }
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
    let (healthy, registered) = counted(targets);
    let is_completed = newest.rollout_state == Some(DeploymentRolloutState::Completed);
    Capacity {
        task_definition: definition_of(newest),
        desired: count(service.desired_count),
        running: count(service.running_count),
        pending: count(service.pending_count),
        healthy,
        registered,
        failed_tasks: count(newest.failed_tasks),
        trouble: trouble(service, newest, targets, cause_of_death),
        rollout_failed: has_failed(newest),
        steady: service.deployments().len() == 1 && is_completed && service.running_count == service.desired_count,
        unread: None,
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
pub(super) fn ill_targets(targets: &[TargetHealthDescription]) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::primitives::DateTime;
    use aws_sdk_ecs::types::ServiceEvent;
    use aws_sdk_elasticloadbalancingv2::types::TargetHealthReasonEnum;
    use serde_json::{Value, json};

    use super::*;
    use crate::cloud::Cloud as _;
    use crate::cloud::aws::testing::{self, Script, sides, xml};

    fn deployment(status: &str, task_definition: &str, state: &str, reason: &str) -> Deployment {
        Deployment::builder()
            .id(task_definition)
            .status(status)
            .task_definition(task_definition)
            .rollout_state(DeploymentRolloutState::from(state))
            .rollout_state_reason(reason)
            .created_at(DateTime::from_secs(100))
            .build()
    }

    fn service(desired: i32, running: i32, deployments: Vec<Deployment>) -> Service {
        Service::builder()
            .service_name("api-b")
            .desired_count(desired)
            .running_count(running)
            .set_deployments(Some(deployments))
            .build()
    }

    fn target(state: &str, reason: Option<&str>, description: Option<&str>) -> TargetHealthDescription {
        let health = TargetHealth::builder()
            .state(TargetHealthStateEnum::from(state))
            .set_reason(reason.map(TargetHealthReasonEnum::from))
            .set_description(description.map(str::to_owned))
            .build();
        TargetHealthDescription::builder().target_health(health).build()
    }

    fn seen(service: &Service, targets: &[TargetHealthDescription], cause: Option<&str>) -> Capacity {
        capacity_of(service, newest(service).unwrap(), targets, cause.map(str::to_owned))
    }

    #[test]
    fn a_side_is_steady_once_one_completed_deployment_runs_all_that_is_wanted() {
        let completed = || deployment("PRIMARY", "api:42", "COMPLETED", "");
        assert!(seen(&service(2, 2, vec![completed()]), &[], None).steady);
        assert!(seen(&service(0, 0, vec![completed()]), &[], None).steady);
        let old = deployment("ACTIVE", "api:41", "COMPLETED", "");
        for unsteady in [
            service(2, 1, vec![completed()]),
            service(2, 2, vec![completed(), old]),
            service(2, 2, vec![deployment("PRIMARY", "api:42", "IN_PROGRESS", "")]),
            service(2, 2, vec![deployment("PRIMARY", "api:42", "PONDERING", "")]),
            service(2, 2, vec![Deployment::builder().status("PRIMARY").build()]),
        ] {
            assert!(!seen(&unsteady, &[], None).steady, "{unsteady:?}");
        }
    }

    #[test]
    fn targets_are_counted_by_state_and_a_draining_one_is_gone() {
        let targets = ["healthy", "healthy", "initial", "unhealthy", "draining", "brand-new-state"];
        let targets = targets.map(|state| target(state, None, None));
        let capacity = seen(&service(2, 2, vec![deployment("PRIMARY", "api:42", "COMPLETED", "")]), &targets, None);
        assert_eq!((capacity.healthy, capacity.registered), (2, 5));
        assert_eq!(capacity.trouble.as_deref(), Some("2 of 6 targets unhealthy: no reason given"));
    }

    #[test]
    fn the_newest_deployment_is_the_one_asked_for_even_while_ecs_goes_back_by_itself() {
        let back = deployment("PRIMARY", "api:41", "IN_PROGRESS", "ECS deployment circuit breaker: rolling back to x.");
        let failed = deployment("ACTIVE", "api:42", "FAILED", "ECS deployment circuit breaker: tasks failed to start.");
        let capacity = seen(&service(2, 0, vec![back, failed.clone()]), &[], Some("api exited with 1"));
        assert_eq!(capacity.task_definition.as_str(), "api:42");
        assert!(capacity.rollout_failed && !capacity.steady);
        let trouble = "api exited with 1; ECS deployment circuit breaker: tasks failed to start";
        assert_eq!(capacity.trouble.as_deref(), Some(trouble));

        // A failure of the past, beside a deployment that somebody asked for since, is not news.
        let next = deployment("PRIMARY", "api:43", "IN_PROGRESS", "ECS deployment in progress.");
        let capacity = seen(&service(2, 0, vec![next, failed]), &[], None);
        assert_eq!((capacity.task_definition.as_str(), capacity.rollout_failed), ("api:43", false));
    }

    #[test]
    fn the_load_balancers_words_come_before_the_event_and_old_events_are_left_out() {
        let event = |secs, message: &str| {
            ServiceEvent::builder().created_at(DateTime::from_secs(secs)).message(message).build()
        };
        let mut service = service(2, 1, vec![deployment("PRIMARY", "api:42", "IN_PROGRESS", "")]);
        service.events = Some(vec![
            event(150, "(service api-b) has started 1 tasks."),
            event(120, "(service api-b) was unable to place a task: no capacity."),
            event(90, "(service api-b) was unable to place a task: long ago."),
        ]);
        let ill = target("unhealthy", Some("Target.ResponseCodeMismatch"), Some("Health checks failed with [503]"));
        let trouble = seen(&service, &[ill], None).trouble.unwrap();
        assert_eq!(
            trouble,
            "1 of 1 targets unhealthy: Health checks failed with [503]; \
             (service api-b) was unable to place a task: no capacity"
        );
        service.running_count = 2;
        assert_eq!(seen(&service, &[], None).trouble, None);
    }

    #[test]
    fn a_service_without_a_primary_deployment_is_refused() {
        assert!(newest(&service(2, 2, vec![])).unwrap_err().message.contains("`api-b` has no primary deployment"));
    }

    fn services(failed: i32) -> Value {
        let service = |name: &str, failed: i32| {
            json!({ "serviceName": name, "status": "ACTIVE", "desiredCount": 2, "runningCount": 2, "pendingCount": 0,
                "deployments": [{ "id": "d1", "status": "PRIMARY", "taskDefinition": "api:42", "failedTasks": failed,
                    "rolloutState": "IN_PROGRESS", "desiredCount": 2, "runningCount": 2, "pendingCount": 0 }] })
        };
        // In an order of its own.
        json!({ "services": [service("api-b", failed), service("api-a", 0)] })
    }

    #[tokio::test(start_paused = true)]
    async fn stopped_tasks_are_looked_up_only_when_more_have_failed() {
        let targets = "<TargetHealthDescriptions><member><TargetHealth><State>healthy</State></TargetHealth></member>\
                       </TargetHealthDescriptions>";
        let task = json!({ "taskArn": "arn:aws:ecs:eu-west-1:1:task/prod/t1", "taskDefinitionArn": "api:42",
            "stoppedReason": "Essential container in task exited",
            "containers": [{ "name": "api", "exitCode": 137, "reason": "OutOfMemoryError" }] });
        let script = Script::new()
            .on("DescribeServices", testing::json(services(0)))
            .on("DescribeServices", testing::json(services(1)))
            .on("DescribeServices", testing::json(services(1)))
            .on("DescribeServices", testing::json(services(2)))
            .on("DescribeTargetHealth", xml("DescribeTargetHealth", targets))
            .on("ListTasks", testing::json(json!({ "taskArns": ["arn:aws:ecs:eu-west-1:1:task/prod/t1"] })))
            .on("DescribeTasks", testing::json(json!({ "tasks": [task] })));
        let aws = script.aws();
        let mut looked_up = Vec::new();
        for _ in 0..4 {
            let both = aws.capacity(&sides()).await.unwrap();
            assert_eq!((both.blue.trouble, both.green.healthy), (None, 1));
            looked_up.push((both.green.trouble.is_some(), script.sent("DescribeTasks").len()));
        }
        assert_eq!(looked_up, [(false, 0), (true, 1), (true, 1), (true, 2)]);
        let trouble = aws.capacity(&sides()).await.unwrap().green.trouble.unwrap();
        assert_eq!(trouble, "api exited with 137, OutOfMemoryError (Essential container in task exited)");
    }
}
