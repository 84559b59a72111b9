//! PagerDuty's Events API v2: one incident a release, opened when somebody must come, acknowledged when somebody acts,
//! resolved when the release is out of danger.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::http::{Http, Line, Request};
use super::words::{cut, rfc3339};
use super::{Notifier, Secret};
use crate::domain::effect::{Failure, Notice, Severity};
use crate::domain::notice::{Facts, Route, Transition};
use crate::domain::release::{Ending, Status};

/// Longest summary, in characters.
const SUMMARY: usize = 1_024;

/// Longest key that incidents are told apart by, in characters.
const DEDUP_KEY: usize = 255;

/// A service of PagerDuty, by its integration.
///
/// An incident has the release's tag as its key, so that PagerDuty itself takes a repeated event for what it is.
#[derive(Debug)]
pub struct PagerDuty {
    line: Line,
    base: String,
    routing_key: Secret,
    route: Route,
}

/// What an event does to the release's incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Trigger,
    Acknowledge,
    Resolve,
}

impl Action {
    fn word(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Acknowledge => "acknowledge",
            Self::Resolve => "resolve",
        }
    }
}

impl PagerDuty {
    /// The integration with this key; `base` is where events are taken, without a slash at its end. The route says what
    /// opens an incident; whatever it says, an open one is acknowledged and resolved.
    pub fn new(http: Http, base: String, routing_key: Secret, route: Route) -> Self {
        Self { line: Line::new(http), base, routing_key, route }
    }

    fn action(&self, notice: &Notice) -> Option<Action> {
        let facts = &notice.facts;
        if !self.route.covers(facts) {
            return None;
        }
        let is_wanted = self.route.wants(notice.severity, facts);
        match facts.transition {
            // The way back has come to a good end, or there was none: nobody needs to come any more.
            Transition::Ended if facts.status != Status::Ended(Ending::RollbackFailed) => Some(Action::Resolve),
            Transition::Test => None,
            _ if is_wanted => Some(Action::Trigger),
            Transition::GoingBack | Transition::Paused if facts.actor.is_some() => Some(Action::Acknowledge),
            // Somebody has decided what it was waiting for.
            Transition::Step => Some(Action::Resolve),
            _ => None,
        }
    }

    fn event(&self, action: Action, notice: &Notice) -> Value {
        let key = dedup_key(&notice.facts);
        let mut event = json!({
            "routing_key": self.routing_key.expose(),
            "event_action": action.word(),
            "dedup_key": key,
        });
        if action == Action::Trigger
            && let Some(fields) = event.as_object_mut()
        {
            fields.insert("client".to_owned(), json!("cutover"));
            fields.insert("payload".to_owned(), payload(notice));
        }
        event
    }

    async fn enqueue(&self, path: &str, event: &Value) -> Result<(), Failure> {
        let request = Request::json(http::Method::POST, format!("{}{path}", self.base), event);
        self.line.call(request).await.map(drop)
    }
}

#[async_trait]
impl Notifier for PagerDuty {
    async fn send(&self, notice: &Notice, _attempt: u32) -> Result<(), Failure> {
        if notice.facts.transition == Transition::Test {
            // A change event shows that the key is right, and wakes nobody.
            let payload = json!({
                "summary": cut(&notice.subject, SUMMARY),
                "source": "cutover",
                "timestamp": rfc3339(notice.facts.at),
            });
            let event = json!({ "routing_key": self.routing_key.expose(), "payload": payload });
            return self.enqueue("/v2/change/enqueue", &event).await;
        }
        match self.action(notice) {
            Some(action) => self.enqueue("/v2/enqueue", &self.event(action, notice)).await,
            None => Ok(()),
        }
    }
}

fn payload(notice: &Notice) -> Value {
    let facts = &notice.facts;
    let verdicts: Vec<String> = facts
        .findings
        .iter()
        .map(|finding| format!("{} {}: {}", finding.signal, finding.ruling.word(), finding.reason))
        .collect();
    let commands: Vec<&str> = facts.hints.iter().map(|hint| hint.typed.as_str()).collect();
    let mut payload = json!({
        "summary": cut(&notice.subject, SUMMARY),
        "source": format!("{}/{}", facts.environment, facts.component),
        "severity": match notice.severity {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        },
        "timestamp": rfc3339(facts.at),
        "component": facts.component,
        "group": facts.environment,
        "class": facts.transition.word(),
        "custom_details": {
            "release": facts.release,
            "version": format!("{} → {}", facts.from, facts.to),
            "status": facts.status.word(),
            "stage": facts.stage,
            "green's weight": facts.weight(),
            "why": facts.detail,
            "by": facts.by(),
            "verdicts": verdicts,
            "commands": commands,
        },
    });
    // One component is what `version` and `green's weight` tell of.
    if !facts.others.is_empty()
        && let Some(details) = payload.get_mut("custom_details").and_then(Value::as_object_mut)
    {
        let told = facts
            .components()
            .map(|(name, versions, weight)| (name.to_string(), json!(format!("{versions}, green {weight}"))));
        details.insert("components".to_owned(), Value::Object(told.collect()));
    }
    payload
}

/// The release's tag; the end of a long one is what tells releases apart.
fn dedup_key(facts: &Facts) -> String {
    let key: Vec<char> = format!("cutover/{}", facts.tag()).chars().collect();
    key.iter().skip(key.len().saturating_sub(DEDUP_KEY)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_component_of_a_release_is_told_of() {
        let facts = crate::notify::testing::of_two();
        let notice = |facts: Facts| Notice {
            channel: "pager".to_owned(),
            key: "production/api/41/r1/waiting".to_owned(),
            severity: Severity::Critical,
            subject: "waits".to_owned(),
            body: String::new(),
            facts: Box::new(facts),
        };
        let told = payload(&notice(facts.clone()))["custom_details"]["components"].clone();
        assert_eq!(
            told,
            json!({ "api": "1 → 2, green set 10 %, observed 10 %", "web": "7 → 8, green set 50 %, not read back yet" })
        );
        let alone = Facts { others: Vec::new(), ..facts };
        assert_eq!(payload(&notice(alone))["custom_details"].get("components"), None);
    }
}
