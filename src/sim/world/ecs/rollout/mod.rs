//! Service deployments: what the ECS deployment controller does with `ROLLING`, `BLUE_GREEN`, `LINEAR`
//! and `CANARY`.
//!
//! - Stages and hooks: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-lifecycle-hooks.html> and
//!   <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/pause-lifecycle-hooks.html>
//! - Strategies: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-blue-green.html>,
//!   <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-linear.html>,
//!   <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html>
//! - States: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html>
//!
//! Where these are silent, the choices are listed in `docs/simulated-aws.md`.

mod back;
mod configuration;
mod hooks;
mod lifecycle;
mod monitors;
mod operations;
mod types;

use std::time::Duration;

pub use configuration::DeploymentConfiguration;
pub(super) use monitors::TripsTo;
pub use operations::ListServiceDeployments;
pub use types::*;

use super::{Deployment, DeploymentStatus, TaskDefinition};
use crate::domain::time::Timestamp;
use crate::sim::world::World;

/// How long a stage lasts in which nothing is to be done or waited for.
const STAGE: Duration = Duration::from_secs(3);

/// A deployment and what happens to it next.
#[derive(Clone, Debug)]
pub(super) struct Rollout {
    pub(super) view: ServiceDeployment,
    pub(super) service: usize,
    /// The ECS deployments (`ecs-svc/…`) of what is deployed and of what that replaces.
    pub(super) target: String,
    pub(super) source: Option<String>,
    pub(super) phase: Phase,
    hooks: Vec<hooks::Run>,
    /// It is followed by another one, and so ends as stopped.
    superseded: bool,
}

/// What a deployment does now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Phase {
    /// It replaces tasks within the service's bounds, or goes back that way: the service's scheduler does it.
    Rolling,
    /// It waits for the one before it to end.
    Queued,
    /// It is about to enter a stage.
    Entering(Stage),
    /// It is in its stage.
    In(Timestamp),
    /// It goes back: the old revision is to be there to take the traffic.
    Restoring(Timestamp),
    /// It goes back: the new revision's tasks are to go.
    Removing,
    Over,
}

impl Rollout {
    /// Whether it shifts traffic between two revisions.
    pub(super) fn is_managed(&self) -> bool {
        self.view.configuration.strategy != Strategy::Rolling && self.source.is_some()
    }

    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    fn is_going_back(&self) -> bool {
        matches!(self.phase, Phase::Restoring(_) | Phase::Removing)
    }

    /// Tasks that a deployment of the service is to run while this one shifts traffic.
    fn wants(&self, deployment: &str, desired: u32) -> u32 {
        let stage = self.view.stage;
        if deployment == self.target {
            let is_up = stage.is_some_and(|stage| stage >= Stage::ScaleUp);
            let is_leaving = self.phase == Phase::Removing;
            return if is_up && !is_leaving { desired } else { 0 };
        }
        let is_cleaning = stage == Some(Stage::CleanUp) && !self.is_going_back();
        if is_cleaning { 0 } else { desired }
    }
}

impl World {
    /// The deployment that shifts traffic between revisions of a service now.
    pub(super) fn managed(&self, service: usize) -> Option<usize> {
        self.ecs.rollouts.iter().position(|one| {
            one.service == service && one.is_managed() && !matches!(one.phase, Phase::Over | Phase::Queued)
        })
    }

    /// The newest deployment of a service that has not come to its end.
    pub(super) fn unfinished(&self, service: usize) -> Option<usize> {
        self.ecs.rollouts.iter().rposition(|one| one.service == service && !one.is_over())
    }

    /// Begins a service deployment of `definition`.
    pub(super) fn begin_rollout(&mut self, service: usize, definition: &TaskDefinition) {
        let at = self.now;
        if let Some(earlier) = self.unfinished(service) {
            self.supersede(earlier, at);
        }
        let Some(state) = self.ecs.services.get(service) else { return };
        let (view, arn) = (state.view(), state.view().arn.clone());
        let configuration = view.deployment_configuration.clone();
        let (cluster_arn, desired) = (view.cluster_arn.clone(), view.desired);
        let source = view.deployments.iter().find(|one| one.status == DeploymentStatus::Primary).cloned();
        let load_balancers = view.load_balancers.clone();
        let id = self.streams.ids.uuid().chars().filter(char::is_ascii_alphanumeric).take(22).collect::<String>();
        let number = self.streams.ids.bits() % 10_000_000_000_000_000_000;
        let tail = arn.split(":service/").nth(1).unwrap_or_default().to_owned();
        let revision = self.ecs_arn(&format!("service-revision/{tail}/{number:019}"));
        let is_waiting = self.managed(service).is_some();
        let is_managed = configuration.strategy != Strategy::Rolling && source.is_some();
        let serving = load_balancers.first().map(|one| self.serving_group(one));
        let target_group = match (load_balancers.first(), is_managed) {
            (Some(balancer), true) => serving.map(|serving| balancer.other_than(&serving)),
            _ => serving,
        };
        self.ecs.revisions.push(Revision {
            arn: revision.clone(),
            service_arn: arn.clone(),
            cluster_arn: cluster_arn.clone(),
            task_definition: definition.arn.clone(),
            load_balancers,
            target_group: target_group.clone(),
            created_at: at,
        });
        let alarms = self.monitored(&configuration.alarms);
        let weight = is_managed.then_some(0.0);
        let view = ServiceDeployment {
            arn: self.ecs_arn(&format!("service-deployment/{tail}/{id}")),
            service_arn: arn,
            cluster_arn,
            status: if is_waiting { RolloutStatus::Pending } else { RolloutStatus::InProgress },
            status_reason: None,
            stage: None,
            created_at: at,
            started_at: (!is_waiting).then_some(at),
            finished_at: None,
            stopped_at: None,
            updated_at: at,
            sources: Vec::new(),
            target: RevisionSummary {
                arn: revision.clone(),
                test_weight: weight,
                production_weight: weight,
                ..RevisionSummary::default()
            },
            breaker: configuration.breaker_at_first(desired),
            alarms,
            configuration,
            rollback: None,
            hooks: Vec::new(),
        };
        self.ecs.rollouts.push(Rollout {
            view,
            service,
            target: String::new(),
            source: source.map(|source| source.id),
            phase: Phase::Queued,
            hooks: Vec::new(),
            superseded: false,
        });
        let number = self.ecs.rollouts.len() - 1;
        if !is_waiting {
            self.launch_rollout(number, at);
        }
    }

    /// Makes what a deployment deploys the service's primary one.
    fn launch_rollout(&mut self, number: usize, at: Timestamp) {
        let Some(rollout) = self.ecs.rollouts.get(number) else { return };
        let (service, is_managed) = (rollout.service, rollout.is_managed());
        let arn = rollout.view.target.arn.clone();
        let Some(revision) = self.ecs.revisions.iter().find(|one| one.arn == arn).cloned() else { return };
        let Ok(definition) = self.find_definition(&revision.task_definition).cloned() else { return };
        let source = self.ecs.services.get(service).map(super::state::ServiceState::primary_id);
        self.start_deployment(service, &definition, &revision);
        let target = self.ecs.services.get(service).map(super::state::ServiceState::primary_id).unwrap_or_default();
        let sources = self.sources_of(source.as_deref(), service, is_managed);
        let Some(rollout) = self.ecs.rollouts.get_mut(number) else { return };
        rollout.target = target;
        rollout.source = source.filter(|source| !source.is_empty());
        rollout.phase = if is_managed { Phase::Entering(Stage::PreScaleUp) } else { Phase::Rolling };
        rollout.view.status = RolloutStatus::InProgress;
        rollout.view.started_at = Some(at);
        rollout.view.updated_at = at;
        rollout.view.sources = sources;
    }

    fn sources_of(&self, source: Option<&str>, service: usize, is_managed: bool) -> Vec<RevisionSummary> {
        let Some(service) = self.ecs.services.get(service) else { return Vec::new() };
        let found = service.view().deployments.iter().find(|one| Some(one.id.as_str()) == source);
        let summary = |one: &Deployment| RevisionSummary {
            arn: one.revision.clone(),
            requested: one.desired,
            running: one.running,
            pending: one.pending,
            test_weight: is_managed.then_some(100.0),
            production_weight: is_managed.then_some(100.0),
        };
        found.map(summary).into_iter().collect()
    }

    /// A deployment that another one follows ends: one that shifts traffic goes back first.
    fn supersede(&mut self, number: usize, at: Timestamp) {
        let Some(rollout) = self.ecs.rollouts.get_mut(number) else { return };
        rollout.superseded = true;
        let (is_managed, is_back) = (rollout.is_managed(), rollout.is_going_back());
        if rollout.phase == Phase::Queued || !is_managed {
            self.end_rollout(number, RolloutStatus::Stopped, at);
        } else if !is_back {
            self.go_back(number, "Service deployment stopped: a newer one was started.", at);
        }
    }

    /// A deployment has come to its end.
    fn end_rollout(&mut self, number: usize, status: RolloutStatus, at: Timestamp) {
        let Some(rollout) = self.ecs.rollouts.get_mut(number) else { return };
        let status = if rollout.superseded { RolloutStatus::Stopped } else { status };
        rollout.phase = Phase::Over;
        rollout.hooks.clear();
        let view = &mut rollout.view;
        view.status = status;
        view.finished_at = Some(at);
        view.updated_at = at;
        view.stopped_at = (status == RolloutStatus::Stopped).then_some(at);
        if view.alarms.0 == MonitorStatus::Monitoring {
            view.alarms.0 = MonitorStatus::MonitoringComplete;
        }
        if view.breaker.0 == MonitorStatus::Monitoring {
            view.breaker.0 = MonitorStatus::MonitoringComplete;
        }
        let service = rollout.service;
        let next = self.ecs.rollouts.iter().position(|one| one.service == service && one.phase == Phase::Queued);
        if let Some(next) = next {
            self.launch_rollout(next, at);
        }
    }

    /// The target group of a service that production traffic goes to.
    fn serving_group(&self, balancer: &super::ServiceLoadBalancer) -> String {
        let Some(advanced) = &balancer.advanced else { return balancer.target_group_arn.clone() };
        let weights = self.elb.weights_of(&advanced.production_listener_rule);
        let weight = |arn: &str| weights.iter().find(|(known, _)| known == arn).map_or(0, |(_, weight)| *weight);
        if weight(&advanced.alternate_target_group_arn) > weight(&balancer.target_group_arn) {
            advanced.alternate_target_group_arn.clone()
        } else {
            balancer.target_group_arn.clone()
        }
    }
}
