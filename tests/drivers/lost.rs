//! The engine killed for good: what AWS does then by itself.

use std::time::Duration;

use cutover::cloud::{Progress, Rollout};
use cutover::domain::deployment::Course;
use cutover::domain::percent::Percent;
use cutover::domain::plan::Driver;
use cutover::domain::release::{Ending, Release};
use cutover::sim::world::ecs::{HookStatus, ListServiceDeployments, RolloutStatus, StopType};

use super::place::{API, Place};

/// Runs a release until `then`, and kills its engine there.
async fn killed_when(place: &Place, then: impl Fn(&Release) -> bool) {
    let plan = place.plan().await;
    let (engine, hub, _stop) = cutover::engine::run::Engine::begin(&mut |_| plan.clone(), place.parts(&plan)).unwrap();
    let handle = hub.attach();
    let engine = tokio::spawn(engine.run());
    for _ in 0..2_000 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let release = handle.snapshot.borrow().release.clone();
        if release.components[API].task_definition.is_some() && then(&release) {
            engine.abort();
            return;
        }
    }
    panic!("what the engine was to be killed at never came");
}

fn green_of(release: &Release) -> u32 {
    release.components[API].traffic.observed.map_or(0, |green| u32::from(green.get()))
}

/// Runs a release until green has this weight and ECS pauses, and kills its engine there.
async fn killed_at(place: &Place, weight: u32) {
    killed_when(place, |release| green_of(release) == weight && is_paused(place)).await;
}

fn newest(place: &Place) -> cutover::sim::world::ecs::ServiceDeployment {
    let wanted = ListServiceDeployments { service: "api".to_owned(), ..ListServiceDeployments::default() };
    place.sim.with(|world, _| world.list_service_deployments(&wanted).unwrap().swap_remove(0))
}

fn is_paused(place: &Place) -> bool {
    newest(place).hooks.iter().any(|hook| hook.status == HookStatus::AwaitingAction)
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_nobody_answers_goes_back_inside_ecs_from_every_step() {
    for weight in [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100] {
        let place = Place::new("healthy", Driver::Native);
        killed_at(&place, weight).await;
        // 90 minutes of the pause, and what going back takes.
        tokio::time::sleep(Duration::from_mins(100)).await;
        let deployment = newest(&place);
        assert_eq!(deployment.status, RolloutStatus::RollbackSuccessful, "at {weight} %: {deployment:#?}");
        let serving = place.serving();
        assert_eq!(serving, [("api-blue".to_owned(), 100), ("api-green".to_owned(), 0)], "at {weight} %");
        let (healthy, _) = place.sim.with(|world, _| world.healthy_targets("api-blue"));
        assert_eq!(healthy, 6, "at {weight} %");
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_comes_back_late_sees_that_ecs_went_back() {
    let place = Place::new("healthy", Driver::Native);
    killed_at(&place, 10).await;
    tokio::time::sleep(Duration::from_mins(100)).await;
    let plan = place.plan().await;
    let sides = plan.components[API].sides.clone().unwrap();
    let both = place.cloud.capacity(&sides).await.unwrap();
    assert_eq!(both.deployment.unwrap().course, Course::WentBack);
    assert_eq!(place.cloud.weight(&sides).await.unwrap(), Percent::ZERO);
}

/// What CodeDeploy waits for.
fn wait_of(release: &Release) -> Option<&str> {
    let deployment = release.components[API].capacities.as_ref()?.deployment.as_ref()?;
    deployment.wait.as_ref().map(|wait| wait.id.as_str())
}

/// Who has all the traffic two and a half hours later, with healthy targets for it.
async fn serves_later(place: &Place) -> String {
    tokio::time::sleep(Duration::from_mins(150)).await;
    let serving: Vec<(String, u32)> = place.serving().into_iter().filter(|(_, weight)| *weight > 0).collect();
    let [(group, _)] = serving.as_slice() else { panic!("traffic is left between two versions: {serving:?}") };
    let (healthy, _) = place.sim.with(|world, _| world.healthy_targets(group));
    assert_eq!(healthy, 6, "{group} serves");
    group.clone()
}

#[tokio::test(start_paused = true)]
async fn a_deployment_of_codedeploy_comes_to_a_safe_end_by_itself_from_every_step() {
    // Nobody lets it through: it stops, and nobody was given the new version.
    let place = Place::new("healthy", Driver::CodeDeploy);
    killed_when(&place, |release| green_of(release) == 0 && wait_of(release) == Some("READY_WAIT")).await;
    assert_eq!(serves_later(&place).await, "api-blue");
    assert_eq!(place.sim.with(|world, _| world.truth().new.requests), 0);
    // A good one goes on by its clock, a bad one back by its alarms.
    for (scenario, serves) in [("healthy", "api-green"), ("errors", "api-blue")] {
        let place = Place::new(scenario, Driver::CodeDeploy);
        killed_when(&place, |release| green_of(release) == 10).await;
        assert_eq!(serves_later(&place).await, serves, "{scenario}");
    }
    let place = Place::new("healthy", Driver::CodeDeploy);
    killed_when(&place, |release| green_of(release) == 100 && wait_of(release).is_some()).await;
    assert_eq!(serves_later(&place).await, "api-green");
}

#[tokio::test(start_paused = true)]
async fn a_bad_version_goes_no_further_inside_ecs_than_it_was_let_on() {
    let place = Place::new("errors", Driver::Native);
    let rule = place.plan().await.components[API].sides.clone().unwrap().rule;
    killed_at(&place, 10).await;
    assert_eq!(serves_later(&place).await, "api-blue");
    let weights = place.sim.with(|world, _| world.weight_history().to_vec());
    let production = weights.iter().filter(|change| change.rule_arn == rule);
    let most = production.flat_map(|change| &change.weights).filter(|(group, _)| group == "api-green");
    assert_eq!(most.map(|(_, weight)| *weight).max(), Some(10));
}

#[tokio::test(start_paused = true)]
async fn tasks_that_are_being_replaced_are_all_of_one_version_in_the_end() {
    for (scenario, status) in
        [("healthy", RolloutStatus::Successful), ("crash-loop", RolloutStatus::RollbackSuccessful)]
    {
        let place = Place::new(scenario, Driver::Rolling);
        killed_when(&place, |_| newest(&place).status == RolloutStatus::InProgress).await;
        assert_eq!(serves_later(&place).await, "api-blue", "there is no other target group");
        assert_eq!(newest(&place).status, status, "{scenario}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_way_back_that_somebody_takes_back_is_begun_again() {
    let place = Place::new("healthy", Driver::Native);
    let plan = place.plan().await;
    let sides = plan.components[API].sides.clone().unwrap();
    let end = place.release().await;
    assert_eq!(end.ending(), Some(Ending::Succeeded), "{}", end.told());
    let rollout = Rollout::of(&sides);
    let minutes = |minutes| tokio::time::sleep(Duration::from_mins(minutes));
    assert_eq!(place.cloud.set_weight(&rollout, Percent::ZERO).await, Ok(Progress::Underway));
    minutes(1).await;
    let stopped = newest(&place).arn;
    place.sim.with(|world, _| world.stop_service_deployment(&stopped, StopType::Rollback).unwrap());
    minutes(15).await;
    assert_eq!(newest(&place).status, RolloutStatus::RollbackSuccessful);
    assert_eq!(place.cloud.weight(&sides).await, Ok(Percent::FULL), "green serves again");
    assert_eq!(place.cloud.set_weight(&rollout, Percent::ZERO).await, Ok(Progress::Underway));
    minutes(15).await;
    assert_eq!(place.cloud.set_weight(&rollout, Percent::ZERO).await, Ok(Progress::Done));
    assert_eq!(serves_later(&place).await, "api-blue");
}
