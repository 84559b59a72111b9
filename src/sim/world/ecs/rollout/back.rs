//! Going back: traffic to the old revision first, then the new one's tasks.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stop-service-deployment.html>

use std::time::Duration;

use super::{Phase, RollbackInfo, RolloutStatus, Stage};
use crate::domain::time::Timestamp;
use crate::sim::world::World;
use crate::sim::world::ecs::{Deployment, DeploymentStatus, RolloutState};

/// The longest that traffic stays on the new revision for want of the old one's tasks.
const PATIENCE: Duration = Duration::from_mins(10);

impl World {
    /// Turns a deployment round.
    pub(super) fn go_back(&mut self, number: usize, reason: &str, at: Timestamp) {
        let Some(rollout) = self.ecs.rollouts.get(number).filter(|one| !one.is_over() && !one.is_going_back()) else {
            return;
        };
        let (service, is_managed) = (rollout.service, rollout.is_managed());
        if rollout.view.rollback.is_some() {
            return;
        }
        let (target, source) = (rollout.target.clone(), rollout.source.clone());
        let revision_arn = rollout.view.sources.first().map(|one| one.arn.clone()).unwrap_or_default();
        let info = RollbackInfo { reason: reason.to_owned(), started_at: at, revision_arn: revision_arn.clone() };
        if let Some(rollout) = self.ecs.rollouts.get_mut(number) {
            rollout.view.status = RolloutStatus::RollbackRequested;
            rollout.view.status_reason = Some(reason.to_owned());
            rollout.view.rollback = Some(info);
            rollout.view.hooks.clear();
            rollout.hooks.clear();
            rollout.view.updated_at = at;
        }
        if is_managed {
            if let Some(rollout) = self.ecs.rollouts.get_mut(number) {
                rollout.phase = Phase::Restoring(at);
            }
            self.make_primary(service, source.as_deref().unwrap_or_default(), reason, at);
        } else {
            self.roll_back_tasks(number, &target, &revision_arn, at);
        }
        self.service_event(service, at, &format!("rolling back: {reason}"));
    }

    /// The old deployment is the wanted one again, and the other has failed.
    fn make_primary(&mut self, service: usize, deployment: &str, reason: &str, at: Timestamp) {
        let Some(state) = self.ecs.services.get_mut(service) else { return };
        let view = &mut state.lagging.view;
        for one in &mut view.deployments {
            one.updated_at = at;
            if one.id == deployment {
                one.status = DeploymentStatus::Primary;
                view.task_definition.clone_from(&one.task_definition);
            } else {
                one.status = DeploymentStatus::Active;
                one.rollout_state = RolloutState::Failed;
                one.rollout_state_reason = reason.to_owned();
            }
        }
        view.deployments.sort_by_key(|one| one.status != DeploymentStatus::Primary);
    }

    /// A rolling deployment goes back by another one, of the revision before.
    fn roll_back_tasks(&mut self, number: usize, failed: &str, revision: &str, at: Timestamp) {
        let Some(service) = self.ecs.rollouts.get(number).map(|rollout| rollout.service) else { return };
        let earlier = self.ecs.revisions.iter().find(|one| one.arn == revision).cloned();
        let definition = earlier.as_ref().and_then(|one| self.find_definition(&one.task_definition).ok().cloned());
        let Some((earlier, definition)) = earlier.zip(definition) else {
            return self.end_rollout(number, RolloutStatus::RollbackFailed, at);
        };
        self.start_deployment(service, &definition, &earlier);
        let Some(state) = self.ecs.services.get_mut(service) else { return };
        let new = state.primary_id();
        if let Some(old) = state.lagging.view.deployments.iter_mut().find(|one| one.id == failed) {
            old.rollout_state = RolloutState::Failed;
            old.rollout_state_reason = format!("ECS deployment circuit breaker: rolling back to deploymentId {new}.");
        }
        if let Some(rollout) = self.ecs.rollouts.get_mut(number) {
            rollout.view.status = RolloutStatus::RollbackInProgress;
            rollout.source = Some(new.clone());
        }
        self.service_event(service, at, &format!("rolling back to (deployment {new})."));
    }

    /// A deployment is given up and goes nowhere: what serves goes on serving.
    pub(super) fn give_up(&mut self, number: usize, reason: &str, at: Timestamp) {
        let Some(rollout) = self.ecs.rollouts.get_mut(number) else { return };
        rollout.view.status_reason = Some(reason.to_owned());
        let (service, target) = (rollout.service, rollout.target.clone());
        if let Some(state) = self.ecs.services.get_mut(service) {
            let is_it = |one: &&mut Deployment| one.id == target && one.rollout_state != RolloutState::Failed;
            for one in state.lagging.view.deployments.iter_mut().filter(is_it) {
                one.rollout_state = RolloutState::Failed;
                one.rollout_state_reason = reason.to_owned();
            }
        }
        self.end_rollout(number, RolloutStatus::Stopped, at);
    }

    /// Traffic goes back once the old revision can take it.
    pub(super) fn restore(&mut self, number: usize, since: Timestamp, at: Timestamp) {
        let Some(rollout) = self.ecs.rollouts.get_mut(number) else { return };
        rollout.view.status = RolloutStatus::RollbackInProgress;
        rollout.view.updated_at = at;
        let (service, source) = (rollout.service, rollout.source.clone().unwrap_or_default());
        let desired = self.ecs.services.get(service).map_or(0, |service| service.view().desired);
        if self.healthy_of(service, &source) < desired && at < since + PATIENCE {
            return;
        }
        self.shift_production(number, 0.0);
        self.shift_test_traffic(number, 0.0);
        if let Some(rollout) = self.ecs.rollouts.get_mut(number) {
            rollout.view.stage = Some(Stage::CleanUp);
            rollout.phase = Phase::Removing;
        }
    }

    /// The new revision's tasks go.
    pub(super) fn remove(&mut self, number: usize, at: Timestamp) {
        let Some(rollout) = self.ecs.rollouts.get(number) else { return };
        let (service, target) = (rollout.service, rollout.target.clone());
        let source = rollout.source.clone().unwrap_or_default();
        let is_there = self.ecs.tasks.iter().any(|task| {
            task.service == Some(service) && task.belongs_to(&target) && (task.is_wanted() || task.is_running())
        });
        if is_there {
            return;
        }
        self.keep_only(service, &source, at);
        self.end_rollout(number, RolloutStatus::RollbackSuccessful, at);
        self.service_event(service, at, "has reached a steady state.");
    }

    /// A rolling deployment has come to rest on this ECS deployment.
    pub(in crate::sim::world::ecs) fn rolled(&mut self, service: usize, deployment: &str, at: Timestamp) {
        let Some(number) = self.unfinished(service) else { return };
        let Some(rollout) = self.ecs.rollouts.get(number).filter(|one| one.phase == Phase::Rolling) else { return };
        let status = if rollout.view.rollback.is_some() {
            RolloutStatus::RollbackSuccessful
        } else if rollout.target == deployment {
            RolloutStatus::Successful
        } else {
            return;
        };
        self.end_rollout(number, status, at);
    }
}
