//! Starting an engine process, and finding the ones there are.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use color_eyre::eyre::{Result, WrapErr, eyre};

use super::back::Wish;
use super::engine::Word;
use super::output::{Refused, tell};
use super::settings;
use crate::app::watch::TakeOver;
use crate::cli::{Globals, Image, Which};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::components::ComponentIndex;
use crate::domain::release::Release;
use crate::engine::handle::EngineHandle;
use crate::engine::socket::Berth;
use crate::engine::socket::client::{AttachError, attach};
use crate::journal::sqlite::SqliteJournal;
use crate::journal::{Journal, Summary};

/// What a new release is of.
#[derive(Clone, Debug, Default)]
pub(super) struct New {
    /// These images,
    pub(super) images: Vec<Image>,
    /// or what has succeeded elsewhere.
    pub(super) from: Option<String>,
    /// The commit that it was made of, if said.
    pub(super) git_sha: Option<String>,
}

/// What an engine is started for.
#[derive(Clone, Debug)]
pub(super) enum Purpose {
    /// A new release.
    Release(New),
    /// An unfinished release, by its number.
    Recover(u64),
    /// A release that goes back to an earlier one.
    Back(Wish),
    /// A release that takes over a deployment of somebody else's.
    TakeOver(TakeOver),
}

/// Starts an engine process and waits until its socket is ready; the socket's path.
pub(super) fn start(
    globals: &Globals,
    config: &Config,
    environment: &str,
    component: &str,
    purpose: &Purpose,
) -> Result<PathBuf> {
    if let Some(why) = settings::read_only(config, environment) {
        return Err(Refused::policy(format!("{why}: no engine is started from here")));
    }
    let berth = Berth::below(&config.engine.journal);
    berth.prepare().wrap_err("failed to prepare the engine's directory")?;
    let log = berth.log(environment, component);
    let log_file = OpenOptions::new().create(true).append(true).mode(0o600).open(&log)?;
    let program = std::env::current_exe().wrap_err("failed to find this program's own file")?;
    let mut command = Command::new(program);
    if let Some(config) = &globals.config {
        command.arg("--config").arg(config);
    }
    command.args(["engine", environment, component]);
    match purpose {
        Purpose::Release(New { images, from, git_sha }) => {
            command.args(images.iter().flat_map(|image| ["--image".to_owned(), image.to_string()]));
            command.args(from.iter().flat_map(|from| ["--from", from]));
            command.args(git_sha.iter().flat_map(|sha| ["--git-sha", sha]))
        }
        Purpose::Recover(id) => command.arg("--recover").arg(id.to_string()),
        Purpose::Back(wish) => {
            command.arg("--back-to").arg(wish.to.to_string());
            command.args(wish.reason.iter().flat_map(|reason| ["--reason", reason]));
            command.args(wish.leave_migrations.then_some("--leave-migrations"))
        }
        Purpose::TakeOver(TakeOver { deployment, then, reason }) => {
            command.args(["--take-over", deployment, "--then", then.word()]);
            command.args(reason.iter().flat_map(|reason| ["--reason", reason]))
        }
    };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log_file)
        .spawn()
        .wrap_err("failed to start the engine")?;
    let mut line = String::new();
    if let Some(out) = child.stdout.take() {
        BufReader::new(out).read_line(&mut line).wrap_err("failed to hear from the engine")?;
    }
    match serde_json::from_str(&line) {
        Ok(Word::Ready) => Ok(berth.socket(environment, component)),
        Ok(Word::Refused { code, message }) => Err(Refused::with(code, message)),
        Err(_) => Err(eyre!("the engine ended before it was ready; its last words are in {}", log.display())),
    }
}

/// An engine that runs, and the release it runs.
pub(super) struct Running {
    pub(super) handle: EngineHandle,
    pub(super) release: Arc<Release>,
}

/// The engines that run, of those that `which` means.
pub(super) async fn running(config: &Config, which: &Which) -> Result<Vec<Running>> {
    let (mut found, mut troubles) = (Vec::new(), Vec::new());
    let berth = Berth::below(&config.engine.journal);
    // Whoever names one engine is not kept waiting by another.
    let sockets = match (&which.environment, &which.component) {
        (Some(environment), Some(component)) if berth.socket(environment, component).exists() => {
            vec![berth.socket(environment, component)]
        }
        // It may be released together with others, under the name of the first.
        _ => berth.sockets(),
    };
    for socket in sockets {
        match attach(&socket).await {
            Ok(handle) => {
                let release = Arc::clone(&handle.snapshot.borrow().release);
                if is_meant(&release.plan, which) {
                    found.push(Running { handle, release });
                }
            }
            // It ended without removing its socket.
            Err(AttachError::NoEngine { .. }) => {}
            Err(error) => troubles.push(error.to_string()),
        }
    }
    if found.is_empty()
        && let Some(trouble) = troubles.first()
    {
        // It may be the one that is meant.
        return Err(Refused::policy(trouble.clone()));
    }
    // An engine that cannot be talked to is named, and holds up nothing else.
    for trouble in &troubles {
        tell(trouble);
    }
    Ok(found)
}

fn is_meant(plan: &crate::domain::plan::Plan, which: &Which) -> bool {
    which.environment.as_deref().is_none_or(|name| name == plan.environment.as_str())
        && which.component.as_deref().is_none_or(|name| plan.releases(name))
}

/// The one release that is meant: attached to if its engine runs, recovered if it was lost.
pub(super) async fn join(globals: &Globals, config: &Config, which: &Which) -> Result<Running> {
    let mut engines = running(config, which).await?;
    let live = engines.iter().filter(|running| running.release.ended.is_none()).count();
    if engines.len() > 1 && live == 1 {
        engines.retain(|running| running.release.ended.is_none());
    }
    if engines.len() > 1 {
        let names: Vec<String> = engines.iter().map(|running| describe(&running.release)).collect();
        return Err(Refused::usage(format!(
            "several releases run: {}; say which with --env and --component",
            names.join("; ")
        )));
    }
    if let Some(only) = engines.pop() {
        return Ok(only);
    }
    let lost = lost(config, which)?;
    match lost.as_slice() {
        [] => match owing(config, which)? {
            Some(summary) => recover(globals, config, &summary).await,
            None => Err(Refused::with(
                super::output::NOTHING,
                "no release is running; begin one with `cutover release ENV --image REF`, or look at `cutover history`",
            )),
        },
        [summary] => recover(globals, config, summary).await,
        several => {
            let names: Vec<String> = several
                .iter()
                .map(|summary| {
                    format!("{} of {} in {}", summary.id, summary.plan.components_named(), summary.plan.environment)
                })
                .collect();
            Err(Refused::usage(format!(
                "several releases have lost their engine: {}; say which with --env and --component",
                names.join("; ")
            )))
        }
    }
}

/// Releases that have not ended and whose engine is gone.
pub(super) fn lost(config: &Config, which: &Which) -> Result<Vec<Summary>> {
    let file = settings::journal_file(config);
    if !file.exists() {
        return Ok(Vec::new());
    }
    let journal = SqliteJournal::open(&file)?;
    let mut lost = settings::unfinished(&journal, |_| false)?;
    lost.retain(|summary| is_meant(&summary.plan, which));
    if lost.is_empty() {
        let (environment, component) = (which.environment.as_deref(), which.component.as_deref());
        settings::refuse_unreadable(&journal.unfinished()?.unreadable, |other| other.is_of(environment, component))?;
    }
    Ok(lost)
}

/// A release that has ended and whose engine was lost before everybody was told.
fn owing(config: &Config, which: &Which) -> Result<Option<Summary>> {
    let file = settings::journal_file(config);
    if !file.exists() {
        return Ok(None);
    }
    let is_ours = |plan: &crate::domain::plan::Plan| {
        is_meant(plan, which) && settings::read_only(config, plan.environment.as_str()).is_none()
    };
    let journal = SqliteJournal::open(&file)?;
    Ok(settings::owing(&journal, Clock::system().now(), is_ours)?.into_iter().next())
}

async fn recover(globals: &Globals, config: &Config, summary: &Summary) -> Result<Running> {
    let environment = summary.plan.environment.as_str();
    let component = summary.plan.components[ComponentIndex::FIRST].name.as_str();
    let socket = start(globals, config, environment, component, &Purpose::Recover(summary.id.0))
        .wrap_err_with(|| format!("release {} has lost its engine and could not be taken up again", summary.id))?;
    let handle = attach(&socket).await?;
    let release = Arc::clone(&handle.snapshot.borrow().release);
    Ok(Running { handle, release })
}

/// A release in a few words.
pub(super) fn describe(release: &Release) -> String {
    let plan = &release.plan;
    format!(
        "release {} of {} in {} ({})",
        release.id,
        plan.components_named(),
        plan.environment,
        release.status().word()
    )
}
