//! The life of a deployment that shifts traffic, stage by stage.

use std::time::Duration;

use super::hooks::Verdict;
use super::{Phase, Rollout, RolloutStatus, STAGE, Stage};
use crate::domain::time::Timestamp;
use crate::sim::world::World;
use crate::sim::world::ecs::{DeploymentStatus, RolloutState};

impl World {
    /// Moves the deployment of a service on; `wanted` tasks of each side are kept up by the scheduler.
    pub(in crate::sim::world::ecs) fn tick_rollout(&mut self, service: usize, at: Timestamp) {
        self.watch_alarms(service, at);
        let Some(number) = self.managed(service) else { return };
        match self.ecs.rollouts.get(number).map(|rollout| rollout.phase) {
            Some(Phase::Entering(stage)) => self.enter(number, stage, at),
            Some(Phase::In(since)) => self.stay(number, since, at),
            Some(Phase::Restoring(since)) => self.restore(number, since, at),
            Some(Phase::Removing) => self.remove(number, at),
            Some(Phase::Rolling | Phase::Queued | Phase::Over) | None => {}
        }
    }

    fn enter(&mut self, number: usize, stage: Stage, at: Timestamp) {
        let Some(rollout) = self.ecs.rollouts.get_mut(number) else { return };
        rollout.view.stage = Some(stage);
        rollout.view.updated_at = at;
        rollout.phase = Phase::In(at);
        match stage {
            Stage::TestTrafficShift => self.shift_test_traffic(number, 100.0),
            Stage::ProductionTrafficShift => {
                let asked = rollout.view.target.production_weight.unwrap_or_default();
                let (weight, _) = rollout.view.configuration.next_weight(asked);
                self.shift_production(number, weight);
            }
            _ => {}
        }
        self.begin_hooks(number, stage, at);
    }

    fn stay(&mut self, number: usize, since: Timestamp, at: Timestamp) {
        match self.tick_hooks(number, at) {
            Verdict::Waiting => return,
            Verdict::RollBack(reason) => return self.go_back(number, &reason, at),
            Verdict::Passed => {}
        }
        let Some(rollout) = self.ecs.rollouts.get(number) else { return };
        let Some(stage) = rollout.view.stage else { return };
        let minutes = |minutes: u32| Duration::from_mins(u64::from(minutes));
        let asked = rollout.view.target.production_weight.unwrap_or_default();
        let is_done = match stage {
            Stage::ScaleUp => self.is_up(rollout, &rollout.target),
            Stage::CleanUp => self.is_gone(rollout, rollout.source.as_deref().unwrap_or_default()),
            Stage::BakeTime => at >= since + minutes(rollout.view.configuration.bake_minutes),
            Stage::ProductionTrafficShift => at >= since + STAGE + minutes(bake_at(rollout, asked)),
            _ => at >= since + STAGE,
        };
        if !is_done {
            return;
        }
        match after(stage, asked) {
            Some(next) => {
                if let Some(rollout) = self.ecs.rollouts.get_mut(number) {
                    rollout.phase = Phase::Entering(next);
                }
            }
            None => self.succeed(number, at),
        }
    }

    /// Whether all tasks that a deployment is to run are healthy.
    fn is_up(&self, rollout: &Rollout, deployment: &str) -> bool {
        let desired = self.ecs.services.get(rollout.service).map_or(0, |service| service.view().desired);
        self.healthy_of(rollout.service, deployment) >= desired
    }

    /// Whether a deployment has no task left that runs or comes up.
    fn is_gone(&self, rollout: &Rollout, deployment: &str) -> bool {
        !self.ecs.tasks.iter().any(|task| {
            task.service == Some(rollout.service)
                && task.belongs_to(deployment)
                && (task.is_wanted() || task.is_running())
        })
    }

    /// Everything is done: only the new revision is left.
    fn succeed(&mut self, number: usize, at: Timestamp) {
        let Some(rollout) = self.ecs.rollouts.get(number) else { return };
        let (service, target) = (rollout.service, rollout.target.clone());
        self.keep_only(service, &target, at);
        self.end_rollout(number, RolloutStatus::Successful, at);
        self.service_event(service, at, &format!("(deployment {target}) deployment completed."));
        self.service_event(service, at, "has reached a steady state.");
    }

    /// Leaves one of a service's deployments, completed.
    pub(super) fn keep_only(&mut self, service: usize, deployment: &str, at: Timestamp) {
        let Some(state) = self.ecs.services.get_mut(service) else { return };
        state.steady = true;
        (state.failures, state.start_after) = (0, at);
        let view = &mut state.lagging.view;
        view.deployments.retain(|one| one.id == deployment);
        for one in &mut view.deployments {
            one.status = DeploymentStatus::Primary;
            one.rollout_state = RolloutState::Completed;
            one.rollout_state_reason = format!("ECS deployment {} completed.", one.id);
            one.updated_at = at;
        }
        let definition = view.deployments.first().map(|one| one.task_definition.clone());
        if let Some(definition) = definition {
            view.task_definition.clone_from(&definition);
            state.last_good = Some(definition);
        }
    }

    /// Asks the load balancer to give the new revision this much of the production traffic, in percent.
    pub(super) fn shift_production(&mut self, number: usize, weight: f64) {
        let Some(rollout) = self.ecs.rollouts.get_mut(number) else { return };
        rollout.view.target.production_weight = Some(weight);
        for source in &mut rollout.view.sources {
            source.production_weight = Some(100.0 - weight);
        }
        if let Some((rules, [old, new])) = self.rules_of(number) {
            self.weigh_rule(&rules.production_listener_rule, (&old, &new), weight);
        }
    }

    /// The same for test traffic, where there is a rule for it.
    pub(super) fn shift_test_traffic(&mut self, number: usize, weight: f64) {
        let Some((rules, [old, new])) = self.rules_of(number) else { return };
        let Some(rule) = rules.test_listener_rule else { return };
        if let Some(rollout) = self.ecs.rollouts.get_mut(number) {
            rollout.view.target.test_weight = Some(weight);
            for source in &mut rollout.view.sources {
                source.test_weight = Some(100.0 - weight);
            }
        }
        self.weigh_rule(&rule, (&old, &new), weight);
    }

    /// The rules of a deployment, and the target groups of the old and the new revision.
    fn rules_of(&self, number: usize) -> Option<(super::AdvancedConfiguration, [String; 2])> {
        let rollout = self.ecs.rollouts.get(number)?;
        let balancer = self.ecs.services.get(rollout.service)?.view().load_balancers.first()?;
        let new = self.ecs.revisions.iter().find(|one| one.arn == rollout.view.target.arn)?.target_group.clone()?;
        Some((balancer.advanced.clone()?, [balancer.other_than(&new), new]))
    }

    /// Keeps as many tasks of each deployment of a service up as its rollout wants.
    pub(in crate::sim::world::ecs) fn schedule_managed(&mut self, number: usize, at: Timestamp) {
        let Some(rollout) = self.ecs.rollouts.get(number).cloned() else { return };
        let Some(service) = self.ecs.services.get(rollout.service) else { return };
        let desired = service.view().desired;
        let deployments = service.view().deployments.clone();
        for deployment in &deployments {
            let wanted = rollout.wants(&deployment.id, desired);
            self.keep_up(rollout.service, deployment, wanted, at);
        }
        if let Some(service) = self.ecs.services.get_mut(rollout.service) {
            for deployment in &mut service.lagging.view.deployments {
                deployment.desired = rollout.wants(&deployment.id, desired);
            }
        }
    }

    /// Brings the counts that a deployment shows up to date.
    pub(in crate::sim::world::ecs) fn count_rollout(&mut self, service: usize) {
        let Some(number) = self.unfinished(service) else { return };
        let Some(view) = self.ecs.services.get(service).map(|service| service.view().deployments.clone()) else {
            return;
        };
        let Some(rollout) = self.ecs.rollouts.get_mut(number) else { return };
        let found = |id: &str| view.iter().find(|one| one.id == id);
        let fill = |summary: &mut super::RevisionSummary, id: &str| {
            let (requested, running, pending) =
                found(id).map_or((0, 0, 0), |one| (one.desired, one.running, one.pending));
            (summary.requested, summary.running, summary.pending) = (requested, running, pending);
        };
        let (target, source) = (rollout.target.clone(), rollout.source.clone().unwrap_or_default());
        fill(&mut rollout.view.target, &target);
        for summary in &mut rollout.view.sources {
            fill(summary, &source);
        }
    }
}

/// Minutes that a step bakes.
fn bake_at(rollout: &Rollout, asked: f64) -> u32 {
    let configuration = &rollout.view.configuration;
    let before = match configuration.strategy {
        super::Strategy::Linear => asked - configuration.step_percent,
        _ => 0.0,
    };
    if asked >= 100.0 { 0 } else { configuration.next_weight(before).1 }
}

/// The stage that follows. Linear and canary deployments come back to `PRE_PRODUCTION_TRAFFIC_SHIFT` before
/// every step.
fn after(stage: Stage, asked: f64) -> Option<Stage> {
    Some(match stage {
        Stage::ReconcileService => Stage::PreScaleUp,
        Stage::PreScaleUp => Stage::ScaleUp,
        Stage::ScaleUp => Stage::PostScaleUp,
        Stage::PostScaleUp => Stage::TestTrafficShift,
        Stage::TestTrafficShift => Stage::PostTestTrafficShift,
        Stage::PostTestTrafficShift => Stage::PreProductionTrafficShift,
        Stage::PreProductionTrafficShift => Stage::ProductionTrafficShift,
        Stage::ProductionTrafficShift if asked < 100.0 => Stage::PreProductionTrafficShift,
        Stage::ProductionTrafficShift => Stage::PostProductionTrafficShift,
        Stage::PostProductionTrafficShift => Stage::BakeTime,
        Stage::BakeTime => Stage::CleanUp,
        Stage::CleanUp => return None,
    })
}
