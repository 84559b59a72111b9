//! `cutover rollback`

use clap::Args;

use super::words::{Which, something};

/// Take all traffic back to blue, and undo the stages that were done
///
/// It outranks everything else that the release is doing, and is accepted whatever has changed meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(after_help = "Example:\n  cutover rollback --reason 'checkout fails for logged-in users'")]
pub struct Rollback {
    /// Why; kept with the release and told to its channels
    #[arg(long, value_name = "TEXT", value_parser = something)]
    pub reason: Option<String>,
    /// Which release.
    #[command(flatten)]
    pub which: Which,
}
