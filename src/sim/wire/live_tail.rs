//! `StartLiveTail`: a response that goes on for as long as the client listens.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use aws_smithy_eventstream::error::Error;
use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;

use super::eventstream;
use super::input::Input;
use super::value::{Fields, Value};
use crate::domain::time::Timestamp;
use crate::sim::Sim;
use crate::sim::world::logs::{LiveTail as Following, LiveTailCursor, LogEvent};
use crate::sim::world::{ApiError, ApiResult};

/// AWS sends an update about this often, also when it is empty.
const UPDATE_EVERY: Duration = Duration::from_secs(1);
/// AWS ends a session after this long.
const SESSION_LASTS: Duration = Duration::from_hours(3);

/// One live-tail session: frames of an event stream, one at a time, at the pace of the simulation's clock.
pub struct LiveTail {
    sim: Sim,
    following: Following,
    cursor: LiveTailCursor,
    began: Timestamp,
    next_update: Timestamp,
    ready: VecDeque<Bytes>,
    ended: bool,
}

impl LiveTail {
    /// Starts a session, or refuses it as AWS would.
    pub(super) fn start(sim: &Sim, request_id: &str, input: Input<'_>) -> ApiResult<Self> {
        let following = Following {
            groups: input.texts("logGroupIdentifiers")?,
            streams: input.texts("logStreamNames")?,
            stream_prefixes: input.texts("logStreamNamePrefixes")?,
            pattern: input.string("logEventFilterPattern")?.filter(|pattern| !pattern.is_empty()),
        };
        if following.groups.is_empty() || following.groups.len() > 10 {
            return Err(input.invalid("logGroupIdentifiers must have between 1 and 10 items"));
        }
        if let Some(name) = following.groups.iter().find(|group| !group.starts_with("arn:") || group.ends_with('*')) {
            return Err(input.invalid(format!("{name} is not the ARN of a log group, without a trailing :*")));
        }
        let named = !following.streams.is_empty() || !following.stream_prefixes.is_empty();
        if named && following.groups.len() > 1 {
            return Err(input.invalid("log streams can be named only when there is one log group"));
        }
        let (cursor, began) = sim.with(|world, now| world.live_tail_start(&following).map(|cursor| (cursor, now)))?;
        let start = Fields::new()
            .with("requestId", request_id)
            .with("sessionId", request_id)
            .with("logGroupIdentifiers", following.groups.clone())
            .unless_empty("logStreamNames", following.streams.clone())
            .unless_empty("logStreamNamePrefixes", following.stream_prefixes.clone())
            .maybe("logEventFilterPattern", following.pattern.as_deref());
        let opening = [("initial-response", Value::nothing()), ("sessionStart", start.into())]
            .iter()
            .map(|(kind, payload)| eventstream::event(kind, payload))
            .collect::<Result<_, _>>()
            .map_err(|error| ApiError::new("ServiceUnavailableException", error.to_string()))?;
        let next_update = began + UPDATE_EVERY;
        Ok(Self { sim: sim.clone(), following, cursor, began, next_update, ready: opening, ended: false })
    }

    /// The frames, each as soon as it is due. The stream ends after the session's time is up.
    pub fn frames(self) -> impl Stream<Item = Result<Bytes, Error>> + Send + Sync {
        unfold(self, |mut tail| async move { tail.next().await.map(|frame| (frame, tail)) })
    }

    async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        if let Some(frame) = self.ready.pop_front() {
            return Some(Ok(frame));
        }
        if self.ended {
            return None;
        }
        self.sim.clock().sleep_until(self.next_update).await;
        let (update, now) = self.sim.with(|world, now| (world.live_tail_since(&self.following, self.cursor), now));
        self.next_update = now + UPDATE_EVERY;
        if now.since(self.began) >= SESSION_LASTS {
            self.ended = true;
            let message = Fields::new().with("message", "The session has timed out");
            return Some(eventstream::exception("SessionTimeoutException", &message.into()));
        }
        match update {
            Ok(update) => {
                self.cursor = update.cursor;
                let results = update.events.into_iter().map(|event| self.result(event));
                let payload = Fields::new()
                    .with("sessionMetadata", Fields::new().with("sampled", update.sampled))
                    .with("sessionResults", Value::list(results));
                Some(eventstream::event("sessionUpdate", &payload.into()))
            }
            Err(error) => {
                self.ended = true;
                let message = Fields::new().with("message", error.message);
                Some(eventstream::exception("SessionStreamingException", &message.into()))
            }
        }
    }

    fn result(&self, event: LogEvent) -> Fields {
        let group = self.following.groups.iter().find(|arn| arn.ends_with(&format!(":{}", event.group)));
        Fields::new()
            .with("logStreamName", event.stream)
            .with("logGroupIdentifier", group.cloned().unwrap_or(event.group))
            .with("message", event.message)
            .with("timestamp", event.at.millis())
            .with("ingestionTime", event.ingested_at.millis())
    }
}

impl fmt::Debug for LiveTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveTail")
            .field("following", &self.following)
            .field("began", &self.began)
            .finish_non_exhaustive()
    }
}
