//! Topics, subscriptions and what was published.

use super::{ApiError, ApiResult, World};
use crate::domain::time::Timestamp;

/// A subscription to a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its ARN.
    pub arn: String,
    /// The topic's ARN.
    pub topic_arn: String,
    /// `email`, `https`, `sqs`, …
    pub protocol: String,
    /// Where messages go.
    pub endpoint: String,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its ARN.
    pub arn: String,
    /// Who subscribed.
    pub subscriptions: Vec<Subscription>,
}

/// Input of `Publish`.
#[derive(Clone, Debug, Default)]
pub struct Publish {
    /// The topic's ARN.
    pub topic_arn: String,
    /// The text, at most 256 KiB.
    pub message: String,
    /// The subject, at most 100 characters.
    pub subject: Option<String>,
    /// Attributes: (name, value).
    pub attributes: Vec<(String, String)>,
}

/// A message that was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// A UUID.
    pub message_id: String,
    /// The topic's ARN.
    pub topic_arn: String,
    /// When.
    pub at: Timestamp,
    /// The text.
    pub message: String,
    /// The subject.
    pub subject: Option<String>,
    /// Attributes: (name, value).
    pub attributes: Vec<(String, String)>,
}

/// The largest message, in bytes.
const LARGEST: usize = 256 * 1_024;

/// Topics and what was published.
#[derive(Clone, Debug, Default)]
pub(super) struct Sns {
    topics: Vec<Topic>,
    deliveries: Vec<Delivery>,
}

impl World {
    /// Creates a topic, or finds it; returns its ARN.
    pub fn create_topic(&mut self, name: &str) -> ApiResult<String> {
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 256 || !name.chars().all(valid) {
            return Err(ApiError::new("InvalidParameter", "Invalid parameter: Topic Name"));
        }
        let arn = self.topic_arn(name);
        if !self.sns.topics.iter().any(|topic| topic.arn == arn) {
            self.sns.topics.push(Topic { arn: arn.clone(), subscriptions: Vec::new() });
            self.ledger.change(self.now, "CreateTopic", vec![("arn", arn.clone())]);
        }
        Ok(arn)
    }

    /// ARNs of all topics.
    pub fn list_topics(&self) -> ApiResult<Vec<String>> {
        Ok(self.sns.topics.iter().map(|topic| topic.arn.clone()).collect())
    }

    /// A topic and its subscriptions.
    pub fn get_topic(&self, arn: &str) -> ApiResult<Topic> {
        self.sns.topics.iter().find(|topic| topic.arn == arn).cloned().ok_or_else(no_topic)
    }

    /// Subscribes an endpoint; it counts as confirmed.
    pub fn subscribe(&mut self, topic: &str, protocol: &str, endpoint: &str) -> ApiResult<Subscription> {
        let id = self.streams.ids.uuid();
        let kept = self.sns.topics.iter_mut().find(|kept| kept.arn == topic).ok_or_else(no_topic)?;
        let subscription = Subscription {
            arn: format!("{topic}:{id}"),
            topic_arn: topic.to_owned(),
            protocol: protocol.to_owned(),
            endpoint: endpoint.to_owned(),
        };
        kept.subscriptions.push(subscription.clone());
        self.ledger.change(self.now, "Subscribe", vec![("topic", topic.to_owned()), ("endpoint", endpoint.to_owned())]);
        Ok(subscription)
    }

    /// Publishes a message; returns its id.
    pub fn publish(&mut self, input: Publish) -> ApiResult<String> {
        let facts = vec![("topic", input.topic_arn.clone()), ("subject", input.subject.clone().unwrap_or_default())];
        let id = self.deliver(input, self.now)?;
        self.ledger.change(self.now, "Publish", facts);
        Ok(id)
    }

    /// Publishes a message without writing it into the ledger, as AWS's own services do.
    pub(super) fn deliver(&mut self, input: Publish, at: Timestamp) -> ApiResult<String> {
        self.get_topic(&input.topic_arn)?;
        if input.message.is_empty() {
            return Err(ApiError::new("InvalidParameter", "Invalid parameter: Empty message"));
        }
        let attributes: usize = input.attributes.iter().map(|(name, value)| name.len() + value.len()).sum();
        if input.message.len() + attributes > LARGEST {
            return Err(ApiError::new("InvalidParameter", "Invalid parameter: Message too long"));
        }
        let odd_subject = |subject: &String| {
            subject.is_empty() || subject.chars().count() > 100 || subject.chars().any(char::is_control)
        };
        if input.subject.as_ref().is_some_and(odd_subject) {
            return Err(ApiError::new("InvalidParameter", "Invalid parameter: Subject"));
        }
        let message_id = self.streams.ids.uuid();
        self.sns.deliveries.push(Delivery {
            message_id: message_id.clone(),
            topic_arn: input.topic_arn,
            at,
            message: input.message,
            subject: input.subject,
            attributes: input.attributes,
        });
        Ok(message_id)
    }

    /// Everything that was published, oldest first.
    pub fn deliveries(&self) -> &[Delivery] {
        &self.sns.deliveries
    }

    pub(super) fn topic_arn(&self, name: &str) -> String {
        format!("arn:aws:sns:{}:{}:{name}", self.schema.aws.region, self.schema.aws.account)
    }
}

fn no_topic() -> ApiError {
    ApiError::not_found("NotFound", "Topic does not exist")
}
