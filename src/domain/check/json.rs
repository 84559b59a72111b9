//! What a JSON body must hold.

use std::time::Duration;

use regex::Regex;
use serde_json::Value;

use super::evaluate::Findings;
use super::words::{apart, quote, span};
use super::{JsonExpectation, JsonRule};
use crate::domain::time::Timestamp;

/// Numbers from here on count milliseconds since 1970, smaller ones seconds: the year 5138, or March 1973.
const MILLIS: f64 = 1e11;

/// Adds a result for each expectation.
pub(super) fn hold(findings: &mut Findings<'_>, all: &[JsonExpectation], now: Timestamp) {
    if all.is_empty() {
        return;
    }
    let answer = findings.answer;
    let body: Value = match serde_json::from_slice(&answer.body) {
        Ok(body) => body,
        Err(error) => {
            let found = match quote(String::from_utf8_lossy(&answer.body).trim()) {
                _ if answer.is_cut => format!("only the first {} KiB were read", answer.body.len() / 1_024),
                body if body.is_empty() => "an empty body".to_owned(),
                body => format!("no JSON ({error}): {body}"),
            };
            return findings.add("body", false, "JSON", found);
        }
    };
    for JsonExpectation { pointer, rule } in all {
        let value = body.pointer(pointer);
        let aspect = if pointer.is_empty() { "body" } else { pointer.as_str() };
        let found = value.map_or_else(|| "missing".to_owned(), |value| quote(&value.to_string()));
        let (passed, wanted, found) = match rule {
            JsonRule::Equals(wanted) => {
                (value.is_some_and(|value| is_same(value, wanted)), quote(&wanted.to_string()), found)
            }
            JsonRule::Present => (is_there(value), "to be there".to_owned(), found),
            JsonRule::Absent => (!is_there(value), "not to be there".to_owned(), found),
            JsonRule::Matches(pattern) => {
                let is_match = value.and_then(text).is_some_and(|text| matches(pattern, &text));
                (is_match, format!("to match {}", quote(pattern)), found)
            }
            JsonRule::Above(least) => {
                let above =
                    value.and_then(Value::as_f64).zip(least.as_f64()).is_some_and(|(value, least)| value > least);
                (above, format!("above {least}"), found)
            }
            JsonRule::Below(most) => {
                let below = value.and_then(Value::as_f64).zip(most.as_f64()).is_some_and(|(value, most)| value < most);
                (below, format!("below {most}"), found)
            }
            JsonRule::Recent(most) => recent(value, found, *most, now),
        };
        findings.add(aspect, passed, wanted, found);
    }
}

fn recent(value: Option<&Value>, found: String, most: Duration, now: Timestamp) -> (bool, String, String) {
    let wanted = format!("a moment within {} of now", span(most));
    match value.and_then(moment) {
        Some(at) => {
            let passed = now.since(at).max(at.since(now)) <= most;
            (passed, wanted, format!("{found}, {}", apart(at, now)))
        }
        None => (false, wanted, found),
    }
}

fn moment(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => {
            let at: jiff::Timestamp = text.trim().parse().ok()?;
            Some(Timestamp::from_millis(at.as_millisecond()))
        }
        Value::Number(number) => {
            let number = number.as_f64().filter(|number| number.abs() < 1e15)?;
            let millis = if number.abs() >= MILLIS { number } else { number * 1_000.0 };
            Some(Timestamp::from_millis(millis as i64))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn is_there(value: Option<&Value>) -> bool {
    value.is_some_and(|value| !value.is_null())
}

fn is_same(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::Number(value), Value::Number(wanted)) => value == wanted || value.as_f64() == wanted.as_f64(),
        _ => value == wanted,
    }
}

/// A value that a pattern can be held against.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whether a pattern matches. One that is none matches nothing; the configuration lets none such through.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text))
}
