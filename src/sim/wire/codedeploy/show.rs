//! What CodeDeploy shows, in the members of its own model.

use std::time::Duration;

use crate::domain::time::Timestamp;
use crate::sim::wire::value::{Fields, Value};
use crate::sim::world::codedeploy::{
    AlarmConfiguration, AutoRollback, BlueGreenOptions, DeploymentConfig, DeploymentGroup, DeploymentTarget,
    LastDeployment, LifecycleEvent, LifecycleEventStatus, ReadyAction, ShownDeployment, ShownGroup, TargetTaskSet,
    TrafficRouting,
};

fn minutes(span: Duration) -> u64 {
    span.as_secs() / 60
}

pub(super) fn config(it: DeploymentConfig) -> Fields {
    let routing = match it.routing {
        TrafficRouting::AllAtOnce => Fields::new().with("type", "AllAtOnce"),
        TrafficRouting::Canary { percent, interval } => {
            let canary = Fields::new().with("canaryPercentage", percent).with("canaryInterval", minutes(interval));
            Fields::new().with("type", "TimeBasedCanary").with("timeBasedCanary", canary)
        }
        TrafficRouting::Linear { percent, interval } => {
            let linear = Fields::new().with("linearPercentage", percent).with("linearInterval", minutes(interval));
            Fields::new().with("type", "TimeBasedLinear").with("timeBasedLinear", linear)
        }
    };
    Fields::new()
        .with("deploymentConfigId", it.id)
        .with("deploymentConfigName", it.name)
        .with("createTime", it.created_at)
        .with("computePlatform", "ECS")
        .with("trafficRoutingConfig", routing)
}

pub(super) fn group(it: ShownGroup) -> Fields {
    let group = &it.group;
    let service = Fields::new().with("serviceName", group.service.as_str()).with("clusterName", group.cluster.as_str());
    Fields::new()
        .with("applicationName", group.application.as_str())
        .with("deploymentGroupId", group.id.as_str())
        .with("deploymentGroupName", group.name.as_str())
        .with("deploymentConfigName", group.config.as_str())
        .with("serviceRoleArn", group.role_arn.as_str())
        .maybe("targetRevision", it.target_revision.as_deref().map(revision))
        .with("triggerConfigurations", Vec::<Fields>::new())
        .with("alarmConfiguration", alarms(&group.alarms))
        .with("autoRollbackConfiguration", auto_rollback(&group.auto_rollback))
        .with("deploymentStyle", style())
        .with("blueGreenDeploymentConfiguration", options(group.options))
        .with("loadBalancerInfo", load_balancer(group))
        .maybe("lastSuccessfulDeployment", it.last_successful.as_ref().map(last))
        .maybe("lastAttemptedDeployment", it.last_attempted.as_ref().map(last))
        .with("computePlatform", "ECS")
        .with("ecsServices", vec![service])
        .with("terminationHookEnabled", false)
}

pub(super) fn deployment(shown: ShownDeployment) -> Fields {
    let ShownDeployment { deployment: it, group } = shown;
    let error = it
        .error
        .as_ref()
        .map(|(code, message)| Fields::new().with("code", code.as_str()).with("message", message.as_str()));
    let rollback = Fields::new()
        .maybe("rollbackDeploymentId", it.rolled_back_by.as_deref())
        .maybe("rollbackTriggeringDeploymentId", it.rolls_back.as_deref())
        .maybe("rollbackMessage", it.rollback_message.as_deref());
    Fields::new()
        .with("applicationName", it.application)
        .with("deploymentGroupName", it.group)
        .with("deploymentConfigName", it.config)
        .with("deploymentId", it.id)
        .maybe("previousRevision", it.previous_revision.as_deref().map(revision))
        .with("revision", revision(&it.revision))
        .with("status", it.status.as_str())
        .maybe("errorInformation", error)
        .with("createTime", it.created_at)
        .maybe("startTime", it.started_at)
        .maybe("completeTime", it.completed_at)
        .maybe("description", it.description)
        .with("creator", it.creator.as_str())
        .with("ignoreApplicationStopFailures", false)
        .with("autoRollbackConfiguration", auto_rollback(&it.auto_rollback))
        .with("updateOutdatedInstancesOnly", false)
        .maybe("rollbackInfo", it.rollback_message.as_ref().map(|_| rollback))
        .with("deploymentStyle", style())
        .with("instanceTerminationWaitTimeStarted", it.termination_wait_started)
        .with("blueGreenDeploymentConfiguration", options(group.options))
        .with("loadBalancerInfo", load_balancer(&group))
        .with("fileExistsBehavior", "DISALLOW")
        .with("deploymentStatusMessages", Vec::<String>::new())
        .with("computePlatform", "ECS")
        .maybe("overrideAlarmConfiguration", it.own_alarms.as_ref().map(alarms))
}

pub(super) fn target(it: DeploymentTarget) -> Fields {
    let updated: Timestamp = it.updated_at;
    let target = Fields::new()
        .with("deploymentId", it.deployment)
        .with("targetId", it.id)
        .with("targetArn", it.arn)
        .with("lastUpdatedAt", updated)
        .with("lifecycleEvents", Value::list(it.events.into_iter().map(event)))
        .with("status", it.status.as_str())
        .with("taskSetsInfo", Value::list(it.task_sets.into_iter().map(task_set)));
    Fields::new().with("deploymentTargetType", "ECSTarget").with("ecsTarget", target)
}

fn event(it: LifecycleEvent) -> Fields {
    let failed = it.status == LifecycleEventStatus::Failed;
    let diagnostics = it.function.filter(|_| it.started_at.is_some()).map(|function| {
        let code = if failed { "ScriptFailed" } else { "Success" };
        Fields::new()
            .with("errorCode", code)
            .with("scriptName", function)
            .with("message", it.message.unwrap_or_default())
    });
    Fields::new()
        .with("lifecycleEventName", it.name.as_str())
        .maybe("diagnostics", diagnostics)
        .maybe("startTime", it.started_at)
        .maybe("endTime", it.ended_at)
        .with("status", it.status.as_str())
}

/// `identifer` is AWS's own spelling.
fn task_set(it: TargetTaskSet) -> Fields {
    let [desired, pending, running] = it.counts;
    Fields::new()
        .with("identifer", it.id)
        .with("desiredCount", desired)
        .with("pendingCount", pending)
        .with("runningCount", running)
        .with("status", it.status)
        .with("trafficWeight", it.weight)
        .with("targetGroup", Fields::new().with("name", it.target_group))
        .with("taskSetLabel", it.label)
}

/// The content of an AppSpec is never shown
/// (<https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_GetDeployment.html>).
fn revision(sha256: &str) -> Fields {
    let content = Fields::new().with("sha256", sha256);
    Fields::new().with("revisionType", "AppSpecContent").with("appSpecContent", content)
}

fn style() -> Fields {
    Fields::new().with("deploymentType", "BLUE_GREEN").with("deploymentOption", "WITH_TRAFFIC_CONTROL")
}

fn options(it: BlueGreenOptions) -> Fields {
    let waits = it.on_ready_timeout == ReadyAction::Stop;
    let ready = Fields::new()
        .with("actionOnTimeout", it.on_ready_timeout.as_str())
        .with("waitTimeInMinutes", if waits { minutes(it.ready_wait) } else { 0 });
    let terminate =
        Fields::new().with("action", "TERMINATE").with("terminationWaitTimeInMinutes", minutes(it.termination_wait));
    Fields::new().with("terminateBlueInstancesOnDeploymentSuccess", terminate).with("deploymentReadyOption", ready)
}

fn load_balancer(it: &DeploymentGroup) -> Fields {
    let named = it.target_groups.iter().map(|name| Fields::new().with("name", name));
    let route = |listener: &String| Fields::new().with("listenerArns", vec![listener.clone()]);
    let pair = Fields::new()
        .with("targetGroups", Value::list(named))
        .with("prodTrafficRoute", route(&it.production_listener))
        .maybe("testTrafficRoute", it.test_listener.as_ref().map(route));
    Fields::new().with("targetGroupPairInfoList", vec![pair])
}

fn alarms(it: &AlarmConfiguration) -> Fields {
    let names = it.alarms.iter().map(|name| Fields::new().with("name", name));
    Fields::new()
        .with("enabled", it.enabled)
        .with("ignorePollAlarmFailure", it.ignore_poll_failure)
        .with("alarms", Value::list(names))
}

fn auto_rollback(it: &AutoRollback) -> Fields {
    let events = it.events.iter().map(|event| event.as_str());
    Fields::new().with("enabled", it.enabled).with("events", Value::list(events))
}

fn last(it: &LastDeployment) -> Fields {
    Fields::new()
        .with("deploymentId", it.id.as_str())
        .with("status", it.status.as_str())
        .maybe("endTime", it.ended_at)
        .with("createTime", it.created_at)
}
