//! Log lines as the rest of the program sees them: already harmless to a terminal.

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
    /// Five letters at most.
    pub fn word(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
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
    /// The text, with control characters made visible and secrets masked.
    pub text: String,
}
