//! `cutover history`

use clap::Args;

use super::words::Format;

/// List past releases: what, where, when, how each ended, and who did it
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
#[command(after_help = "Example:\n  cutover history --limit 5 --format json")]
pub struct History {
    /// How many, newest first
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// How to write them
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}
