//! `cutover retry`

use clap::Args;

use super::words::Aim;

/// Run the failed stage again
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Retry {
    /// Which release.
    #[command(flatten)]
    pub aim: Aim,
}
