//! Arguments that several verbs share.

use std::fmt;
use std::time::Duration;

use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use crate::config::{Color, parse_duration};
use crate::domain::foreign::Then;
use crate::domain::ids::{Revision, StageName, Version};
use crate::domain::time::Timestamp;

/// How things are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs: one JSON object a line
    Json,
}

/// How a list or a figure is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Args)]
pub struct Writing {
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// The same as `--format json`
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
}

impl Writing {
    /// How.
    pub fn format(self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}

/// Since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// So long ago.
    Ago(Duration),
    /// Since a moment.
    At(Timestamp),
}

impl Since {
    /// The moment, as seen at `now`.
    pub fn moment(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(span) => now - span,
            Self::At(at) => at,
        }
    }
}

/// Which of the past releases are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Among {
    /// Only what happened since then: a span back from now such as 24h or 7d, a date, or a moment with its time zone
    #[arg(long, value_name = "WHEN", value_parser = since)]
    pub since: Option<Since>,
    /// Only of this environment
    #[arg(long = "env", value_name = "ENV", value_parser = NonEmptyStringValueParser::new())]
    pub environment: Option<String>,
    /// Only of this component
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub component: Option<String>,
}

/// Running without a screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Args)]
pub struct Headless {
    /// Write what happens line by line instead of drawing a screen; for CI
    #[arg(long)]
    pub headless: bool,
    /// How to write it
    #[arg(long, value_enum, default_value_t, requires = "headless")]
    pub format: Format,
}

/// What to release, and where.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct What {
    /// Environment of the configuration to release to
    #[arg(value_name = "ENV", value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// Component of the configuration to release; may be left out if there is only one
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub component: Option<String>,
    /// Image to release, with its tag or digest; once for each component where several are released together
    #[arg(long = "image", value_name = "[COMPONENT=]REF", value_parser = image())]
    #[arg(required_unless_present = "from")]
    pub images: Vec<Image>,
}

/// A version to release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Of which component, if that is said.
    pub component: Option<String>,
    /// The image, or what the programs of a component without services understand.
    pub version: Version,
}

impl fmt::Display for Image {
    /// As it is typed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.component {
            Some(component) => write!(f, "{component}={}", self.version.0),
            None => f.write_str(&self.version.0),
        }
    }
}

/// Reads what is done with a deployment that is taken over.
pub(super) fn then() -> impl TypedValueParser<Value = Then> {
    let all = [Then::Judge, Then::GoOn, Then::Back];
    PossibleValuesParser::new(all.map(Then::word))
        .map(move |word| all.into_iter().find(|then| then.word() == word).unwrap_or_default())
}

/// Reads `REF` or `COMPONENT=REF`. No reference holds an equals sign.
pub(super) fn image() -> impl TypedValueParser<Value = Image> {
    NonEmptyStringValueParser::new().map(|text| match text.split_once('=') {
        Some((component, version)) => {
            Image { component: Some(component.to_owned()), version: Version(version.to_owned()) }
        }
        None => Image { component: None, version: Version(text) },
    })
}

/// Which of the running releases is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Which {
    /// Environment of the release that is meant, if several run
    #[arg(long = "env", value_name = "ENV", value_parser = NonEmptyStringValueParser::new())]
    pub environment: Option<String>,
    /// Component of the release that is meant, if several run
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub component: Option<String>,
}

/// Which of the running releases is meant, and as it was when somebody looked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Aim {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
    /// Refuse if the release is no longer at this revision, as `status` showed it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).map(Revision))]
    pub if_revision: Option<Revision>,
    /// The stage that is meant, where several are at work
    #[arg(long, value_name = "STAGE", value_parser = NonEmptyStringValueParser::new().map(StageName))]
    pub stage: Option<StageName>,
}

/// Whether what cannot easily be taken back may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// It was agreed to beforehand.
    Given,
    /// Whoever types is asked.
    Asked,
}

/// Reads `auto`, `always` or `never`.
pub(super) fn color() -> impl TypedValueParser<Value = Color> {
    PossibleValuesParser::new(Color::WORDS.map(|(word, _)| word))
        .map(|text| Color::WORDS.iter().find(|(word, _)| *word == text).map(|(_, color)| *color).unwrap_or_default())
}

/// Whether a text is a commit's hash, or the start of one.
pub fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Reads a commit's hash, or the start of one.
pub(super) fn commit(text: &str) -> Result<String, String> {
    if is_commit(text) { Ok(text.to_owned()) } else { Err("write a commit: 7 to 64 hexadecimal digits".to_owned()) }
}

/// Reads a span such as `30m`.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Some(span) if !span.is_zero() => Ok(span),
        _ => Err("write a duration above zero, such as 90s, 30m or 1h30m".to_owned()),
    }
}

/// Reads a span back from now, a date of local time, or a moment.
pub(super) fn since(text: &str) -> Result<Since, String> {
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok()).filter(|days| *days < 36_500);
    let ago = days.map(|days| Duration::from_hours(24) * days).or_else(|| parse_duration(text));
    if let Some(ago) = ago {
        return Ok(Since::Ago(ago));
    }
    let moment = text.parse::<jiff::Timestamp>().ok();
    let midnight = || text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::system()).ok();
    let at = moment.or_else(|| midnight().map(|midnight| midnight.timestamp()));
    at.map(|at| Since::At(Timestamp::from_millis(at.as_millisecond()))).ok_or_else(|| {
        "write a span such as 24h or 7d, a date such as 2026-11-20, or a moment such as 2026-11-20T09:00Z".to_owned()
    })
}

/// Reads a moment, as seconds since 1970 or with its time zone.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let millis = text.parse::<f64>().ok().filter(|seconds| (0.0..1e11).contains(seconds)).map(|seconds| seconds * 1e3);
    let millis = millis.map(|millis| millis.round() as i64);
    let millis = millis.or_else(|| text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond));
    millis.map(Timestamp::from_millis).ok_or_else(|| {
        "write seconds since 1970, or a moment with its time zone such as 2026-11-20T09:00:00Z".to_owned()
    })
}

/// Reads how many times faster than real time to run: `60` or `60x`.
pub(super) fn speed(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('x').unwrap_or(text).parse().ok();
    let allowed = number.filter(|speed| (0.1..=10_000.0).contains(speed));
    allowed.ok_or_else(|| "write a number from 0.1 to 10000, such as 60".to_owned())
}

/// Reads text that says something.
pub(super) fn something(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() { Err("say something: it is kept with the release".to_owned()) } else { Ok(text.to_owned()) }
}
