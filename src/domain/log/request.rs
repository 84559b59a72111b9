//! The request log: one line for each request that a task has answered, as status and latency.

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::LogLine;
use super::fields::field;
use super::reading::{MILLIS, STATUS};
use crate::domain::components::ComponentIndex;
use crate::domain::ids::Side;
use crate::domain::time::Timestamp;

/// A request that a task has answered.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestSample {
    /// When the task wrote of it: when it ended.
    pub at: Timestamp,
    /// The component of the task.
    pub component: ComponentIndex,
    /// The side of the task.
    pub side: Side,
    /// The task's id.
    pub task: String,
    /// How it was answered.
    pub answer: Answer,
}

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// HTTP status, 100 to 599.
    pub status: u16,
    /// How long it took, in milliseconds; `None` where the log does not say.
    pub latency: Option<f64>,
}

impl Answer {
    /// Whether it failed for a reason of the service's own: 5xx.
    pub fn is_error(self) -> bool {
        self.status >= 500
    }
}

/// What a log has told of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Of blue's tasks.
    pub blue: SideTally,
    /// Of green's.
    pub green: SideTally,
    /// Some were left out on the way: the numbers say less than the shares.
    pub is_sampled: bool,
}

/// What a log has told of one side's requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideTally {
    /// Requests.
    pub requests: u64,
    /// Those of them that failed.
    pub errors: u64,
}

impl Tally {
    /// Counts a request.
    pub fn add(&mut self, side: Side, answer: Answer) {
        let tally = match side {
            Side::Blue => &mut self.blue,
            Side::Green => &mut self.green,
        };
        tally.requests = tally.requests.saturating_add(1);
        tally.errors = tally.errors.saturating_add(u64::from(answer.is_error()));
    }

    /// Whether there were any.
    pub fn any(&self) -> bool {
        self.blue.requests > 0 || self.green.requests > 0
    }
}

/// How a component's tasks write of requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestLog {
    /// The format of a line.
    #[serde(default)]
    pub format: Format,
    /// The unit of latencies; `None` for the format's own: seconds in `common` and `combined`, otherwise milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
}

impl RequestLog {
    /// Whether it is what is taken for granted where nothing is said: JSON with the usual names.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// The format of a line about a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// An object of JSON, also in CloudWatch's embedded metric format; a name with dots leads into objects.
    Json {
        /// Fields that may have the status; the first that is there counts.
        status: Vec<String>,
        /// Fields that may have the latency.
        latency: Vec<String>,
    },
    /// The Common Log Format, or the combined one, which has referrer and agent behind it. A number at the very end is the
    /// latency, as nginx's `$request_time` and Apache's `%D` are usually added.
    Common,
    /// A regular expression with groups named `status` and, if it can, `latency`.
    Pattern(String),
}

/// A unit of latencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Nanoseconds.
    Nanoseconds,
}

impl Unit {
    fn in_millis(self) -> f64 {
        match self {
            Self::Seconds => 1e3,
            Self::Milliseconds => 1.0,
            Self::Microseconds => 1e-3,
            Self::Nanoseconds => 1e-6,
        }
    }
}

impl Default for Format {
    /// JSON with the names that most loggers use.
    fn default() -> Self {
        let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect();
        Self::Json { status: names(&STATUS), latency: names(&MILLIS) }
    }
}

/// Reads lines about requests.
#[derive(Clone, Debug)]
pub struct RequestReader {
    shape: Shape,
    unit: Unit,
}

#[derive(Clone, Debug)]
enum Shape {
    Json { status: Vec<String>, latency: Vec<String> },
    Common,
    Pattern(Regex),
}

/// A pattern that does not read requests.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is no regular expression.
    #[error("not a regular expression: {0}")]
    Broken(String),
    /// It does not say where the status is.
    #[error("no group named status: write (?<status>[0-9]{{3}}) where it stands")]
    NoStatus,
}

impl RequestReader {
    /// A reader of this log.
    ///
    /// # Errors
    /// A pattern that is no regular expression, or that has no group for the status.
    pub fn new(log: &RequestLog) -> Result<Self, PatternError> {
        let (shape, unit) = match &log.format {
            Format::Json { status, latency } => {
                (Shape::Json { status: status.clone(), latency: latency.clone() }, Unit::Milliseconds)
            }
            Format::Common => (Shape::Common, Unit::Seconds),
            Format::Pattern(source) => {
                let pattern = Regex::new(source).map_err(|error| {
                    let text = error.to_string();
                    let last = text.lines().last().unwrap_or_default().trim();
                    PatternError::Broken(last.strip_prefix("error: ").unwrap_or(last).to_owned())
                })?;
                if !pattern.capture_names().any(|name| name == Some("status")) {
                    return Err(PatternError::NoStatus);
                }
                (Shape::Pattern(pattern), Unit::Milliseconds)
            }
        };
        Ok(Self { shape, unit: log.unit.unwrap_or(unit) })
    }

    /// What a line says of a request; `None` where it speaks of something else.
    pub fn read(&self, text: &str) -> Option<Answer> {
        let (status, latency) = match &self.shape {
            Shape::Json { status, latency } => {
                if !text.starts_with('{') {
                    return None;
                }
                let number = |names: &[String]| names.iter().find_map(|name| field(text, name)?.number());
                (number(status)?, number(latency))
            }
            Shape::Common => common(text)?,
            Shape::Pattern(pattern) => {
                let found = pattern.captures(text)?;
                let number = |name| found.name(name)?.as_str().trim().parse::<f64>().ok();
                (number("status")?, number("latency"))
            }
        };
        let is_status = (100.0..600.0).contains(&status) && status.fract() == 0.0;
        let latency = latency.map(|latency| latency * self.unit.in_millis());
        is_status.then_some(Answer {
            status: status as u16,
            latency: latency.filter(|latency| latency.is_finite() && *latency >= 0.0),
        })
    }

    /// The request that a line of a known side's task tells of.
    pub fn sample(&self, line: &LogLine) -> Option<RequestSample> {
        let (component, side) = line.component.zip(line.side)?;
        let answer = self.read(&line.text)?;
        Some(RequestSample { at: line.at, component, side, task: line.task.clone(), answer })
    }
}

/// Status and latency of a line such as `host - user [time] "GET / HTTP/1.1" 200 5316 "referrer" "agent" 0.042`.
fn common(text: &str) -> Option<(f64, Option<f64>)> {
    let (_, rest) = text.split_once("] \"")?;
    let request_end = closing_quote(rest)?;
    let mut after = rest.get(request_end + 1..)?.split_ascii_whitespace();
    let status = after.next().filter(|word| word.len() == 3)?.parse().ok()?;
    let bytes = after.next()?;
    if bytes != "-" && !bytes.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((status, after.last().and_then(|word| word.parse().ok())))
}

/// Where a quoted request ends: quotes within it are escaped.
fn closing_quote(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        closes
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(format: Format, text: &str) -> Option<(u16, Option<f64>)> {
        let reader = RequestReader::new(&RequestLog { format, unit: None }).unwrap();
        reader.read(text).map(|answer| (answer.status, answer.latency))
    }

    fn json(status: &str, latency: &str) -> Format {
        Format::Json { status: vec![status.to_owned()], latency: vec![latency.to_owned()] }
    }

    #[test]
    fn json_is_read_by_the_usual_names_or_by_those_said() {
        let usual = |text: &str| read(Format::default(), text);
        assert_eq!(usual(r#"{"status":503,"duration_ms":73}"#), Some((503, Some(73.0))));
        assert_eq!(usual(r#"{"msg":"x","status_code":"200","took_ms":"1.5"}"#), Some((200, Some(1.5))));
        assert_eq!(usual(r#"{"status":200}"#), Some((200, None)));
        assert_eq!(usual(r#"{"status":"started","duration_ms":5}"#), None);
        assert_eq!(usual(r#"{"status":99}"#), None);
        assert_eq!(usual(r#"{"status":200.5}"#), None);
        assert_eq!(usual("status=200 duration_ms=4"), None, "that is no JSON");
        let nested = r#"{"http":{"response":{"status":404}},"timing":{"total":-1}}"#;
        assert_eq!(read(json("http.response.status", "timing.total"), nested), Some((404, None)));
    }

    #[test]
    fn the_embedded_metric_format_is_json_with_more_around_it() {
        let line = r#"{"_aws":{"Timestamp":1795161600000,"CloudWatchMetrics":[{"Namespace":"api","Dimensions":[["Route"]],"Metrics":[{"Name":"Latency","Unit":"Milliseconds"}]}]},"Route":"/cart","Latency":41.2,"StatusCode":200}"#;
        assert_eq!(read(json("StatusCode", "Latency"), line), Some((200, Some(41.2))));
    }

    #[test]
    fn common_and_combined_lines_may_end_in_the_latency() {
        let of = |text: &str| read(Format::Common, text);
        let common = r#"127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326"#;
        assert_eq!(of(common), Some((200, None)));
        let combined = r#"10.0.0.1 - - [20/Nov/2026:08:00:00 +0000] "POST /a\"b HTTP/1.1" 502 - "https://shop.example/" "Mozilla/5.0 (X11)""#;
        assert_eq!(of(combined), Some((502, None)));
        let with = |line: &str, latency: &str| read(Format::Common, &format!("{line} {latency}"));
        assert_eq!(with(combined, "0.25"), Some((502, Some(250.0))));
        assert_eq!(with(common, "0.5"), Some((200, Some(500.0))));
        assert_eq!(of(r#"x [t] "GET /" ok 5"#), None);
        assert_eq!(of("GET / 200"), None);
    }

    #[test]
    fn a_pattern_names_its_groups_and_units_are_heeded() {
        let format = Format::Pattern(r"-> (?<status>\d{3}) in (?<latency>[\d.]+)".to_owned());
        let reader = RequestReader::new(&RequestLog { format, unit: Some(Unit::Microseconds) }).unwrap();
        assert_eq!(reader.read("GET / -> 200 in 1500us"), Some(Answer { status: 200, latency: Some(1.5) }));
        assert_eq!(reader.read("nothing"), None);
        let refused = |source: &str| {
            RequestReader::new(&RequestLog { format: Format::Pattern(source.to_owned()), unit: None })
                .unwrap_err()
                .to_string()
        };
        assert_eq!(refused("(a"), "not a regular expression: unclosed group");
        assert_eq!(refused("a"), "no group named status: write (?<status>[0-9]{3}) where it stands");
    }

    #[test]
    fn only_lines_of_a_known_side_are_samples() {
        let reader = RequestReader::new(&RequestLog::default()).unwrap();
        let at = Timestamp::from_secs(9);
        let mut line = LogLine {
            at,
            component: Some(ComponentIndex::FIRST),
            side: Some(Side::Green),
            task: "7c1f".to_owned(),
            level: super::super::Level::Info,
            text: r#"{"status":500,"duration_ms":3}"#.to_owned(),
        };
        let sample = reader.sample(&line).unwrap();
        assert!(sample.answer.is_error() && sample.side == Side::Green && sample.at == at);
        line.side = None;
        assert_eq!(reader.sample(&line), None);
    }

    proptest! {
        #[test]
        fn no_line_breaks_a_reader_and_what_is_read_makes_sense(
            text in r#"([\[\]"{}:, .-]|status|duration_ms|[0-9]{1,4}|1e999|-|\PC){0,40}"#
        ) {
            let pattern = Format::Pattern(r"(?<status>\S+)( (?<latency>\S+))?".to_owned());
            for format in [Format::default(), Format::Common, pattern] {
                for text in [text.clone(), format!("{{\"status\":{text}}}"), format!("x [t] \"{text}")] {
                    if let Some((status, latency)) = read(format.clone(), &text) {
                        prop_assert!((100..600).contains(&status));
                        prop_assert!(latency.is_none_or(|latency| latency.is_finite() && latency >= 0.0));
                    }
                }
            }
        }
    }
}
