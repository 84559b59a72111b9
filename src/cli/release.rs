//! `cutover release`

use std::time::Duration;

use clap::Args;

use clap::builder::NonEmptyStringValueParser;

use super::words::{Headless, What, commit, span};

const EXAMPLES: &str = "\
Examples:
  cutover release staging --image registry/api:9ab03d7
  cutover release production api --image registry/api@sha256:4f2c…
  cutover release production --from staging
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
    /// Release what succeeded last in this environment, by its digest, or in that release of it
    #[arg(long, value_name = "ENV[@RELEASE]", conflicts_with = "images")]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub from: Option<String>,
    /// The commit that the images were made of, for `${git_sha}`; else `$CUTOVER_GIT_SHA`, `$GITHUB_SHA`, or what is
    /// checked out here
    #[arg(long, value_name = "SHA", value_parser = commit)]
    pub git_sha: Option<String>,
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
