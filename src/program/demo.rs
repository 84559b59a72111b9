//! `cutover demo`: the real engine, SDK and journal against the simulated AWS, all in this process.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;

use color_eyre::eyre::{Result, WrapErr};

use super::channels::{self, Means};
use super::faces::{self, Manner};
use super::parts::{Planner, Wanted, parts};
use super::{output, rehearsal, settings};
use crate::cli::{Demo, Globals};
use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::cloud::aws::Aws;
use crate::config::Config;
use crate::domain::ids::{EnvironmentName, Version};
use crate::domain::origin::Origin;
use crate::domain::time::Timestamp;
use crate::engine::run::{Engine, this_actor};
use crate::headless::{self, Headless};
use crate::journal::sqlite::SqliteJournal;
use crate::notify::http::Http;
use crate::sim::app::AppServer;
use crate::sim::{APP_DOMAIN, Scenario, Sim};
use crate::web::client::Client;

/// The configuration that the demo runs: the example that every user starts from.
const CONFIG: &str = include_str!("../../config.example.toml");

/// The environment of the example that the demo releases to.
const ENVIRONMENT: &str = "demo";

/// When every demo begins, whatever the time is: a Thursday in March 2026, 14:00 UTC. What is measured, and with it what
/// happens, depends on where minutes begin and on the time of day.
const BEGINNING: Timestamp = Timestamp::from_secs(1_773_324_000);

/// The version that is released.
const IMAGE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/api:9ab03d7";

/// What a build would have made in a rehearsal: the simulated application knows its version by the first digits.
const BUILT: &str = "sha256:9ab03d7000000000000000000000000000000000000000000000000000000000";

/// Runs the demo.
pub(super) async fn run(globals: &Globals, arguments: &Demo) -> Result<u8> {
    let scenario = scenario(&arguments.scenario)?;
    let clock = Clock::starting_at(BEGINNING, arguments.speed);
    let sim = Sim::new(scenario, arguments.seed, clock);
    let example = Config::read("config.example.toml", CONFIG, Path::new("."))
        .map_err(crate::config::ConfigError::Invalid)
        .wrap_err("failed to read the example configuration")?;
    let mut manner = Manner::of_flags(globals)?;
    let (config, environment) = if globals.config.is_some() {
        let mut own = settings::load(globals)?;
        manner = Manner::read(&own.screen)?;
        let environment = rehearsal::prepare(&mut own, &example, ENVIRONMENT, arguments.environment.as_deref())?;
        output::tell(&format!(
            "rehearsing {} in {environment}: against the simulated AWS, without its policy; its programs are named and not run",
            own.file
        ));
        (own, environment)
    } else if arguments.environment.is_some() {
        return Err(output::Refused::usage("--env is for a rehearsal of your own file: name it with --config"));
    } else {
        let mut example = example;
        tell_everybody(&mut example);
        (example, ENVIRONMENT.to_owned())
    };
    let lineup = config.lineup(&environment, None)?;
    let context = config.context(&environment, &lineup)?;
    let clouds = context.clusters.map(|cluster| -> Arc<dyn Cloud> {
        Arc::new(Aws::simulated(sim.http_client(), clock, &context.place.region, cluster))
    });
    let http = Http::new(sim.http_client(), clock);
    let versions = lineup.map(|_| Version(IMAGE.to_owned()));
    let serving = lineup.map(|_| None);
    let pinned = lineup.map(|_| None);
    let wanted =
        Wanted { environment, lineup, versions, serving, back: None, pinned, origin: Origin::Named, git_sha: None };
    let planner = Planner::new(config, wanted, &context, &clouds).await?;
    let app = sim.serve_app().await?;
    let means = Means { clouds, web: Arc::new(visitor(&app)), http, vault: channels::simulated };
    let actor = this_actor();
    let journal = Box::new(SqliteJournal::in_memory()?);
    let mut parts = parts(&planner.draft, &context, &means, journal, clock, actor.clone(), true);
    if globals.config.is_some() {
        parts.programs = rehearsal::programs(BUILT, clock);
    }
    let (engine, hub, stop) = Engine::begin(&mut |id| planner.plan(id), parts)?;
    let handle = hub.attach();
    let engine = tokio::spawn(engine.run());
    let code = if arguments.headless.headless {
        let style = faces::style(arguments.headless.format);
        let run = Headless { style, approve: true, timeout: None, actor, clock };
        match headless::follow(handle, run, &mut output::stdout()).await {
            // Its lines are all that it is for: when nobody reads them any more, it ends as it does for Ctrl-C.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => output::DETACHED,
            end => end?.code(),
        }
    } else {
        let access = faces::access_of_flags(globals);
        let left = faces::cockpit(handle, manner, access, clock, actor, arguments.exit_at_end).await?;
        let status = left.release.status().word();
        writeln!(output::out(), "The demo has ended with its screen; its release was {status}. Nothing goes on.")?;
        faces::code(&left)
    };
    stop.stop();
    engine.await.wrap_err("the engine was lost")??;
    Ok(code)
}

/// A client for the simulated application alone: its hosts are on this machine, and its authority is trusted. It begins
/// when the demo does, for the certificate holds then, and goes at the real pace however fast the demo goes, as the
/// application does.
fn visitor(app: &AppServer) -> Client {
    let doors = app.doors();
    let authority = app.authority().der.clone();
    Client::within(Clock::starting_at(BEGINNING, 1.0), authority, move |host, port| {
        let door = doors.iter().find(|(known, _)| *known == port).map(|(_, address)| *address);
        door.filter(|_| host.ends_with(APP_DOMAIN))
    })
}

/// The simulated receivers cost nothing and wake nobody: each of the example's channels is told.
fn tell_everybody(config: &mut Config) {
    let all: Vec<String> = config.channels.keys().cloned().collect();
    let environment = config.environments.get_mut(&EnvironmentName::from(ENVIRONMENT));
    for component in environment.into_iter().flat_map(|environment| environment.components.values_mut()) {
        component.notify.clone_from(&all);
    }
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
