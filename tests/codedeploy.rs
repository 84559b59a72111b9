//! Releases by CodeDeploy: the real configuration, engine and SDK against the simulated AWS, on paused time.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

#[path = "../benches/support/web.rs"]
mod web;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cutover::clock::Clock;
use cutover::cloud::Cloud;
use cutover::cloud::aws::Aws;
use cutover::config::{Config, ConfigError, Request};
use cutover::domain::command::{Actor, CommandKind};
use cutover::domain::components::{ComponentIndex, Components};
use cutover::domain::guard;
use cutover::domain::ids::{ReleaseId, Version};
use cutover::domain::percent::Percent;
use cutover::domain::plan::Plan;
use cutover::domain::redact::Redactor;
use cutover::domain::release::{Ending, Release};
use cutover::domain::time::Timestamp;
use cutover::engine::hub::Hub;
use cutover::engine::run::{Engine, Stop};
use cutover::engine::settings::{LogFeed, Parts, Polls, Settings};
use cutover::engine::{Exit, Heard, Program, Programs};
use cutover::journal::sqlite::SqliteJournal;
use cutover::judge::Judge;
use cutover::judge::threshold::Threshold;
use cutover::notify::Channels;
use cutover::sim::scenario::{ApiFault, ApiFaultKind, Percent as Share};
use cutover::sim::world::codedeploy::ListDeployments;
use cutover::sim::{FaultPlan, Scenario, Sim};
use tempfile::TempDir;
use tokio::sync::mpsc;

const CONFIG: &str = include_str!("../config.example.toml");
const API: ComponentIndex = ComponentIndex::FIRST;

/// The deployment configuration gives green a tenth for five minutes, and then all.
const PIPELINE: &str = r#"
[[pipelines.canary.stages]]
name = "gates"
kind = "gate"

[[pipelines.canary.stages]]
name = "deploy"
kind = "deploy"

[[pipelines.canary.stages]]
name = "shift"
kind = "shift"
steps = [{ weight = 10, bake = "3m" }, { weight = 100, bake = "2m" }]

[[pipelines.canary.stages]]
name = "cleanup"
kind = "cleanup"
hold = "1m"
"#;

/// No program is in this pipeline.
struct NoPrograms;

#[async_trait]
impl Programs for NoPrograms {
    async fn run(&self, program: &Program, _: mpsc::Sender<Heard>) -> Result<Exit, String> {
        panic!("{:?}", program.run)
    }
}

fn config(pipeline: &str) -> Config {
    let text = CONFIG
        .replacen("pipeline = \"standard\"", "pipeline = \"canary\"", 1)
        .replacen("driver = \"alb\"", "driver = \"codedeploy\"\napplication = \"api\"\ndeployment_group = \"api\"", 1)
        .replace("service = \"api-blue\"", "service = \"api\"")
        .replace("service = \"api-green\"", "service = \"api\"");
    Config::read("config.toml", &(text + pipeline), Path::new(".")).unwrap_or_else(|wrong| panic!("{wrong}"))
}

async fn plan(config: &Config, cloud: &dyn Cloud) -> Result<Plan, ConfigError> {
    let lineup = config.lineup("demo", None).unwrap();
    let context = config.context("demo", &lineup).unwrap();
    let survey = cloud.survey(context.targets[API].as_ref().unwrap()).await.unwrap();
    let request = Request {
        environment: "demo",
        components: &lineup,
        versions: &lineup.map(|_| Version("api:9ab03d7".to_owned())),
        serving: &lineup.map(|_| None),
        release: ReleaseId(1),
    };
    let mut plan = config.plan(&request, &Components::one(Some(survey)))?;
    plan.notify.clear();
    Ok(plan)
}

/// A world whose service CodeDeploy deploys, and engines for one release into it.
struct Theatre {
    clock: Clock,
    sim: Sim,
    cloud: Arc<dyn Cloud>,
    plan: Plan,
    dir: TempDir,
}

impl Theatre {
    async fn new(scenario: &str) -> Self {
        let clock = Clock::starting_at(Timestamp::from_secs(1_795_161_600), 1.0);
        let sim = Sim::new(Scenario::named(scenario).unwrap().laid_out(cutover::sim::Layout::TwoTaskSets), 11, clock);
        let cloud: Arc<dyn Cloud> = Arc::new(Aws::simulated(sim.http_client(), clock, "eu-west-1", "shop"));
        let plan = plan(&config(PIPELINE), cloud.as_ref()).await.unwrap();
        Self { clock, sim, cloud, plan, dir: tempfile::tempdir().unwrap() }
    }

    fn parts(&self) -> Parts {
        let settings = Settings {
            polls: Polls::default(),
            period: Duration::from_mins(1),
            redactor: Redactor::new([]),
            variables: BTreeMap::new(),
            is_demo: false,
            logs: LogFeed::Polled,
        };
        let judge = Threshold::new(self.plan.components[API].signals.clone());
        Parts {
            notifier: Arc::new(Channels::default()),
            clouds: Components::one(Arc::clone(&self.cloud)),
            web: Arc::new(web::InProcess(vec![self.sim.clone()])),
            journal: Box::new(SqliteJournal::open(&self.dir.path().join("journal.sqlite")).unwrap()),
            judges: Components::one(Box::new(judge) as Box<dyn Judge>),
            programs: Arc::new(NoPrograms),
            clock: self.clock,
            actor: Actor::new("maria", "bastion"),
            settings,
        }
    }

    fn begin(&self) -> (Engine, Hub, Stop) {
        Engine::begin(&mut |_| self.plan.clone(), self.parts()).unwrap()
    }

    fn recover(&self) -> (Engine, Hub, Stop) {
        Engine::recover(ReleaseId(1), self.parts()).unwrap()
    }

    async fn to_its_end(&self, (engine, _hub, _stop): (Engine, Hub, Stop)) -> Release {
        let left = tokio::time::timeout(Duration::from_hours(3), engine.run()).await;
        left.unwrap_or_else(|_| panic!("the release never ends")).unwrap().release
    }

    /// Runs an engine until the world is so, and ends it without a word to the cloud. The release as it was then.
    async fn until(&self, (engine, hub, stop): (Engine, Hub, Stop), is_time: impl Fn(&Sim) -> bool) -> Release {
        let handle = hub.attach();
        let running = tokio::spawn(engine.run());
        let wait = async {
            while !is_time(&self.sim) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_hours(1), wait).await.unwrap();
        let release = handle.snapshot.borrow().release.clone();
        stop.stop();
        running.await.unwrap().unwrap();
        release.as_ref().clone()
    }

    fn changes(&self, operation: &str) -> usize {
        self.sim.with(|world, _| world.changes().iter().filter(|change| change.operation == operation).count())
    }
}

/// Green's weight, as users see it.
fn green(sim: &Sim) -> u32 {
    sim.with(|world, _| {
        let weights = world.current_weights();
        weights[0].1.iter().find(|(name, _)| name == "api-green").map_or(0, |(_, weight)| *weight)
    })
}

/// The status of the first deployment.
fn status(sim: &Sim) -> Option<&'static str> {
    sim.with(|world, _| {
        let first = world.list_deployments(&ListDeployments::default()).unwrap().pop()?;
        Some(world.get_deployment(&first).unwrap().deployment.status.as_str())
    })
}

/// Whether CodeDeploy has nothing more to do.
fn is_at_rest(sim: &Sim) -> bool {
    sim.with(|world, _| {
        let all = world.list_deployments(&ListDeployments::default()).unwrap();
        all.iter().all(|id| world.get_deployment(id).unwrap().deployment.status.is_final())
    })
}

fn ending(release: &Release) -> Ending {
    release.ended.as_ref().unwrap_or_else(|| panic!("{:#?}", release.timeline)).ending
}

#[tokio::test(start_paused = true)]
async fn a_release_is_let_through_goes_by_codedeploys_clock_and_lets_go_of_blue() {
    let theatre = Theatre::new("healthy").await;
    let release = theatre.to_its_end(theatre.begin()).await;
    assert_eq!(ending(&release), Ending::Succeeded, "{:#?}", release.timeline);
    assert_eq!((green(&theatre.sim), status(&theatre.sim)), (100, Some("Succeeded")));
    assert_eq!(theatre.changes("CreateDeployment"), 1);
    assert_eq!(theatre.changes("ContinueDeployment"), 2, "to let it through, and to let go of blue");
    assert_eq!(theatre.changes("ModifyRule") + theatre.changes("UpdateService"), 0, "CodeDeploy alone does the rest");
    let seen: Vec<u32> = theatre.sim.with(|world, _| {
        let rule = world.weight_history()[0].rule_arn.clone();
        let changes = world.weight_history().iter().filter(|change| change.rule_arn == rule);
        changes
            .map(|change| change.weights.iter().find(|(name, _)| name == "api-green").map_or(0, |one| one.1))
            .collect()
    });
    assert_eq!(seen.into_iter().filter(|weight| *weight > 0).collect::<Vec<_>>(), [10, 100]);
    assert_eq!(theatre.sim.with(|world, _| world.truth().unserved.requests), 0);
}

#[tokio::test(start_paused = true)]
async fn a_bad_version_is_stopped_at_a_tenth_and_codedeploy_brings_users_back() {
    let theatre = Theatre::new("errors").await;
    let release = theatre.to_its_end(theatre.begin()).await;
    assert_eq!(ending(&release), Ending::RolledBack, "{:#?}", release.timeline);
    assert_eq!((green(&theatre.sim), status(&theatre.sim)), (0, Some("Stopped")));
    assert!(theatre.changes("StopDeployment") >= 1);
    assert!(theatre.sim.with(|world, _| {
        world
            .weight_history()
            .iter()
            .all(|change| change.weights.iter().all(|(name, weight)| name != "api-green" || *weight <= 10))
    }));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_makes_no_second_deployment() {
    let theatre = Theatre::new("healthy").await;
    let lost = ApiFault::new(ApiFaultKind::LostResponse, Share::all()).on(&["codedeploy:CreateDeployment"]);
    theatre.sim.wire().set_faults(FaultPlan::of(vec![lost]));
    let release = theatre.to_its_end(theatre.begin()).await;
    assert_eq!(
        (ending(&release), theatre.changes("CreateDeployment")),
        (Ending::Succeeded, 1),
        "{:#?}",
        release.timeline
    );
}

/// A name, and whether it has come.
type Moment = (&'static str, fn(&Sim) -> bool);

#[tokio::test(start_paused = true)]
async fn whenever_the_engine_is_lost_for_good_production_ends_whole_on_one_side() {
    for world in ["healthy", "errors"] {
        let moments: [Moment; 4] = [
            ("installing", |sim| status(sim) == Some("InProgress")),
            ("ready", |sim| status(sim) == Some("Ready")),
            ("at a tenth", |sim| green(sim) == 10),
            ("at all", |sim| green(sim) == 100),
        ];
        for (moment, is_time) in moments {
            if (world, moment) == ("errors", "at all") {
                continue;
            }
            let theatre = Theatre::new(world).await;
            theatre.until(theatre.begin(), is_time).await;
            theatre.clock.sleep(Duration::from_hours(3)).await;
            assert!(is_at_rest(&theatre.sim), "{world}, {moment}");
            let let_through = matches!(moment, "at a tenth" | "at all");
            let wanted = if world == "healthy" && let_through { 100 } else { 0 };
            assert_eq!(green(&theatre.sim), wanted, "{world}, {moment}");
            assert_eq!(theatre.sim.with(|world, _| world.truth().unserved.requests), 0, "{world}, {moment}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_engine_takes_it_up_where_it_stands() {
    let moments: [fn(&Sim) -> bool; 3] =
        [|sim| status(sim) == Some("InProgress"), |sim| status(sim) == Some("Ready"), |sim| green(sim) == 100];
    for is_time in moments {
        let theatre = Theatre::new("healthy").await;
        theatre.until(theatre.begin(), is_time).await;
        let release = theatre.to_its_end(theatre.recover()).await;
        assert_eq!(ending(&release), Ending::Succeeded, "{:#?}", release.timeline);
        assert_eq!(theatre.changes("CreateDeployment"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn it_can_be_paused_before_it_is_let_through_and_not_while_codedeploy_shifts() {
    let theatre = Theatre::new("healthy").await;
    let release = theatre.until(theatre.begin(), |sim| status(sim) == Some("Ready")).await;
    assert_eq!(guard::possible(&release, CommandKind::Pause), Ok(()));
    let wait = release.components[API].capacities.as_ref().and_then(|both| both.deployment.as_ref());
    assert!(wait.is_some_and(|deployment| deployment.strategy == "ECSCanary10Percent5Minutes"), "{wait:?}");
    let shifting = theatre.until(theatre.recover(), |sim| green(sim) == 10).await;
    if shifting.components[API].traffic.observed == Some(Percent::clamped(10)) {
        let refused = guard::possible(&shifting, CommandKind::Pause).unwrap_err();
        assert!(refused.contains("CodeDeploy shifts on its own clock"), "{refused}");
    }
}

#[tokio::test(start_paused = true)]
async fn steps_that_codedeploy_does_not_take_are_refused() {
    let theatre = Theatre::new("healthy").await;
    for (steps, problem) in [
        ("{ weight = 50, bake = \"1m\" }, { weight = 100, bake = \"1m\" }", "it never is there"),
        ("{ weight = 10, bake = \"5m\" }, { weight = 100, bake = \"1m\" }", "it goes on before that has baked"),
        (
            "{ weight = 10, bake = \"1m\", gate = \"human\" }, { weight = 100, bake = \"1m\" }",
            "it does not wait there for a human",
        ),
    ] {
        let pipeline = PIPELINE.replace("{ weight = 10, bake = \"3m\" }, { weight = 100, bake = \"2m\" }", steps);
        let refused = plan(&config(&pipeline), theatre.cloud.as_ref()).await.unwrap_err().to_string();
        assert!(refused.contains(problem) && refused.contains("10 % for 5:00, then 100 %"), "{refused}");
    }
}
