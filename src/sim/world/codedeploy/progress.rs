//! How a deployment goes on, from one second to the next.
//!
//! The order of its parts, and where a function may run, is that of
//! <https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html#appspec-hooks-ecs>;
//! what happens in each, that of <https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-steps-ecs.html>.

use std::time::Duration;

use super::{
    AlarmConfiguration, Creator, DeploymentGroup, DeploymentStatus, ErrorCode, LifecycleEvent, LifecycleEventName,
    LifecycleEventStatus, Phase, ReadyAction, RollbackEvent, Running, Traffic,
};
use crate::domain::time::Timestamp;
use crate::sim::scenario::codedeploy::HookEnd;
use crate::sim::world::alarms::AlarmState;
use crate::sim::world::ecs::{ServiceLoadBalancer, Stability, TaskSet, TaskSetStatus};
use crate::sim::world::{TICK, World};

/// How long a function has to say how it went
/// (<https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html>).
const FUNCTION_TIMEOUT: Duration = Duration::from_hours(1);
/// How long a new task set has to become healthy.
const INSTALL_TIMEOUT: Duration = Duration::from_hours(1);
/// How often a deployment's alarms are looked at.
const ALARMS_EVERY: i64 = 10;

/// How a lifecycle event stands.
enum Step {
    Goes,
    Done,
    /// There is nothing for it to do.
    Skipped,
    Failed(ErrorCode, String),
}

impl World {
    /// Brings every deployment a step further.
    pub(in crate::sim::world) fn tick_codedeploy(&mut self, at: Timestamp) {
        for index in 0..self.codedeploy.deployments.len() {
            let Some(running) = self.codedeploy.deployments.get(index) else { return };
            if running.view.status.is_final() {
                continue;
            }
            let (id, phase, stop) = (running.view.id.clone(), running.phase, running.stop);
            if let Some(traffic) = stop {
                let message = "The deployment was stopped manually.".to_owned();
                self.end_deployment(&id, DeploymentStatus::Stopped, (ErrorCode::ManualStop, message), traffic, at);
            } else if let Some((message, traffic)) = self.alarm_against(&id, at) {
                self.end_deployment(&id, DeploymentStatus::Stopped, (ErrorCode::AlarmActive, message), traffic, at);
            } else {
                self.go_on(&id, phase, at);
            }
        }
    }

    fn go_on(&mut self, id: &str, phase: Phase, at: Timestamp) {
        match phase {
            Phase::Created => self.begin(id, at),
            Phase::Event(position) => self.work(id, position, at),
            Phase::ReadyWait(until) if at >= until => {
                // https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeploymentReadyOption.html
                let message = "The deployment was stopped because traffic was not rerouted in time.".to_owned();
                self.end_deployment(id, DeploymentStatus::Stopped, (ErrorCode::Timeout, message), Traffic::Stays, at);
            }
            Phase::TerminationWait(until) if at >= until => self.terminate(id, at),
            Phase::ReadyWait(_) | Phase::TerminationWait(_) | Phase::Over => {}
        }
    }

    fn begin(&mut self, id: &str, at: Timestamp) {
        if let Some(running) = self.codedeploy.find_mut(id) {
            running.view.status = DeploymentStatus::InProgress;
            running.view.started_at = Some(at);
            running.enter(0, at);
        }
    }

    /// One lifecycle event's work of a second.
    fn work(&mut self, id: &str, position: usize, at: Timestamp) {
        let Some(running) = self.codedeploy.find(id) else { return };
        let Some(event) = running.view.events.get(position).cloned() else { return };
        let since = event.started_at.unwrap_or(at);
        let step = match event.name {
            LifecycleEventName::BeforeInstall
            | LifecycleEventName::AfterInstall
            | LifecycleEventName::AfterAllowTestTraffic
            | LifecycleEventName::BeforeAllowTraffic
            | LifecycleEventName::AfterAllowTraffic => self.hook(&event, since, at),
            LifecycleEventName::Install => self.install(id, since, at),
            LifecycleEventName::AllowTestTraffic => self.allow_test_traffic(id),
            LifecycleEventName::AllowTraffic => self.allow_traffic(id, since, at),
        };
        let (status, message) = match &step {
            Step::Goes => return,
            Step::Done => (LifecycleEventStatus::Succeeded, None),
            Step::Skipped => (LifecycleEventStatus::Skipped, None),
            Step::Failed(_, message) => (LifecycleEventStatus::Failed, Some(message.clone())),
        };
        if let Some(running) = self.codedeploy.find_mut(id) {
            running.leave(position, status, message, at);
        }
        if let Step::Failed(code, message) = step {
            let traffic = self.falls_back(id, RollbackEvent::Failure);
            self.end_deployment(id, DeploymentStatus::Failed, (code, message), traffic, at);
        } else {
            self.next(id, position, event.name, at);
        }
    }

    /// What comes after a lifecycle event.
    fn next(&mut self, id: &str, position: usize, event: LifecycleEventName, at: Timestamp) {
        let Some(group) = self.group_of(id) else { return };
        let options = group.options;
        let Some(running) = self.codedeploy.find_mut(id) else { return };
        let waits = event == LifecycleEventName::AfterAllowTestTraffic && options.on_ready_timeout == ReadyAction::Stop;
        if waits {
            running.phase = Phase::ReadyWait(at + options.ready_wait);
            running.view.status = DeploymentStatus::Ready;
            running.updated_at = at;
        } else if position + 1 < running.view.events.len() {
            running.enter(position + 1, at);
        } else if running.view.creator == Creator::Rollback {
            self.complete(id, at);
        } else {
            running.phase = Phase::TerminationWait(at + options.termination_wait);
            running.view.termination_wait_started = true;
            running.updated_at = at;
        }
    }

    /// A function's work. An event without one is over at once.
    fn hook(&self, event: &LifecycleEvent, since: Timestamp, at: Timestamp) -> Step {
        let (Some(function), Some(schema)) = (&event.function, &self.schema.codedeploy) else { return Step::Done };
        let hook = schema.hook_at(event.name.as_str());
        let failed = |how: &str| {
            let message = format!("One or more hook functions {how}: {function} at {}.", event.name.as_str());
            Step::Failed(ErrorCode::HookExecutionFailure, message)
        };
        match hook.end {
            HookEnd::Silent if at.since(since) >= FUNCTION_TIMEOUT => failed("did not report a result within an hour"),
            HookEnd::Silent => Step::Goes,
            _ if at.since(since) < hook.after => Step::Goes,
            HookEnd::Succeeded => Step::Done,
            HookEnd::Failed => failed("reported a failure"),
        }
    }

    /// Creates the replacement task set behind the target group that users do not reach, and waits for it.
    fn install(&mut self, id: &str, since: Timestamp, at: Timestamp) -> Step {
        let Some(running) = self.codedeploy.find(id) else { return Step::Goes };
        let Some(service) = self.service_of(id) else {
            return Step::Failed(ErrorCode::EcsUpdateError, "The ECS service cannot be found.".to_owned());
        };
        if let Some(replacement) = running.replacement.clone() {
            let steady =
                self.task_set(service, &replacement).is_some_and(|set| set.stability == Stability::SteadyState);
            return match () {
                () if steady => Step::Done,
                () if at.since(since) >= INSTALL_TIMEOUT => Step::Failed(
                    ErrorCode::Timeout,
                    "The deployment timed out while waiting for the replacement task set to become healthy. This time \
                     out period is 60 minutes."
                        .to_owned(),
                ),
                () => Step::Goes,
            };
        }
        match self.create_replacement(id, service) {
            Ok(()) => Step::Goes,
            Err(message) => Step::Failed(ErrorCode::EcsUpdateError, message),
        }
    }

    fn create_replacement(&mut self, id: &str, service: usize) -> Result<(), String> {
        let (Some(running), Some(group)) = (self.codedeploy.find(id), self.group_of(id)) else { return Ok(()) };
        let Some(spec) = running.app_spec.clone() else { return Ok(()) };
        let definition = self.usable_definition(&spec.task_definition).map_err(|refused| {
            format!("The ECS service cannot be updated due to an unexpected error: {}", refused.message)
        })?;
        let (original, green) = self.original(&group, service).ok_or("The ECS service has no primary task set.")?;
        for leftover in self.task_sets(service) {
            if leftover.id != original {
                self.delete_task_set(service, &leftover.id);
            }
        }
        self.route_production(&group, &green, 0);
        let arn = self.elb.groups.iter().find(|one| one.view.name == green).map(|one| one.view.arn.clone());
        let balancer = ServiceLoadBalancer {
            target_group_arn: arn.unwrap_or_default(),
            container_name: spec.container,
            container_port: spec.port,
            advanced: None,
        };
        let replacement = self.create_task_set(service, &definition, vec![balancer], Some(id.to_owned()));
        if let Some(running) = self.codedeploy.find_mut(id) {
            (running.original, running.replacement) = (Some(original), Some(replacement));
        }
        Ok(())
    }

    fn allow_test_traffic(&mut self, id: &str) -> Step {
        match (self.group_of(id), self.green_of(id)) {
            (Some(group), Some(green)) if group.test_listener.is_some() => {
                self.route_tests(&group, &green);
                Step::Done
            }
            _ => Step::Skipped,
        }
    }

    /// Lets production traffic through, as the deployment configuration says; brings it back in a rollback.
    fn allow_traffic(&mut self, id: &str, since: Timestamp, at: Timestamp) -> Step {
        let (Some(group), Some(green), Some(service)) = (self.group_of(id), self.green_of(id), self.service_of(id))
        else {
            return Step::Done;
        };
        let Some(running) = self.codedeploy.find(id) else { return Step::Done };
        let is_way_back = running.view.creator == Creator::Rollback;
        // Traffic moves for the first time in the second after the event begins.
        let elapsed = at.since(since).saturating_sub(TICK);
        let share = if is_way_back { 0 } else { running.routing.share(elapsed) };
        let serves = if is_way_back { running.original.clone() } else { running.replacement.clone() };
        #[expect(clippy::float_cmp, reason = "whole percents, both of them")]
        let is_there = self.production_share(&group, &green) == f64::from(share);
        if !is_there {
            self.route_production(&group, &green, share);
        }
        if is_way_back && let Some(blue) = group.target_groups.iter().find(|name| **name != green) {
            self.route_tests(&group, blue);
        }
        if share < 100 && !is_way_back {
            return Step::Goes;
        }
        if let Some(serves) = serves {
            self.make_primary_set(service, &serves);
        }
        Step::Done
    }

    /// Lets go of the old task set.
    pub(super) fn terminate(&mut self, id: &str, at: Timestamp) {
        let original = self.codedeploy.find(id).and_then(|running| running.original.clone());
        if let (Some(service), Some(original)) = (self.service_of(id), original) {
            self.delete_task_set(service, &original);
        }
        self.complete(id, at);
    }

    fn complete(&mut self, id: &str, at: Timestamp) {
        let Some(running) = self.codedeploy.find_mut(id) else { return };
        running.view.status = DeploymentStatus::Succeeded;
        running.over(at);
        let (Some(failed), replacement) = (running.view.rolls_back.clone(), running.replacement.clone()) else {
            return;
        };
        if let (Some(service), Some(replacement)) = (self.service_of(id), replacement) {
            self.delete_task_set(service, &replacement);
        }
        let message = format!("Deployment {id} rolled back deployment {failed}.");
        for one in [id, &failed] {
            if let Some(running) = self.codedeploy.find_mut(one) {
                running.view.rollback_message = Some(message.clone());
            }
        }
    }

    /// Ends a deployment that does not succeed, and brings its traffic back if it is to be. What it has installed stays
    /// otherwise, and so does its traffic.
    fn end_deployment(
        &mut self,
        id: &str,
        status: DeploymentStatus,
        error: (ErrorCode, String),
        traffic: Traffic,
        at: Timestamp,
    ) {
        let Some(running) = self.codedeploy.find_mut(id) else { return };
        running.view.status = status;
        running.view.error = Some(error);
        for event in &mut running.view.events {
            match event.status {
                LifecycleEventStatus::InProgress => {
                    (event.status, event.ended_at) = (LifecycleEventStatus::Failed, Some(at));
                }
                LifecycleEventStatus::Pending => event.status = LifecycleEventStatus::Skipped,
                _ => {}
            }
        }
        running.over(at);
        // Before there is a replacement, there is nothing to bring back:
        // https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html
        let can_come_back = running.replacement.is_some() && running.view.creator == Creator::User;
        if traffic == Traffic::ComesBack && can_come_back {
            self.roll_back(id, at);
        }
    }

    /// A deployment that brings back what another has done: a deployment of its own
    /// (<https://docs.aws.amazon.com/codedeploy/latest/userguide/deployments-rollback-and-redeploy.html>).
    fn roll_back(&mut self, failed: &str, at: Timestamp) {
        let id = self.deployment_id();
        let Some(running) = self.codedeploy.find_mut(failed) else { return };
        let mut back = running.clone();
        running.view.rolled_back_by = Some(id.clone());
        running.view.rollback_message = Some(format!("Deployment {id} is rolling back deployment {failed}."));
        back.view.revision = running.view.previous_revision.clone().unwrap_or_default();
        back.view.description = Some(format!("Rollback of deployment {failed}"));
        back.view.creator = Creator::Rollback;
        back.view.rolls_back = Some(failed.to_owned());
        (back.view.status, back.view.error) = (DeploymentStatus::Created, None);
        (back.view.created_at, back.view.started_at, back.view.completed_at) = (at, None, None);
        (back.view.rolled_back_by, back.view.termination_wait_started) = (None, false);
        back.view.rollback_message = Some(format!("Rolling back deployment {failed}."));
        back.view.events = vec![LifecycleEvent::pending(LifecycleEventName::AllowTraffic, None)];
        back.view.own_alarms = Some(AlarmConfiguration::default());
        back.view.id = id;
        (back.phase, back.stop, back.updated_at, back.app_spec) = (Phase::Created, None, at, None);
        self.codedeploy.deployments.push(back);
    }

    /// What an alarm that fires means for a deployment
    /// (<https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-create-alarms.html>).
    fn alarm_against(&self, id: &str, at: Timestamp) -> Option<(String, Traffic)> {
        let running = self.codedeploy.find(id)?;
        let group = self.group_of(id)?;
        let alarms = running.view.own_alarms.as_ref().unwrap_or(&group.alarms);
        if !alarms.enabled || at.secs() % ALARMS_EVERY != 0 {
            return None;
        }
        let state = |name: &String| self.alarms.states().find(|(known, ..)| known == name).map(|(_, state, _)| state);
        let firing: Vec<&str> =
            alarms.alarms.iter().filter(|name| state(name) == Some(AlarmState::Alarm)).map(String::as_str).collect();
        let unread = alarms.alarms.iter().find(|name| state(name).is_none() && !alarms.ignore_poll_failure);
        let message = match (firing.as_slice(), unread) {
            ([], None) => return None,
            ([], Some(unread)) => format!("The state of the alarm <{unread}> could not be retrieved."),
            _ => format!(
                "One or more alarms have been activated according to the Amazon CloudWatch metrics you selected, and the \
                 affected deployments have been stopped. Activated alarms: <{}>",
                firing.join(", ")
            ),
        };
        Some((message, self.falls_back(id, RollbackEvent::Alarm)))
    }

    /// Whether traffic comes back by itself on an event.
    pub(super) fn falls_back(&self, id: &str, event: RollbackEvent) -> Traffic {
        let covered = self.codedeploy.find(id).is_some_and(|running| running.view.auto_rollback.covers(event));
        if covered { Traffic::ComesBack } else { Traffic::Stays }
    }

    /// The task set that serves, and the target group of the pair that it is not registered in.
    fn original(&self, group: &DeploymentGroup, service: usize) -> Option<(String, String)> {
        let primary = self.task_sets(service).into_iter().find(|set| set.status == TaskSetStatus::Primary)?;
        let blue = primary.load_balancers.first().and_then(|one| self.elb.group_index(&one.target_group_arn))?;
        let blue = &self.elb.groups.get(blue)?.view.name;
        let green = group.target_groups.iter().find(|name| *name != blue)?;
        Some((primary.id, green.clone()))
    }

    /// The name of the target group of a deployment's replacement.
    fn green_of(&self, id: &str) -> Option<String> {
        let replacement = self.codedeploy.find(id)?.replacement.clone()?;
        let set = self.task_set(self.service_of(id)?, &replacement)?;
        let index = self.elb.group_index(&set.load_balancers.first()?.target_group_arn)?;
        Some(self.elb.groups.get(index)?.view.name.clone())
    }

    pub(super) fn group_of(&self, id: &str) -> Option<DeploymentGroup> {
        let view = &self.codedeploy.find(id)?.view;
        self.codedeploy.group(&view.application, &view.group).cloned()
    }

    fn service_of(&self, id: &str) -> Option<usize> {
        let name = self.group_of(id)?.service;
        self.ecs.services.iter().position(|service| service.view().name == name)
    }

    fn task_sets(&self, service: usize) -> Vec<TaskSet> {
        self.ecs.services.get(service).map_or_else(Vec::new, |service| service.view().task_sets.clone())
    }

    fn task_set(&self, service: usize, id: &str) -> Option<TaskSet> {
        self.task_sets(service).into_iter().find(|set| set.id == id)
    }
}

impl Running {
    /// Begins a lifecycle event.
    pub(super) fn enter(&mut self, position: usize, at: Timestamp) {
        if let Some(event) = self.view.events.get_mut(position) {
            (event.status, event.started_at) = (LifecycleEventStatus::InProgress, Some(at));
        }
        self.view.status = DeploymentStatus::InProgress;
        (self.phase, self.updated_at) = (Phase::Event(position), at);
    }

    fn leave(&mut self, position: usize, status: LifecycleEventStatus, message: Option<String>, at: Timestamp) {
        if let Some(event) = self.view.events.get_mut(position) {
            (event.status, event.ended_at, event.message) = (status, Some(at), message);
        }
        self.updated_at = at;
    }

    fn over(&mut self, at: Timestamp) {
        (self.phase, self.updated_at, self.view.completed_at) = (Phase::Over, at, Some(at));
    }

    /// Ends the wait for somebody to let traffic through.
    pub(super) fn let_through(&mut self, at: Timestamp) {
        let next = self.view.events.iter().position(|event| event.status == LifecycleEventStatus::Pending);
        self.enter(next.unwrap_or(0), at);
    }
}

impl LifecycleEvent {
    pub(super) fn pending(name: LifecycleEventName, function: Option<String>) -> Self {
        let status = LifecycleEventStatus::Pending;
        Self { name, status, started_at: None, ended_at: None, function, message: None }
    }
}
