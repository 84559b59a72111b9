//! `cutover notify`

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

/// Try the channels that releases are told by
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(subcommand_help_heading = "Verbs", subcommand_value_name = "VERB", disable_help_subcommand = true)]
#[command(after_help = "Examples:\n  cutover notify test\n  cutover notify test team --env production")]
pub struct Notify {
    /// What to do with them.
    #[command(subcommand)]
    pub verb: NotifyVerb,
}

/// What to do with channels.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum NotifyVerb {
    /// Send one harmless message to each and say what became of it; exits 2 if one did not arrive
    Test(NotifyTest),
}

/// Which channels to try.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct NotifyTest {
    /// Only this channel
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub channel: Option<String>,
    /// Environment whose credentials reach SNS; may be left out if there is only one
    #[arg(long = "env", value_name = "ENV", value_parser = NonEmptyStringValueParser::new())]
    pub environment: Option<String>,
}
