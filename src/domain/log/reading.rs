//! From what a service wrote to a line that people can read at a glance.
//!
//! Most services log JSON. A line of it is read in the order an operator looks for: the request and its answer, then the
//! message, then what else there is. Other text stays as it is.

use std::borrow::Cow;

use super::Level;
use super::fields::{Field, Value, field, object};

/// Names that loggers give to a line's message.
pub const MESSAGE: [&str; 4] = ["message", "msg", "event", "text"];

/// Names that loggers give to a line's level.
const LEVEL: [&str; 4] = ["level", "severity", "lvl", "log_level"];

/// What is shown beside the text already, or says nothing to a reader.
const LEFT_OUT: [&str; 10] =
    ["time", "timestamp", "ts", "@timestamp", "task", "hostname", "pid", "logger", "version", "_aws"];

/// Names that loggers give to a request's method.
pub const METHOD: [&str; 2] = ["method", "http_method"];

/// Names that loggers give to what was asked for.
pub const ROUTE: [&str; 5] = ["route", "path", "url", "uri", "endpoint"];

/// Names that loggers give to the status of an answer.
pub const STATUS: [&str; 3] = ["status", "status_code", "http_status"];

/// Names that loggers give to how long a request took, in milliseconds.
pub const MILLIS: [&str; 4] = ["duration_ms", "latency_ms", "elapsed_ms", "took_ms"];

/// The level that a message says of itself.
pub fn level(text: &str) -> Level {
    let said = LEVEL.iter().find_map(|name| text.starts_with('{').then(|| field(text, name))?);
    let word = said.as_ref().map(Value::shown);
    word.and_then(Level::named).unwrap_or_else(|| spoken(word.unwrap_or(text)))
}

/// The level by the words that the usual loggers begin a line with.
fn spoken(text: &str) -> Level {
    /// Bytes in which a logger has said it.
    const HEAD: usize = 400;
    let head = text.get(..text.floor_char_boundary(HEAD)).unwrap_or(text).to_ascii_uppercase();
    let says = |words: &[&str]| words.iter().any(|word| head.contains(word));
    if says(&["ERROR", "FATAL", "CRITICAL", "PANIC", "EXCEPTION"]) {
        Level::Error
    } else if says(&["WARN"]) {
        Level::Warn
    } else if says(&["DEBUG", "TRACE"]) {
        Level::Debug
    } else {
        Level::Info
    }
}

/// What people read of a line.
pub fn read(text: &str) -> Cow<'_, str> {
    let Some(mut fields) = object(text) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len());
    take(&mut fields, &LEVEL);
    let message = take(&mut fields, &MESSAGE);
    for names in [&METHOD[..], &ROUTE[..], &STATUS[..]] {
        if let Some(part) = take(&mut fields, names) {
            add(&mut out, " ", part.shown());
        }
    }
    if let Some(millis) = take(&mut fields, &MILLIS) {
        add(&mut out, " ", millis.shown());
        out.push_str(" ms");
    }
    if let Some(message) = message {
        add(&mut out, "  ", message.shown());
    }
    for Field { name, value } in fields.iter().filter(|field| !LEFT_OUT.contains(&field.name.as_ref())) {
        add(&mut out, "  ", name);
        out.push('=');
        out.push_str(value.shown());
    }
    Cow::Owned(out)
}

fn add(out: &mut String, gap: &str, part: &str) {
    if !out.is_empty() && !part.is_empty() {
        out.push_str(gap);
    }
    out.push_str(part);
}

/// Takes the field of the first of these names that there is.
fn take<'a>(fields: &mut Vec<Field<'a>>, names: &[&str]) -> Option<Value<'a>> {
    let place = names.iter().find_map(|name| fields.iter().position(|field| field.name == *name))?;
    Some(fields.remove(place).value)
}

/// A line of JSON over several lines, a field each; other text as it is. The ends of lines that a text holds are ends of
/// lines here.
pub fn laid_out(text: &str) -> String {
    let value: Option<serde_json::Value> = text.starts_with('{').then(|| serde_json::from_str(text).ok()).flatten();
    let laid_out = value.and_then(|value| serde_json::to_string_pretty(&value).ok());
    laid_out.unwrap_or_else(|| text.to_owned()).replace("␍␊", "\n").replace('␊', "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_reads_as_request_message_and_the_rest() {
        let line = r#"{"time":"2026-11-20T11:31:41Z","level":"ERROR","request_id":"03be","method":"GET","route":"/cart","status":500,"duration_ms":73,"task":"c574","message":"payments did not answer","retry":true}"#;
        assert_eq!(level(line), Level::Error);
        assert_eq!(read(line), "GET /cart 500 73 ms  payments did not answer  request_id=03be  retry=true");
    }

    #[test]
    fn a_level_is_what_the_line_says_of_itself_not_what_it_speaks_of() {
        let line = r#"{"level":"info","msg":"no error found"}"#;
        assert_eq!((level(line), read(line).as_ref()), (Level::Info, "no error found"));
        assert_eq!(level(r#"{"severity":"WARNING","event":"pool"}"#), Level::Warn);
        assert_eq!(level(r#"{"lvl":"ERROR_HIGH"}"#), Level::Error);
        assert_eq!(level(r#"{"level":30,"msg":"x"}"#), Level::Info);
        assert_eq!(read(r#"{"a":[1,2]}"#), "a=[1,2]");
    }

    #[test]
    fn other_text_stays_as_it_is() {
        assert_eq!((level("ERROR boom"), read("ERROR boom").as_ref()), (Level::Error, "ERROR boom"));
        assert_eq!((level("{not json"), read("{not json").as_ref()), (Level::Info, "{not json"));
    }

    #[test]
    fn json_is_laid_out_a_field_a_line_and_traces_by_their_own_lines() {
        let text = r#"{"b":1,"a":{"trace":"Boom␊  at x"}}"#;
        assert_eq!(laid_out(text), "{\n  \"b\": 1,\n  \"a\": {\n    \"trace\": \"Boom\n  at x\"\n  }\n}");
        assert_eq!(laid_out("plain"), "plain");
    }
}
