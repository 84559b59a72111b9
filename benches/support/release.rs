//! A release of the example configuration against the simulated AWS, put together as `cutover demo` does it.

mod web;

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use cutover::clock::Clock;
use cutover::cloud::Cloud;
use cutover::cloud::aws::Aws;
use cutover::config::{Config, Receiver, Request};
use cutover::domain::command::Actor;
use cutover::domain::components::{ComponentIndex, Components};
use cutover::domain::ids::{ReleaseId, Version};
use cutover::domain::plan::Plan;
use cutover::domain::redact::Redactor;
use cutover::engine::hub::Hub;
use cutover::engine::run::{Engine, Stop};
use cutover::engine::settings::{LogFeed, Parts, Polls, Settings};
use cutover::engine::{Exit, Heard, Program, Programs};
use cutover::journal::Journal;
use cutover::judge::Judge;
use cutover::judge::beside::Beside;
use cutover::judge::live::Live;
use cutover::notify::Channels;
use cutover::notify::sns::SnsChannel;
use cutover::sim::{Scenario, Sim};
use tokio::sync::mpsc;

use web::InProcess;

const CONFIG: &str = include_str!("../../config.example.toml");

/// The environment of the example that the simulated AWS has.
const ENVIRONMENT: &str = "demo";

/// The example's only component.
const API: ComponentIndex = ComponentIndex::FIRST;

const IMAGE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/api:9ab03d7";

/// What can go wrong while a release is put together.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// A release that is ready to run.
pub(crate) struct Staged {
    pub(crate) sim: Sim,
    pub(crate) cloud: Arc<dyn Cloud>,
    pub(crate) plan: Plan,
    pub(crate) settings: Settings,
    pub(crate) hub: Hub,
    pub(crate) engine: Engine,
    /// Dropping it stops nothing: the engine runs until the release has ended.
    pub(crate) stop: Stop,
}

/// Puts a release together; `adapt` may change its plan and its engine's settings first.
pub(crate) async fn stage(
    scenario: &str,
    clock: Clock,
    journal: Box<dyn Journal>,
    adapt: impl FnOnce(&mut Plan, &mut Settings),
) -> Result<Staged, Failure> {
    let sim = Sim::new(Scenario::named(scenario)?, 1, clock);
    let config =
        Config::read("config.example.toml", CONFIG, Path::new(".")).map_err(cutover::config::ConfigError::Invalid)?;
    let lineup = config.lineup(ENVIRONMENT, None)?;
    let context = config.context(ENVIRONMENT, &lineup)?;
    let (cluster, target) = (&context.clusters[API], context.targets[API].as_ref().ok_or("api has no services")?);
    let cloud: Arc<dyn Cloud> = Arc::new(Aws::simulated(sim.http_client(), clock, &context.place.region, cluster));
    let survey = cloud.survey(target).await?;
    let request = Request {
        environment: ENVIRONMENT,
        components: &lineup,
        versions: &lineup.map(|_| Version(IMAGE.to_owned())),
        serving: &lineup.map(|_| None),
        release: ReleaseId(1),
    };
    let mut plan = config.plan(&request, &Components::one(Some(survey)))?;
    let polls = context.polls;
    let mut settings = Settings {
        polls: Polls {
            weights: polls.weight,
            capacity: polls.capacity,
            alarms: polls.alarms,
            signals: polls.signals,
            logs: polls.logs,
            identity: polls.identity,
            ..Polls::default()
        },
        period: context.period,
        redactor: Redactor::default(),
        variables: std::collections::BTreeMap::new(),
        logs: LogFeed::Live,
        is_demo: false,
    };
    adapt(&mut plan, &mut settings);
    let mut channels = Channels::default();
    for (name, channel) in &context.channels {
        if let Receiver::Sns { topic } = &channel.receiver {
            channels.add(name, Arc::new(SnsChannel::new(Arc::clone(&cloud), topic.clone())));
        }
    }
    let parts = Parts {
        clouds: plan.components.map(|_| Arc::clone(&cloud)),
        web: Arc::new(InProcess(vec![sim.clone()])),
        journal,
        judges: plan.components.indexed(|of, component| -> Box<dyn Judge> {
            Box::new(Beside::new(component.signals.clone()).with_requests(Live::of(&plan, of)))
        }),
        notifier: Arc::new(channels),
        programs: Arc::new(AtOnce),
        clock,
        actor: Actor::new("maria", "bastion-1"),
        settings: settings.clone(),
    };
    let (engine, hub, stop) = Engine::begin(&mut |_| plan.clone(), parts)?;
    Ok(Staged { sim, cloud, plan, settings, hub, engine, stop })
}

/// Programs that end well the moment they start: a real one would take real time, and paused time would run away from it.
struct AtOnce;

#[async_trait]
impl Programs for AtOnce {
    async fn run(&self, _: &Program, _: mpsc::Sender<Heard>) -> Result<Exit, String> {
        Ok(Exit { code: Some(0) })
    }
}
