//! Topics, subscriptions and what was published.

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
