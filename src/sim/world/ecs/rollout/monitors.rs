//! What gives a deployment up while it is under way: the circuit breaker, and alarms.
//!
//! An alarm that is in ALARM when a deployment starts keeps ECS from monitoring alarms for the whole of that deployment:
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html>

use std::time::Duration;

use super::{DeploymentAlarms, MonitorStatus, Phase, Rollout, RolloutStatus};
use crate::domain::time::Timestamp;
use crate::sim::world::World;

impl World {
    /// What becomes of the alarms of a deployment that starts now.
    pub(super) fn monitored(&self, alarms: &DeploymentAlarms) -> (MonitorStatus, Vec<String>) {
        let is_firing = alarms.names.iter().any(|name| self.alarms.is_firing(name));
        let is_on = alarms.enable && !alarms.names.is_empty() && !is_firing;
        (if is_on { MonitorStatus::Monitoring } else { MonitorStatus::Disabled }, Vec::new())
    }

    /// Looks at the alarms of a service's deployment.
    pub(super) fn watch_alarms(&mut self, service: usize, at: Timestamp) {
        let Some(number) = self.unfinished(service) else { return };
        let Some(rollout) = self.ecs.rollouts.get(number) else { return };
        let alarms = rollout.view.configuration.alarms.clone();
        let is_watched = rollout.view.alarms.0 == MonitorStatus::Monitoring
            && rollout.view.status == RolloutStatus::InProgress
            && rollout.phase != Phase::Queued;
        let firing: Vec<String> = alarms.names.iter().filter(|name| self.alarms.is_firing(name)).cloned().collect();
        if !is_watched || firing.is_empty() {
            return;
        }
        let names = firing.join(", ");
        if let Some(rollout) = self.ecs.rollouts.get_mut(number) {
            rollout.view.alarms = (MonitorStatus::Triggered, firing);
        }
        let what = format!("alarm detected: {names}.");
        self.service_event(service, at, &format!("deployment failed: {what}"));
        if alarms.rollback {
            self.go_back(number, &format!("Service deployment rolled back because of {what}"), at);
        } else {
            self.give_up(number, &format!("Service deployment failed because of {what}"), at);
        }
    }

    /// How long a rolling deployment goes on watching its alarms once its tasks are there. "Amazon ECS computes this time
    /// period based on the alarm configuration": here, as long as the slowest alarm needs to fire.
    pub(in crate::sim::world::ecs) fn watches_for(&self, service: usize) -> Duration {
        let monitored = self.unfinished(service).and_then(|number| self.ecs.rollouts.get(number));
        // On the way back nothing is watched: what fires speaks of what is left.
        let is_forward = |rollout: &&Rollout| rollout.view.rollback.is_none();
        let monitored = monitored.filter(is_forward).filter(|one| one.view.alarms.0 == MonitorStatus::Monitoring);
        let names = monitored.map_or(&[][..], |rollout| rollout.view.configuration.alarms.names.as_slice());
        names.iter().map(|name| self.alarms.window(name)).max().unwrap_or_default()
    }

    /// Counts failed tasks, and says whether the circuit breaker trips now.
    pub(in crate::sim::world::ecs) fn note_failures(&mut self, service: usize, deployment: &str, failed: u32) {
        let Some(number) = self.unfinished(service) else { return };
        if let Some(rollout) = self.ecs.rollouts.get_mut(number).filter(|rollout| rollout.target == deployment) {
            rollout.view.breaker.1 = failed;
        }
    }

    /// The circuit breaker of a deployment has tripped.
    pub(in crate::sim::world::ecs) fn tripped(&mut self, service: usize, rolls_back: TripsTo, at: Timestamp) {
        let Some(number) = self.unfinished(service) else { return };
        if let Some(rollout) = self.ecs.rollouts.get_mut(number) {
            rollout.view.breaker.0 = MonitorStatus::Triggered;
        }
        let reason = "the circuit breaker threshold was exceeded: tasks failed to start.";
        match rolls_back {
            TripsTo::Rollback => self.go_back(number, &format!("Service deployment rolled back because {reason}"), at),
            TripsTo::Stop => self.give_up(number, &format!("Service deployment failed because {reason}"), at),
        }
    }
}

/// What a tripped circuit breaker leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim::world::ecs) enum TripsTo {
    Rollback,
    Stop,
}
