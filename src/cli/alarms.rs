//! `cutover alarms`

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

use super::words::{Aim, Writing};
use crate::domain::command::Command;
use crate::domain::ids::AlarmName;

const EXAMPLES: &str = "\
Examples:
  cutover alarms plan production            what would be made or changed
  cutover alarms apply production           the same, and asks before it is done
  cutover alarms apply production --yes     without asking, for CI
  cutover alarms acknowledge api-5xx-high --note 'the database is being restarted'

docs/alarms.md says which alarms are whose.";

/// Make the alarms of the configuration in CloudWatch, or compare them; acknowledge one
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(subcommand_help_heading = "Verbs", subcommand_value_name = "VERB", disable_help_subcommand = true)]
#[command(after_help = EXAMPLES)]
pub struct Alarms {
    /// What to do.
    #[command(subcommand)]
    pub verb: AlarmsVerb,
}

/// What to do with alarms.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum AlarmsVerb {
    /// Show what differs between the configuration and CloudWatch; exits 3 if anything does
    Plan(AlarmsPlan),
    /// Make what is missing and change what differs; never touches an alarm that it has not made
    Apply(AlarmsApply),
    /// Say in the running release that somebody looks after an alarm
    Acknowledge(Acknowledge),
}

/// Which alarms.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct AlarmsPlan {
    /// Environment of the configuration
    #[arg(value_name = "ENV", value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// How to write it.
    #[command(flatten)]
    pub writing: Writing,
}

/// Which alarms, and whether anybody is asked.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct AlarmsApply {
    /// Environment of the configuration
    #[arg(value_name = "ENV", value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Also take over alarms of these names that somebody else has made
    #[arg(long)]
    pub adopt: bool,
    /// Also delete alarms that cutover has made for this environment and that the configuration no longer has
    #[arg(long)]
    pub prune: bool,
}

/// Which alarm, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Acknowledge {
    /// The alarm's name
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub alarm: String,
    /// What is known or done about it
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub note: String,
    /// Which release.
    #[command(flatten)]
    pub aim: Aim,
}

impl Acknowledge {
    /// The command that it sends.
    pub fn command(&self) -> Command {
        Command::Acknowledge { alarm: AlarmName(self.alarm.clone()), note: self.note.clone() }
    }
}
