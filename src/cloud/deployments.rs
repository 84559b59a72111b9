//! Deployments that somebody else began, and what has changed at a component before now. Only reads, all of which may be
//! repeated at will.

use async_trait::async_trait;

use super::{CloudError, Survey, Target};
use crate::domain::foreign::Afoot;
use crate::domain::time::Timestamp;
use crate::domain::triage::Change;

/// What is under way at a component, and what was.
#[async_trait]
pub trait Deployments: Send + Sync {
    /// A component as it stands while somebody may be deploying to it.
    async fn afoot(&self, target: &Target) -> Result<Sight, CloudError>;

    /// What was deployed to a component and how it was scaled since then, in any order: what ECS and CodeDeploy still tell
    /// of it.
    async fn changes(&self, target: &Target, since: Timestamp) -> Result<Vec<Change>, CloudError>;
}

/// A component as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// What serves, as blue, and beside it what takes its place; no side of it counts as being deployed.
    pub survey: Survey,
    /// What is under way.
    pub afoot: Afoot,
    /// Why it cannot be taken over, if it cannot.
    pub obstacle: Option<String>,
}
