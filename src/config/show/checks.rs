//! Checks, written as a configuration.

use toml::{Table, Value};

use super::super::model::{Check, Checks, Expected, JsonWanted, RedirectWanted, TextWanted, Via};
use super::super::sections::RETRY_ON;
use super::{named, span, table, template, text};
use crate::domain::check::{CookieRule, CorsRule, JsonRule, SecurityHeader, StatusRange};

/// The keys of a stage's checks.
pub(in crate::config) fn keys(checks: &Checks) -> [(&'static str, Option<Value>); 3] {
    let all = checks.all.iter().map(check).collect();
    [
        ("via", Some(way(&checks.via))),
        ("ca_file", checks.ca_file.as_ref().map(template)),
        ("checks", Some(Value::Array(all))),
    ]
}

/// How requests reach green.
pub(in crate::config) fn way(via: &Via) -> Value {
    match via {
        Via::Url => text("url"),
        Via::Port(port) => table([("port", Some(i64::from(*port).into()))]),
        Via::Header { name, value } => table([("header", Some(text(name))), ("value", Some(template(value)))]),
        Via::Address(address) => table([("address", Some(template(address)))]),
    }
}

fn check(check: &Check) -> Value {
    let retry_on = RETRY_ON.iter().find(|(_, on)| *on == check.retry_on).map(|(word, _)| text(word));
    let security: Vec<Value> = check.security_headers.iter().copied().map(SecurityHeader::word).map(text).collect();
    let certificate = check.certificate.map(|rule| table([("min_days", Some(i64::from(rule.min_days).into()))]));
    table([
        ("name", Some(text(&check.name))),
        ("path", Some(template(&check.path))),
        ("method", Some(text(&check.method))),
        ("headers", Some(named(&check.headers, template))),
        ("headers_from", Some(named(&check.headers_from, |variable| text(variable)))),
        ("body", check.body.as_ref().map(template)),
        ("follow", Some(i64::from(check.follow).into())),
        ("status", (!check.status.is_empty()).then(|| statuses(&check.status))),
        ("json", Some(json(&check.json))),
        ("response_headers", Some(named(&check.response_headers, wanted))),
        ("security_headers", Some(Value::Array(security))),
        ("cookies", Some(named(&check.cookies, |rule| cookie(*rule)))),
        ("redirect", check.redirect.as_ref().map(redirect)),
        ("https_redirect", Some(check.https_redirect.into())),
        ("cors", check.cors.as_ref().map(cors)),
        ("tls", certificate),
        ("max_time", check.max_time.map(span)),
        ("timeout", Some(span(check.timeout))),
        ("retries", Some(i64::from(check.retries).into())),
        ("pause", Some(span(check.pause))),
        ("retry_on", retry_on),
    ])
}

fn statuses(all: &[StatusRange]) -> Value {
    let one = |range: &StatusRange| {
        if range.first == range.last { Value::Integer(range.first.into()) } else { text(range) }
    };
    match all {
        [only] => one(only),
        all => Value::Array(all.iter().map(one).collect()),
    }
}

/// A pointer with one value is that value; else it is a table of what must hold.
fn json(all: &[(String, JsonWanted)]) -> Value {
    let mut pointers = Table::new();
    for (pointer, wanted) in all {
        let (key, value) = match wanted {
            JsonWanted::Equals(Expected::Text(text)) => ("equals", template(text)),
            JsonWanted::Equals(Expected::Value(value)) => ("equals", scalar(value)),
            JsonWanted::Rule(JsonRule::Equals(value)) => ("equals", scalar(value)),
            JsonWanted::Rule(JsonRule::Present) => ("exists", true.into()),
            JsonWanted::Rule(JsonRule::Absent) => ("exists", false.into()),
            JsonWanted::Rule(JsonRule::Matches(pattern)) => ("matches", text(pattern)),
            JsonWanted::Rule(JsonRule::Above(least)) => ("above", scalar(&least.clone().into())),
            JsonWanted::Rule(JsonRule::Below(most)) => ("below", scalar(&most.clone().into())),
            JsonWanted::Rule(JsonRule::Recent(most)) => ("recent", span(*most)),
        };
        let rules = pointers.entry(pointer.clone()).or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(rules) = rules {
            rules.insert(key.to_owned(), value);
        }
    }
    for (_, rules) in &mut pointers {
        let only = rules.as_table().filter(|rules| rules.len() == 1).and_then(|rules| rules.get("equals")).cloned();
        if let Some(value) = only {
            *rules = value;
        }
    }
    Value::Table(pointers)
}

fn scalar(value: &serde_json::Value) -> Value {
    Value::try_from(value).unwrap_or(Value::Boolean(false))
}

fn wanted(wanted: &TextWanted) -> Value {
    match wanted {
        TextWanted::Present => true.into(),
        TextWanted::Absent => false.into(),
        TextWanted::Equals(text) => template(text),
        TextWanted::Contains(part) => table([("contains", Some(template(part)))]),
        TextWanted::Matches(pattern) => table([("matches", Some(text(pattern)))]),
    }
}

fn cookie(rule: CookieRule) -> Value {
    table([
        ("http_only", Some(rule.http_only.into())),
        ("secure", Some(rule.secure.into())),
        ("same_site", rule.same_site.map(|same_site| text(same_site.word()))),
    ])
}

fn redirect(wanted_there: &RedirectWanted) -> Value {
    let status: Vec<StatusRange> = wanted_there.status.iter().copied().map(StatusRange::one).collect();
    table([
        ("status", (!status.is_empty()).then(|| statuses(&status))),
        ("host", wanted_there.host.as_ref().map(template)),
        ("path", wanted_there.path.as_ref().map(template)),
        ("query", Some(named(&wanted_there.query, wanted))),
    ])
}

fn cors(rule: &CorsRule) -> Value {
    table([
        ("origin", Some(text(&rule.origin))),
        ("allowed", Some(rule.allowed.into())),
        ("credentials", Some(rule.credentials.into())),
    ])
}
