//! Errors for people, exit codes for scripts, and the runtime under everything.

use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};

use color_eyre::eyre::{Report, Result, WrapErr};
use tokio::runtime::{Builder, Runtime};

use crate::config::ConfigError;
use crate::journal::JournalError;
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

/// Acts, says what went wrong, and answers with the exit code.
pub(super) fn code(act: impl FnOnce() -> Result<u8>) -> u8 {
    // Whatever was amiss is dropped with the process: nobody looks at it again.
    match panic::catch_unwind(AssertUnwindSafe(act)) {
        Ok(Ok(code)) => code,
        Ok(Err(report)) => {
            complain(&report);
            code_of(&report)
        }
        // Its report has been printed. Left to itself, the process would end with a code that no script knows.
        Err(_) => INTERNAL,
    }
}

/// The exit code of an error.
pub(super) fn code_of(report: &Report) -> u8 {
    if let Some(refused) = report.downcast_ref::<Refused>() {
        return refused.code;
    }
    let is_so = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<ConfigError>().is_some_and(ConfigError::is_about_the_services)
    };
    if report.chain().any(is_so) {
        return REFUSED;
    }
    if report.chain().any(|cause| matches!(cause.downcast_ref(), Some(JournalError::Unreadable(_)))) {
        return REFUSED;
    }
    let is_usage = report.chain().any(|cause| cause.is::<ConfigError>() || cause.is::<ScenarioError>());
    let has_no_terminal =
        matches!(report.downcast_ref::<CockpitError>(), Some(CockpitError::Session(SessionError::NotATerminal { .. })));
    if is_usage || has_no_terminal { USAGE } else { INTERNAL }
}

/// Says an error on standard error.
pub(super) fn complain(report: &Report) {
    tell(&in_words(report));
}

/// Says something beside the result, on standard error.
pub(super) fn tell(text: &str) {
    // Nobody may be listening.
    let _unheard = writeln!(io::stderr(), "cutover: {text}");
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

/// Standard output, for what is the program's result. Once nobody reads it any more, what is written is dropped: the work
/// goes on, and the exit code says how it ended.
pub(super) fn out() -> Out {
    Out(stdout())
}

/// Standard output, which fails once nobody reads it any more.
#[expect(clippy::disallowed_methods, reason = "the headless face and the one-shot verbs write their result there")]
pub(super) fn stdout() -> io::Stdout {
    io::stdout()
}

/// Standard output, whether or not anybody reads it.
pub(super) struct Out(io::Stdout);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        heard_or_not(self.0.write(bytes), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        heard_or_not(self.0.flush(), ())
    }
}

fn heard_or_not<T>(outcome: io::Result<T>, as_if: T) -> io::Result<T> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(as_if),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_with_the_code_of_an_internal_error() {
        assert_eq!(code(|| panic!("a defect")), INTERNAL);
        assert_eq!(code(|| Err(Refused::policy("no"))), REFUSED);
        assert_eq!(code(|| Ok(4)), 4);
    }
}
