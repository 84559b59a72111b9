//! Slack: by an incoming webhook, or by a bot that keeps one release in one thread.

mod blocks;
mod thread;

use async_trait::async_trait;
use serde_json::Value;

pub use thread::SlackThread;

use super::http::{Http, Line, Request};
use super::{Notifier, Secret};
use crate::domain::effect::{Failure, Notice};

/// A channel behind an incoming webhook. Each message stands alone: a webhook cannot answer in threads or change what it
/// has sent, and does not know a message that it has already taken.
#[derive(Debug)]
pub struct SlackWebhook {
    line: Line,
    url: Secret,
}

impl SlackWebhook {
    /// The webhook at `url`, which is a secret.
    pub fn new(http: Http, url: Secret) -> Self {
        Self { line: Line::new(http), url }
    }
}

#[async_trait]
impl Notifier for SlackWebhook {
    async fn send(&self, notice: &Notice, _attempt: u32) -> Result<(), Failure> {
        let body = Value::Object(blocks::message(notice));
        self.line.call(Request::json(http::Method::POST, self.url.expose().to_owned(), &body)).await?;
        Ok(())
    }
}
