//! Reading events: lines that were written and lines about requests, merged in order of time.

use std::time::Duration;

use super::pattern::Pattern;
use super::{FilterLogEvents, GetLogEvents, Line, LogEvent, LogPage, ReadFrom, StreamPage};
use crate::domain::time::Timestamp;
use crate::sim::world::traffic::Request;
use crate::sim::world::{ApiError, ApiResult, World};

/// The most events in one answer.
const MOST_EVENTS: usize = 10_000;
/// The most bytes in one answer.
const MOST_BYTES: usize = 1 << 20;
/// Requests come into being a second at a time, so that none can be seen earlier than this.
const LEAST_DELAY: Duration = Duration::from_secs(1);

/// An event that has not been rendered yet.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'a> {
    Line(&'a Line),
    Request(u64, &'a Request),
}

impl Source<'_> {
    /// Grows with time; unique. It is the event's id, too.
    fn key(self, origin: Timestamp) -> u128 {
        let key = |millis: i64, kind: u128, number: u64| {
            (u128::try_from(millis).unwrap_or(0) << 64) | (kind << 63) | u128::from(number)
        };
        match self {
            Self::Line(line) => key(line.at.millis(), 0, line.number),
            Self::Request(number, request) => key(origin.millis() + i64::from(request.at), 1, number),
        }
    }
}

/// Which streams are asked for.
pub(super) enum Streams<'a> {
    Named(&'a [String]),
    Prefixed(&'a [String]),
}

impl Streams<'_> {
    /// Whether a stream is asked for; everything is when nothing is named.
    pub(super) fn include(&self, stream: &str) -> bool {
        match self {
            Self::Named(names) => names.is_empty() || names.iter().any(|name| name == stream),
            Self::Prefixed(prefixes) => prefixes.is_empty() || prefixes.iter().any(|prefix| stream.starts_with(prefix)),
        }
    }
}

impl World {
    /// Events of a group in order of time.
    pub fn filter_log_events(&self, input: &FilterLogEvents) -> ApiResult<LogPage> {
        let group = self.known_group(&input.group)?;
        let pattern = compiled(input.pattern.as_deref())?;
        let prefix: Vec<String> = input.stream_prefix.iter().cloned().collect();
        let streams = match (input.streams.as_slice(), prefix.as_slice()) {
            ([_, ..], [_, ..]) => {
                let message = "logStreamNames and logStreamNamePrefix cannot be used together";
                return Err(ApiError::new("InvalidParameterException", message));
            }
            ([], prefixes) => Streams::Prefixed(prefixes),
            (names, _) => Streams::Named(names),
        };
        let after = match &input.next_token {
            Some(token) => Some(token.parse::<u128>().map_err(|_| bad_token())?),
            None => None,
        };
        let limit = limit(input.limit)?;
        let from = input.start.unwrap_or(Timestamp::from_millis(0));
        let to = input.end.unwrap_or(self.now);
        let mut page = LogPage::default();
        let mut bytes = 0;
        for source in self.sources(group, &streams, from, to) {
            let key = source.key(self.origin);
            if after.is_some_and(|after| key <= after) {
                continue;
            }
            let event = self.event(group, source);
            if !pattern.matches(&event.message) {
                continue;
            }
            bytes += event.message.len() + 26;
            if page.events.len() == limit || (bytes > MOST_BYTES && !page.events.is_empty()) {
                page.next_token = page.events.last().map(|last| last.id.trim_start_matches('0').to_owned());
                break;
            }
            page.events.push(event);
        }
        Ok(page)
    }

    /// Events of a stream, forwards or backwards.
    pub fn get_log_events(&self, input: &GetLogEvents) -> ApiResult<StreamPage> {
        let group = self.known_group(&input.group)?;
        self.known_stream(group, &input.stream)?;
        let limit = limit(input.limit)?;
        let from = input.start.unwrap_or(Timestamp::from_millis(0));
        let to = input.end.map_or(self.now, |end| end - Duration::from_millis(1));
        let names = [input.stream.clone()];
        let streams = Streams::Named(&names);
        let sources: Vec<(u128, Source<'_>)> =
            self.sources(group, &streams, from, to).map(|source| (source.key(self.origin), source)).collect();
        let place = |text: &str| text.parse::<u128>().map_err(|_| bad_token());
        let chosen = match input.next_token.as_deref().map(|token| token.split_at_checked(2)) {
            None => match input.from {
                ReadFrom::Head => sources.get(..limit.min(sources.len())),
                ReadFrom::Tail => sources.get(sources.len().saturating_sub(limit)..),
            },
            Some(Some(("f/", key))) => {
                let key = place(key)?;
                let start = sources.partition_point(|(other, _)| *other <= key);
                sources.get(start..(start + limit).min(sources.len()))
            }
            Some(Some(("b/", key))) => {
                let key = place(key)?;
                let end = sources.partition_point(|(other, _)| *other < key);
                sources.get(end.saturating_sub(limit)..end)
            }
            Some(_) => return Err(bad_token()),
        };
        let chosen = chosen.unwrap_or_default();
        let events = chosen.iter().map(|(_, source)| self.event(group, *source)).collect();
        let given = input.next_token.as_deref().and_then(|token| token.get(2..)).map(str::to_owned);
        let end = |key: Option<u128>, open: u128| {
            key.map(|key| key.to_string()).or(given.clone()).unwrap_or(open.to_string())
        };
        // Without events, going on means going on from where this began.
        let first = end(chosen.first().map(|(key, _)| *key), u128::from(u64::MAX) << 64);
        let last = end(chosen.last().map(|(key, _)| *key), 0);
        Ok(StreamPage { events, next_forward_token: format!("f/{last}"), next_backward_token: format!("b/{first}") })
    }

    /// Everything that can be read in `from..=to`, in order of time.
    fn sources<'a>(
        &'a self,
        group: &'a str,
        streams: &'a Streams<'a>,
        from: Timestamp,
        to: Timestamp,
    ) -> impl Iterator<Item = Source<'a>> {
        let first = self.logs.lines.partition_point(|line| line.at < from);
        let lines = self.logs.lines.get(first..).unwrap_or_default().iter().take_while(move |line| line.at <= to);
        let lines = lines
            .filter(move |line| line.group == group && line.visible_at <= self.now && streams.include(&line.stream));
        let tasks = self.tasks_included(group, streams);
        let start = self.traffic.ring.first_at(self.since_origin(from));
        let (last, seen) = (self.since_origin(to), self.requests_visible());
        let requests =
            self.traffic.ring.since(start).take_while(move |(_, request)| request.at <= last && request.at <= seen);
        let requests = requests.filter(move |(_, request)| {
            tasks.get(usize::from(request.task)).copied().unwrap_or(false) && self.is_logged(request)
        });
        let mut lines = lines.map(Source::Line).peekable();
        let mut requests = requests.map(|(number, request)| Source::Request(number, request)).peekable();
        std::iter::from_fn(move || match (lines.peek(), requests.peek()) {
            (Some(line), Some(request)) if line.key(self.origin) > request.key(self.origin) => requests.next(),
            (Some(_), _) => lines.next(),
            (None, _) => requests.next(),
        })
    }

    /// For each task of the roster, whether its requests are asked for.
    pub(super) fn tasks_included(&self, group: &str, streams: &Streams<'_>) -> Vec<bool> {
        let of_app = group == self.schema.app.log_group;
        self.ecs.roster.iter().map(|member| of_app && streams.include(&member.stream)).collect()
    }

    /// Requests up to this moment (milliseconds since the origin) can be read.
    pub(super) fn requests_visible(&self) -> u32 {
        self.since_origin(self.now - self.schema.logs.delay.max(LEAST_DELAY))
    }

    pub(super) fn event(&self, group: &str, source: Source<'_>) -> LogEvent {
        let id = format!("{:056}", source.key(self.origin));
        let group = group.to_owned();
        match source {
            Source::Line(line) => LogEvent {
                id,
                group,
                stream: line.stream.clone(),
                at: line.at,
                ingested_at: line.visible_at,
                message: line.message.clone(),
            },
            Source::Request(_, request) => {
                let at = self.origin + Duration::from_millis(u64::from(request.at));
                let member = self.ecs.roster.get(usize::from(request.task));
                LogEvent {
                    id,
                    group,
                    stream: member.map(|member| member.stream.clone()).unwrap_or_default(),
                    at,
                    ingested_at: at + self.schema.logs.delay,
                    message: self.render(request),
                }
            }
        }
    }
}

/// A filter pattern, or the refusal of a broken one.
pub(super) fn compiled(pattern: Option<&str>) -> ApiResult<Pattern> {
    Pattern::parse(pattern.unwrap_or_default())
        .map_err(|reason| ApiError::new("InvalidParameterException", format!("Invalid filter pattern: {reason}")))
}

fn limit(asked: Option<usize>) -> ApiResult<usize> {
    match asked {
        Some(limit) if !(1..=MOST_EVENTS).contains(&limit) => {
            Err(ApiError::new("InvalidParameterException", format!("limit must be between 1 and {MOST_EVENTS}")))
        }
        asked => Ok(asked.unwrap_or(MOST_EVENTS)),
    }
}

fn bad_token() -> ApiError {
    ApiError::new("InvalidParameterException", "The specified nextToken is invalid.")
}
