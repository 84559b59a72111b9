//! `cutover plan`

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::words::{Image, Writing, image};

const EXAMPLES: &str = "\
Examples:
  cutover plan production
  cutover plan staging api --image registry/api:9ab03d7
  cutover plan production --image registry/api:$SHA --json

It reads the account and changes nothing. Without an image it plans the version that serves now.";

/// Say what a release would do, stage by stage and call by call, without doing it
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = EXAMPLES)]
pub struct Plan {
    /// Environment of the configuration to plan for
    #[arg(value_name = "ENV", value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// Component of the configuration to plan for; may be left out if there is only one
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub component: Option<String>,
    /// Image that would be released; once for each component where several are released together
    #[arg(long = "image", value_name = "[COMPONENT=]REF", value_parser = image())]
    pub images: Vec<Image>,
    /// How to write it.
    #[command(flatten)]
    pub writing: Writing,
}
