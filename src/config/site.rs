//! Where a component runs on ECS.

use std::time::Duration;

use crate::domain::plan::DeploymentGroup;

/// Its cluster, its services and what tells them apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// ECS cluster.
    pub cluster: String,
    /// The container whose image is the version.
    pub container: String,
    /// The listener rule, or listener for its default action, by ARN.
    pub listener_rule: String,
    /// The two services that take turns; twice the same where the sides are revisions of one.
    pub services: [Service; 2],
    /// How long a deployment inside AWS waits for the engine's word before it goes back by itself; zero where none does.
    pub expiry: Duration,
    /// The deployment group of CodeDeploy, where it shifts traffic.
    pub group: Option<DeploymentGroup>,
    /// A tag's digest is looked up when a release is made, and deployed whatever becomes of the tag.
    pub pin: bool,
    /// Tasks of a side that serves; `None` takes as many as serve when a release is made.
    pub tasks: Option<u32>,
}

/// One of a component's two services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// ECS service.
    pub service: String,
    /// Target group, by ARN.
    pub target_group: String,
    /// Base URL that reaches this service alone, without a slash at its end.
    pub url: Option<String>,
}
