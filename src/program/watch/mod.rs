//! `cutover watch`: a deployment that somebody else began, or what is wrong where none is under way.

mod inner;
mod lines;
mod triage;

#[cfg(test)]
mod tests;

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use color_eyre::eyre::Result;

use super::engine;
use super::faces::{self, Manner};
use super::fleet::{self, Releases};
use super::launch::{self, Purpose};
use super::output::{self, Refused};
use super::{back, release, settings, who};
use crate::app::watch::TakeOver;
use crate::cli::{Attach, Format, Globals, Headless, Watch, Which};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::foreign::Then;
use crate::domain::ids::ComponentName;
use crate::engine::run::this_actor;
use crate::program::doctor::Bedside;

pub(super) use inner::Watcher;

/// Watches, or takes over.
pub(super) async fn run(globals: &Globals, arguments: &Watch) -> Result<u8> {
    let config = settings::load(globals)?;
    let environment = arguments.environment.as_str();
    let name = config.component(environment, arguments.component.as_deref())?.0.clone();
    let which = Which { environment: Some(environment.to_owned()), component: Some(name.to_string()) };
    if let Some(own) = own(&config, &which).await? {
        if arguments.take_over.is_some() {
            return Err(Refused::policy(format!("{own} deploys it: there is nothing of somebody else's to take over")));
        }
        output::tell(&format!("{own} deploys it"));
        if writing(arguments).is_none() {
            let attach = Attach { environment: which.environment.clone(), component: which.component.clone() };
            return release::attach_to(globals, &attach).await;
        }
        return release::follow_to_end(globals, &which, headless(arguments), arguments.timeout).await;
    }
    let lineup = Components::one(name);
    let watcher = watcher(&config, environment, &lineup).await?;
    if let Some(then) = arguments.take_over {
        let wish = wanted(&watcher, arguments, then).await?;
        return take_over(globals, &config, &watcher, wish, arguments).await;
    }
    match writing(arguments) {
        Some(format) => {
            let mut out = output::out();
            let watched = lines::follow(&watcher, format, arguments.since, arguments.timeout, &mut out);
            tokio::select! {
                code = watched => code,
                () = output::interrupted() => Ok(output::DETACHED),
            }
        }
        None => show(globals, &config, watcher, arguments).await,
    }
}

/// How it is written, if there is no screen for it.
fn writing(arguments: &Watch) -> Option<Format> {
    arguments.writing().or_else(|| (!output::stdout().is_terminal()).then_some(arguments.format))
}

fn headless(arguments: &Watch) -> Headless {
    Headless { headless: writing(arguments).is_some(), format: writing(arguments).unwrap_or_default() }
}

/// A release of cutover's that is under way there, in a few words.
async fn own(config: &Config, which: &Which) -> Result<Option<String>> {
    let running = launch::running(config, which).await?;
    let own = running.iter().find(|running| running.release.ended.is_none());
    if let Some(own) = own {
        return Ok(Some(launch::describe(&own.release)));
    }
    let lost = launch::lost(config, which)?;
    Ok(lost.first().map(|lost| format!("release {} of {}", lost.id, lost.plan.components_named())))
}

async fn watcher(config: &Config, environment: &str, lineup: &Components<ComponentName>) -> Result<Watcher> {
    let context = config.context(environment, lineup)?;
    let clock = Clock::system();
    let (clouds, _) = engine::connect(&context, clock).await?;
    Ok(Watcher {
        config: config.clone(),
        environment: environment.to_owned(),
        lineup: lineup.clone(),
        context,
        clouds,
        clock,
        actor: this_actor(),
        journal: settings::journal_file(config),
    })
}

/// Which deployment is meant; says what will be done with it, and makes sure that it is meant.
async fn wanted(watcher: &Watcher, arguments: &Watch, then: Then) -> Result<TakeOver> {
    if let Some(why) = settings::read_only(&watcher.config, &watcher.environment) {
        return Err(Refused::policy(format!("{why}: nothing is taken over from here")));
    }
    let planned = watcher.plan(arguments.deployment.clone(), then, arguments.reason.clone()).await?;
    let Some(sight) = planned.sight.as_ref().filter(|sight| !sight.afoot.is_nothing()) else {
        return Err(Refused::with(
            output::NOTHING,
            "nothing is being deployed that could be taken over; `cutover watch` says what was, and `cutover rollback --to` goes back",
        ));
    };
    if let Some(obstacle) = &sight.obstacle {
        return Err(Refused::policy(format!("the deployment cannot be taken over: {obstacle}")));
    }
    let plan = &planned.draft;
    let mut out = output::out();
    let name = &plan.components[ComponentIndex::FIRST].name;
    writeln!(
        out,
        "{name} in {}: {} {}, green at {}",
        plan.environment, sight.afoot.strategy, sight.afoot.id, sight.afoot.weight
    )?;
    let stages: Vec<&str> = plan.stages.iter().map(|stage| stage.name.as_str()).collect();
    match then {
        Then::Back => writeln!(out, "  will: go back, all traffic to {}", plan.components[ComponentIndex::FIRST].from)?,
        Then::Judge | Then::GoOn => writeln!(out, "  will: {}, judged by its signals and alarms", stages.join(", "))?,
    }
    // What takes traffic away from green is never asked about.
    if then != Then::Back && !arguments.yes {
        agree(plan.environment.as_str())?;
    }
    Ok(TakeOver { deployment: sight.afoot.id.clone(), then, reason: arguments.reason.clone() })
}

fn agree(environment: &str) -> Result<()> {
    if !std::io::stdin().is_terminal() {
        return Err(Refused::policy("taking a deployment over lets it go on; say --yes if that is meant"));
    }
    write!(std::io::stderr(), "take it over in {environment}? [y/N] ")?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err(Refused::policy("not taken over")) }
}

async fn take_over(
    globals: &Globals,
    config: &Config,
    watcher: &Watcher,
    wish: TakeOver,
    arguments: &Watch,
) -> Result<u8> {
    let watching = release::Watching {
        headless: headless(arguments),
        detach: arguments.detach,
        timeout: arguments.timeout,
        approve: false,
    };
    let (environment, lineup) = (watcher.environment.as_str(), &watcher.lineup);
    release::begin(globals, config, environment, lineup, &Purpose::TakeOver(wish), watching, |_| Ok(())).await
}

/// Shows it in the cockpit; what somebody wants done from there is done by a release, which is shown next.
async fn show(globals: &Globals, config: &Config, watcher: Watcher, arguments: &Watch) -> Result<u8> {
    let manner = Manner::read(&config.screen)?;
    let clock = watcher.clock;
    let access = faces::access_of_config(config, &watcher.environment);
    let (environment, component) = (watcher.environment.clone(), watcher.lineup[ComponentIndex::FIRST].to_string());
    let watched = Arc::new(watcher).start(arguments.since).await?;
    let plan = watched.handle.snapshot.borrow().release.plan.clone();
    let actor = Box::pin(who::named(config, &plan)).await;
    let fleet = fleet::feed(config, None, Releases::Kept, fleet::connect(clock), clock)?;
    let doctor = Box::new(Bedside::new(config, &plan.environment));
    let manner = manner.with_past(Box::new(back::Shelf::of(config, &plan))).with_doctor(doctor).with_fleet(fleet);
    let left = Box::pin(faces::cockpit(watched.handle, manner, access, clock, actor, false)).await?;
    drop(watched.relay);
    if let Some(wish) = left.back {
        return release::go_back(globals, config, &left.release.plan, wish).await;
    }
    if let Some(wish) = left.take {
        return release::take_over(globals, config, &environment, &component, wish).await;
    }
    Ok(faces::code(&left))
}
