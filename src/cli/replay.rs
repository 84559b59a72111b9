//! `cutover replay`

use clap::Args;
use clap::builder::TypedValueParser;

use super::words::{Headless, speed};
use crate::domain::ids::ReleaseId;

const EXAMPLES: &str = "\
Examples:
  cutover replay 41
  cutover replay 41 --speed 60
  cutover replay 41 --headless              what happened, at once

space holds it and lets it go on, . goes on to the next thing that happened, + and - change the speed.";

/// Show a past release again, on the same screen
///
/// Nothing is asked of AWS, and nothing can be changed.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = EXAMPLES)]
pub struct Replay {
    /// The release's number, as `cutover history` lists it
    #[arg(value_name = "RELEASE", value_parser = clap::value_parser!(u64).map(ReleaseId))]
    pub release: ReleaseId,
    /// How many times faster than it was [default: 10; without a screen, at once]
    #[arg(long, value_name = "N", value_parser = speed)]
    pub speed: Option<f64>,
    /// Without a screen.
    #[command(flatten)]
    pub headless: Headless,
}
