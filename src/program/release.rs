//! `cutover release` and `cutover attach`: an engine of its own, and a face on it.

use std::io::Write;
use std::time::Duration;

use color_eyre::eyre::{Result, WrapErr};

use super::faces::{self, Manner};
use super::launch::{self, Purpose, Running};
use super::{output, settings, who};
use crate::cli::{Attach, Globals, Release, Which};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::components::ComponentIndex;
use crate::engine::run::this_actor;
use crate::engine::socket::client::attach;
use crate::headless::{self, End, Headless};
use crate::runtime::Leaving;

/// Begins a release and watches it.
pub(super) async fn run(globals: &Globals, arguments: &Release) -> Result<u8> {
    let config = settings::load(globals)?;
    let environment = &arguments.what.environment;
    let lineup = config.lineup(environment, arguments.what.component.as_deref())?;
    let component = lineup[ComponentIndex::FIRST].to_string();
    // Read before anything begins: a release whose cockpit cannot be shown is better not begun.
    let manner = Manner::read(&config.screen)?;
    let purpose = Purpose::Release(arguments.what.images.clone());
    let socket = launch::start(globals, &config, environment, &component, &purpose)?;
    if arguments.detach {
        writeln!(
            output::out(),
            "{component} in {environment}: released by an engine of its own; `cutover attach` watches it"
        )?;
        return Ok(0);
    }
    let handle = attach(&socket).await.wrap_err("failed to attach to the engine")?;
    let release = handle.snapshot.borrow().release.clone();
    let running = Running { handle, release };
    if arguments.headless.headless {
        let style = faces::style(arguments.headless.format);
        follow(running, style, arguments.yes, arguments.timeout).await
    } else {
        watch(&config, manner, running).await
    }
}

/// Watches a release that runs, or takes up one whose engine is gone.
pub(super) async fn attach_to(globals: &Globals, arguments: &Attach) -> Result<u8> {
    let config = settings::load(globals)?;
    let manner = Manner::read(&config.screen)?;
    let which = Which { environment: arguments.environment.clone(), component: arguments.component.clone() };
    let running = launch::join(globals, &config, &which).await?;
    watch(&config, manner, running).await
}

async fn watch(config: &Config, manner: Manner, running: Running) -> Result<u8> {
    let access = faces::access_of_config(config, running.release.plan.environment.as_str());
    let handle = who::introduce(running.handle, config, &running.release.plan);
    let left = faces::cockpit(handle, manner, access, Clock::system(), this_actor(), false).await?;
    if left.release.ended.is_none() && left.by != Leaving::Crash {
        let release = launch::describe(&left.release);
        if left.is_engine_lost {
            writeln!(output::out(), "The engine of {release} is gone; `cutover attach` takes it up again.")?;
        } else {
            writeln!(output::out(), "Detached. {release} goes on in its engine; `cutover attach` watches it again.")?;
        }
    }
    Ok(faces::code(&left))
}

async fn follow(running: Running, style: headless::Style, approve: bool, timeout: Option<Duration>) -> Result<u8> {
    let run = Headless { style, approve, timeout, actor: this_actor(), clock: Clock::system() };
    let mut out = output::out();
    let seen = running.handle.snapshot.clone();
    let followed = headless::follow(running.handle, run, &mut out);
    tokio::select! {
        end = followed => {
            let end = end?;
            if end == End::EngineLost {
                output::tell("the engine is gone; `cutover attach` takes the release up again");
            }
            Ok(end.code())
        }
        () = output::interrupted() => {
            let snapshot = std::sync::Arc::clone(&seen.borrow());
            if headless::Printer::new(style).left_in_hold(&snapshot, &mut output::out())? {
                return Ok(snapshot.release.exit_code());
            }
            output::tell("detached; the release goes on, `cutover attach` watches it");
            Ok(output::DETACHED)
        }
    }
}
