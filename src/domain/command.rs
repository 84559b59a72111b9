//! What people tell a release to do, and how it answers.

use serde::{Deserialize, Serialize};

use super::ids::{AlarmName, Revision, StageName};
use super::time::Timestamp;

/// Who sent a command.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// Operating-system user, or the engine's own name for what it decides itself.
    pub name: String,
    /// Host the command came from.
    pub host: String,
    /// ARN of their own AWS identity, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// The fencing number of the lease that it acts under, where hosts share a table for leases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<u64>,
}

impl Actor {
    /// Somebody whose AWS identity is not known.
    pub fn new(name: impl Into<String>, host: impl Into<String>) -> Self {
        Self { name: name.into(), host: host.into(), arn: None, lease: None }
    }

    /// Whether both are the same user on the same host, whatever is known of their AWS identities.
    pub fn is(&self, other: &Self) -> bool {
        (&self.name, &self.host) == (&other.name, &other.host)
    }
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// Go on to the next step now.
    Promote,
    /// Go to 100 % now.
    PromoteFull,
    /// Raise nothing until resumed.
    Pause,
    /// Go on after a pause.
    Resume,
    /// Traffic back to blue, done stages undone.
    Rollback {
        /// Why, if said.
        reason: Option<String>,
    },
    /// Traffic back to blue and nothing else: green stays up, nothing is undone.
    Abort {
        /// Why, if said.
        reason: Option<String>,
    },
    /// Run the failed stage again.
    Retry,
    /// Go on without the failed stage.
    Skip {
        /// Why. Never empty.
        reason: String,
    },
    /// Agree to what a gate asks for. Each name counts once.
    Approve {
        /// The phrase as typed; empty where none is asked for.
        phrase: String,
    },
    /// Say that somebody looks after an alarm that fires. It moves nothing.
    Acknowledge {
        /// Which.
        alarm: AlarmName,
        /// What is known or done about it. Never empty.
        note: String,
    },
}

/// A command's kind alone, for guards and key hints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommandKind {
    /// See [`Command::Promote`].
    Promote,
    /// See [`Command::PromoteFull`].
    PromoteFull,
    /// See [`Command::Pause`].
    Pause,
    /// See [`Command::Resume`].
    Resume,
    /// See [`Command::Rollback`].
    Rollback,
    /// See [`Command::Abort`].
    Abort,
    /// See [`Command::Retry`].
    Retry,
    /// See [`Command::Skip`].
    Skip,
    /// See [`Command::Approve`].
    Approve,
    /// See [`Command::Acknowledge`].
    Acknowledge,
}

impl CommandKind {
    /// All of them, in the order they are listed to people.
    pub const ALL: [Self; 10] = [
        Self::Promote,
        Self::PromoteFull,
        Self::Pause,
        Self::Resume,
        Self::Rollback,
        Self::Abort,
        Self::Retry,
        Self::Skip,
        Self::Approve,
        Self::Acknowledge,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Promote => "promote",
            Self::PromoteFull => "promote-full",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Rollback => "rollback",
            Self::Abort => "abort",
            Self::Retry => "retry",
            Self::Skip => "skip",
            Self::Approve => "approve",
            Self::Acknowledge => "acknowledge",
        }
    }

    /// Whether it is accepted whatever has changed since its sender looked: these only ever make things safer, or move
    /// nothing.
    pub fn is_always_timely(self) -> bool {
        matches!(self, Self::Pause | Self::Rollback | Self::Acknowledge)
    }
}

impl Command {
    /// Why, if its sender said so.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Rollback { reason } | Self::Abort { reason } => reason.as_deref(),
            Self::Skip { reason } | Self::Acknowledge { note: reason, .. } => Some(reason),
            Self::Promote | Self::PromoteFull | Self::Pause | Self::Resume | Self::Retry | Self::Approve { .. } => None,
        }
    }

    /// Its kind.
    pub fn kind(&self) -> CommandKind {
        match self {
            Self::Promote => CommandKind::Promote,
            Self::PromoteFull => CommandKind::PromoteFull,
            Self::Pause => CommandKind::Pause,
            Self::Resume => CommandKind::Resume,
            Self::Rollback { .. } => CommandKind::Rollback,
            Self::Abort { .. } => CommandKind::Abort,
            Self::Retry => CommandKind::Retry,
            Self::Skip { .. } => CommandKind::Skip,
            Self::Approve { .. } => CommandKind::Approve,
            Self::Acknowledge { .. } => CommandKind::Acknowledge,
        }
    }
}

/// A command on its way to the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What to do.
    pub command: Command,
    /// To which stage, where several are at work that it could mean; `None` leaves it to the release.
    #[serde(default)]
    pub stage: Option<StageName>,
    /// Who says so.
    pub by: Actor,
    /// The release's revision that they saw; `None` from a script that did not look.
    pub seen: Option<Revision>,
}

/// Why a command is not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The release has changed since the sender looked.
    #[error("stale: since revision {seen} {what}{}; look again", by.as_ref().map(|name| format!(" (by {name})")).unwrap_or_default())]
    Stale {
        /// The revision the sender saw.
        seen: Revision,
        /// What the newest change was.
        what: String,
        /// Who made it, if a human did.
        by: Option<String>,
    },
    /// It makes no sense now.
    #[error("{why}")]
    NotNow {
        /// Why not, and what is possible instead.
        why: String,
    },
    /// The policy does not allow it to its sender.
    #[error("{why}")]
    NotAllowed {
        /// Which rule names them, or that none does, and which rules allow it.
        why: String,
    },
    /// The typed phrase is not the one asked for.
    #[error("the phrase typed is not `{wanted}`")]
    WrongPhrase {
        /// What was to be typed.
        wanted: String,
    },
    /// The release has ended.
    #[error("the release has ended: {status}")]
    Ended {
        /// How.
        status: String,
    },
}

/// How far a command has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// The machine has taken it; its effect is not yet seen.
    Accepted,
    /// Its effect has been observed in the cloud.
    Observed,
    /// It was overtaken by a stronger one, or by the release's end.
    Overtaken,
}

/// An accepted command, kept with the release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ordered {
    /// What was asked.
    pub command: Command,
    /// Index of the stage that it was for; `None` when it was for the whole release.
    pub stage: Option<usize>,
    /// By whom.
    pub by: Actor,
    /// When the machine accepted it.
    pub accepted: Timestamp,
    /// How far it has come.
    pub progress: Progress,
    /// When it came there.
    pub at: Timestamp,
}
