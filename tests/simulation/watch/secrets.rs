//! I10: secrets, and bytes that steer a terminal.

use std::collections::BTreeSet;

use cutover::domain::components::ComponentIndex;
use cutover::domain::log::LogLine;
use cutover::domain::time::Timestamp;

use super::{Invariant, State, Watch};
use crate::trial::SECRET;

/// The secret of the command stage's environment, and those that the hostile application logs.
const SECRETS: [&str; 4] = [SECRET, "wJalrXUtnFEMI/K7MDENG", "hunter2", "eyJhbGciOiJIUzI1NiJ9"];

impl State {
    pub(super) fn keeps_secret(&mut self, place: &str, text: &str, now: Timestamp) {
        let leaked = SECRETS.iter().find(|secret| text.contains(*secret));
        self.require(leaked.is_none(), Invariant::I10, now, || {
            format!("{place} holds the secret {}: {text}", leaked.unwrap_or(&""))
        });
    }
}

impl Watch {
    /// Lines that a face was given.
    pub(crate) fn lines_shown(&self, lines: &[LogLine]) {
        self.with(|state, now| {
            state.lines += lines.len();
            state.heard.extend(lines.iter().filter_map(|line| line.component));
            for line in lines {
                state.keeps_secret("a log line", &line.text, now);
                let steers = format!("{}{}", line.text, line.task).chars().any(char::is_control);
                state.require(!steers, Invariant::I10, now, || format!("a log line steers the terminal: {line:?}"));
            }
        });
    }

    /// Components whose log lines were shown.
    pub(crate) fn heard(&self) -> BTreeSet<ComponentIndex> {
        self.with(|state, _| state.heard.clone())
    }

    /// Lines shown so far.
    pub(crate) fn lines(&self) -> usize {
        self.with(|state, _| state.lines)
    }

    /// A snapshot that a face was given, in the form in which a socket carries it.
    pub(crate) fn snapshot_shown(&self, snapshot: &str) {
        self.with(|state, now| state.keeps_secret("a snapshot", snapshot, now));
    }
}
