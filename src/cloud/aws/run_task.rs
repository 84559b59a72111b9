//! Tasks that run once, in the network of a service.

use aws_sdk_ecs::types::{
    ContainerOverride, DesiredStatus, KeyValuePair, LaunchType, Service, TaskOverride, TaskStopCode,
};

use super::errors::{during, not_found, unexpected};
use super::{Aws, last_part};
use crate::cloud::{CloudError, TaskRun, TaskState};

const SERVICE: &str = "ecs:DescribeServices";
const RUN: &str = "ecs:RunTask";
const DESCRIBE: &str = "ecs:DescribeTasks";
const STOP: &str = "ecs:StopTask";
const LIST: &str = "ecs:ListTasks";

/// Starts the task; its id.
pub(super) async fn run(aws: &Aws, run: &TaskRun<'_>) -> Result<String, CloudError> {
    let service = service(aws, run.service).await?;
    let env = run.env.iter().map(|(name, value)| KeyValuePair::builder().name(name).value(value).build());
    let container = ContainerOverride::builder()
        .name(run.container)
        .set_command(Some(run.command.to_vec()))
        .set_environment(Some(env.collect()));
    // A capacity-provider strategy and a launch type exclude each other.
    let strategy = service.capacity_provider_strategy.filter(|strategy| !strategy.is_empty());
    let launch = match &strategy {
        Some(_) => None,
        None => service.launch_type.or(Some(LaunchType::Fargate)),
    };
    let answer = aws
        .ecs
        .run_task()
        .cluster(&aws.cluster)
        .task_definition(run.task_definition)
        .count(1)
        .client_token(run.token)
        .started_by(run.started_by)
        .set_launch_type(launch)
        .set_capacity_provider_strategy(strategy)
        .set_platform_version(service.platform_version)
        .set_network_configuration(service.network_configuration)
        .overrides(TaskOverride::builder().container_overrides(container.build()).build())
        .send()
        .await
        .map_err(during(RUN))?;
    if let Some(task) = answer.tasks().first().and_then(|task| task.task_arn()) {
        return Ok(last_part(task).to_owned());
    }
    let failure = answer.failures().first();
    let why = failure.and_then(|failure| failure.reason()).unwrap_or("no task and no reason");
    Err(unexpected(RUN, format!("ECS started no task: {why}")))
}

async fn service(aws: &Aws, name: &str) -> Result<Service, CloudError> {
    let call = aws.ecs.describe_services().cluster(&aws.cluster).services(name);
    let found = call.send().await.map_err(during(SERVICE))?.services.unwrap_or_default();
    let missing =
        || not_found(SERVICE, format!("there is no service `{name}` in cluster `{}`", last_part(&aws.cluster)));
    found.into_iter().next().ok_or_else(missing)
}

/// Those that ECS wants to run first, then those that it wants stopped.
pub(super) async fn started_by(aws: &Aws, name: &str) -> Result<Vec<String>, CloudError> {
    let mut all = Vec::new();
    for status in [DesiredStatus::Running, DesiredStatus::Stopped] {
        let call = aws.ecs.list_tasks().cluster(&aws.cluster).started_by(name).desired_status(status);
        let arns =
            call.into_paginator().items().send().collect::<Result<Vec<String>, _>>().await.map_err(during(LIST))?;
        all.extend(arns.iter().map(|arn| last_part(arn).to_owned()));
    }
    Ok(all)
}

/// How far the task has come; the exit code is the container's.
pub(super) async fn state(aws: &Aws, task: &str, container: &str) -> Result<TaskState, CloudError> {
    let answer = aws.ecs.describe_tasks().cluster(&aws.cluster).tasks(task).send().await.map_err(during(DESCRIBE))?;
    let Some(found) = answer.tasks().first() else {
        return Err(not_found(DESCRIBE, format!("ECS no longer knows task `{task}`: how it ended is unknown")));
    };
    let status = found.last_status().unwrap_or_default();
    if status != "STOPPED" {
        return Ok(TaskState::Running(status.to_owned()));
    }
    if let Some(TaskStopCode::UserInitiated | TaskStopCode::SpotInterruption | TaskStopCode::TerminationNotice) =
        found.stop_code()
    {
        // Asked to end, many a program ends with 0 whether or not it was done.
        let reason = found.stopped_reason().unwrap_or("no reason given");
        return Ok(TaskState::Stopped { code: None, reason: format!("it was stopped from outside: {reason}") });
    }
    let ours = found.containers().iter().find(|found| found.name() == Some(container));
    let reason = ours.and_then(|container| container.reason()).or(found.stopped_reason()).unwrap_or("no reason given");
    let code = ours.and_then(aws_sdk_ecs::types::Container::exit_code);
    Ok(TaskState::Stopped { code, reason: reason.to_owned() })
}

/// Stops the task.
pub(super) async fn stop(aws: &Aws, task: &str, reason: &str) -> Result<(), CloudError> {
    aws.ecs.stop_task().cluster(&aws.cluster).task(task).reason(reason).send().await.map_err(during(STOP))?;
    Ok(())
}
