//! `cutover pause`

use clap::Args;

use super::words::Which;

/// Hold a release where it is: no more traffic is shifted until `resume`
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Pause {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
}
