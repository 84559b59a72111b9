//! What checks ask: the simulated applications, and front ends that are nobody's simulation.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use cutover::domain::check::{Certificate, Fetched, NoAnswer, Request};
use cutover::domain::release::StageStatus;
use cutover::engine::snapshot::Snapshot;
use cutover::sim::Sim;
use cutover::web::Web;
use tokio::sync::watch;

use crate::web::InProcess;

const DAY: Duration = Duration::from_hours(24);

/// Where the release stands, once its engine is there.
pub(crate) type Seen = Arc<OnceLock<watch::Receiver<Arc<Snapshot>>>>;

/// Asks the applications, or the front end where nobody else has the host.
pub(crate) struct Visitor {
    pub(crate) apps: InProcess,
    pub(crate) seen: Seen,
    /// While this stage runs, whatever is asked answers with 500.
    pub(crate) broken_in: Option<usize>,
}

impl Visitor {
    fn is_broken(&self) -> bool {
        let stage = |index: usize| self.seen.get()?.borrow().release.stages.get(index).map(|stage| stage.status);
        self.broken_in.and_then(stage) == Some(StageStatus::Running)
    }

    fn clock(&self) -> &Sim {
        &self.apps.0[0]
    }
}

#[async_trait]
impl Web for Visitor {
    async fn fetch(&self, request: &Request, timeout: Duration) -> Result<Fetched, NoAnswer> {
        if self.is_broken() {
            return Ok(self.answer(request, 500, Vec::new()));
        }
        match self.apps.fetch(request, timeout).await {
            Err(NoAnswer::Refused(_)) => {}
            answered => return answered,
        }
        if let Some(rest) = request.url.strip_prefix("http://") {
            return Ok(self.answer(request, 301, vec![("location".to_owned(), format!("https://{rest}"))]));
        }
        let safe = [
            ("content-type", "text/html; charset=utf-8"),
            ("strict-transport-security", "max-age=31536000"),
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'self'"),
        ];
        let headers = safe.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Ok(self.answer(request, 200, headers))
    }
}

impl Visitor {
    fn answer(&self, request: &Request, status: u16, headers: Vec<(String, String)>) -> Fetched {
        let now = self.clock().clock().now();
        let certificate = Certificate {
            names: vec!["the front end".to_owned()],
            issuer: "Simulated Authority".to_owned(),
            not_before: now - DAY,
            not_after: now + 90 * DAY,
        };
        Fetched {
            status,
            headers,
            body: b"<html></html>".to_vec(),
            is_cut: false,
            took: Duration::from_millis(40),
            certificate: Some(certificate).filter(|_| request.url.starts_with("https:")),
        }
    }
}
