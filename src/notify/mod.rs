//! Telling people. A channel that does not answer never delays a release.
//!
//! [`Channels`] hands each message to the channel it is for, without secrets. What a channel makes of it, and whether it
//! wants it at all, is its own affair.

pub mod http;
pub mod pagerduty;
pub mod slack;
pub mod sns;
pub mod statuspage;
#[cfg(test)]
mod testing;
pub mod webhook;
mod words;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::effect::{Failure, Notice};
use crate::domain::notice::Route;
use crate::domain::redact::Redactor;

/// Sends messages to channels.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Sends one message to its channel. Sending it again sends the same key; `attempt` says which try this is, from 1
    /// up: from the second on, an earlier one may have arrived.
    async fn send(&self, notice: &Notice, attempt: u32) -> Result<(), Failure>;
}

/// Sends nothing: for releases without channels.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

#[async_trait]
impl Notifier for Silent {
    async fn send(&self, _notice: &Notice, _attempt: u32) -> Result<(), Failure> {
        Ok(())
    }
}

/// A secret: it is sent, and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text`, without the line end that files have.
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// What is kept.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(••••)")
    }
}

/// All channels of a configuration, by name.
#[derive(Default)]
pub struct Channels {
    all: BTreeMap<String, Arc<dyn Notifier>>,
    redactor: Redactor,
}

impl Channels {
    /// No channels yet; `redactor` masks whatever is sent.
    pub fn new(redactor: Redactor) -> Self {
        Self { all: BTreeMap::new(), redactor }
    }

    /// Adds a channel.
    pub fn add(&mut self, name: &str, channel: Arc<dyn Notifier>) {
        self.all.insert(name.to_owned(), channel);
    }
}

#[async_trait]
impl Notifier for Channels {
    async fn send(&self, notice: &Notice, attempt: u32) -> Result<(), Failure> {
        let Some(channel) = self.all.get(&notice.channel) else {
            return Err(refused(format!("there is no channel `{}`", notice.channel)));
        };
        let notice = notice.clone().cleaned(&self.redactor);
        let sent = channel.send(&notice, attempt).await;
        sent.map_err(|failure| Failure { message: self.redactor.clean(&failure.message), ..failure })
    }
}

/// A channel that gets only what its route wants.
pub struct Routed<N> {
    /// What it wants.
    pub route: Route,
    /// The channel.
    pub channel: N,
}

#[async_trait]
impl<N: Notifier> Notifier for Routed<N> {
    async fn send(&self, notice: &Notice, attempt: u32) -> Result<(), Failure> {
        if self.route.wants(notice.severity, &notice.facts) { self.channel.send(notice, attempt).await } else { Ok(()) }
    }
}

/// A channel that cannot be used, and says why whenever it is to be: a secret that is missing holds no release up.
#[derive(Clone, Debug)]
pub struct Unusable {
    /// Why.
    pub why: String,
}

#[async_trait]
impl Notifier for Unusable {
    async fn send(&self, _notice: &Notice, _attempt: u32) -> Result<(), Failure> {
        Err(refused(self.why.clone()))
    }
}

/// A failure that another try does not mend.
fn refused(message: impl Into<String>) -> Failure {
    Failure { transient: false, message: message.into() }
}

/// A failure that another try may mend.
fn transient(message: impl Into<String>) -> Failure {
    Failure { transient: true, message: message.into() }
}
