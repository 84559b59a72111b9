//! `cutover config`

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

/// Check the configuration, show what is in force, describe it to an editor, or write a first one
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(subcommand_help_heading = "Verbs", subcommand_value_name = "VERB", disable_help_subcommand = true)]
#[command(
    after_help = "Examples:\n  cutover config check\n  cutover --config new.toml config check\n  cutover config init --cluster shop --service api-blue --region eu-west-1"
)]
pub struct Config {
    /// What to do with it.
    #[command(subcommand)]
    pub verb: ConfigVerb,
}

/// What to do with the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum ConfigVerb {
    /// Find every mistake in it, each with its place and its remedy; exits 2 if there is any
    Check,
    /// Show the settings in force, after defaults, file, environment and flags
    Show,
    /// Print a JSON Schema of the file, for editors
    Schema,
    /// Write a first one, from a service as it runs
    Init(ConfigInit),
}

/// Which service to write a configuration for.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct ConfigInit {
    /// ECS cluster that the service runs in
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub cluster: String,
    /// ECS service, either of the two where two take turns
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub service: String,
    /// What to call the environment
    #[arg(long = "env", value_name = "ENV", default_value = "production", value_parser = environment)]
    pub environment: String,
    /// AWS region; the one of the environment (`AWS_REGION`) when left out
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub region: Option<String>,
    /// Profile of the AWS configuration
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub profile: Option<String>,
    /// ARN of a role to assume
    #[arg(long, value_name = "ARN", value_parser = NonEmptyStringValueParser::new())]
    pub role: Option<String>,
    /// File to write; one that is there stays as it is
    #[arg(long, value_name = "FILE", default_value = "cutover.toml")]
    pub output: PathBuf,
}

/// A name that needs no quotes in TOML.
fn environment(text: &str) -> Result<String, String> {
    let is_one = (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if is_one { Ok(text.to_owned()) } else { Err("write letters, digits, `-` and `_`, at most 64".to_owned()) }
}
