//! Log lines as the rest of the program sees them: already harmless to a terminal.

pub mod fields;
pub mod patterns;
pub mod reading;
pub mod request;

use serde::{Deserialize, Serialize};

use super::components::ComponentIndex;
use super::ids::Side;
use super::time::Timestamp;

/// How loud a line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// For developers.
    Debug,
    /// As usual, or not said.
    #[default]
    Info,
    /// Someone should look.
    Warn,
    /// Something failed.
    Error,
}

impl Level {
    /// All of them, the quietest first.
    pub const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// Five letters at most.
    pub fn word(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }

    /// The level that a logger means by this word, whatever its case.
    pub fn named(word: &str) -> Option<Self> {
        let is = |names: &[&str]| names.iter().any(|name| word.eq_ignore_ascii_case(name));
        if is(&["trace", "debug", "verbose", "fine"]) {
            Some(Self::Debug)
        } else if is(&["info", "information", "notice"]) {
            Some(Self::Info)
        } else if is(&["warn", "warning"]) {
            Some(Self::Warn)
        } else if is(&["error", "err", "fatal", "critical", "crit", "alert", "emerg", "panic", "severe"]) {
            Some(Self::Error)
        } else {
            None
        }
    }
}

/// One line of a service's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When the service wrote it.
    pub at: Timestamp,
    /// Which component its task belongs to, if known.
    pub component: Option<ComponentIndex>,
    /// Which side its task belongs to, if known.
    pub side: Option<Side>,
    /// The task's short id.
    pub task: String,
    /// How loud.
    pub level: Level,
    /// As written, JSON as JSON, with control characters made visible and secrets masked. [`reading::read`] makes of it what
    /// people read.
    pub text: String,
}

/// A line that is kept elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineRef<'a> {
    /// When the service wrote it.
    pub at: Timestamp,
    /// Which component its task belongs to, if known.
    pub component: Option<ComponentIndex>,
    /// Which side its task belongs to, if known.
    pub side: Option<Side>,
    /// The task's short id.
    pub task: &'a str,
    /// How loud.
    pub level: Level,
    /// As written.
    pub text: &'a str,
}

impl LogLine {
    /// The same line, borrowed.
    pub fn by_ref(&self) -> LineRef<'_> {
        let Self { at, component, side, task, level, text } = self;
        LineRef { at: *at, component: *component, side: *side, task, level: *level, text }
    }
}

impl LineRef<'_> {
    /// A line of its own.
    pub fn to_line(self) -> LogLine {
        let Self { at, component, side, task, level, text } = self;
        LogLine { at, component, side, task: task.to_owned(), level, text: text.to_owned() }
    }
}
