//! Service deployments and revisions on the wire, and how a service deploys.

use super::super::input::Input;
use super::super::page::page;
use super::super::service::Service;
use super::super::value::{Fields, Value};
use super::{described, up_to, word};
use crate::sim::world::ecs::{
    AdvancedConfiguration, CircuitBreaker, DeploymentAlarms, DeploymentConfiguration, HookAction, HookDetail,
    HookTarget, LifecycleHook, ListServiceDeployments, Revision, RevisionSummary, RolloutStatus, ServiceDeployment,
    ServiceLoadBalancer, Stage, StopType, Strategy,
};
use crate::sim::world::{ApiResult, World};

/// Resources of one call.
const MAX_DESCRIBED: usize = 20;

pub(super) fn call(world: &mut World, operation: &str, input: Input<'_>) -> ApiResult<Value> {
    match operation {
        "ListServiceDeployments" => {
            let found = world.list_service_deployments(&wanted(input)?)?;
            let size = input.count("maxResults", 1..=100)?.unwrap_or(20);
            let (shown, next) = page(Service::Ecs, operation, found, input.text("nextToken")?, size)?;
            let shown = shown.into_iter().map(brief);
            Ok(Fields::new().with("serviceDeployments", Value::list(shown)).maybe("nextToken", next).into())
        }
        "DescribeServiceDeployments" => {
            let arns = up_to(input, "serviceDeploymentArns", MAX_DESCRIBED)?;
            Ok(described(world.describe_service_deployments(&arns)?, "serviceDeployments", deployment))
        }
        "DescribeServiceRevisions" => {
            let arns = up_to(input, "serviceRevisionArns", MAX_DESCRIBED)?;
            Ok(described(world.describe_service_revisions(&arns)?, "serviceRevisions", revision))
        }
        "StopServiceDeployment" => {
            let stop = word(input, "stopType", StopType::parse)?.unwrap_or(StopType::Rollback);
            let arn = world.stop_service_deployment(input.required("serviceDeploymentArn")?, stop)?;
            Ok(Fields::new().with("serviceDeploymentArn", arn).into())
        }
        "ContinueServiceDeployment" => {
            let action = word(input, "action", HookAction::parse)?.unwrap_or(HookAction::Continue);
            let (arn, hook) = (input.required("serviceDeploymentArn")?, input.required("hookId")?);
            let arn = world.continue_service_deployment(arn, hook, action)?;
            Ok(Fields::new().with("serviceDeploymentArn", arn).into())
        }
        _ => Err(Service::Ecs.unknown_operation(operation)),
    }
}

fn wanted(input: Input<'_>) -> ApiResult<ListServiceDeployments> {
    let statuses = input.texts("status")?;
    let known =
        |text: &String| RolloutStatus::parse(text).ok_or_else(|| input.invalid(format!("Invalid status: {text}")));
    let created = input.member("createdAt");
    Ok(ListServiceDeployments {
        cluster: input.string("cluster")?,
        service: input.required("service")?.to_owned(),
        statuses: statuses.iter().map(known).collect::<ApiResult<_>>()?,
        after: created.map(|it| it.time("after")).transpose()?.flatten(),
        before: created.map(|it| it.time("before")).transpose()?.flatten(),
    })
}

pub(super) fn load_balancers(input: Input<'_>) -> ApiResult<Option<Vec<ServiceLoadBalancer>>> {
    if input.raw("loadBalancers").is_none() {
        return Ok(None);
    }
    let read = |it: Input<'_>| {
        let port = it.int("containerPort")?.and_then(|port| u16::try_from(port).ok());
        let advanced = it.member("advancedConfiguration").map(advanced).transpose()?;
        Ok(ServiceLoadBalancer {
            target_group_arn: it.required("targetGroupArn")?.to_owned(),
            container_name: it.required("containerName")?.to_owned(),
            container_port: port.ok_or_else(|| it.missing("containerPort"))?,
            advanced,
        })
    };
    input.members("loadBalancers")?.into_iter().map(read).collect::<ApiResult<_>>().map(Some)
}

fn advanced(it: Input<'_>) -> ApiResult<AdvancedConfiguration> {
    Ok(AdvancedConfiguration {
        alternate_target_group_arn: it.required("alternateTargetGroupArn")?.to_owned(),
        production_listener_rule: it.required("productionListenerRule")?.to_owned(),
        test_listener_rule: it.string("testListenerRule")?,
        role_arn: it.required("roleArn")?.to_owned(),
    })
}

/// What the request leaves out keeps its value.
pub(super) fn configuration(input: Input<'_>, current: DeploymentConfiguration) -> ApiResult<DeploymentConfiguration> {
    let Some(it) = input.member("deploymentConfiguration") else { return Ok(current) };
    let strategy = word(it, "strategy", Strategy::parse)?;
    let circuit_breaker = match it.member("deploymentCircuitBreaker") {
        None => current.circuit_breaker,
        Some(breaker) => match (breaker.flag("enable")?, breaker.flag("rollback")?) {
            (Some(true), Some(true)) => CircuitBreaker::Rollback,
            (Some(true), _) => CircuitBreaker::Fail,
            _ => CircuitBreaker::Off,
        },
    };
    let bake_minutes = it.natural("bakeTimeInMinutes")?;
    if strategy == Some(Strategy::BlueGreen) && bake_minutes.is_none() {
        return Err(it.missing("bakeTimeInMinutes"));
    }
    let (linear, canary) = (it.member("linearConfiguration"), it.member("canaryConfiguration"));
    let number = |from: Option<Input<'_>>, name| from.map(|it| it.float(name)).transpose().map(Option::flatten);
    let whole = |from: Option<Input<'_>>, name| from.map(|it| it.natural(name)).transpose().map(Option::flatten);
    let hooks = match it.raw("lifecycleHooks") {
        Some(_) => it.members("lifecycleHooks")?.into_iter().map(hook).collect::<ApiResult<_>>()?,
        None => current.hooks,
    };
    let alarms = match it.member("alarms") {
        Some(alarms) => DeploymentAlarms {
            names: alarms.texts("alarmNames")?,
            enable: alarms.flag("enable")?.unwrap_or_default(),
            rollback: alarms.flag("rollback")?.unwrap_or_default(),
        },
        None => current.alarms,
    };
    Ok(DeploymentConfiguration {
        minimum_healthy_percent: it.natural("minimumHealthyPercent")?.unwrap_or(current.minimum_healthy_percent),
        maximum_percent: it.natural("maximumPercent")?.unwrap_or(current.maximum_percent),
        circuit_breaker,
        strategy: strategy.unwrap_or(current.strategy),
        bake_minutes: bake_minutes.unwrap_or(current.bake_minutes),
        step_percent: number(linear, "stepPercent")?.unwrap_or(current.step_percent),
        step_bake_minutes: whole(linear, "stepBakeTimeInMinutes")?.unwrap_or(current.step_bake_minutes),
        canary_percent: number(canary, "canaryPercent")?.unwrap_or(current.canary_percent),
        canary_bake_minutes: whole(canary, "canaryBakeTimeInMinutes")?.unwrap_or(current.canary_bake_minutes),
        hooks,
        alarms,
    })
}

fn hook(it: Input<'_>) -> ApiResult<LifecycleHook> {
    let stages = it.texts("lifecycleStages")?;
    let known =
        |text: &String| Stage::parse(text).ok_or_else(|| it.invalid(format!("Invalid lifecycle stage: {text}")));
    let timeout = it.member("timeoutConfiguration");
    let minutes = timeout.map(|it| it.natural("timeoutInMinutes")).transpose()?.flatten();
    let action = timeout.map(|it| word(it, "action", HookAction::parse)).transpose()?.flatten();
    Ok(LifecycleHook {
        target: word(it, "targetType", HookTarget::parse)?.unwrap_or(HookTarget::Lambda),
        target_arn: it.string("hookTargetArn")?,
        role_arn: it.string("roleArn")?,
        stages: stages.iter().map(known).collect::<ApiResult<_>>()?,
        timeout_minutes: minutes.unwrap_or(1_440),
        timeout_action: action.unwrap_or(HookAction::Rollback),
    })
}

pub(super) fn load_balancer(it: ServiceLoadBalancer) -> Fields {
    let advanced = it.advanced.map(|it| {
        Fields::new()
            .with("alternateTargetGroupArn", it.alternate_target_group_arn)
            .with("productionListenerRule", it.production_listener_rule)
            .maybe("testListenerRule", it.test_listener_rule)
            .with("roleArn", it.role_arn)
    });
    Fields::new()
        .with("targetGroupArn", it.target_group_arn)
        .with("containerName", it.container_name)
        .with("containerPort", it.container_port)
        .maybe("advancedConfiguration", advanced)
}

pub(super) fn shown_configuration(it: DeploymentConfiguration) -> Fields {
    let breaker = Fields::new()
        .with("enable", it.circuit_breaker != CircuitBreaker::Off)
        .with("rollback", it.circuit_breaker == CircuitBreaker::Rollback);
    let alarms = (!it.alarms.names.is_empty()).then(|| {
        Fields::new()
            .with("alarmNames", it.alarms.names)
            .with("rollback", it.alarms.rollback)
            .with("enable", it.alarms.enable)
    });
    let linear = (it.strategy == Strategy::Linear).then(|| {
        Fields::new().with("stepPercent", it.step_percent).with("stepBakeTimeInMinutes", it.step_bake_minutes)
    });
    let canary = (it.strategy == Strategy::Canary).then(|| {
        Fields::new().with("canaryPercent", it.canary_percent).with("canaryBakeTimeInMinutes", it.canary_bake_minutes)
    });
    Fields::new()
        .with("deploymentCircuitBreaker", breaker)
        .with("maximumPercent", it.maximum_percent)
        .with("minimumHealthyPercent", it.minimum_healthy_percent)
        .maybe("alarms", alarms)
        .with("strategy", it.strategy.as_str())
        .with("bakeTimeInMinutes", it.bake_minutes)
        .unless_empty("lifecycleHooks", it.hooks.into_iter().map(shown_hook))
        .maybe("linearConfiguration", linear)
        .maybe("canaryConfiguration", canary)
}

fn shown_hook(it: LifecycleHook) -> Fields {
    let timeout = Fields::new().with("timeoutInMinutes", it.timeout_minutes).with("action", it.timeout_action.as_str());
    Fields::new()
        .with("targetType", it.target.as_str())
        .maybe("hookTargetArn", it.target_arn)
        .maybe("roleArn", it.role_arn)
        .with("lifecycleStages", it.stages.iter().map(|stage| stage.as_str()).collect::<Vec<_>>())
        .with("timeoutConfiguration", timeout)
}

fn brief(it: ServiceDeployment) -> Fields {
    Fields::new()
        .with("serviceDeploymentArn", it.arn)
        .with("serviceArn", it.service_arn)
        .with("clusterArn", it.cluster_arn)
        .maybe("startedAt", it.started_at)
        .with("createdAt", it.created_at)
        .maybe("finishedAt", it.finished_at)
        .with("targetServiceRevisionArn", it.target.arn)
        .with("status", it.status.as_str())
        .maybe("statusReason", it.status_reason)
}

fn deployment(it: ServiceDeployment) -> Fields {
    let rollback = it.rollback.map(|it| {
        Fields::new()
            .with("reason", it.reason)
            .with("startedAt", it.started_at)
            .with("serviceRevisionArn", it.revision_arn)
    });
    let (status, failures, threshold) = it.breaker;
    let breaker =
        Fields::new().with("status", status.as_str()).with("failureCount", failures).with("threshold", threshold);
    let (status, triggered) = it.alarms;
    let alarms = Fields::new()
        .with("status", status.as_str())
        .with("alarmNames", it.configuration.alarms.names.clone())
        .unless_empty("triggeredAlarmNames", triggered);
    Fields::new()
        .with("serviceDeploymentArn", it.arn)
        .with("serviceArn", it.service_arn)
        .with("clusterArn", it.cluster_arn)
        .with("createdAt", it.created_at)
        .maybe("startedAt", it.started_at)
        .maybe("finishedAt", it.finished_at)
        .maybe("stoppedAt", it.stopped_at)
        .with("updatedAt", it.updated_at)
        .with("sourceServiceRevisions", Value::list(it.sources.into_iter().map(summary)))
        .with("targetServiceRevision", summary(it.target))
        .with("status", it.status.as_str())
        .maybe("statusReason", it.status_reason)
        .maybe("lifecycleStage", it.stage.map(Stage::as_str))
        .unless_empty("lifecycleHookDetails", it.hooks.into_iter().map(hook_detail))
        .with("deploymentConfiguration", shown_configuration(it.configuration))
        .maybe("rollback", rollback)
        .with("deploymentCircuitBreaker", breaker)
        .with("alarms", alarms)
}

fn summary(it: RevisionSummary) -> Fields {
    Fields::new()
        .with("arn", it.arn)
        .with("requestedTaskCount", it.requested)
        .with("runningTaskCount", it.running)
        .with("pendingTaskCount", it.pending)
        .maybe("requestedTestTrafficWeight", it.test_weight)
        .maybe("requestedProductionTrafficWeight", it.production_weight)
}

fn hook_detail(it: HookDetail) -> Fields {
    Fields::new()
        .with("hookId", it.id)
        .with("targetType", it.target.as_str())
        .maybe("targetArn", it.target_arn)
        .with("status", it.status.as_str())
        .with("expiresAt", it.expires_at)
        .with("timeoutAction", it.timeout_action.as_str())
}

fn revision(it: Revision) -> Fields {
    let rule = it.load_balancers.first().and_then(|one| one.advanced.as_ref());
    let rule = rule.map(|advanced| advanced.production_listener_rule.clone());
    let resolved = it.target_group.map(|group| {
        let balancer = Fields::new().with("targetGroupArn", group).maybe("productionListenerRule", rule);
        Fields::new().with("loadBalancers", vec![balancer])
    });
    Fields::new()
        .with("serviceRevisionArn", it.arn)
        .with("serviceArn", it.service_arn)
        .with("clusterArn", it.cluster_arn)
        .with("taskDefinition", it.task_definition)
        .with("launchType", "FARGATE")
        .with("platformVersion", "1.4.0")
        .with("platformFamily", "Linux")
        .with("loadBalancers", Value::list(it.load_balancers.into_iter().map(load_balancer)))
        .with("guardDutyEnabled", false)
        .with("createdAt", it.created_at)
        .maybe("resolvedConfiguration", resolved)
}
