//! The `codedeploy` driver: CodeDeploy shifts traffic between two task sets of one service.
//!
//! A deployment brings green up, sends it test traffic, and then waits to be let through (`READY_WAIT`): that is where the
//! engine holds it. Once let through, it goes through the shares of its deployment configuration on a clock of its own;
//! it can be stopped then, and not held. With all traffic on green it waits to let go of blue (`TERMINATION_WAIT`).
//!
//! A wait to be let through that nobody ends stops the deployment with all traffic on blue, by CodeDeploy and without any
//! engine, and each deployment carries the release's alarms, at which CodeDeploy brings traffic back by itself.

mod group;

use std::time::Duration;

use aws_sdk_codedeploy::config::Builder;
use aws_sdk_codedeploy::types::{
    Alarm, AlarmConfiguration, AppSpecContent, AutoRollbackConfiguration, AutoRollbackEvent, DeploymentWaitType,
    RevisionLocation, RevisionLocationType,
};
use aws_sdk_ecs::types::{Service, StabilityStatus, TaskSet};
use aws_sdk_elasticloadbalancingv2::types::TargetHealthDescription;
use serde_json::json;
use tokio::{join, try_join};

use self::group::{Newest, READY_WAIT, TERMINATION_WAIT};
use super::super::capacity::{counted, ill_targets, targets, targets_alone};
use super::super::connect::{hasty, sent_once};
use super::super::errors::{during, not_found, unexpected};
use super::super::services::{self, count};
use super::super::{Aws, register, tasks};
use super::alb;
use crate::cloud::{CloudError, ErrorKind, Progress, Rollout, ServiceSurvey, Survey, Target};
use crate::domain::capacity::{Capacities, Capacity};
use crate::domain::deployment::{Course, Deployment};
use crate::domain::ids::{AlarmName, Side, TaskDefinitionArn};
use crate::domain::percent::Percent;
use crate::domain::plan::{DeploymentGroup, SidePlan, Sides};
use crate::domain::time::Timestamp;
use crate::domain::triage::{Change, ChangeKind};

const CREATE: &str = "codedeploy:CreateDeployment";
const CONTINUE: &str = "codedeploy:ContinueDeployment";
const STOP: &str = "codedeploy:StopDeployment";
const DESCRIBE: &str = "ecs:DescribeServices";

/// The configuration that goes back: what served before has served before.
const AT_ONCE: &str = "CodeDeployDefault.ECSAllAtOnce";

/// Looks at a component as it stands: one service, on which of its two target groups the traffic is, and how CodeDeploy
/// would shift it.
pub(super) async fn survey(aws: &Aws, target: &Target) -> Result<Survey, CloudError> {
    let [first, second] = &target.services;
    let group = named(target.group.as_ref())?;
    let (share, service, standing) = try_join!(
        alb::share_of_either(aws, &target.rule, &first.target_group, &second.target_group),
        services::describe_one(aws, &first.service),
        group::read(aws, group),
    )?;
    standing.check(group, &first.service)?;
    let (increments, newest) = try_join!(group::increments(aws, &standing.config), group::newest(aws, group))?;
    let task_definition = TaskDefinitionArn(service.task_definition.clone().unwrap_or_default());
    let (definition, _) = register::describe(aws, task_definition.as_str()).await?;
    let surveyed = ServiceSurvey {
        version: services::image_of(&definition, &target.container)?,
        task_definition,
        desired: count(service.desired_count),
        is_deploying: newest.is_some_and(|newest| !newest.seen.course.is_over()),
    };
    let weights = [share.rest(), share];
    let services = [surveyed.clone(), surveyed];
    Ok(Survey { blue: usize::from(share > share.rest()), weights, services, increments })
}

/// Green's weight as the load balancer has it.
pub(super) async fn weight(aws: &Aws, sides: &Sides) -> Result<Percent, CloudError> {
    alb::share_of_either(aws, &sides.rule, &sides.blue.target_group, &sides.green.target_group).await
}

/// Both task sets' tasks and targets, and how the deployment stands.
pub(super) async fn capacity(aws: &Aws, sides: &Sides) -> Result<Capacities, CloudError> {
    let group = named(sides.group.as_ref())?;
    let (service, newest, blue_targets, green_targets) = join!(
        services::describe_one(aws, &sides.blue.service),
        group::newest(aws, group),
        targets(aws, &sides.blue.target_group),
        targets(aws, &sides.green.target_group),
    );
    let (blue_targets, green_targets) = (blue_targets?, green_targets?);
    let (service, newest) = match (service, newest) {
        (Ok(service), Ok(newest)) => (service, newest),
        (Err(error), _) | (_, Err(error)) => {
            return Ok(Capacities {
                blue: targets_alone(&blue_targets, &error),
                green: targets_alone(&green_targets, &error),
                deployment: None,
            });
        }
    };
    let blue = side(&service, &sides.blue, &blue_targets);
    let mut green = side(&service, &sides.green, &green_targets);
    let Some(newest) = newest.map(|newest| newest.with_definition(&service)) else {
        return Ok(Capacities { blue, green, deployment: None });
    };
    if newest.seen.task_definition != sides.blue.task_definition {
        green.rollout_failed = newest.seen.course.is_given_up();
        // Green may be checked once CodeDeploy has sent it its test traffic.
        green.steady &= newest.is_past_tests();
        if newest.seen.course == Course::Underway
            && !newest.is_past_tests()
            && !green.task_definition.as_str().is_empty()
        {
            let failed = tasks::failures(aws, &sides.green.service, green.task_definition.as_str()).await;
            let (failed, why) = failed.unwrap_or_default();
            green.failed_tasks = failed;
            green.trouble = why.or(green.trouble);
        }
        let reason = newest.seen.reason.clone().filter(|_| green.rollout_failed);
        green.trouble = reason.or(green.trouble);
    }
    Ok(Capacities { blue, green, deployment: Some(Box::new(newest.seen)) })
}

/// The task set that is registered in a side's target group.
fn task_set<'a>(service: &'a Service, side: &SidePlan) -> Option<&'a TaskSet> {
    service.task_sets().iter().find(|set| {
        let balancers = set.load_balancers().iter();
        set.status() != Some("DRAINING")
            && balancers.filter_map(|one| one.target_group_arn()).any(|arn| arn == side.target_group)
    })
}

fn side(service: &Service, plan: &SidePlan, targets: &[TargetHealthDescription]) -> Capacity {
    let (healthy, registered) = counted(targets);
    let set = task_set(service, plan);
    let [desired, running, pending] = set
        .map_or([0; 3], |set| [count(set.computed_desired_count), count(set.running_count), count(set.pending_count)]);
    Capacity {
        task_definition: TaskDefinitionArn(set.and_then(|set| set.task_definition.clone()).unwrap_or_default()),
        desired,
        running,
        pending,
        healthy,
        registered,
        failed_tasks: 0,
        trouble: ill_targets(targets),
        rollout_failed: false,
        steady: set.is_none_or(|set| set.stability_status == Some(StabilityStatus::SteadyState)),
        unread: None,
    }
}

/// Brings green to a weight: forward by letting the deployment through and waiting for its clock, back by stopping it.
pub(super) async fn set_weight(aws: &Aws, rollout: &Rollout<'_>, green: Percent) -> Result<Progress, CloudError> {
    let sides = rollout.sides;
    if green == Percent::ZERO {
        return go_back(aws, rollout).await;
    }
    let newest = standing(aws, sides).await?;
    let Some(newest) = newest.filter(|newest| rollout.green.is_some_and(|green| newest.deploys(green))) else {
        return Err(unexpected(CREATE, "the newest deployment of the group is not this release's"));
    };
    // Read after the deployment, so that it is no older. More than was asked for is what the clock has done meanwhile.
    let observed = weight(aws, sides).await?;
    match newest.seen.course {
        _ if observed >= green => Ok(Progress::Done),
        Course::Underway if newest.waits_for(READY_WAIT) => go_on(aws, &newest, DeploymentWaitType::ReadyWait).await,
        Course::Underway | Course::Unknown => Ok(Progress::Underway),
        Course::Completed | Course::GoingBack | Course::WentBack | Course::Stopped | Course::Failed => {
            Err(given_up(&newest))
        }
    }
}

/// Makes a side run: green by a deployment, blue by going back. Taking green down is going back, taking blue down is
/// ending the wait before CodeDeploy does.
pub(super) async fn scale(
    aws: &Aws,
    rollout: &Rollout<'_>,
    side: Side,
    desired: u32,
    task_definition: Option<&TaskDefinitionArn>,
) -> Result<Progress, CloudError> {
    let sides = rollout.sides;
    let newest = standing(aws, sides).await?;
    match (side, desired, newest) {
        (Side::Green, 0, None) => Ok(Progress::Done),
        (Side::Green, 0, Some(newest)) => take_down_green(aws, rollout, &newest).await,
        (Side::Green, _, newest) => match task_definition {
            Some(wanted) => bring_up(aws, rollout, wanted, newest.as_ref()).await,
            None => Ok(Progress::Done),
        },
        (Side::Blue, 0, Some(newest)) => finish(aws, sides, &newest).await,
        (Side::Blue, _, Some(newest)) if !newest.deploys(&sides.blue.task_definition) => go_back(aws, rollout).await,
        (Side::Blue, _, _) => Ok(Progress::Done),
    }
}

/// Creates green's deployment, unless it is there already: an answer may have been lost.
async fn bring_up(
    aws: &Aws,
    rollout: &Rollout<'_>,
    wanted: &TaskDefinitionArn,
    newest: Option<&Newest>,
) -> Result<Progress, CloudError> {
    match newest {
        Some(newest) if newest.deploys(wanted) && !newest.seen.course.is_given_up() => return Ok(Progress::Done),
        Some(newest) if !newest.seen.course.is_over() => return Err(somebody_elses(newest)),
        _ => {}
    }
    create(aws, rollout.sides, wanted, None, rollout.alarms).await
}

/// All traffic to blue: by stopping the deployment, and after its end by one of blue's own.
async fn go_back(aws: &Aws, rollout: &Rollout<'_>) -> Result<Progress, CloudError> {
    let sides = rollout.sides;
    let Some(newest) = standing(aws, sides).await? else { return Ok(Progress::Done) };
    let blue = &sides.blue.task_definition;
    if !newest.deploys(blue) {
        match newest.seen.course {
            // Stopping it twice changes nothing.
            Course::Underway | Course::Unknown => return stop(aws, &newest).await,
            Course::GoingBack => return Ok(Progress::Underway),
            Course::Completed | Course::WentBack | Course::Stopped | Course::Failed => {}
        }
    }
    if weight(aws, sides).await? == Percent::ZERO {
        return Ok(Progress::Done);
    }
    match newest.seen.course {
        Course::Underway if newest.deploys(blue) && newest.waits_for(READY_WAIT) => {
            go_on(aws, &newest, DeploymentWaitType::ReadyWait).await
        }
        Course::Underway | Course::GoingBack | Course::Unknown => Ok(Progress::Underway),
        Course::Completed | Course::WentBack | Course::Stopped | Course::Failed => {
            create(aws, sides, blue, Some(AT_ONCE), &[]).await
        }
    }
}

/// What CodeDeploy brought up for green goes down with its deployment.
async fn take_down_green(aws: &Aws, rollout: &Rollout<'_>, newest: &Newest) -> Result<Progress, CloudError> {
    if newest.deploys(&rollout.sides.blue.task_definition) {
        return Ok(Progress::Done);
    }
    match newest.seen.course {
        Course::WentBack | Course::Stopped | Course::Completed | Course::Failed => Ok(Progress::Done),
        Course::GoingBack | Course::Unknown => Ok(Progress::Underway),
        Course::Underway => stop(aws, newest).await,
    }
}

/// Has CodeDeploy let go of blue, and waits until it has.
async fn finish(aws: &Aws, sides: &Sides, newest: &Newest) -> Result<Progress, CloudError> {
    if newest.deploys(&sides.blue.task_definition) || newest.seen.course.is_given_up() {
        return Err(given_up(newest));
    }
    match newest.seen.course {
        Course::Completed => Ok(Progress::Done),
        _ if newest.waits_for(TERMINATION_WAIT) => go_on(aws, newest, DeploymentWaitType::TerminationWait).await,
        _ => Ok(Progress::Underway),
    }
}

/// Sent once: a lost answer is no reason to deploy twice, and the next look finds what came of it. While a deployment is
/// under way, CodeDeploy refuses another to the same group.
async fn create(
    aws: &Aws,
    sides: &Sides,
    task_definition: &TaskDefinitionArn,
    config: Option<&str>,
    alarms: &[AlarmName],
) -> Result<Progress, CloudError> {
    let group = named(sides.group.as_ref())?;
    let service = services::describe_one(aws, &sides.green.service).await?;
    let content = AppSpecContent::builder().content(app_spec(&service, &sides.green, task_definition)?).build();
    let revision = RevisionLocation::builder()
        .revision_type(RevisionLocationType::AppSpecContent)
        .app_spec_content(content)
        .build();
    let rollback = AutoRollbackConfiguration::builder()
        .enabled(true)
        .events(AutoRollbackEvent::DeploymentFailure)
        .events(AutoRollbackEvent::DeploymentStopOnAlarm)
        .events(AutoRollbackEvent::DeploymentStopOnRequest)
        .build();
    let call = aws
        .codedeploy
        .create_deployment()
        .application_name(&group.application)
        .deployment_group_name(&group.name)
        .set_deployment_config_name(config.map(str::to_owned))
        .description(group::description(task_definition))
        .revision(revision)
        .auto_rollback_configuration(rollback)
        .set_override_alarm_configuration(guarded(alarms));
    let once = Builder::new().retry_config(sent_once());
    underway(call.customize().config_override(once).send().await.map(drop).map_err(during(CREATE)))
}

/// The release's alarms in the place of the group's, whose alarms stay where the release has none.
fn guarded(alarms: &[AlarmName]) -> Option<AlarmConfiguration> {
    let named = alarms.iter().map(|name| Alarm::builder().name(name.as_str()).build()).collect();
    let is_any = !alarms.is_empty();
    is_any.then(|| AlarmConfiguration::builder().enabled(true).set_alarms(Some(named)).build())
}

/// The AppSpec: what the service's own tasks are reached by, with another task definition
/// (<https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html>).
fn app_spec(service: &Service, side: &SidePlan, task_definition: &TaskDefinitionArn) -> Result<String, CloudError> {
    let balancers = service.task_sets().iter().flat_map(TaskSet::load_balancers).chain(service.load_balancers());
    let port = balancers.filter(|one| one.container_name() == Some(&side.container)).find_map(|one| one.container_port);
    let port = port.ok_or_else(|| {
        let message = format!("service `{}` balances no load over container `{}`", side.service, side.container);
        not_found(DESCRIBE, message)
    })?;
    let balancer = json!({"ContainerName": side.container, "ContainerPort": port});
    let properties = json!({"TaskDefinition": task_definition.as_str(), "LoadBalancerInfo": balancer});
    let target = json!({"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}});
    Ok(json!({"version": 1, "Resources": [target]}).to_string())
}

async fn go_on(aws: &Aws, newest: &Newest, wait: DeploymentWaitType) -> Result<Progress, CloudError> {
    let call = aws.codedeploy.continue_deployment().deployment_id(&newest.seen.id).deployment_wait_type(wait);
    underway(call.send().await.map(drop).map_err(during(CONTINUE)))
}

/// Stops a deployment and has CodeDeploy bring its traffic back.
async fn stop(aws: &Aws, newest: &Newest) -> Result<Progress, CloudError> {
    let call = aws.codedeploy.stop_deployment().deployment_id(&newest.seen.id).auto_rollback_enabled(true);
    let hasty = Builder::new().timeout_config(hasty());
    underway(call.customize().config_override(hasty).send().await.map(drop).map_err(during(STOP)))
}

/// What was read before may have passed: another deployment is under way, this one went on, or is over. That is seen when
/// it is looked at again.
fn underway(result: Result<(), CloudError>) -> Result<Progress, CloudError> {
    match result {
        Ok(()) => Ok(Progress::Underway),
        Err(error) if error.kind == ErrorKind::Conflict => Ok(Progress::Underway),
        Err(error) => Err(error),
    }
}

/// The newest deployment, and what it deploys.
async fn standing(aws: &Aws, sides: &Sides) -> Result<Option<Newest>, CloudError> {
    let group = named(sides.group.as_ref())?;
    let Some(newest) = group::newest(aws, group).await? else { return Ok(None) };
    if !newest.seen.task_definition.as_str().is_empty() {
        return Ok(Some(newest));
    }
    let service = services::describe_one(aws, &sides.green.service).await?;
    Ok(Some(newest.with_definition(&service)))
}

fn named(group: Option<&DeploymentGroup>) -> Result<&DeploymentGroup, CloudError> {
    group.ok_or_else(|| unexpected(CREATE, "no deployment group is known; configure `codedeploy`"))
}

fn somebody_elses(newest: &Newest) -> CloudError {
    let message = format!(
        "deployment {} is under way that is not this release's ({}); let it end, or stop it",
        newest.seen.id,
        newest.seen.words()
    );
    unexpected(CREATE, message)
}

fn given_up(newest: &Newest) -> CloudError {
    unexpected(CONTINUE, format!("CodeDeploy has given the deployment up: {}", newest.seen.why_given_up()))
}

/// What CodeDeploy says of a deployment that is under way.
pub(super) struct Afoot {
    pub(super) service: Service,
    pub(super) seen: Deployment,
    /// What it replaces.
    pub(super) blue: TaskDefinitionArn,
    /// Where it has brought green up, if it has.
    pub(super) green_group: Option<String>,
    pub(super) began: Option<Timestamp>,
    /// It waits to be let through, or will.
    pub(super) waits_before: bool,
    /// How long it shifts.
    pub(super) lasting: Duration,
}

/// The deployment that is under way, whoever created it.
pub(super) async fn afoot(aws: &Aws, target: &Target) -> Result<Option<Afoot>, CloudError> {
    let group = named(target.group.as_ref())?;
    let [first, _] = &target.services;
    let (service, standing, newest) =
        try_join!(services::describe_one(aws, &first.service), group::read(aws, group), group::newest(aws, group))?;
    let Some(newest) = newest.filter(|newest| !newest.seen.course.is_over()) else { return Ok(None) };
    let newest = newest.with_definition(&service);
    let increments = group::increments(aws, newest.config()).await?;
    let is_green = |set: &&TaskSet| set.external_id() == Some(newest.seen.id.as_str());
    let green = service.task_sets().iter().find(is_green);
    let primary = service.task_sets().iter().find(|set| !is_green(set) && set.status() != Some("DRAINING"));
    let blue = primary.and_then(|set| set.task_definition.clone()).or_else(|| service.task_definition.clone());
    let group = green.and_then(|set| set.load_balancers().iter().find_map(|one| one.target_group_arn.clone()));
    let is_before = !newest.is_past_tests() || newest.waits_for(READY_WAIT);
    Ok(Some(Afoot {
        blue: TaskDefinitionArn(blue.unwrap_or_default()),
        green_group: group,
        began: newest.began,
        waits_before: newest.waits_for(READY_WAIT) || (is_before && standing.waits_to_be_let_through()),
        lasting: increments.iter().map(|increment| increment.lasting).sum(),
        seen: newest.seen,
        service,
    }))
}

/// The deployments of a group since then.
pub(super) async fn deployed(aws: &Aws, target: &Target, since: Timestamp) -> Result<Vec<Change>, CloudError> {
    let found = group::list(aws, named(target.group.as_ref())?, since).await?;
    let change = |(at, newest): (Timestamp, Newest)| {
        let definition = newest.seen.task_definition;
        let what = if definition.as_str().is_empty() { newest.seen.id.as_str() } else { definition.short() };
        let text = format!("CodeDeploy: deployment of {what} {}", newest.seen.status);
        Change { at, text, kind: ChangeKind::Deployment(definition) }
    };
    Ok(found.into_iter().map(change).collect())
}
