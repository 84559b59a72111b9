//! `cutover demo`: the real engine, SDK and journal against the simulated AWS, all in this process.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;

use color_eyre::eyre::{Result, WrapErr};

use super::channels::{self, Means};
use super::doctor::Bedside;
use super::faces::{self, Manner};
use super::fleet::{self, Connect, Releases};
use super::parts::{Planner, Wanted, parts};
use super::{output, rehearsal, settings};
use crate::cli::{Demo, Globals};
use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::cloud::aws::Aws;
use crate::config::Config;
use crate::domain::ids::{EnvironmentName, Version};
use crate::domain::origin::Origin;
use crate::domain::plan::Driver;
use crate::domain::time::Timestamp;
use crate::engine::run::{Engine, this_actor};
use crate::headless::{self, Headless};
use crate::journal::sqlite::SqliteJournal;
use crate::notify::http::Http;
use crate::sim::app::AppServer;
use crate::sim::{APP_DOMAIN, Layout, Scenario, Sim};
use crate::web::Web;
use crate::web::client::Client;

/// The configuration that the demo runs: the example that every user starts from.
const CONFIG: &str = include_str!("../../config.example.toml");

/// The same release where ECS shifts traffic itself.
const NATIVE: &str = include_str!("../../assets/drivers/native.toml");

/// The same release where CodeDeploy shifts traffic.
const CODEDEPLOY: &str = include_str!("../../assets/drivers/codedeploy.toml");

/// The same release where ECS replaces the tasks of one service.
const ROLLING: &str = include_str!("../../assets/drivers/rolling.toml");

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
    let (file, text) = example(arguments.driver);
    let scenario = scenario(&arguments.scenario)?.laid_out(layout(arguments.driver));
    let clock = Clock::starting_at(BEGINNING, arguments.speed);
    let sim = Sim::new(scenario, arguments.seed, clock);
    let example = Config::read(file, text, Path::new("."))
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
    let shown_in = environment.clone();
    let lineup = config.lineup(&environment, None)?;
    let context = config.context(&environment, &lineup)?;
    let accounts = context
        .clusters
        .map(|cluster| Arc::new(Aws::simulated(sim.http_client(), clock, &context.place.region, cluster)));
    let clouds = accounts.map(|account| Arc::clone(account) as Arc<dyn Cloud>);
    let http = Http::new(sim.http_client(), clock);
    let versions = lineup.map(|_| Version(IMAGE.to_owned()));
    let serving = lineup.map(|_| None);
    let pinned = lineup.map(|_| None);
    let of_doctor = (config.clone(), environment.clone(), lineup.clone());
    let wanted = Wanted {
        environment,
        lineup,
        versions,
        serving,
        back: None,
        pinned,
        origin: Origin::Named,
        git_sha: None,
        foreign: None,
    };
    let places = config.clone();
    let planner = Planner::new(config, wanted, &context, &clouds).await?;
    let app = sim.serve_app().await?;
    let web: Arc<dyn Web> = Arc::new(visitor(&app));
    let doctor = {
        let (config, environment, lineup) = of_doctor;
        Bedside::simulated(&config, &environment, &lineup, &accounts, Arc::clone(&web), clock)
    };
    let means = Means { clouds, web, http, vault: channels::simulated };
    let actor = this_actor();
    let journal = Box::new(SqliteJournal::in_memory()?);
    let mut parts = parts(&planner.draft, &context, &means, journal, clock, actor.clone(), true);
    if globals.config.is_some() {
        parts.programs = rehearsal::programs(BUILT, clock);
        rehearsal::provide_flags(&sim, &planner.draft);
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
        let shown = Releases::Shown(handle.snapshot.clone());
        let manner = manner.with_fleet(fleet::feed(&places, Some(&shown_in), shown, simulated(&sim, clock), clock)?);
        let manner = manner.with_doctor(Box::new(doctor));
        let left = faces::cockpit(handle, manner, access, clock, actor, arguments.exit_at_end).await?;
        let status = left.release.status().word();
        writeln!(output::out(), "The demo has ended with its screen; its release was {status}. Nothing goes on.")?;
        faces::code(&left)
    };
    stop.stop();
    engine.await.wrap_err("the engine was lost")??;
    Ok(code)
}

/// Connects to the simulated AWS alone.
fn simulated(sim: &Sim, clock: Clock) -> Connect {
    let http = sim.http_client();
    Box::new(move |context, cluster| {
        let aws = Aws::simulated(http.clone(), clock, &context.place.region, &cluster);
        Box::pin(async move { Ok(Arc::new(aws) as Arc<dyn Cloud>) })
    })
}

/// The configuration that a driver's demo runs, and where it is kept.
fn example(driver: Driver) -> (&'static str, &'static str) {
    match driver {
        Driver::Alb | Driver::Command => ("config.example.toml", CONFIG),
        Driver::Native => ("assets/drivers/native.toml", NATIVE),
        Driver::CodeDeploy => ("assets/drivers/codedeploy.toml", CODEDEPLOY),
        Driver::Rolling => ("assets/drivers/rolling.toml", ROLLING),
    }
}

/// How the simulated services are laid out for a driver.
fn layout(driver: Driver) -> Layout {
    match driver {
        Driver::Alb | Driver::Command => Layout::TwoServices,
        Driver::Native => Layout::TwoRevisions,
        Driver::CodeDeploy => Layout::TwoTaskSets,
        Driver::Rolling => Layout::OneService,
    }
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
