//! `cutover watch`

use std::time::Duration;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::words::{Format, something, span, then};
use crate::domain::foreign::Then;

const EXAMPLES: &str = "\
Examples:
  cutover watch production
  cutover watch production api --json | jq 'select(.wait)'
  cutover watch production api --take-over judge --reason 'the pipeline hangs'
  cutover watch production api --take-over back --reason 'checkout fails' --headless

Watching changes nothing. Taken over, the deployment becomes a release of cutover's, in the journal and with the exit
codes of one. Watched to its end without a screen: 0 it has completed, or nothing is under way; 4 it went back or was
stopped; 5 it could not go back; 7 --timeout was over before.";

/// Watch what is deployed to a service, whoever began it, and take it over
///
/// Recognises who shifts the traffic, shows how far it is, what it waits for and until when, beside the signals, the alarms
/// and the logs. Without a deployment under way it says what is wrong now and what was changed before it.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub struct Watch {
    /// Environment of the configuration
    #[arg(value_name = "ENV", value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// Component of the configuration; may be left out if there is only one
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub component: Option<String>,
    /// Take the deployment over as a release: have it judged where it is, let it go on from where it waits, or take it back
    #[arg(long, value_name = "FIRST", num_args = 0..=1, default_missing_value = "judge", value_parser = then())]
    pub take_over: Option<Then>,
    /// Take over this deployment and no other, by its ARN or id
    #[arg(long, value_name = "ID", requires = "take_over", value_parser = something)]
    pub deployment: Option<String>,
    /// Why; kept with the release and told to its channels
    #[arg(long, value_name = "TEXT", value_parser = something, requires = "take_over")]
    pub reason: Option<String>,
    /// Take it over without being asked
    #[arg(long, requires = "take_over")]
    pub yes: bool,
    /// Take it over and return; `cutover attach` watches the release
    #[arg(long, requires = "take_over", conflicts_with_all = ["headless", "timeout"])]
    pub detach: bool,
    /// How far back to look for what was changed, while nothing is under way
    #[arg(long, value_name = "DURATION", value_parser = span, default_value = "24h")]
    pub since: Duration,
    /// Stop watching after this long, with exit code 7; what is deployed goes on
    #[arg(long, value_name = "DURATION", value_parser = span)]
    pub timeout: Option<Duration>,
    /// Write what happens line by line instead of drawing a screen; done anyway where the output is no terminal
    #[arg(long)]
    pub headless: bool,
    /// How to write it
    #[arg(long, value_enum, default_value_t, requires = "headless")]
    pub format: Format,
    /// The same as `--headless --format json`
    #[arg(long, conflicts_with_all = ["format", "headless"])]
    pub json: bool,
}

impl Watch {
    /// How it is written, if it is to be written.
    pub fn writing(&self) -> Option<Format> {
        match (self.json, self.headless) {
            (true, _) => Some(Format::Json),
            (false, true) => Some(self.format),
            (false, false) => None,
        }
    }
}
