use std::sync::Arc;
use std::time::Duration;

use crate::domain::command::Actor;
use crate::program::testing::{EXAMPLE, Shop};
use crate::sim::world::ecs::UpdateService;

use super::*;

fn watcher_of(shop: &Shop, dir: &tempfile::TempDir) -> Watcher {
    Watcher {
        config: shop.config.clone(),
        environment: shop.environment.to_owned(),
        lineup: shop.lineup.clone(),
        context: shop.context.clone(),
        clouds: shop.clouds.map(Arc::clone),
        clock: shop.sim.clock(),
        actor: Actor::new("maria", "bastion"),
        journal: dir.path().join("journal.sqlite"),
    }
}

async fn told(watcher: &Watcher, format: Format, timeout: Duration) -> (u8, String) {
    let mut out = Vec::new();
    let day = Duration::from_hours(24);
    let code = lines::follow(watcher, format, day, Some(timeout), &mut out).await.unwrap();
    (code, String::from_utf8(out).unwrap())
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_deployed_what_is_wrong_is_told_with_what_was_changed_before() {
    let (shop, dir) = (Shop::of(EXAMPLE, "demo", "alarm-at-start"), tempfile::tempdir().unwrap());
    let watcher = watcher_of(&shop, &dir);
    let (code, text) = told(&watcher, Format::Text, Duration::from_mins(5)).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("nothing is being deployed"), "{text}");
    assert!(text.contains("now: alarm "), "{text}");
    assert!(!text.contains("could not be read"), "{text}");
    let (_, json) = told(&watcher, Format::Json, Duration::from_mins(5)).await;
    let line: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(line["deployment"].is_null());
    assert!(!line["triage"]["wrong"].as_array().unwrap().is_empty(), "{json}");
}

#[tokio::test(start_paused = true)]
async fn what_others_deploy_is_told_line_by_line_until_the_time_is_over() {
    let (shop, dir) = (Shop::of(EXAMPLE, "demo", "healthy"), tempfile::tempdir().unwrap());
    let definition = shop.sim.with(|world, _| {
        let family = world.describe_task_definition("api").unwrap();
        family.arn
    });
    // The console brings the other service up on what there is.
    shop.sim.with(|world, _| {
        let up = UpdateService {
            service: "api-green".to_owned(),
            cluster: Some("shop".to_owned()),
            desired: Some(6),
            task_definition: Some(definition.clone()),
            force_new_deployment: true,
            ..UpdateService::default()
        };
        world.update_service(up).unwrap();
    });
    let (code, text) = told(&watcher_of(&shop, &dir), Format::Text, Duration::from_mins(2)).await;
    assert_eq!(code, 7, "{text}");
    assert!(text.contains("alb weights set by others"), "{text}");
}
