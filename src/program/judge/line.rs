//! One line of a file of requests.

use serde_json::{Map, Value};

use crate::domain::ids::{Side, TaskId};
use crate::domain::time::Timestamp;
use crate::judge::intake::{Outcome, Sample};

/// A longer line is none of ours.
const LONGEST: usize = 64 * 1024;

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Line {
    /// A request ended.
    Request(Sample),
    /// Green got a weight, a part of one.
    Weight(f64, Timestamp),
    /// Tasks of green's died.
    Deaths(u64, Timestamp),
    /// The log left out requests.
    Sampled(Timestamp),
}

impl Line {
    pub(super) fn at(&self) -> Timestamp {
        match self {
            Self::Request(sample) => sample.at,
            Self::Weight(_, at) | Self::Deaths(_, at) | Self::Sampled(at) => *at,
        }
    }
}

/// Whether lines must name tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TaskNames {
    Needed,
    Ignored,
}

/// Reads a line; `None` if there is nothing on it.
pub(super) fn read(text: &str, names: TaskNames) -> Result<Option<Line>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    if text.len() > LONGEST {
        return Err(format!("the line is {} bytes long: one request a line is wanted", text.len()));
    }
    let value: Value = serde_json::from_str(text).map_err(|error| {
        // Its own place is a line of this one line.
        format!("no JSON, at column {}: one object a line is wanted", error.column())
    })?;
    let Value::Object(fields) = value else { return Err("no JSON object".to_owned()) };
    line(&fields, names).map(Some)
}

fn line(fields: &Map<String, Value>, names: TaskNames) -> Result<Line, String> {
    let at = time(fields.get("time").ok_or("`time` is missing")?)?;
    if let Some(weight) = fields.get("weight") {
        let percent = weight.as_f64().filter(|percent| (0.0..=100.0).contains(percent));
        let percent = percent.ok_or_else(|| format!("`weight` is {weight}: write a number from 0 to 100"))?;
        return Ok(Line::Weight(percent / 100.0, at));
    }
    if let Some(deaths) = fields.get("deaths") {
        let deaths = deaths.as_u64().ok_or_else(|| format!("`deaths` is {deaths}: write a whole number"))?;
        return Ok(Line::Deaths(deaths, at));
    }
    if fields.get("sampled") == Some(&Value::Bool(true)) {
        return Ok(Line::Sampled(at));
    }
    let side = match fields.get("side") {
        Some(Value::String(side)) if side == "blue" => Side::Blue,
        Some(Value::String(side)) if side == "green" => Side::Green,
        Some(other) => return Err(format!("`side` is {other}: write \"blue\" or \"green\"")),
        None => return Err("`side` is missing".to_owned()),
    };
    let task = match (names, fields.get("task")) {
        (TaskNames::Ignored, _) => TaskId::default(),
        (TaskNames::Needed, Some(Value::String(task))) => TaskId(task.clone()),
        (TaskNames::Needed, Some(Value::Number(task))) => TaskId(task.to_string()),
        (TaskNames::Needed, Some(other)) => return Err(format!("`task` is {other}: write a text")),
        (TaskNames::Needed, None) => return Err("`task` is missing; without tasks use --tasks together".to_owned()),
    };
    let outcome = outcome(fields)?;
    // Under this name, too, latencies are common.
    let latency = match (fields.get("latency").or_else(|| fields.get("latency_ms")), outcome) {
        (Some(latency), _) if latency.as_f64().is_some_and(|latency| latency >= 0.0) => latency.as_f64().unwrap_or(0.0),
        // What failed is not judged by how long it took.
        (None | Some(Value::Null), Outcome::Failed) => 0.0,
        (Some(other), _) => return Err(format!("`latency` is {other}: write milliseconds")),
        (None, Outcome::Answered) => return Err("`latency` is missing".to_owned()),
    };
    Ok(Line::Request(Sample { at, side, task, outcome, latency }))
}

fn outcome(fields: &Map<String, Value>) -> Result<Outcome, String> {
    let failed = match (fields.get("error"), fields.get("status")) {
        (Some(Value::Bool(failed)), _) => *failed,
        (Some(Value::Number(number)), _) if number.as_u64() == Some(0) => false,
        (Some(Value::Number(number)), _) if number.as_u64() == Some(1) => true,
        (Some(other), _) => return Err(format!("`error` is {other}: write true or false")),
        (None, Some(status)) => match status.as_u64().filter(|status| (100..=999).contains(status)) {
            Some(status) => status >= 500,
            None => return Err(format!("`status` is {status}: write a status such as 200")),
        },
        (None, None) => return Err("`error` is missing".to_owned()),
    };
    Ok(if failed { Outcome::Failed } else { Outcome::Answered })
}

fn time(value: &Value) -> Result<Timestamp, String> {
    let wanted =
        || format!("`time` is {value}: write seconds since 1970, or a moment such as \"2026-11-20T12:00:00Z\"");
    match value {
        Value::Number(_) => match value.as_f64() {
            Some(seconds) if (0.0..1e11).contains(&seconds) => {
                Ok(Timestamp::from_millis((seconds * 1_000.0).round() as i64))
            }
            Some(seconds) if seconds >= 1e11 => {
                Err(format!("`time` is {value}, which are more likely milliseconds: write seconds since 1970"))
            }
            _ => Err(wanted()),
        },
        Value::String(text) => match text.parse::<jiff::Timestamp>() {
            Ok(at) => Ok(Timestamp::from_millis(at.as_millisecond())),
            Err(_) => Err(wanted()),
        },
        _ => Err(wanted()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needed(text: &str) -> Result<Option<Line>, String> {
        read(text, TaskNames::Needed)
    }

    #[test]
    fn requests_and_what_happened_to_green_are_told() {
        let sample = |side, outcome, latency| {
            let at = Timestamp::from_millis(1_763_640_000_250);
            Some(Line::Request(Sample { at, side, task: "a".into(), outcome, latency }))
        };
        for (text, wanted) in [
            (
                r#"{"time": 1763640000.25, "side": "green", "task": "a", "error": false, "latency": 81.5, "route": "/"}"#,
                sample(Side::Green, Outcome::Answered, 81.5),
            ),
            (
                r#"{"time": "2025-11-20T12:00:00.25Z", "side": "blue", "task": "a", "status": 503}"#,
                sample(Side::Blue, Outcome::Failed, 0.0),
            ),
            (
                r#"{"time": "2025-11-20T13:00:00.25+01:00", "side": "blue", "task": "a", "error": 0, "latency_ms": 7}"#,
                sample(Side::Blue, Outcome::Answered, 7.0),
            ),
            (r#"{"time": 60, "weight": 10}"#, Some(Line::Weight(0.1, Timestamp::from_secs(60)))),
            (r#"{"time": 60, "deaths": 2}"#, Some(Line::Deaths(2, Timestamp::from_secs(60)))),
            (r#"{"time": 60, "sampled": true}"#, Some(Line::Sampled(Timestamp::from_secs(60)))),
            ("  ", None),
        ] {
            assert_eq!(needed(text), Ok(wanted), "{text}");
        }
        assert!(read(r#"{"time": 1, "side": "blue", "error": true}"#, TaskNames::Ignored).is_ok());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, says) in [
            ("{", "no JSON, at column 1"),
            ("[1]", "no JSON object"),
            (r#"{"side": "blue"}"#, "`time` is missing"),
            (r#"{"time": 1763640000250, "side": "blue"}"#, "milliseconds"),
            (r#"{"time": "yesterday"}"#, "write seconds since 1970"),
            (r#"{"time": -1}"#, "write seconds since 1970"),
            (r#"{"time": 1, "side": "red"}"#, "`side` is \"red\""),
            (r#"{"time": 1, "side": "blue", "error": false}"#, "`task` is missing"),
            (r#"{"time": 1, "side": "blue", "task": "a"}"#, "`error` is missing"),
            (r#"{"time": 1, "side": "blue", "task": "a", "error": "no"}"#, "`error` is \"no\""),
            (r#"{"time": 1, "side": "blue", "task": "a", "status": 2}"#, "`status` is 2"),
            (r#"{"time": 1, "side": "blue", "task": "a", "error": false}"#, "`latency` is missing"),
            (r#"{"time": 1, "side": "blue", "task": "a", "error": false, "latency": -3}"#, "`latency` is -3"),
            (r#"{"time": 1, "weight": 101}"#, "`weight` is 101"),
        ] {
            let found = needed(text).unwrap_err();
            assert!(found.contains(says), "{text}: {found}");
        }
        assert!(needed(&"x".repeat(LONGEST + 1)).unwrap_err().contains("bytes long"));
    }
}
