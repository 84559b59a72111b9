//! Elastic Container Service.

mod rollout;
mod show;

use serde_json::Value as Json;

use super::input::Input;
use super::page::page;
use super::service::Service;
use super::value::{Fields, Value};
use crate::domain::time::Timestamp;
use crate::sim::world::ecs::{
    CreateService, DefinitionStatus, DeploymentConfiguration, DeploymentController, Described, DesiredStatus,
    ListOrder, ListTaskDefinitions, ListTasks, RegisterTaskDefinition, RunTask, Tag, UpdateService,
};
use crate::sim::world::{ApiResult, World};

/// Resources of one `DescribeServices`.
const MAX_SERVICES: usize = 10;
/// Resources of one `DescribeTasks` or `DescribeClusters`.
const MAX_DESCRIBED: usize = 100;

pub(super) fn call(world: &mut World, now: Timestamp, operation: &str, input: Input<'_>) -> ApiResult<Value> {
    match operation {
        "DescribeClusters" => {
            let names = up_to(input, "clusters", MAX_DESCRIBED)?;
            Ok(described(world.describe_clusters(&names)?, "clusters", show::cluster))
        }
        "ListClusters" => listed(operation, input, "clusterArns", world.list_clusters()?, 100),
        "RegisterTaskDefinition" => {
            let registered = world.register_task_definition(registration(input)?)?;
            Ok(show::with_tags("taskDefinition", registered, true))
        }
        "DescribeTaskDefinition" => {
            let shown = world.describe_task_definition(input.required("taskDefinition")?)?;
            Ok(show::with_tags("taskDefinition", shown, includes_tags(input)?))
        }
        "DeregisterTaskDefinition" => {
            let gone = world.deregister_task_definition(input.required("taskDefinition")?)?;
            Ok(show::with_tags("taskDefinition", gone, false))
        }
        "ListTaskDefinitions" => {
            let found = world.list_task_definitions(&definitions_wanted(input)?)?;
            listed(operation, input, "taskDefinitionArns", found, 100)
        }
        "CreateService" => {
            let created = world.create_service(creation(input)?)?;
            Ok(Fields::new().with("service", show::service(created, true)).into())
        }
        "DescribeServices" => {
            let names = up_to(input, "services", MAX_SERVICES)?;
            let tags = includes_tags(input)?;
            let found = world.describe_services(input.text("cluster")?, &names)?;
            Ok(described(found, "services", |it| show::service(it, tags)))
        }
        "DescribeTaskSets" => {
            let name = input.required("service")?.to_owned();
            let cluster = input.text("cluster")?;
            let found = world.describe_task_sets(cluster, &name, &up_to(input, "taskSets", MAX_DESCRIBED)?)?;
            let service = world.describe_services(cluster, &[name])?.found.into_iter().next();
            let shown = service.iter().flat_map(|service| found.iter().map(|set| show::task_set(set, service)));
            Ok(Fields::new().with("taskSets", Value::list(shown)).with("failures", Vec::<Fields>::new()).into())
        }
        "ListServices" => listed(operation, input, "serviceArns", world.list_services(input.text("cluster")?)?, 10),
        "UpdateService" => {
            let update = update(world, input)?;
            Ok(Fields::new().with("service", show::service(world.update_service(update)?, true)).into())
        }
        "ListServiceDeployments"
        | "DescribeServiceDeployments"
        | "DescribeServiceRevisions"
        | "StopServiceDeployment"
        | "ContinueServiceDeployment" => rollout::call(world, operation, input),
        "ListTasks" => listed(operation, input, "taskArns", world.list_tasks(&tasks_wanted(input)?)?, 100),
        "DescribeTasks" => {
            let names = up_to(input, "tasks", MAX_DESCRIBED)?;
            let tags = includes_tags(input)?;
            let found = world.describe_tasks(input.text("cluster")?, &names)?;
            Ok(described(found, "tasks", |it| show::task(it, now, tags)))
        }
        "StopTask" => {
            let stopped = world.stop_task(input.text("cluster")?, input.required("task")?, input.text("reason")?)?;
            Ok(Fields::new().with("task", show::task(stopped, now, true)).into())
        }
        "RunTask" => {
            let started = world.run_task(run(input)?)?;
            let tasks = started.into_iter().map(|it| show::task(it, now, true));
            Ok(Fields::new().with("tasks", Value::list(tasks)).with("failures", Vec::<Fields>::new()).into())
        }
        "ListTagsForResource" => {
            let tags = world.list_tags_for_resource(input.required("resourceArn")?)?;
            Ok(Fields::new().with("tags", show::tags(tags)).into())
        }
        "TagResource" => {
            world.tag_resource(input.required("resourceArn")?, tags(input)?)?;
            Ok(Value::nothing())
        }
        _ => Err(Service::Ecs.unknown_operation(operation)),
    }
}

/// A list of names that may hold `most` of them.
fn up_to(input: Input<'_>, name: &str, most: usize) -> ApiResult<Vec<String>> {
    let names = input.texts(name)?;
    if names.len() > most {
        return Err(input.invalid(format!("{name} can have at most {most} items.")));
    }
    Ok(names)
}

fn includes_tags(input: Input<'_>) -> ApiResult<bool> {
    Ok(input.texts("include")?.iter().any(|it| it == "TAGS"))
}

fn described<T>(described: Described<T>, name: &'static str, encode: impl Fn(T) -> Fields) -> Value {
    let failures = described
        .failures
        .into_iter()
        .map(|failure| Fields::new().with("arn", failure.arn).with("reason", failure.reason));
    Fields::new()
        .with(name, Value::list(described.found.into_iter().map(encode)))
        .with("failures", Value::list(failures))
        .into()
}

fn listed(operation: &str, input: Input<'_>, name: &'static str, found: Vec<String>, usual: usize) -> ApiResult<Value> {
    let size = input.count("maxResults", 1..=100)?.unwrap_or(usual);
    let (shown, next) = page(Service::Ecs, operation, found, input.text("nextToken")?, size)?;
    Ok(Fields::new().with(name, shown).maybe("nextToken", next).into())
}

/// One of the words that an enumeration knows.
fn word<T>(input: Input<'_>, name: &str, parse: fn(&str) -> Option<T>) -> ApiResult<Option<T>> {
    let Some(text) = input.text(name)? else { return Ok(None) };
    parse(text).map(Some).ok_or_else(|| input.invalid(format!("Invalid {name}: {text}")))
}

fn tags(input: Input<'_>) -> ApiResult<Vec<Tag>> {
    input
        .members("tags")?
        .into_iter()
        .map(|it| {
            let value = it.string("value")?.unwrap_or_default();
            Ok(Tag { key: it.required("key")?.to_owned(), value })
        })
        .collect()
}

fn registration(input: Input<'_>) -> ApiResult<RegisterTaskDefinition> {
    let containers = input.raw("containerDefinitions").and_then(Json::as_array).cloned().unwrap_or_default();
    let settings = input
        .everything()
        .filter(|(name, _)| !["family", "containerDefinitions", "tags"].contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Ok(RegisterTaskDefinition {
        family: input.required("family")?.to_owned(),
        containers,
        settings,
        tags: tags(input)?,
    })
}

fn definitions_wanted(input: Input<'_>) -> ApiResult<ListTaskDefinitions> {
    let order = match input.text("sort")? {
        Some("DESC") => ListOrder::Descending,
        Some("ASC") | None => ListOrder::Ascending,
        Some(other) => return Err(input.invalid(format!("Invalid sort: {other}"))),
    };
    Ok(ListTaskDefinitions {
        family: input.string("familyPrefix")?,
        status: word(input, "status", DefinitionStatus::parse)?,
        order,
    })
}

fn tasks_wanted(input: Input<'_>) -> ApiResult<ListTasks> {
    Ok(ListTasks {
        cluster: input.string("cluster")?,
        service: input.string("serviceName")?,
        family: input.string("family")?,
        started_by: input.string("startedBy")?,
        desired_status: word(input, "desiredStatus", DesiredStatus::parse)?,
    })
}

fn creation(input: Input<'_>) -> ApiResult<CreateService> {
    Ok(CreateService {
        cluster: input.string("cluster")?,
        name: input.required("serviceName")?.to_owned(),
        task_definition: input.required("taskDefinition")?.to_owned(),
        desired: input.natural("desiredCount")?.unwrap_or(0),
        load_balancers: rollout::load_balancers(input)?.unwrap_or_default(),
        controller: controller(input)?,
        deployment_configuration: rollout::configuration(input, DeploymentConfiguration::default())?,
        health_check_grace_seconds: input.natural("healthCheckGracePeriodSeconds")?.unwrap_or(0),
        tags: tags(input)?,
    })
}

fn controller(input: Input<'_>) -> ApiResult<Option<DeploymentController>> {
    let Some(it) = input.member("deploymentController") else { return Ok(None) };
    word(it, "type", DeploymentController::parse)
}

fn update(world: &mut World, input: Input<'_>) -> ApiResult<UpdateService> {
    let cluster = input.string("cluster")?;
    let service = input.required("service")?.to_owned();
    let deployment_configuration = if input.raw("deploymentConfiguration").is_some() {
        // What the request leaves out keeps its value.
        let found = world.describe_services(cluster.as_deref(), std::slice::from_ref(&service))?.found;
        let current = found.into_iter().next().map(|it| it.deployment_configuration).unwrap_or_default();
        Some(rollout::configuration(input, current)?)
    } else {
        None
    };
    Ok(UpdateService {
        cluster,
        service,
        task_definition: input.string("taskDefinition")?,
        desired: input.natural("desiredCount")?,
        force_new_deployment: input.flag("forceNewDeployment")?.unwrap_or(false),
        deployment_configuration,
        health_check_grace_seconds: input.natural("healthCheckGracePeriodSeconds")?,
        subnets: subnets(input)?,
        load_balancers: rollout::load_balancers(input)?,
    })
}

fn subnets(input: Input<'_>) -> ApiResult<Option<Vec<String>>> {
    let network = input.member("networkConfiguration").and_then(|it| it.member("awsvpcConfiguration"));
    network.map(|it| it.texts("subnets")).transpose()
}

fn run(input: Input<'_>) -> ApiResult<RunTask> {
    let overrides = input.member("overrides").map(|it| it.members("containerOverrides")).transpose()?;
    let commands = overrides
        .unwrap_or_default()
        .into_iter()
        .filter(|it| it.raw("command").is_some())
        .map(|it| Ok((it.required("name")?.to_owned(), it.texts("command")?)))
        .collect::<ApiResult<_>>()?;
    Ok(RunTask {
        cluster: input.string("cluster")?,
        task_definition: input.required("taskDefinition")?.to_owned(),
        count: input.natural("count")?.unwrap_or(1),
        group: input.string("group")?,
        started_by: input.string("startedBy")?,
        subnets: subnets(input)?.unwrap_or_default(),
        client_token: input.string("clientToken")?,
        commands,
        tags: tags(input)?,
    })
}
