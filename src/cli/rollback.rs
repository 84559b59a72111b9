//! `cutover rollback`

use std::time::Duration;

use clap::Args;
use clap::builder::{NonEmptyStringValueParser, TypedValueParser};

use super::words::{Headless, Which, something, span};
use crate::domain::ids::ReleaseId;

const EXAMPLES: &str = "\
Examples:
  cutover rollback --reason 'checkout fails for logged-in users'
  cutover rollback --to 39 --reason 'orders since noon are wrong'
  cutover rollback --to 39 production api --headless --timeout 10m

Of a release that runs, it outranks everything else that the release is doing, and is accepted whatever has
changed meanwhile. With --to it is a release of its own and ends with the exit codes of one.";

/// Take all traffic back: to blue while a release runs, or to an earlier release with --to
///
/// While a release runs, all its traffic goes to blue, and the stages that were done are undone.
///
/// With --to, and none running, the earlier release's own tasks come up as green, are checked, and get all traffic in one
/// step; what later releases did is undone where the configuration says how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(after_help = EXAMPLES)]
pub struct Rollback {
    /// Environment of that release
    #[arg(value_name = "ENV", requires = "to", conflicts_with = "environment")]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub of_environment: Option<String>,
    /// Component of that release
    #[arg(value_name = "COMPONENT", requires = "to", conflicts_with = "component")]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub of_component: Option<String>,
    /// Why; kept with the release and told to its channels
    #[arg(long, value_name = "TEXT", value_parser = something)]
    pub reason: Option<String>,
    /// Go back to this earlier release, which succeeded, while none is running
    #[arg(long, value_name = "RELEASE", value_parser = clap::value_parser!(u64).map(ReleaseId))]
    pub to: Option<ReleaseId>,
    /// Go back although a migration since then stays as it is, because nothing undoes it safely
    #[arg(long, requires = "to")]
    pub leave_migrations: bool,
    /// Begin it and return; `cutover attach` watches it
    #[arg(long, requires = "to", conflicts_with_all = ["headless", "timeout"])]
    pub detach: bool,
    /// Stop waiting after this long, with exit code 7; the rollback goes on
    #[arg(long, value_name = "DURATION", value_parser = span, requires = "headless")]
    pub timeout: Option<Duration>,
    /// Without a screen, with --to.
    #[command(flatten)]
    pub headless: Headless,
    /// Which release.
    #[command(flatten)]
    pub which: Which,
}

impl Rollback {
    /// Which release is meant, however it was said.
    pub fn meant(&self) -> Which {
        Which {
            environment: self.of_environment.clone().or_else(|| self.which.environment.clone()),
            component: self.of_component.clone().or_else(|| self.which.component.clone()),
        }
    }
}
