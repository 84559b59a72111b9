//! A deployment group and its newest deployment, as CodeDeploy shows them.

use std::time::Duration;

use aws_sdk_codedeploy::types::{
    BlueGreenDeploymentConfiguration, DeploymentCreator, DeploymentInfo, DeploymentReadyAction, DeploymentStatus,
    EcsTarget, LifecycleEvent as SdkEvent, LifecycleEventStatus, TargetStatus, TimeBasedCanary, TimeBasedLinear,
};
use aws_sdk_ecs::types::Service;
use aws_smithy_types::DateTime;

use crate::cloud::aws::Aws;
use crate::cloud::aws::errors::{during, not_found, unexpected};
use crate::cloud::{CloudError, Increment};
use crate::domain::deployment::{Course, Deployment, LifecycleEvent, Wait};
use crate::domain::ids::TaskDefinitionArn;
use crate::domain::percent::Percent;
use crate::domain::plan::DeploymentGroup;
use crate::domain::time::Timestamp;

const GET_GROUP: &str = "codedeploy:GetDeploymentGroup";
const GET_CONFIG: &str = "codedeploy:GetDeploymentConfig";
const LIST: &str = "codedeploy:ListDeployments";
const BATCH_GET: &str = "codedeploy:BatchGetDeployments";
const GET: &str = "codedeploy:GetDeployment";
const GET_TARGET: &str = "codedeploy:BatchGetDeploymentTargets";
const LIST_TARGETS: &str = "codedeploy:ListDeploymentTargets";

/// Deployments that one call describes.
const LISTED: usize = 25;

/// What is waited for, as `ContinueDeployment` names it.
pub(super) const READY_WAIT: &str = "READY_WAIT";
pub(super) const TERMINATION_WAIT: &str = "TERMINATION_WAIT";

/// What the descriptions of cutover's deployments begin with.
const OURS: &str = "cutover: ";

/// What a deployment says of itself: the task definition that it deploys, which belongs to one release alone.
pub(super) fn description(task_definition: &TaskDefinitionArn) -> String {
    format!("{OURS}{}", task_definition.as_str())
}

/// A deployment group as it is set up.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) config: String,
    pub(super) newest: Option<String>,
    services: Vec<String>,
    waits_to_be_let_through: bool,
}

impl Standing {
    /// Whether its deployments wait before users are sent to green.
    pub(super) fn waits_to_be_let_through(&self) -> bool {
        self.waits_to_be_let_through
    }

    /// Whether the group deploys the service, and stops where the engine can hold it.
    pub(super) fn check(&self, group: &DeploymentGroup, service: &str) -> Result<(), CloudError> {
        let name = format!("{}/{}", group.application, group.name);
        if !self.services.iter().any(|one| one == service) {
            let deployed = self.services.join(", ");
            let message = format!("deployment group {name} deploys {deployed}, and not service `{service}`");
            return Err(not_found(GET_GROUP, message));
        }
        if !self.waits_to_be_let_through {
            let message = format!(
                "deployment group {name} sends users to green without waiting; set its deploymentReadyOption to \
                 STOP_DEPLOYMENT with a wait of some minutes, so that green can be checked first"
            );
            return Err(unexpected(GET_GROUP, message));
        }
        Ok(())
    }
}

pub(super) async fn read(aws: &Aws, group: &DeploymentGroup) -> Result<Standing, CloudError> {
    let call = aws.codedeploy.get_deployment_group().application_name(&group.application);
    let answer = call.deployment_group_name(&group.name).send().await.map_err(during(GET_GROUP))?;
    let found = answer.deployment_group_info;
    let found = found.ok_or_else(|| not_found(GET_GROUP, format!("there is no deployment group {}", group.name)))?;
    let ready = found.blue_green_deployment_configuration().and_then(|options| options.deployment_ready_option());
    Ok(Standing {
        config: found.deployment_config_name().unwrap_or_default().to_owned(),
        newest: found.last_attempted_deployment().and_then(|last| last.deployment_id.clone()),
        services: found.ecs_services().iter().filter_map(|one| one.service_name.clone()).collect(),
        waits_to_be_let_through: ready.is_some_and(|ready| {
            ready.action_on_timeout == Some(DeploymentReadyAction::StopDeployment) && ready.wait_time_in_minutes > 0
        }),
    })
}

/// The shares that a deployment configuration goes through.
pub(super) async fn increments(aws: &Aws, config: &str) -> Result<Vec<Increment>, CloudError> {
    let answer = aws.codedeploy.get_deployment_config().deployment_config_name(config).send().await;
    let found = answer.map_err(during(GET_CONFIG))?.deployment_config_info;
    let routing = found.as_ref().and_then(|found| found.traffic_routing_config());
    let canary = routing.and_then(|routing| routing.time_based_canary());
    let linear = routing.and_then(|routing| routing.time_based_linear());
    Ok(gone_through(canary, linear))
}

fn gone_through(canary: Option<&TimeBasedCanary>, linear: Option<&TimeBasedLinear>) -> Vec<Increment> {
    let percent = |number: i32| u8::try_from(number).unwrap_or(100).min(100);
    let minutes = |number: i32| Duration::from_mins(u64::try_from(number).unwrap_or_default());
    let (size, interval, is_repeated) = match (canary, linear) {
        (Some(canary), _) => (percent(canary.canary_percentage), minutes(canary.canary_interval), false),
        (None, Some(linear)) => (percent(linear.linear_percentage), minutes(linear.linear_interval), true),
        (None, None) => (100, Duration::ZERO, false),
    };
    let shares = (1_u8..).map(|step| size.saturating_mul(step)).take_while(|share| *share < 100 && size > 0);
    let shares = shares.take(if is_repeated { 100 } else { 1 });
    let last = Increment { weight: Percent::FULL, lasting: Duration::ZERO };
    shares.map(|share| Increment { weight: Percent::clamped(share), lasting: interval }).chain([last]).collect()
}

/// The newest deployment of a group.
#[derive(Clone, Debug)]
pub(super) struct Newest {
    /// As the engine sees it; what it deploys only if its description says so.
    pub(super) seen: Deployment,
    /// When it was created.
    pub(super) began: Option<Timestamp>,
    is_past_tests: bool,
    config: String,
}

impl Newest {
    /// The deployment configuration that it goes through, by name.
    pub(super) fn config(&self) -> &str {
        &self.config
    }

    pub(super) fn deploys(&self, task_definition: &TaskDefinitionArn) -> bool {
        self.seen.task_definition == *task_definition
    }

    pub(super) fn waits_for(&self, wait: &str) -> bool {
        self.seen.wait.as_ref().is_some_and(|it| it.id == wait)
    }

    /// Whether green has come up and been sent its test traffic.
    pub(super) fn is_past_tests(&self) -> bool {
        self.is_past_tests
    }

    /// With what it deploys, which of somebody else's deployment only its task set says.
    pub(super) fn with_definition(mut self, service: &Service) -> Self {
        if self.seen.task_definition.as_str().is_empty() {
            let set = service.task_sets().iter().find(|set| set.external_id() == Some(self.seen.id.as_str()));
            self.seen.task_definition =
                TaskDefinitionArn(set.and_then(|set| set.task_definition.clone()).unwrap_or_default());
        }
        self
    }
}

/// The newest deployment of a group, by four calls; by one more when it has been, or is being, rolled back. A rollback is a
/// deployment of its own, and is told as what becomes of the one it brings back
/// (<https://docs.aws.amazon.com/codedeploy/latest/userguide/deployments-rollback-and-redeploy.html>).
pub(super) async fn newest(aws: &Aws, group: &DeploymentGroup) -> Result<Option<Newest>, CloudError> {
    let Some(id) = read(aws, group).await?.newest else { return Ok(None) };
    let found = deployment(aws, &id).await?;
    let (subject, back) = match rolls_back(&found) {
        Some(triggering) => (deployment(aws, &triggering).await?, Some(found)),
        None => match rolled_back_by(&found) {
            Some(back) => (found, Some(deployment(aws, &back).await?)),
            None => (found, None),
        },
    };
    let id = subject.deployment_id.clone().unwrap_or(id);
    let target = match subject.start_time {
        Some(_) => target(aws, &id).await?,
        None => None,
    };
    Ok(Some(seen(id, &subject, back.as_ref(), target.as_ref())))
}

/// The newest deployments of a group since then, with when each was created, by two calls.
pub(super) async fn list(
    aws: &Aws,
    group: &DeploymentGroup,
    since: Timestamp,
) -> Result<Vec<(Timestamp, Newest)>, CloudError> {
    let call = aws.codedeploy.list_deployments().application_name(&group.application);
    let listed = call.deployment_group_name(&group.name).send().await.map_err(during(LIST))?;
    let ids: Vec<String> = listed.deployments.unwrap_or_default().into_iter().take(LISTED).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let call = aws.codedeploy.batch_get_deployments().set_deployment_ids(Some(ids));
    let found = call.send().await.map_err(during(BATCH_GET))?.deployments_info.unwrap_or_default();
    let brief = found.iter().filter_map(|it| {
        let brief = seen(it.deployment_id.clone().unwrap_or_default(), it, None, None);
        Some((brief.began.filter(|began| *began >= since)?, brief))
    });
    Ok(brief.collect())
}

async fn deployment(aws: &Aws, id: &str) -> Result<DeploymentInfo, CloudError> {
    let answer = aws.codedeploy.get_deployment().deployment_id(id).send().await.map_err(during(GET))?;
    answer.deployment_info.ok_or_else(|| not_found(GET, format!("there is no deployment {id}")))
}

/// The one service that a deployment to ECS has as its target.
async fn target(aws: &Aws, id: &str) -> Result<Option<EcsTarget>, CloudError> {
    let listed = aws.codedeploy.list_deployment_targets().deployment_id(id).send().await;
    let listed = match listed.map_err(during(LIST_TARGETS)) {
        Ok(listed) => listed.target_ids.unwrap_or_default(),
        // It has only just been created.
        Err(error) if error.message.contains("DeploymentNotStarted") => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(service) = listed.into_iter().next() else { return Ok(None) };
    let call = aws.codedeploy.batch_get_deployment_targets().deployment_id(id).target_ids(service);
    let found = call.send().await.map_err(during(GET_TARGET))?.deployment_targets.unwrap_or_default();
    Ok(found.into_iter().find_map(|target| target.ecs_target))
}

fn rolls_back(it: &DeploymentInfo) -> Option<String> {
    let is_way_back = it.creator == Some(DeploymentCreator::CodeDeployRollback);
    it.rollback_info().filter(|_| is_way_back).and_then(|info| info.rollback_triggering_deployment_id.clone())
}

fn rolled_back_by(it: &DeploymentInfo) -> Option<String> {
    it.rollback_info().and_then(|info| info.rollback_deployment_id.clone())
}

fn seen(id: String, it: &DeploymentInfo, back: Option<&DeploymentInfo>, target: Option<&EcsTarget>) -> Newest {
    let wait = wait(it, target);
    let events = target.map_or(&[][..], EcsTarget::lifecycle_events);
    let current = events.iter().find(|event| event.status == Some(LifecycleEventStatus::InProgress));
    let stage = wait.as_ref().map(|wait| wait.id.clone());
    let stage = stage.or_else(|| current.and_then(|event| event.lifecycle_event_name.clone()));
    let status = it.status.as_ref().map_or("?", DeploymentStatus::as_str);
    let config = it.deployment_config_name().unwrap_or_default();
    let error = it.error_information().and_then(|error| error.message.clone());
    let alarms = it.override_alarm_configuration().filter(|alarms| alarms.enabled);
    let is_past_tests = stage_over(events, "AfterAllowTestTraffic");
    let ours = it.description().and_then(|text| text.strip_prefix(OURS));
    Newest {
        is_past_tests,
        began: it.create_time.and_then(|at| at.to_millis().ok()).map(Timestamp::from_millis),
        config: config.to_owned(),
        seen: Deployment {
            id,
            task_definition: TaskDefinitionArn(ours.unwrap_or_default().to_owned()),
            strategy: config.strip_prefix("CodeDeployDefault.").unwrap_or(config).to_owned(),
            status: status.to_owned(),
            stage,
            course: course(it.status.as_ref(), back),
            reason: error.filter(|message| !message.is_empty()),
            wait,
            alarms: alarms.map(|_| "MONITORING".to_owned()),
            events: events.iter().map(told).collect(),
            failures: None,
        },
    }
}

/// A lifecycle event, in CodeDeploy's words.
fn told(event: &SdkEvent) -> LifecycleEvent {
    let at = |at: &Option<DateTime>| at.as_ref().and_then(|at| at.to_millis().ok()).map(Timestamp::from_millis);
    LifecycleEvent {
        name: event.lifecycle_event_name.clone().unwrap_or_default(),
        status: event.status.as_ref().map_or("?", LifecycleEventStatus::as_str).to_owned(),
        course: match &event.status {
            Some(LifecycleEventStatus::InProgress) => Course::Underway,
            Some(LifecycleEventStatus::Succeeded) => Course::Completed,
            Some(LifecycleEventStatus::Failed) => Course::Failed,
            Some(LifecycleEventStatus::Skipped) => Course::Stopped,
            _ => Course::Unknown,
        },
        started: at(&event.start_time),
        ended: at(&event.end_time),
        expires: None,
    }
}

fn stage_over(events: &[SdkEvent], name: &str) -> bool {
    let over = [LifecycleEventStatus::Succeeded, LifecycleEventStatus::Skipped];
    let event = events.iter().find(|event| event.lifecycle_event_name() == Some(name));
    event.is_some_and(|event| event.end_time.is_some() && event.status.as_ref().is_some_and(|it| over.contains(it)))
}

fn course(status: Option<&DeploymentStatus>, back: Option<&DeploymentInfo>) -> Course {
    match (status, back.and_then(|back| back.status.as_ref())) {
        (Some(DeploymentStatus::Failed | DeploymentStatus::Stopped), Some(DeploymentStatus::Succeeded)) => {
            Course::WentBack
        }
        (
            Some(DeploymentStatus::Failed | DeploymentStatus::Stopped),
            Some(DeploymentStatus::Failed | DeploymentStatus::Stopped),
        ) => Course::Failed,
        (Some(DeploymentStatus::Failed | DeploymentStatus::Stopped), Some(_)) => Course::GoingBack,
        (Some(DeploymentStatus::Failed | DeploymentStatus::Stopped), None) => Course::Stopped,
        (Some(DeploymentStatus::Succeeded), _) => Course::Completed,
        (
            Some(
                DeploymentStatus::Created
                | DeploymentStatus::Queued
                | DeploymentStatus::InProgress
                | DeploymentStatus::Ready
                | DeploymentStatus::Baking,
            ),
            _,
        ) => Course::Underway,
        _ => Course::Unknown,
    }
}

/// What a deployment waits for, and until when: as long as its group says, from the end of the event before.
///
/// That the second wait has begun is `instanceTerminationWaitTimeStarted`; for ECS that flag was seen to stay false, and
/// the target to have succeeded all the same (<https://github.com/aws/containers-roadmap/issues/269>).
fn wait(it: &DeploymentInfo, target: Option<&EcsTarget>) -> Option<Wait> {
    let events = target.map_or(&[][..], EcsTarget::lifecycle_events);
    let ended = |name: &str| {
        let event = events.iter().find(|event| event.lifecycle_event_name() == Some(name));
        event.and_then(|event| event.end_time.as_ref()?.to_millis().ok()).map(Timestamp::from_millis)
    };
    let minutes = |number: i32| Duration::from_mins(u64::try_from(number).unwrap_or_default());
    let options = it.blue_green_deployment_configuration();
    if it.status == Some(DeploymentStatus::Ready) {
        let ready = options.and_then(BlueGreenDeploymentConfiguration::deployment_ready_option);
        let expires =
            ready.and_then(|ready| Some(ended("AfterAllowTestTraffic")? + minutes(ready.wait_time_in_minutes)));
        let then = ready.and_then(|ready| ready.action_on_timeout.as_ref());
        let then = then.map_or("STOP_DEPLOYMENT", DeploymentReadyAction::as_str).to_owned();
        return Some(Wait { id: READY_WAIT.to_owned(), expires, then });
    }
    let has_shifted = target.is_some_and(|target| target.status == Some(TargetStatus::Succeeded));
    let is_under_way = matches!(it.status, Some(DeploymentStatus::InProgress | DeploymentStatus::Baking));
    if !is_under_way || !(has_shifted || it.instance_termination_wait_time_started) {
        return None;
    }
    let after = options.and_then(BlueGreenDeploymentConfiguration::terminate_blue_instances_on_deployment_success);
    let expires =
        after.and_then(|after| Some(ended("AfterAllowTraffic")? + minutes(after.termination_wait_time_in_minutes)));
    Some(Wait { id: TERMINATION_WAIT.to_owned(), expires, then: "TERMINATE".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_configuration_ends_at_all_traffic() {
        let shares = |increments: Vec<Increment>| -> Vec<(u8, u64)> {
            increments.iter().map(|one| (one.weight.get(), one.lasting.as_secs() / 60)).collect()
        };
        let canary = TimeBasedCanary::builder().canary_percentage(10).canary_interval(5).build();
        let thirds = TimeBasedLinear::builder().linear_percentage(40).linear_interval(2).build();
        assert_eq!(shares(gone_through(Some(&canary), None)), [(10, 5), (100, 0)]);
        assert_eq!(shares(gone_through(None, Some(&thirds))), [(40, 2), (80, 2), (100, 0)]);
        assert_eq!(shares(gone_through(None, None)), [(100, 0)]);
        let nothing = TimeBasedLinear::builder().linear_percentage(0).linear_interval(0).build();
        assert_eq!(shares(gone_through(None, Some(&nothing))), [(100, 0)]);
    }

    #[test]
    fn a_rollback_is_told_as_what_becomes_of_the_deployment_that_it_brings_back() {
        let back = |status| DeploymentInfo::builder().status(status).build();
        let stopped = DeploymentStatus::Stopped;
        assert_eq!(course(Some(&stopped), None), Course::Stopped);
        assert_eq!(course(Some(&stopped), Some(&back(DeploymentStatus::InProgress))), Course::GoingBack);
        assert_eq!(course(Some(&stopped), Some(&back(DeploymentStatus::Succeeded))), Course::WentBack);
        assert_eq!(course(Some(&stopped), Some(&back(DeploymentStatus::Failed))), Course::Failed);
        assert_eq!(course(Some(&DeploymentStatus::from("Newest")), None), Course::Unknown);
    }
}
