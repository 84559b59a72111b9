//! `cutover approve`

use clap::Args;

use super::words::Aim;
use crate::domain::command::Command;

/// Type the phrase that a gate waits for
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(after_help = "Examples:\n  cutover approve production\n  cutover approve deploy api")]
pub struct Approve {
    /// The phrase, as `status` shows it; it needs no quotes
    #[arg(required = true, value_name = "PHRASE")]
    pub phrase: Vec<String>,
    /// Which release.
    #[command(flatten)]
    pub aim: Aim,
}

impl Approve {
    /// The command it sends.
    pub fn command(&self) -> Command {
        Command::Approve { phrase: self.phrase.join(" ") }
    }
}
