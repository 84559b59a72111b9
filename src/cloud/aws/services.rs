//! ECS services: what they run, and how much of it they are to run.

use std::collections::BTreeSet;

use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState, Service, TaskDefinition, TaskDefinitionStatus};
use tokio::try_join;

use super::errors::{during, not_found, unexpected};
use super::register;
use super::rollout::alb;
use super::{Aws, last_part, lock};
use crate::cloud::{CloudError, ErrorKind, ServiceSurvey, Survey, Target};
use crate::domain::capacity::CRASH_LOOP;
use crate::domain::ids::{TaskDefinitionArn, Version};

const DESCRIBE: &str = "ecs:DescribeServices";
pub(super) const UPDATE: &str = "ecs:UpdateService";

/// Most services that ECS describes by one call.
const BATCH: usize = 10;

/// Looks at a component as it stands: weights, services, and the images of their task definitions.
pub(super) async fn survey(aws: &Aws, target: &Target) -> Result<Survey, CloudError> {
    let [first, second] = &target.services;
    let (share, [one, other]) = try_join!(
        alb::share(aws, &target.rule, &first.target_group, &second.target_group),
        describe(aws, [&first.service, &second.service]),
    )?;
    let (one, other) = try_join!(survey_of(aws, &one, &target.container), survey_of(aws, &other, &target.container))?;
    let weights = [share.rest(), share];
    Ok(Survey { blue: usize::from(share > share.rest()), weights, services: [one, other], increments: Vec::new() })
}

pub(super) async fn survey_of(aws: &Aws, service: &Service, container: &str) -> Result<ServiceSurvey, CloudError> {
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

/// The image of a container in a task definition that can still be run.
pub(super) async fn definition(
    aws: &Aws,
    arn: &TaskDefinitionArn,
    container: &str,
) -> Result<Option<Version>, CloudError> {
    match register::describe(aws, arn.as_str()).await {
        Ok((definition, _)) if definition.status() == Some(&TaskDefinitionStatus::Active) => {
            image_of(&definition, container).map(Some)
        }
        Ok(_) => Ok(None),
        // ECS calls a task definition that it does not have a wrong request.
        Err(error) if error.kind == ErrorKind::NotFound || error.message.contains("Unable to describe") => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn image_of(definition: &TaskDefinition, container: &str) -> Result<Version, CloudError> {
    let found = definition.container_definitions().iter().find(|found| found.name() == Some(container));
    let image = found.and_then(|found| found.image.clone());
    image.map(Version).ok_or_else(|| register::no_such_container(register::DESCRIBE, definition, container))
}

/// Makes a service run `desired` tasks, of `task_definition` if given.
///
/// ECS starts no deployment for a task definition that the service is on already. After one that failed it would go on
/// doing nothing, so a new one is forced; the next look finds that one under way, and forces nothing.
pub(super) async fn scale(
    aws: &Aws,
    service: &str,
    desired: u32,
    task_definition: Option<&TaskDefinitionArn>,
) -> Result<(), CloudError> {
    let desired = i32::try_from(desired).map_err(|_| unexpected(UPDATE, format!("{desired} tasks are too many")))?;
    let failed = match task_definition {
        Some(wanted) => failed_deployment(aws, service, wanted).await?,
        None => None,
    };
    aws.ecs
        .update_service()
        .cluster(&aws.cluster)
        .service(service)
        .desired_count(desired)
        .set_task_definition(task_definition.map(|arn| arn.0.clone()))
        .set_force_new_deployment(failed.is_some().then_some(true))
        .send()
        .await
        .map_err(during(UPDATE))?;
    if let Some(failed) = failed {
        lock(&aws.superseded).insert(service.to_owned(), failed);
    }
    Ok(())
}

/// The id of the deployment that a service is on, if it is one of `wanted` whose tasks failed.
async fn failed_deployment(aws: &Aws, service: &str, wanted: &TaskDefinitionArn) -> Result<Option<String>, CloudError> {
    let call = aws.ecs.describe_services().cluster(&aws.cluster).services(service);
    let found = call.send().await.map_err(during(DESCRIBE))?.services.unwrap_or_default();
    let Some(found) = found.iter().find(|found| is_named(found, service)) else { return Ok(None) };
    let primary = primary(found)?;
    let has_failed =
        primary.rollout_state == Some(DeploymentRolloutState::Failed) || count(primary.failed_tasks) >= CRASH_LOOP;
    Ok(primary.id.clone().filter(|_| has_failed && definition_of(primary) == *wanted))
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

/// One service.
pub(super) async fn describe_one(aws: &Aws, name: &str) -> Result<Service, CloudError> {
    let call = aws.ecs.describe_services().cluster(&aws.cluster).services(name);
    let found = call.send().await.map_err(during(DESCRIBE))?.services.unwrap_or_default();
    found.into_iter().find(|service| service.status() != Some("INACTIVE")).ok_or_else(|| {
        not_found(DESCRIBE, format!("there is no active service `{name}` in cluster `{}`", last_part(&aws.cluster)))
    })
}

/// Many services, those that are there, in any order.
pub(super) async fn describe_many(aws: &Aws, names: &BTreeSet<&str>) -> Result<Vec<Service>, CloudError> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut all = Vec::new();
    for batch in names.chunks(BATCH) {
        let call = aws.ecs.describe_services().cluster(&aws.cluster).set_services(Some(batch.to_vec()));
        all.extend(call.send().await.map_err(during(DESCRIBE))?.services.unwrap_or_default());
    }
    all.retain(|service| service.status() != Some("INACTIVE"));
    Ok(all)
}

pub(super) fn is_named(service: &Service, name: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cloud::aws::testing::{BLUE, GREEN, RULE, Script, Sent, json, sides, xml};
    use crate::cloud::{Cloud as _, ErrorKind, Rollout, ServiceTarget};
    use crate::domain::ids::Side;
    use crate::domain::percent::Percent;
    use crate::domain::plan::Driver;

    fn target() -> Target {
        let service = |service: &str, target_group: &str| ServiceTarget {
            service: service.to_owned(),
            target_group: target_group.to_owned(),
        };
        Target {
            driver: Driver::Alb,
            group: None,
            rule: RULE.to_owned(),
            services: [service("api-a", BLUE), service("api-b", GREEN)],
            container: "api".to_owned(),
        }
    }

    fn script(second_status: &str) -> Script {
        let rule = format!(
            "<Rules><member><Actions><member><Type>forward</Type><ForwardConfig><TargetGroups>\
             <member><TargetGroupArn>{BLUE}</TargetGroupArn><Weight>0</Weight></member>\
             <member><TargetGroupArn>{GREEN}</TargetGroupArn><Weight>100</Weight></member>\
             </TargetGroups></ForwardConfig></member></Actions></member></Rules>"
        );
        let deployment = |definition: &str, state: &str| json!([{ "status": "PRIMARY", "taskDefinition": definition, "rolloutState": state }]);
        let services = json!({ "services": [
            { "serviceName": "api-b", "status": second_status, "desiredCount": 4, "deployments": deployment("api:42", "COMPLETED") },
            { "serviceName": "api-a", "status": "ACTIVE", "desiredCount": 0, "deployments": deployment("api:42", "IN_PROGRESS") },
        ] });
        let definition = json!({ "taskDefinition": { "family": "api", "revision": 42,
            "containerDefinitions": [{ "name": "proxy", "image": "envoy:1" }, { "name": "api", "image": "api:4f2c1e9" }] } });
        Script::new()
            .on("DescribeRules", xml("DescribeRules", &rule))
            .on("DescribeServices", json(services))
            .on("DescribeTaskDefinition", json(definition))
    }

    #[tokio::test(start_paused = true)]
    async fn the_side_that_has_the_traffic_is_blue() {
        let survey = script("ACTIVE").aws().survey(&target()).await.unwrap();
        assert_eq!((survey.blue, survey.weights.map(Percent::get)), (1, [0, 100]));
        let [first, second] = survey.services;
        assert_eq!((first.desired, first.is_deploying), (0, true));
        assert_eq!((second.desired, second.is_deploying), (4, false));
        assert_eq!((second.task_definition.as_str(), second.version.short()), ("api:42", "4f2c1e9"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_there_is_named() {
        let error = script("INACTIVE").aws().survey(&target()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound);
        assert_eq!(error.message, "there is no active service `api-b` in cluster `prod`");

        let error =
            script("ACTIVE").aws().survey(&Target { container: "web".to_owned(), ..target() }).await.unwrap_err();
        assert!(error.message.ends_with("it has proxy, api"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn scaling_leaves_the_task_definition_alone_unless_one_is_given() {
        let script = on(&[("api:42", "COMPLETED", 0)]);
        let aws = script.aws();
        aws.scale(&Rollout::of(&sides()), Side::Green, 6, Some(&TaskDefinitionArn::from("api:43"))).await.unwrap();
        aws.scale(&Rollout::of(&sides()), Side::Blue, 0, None).await.unwrap();
        let sent: Vec<_> = script.sent("UpdateService").iter().map(Sent::json).collect();
        assert_eq!(
            sent,
            [
                json!({ "cluster": "prod", "service": "api-b", "desiredCount": 6, "taskDefinition": "api:43" }),
                json!({ "cluster": "prod", "service": "api-a", "desiredCount": 0 }),
            ]
        );
    }

    /// A service that is on each of these deployments in turn: task definition, rollout state and failed tasks.
    fn on(deployments: &[(&str, &str, i32)]) -> Script {
        let script = Script::new().on("UpdateService", json(json!({ "service": {} })));
        deployments.iter().zip(1..).fold(script, |script, ((definition, state, failed), number)| {
            let deployment = json!({ "id": format!("d{number}"), "status": "PRIMARY", "taskDefinition": definition,
                "rolloutState": state, "failedTasks": failed });
            let service = json!({ "serviceName": "api-b", "status": "ACTIVE", "deployments": [deployment] });
            script.on("DescribeServices", json(json!({ "services": [service] })))
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_deployment_is_forced_only_where_the_same_task_definition_has_failed() {
        let stands = [
            ("api:42", "FAILED", 3),
            ("api:43", "COMPLETED", 0),
            ("api:43", "FAILED", 3),
            ("api:43", "IN_PROGRESS", 0),
            ("api:43", "IN_PROGRESS", 4),
        ];
        let script = on(&stands);
        let aws = script.aws();
        for _ in stands {
            aws.scale(&Rollout::of(&sides()), Side::Green, 6, Some(&TaskDefinitionArn::from("api:43"))).await.unwrap();
        }
        let is_forced = |sent: &Sent| sent.json().get("forceNewDeployment") == Some(&json!(true));
        let forced: Vec<bool> = script.sent("UpdateService").iter().map(is_forced).collect();
        assert_eq!(forced, [false, false, true, false, true]);
    }
}
