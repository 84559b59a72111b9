//! `cutover status`

use clap::Args;

use super::words::{Format, Which};

const EXAMPLES: &str = "\
Examples:
  cutover status
  cutover status --env production --format json

The exit code says where it stands:
  0 succeeded                       5 the rollback failed
  3 failed before any shift         6 waiting for a human
  4 rolled back cleanly             7 still running";

/// Say where a release stands
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(after_help = EXAMPLES)]
pub struct Status {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
    /// How to say it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}
