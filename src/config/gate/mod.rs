//! A gate as configured, and the plan that it makes.

mod plan;
pub(super) mod show;

use std::collections::BTreeMap;
use std::time::Duration;

use super::model::Checks;
use super::template::Template;
use crate::domain::gate::{ApprovalPlan, DriftPlan, ImagePlan, WindowPlan};

/// Conditions that must hold, and people who must agree.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// Blue must be wholly healthy.
    pub healthy: bool,
    /// No alarm may be firing.
    pub no_alarms: bool,
    /// No other release of the component may be unfinished.
    pub alone: bool,
    /// When releases may go out.
    pub window: Option<WindowPlan>,
    /// HTTP checks; paths are below the URL of what serves.
    pub checks: Checks,
    /// Programs that must end with 0.
    pub commands: Vec<Looker>,
    /// Backups that must be fresh.
    pub backups: Vec<Backup>,
    /// The image, and what its scan found.
    pub image: Option<ImagePlan>,
    /// Secrets that must be there, and rotate.
    pub secrets: Option<Secrets>,
    /// What runs must be what is written here.
    pub drift: Option<DriftPlan>,
    /// Who must approve.
    pub approval: Option<ApprovalPlan>,
    /// The phrase a human must type.
    pub confirm: Option<Template>,
}

/// A program that only looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looker {
    /// Its name in the table of results.
    pub name: String,
    /// Program and arguments.
    pub run: Vec<Template>,
    /// Environment variables on top of cutover's own.
    pub env: BTreeMap<String, Template>,
    /// Variables of cutover's own environment that hold secrets for it.
    pub env_from: Vec<String>,
    /// Working directory.
    pub dir: Option<Template>,
    /// It has failed when it runs longer.
    pub timeout: Duration,
}

/// A backup that must be fresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Where it is looked for.
    pub of: BackupOf,
    /// Its greatest age.
    pub fresher_than: Duration,
}

/// Where a backup is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupOf {
    /// The snapshots of an RDS instance.
    Database(Template),
    /// The snapshots of an RDS cluster.
    Cluster(Template),
    /// A program that prints when the newest backup was taken.
    Command(Looker),
}

/// Secrets that must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secrets {
    /// Names or ARNs.
    pub names: Vec<Template>,
    /// They must have been rotated at most this long ago.
    pub rotated_within: Option<Duration>,
}

impl Gate {
    /// Variables of cutover's own environment that hold secrets for its programs.
    pub(super) fn env_from(&self) -> impl Iterator<Item = &String> {
        let backups = self.backups.iter().filter_map(|backup| match &backup.of {
            BackupOf::Command(looker) => Some(looker),
            BackupOf::Database(_) | BackupOf::Cluster(_) => None,
        });
        self.commands.iter().chain(backups).flat_map(|looker| &looker.env_from).chain(self.checks.env_from())
    }
}
