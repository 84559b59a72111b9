//! A simulated world in which the example's component is released by a pipeline of a test's own.

#[path = "web.rs"]
mod web;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cutover::clock::Clock;
use cutover::cloud::aws::Aws;
use cutover::cloud::{Cloud, Survey};
use cutover::config::{Config, Request};
use cutover::domain::command::Actor;
use cutover::domain::components::{ComponentIndex, Components};
use cutover::domain::ids::{ReleaseId, Version};
use cutover::domain::plan::Plan;
use cutover::domain::redact::Redactor;
use cutover::domain::time::Timestamp;
use cutover::engine::Programs;
use cutover::engine::settings::{LogFeed, Parts, Polls, Settings};
use cutover::journal::Journal;
use cutover::judge::Judge;
use cutover::judge::threshold::Threshold;
use cutover::notify::Channels;
use cutover::sim::{Scenario, Sim};

const CONFIG: &str = include_str!("../../config.example.toml");

/// Friday, 9 o'clock in Zurich.
pub(crate) const START: Timestamp = Timestamp::from_secs(1_795_161_600);

/// The world, the way to it, and the configuration.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) sim: Sim,
    pub(crate) cloud: Arc<dyn Cloud>,
    config: Config,
}

impl Place {
    /// `world` is a scenario or its name. `pipeline` is the text of a pipeline `own`; empty leaves the example's.
    pub(crate) fn new(world: &str, pipeline: &str) -> Self {
        let clock = Clock::starting_at(START, 1.0);
        let scenario = Scenario::named(world).or_else(|_| Scenario::parse("test", world)).unwrap();
        let sim = Sim::new(scenario, 11, clock);
        let cloud: Arc<dyn Cloud> = Arc::new(Aws::simulated(sim.http_client(), clock, "eu-west-1", "shop"));
        let name = if pipeline.is_empty() { "standard" } else { "own" };
        let text = CONFIG.replacen("pipeline = \"standard\"", &format!("pipeline = \"{name}\""), 1) + pipeline;
        let config =
            Config::read("config.example.toml", &text, Path::new(".")).unwrap_or_else(|wrong| panic!("{wrong}"));
        Self { sim, cloud, config }
    }

    /// How the services stand now.
    pub(crate) async fn survey(&self) -> Survey {
        let context = self.config.context("demo", &self.config.lineup("demo", None).unwrap()).unwrap();
        self.cloud.survey(context.targets[ComponentIndex::FIRST].as_ref().unwrap()).await.unwrap()
    }

    /// The plan of releasing a version onto services that stand so.
    pub(crate) fn plan(&self, survey: Survey, version: &Version) -> Plan {
        let lineup = self.config.lineup("demo", None).unwrap();
        let request = Request {
            environment: "demo",
            components: &lineup,
            versions: &lineup.map(|_| version.clone()),
            serving: &lineup.map(|_| None),
            release: ReleaseId(1),
        };
        self.config.plan(&request, &Components::one(Some(survey))).unwrap()
    }

    /// The parts of an engine for it, which tells nobody.
    pub(crate) fn parts(&self, plan: &Plan, journal: Box<dyn Journal>, programs: Arc<dyn Programs>) -> Parts {
        let judge = Threshold::new(plan.components[ComponentIndex::FIRST].signals.clone());
        Parts {
            notifier: Arc::new(Channels::default()),
            clouds: Components::one(Arc::clone(&self.cloud)),
            web: Arc::new(web::InProcess(vec![self.sim.clone()])),
            journal,
            judges: Components::one(Box::new(judge) as Box<dyn Judge>),
            programs,
            clock: self.sim.clock(),
            actor: Actor::new("maria", "bastion"),
            settings: Settings {
                polls: Polls::default(),
                period: Duration::from_mins(1),
                redactor: Redactor::new([]),
                variables: BTreeMap::new(),
                logs: LogFeed::Polled,
                is_demo: false,
            },
        }
    }
}
