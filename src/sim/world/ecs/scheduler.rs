//! The service scheduler: rolling deployments within their bounds, replacement of what fails, the circuit breaker.

use std::time::Duration;

use super::state::ServiceState;
use super::tasks::Stop;
use super::{CircuitBreaker, Deployment, DeploymentController, DeploymentStatus, RolloutState, TripsTo};
use crate::domain::time::Timestamp;
use crate::sim::world::World;
use crate::sim::world::elb::TargetState;

/// A task of a service as its scheduler sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) roster: u16,
    /// Of the deployment or task set asked about.
    pub(super) belongs: bool,
    pub(super) healthy: bool,
    failing: bool,
}

impl World {
    /// Brings every service a step closer to what is wanted.
    pub(in crate::sim::world) fn tick_services(&mut self, at: Timestamp) {
        for index in 0..self.ecs.services.len() {
            self.replace_failing(index, at);
            self.tend(index, at);
        }
    }

    /// Starts and stops what is missing or too much, counts, and says so when nothing is left to do.
    fn tend(&mut self, index: usize, at: Timestamp) {
        match self.ecs.services.get(index).map(|service| service.view().controller) {
            Some(DeploymentController::Ecs) => {
                self.tick_rollout(index, at);
                match self.managed(index) {
                    Some(rollout) => self.schedule_managed(rollout, at),
                    None => self.schedule(index, at),
                }
                self.count_tasks(index);
                if self.managed(index).is_none() {
                    self.settle(index, at);
                }
                self.count_rollout(index);
            }
            Some(DeploymentController::CodeDeploy) => {
                self.schedule_task_sets(index, at);
                self.count_tasks(index);
                self.settle_task_sets(index, at);
            }
            None => {}
        }
    }

    /// Brings a service's tasks up at once, as if they had been running for long.
    pub(in crate::sim::world) fn warm_up(&mut self, name: &str) {
        let at = self.now;
        let Some(index) = self.service_index(name) else { return };
        let is_of_sets = self.ecs.services.get(index).is_some_and(|service| !service.view().task_sets.is_empty());
        if is_of_sets {
            self.schedule_task_sets(index, at);
        } else {
            self.schedule(index, at);
        }
        for _ in 0..3 {
            self.hurry_tasks(index, at);
        }
        self.elb.pass_all_checks();
        self.count_tasks(index);
        if is_of_sets { self.settle_task_sets(index, at) } else { self.settle(index, at) }
    }

    /// The tasks of a service that run or are on their way to, and which of them are of this deployment or task set.
    pub(super) fn seen(&self, index: usize, of: &str, at: Timestamp) -> Vec<Seen> {
        let Some(service) = self.ecs.services.get(index) else { return Vec::new() };
        let balanced = !service.view().load_balancers.is_empty();
        let grace = Duration::from_secs(u64::from(service.view().health_check_grace_seconds));
        let tasks = self.ecs.tasks.iter().filter(|task| task.service == Some(index) && task.is_wanted());
        tasks
            .map(|task| {
                let state = self.elb.state_of(task.roster);
                let healthy = task.is_running() && (!balanced || state == Some(TargetState::Healthy));
                let graced = task.view.started_at.is_none_or(|started| at.since(started) < grace);
                Seen {
                    roster: task.roster,
                    belongs: task.belongs_to(of),
                    healthy,
                    failing: state == Some(TargetState::Unhealthy) && !graced,
                }
            })
            .collect()
    }

    fn replace_failing(&mut self, index: usize, at: Timestamp) {
        let failing = self.seen(index, "", at).into_iter().filter(|task| task.failing);
        for task in failing.collect::<Vec<_>>() {
            let balancers = self.balancers_of(index, task.roster);
            let group = balancers.first().map_or("", |balancer| &balancer.target_group_arn);
            let reason = format!("Task failed ELB health checks in (target-group {group})");
            let message = format!(
                "(port {}) is unhealthy in (target-group {group}) due to (reason Health checks failed)",
                self.schema.app.port
            );
            self.service_event(index, at, &format!("(task {}) {message}", task.id(self)));
            self.stop(task.roster, &Stop::by_scheduler(reason), at);
            self.task_failed(index, task.roster, at);
        }
    }

    fn schedule(&mut self, index: usize, at: Timestamp) {
        let Some(service) = self.ecs.services.get(index) else { return };
        let (desired, configuration) = (service.view().desired, service.view().deployment_configuration.clone());
        let may_start = at >= service.start_after;
        let failed =
            service.view().deployments.first().is_some_and(|primary| primary.rollout_state == RolloutState::Failed);
        let floor = (desired * configuration.minimum_healthy_percent).div_ceil(100);
        let ceiling = (desired * configuration.maximum_percent / 100).max(desired.min(1));
        let primary = service.primary_id();
        let definition = service.view().task_definition.clone();
        let tasks = self.seen(index, &primary, at);
        let (wanted, outgoing): (Vec<Seen>, Vec<Seen>) = tasks.into_iter().partition(|task| task.belongs);

        // Tasks that are stopping already are neither RUNNING nor PENDING, and so take no room.
        let total = (wanted.len() + outgoing.len()) as u32;
        let missing = desired.saturating_sub(wanted.len() as u32).min(ceiling.saturating_sub(total));
        if missing > 0 && may_start && !failed {
            self.start_tasks(index, &primary, &definition, missing, at);
        }
        let surplus = (wanted.len() as u32).saturating_sub(desired);
        let mut leaving: Vec<&Seen> = wanted.iter().rev().filter(|task| !task.healthy).collect();
        leaving.extend(wanted.iter().rev().filter(|task| task.healthy));
        let mut stopped: Vec<Seen> = leaving.into_iter().take(surplus as usize).copied().collect();

        let kept = wanted.iter().filter(|task| task.healthy).count().min(desired as usize) as u32;
        let mut healthy = kept + outgoing.iter().filter(|task| task.healthy).count() as u32;
        // A deployment that failed keeps what still serves.
        let replaceable = if failed { &[][..] } else { &outgoing[..] };
        stopped.extend(replaceable.iter().filter(|task| !task.healthy).copied());
        for task in replaceable.iter().filter(|task| task.healthy) {
            if healthy <= floor {
                break;
            }
            healthy -= 1;
            stopped.push(*task);
        }
        self.stop_tasks(index, &primary, &stopped, at);
    }

    /// Keeps `wanted` tasks of one deployment up, beside those of others.
    pub(super) fn keep_up(&mut self, index: usize, deployment: &Deployment, wanted: u32, at: Timestamp) {
        let Some(service) = self.ecs.services.get(index) else { return };
        let may_start = at >= service.start_after || deployment.status != DeploymentStatus::Primary;
        let own: Vec<Seen> = self.seen_of(index, &deployment.id, at);
        let count = own.len() as u32;
        if count < wanted && may_start {
            self.start_tasks(index, &deployment.id, &deployment.task_definition, wanted - count, at);
        }
        let mut leaving: Vec<Seen> = own.iter().filter(|task| !task.healthy).copied().collect();
        leaving.extend(own.iter().filter(|task| task.healthy));
        leaving.truncate(count.saturating_sub(wanted) as usize);
        self.stop_tasks(index, &deployment.id, &leaving, at);
    }

    /// Healthy tasks of a deployment.
    pub(super) fn healthy_of(&self, index: usize, deployment: &str) -> u32 {
        self.seen_of(index, deployment, self.now).iter().filter(|task| task.healthy).count() as u32
    }

    fn seen_of(&self, index: usize, deployment: &str, at: Timestamp) -> Vec<Seen> {
        self.seen(index, deployment, at).into_iter().filter(|task| task.belongs).collect()
    }

    /// Starts tasks of a deployment or task set.
    pub(super) fn start_tasks(&mut self, index: usize, of: &str, definition: &str, count: u32, at: Timestamp) {
        let Some(service) = self.ecs.services.get(index) else { return };
        let name = service.view().name.clone();
        let Ok(definition) = self.find_definition(definition).cloned() else { return };
        let mut started = String::new();
        for _ in 0..count {
            let roster = self.launch(&definition, Some(index), format!("service:{name}"), Some(of.to_owned()), at);
            let task = self.ecs.roster.get(usize::from(roster)).map_or("", |member| &member.id);
            started.push_str(&format!(" (task {task})"));
        }
        self.service_event(index, at, &format!("has started {count} tasks:{started}."));
    }

    /// Stops tasks because of a deployment or task set.
    pub(super) fn stop_tasks(&mut self, index: usize, by: &str, tasks: &[Seen], at: Timestamp) {
        if tasks.is_empty() {
            return;
        }
        let mut listed = String::new();
        for task in tasks {
            listed.push_str(&format!(" (task {})", task.id(self)));
            let reason = format!("Scaling activity initiated by (deployment {by})");
            self.stop(task.roster, &Stop::by_scheduler(reason), at);
        }
        self.service_event(index, at, &format!("has begun draining connections on {} tasks.", tasks.len()));
        self.service_event(index, at, &format!("has stopped {} running tasks:{listed}.", tasks.len()));
    }

    fn count_tasks(&mut self, index: usize) {
        let (running, pending) = self.ecs.counts(|task| task.service == Some(index));
        let Some(view) = self.ecs.services.get(index).map(ServiceState::view) else { return };
        let counted = |id: &String| self.ecs.counts(|task| task.belongs_to(id));
        let deployments: Vec<(u32, u32)> = view.deployments.iter().map(|one| counted(&one.id)).collect();
        let task_sets: Vec<(u32, u32)> = view.task_sets.iter().map(|one| counted(&one.id)).collect();
        let Some(service) = self.ecs.services.get_mut(index) else { return };
        let view = &mut service.lagging.view;
        (view.running, view.pending) = (running, pending);
        for (deployment, counts) in view.deployments.iter_mut().zip(deployments) {
            (deployment.running, deployment.pending) = counts;
        }
        for (task_set, counts) in view.task_sets.iter_mut().zip(task_sets) {
            (task_set.running, task_set.pending) = counts;
        }
    }

    /// Completes the deployment once everything wanted is healthy and nothing else is left.
    fn settle(&mut self, index: usize, at: Timestamp) {
        let primary = self.ecs.services.get(index).map(ServiceState::primary_id).unwrap_or_default();
        let tasks = self.seen(index, &primary, at);
        let Some(service) = self.ecs.services.get(index) else { return };
        let desired = service.view().desired;
        let settled = tasks.len() as u32 == desired && tasks.iter().all(|task| task.belongs && task.healthy);
        if !settled || service.steady || !self.is_baked(index, at) {
            return;
        }
        let Some(service) = self.ecs.services.get_mut(index) else { return };
        service.steady = true;
        (service.failures, service.start_after) = (0, at);
        let definition = service.view().task_definition.clone();
        let completed = service.primary().and_then(|primary| {
            let news = primary.rollout_state == RolloutState::InProgress;
            if news {
                primary.rollout_state = RolloutState::Completed;
                primary.rollout_state_reason = format!("ECS deployment {} completed.", primary.id);
                primary.updated_at = at;
            }
            news.then(|| primary.id.clone())
        });
        service.lagging.view.deployments.retain(|deployment| deployment.status == DeploymentStatus::Primary);
        if let Some(id) = completed {
            service.last_good = Some(definition);
            self.service_event(index, at, &format!("(deployment {id}) deployment completed."));
            self.rolled(index, &id, at);
        }
        self.service_event(index, at, "has reached a steady state.");
    }

    /// Whether a rolling deployment whose tasks are all there has watched its alarms for long enough.
    fn is_baked(&mut self, index: usize, at: Timestamp) -> bool {
        let window = self.watches_for(index);
        let Some(service) = self.ecs.services.get_mut(index) else { return true };
        let since = *service.settled.get_or_insert(at);
        at >= since + window
    }

    /// Counts a task that failed against its deployment, and trips the circuit breaker when it is time.
    pub(super) fn task_failed(&mut self, index: usize, roster: u16, at: Timestamp) {
        let started_by = self.ecs.task(roster).and_then(|task| task.view.started_by.clone()).unwrap_or_default();
        let Some(service) = self.ecs.services.get_mut(index) else { return };
        (service.steady, service.settled) = (false, None);
        service.failures += 1;
        let wait = 5 * 2_u64.pow(service.failures.saturating_sub(1).min(6) / 3);
        service.start_after = at + Duration::from_secs(wait.min(60));
        let (desired, breaker) = (service.view().desired, service.view().deployment_configuration.circuit_breaker);
        let threshold = desired.div_ceil(2).clamp(3, 200);
        let Some(primary) = service.primary().filter(|primary| primary.id == started_by) else { return };
        if primary.rollout_state != RolloutState::InProgress {
            return;
        }
        primary.failed_tasks += 1;
        primary.updated_at = at;
        let (id, failed) = (primary.id.clone(), primary.failed_tasks);
        self.note_failures(index, &id, failed);
        if breaker == CircuitBreaker::Off || failed < threshold {
            return;
        }
        let primary = self.ecs.services.get_mut(index).and_then(ServiceState::primary);
        if let Some(primary) = primary {
            primary.rollout_state = RolloutState::Failed;
            primary.rollout_state_reason = "ECS deployment circuit breaker: tasks failed to start.".to_owned();
        }
        self.service_event(index, at, &format!("(deployment {id}) deployment failed: tasks failed to start."));
        let to = if breaker == CircuitBreaker::Rollback { TripsTo::Rollback } else { TripsTo::Stop };
        self.tripped(index, to, at);
    }

    pub(super) fn service_event(&mut self, index: usize, at: Timestamp, message: &str) {
        let id = self.streams.ids.uuid();
        if let Some(service) = self.ecs.services.get_mut(index) {
            service.event(id, at, message);
        }
    }
}

impl Seen {
    fn id(self, world: &World) -> String {
        world.ecs.roster.get(usize::from(self.roster)).map(|member| member.id.clone()).unwrap_or_default()
    }
}
