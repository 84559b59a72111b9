//! Amazon SNS topics.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::Notifier;
use crate::cloud::{Cloud, Message};
use crate::domain::effect::{Failure, Notice};

/// Channels that are SNS topics.
pub struct SnsChannels {
    cloud: Arc<dyn Cloud>,
    topics: BTreeMap<String, String>,
}

impl SnsChannels {
    /// Channels by name, each with its topic's ARN.
    pub fn new(cloud: Arc<dyn Cloud>, topics: BTreeMap<String, String>) -> Self {
        Self { cloud, topics }
    }
}

#[async_trait]
impl Notifier for SnsChannels {
    async fn send(&self, notice: &Notice) -> Result<(), Failure> {
        let Some(topic) = self.topics.get(&notice.channel) else {
            return Err(Failure { transient: false, message: format!("there is no channel `{}`", notice.channel) });
        };
        let message = Message { key: &notice.key, subject: &notice.subject, body: &notice.body };
        self.cloud
            .publish(topic, &message)
            .await
            .map_err(|error| Failure { transient: error.is_transient(), message: error.to_string() })
    }
}
