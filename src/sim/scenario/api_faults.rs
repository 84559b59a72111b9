//! Faults of the AWS API itself, which the wire layer carries out at dispatch.

use std::time::Duration;

use serde::Deserialize;

use super::span::{self, Percent};

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApiFaultKind {
    /// The service's own throttling error.
    Throttling,
    /// Status 500 or 503 in the service's own shape.
    ServerError,
    /// An HTML page, as a broken proxy sends it.
    HtmlError,
    /// The call takes effect and its answer is lost.
    LostResponse,
    /// The call is lost before it takes effect.
    LostRequest,
    /// The answer takes long.
    Slow,
    /// There is never an answer.
    Timeout,
    /// A read shows what was true some time ago.
    StaleRead,
    /// The credentials have expired.
    ExpiredCredentials,
    /// The credentials may not do this.
    AccessDenied,
}

/// One rule: which calls go wrong, when, how often and how.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiFault {
    /// What goes wrong.
    pub kind: ApiFaultKind,
    /// Percent of the matching calls.
    #[serde(default = "Percent::all")]
    pub probability: Percent,
    /// When it begins, counted from the world's start.
    #[serde(default, with = "span")]
    pub at: Duration,
    /// How long it lasts; for ever without it.
    #[serde(default, rename = "for", with = "span::option")]
    pub lasting: Option<Duration>,
    /// Operation names such as `UpdateService`; all when empty.
    #[serde(default)]
    pub operations: Vec<String>,
    /// For `slow` the wait, for `stale-read` the age.
    #[serde(default = "ApiFault::default_delay", with = "span")]
    pub delay: Duration,
}

impl ApiFault {
    const fn default_delay() -> Duration {
        Duration::from_secs(5)
    }

    /// Whether the rule holds for `operation` when the world is `age` old.
    pub fn applies(&self, operation: &str, age: Duration) -> bool {
        let begun = age >= self.at;
        let ended = self.lasting.is_some_and(|lasting| age >= self.at + lasting);
        begun && !ended && (self.operations.is_empty() || self.operations.iter().any(|name| name == operation))
    }
}
