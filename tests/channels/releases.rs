use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cutover::cloud::Cloud;
use cutover::cloud::aws::Aws;
use cutover::config::{Config, Request};
use cutover::domain::command::Actor;
use cutover::domain::components::{ComponentIndex, Components};
use cutover::domain::ids::{ReleaseId, Version};
use cutover::domain::notice::Route;
use cutover::domain::redact::Redactor;
use cutover::domain::release::{Ending, Release};
use cutover::engine::run::Engine;
use cutover::engine::settings::{LogFeed, Parts, Polls, Settings};
use cutover::engine::{Exit, Heard, Program, Programs};
use cutover::journal::sqlite::SqliteJournal;
use cutover::judge::Judge;
use cutover::judge::threshold::Threshold;
use cutover::notify::pagerduty::PagerDuty;
use cutover::notify::slack::SlackThread;
use cutover::notify::statuspage::{Page, Statuspage};
use cutover::notify::webhook::Webhook;
use cutover::notify::{Channels, Secret};
use cutover::sim::scenario::ApiFaultKind;
use cutover::sim::world::inbox::Receiver;
use tokio::sync::mpsc;

use super::web::InProcess;
use super::{KEY, Post};

const CONFIG: &str = include_str!("../../config.example.toml");
const IMAGE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/api:9ab03d7";

/// Programs that succeed without being started: real ones would not wait for paused time.
struct Succeeding;

#[async_trait]
impl Programs for Succeeding {
    async fn run(&self, _program: &Program, _heard: mpsc::Sender<Heard>) -> Result<Exit, String> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(Exit { code: Some(0) })
    }
}

/// Each kind of channel.
fn channels(post: &Post) -> Channels {
    let (http, secret) = (post.http(), |text: &str| Secret::new(text));
    let page = Page {
        base: "https://api.statuspage.io".to_owned(),
        page: "p1".to_owned(),
        component: "c1".to_owned(),
        title: "The shop".to_owned(),
    };
    let (slack, events) = ("https://slack.com".to_owned(), "https://events.pagerduty.com".to_owned());
    let hook = "https://hooks.example.com/hooks/cutover";
    let mut channels = Channels::new(Redactor::default());
    let chat = SlackThread::new(http.clone(), slack, secret("xoxb-1"), "C0123456789".to_owned(), Route::default());
    channels.add("chat", Arc::new(chat));
    channels.add("pager", Arc::new(PagerDuty::new(http.clone(), events, secret(KEY), super::pager::usual())));
    channels.add("audit", Arc::new(Webhook::new(http.clone(), secret(hook), None)));
    channels.add("page", Arc::new(Statuspage::new(http, secret(KEY), page, Route::default())));
    channels
}

/// A whole release of the example, told by these channels.
async fn release(post: &Post, told: &[&str]) -> Release {
    let config = Config::read("config.example.toml", CONFIG, Path::new(".")).unwrap();
    let lineup = config.lineup("demo", None).unwrap();
    let context = config.context("demo", &lineup).unwrap();
    let clock = post.sim.clock();
    let (region, cluster) = (&context.place.region, &context.clusters[ComponentIndex::FIRST]);
    let aws: Arc<dyn Cloud> = Arc::new(Aws::simulated(post.sim.http_client(), clock, region, cluster));
    let survey = aws.survey(context.targets[ComponentIndex::FIRST].as_ref().unwrap()).await.unwrap();
    let request = Request {
        environment: "demo",
        components: &lineup,
        versions: &lineup.map(|_| Version(IMAGE.to_owned())),
        serving: &lineup.map(|_| None),
        release: ReleaseId(1),
    };
    let mut plan = config.plan(&request, &Components::one(Some(survey))).unwrap();
    plan.notify = told.iter().map(|name| (*name).to_owned()).collect();
    let parts = Parts {
        clouds: Components::one(aws),
        web: Arc::new(InProcess(vec![post.sim.clone()])),
        journal: Box::new(SqliteJournal::in_memory().unwrap()),
        judges: plan
            .components
            .map(|component| -> Box<dyn Judge> { Box::new(Threshold::new(component.signals.clone())) }),
        notifier: Arc::new(channels(post)),
        programs: Arc::new(Succeeding),
        clock,
        actor: Actor::new("captain", "bastion"),
        settings: Settings {
            polls: Polls::default(),
            period: context.period,
            redactor: Redactor::default(),
            variables: BTreeMap::new(),
            logs: LogFeed::Polled,
            is_demo: false,
        },
    };
    let (engine, _hub, _stop) = Engine::begin(&mut |_| plan.clone(), parts).unwrap();
    engine.run().await.unwrap().release
}

/// What happened, without what is said of messages.
fn course(release: &Release) -> Vec<&str> {
    let moments = release.timeline.iter().map(|moment| moment.text.as_str());
    moments.filter(|text| !text.contains("could not be sent")).collect()
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_hangs_changes_nothing_of_a_release() {
    let (well, hanging) = (Post::new(), Post::new());
    hanging.trouble(ApiFaultKind::Timeout, "slack:*");
    let told = release(&well, &["chat"]).await;
    let untold = release(&hanging, &["chat"]).await;
    assert_eq!(told.ended.as_ref().map(|ended| ended.ending), Some(Ending::Succeeded));
    assert_eq!(course(&told), course(&untold));
    let took = |release: &Release| release.ended.as_ref().unwrap().at.since(release.begun.as_ref().unwrap().at);
    assert!(took(&told).abs_diff(took(&untold)) < Duration::from_secs(5), "{:?}, {:?}", took(&told), took(&untold));
    let said =
        |release: &Release| release.timeline.iter().filter(|it| it.text.contains("could not be sent to chat")).count();
    assert_eq!(said(&told), 0, "what is sent is not worth a line");
    assert!(said(&untold) > 0, "what is not is");
    let (sent, unsent) = (
        well.sim.with(|world, _| world.slack_messages().len()),
        hanging.sim.with(|world, _| world.slack_messages().len()),
    );
    assert!(sent > 4 && unsent == 0, "{sent}, {unsent}");
}

#[tokio::test(start_paused = true)]
async fn a_release_that_goes_wrong_is_told_to_everybody_as_they_expect_it() {
    let post = Post::of("errors");
    let release = release(&post, &["audit", "chat", "page", "pager"]).await;
    assert_eq!(release.ended.as_ref().map(|ended| ended.ending), Some(Ending::RolledBack));
    let events: Vec<String> = post
        .letters(Receiver::Webhook)
        .iter()
        .map(|letter| letter.json()["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(events, ["release.begun", "release.step", "release.going-back", "release.ended"]);
    post.sim.with(|world, _| {
        let messages = world.slack_messages();
        assert_eq!((messages.len(), messages.iter().filter(|message| message.thread.is_none()).count()), (4, 1));
        let head = messages[0].content["text"].as_str().unwrap();
        assert!(head.contains("rolled-back") && messages[0].edits == 3, "{head}");
        assert_eq!(world.pager_incidents(), [], "a rollback that goes well wakes nobody");
        let incidents = world.page_incidents();
        assert_eq!((incidents.len(), &*incidents[0].status), (1, "resolved"));
        assert_eq!(world.page_statuses("c1"), ["degraded_performance", "operational"]);
    });
}
