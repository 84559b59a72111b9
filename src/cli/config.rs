//! `cutover config`

use clap::{Args, Subcommand};

/// Check the configuration, show what is in force, or describe it to an editor
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
#[command(subcommand_help_heading = "Verbs", subcommand_value_name = "VERB", disable_help_subcommand = true)]
#[command(after_help = "Examples:\n  cutover config check\n  cutover --config new.toml config check")]
pub struct Config {
    /// What to do with it.
    #[command(subcommand)]
    pub verb: ConfigVerb,
}

/// What to do with the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum ConfigVerb {
    /// Find every mistake in it, each with its place and its remedy; exits 2 if there is any
    Check,
    /// Show the settings in force, after defaults, file, environment and flags
    Show,
    /// Print a JSON Schema of the file, for editors
    Schema,
}
