//! Amazon SNS topics.

use std::sync::Arc;

use async_trait::async_trait;

use super::Notifier;
use crate::cloud::{Cloud, Message};
use crate::domain::effect::{Failure, Notice};

/// A channel that is an SNS topic. Its subscribers may filter by the attributes of a message.
pub struct SnsChannel {
    cloud: Arc<dyn Cloud>,
    topic: String,
}

impl SnsChannel {
    /// The channel of the topic with this ARN.
    pub fn new(cloud: Arc<dyn Cloud>, topic: String) -> Self {
        Self { cloud, topic }
    }
}

#[async_trait]
impl Notifier for SnsChannel {
    async fn send(&self, notice: &Notice, _attempt: u32) -> Result<(), Failure> {
        let facts = &notice.facts;
        let release = facts.release.to_string();
        let attributes = [
            ("event", facts.transition.word()),
            ("severity", notice.severity.word()),
            ("environment", facts.environment.as_str()),
            ("component", facts.component.as_str()),
            ("release", release.as_str()),
        ];
        let message =
            Message { key: &notice.key, subject: &notice.subject, body: &notice.body, attributes: &attributes };
        self.cloud
            .publish(&self.topic, &message)
            .await
            .map_err(|error| Failure { transient: error.is_transient(), message: error.to_string() })
    }
}
