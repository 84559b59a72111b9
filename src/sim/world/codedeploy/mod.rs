//! CodeDeploy, as far as it deploys to ECS: applications, deployment groups, configurations and deployments.

mod app_spec;
mod listeners;
mod operations;
mod progress;
mod setup;
mod show;
mod types;

use self::app_spec::AppSpec;
use super::Timestamp;
pub use types::*;

/// Everything of CodeDeploy.
#[derive(Clone, Debug, Default)]
pub(super) struct CodeDeploy {
    applications: Vec<String>,
    groups: Vec<DeploymentGroup>,
    configs: Vec<DeploymentConfig>,
    /// Oldest first.
    deployments: Vec<Running>,
}

/// A deployment, and what happens to it next.
#[derive(Clone, Debug)]
struct Running {
    view: Deployment,
    /// What is deployed; `None` for one that brings back what another has done.
    app_spec: Option<AppSpec>,
    routing: TrafficRouting,
    /// The task set that served when it began, and the one that it created.
    original: Option<String>,
    replacement: Option<String>,
    phase: Phase,
    /// Somebody asked it to stop, and whether traffic is to come back.
    stop: Option<Traffic>,
    updated_at: Timestamp,
}

/// Where a deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Created,
    /// A lifecycle event, by its position in the deployment's own list.
    Event(usize),
    /// Until somebody lets traffic through, or this moment.
    ReadyWait(Timestamp),
    /// Until somebody lets go of the old task set, or this moment.
    TerminationWait(Timestamp),
    Over,
}

/// What becomes of traffic when a deployment is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Traffic {
    Stays,
    ComesBack,
}

impl CodeDeploy {
    fn group(&self, application: &str, name: &str) -> Option<&DeploymentGroup> {
        self.groups.iter().find(|group| group.application == application && group.name == name)
    }

    fn find(&self, id: &str) -> Option<&Running> {
        self.deployments.iter().find(|one| one.view.id == id)
    }

    fn find_mut(&mut self, id: &str) -> Option<&mut Running> {
        self.deployments.iter_mut().find(|one| one.view.id == id)
    }

    /// The deployment to a group that is under way: there is one at most.
    fn active(&self, application: &str, group: &str) -> Option<&Running> {
        self.of_group(application, group).find(|one| !one.view.status.is_final())
    }

    fn of_group(&self, application: &str, group: &str) -> impl DoubleEndedIterator<Item = &Running> {
        self.deployments.iter().filter(move |one| one.view.application == application && one.view.group == group)
    }
}
