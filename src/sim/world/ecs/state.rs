//! What ECS keeps.

use std::collections::BTreeMap;
use std::time::Duration;

use super::rollout::Rollout;
use super::{Deployment, DeploymentStatus, Revision, Service, ServiceEvent, Task, TaskDefinition, TaskStatus};
use crate::domain::time::Timestamp;
use crate::sim::world::World;
use crate::sim::world::elb::Lagging;
use crate::sim::world::traffic::{Backend, Side};

/// How many events a service remembers.
const EVENTS: usize = 100;

/// Everything of ECS.
#[derive(Clone, Debug, Default)]
pub(in crate::sim::world) struct Ecs {
    /// Revisions by family, oldest first.
    pub(super) definitions: BTreeMap<String, Vec<TaskDefinition>>,
    pub(in crate::sim::world) services: Vec<ServiceState>,
    /// Tasks that are there or stopped less than an hour ago, by roster number.
    pub(super) tasks: Vec<TaskState>,
    /// Every task there ever was.
    pub(in crate::sim::world) roster: Vec<Member>,
    /// Requests to run tasks by their client token: what was asked, and the tasks that came of it.
    pub(super) run_tokens: std::collections::BTreeMap<String, (String, Vec<String>)>,
    /// Service deployments, oldest first.
    pub(super) rollouts: Vec<Rollout>,
    /// Service revisions, oldest first.
    pub(super) revisions: Vec<Revision>,
    /// How often each function of a lifecycle hook was run.
    pub(super) function_calls: BTreeMap<String, usize>,
    /// The images that the world started with.
    pub(super) first_images: Vec<String>,
}

/// What stays known of a task after it is gone.
#[derive(Clone, Debug)]
pub(in crate::sim::world) struct Member {
    pub(in crate::sim::world) id: String,
    pub(in crate::sim::world) stream: String,
    pub(in crate::sim::world) side: Side,
    /// What its image says of its version: the tag, or the digest's first digits.
    pub(in crate::sim::world) version: String,
    /// When users last reached it.
    pub(in crate::sim::world) last_traffic: Option<Timestamp>,
}

/// A service and what its scheduler remembers.
#[derive(Clone, Debug)]
pub(in crate::sim::world) struct ServiceState {
    pub(in crate::sim::world) lagging: Lagging<Service>,
    /// Failed starts in a row, and when the next start may be tried.
    pub(super) failures: u32,
    pub(super) start_after: Timestamp,
    pub(super) steady: bool,
    /// Since when everything wanted is there, while alarms are still watched.
    pub(super) settled: Option<Timestamp>,
    /// The task definition of the last deployment that completed.
    pub(super) last_good: Option<String>,
}

impl ServiceState {
    pub(in crate::sim::world) fn view(&self) -> &Service {
        &self.lagging.view
    }

    pub(super) fn primary(&mut self) -> Option<&mut Deployment> {
        self.lagging.view.deployments.iter_mut().find(|deployment| deployment.status == DeploymentStatus::Primary)
    }

    pub(super) fn primary_id(&self) -> String {
        let mut deployments = self.lagging.view.deployments.iter();
        let primary = deployments.find(|deployment| deployment.status == DeploymentStatus::Primary);
        primary.map(|deployment| deployment.id.clone()).unwrap_or_default()
    }

    pub(super) fn event(&mut self, id: String, at: Timestamp, message: &str) {
        let message = format!("(service {}) {message}", self.lagging.view.name);
        self.lagging.view.events.push_front(ServiceEvent { id, at, message });
        self.lagging.view.events.truncate(EVENTS);
    }
}

/// A task and what happens to it next.
#[derive(Clone, Debug)]
pub(in crate::sim::world) struct TaskState {
    pub(super) view: Task,
    pub(super) roster: u16,
    /// Its service, unless it was started on its own.
    pub(super) service: Option<usize>,
    pub(super) side: Side,
    /// When it goes on to its next state.
    pub(super) due: Option<Timestamp>,
    pub(super) listening_from: Option<Timestamp>,
    pub(super) ends_at: Option<Timestamp>,
    /// Without a service: it ends as the scenario's `[one_off]` says, and not well.
    pub(super) is_odd: bool,
    pub(super) first_traffic: Option<Timestamp>,
}

impl TaskState {
    /// Whether it runs or is on its way to.
    pub(super) fn is_wanted(&self) -> bool {
        self.view.desired_status == super::DesiredStatus::Running && self.view.last_status <= TaskStatus::Running
    }

    pub(super) fn is_running(&self) -> bool {
        self.view.last_status == TaskStatus::Running
    }

    pub(super) fn belongs_to(&self, deployment: &str) -> bool {
        self.view.started_by.as_deref() == Some(deployment)
    }
}

impl Ecs {
    /// The task with this roster number, while it is remembered.
    pub(super) fn task(&self, roster: u16) -> Option<&TaskState> {
        let index = self.tasks.binary_search_by_key(&roster, |task| task.roster).ok()?;
        self.tasks.get(index)
    }

    fn task_mut(&mut self, roster: u16) -> Option<&mut TaskState> {
        let index = self.tasks.binary_search_by_key(&roster, |task| task.roster).ok()?;
        self.tasks.get_mut(index)
    }

    /// Notes that users reached a task.
    pub(in crate::sim::world) fn saw_traffic(&mut self, roster: u16, at: Timestamp) {
        if let Some(task) = self.task_mut(roster) {
            task.first_traffic.get_or_insert(at);
        }
        if let Some(member) = self.roster.get_mut(usize::from(roster)) {
            member.last_traffic = Some(at);
        }
    }

    /// Tasks of a service that are in `RUNNING`, oldest first: their version, and since when.
    pub(in crate::sim::world) fn running(&self, service: usize) -> impl Iterator<Item = (Side, Timestamp)> {
        let of_service = self.tasks.iter().filter(move |task| task.service == Some(service) && task.is_running());
        of_service.map(|task| (task.side, task.view.started_at.unwrap_or(task.view.created_at)))
    }

    /// Tasks of a service: (running, on their way).
    pub(super) fn counts(&self, of: impl Fn(&TaskState) -> bool) -> (u32, u32) {
        self.tasks.iter().filter(|task| of(task)).fold((0, 0), |(running, pending), task| match task.view.last_status {
            TaskStatus::Running => (running + 1, pending),
            TaskStatus::Provisioning | TaskStatus::Pending | TaskStatus::Activating => (running, pending + 1),
            TaskStatus::Deactivating | TaskStatus::Stopping | TaskStatus::Deprovisioning | TaskStatus::Stopped => {
                (running, pending)
            }
        })
    }

    /// Takes `image` for the version that the world starts with.
    pub(in crate::sim::world) fn start_with(&mut self, image: &str) {
        self.first_images.push(image.to_owned());
    }

    pub(super) fn is_new(&self, image: &str) -> bool {
        !self.first_images.iter().any(|first| first == image)
    }
}

impl World {
    /// A task as a target: `None` once its process has ended.
    pub(in crate::sim::world) fn backend(&self, roster: u16, at: Timestamp) -> Option<Backend> {
        let task = self.ecs.task(roster)?;
        let alive =
            matches!(task.view.last_status, TaskStatus::Activating | TaskStatus::Running | TaskStatus::Deactivating);
        let listening =
            alive && task.listening_from.is_some_and(|from| at >= from) && task.ends_at.is_none_or(|ends| at < ends);
        Some(Backend { task: roster, side: task.side, listening, slowness: self.slowness(task, at) })
    }

    fn slowness(&self, task: &TaskState, at: Timestamp) -> f32 {
        let profile = if task.side == Side::Old { &self.schema.old } else { &self.schema.new };
        match &profile.cold_start {
            Some(cold) if task.first_traffic.is_none_or(|first| at.since(first) < cold.lasting) => cold.factor as f32,
            _ => 1.0,
        }
    }

    /// The ARN of an ECS resource.
    pub(super) fn ecs_arn(&self, resource: &str) -> String {
        format!("arn:aws:ecs:{}:{}:{resource}", self.schema.aws.region, self.schema.aws.account)
    }

    /// A span of a task's life: what the scenario says, stretched by up to a third.
    pub(super) fn stretched(&mut self, span: Duration) -> Duration {
        span.mul_f64(self.streams.tasks.between(1.0, 4.0 / 3.0))
    }
}
