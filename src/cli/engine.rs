//! `cutover engine`: the engine of a detached release. Started by the other verbs, not by people.

use clap::Args;
use clap::builder::{NonEmptyStringValueParser, TypedValueParser};

use crate::domain::ids::{ReleaseId, Version};

/// Run the engine of a release until it ends, without a face
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Engine {
    /// Environment of the configuration
    #[arg(value_name = "ENV", value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// Component of the configuration; may be left out if there is only one
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub component: Option<String>,
    /// Image to release, with its tag or digest
    #[arg(long, value_name = "REF", value_parser = NonEmptyStringValueParser::new().map(Version))]
    #[arg(required_unless_present = "recover")]
    pub image: Option<Version>,
    /// Go on with the release of this number, whose engine is gone
    #[arg(long, value_name = "N", conflicts_with = "image", value_parser = clap::value_parser!(u64).map(ReleaseId))]
    pub recover: Option<ReleaseId>,
}
