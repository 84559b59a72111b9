//! Holding an answer against what it must be.

use super::words::{quote, span};
use super::{Expect, Fetched, HttpCheck, certificate, headers, json, redirect};
use crate::domain::effect::CheckResult;
use crate::domain::time::Timestamp;

/// Statuses that a load balancer or gateway answers with when the service behind it does not.
const NOBODY: [u16; 3] = [502, 503, 504];

/// Holds an answer against a check's expectations: a result for each, with what was wanted and what was found. Whatever
/// the answer holds, this ends and does not panic.
pub fn evaluate(check: &HttpCheck, answer: &Fetched, now: Timestamp) -> Vec<CheckResult> {
    let expect = &check.expect;
    let mut findings = Findings { name: &check.name, answer, results: Vec::new() };
    status(&mut findings, expect);
    if let Some(rule) = &expect.redirect {
        redirect::hold(&mut findings, &check.request.url, rule);
    }
    json::hold(&mut findings, &expect.json, now);
    headers::hold(&mut findings, expect);
    if let Some(rule) = expect.certificate {
        certificate::hold(&mut findings, rule, now);
    }
    if let Some(most) = expect.max_time {
        findings.add("time", answer.took <= most, format!("at most {}", span(most)), span(answer.took));
    }
    findings.results
}

/// The results so far.
pub(super) struct Findings<'a> {
    name: &'a str,
    pub(super) answer: &'a Fetched,
    results: Vec<CheckResult>,
}

impl Findings<'_> {
    /// Adds what was found of one aspect.
    pub(super) fn add(&mut self, aspect: &str, passed: bool, wanted: impl Into<String>, found: impl Into<String>) {
        self.results.push(CheckResult {
            name: self.name.to_owned(),
            aspect: aspect.to_owned(),
            passed,
            wanted: wanted.into(),
            detail: found.into(),
            took: Some(self.answer.took),
        });
    }
}

fn status(findings: &mut Findings<'_>, expect: &Expect) {
    if expect.status.is_empty() {
        return;
    }
    let status = findings.answer.status;
    let passed = expect.status.iter().any(|range| range.has(status));
    let wanted = either(expect.status.iter());
    let found = match findings.answer.header("location") {
        Some(place) if findings.answer.is_redirect() => format!("{status} to {}", quote(place)),
        _ if passed => status.to_string(),
        // What a failing service says of itself is the first thing that is asked for at night.
        _ => match quote(String::from_utf8_lossy(&findings.answer.body).trim()) {
            _ if NOBODY.contains(&status) && is_page(findings.answer) => format!("{status}: nobody answers behind it"),
            body if body.is_empty() || is_page(findings.answer) => status.to_string(),
            body => format!("{status}: {body}"),
        },
    };
    findings.add("status", passed, wanted, found);
}

/// A page for people says nothing in its first words.
fn is_page(answer: &Fetched) -> bool {
    answer.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"))
}

/// `200, 204 or 301-308`.
pub(super) fn either<T: ToString>(all: impl Iterator<Item = T>) -> String {
    let mut words: Vec<String> = all.map(|one| one.to_string()).collect();
    match (words.pop(), words.is_empty()) {
        (None, _) => String::new(),
        (Some(last), true) => last,
        (Some(last), false) => format!("{} or {last}", words.join(", ")),
    }
}
