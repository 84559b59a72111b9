//! `cutover engine`: one release in a process of its own, outside the terminal's session.
//!
//! It tells whoever started it, on standard output, that its socket is ready or why there will be none, and says nothing
//! there afterwards.

use std::io::Write;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use color_eyre::eyre::{Result, WrapErr};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use super::back::{self, Back, Wish};
use super::channels::{self, Means};
use super::launch::{self, Purpose};
use super::output::{self, Refused};
use super::parts::{Planner, Taking, Wanted, parts};
use super::{hold, lease, promotion, settings, versions, who};
use crate::cli;
use crate::clock::Clock;
use crate::cloud::aws::{Aws, Connection, https_client};
use crate::cloud::{Cloud, ErrorKind, Identity};
use crate::config::{Config, PlanContext};
use crate::domain::command::CommandKind;
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::foreign::Then;
use crate::domain::ids::{ComponentName, Version};
use crate::domain::origin::Origin;
use crate::domain::plan::Plan;
use crate::domain::policy::Deed;
use crate::engine::hub::Hub;
use crate::engine::lease::Tenure;
use crate::engine::run::{Engine, Left, Stop, this_actor};
use crate::engine::socket::Berth;
use crate::engine::socket::claim::{Claim, Holder};
use crate::engine::socket::server::Server;
use crate::journal::format::Unreadable;
use crate::journal::sqlite::SqliteJournal;
use crate::journal::{Journal, Summary};
use crate::notify::http::Http;
use crate::web::client::Client;

/// After the end, faces that are still attached get this long to see it.
const LAST_LOOK: Duration = Duration::from_secs(30);

/// After the end, whoever began the release and is not yet attached gets this long to come.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// How often, and after how long each time, it is looked again whether an engine whose release has ended has let go.
const PARTING: u32 = 100;
const PARTING_LOOK: Duration = Duration::from_millis(100);

/// What the engine tells whoever started it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Word {
    /// Faces may attach.
    Ready,
    /// There will be no engine.
    Refused {
        /// Exit code for it.
        code: u8,
        /// Why.
        message: String,
    },
}

/// Runs the engine.
pub(super) async fn run(globals: &cli::Globals, arguments: &cli::Engine) -> Result<u8> {
    // A terminal that hangs up takes its session along: the engine is not part of it. Failing means that it already
    // leads one.
    let _leads_already = rustix::process::setsid();
    let mut gone = None;
    let mut tenure = None;
    match Box::pin(begin(globals, arguments, &mut gone, &mut tenure)).await {
        Ok(running) => {
            say(&Word::Ready)?;
            hush()?;
            running.run().await
        }
        Err(report) => {
            if let Some(tenure) = tenure {
                tenure.give_back().await;
            }
            let code = output::code_of(&report);
            let mut message = output::in_words(&report);
            if let Some(Err(why)) = gone.map(|held| watch_again(globals, &held)) {
                message.push_str(&format!("\n  and {}", output::in_words(&why)));
            }
            say(&Word::Refused { code, message })?;
            Ok(code)
        }
    }
}

/// Gives an earlier release an engine again, whose own was asked to go for a new one that then was not begun: while it
/// keeps blue warm, somebody must be there to take it back when an alarm fires.
fn watch_again(globals: &cli::Globals, held: &Summary) -> Result<()> {
    let config = settings::load(globals)?;
    if SqliteJournal::open(&settings::journal_file(&config))?.find(held.id)?.ended {
        return Ok(());
    }
    let component = held.plan.components[ComponentIndex::FIRST].name.as_str();
    let again = Purpose::Recover(held.id.0);
    launch::start(globals, &config, held.plan.environment.as_str(), component, &again)
        .wrap_err_with(|| format!("release {} has no engine now; `cutover attach` starts one", held.id))?;
    Ok(())
}

fn say(word: &Word) -> Result<()> {
    let mut out = output::out();
    writeln!(out, "{}", serde_json::to_string(word)?)?;
    Ok(out.flush()?)
}

/// Lets go of standard output: whoever started the engine waits for its end there.
fn hush() -> Result<()> {
    let nowhere = std::fs::File::options().write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdout(nowhere.as_fd()).wrap_err("failed to let go of standard output")
}

struct Running {
    engine: Engine,
    hub: Hub,
    stop: Stop,
    server: Server,
    /// Engines of releases that have ended, for the messages that they still owe.
    owing: Vec<Engine>,
    claims: Vec<Claim>,
    /// The leases, where hosts share a table for them.
    tenure: Option<Arc<Tenure>>,
}

/// `gone` is the release whose engine was asked to go, if there was one; `tenure` the leases, once they are taken.
async fn begin(
    globals: &cli::Globals,
    arguments: &cli::Engine,
    gone: &mut Option<Summary>,
    tenure: &mut Option<Arc<Tenure>>,
) -> Result<Running> {
    let config = settings::load(globals)?;
    let clock = Clock::system();
    let mut actor = this_actor();
    let environment = arguments.environment.clone();
    let berth = Berth::below(&config.engine.journal);
    berth.prepare().wrap_err("failed to prepare the engine's directory")?;
    let file = settings::journal_file(&config);
    let mut journal = SqliteJournal::open(&file)?;
    let lineup = match arguments.recover {
        // Those that it was begun with, whatever the configuration says by now.
        Some(id) => journal.find(id)?.plan.components.map(|planned| planned.name.clone()),
        // What somebody else deploys is one component, whatever is released together with it.
        None if arguments.take_over.is_some() => {
            Components::one(config.component(&environment, arguments.component.as_deref())?.0.clone())
        }
        None => config.lineup(&environment, arguments.component.as_deref())?,
    };
    let component = lineup[ComponentIndex::FIRST].to_string();
    let context = config.context(&environment, &lineup)?;
    if context.read_only {
        return Err(Refused::policy(format!("{environment} is read-only: nothing is released from here")));
    }
    let holder = Holder {
        what: format!("a release of {component} in {environment}"),
        name: actor.name.clone(),
        host: actor.host.clone(),
        pid: std::process::id(),
        since: clock.now(),
    };
    let (clouds, identity) = connect(&context, clock).await?;
    actor.arn = if context.role.is_none() { identity.map(|it| it.arn) } else { who::own_arn(&context).await };
    let http = Http::new(https_client(), clock);
    let means = Means { clouds, web: Arc::new(Client::new(clock)), http, vault: channels::kept };
    let planner = async |journal: &SqliteJournal, back: Option<Back>| {
        let goes_back = back.is_some() || arguments.then == Some(Then::Back);
        let deed = if goes_back { Deed::Order(CommandKind::Rollback) } else { Deed::Release };
        let wanted = wanted(arguments, &config, journal, &lineup, back)?;
        let planner = Planner::new(config.clone(), wanted, &context, &means.clouds).await?;
        planner.draft.lets(deed, actor.arn.as_deref()).map_err(Refused::policy)?;
        Ok::<_, color_eyre::Report>(planner)
    };
    // Going back to an earlier release leaves a warm hold alone: taking back the release that holds is quicker. For a new
    // one, whatever can be refused is refused before the engine that keeps blue warm is asked to go.
    let is_fresh = arguments.recover.is_none() && arguments.back_to.is_none();
    if let Some(held) = before(&journal, &environment, &lineup).ok().flatten().filter(|_| is_fresh) {
        planner(&journal, None).await?;
        *gone = Some(held.summary().clone());
        hold::give_way(&berth, &environment, &lineup).await;
    }
    let mut waited = 0;
    let claims = loop {
        match claims(&berth, &environment, &lineup, &context, &holder) {
            Ok(claims) => break claims,
            // An engine whose release has ended lets go as soon as everybody has been told.
            Err(_) if waited < PARTING && settings::unfinished(&journal, |_| false)?.is_empty() => {
                waited += 1;
                tokio::time::sleep(PARTING_LOOK).await;
            }
            Err(error) => return Err(error),
        }
    };
    let cloud = &means.clouds[ComponentIndex::FIRST];
    *tenure = lease::take(&berth, &environment, &lineup, &context, cloud, &holder, clock).await?;
    actor.lease = tenure.as_ref().map(|tenure| tenure.number());
    let (engine, hub, stop) = match arguments.recover {
        Some(id) => {
            let plan = journal.find(id)?.plan;
            let parts = parts(&plan, &context, &means, Box::new(journal), clock, actor.clone(), false);
            Engine::recover(id, parts)?
        }
        None => {
            let back = back_wish(arguments)
                .map(|wish| {
                    back::refuse_running(&journal, &environment, &lineup)?;
                    let back = back::find(&journal, &environment, &lineup, wish)?;
                    back::agree(&back).map(|()| back)
                })
                .transpose()?;
            let held = before(&journal, &environment, &lineup)?;
            let mut planned = planner(&journal, back.clone()).await?;
            // Once it is known that the new release can be planned, and may be begun.
            if let Some(held) = &held {
                let socket = berth.socket(&environment, &component);
                let successor = hold::Successor {
                    lineup: &lineup,
                    context: &context,
                    means: &means,
                    clock,
                    actor: &actor,
                    socket,
                    tenure: tenure.as_ref(),
                };
                successor.end(&mut journal, || Ok(SqliteJournal::open(&file)?), held).await?;
                planned = planner(&journal, back.clone()).await?;
            }
            let planner = planned;
            let parts = parts(&planner.draft, &context, &means, Box::new(journal), clock, actor.clone(), false);
            Engine::begin(&mut |id| planner.plan(id), parts)?
        }
    };
    let mut owing = Vec::new();
    // Only of the same line-up: what is known here of another's components is not enough to run its engine.
    let is_same = |plan: &Plan| {
        plan.components.count() == lineup.count()
            && lineup.iter().all(|(_, name)| is_of(plan, &environment, name.as_str()))
    };
    for summary in settings::owing(&SqliteJournal::open(&file)?, clock.now(), is_same)? {
        if arguments.recover != Some(summary.id) {
            let journal = Box::new(SqliteJournal::open(&file)?);
            let parts = parts(&summary.plan, &context, &means, journal, clock, actor.clone(), false);
            owing.push(Engine::recover(summary.id, parts)?.0);
        }
    }
    let server =
        Server::bind(&berth.socket(&environment, &component)).wrap_err("failed to open the engine's socket")?;
    let engine = engine.under(tenure.clone());
    Ok(Running { engine, hub, stop, server, owing, claims, tenure: tenure.clone() })
}

/// What is released, however that was said.
fn wanted(
    arguments: &cli::Engine,
    config: &Config,
    journal: &SqliteJournal,
    lineup: &Components<ComponentName>,
    back: Option<Back>,
) -> Result<Wanted> {
    let environment = arguments.environment.clone();
    let serving = versions::serving(journal, &environment, lineup)?;
    let lead = arguments.component.as_deref();
    let (mut pinned, mut origin, mut git_sha) = (lineup.map(|_| None), Origin::Named, arguments.git_sha.clone());
    let versions = if let Some(back) = &back {
        git_sha.clone_from(&back.way.git_sha);
        versions::kept(&back.way, lineup)?
    } else if let Some(from) = &arguments.from {
        let found = promotion::find(journal, config, &environment, lineup, from)?;
        (pinned, origin) = (found.pinned, found.origin);
        git_sha = git_sha.or(found.git_sha);
        found.versions
    } else if arguments.take_over.is_some() {
        // What is deployed says it.
        lineup.map(|_| Version::default())
    } else {
        versions::wanted(config, &environment, lineup, lead, &arguments.images)?
    };
    let foreign = taking(arguments);
    Ok(Wanted { environment, lineup: lineup.clone(), versions, serving, back, pinned, origin, git_sha, foreign })
}

fn taking(arguments: &cli::Engine) -> Option<Taking> {
    let (then, reason) = (arguments.then.unwrap_or_default(), arguments.reason.clone());
    arguments.take_over.as_ref().map(|deployment| Taking { deployment: Some(deployment.clone()), then, reason })
}

fn back_wish(arguments: &cli::Engine) -> Option<Wish> {
    let (reason, leave_migrations) = (arguments.reason.clone(), arguments.leave_migrations);
    arguments.back_to.map(|to| Wish { to, reason, leave_migrations })
}

/// Takes hold of everything that is released, or of nothing: whoever releases one of these together with others holds it
/// just as well.
fn claims(
    berth: &Berth,
    environment: &str,
    lineup: &Components<ComponentName>,
    context: &PlanContext,
    holder: &Holder,
) -> Result<Vec<Claim>> {
    let resource = |(of, name): (ComponentIndex, &ComponentName)| match &context.targets[of] {
        Some(target) => target.rule.clone(),
        None => format!("{environment}/{name}"),
    };
    let claims = lineup.iter().map(resource).map(|resource| Claim::take(&berth.lock(&resource), holder));
    claims.collect::<Result<_, _>>().map_err(|error| Refused::policy(error.to_string()))
}

/// Connects for each component, and makes sure that it is the right account before anything else. Where nothing is on ECS
/// there may be no credentials: whatever asks AWS all the same says so itself.
pub(super) async fn connect(
    context: &PlanContext,
    clock: Clock,
) -> Result<(Components<Arc<dyn Cloud>>, Option<Identity>)> {
    let (first, identity) = connect_to(&context.clusters[ComponentIndex::FIRST], context, clock).await?;
    let mut clouds = vec![first];
    for (_, cluster) in context.clusters.iter().skip(1) {
        clouds.push(connect_to(cluster, context, clock).await?.0);
    }
    Ok((Components::try_from(clouds)?, identity))
}

pub(super) async fn connect_to(
    cluster: &str,
    context: &PlanContext,
    clock: Clock,
) -> Result<(Arc<dyn Cloud>, Option<Identity>)> {
    let aws = Aws::connect(Connection {
        region: context.place.region.clone(),
        cluster: cluster.to_owned(),
        profile: context.profile.clone(),
        role_arn: context.role.clone(),
        http: None,
        clock,
    })
    .await;
    let identity = aws.identity().await;
    let is_on_ecs = context.targets.iter().any(|(_, target)| target.is_some());
    let identity = match identity {
        // There are none, or they have ended.
        Err(error) if error.kind == ErrorKind::Expired && !is_on_ecs => return Ok((Arc::new(aws), None)),
        identity => identity.wrap_err("failed to find out whose credentials these are")?,
    };
    if identity.account != context.place.account {
        return Err(Refused::policy(format!(
            "these credentials are of account {} ({}), and the environment is account {}; choose another profile or role",
            identity.account, identity.arn, context.place.account
        )));
    }
    Ok((Arc::new(aws), Some(identity)))
}

/// The release that has not ended and that a new one may take the place of, because it only keeps blue warm.
///
/// # Errors
///
/// When one has more to do: it comes before a new one.
fn before(
    journal: &SqliteJournal,
    environment: &str,
    lineup: &Components<ComponentName>,
) -> Result<Option<hold::Holding>> {
    let mut held = None;
    let is_meant =
        |other: &Unreadable| lineup.iter().any(|(_, name)| other.is_of(Some(environment), Some(name.as_str())));
    for summary in settings::unfinished(journal, is_meant)? {
        let Some((_, name)) = lineup.iter().find(|(_, name)| is_of(&summary.plan, environment, name.as_str())) else {
            continue;
        };
        let holding = hold::holding(journal, &summary, environment, lineup)?;
        if holding.is_none() || held.is_some() {
            return Err(Refused::policy(format!(
                "release {} of {name} in {environment} has not ended: it is {}; `cutover attach` goes on with it",
                summary.id, summary.status
            )));
        }
        held = holding;
    }
    Ok(held)
}

fn is_of(plan: &Plan, environment: &str, component: &str) -> bool {
    plan.environment.as_str() == environment && plan.releases(component)
}

impl Running {
    async fn run(self) -> Result<u8> {
        let Self { engine, hub, stop, server, owing, claims, tenure } = self;
        let mut telling: JoinSet<_> = owing.into_iter().map(Engine::run).collect();
        let mut faces = server.faces();
        let server = tokio::spawn(server.serve(hub));
        // The terminal is gone for good; only being asked to end ends the engine, and the release stays where it is. One
        // that goes back is taken back first: whoever asked may have read it before the way back was begun.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let _never_heeded = signal(SignalKind::hangup())?;
        let stopper = tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => stop.stop_once_not_needed(),
                _ = interrupt.recv() => return stop.stop(),
            }
            let _asked = interrupt.recv().await;
            stop.stop();
        });
        let ran = engine.run().await;
        stopper.abort();
        match &ran {
            Ok(Left { release, .. }) if release.ended.is_some() => {
                // It changes nothing any more: a release that is to follow does not wait for those who still look.
                if let Some(tenure) = &tenure {
                    tenure.give_back().await;
                }
                drop(claims);
                let _nobody_came = tokio::time::timeout(FIRST_LOOK, faces.came()).await;
                let _still_there = tokio::time::timeout(LAST_LOOK, faces.gone()).await;
                // Each ends by itself, once everything is told or after its last words.
                while telling.join_next().await.is_some() {}
            }
            Ok(Left { stood_down: None, .. }) => {}
            // Whoever is there is shown why it ends.
            Ok(_) | Err(_) => drop(tokio::time::timeout(FIRST_LOOK, faces.gone()).await),
        }
        server.abort();
        // Awaited so that the socket is removed before the process ends.
        let _aborted = server.await;
        let left = ran?;
        match left.stood_down {
            Some(why) => Err(Refused::policy(why)),
            None => Ok(left.release.exit_code()),
        }
    }
}
