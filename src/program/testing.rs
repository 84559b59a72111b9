//! Whole releases by this program's own parts against the simulated AWS, in one process and on paused time.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::channels::{self, Means};
use super::parts::{Planner, Wanted, parts};
use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::cloud::aws::Aws;
use crate::config::{Config, PlanContext};
use crate::domain::check::{Fetched, NoAnswer, Request};
use crate::domain::command::Actor;
use crate::domain::components::Components;
use crate::domain::ids::{ComponentName, Version};
use crate::domain::origin::Origin;
use crate::domain::release::Release;
use crate::domain::time::Timestamp;
use crate::engine::run::Engine;
use crate::engine::{Exit, Heard, Program, Programs};
use crate::journal::sqlite::SqliteJournal;
use crate::notify::http::Http;
use crate::sim::world::Change;
use crate::sim::{Scenario, Sim};
use crate::web::Web;

/// The configuration that users start from.
pub(super) const EXAMPLE: &str = include_str!("../../config.example.toml");

/// An image that the simulated registry has.
pub(super) const IMAGE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/api:9ab03d7";

/// Friday, 20 November 2026, 8:00 UTC.
pub(super) const START: Timestamp = Timestamp::from_secs(1_795_161_600);

/// A configuration in the simulated AWS, and what is released there.
pub(super) struct Shop {
    pub(super) sim: Sim,
    pub(super) config: Config,
    pub(super) environment: &'static str,
    pub(super) lineup: Components<ComponentName>,
    pub(super) context: PlanContext,
    pub(super) clouds: Components<Arc<dyn Cloud>>,
}

impl Shop {
    /// `config` in the environment `environment`, in a scenario that comes along or is written out.
    pub(super) fn of(config: &str, environment: &'static str, scenario: &str) -> Self {
        let clock = Clock::starting_at(START, 1.0);
        let scenario = Scenario::named(scenario).or_else(|_| Scenario::parse("test", scenario));
        let sim = Sim::new(scenario.unwrap_or_else(|wrong| panic!("{wrong}")), 11, clock);
        let config = Config::read("cutover.toml", config, Path::new(".")).unwrap_or_else(|wrong| panic!("{wrong}"));
        let lineup = config.lineup(environment, None).unwrap();
        let context = config.context(environment, &lineup).unwrap();
        let clouds = context.clusters.map(|cluster| -> Arc<dyn Cloud> {
            Arc::new(Aws::simulated(sim.http_client(), clock, &context.place.region, cluster))
        });
        Self { sim, config, environment, lineup, context, clouds }
    }

    /// Releases an image, to the end.
    pub(super) async fn release(&self, image: &str) -> Release {
        let clock = self.sim.clock();
        let wanted = Wanted {
            environment: self.environment.to_owned(),
            lineup: self.lineup.clone(),
            versions: self.lineup.map(|_| Version(image.to_owned())),
            serving: self.lineup.map(|_| None),
            back: None,
            pinned: self.lineup.map(|_| None),
            origin: Origin::Named,
            git_sha: None,
            foreign: None,
        };
        let planner = Planner::new(self.config.clone(), wanted, &self.context, &self.clouds).await.unwrap();
        let http = Http::new(self.sim.http_client(), clock);
        let means = Means { clouds: self.clouds.clone(), web: Arc::new(NoWeb), http, vault: channels::simulated };
        let journal = Box::new(SqliteJournal::in_memory().unwrap());
        let actor = Actor::new("maria", "bastion");
        let mut parts = parts(&planner.draft, &self.context, &means, journal, clock, actor, false);
        parts.programs = Arc::new(Obedient);
        let (engine, _hub, _stop) = Engine::begin(&mut |id| planner.plan(id), parts).unwrap();
        let left = tokio::time::timeout(Duration::from_hours(6), engine.run()).await;
        left.expect("the release ends").unwrap().release
    }

    /// Everything that was changed in the account so far.
    pub(super) fn changes(&self) -> Vec<Change> {
        self.sim.with(|world, _| world.changes().to_vec())
    }
}

/// Nothing is reached.
struct NoWeb;

#[async_trait]
impl Web for NoWeb {
    async fn fetch(&self, request: &Request, _timeout: Duration) -> Result<Fetched, NoAnswer> {
        panic!("{} was asked", request.url)
    }
}

/// Programs that all end well.
struct Obedient;

#[async_trait]
impl Programs for Obedient {
    async fn run(&self, _program: &Program, _heard: mpsc::Sender<Heard>) -> Result<Exit, String> {
        Ok(Exit { code: Some(0) })
    }
}
