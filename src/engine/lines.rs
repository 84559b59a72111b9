//! From what a service wrote to a line that people can read at a glance.
//!
//! Most services log JSON. A line of it is read back into the order an operator looks for: the request and its answer,
//! then the message, then what else there is. Other text stays as it is.

use serde_json::{Map, Value};

use crate::cloud::level_of;
use crate::domain::log::Level;

/// Names that loggers give to a line's message.
const MESSAGE: [&str; 4] = ["message", "msg", "event", "text"];

/// Names that loggers give to a line's level.
const LEVEL: [&str; 4] = ["level", "severity", "lvl", "log_level"];

/// What is shown beside the text already, or says nothing to a reader.
const LEFT_OUT: [&str; 9] = ["time", "timestamp", "ts", "@timestamp", "task", "hostname", "pid", "logger", "version"];

/// Names of the parts of a request, in the order they are read.
const METHOD: [&str; 2] = ["method", "http_method"];
const ROUTE: [&str; 5] = ["route", "path", "url", "uri", "endpoint"];
const STATUS: [&str; 3] = ["status", "status_code", "http_status"];
const MILLIS: [&str; 4] = ["duration_ms", "latency_ms", "elapsed_ms", "took_ms"];

/// The level and the text of a log message.
pub(super) fn read(message: &str) -> (Level, String) {
    let message = message.trim_end();
    if message.starts_with('{')
        && let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(message)
    {
        return structured(message, fields);
    }
    (level_of(message), message.to_owned())
}

fn structured(message: &str, mut fields: Map<String, Value>) -> (Level, String) {
    let level = take(&mut fields, &LEVEL).map_or_else(|| level_of(message), |word| level_of(&word));
    let text = take(&mut fields, &MESSAGE);
    let mut parts: Vec<String> = Vec::new();
    for names in [&METHOD[..], &ROUTE[..], &STATUS[..]] {
        parts.extend(take(&mut fields, names));
    }
    parts.extend(take(&mut fields, &MILLIS).map(|millis| format!("{millis} ms")));
    let request = parts.join(" ");
    let rest = fields
        .iter()
        .filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()))
        .map(|(name, value)| format!("{name}={}", plain(value)));
    let all: Vec<String> = [request].into_iter().chain(text).filter(|part| !part.is_empty()).chain(rest).collect();
    (level, all.join("  "))
}

fn take(fields: &mut Map<String, Value>, names: &[&str]) -> Option<String> {
    let name = names.iter().find(|name| fields.contains_key(**name))?;
    fields.shift_remove(*name).map(|value| plain(&value))
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_reads_as_request_message_and_the_rest() {
        let line = r#"{"time":"2026-11-20T11:31:41Z","level":"ERROR","request_id":"03be","method":"GET","route":"/cart",
            "status":500,"duration_ms":73,"task":"c574","message":"payments did not answer","retry":true}"#;
        let (level, text) = read(line);
        assert_eq!(level, Level::Error);
        assert_eq!(text, "GET /cart 500 73 ms  payments did not answer  request_id=03be  retry=true");
    }

    #[test]
    fn a_level_is_what_the_line_says_of_itself_not_what_it_speaks_of() {
        assert_eq!(read(r#"{"level":"info","msg":"no error found"}"#), (Level::Info, "no error found".to_owned()));
        assert_eq!(read(r#"{"severity":"WARNING","event":"pool"}"#).0, Level::Warn);
        assert_eq!(read(r#"{"a":[1,2]}"#), (Level::Info, "a=[1,2]".to_owned()));
    }

    #[test]
    fn other_text_stays_as_it_is() {
        assert_eq!(read("ERROR boom\n"), (Level::Error, "ERROR boom".to_owned()));
        assert_eq!(read("{not json"), (Level::Info, "{not json".to_owned()));
    }
}
