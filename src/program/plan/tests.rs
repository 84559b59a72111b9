use super::*;
use crate::program::testing::{EXAMPLE, IMAGE, START, Shop};
use crate::sim::world::Change;

/// Every kind of stage that calls AWS, without one that waits for people or asks a web server.
const PIPELINE: &str = r#"
[[pipelines.calls.stages]]
name = "gates"
kind = "gate"
drift = { circuit_breaker = "fail" }
image = { findings_below = "critical" }
secrets = { names = ["shop/api/database"] }
backups = [{ database = "shop", fresher_than = "48h" }]

[[pipelines.calls.stages]]
name = "seed"
kind = "task"
run = ["seed", "${version}"]

[[pipelines.calls.stages]]
name = "schema"
kind = "migrate"
backup = { run = ["dump"] }
apply = { on = "ecs", run = ["migrate", "up"], definition = "serving" }
undo = { on = "ecs", run = ["migrate", "down"], definition = "serving" }
undo_is_safe = true

[[pipelines.calls.stages]]
name = "deploy"
kind = "deploy"

[[pipelines.calls.stages]]
name = "shift"
kind = "shift"
steps = [{ weight = 10, bake = "4m" }, { weight = 60, bake = "4m" }, { weight = 100, bake = "4m" }]

[[pipelines.calls.stages]]
name = "tell"
kind = "notify"

[[pipelines.calls.stages]]
name = "cleanup"
kind = "cleanup"
hold = "5m"
"#;

/// What the gate asks for, beside the service itself.
const ESTATE: &str = "[traffic]\nrate = 60.0\n[[estate.secret]]\nname = \"shop/api/database\"\n[[estate.snapshot]]\ndatabase = \"shop\"\n";

fn shop(new: &str) -> Shop {
    let config = EXAMPLE.replacen("pipeline = \"standard\"", "pipeline = \"calls\"", 1) + PIPELINE;
    Shop::of(&config, "demo", &format!("{ESTATE}{new}"))
}

async fn outlined(shop: &Shop, image: Option<&str>) -> Outline {
    let images: Vec<Image> =
        image.map(|image| Image { component: None, version: Version(image.to_owned()) }).into_iter().collect();
    let wanted = Wanted { environment: shop.environment, lineup: &shop.lineup, lead: None, images: &images };
    outline(&shop.config, &wanted, &shop.context, &shop.clouds, None, START).await.unwrap()
}

fn text(outline: &Outline) -> String {
    let mut page = Vec::new();
    words::write(outline, &mut page).unwrap();
    String::from_utf8(page).unwrap()
}

/// A change in the plan's words: operation, what is changed, to what.
fn announced(call: &calls::Call) -> (String, String, String) {
    let change = call.change.as_ref().unwrap();
    let operation = call.operation.split_once(':').unwrap().1;
    let to = match operation {
        "UpdateService" => change.to.split(" → ").nth(1).unwrap().split(' ').next().unwrap().to_owned(),
        // `api-blue 100 % → 90 %, api-green 0 % → 10 %`.
        "ModifyRule" => change
            .to
            .split(", ")
            .map(|side| {
                let (service, weights) = side.split_once(' ').unwrap();
                format!("{service}={}", weights.split(" → ").nth(1).unwrap().trim_end_matches(" %"))
            })
            .collect::<Vec<_>>()
            .join(" "),
        _ => change.to.clone(),
    };
    (operation.to_owned(), change.on.clone(), to)
}

/// The same of what the world has seen.
fn made(change: &Change) -> (String, String, String) {
    let fact = |name: &str| {
        let found = change.facts.iter().find(|(known, _)| *known == name);
        found.map_or_else(|| panic!("{change:?} has no {name}"), |(_, value)| value.clone())
    };
    let last = |arn: String| arn.rsplit(['/']).next().unwrap().to_owned();
    let (on, to) = match change.operation {
        "UpdateService" => (fact("service"), fact("desiredCount")),
        "ModifyRule" => (fact("arn").split_once(":listener-rule/").unwrap().1.to_owned(), fact("weights")),
        "RunTask" => (last(fact("taskDefinition")), fact("command")),
        "Publish" => (fact("topic").rsplit(':').next().unwrap().to_owned(), fact("subject")),
        "RegisterTaskDefinition" => ("api".to_owned(), String::new()),
        other => panic!("{other} was not expected: {change:?}"),
    };
    (change.operation.to_owned(), on, to)
}

/// What is registered or started has a number that only the run knows, and messages theirs.
fn comparable(all: impl Iterator<Item = (String, String, String)>) -> Vec<(String, String, String)> {
    let all = all.map(|(operation, on, to)| match operation.as_str() {
        "RegisterTaskDefinition" => (operation, on, String::new()),
        "RunTask" => (operation, String::new(), to),
        _ => (operation, on, to),
    });
    all.filter(|(operation, ..)| operation != "Publish").collect()
}

#[tokio::test(start_paused = true)]
async fn the_changes_announced_are_those_that_the_release_makes_in_that_order() {
    let shop = shop("");
    let outline = outlined(&shop, Some(IMAGE)).await;
    assert_eq!(shop.changes(), [], "planning changes nothing");
    let planned_calls = shop.sim.wire().calls();
    let release = shop.release(IMAGE).await;
    assert_eq!(release.status().word(), "succeeded", "{:#?}", release.timeline);

    let stages = || outline.stages.iter().flat_map(|stage| &stage.calls).filter(|call| call.change.is_some());
    let announced_changes = comparable(stages().map(announced));
    let made_changes = comparable(shop.changes().iter().map(made));
    assert_eq!(announced_changes, made_changes);
    assert_eq!(announced_changes.len(), 1 + 2 + 1 + 3 + 1);

    let published = shop.changes().iter().filter(|change| change.operation == "Publish").count();
    assert_eq!(outline.messages.len(), published);
    assert_eq!(outline.totals.changing, u64::try_from(shop.changes().len()).unwrap());

    // Whatever is announced to be read is read at least so often, beside what is polled.
    let calls = shop.sim.wire().calls();
    let all: Vec<calls::Call> =
        outline.stages.iter().flat_map(|stage| stage.calls.clone()).chain(outline.beforehand.clone()).collect();
    for (operation, times) in calls::reads(&all) {
        let name = operation.split_once(':').unwrap().1;
        let count = |calls: &std::collections::BTreeMap<(crate::sim::wire::Service, String), u64>| -> u64 {
            calls.iter().filter(|((_, known), _)| known == name).map(|(_, times)| *times).sum()
        };
        let made = count(&calls) - count(&planned_calls);
        assert!(made >= times, "{operation}: {times} announced, {made} made");
    }
}

#[tokio::test(start_paused = true)]
async fn the_changes_of_a_rollback_are_those_announced_for_where_it_began() {
    let shop = shop("[new]\nerrors = \"8%\"\n");
    let outline = outlined(&shop, Some(IMAGE)).await;
    let release = shop.release(IMAGE).await;
    assert_eq!(release.status().word(), "rolled-back", "{:#?}", release.timeline);
    let weights: Vec<String> =
        shop.changes().iter().map(made).filter(|it| it.0 == "ModifyRule").map(|it| it.2).collect();
    assert_eq!(weights, ["api-blue=90 api-green=10", "api-blue=100 api-green=0"], "it went back from 10 %");

    let back = outline.ways_back.iter().find(|back| back.from == "green at 10 %").unwrap();
    let forward = outline.stages.iter().flat_map(|stage| &stage.calls).filter(|call| call.change.is_some());
    let forward = comparable(forward.map(announced));
    let until_ten = forward.iter().position(|(_, _, to)| to == "api-blue=90 api-green=10").unwrap();
    let wanted: Vec<_> =
        forward.into_iter().take(until_ten + 1).chain(comparable(back.changes.iter().map(announced))).collect();
    assert_eq!(comparable(shop.changes().iter().map(made)), wanted);
    assert_eq!(back.calls_to_restore, 1);
    assert_eq!(back.ending, "rolled-back");
}

#[tokio::test(start_paused = true)]
async fn a_plan_says_what_it_would_do_and_what_it_cannot_know() {
    let shop = shop("");
    insta::assert_snapshot!("plan", text(&outlined(&shop, Some(IMAGE)).await));
    let example = Shop::of(EXAMPLE, "demo", "healthy");
    insta::assert_snapshot!("plan_of_the_example", text(&outlined(&example, None).await));
}

#[tokio::test(start_paused = true)]
async fn the_json_has_the_same_figures() {
    let outline = outlined(&shop(""), Some(IMAGE)).await;
    let json = serde_json::to_value(&outline).unwrap();
    assert_eq!(json["schema"], "cutover.plan/1");
    assert_eq!(json["times"]["planned_to_end_ms"], (12 + 5) * 60_000);
    assert_eq!(json["times"]["planned_to_promote_ms"], 8 * 60_000);
    let calls = json["stages"][3]["calls"].as_array().unwrap();
    let update = calls.iter().find(|call| call["operation"] == "ecs:UpdateService").unwrap();
    assert_eq!(update["change"]["to"], "0 → 6 tasks of the new task definition");
    assert_eq!(json["stages"].as_array().unwrap().len(), 7);
    assert_eq!(json["components"][0]["sides"][0]["tasks"], 6);
}
