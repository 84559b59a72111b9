//! A world and a release in it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cutover::clock::Clock;
use cutover::cloud::aws::Aws;
use cutover::cloud::{Cloud, Sight, Target};
use cutover::config::{Config, Request};
use cutover::domain::command::Actor;
use cutover::domain::components::{ComponentIndex, Components};
use cutover::domain::effect::{Failure, Notice};
use cutover::domain::foreign::Then;
use cutover::domain::ids::{ReleaseId, Version};
use cutover::domain::percent::Percent;
use cutover::domain::plan::{Driver, Plan};
use cutover::domain::redact::Redactor;
use cutover::domain::release::{Ending, Moment, Release};
use cutover::domain::time::{Elapsed, Timestamp};
use cutover::engine::run::Engine;
use cutover::engine::settings::{LogFeed, Parts, Polls, Settings};
use cutover::engine::{Exit, Heard, Program, Programs};
use cutover::journal::sqlite::SqliteJournal;
use cutover::judge::Judge;
use cutover::judge::beside::Beside;
use cutover::judge::live::Live;
use cutover::notify::Notifier;
use cutover::sim::world::{Change, Truth};
use cutover::sim::{Layout, Scenario, Sim};
use tokio::sync::mpsc;

use super::web;

const ALB: &str = include_str!("../../config.example.toml");
const NATIVE: &str = include_str!("../../assets/drivers/native.toml");
const CODEDEPLOY: &str = include_str!("../../assets/drivers/codedeploy.toml");
const ROLLING: &str = include_str!("../../assets/drivers/rolling.toml");

pub(super) const API: ComponentIndex = ComponentIndex::FIRST;

/// Two groups of targets, of which the first serves when the world begins.
const GROUPS: [&str; 2] = ["api-blue", "api-green"];

struct Nothing;

#[async_trait]
impl Programs for Nothing {
    async fn run(&self, _program: &Program, _heard: mpsc::Sender<Heard>) -> Result<Exit, String> {
        Ok(Exit { code: Some(0) })
    }
}

#[async_trait]
impl Notifier for Nothing {
    async fn send(&self, _notice: &Notice, _attempt: u32) -> Result<(), Failure> {
        Ok(())
    }
}

pub(super) struct Place {
    pub(super) clock: Clock,
    pub(super) sim: Sim,
    pub(super) cloud: Arc<dyn Cloud>,
    config: Config,
    pub(super) dir: tempfile::TempDir,
}

/// How a release ended, and what users saw of it.
pub(super) struct End {
    pub(super) release: Release,
    pub(super) truth: Truth,
    changes: Vec<Change>,
}

impl End {
    pub(super) fn ending(&self) -> Option<Ending> {
        self.release.ended.as_ref().map(|ended| ended.ending)
    }

    pub(super) fn told(&self) -> String {
        let begun = self.release.begun.as_ref().map(|begun| begun.at).unwrap_or_default();
        let line = |moment: &Moment| format!("\n{} {}", Elapsed(moment.at.since(begun)), moment.text);
        self.release.timeline.iter().map(line).collect()
    }

    pub(super) fn changes(&self, operation: &str) -> Vec<&Change> {
        self.changes.iter().filter(|change| change.operation == operation).collect()
    }
}

impl Place {
    pub(super) fn new(scenario: &str, driver: Driver) -> Self {
        let scenario = Scenario::named(scenario).or_else(|_| Scenario::parse("test", scenario)).unwrap();
        let layout = match driver {
            Driver::Alb | Driver::Command => Layout::TwoServices,
            Driver::Native => Layout::TwoRevisions,
            Driver::CodeDeploy => Layout::TwoTaskSets,
            Driver::Rolling => Layout::OneService,
        };
        let clock = Clock::starting_at(Timestamp::from_secs(1_795_161_600), 1.0);
        let sim = Sim::new(scenario.laid_out(layout), 11, clock);
        let cloud: Arc<dyn Cloud> = Arc::new(Aws::simulated(sim.http_client(), clock, "eu-west-1", "shop"));
        let text = match driver {
            Driver::Native => NATIVE,
            Driver::CodeDeploy => CODEDEPLOY,
            Driver::Rolling => ROLLING,
            Driver::Alb | Driver::Command => ALB,
        };
        let config = Config::read("drivers", text, Path::new(".")).unwrap_or_else(|wrong| panic!("{wrong}"));
        Self { clock, sim, cloud, config, dir: tempfile::tempdir().unwrap() }
    }

    pub(super) async fn plan(&self) -> Plan {
        let lineup = self.config.lineup("demo", None).unwrap();
        let context = self.config.context("demo", &lineup).unwrap();
        let survey = self.cloud.survey(context.targets[API].as_ref().unwrap()).await.unwrap();
        let version = Version("123456789012.dkr.ecr.eu-west-1.amazonaws.com/api:9ab03d7".to_owned());
        let request = Request {
            environment: "demo",
            components: &lineup,
            versions: &lineup.map(|_| version.clone()),
            serving: &lineup.map(|_| None),
            release: ReleaseId(1),
        };
        self.config.plan(&request, &Components::one(Some(survey))).unwrap()
    }

    pub(super) fn parts(&self, plan: &Plan) -> Parts {
        let settings = Settings {
            polls: Polls::default(),
            period: Duration::from_mins(1),
            redactor: Redactor::new([]),
            variables: BTreeMap::new(),
            is_demo: false,
            logs: LogFeed::Live,
        };
        let judge = Beside::new(plan.components[API].signals.clone()).with_requests(Live::of(plan, API));
        Parts {
            notifier: Arc::new(Nothing),
            clouds: Components::one(Arc::clone(&self.cloud)),
            web: Arc::new(web::InProcess(vec![self.sim.clone()])),
            journal: Box::new(SqliteJournal::open(&self.dir.path().join("journal.sqlite")).unwrap()),
            judges: Components::one(Box::new(judge) as Box<dyn Judge>),
            programs: Arc::new(Nothing),
            clock: self.clock,
            actor: Actor::new("maria", "bastion"),
            settings,
        }
    }

    pub(super) fn target(&self) -> Target {
        let lineup = self.config.lineup("demo", None).unwrap();
        self.config.context("demo", &lineup).unwrap().targets[API].clone().unwrap()
    }

    /// What somebody else deploys.
    pub(super) async fn sight(&self) -> Sight {
        self.cloud.deployments().afoot(&self.target()).await.unwrap()
    }

    /// The plan of the release that takes that over.
    pub(super) fn taking_over(&self, sight: &Sight, then: Then) -> Plan {
        let lineup = self.config.lineup("demo", None).unwrap();
        let request = Request {
            environment: "demo",
            components: &lineup,
            versions: &lineup.map(|_| sight.afoot.version.clone()),
            serving: &lineup.map(|_| None),
            release: ReleaseId(1),
        };
        let plan = self.config.plan(&request, &Components::one(Some(sight.survey.clone()))).unwrap();
        sight.afoot.plan(plan, then, None)
    }

    /// A release until it ends, or waits for somebody for three hours.
    pub(super) async fn release(&self) -> End {
        self.run(self.plan().await).await
    }

    /// The release of a plan, likewise.
    pub(super) async fn run(&self, plan: Plan) -> End {
        let (engine, hub, stop) = Engine::begin(&mut |_| plan.clone(), self.parts(&plan)).unwrap();
        let handle = hub.attach();
        let engine = tokio::spawn(engine.run());
        let mut waited = Duration::ZERO;
        while !engine.is_finished() && waited < Duration::from_hours(3) {
            tokio::time::sleep(Duration::from_secs(30)).await;
            waited += Duration::from_secs(30);
        }
        let release = Release::clone(&handle.snapshot.borrow().release);
        stop.stop();
        let release = engine.await.unwrap().map_or(release, |left| left.release);
        self.end(release)
    }

    pub(super) fn end(&self, release: Release) -> End {
        let (truth, changes) = self.sim.with(|world, _| (world.truth(), world.changes().to_vec()));
        End { release, truth, changes }
    }

    /// The share of the users that reach the new version, as the load balancer has it now.
    pub(super) fn serving(&self) -> Vec<(String, u32)> {
        let weights = self.sim.with(|world, _| world.current_weights());
        let serving = weights.into_iter().map(|(_, weights)| weights).find(|weights| !weights.is_empty());
        serving.unwrap_or_default()
    }

    /// What holds whatever the driver is.
    pub(super) fn check(&self, end: &End) {
        let weights = self.sim.with(|world, _| world.weight_history().to_vec());
        for change in weights.iter().filter(|change| change.weights.len() == 2) {
            let sum: u32 = change.weights.iter().map(|(_, weight)| weight).sum();
            assert_eq!(sum, 100, "the weights add up to 100: {change:?}");
        }
        let traffic = end.release.components[API].traffic;
        let is_whole = |group: &str| {
            let (healthy, _) = self.sim.with(|world, _| world.healthy_targets(group));
            healthy >= 5
        };
        match end.ending() {
            Some(Ending::Succeeded) => {
                assert_eq!(traffic.observed.map(Percent::get), Some(100), "{}", end.told());
            }
            Some(Ending::RolledBack) => {
                assert_eq!(traffic.observed.map(Percent::get), Some(0), "{}", end.told());
                assert!(is_whole(GROUPS[0]), "blue serves again: {}", end.told());
            }
            Some(Ending::Failed | Ending::Aborted) => assert_eq!(end.truth.new.requests, 0, "{}", end.told()),
            Some(Ending::RollbackFailed) | None => panic!("it came to no end: {}", end.told()),
        }
        // Once it goes back, nothing gives green more.
        if let Some(unwinding) = &end.release.unwinding {
            let after: Vec<u32> = weights
                .iter()
                .filter(|change| change.at > unwinding.since && change.weights.len() == 2)
                .filter_map(|change| change.weights.iter().find(|(group, _)| group == GROUPS[1]))
                .map(|(_, weight)| *weight)
                .collect();
            assert!(after.is_sorted_by(|earlier, later| earlier >= later), "{after:?} {}", end.told());
        }
    }
}
