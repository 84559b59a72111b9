//! Live tails: what arrived since one last looked.

use super::read::{Source, Streams, compiled};
use super::{Line, LiveTail, LiveTailCursor, LiveTailUpdate, LogEvent};
use crate::sim::world::{ApiResult, World};

/// The most events in one update; of more, CloudWatch shows a sample.
const MOST_EVENTS: usize = 500;

impl World {
    /// Checks what a live tail follows and says where it begins: now.
    pub fn live_tail_start(&self, tail: &LiveTail) -> ApiResult<LiveTailCursor> {
        for group in &tail.groups {
            self.known_group(group)?;
        }
        compiled(tail.pattern.as_deref())?;
        let lines = self.logs.lines.iter().filter(|line| line.visible_at <= self.now).map(|line| line.number + 1).max();
        let requests = self.traffic.ring.first_at(self.requests_visible().saturating_add(1));
        Ok(LiveTailCursor { requests, lines: lines.unwrap_or(0) })
    }

    /// What a live tail sees since `cursor`.
    pub fn live_tail_since(&self, tail: &LiveTail, cursor: LiveTailCursor) -> ApiResult<LiveTailUpdate> {
        let pattern = compiled(tail.pattern.as_deref())?;
        let streams = if tail.streams.is_empty() {
            Streams::Prefixed(&tail.stream_prefixes)
        } else {
            Streams::Named(&tail.streams)
        };
        let mut next = cursor;
        let mut events: Vec<LogEvent> = Vec::new();
        let fresh = |line: &&Line| line.number >= cursor.lines && line.visible_at <= self.now;
        for line in self.logs.lines.iter().filter(fresh) {
            next.lines = next.lines.max(line.number + 1);
        }
        let seen = self.requests_visible();
        next.requests = self.traffic.ring.first_at(seen.saturating_add(1)).max(cursor.requests);
        for group in &tail.groups {
            let group = self.known_group(group)?;
            let lines = self
                .logs
                .lines
                .iter()
                .filter(fresh)
                .filter(|line| line.group == group && streams.include(&line.stream));
            let tasks = self.tasks_included(group, &streams);
            let requests = self.traffic.ring.since(cursor.requests).take_while(|(_, request)| request.at <= seen);
            let requests = requests.filter(|(_, request)| {
                tasks.get(usize::from(request.task)).copied().unwrap_or(false) && self.is_logged(request)
            });
            let sources =
                lines.map(Source::Line).chain(requests.map(|(number, request)| Source::Request(number, request)));
            let matching =
                sources.map(|source| self.event(group, source)).filter(|event| pattern.matches(&event.message));
            events.extend(matching);
        }
        events.sort_by(|a, b| a.id.cmp(&b.id));
        let sampled = events.len() > MOST_EVENTS;
        if sampled {
            let step = events.len() as f64 / MOST_EVENTS as f64;
            let kept = (0..MOST_EVENTS).filter_map(|index| events.get((index as f64 * step) as usize).cloned());
            events = kept.collect();
        }
        Ok(LiveTailUpdate { events, sampled, cursor: next })
    }
}
