//! `cutover judge`

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{NonEmptyStringValueParser, TypedValueParser};
use clap::{Args, ValueEnum};

use super::words::{Since, moment, since, span};
use crate::config::parse_duration;
use crate::domain::ids::ReleaseId;
use crate::domain::time::Timestamp;

const EXAMPLES: &str = "\
Examples:
  cutover judge requests.jsonl --weight 10
  cutover judge requests.jsonl --weight 10 --step 5m=50 --pre-warmed --every 1m
  tail -f requests.jsonl | cutover judge -
  cutover judge --release 41 --false-alarm 0.05
  cutover judge --env production --since 2026-11-20T09:00Z --until 2026-11-20T10:00Z

Each line of the file is one request as a JSON object, roughly in order of time:
  {\"time\": 1763640000.25, \"side\": \"green\", \"task\": \"3f9c\", \"error\": false, \"latency\": 81.5}
time is when it ended, in seconds since 1970 or as 2026-11-20T12:00:00.25Z; side is blue or green;
latency is in milliseconds. Instead of error there may be a status. What else a line holds is ignored.

A line may also say what happened to green:
  {\"time\": 1763640300, \"weight\": 50}        its new weight in percent
  {\"time\": 1763640310, \"deaths\": 1}         so many of its tasks died
  {\"time\": 1763640312, \"sampled\": true}     the log left out requests of this second

Each line printed is a JSON object with the verdict: continue, hold, roll-back, promote or not-enough-data.
docs/judging.md says what the rest of it means, and how well it judges.";

/// Judge green against blue from a file of requests, a past release or CloudWatch, as strictly as you like
///
/// Nothing is changed, and AWS is only asked with `--env`. The exit code is 0 whatever the verdict.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = EXAMPLES)]
pub struct Judge {
    /// The requests, as JSON lines; `-` for standard input
    #[arg(value_name = "FILE", required_unless_present_any = ["release", "environment"])]
    pub file: Option<PathBuf>,
    /// Judge a past release instead, by the requests that the journal kept of it, or else by the minutes of CloudWatch
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).map(ReleaseId))]
    #[arg(conflicts_with_all = ["file", "start", "weight", "tasks", "tick", "lateness", "deaths"])]
    pub release: Option<ReleaseId>,
    /// What of that release is judged
    #[arg(long, value_enum, default_value_t, requires = "release")]
    pub by: By,
    /// Judge what CloudWatch still holds of this environment's service instead, from `--since` on
    #[arg(long = "env", value_name = "ENV", value_parser = NonEmptyStringValueParser::new(), requires = "since")]
    #[arg(conflicts_with_all = ["file", "release", "start", "tasks", "tick", "lateness", "deaths"])]
    pub environment: Option<String>,
    /// Which component of that release or environment, if there are several
    #[arg(long, conflicts_with = "file", value_parser = NonEmptyStringValueParser::new())]
    pub component: Option<String>,
    /// Minutes from then on: a span back from now such as 2h, a date, or a moment with its time zone
    #[arg(long, value_name = "WHEN", value_parser = since, requires = "environment")]
    pub since: Option<Since>,
    /// Minutes up to then [default: now]
    #[arg(long, value_name = "WHEN", value_parser = since, requires = "environment")]
    pub until: Option<Since>,
    /// The service that was green [default: the one of the two that served fewer requests]
    #[arg(long, value_name = "SERVICE", requires = "environment", value_parser = NonEmptyStringValueParser::new())]
    pub green: Option<String>,
    /// When green got traffic [default: its first request, or the first line with a weight]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub start: Option<Timestamp>,
    /// Green's weight from then on, in percent; without it a green that does not answer goes unnoticed
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub weight: Option<f64>,
    /// A new weight, so long after the start; may be given several times
    #[arg(long = "step", value_name = "SPAN=PERCENT", value_parser = step, requires = "weight")]
    pub steps: Vec<Step>,
    /// Probability that versions which are alike are ever found to differ, over the whole release
    #[arg(long, value_name = "P", default_value = "0.01", value_parser = probability)]
    pub false_alarm: f64,
    /// Green was warmed up before it got traffic: allow for no cold start
    #[arg(long, conflicts_with = "cold_start")]
    pub pre_warmed: bool,
    /// What is allowed for a cold start: at first so many times the latency, falling to nothing within the span
    #[arg(long, value_name = "FACTOR:SPAN", default_value = "4:2m", value_parser = cold_start)]
    pub cold_start: Envelope,
    /// How many times as long as blue's green's requests may take
    #[arg(long, value_name = "FACTOR", default_value = "1.05", value_parser = factor)]
    pub tolerate_latency: f64,
    /// How many times blue's odds of failing green may have
    #[arg(long, value_name = "ODDS", default_value = "1", value_parser = factor)]
    pub tolerate_errors: f64,
    /// Excess of errors, in points of percent, within which green is proved safe
    #[arg(long, value_name = "POINTS", default_value = "2", value_parser = percent)]
    pub safe_errors: f64,
    /// Factor of latency within which green is proved safe
    #[arg(long, value_name = "FACTOR", default_value = "1.2", value_parser = factor)]
    pub safe_latency: f64,
    /// How long the bake lasts: after that there was not enough evidence, if there was none
    #[arg(long, value_name = "SPAN", default_value = "30m", value_parser = span)]
    pub bake: Duration,
    /// Sessions stick to a side: do not hold the number of green's requests against its weight
    #[arg(long)]
    pub sticky: bool,
    /// The file says when tasks of green's die: judge that as well
    #[arg(long)]
    pub deaths: bool,
    /// Whether the lines name tasks
    #[arg(long, value_enum, default_value_t)]
    pub tasks: Tasks,
    /// Length of a tick
    #[arg(long, value_name = "SPAN", default_value = "2s", value_parser = span)]
    pub tick: Duration,
    /// How much later than newer ones a line may come
    #[arg(long, value_name = "SPAN", default_value = "5s", value_parser = span)]
    pub lateness: Duration,
    /// Print so often, beside each change of the verdict
    #[arg(long, value_name = "SPAN", default_value = "10s", value_parser = span)]
    pub every: Duration,
}

/// What of a past release is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// Its requests, where the journal has kept them; else its minutes
    #[default]
    Requests,
    /// The minutes of CloudWatch
    Minutes,
}

/// Whether tasks are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Tasks {
    /// Each line names its task: one task alone convicts no version
    #[default]
    Apart,
    /// They do not: green is held and never taken back, as a slow host looks like a slow version
    Together,
}

/// A new weight of green's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// How long after the start.
    pub after: Duration,
    /// In percent.
    pub weight: f64,
}

/// What is allowed for a cold start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Envelope {
    /// How many times the latency at first.
    pub peak: f64,
    /// Within how long that falls to nothing.
    pub span: Duration,
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim().parse().ok();
    number.filter(|percent| (0.0..=100.0).contains(percent)).ok_or_else(|| "write a number from 0 to 100".to_owned())
}

fn probability(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (1e-6..=0.5).contains(number));
    number.ok_or_else(|| "write a probability from 0.000001 to 0.5, such as 0.01".to_owned())
}

fn factor(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (1.0..=100.0).contains(number));
    number.ok_or_else(|| "write a factor from 1 to 100, such as 1.2".to_owned())
}

fn step(text: &str) -> Result<Step, String> {
    let step = || {
        let (after, weight) = text.split_once('=')?;
        Some(Step { after: parse_duration(after)?, weight: percent(weight).ok()? })
    };
    step().ok_or_else(|| "write a span after the start and a percentage, such as 5m=50".to_owned())
}

fn cold_start(text: &str) -> Result<Envelope, String> {
    let envelope = || {
        let (peak, span) = text.split_once(':')?;
        Some(Envelope { peak: factor(peak).ok()?, span: parse_duration(span)? })
    };
    envelope().ok_or_else(|| "write a factor from 1 to 100 and a span, such as 4:2m".to_owned())
}
