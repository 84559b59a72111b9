//! `cutover attach`

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

/// Watch and steer a release that runs
///
/// Leaving it, by `q` or Ctrl-C, changes nothing: the release goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(after_help = "Examples:\n  cutover attach\n  cutover attach production api --read-only")]
pub struct Attach {
    /// Environment of the release; may be left out if only one runs
    #[arg(value_name = "ENV", value_parser = NonEmptyStringValueParser::new())]
    pub environment: Option<String>,
    /// Component of the release; may be left out if only one runs
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub component: Option<String>,
}
