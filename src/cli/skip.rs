//! `cutover skip`

use clap::Args;

use super::words::{Aim, something};

/// Go on without the stage that failed
///
/// `deploy` and `shift` cannot be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(after_help = "Example:\n  cutover skip --reason 'the check is broken, fixed in 9ab03d7'")]
pub struct Skip {
    /// Why; kept with the release
    #[arg(long, value_name = "TEXT", value_parser = something)]
    pub reason: String,
    /// Which release.
    #[command(flatten)]
    pub aim: Aim,
}
