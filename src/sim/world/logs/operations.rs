//! Operations on groups and streams.

use std::collections::btree_map::Entry;

use super::{Group, LogGroup, LogStream, Stream, StreamOrder};
use crate::domain::time::Timestamp;
use crate::sim::world::{ApiError, ApiResult, World};

/// A request's line, about, in bytes.
const BYTES_PER_REQUEST: u64 = 280;

impl World {
    /// Creates a log group.
    pub fn create_log_group(&mut self, name: &str) -> ApiResult<()> {
        let now = self.now;
        match self.logs.groups.entry(name.to_owned()) {
            Entry::Occupied(_) => {
                Err(ApiError::new("ResourceAlreadyExistsException", "The specified log group already exists"))
            }
            Entry::Vacant(entry) => {
                entry.insert(Group { created_at: now, ..Group::default() });
                self.ledger.change(now, "CreateLogGroup", vec![("group", name.to_owned())]);
                Ok(())
            }
        }
    }

    /// Creates a log stream.
    pub fn create_log_stream(&mut self, group: &str, stream: &str) -> ApiResult<()> {
        let name = self.known_group(group)?.to_owned();
        let now = self.now;
        let streams = self.logs.groups.get_mut(&name).map(|group| &mut group.streams);
        match streams.map(|streams| streams.entry(stream.to_owned())) {
            Some(Entry::Vacant(entry)) => {
                entry.insert(Stream { created_at: now, ..Stream::default() });
                self.ledger.change(now, "CreateLogStream", vec![("group", name), ("stream", stream.to_owned())]);
                Ok(())
            }
            _ => Err(ApiError::new("ResourceAlreadyExistsException", "The specified log stream already exists")),
        }
    }

    /// Shows log groups by name; the wire layer pages.
    pub fn describe_log_groups(&self, prefix: Option<&str>, pattern: Option<&str>) -> ApiResult<Vec<LogGroup>> {
        let groups = self.logs.groups.iter().filter(|(name, _)| {
            prefix.is_none_or(|prefix| name.starts_with(prefix)) && pattern.is_none_or(|pattern| name.contains(pattern))
        });
        let shown = groups.map(|(name, group)| {
            let of_app = *name == self.schema.app.log_group;
            let requests = if of_app { self.traffic.ring.end() as f64 } else { 0.0 };
            let logged = (requests * self.schema.logs.requests.probability()) as u64;
            LogGroup {
                name: name.clone(),
                arn: self.log_arn(&format!("{name}:*")),
                created_at: group.created_at,
                retention_days: of_app.then_some(30),
                stored_bytes: group.bytes + logged * BYTES_PER_REQUEST,
            }
        });
        Ok(shown.collect())
    }

    /// Shows the streams of a group; the wire layer pages.
    pub fn describe_log_streams(
        &self,
        group: &str,
        prefix: Option<&str>,
        order: StreamOrder,
    ) -> ApiResult<Vec<LogStream>> {
        let group = self.known_group(group)?;
        let streams = self.logs.groups.get(group).into_iter().flat_map(|group| &group.streams);
        let mut shown: Vec<LogStream> = streams
            .filter(|(name, _)| prefix.is_none_or(|prefix| name.starts_with(prefix)))
            .map(|(name, stream)| {
                let member = self.ecs.roster.iter().find(|member| member.stream == *name);
                LogStream {
                    name: name.clone(),
                    arn: self.log_arn(&format!("{group}:log-stream:{name}")),
                    created_at: stream.created_at,
                    first_event_at: stream.first,
                    last_event_at: stream.last.max(member.and_then(|member| member.last_traffic)),
                }
            })
            .collect();
        match order {
            StreamOrder::Name => {}
            StreamOrder::NameDescending => shown.reverse(),
            StreamOrder::LastEvent => shown.sort_by_key(|stream| stream.last_event_at),
            StreamOrder::LastEventDescending => shown.sort_by_key(|stream| std::cmp::Reverse(stream.last_event_at)),
        }
        Ok(shown)
    }

    /// Takes events.
    pub fn put_log_events(&mut self, group: &str, stream: &str, events: Vec<(Timestamp, String)>) -> ApiResult<()> {
        let group = self.known_group(group)?.to_owned();
        self.known_stream(&group, stream)?;
        if events.is_empty() {
            return Err(ApiError::new("InvalidParameterException", "Log events must not be empty"));
        }
        if !events.is_sorted_by_key(|(at, _)| *at) {
            let message = "Log events in a single PutLogEvents request must be in chronological order.";
            return Err(ApiError::new("InvalidParameterException", message));
        }
        let count = events.len();
        for (at, message) in events {
            self.append_line(&group, stream, at, self.now, message);
        }
        let facts = vec![("group", group), ("stream", stream.to_owned()), ("count", count.to_string())];
        self.ledger.change(self.now, "PutLogEvents", facts);
        Ok(())
    }

    /// The name of a group given by name or ARN.
    pub(super) fn known_group(&self, given: &str) -> ApiResult<&str> {
        let name = given.split_once(":log-group:").map_or(given, |(_, name)| name.trim_end_matches(":*"));
        match self.logs.groups.get_key_value(name) {
            Some((name, _)) => Ok(name),
            None => Err(ApiError::new("ResourceNotFoundException", "The specified log group does not exist.")),
        }
    }

    pub(super) fn known_stream(&self, group: &str, stream: &str) -> ApiResult<()> {
        if self.logs.groups.get(group).is_some_and(|group| group.streams.contains_key(stream)) {
            return Ok(());
        }
        Err(ApiError::new("ResourceNotFoundException", "The specified log stream does not exist."))
    }

    fn log_arn(&self, rest: &str) -> String {
        format!("arn:aws:logs:{}:{}:log-group:{rest}", self.schema.aws.region, self.schema.aws.account)
    }
}
