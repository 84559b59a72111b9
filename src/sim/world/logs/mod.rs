//! Log groups, streams and events. Lines about requests are made when somebody reads them.

mod operations;
mod pattern;
mod read;
mod render;
mod tail;
mod types;

use std::collections::BTreeMap;

use super::{Timestamp, World};
pub use types::*;

/// How many lines other than those about requests are kept.
const KEPT_LINES: usize = 20_000;

/// Everything in CloudWatch Logs but the lines about requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Logs {
    groups: BTreeMap<String, Group>,
    /// By time of the event, then by arrival.
    lines: Vec<Line>,
    arrived: u64,
}

#[derive(Clone, Debug, Default)]
struct Group {
    created_at: Timestamp,
    streams: BTreeMap<String, Stream>,
    bytes: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Stream {
    created_at: Timestamp,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

/// A line that was written, rather than one about a request.
#[derive(Clone, Debug)]
struct Line {
    at: Timestamp,
    /// When it can be read.
    visible_at: Timestamp,
    /// The how manieth to arrive.
    number: u64,
    group: String,
    stream: String,
    message: String,
}

impl World {
    /// Creates the application's log group.
    pub(super) fn set_up_logs(&mut self, at: Timestamp) {
        let group = Group { created_at: at, ..Group::default() };
        self.logs.groups.insert(self.schema.app.log_group.clone(), group);
    }

    /// Logs a line of JSON in a task's stream.
    pub(super) fn log_line(&mut self, roster: u16, at: Timestamp, level: &str, message: &str) {
        let task = self.ecs.roster.get(usize::from(roster)).map_or("", |member| &member.id);
        let line = serde_json::json!({"time": iso(at), "level": level, "message": message, "task": task});
        self.log_raw(roster, at, line.to_string());
    }

    /// Logs a line as it is in a task's stream.
    pub(super) fn log_raw(&mut self, roster: u16, at: Timestamp, message: String) {
        let Some(stream) = self.ecs.roster.get(usize::from(roster)).map(|member| member.stream.clone()) else { return };
        let group = self.schema.app.log_group.clone();
        self.append_line(&group, &stream, at, at, message);
    }

    /// Adds a line that happened at `at` and arrived at `arrived`; the stream is created when it is new.
    fn append_line(&mut self, group: &str, stream: &str, at: Timestamp, arrived: Timestamp, message: String) {
        let Some(kept) = self.logs.groups.get_mut(group) else { return };
        kept.bytes += message.len() as u64 + 26;
        let meta = kept.streams.entry(stream.to_owned()).or_insert(Stream { created_at: arrived, ..Stream::default() });
        meta.first = Some(meta.first.map_or(at, |first| first.min(at)));
        meta.last = meta.last.max(Some(at));
        let line = Line {
            at,
            visible_at: arrived + self.schema.logs.delay,
            number: self.logs.arrived,
            group: group.to_owned(),
            stream: stream.to_owned(),
            message,
        };
        self.logs.arrived += 1;
        let place = self.logs.lines.partition_point(|other| other.at <= at);
        self.logs.lines.insert(place, line);
        if self.logs.lines.len() > KEPT_LINES {
            self.logs.lines.drain(..KEPT_LINES / 10);
        }
    }
}

/// `2026-11-20T10:14:00.123Z`.
pub(super) fn iso(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.millis())
        .map_or_else(|_| at.millis().to_string(), |moment| format!("{moment:.3}"))
}
