//! `cutover engine`: the engine of a detached release. Started by `release`, not by people.

use clap::Args;

use super::words::What;

/// Run the engine of a release until it ends, without a face
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Engine {
    /// What to release, and where.
    #[command(flatten)]
    pub what: What,
    /// Type the phrases that gates ask for
    #[arg(long)]
    pub yes: bool,
}
