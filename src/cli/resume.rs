//! `cutover resume`

use clap::Args;

use super::words::Aim;

/// Go on after a pause
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Resume {
    /// Which release.
    #[command(flatten)]
    pub aim: Aim,
}
