//! Reads single values: durations, percentages, ARNs and names, each with the remedy when it is none.

use std::time::Duration;

use jiff::fmt::friendly::{Designator, Spacing, SpanPrinter};
use toml::de::DeValue;

use super::problem::{Mistake, nearest};
use super::reader::Item;
use crate::document;
use crate::domain::percent::Percent;

const DAY: Duration = Duration::from_hours(24);

const DURATIONS: &str = "\"90s\", \"5m\" or \"1h30m\", at most 744h";

pub(super) fn text(item: Item<'_>) -> Result<String, Mistake> {
    match item.get() {
        DeValue::String(text) if text.trim().is_empty() => Err(bad(item, "text", "something between the quotes")),
        DeValue::String(text) => Ok(text.to_string()),
        _ => Err(item.wrong_type("a string in quotes")),
    }
}

pub(super) fn flag(item: Item<'_>) -> Result<bool, Mistake> {
    item.get().as_bool().ok_or_else(|| item.wrong_type("true or false, without quotes"))
}

/// A number, whole or not.
pub(super) fn number(item: Item<'_>) -> Result<f64, Mistake> {
    let parsed = match item.get() {
        DeValue::Integer(number) => whole_of(number).map(|number| number as f64),
        DeValue::Float(number) => number.as_str().parse().ok(),
        _ => return Err(item.wrong_type("a number, without quotes")),
    };
    parsed.filter(|number: &f64| number.is_finite()).ok_or_else(|| bad(item, "a usable number", "a finite number"))
}

/// How many times another value something may be: 1 or more.
pub(super) fn factor(item: Item<'_>) -> Result<f64, Mistake> {
    match number(item)? {
        number if number >= 1.0 => Ok(number),
        _ => Err(bad(item, "a factor", "a number from 1 up, such as 2.0")),
    }
}

/// A whole number from `low` up to `high`.
pub(super) fn whole(low: u64, high: u64) -> impl Fn(Item<'_>) -> Result<u64, Mistake> {
    move |item| {
        let wanted = format!("a whole number from {low} to {high}, without quotes");
        let DeValue::Integer(number) = item.get() else { return Err(item.wrong_type(&wanted)) };
        let number = whole_of(number).and_then(|number| u64::try_from(number).ok());
        number.filter(|number| (low..=high).contains(number)).ok_or_else(|| bad(item, "within bounds", &wanted))
    }
}

fn whole_of(number: &toml::de::DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// A span of time.
pub(super) fn duration(item: Item<'_>) -> Result<Duration, Mistake> {
    match item.get() {
        DeValue::String(text) => parse_duration(text).ok_or_else(|| bad(item, "a duration", DURATIONS)),
        DeValue::Integer(_) | DeValue::Float(_) => {
            let number = item.written();
            Err(item.wrong_type(&format!("its unit too: \"{number}s\", \"{number}m\" or \"{number}h\"")))
        }
        _ => Err(item.wrong_type(DURATIONS)),
    }
}

/// A span of time above zero.
pub(super) fn some_time(item: Item<'_>) -> Result<Duration, Mistake> {
    match duration(item)? {
        Duration::ZERO => Err(bad(item, "long enough", "a duration above zero, such as \"30s\"")),
        span => Ok(span),
    }
}

/// A span as people write it, such as `90s`, `5m`, `1h30m` or `2 minutes`: at most 31 days, to the millisecond.
/// `None` when it is none.
pub fn parse_duration(text: &str) -> Option<Duration> {
    document::span(text)
}

/// A span as it is written in a configuration: `1h30m`, `250ms`.
pub fn show_duration(span: Duration) -> String {
    SpanPrinter::new().designator(Designator::Compact).spacing(Spacing::None).unsigned_duration_to_string(&span)
}

/// How old something may be: a span of time, or whole days such as `90d`, at most ten years.
pub(super) fn age(item: Item<'_>) -> Result<Duration, Mistake> {
    const WANTED: &str = "\"12h\" or \"90d\", above zero and at most 3650d";
    let DeValue::String(text) = item.get() else { return Err(item.wrong_type(WANTED)) };
    let span = document::age(text);
    span.filter(|span| !span.is_zero()).ok_or_else(|| bad(item, "an age", WANTED))
}

/// An age as it is written in a configuration: in days if it is whole ones.
pub(super) fn show_age(span: Duration) -> String {
    let is_days = span >= DAY && span.as_millis().is_multiple_of(DAY.as_millis());
    if is_days { format!("{}d", span.as_secs() / DAY.as_secs()) } else { show_duration(span) }
}

/// A percentage, 0 to 100, whole or not.
pub(super) fn share(item: Item<'_>) -> Result<f64, Mistake> {
    let percent = match item.get() {
        DeValue::String(text) => parse_share(text),
        DeValue::Integer(_) | DeValue::Float(_) => number(item).ok().filter(|number| (0.0..=100.0).contains(number)),
        _ => return Err(item.wrong_type("\"5 %\" or 5")),
    };
    percent.ok_or_else(|| bad(item, "a percentage", "\"5 %\" or 5, from 0 to 100"))
}

/// A whole percentage.
pub(super) fn percent(item: Item<'_>) -> Result<Percent, Mistake> {
    let share = share(item)?;
    let whole = (share.fract() == 0.0).then_some(share as u8).and_then(Percent::new);
    whole.ok_or_else(|| bad(item, "a whole percentage", "\"5 %\" or 5, from 0 to 100"))
}

/// A percentage as people write it, `5 %` or `0.5%`, 0 to 100. `None` when it is none.
pub fn parse_share(text: &str) -> Option<f64> {
    let number = text.trim().strip_suffix('%')?.trim_end();
    let is_plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let share: f64 = number.parse().ok().filter(|_| is_plain)?;
    (0.0..=100.0).contains(&share).then_some(share)
}

/// One of several words, and what it stands for.
pub(super) fn word<'w, T: Copy>(
    what: &'static str,
    words: &'w [(&'static str, T)],
) -> impl Fn(Item<'_>) -> Result<T, Mistake> + 'w {
    move |item| {
        let known = || words.iter().map(|(word, _)| *word);
        let all = known().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
        let DeValue::String(text) = item.get() else { return Err(item.wrong_type(&all)) };
        let found = words.iter().find(|(word, _)| word == text).map(|(_, value)| *value);
        found.ok_or_else(|| Mistake::UnknownName {
            kind: what,
            name: text.to_string(),
            nearest: nearest(text, known()),
            known: known().map(str::to_owned).collect(),
        })
    }
}

/// Whether `name` may name an environment, component, stage, signal or channel.
pub(super) fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

pub(super) fn name(item: Item<'_>) -> Result<String, Mistake> {
    text(item)?;
    let name = item.get().as_str().unwrap_or_default();
    if is_name(name) { Ok(name.to_owned()) } else { Err(bad_name(name)) }
}

pub(super) fn bad_name(name: &str) -> Mistake {
    let wanted = "letters, digits, `-`, `_` and `.`, at most 64, a letter or digit first".to_owned();
    Mistake::BadValue { text: name.to_owned(), what: "a name", wanted }
}

/// The name of an environment variable.
pub(super) fn variable(item: Item<'_>) -> Result<String, Mistake> {
    let name = text(item)?;
    let is_one = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if is_one {
        Ok(name)
    } else {
        Err(bad(item, "the name of an environment variable", "one such as \"DATABASE_URL\""))
    }
}

pub(super) fn account(item: Item<'_>) -> Result<String, Mistake> {
    let wanted = "its twelve digits in quotes: \"123456789012\"";
    let DeValue::String(text) = item.get() else { return Err(item.wrong_type(wanted)) };
    let is_one = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_one { Ok(text.to_string()) } else { Err(bad(item, "an AWS account", wanted)) }
}

pub(super) fn region(item: Item<'_>) -> Result<String, Mistake> {
    let region = text(item)?;
    let is_one = region.split('-').count() >= 3
        && region.split('-').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        && region.ends_with(|c: char| c.is_ascii_digit())
        && region == region.to_ascii_lowercase();
    if is_one { Ok(region) } else { Err(bad(item, "an AWS region", "one such as \"eu-west-1\"")) }
}

/// An HTTP base URL, without the slash at its end.
pub(super) fn url(item: Item<'_>) -> Result<String, Mistake> {
    let url = text(item)?;
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let is_one = host.is_some_and(|host| {
        host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
            && !host.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '@'))
    });
    let wanted = "one such as \"https://green.api.example.com\", without credentials or query";
    if is_one { Ok(url.trim_end_matches('/').to_owned()) } else { Err(bad(item, "a base URL", wanted)) }
}

/// An ARN's parts that matter here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arn {
    pub(super) text: String,
    pub(super) region: String,
    pub(super) account: String,
}

/// What an ARN must point at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Resource {
    Rule,
    TargetGroup,
    Topic,
    Role,
}

impl Resource {
    fn service(self) -> &'static str {
        match self {
            Self::Rule | Self::TargetGroup => "elasticloadbalancing",
            Self::Topic => "sns",
            Self::Role => "iam",
        }
    }

    fn prefixes(self) -> &'static [&'static str] {
        match self {
            Self::Rule => &["listener-rule/app/", "listener/app/"],
            Self::TargetGroup => &["targetgroup/"],
            Self::Topic => &[""],
            Self::Role => &["role/"],
        }
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Rule => (
                "the ARN of a listener rule or listener",
                "\"arn:aws:elasticloadbalancing:REGION:ACCOUNT:listener-rule/app/…\" or \"…:listener/app/…\"",
            ),
            Self::TargetGroup => {
                ("the ARN of a target group", "\"arn:aws:elasticloadbalancing:REGION:ACCOUNT:targetgroup/…\"")
            }
            Self::Topic => ("the ARN of an SNS topic", "\"arn:aws:sns:REGION:ACCOUNT:NAME\""),
            Self::Role => ("the ARN of a role", "\"arn:aws:iam::ACCOUNT:role/NAME\""),
        }
    }
}

pub(super) fn arn(resource: Resource) -> impl Fn(Item<'_>) -> Result<Arn, Mistake> {
    move |item| {
        let (what, wanted) = resource.words();
        let text = text(item)?;
        parse_arn(&text, resource).ok_or_else(|| bad(item, what, wanted))
    }
}

fn parse_arn(text: &str, resource: Resource) -> Option<Arn> {
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return None;
    }
    let mut parts = text.splitn(6, ':');
    let mut part = || parts.next();
    let (arn, partition, service, region, account, rest) = (part()?, part()?, part()?, part()?, part()?, part()?);
    let is_one = arn == "arn"
        && partition.starts_with("aws")
        && service == resource.service()
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && resource.prefixes().iter().any(|prefix| rest.starts_with(prefix) && rest.len() > prefix.len());
    is_one.then(|| Arn { text: text.to_owned(), region: region.to_owned(), account: account.to_owned() })
}

/// The mistake of a value that is no `what`.
pub(super) fn bad(item: Item<'_>, what: &'static str, wanted: &str) -> Mistake {
    let text = item.written();
    let text = if item.get().is_str() { text.trim_matches(['"', '\'']).to_owned() } else { text };
    Mistake::BadValue { text, what, wanted: wanted.to_owned() }
}
