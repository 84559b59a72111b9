//! The engine killed for good: what ECS does then by itself.

use std::time::Duration;

use cutover::domain::deployment::Course;
use cutover::domain::percent::Percent;
use cutover::domain::plan::Driver;
use cutover::sim::world::ecs::{HookStatus, ListServiceDeployments, RolloutStatus};

use super::place::{API, Place};

/// Runs a release until green has this weight and ECS pauses, and kills its engine there.
async fn killed_at(place: &Place, weight: u32) {
    let plan = place.plan().await;
    let (engine, hub, _stop) = cutover::engine::run::Engine::begin(&mut |_| plan.clone(), place.parts(&plan)).unwrap();
    let handle = hub.attach();
    let engine = tokio::spawn(engine.run());
    for _ in 0..2_000 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let release = handle.snapshot.borrow().release.clone();
        let green = release.components[API].traffic.observed.map_or(0, |green| u32::from(green.get()));
        let is_up = release.components[API].task_definition.is_some();
        if is_up && green == weight && is_paused(place) {
            engine.abort();
            return;
        }
    }
    panic!("green never had {weight} %");
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
