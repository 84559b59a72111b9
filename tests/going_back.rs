//! Ways back to an earlier release while none is running, against the simulated AWS: the real configuration, engine,
//! journal and SDK, on paused time.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

#[path = "../benches/support/place.rs"]
mod place;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use cutover::domain::back::{NoWay, Way};
use cutover::domain::command::{Actor, Command, Order};
use cutover::domain::components::ComponentIndex;
use cutover::domain::effect::{Notice, Severity};
use cutover::domain::ids::{ReleaseId, Version};
use cutover::domain::plan::Plan;
use cutover::domain::release::{Ending, Release, StageStatus};
use cutover::engine::run::Engine;
use cutover::engine::settings::Parts;
use cutover::engine::{Exit, Heard, Program, Programs};
use cutover::journal::sqlite::SqliteJournal;
use cutover::journal::{Journal as _, replay};
use cutover::notify::Notifier;
use cutover::sim::world::alarms::AlarmState;
use place::Place;
use tokio::sync::mpsc;

const API: ComponentIndex = ComponentIndex::FIRST;

/// A migration, a flag and a program beside what every release has. The second part of each name is the version.
const PIPELINE: &str = r#"
[[pipelines.own.stages]]
name = "gates"
kind = "gate"

[[pipelines.own.stages]]
name = "schema"
kind = "migrate"
apply = { run = ["migrate", "${version}"] }
undo = { run = ["migrate-back", "${version}"] }
undo_is_safe = true

[[pipelines.own.stages]]
name = "deploy"
kind = "deploy"

[[pipelines.own.stages]]
name = "smoke"
kind = "smoke"
checks = [{ name = "version", path = "/version", json = { "/version" = "${version}" } }]

[[pipelines.own.stages]]
name = "switch"
kind = "flag"
run = ["flag-on", "${version}"]
undo = ["flag-off", "${version}"]

[[pipelines.own.stages]]
name = "shift"
kind = "shift"
steps = [{ weight = 100, bake = "3m" }]

[[pipelines.own.stages]]
name = "verify"
kind = "verify"
watch = "1m"

[[pipelines.own.stages]]
name = "purge"
kind = "command"
run = ["purge", "${version}"]
"#;

const CLEANUP: &str = "\n[[pipelines.own.stages]]\nname = \"cleanup\"\nkind = \"cleanup\"\nhold = \"1m\"\n";

#[derive(Default)]
struct Script(Mutex<Vec<String>>);

#[async_trait]
impl Programs for Script {
    async fn run(&self, program: &Program, heard: mpsc::Sender<Heard>) -> Result<Exit, String> {
        self.0.lock().unwrap().push(program.run.join(" "));
        if program.run[0] == "migrate-back" {
            // Long enough to lose an engine meanwhile.
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        heard.send(Heard::Line("done".to_owned())).await.unwrap();
        Ok(Exit { code: Some(0) })
    }
}

/// Keeps what was told.
#[derive(Default)]
struct Told(Mutex<Vec<(Severity, String)>>);

#[async_trait]
impl Notifier for Told {
    async fn send(&self, notice: &Notice, _attempt: u32) -> Result<(), cutover::domain::effect::Failure> {
        self.0.lock().unwrap().push((notice.severity, notice.subject.clone()));
        Ok(())
    }
}

/// A world that several releases change one after the other, and their journal.
struct World {
    place: Place,
    dir: tempfile::TempDir,
    script: Arc<Script>,
    told: Arc<Told>,
}

impl World {
    fn new(scenario: &str, pipeline: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { place: Place::new(scenario, pipeline), dir, script: Arc::default(), told: Arc::default() }
    }

    fn journal(&self) -> SqliteJournal {
        SqliteJournal::open(&self.dir.path().join("journal.sqlite")).unwrap()
    }

    /// The plan of releasing a version now, and whether the idle side is up.
    async fn plan(&self, version: &Version) -> (Plan, bool) {
        let survey = self.place.survey().await;
        let is_up = survey.services[1 - survey.blue].desired > 0;
        (self.place.plan(survey, version), is_up)
    }

    fn parts(&self, plan: &Plan) -> Parts {
        let programs = Arc::clone(&self.script) as Arc<dyn Programs>;
        let notifier = Arc::clone(&self.told) as Arc<dyn Notifier>;
        Parts { notifier, ..self.place.parts(plan, Box::new(self.journal()), programs) }
    }

    async fn run(&self, plan: Plan) -> Release {
        let parts = self.parts(&plan);
        let (engine, _hub, _stop) = Engine::begin(&mut |_| plan.clone(), parts).unwrap();
        ended(engine).await
    }

    async fn release(&self, tag: &str) -> Release {
        let (plan, _) = self.plan(&version(tag)).await;
        let release = self.run(plan).await;
        assert_eq!(ending(&release), Ending::Succeeded, "{:#?}", release.timeline);
        release
    }

    fn kept(&self, id: u64) -> Release {
        let journal = self.journal();
        let summary = journal.find(ReleaseId(id)).unwrap();
        let records = journal.records(ReleaseId(id)).unwrap();
        replay(ReleaseId(id), summary.plan, &records)
    }

    /// The way back to a release, from what the journal keeps.
    fn way(&self, to: u64) -> Result<Way, NoWay> {
        let newest = self.journal().list(1).unwrap().releases[0].id.0;
        let later: Vec<Release> = (to + 1..=newest).map(|id| self.kept(id)).collect();
        Way::to(&self.kept(to), &later)
    }

    /// The plan of going that way now.
    async fn way_plan(&self, to: u64) -> Plan {
        let way = self.way(to).unwrap();
        let (plan, is_up) = self.plan(&way.components[0].version).await;
        assert!(!way.serves_already(&plan));
        way.plan(plan, Some("orders are wrong".to_owned()), is_up)
    }

    fn ran(&self) -> Vec<String> {
        std::mem::take(&mut *self.script.0.lock().unwrap())
    }

    /// Task definitions registered so far.
    fn made(&self) -> usize {
        self.place.sim.with(|world, _| {
            world.changes().iter().filter(|change| change.operation == "RegisterTaskDefinition").count()
        })
    }
}

async fn ended(engine: Engine) -> Release {
    let left = tokio::time::timeout(Duration::from_hours(3), engine.run()).await;
    left.unwrap_or_else(|_| panic!("the release never ends")).unwrap().release
}

fn version(tag: &str) -> Version {
    Version(format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/api:{tag}"))
}

fn ending(release: &Release) -> Ending {
    release.ended.as_ref().unwrap().ending
}

/// From its beginning until all traffic was observed on the earlier release.
fn took(release: &Release) -> Duration {
    let at = |text: &str| release.timeline.iter().find(|moment| moment.text.contains(text)).map(|moment| moment.at);
    at("green observed at 100 %").unwrap().since(release.begun.as_ref().unwrap().at)
}

/// The task definition of the service with the most tasks.
fn serving(world: &World) -> String {
    let services = ["api-blue".to_owned(), "api-green".to_owned()];
    let found = world.place.sim.with(|world, _| world.describe_services(None, &services).unwrap().found);
    found.into_iter().max_by_key(|service| service.desired).unwrap().task_definition
}

#[tokio::test(start_paused = true)]
async fn an_earlier_release_is_taken_up_again_within_two_minutes_and_later_ones_are_undone() {
    let world = World::new("healthy", &format!("{PIPELINE}{CLEANUP}"));
    let first = world.release("9ab03d7").await;
    world.release("7777777").await;
    let before = world.made();
    world.ran();

    let plan = world.way_plan(1).await;
    let names: Vec<&str> = plan.stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(
        names,
        ["undo-switch-2", "deploy", "smoke", "shift", "undo-schema-2", "verify", "cleanup"],
        "nothing that makes a version is done again"
    );
    assert!(plan.is_sound());
    let release = world.run(plan).await;
    assert_eq!(ending(&release), Ending::Succeeded, "{:#?}", release.timeline);
    assert_eq!(release.exit_code(), 0);
    assert!(took(&release) < Duration::from_mins(2), "{:?}", took(&release));
    assert_eq!(world.ran(), ["flag-off 7777777", "migrate-back 7777777"], "the flag first, the rest after traffic");
    assert_eq!(world.made(), before, "the earlier task definition is run as it stands");
    assert_eq!(release.components[API].task_definition, first.components[API].task_definition);
    assert_eq!(serving(&world), first.components[API].task_definition.clone().unwrap().0);
    let smoke = release.plan.stages.iter().position(|stage| stage.name.as_str() == "smoke").unwrap();
    assert_eq!(release.stages[smoke].status, StageStatus::Passed);
    assert!(release.timeline[0].text.contains("rollback to release 1: orders are wrong"), "{:?}", release.timeline[0]);
    let left = &release.plan.origin.earlier().unwrap().left;
    assert!(left.iter().any(|left| left == "purge of release 2 has no undo"), "{left:?}");

    let told = world.told.0.lock().unwrap().clone();
    let of_it: Vec<&str> =
        told.iter().map(|(_, subject)| subject.as_str()).filter(|subject| subject.contains("api 3")).collect();
    assert!(!of_it.is_empty() && of_it.iter().all(|subject| subject.contains("rollback to release 1")), "{of_it:?}");

    // What was undone is not there any more to be gone back to, and is not undone twice.
    assert!(matches!(world.way(2), Err(NoWay::Undone { by: ReleaseId(3), .. })), "{:?}", world.way(2));
    world.release("8888888").await;
    world.ran();
    let plan = world.way_plan(1).await;
    let undoes: Vec<(u64, &str)> =
        plan.origin.earlier().unwrap().undoes.iter().map(|it| (it.release.0, it.stage.as_str())).collect();
    assert_eq!(undoes, [(4, "switch"), (4, "schema")]);
}

#[tokio::test(start_paused = true)]
async fn where_the_old_side_still_runs_it_only_the_weight_changes_within_seconds() {
    let world = World::new("healthy", PIPELINE);
    world.release("9ab03d7").await;
    world.release("7777777").await;
    let started = |world: &World| {
        world.place.sim.with(|world, _| {
            let listed = |service: &str| world.describe_services(None, &[service.to_owned()]).unwrap().found[0].running;
            (listed("api-blue"), listed("api-green"))
        })
    };
    let before = started(&world);
    let plan = world.way_plan(1).await;
    assert!(plan.origin.earlier().unwrap().warm);
    let release = world.run(plan).await;
    assert_eq!(ending(&release), Ending::Succeeded, "{:#?}", release.timeline);
    assert!(took(&release) < Duration::from_secs(30), "{:?}", took(&release));
    assert_eq!(started(&world), before, "no task was started or stopped");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_lost_on_the_way_back_is_taken_up_and_nothing_is_undone_twice() {
    for lost_at in ["deploy begins", "shift begins", "undo-schema-2 begins"] {
        let world = World::new("healthy", PIPELINE);
        world.release("9ab03d7").await;
        world.release("7777777").await;
        world.ran();
        let plan = world.way_plan(1).await;
        let parts = world.parts(&plan);
        let (engine, hub, stop) = Engine::begin(&mut |_| plan.clone(), parts).unwrap();
        let mut handle = hub.attach();
        let running = tokio::spawn(engine.run());
        let is_there = |snapshot: &Arc<cutover::engine::snapshot::Snapshot>| {
            snapshot.release.timeline.iter().any(|moment| moment.text.contains(lost_at))
        };
        tokio::time::timeout(Duration::from_hours(1), handle.snapshot.wait_for(is_there)).await.unwrap().unwrap();
        running.abort();
        drop((stop, running.await));

        let (engine, hub, _stop) = Engine::recover(ReleaseId(3), world.parts(&plan)).unwrap();
        let (mut engine, watching) = (Box::pin(engine.run()), hub.attach());
        let mut snapshots = watching.snapshot;
        let mut is_asked = false;
        let left = loop {
            tokio::select! {
                left = &mut engine => {
                    assert_eq!(is_asked, lost_at == "undo-schema-2 begins", "somebody is asked about an undo");
                    break left.unwrap().release;
                }
                _ = snapshots.changed() => {
                    // A program that must not run twice is asked about.
                    let release = Arc::clone(&snapshots.borrow_and_update().release);
                    let failed = release.stages.iter().position(|stage| stage.status == StageStatus::Failed);
                    if let Some(failed) = failed.filter(|_| !is_asked) {
                        assert_eq!(lost_at, "undo-schema-2 begins", "{:#?}", release.timeline);
                        assert_eq!(release.plan.stages[failed].name.as_str(), "undo-schema-2");
                        assert_eq!(release.exit_code(), 6);
                        is_asked = true;
                        let command = Command::Skip { reason: "the schema is back".to_owned() };
                        let order = Order { command, stage: None, by: Actor::new("maria", "bastion"), seen: None };
                        let orders = watching.orders.clone();
                        tokio::spawn(async move { orders.send(order).await });
                    }
                }
            }
        };
        let ran = world.ran();
        let undone = ran.iter().filter(|line| line.starts_with("migrate-back")).count();
        assert_eq!(ending(&left), Ending::Succeeded, "{lost_at}: {:#?}", left.timeline);
        if lost_at == "undo-schema-2 begins" {
            assert_eq!(undone, 1, "{ran:?}");
            let way = world.way(1).unwrap();
            let said: Vec<&str> = way.migrations_left().collect();
            assert_eq!(said, ["release 3 tried to undo schema of release 2; how far it came is unknown"]);
            assert!(!way.steps(true, 0).iter().any(|step| step.contains("migrate-back")), "{:?}", way.steps(true, 0));
        } else {
            assert_eq!(ran, ["flag-off 7777777", "migrate-back 7777777"], "{lost_at}");
        }
        assert_eq!(left.components[API].traffic.observed.unwrap().get(), 100, "{lost_at}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_speaks_of_what_serves_now_does_not_hold_the_way_back_up() {
    let pipeline = PIPELINE.replace("undo_is_safe = true", "");
    let world = World::new("healthy", &pipeline);
    world.release("9ab03d7").await;
    world.release("7777777").await;
    let way = world.way(1).unwrap();
    let left: Vec<&str> = way.migrations_left().collect();
    assert_eq!(left, ["schema of release 2 may lose data when undone; by hand: migrate-back 7777777"]);

    world
        .place
        .sim
        .with(|world, _| world.set_alarm_state("api-5xx-high", AlarmState::Alarm, "too many errors", None).unwrap());
    world.ran();
    let release = world.run(world.way_plan(1).await).await;
    assert_eq!(ending(&release), Ending::Succeeded, "{:#?}", release.timeline);
    assert!(took(&release) < Duration::from_secs(30), "{:?}", took(&release));
    assert!(release.timeline.iter().any(|moment| moment.text.contains("alarm api-5xx-high fires")), "it is still told");
    assert_eq!(world.ran(), ["flag-off 7777777"]);
}

#[tokio::test(start_paused = true)]
async fn only_what_succeeded_can_be_gone_back_to() {
    let world = World::new("errors", PIPELINE);
    let (plan, _) = world.plan(&version("9ab03d7")).await;
    let bad = world.run(plan).await;
    assert_eq!(ending(&bad), Ending::RolledBack);
    assert_eq!(world.way(1), Err(NoWay::NeverSucceeded { id: ReleaseId(1), status: "rolled-back" }));
}
