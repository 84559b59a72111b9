//! What the simulated service says at each of its places.

use serde_json::json;

use super::AppRequest;
use crate::domain::time::Timestamp;
use crate::sim::scenario::schema::{Answers, App, Page};
use crate::sim::world::logs::iso;

/// Headers that keep browsers safe.
const SECURITY: [(&str, &str); 4] = [
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ("x-frame-options", "DENY"),
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", "default-src 'self'"),
];

/// Everything that an answer depends on.
pub(super) struct Scene<'a> {
    pub(super) app: &'a App,
    pub(super) pages: &'a [Page],
    pub(super) answers: &'a Answers,
    pub(super) version: &'a str,
    pub(super) now: Timestamp,
    /// The path that the load balancer's health checks ask for.
    pub(super) health_path: &'a str,
    /// Health checks fail.
    pub(super) is_unwell: bool,
    /// Whatever does real work fails.
    pub(super) fails: bool,
    pub(super) luck: u64,
}

/// An answer.
pub(super) struct Said {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
    /// It took no real work.
    pub(super) is_light: bool,
}

impl Scene<'_> {
    pub(super) fn answer(&self, request: &AppRequest, path: &str) -> Said {
        let mut said = self.say(request, path);
        let is_kept = |name: &str| !self.answers.without_headers.iter().any(|left| left.eq_ignore_ascii_case(name));
        let safe = SECURITY.iter().filter(|(name, _)| is_kept(name));
        said.headers.extend(safe.map(|(name, value)| header(name, value)));
        if self.is_friend(request) {
            said.headers.push(header("access-control-allow-origin", &self.app.site));
            said.headers.push(header("access-control-allow-credentials", "true"));
            said.headers.push(header("vary", "Origin"));
        }
        said
    }

    fn say(&self, request: &AppRequest, path: &str) -> Said {
        if let Some(page) = self.page(request, path) {
            return page;
        }
        match (request.method.as_str(), path) {
            ("GET" | "HEAD", "/healthz") if self.is_unwell => light(503, json!({"status": "failing"})),
            ("GET" | "HEAD", "/healthz") => light(200, json!({"status": "ok"})),
            ("GET" | "HEAD", "/version") => {
                let version = self.answers.version.as_deref().unwrap_or(self.version);
                light(200, json!({"version": version, "time": iso(self.now - self.answers.time_off)}))
            }
            ("GET" | "HEAD", "/ready") => {
                let database = self.answers.database.as_str();
                let free = 20 - self.luck % 15;
                let pool = json!({"size": 20, "free": free});
                light(if database == "ok" { 200 } else { 503 }, json!({"database": database, "pool": pool}))
            }
            ("GET" | "HEAD", "/auth/google/login") => self.login(),
            ("GET" | "HEAD", "/auth/me") => match request.header("cookie") {
                Some(cookies) if cookies.contains("session=") => light(200, json!({"user": "ada"})),
                _ => light(401, json!({"error": "not signed in"})),
            },
            ("GET" | "POST", "/session") => {
                let mut said = light(if request.method == "POST" { 201 } else { 200 }, json!({"csrf": self.token(1)}));
                said.headers.push(self.cookie("session", &self.token(2)));
                said
            }
            ("OPTIONS", _) if self.is_friend(request) => {
                let mut said = light(204, json!(null));
                said.body.clear();
                said.headers.push(header("access-control-allow-methods", "GET, POST, PUT, DELETE"));
                said.headers.push(header("access-control-allow-headers", "content-type, authorization"));
                said
            }
            _ if self.fails => heavy(500, json!({"error": "internal error"})),
            ("GET" | "HEAD", "/") => heavy(200, json!({"service": self.app.family, "version": self.version})),
            _ => heavy(404, json!({"error": "not found"})),
        }
    }

    /// What a place of the scenario's own says; while health checks fail, so does what answers them.
    fn page(&self, request: &AppRequest, path: &str) -> Option<Said> {
        let method = if request.method == "HEAD" { "GET" } else { request.method.as_str() };
        let page = self.pages.iter().find(|page| page.method == method && page.path == path)?;
        if self.is_unwell && path == self.health_path {
            return Some(light(503, json!({"status": "failing"})));
        }
        let version = self.answers.version.as_deref().unwrap_or(self.version);
        let now = iso(self.now - self.answers.time_off);
        let body = page.body.replace("${version}", version).replace("${time}", &now);
        let mut said = light(page.status, json!(null));
        let names_type = page.headers.keys().any(|name| name.eq_ignore_ascii_case("content-type"));
        said.headers.retain(|_| !names_type && !body.is_empty());
        said.headers.extend(page.headers.iter().map(|(name, value)| header(&name.to_ascii_lowercase(), value)));
        said.body = body;
        Some(said)
    }

    /// Sends the user to sign in elsewhere, and says where to come back to.
    fn login(&self) -> Said {
        let callback = self.answers.callback_host.as_deref().unwrap_or(&self.app.host);
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", &format!("{}.apps.googleusercontent.com", self.app.family))
            .append_pair("redirect_uri", &format!("https://{callback}/auth/google/callback"))
            .append_pair("response_type", "code")
            .append_pair("scope", "openid email")
            .append_pair("state", &self.token(3))
            .finish();
        let place = format!("https://{}/o/oauth2/v2/auth?{query}", self.answers.login_host);
        let mut said = light(302, json!(null));
        said.body.clear();
        said.headers.push(header("location", &place));
        said.headers.push(self.cookie("oauth_state", &self.token(3)));
        said
    }

    fn cookie(&self, name: &str, value: &str) -> (String, String) {
        let flags = &self.answers.cookie;
        let flags = if flags.is_empty() { String::new() } else { format!("; {flags}") };
        header("set-cookie", &format!("{name}={value}; Path=/{flags}"))
    }

    /// Something that nobody can guess and that the same seed gives again.
    fn token(&self, salt: u64) -> String {
        format!("{:016x}", self.luck.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(13).wrapping_add(salt))
    }

    /// Whether the script of the site asks.
    fn is_friend(&self, request: &AppRequest) -> bool {
        self.answers.cors && request.header("origin") == Some(self.app.site.as_str())
    }
}

fn light(status: u16, body: serde_json::Value) -> Said {
    Said { is_light: true, ..heavy(status, body) }
}

fn heavy(status: u16, body: serde_json::Value) -> Said {
    Said { status, headers: vec![header("content-type", "application/json")], body: body.to_string(), is_light: false }
}

fn header(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}
