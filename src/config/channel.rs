//! Where messages go, as the configuration has it. A secret is never in it, only the place where it is kept.

use std::path::PathBuf;

use crate::domain::notice::Route;

/// A channel: who receives messages, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Which messages.
    pub route: Route,
    /// Who.
    pub receiver: Receiver,
}

/// Who receives messages. Addresses are base URLs without a slash at their end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receiver {
    /// An SNS topic.
    Sns {
        /// Its ARN.
        topic: String,
    },
    /// A Slack channel, by an incoming webhook.
    SlackWebhook {
        /// The webhook's URL.
        url: SecretSource,
    },
    /// A Slack channel, by a bot: one thread a release.
    SlackThread {
        /// The bot's token.
        token: SecretSource,
        /// The channel's id.
        channel: String,
        /// Where the Web API is.
        url: String,
    },
    /// PagerDuty's Events API v2.
    PagerDuty {
        /// The integration's key.
        routing_key: SecretSource,
        /// Where events are taken.
        url: String,
    },
    /// Any receiver of JSON.
    Webhook {
        /// Its URL.
        url: Address,
        /// What messages are signed with.
        secret: Option<SecretSource>,
    },
    /// A component of an Atlassian Statuspage.
    Statuspage {
        /// The API key.
        api_key: SecretSource,
        /// The page's id.
        page: String,
        /// The component's id.
        component: String,
        /// The component's name for readers.
        title: String,
        /// Where the API is.
        url: String,
    },
}

/// Where a secret is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// In a variable of cutover's own environment.
    Variable(String),
    /// In a file.
    File(PathBuf),
}

/// A URL that may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// It is none.
    Plain(String),
    /// It is one.
    Secret(SecretSource),
}

impl Channel {
    /// The word for its kind.
    pub fn kind(&self) -> &'static str {
        match self.receiver {
            Receiver::Sns { .. } => "sns",
            Receiver::SlackWebhook { .. } | Receiver::SlackThread { .. } => "slack",
            Receiver::PagerDuty { .. } => "pagerduty",
            Receiver::Webhook { .. } => "webhook",
            Receiver::Statuspage { .. } => "statuspage",
        }
    }

    /// Whether it is a public status page.
    pub fn is_page(&self) -> bool {
        matches!(self.receiver, Receiver::Statuspage { .. })
    }

    /// The variables that its secrets are in.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        self.secrets().into_iter().filter_map(|source| match source {
            SecretSource::Variable(name) => Some(name.as_str()),
            SecretSource::File(_) => None,
        })
    }

    fn secrets(&self) -> Vec<&SecretSource> {
        match &self.receiver {
            Receiver::Sns { .. } => Vec::new(),
            Receiver::SlackWebhook { url: secret }
            | Receiver::SlackThread { token: secret, .. }
            | Receiver::PagerDuty { routing_key: secret, .. }
            | Receiver::Statuspage { api_key: secret, .. } => vec![secret],
            Receiver::Webhook { url, secret } => {
                let url = match url {
                    Address::Plain(_) => None,
                    Address::Secret(source) => Some(source),
                };
                url.into_iter().chain(secret).collect()
            }
        }
    }

    /// Changes the paths of the files that its secrets are in.
    pub(super) fn resolve(&mut self, path: impl Fn(&std::path::Path) -> PathBuf) {
        let sources: Vec<&mut SecretSource> = match &mut self.receiver {
            Receiver::Sns { .. } => Vec::new(),
            Receiver::SlackWebhook { url: secret }
            | Receiver::SlackThread { token: secret, .. }
            | Receiver::PagerDuty { routing_key: secret, .. }
            | Receiver::Statuspage { api_key: secret, .. } => vec![secret],
            Receiver::Webhook { url, secret } => {
                let url = match url {
                    Address::Plain(_) => None,
                    Address::Secret(source) => Some(source),
                };
                url.into_iter().chain(secret).collect()
            }
        };
        for source in sources {
            if let SecretSource::File(file) = source {
                *file = path(file);
            }
        }
    }
}
