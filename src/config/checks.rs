//! From the checks of a configuration to those of a release's plan: what is asked, and where.

use url::Url;

use super::model::{Check, Checks, Expected, JsonWanted, RedirectWanted, TextWanted, Via};
use super::template::Template;
use crate::domain::check::{Expect, HttpCheck, JsonExpectation, JsonRule, RedirectRule, Request, TextRule};

/// Where checks are asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places<'a> {
    /// Base URL that reaches alone the side that they are about.
    pub(super) side: Option<&'a str>,
    /// Base URL that users ask.
    pub(super) public: Option<&'a str>,
}

/// The plan of a stage's checks. What they need of the places has been looked at when the configuration was read.
pub(super) fn plan(checks: &Checks, places: Places<'_>, expand: &impl Fn(&Template) -> String) -> Vec<HttpCheck> {
    checks.all.iter().map(|check| one(checks, check, places, expand)).collect()
}

fn one(checks: &Checks, check: &Check, places: Places<'_>, expand: &impl Fn(&Template) -> String) -> HttpCheck {
    let mut redirect = check.redirect.as_ref().map(|wanted| redirect(wanted, expand));
    let mut request = Request {
        method: check.method.clone(),
        url: expand(&check.path),
        connect: None,
        headers: check.headers.iter().map(|(name, value)| (name.clone(), expand(value))).collect(),
        headers_from: check.headers_from.clone(),
        body: check.body.as_ref().map(expand),
        follow: check.follow,
        ca_file: checks.ca_file.as_ref().map(expand),
    };
    if request.url.starts_with('/') {
        reach(&mut request, &checks.via, places, expand);
    }
    if check.https_redirect {
        redirect = Some(without_tls(&mut request));
    }
    if let Some(cors) = &check.cors {
        request.headers.insert("origin".to_owned(), cors.origin.clone());
    }
    let expect = Expect {
        status: check.status.clone(),
        max_time: check.max_time,
        json: check.json.iter().map(|(pointer, wanted)| json(pointer, wanted, expand)).collect(),
        headers: check.response_headers.iter().map(|(name, wanted)| (name.clone(), text(wanted, expand))).collect(),
        security_headers: check.security_headers.clone(),
        cookies: check.cookies.clone(),
        redirect,
        cors: check.cors.clone(),
        certificate: check.certificate,
    };
    HttpCheck {
        name: check.name.clone(),
        request,
        expect,
        timeout: check.timeout,
        retries: check.retries,
        pause: check.pause,
        retry_on: check.retry_on,
    }
}

/// A plain request of a path of green's.
pub(super) fn visit(
    path: &Template,
    (via, ca_file): (&Via, Option<&Template>),
    places: Places<'_>,
    expand: &impl Fn(&Template) -> String,
) -> Request {
    let mut request = Request { ca_file: ca_file.map(expand), ..Request::get(expand(path)) };
    reach(&mut request, via, places, expand);
    request
}

/// The absolute URL of a path. That there is a base was looked at when the configuration was read.
fn below(base: Option<&str>, path: &str) -> String {
    format!("{}{path}", base.unwrap_or_default().trim_end_matches('/'))
}

/// Makes a path an absolute URL, and has it lead to green.
fn reach(request: &mut Request, via: &Via, places: Places<'_>, expand: &impl Fn(&Template) -> String) {
    let path = std::mem::take(&mut request.url);
    match via {
        Via::Url => request.url = below(places.side, &path),
        Via::Port(port) => {
            let url = below(places.public, &path);
            let mut parsed = Url::parse(&url).ok();
            let is_set = parsed.as_mut().is_some_and(|parsed| parsed.set_port(Some(*port)).is_ok());
            request.url = parsed.filter(|_| is_set).map_or(url, String::from);
        }
        Via::Header { name, value } => {
            request.url = below(places.public, &path);
            request.headers.insert(name.clone(), expand(value));
        }
        Via::Address(address) => {
            request.url = below(places.public, &path);
            request.connect = Some(expand(address));
        }
    }
}

/// Asks the same without TLS, and says where that must lead.
fn without_tls(request: &mut Request) -> RedirectRule {
    let mut rule = RedirectRule { scheme: Some("https".to_owned()), ..RedirectRule::default() };
    if let Ok(mut url) = Url::parse(&request.url) {
        rule.host = url.host_str().map(str::to_owned);
        rule.path = Some(url.path().to_owned());
        // Both are schemes that have hosts, between which a URL may change.
        if url.set_scheme("http").is_ok() && url.set_port(None).is_ok() {
            request.url = url.to_string();
        }
    }
    if let Some(address) = &mut request.connect {
        let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
        *address = format!("{host}:80");
    }
    rule
}

fn redirect(wanted: &RedirectWanted, expand: &impl Fn(&Template) -> String) -> RedirectRule {
    RedirectRule {
        status: wanted.status.clone(),
        scheme: None,
        host: wanted.host.as_ref().map(expand),
        path: wanted.path.as_ref().map(expand),
        query: wanted.query.iter().map(|(name, wanted)| (name.clone(), text(wanted, expand))).collect(),
    }
}

fn json(pointer: &str, wanted: &JsonWanted, expand: &impl Fn(&Template) -> String) -> JsonExpectation {
    let rule = match wanted {
        JsonWanted::Equals(Expected::Text(text)) => JsonRule::Equals(expand(text).into()),
        JsonWanted::Equals(Expected::Value(value)) => JsonRule::Equals(value.clone()),
        JsonWanted::Rule(rule) => rule.clone(),
    };
    JsonExpectation { pointer: pointer.to_owned(), rule }
}

fn text(wanted: &TextWanted, expand: &impl Fn(&Template) -> String) -> TextRule {
    match wanted {
        TextWanted::Present => TextRule::Present,
        TextWanted::Absent => TextRule::Absent,
        TextWanted::Equals(text) => TextRule::Equals(expand(text)),
        TextWanted::Contains(part) => TextRule::Contains(expand(part)),
        TextWanted::Matches(pattern) => TextRule::Matches(pattern.clone()),
    }
}
