//! Where an answer leads.

use url::Url;

use super::evaluate::{Findings, either};
use super::headers::text;
use super::words::quote;
use super::{Fetched, RedirectRule, Request};

/// Headers that are not for another host.
const PRIVATE: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// Adds a result for each thing that the rule says.
pub(super) fn hold(findings: &mut Findings<'_>, asked: &str, rule: &RedirectRule) {
    let answer = findings.answer;
    let passed = if rule.status.is_empty() { answer.is_redirect() } else { rule.status.contains(&answer.status) };
    let statuses: &[u16] = if rule.status.is_empty() { &[301, 302, 303, 307, 308] } else { &rule.status };
    findings.add("redirect", passed, either(statuses.iter()), answer.status.to_string());
    let Some(location) = answer.header("location") else {
        return findings.add("location", false, "a place to go to", "missing");
    };
    let Some(place) = Url::parse(asked).ok().and_then(|asked| asked.join(location).ok()) else {
        return findings.add("location", false, "a place to go to", quote(location));
    };
    if let Some(scheme) = &rule.scheme {
        findings.add("to scheme", place.scheme() == scheme, scheme.clone(), quote(place.scheme()));
    }
    if let Some(host) = &rule.host {
        let found = authority(&place);
        findings.add("to host", found.eq_ignore_ascii_case(host), quote(host), quote(&found));
    }
    if let Some(path) = &rule.path {
        findings.add("to path", place.path() == path, quote(path), quote(place.path()));
    }
    for (name, rule) in &rule.query {
        let found = place.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value);
        let (passed, wanted, found) = text(rule, found.as_deref());
        findings.add(name, passed, wanted, found);
    }
}

/// `host`, with its port where that is not the scheme's own.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The request that a browser would send next, if the answer leads elsewhere. What is private to one host is not sent
/// to another, and nothing goes from TLS to no TLS.
pub fn follow(request: &Request, answer: &Fetched) -> Option<Request> {
    let location = answer.header("location").filter(|_| answer.is_redirect())?;
    let from = Url::parse(&request.url).ok()?;
    let to = from.join(location).ok().filter(|to| matches!(to.scheme(), "http" | "https"))?;
    if from.scheme() == "https" && to.scheme() == "http" {
        return None;
    }
    let mut next = Request { url: to.to_string(), ..request.clone() };
    if answer.status == 303 || (request.method == "POST" && matches!(answer.status, 301 | 302)) {
        "GET".clone_into(&mut next.method);
        next.body = None;
    }
    if authority(&from) != authority(&to) {
        next.connect = None;
        next.headers_from.clear();
        next.headers.retain(|name, _| name != "host" && !PRIVATE.contains(&name.as_str()));
    }
    Some(next)
}
