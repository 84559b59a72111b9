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

use super::output::{self, Refused};
use super::parts::{Outside, Planner, Wanted, parts};
use super::settings;
use crate::cli;
use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::cloud::aws::{Aws, Connection};
use crate::config::PlanContext;
use crate::domain::plan::Plan;
use crate::engine::hub::Hub;
use crate::engine::run::{Engine, Left, Stop, this_actor};
use crate::engine::socket::Berth;
use crate::engine::socket::claim::{Claim, Holder};
use crate::engine::socket::server::Server;
use crate::journal::Journal;
use crate::journal::sqlite::SqliteJournal;
use crate::web::client::Client;

/// After the end, faces that are still attached get this long to see it.
const LAST_LOOK: Duration = Duration::from_secs(30);

/// After the end, whoever began the release and is not yet attached gets this long to come.
const FIRST_LOOK: Duration = Duration::from_secs(5);

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
    match begin(globals, arguments).await {
        Ok(running) => {
            say(&Word::Ready)?;
            hush()?;
            running.run().await
        }
        Err(report) => {
            let code = output::code_of(&report);
            say(&Word::Refused { code, message: output::in_words(&report) })?;
            Ok(code)
        }
    }
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
    _claim: Claim,
}

async fn begin(globals: &cli::Globals, arguments: &cli::Engine) -> Result<Running> {
    let config = settings::load(globals)?;
    let clock = Clock::system();
    let actor = this_actor();
    let environment = arguments.environment.clone();
    let (name, _) = config.component(&environment, arguments.component.as_deref())?;
    let component = name.to_string();
    let context = config.context(&environment, Some(&component))?;
    if context.read_only {
        return Err(Refused::policy(format!("{environment} is read-only: nothing is released from here")));
    }
    let berth = Berth::below(&config.engine.journal);
    berth.prepare().wrap_err("failed to prepare the engine's directory")?;
    let holder = Holder {
        what: format!("a release of {component} in {environment}"),
        name: actor.name.clone(),
        host: actor.host.clone(),
        pid: std::process::id(),
        since: clock.now(),
    };
    let claim =
        Claim::take(&berth.lock(&context.target.rule), &holder).map_err(|error| Refused::policy(error.to_string()))?;
    let journal = SqliteJournal::open(&settings::journal_file(&config))?;
    let cloud = connect(&context, clock).await?;
    let web = Arc::new(Client::new(clock));
    let outside =
        |journal| Outside { cloud: Arc::clone(&cloud), web: Arc::<Client>::clone(&web), journal: Box::new(journal) };
    let (engine, hub, stop) = match arguments.recover {
        Some(id) => {
            let plan = journal.find(id)?.plan;
            let parts = parts(&plan, &context, outside(journal), clock, actor, false);
            Engine::recover(id, parts)?
        }
        None => {
            refuse_unfinished(&journal, &environment, &component)?;
            let version = arguments.image.clone().ok_or_else(|| Refused::usage("an image to release is needed"))?;
            let wanted = Wanted { environment: environment.clone(), component: Some(component.clone()), version };
            let planner = Planner::new(config, wanted, &context, cloud.as_ref()).await?;
            let parts = parts(&planner.draft, &context, outside(journal), clock, actor, false);
            Engine::begin(&mut |id| planner.plan(id), parts)?
        }
    };
    let server =
        Server::bind(&berth.socket(&environment, &component)).wrap_err("failed to open the engine's socket")?;
    Ok(Running { engine, hub, stop, server, _claim: claim })
}

/// Connects, and makes sure that it is the right account before anything else.
async fn connect(context: &PlanContext, clock: Clock) -> Result<Arc<dyn Cloud>> {
    let aws = Aws::connect(Connection {
        region: context.place.region.clone(),
        cluster: context.place.cluster.clone(),
        profile: context.profile.clone(),
        role_arn: context.role.clone(),
        http: None,
        clock,
    })
    .await;
    let identity = aws.identity().await.wrap_err("failed to find out whose credentials these are")?;
    if identity.account != context.place.account {
        return Err(Refused::policy(format!(
            "these credentials are of account {} ({}), and the environment is account {}; choose another profile or role",
            identity.account, identity.arn, context.place.account
        )));
    }
    Ok(Arc::new(aws))
}

/// A release that has not ended comes before a new one.
fn refuse_unfinished(journal: &SqliteJournal, environment: &str, component: &str) -> Result<()> {
    match settings::unfinished(journal)?.into_iter().find(|summary| is_of(&summary.plan, environment, component)) {
        Some(summary) => Err(Refused::policy(format!(
            "release {} of {component} in {environment} has not ended: it is {}; `cutover attach` goes on with it",
            summary.id, summary.status
        ))),
        None => Ok(()),
    }
}

fn is_of(plan: &Plan, environment: &str, component: &str) -> bool {
    plan.environment.as_str() == environment && plan.component.as_str() == component
}

impl Running {
    async fn run(self) -> Result<u8> {
        let Self { engine, hub, stop, server, _claim } = self;
        let mut faces = server.faces();
        let server = tokio::spawn(server.serve(hub));
        // The terminal is gone for good; only being asked to end ends the engine, and the release stays where it is.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let _never_heeded = signal(SignalKind::hangup())?;
        let stopper = tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            stop.stop();
        });
        let Left { release } = engine.run().await?;
        stopper.abort();
        if release.ended.is_some() {
            let _nobody_came = tokio::time::timeout(FIRST_LOOK, faces.came()).await;
            let _still_there = tokio::time::timeout(LAST_LOOK, faces.gone()).await;
        }
        server.abort();
        // Awaited so that the socket is removed before the process ends.
        let _aborted = server.await;
        Ok(release.exit_code())
    }
}
