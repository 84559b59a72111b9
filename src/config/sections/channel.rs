//! `[channels.NAME]`: who is told, and of what.

use super::super::channel::{Address, Channel, Receiver, SecretSource};
use super::super::problem::Mistake;
use super::super::reader::{Item, Table};
use super::super::values::{self, Resource};
use crate::domain::effect::Severity;
use crate::domain::notice::{Route, Transition};

const SLACK: &str = "https://slack.com";
const PAGERDUTY: &str = "https://events.pagerduty.com";
const STATUSPAGE: &str = "https://api.statuspage.io";

#[derive(Clone, Copy, Debug)]
enum Kind {
    Sns,
    Slack,
    PagerDuty,
    Webhook,
    Statuspage,
}

const KINDS: [(&str, Kind); 5] = [
    ("sns", Kind::Sns),
    ("slack", Kind::Slack),
    ("pagerduty", Kind::PagerDuty),
    ("webhook", Kind::Webhook),
    ("statuspage", Kind::Statuspage),
];

/// Reads a channel; `environments` are those that there are.
pub(super) fn read(table: Table<'_>, environments: &[String]) -> Option<Channel> {
    let kind = table.required("kind", "kind = \"sns\"", values::word("kind of channel", &KINDS));
    // What else may stand here depends on the kind, so an unknown one says nothing about the rest.
    let kind = kind?.value;
    let route = route(&table, kind, environments);
    let receiver = match kind {
        Kind::Sns => sns(&table),
        Kind::Slack => slack(&table),
        Kind::PagerDuty => pagerduty(&table),
        Kind::Webhook => webhook(&table),
        Kind::Statuspage => statuspage(&table),
    };
    table.finish();
    Some(Channel { route, receiver: receiver? })
}

fn route(table: &Table<'_>, kind: Kind, environments: &[String]) -> Route {
    let mut route = match kind {
        // Nobody is to be woken by what goes as planned, or has come to a good end by itself.
        Kind::PagerDuty => Route {
            min_severity: Severity::Critical,
            events: vec![Transition::Waiting, Transition::Overdue, Transition::Ended],
            environments: None,
        },
        Kind::Sns | Kind::Slack | Kind::Webhook | Kind::Statuspage => Route::default(),
    };
    // What a status page says follows from the release alone.
    if !matches!(kind, Kind::Statuspage) {
        let severity = values::word("severity", &Severity::WORDS);
        route.min_severity = table.or("min_severity", severity, route.min_severity);
        let events = table.list(
            "events",
            "an array of events: [\"waiting\", \"going-back\", \"ended\"]",
            values::word("event", &Transition::WORDS),
        );
        if let Some(events) = events {
            route.events = events.into_iter().map(|event| event.value).collect();
        }
    }
    let named = table.list("environments", "an array of names: [\"production\"]", values::text);
    for name in named.iter().flatten() {
        table.reader().known("environment", name, environments);
    }
    route.environments = named.map(|names| names.into_iter().map(|name| name.value).collect());
    route
}

fn sns(table: &Table<'_>) -> Option<Receiver> {
    let example = "topic = \"arn:aws:sns:eu-west-1:123456789012:releases\"";
    let topic = table.required("topic", example, values::arn(Resource::Topic))?;
    Some(Receiver::Sns { topic: topic.value.text })
}

fn slack(table: &Table<'_>) -> Option<Receiver> {
    let webhook = secret(table, "url");
    let token = secret(table, "token");
    let channel = table.located("channel", channel_id);
    let url = table.located("url", values::url);
    let (reader, spot) = (table.reader(), table.spot());
    match (webhook, token) {
        (Some(_), Some(_)) => {
            let what = "a Slack channel is reached by a webhook or by a bot, and this one has both";
            reader.check(false, &spot, what, "keep the webhook's `url_env`, or the bot's `token_env` and `channel`");
            None
        }
        (Some(url_of_webhook), None) => {
            for (key, spot) in [("channel", channel.map(|it| it.spot)), ("url", url.map(|it| it.spot))] {
                if let Some(spot) = spot {
                    let what = format!("`{key}` is a bot's: a webhook has its own channel and address");
                    reader.check(false, &spot, what, "remove it, or give the bot's `token_env`");
                }
            }
            Some(Receiver::SlackWebhook { url: url_of_webhook })
        }
        (None, Some(token)) => {
            if table.item("channel").is_none() {
                table.missing("channel", "channel = \"C0123456789\"");
            }
            let url = url.map_or_else(|| SLACK.to_owned(), |url| url.value);
            Some(Receiver::SlackThread { token, channel: channel?.value, url })
        }
        (None, None) => {
            if !has_secret(table, "url") && !has_secret(table, "token") {
                table.missing("url_env", "url_env = \"SLACK_WEBHOOK_URL\"");
            }
            None
        }
    }
}

/// Slack's id of a channel: its name may change, and is not enough to read it.
fn channel_id(item: Item<'_>) -> Result<String, Mistake> {
    let id = values::text(item)?;
    let is_one = id.len() >= 9
        && id.starts_with(['C', 'G', 'D'])
        && id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let wanted = "its id, such as \"C0123456789\", from the end of the channel's details";
    if is_one { Ok(id) } else { Err(values::bad(item, "a Slack channel's id", wanted)) }
}

fn pagerduty(table: &Table<'_>) -> Option<Receiver> {
    let url = base(table, PAGERDUTY);
    let routing_key = required_secret(table, "routing_key", "PAGERDUTY_ROUTING_KEY")?;
    Some(Receiver::PagerDuty { routing_key, url })
}

fn webhook(table: &Table<'_>) -> Option<Receiver> {
    let plain = table.located("url", address);
    let hidden = secret(table, "url");
    let secret = secret(table, "secret");
    let url = match (plain, hidden) {
        (Some(plain), Some(_)) => {
            let what = "the address is written here and kept elsewhere";
            table.reader().check(false, &plain.spot, what, "keep `url`, or `url_env` if it is a secret");
            return None;
        }
        (Some(plain), None) => Address::Plain(plain.value),
        (None, Some(source)) => Address::Secret(source),
        (None, None) => {
            if table.item("url").is_none() && !has_secret(table, "url") {
                table.missing("url", "url = \"https://hooks.example.com/cutover\"");
            }
            return None;
        }
    };
    Some(Receiver::Webhook { url, secret })
}

fn statuspage(table: &Table<'_>) -> Option<Receiver> {
    let url = base(table, STATUSPAGE);
    let page = table.required("page_id", "page_id = \"kctbh9vrtdwd\"", id);
    let component = table.required("component_id", "component_id = \"8kbf7d35c070\"", id);
    let title = table.required("title", "title = \"Checkout\"", values::text);
    let api_key = required_secret(table, "api_key", "STATUSPAGE_API_KEY")?;
    Some(Receiver::Statuspage { api_key, page: page?.value, component: component?.value, title: title?.value, url })
}

/// An id that becomes part of a path.
fn id(item: Item<'_>) -> Result<String, Mistake> {
    let id = values::text(item)?;
    let is_one = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if is_one {
        Ok(id)
    } else {
        Err(values::bad(item, "an id", "the letters and digits that the page's address ends in"))
    }
}

fn base(table: &Table<'_>, default: &str) -> String {
    table.optional("url", values::url).unwrap_or_else(|| default.to_owned())
}

/// A whole URL, with its path and query.
fn address(item: Item<'_>) -> Result<String, Mistake> {
    let url = values::text(item)?;
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let is_one = host.is_some_and(|host| {
        host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
            && host.is_ascii()
            && !host.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '#' | '@'))
    });
    let wanted = "one such as \"https://hooks.example.com/cutover\", without credentials";
    if is_one { Ok(url) } else { Err(values::bad(item, "a URL", wanted)) }
}

fn required_secret(table: &Table<'_>, name: &str, example: &str) -> Option<SecretSource> {
    let source = secret(table, name);
    if !has_secret(table, name) {
        let key = format!("{name}_env");
        table.missing(&key, &format!("{key} = \"{example}\""));
    }
    source
}

fn has_secret(table: &Table<'_>, name: &str) -> bool {
    ["env", "file"].iter().any(|place| table.item(&format!("{name}_{place}")).is_some())
}

/// Where a secret is kept, if anything says so.
fn secret(table: &Table<'_>, name: &str) -> Option<SecretSource> {
    let variable = table.optional(&format!("{name}_env"), values::variable);
    let file = table.located(&format!("{name}_file"), values::text);
    match (variable, file) {
        (Some(_), Some(file)) => {
            let what = format!("`{name}_env` and `{name}_file` both say where the secret is");
            table.reader().check(false, &file.spot, what, "keep one");
            None
        }
        (Some(variable), None) => Some(SecretSource::Variable(variable)),
        (None, file) => file.map(|file| SecretSource::File(file.value.into())),
    }
}
