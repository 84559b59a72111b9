//! Receivers of messages that are not AWS's: Slack, PagerDuty, Statuspage and any webhook. They take what the real ones
//! take, refuse what these refuse, and keep what they were sent.

mod pager;
mod pages;
mod slack;

use serde_json::{Value, json};

use super::World;
use crate::domain::time::Timestamp;

pub use pager::PagerIncident;
pub use pages::PageIncident;
pub use slack::SlackMessage;

/// Who a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Receiver {
    /// Slack's incoming webhooks and its Web API.
    Slack,
    /// PagerDuty's Events API.
    PagerDuty,
    /// Atlassian Statuspage.
    Statuspage,
    /// Any other.
    Webhook,
}

impl Receiver {
    /// Who takes requests to this path.
    pub fn of_path(path: &str) -> Option<Self> {
        let is_at = |prefix: &str| path.starts_with(prefix);
        if is_at("/services/") || is_at("/api/chat.") || is_at("/api/conversations.") {
            Some(Self::Slack)
        } else if is_at("/v2/enqueue") || is_at("/v2/change/enqueue") {
            Some(Self::PagerDuty)
        } else if is_at("/v1/pages/") {
            Some(Self::Statuspage)
        } else if is_at("/hooks/") {
            Some(Self::Webhook)
        } else {
            None
        }
    }

    /// The name that fault rules filter on.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::PagerDuty => "pagerduty",
            Self::Statuspage => "statuspage",
            Self::Webhook => "webhook",
        }
    }
}

/// A request to a receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// When it came.
    pub at: Timestamp,
    /// Who it was for.
    pub receiver: Receiver,
    /// `POST` and so on.
    pub method: String,
    /// Path, without its query.
    pub path: String,
    /// Query, without the question mark; empty when there is none.
    pub query: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body, as text.
    pub body: String,
    /// The status that it was answered with.
    pub status: u16,
}

impl Letter {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What a receiver answers.
#[derive(Clone, Debug, PartialEq)]
pub struct LetterReply {
    /// Status.
    pub status: u16,
    /// Body.
    pub body: String,
}

impl LetterReply {
    fn json(status: u16, body: &Value) -> Self {
        Self { status, body: body.to_string() }
    }

    fn text(status: u16, body: &str) -> Self {
        Self { status, body: body.to_owned() }
    }
}

/// What the receivers hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Inbox {
    letters: Vec<Letter>,
    slack: slack::Slack,
    pager: pager::Pager,
    pages: pages::Pages,
}

impl World {
    /// Takes a request to a receiver, and answers it.
    pub fn receive(&mut self, mut letter: Letter) -> LetterReply {
        letter.at = self.now;
        let inbox = &mut self.inbox;
        let reply = match letter.receiver {
            Receiver::Slack => inbox.slack.receive(&letter),
            Receiver::PagerDuty => inbox.pager.receive(&letter),
            Receiver::Statuspage => inbox.pages.receive(&letter),
            Receiver::Webhook => LetterReply::json(200, &json!({ "received": true })),
        };
        letter.status = reply.status;
        inbox.letters.push(letter);
        reply
    }

    /// Every request that a receiver has taken, oldest first.
    pub fn letters(&self, receiver: Receiver) -> Vec<Letter> {
        self.inbox.letters.iter().filter(|letter| letter.receiver == receiver).cloned().collect()
    }

    /// What stands in Slack, oldest first.
    pub fn slack_messages(&self) -> &[SlackMessage] {
        &self.inbox.slack.messages
    }

    /// The incidents at PagerDuty, oldest first.
    pub fn pager_incidents(&self) -> &[PagerIncident] {
        &self.inbox.pager.incidents
    }

    /// The incidents on the status page, oldest first.
    pub fn page_incidents(&self) -> &[PageIncident] {
        &self.inbox.pages.incidents
    }

    /// What the status page has said of a component, oldest first.
    pub fn page_statuses(&self, component: &str) -> Vec<String> {
        let said = self.inbox.pages.statuses.iter();
        said.filter(|(of, _)| of == component).map(|(_, status)| status.clone()).collect()
    }
}
