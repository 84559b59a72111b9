//! Errors for people, exit codes for scripts, and the runtime under everything.

use std::io::Write;

use color_eyre::eyre::{Report, Result, WrapErr};
use tokio::runtime::{Builder, Runtime};

use crate::config::ConfigError;
use crate::runtime::CockpitError;
use crate::sim::ScenarioError;
use crate::term::SessionError;

/// Wrong usage or configuration.
pub(super) const USAGE: u8 = 2;

/// Locked, stale, read-only, or against a policy.
const REFUSED: u8 = 8;

/// There is nothing that could be meant.
pub(super) const NOTHING: u8 = USAGE;

/// A signal detached the face; the release goes on.
pub(super) const DETACHED: u8 = 130;

/// Our own fault.
const INTERNAL: u8 = 1;

/// An error that carries its exit code.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Refused {
    /// The code.
    pub(super) code: u8,
    /// What and why.
    pub(super) message: String,
}

impl Refused {
    /// Wrong usage.
    pub(super) fn usage(message: impl Into<String>) -> Report {
        Self::with(USAGE, message)
    }

    /// Locked, stale, read-only, or against a policy.
    pub(super) fn policy(message: impl Into<String>) -> Report {
        Self::with(REFUSED, message)
    }

    /// With this exit code.
    pub(super) fn with(code: u8, message: impl Into<String>) -> Report {
        Report::new(Self { code, message: message.into() })
    }
}

/// The exit code of an error.
pub(super) fn code_of(report: &Report) -> u8 {
    if let Some(refused) = report.downcast_ref::<Refused>() {
        return refused.code;
    }
    let is_usage = report.chain().any(|cause| cause.is::<ConfigError>() || cause.is::<ScenarioError>());
    let has_no_terminal =
        matches!(report.downcast_ref::<CockpitError>(), Some(CockpitError::Session(SessionError::NotATerminal { .. })));
    if is_usage || has_no_terminal { USAGE } else { INTERNAL }
}

/// Says an error on standard error.
pub(super) fn complain(report: &Report) {
    // Nobody may be listening.
    let _unheard = writeln!(std::io::stderr(), "cutover: {}", in_words(report));
}

/// An error with its causes.
pub(super) fn in_words(report: &Report) -> String {
    let mut text = report.to_string();
    for cause in report.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str(&format!("\n  because: {cause}"));
        }
    }
    text
}

/// Waits for Ctrl-C or for being asked to end.
pub(super) async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()), signal(SignalKind::hangup()))
    else {
        // Without handlers the system ends the process itself.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}

/// The runtime that everything runs on.
pub(super) fn runtime() -> Result<Runtime> {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().wrap_err("failed to start the runtime")
}

/// Standard output, for what is the program's result.
#[expect(clippy::disallowed_methods, reason = "the headless face and the one-shot verbs write their result there")]
pub(super) fn out() -> std::io::Stdout {
    std::io::stdout()
}
