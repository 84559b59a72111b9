//! What whoever steers can do on a driver, and what not.

use std::time::Duration;

use cutover::domain::command::CommandKind;
use cutover::domain::guard::possible;
use cutover::domain::outlook::rollback_preview;
use cutover::domain::percent::Percent;
use cutover::domain::plan::Driver;
use cutover::domain::release::{Ending, Release};
use cutover::sim::world::ecs::{HookAction, HookStatus, ListServiceDeployments};

use super::place::{API, Place};

/// Runs a release and looks at it every second, until `done` says so; then to its end.
async fn watched(place: &Place, mut done: impl FnMut(&Release) -> bool) -> super::place::End {
    let plan = place.plan().await;
    let (engine, hub, _stop) = cutover::engine::run::Engine::begin(&mut |_| plan.clone(), place.parts(&plan)).unwrap();
    let handle = hub.attach();
    let engine = tokio::spawn(engine.run());
    let mut is_done = false;
    for _ in 0..10_000 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let release = handle.snapshot.borrow().release.clone();
        is_done = is_done || done(&release);
        if engine.is_finished() {
            break;
        }
    }
    assert!(is_done, "what was waited for never came");
    let release = engine.await.unwrap().unwrap().release;
    place.end(release)
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_ecs_is_in_the_snapshot_with_what_happens_at_its_end() {
    let place = Place::new("healthy", Driver::Native);
    let end = watched(&place, |release| {
        let both = release.components[API].capacities.as_ref();
        let deployment = both.and_then(|both| both.deployment.as_ref());
        let Some(wait) = deployment.and_then(|deployment| deployment.wait.as_ref()) else { return false };
        assert_eq!(wait.then, "ROLLBACK");
        let left = wait.expires.unwrap().since(place.clock.now());
        assert!(left <= Duration::from_mins(90) && left > Duration::from_mins(80), "{left:?}");
        let preview = rollback_preview(release);
        release.components[API].traffic.observed == Some(Percent::clamped(10))
            && preview.steps.iter().any(|step| step.contains("ECS rolls back"))
    })
    .await;
    assert_eq!(end.ending(), Some(Ending::Succeeded), "{}", end.told());
    // Ten steps and the last pause, each answered once.
    assert_eq!(end.changes("ContinueServiceDeployment").len(), 11, "{}", end.told());
    assert!(end.changes("ModifyRule").is_empty(), "ECS moves the weights, nobody else");
}

#[tokio::test(start_paused = true)]
async fn tasks_that_are_being_replaced_cannot_be_paused_and_the_reason_says_what_can_be_done() {
    let place = Place::new("healthy", Driver::Rolling);
    let end = watched(&place, |release| {
        let why = possible(release, CommandKind::Pause);
        why.is_err_and(|why| why.contains("cannot be paused; rollback stops it"))
            && possible(release, CommandKind::Rollback).is_ok()
    })
    .await;
    assert_eq!(end.ending(), Some(Ending::Succeeded), "{}", end.told());
}

#[tokio::test(start_paused = true)]
async fn somebody_else_who_rolls_a_deployment_back_is_followed() {
    let place = Place::new("healthy", Driver::Native);
    let end = watched(&place, |release| {
        if release.components[API].traffic.observed != Some(Percent::clamped(10)) {
            return false;
        }
        let wanted = ListServiceDeployments { service: "api".to_owned(), ..ListServiceDeployments::default() };
        place.sim.with(|world, _| {
            let newest = world.list_service_deployments(&wanted).unwrap().swap_remove(0);
            let waiting = newest.hooks.iter().find(|hook| hook.status == HookStatus::AwaitingAction);
            let Some(hook) = waiting else { return false };
            world.continue_service_deployment(&newest.arn, &hook.id, HookAction::Rollback).is_ok()
        })
    })
    .await;
    place.check(&end);
    assert_eq!(end.ending(), Some(Ending::RolledBack), "{}", end.told());
    assert!(end.told().contains("ECS went back by itself"), "{}", end.told());
}
