//! `cutover demo`: the real engine, SDK and journal against the simulated AWS, all in this process.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use color_eyre::eyre::{Result, WrapErr};

use super::faces::{self, Manner};
use super::output;
use super::parts::{Outside, Planner, Wanted, parts};
use crate::cli::{Demo, Globals};
use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::cloud::aws::Aws;
use crate::config::Config;
use crate::domain::ids::Version;
use crate::engine::run::{Engine, this_actor};
use crate::headless::{self, Headless};
use crate::journal::sqlite::SqliteJournal;
use crate::sim::app::AppServer;
use crate::sim::{APP_DOMAIN, Scenario, Sim};
use crate::web::client::Client;

/// The configuration that the demo runs: the example that every user starts from.
const CONFIG: &str = include_str!("../../config.example.toml");

/// The environment of the example that the demo releases to.
const ENVIRONMENT: &str = "demo";

/// The version that is released.
const IMAGE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/api:9ab03d7";

/// Runs the demo.
pub(super) async fn run(globals: &Globals, arguments: &Demo) -> Result<u8> {
    let scenario = scenario(&arguments.scenario)?;
    let clock = Clock::accelerated(arguments.speed);
    let sim = Sim::new(scenario, arguments.seed, clock);
    let config = Config::read("config.example.toml", CONFIG, Path::new("."))
        .map_err(crate::config::ConfigError::Invalid)
        .wrap_err("failed to read the example configuration")?;
    let context = config.context(ENVIRONMENT, None)?;
    let aws = Aws::simulated(sim.http_client(), clock, &context.place.region, &context.place.cluster);
    let cloud: Arc<dyn Cloud> = Arc::new(aws);
    let app = sim.serve_app().await?;
    let web = Arc::new(visitor(&app));
    let wanted = Wanted { environment: ENVIRONMENT.to_owned(), component: None, version: Version(IMAGE.to_owned()) };
    let planner = Planner::new(config, wanted, &context, cloud.as_ref()).await?;
    let actor = this_actor();
    let journal = Box::new(SqliteJournal::in_memory()?);
    let outside = Outside { cloud, web, journal };
    let parts = parts(&planner.draft, &context, outside, clock, actor.clone(), true);
    let (engine, hub, stop) = Engine::begin(&mut |id| planner.plan(id), parts)?;
    let handle = hub.attach();
    let engine = tokio::spawn(engine.run());
    let code = if arguments.headless.headless {
        let style = faces::style(arguments.headless.format);
        let run = Headless { style, approve: true, timeout: None, actor, clock };
        headless::follow(handle, run, &mut output::out()).await?.code()
    } else {
        let left = faces::cockpit(handle, Manner::of_flags(globals), clock, actor, arguments.exit_at_end).await?;
        let status = left.release.status().word();
        writeln!(output::out(), "The demo has ended with its screen; its release was {status}. Nothing goes on.")?;
        faces::code(&left)
    };
    stop.stop();
    engine.await.wrap_err("the engine was lost")??;
    Ok(code)
}

/// A client for the simulated application alone: its hosts are on this machine, and its authority is trusted. It keeps
/// real time, however fast the demo goes, as the application does.
fn visitor(app: &AppServer) -> Client {
    let doors = app.doors();
    let authority = app.authority().der.clone();
    Client::within(Clock::system(), authority, move |host, port| {
        let door = doors.iter().find(|(known, _)| *known == port).map(|(_, address)| *address);
        door.filter(|_| host.ends_with(APP_DOMAIN))
    })
}

/// A scenario that comes along, or a file.
pub(super) fn scenario(name: &str) -> Result<Scenario> {
    let is_file = name.contains('/') || Path::new(name).extension().is_some();
    if !is_file {
        return Ok(Scenario::named(name)?);
    }
    let text = std::fs::read_to_string(name)
        .map_err(|error| output::Refused::usage(format!("the scenario {name} cannot be read: {error}")))?;
    Ok(Scenario::parse(name, &text)?)
}
