//! What CloudWatch Logs takes and shows.

use crate::domain::time::Timestamp;

/// A log group.
#[derive(Clone, Debug)]
pub struct LogGroup {
    /// Its name, such as `/ecs/api`.
    pub name: String,
    /// Its ARN, ending in `:*`.
    pub arn: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// Days that events are kept; for ever without it.
    pub retention_days: Option<u32>,
    /// Roughly how many bytes it holds.
    pub stored_bytes: u64,
}

/// A log stream.
#[derive(Clone, Debug)]
pub struct LogStream {
    /// Its name, such as `api/api/<task id>`.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its first event happened.
    pub first_event_at: Option<Timestamp>,
    /// When its last event happened.
    pub last_event_at: Option<Timestamp>,
}

/// One log event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// A number of 56 digits that grows with time and is unique in the account.
    pub id: String,
    /// The group's name.
    pub group: String,
    /// The stream's name.
    pub stream: String,
    /// When it happened.
    pub at: Timestamp,
    /// When it arrived.
    pub ingested_at: Timestamp,
    /// The line.
    pub message: String,
}

/// Input of `FilterLogEvents`.
#[derive(Clone, Debug, Default)]
pub struct FilterLogEvents {
    /// The group's name or ARN.
    pub group: String,
    /// Only these streams.
    pub streams: Vec<String>,
    /// Only streams whose name begins like this.
    pub stream_prefix: Option<String>,
    /// From here, inclusive.
    pub start: Option<Timestamp>,
    /// To here, inclusive.
    pub end: Option<Timestamp>,
    /// A filter pattern; everything without it.
    pub pattern: Option<String>,
    /// At most this many, 10 000 without it.
    pub limit: Option<usize>,
    /// Where the answer before ended.
    pub next_token: Option<String>,
}

/// Events, and where to go on.
#[derive(Clone, Debug, Default)]
pub struct LogPage {
    /// In order of time.
    pub events: Vec<LogEvent>,
    /// Where to go on; `None` at the end.
    pub next_token: Option<String>,
}

/// Input of `GetLogEvents`.
#[derive(Clone, Debug, Default)]
pub struct GetLogEvents {
    /// The group's name or ARN.
    pub group: String,
    /// The stream's name.
    pub stream: String,
    /// From here, inclusive.
    pub start: Option<Timestamp>,
    /// To here, exclusive.
    pub end: Option<Timestamp>,
    /// Which end to begin at when there is no token.
    pub from: ReadFrom,
    /// At most this many, 10 000 without it.
    pub limit: Option<usize>,
    /// `f/…` or `b/…` of the answer before.
    pub next_token: Option<String>,
}

/// Which end of a stream `GetLogEvents` begins at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadFrom {
    /// The newest events, AWS's default.
    #[default]
    Tail,
    /// The oldest events.
    Head,
}

/// Output of `GetLogEvents`. At either end the token that was given comes back.
#[derive(Clone, Debug, Default)]
pub struct StreamPage {
    /// In order of time.
    pub events: Vec<LogEvent>,
    /// Asks for what comes after.
    pub next_forward_token: String,
    /// Asks for what came before.
    pub next_backward_token: String,
}

/// What a live tail follows.
#[derive(Clone, Debug, Default)]
pub struct LiveTail {
    /// Groups, by name or ARN.
    pub groups: Vec<String>,
    /// Only these streams.
    pub streams: Vec<String>,
    /// Only streams whose name begins like one of these.
    pub stream_prefixes: Vec<String>,
    /// A filter pattern; everything without it.
    pub pattern: Option<String>,
}

/// What a live tail saw since the cursor.
#[derive(Clone, Debug)]
pub struct LiveTailUpdate {
    /// In order of time, at most 500.
    pub events: Vec<LogEvent>,
    /// Whether there were more, so that these are a sample.
    pub sampled: bool,
    /// Where to go on.
    pub cursor: LiveTailCursor,
}

/// How far a live tail has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveTailCursor {
    pub(super) requests: u64,
    pub(super) lines: u64,
}

/// How `DescribeLogStreams` sorts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StreamOrder {
    /// By name.
    #[default]
    Name,
    /// By name, last first.
    NameDescending,
    /// By the time of the last event, oldest first.
    LastEvent,
    /// By the time of the last event, newest first.
    LastEventDescending,
}
