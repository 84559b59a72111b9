//! Flags that AWS AppConfig switches: deployments at the simulated AppConfig, through the SDK's own runtime.

use cutover::domain::command::{Actor, Command, Order};

use super::*;

/// The deployment on ECS, a flag by a strategy, and the shift.
fn switching(strategy: &str) -> String {
    format!(
        r#"
[[pipelines.own.stages]]
name = "gates"
kind = "gate"

[[pipelines.own.stages]]
name = "deploy"
kind = "deploy"

[[pipelines.own.stages]]
name = "switch"
kind = "flag"
via = "appconfig"
application = "shop"
environment = "production"
profile = "features"
flag = "checkout"
strategy = "{strategy}"
timeout = "2h"

[[pipelines.own.stages]]
name = "shift"
kind = "shift"
steps = [{{ weight = 10, bake = "4m" }}, {{ weight = 100, bake = "4m" }}]
"#
    )
}

const SWITCH: usize = 2;
const AT_ONCE: &str = "AppConfig.AllAtOnce";
const SLOWLY: &str = "AppConfig.Linear20PercentEvery6Minutes";

impl Theatre {
    /// A world with the flag, off.
    async fn switching(world: &str, strategy: &str) -> Self {
        let theatre = Self::new(world, |_| switching(strategy)).await;
        theatre.place.sim.with(|world, _| world.has_flag("shop", "production", "features", "checkout"));
        theatre
    }

    fn is_on(&self) -> Option<bool> {
        self.place.sim.with(|world, _| world.flag_is_on("checkout"))
    }

    /// What AppConfig was told to change, in order.
    fn told_app_config(&self) -> Vec<String> {
        let of_flags = ["CreateHostedConfigurationVersion", "StartDeployment", "StopDeployment"];
        self.place.sim.with(|world, _| {
            let changes = world.changes().iter().map(|change| change.operation.to_string());
            changes.filter(|operation| of_flags.contains(&operation.as_str())).collect()
        })
    }
}

async fn ordered(hub: &Hub, command: Command) {
    let order = Order { command, stage: None, by: Actor::new("maria", "bastion"), seen: None };
    let _receipt = hub.attach().orders.send(order).await;
}

#[tokio::test(start_paused = true)]
async fn a_flag_is_deployed_to_the_end_before_the_stage_has_passed() {
    let theatre = Theatre::switching("healthy", AT_ONCE).await;
    assert_eq!(theatre.is_on(), Some(false));
    let release = theatre.to_its_end(theatre.begin()).await;
    assert_eq!(ending(&release), Ending::Succeeded, "{:#?}", release.timeline);
    assert_eq!(theatre.is_on(), Some(true));
    assert_eq!(theatre.told_app_config(), ["CreateHostedConfigurationVersion", "StartDeployment"]);
    let stage = &release.stages[SWITCH];
    let took = stage.ended.unwrap().since(stage.started.unwrap());
    assert!(took >= Duration::from_mins(10), "AppConfig watches its alarms so long: {took:?}");
    assert_eq!(stage.note, "deployment 2 is complete", "{:?}", stage.output);

    let again = theatre.next().await;
    let release = again.to_its_end(again.begin()).await;
    assert_eq!(release.stages[SWITCH].output, ["it is on already"], "{:#?}", release.timeline);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_switches_it_off_for_everybody_before_anything_else_is_undone() {
    let theatre = Theatre::switching("errors", AT_ONCE).await;
    let release = theatre.to_its_end(theatre.begin()).await;
    assert_eq!(ending(&release), Ending::RolledBack, "{:#?}", release.timeline);
    assert_eq!(theatre.is_on(), Some(false));
    assert_eq!(release.stages[SWITCH].status, StageStatus::Undone);
    let one = ["CreateHostedConfigurationVersion", "StartDeployment"];
    assert_eq!(theatre.told_app_config(), [one, one].concat());
    let asked = release.unwinding.as_ref().unwrap().since;
    let off = release.timeline.iter().find(|line| line.text == "switch undone").unwrap().at;
    assert!(
        off.since(asked) < Duration::from_mins(1),
        "nobody waits for AppConfig's own watch: {:#?}",
        release.timeline
    );
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_is_still_growing_is_stopped() {
    let theatre = Theatre::switching("healthy", SLOWLY).await;
    let (engine, hub, _stop) = theatre.begin();
    let running = tokio::spawn(engine.run());
    wait_until(|| theatre.told_app_config().len() == 2).await;
    tokio::time::sleep(Duration::from_mins(7)).await;
    ordered(&hub, Command::Rollback { reason: None }).await;
    let release = running.await.unwrap().unwrap().release;
    assert_eq!(release.stages[SWITCH].status, StageStatus::Undone, "{:#?}", release.timeline);
    assert_eq!(theatre.told_app_config().last().map(String::as_str), Some("StopDeployment"));
    assert_eq!(theatre.told_app_config().len(), 3, "there is nothing else to deploy");
    assert_eq!(theatre.is_on(), Some(false));
}

#[tokio::test(start_paused = true)]
async fn the_next_engine_follows_the_deployment_that_the_one_before_it_has_begun() {
    let theatre = Theatre::switching("healthy", AT_ONCE).await;
    theatre.until(theatre.begin(), || theatre.told_app_config().len() == 2).await;
    let release = theatre.to_its_end(theatre.recover()).await;
    assert_eq!(ending(&release), Ending::Succeeded, "{:#?}", release.timeline);
    assert_eq!(theatre.told_app_config(), ["CreateHostedConfigurationVersion", "StartDeployment"]);
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_app_config_takes_back_fails_the_stage() {
    let world = "summary = \"\"\n[[estate.flags]]\nalarmed = true\n";
    let theatre = Theatre::new(world, |_| switching(AT_ONCE)).await;
    let release = theatre.to_its_end(theatre.begin()).await;
    assert_eq!(ending(&release), Ending::Failed, "{:#?}", release.timeline);
    let cause = &release.unwinding.as_ref().unwrap().cause;
    assert_eq!(cause, "switch failed: AppConfig took deployment 2 back");
    assert_eq!(theatre.is_on(), Some(false));
}

#[tokio::test(start_paused = true)]
async fn lost_answers_deploy_nothing_twice() {
    let faults = "summary = \"\"\n[[estate.flags]]\n\
                  [[api_faults]]\nkind = \"lost-response\"\noperations = [\"StartDeployment\"]\nfor = \"10m\"\n";
    let theatre = Theatre::new(faults, |_| switching(AT_ONCE)).await;
    let release = theatre.to_its_end(theatre.begin()).await;
    assert_eq!(ending(&release), Ending::Succeeded, "{:#?}", release.timeline);
    let begun = theatre.told_app_config().iter().filter(|operation| *operation == "StartDeployment").count();
    assert_eq!(begun, 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_told_by_name() {
    let other = "summary = \"\"\n[[estate.flags]]\nflags = [\"search\"]\n";
    let theatre = Theatre::new(other, |_| switching(AT_ONCE)).await;
    let release = theatre.to_its_end(theatre.begin()).await;
    let note = &release.stages[SWITCH].note;
    assert!(note.contains("profile features has no flag checkout; it has search"), "{note}");
    let nowhere = Theatre::new("healthy", |_| switching(AT_ONCE)).await;
    let release = nowhere.to_its_end(nowhere.begin()).await;
    let note = &release.stages[SWITCH].note;
    assert!(note.contains("there is no application `shop`"), "{note}");
}
