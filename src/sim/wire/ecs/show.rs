//! What ECS shows, with AWS's field names and omissions.

use serde_json::Value as Json;

use super::super::value::{Fields, Value};
use super::rollout;
use crate::domain::time::Timestamp;
use crate::sim::world::ecs::{
    Cluster, Container, Deployment, Service, StopCode, Tag, Task, TaskDefinition, TaskSet, TaskStatus,
};

/// A task definition under its name, with its tags beside it when they were asked for.
pub(super) fn with_tags(name: &'static str, it: TaskDefinition, tags_wanted: bool) -> Value {
    let shown = it.tags.clone();
    let body = Fields::new().with(name, task_definition(it));
    if tags_wanted { body.with("tags", tags(shown)) } else { body }.into()
}

pub(super) fn tags(tags: Vec<Tag>) -> Value {
    Value::list(tags.into_iter().map(|tag| Fields::new().with("key", tag.key).with("value", tag.value)))
}

pub(super) fn cluster(it: Cluster) -> Fields {
    let nothing = Vec::<Fields>::new;
    Fields::new()
        .with("clusterArn", it.arn)
        .with("clusterName", it.name)
        .with("status", "ACTIVE")
        .with("registeredContainerInstancesCount", 0_i64)
        .with("runningTasksCount", it.running_tasks)
        .with("pendingTasksCount", it.pending_tasks)
        .with("activeServicesCount", it.active_services)
        .with("statistics", nothing())
        .with("tags", nothing())
        .with("settings", nothing())
        .with("capacityProviders", vec!["FARGATE", "FARGATE_SPOT"])
        .with("defaultCapacityProviderStrategy", nothing())
}

/// The settings come back as they were registered, next to what ECS adds.
fn task_definition(it: TaskDefinition) -> Value {
    let mut members = vec![
        ("taskDefinitionArn".to_owned(), it.arn.into()),
        ("containerDefinitions".to_owned(), Value::list(&it.containers)),
        ("family".to_owned(), it.family.into()),
        ("revision".to_owned(), it.revision.into()),
        ("status".to_owned(), it.status.as_str().into()),
        ("registeredAt".to_owned(), it.registered_at.into()),
    ];
    members.extend(it.deregistered_at.map(|at| ("deregisteredAt".to_owned(), at.into())));
    for name in ["volumes", "placementConstraints"] {
        if !it.settings.contains_key(name) {
            members.push((name.to_owned(), Value::List(Vec::new())));
        }
    }
    if let Some(required) = it.settings.get("requiresCompatibilities").filter(|it| it.is_array()) {
        members.push(("compatibilities".to_owned(), required.into()));
    }
    let settings = it.settings.iter().filter(|(_, value)| !value.is_null());
    members.extend(settings.map(|(name, value): (&String, &Json)| (name.clone(), value.into())));
    Value::Map(members)
}

pub(super) fn service(it: Service, tags_wanted: bool) -> Fields {
    let nothing = Vec::<Fields>::new;
    let task_sets: Vec<Fields> = it.task_sets.iter().map(|set| task_set(set, &it)).collect();
    let load_balancers = it.load_balancers.into_iter().map(rollout::load_balancer);
    let configuration = rollout::shown_configuration(it.deployment_configuration);
    let events = it
        .events
        .into_iter()
        .map(|event| Fields::new().with("id", event.id).with("createdAt", event.at).with("message", event.message));
    let network = Fields::new()
        .with("subnets", it.subnets)
        .with("securityGroups", Vec::<String>::new())
        .with("assignPublicIp", "DISABLED");
    let shown = Fields::new()
        .with("serviceArn", it.arn)
        .with("serviceName", it.name)
        .with("clusterArn", it.cluster_arn)
        .with("loadBalancers", Value::list(load_balancers))
        .with("serviceRegistries", nothing())
        .with("status", it.status.as_str())
        .with("desiredCount", it.desired)
        .with("runningCount", it.running)
        .with("pendingCount", it.pending)
        .with("launchType", "FARGATE")
        .with("platformVersion", "LATEST")
        .with("platformFamily", "Linux")
        .with("taskDefinition", it.task_definition)
        .with("deploymentConfiguration", configuration)
        .with("deployments", Value::list(it.deployments.into_iter().map(deployment)))
        .unless_empty("taskSets", task_sets)
        .with("events", Value::list(events))
        .with("createdAt", it.created_at)
        .with("placementConstraints", nothing())
        .with("placementStrategy", nothing())
        .with("networkConfiguration", Fields::new().with("awsvpcConfiguration", network))
        .with("healthCheckGracePeriodSeconds", it.health_check_grace_seconds)
        .with("schedulingStrategy", "REPLICA")
        .with("deploymentController", Fields::new().with("type", it.controller.as_str()))
        .with("enableECSManagedTags", false)
        .with("propagateTags", "NONE")
        .with("enableExecuteCommand", false);
    if tags_wanted { shown.with("tags", tags(it.tags)) } else { shown }
}

/// A task set of a service, as `DescribeServices` shows it.
pub(super) fn task_set(it: &TaskSet, service: &Service) -> Fields {
    let network = Fields::new()
        .with("subnets", service.subnets.clone())
        .with("securityGroups", Vec::<String>::new())
        .with("assignPublicIp", "DISABLED");
    Fields::new()
        .with("id", it.id.as_str())
        .with("taskSetArn", it.arn.as_str())
        .with("serviceArn", service.arn.as_str())
        .with("clusterArn", service.cluster_arn.as_str())
        .maybe("startedBy", it.external_id.as_ref().map(|_| "CODE_DEPLOY"))
        .maybe("externalId", it.external_id.as_deref())
        .with("status", it.status.as_str())
        .with("taskDefinition", it.task_definition.as_str())
        .with("computedDesiredCount", it.desired)
        .with("pendingCount", it.pending)
        .with("runningCount", it.running)
        .with("createdAt", it.created_at)
        .with("updatedAt", it.updated_at)
        .with("launchType", "FARGATE")
        .with("platformVersion", "1.4.0")
        .with("platformFamily", "Linux")
        .with("networkConfiguration", Fields::new().with("awsvpcConfiguration", network))
        .with("loadBalancers", Value::list(it.load_balancers.iter().cloned().map(rollout::load_balancer)))
        .with("serviceRegistries", Vec::<Fields>::new())
        .with("scale", Fields::new().with("value", f64::from(it.scale)).with("unit", "PERCENT"))
        .with("stabilityStatus", it.stability.as_str())
        .with("stabilityStatusAt", it.stability_at)
        .with("tags", Vec::<Fields>::new())
}

fn deployment(it: Deployment) -> Fields {
    Fields::new()
        .with("id", it.id)
        .with("status", it.status.as_str())
        .with("taskDefinition", it.task_definition)
        .with("desiredCount", it.desired)
        .with("pendingCount", it.pending)
        .with("runningCount", it.running)
        .with("failedTasks", it.failed_tasks)
        .with("createdAt", it.created_at)
        .with("updatedAt", it.updated_at)
        .with("launchType", "FARGATE")
        .with("platformVersion", "1.4.0")
        .with("platformFamily", "Linux")
        .with("rolloutState", it.rollout_state.as_str())
        .with("rolloutStateReason", it.rollout_state_reason)
}

pub(super) fn task(it: Task, now: Timestamp, tags_wanted: bool) -> Fields {
    let containers = it.containers.iter().map(|container| self::container(&it, container));
    let attachment = match it.last_status {
        TaskStatus::Provisioning => "PRECREATED",
        TaskStatus::Stopped => "DELETED",
        _ => "ATTACHED",
    };
    let detail = |name: &str, value: &str| Fields::new().with("name", name).with("value", value);
    let attachment = Fields::new()
        .with("id", attachment_id(&it.id))
        .with("type", "ElasticNetworkInterface")
        .with("status", attachment)
        .with("details", vec![detail("privateIPv4Address", &it.private_ip)]);
    let connected = it.started_at.filter(|&at| at <= now);
    let overrides = Fields::new()
        .with("containerOverrides", Vec::<Fields>::new())
        .with("inferenceAcceleratorOverrides", Vec::<Fields>::new());
    let shown = Fields::new()
        .with("attachments", vec![attachment])
        .with("attributes", Vec::<Fields>::new())
        .with("availabilityZone", it.availability_zone.as_str())
        .with("clusterArn", it.cluster_arn.as_str())
        .maybe("connectivity", connected.map(|_| "CONNECTED"))
        .maybe("connectivityAt", connected)
        .with("containers", Value::list(containers))
        .with("cpu", it.cpu)
        .with("createdAt", it.created_at)
        .with("desiredStatus", it.desired_status.as_str())
        .with("enableExecuteCommand", false)
        .maybe("executionStoppedAt", it.execution_stopped_at)
        .with("group", it.group)
        .with("healthStatus", it.health.as_str())
        .with("lastStatus", it.last_status.as_str())
        .with("launchType", "FARGATE")
        .with("memory", it.memory)
        .with("overrides", overrides)
        .with("platformVersion", "1.4.0")
        .with("platformFamily", "Linux")
        .maybe("pullStartedAt", it.pull_started_at)
        .maybe("pullStoppedAt", it.pull_stopped_at)
        .maybe("startedAt", it.started_at)
        .maybe("startedBy", it.started_by)
        .maybe("stopCode", it.stop_code.map(StopCode::as_str))
        .maybe("stoppedAt", it.stopped_at)
        .maybe("stoppedReason", it.stopped_reason)
        .maybe("stoppingAt", it.stopping_at)
        .with("taskArn", it.arn)
        .with("taskDefinitionArn", it.task_definition)
        .with("version", it.last_status as i64 + 1);
    if tags_wanted { shown.with("tags", tags(it.tags)) } else { shown }
}

fn container(task: &Task, it: &Container) -> Fields {
    let interface = Fields::new()
        .with("attachmentId", attachment_id(&task.id))
        .with("privateIpv4Address", task.private_ip.as_str());
    let cluster = task.cluster_arn.rsplit('/').next().unwrap_or_default();
    let arn = task.arn.split(":task/").next().unwrap_or_default();
    Fields::new()
        .with("containerArn", format!("{arn}:container/{cluster}/{}/{}", task.id, it.name))
        .with("taskArn", task.arn.as_str())
        .with("name", it.name.as_str())
        .with("image", it.image.as_str())
        .maybe("imageDigest", it.image_digest.as_deref())
        .with("runtimeId", format!("{}-0000000001", task.id))
        .with("lastStatus", it.last_status.as_str())
        .maybe("exitCode", it.exit_code)
        .maybe("reason", it.reason.as_deref())
        .with("networkInterfaces", vec![interface])
        .with("healthStatus", it.health.as_str())
}

/// A UUID made of the task's id, as attachments have one.
fn attachment_id(task: &str) -> String {
    let part = |range: std::ops::Range<usize>| task.get(range).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0..8), part(8..12), part(12..16), part(16..20), part(20..32))
}
