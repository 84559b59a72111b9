//! Slack: incoming webhooks, and the part of the Web API that keeps a thread.

use serde_json::{Value, json};

use super::{Letter, LetterReply};

/// A message in a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct SlackMessage {
    /// Its name: seconds and microseconds.
    pub ts: String,
    /// Channel; empty for a webhook's own.
    pub channel: String,
    /// The message that it answers.
    pub thread: Option<String>,
    /// All that was sent.
    pub content: Value,
    /// How often it has been changed.
    pub edits: u32,
}

/// All messages.
#[derive(Clone, Debug, Default)]
pub(super) struct Slack {
    pub(super) messages: Vec<SlackMessage>,
}

impl Slack {
    pub(super) fn receive(&mut self, letter: &Letter) -> LetterReply {
        let content = letter.json();
        if letter.path.starts_with("/services/") {
            return match refusal(&content) {
                Some(error) => LetterReply::text(400, error),
                None => {
                    self.keep(letter, String::new(), content);
                    LetterReply::text(200, "ok")
                }
            };
        }
        let is_bot = letter.header("authorization").is_some_and(|value| value.starts_with("Bearer xoxb-"));
        let answer = match letter.path.strip_prefix("/api/").filter(|_| is_bot) {
            Some("chat.postMessage") => self.post(letter, content),
            Some("chat.update") => self.update(&content),
            Some("conversations.history") => self.list(letter, |message, _| message.thread.is_none()),
            Some("conversations.replies") => {
                self.list(letter, |message, asked| message.thread.as_deref().unwrap_or(&message.ts) == asked)
            }
            Some(_) => failed("unknown_method"),
            None => failed("invalid_auth"),
        };
        LetterReply::json(200, &answer)
    }

    fn keep(&mut self, letter: &Letter, channel: String, content: Value) -> String {
        // Unique, and in the order they came, also within one moment.
        let ts = format!("{}.{:06}", letter.at.secs(), self.messages.len() + 1);
        let thread = content.get("thread_ts").and_then(Value::as_str).map(str::to_owned);
        self.messages.push(SlackMessage { ts: ts.clone(), channel, thread, content, edits: 0 });
        ts
    }

    fn post(&mut self, letter: &Letter, content: Value) -> Value {
        let Some(channel) = content.get("channel").and_then(Value::as_str).map(str::to_owned) else {
            return failed("channel_not_found");
        };
        if let Some(error) = refusal(&content) {
            return failed(error);
        }
        let ts = self.keep(letter, channel.clone(), content);
        json!({ "ok": true, "channel": channel, "ts": ts })
    }

    fn update(&mut self, content: &Value) -> Value {
        if let Some(error) = refusal(content) {
            return failed(error);
        }
        let asked = content.get("ts").and_then(Value::as_str).unwrap_or_default();
        let Some(message) = self.messages.iter_mut().find(|message| message.ts == asked) else {
            return failed("message_not_found");
        };
        for field in ["text", "blocks"] {
            if let (Some(new), Some(fields)) = (content.get(field), message.content.as_object_mut()) {
                fields.insert(field.to_owned(), new.clone());
            }
        }
        message.edits += 1;
        json!({ "ok": true, "channel": message.channel, "ts": message.ts })
    }

    fn list(&self, letter: &Letter, wanted: impl Fn(&SlackMessage, &str) -> bool) -> Value {
        let query: Vec<(String, String)> = form_urlencoded::parse(letter.query.as_bytes()).into_owned().collect();
        let value = |name: &str| query.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
        let limit: usize = value("limit").parse().unwrap_or(100);
        let (oldest, before) = (value("oldest"), value("cursor"));
        let mut found = self.messages.iter().rev().filter(|message| {
            message.channel == value("channel")
                && message.ts.as_str() >= oldest
                && (before.is_empty() || message.ts.as_str() < before)
                && wanted(message, value("ts"))
        });
        let has_metadata = value("include_all_metadata") == "true";
        let page: Vec<&SlackMessage> = found.by_ref().take(limit).collect();
        // The next page begins below the last message of this one.
        let next = found.next().and(page.last()).map_or("", |last| last.ts.as_str());
        let shown = page.iter().map(|message| {
            let mut shown = json!({ "type": "message", "ts": message.ts, "text": message.content.get("text") });
            if let (Some(metadata), Some(fields), true) =
                (message.content.get("metadata"), shown.as_object_mut(), has_metadata)
            {
                fields.insert("metadata".to_owned(), metadata.clone());
            }
            shown
        });
        let messages: Vec<Value> = shown.collect();
        json!({ "ok": true, "messages": messages, "response_metadata": { "next_cursor": next } })
    }
}

fn failed(error: &str) -> Value {
    json!({ "ok": false, "error": error })
}

/// Why Slack would not take a message.
fn refusal(content: &Value) -> Option<&'static str> {
    let none = Vec::new();
    let blocks = content.get("blocks").and_then(Value::as_array).unwrap_or(&none);
    if content.get("text").is_none() && blocks.is_empty() {
        return Some("no_text");
    }
    (blocks.len() > 50 || blocks.iter().any(|block| !is_block(block))).then_some("invalid_blocks")
}

fn is_block(block: &Value) -> bool {
    let text = |value: Option<&Value>, most: usize| {
        let text = value.and_then(|text| text.get("text")).and_then(Value::as_str);
        text.is_some_and(|text| (1..=most).contains(&text.chars().count()))
    };
    let all = |name: &str, count: usize, most: usize| {
        let all = block.get(name).and_then(Value::as_array);
        all.is_some_and(|all| (1..=count).contains(&all.len()) && all.iter().all(|one| text(Some(one), most)))
    };
    match block.get("type").and_then(Value::as_str) {
        Some("header") => text(block.get("text"), 150),
        Some("section") if block.get("fields").is_some() => all("fields", 10, 2_000),
        Some("section") => text(block.get("text"), 3_000),
        Some("context") => all("elements", 10, 3_000),
        Some("divider") => true,
        _ => false,
    }
}
