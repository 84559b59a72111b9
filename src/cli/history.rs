//! `cutover history`

use std::path::PathBuf;

use clap::builder::TypedValueParser;
use clap::{Args, Subcommand};

use super::words::{Among, Writing};
use crate::domain::ids::ReleaseId;

const EXAMPLES: &str = "\
Examples:
  cutover history --limit 5 --format json
  cutover history --env production --status rolled-back --since 30d
  cutover history show 41                   everything about one release
  cutover history show 41 --incident        the report on a release that went back
  cutover history metrics --days 90         how often, how long, how many failed
  cutover history export --since 7d         JSON lines, for other programs

docs/history.md describes the fields, docs/metrics.md the figures.";

/// List past releases, tell one in full, or compute the release metrics
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
#[command(override_usage = "cutover history [OPTIONS] [VERB]")]
#[command(subcommand_help_heading = "Verbs", subcommand_value_name = "VERB")]
pub struct History {
    /// What to do; `None` lists.
    #[command(subcommand)]
    pub verb: Option<HistoryVerb>,
    /// How many, newest first
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// Only those with this status, such as rolled-back
    #[arg(long, value_name = "STATUS")]
    pub status: Option<String>,
    /// Which.
    #[command(flatten)]
    pub among: Among,
    /// How to write them.
    #[command(flatten)]
    pub writing: Writing,
}

/// What to do with past releases.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[expect(missing_docs, reason = "each verb is described at its type, and clap would show a second description instead")]
pub enum HistoryVerb {
    Show(Show),
    Export(Export),
    Metrics(Metrics),
}

/// Tell one release in full: stages with their times, weights, verdicts, commands and evidence, and why it ended
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Show {
    /// The release's number, as `cutover history` lists it
    #[arg(value_name = "RELEASE", value_parser = clap::value_parser!(u64).map(ReleaseId))]
    pub release: ReleaseId,
    /// The report on a release that went back, as Markdown or JSON
    #[arg(long)]
    pub incident: bool,
    /// How to write it.
    #[command(flatten)]
    pub writing: Writing,
}

/// Write releases as JSON, one a line, for other programs
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Export {
    /// Which.
    #[command(flatten)]
    pub among: Among,
    /// One JSON document in place of a line for each release
    #[arg(long)]
    pub document: bool,
    /// Write it to this file, which only you can read
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Compute release metrics: deployment, rollback and restore time, change failures, frequency
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Metrics {
    /// Over so many days back from now
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub days: u32,
    /// Only of this environment
    #[arg(long = "env", value_name = "ENV")]
    pub environment: Option<String>,
    /// Only of this component
    #[arg(long)]
    pub component: Option<String>,
    /// How to write them.
    #[command(flatten)]
    pub writing: Writing,
}
