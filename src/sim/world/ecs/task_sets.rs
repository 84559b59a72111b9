//! Task sets: what a service whose tasks CodeDeploy replaces is made of.

use super::scheduler::Seen;
use super::state::ServiceState;
use super::{ServiceLoadBalancer, TaskDefinition};
use crate::domain::time::Timestamp;
use crate::sim::world::words::words;
use crate::sim::world::{ApiError, ApiResult, World};

words! {
    /// Whether a task set serves production traffic.
    TaskSetStatus { Primary = "PRIMARY", Active = "ACTIVE", Draining = "DRAINING" }
}
words! {
    /// Whether everything that a task set wants is there.
    Stability { SteadyState = "STEADY_STATE", Stabilizing = "STABILIZING" }
}

/// A set of equal tasks of a service.
#[derive(Clone, Debug)]
pub struct TaskSet {
    /// Its id, `ecs-svc/…`.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Whether it serves production traffic.
    pub status: TaskSetStatus,
    /// What its tasks run (ARN).
    pub task_definition: String,
    /// How much of the service's count it wants, in percent.
    pub scale: u32,
    /// Tasks it wants: its share of the service's count, rounded up.
    pub desired: u32,
    /// Tasks in `RUNNING`.
    pub running: u32,
    /// Tasks on their way to `RUNNING`.
    pub pending: u32,
    /// Where its tasks are registered.
    pub load_balancers: Vec<ServiceLoadBalancer>,
    /// The CodeDeploy deployment that created it.
    pub external_id: Option<String>,
    /// Whether everything it wants is there.
    pub stability: Stability,
    /// Since when that is so.
    pub stability_at: Timestamp,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl ServiceState {
    /// Target groups that its tasks may be registered in (ARNs), each once.
    pub(in crate::sim::world) fn balanced_by(&self) -> Vec<&str> {
        let own = self.view().load_balancers.iter();
        let of_sets = self.view().task_sets.iter().flat_map(|set| &set.load_balancers);
        let mut groups: Vec<&str> = own.chain(of_sets).map(|one| one.target_group_arn.as_str()).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }
}

impl World {
    /// Shows the task sets of a service: all, or those with these ids or ARNs.
    pub fn describe_task_sets(
        &self,
        cluster: Option<&str>,
        service: &str,
        wanted: &[String],
    ) -> ApiResult<Vec<TaskSet>> {
        self.known_cluster(cluster)?;
        let index = self.service_index(service);
        let service = index.and_then(|index| self.ecs.services.get(index));
        let service = service.ok_or_else(|| ApiError::new("ServiceNotFoundException", "Service not found."))?;
        let sets = service.lagging.seen(self.now).task_sets.iter();
        Ok(sets
            .filter(|set| wanted.is_empty() || wanted.contains(&set.id) || wanted.contains(&set.arn))
            .cloned()
            .collect())
    }

    /// The task set that a service begins with.
    pub(super) fn create_first_task_set(&mut self, index: usize, definition: &TaskDefinition) {
        let balancers = self.ecs.services.get(index).map(|service| service.view().load_balancers.clone());
        let id = self.create_task_set(index, definition, balancers.unwrap_or_default(), None);
        self.make_primary_set(index, &id);
    }

    /// Creates a task set of a service's whole size. Its id.
    pub(in crate::sim::world) fn create_task_set(
        &mut self,
        index: usize,
        definition: &TaskDefinition,
        load_balancers: Vec<ServiceLoadBalancer>,
        external_id: Option<String>,
    ) -> String {
        let id = format!("ecs-svc/{:019}", self.streams.ids.bits() % 10_000_000_000_000_000_000);
        let (now, cluster) = (self.now, self.schema.aws.cluster.clone());
        let name = self.ecs.services.get(index).map_or_else(String::new, |service| service.view().name.clone());
        let arn = self.ecs_arn(&format!("task-set/{cluster}/{name}/{id}"));
        let Some(service) = self.ecs.services.get_mut(index) else { return id };
        (service.failures, service.start_after) = (0, now);
        let desired = service.view().desired;
        service.lagging.view.task_sets.push(TaskSet {
            id: id.clone(),
            arn,
            status: TaskSetStatus::Active,
            task_definition: definition.arn.clone(),
            scale: 100,
            desired,
            running: 0,
            pending: 0,
            load_balancers,
            external_id,
            stability: Stability::Stabilizing,
            stability_at: now,
            created_at: now,
            updated_at: now,
        });
        id
    }

    /// Makes a task set the one that serves. Its task definition and target groups become the service's
    /// (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateServicePrimaryTaskSet.html>).
    pub(in crate::sim::world) fn make_primary_set(&mut self, index: usize, id: &str) {
        let now = self.now;
        let Some(service) = self.ecs.services.get_mut(index) else { return };
        let view = &mut service.lagging.view;
        for set in view.task_sets.iter_mut().filter(|set| set.status != TaskSetStatus::Draining) {
            let status = if set.id == id { TaskSetStatus::Primary } else { TaskSetStatus::Active };
            if set.status != status {
                (set.status, set.updated_at) = (status, now);
            }
        }
        view.task_sets.sort_by_key(|set| set.status);
        if let Some(primary) = view.task_sets.first().filter(|set| set.id == id) {
            view.task_definition.clone_from(&primary.task_definition);
            view.load_balancers.clone_from(&primary.load_balancers);
        }
    }

    /// Deletes a task set: its tasks drain and stop, then it is gone.
    pub(in crate::sim::world) fn delete_task_set(&mut self, index: usize, id: &str) {
        let now = self.now;
        let Some(service) = self.ecs.services.get_mut(index) else { return };
        if let Some(set) = service.lagging.view.task_sets.iter_mut().find(|set| set.id == id) {
            (set.status, set.scale, set.desired, set.updated_at) = (TaskSetStatus::Draining, 0, 0, now);
        }
    }

    /// Where a task of a service is registered: where its task set is, if it has one.
    pub(super) fn balancers_of(&self, service: usize, roster: u16) -> Vec<ServiceLoadBalancer> {
        let Some(service) = self.ecs.services.get(service) else { return Vec::new() };
        let task = self.ecs.task(roster);
        let set = service.view().task_sets.iter().find(|set| task.is_some_and(|task| task.belongs_to(&set.id)));
        if let Some(set) = set {
            return set.load_balancers.clone();
        }
        let own = service.view().deployments.iter().find(|one| task.is_some_and(|task| task.belongs_to(&one.id)));
        let own = own.and_then(|one| one.target_group.as_ref());
        let mut balancers = service.view().load_balancers.clone();
        for balancer in balancers.iter_mut().filter(|one| one.advanced.is_some()) {
            if let Some(own) = own {
                balancer.target_group_arn.clone_from(own);
            }
        }
        balancers
    }

    /// Starts what each task set of a service misses, and stops what it has too much.
    pub(super) fn schedule_task_sets(&mut self, index: usize, at: Timestamp) {
        let Some(service) = self.ecs.services.get_mut(index) else { return };
        let (desired, may_start) = (service.view().desired, at >= service.start_after);
        for set in &mut service.lagging.view.task_sets {
            set.desired = (desired * set.scale).div_ceil(100);
        }
        for set in service.view().task_sets.clone() {
            let tasks: Vec<Seen> = self.seen(index, &set.id, at).into_iter().filter(|task| task.belongs).collect();
            let missing = set.desired.saturating_sub(tasks.len() as u32);
            if missing > 0 && may_start {
                self.start_tasks(index, &set.id, &set.task_definition, missing, at);
            }
            let surplus = tasks.len().saturating_sub(set.desired as usize);
            let mut leaving = tasks;
            leaving.reverse();
            leaving.sort_by_key(|task| task.healthy);
            leaving.truncate(surplus);
            self.stop_tasks(index, &set.id, &leaving, at);
        }
    }

    /// Says which task sets are steady, and forgets those that have drained.
    pub(super) fn settle_task_sets(&mut self, index: usize, at: Timestamp) {
        let Some(service) = self.ecs.services.get(index) else { return };
        for set in service.view().task_sets.clone() {
            let tasks: Vec<Seen> = self.seen(index, &set.id, at).into_iter().filter(|task| task.belongs).collect();
            let settled = tasks.len() as u32 == set.desired && tasks.iter().all(|task| task.healthy);
            let stability = if settled { Stability::SteadyState } else { Stability::Stabilizing };
            let leaves = set.status == TaskSetStatus::Draining
                && !self.ecs.tasks.iter().any(|task| task.belongs_to(&set.id) && task.view.stopped_at.is_none());
            let Some(service) = self.ecs.services.get_mut(index) else { return };
            let sets = &mut service.lagging.view.task_sets;
            if leaves {
                sets.retain(|one| one.id != set.id);
                self.service_event(index, at, &format!("(taskSet {}) has been deleted.", set.id));
            } else if let Some(one) = sets.iter_mut().find(|one| one.id == set.id && one.stability != stability) {
                (one.stability, one.stability_at, one.updated_at) = (stability, at, at);
                if settled {
                    (service.failures, service.start_after) = (0, at);
                }
                let message = format!("(taskSet {}) updated state to {}.", set.id, stability.as_str());
                self.service_event(index, at, &message);
            }
        }
    }
}
