//! `[components.NAME.requests]`: how a component's tasks write of requests.

use super::super::problem::Mistake;
use super::super::reader::{Item, Table};
use super::super::values;
use crate::domain::log::request::{Format, RequestLog, RequestReader, Unit};

/// The words for formats.
#[derive(Clone, Copy)]
enum Word {
    Json,
    Common,
    Regex,
}

/// The words for units.
pub(in crate::config) const UNITS: [(&str, Unit); 4] =
    [("s", Unit::Seconds), ("ms", Unit::Milliseconds), ("us", Unit::Microseconds), ("ns", Unit::Nanoseconds)];

pub(super) fn read(table: Option<Table<'_>>) -> RequestLog {
    let Some(table) = table else { return RequestLog::default() };
    let words = [
        ("json", Word::Json),
        ("emf", Word::Json),
        ("common", Word::Common),
        ("combined", Word::Common),
        ("regex", Word::Regex),
    ];
    let unit = table.optional("unit", values::word("unit", &UNITS));
    let word = table.or("format", values::word("format", &words), Word::Json);
    let names =
        |key, example| table.list(key, example, values::text).map(|names| names.into_iter().map(|name| name.value));
    let status = names("status", "an array of field names: [\"status\"]").map(Iterator::collect);
    let latency = names("latency", "an array of field names: [\"duration_ms\"]").map(Iterator::collect);
    let said = table.optional("pattern", pattern);
    let has = |key: &str, is_said: bool, formats: &str| {
        let what = format!("`{key}` says nothing about this format");
        table.reader().check(!is_said, &table.spot(), what, format!("leave it out, or write format = {formats}"));
    };
    let format = match word {
        Word::Json => {
            has("pattern", said.is_some(), "\"regex\"");
            fields(status, latency)
        }
        Word::Common => {
            has("pattern", said.is_some(), "\"regex\"");
            has("status", status.is_some(), "\"json\"");
            has("latency", latency.is_some(), "\"json\"");
            Format::Common
        }
        Word::Regex => {
            has("status", status.is_some(), "\"json\"");
            has("latency", latency.is_some(), "\"json\"");
            if table.item("pattern").is_none() {
                table.missing("pattern", r"pattern = '-> (?<status>[0-9]{3}) in (?<latency>[0-9.]+) ms'");
            }
            said.map_or(Format::Common, Format::Pattern)
        }
    };
    table.finish();
    RequestLog { format, unit }
}

/// JSON with these names, or with the usual ones.
fn fields(status: Option<Vec<String>>, latency: Option<Vec<String>>) -> Format {
    match Format::default() {
        Format::Json { status: usual, latency: usual_latency } => {
            Format::Json { status: status.unwrap_or(usual), latency: latency.unwrap_or(usual_latency) }
        }
        usual @ (Format::Common | Format::Pattern(_)) => usual,
    }
}

fn pattern(item: Item<'_>) -> Result<String, Mistake> {
    let source = values::text(item)?;
    let log = RequestLog { format: Format::Pattern(source.clone()), unit: None };
    match RequestReader::new(&log) {
        Ok(_) => Ok(source),
        Err(error) => Err(values::bad(item, "a pattern that reads requests", &format!("another: {error}"))),
    }
}
