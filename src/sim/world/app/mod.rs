//! The simulated service itself, as HTTP clients see it.

mod answers;

use std::time::Duration;

use super::World;
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
    /// Headers in the order sent; names in lower case. As a load balancer does, `x-forwarded-proto` says that it came
    /// without TLS and `x-forwarded-port` to which port; without them it came over TLS to the usual one.
    pub headers: Vec<(String, String)>,
}

impl AppRequest {
    /// The value of the first header of this name.
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
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
    /// The simulated service's answer to an HTTP request. A service's test host reaches that side whatever its weight,
    /// and so do the test listener's port and the test header; everything else goes the way that users go.
    pub fn http(&mut self, request: &AppRequest) -> AppResponse {
        let path = request.path.split('?').next().unwrap_or("/");
        let is_asked =
            |host: &Option<String>| host.as_deref().is_some_and(|host| host.eq_ignore_ascii_case(&request.host));
        let test_host =
            self.schema.groups().find(|(_, host)| is_asked(host)).and_then(|(name, _)| self.group_named(name));
        let is_public =
            request.host.eq_ignore_ascii_case(&self.schema.app.host) || self.is_load_balancer(&request.host);
        if test_host.is_none() && !is_public {
            return AppResponse::UnknownHost;
        }
        if self.schema.app.https_redirect && request.header("x-forwarded-proto") == Some("http") {
            return moved(&format!("https://{}{}", request.host, request.path));
        }
        let backend = if let Some(index) = test_host.or_else(|| self.tested(request, path)) {
            let backends = self.backends(index, self.now);
            let turn = self.streams.app.bits() as usize;
            backends.get(turn.checked_rem(backends.len()).unwrap_or(0)).copied()
        } else {
            let luck = self.streams.app.bits() as u32;
            self.routing(&self.schema.app.host, path, self.now).pick(luck).map(|(_, backend)| backend)
        };
        match backend {
            Some(backend) if backend.listening => self.answer(request, path, backend),
            // A load balancer without targets answers 503; a test host leads to the task itself.
            None if test_host.is_none() => {
                plain(503, "<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>")
            }
            Some(_) if test_host.is_none() => plain(502, "<html><body><h1>502 Bad Gateway</h1></body></html>"),
            _ => AppResponse::Refused,
        }
    }

    /// The service that a request at the public host names: by the test header, or by coming to the test listener, which
    /// leads to whichever users get least of.
    fn tested(&self, request: &AppRequest, path: &str) -> Option<usize> {
        let app = &self.schema.app;
        if let Some(wanted) = request.header(&app.test_header) {
            let is_it =
                |group: &str| group == wanted || group.strip_suffix(wanted).is_some_and(|start| start.ends_with('-'));
            return self.schema.groups().find(|(group, _)| is_it(group)).and_then(|(name, _)| self.group_named(name));
        }
        let port: u16 = request.header("x-forwarded-port")?.parse().ok()?;
        if port == app.test_port { self.tested_group(&app.host, path) } else { None }
    }

    /// The index of the target group of this name.
    fn group_named(&self, name: &str) -> Option<usize> {
        self.elb.groups.iter().position(|group| group.view.name == name)
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
        let scene = answers::Scene {
            app: &self.schema.app,
            pages: &self.schema.page,
            health_path: &self.schema.health_check.path,
            answers: &profile.answers,
            version,
            now: self.now,
            is_unwell: unwell,
            fails: outcome.status >= 500,
            luck,
        };
        let answer = scene.answer(request, path);
        let work = Duration::from_secs_f64(f64::from(outcome.latency.max(0.0)) / 1_000.0);
        // What does not look at any order is quick.
        let work = if answer.is_light { work / 8 } else { work };
        AppResponse::Answered {
            status: answer.status,
            headers: answer.headers,
            body: if request.method == "HEAD" { String::new() } else { answer.body },
            latency: work + profile.answers.delay,
        }
    }
}

/// A load balancer's way of sending users to TLS.
fn moved(place: &str) -> AppResponse {
    AppResponse::Answered {
        status: 301,
        headers: vec![("location".to_owned(), place.to_owned()), ("content-type".to_owned(), "text/html".to_owned())],
        body: "<html><body><h1>301 Moved Permanently</h1></body></html>".to_owned(),
        latency: Duration::from_millis(5),
    }
}

fn plain(status: u16, body: &str) -> AppResponse {
    let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
    AppResponse::Answered { status, headers, body: body.to_owned(), latency: Duration::from_millis(5) }
}
