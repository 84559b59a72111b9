//! ECS tasks: whose they are, and why they stopped.

use std::collections::BTreeSet;

use aws_sdk_ecs::types::{Container, DesiredStatus, Task};
use tokio::try_join;

use super::errors::during;
use super::{Aws, last_part};
use crate::cloud::{CloudError, TaskBrief};
use crate::domain::ids::Side;
use crate::domain::plan::Sides;

const LIST: &str = "ecs:ListTasks";
const DESCRIBE: &str = "ecs:DescribeTasks";

/// Most tasks that ECS describes by one call.
const BATCH: usize = 100;

/// Both services' running tasks and those that stopped within about the last hour.
pub(super) async fn tasks(aws: &Aws, sides: &Sides) -> Result<Vec<TaskBrief>, CloudError> {
    if sides.blue.service == sides.green.service {
        return of_revisions(aws, sides).await;
    }
    let (mut blue, green) = try_join!(
        of_service(aws, &sides.blue.service, Side::Blue),
        of_service(aws, &sides.green.service, Side::Green)
    )?;
    blue.extend(green);
    Ok(blue)
}

/// Where both sides are revisions of one service, a task's definition says whose it is.
async fn of_revisions(aws: &Aws, sides: &Sides) -> Result<Vec<TaskBrief>, CloudError> {
    let service = &sides.blue.service;
    let (running, stopped) =
        try_join!(list(aws, service, DesiredStatus::Running), list(aws, service, DesiredStatus::Stopped))?;
    let (running, stopped) = try_join!(describe(aws, &running), describe(aws, &stopped))?;
    let side = |task: &Task| match task.task_definition_arn() {
        Some(definition) if definition == sides.blue.task_definition.as_str() => Side::Blue,
        _ => Side::Green,
    };
    let running = running.iter().map(|task| brief(task.task_arn().unwrap_or_default(), side(task), None));
    let stopped = stopped.iter().map(|task| stopped_brief(task, side(task)));
    Ok(running.chain(stopped).collect())
}

async fn of_service(aws: &Aws, service: &str, side: Side) -> Result<Vec<TaskBrief>, CloudError> {
    let (running, stopped) =
        try_join!(list(aws, service, DesiredStatus::Running), list(aws, service, DesiredStatus::Stopped))?;
    let mut briefs: Vec<TaskBrief> = running.iter().map(|arn| brief(arn, side, None)).collect();
    briefs.extend(describe(aws, &stopped).await?.iter().map(|task| stopped_brief(task, side)));
    Ok(briefs)
}

fn brief(arn: &str, side: Side, stopped: Option<String>) -> TaskBrief {
    TaskBrief { id: last_part(arn).to_owned(), side, stopped }
}

fn stopped_brief(task: &Task, side: Side) -> TaskBrief {
    let reason = reason_of(task).unwrap_or_else(|| "no reason given".to_owned());
    brief(task.task_arn().unwrap_or_default(), side, Some(reason))
}

/// Why the newest task of a task definition failed, if one did that ECS still knows.
pub(super) async fn newest_failure(
    aws: &Aws,
    service: &str,
    task_definition: &str,
) -> Result<Option<String>, CloudError> {
    let stopped = list(aws, service, DesiredStatus::Stopped).await?;
    let tasks = describe(aws, &stopped).await?;
    Ok(newest_failure_of(&tasks, task_definition))
}

/// How many tasks of a task definition have failed that ECS still knows, and why the newest did.
pub(super) async fn failures(
    aws: &Aws,
    service: &str,
    task_definition: &str,
) -> Result<(u32, Option<String>), CloudError> {
    let stopped = list(aws, service, DesiredStatus::Stopped).await?;
    let tasks = describe(aws, &stopped).await?;
    let failed = tasks.iter().filter(|task| has_failed(task, task_definition)).count();
    Ok((u32::try_from(failed).unwrap_or(u32::MAX), newest_failure_of(&tasks, task_definition)))
}

fn has_failed(task: &Task, task_definition: &str) -> bool {
    task.task_definition_arn() == Some(task_definition)
        && !task.stopped_reason().unwrap_or_default().starts_with("Scaling activity")
}

fn newest_failure_of(tasks: &[Task], task_definition: &str) -> Option<String> {
    let failed = tasks.iter().filter(|task| has_failed(task, task_definition));
    failed.max_by_key(|task| task.stopped_at.map(|at| (at.secs(), at.subsec_nanos()))).and_then(reason_of)
}

/// Digests of the image that a service's running tasks started a container from, each once.
pub(super) async fn digests(aws: &Aws, service: &str, container: &str) -> Result<Vec<String>, CloudError> {
    let running = list(aws, service, DesiredStatus::Running).await?;
    let tasks = describe(aws, &running).await?;
    let containers = tasks.iter().flat_map(Task::containers).filter(|it| it.name() == Some(container));
    let digests: BTreeSet<&str> = containers.filter_map(Container::image_digest).collect();
    Ok(digests.into_iter().map(str::to_owned).collect())
}

async fn list(aws: &Aws, service: &str, status: DesiredStatus) -> Result<Vec<String>, CloudError> {
    let call = aws.ecs.list_tasks().cluster(&aws.cluster).service_name(service).desired_status(status);
    call.into_paginator().items().send().collect::<Result<Vec<String>, _>>().await.map_err(during(LIST))
}

async fn describe(aws: &Aws, arns: &[String]) -> Result<Vec<Task>, CloudError> {
    let mut tasks = Vec::new();
    for batch in arns.chunks(BATCH) {
        let call = aws.ecs.describe_tasks().cluster(&aws.cluster).set_tasks(Some(batch.to_vec()));
        tasks.extend(call.send().await.map_err(during(DESCRIBE))?.tasks.unwrap_or_default());
    }
    Ok(tasks)
}

/// Why a task stopped: ECS's reason, and what it says of each container that did not end well.
fn reason_of(task: &Task) -> Option<String> {
    let containers: Vec<String> = task.containers().iter().filter_map(container_reason).collect();
    match (task.stopped_reason(), containers.is_empty()) {
        (Some(reason), true) => Some(reason.to_owned()),
        // The container's own end is the cause, ECS's reason only names what follows from it.
        (Some(reason), false) => Some(format!("{} ({reason})", containers.join(", "))),
        (None, false) => Some(containers.join(", ")),
        (None, true) => None,
    }
}

fn container_reason(container: &Container) -> Option<String> {
    let name = container.name().unwrap_or("?");
    match (container.exit_code.filter(|code| *code != 0), container.reason()) {
        (Some(code), Some(reason)) => Some(format!("{name} exited with {code}, {reason}")),
        (Some(code), None) => Some(format!("{name} exited with {code}")),
        (None, Some(reason)) => Some(format!("{name}: {reason}")),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::primitives::DateTime;
    use serde_json::json;

    use super::*;
    use crate::cloud::Cloud as _;
    use crate::cloud::aws::testing::{self, Script, sides};

    fn stopped(task_definition: &str, secs: i64, reason: &str) -> Task {
        Task::builder()
            .task_definition_arn(task_definition)
            .stopped_at(DateTime::from_secs(secs))
            .stopped_reason(reason)
            .build()
    }

    #[test]
    fn the_newest_failure_is_of_this_definition_and_no_scaling_down() {
        let tasks = [
            stopped("api:42", 10, "Essential container in task exited"),
            stopped("api:42", 20, "Task failed ELB health checks"),
            stopped("api:42", 30, "Scaling activity initiated by (deployment ecs-svc/1)"),
            stopped("api:41", 40, "Task stopped by user"),
        ];
        assert_eq!(newest_failure_of(&tasks, "api:42").as_deref(), Some("Task failed ELB health checks"));
        assert_eq!(newest_failure_of(&tasks, "api:43"), None);
    }

    #[test]
    fn a_container_that_ended_well_adds_nothing() {
        let container = |name: &str, code: Option<i32>, reason: Option<&str>| {
            Container::builder().name(name).set_exit_code(code).set_reason(reason.map(str::to_owned)).build()
        };
        let task = Task::builder()
            .containers(container("api", Some(1), None))
            .containers(container("proxy", Some(0), None))
            .containers(container("init", None, Some("CannotPullContainerError: not found")))
            .build();
        assert_eq!(reason_of(&task).as_deref(), Some("api exited with 1, init: CannotPullContainerError: not found"));
        assert_eq!(reason_of(&Task::builder().build()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn every_page_of_both_services_is_read_and_only_stopped_tasks_are_described() {
        let listed = |ids: &[&str], more: Option<&str>| {
            let arns: Vec<String> = ids.iter().map(|id| format!("arn:aws:ecs:eu-west-1:1:task/prod/{id}")).collect();
            testing::json(json!({ "taskArns": arns, "nextToken": more }))
        };
        let script = Script::new()
            .on("ListTasks api-a RUNNING", listed(&["a1"], Some("more")))
            .on("ListTasks api-a RUNNING", listed(&["a2"], None))
            .on("ListTasks api-a STOPPED", listed(&[], None))
            .on("ListTasks api-b RUNNING", listed(&["b1"], None))
            .on("ListTasks api-b STOPPED", listed(&["b2"], None))
            .on(
                "DescribeTasks",
                testing::json(json!({ "tasks": [{ "taskArn": "arn:aws:ecs:eu-west-1:1:task/prod/b2" }] })),
            );
        let brief = |id: &str, side: Side, stopped: Option<&str>| TaskBrief {
            id: id.to_owned(),
            side,
            stopped: stopped.map(str::to_owned),
        };
        let wanted = [
            brief("a1", Side::Blue, None),
            brief("a2", Side::Blue, None),
            brief("b1", Side::Green, None),
            brief("b2", Side::Green, Some("no reason given")),
        ];
        assert_eq!(script.aws().tasks(&sides()).await.unwrap(), wanted);
        assert_eq!(script.sent("DescribeTasks").len(), 1);
    }
}
