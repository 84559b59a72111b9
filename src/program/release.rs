//! `cutover release` and `cutover attach`: an engine of its own, and a face on it.

use std::io::Write;
use std::time::Duration;

use color_eyre::eyre::{Result, WrapErr};

use super::back;
use super::doctor::Bedside;
use super::faces::{self, Manner};
use super::fleet::{self, Releases};
use super::launch::{self, New, Purpose, Running};
use super::promotion;
use super::{output, settings, who};
use crate::app::past::BackWish;
use crate::app::watch::TakeOver;
use crate::cli;
use crate::cli::{Attach, Globals, Release, Which};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::command::Actor;
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::ids::ComponentName;
use crate::domain::plan::Plan;
use crate::engine::socket::client::attach;
use crate::headless::{self, End, Headless};
use crate::journal::sqlite::SqliteJournal;
use crate::runtime::Leaving;

/// Begins a release and watches it.
pub(super) async fn run(globals: &Globals, arguments: &Release) -> Result<u8> {
    let config = settings::load(globals)?;
    let environment = &arguments.what.environment;
    let lineup = config.lineup(environment, arguments.what.component.as_deref())?;
    if let Some(from) = &arguments.from {
        // Seen here before an engine is started, and again by it.
        let file = settings::journal_file(&config);
        let journal = if file.exists() { SqliteJournal::open(&file)? } else { SqliteJournal::in_memory()? };
        promotion::find(&journal, &config, environment, &lineup, from)?;
    }
    let purpose = Purpose::Release(New {
        images: arguments.what.images.clone(),
        from: arguments.from.clone(),
        git_sha: arguments.git_sha.clone(),
    });
    let watching = Watching {
        headless: arguments.headless,
        detach: arguments.detach,
        timeout: arguments.timeout,
        approve: arguments.yes,
    };
    begin(globals, &config, environment, &lineup, &purpose, watching, say_promoted).await
}

/// Says what is taken from where.
fn say_promoted(plan: &Plan) -> Result<()> {
    for line in promotion::in_words(plan) {
        writeln!(output::out(), "takes {line}")?;
    }
    Ok(())
}

/// How a release that was just begun is watched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watching {
    /// Without a screen.
    pub(super) headless: crate::cli::Headless,
    /// Not at all.
    pub(super) detach: bool,
    /// How long, without a screen.
    pub(super) timeout: Option<Duration>,
    /// Phrases are typed, without a screen.
    pub(super) approve: bool,
}

/// Starts an engine for a new release and watches it; `say` is shown the plan first.
pub(super) async fn begin(
    globals: &Globals,
    config: &Config,
    environment: &str,
    lineup: &Components<ComponentName>,
    purpose: &Purpose,
    watching: Watching,
    say: impl FnOnce(&Plan) -> Result<()>,
) -> Result<u8> {
    let component = lineup[ComponentIndex::FIRST].to_string();
    // Read before anything begins: a release whose cockpit cannot be shown is better not begun.
    let manner = Manner::read(&config.screen)?;
    let socket = launch::start(globals, config, environment, &component, purpose)?;
    let handle = attach(&socket).await.wrap_err("failed to attach to the engine")?;
    let release = handle.snapshot.borrow().release.clone();
    say(&release.plan)?;
    if watching.detach {
        writeln!(
            output::out(),
            "{component} in {environment}: released by an engine of its own; `cutover attach` watches it"
        )?;
        return Ok(0);
    }
    let running = Running { handle, release };
    if watching.headless.headless {
        let style = faces::style(watching.headless.format);
        let actor = Box::pin(who::named(config, &running.release.plan)).await;
        follow(running, style, watching.approve, watching.timeout, actor).await
    } else {
        watch(globals, config, manner, running).await
    }
}

/// Watches a release that runs, or takes up one whose engine is gone.
pub(super) async fn attach_to(globals: &Globals, arguments: &Attach) -> Result<u8> {
    let config = settings::load(globals)?;
    let manner = Manner::read(&config.screen)?;
    let which = Which { environment: arguments.environment.clone(), component: arguments.component.clone() };
    let running = launch::join(globals, &config, &which).await?;
    watch(globals, &config, manner, running).await
}

/// Goes back to an earlier release of what `plan` released, and watches that.
pub(super) async fn go_back(globals: &Globals, config: &Config, plan: &Plan, wish: BackWish) -> Result<u8> {
    let manner = Manner::read(&config.screen)?;
    let running = back_from(globals, config, plan, wish).await?;
    watch(globals, config, manner, running).await
}

/// Takes over a deployment of somebody else's, and watches the release that it becomes.
pub(super) async fn take_over(
    globals: &Globals,
    config: &Config,
    environment: &str,
    component: &str,
    wish: TakeOver,
) -> Result<u8> {
    let manner = Manner::read(&config.screen)?;
    let socket = launch::start(globals, config, environment, component, &Purpose::TakeOver(wish))?;
    let handle = attach(&socket).await.wrap_err("failed to attach to the engine")?;
    let release = handle.snapshot.borrow().release.clone();
    watch(globals, config, manner, Running { handle, release }).await
}

/// Follows a release that runs without a screen, or takes up one whose engine is gone.
pub(super) async fn follow_to_end(
    globals: &Globals,
    which: &Which,
    headless: cli::Headless,
    timeout: Option<Duration>,
) -> Result<u8> {
    let config = settings::load(globals)?;
    let running = launch::join(globals, &config, which).await?;
    let actor = Box::pin(who::named(&config, &running.release.plan)).await;
    follow(running, faces::style(headless.format), false, timeout, actor).await
}

async fn back_from(globals: &Globals, config: &Config, plan: &Plan, wish: BackWish) -> Result<Running> {
    let (environment, component) = (plan.environment.as_str(), plan.components[ComponentIndex::FIRST].name.as_str());
    let socket = launch::start(globals, config, environment, component, &Purpose::Back(wish.into()))?;
    let handle = attach(&socket).await.wrap_err("failed to attach to the engine")?;
    let release = handle.snapshot.borrow().release.clone();
    Ok(Running { handle, release })
}

async fn watch(globals: &Globals, config: &Config, manner: Manner, running: Running) -> Result<u8> {
    let (mut manner, mut running) = (manner, running);
    loop {
        let plan = running.release.plan.clone();
        let access = faces::access_of_config(config, plan.environment.as_str());
        let handle = who::introduce(running.handle, config, &plan);
        let past = Box::new(back::Shelf::of(config, &plan));
        let doctor = Box::new(Bedside::new(config, &plan.environment));
        let actor = Box::pin(who::named(config, &plan)).await;
        let fleet = fleet::feed(config, None, Releases::Kept, fleet::connect(Clock::system()), Clock::system())?;
        let fitted = manner.with_past(past).with_doctor(doctor).with_fleet(fleet);
        let shown = faces::cockpit(handle, fitted, access, Clock::system(), actor, false);
        let left = Box::pin(shown).await?;
        if let Some(wish) = left.back {
            (manner, running) = (Manner::read(&config.screen)?, back_from(globals, config, &plan, wish).await?);
            continue;
        }
        if left.release.ended.is_none() && left.by != Leaving::Crash {
            let release = launch::describe(&left.release);
            if left.is_engine_lost {
                writeln!(output::out(), "The engine of {release} is gone; `cutover attach` takes it up again.")?;
            } else {
                writeln!(
                    output::out(),
                    "Detached. {release} goes on in its engine; `cutover attach` watches it again."
                )?;
            }
        }
        return Ok(faces::code(&left));
    }
}

async fn follow(
    running: Running,
    style: headless::Style,
    approve: bool,
    timeout: Option<Duration>,
    actor: Actor,
) -> Result<u8> {
    let run = Headless { style, approve, timeout, actor, clock: Clock::system() };
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
