//! Feature flags that AWS AppConfig holds and deploys.

use async_trait::async_trait;

use super::CloudError;
use crate::domain::flag::{FeatureFlag, Switch};

/// What a flag stage asks of a cloud.
#[async_trait]
pub trait Flags: Send + Sync {
    /// How a flag stands. [`ErrorKind::NotFound`](super::ErrorKind::NotFound) when it, or what holds it, is not there;
    /// [`ErrorKind::Unexpected`](super::ErrorKind::Unexpected) when the profile holds something else than simple flags.
    async fn flag(&self, flag: &FeatureFlag) -> Result<FlagState, CloudError>;

    /// Begins to deploy a version that is what is deployed now with this flag switched: the number of the deployment, whose
    /// description is `note`. [`ErrorKind::Conflict`](super::ErrorKind::Conflict) when one is under way in the environment, or the
    /// profile was changed meanwhile: whoever looks again sees which. Asking twice deploys once, for the second is a conflict.
    async fn switch_flag(&self, flag: &FeatureFlag, to: Switch, note: &str) -> Result<u32, CloudError>;

    /// Stops a deployment that is under way: its environment goes back to the version before it.
    async fn stop_flag(&self, flag: &FeatureFlag, deployment: u32) -> Result<(), CloudError>;
}

/// How a flag stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagState {
    /// What it is in the version that was deployed last to the end; `None` while none was.
    pub deployed: Option<Switch>,
    /// The newest deployment of the environment, whatever it deploys; `None` while there was none.
    pub newest: Option<FlagDeployment>,
}

/// A deployment in an environment of AppConfig.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagDeployment {
    /// Its number within the environment.
    pub number: u32,
    /// Its description: what [`Flags::switch_flag`] noted.
    pub note: String,
    /// How far it has come.
    pub step: FlagStep,
    /// Share of clients that are given it, 0 to 100.
    pub percent: u8,
}

/// How far a deployment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FlagStep {
    /// More and more clients are given it.
    Growing,
    /// All clients are given it, and AppConfig still watches its alarms.
    Baking,
    /// It is done.
    Complete,
    /// It is being taken back.
    GoingBack,
    /// It was taken back: by an alarm, or by somebody.
    TakenBack,
    /// A state that this version does not know.
    Unknown,
}

impl FlagStep {
    /// Whether the environment takes no other deployment meanwhile.
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Growing | Self::Baking | Self::GoingBack | Self::Unknown)
    }
}
