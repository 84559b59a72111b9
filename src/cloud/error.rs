//! What can go wrong with the cloud, in kinds that can be acted on.

use std::fmt;
use std::time::Duration;

/// A call that did not work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {kind}: {message}")]
pub struct CloudError {
    /// What kind of trouble.
    pub kind: ErrorKind,
    /// The operation: `ecs:UpdateService`.
    pub operation: &'static str,
    /// What the cloud said.
    pub message: String,
}

/// Kinds of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Too many calls.
    Throttled,
    /// The credentials may not do this.
    Denied,
    /// The credentials have expired; others may be had.
    Expired,
    /// What was named is not there.
    NotFound,
    /// It is in a state that does not allow this now.
    Conflict,
    /// No answer in time. It may have taken effect.
    Timeout,
    /// No connection, or it was lost. It may have taken effect.
    Transport,
    /// The cloud's own trouble.
    Unavailable,
    /// An answer or a state that makes no sense here.
    Unexpected,
}

/// Whether trying again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It will not.
    Never,
    /// After this long.
    After(Duration),
}

impl ErrorKind {
    /// Whether trying again may help, and after how long.
    pub fn retry(self) -> Retry {
        match self {
            Self::Throttled => Retry::After(Duration::from_secs(2)),
            Self::Expired => Retry::After(Duration::from_secs(5)),
            Self::Timeout | Self::Transport | Self::Unavailable | Self::Conflict => {
                Retry::After(Duration::from_secs(1))
            }
            Self::Denied | Self::NotFound | Self::Unexpected => Retry::Never,
        }
    }
}

impl CloudError {
    /// Whether trying again may help.
    pub fn is_transient(&self) -> bool {
        self.kind.retry() != Retry::Never
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Throttled => "throttled",
            Self::Denied => "denied",
            Self::Expired => "credentials expired",
            Self::NotFound => "not found",
            Self::Conflict => "conflict",
            Self::Timeout => "timed out",
            Self::Transport => "connection lost",
            Self::Unavailable => "unavailable",
            Self::Unexpected => "unexpected answer",
        })
    }
}
