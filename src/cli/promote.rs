//! `cutover promote`

use clap::Args;

use super::words::Aim;
use crate::domain::command::Command;

/// Go on to the next weight now, or open the gate that waits
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(after_help = "Examples:\n  cutover promote\n  cutover promote --full --if-revision 12")]
pub struct Promote {
    /// All the way to 100 %, past the steps in between
    #[arg(long)]
    pub full: bool,
    /// Which release.
    #[command(flatten)]
    pub aim: Aim,
}

impl Promote {
    /// The command it sends.
    pub fn command(&self) -> Command {
        if self.full { Command::PromoteFull } else { Command::Promote }
    }
}
