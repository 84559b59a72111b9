//! The `rolling` driver: ECS replaces the tasks of one service, a few at a time, and goes back by itself when too many
//! fail or an alarm fires.
//!
//! There are no weights to set. What stands for green's is its share of the tasks that run: none and all are certain, and
//! all is only said once the deployment has completed.

use aws_sdk_ecs::types::{Deployment, DeploymentConfiguration, DeploymentStrategy, Service};
use tokio::{join, try_join};

use super::super::capacity::{counted, ill_targets, targets, targets_alone};
use super::super::errors::{during, unexpected};
use super::super::services::{self, UPDATE, count, definition_of};
use super::super::{Aws, tasks};
use super::deployments::{self, Newest, given_up, somebody_elses};
use crate::cloud::{CloudError, Progress, Rollout, Survey, Target};
use crate::domain::capacity::{Capacities, Capacity};
use crate::domain::deployment::Course;
use crate::domain::ids::TaskDefinitionArn;
use crate::domain::percent::Percent;
use crate::domain::plan::Sides;

/// Looks at a component as it stands.
pub(super) async fn survey(aws: &Aws, target: &Target) -> Result<Survey, CloudError> {
    let [only, _] = &target.services;
    let (service, newest) =
        try_join!(services::describe_one(aws, &only.service), deployments::newest(aws, &only.service))?;
    let mut surveyed = services::survey_of(aws, &service, &target.container).await?;
    surveyed.is_deploying |= newest.is_some_and(|newest| !newest.seen.course.is_over());
    Ok(Survey {
        blue: 0,
        weights: [Percent::FULL, Percent::ZERO],
        services: [surveyed.clone(), surveyed],
        increments: Vec::new(),
    })
}

/// Green's share of the service's running tasks.
pub(super) async fn weight(aws: &Aws, sides: &Sides) -> Result<Percent, CloudError> {
    Ok(share_of_others(&services::describe_one(aws, &sides.blue.service).await?, &sides.blue.task_definition))
}

/// Only none of the tasks is 0; all of them are 100 once the deployment has completed.
pub(super) fn share_of_others(service: &Service, blue: &TaskDefinitionArn) -> Percent {
    let running = |is_wanted: &dyn Fn(&&Deployment) -> bool| -> u32 {
        service.deployments().iter().filter(is_wanted).map(|deployment| count(deployment.running_count)).sum()
    };
    let of_blue = |deployment: &&Deployment| definition_of(deployment) == *blue;
    let (all, green) = (running(&|_| true), running(&|deployment| !of_blue(deployment)));
    let is_completed = matches!(service.deployments(), [only] if is_completed(only) && !of_blue(&only));
    match green {
        0 => Percent::ZERO,
        _ if is_completed => Percent::FULL,
        green => Percent::clamped(Percent::share(u64::from(green), u64::from(all)).get().clamp(1, 99)),
    }
}

fn is_completed(deployment: &Deployment) -> bool {
    deployment.rollout_state == Some(aws_sdk_ecs::types::DeploymentRolloutState::Completed)
}

/// What of the service is each side's, by four calls.
pub(super) async fn capacity(aws: &Aws, sides: &Sides) -> Result<Capacities, CloudError> {
    let (service, newest, targets) = join!(
        services::describe_one(aws, &sides.blue.service),
        deployments::newest(aws, &sides.blue.service),
        targets(aws, &sides.blue.target_group),
    );
    let targets = targets?;
    let (service, newest) = match (service, newest) {
        (Ok(service), Ok(newest)) => (service, newest),
        (Err(error), _) | (_, Err(error)) => {
            // Whose the targets are, only ECS could say.
            let part = targets_alone(&targets, &error);
            return Ok(Capacities { blue: part.clone(), green: part, deployment: None });
        }
    };
    let (healthy, registered) = counted(&targets);
    let is_completed = matches!(service.deployments(), [only] if is_completed(only));
    let part = |is_wanted: &dyn Fn(&TaskDefinitionArn) -> bool| {
        let own = || service.deployments().iter().filter(|deployment| is_wanted(&definition_of(deployment)));
        let sum = |number: fn(&Deployment) -> i32| own().map(|deployment| count(number(deployment))).sum::<u32>();
        Capacity {
            task_definition: own().next().map(definition_of).unwrap_or_default(),
            desired: own().map(|deployment| count(deployment.desired_count)).max().unwrap_or_default(),
            running: sum(|deployment| deployment.running_count),
            pending: sum(|deployment| deployment.pending_count),
            failed_tasks: sum(|deployment| deployment.failed_tasks),
            ..Capacity::default()
        }
    };
    let mut blue = part(&|definition| *definition == sides.blue.task_definition);
    let mut green = part(&|definition| *definition != sides.blue.task_definition);
    // A target does not say whose task it is. Old tasks are healthy, or ECS would have replaced them before.
    blue.healthy = healthy.min(blue.running);
    green.healthy = (healthy - blue.healthy).min(green.running);
    (blue.registered, green.registered) = (blue.healthy, registered.saturating_sub(blue.healthy));
    if green.running == 0 && green.pending == 0 {
        (blue.registered, green.registered) = (registered, 0);
    }
    blue.failed_tasks = 0;
    for side in [&mut blue, &mut green] {
        side.steady = is_completed && side.running > 0 && side.running == side.desired;
    }
    if let Some(newest) = newest.as_ref().filter(|newest| newest.target.task_definition != sides.blue.task_definition) {
        green.task_definition = newest.target.task_definition.clone();
        green.rollout_failed = newest.seen.course.is_given_up();
        let failed = newest.seen.failures.map_or(0, |(failed, _)| failed);
        green.failed_tasks = green.failed_tasks.max(failed);
        let cause = match green.failed_tasks {
            0 => None,
            _ => tasks::newest_failure(aws, &sides.green.service, green.task_definition.as_str()).await.ok().flatten(),
        };
        let reason = newest.seen.reason.clone().filter(|_| green.rollout_failed);
        let told: Vec<String> = [cause, reason, ill_targets(&targets)].into_iter().flatten().take(2).collect();
        green.trouble = (!told.is_empty()).then(|| told.join("; "));
    } else {
        blue.trouble = ill_targets(&targets);
    }
    Ok(Capacities { blue, green, deployment: newest.map(|newest| Box::new(newest.seen)) })
}

/// All tasks to green, or all back to blue; nothing between.
pub(super) async fn set_weight(aws: &Aws, rollout: &Rollout<'_>, green: Percent) -> Result<Progress, CloudError> {
    let sides = rollout.sides;
    let newest = deployments::newest(aws, &sides.green.service).await?;
    if green == Percent::ZERO {
        return go_back(aws, sides, newest.as_ref()).await;
    }
    let Some(wanted) = rollout.green else {
        return Err(unexpected(UPDATE, "the new task definition has not been registered"));
    };
    match newest {
        Some(newest) if newest.deploys(wanted) => match newest.seen.course {
            Course::Completed => Ok(Progress::Done),
            Course::Underway | Course::Unknown => Ok(Progress::Underway),
            Course::GoingBack | Course::WentBack | Course::Stopped | Course::Failed => Err(given_up(&newest)),
        },
        Some(newest) if !newest.seen.course.is_over() => Err(somebody_elses(&newest)),
        _ => deploy(aws, rollout, wanted).await,
    }
}

async fn go_back(aws: &Aws, sides: &Sides, newest: Option<&Newest>) -> Result<Progress, CloudError> {
    let Some(newest) = newest else { return Ok(Progress::Done) };
    let blue = &sides.blue.task_definition;
    match newest.seen.course {
        Course::Completed | Course::WentBack if newest.deploys(blue) => Ok(Progress::Done),
        Course::WentBack => Ok(Progress::Done),
        Course::GoingBack => Ok(Progress::Underway),
        Course::Underway | Course::Unknown if newest.deploys(blue) => Ok(Progress::Underway),
        Course::Underway | Course::Unknown => deployments::stop(aws, &newest.arn).await,
        Course::Completed | Course::Stopped | Course::Failed => deploy(aws, &Rollout::of(sides), blue).await,
    }
}

async fn deploy(aws: &Aws, rollout: &Rollout<'_>, wanted: &TaskDefinitionArn) -> Result<Progress, CloudError> {
    let service = services::describe_one(aws, &rollout.sides.green.service).await?;
    let own = service.deployment_configuration();
    let configuration = DeploymentConfiguration::builder()
        .strategy(DeploymentStrategy::Rolling)
        .set_maximum_percent(own.and_then(DeploymentConfiguration::maximum_percent))
        .set_minimum_healthy_percent(own.and_then(DeploymentConfiguration::minimum_healthy_percent))
        .deployment_circuit_breaker(deployments::breaker())
        .alarms(deployments::alarms(rollout.alarms)?)
        .build();
    let name = &rollout.sides.green.service;
    let call = aws.ecs.update_service().cluster(&aws.cluster).service(name).task_definition(wanted.as_str());
    call.deployment_configuration(configuration).send().await.map_err(during(UPDATE))?;
    Ok(Progress::Underway)
}
