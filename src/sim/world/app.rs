//! The simulated service itself, as HTTP clients see it.

use std::time::Duration;

use serde_json::json;

use super::World;
use super::logs::iso;
use super::traffic::{Backend, Side};

/// A request to the simulated service.
#[derive(Clone, Debug)]
pub struct AppRequest {
    /// The host asked for, without its port.
    pub host: String,
    /// `GET` and so on.
    pub method: String,
    /// The path, with its query.
    pub path: String,
    /// Headers in the order sent; names in lower case.
    pub headers: Vec<(String, String)>,
}

/// What the service answers.
#[derive(Clone, Debug)]
pub enum AppResponse {
    /// An answer.
    Answered {
        /// The status.
        status: u16,
        /// Headers; names in lower case.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
        /// How long the answer takes.
        latency: Duration,
    },
    /// Nothing listens there.
    Refused,
    /// There is no such host.
    UnknownHost,
}

impl World {
    /// The simulated service's answer to an HTTP request. A service's test host reaches that side whatever its weight;
    /// every other host goes the way that users go.
    pub fn http(&mut self, request: &AppRequest) -> AppResponse {
        let path = request.path.split('?').next().unwrap_or("/");
        let test_side = self.schema.service.iter().position(|service| {
            service.test_host.as_deref().is_some_and(|host| host.eq_ignore_ascii_case(&request.host))
        });
        let backend = if let Some(index) = test_side {
            let backends = self.backends(index, self.now);
            let turn = self.streams.app.bits() as usize;
            backends.get(turn.checked_rem(backends.len()).unwrap_or(0)).copied()
        } else if request.host.eq_ignore_ascii_case(&self.schema.app.host) || self.is_load_balancer(&request.host) {
            let luck = self.streams.app.bits() as u32;
            self.routing(&self.schema.app.host, path, self.now).pick(luck).map(|(_, backend)| backend)
        } else {
            return AppResponse::UnknownHost;
        };
        match backend {
            Some(backend) if backend.listening => self.answer(request, path, backend),
            // A load balancer without targets answers 503; a test host leads to the task itself.
            None if test_side.is_none() => {
                plain(503, "<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>")
            }
            Some(_) if test_side.is_none() => plain(502, "<html><body><h1>502 Bad Gateway</h1></body></html>"),
            _ => AppResponse::Refused,
        }
    }

    fn is_load_balancer(&self, host: &str) -> bool {
        self.describe_load_balancers(&[], &[])
            .is_ok_and(|balancers| balancers.iter().any(|balancer| balancer.dns_name.eq_ignore_ascii_case(host)))
    }

    fn answer(&mut self, request: &AppRequest, path: &str, backend: Backend) -> AppResponse {
        let luck = self.streams.app.bits();
        let outcome = self.traffic.outcome(backend, self.weather(self.now), luck);
        let profile = if backend.side == Side::Old { &self.schema.old } else { &self.schema.new };
        let unwell = self.streams.health.chance(profile.health_check_failures.probability());
        let version = self.ecs.roster.get(usize::from(backend.task)).map_or("", |member| &member.version);
        let (status, body) = match (request.method.as_str(), path) {
            ("GET" | "HEAD", "/healthz") if unwell => (503, json!({"status": "failing"})),
            ("GET" | "HEAD", "/healthz") => (200, json!({"status": "ok"})),
            ("GET" | "HEAD", "/version") => (200, json!({"version": version, "time": iso(self.now)})),
            ("GET" | "HEAD", "/ready") => (200, json!({"database": "ok"})),
            _ if outcome.status >= 500 => (500, json!({"error": "internal error"})),
            ("GET" | "HEAD", "/") => (200, json!({"service": self.schema.app.family, "version": version})),
            _ => (404, json!({"error": "not found"})),
        };
        let body = if request.method == "HEAD" { String::new() } else { body.to_string() };
        let headers = [
            ("content-type", "application/json"),
            ("strict-transport-security", "max-age=31536000; includeSubDomains"),
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'self'"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let latency = Duration::from_secs_f64(f64::from(outcome.latency.max(0.0)) / 1_000.0);
        AppResponse::Answered { status, headers, body, latency }
    }
}

fn plain(status: u16, body: &str) -> AppResponse {
    let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
    AppResponse::Answered { status, headers, body: body.to_owned(), latency: Duration::from_millis(5) }
}
