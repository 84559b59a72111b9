//! `cutover engine`: the engine of a detached release. Started by the other verbs, not by people.

use clap::Args;
use clap::builder::{NonEmptyStringValueParser, TypedValueParser};

use super::words::{Image, commit, image, then};
use crate::domain::foreign::Then;
use crate::domain::ids::ReleaseId;

/// Run the engine of a release until it ends, without a face
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Engine {
    /// Environment of the configuration
    #[arg(value_name = "ENV", value_parser = NonEmptyStringValueParser::new())]
    pub environment: String,
    /// Component of the configuration; may be left out if there is only one
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub component: Option<String>,
    /// Image to release, with its tag or digest; once for each component
    #[arg(long = "image", value_name = "[COMPONENT=]REF", value_parser = image())]
    #[arg(required_unless_present_any = ["recover", "back_to", "from", "take_over"])]
    pub images: Vec<Image>,
    /// Go on with the release of this number, whose engine is gone
    #[arg(long, value_name = "N", conflicts_with = "images", value_parser = clap::value_parser!(u64).map(ReleaseId))]
    pub recover: Option<ReleaseId>,
    /// Go back to the release of this number, which has ended
    #[arg(long, value_name = "N", conflicts_with_all = ["images", "recover"])]
    #[arg(value_parser = clap::value_parser!(u64).map(ReleaseId))]
    pub back_to: Option<ReleaseId>,
    /// Release what succeeded in this environment
    #[arg(long, value_name = "ENV[@RELEASE]", conflicts_with_all = ["images", "recover", "back_to"])]
    pub from: Option<String>,
    /// The commit that the images were made of
    #[arg(long, value_name = "SHA", value_parser = commit)]
    pub git_sha: Option<String>,
    /// Take over this deployment, which somebody else began
    #[arg(long, value_name = "DEPLOYMENT", conflicts_with_all = ["images", "recover", "back_to", "from"])]
    pub take_over: Option<String>,
    /// What is done with it first
    #[arg(long, requires = "take_over", value_parser = then())]
    pub then: Option<Then>,
    /// Why
    #[arg(long)]
    pub reason: Option<String>,
    /// Go back although a migration since then stays
    #[arg(long, requires = "back_to")]
    pub leave_migrations: bool,
}
