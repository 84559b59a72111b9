//! Stages that run something to an end, against the simulated AWS: the real configuration, engine and SDK, paused time.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod flags;
mod hold;
#[path = "../../benches/support/place.rs"]
mod place;
mod tasks;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use cutover::domain::components::ComponentIndex;
use cutover::domain::ids::{ReleaseId, Version};
use cutover::domain::plan::Plan;
use cutover::domain::release::{Ending, Release, StageStatus};
use cutover::domain::time::Timestamp;
use cutover::engine::hub::Hub;
use cutover::engine::run::{Engine, Stop};
use cutover::engine::settings::Parts;
use cutover::engine::{Exit, Heard, Program, Programs};
use cutover::journal::sqlite::SqliteJournal;
use cutover::sim::Sim;
use place::Place;
use tempfile::TempDir;
use tokio::sync::mpsc;

const DIGEST: &str = "sha256:4f2c1e9a4f2c1e9a4f2c1e9a4f2c1e9a4f2c1e9a4f2c1e9a4f2c1e9a4f2c1e9a";

/// Every kind of stage that the example has none of.
const PIPELINE: &str = r#"
[[pipelines.own.stages]]
name = "gates"
kind = "gate"

[[pipelines.own.stages]]
name = "image"
kind = "build"
run = ["build"]
repository = "registry.example/api"

[[pipelines.own.stages]]
name = "seed"
kind = "task"
run = ["seed", "${version}"]

[[pipelines.own.stages]]
name = "schema"
kind = "migrate"
backup = { run = ["dump"] }
apply = { on = "ecs", run = ["migrate", "up"], definition = "serving" }
verify = { run = ["look"] }
undo = { run = ["migrate-down"] }

[[pipelines.own.stages]]
name = "deploy"
kind = "deploy"

[[pipelines.own.stages]]
name = "wake"
kind = "warm-up"
paths = ["/healthz", "/version"]
requests = 12

[[pipelines.own.stages]]
name = "load"
kind = "load"
run = ["load"]
limits = [{ name = "p95", at = "/latency/p95", below = 500 }]

[[pipelines.own.stages]]
name = "switch"
kind = "flag"
run = ["flag-on"]
undo = ["flag-off"]

[[pipelines.own.stages]]
name = "calm"
kind = "wait"
span = "90s"

[[pipelines.own.stages]]
name = "shift"
kind = "shift"
steps = [{ weight = 10, bake = "4m" }, { weight = 100, bake = "4m" }]
"#;

/// Programs that do what their name says.
struct Script {
    sim: Sim,
    ran: Mutex<Vec<Ran>>,
}

/// A program that was started: when, and with which share of the traffic on green.
struct Ran {
    name: String,
    at: Timestamp,
    green: u32,
}

#[async_trait]
impl Programs for Script {
    async fn run(&self, program: &Program, heard: mpsc::Sender<Heard>) -> Result<Exit, String> {
        let (name, at, green) = (program.run.join(" "), self.sim.clock().now(), green(&self.sim));
        self.ran.lock().unwrap().push(Ran { name, at, green });
        let line = match program.run[0].as_str() {
            "build" => format!("pushed registry.example/api@{DIGEST}"),
            "load" => "{\"latency\": {\"p95\": 431.0}}".to_owned(),
            name => format!("{name} is done"),
        };
        heard.send(Heard::Line(line)).await.unwrap();
        Ok(Exit { code: Some(0) })
    }
}

/// A world, a pipeline, and engines for one release, all with one journal.
struct Theatre {
    place: Place,
    plan: Plan,
    script: Arc<Script>,
    dir: TempDir,
}

impl Theatre {
    /// The pipeline as `edit` changes it, in a world.
    async fn new(world: &str, edit: impl Fn(&str) -> String) -> Self {
        Self::at(Place::new(world, &edit(PIPELINE))).await
    }

    /// The next release into the same world, as it stands now, with a journal of its own.
    async fn next(&self) -> Self {
        Self::at(self.place.clone()).await
    }

    async fn at(place: Place) -> Self {
        let mut plan = place.plan(place.survey().await, &Version("api:9ab03d7".to_owned()));
        plan.notify.clear();
        let script = Arc::new(Script { sim: place.sim.clone(), ran: Mutex::default() });
        Self { place, plan, script, dir: tempfile::tempdir().unwrap() }
    }

    fn parts(&self) -> Parts {
        let journal = Box::new(SqliteJournal::open(&self.dir.path().join("journal.sqlite")).unwrap());
        self.place.parts(&self.plan, journal, Arc::clone(&self.script) as Arc<dyn Programs>)
    }

    /// An engine that begins the release.
    fn begin(&self) -> (Engine, Hub, Stop) {
        Engine::begin(&mut |_| self.plan.clone(), self.parts()).unwrap()
    }

    /// An engine that takes it over.
    fn recover(&self) -> (Engine, Hub, Stop) {
        Engine::recover(ReleaseId(1), self.parts()).unwrap()
    }

    /// Runs an engine until its release has ended.
    async fn to_its_end(&self, (engine, _hub, _stop): (Engine, Hub, Stop)) -> Release {
        let left = tokio::time::timeout(Duration::from_hours(3), engine.run()).await;
        left.unwrap_or_else(|_| panic!("the release never ends")).unwrap().release
    }

    /// Runs an engine until `is_time`, and ends it then without a word to the cloud.
    async fn until(&self, (engine, _hub, stop): (Engine, Hub, Stop), is_time: impl Fn() -> bool) {
        let running = tokio::spawn(engine.run());
        wait_until(is_time).await;
        stop.stop();
        assert_eq!(running.await.unwrap().unwrap().release.ended, None, "it ended before");
    }

    /// The same by what the release comes to.
    async fn until_it(&self, (engine, hub, stop): (Engine, Hub, Stop), is_so: impl Fn(&Release) -> bool) {
        let running = tokio::spawn(engine.run());
        shows(&hub, is_so).await;
        stop.stop();
        assert_eq!(running.await.unwrap().unwrap().release.ended, None, "it ended before");
    }

    /// What was started, in order.
    fn ran(&self) -> Vec<String> {
        self.script.ran.lock().unwrap().iter().map(|ran| ran.name.clone()).collect()
    }

    /// When a program was started.
    fn ran_at(&self, name: &str) -> Timestamp {
        self.ran_first(name, |ran| ran.at)
    }

    /// Green's weight when a program was started.
    fn green_when(&self, name: &str) -> u32 {
        self.ran_first(name, |ran| ran.green)
    }

    fn ran_first<T>(&self, name: &str, of: impl Fn(&Ran) -> T) -> T {
        let ran = self.script.ran.lock().unwrap();
        ran.iter().find(|ran| ran.name == name).map_or_else(|| panic!("{name} never ran"), of)
    }
}

/// Waits until an engine shows its release to be so.
async fn shows(hub: &Hub, is_so: impl Fn(&Release) -> bool) {
    let mut handle = hub.attach();
    while !is_so(&handle.snapshot.borrow_and_update().release) {
        handle.snapshot.changed().await.unwrap();
    }
}

/// Waits until something is so, looking often.
async fn wait_until(is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_hours(1), wait).await.unwrap();
}

/// Runs a release through the pipeline as `edit` changes it, in a world; the release, the programs that ran, the world.
async fn release(world: &str, edit: impl Fn(&str) -> String) -> (Release, Vec<String>, Sim) {
    let theatre = Theatre::new(world, edit).await;
    let release = theatre.to_its_end(theatre.begin()).await;
    (release, theatre.ran(), theatre.place.sim.clone())
}

/// What the world was told to run once: the task definition and the command.
fn tasks(sim: &Sim) -> Vec<(String, String)> {
    sim.with(|world, _| {
        let runs = world.changes().iter().filter(|change| change.operation == "RunTask");
        let fact = |facts: &[(&str, String)], name: &str| {
            facts.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()).unwrap_or_default()
        };
        runs.map(|run| (fact(&run.facts, "taskDefinition"), fact(&run.facts, "command"))).collect()
    })
}

/// Green's weight on the rule.
fn green(sim: &Sim) -> u32 {
    sim.with(|world, _| {
        let weights = world.current_weights();
        weights[0].1.iter().find(|(name, _)| name == "api-green").map_or(0, |(_, weight)| *weight)
    })
}

fn ending(release: &Release) -> Ending {
    release.ended.as_ref().unwrap().ending
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_of_every_kind_of_stage_succeeds_and_releases_the_digest_that_it_built() {
    let (release, ran, sim) = release("healthy", str::to_owned).await;
    assert_eq!(ending(&release), Ending::Succeeded, "{:#?}", release.timeline);
    assert!(release.stages.iter().all(|stage| stage.status == StageStatus::Passed), "{:#?}", release.stages);
    assert_eq!(ran, ["build", "dump", "look", "load", "flag-on"]);

    let pinned = format!("registry.example/api@{DIGEST}");
    let registered = release.components[ComponentIndex::FIRST].task_definition.clone().unwrap().0;
    let image = sim.with(|world, _| {
        let definition = world.describe_task_definition(&registered).unwrap();
        definition.containers.iter().find_map(|container| container.get("image")?.as_str().map(str::to_owned))
    });
    assert_eq!(image, Some(pinned), "the digest is released, not the tag");

    let tasks = tasks(&sim);
    assert_eq!(tasks.iter().map(|(_, command)| &**command).collect::<Vec<_>>(), ["seed 9ab03d7", "migrate up"]);
    assert_eq!(tasks[0].0, registered, "a task runs the new task definition unless told otherwise");
    assert_ne!(tasks[1].0, registered, "`serving` is the old one");
    let output = &release.stages[3].output;
    assert!(output.iter().any(|line| line.contains("migration 0042")), "its logs are followed: {output:?}");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_switches_the_flag_off_first_and_leaves_a_migration_that_is_not_safe_to_undo() {
    for safe in [false, true] {
        let edit = |pipeline: &str| {
            let undo = "undo = { run = [\"migrate-down\"] }";
            pipeline.replacen(undo, &format!("{undo}\nundo_is_safe = {safe}"), 1)
        };
        let theatre = Theatre::new("errors", edit).await;
        let release = theatre.to_its_end(theatre.begin()).await;
        assert_eq!(ending(&release), Ending::RolledBack, "{:#?}", release.timeline);
        let ran = theatre.ran();
        let back: Vec<&str> = ran.iter().skip_while(|name| *name != "flag-on").skip(1).map(String::as_str).collect();
        let wanted: &[&str] = if safe { &["flag-off", "migrate-down"] } else { &["flag-off"] };
        assert_eq!(back, wanted);
        assert!(theatre.green_when("flag-off") > 0, "switched off before the weights move");
        assert!(!safe || theatre.green_when("migrate-down") == 0, "undone under users");
    }
}

#[tokio::test(start_paused = true)]
async fn a_migration_that_fails_on_ecs_stops_the_release_before_any_new_task() {
    let (release, ran, sim) = release("summary = \"\"\n[one_off]\nfor = \"5s\"\nexit_code = 3\n", |pipeline| {
        pipeline.replacen(
            "kind = \"task\"\nrun = [\"seed\", \"${version}\"]",
            "kind = \"command\"\nrun = [\"seed\"]",
            1,
        )
    })
    .await;
    assert_eq!(ending(&release), Ending::Failed, "{:#?}", release.timeline);
    assert_eq!(release.exit_code(), 3);
    assert_eq!(release.stages[3].note, "apply: exit 3");
    assert_eq!(ran, ["build", "seed", "dump"], "nothing is undone of its own accord, nothing goes on");
    assert_eq!(
        sim.with(|world, _| world.describe_services(None, &["api-green".to_owned()]).unwrap().found[0].desired),
        0
    );
}
