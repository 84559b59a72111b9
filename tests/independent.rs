//! Whole releases of the program against AWS servers that others have written, as the AWS CLI sees them: load balancer
//! of moto, everything else of ministack. cutover's own simulated AWS has no part in it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking, in their helpers too"
)]

#[path = "independent/shop.rs"]
mod shop;
mod tools;

use std::sync::Arc;
use std::time::Duration;

use cutover::domain::components::ComponentIndex;
use cutover::domain::ids::Side;
use cutover::engine::snapshot::{AlarmWord, Snapshot, Source};

use shop::Shop;
use tools::Tools;

#[tokio::test(flavor = "multi_thread")]
async fn releases_go_forward_and_back_on_servers_of_others() {
    let Some(tools) = Tools::find("releases_go_forward_and_back_on_servers_of_others") else { return };
    let shop = Shop::open(tools).await;
    assert_eq!(shop.weights().await, [100, 0]);
    goes_forward(&shop).await;
    goes_back(&shop).await;
    refuses_to_begin(&shop).await;
    survives_its_engine(&shop).await;
    let registered = "ecs list-task-definitions --family-prefix api --query length(taskDefinitionArns)";
    assert_eq!(shop.aws.call(registered).await, "4", "one for each release that got past its gates");
    tells_each_thing_once(&shop).await;
}

/// A good version goes all the way, every step judged by what the servers have measured.
async fn goes_forward(shop: &Shop) {
    let (released, (lines, last)) = tokio::join!(shop.release("9ab03d7"), shop.watch());
    assert_eq!(released.code, 0, "{released:?}");
    for weight in [10, 50, 100] {
        assert!(released.says(&format!("green observed at {weight} %")), "{released:?}");
    }
    assert!(released.summary["components"][0]["green_requests"].as_u64().unwrap() > 1_000, "{released:?}");
    assert_eq!(released.summary["components"][0]["harmed"], 0, "{released:?}");

    assert_eq!(shop.weights().await, [0, 100]);
    assert_eq!(shop.serving("api-green").await, "2\tregistry.test/api:9ab03d7");
    assert_eq!(shop.serving("api-blue").await, "0\tregistry.test/api:4f2c1e9");
    let copied = "taskDefinition.[networkMode,cpu,containerDefinitions[1].environment[0].value,\
                  containerDefinitions[0].image]";
    let copied = format!("ecs describe-task-definition --task-definition api:2 --query {copied}");
    assert_eq!(shop.aws.call(copied).await, "awsvpc\t256\tproduction\tenvoy:1");
    let tags = "ecs describe-task-definition --task-definition api:2 --include TAGS --query tags[].key";
    let tags = shop.aws.call(tags).await;
    assert!(tags.contains("team") && tags.contains("cutover"), "{tags}");

    for source in &last.sources {
        assert!(source.last_ok.is_some() && source.failing.is_none(), "{source:?}");
    }
    assert_eq!(last.sources.len(), Source::ALL.len());
    assert_eq!(last.identity.unwrap().account, "123456789012");
    let api = &last.components[ComponentIndex::FIRST];
    assert!(api.alarms.iter().all(|alarm| alarm.state == AlarmWord::Ok), "{:?}", api.alarms);
    for series in &api.series {
        assert!(series.blue.len() > 1 && series.green.len() > 1, "{series:?}");
    }
    for (side, service) in [(Side::Blue, "api-blue"), (Side::Green, "api-green")] {
        let of_side = lines.iter().filter(|line| line.side == Some(side));
        assert!(of_side.clone().count() > 5, "{lines:?}");
        assert!(of_side.clone().all(|line| line.text.contains(service)), "{lines:?}");
    }
}

/// A version that fails three in ten requests loses its traffic again; the two services have changed places by now.
async fn goes_back(shop: &Shop) {
    let released = shop.release("bad5e1f").await;
    assert_eq!(released.code, 4, "{released:?}");
    let why = released.summary["why"].as_str().unwrap();
    assert!(why.contains("errors") && why.contains("30"), "{released:?}");
    assert!(!released.says("green observed at 50 %"), "{released:?}");
    assert!(released.summary["components"][0]["harmed"].as_u64().unwrap() > 0, "{released:?}");
    assert_eq!(shop.weights().await, [0, 100]);
    assert_eq!(shop.serving("api-green").await, "2\tregistry.test/api:9ab03d7");
    assert!(shop.serving("api-blue").await.starts_with("0\t"));
}

/// An alarm that fires before the release keeps it from beginning.
async fn refuses_to_begin(shop: &Shop) {
    let set = "cloudwatch set-alarm-state --alarm-name queue-age --state-reason drill --state-value";
    assert_eq!(shop.aws.call(format!("{set} ALARM")).await, "");
    let released = shop.release("c0ffee1").await;
    assert_eq!(released.code, 3, "{released:?}");
    assert!(released.summary["why"].as_str().unwrap().contains("queue-age"), "{released:?}");
    assert_eq!(shop.weights().await, [0, 100]);
    assert_eq!(shop.aws.call(format!("{set} OK")).await, "");
}

/// The engine is killed with traffic on green; the next order takes the release up again and brings it home.
async fn survives_its_engine(shop: &Shop) {
    let begun = shop.cutover("release drill --image registry.test/api:d00d1e5 --detach").output().await.unwrap();
    assert_eq!(begun.status.code(), Some(0), "{begun:?}");
    let mut face = shop.attach().await;
    let observed = |snapshot: &Arc<Snapshot>| snapshot.release.components[ComponentIndex::FIRST].traffic.observed;
    let shifted = face.snapshot.wait_for(|snapshot| observed(snapshot).is_some_and(|it| it.get() == 10));
    let pid = tokio::time::timeout(Duration::from_mins(1), shifted).await.unwrap().unwrap().engine.pid;
    assert_eq!(shop.weights().await, [10, 90]);
    shop::kill(pid);

    let ordered = shop.cutover("rollback --reason drill").output().await.unwrap();
    assert_eq!(ordered.status.code(), Some(0), "{ordered:?}");
    let status = shop.ended().await;
    assert_eq!((&status["status"], &status["exit_code"]), (&"rolled-back".into(), &4.into()), "{status}");
    assert_eq!(shop.weights().await, [0, 100]);
    assert!(shop.serving("api-blue").await.starts_with("0\t"));
}

/// What reached the topic's subscriber.
async fn tells_each_thing_once(shop: &Shop) {
    let told = shop.messages().await;
    for subject in [
        "[drill] api 1: begins",
        "[drill] api 1: green observed at 10 %",
        "[drill] api 1: succeeded",
        "[drill] api 2: rolling back",
        "[drill] api 2: rolled-back",
        "[drill] api 4: rolled-back",
    ] {
        let count = told.iter().filter(|message| message.subject == subject).count();
        assert_eq!(count, 1, "{subject}: {told:#?}");
    }
    let mut keys: Vec<&str> = told.iter().map(|message| message.key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), told.len(), "{told:#?}");
}
