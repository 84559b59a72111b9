//! How a release came about.

use serde::{Deserialize, Serialize};

use super::foreign::Foreign;
use super::ids::{EnvironmentName, ReleaseId, StageName};

/// How a release came about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Somebody named its versions.
    #[default]
    Named,
    /// It goes back to an earlier release that has ended.
    Earlier(Box<Earlier>),
    /// It takes over a deployment that somebody else began; not begun, it only watches one.
    Foreign(Box<Foreign>),
    /// It takes over what has succeeded in another environment.
    Promoted {
        /// The environment that it succeeded in.
        from: EnvironmentName,
        /// The release of each component, in the plan's order.
        releases: Vec<ReleaseId>,
    },
}

/// The way back to an earlier release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// The release that is gone back to.
    pub release: ReleaseId,
    /// Why, if somebody said so.
    pub reason: Option<String>,
    /// What the old side still runs is that very release: no task is started.
    pub warm: bool,
    /// What later releases did and this one undoes.
    pub undoes: Vec<Undoes>,
    /// What stays as later releases left it, and why.
    pub left: Vec<String>,
}

/// A stage of a later release that is undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undoes {
    /// The later release.
    pub release: ReleaseId,
    /// Its stage.
    pub stage: StageName,
    /// The stage that undoes it.
    pub by: StageName,
}

impl Origin {
    /// Whether somebody named the versions.
    pub fn is_named(&self) -> bool {
        *self == Self::Named
    }

    /// Whether its images are those of releases before it, whatever its pipeline would build.
    pub fn forbids_building(&self) -> bool {
        match self {
            Self::Promoted { .. } | Self::Earlier(_) | Self::Foreign(_) => true,
            Self::Named => false,
        }
    }

    /// The way back, if it is one. Such a release leaves what does harm: nothing that speaks of what serves now, neither
    /// an alarm nor a lack of evidence, holds it up.
    pub fn earlier(&self) -> Option<&Earlier> {
        match self {
            Self::Earlier(earlier) => Some(earlier),
            Self::Named | Self::Promoted { .. } | Self::Foreign(_) => None,
        }
    }

    /// The deployment of somebody else's that it is about, if it is about one.
    pub fn foreign(&self) -> Option<&Foreign> {
        match self {
            Self::Foreign(foreign) => Some(foreign),
            Self::Named | Self::Promoted { .. } | Self::Earlier(_) => None,
        }
    }

    /// In a few words: `rollback to release 39`, `promoted from staging release 41`.
    pub fn words(&self) -> Option<String> {
        match self {
            Self::Named => None,
            Self::Earlier(earlier) => Some(format!("rollback to release {}", earlier.release)),
            Self::Foreign(foreign) => Some(foreign.words()),
            Self::Promoted { from, releases } => {
                let mut numbers: Vec<String> = releases.iter().map(ToString::to_string).collect();
                numbers.dedup();
                let word = if numbers.len() == 1 { "release" } else { "releases" };
                Some(format!("promoted from {from} {word} {}", numbers.join(", ")))
            }
        }
    }

    /// The same after a comma, or nothing.
    pub fn suffix(&self) -> String {
        self.words().map(|words| format!(", {words}")).unwrap_or_default()
    }
}
