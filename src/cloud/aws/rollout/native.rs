//! The `native` driver: ECS shifts traffic between two revisions of one service.
//!
//! The deployment is LINEAR by steps of a tenth without a bake of its own, and pauses before each step and after the last.
//! So any multiple of a tenth is a weight that it can be held at: the engine answers the pauses between. A pause that
//! nobody answers in time goes back, by ECS and without any engine.
//!
//! `PRE_PRODUCTION_TRAFFIC_SHIFT` is "invoked before every traffic shift step" of linear deployments:
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentLifecycleHook.html>

use std::time::Duration;

use aws_sdk_ecs::types::{
    DeploymentConfiguration, DeploymentLifecycleHook, DeploymentLifecycleHookAction, DeploymentLifecycleHookStage,
    DeploymentLifecycleHookTargetType, DeploymentLifecycleHookTimeoutConfiguration, DeploymentStrategy,
    LinearConfiguration, Service,
};
use aws_sdk_elasticloadbalancingv2::types::TargetHealthDescription;
use tokio::{join, try_join};

use super::super::capacity::{counted, ill_targets, targets, targets_alone};
use super::super::errors::{during, unexpected};
use super::super::services::{self, UPDATE, count};
use super::super::{Aws, tasks};
use super::alb;
use super::deployments::{self, Newest, Revision, given_up, somebody_elses};
use crate::cloud::{CloudError, Progress, Rollout, Survey, Target};
use crate::domain::capacity::{Capacities, Capacity};
use crate::domain::deployment::{Course, Deployment};
use crate::domain::ids::{Side, TaskDefinitionArn};
use crate::domain::percent::Percent;
use crate::domain::plan::Sides;

/// Percent of the traffic that each step moves.
const STEP: f64 = 10.0;

/// The longest that a pause may wait, in minutes: fourteen days.
const LONGEST_PAUSE: i32 = 20_160;

/// Looks at a component as it stands: one service, and on which of its two target groups the traffic is.
pub(super) async fn survey(aws: &Aws, target: &Target) -> Result<Survey, CloudError> {
    let [first, second] = &target.services;
    let (share, service, newest) = try_join!(
        alb::share(aws, &target.rule, &first.target_group, &second.target_group),
        services::describe_one(aws, &first.service),
        deployments::newest(aws, &first.service),
    )?;
    let mut surveyed = services::survey_of(aws, &service, &target.container).await?;
    surveyed.is_deploying |= newest.is_some_and(|newest| !newest.seen.course.is_over());
    let weights = [share.rest(), share];
    Ok(Survey {
        blue: usize::from(share > share.rest()),
        weights,
        services: [surveyed.clone(), surveyed],
        increments: Vec::new(),
    })
}

/// Both revisions' tasks and targets, by six calls; by one more once the deployment is over.
pub(super) async fn capacity(aws: &Aws, sides: &Sides) -> Result<Capacities, CloudError> {
    let (newest, blue_targets, green_targets) = join!(
        deployments::newest(aws, &sides.blue.service),
        targets(aws, &sides.blue.target_group),
        targets(aws, &sides.green.target_group),
    );
    let (blue_targets, green_targets) = (blue_targets?, green_targets?);
    let part = |error: &CloudError| Capacities {
        blue: targets_alone(&blue_targets, error),
        green: targets_alone(&green_targets, error),
        deployment: None,
    };
    let newest = match newest {
        Ok(Some(newest)) => newest,
        Ok(None) => return Err(without_deployments(&sides.blue.service)),
        Err(error) => return Ok(part(&error)),
    };
    let service = if newest.seen.course.is_over() {
        match services::describe_one(aws, &sides.blue.service).await {
            Ok(service) => Some(service),
            Err(error) => return Ok(part(&error)),
        }
    } else {
        None
    };
    let both = both_sides(sides, &newest, service.as_ref());
    let mut green = side(&both.green, &newest, &green_targets);
    if newest.target.task_definition != sides.blue.task_definition {
        green.task_definition = newest.target.task_definition.clone();
        green.failed_tasks = newest.seen.failures.map_or(0, |(failed, _)| failed);
        green.rollout_failed = newest.seen.course.is_given_up();
        green.steady &= is_past_start(&newest.seen);
        let reason = newest.seen.reason.clone().filter(|_| green.rollout_failed);
        let cause = match green.failed_tasks {
            0 => None,
            _ => tasks::newest_failure(aws, &sides.green.service, green.task_definition.as_str()).await.ok().flatten(),
        };
        let told: Vec<String> = [cause, reason, green.trouble.take()].into_iter().flatten().take(2).collect();
        green.trouble = (!told.is_empty()).then(|| told.join("; "));
    }
    Ok(Capacities { blue: side(&both.blue, &newest, &blue_targets), green, deployment: Some(Box::new(newest.seen)) })
}

struct Both {
    blue: Revision,
    green: Revision,
}

/// Which revision is which side. Once a deployment is over there is only one, and the service counts its tasks.
fn both_sides(sides: &Sides, newest: &Newest, over: Option<&Service>) -> Both {
    let of_blue = |revision: &&Revision| revision.task_definition == sides.blue.task_definition;
    let is_blues = of_blue(&&newest.target);
    if let Some(service) = over {
        let alone = Revision {
            task_definition: TaskDefinitionArn(service.task_definition.clone().unwrap_or_default()),
            requested: count(service.desired_count),
            running: count(service.running_count),
            pending: count(service.pending_count),
            asked: 100.0,
        };
        let nothing = |task_definition: &TaskDefinitionArn| Revision {
            task_definition: task_definition.clone(),
            ..Revision::default()
        };
        return if of_blue(&&alone) {
            Both { blue: alone, green: nothing(&sides.green.task_definition) }
        } else {
            Both { blue: nothing(&sides.blue.task_definition), green: alone }
        };
    }
    let source = |is_wanted: &dyn Fn(&&Revision) -> bool| newest.sources.iter().find(is_wanted).cloned();
    if is_blues {
        let green = source(&|revision| !of_blue(revision)).unwrap_or_default();
        return Both { blue: newest.target.clone(), green };
    }
    let blue = source(&of_blue).unwrap_or_default();
    Both { blue, green: newest.target.clone() }
}

fn side(revision: &Revision, newest: &Newest, targets: &[TargetHealthDescription]) -> Capacity {
    let (healthy, registered) = counted(targets);
    Capacity {
        task_definition: revision.task_definition.clone(),
        desired: revision.requested,
        running: revision.running,
        pending: revision.pending,
        healthy,
        registered,
        failed_tasks: 0,
        trouble: ill_targets(targets),
        rollout_failed: false,
        steady: revision.pending == 0
            && revision.running == revision.requested
            && newest.seen.course != Course::GoingBack,
        unread: None,
    }
}

/// Whether green has come up and, where there is a test listener, been given its traffic: the first pause was reached.
/// Stages are known by name, for new ones appear between the old.
fn is_past_start(seen: &Deployment) -> bool {
    let named = |stages: &[&str]| seen.stage.as_deref().is_some_and(|stage| stages.contains(&stage));
    let moves = ["PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME", "CLEAN_UP"];
    seen.wait.is_some() || seen.course == Course::Completed || named(&moves)
}

/// Brings green to a weight: forward by answering the pauses before it, back by telling ECS to.
pub(super) async fn set_weight(aws: &Aws, rollout: &Rollout<'_>, green: Percent) -> Result<Progress, CloudError> {
    let sides = rollout.sides;
    let newest = deployments::newest(aws, &sides.green.service).await?;
    let Some(newest) = newest else { return Err(without_deployments(&sides.green.service)) };
    if green == Percent::ZERO {
        return go_back(aws, sides, &newest).await;
    }
    if rollout.green.is_none_or(|green| !newest.deploys(green)) {
        return Err(somebody_elses(&newest));
    }
    // Read after the deployment, so that it is no older.
    let observed = alb::weight(aws, sides).await?;
    // The rule may still show what was before the last step, and the snapshot what was before that: whichever is more.
    let has = f64::from(observed.get()).max(newest.target.asked);
    if observed > green {
        let message = format!("green has {observed} already: ECS goes on or all the way back, and not down to {green}");
        return Err(unexpected(UPDATE, message));
    }
    if has + f64::EPSILON >= f64::from(green.get()) {
        return Ok(if observed == green { Progress::Done } else { Progress::Underway });
    }
    match newest.seen.course {
        Course::Underway => match newest.pause() {
            Some(pause) => deployments::answer(aws, &newest.arn, pause, DeploymentLifecycleHookAction::Continue).await,
            None => Ok(Progress::Underway),
        },
        Course::Unknown => Ok(Progress::Underway),
        Course::Completed | Course::GoingBack | Course::WentBack | Course::Stopped | Course::Failed => {
            Err(given_up(&newest))
        }
    }
}

/// All traffic to blue: at a pause by its answer, between pauses by stopping, and after the end by deploying blue's
/// revision anew.
async fn go_back(aws: &Aws, sides: &Sides, newest: &Newest) -> Result<Progress, CloudError> {
    if newest.deploys(&sides.blue.task_definition) || newest.seen.course.is_given_up() {
        let green = alb::weight(aws, sides).await?;
        let is_back = green == Percent::ZERO;
        return match newest.seen.course {
            _ if is_back => Ok(Progress::Done),
            Course::Stopped | Course::Failed => deploy_blue(aws, sides).await,
            // Blue's own deployment was taken back: what it was to replace serves again.
            Course::WentBack if newest.deploys(&sides.blue.task_definition) => deploy_blue(aws, sides).await,
            _ => Ok(Progress::Underway),
        };
    }
    match newest.pause() {
        _ if newest.seen.course == Course::Completed => deploy_blue(aws, sides).await,
        Some(pause) => deployments::answer(aws, &newest.arn, pause, DeploymentLifecycleHookAction::Rollback).await,
        None => deployments::stop(aws, &newest.arn).await,
    }
}

/// Makes a side run: green by starting the deployment, blue after its end by another. Taking green down is going back,
/// taking blue down is letting ECS come to its end.
pub(super) async fn scale(
    aws: &Aws,
    rollout: &Rollout<'_>,
    side: Side,
    desired: u32,
    task_definition: Option<&TaskDefinitionArn>,
) -> Result<Progress, CloudError> {
    let sides = rollout.sides;
    let newest = deployments::newest(aws, &sides.of(side).service).await?;
    match (side, desired, newest) {
        (Side::Green, 0, None) => Ok(Progress::Done),
        (Side::Green, 0, Some(newest)) => take_down_green(aws, sides, &newest).await,
        (Side::Green, _, newest) => match task_definition {
            Some(wanted) => bring_up(aws, rollout, wanted, newest.as_ref()).await,
            None => Ok(Progress::Done),
        },
        (Side::Blue, 0, Some(newest)) => finish(aws, sides, &newest).await,
        (Side::Blue, _, Some(newest)) if !newest.deploys(&sides.blue.task_definition) => {
            go_back(aws, sides, &newest).await
        }
        (Side::Blue, _, _) => Ok(Progress::Done),
    }
}

/// Starts the deployment of green, unless it is under way already.
async fn bring_up(
    aws: &Aws,
    rollout: &Rollout<'_>,
    wanted: &TaskDefinitionArn,
    newest: Option<&Newest>,
) -> Result<Progress, CloudError> {
    let sides = rollout.sides;
    match newest {
        Some(newest) if newest.deploys(wanted) && !newest.seen.course.is_given_up() => return Ok(Progress::Done),
        Some(newest) if !newest.seen.course.is_over() => return Err(somebody_elses(newest)),
        _ => {}
    }
    let service = services::describe_one(aws, &sides.green.service).await?;
    let linear = LinearConfiguration::builder().step_percent(STEP).step_bake_time_in_minutes(0).build();
    let configuration = kept(&service)
        .strategy(DeploymentStrategy::Linear)
        .bake_time_in_minutes(0)
        .linear_configuration(linear)
        .set_lifecycle_hooks(Some(hooks(&service, Some(sides.expiry))))
        .alarms(deployments::alarms(rollout.alarms)?)
        .deployment_circuit_breaker(deployments::breaker())
        .build();
    update(aws, &sides.green.service, wanted, configuration).await
}

/// Deploys blue's revision anew, all at once and without a pause.
async fn deploy_blue(aws: &Aws, sides: &Sides) -> Result<Progress, CloudError> {
    let service = services::describe_one(aws, &sides.blue.service).await?;
    let configuration = kept(&service)
        .strategy(DeploymentStrategy::BlueGreen)
        .bake_time_in_minutes(0)
        .set_lifecycle_hooks(Some(hooks(&service, None)))
        .deployment_circuit_breaker(deployments::breaker())
        .build();
    update(aws, &sides.blue.service, &sides.blue.task_definition, configuration).await
}

async fn update(
    aws: &Aws,
    service: &str,
    wanted: &TaskDefinitionArn,
    configuration: DeploymentConfiguration,
) -> Result<Progress, CloudError> {
    let call = aws.ecs.update_service().cluster(&aws.cluster).service(service).task_definition(wanted.as_str());
    call.deployment_configuration(configuration).send().await.map_err(during(UPDATE))?;
    Ok(Progress::Underway)
}

/// A configuration that keeps the bounds of the service's own.
fn kept(service: &Service) -> aws_sdk_ecs::types::builders::DeploymentConfigurationBuilder {
    let own = service.deployment_configuration();
    DeploymentConfiguration::builder()
        .set_maximum_percent(own.and_then(DeploymentConfiguration::maximum_percent))
        .set_minimum_healthy_percent(own.and_then(DeploymentConfiguration::minimum_healthy_percent))
}

/// The service's own hooks, for a configuration that leaves them out would take them away, and pauses that go back when
/// nobody answers within `expiry`.
fn hooks(service: &Service, expiry: Option<Duration>) -> Vec<DeploymentLifecycleHook> {
    let own = service.deployment_configuration().map_or(&[][..], DeploymentConfiguration::lifecycle_hooks);
    let is_pause = |hook: &&DeploymentLifecycleHook| hook.target_type == Some(DeploymentLifecycleHookTargetType::Pause);
    let mut hooks: Vec<DeploymentLifecycleHook> = own.iter().filter(|hook| !is_pause(hook)).cloned().collect();
    hooks.extend(expiry.map(|expiry| {
        let minutes = i32::try_from(expiry.as_secs().div_ceil(60)).unwrap_or(LONGEST_PAUSE);
        let timeout = DeploymentLifecycleHookTimeoutConfiguration::builder()
            .timeout_in_minutes(minutes.clamp(1, LONGEST_PAUSE))
            .action(DeploymentLifecycleHookAction::Rollback)
            .build();
        DeploymentLifecycleHook::builder()
            .target_type(DeploymentLifecycleHookTargetType::Pause)
            .lifecycle_stages(DeploymentLifecycleHookStage::PreProductionTrafficShift)
            .lifecycle_stages(DeploymentLifecycleHookStage::PostProductionTrafficShift)
            .timeout_configuration(timeout)
            .build()
    }));
    hooks
}

/// What ECS brought up for green goes down with its deployment.
async fn take_down_green(aws: &Aws, sides: &Sides, newest: &Newest) -> Result<Progress, CloudError> {
    if newest.deploys(&sides.blue.task_definition) {
        return Ok(Progress::Done);
    }
    match newest.seen.course {
        Course::WentBack | Course::Stopped | Course::Completed => Ok(Progress::Done),
        Course::Failed => Err(given_up(newest)),
        Course::GoingBack | Course::Unknown => Ok(Progress::Underway),
        Course::Underway => go_back(aws, sides, newest).await,
    }
}

/// Answers the last pause, and waits until ECS has taken blue down.
async fn finish(aws: &Aws, sides: &Sides, newest: &Newest) -> Result<Progress, CloudError> {
    if newest.deploys(&sides.blue.task_definition) || newest.seen.course.is_given_up() {
        return Err(given_up(newest));
    }
    match (newest.seen.course, newest.pause()) {
        (Course::Completed, _) => Ok(Progress::Done),
        (_, Some(pause)) => deployments::answer(aws, &newest.arn, pause, DeploymentLifecycleHookAction::Continue).await,
        (_, None) => Ok(Progress::Underway),
    }
}

fn without_deployments(service: &str) -> CloudError {
    let message = format!("service `{service}` has no service deployments; deploy it once, so that ECS keeps them");
    unexpected("ecs:ListServiceDeployments", message)
}
