//! `cutover approve`

use clap::Args;

use super::words::Aim;
use crate::domain::command::Command;

/// Agree to what a gate asks for
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(after_help = "Examples:\n  cutover approve\n  cutover approve deploy api")]
pub struct Approve {
    /// The phrase, as `status` shows it, if the gate asks for one; it needs no quotes
    #[arg(value_name = "PHRASE")]
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
