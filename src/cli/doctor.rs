//! `cutover doctor`

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::words::Writing;

const EXAMPLES: &str = "\
Examples:
  cutover doctor
  cutover doctor production --json

✔ it is as it must be   ✖ it is not   ? nobody can say: not configured, not readable, or only people know

It reads, and changes nothing. The exit code is 3 when anything is ✖.";

/// Go through the launch checklist: hold the configuration, the account and this host against it
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(after_help = EXAMPLES)]
pub struct Doctor {
    /// Environment of the configuration to look at; all of them when left out
    #[arg(value_name = "ENV", value_parser = NonEmptyStringValueParser::new())]
    pub environment: Option<String>,
    /// How to write it.
    #[command(flatten)]
    pub writing: Writing,
}
