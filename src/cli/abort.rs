//! `cutover abort`

use clap::Args;

use super::words::{Aim, something};

/// Take all traffic back to blue and do nothing else: green stays up, no stage is undone
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(after_help = "Example:\n  cutover abort --reason 'the migration must stay'")]
pub struct Abort {
    /// Why; kept with the release and told to its channels
    #[arg(long, value_name = "TEXT", value_parser = something)]
    pub reason: Option<String>,
    /// Which release.
    #[command(flatten)]
    pub aim: Aim,
}
