//! Features that a stage switches on, and a rollback switches off.

use serde::{Deserialize, Serialize};

use super::program::CommandPlan;

/// How a feature is switched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FlagPlan {
    /// By a program of this host; what undoes it switches it off.
    Command(CommandPlan),
    /// By a deployment of AWS AppConfig.
    AppConfig(FeatureFlag),
}

/// A flag of a feature-flag profile of AWS AppConfig, whose versions AppConfig itself holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FeatureFlag {
    /// The application, by its name or id.
    pub application: String,
    /// AppConfig's environment, by its name or id.
    pub environment: String,
    /// The configuration profile, by its name or id.
    pub profile: String,
    /// The flag's key.
    pub flag: String,
    /// The deployment strategy that it is switched on by, by its id. It is switched off at once.
    pub strategy: String,
    /// Which way a stage switches it: on, or off where a release goes back to an earlier one.
    #[serde(default)]
    pub to: Switch,
}

impl FeatureFlag {
    /// What switches it, in one line.
    pub fn line(&self, to: Switch) -> String {
        let Self { application, environment, profile, flag, .. } = self;
        format!("AppConfig: {flag} {} in {application}/{profile}, {environment}", to.word())
    }
}

/// Which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Switch {
    /// The feature is there.
    #[default]
    On,
    /// It is not.
    Off,
}

impl Switch {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }
}
