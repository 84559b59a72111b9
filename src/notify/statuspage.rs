//! A public page at Atlassian Statuspage: what it says of the component, and an incident while a release is taken back.
//!
//! Everybody can read it, so it says nothing of causes, hosts, people or versions.

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::http::{Http, Line, Request};
use super::{Notifier, Secret, transient};
use crate::domain::effect::{Failure, Notice};
use crate::domain::notice::{Facts, PageStatus, Route, Transition};
use crate::domain::release::{Ending, Status};

/// A component of a page.
#[derive(Debug)]
pub struct Statuspage {
    line: Line,
    key: Secret,
    page: Page,
    route: Route,
    /// Held while one message is sent, so that no two open an incident.
    turn: Mutex<()>,
}

/// Which component of which page, and what readers know it as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Where the API is, without a slash at its end.
    pub base: String,
    /// The page's id.
    pub page: String,
    /// The component's id.
    pub component: String,
    /// The component's name for readers.
    pub title: String,
}

/// A change of the page's incident.
#[derive(Clone, Copy, Debug)]
struct Report {
    status: &'static str,
    component: PageStatus,
    body: &'static str,
}

impl Statuspage {
    /// The component that `page` names, changed with an API key.
    pub fn new(http: Http, key: Secret, page: Page, route: Route) -> Self {
        Self { line: Line::new(http), key, page, route, turn: Mutex::default() }
    }

    fn url(&self, rest: &str) -> String {
        let Page { base, page, .. } = &self.page;
        format!("{base}/v1/pages/{page}{rest}")
    }

    async fn ask(&self, request: Request) -> Result<Value, Failure> {
        let request = request.with("authorization", format!("OAuth {}", self.key.expose()));
        Ok(self.line.call(request).await?.json())
    }

    async fn set_component(&self, status: PageStatus) -> Result<(), Failure> {
        let url = self.url(&format!("/components/{}", self.page.component));
        let body = json!({ "component": { "status": api_word(status) } });
        self.ask(Request::json(http::Method::PATCH, url, &body)).await.map(drop)
    }

    /// The open incident of this release. It is looked for each time: an answer that was lost must not open a second
    /// one, and a new engine goes on with the last one's.
    async fn incident(&self, facts: &Facts) -> Result<Option<Value>, Failure> {
        let open = self.ask(Request::get(self.url("/incidents/unresolved"))).await?;
        let Value::Array(open) = open else { return Err(transient("the list of incidents cannot be read")) };
        let tag = json!(facts.tag());
        Ok(open.into_iter().find(|incident| incident.pointer("/metadata/cutover/release") == Some(&tag)))
    }

    async fn report(&self, facts: &Facts, report: Report) -> Result<(), Failure> {
        let known = self.incident(facts).await?;
        let Page { component, title, .. } = &self.page;
        let body = format!("{title} {}", report.body);
        let mut incident = json!({
            "status": report.status,
            "body": body,
            "component_ids": [component],
            "components": { (component.clone()): api_word(report.component) },
        });
        match known {
            // Said before, and the answer lost.
            Some(known) if known.pointer("/incident_updates/0/body") == Some(&json!(body)) => return Ok(()),
            Some(known) => {
                let id = known.get("id").and_then(Value::as_str).unwrap_or_default();
                let body = json!({ "incident": incident });
                self.ask(Request::json(http::Method::PATCH, self.url(&format!("/incidents/{id}")), &body)).await
            }
            // What was never opened needs no end.
            None if report.status == "resolved" => return Ok(()),
            None => {
                if let Some(fields) = incident.as_object_mut() {
                    fields.insert("name".to_owned(), json!(format!("{title} is being restored")));
                    fields.insert("metadata".to_owned(), json!({ "cutover": { "release": facts.tag() } }));
                }
                let body = json!({ "incident": incident });
                self.ask(Request::json(http::Method::POST, self.url("/incidents"), &body)).await
            }
        }
        .map(drop)
    }
}

#[async_trait]
impl Notifier for Statuspage {
    async fn send(&self, notice: &Notice, _attempt: u32) -> Result<(), Failure> {
        let facts = &notice.facts;
        if facts.transition == Transition::Test {
            // A test must not show on a public page: it only reads.
            let url = self.url(&format!("/components/{}", self.page.component));
            return self.ask(Request::get(url)).await.map(drop);
        }
        if !self.route.covers(facts) {
            return Ok(());
        }
        let _turn = self.turn.lock().await;
        if let Some(report) = report_of(facts) {
            self.report(facts, report).await?;
        }
        match facts.page {
            Some(status) => self.set_component(status).await,
            None => Ok(()),
        }
    }
}

/// What readers are told; nothing while users have not met the new version, or nothing is wrong with it.
fn report_of(facts: &Facts) -> Option<Report> {
    if !facts.shifted {
        return None;
    }
    match (facts.transition, facts.status) {
        (Transition::GoingBack, _) => Some(Report {
            status: "identified",
            component: PageStatus::DegradedPerformance,
            body: "may respond slowly or with errors. We are restoring the previous version.",
        }),
        (Transition::Overdue, _) | (Transition::Ended, Status::Ended(Ending::RollbackFailed)) => Some(Report {
            status: "identified",
            component: PageStatus::PartialOutage,
            body: "is taking longer than expected to restore. We keep working on it.",
        }),
        (Transition::Ended, _) => {
            Some(Report { status: "resolved", component: PageStatus::Operational, body: "works as before." })
        }
        _ => None,
    }
}

/// The API's word.
fn api_word(status: PageStatus) -> &'static str {
    match status {
        PageStatus::Operational => "operational",
        PageStatus::UnderMaintenance => "under_maintenance",
        PageStatus::DegradedPerformance => "degraded_performance",
        PageStatus::PartialOutage => "partial_outage",
        PageStatus::MajorOutage => "major_outage",
    }
}
