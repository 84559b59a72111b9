//! Deployments that somebody else began, whichever driver carries them out: which side is which, where the traffic is, and
//! where they wait.

use std::time::Duration;

use aws_sdk_ecs::types::{
    DeploymentConfiguration, DeploymentLifecycleHook, DeploymentLifecycleHookStage, DeploymentLifecycleHookTargetType,
    DeploymentStrategy, Service, ServiceDeploymentBrief, ServiceEvent,
};
use tokio::try_join;

use super::super::errors::during;
use super::super::services::{self, count, definition_of, primary};
use super::super::{Aws, register};
use super::deployments::{self, Newest};
use super::{alb, codedeploy, rolling};
use crate::cloud::{CloudError, ServiceSurvey, Sight, Survey, Target};
use crate::domain::deployment::Deployment;
use crate::domain::foreign::Afoot;
use crate::domain::ids::{TaskDefinitionArn, Version};
use crate::domain::percent::Percent;
use crate::domain::plan::Driver;
use crate::domain::time::Timestamp;
use crate::domain::triage::{Change, ChangeKind};

const REVISIONS: &str = "ecs:DescribeServiceRevisions";
const LIST: &str = "ecs:ListServiceDeployments";

/// Deployments of a service that are looked at for what was changed.
const LOOKED_AT: i32 = 20;

/// A component as it stands while somebody may be deploying to it.
pub(in crate::cloud::aws) async fn afoot(aws: &Aws, target: &Target) -> Result<Sight, CloudError> {
    match target.driver {
        Driver::Native => Box::pin(native(aws, target)).await,
        Driver::Rolling => Box::pin(replacing(aws, target)).await,
        Driver::CodeDeploy => Box::pin(by_codedeploy(aws, target)).await,
        Driver::Alb => Box::pin(by_weights(aws, target)).await,
        Driver::Command => Err(super::nothing_to_shift()),
    }
}

/// Where nothing is under way: what serves.
async fn calm(aws: &Aws, target: &Target) -> Result<Sight, CloudError> {
    let mut survey = super::survey(aws, target).await?;
    for service in &mut survey.services {
        service.is_deploying = false;
    }
    // Whoever only looks has no steps that must be shares of somebody's clock.
    survey.increments.clear();
    Ok(Sight { survey, afoot: Afoot::default(), obstacle: None })
}

/// Both sides, blue with all of the traffic as far as a plan is concerned: what green has is told beside it.
async fn sides(
    aws: &Aws,
    target: &Target,
    blue: usize,
    definitions: [&TaskDefinitionArn; 2],
    desired: [u32; 2],
) -> Result<(Survey, Version), CloudError> {
    let [blue_definition, green_definition] = definitions;
    let (was, is) =
        try_join!(image(aws, blue_definition, &target.container), image(aws, green_definition, &target.container))?;
    let [blue_desired, green_desired] = desired;
    let surveyed = |definition: &TaskDefinitionArn, version: &Version, desired| ServiceSurvey {
        task_definition: definition.clone(),
        version: version.clone(),
        desired,
        is_deploying: false,
    };
    let mut services = [surveyed(blue_definition, &was, blue_desired), surveyed(green_definition, &is, green_desired)];
    let mut weights = [Percent::FULL, Percent::ZERO];
    if blue == 1 {
        services.reverse();
        weights.reverse();
    }
    Ok((Survey { blue, weights, services, increments: Vec::new() }, is))
}

async fn image(aws: &Aws, definition: &TaskDefinitionArn, container: &str) -> Result<Version, CloudError> {
    let (definition, _) = register::describe(aws, definition.as_str()).await?;
    services::image_of(&definition, container)
}

/// Why a deployment inside AWS cannot be taken over.
fn obstacle(seen: &Deployment, blue: &TaskDefinitionArn) -> Option<String> {
    if seen.course.is_given_up() {
        return Some(format!("it goes back already: {}", seen.why_given_up()));
    }
    (seen.task_definition == *blue)
        .then(|| format!("it deploys {} anew, which serves already: there is nothing to go back to", blue.short()))
}

async fn native(aws: &Aws, target: &Target) -> Result<Sight, CloudError> {
    let [first, second] = &target.services;
    let (service, newest) =
        try_join!(services::describe_one(aws, &first.service), deployments::newest(aws, &first.service),)?;
    let Some(newest) = newest.filter(|newest| !newest.seen.course.is_over()) else { return calm(aws, target).await };
    let share = alb::share(aws, &target.rule, &first.target_group, &second.target_group).await?;
    let green_group = group_of_target(aws, &newest).await?;
    // Where ECS does not say, what it asked for does.
    let is_second = match green_group {
        Some(group) => group == second.target_group,
        None => {
            (f64::from(share.get()) - newest.target.asked).abs()
                < (f64::from(share.rest().get()) - newest.target.asked).abs()
        }
    };
    let blue = source(&newest).unwrap_or_else(|| newest.target.task_definition.clone());
    let desired = count(service.desired_count);
    let green = newest.target.task_definition.clone();
    let (survey, version) = sides(aws, target, usize::from(!is_second), [&blue, &green], [desired; 2]).await?;
    let weight = if is_second { share } else { share.rest() };
    let configuration = newest.configuration.as_ref();
    let waits = configuration.map(waits).unwrap_or_default();
    let is_waiting = newest.seen.wait.is_some();
    let afoot = Afoot {
        id: newest.arn.clone(),
        strategy: newest.seen.strategy.clone(),
        began: newest.began,
        green,
        version,
        weight,
        waits_before: is_waiting || !waits.is_empty(),
        waits,
        lasting: configuration.map(lasting).unwrap_or_default(),
    };
    Ok(Sight { survey, obstacle: obstacle(&newest.seen, &blue), afoot })
}

/// What a deployment replaces: the revision that has most of the tasks.
fn source(newest: &Newest) -> Option<TaskDefinitionArn> {
    let others = newest.sources.iter().filter(|source| !source.task_definition.as_str().is_empty());
    others.max_by_key(|source| (source.running, source.requested)).map(|source| source.task_definition.clone())
}

/// The target group that ECS has put the new revision's tasks into.
async fn group_of_target(aws: &Aws, newest: &Newest) -> Result<Option<String>, CloudError> {
    let call = aws.ecs.describe_service_revisions().service_revision_arns(&newest.revision);
    let found = call.send().await.map_err(during(REVISIONS))?.service_revisions.unwrap_or_default();
    let resolved = found.into_iter().find_map(|revision| revision.resolved_configuration);
    let balancers = resolved.and_then(|resolved| resolved.load_balancers).unwrap_or_default();
    Ok(balancers.into_iter().find_map(|balancer| balancer.target_group_arn))
}

/// The weights before each of which a deployment waits for somebody; none when it goes through them by its own clock.
fn waits(configuration: &DeploymentConfiguration) -> Vec<Percent> {
    let before = DeploymentLifecycleHookStage::PreProductionTrafficShift;
    let is_pause = |hook: &DeploymentLifecycleHook| {
        hook.target_type == Some(DeploymentLifecycleHookTargetType::Pause) && hook.lifecycle_stages().contains(&before)
    };
    if !configuration.lifecycle_hooks().iter().any(is_pause) {
        return Vec::new();
    }
    let percent = |share: f64| Percent::clamped(share.round().clamp(0.0, 100.0) as u8);
    match configuration.strategy {
        Some(DeploymentStrategy::Linear) => {
            let step =
                configuration.linear_configuration().and_then(|linear| linear.step_percent).unwrap_or(10.0).max(1.0);
            let shares = (1..=100).map(|number| f64::from(number) * step).take_while(|share| *share < 100.0);
            shares.map(percent).chain([Percent::FULL]).collect()
        }
        Some(DeploymentStrategy::Canary) => {
            let first = configuration.canary_configuration().and_then(|canary| canary.canary_percent).unwrap_or(5.0);
            vec![percent(first), Percent::FULL]
        }
        Some(DeploymentStrategy::BlueGreen) => vec![Percent::FULL],
        // What a strategy of a later time does between is not known: it is followed, and not held.
        _ => Vec::new(),
    }
}

/// How long a deployment shifts and bakes, by its own plan.
fn lasting(configuration: &DeploymentConfiguration) -> Duration {
    let minutes =
        |number: Option<i32>| Duration::from_mins(u64::try_from(number.unwrap_or_default()).unwrap_or_default());
    let linear =
        configuration.linear_configuration().filter(|_| configuration.strategy == Some(DeploymentStrategy::Linear));
    let steps = linear.map(|linear| {
        let step = linear.step_percent.unwrap_or(10.0).max(1.0);
        let number = (100.0 / step).ceil().clamp(1.0, 100.0) as u32;
        minutes(linear.step_bake_time_in_minutes.or(Some(6))) * number
    });
    let canary =
        configuration.canary_configuration().filter(|_| configuration.strategy == Some(DeploymentStrategy::Canary));
    let first = canary.map(|canary| minutes(canary.canary_bake_time_in_minutes.or(Some(10))));
    steps.or(first).unwrap_or_default() + minutes(configuration.bake_time_in_minutes)
}

async fn replacing(aws: &Aws, target: &Target) -> Result<Sight, CloudError> {
    let [only, _] = &target.services;
    let (service, newest) =
        try_join!(services::describe_one(aws, &only.service), deployments::newest(aws, &only.service))?;
    let Some(newest) = newest.filter(|newest| !newest.seen.course.is_over()) else { return calm(aws, target).await };
    let blue = source(&newest).unwrap_or_else(|| newest.target.task_definition.clone());
    let green = newest.target.task_definition.clone();
    let (survey, version) = sides(aws, target, 0, [&blue, &green], [count(service.desired_count); 2]).await?;
    let afoot = Afoot {
        id: newest.arn.clone(),
        strategy: newest.seen.strategy.clone(),
        began: newest.began,
        green,
        version,
        weight: rolling::share_of_others(&service, &blue),
        waits_before: false,
        waits: Vec::new(),
        lasting: newest.configuration.as_ref().map(lasting).unwrap_or_default(),
    };
    Ok(Sight { survey, obstacle: obstacle(&newest.seen, &blue), afoot })
}

async fn by_codedeploy(aws: &Aws, target: &Target) -> Result<Sight, CloudError> {
    let [first, second] = &target.services;
    let Some(found) = Box::pin(codedeploy::afoot(aws, target)).await? else { return calm(aws, target).await };
    let share = alb::share_of_either(aws, &target.rule, &first.target_group, &second.target_group).await?;
    // Before CodeDeploy has brought green up, what has the traffic is blue.
    let is_second = match &found.green_group {
        Some(group) => *group == second.target_group,
        None => share < share.rest(),
    };
    let green = found.seen.task_definition.clone();
    if green.as_str().is_empty() {
        // Not begun far enough to say what it deploys.
        let mut sight = calm(aws, target).await?;
        sight.obstacle = Some("CodeDeploy has only just begun: look again".to_owned());
        return Ok(sight);
    }
    let desired = count(found.service.desired_count);
    let (survey, version) = sides(aws, target, usize::from(!is_second), [&found.blue, &green], [desired; 2]).await?;
    let afoot = Afoot {
        id: found.seen.id.clone(),
        strategy: found.seen.strategy.clone(),
        began: found.began,
        green,
        version,
        weight: if is_second { share } else { share.rest() },
        waits_before: found.waits_before,
        waits: Vec::new(),
        lasting: found.lasting,
    };
    Ok(Sight { survey, obstacle: obstacle(&found.seen, &found.blue), afoot })
}

/// Two services whose weights somebody else has set, or of which one is being brought up.
async fn by_weights(aws: &Aws, target: &Target) -> Result<Sight, CloudError> {
    let [first, second] = &target.services;
    let (share, [one, other]) = try_join!(
        alb::share(aws, &target.rule, &first.target_group, &second.target_group),
        services::describe(aws, [&first.service, &second.service]),
    )?;
    let (primary_one, primary_other) = (primary(&one)?, primary(&other)?);
    let is_split = share > Percent::ZERO && share < Percent::FULL;
    let second_is_newer = began(primary_other) > began(primary_one);
    // While both have traffic, what was deployed last is what is being released.
    let green = usize::from(if is_split { second_is_newer } else { share == Percent::ZERO });
    let both = [(&one, primary_one), (&other, primary_other)];
    let [(blue_service, blue), (green_service, primary_green)] = if green == 1 { both } else { [both[1], both[0]] };
    let is_rolling = |service: &Service| service.deployments().len() > 1;
    let is_coming_up = count(green_service.desired_count) > 0 && is_rolling(green_service);
    if !is_split && !is_coming_up {
        let mut sight = calm(aws, target).await?;
        let name = blue_service.service_name().unwrap_or_default();
        let why = || {
            format!("ECS replaces the tasks of `{name}`, which serves: that is no release from one side to the other")
        };
        sight.obstacle = is_rolling(blue_service).then(why);
        return Ok(sight);
    }
    let definitions = [definition_of(blue), definition_of(primary_green)];
    let desired = [count(blue_service.desired_count), count(green_service.desired_count)];
    let (survey, version) = sides(aws, target, 1 - green, [&definitions[0], &definitions[1]], desired).await?;
    let weight = if green == 1 { share } else { share.rest() };
    let [_, green_definition] = definitions;
    let afoot = Afoot {
        id: primary_green.id.clone().unwrap_or_else(|| green_definition.short().to_owned()),
        strategy: "weights".to_owned(),
        began: began(primary_green),
        green: green_definition,
        version,
        weight,
        waits_before: true,
        waits: Vec::new(),
        lasting: Duration::ZERO,
    };
    Ok(Sight { survey, afoot, obstacle: None })
}

fn began(deployment: &aws_sdk_ecs::types::Deployment) -> Option<Timestamp> {
    deployment.created_at.and_then(|at| at.to_millis().ok()).map(Timestamp::from_millis)
}

/// What ECS and CodeDeploy still tell of what was deployed, and of how many tasks were to run.
pub(in crate::cloud::aws) async fn changes(
    aws: &Aws,
    target: &Target,
    since: Timestamp,
) -> Result<Vec<Change>, CloudError> {
    let [first, second] = &target.services;
    let mut names = vec![first.service.as_str(), second.service.as_str()];
    names.dedup();
    let mut changes = Vec::new();
    for name in names {
        let service = services::describe_one(aws, name).await?;
        let deployed =
            if target.driver == Driver::CodeDeploy { Vec::new() } else { deployed(aws, name, since).await? };
        changes.extend(scalings(&service, since, &deployed));
        changes.extend(deployed.into_iter().map(|(change, _)| change));
    }
    if target.driver == Driver::CodeDeploy {
        changes.extend(codedeploy::deployed(aws, target, since).await?);
    }
    Ok(changes)
}

/// The deployments of a service, each with its end.
async fn deployed(aws: &Aws, service: &str, since: Timestamp) -> Result<Vec<(Change, Option<Timestamp>)>, CloudError> {
    let listed = aws.ecs.list_service_deployments().cluster(&aws.cluster).service(service).max_results(LOOKED_AT);
    let listed = listed.send().await.map_err(during(LIST))?.service_deployments.unwrap_or_default();
    let moment =
        |at: Option<aws_smithy_types::DateTime>| at.and_then(|at| at.to_millis().ok()).map(Timestamp::from_millis);
    let listed: Vec<_> =
        listed.into_iter().filter(|brief| moment(brief.created_at).is_some_and(|at| at >= since)).collect();
    let revisions = listed.iter().filter_map(|brief| brief.target_service_revision_arn.as_deref());
    deployments::learn_revisions(aws, revisions).await?;
    let change = |brief: ServiceDeploymentBrief| {
        let definition = deployments::definition_in(aws, brief.target_service_revision_arn.as_deref()?);
        let status = brief.status.as_ref().map_or("?", |status| status.as_str());
        let text = format!("{service}: deployment of {} {status}", definition.short());
        let change = Change { at: moment(brief.created_at)?, kind: ChangeKind::Deployment(definition), text };
        Some((change, moment(brief.finished_at)))
    };
    Ok(listed.into_iter().filter_map(change).collect())
}

/// What a service's events tell of another number of tasks. What a deployment starts and stops is not that.
fn scalings(service: &Service, since: Timestamp, deployed: &[(Change, Option<Timestamp>)]) -> Vec<Change> {
    let name = service.service_name().unwrap_or_default();
    let change = |event: &ServiceEvent| {
        let at = event.created_at.and_then(|at| at.to_millis().ok()).map(Timestamp::from_millis)?;
        let message = event.message.as_deref()?;
        let said = message.trim_start_matches(&format!("(service {name}) ")).trim_end_matches('.');
        let said = said.split_once(": (task").map_or(said, |(said, _)| said);
        let is_scaling = ["has started", "has stopped", "desired count", "computedDesiredCount"];
        let is_scaling = is_scaling.into_iter().any(|word| said.contains(word));
        let is_deployments = deployed.iter().any(|(change, end)| change.at <= at && end.is_none_or(|end| at <= end));
        (is_scaling && at >= since && !is_deployments).then(|| Change {
            at,
            kind: ChangeKind::Scaling,
            text: format!("{name}: {said}"),
        })
    };
    service.events().iter().filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{CanaryConfiguration, LinearConfiguration};

    use super::*;

    fn pause(stage: DeploymentLifecycleHookStage) -> DeploymentLifecycleHook {
        let pause = DeploymentLifecycleHookTargetType::Pause;
        DeploymentLifecycleHook::builder().target_type(pause).lifecycle_stages(stage).build()
    }

    fn before(strategy: DeploymentStrategy) -> aws_sdk_ecs::types::builders::DeploymentConfigurationBuilder {
        let hook = pause(DeploymentLifecycleHookStage::PreProductionTrafficShift);
        DeploymentConfiguration::builder().strategy(strategy).lifecycle_hooks(hook)
    }

    fn weights(configuration: &DeploymentConfiguration) -> Vec<u8> {
        waits(configuration).into_iter().map(Percent::get).collect()
    }

    #[test]
    fn what_waits_before_each_step_can_be_held_there() {
        let thirds = LinearConfiguration::builder().step_percent(33.4).build();
        assert_eq!(weights(&before(DeploymentStrategy::Linear).linear_configuration(thirds).build()), [33, 67, 100]);
        let tenth = CanaryConfiguration::builder().canary_percent(10.0).build();
        assert_eq!(weights(&before(DeploymentStrategy::Canary).canary_configuration(tenth).build()), [10, 100]);
        assert_eq!(weights(&before(DeploymentStrategy::BlueGreen).build()), [100]);
    }

    #[test]
    fn what_waits_elsewhere_or_by_a_strategy_of_a_later_time_goes_by_its_own_clock() {
        let elsewhere = pause(DeploymentLifecycleHookStage::PostTestTrafficShift);
        let elsewhere =
            DeploymentConfiguration::builder().strategy(DeploymentStrategy::Linear).lifecycle_hooks(elsewhere).build();
        assert!(weights(&elsewhere).is_empty());
        assert!(weights(&before(DeploymentStrategy::from("ZIGZAG")).build()).is_empty());
    }

    #[test]
    fn a_deployment_lasts_as_long_as_its_steps_and_its_bake() {
        let linear = LinearConfiguration::builder().step_percent(25.0).step_bake_time_in_minutes(2).build();
        let linear = DeploymentConfiguration::builder()
            .strategy(DeploymentStrategy::Linear)
            .linear_configuration(linear)
            .bake_time_in_minutes(5)
            .build();
        assert_eq!(lasting(&linear), Duration::from_mins(13));
    }
}
