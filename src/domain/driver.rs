//! The ways in which traffic is shifted, and what each can do.

use serde::{Deserialize, Serialize};

/// Who shifts traffic, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Driver {
    /// The engine sets the weights of two target groups on a listener rule and reads them back.
    #[default]
    Alb,
    /// ECS shifts traffic between two revisions of one service, and waits before each step for the engine's word.
    Native,
    /// CodeDeploy shifts traffic between two task sets of one service, on its own clock once it was let through.
    #[serde(rename = "codedeploy")]
    CodeDeploy,
    /// ECS replaces the tasks of one service, a few at a time.
    Rolling,
    /// The pipeline's programs release it; there is no traffic to shift.
    Command,
}

impl Driver {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 5] = [Self::Alb, Self::Native, Self::CodeDeploy, Self::Rolling, Self::Command];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Alb => "alb",
            Self::Native => "native",
            Self::CodeDeploy => "codedeploy",
            Self::Rolling => "rolling",
            Self::Command => "command",
        }
    }

    /// Whether green stands beside blue before any traffic moves, so that it can be checked first and blue can take all
    /// traffic back as long as it is up.
    pub fn is_side_by_side(self) -> bool {
        match self {
            Self::Alb | Self::Native | Self::CodeDeploy => true,
            Self::Rolling | Self::Command => false,
        }
    }

    /// Whether the shift is a deployment inside AWS: it goes on, and may go back, without the engine, and moves through
    /// weights that are none of the plan's.
    pub fn is_deployment(self) -> bool {
        match self {
            Self::Native | Self::CodeDeploy | Self::Rolling => true,
            Self::Alb | Self::Command => false,
        }
    }

    /// Whether the shift, once begun, goes up on a clock that is not the engine's: it can be ended, and not held.
    pub fn has_its_own_clock(self) -> bool {
        match self {
            Self::CodeDeploy | Self::Rolling => true,
            Self::Alb | Self::Native | Self::Command => false,
        }
    }

    /// Who carries out the deployment, for people.
    pub fn deployer(self) -> &'static str {
        match self {
            Self::CodeDeploy => "CodeDeploy",
            Self::Alb | Self::Native | Self::Rolling | Self::Command => "ECS",
        }
    }
}

/// A deployment group of CodeDeploy.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DeploymentGroup {
    /// Its application's name.
    pub application: String,
    /// Its own.
    pub name: String,
}
