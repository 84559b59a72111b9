//! Lines about requests, made from the sixteen bytes that are remembered of each.

use std::fmt::Write as _;

use super::iso;
use crate::sim::world::World;
use crate::sim::world::traffic::{Request, Side};

/// From here on, in milliseconds, a request is worth a warning.
const SLOW: f32 = 800.0;

const ROUTES: [(&str, &str); 8] = [
    ("GET", "/cart"),
    ("GET", "/products"),
    ("GET", "/products/{id}"),
    ("POST", "/cart/items"),
    ("POST", "/checkout"),
    ("GET", "/orders/{id}"),
    ("GET", "/search"),
    ("PUT", "/account"),
];

/// What a hostile application logs: whoever shows it must not obey it.
const HOSTILE: [&str; 6] = [
    "\u{1b}[2J\u{1b}[H\u{1b}[31mALL SYSTEMS DOWN\u{1b}[0m",
    "\u{1b}]0;renamed terminal\u{7}\u{1b}]52;c;ZXZpbA==\u{7}",
    "user \u{202e}nimda\u{202c} logged in \u{2066}from\u{2069} nowhere",
    "aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY password=hunter2",
    "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJkZW1vIn0.c2lnbmF0dXJlLXRoYXQtaXMtbm90LW9uZQ",
    "progress 10%\rprogress 100%\u{8}\u{8}\u{8}\u{0}\u{200b}\u{feff} done",
];

impl World {
    /// Whether the application logged this request: all that went wrong, and a share of the rest.
    pub(super) fn is_logged(&self, request: &Request) -> bool {
        request.status >= 500 || request.latency > SLOW || self.is_in_request_log(request)
    }

    /// Whether the request is in the request log, a share of all of them whatever became of them: only then do its lines say what
    /// share failed and how long the others took.
    fn is_in_request_log(&self, request: &Request) -> bool {
        let share = (self.schema.logs.requests.probability() * 4_096.0) as u32;
        (request.salt >> 20) < share
    }

    /// The line about a request.
    pub(super) fn render(&self, request: &Request) -> String {
        let at = self.origin + std::time::Duration::from_millis(u64::from(request.at));
        let (method, route) = ROUTES.get(request.salt as usize % ROUTES.len()).copied().unwrap_or(("GET", "/"));
        let member = self.ecs.roster.get(usize::from(request.task));
        let (task, version) = member.map_or(("", ""), |member| (member.id.as_str(), member.version.as_str()));
        let duration = request.latency.round() as u32;
        let (level, message) = self.message(request, member.map(|member| member.side));
        let mut line = String::with_capacity(320);
        // Writing to a string cannot fail.
        let _infallible = write!(
            line,
            "{{\"time\":\"{}\",\"level\":\"{level}\",\"request_id\":\"{:08x}{:08x}\",\"method\":\"{method}\",\"route\":\"{route}\",",
            iso(at),
            request.salt,
            request.salt.wrapping_mul(0x9e37_79b9) ^ request.at,
        );
        if self.is_in_request_log(request) {
            let _infallible = write!(line, "\"status\":{},\"duration_ms\":{duration},", request.status);
        }
        let _infallible = write!(line, "\"task\":\"{task}\",\"version\":\"{version}\",\"message\":{message}");
        if request.status >= 500 {
            line.push_str(
                ",\"error\":\"UpstreamError\",\"trace\":\"UpstreamError: payments answered 503\\n    at charge (/app/payments.js:88:11)\\n    \
                 at checkout (/app/checkout.js:41:5)\"",
            );
        }
        line.push('}');
        line
    }

    /// Level and message (as JSON) of the line about a request.
    fn message(&self, request: &Request, side: Option<Side>) -> (&'static str, String) {
        if self.schema.logs.hostile && request.salt.is_multiple_of(16) {
            let index = request.salt as usize / 16 % HOSTILE.len();
            let text = HOSTILE.get(index).copied().unwrap_or_default();
            let text = if request.salt.is_multiple_of(256) { text.repeat(40) } else { text.to_owned() };
            return ("INFO", raw_json(&text));
        }
        if request.status >= 500 {
            let regression = side == Some(Side::New) && self.schema.new.errors > self.schema.old.errors;
            let text = if regression { "cannot price cart: discount rule is null" } else { "payments did not answer" };
            return ("ERROR", raw_json(text));
        }
        if request.latency > SLOW {
            return ("WARN", raw_json(&format!("pool wait {} ms", (request.latency * 0.8).round())));
        }
        ("INFO", "\"request handled\"".to_owned())
    }
}

/// A JSON string that keeps control characters as they are, which a careless logger does; only quotes are escaped.
fn raw_json(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
