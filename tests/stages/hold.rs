//! The warm hold of `cleanup`: left by faces, outlived by it or by none, and ended by the next release.

use cutover::clock::Clock;
use cutover::cloud::Rollout;
use cutover::domain::command::{Actor, Command, Order};
use cutover::domain::components::Components;
use cutover::domain::percent::Percent;
use cutover::domain::redact::Redactor;
use cutover::domain::release::Work;
use cutover::engine::hold::{NotSuperseded, supersede};
use cutover::headless::{End, Headless, Style, follow};
use cutover::journal::{Journal as _, replay};
use cutover::sim::world::ecs::{Service, UpdateService};

use super::*;

const HOLD: Duration = Duration::from_mins(30);

/// The deployment, the shift, and half an hour of a warm blue.
fn holds(_: &str) -> String {
    r#"
[[pipelines.own.stages]]
name = "gates"
kind = "gate"

[[pipelines.own.stages]]
name = "deploy"
kind = "deploy"

[[pipelines.own.stages]]
name = "shift"
kind = "shift"
steps = [{ weight = 10, bake = "4m" }, { weight = 100, bake = "4m" }]

[[pipelines.own.stages]]
name = "cleanup"
kind = "cleanup"
hold = "30m"
"#
    .to_owned()
}

impl Theatre {
    async fn holding() -> Self {
        Self::new("healthy", holds).await
    }

    /// The release as the journal tells it.
    fn kept(&self) -> Release {
        let journal = SqliteJournal::open(&self.dir.path().join("journal.sqlite")).unwrap();
        let summary = journal.find(ReleaseId(1)).unwrap();
        replay(ReleaseId(1), summary.plan, &journal.records(ReleaseId(1)).unwrap())
    }

    fn service(&self, name: &str) -> Service {
        self.place.sim.with(|world, _| world.describe_services(None, &[name.to_owned()]).unwrap().found.remove(0))
    }

    /// Ends the hold as a new release would that begins now.
    async fn supersede(&self) -> Result<(), NotSuperseded> {
        let mut journal = SqliteJournal::open(&self.dir.path().join("journal.sqlite")).unwrap();
        let clouds = Components::one(Arc::clone(&self.place.cloud));
        let by = Actor::new("ken", "bastion");
        supersede(&mut journal, ReleaseId(1), &clouds, &Redactor::new([]), by, self.place.sim.clock()).await
    }
}

fn is_holding(release: &Release) -> bool {
    release.stages.last().is_some_and(|stage| matches!(stage.work, Work::Until(_)))
}

/// Follows without a screen for so long; how that ends and what it said.
async fn followed(hub: &Hub, clock: Clock, timeout: Duration) -> (End, String) {
    let actor = Actor::new("ci", "runner");
    let run = Headless { style: Style::Text, approve: false, timeout: Some(timeout), actor, clock };
    let mut said = Vec::new();
    let end = follow(hub.attach(), run, &mut said).await.unwrap();
    (end, String::from_utf8(said).unwrap())
}

#[tokio::test(start_paused = true)]
async fn leaving_is_success_once_only_the_hold_is_left_and_says_what_finishes_it() {
    for (minutes, code) in [(5, 7), (25, 0)] {
        let theatre = Theatre::holding().await;
        let (engine, hub, stop) = theatre.begin();
        let running = tokio::spawn(engine.run());
        let (end, said) = followed(&hub, theatre.place.sim.clock(), Duration::from_mins(minutes)).await;
        assert_eq!(end.code(), code, "{said}");
        let lines = ["only the warm hold is left: blue stays up for", "`cutover attach demo api` finishes it"];
        for line in lines {
            assert_eq!(said.contains(line), code == 0, "{said}");
        }
        stop.stop();
        let left = running.await.unwrap().unwrap().release;
        assert_eq!(left.exit_code(), code, "{:#?}", left.timeline);
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_lost_during_the_hold_costs_its_face_nothing() {
    let theatre = Theatre::holding().await;
    let (engine, hub, stop) = theatre.begin();
    let running = tokio::spawn(engine.run());
    let face = {
        let (hub, clock) = (hub.clone(), theatre.place.sim.clock());
        tokio::spawn(async move { followed(&hub, clock, Duration::from_hours(2)).await })
    };
    shows(&hub, is_holding).await;
    drop(hub);
    // The face sees it, too.
    tokio::time::sleep(Duration::from_secs(5)).await;
    stop.stop();
    running.await.unwrap().unwrap();
    let (end, said) = face.await.unwrap();
    assert_eq!(end, End::Release(0), "{said}");
    assert!(said.contains("only the warm hold is left"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn the_next_engine_finishes_the_hold_when_it_is_due() {
    for away in [Duration::from_mins(1), HOLD + Duration::from_mins(10)] {
        let theatre = Theatre::holding().await;
        theatre.until_it(theatre.begin(), is_holding).await;
        let due = theatre.kept().warm_hold().unwrap().until;
        tokio::time::sleep(away).await;
        assert_eq!(theatre.service("api-blue").desired, 6, "nobody takes it down meanwhile");
        let taken_up = theatre.place.sim.clock().now();
        let release = theatre.to_its_end(theatre.recover()).await;
        assert_eq!(ending(&release), Ending::Succeeded, "{:#?}", release.timeline);
        assert_eq!(theatre.service("api-blue").desired, 0);
        let ended = release.ended.as_ref().unwrap().at;
        assert!(ended >= due && ended.since(due.max(taken_up)) < Duration::from_mins(3), "{:#?}", release.timeline);
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_release_ends_the_hold_and_what_it_takes_over_is_not_taken_down() {
    let theatre = Theatre::holding().await;
    theatre.until_it(theatre.begin(), is_holding).await;
    theatre.supersede().await.unwrap();
    let first = theatre.kept();
    assert_eq!(ending(&first), Ending::Succeeded, "{:#?}", first.timeline);
    assert_eq!(first.stages.last().unwrap().status, StageStatus::Skipped);
    assert_eq!(theatre.service("api-blue").desired, 6, "left to the new release");
    let again = theatre.supersede().await.unwrap_err();
    assert!(matches!(again, NotSuperseded::HasMore(_)), "{again}");

    let next = theatre.next().await;
    let (old, new) = (
        first.plan.components[ComponentIndex::FIRST].sides.as_ref(),
        next.plan.components[ComponentIndex::FIRST].sides.as_ref(),
    );
    assert_eq!(new.unwrap().blue.service, old.unwrap().green.service, "what serves is what it goes back to");
    // It goes back while the first hold would have ended.
    let (engine, hub, stop) = next.begin();
    let handle = hub.attach();
    let began = next.place.sim.clock().now();
    let aborts = tokio::spawn(async move {
        tokio::time::sleep(HOLD).await;
        let by = Actor::new("ken", "bastion");
        let command = Command::Rollback { reason: None };
        handle.orders.send(Order { command, stage: None, by, seen: None }).await
    });
    let second = next.to_its_end((engine, hub, stop)).await;
    aborts.await.unwrap();
    assert!(second.ended.as_ref().unwrap().at.since(began) > HOLD);
    assert_eq!(ending(&second), Ending::RolledBack, "{:#?}", second.timeline);
    assert_eq!((theatre.service("api-green").desired, green(&theatre.place.sim)), (6, 100), "the first release serves");
    assert_eq!(theatre.service("api-blue").desired, 0, "what the second brought up is down again");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_superseded_that_does_not_serve_or_has_more_to_do() {
    let theatre = Theatre::holding().await;
    theatre.until_it(theatre.begin(), Release::is_green_live).await;
    let early = theatre.supersede().await.unwrap_err();
    assert!(matches!(early, NotSuperseded::HasMore(_)), "{early}");
    theatre.until_it(theatre.recover(), is_holding).await;
    let sides = theatre.plan.components[ComponentIndex::FIRST].sides.clone().unwrap();
    theatre.place.cloud.set_weight(&Rollout::of(&sides), Percent::ZERO).await.unwrap();
    let moved = theatre.supersede().await.unwrap_err();
    assert!(moved.to_string().contains("release 1 had all traffic of api on green, which has 0 % now"), "{moved}");
    assert_eq!(theatre.kept().ended, None);
}

#[tokio::test(start_paused = true)]
async fn a_blue_that_runs_something_else_by_now_is_left_alone() {
    let theatre = Theatre::holding().await;
    theatre.until_it(theatre.begin(), is_holding).await;
    let task_definition = Some(theatre.service("api-green").task_definition);
    let somebody = UpdateService { service: "api-blue".to_owned(), task_definition, ..UpdateService::default() };
    theatre.place.sim.with(|world, _| world.update_service(somebody).unwrap());
    tokio::time::sleep(HOLD).await;
    let release = theatre.to_its_end(theatre.recover()).await;
    assert_eq!(ending(&release), Ending::Succeeded, "{:#?}", release.timeline);
    assert_eq!(release.stages.last().unwrap().status, StageStatus::Skipped);
    assert_eq!(theatre.service("api-blue").desired, 6);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_asked_to_end_takes_back_what_goes_back_and_leaves_the_rest() {
    let theatre = Theatre::holding().await;
    let (engine, hub, stop) = theatre.begin();
    let running = tokio::spawn(engine.run());
    shows(&hub, is_holding).await;
    let order = Order {
        command: Command::Rollback { reason: None },
        stage: None,
        by: Actor::new("maria", "bastion"),
        seen: None,
    };
    let receipt = hub.attach().orders.send(order).await;
    // Whoever asks has read the release before the order came.
    stop.stop_once_not_needed();
    let left = running.await.unwrap().unwrap().release;
    assert_eq!(left.ended.map(|ended| ended.ending), Some(Ending::RolledBack), "{receipt:?}: {:#?}", left.timeline);

    let theatre = Theatre::holding().await;
    let (engine, hub, stop) = theatre.begin();
    let running = tokio::spawn(engine.run());
    shows(&hub, is_holding).await;
    stop.stop_once_not_needed();
    assert!(is_holding(&running.await.unwrap().unwrap().release));
}
