//! A task's life, from `PROVISIONING` to `STOPPED`.

use std::time::Duration;

use serde_json::Value;

use super::state::{Member, TaskState};
use super::{Container, DesiredStatus, HealthStatus, StopCode, Task, TaskDefinition, TaskStatus};
use crate::domain::time::Timestamp;
use crate::sim::world::World;
use crate::sim::world::elb::NewTarget;
use crate::sim::world::traffic::Side;

/// How long ECS remembers a stopped task.
const REMEMBERED: Duration = Duration::from_hours(1);

/// Why a task is stopped.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    pub(super) code: StopCode,
    pub(super) reason: String,
    pub(super) exit_code: Option<i32>,
}

impl Stop {
    pub(super) fn by_scheduler(reason: String) -> Self {
        Self { code: StopCode::ServiceSchedulerInitiated, reason, exit_code: None }
    }
}

impl World {
    /// Creates a task in `PROVISIONING`; returns its roster number.
    pub(super) fn launch(
        &mut self,
        definition: &TaskDefinition,
        service: Option<usize>,
        group: String,
        started_by: Option<String>,
        at: Timestamp,
    ) -> u16 {
        let id = self.streams.ids.hex(32);
        let roster = u16::try_from(self.ecs.roster.len()).unwrap_or(u16::MAX);
        let image = definition.image(None).unwrap_or_default().to_owned();
        let side = if self.ecs.is_new(&image) { Side::New } else { Side::Old };
        let zone = ["a", "b", "c"].get(usize::from(roster % 3)).copied().unwrap_or("a");
        let setting = |key: &str, default: &str| {
            definition.settings.get(key).and_then(Value::as_str).unwrap_or(default).to_owned()
        };
        let containers = definition.containers.iter().filter_map(|value| {
            let text = |key| value.get(key).and_then(Value::as_str).map(str::to_owned);
            Some(Container {
                name: text("name")?,
                image: text("image")?,
                image_digest: None,
                last_status: TaskStatus::Pending,
                exit_code: None,
                reason: None,
                health: HealthStatus::Unknown,
            })
        });
        let view = Task {
            arn: self.ecs_arn(&format!("task/{}/{id}", self.schema.aws.cluster)),
            cluster_arn: self.ecs_arn(&format!("cluster/{}", self.schema.aws.cluster)),
            task_definition: definition.arn.clone(),
            group,
            started_by,
            last_status: TaskStatus::Provisioning,
            desired_status: DesiredStatus::Running,
            health: HealthStatus::Unknown,
            containers: containers.collect(),
            private_ip: format!("10.0.{}.{}", roster / 250, roster % 250 + 4),
            availability_zone: format!("{}{zone}", self.schema.aws.region),
            cpu: setting("cpu", "512"),
            memory: setting("memory", "1024"),
            created_at: at,
            pull_started_at: None,
            pull_stopped_at: None,
            started_at: None,
            stopping_at: None,
            execution_stopped_at: None,
            stopped_at: None,
            stop_code: None,
            stopped_reason: None,
            tags: Vec::new(),
            id,
        };
        let due = Some(at + self.stretched(self.schema.tasks.provisioning));
        let container = definition.containers.first().and_then(|value| value.get("name")?.as_str()).unwrap_or("app");
        self.ecs.roster.push(Member {
            id: view.id.clone(),
            stream: format!("{}/{container}/{}", definition.family, view.id),
            side,
            version: self.built_as(&image).unwrap_or_else(|| version_of(&image)),
            last_traffic: None,
        });
        self.ecs.tasks.push(TaskState {
            view,
            roster,
            service,
            side,
            due,
            listening_from: None,
            ends_at: None,
            is_odd: true,
            first_traffic: None,
        });
        roster
    }

    /// Moves every task on that is due, ends processes whose time has come, and forgets what stopped long ago.
    pub(in crate::sim::world) fn tick_tasks(&mut self, at: Timestamp) {
        for index in 0..self.ecs.tasks.len() {
            let Some(task) = self.ecs.tasks.get(index) else { break };
            if task.ends_at.is_some_and(|ends| ends <= at) && task.view.last_status <= TaskStatus::Deactivating {
                self.process_ended(index, at);
            } else if task.due.is_some_and(|due| due <= at) {
                self.advance_task(index, at);
            }
        }
        self.ecs.tasks.retain(|task| task.view.stopped_at.is_none_or(|stopped| at.since(stopped) < REMEMBERED));
    }

    /// Moves every task of a service to its next state now, its process being up already.
    pub(super) fn hurry_tasks(&mut self, service: usize, at: Timestamp) {
        for index in 0..self.ecs.tasks.len() {
            if self.ecs.tasks.get(index).is_some_and(|task| task.service == Some(service)) {
                self.advance_task(index, at);
                if let Some(task) = self.ecs.tasks.get_mut(index) {
                    task.listening_from = task.listening_from.map(|_| at);
                }
            }
        }
    }

    fn advance_task(&mut self, index: usize, at: Timestamp) {
        let times = self.schema.tasks.clone();
        let Some((status, side)) = self.ecs.tasks.get(index).map(|task| (task.view.last_status, task.side)) else {
            return;
        };
        let boot = if side == Side::Old { self.schema.old.boot } else { self.schema.new.boot };
        let (next, stay) = match status {
            TaskStatus::Provisioning => (TaskStatus::Pending, Some(times.pending)),
            TaskStatus::Pending => (TaskStatus::Activating, Some(times.activating)),
            TaskStatus::Activating => (TaskStatus::Running, None),
            TaskStatus::Deactivating => (TaskStatus::Stopping, Some(times.stopping)),
            TaskStatus::Stopping => (TaskStatus::Deprovisioning, Some(times.deprovisioning)),
            TaskStatus::Deprovisioning => (TaskStatus::Stopped, None),
            TaskStatus::Running | TaskStatus::Stopped => return,
        };
        let due = stay.map(|stay| at + self.stretched(stay));
        let booted = at + self.stretched(boot);
        let digest = self
            .ecs
            .tasks
            .get(index)
            .and_then(|task| task.view.containers.first())
            .map(|container| digest_of(&container.image));
        let Some(task) = self.ecs.tasks.get_mut(index) else { return };
        task.view.last_status = next;
        task.due = due;
        match next {
            TaskStatus::Pending => task.view.pull_started_at = Some(at),
            TaskStatus::Activating => {
                task.view.pull_stopped_at = Some(at);
                task.listening_from = Some(booted);
                for container in &mut task.view.containers {
                    container.last_status = TaskStatus::Running;
                    container.image_digest.clone_from(&digest);
                }
            }
            TaskStatus::Running => {
                task.view.started_at = Some(at);
                task.view.health = HealthStatus::Healthy;
                for container in &mut task.view.containers {
                    container.health = HealthStatus::Healthy;
                }
            }
            TaskStatus::Stopping => {
                // What is asked to end does so by itself: SIGTERM, exit code 0.
                task.view.execution_stopped_at.get_or_insert(at);
                for container in &mut task.view.containers {
                    container.last_status = TaskStatus::Stopped;
                    container.exit_code.get_or_insert(0);
                }
            }
            TaskStatus::Stopped => task.view.stopped_at = Some(at),
            TaskStatus::Provisioning | TaskStatus::Deactivating | TaskStatus::Deprovisioning => {}
        }
        let roster = task.roster;
        match next {
            TaskStatus::Activating => self.process_started(roster, at),
            TaskStatus::Running => self.task_running(roster, at),
            TaskStatus::Stopping => self.log_line(roster, at, "INFO", "received SIGTERM, shutting down"),
            _ => {}
        }
    }

    /// The process is there: it says so, and a version that crashes has its end fixed.
    fn process_started(&mut self, roster: u16, at: Timestamp) {
        let Some(task) = self.ecs.task(roster) else { return };
        let (side, service) = (task.side, task.service);
        let profile = if side == Side::Old { &self.schema.old } else { &self.schema.new };
        let ends_after = match (service, &profile.crash) {
            (None, _) => Some(self.schema.one_off.lasting),
            (Some(_), Some(crash)) => Some(crash.after),
            (Some(_), None) => None,
        };
        let version = self.ecs.roster.get(usize::from(roster)).map(|member| member.version.clone()).unwrap_or_default();
        self.log_line(roster, at, "INFO", &format!("starting version {version}"));
        if let Some(after) = ends_after {
            let ends = at + self.stretched(after);
            self.set_end(roster, ends);
        }
    }

    fn set_end(&mut self, roster: u16, ends: Timestamp) {
        if let Some(task) = self.ecs.tasks.iter_mut().find(|task| task.roster == roster) {
            task.ends_at = Some(ends);
        }
    }

    /// The task runs: its address goes into its service's target groups.
    fn task_running(&mut self, roster: u16, at: Timestamp) {
        let Some((service, ip, zone)) = self
            .ecs
            .task(roster)
            .and_then(|task| Some((task.service?, task.view.private_ip.clone(), task.view.availability_zone.clone())))
        else {
            return;
        };
        self.log_line(roster, at, "INFO", "database reachable, 0 migrations pending");
        for balancer in self.balancers_of(service, roster) {
            let Some(group) = self.elb.group_index(&balancer.target_group_arn) else { continue };
            let first_check = Duration::from_secs_f64(self.streams.tasks.between(1.0, 3.0));
            let target = NewTarget {
                task: roster,
                ip: ip.clone(),
                port: balancer.container_port,
                zone: zone.clone(),
                first_check,
            };
            self.elb.register(group, target, at);
            let arn = &balancer.target_group_arn;
            self.service_event(service, at, &format!("registered 1 targets in (target-group {arn})"));
        }
        self.log_line(roster, at, "INFO", "listening on 0.0.0.0");
    }

    /// The process ended by itself.
    fn process_ended(&mut self, index: usize, at: Timestamp) {
        let Some((roster, side, service, wanted, is_odd)) =
            self.ecs.tasks.get(index).map(|task| (task.roster, task.side, task.service, task.is_wanted(), task.is_odd))
        else {
            return;
        };
        let profile = if side == Side::Old { &self.schema.old } else { &self.schema.new };
        let (exit_code, lines) = match (service, &profile.crash) {
            (Some(_), Some(crash)) => (crash.exit_code, crash.log.clone()),
            _ if is_odd => (self.schema.one_off.exit_code, self.schema.one_off.log.clone()),
            _ => (0, Vec::new()),
        };
        for line in lines {
            self.log_raw(roster, at, line);
        }
        let reason = "Essential container in task exited".to_owned();
        let stop = Stop { code: StopCode::EssentialContainerExited, reason, exit_code: Some(exit_code) };
        self.stop(roster, &stop, at);
        // What ends while it is being stopped anyway has not failed.
        if let Some(service) = service.filter(|_| wanted) {
            self.task_failed(service, roster, at);
        }
    }

    /// Stops a task: it drains first, unless its process is already gone.
    pub(super) fn stop(&mut self, roster: u16, stop: &Stop, at: Timestamp) {
        let drained = self.elb.deregister(roster, at);
        let next = at + self.stretched(self.schema.tasks.deprovisioning);
        let Some(task) = self.ecs.tasks.iter_mut().find(|task| task.roster == roster) else { return };
        if task.view.desired_status == DesiredStatus::Stopped && stop.exit_code.is_none() {
            return;
        }
        task.view.desired_status = DesiredStatus::Stopped;
        task.view.stopping_at.get_or_insert(at);
        task.view.stop_code.get_or_insert(stop.code);
        task.view.stopped_reason.get_or_insert_with(|| stop.reason.clone());
        let had_process = task.view.last_status >= TaskStatus::Activating;
        if stop.exit_code.is_some() || !had_process {
            task.view.last_status = TaskStatus::Deprovisioning;
            task.view.execution_stopped_at = Some(at);
            task.due = Some(next);
            for container in &mut task.view.containers {
                container.last_status = TaskStatus::Stopped;
                container.exit_code = stop.exit_code;
            }
        } else {
            task.view.last_status = TaskStatus::Deactivating;
            task.due = Some(drained.unwrap_or(at));
        }
    }
}

/// What an image says of its version: its tag, or the first digits of its digest.
fn version_of(image: &str) -> String {
    if let Some((_, digest)) = image.rsplit_once("@sha256:") {
        return digest.chars().take(7).collect();
    }
    let name = image.rsplit_once('/').map_or(image, |(_, name)| name);
    name.rsplit_once(':').map_or("latest", |(_, tag)| tag).to_owned()
}

/// The digest an image has here: its own, or one made from its name, always the same.
pub(in crate::sim::world) fn digest_of(image: &str) -> String {
    if let Some((_, digest)) = image.rsplit_once('@') {
        return digest.to_owned();
    }
    let mut stream = crate::sim::world::random::Stream::new(0, image);
    format!("sha256:{}{}", stream.hex(32), stream.hex(32))
}
