//! Events seen lately, so that none is shown twice.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::time::Duration;

use crate::cloud::LogEvent;
use crate::domain::time::Timestamp;

/// Event ids remembered to leave out repeats.
const REMEMBERED: usize = 20_000;

/// How long an event that came one way is remembered, in case that it comes the other way, too.
const BOTH_WAYS: Duration = Duration::from_mins(2);

/// How an event came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Way {
    Polled,
    Streamed,
}

/// Events seen lately. Polled ones have ids. Streamed ones have none and do not repeat, but where a stream begins or breaks
/// off, the same event may come both ways: then it is told by what is in it, as often as it was there.
#[derive(Debug, Default)]
pub(super) struct Seen {
    ids: HashSet<String>,
    order: VecDeque<String>,
    contents: HashMap<(Way, u64), u32>,
    came: VecDeque<(Timestamp, Way, u64)>,
}

impl Seen {
    pub(super) fn is_new(&mut self, way: Way, event: &LogEvent, now: Timestamp) -> bool {
        if way == Way::Polled && !self.is_new_id(&event.id) {
            return false;
        }
        let (content, other) = (
            content_of(event),
            match way {
                Way::Polled => Way::Streamed,
                Way::Streamed => Way::Polled,
            },
        );
        if let Some(times) = self.contents.get_mut(&(other, content)).filter(|times| **times > 0) {
            *times -= 1;
            return false;
        }
        *self.contents.entry((way, content)).or_default() += 1;
        self.came.push_back((now, way, content));
        while let Some((at, way, content)) = self.came.front().copied() {
            if now.since(at) <= BOTH_WAYS && self.came.len() <= REMEMBERED {
                break;
            }
            self.came.pop_front();
            if let Some(times) = self.contents.get_mut(&(way, content)) {
                *times = times.saturating_sub(1);
                if *times == 0 {
                    self.contents.remove(&(way, content));
                }
            }
        }
        true
    }

    fn is_new_id(&mut self, id: &str) -> bool {
        if !self.ids.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

fn content_of(event: &LogEvent) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&event.stream, event.at, &event.message).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, message: &str) -> LogEvent {
        let at = Timestamp::from_secs(5);
        LogEvent { id: id.to_owned(), at, ingested: None, stream: "api/1".to_owned(), message: message.to_owned() }
    }

    #[test]
    fn an_event_that_comes_both_ways_is_shown_as_often_as_it_was_written() {
        let mut seen = Seen::default();
        let now = Timestamp::from_secs(10);
        assert!(seen.is_new(Way::Polled, &event("1", "a"), now));
        assert!(!seen.is_new(Way::Polled, &event("1", "a"), now), "the overlap of two polls");
        assert!(seen.is_new(Way::Polled, &event("2", "a"), now), "the same text twice");
        assert!(!seen.is_new(Way::Streamed, &event("", "a"), now));
        assert!(!seen.is_new(Way::Streamed, &event("", "a"), now));
        assert!(seen.is_new(Way::Streamed, &event("", "a"), now), "a third time is a third line");
        assert!(!seen.is_new(Way::Polled, &event("3", "a"), now), "which a poll finds, too");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut seen = Seen::default();
        for number in 0..REMEMBERED + 100 {
            let now = Timestamp::from_millis(i64::try_from(number).unwrap());
            assert!(seen.is_new(Way::Polled, &event(&number.to_string(), &number.to_string()), now));
        }
        assert_eq!((seen.ids.len(), seen.came.len(), seen.contents.len()), (REMEMBERED, REMEMBERED, REMEMBERED));
        seen.is_new(Way::Streamed, &event("", "x"), Timestamp::from_secs(10_000));
        assert_eq!((seen.came.len(), seen.contents.len()), (1, 1));
    }
}
