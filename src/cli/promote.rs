//! `cutover promote`

use clap::Args;

use super::words::{Aim, Consent};
use crate::domain::command::Command;

/// Go on to the next weight now, open the gate that waits, or end the wait of verify or cleanup
///
/// While cleanup keeps blue warm, promoting scales blue down at once: it asks before, or wants --yes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(after_help = "Examples:\n  cutover promote\n  cutover promote --full --if-revision 12")]
pub struct Promote {
    /// All the way to 100 %, past the steps in between
    #[arg(long)]
    pub full: bool,
    /// End cleanup's wait without being asked: blue is scaled down at once
    #[arg(long)]
    pub yes: bool,
    /// Which release.
    #[command(flatten)]
    pub aim: Aim,
}

impl Promote {
    /// The command it sends.
    pub fn command(&self) -> Command {
        if self.full { Command::PromoteFull } else { Command::Promote }
    }

    /// Whether it may end what makes going back cheap.
    pub fn consent(&self) -> Consent {
        if self.yes { Consent::Given } else { Consent::Asked }
    }
}
