//! `cutover release`

use std::time::Duration;

use clap::Args;

use super::words::{Headless, What, span};

const EXAMPLES: &str = "\
Examples:
  cutover release staging --image registry/api:9ab03d7
  cutover release production api --image registry/api@sha256:4f2c…
  cutover release staging --image registry/api:$SHA --headless --timeout 45m
  cutover release production --image registry/api:$SHA --headless --format json --yes

The exit code says how it ended:
  0 succeeded                       5 the rollback failed
  3 failed before any shift         6 waiting for a human
  4 rolled back cleanly             7 timed out, still running
Interrupting it only detaches, with 130: the release goes on.";

/// Release an image to an environment, and watch it
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = EXAMPLES)]
pub struct Release {
    /// What to release, and where.
    #[command(flatten)]
    pub what: What,
    /// Without a screen.
    #[command(flatten)]
    pub headless: Headless,
    /// Type the phrases that gates ask for, as the configuration has them; human gates of a shift still wait
    #[arg(long)]
    pub yes: bool,
    /// Stop waiting after this long, with exit code 7, or 0 once only the warm hold is left; the release goes on
    #[arg(long, value_name = "DURATION", value_parser = span, requires = "headless")]
    pub timeout: Option<Duration>,
    /// Begin it and return; `cutover attach` watches it
    #[arg(long, conflicts_with_all = ["headless", "timeout"])]
    pub detach: bool,
}
