//! One release, one thread: a bot posts where the release stands, answers below it with what happens, and keeps the first
//! message up to date.
//!
//! Every message carries the release's tag and its own key as metadata. So a message whose answer was lost is found again
//! instead of being posted twice, and a new engine finds the thread of the last one.

use std::collections::HashMap;

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use super::blocks;
use crate::domain::effect::{Failure, Notice, Severity};
use crate::domain::ids::Revision;
use crate::domain::notice::{Facts, Route, Transition};
use crate::notify::http::{Http, Line, Request};
use crate::notify::{Notifier, Secret, refused, transient};

/// Kind of the metadata.
const EVENT_TYPE: &str = "cutover_release";

/// Messages asked for at once when one of ours is looked for.
const PAGE: u32 = 200;

/// Pages looked through: more messages than that since a release began are not to be expected.
const PAGES: u32 = 10;

/// A thread's first message is looked for from this many seconds before the release's own beginning: clocks differ.
const BEFORE: i64 = 120;

/// What stands for an answer that something else than Slack has given.
const NOT_SLACK: &str = "an answer that is not Slack's";

/// Errors of the Web API that pass.
const PASSING: [&str; 6] =
    ["ratelimited", "internal_error", "fatal_error", "request_timeout", "service_unavailable", NOT_SLACK];

/// Errors of a bot that may not read: then nothing can be found again, and telling twice is better than not at all.
const BLIND: [&str; 3] = ["missing_scope", "not_in_channel", "no_permission"];

/// A channel in which a bot keeps a thread for each release.
#[derive(Debug)]
pub struct SlackThread {
    line: Line,
    base: String,
    token: Secret,
    channel: String,
    route: Route,
    /// The threads by their release's tag. Held while one message is sent, so that they arrive in order.
    threads: Mutex<HashMap<String, Thread>>,
}

#[derive(Clone, Debug)]
struct Thread {
    /// Slack's name for the first message.
    ts: String,
    /// What the first message says is as of then.
    told: Revision,
}

impl SlackThread {
    /// The channel with this id; `base` is where the Web API is, without a slash at its end.
    pub fn new(http: Http, base: String, token: Secret, channel: String, route: Route) -> Self {
        Self { line: Line::new(http), base, token, channel, route, threads: Mutex::default() }
    }

    async fn post(
        &self,
        mut message: Map<String, Value>,
        notice: &Notice,
        thread: Option<&str>,
    ) -> Result<String, Failure> {
        let facts = &notice.facts;
        let metadata = json!({
            "event_type": EVENT_TYPE,
            "event_payload": { "release": facts.tag(), "key": notice.key },
        });
        message.insert("channel".to_owned(), json!(self.channel));
        message.insert("metadata".to_owned(), metadata);
        if let Some(thread) = thread {
            message.insert("thread_ts".to_owned(), json!(thread));
            // What is critical is also shown where nobody has opened the thread.
            message.insert("reply_broadcast".to_owned(), json!(notice.severity == Severity::Critical));
        }
        let answer = self.write("chat.postMessage", message).await?;
        let ts = text(&answer, "/ts");
        ts.map(str::to_owned).ok_or_else(|| transient("Slack took the message and did not say which it is"))
    }

    async fn update(&self, ts: &str, notice: &Notice) -> Result<(), Failure> {
        let mut message = blocks::board(notice);
        message.insert("channel".to_owned(), json!(self.channel));
        message.insert("ts".to_owned(), json!(ts));
        self.write("chat.update", message).await?;
        Ok(())
    }

    /// The first message of a release's thread, if there is one.
    async fn find_thread(&self, facts: &Facts) -> Result<Option<String>, Failure> {
        let oldest = (facts.begun.secs() - BEFORE).to_string();
        let query = [("channel", self.channel.as_str()), ("oldest", &oldest)];
        self.find("conversations.history", &query, |payload| payload.get("release") == Some(&json!(facts.tag()))).await
    }

    /// Whether a thread has a message with this key.
    async fn has(&self, ts: &str, key: &str) -> Result<bool, Failure> {
        let query = [("channel", self.channel.as_str()), ("ts", ts)];
        let found = self.find("conversations.replies", &query, |payload| payload.get("key") == Some(&json!(key)));
        Ok(found.await?.is_some())
    }

    /// The oldest message that `is_it` recognises by what it carries.
    async fn find(
        &self,
        method: &str,
        query: &[(&str, &str)],
        is_it: impl Fn(&Value) -> bool,
    ) -> Result<Option<String>, Failure> {
        let mut found: Option<String> = None;
        let mut cursor = String::new();
        for _ in 0..PAGES {
            let query = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(query)
                .append_pair("limit", &PAGE.to_string())
                .append_pair("include_all_metadata", "true")
                .append_pair("cursor", &cursor)
                .finish();
            let request = Request::get(format!("{}/api/{method}?{query}", self.base));
            let answer = self.line.call(self.signed(request)).await?.json();
            match error_of(&answer) {
                Some(error) if BLIND.contains(&error) => return Ok(None),
                Some(error) => return Err(failure(method, error)),
                None => {}
            }
            // Stamps are seconds and microseconds, written in full: they sort as text.
            found = found.into_iter().chain(ours(&answer, &is_it)).min();
            cursor = text(&answer, "/response_metadata/next_cursor").unwrap_or_default().to_owned();
            if cursor.is_empty() {
                break;
            }
        }
        Ok(found)
    }

    async fn write(&self, method: &str, body: Map<String, Value>) -> Result<Value, Failure> {
        let url = format!("{}/api/{method}", self.base);
        let request = Request::json(http::Method::POST, url, &Value::Object(body));
        let answer = self.line.call(self.signed(request)).await?.json();
        match error_of(&answer) {
            Some(error) => Err(failure(method, error)),
            None => Ok(answer),
        }
    }

    fn signed(&self, request: Request) -> Request {
        request.with("authorization", format!("Bearer {}", self.token.expose()))
    }

    /// The thread of a release, begun if there is none; and whether its first message already says what `notice` does.
    async fn thread(&self, notice: &Notice, attempt: u32) -> Result<(Thread, bool), Failure> {
        let facts = &notice.facts;
        let is_first = facts.transition == Transition::Begun;
        // The first try of the first message is the only one before which there is certainly nothing to be found.
        let found = if is_first && attempt == 1 { None } else { self.find_thread(facts).await? };
        match found {
            Some(ts) => Ok((Thread { ts, told: Revision::default() }, is_first)),
            None => {
                let ts = self.post(blocks::board(notice), notice, None).await?;
                Ok((Thread { ts, told: facts.revision }, is_first))
            }
        }
    }
}

#[async_trait]
impl Notifier for SlackThread {
    async fn send(&self, notice: &Notice, attempt: u32) -> Result<(), Failure> {
        let facts = &notice.facts;
        let is_wanted = self.route.wants(notice.severity, facts);
        if facts.transition == Transition::Test {
            return self.post(blocks::message(notice), notice, None).await.map(drop);
        }
        let mut threads = self.threads.lock().await;
        let known = threads.get(&facts.tag()).cloned();
        let (mut thread, is_told) = match known {
            Some(thread) => (thread, facts.transition == Transition::Begun),
            // What is not wanted begins no thread, but it does change one.
            None if !is_wanted => return Ok(()),
            None => self.thread(notice, attempt).await?,
        };
        threads.insert(facts.tag(), thread.clone());
        let is_there = is_told || !is_wanted || (attempt > 1 && self.has(&thread.ts, &notice.key).await?);
        if !is_there {
            self.post(blocks::message(notice), notice, Some(&thread.ts)).await?;
        }
        if facts.revision > thread.told {
            self.update(&thread.ts, notice).await?;
            thread.told = facts.revision;
            threads.insert(facts.tag(), thread);
        }
        Ok(())
    }
}

/// Stamps of the messages that `is_it` recognises by what they carry.
fn ours<'a>(answer: &'a Value, is_it: &'a impl Fn(&Value) -> bool) -> impl Iterator<Item = String> + 'a {
    let messages = answer.get("messages").and_then(Value::as_array).into_iter().flatten();
    let ours = messages.filter(move |message| {
        text(message, "/metadata/event_type") == Some(EVENT_TYPE)
            && message.pointer("/metadata/event_payload").is_some_and(is_it)
    });
    ours.filter_map(|message| text(message, "/ts").map(str::to_owned))
}

fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer).and_then(Value::as_str)
}

fn error_of(answer: &Value) -> Option<&str> {
    match answer.get("ok").and_then(Value::as_bool) {
        Some(true) => None,
        Some(false) => Some(answer.get("error").and_then(Value::as_str).unwrap_or("an error without a name")),
        None => Some(NOT_SLACK),
    }
}

fn failure(method: &str, error: &str) -> Failure {
    let message = format!("Slack refuses {method}: {error}");
    if PASSING.contains(&error) { transient(message) } else { refused(message) }
}
