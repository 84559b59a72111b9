//! What the load balancer keeps, and how it checks its targets.

use std::time::Duration;

use super::routing::in_use;
use super::{Action, Listener, LoadBalancer, Rule, TargetGroup, TargetHealth, TargetState, WeightedTargetGroup};
use crate::domain::time::Timestamp;
use crate::sim::scenario::Percent;
use crate::sim::world::World;
use crate::sim::world::metrics::Gauge;
use crate::sim::world::traffic::{Histogram, Side};

/// Everything of the load balancers.
#[derive(Clone, Debug, Default)]
pub(in crate::sim::world) struct Elb {
    pub(super) balancers: Vec<LoadBalancer>,
    pub(super) listeners: Vec<Lagging<Listener>>,
    pub(super) rules: Vec<Lagging<Rule>>,
    pub(in crate::sim::world) groups: Vec<Group>,
}

/// A resource of which reads may still show what was before the last write.
#[derive(Clone, Debug)]
pub(in crate::sim::world) struct Lagging<T> {
    pub(in crate::sim::world) view: T,
    before: Option<(Timestamp, T)>,
}

impl<T: Clone> Lagging<T> {
    pub(in crate::sim::world) fn new(view: T) -> Self {
        Self { view, before: None }
    }

    /// Call before a write: until `until`, reads show what is there now.
    pub(in crate::sim::world) fn lag_until(&mut self, until: Timestamp) {
        self.before = Some((until, self.view.clone()));
    }

    /// What a read at `now` shows.
    pub(in crate::sim::world) fn seen(&self, now: Timestamp) -> &T {
        match &self.before {
            Some((until, before)) if now < *until => before,
            _ => &self.view,
        }
    }
}

/// A target group, its targets, and this minute's numbers.
#[derive(Clone, Debug)]
pub(in crate::sim::world) struct Group {
    pub(in crate::sim::world) view: TargetGroup,
    pub(in crate::sim::world) targets: Vec<Target>,
    pub(super) next: usize,
    pub(in crate::sim::world) minute: Minute,
}

/// One minute of a target group.
#[derive(Clone, Debug, Default)]
pub(in crate::sim::world) struct Minute {
    pub(in crate::sim::world) requests: u64,
    /// Answers by the first digit of their status: 2xx, 3xx, 4xx, 5xx.
    pub(in crate::sim::world) statuses: [u64; 4],
    pub(in crate::sim::world) latencies: Histogram,
    pub(in crate::sim::world) healthy: Gauge,
    pub(in crate::sim::world) unhealthy: Gauge,
    /// `requests` as it was ten seconds ago.
    pub(in crate::sim::world) window: u64,
}

impl Minute {
    /// Counts an answer.
    pub(in crate::sim::world) fn count(&mut self, status: u16, latency: f32) {
        if let Some(count) = self.statuses.get_mut(usize::from(status / 100).saturating_sub(2)) {
            *count += 1;
        }
        self.latencies.add(latency);
    }

    pub(in crate::sim::world) fn clear(&mut self) {
        self.requests = 0;
        self.statuses = [0; 4];
        self.latencies.clear();
    }
}

/// A task's address in a target group.
#[derive(Clone, Debug)]
pub(in crate::sim::world) struct Target {
    pub(in crate::sim::world) task: u16,
    ip: String,
    port: u16,
    zone: String,
    pub(in crate::sim::world) state: TargetState,
    reason: Option<&'static str>,
    passed: u32,
    failed: u32,
    next_check: Timestamp,
    pub(in crate::sim::world) draining_until: Option<Timestamp>,
}

impl Target {
    pub(super) fn shown(&self, group_in_use: bool) -> TargetHealth {
        let (state, reason) =
            if group_in_use { (self.state, self.reason) } else { (TargetState::Unused, Some("Target.NotInUse")) };
        let description = reason.map(|reason| match reason {
            "Elb.RegistrationInProgress" => "Target registration is in progress".to_owned(),
            "Elb.InitialHealthChecking" => "Initial health checks in progress".to_owned(),
            "Target.Timeout" => "Request timed out".to_owned(),
            "Target.ResponseCodeMismatch" => "Health checks failed with these codes: [503]".to_owned(),
            "Target.FailedHealthChecks" => "Health checks failed".to_owned(),
            "Target.DeregistrationInProgress" => "Target deregistration is in progress".to_owned(),
            _ => "Target group is not configured to receive traffic from the load balancer".to_owned(),
        });
        let (id, availability_zone) = (self.ip.clone(), self.zone.clone());
        TargetHealth { id, port: self.port, availability_zone, state, reason, description }
    }

    fn checked(&mut self, failure: Option<&'static str>, healthy: u32, unhealthy: u32) {
        if let Some(reason) = failure {
            (self.passed, self.failed) = (0, self.failed + 1);
            if self.failed >= unhealthy {
                (self.state, self.reason) = (TargetState::Unhealthy, Some(reason));
            }
        } else {
            (self.passed, self.failed) = (self.passed + 1, 0);
            // A new target needs one passed check, one that failed before needs them in a row.
            if self.state == TargetState::Initial || self.passed >= healthy {
                (self.state, self.reason) = (TargetState::Healthy, None);
            }
        }
    }
}

impl Elb {
    pub(in crate::sim::world) fn group_index(&self, arn: &str) -> Option<usize> {
        self.groups.iter().position(|group| group.view.arn == arn)
    }

    /// The target groups that a rule, or a listener, forwards to, with their weights.
    pub(in crate::sim::world) fn weights_of(&self, arn: &str) -> Vec<(String, u32)> {
        let rule = self.rules.iter().find(|rule| rule.view.arn == arn).map(|rule| &rule.view.actions);
        let listener = || self.listeners.iter().find(|one| one.view.arn == arn).map(|one| &one.view.default_actions);
        let actions = rule.or_else(listener).map_or(&[][..], Vec::as_slice);
        super::forwarded(actions).map(|(arn, weight)| (arn.to_owned(), weight)).collect()
    }

    /// The target group's numbers of this minute.
    pub(in crate::sim::world) fn minute(&mut self, group: usize) -> Option<&mut Minute> {
        self.groups.get_mut(group).map(|group| &mut group.minute)
    }

    pub(super) fn serving_listener(&self) -> Option<&Lagging<Listener>> {
        let forwards = |listener: &&Lagging<Listener>| {
            listener.view.default_actions.iter().any(|action| matches!(action, Action::Forward { .. }))
        };
        self.listeners.iter().find(forwards)
    }

    /// What a listener on `port` does with what comes to it.
    pub(in crate::sim::world) fn listener_on(&self, port: u16) -> Option<&Listener> {
        self.listeners.iter().map(|listener| &listener.view).find(|listener| listener.port == port)
    }

    /// What the rules of a listener do, and last what it does with the rest: each with its ARN.
    pub(in crate::sim::world) fn rules_of(&self, listener: &str) -> Vec<(&str, &[Action])> {
        let rules = self.rules.iter().map(|rule| &rule.view).filter(|rule| rule.listener_arn == listener);
        let rules = rules.map(|rule| (rule.arn.as_str(), rule.actions.as_slice()));
        let itself = self.listeners.iter().map(|one| &one.view).filter(|one| one.arn == listener);
        rules.chain(itself.map(|one| (one.arn.as_str(), one.default_actions.as_slice()))).collect()
    }

    /// Makes a rule, or a listener's default action, forward to these target groups; all else about it stays. Reads may
    /// show what was before until `until`.
    pub(in crate::sim::world) fn forward_to(&mut self, arn: &str, groups: &[WeightedTargetGroup], until: Timestamp) {
        let forward = |actions: &mut [Action]| {
            for action in actions {
                if let Action::Forward { target_groups, .. } = action {
                    *target_groups = groups.to_vec();
                }
            }
        };
        for rule in self.rules.iter_mut().filter(|rule| rule.view.arn == arn) {
            rule.lag_until(until);
            forward(&mut rule.view.actions);
        }
        for listener in self.listeners.iter_mut().filter(|listener| listener.view.arn == arn) {
            listener.lag_until(until);
            forward(&mut listener.view.default_actions);
        }
    }

    /// Adds a task to a target group.
    pub(in crate::sim::world) fn register(&mut self, group: usize, target: NewTarget, at: Timestamp) {
        let Some(group) = self.groups.get_mut(group) else { return };
        group.targets.push(Target {
            task: target.task,
            ip: target.ip,
            port: target.port,
            zone: target.zone,
            state: TargetState::Initial,
            reason: Some("Elb.RegistrationInProgress"),
            passed: 0,
            failed: 0,
            next_check: at + target.first_check,
            draining_until: None,
        });
    }

    /// Starts draining a task everywhere; returns when it has drained.
    pub(in crate::sim::world) fn deregister(&mut self, task: u16, at: Timestamp) -> Option<Timestamp> {
        let mut drained = None;
        for group in &mut self.groups {
            let until = at + Duration::from_secs(u64::from(group.view.deregistration_delay_seconds));
            for target in
                group.targets.iter_mut().filter(|target| target.task == task && target.draining_until.is_none())
            {
                target.draining_until = Some(until);
                (target.state, target.reason) = (TargetState::Draining, Some("Target.DeregistrationInProgress"));
                drained = drained.max(Some(until));
            }
        }
        drained
    }

    /// Takes every target for healthy.
    pub(in crate::sim::world) fn pass_all_checks(&mut self) {
        for target in self.groups.iter_mut().flat_map(|group| &mut group.targets) {
            (target.state, target.reason) = (TargetState::Healthy, None);
        }
    }

    /// What the load balancer thinks of a task: the worst of its target groups, `None` if it is in none.
    pub(in crate::sim::world) fn state_of(&self, task: u16) -> Option<TargetState> {
        let targets = self.groups.iter().flat_map(|group| &group.targets).filter(|target| target.task == task);
        targets.map(|target| target.state).max_by_key(|state| match state {
            TargetState::Healthy | TargetState::Unused => 0,
            TargetState::Initial => 1,
            TargetState::Unhealthy => 2,
            TargetState::Draining => 3,
        })
    }

    /// Healthy and unhealthy targets of a group.
    pub(in crate::sim::world) fn counts(&self, group: usize) -> (u32, u32) {
        let targets = self.groups.get(group).map_or(&[][..], |group| &group.targets);
        let count = |state| targets.iter().filter(|target| target.state == state).count() as u32;
        (count(TargetState::Healthy), count(TargetState::Unhealthy))
    }

    /// The load balancer's name in metrics: `app/shop/50dc6c495c0c9188`.
    pub(in crate::sim::world) fn balancer_dimension(&self) -> Option<&str> {
        self.balancers.first().and_then(|balancer| balancer.arn.split_once(":loadbalancer/")).map(|(_, name)| name)
    }

    pub(super) fn in_use(&self, group_arn: &str) -> bool {
        in_use(self, group_arn)
    }
}

/// What is needed to register a task.
#[derive(Clone, Debug)]
pub(in crate::sim::world) struct NewTarget {
    pub(in crate::sim::world) task: u16,
    pub(in crate::sim::world) ip: String,
    pub(in crate::sim::world) port: u16,
    pub(in crate::sim::world) zone: String,
    pub(in crate::sim::world) first_check: Duration,
}

impl World {
    /// Checks every target that is due, and forgets those that have drained.
    pub(in crate::sim::world) fn tick_health(&mut self, at: Timestamp) {
        let failures = [self.schema.old.health_check_failures, self.schema.new.health_check_failures];
        for index in 0..self.elb.groups.len() {
            let due = self.elb.groups.get(index).map_or_else(Vec::new, |group| {
                group.targets.iter().filter(|target| target.next_check <= at).map(|target| target.task).collect()
            });
            for task in due {
                let failure = match self.backend(task, at) {
                    Some(backend) if backend.listening => {
                        let [old, new] = failures.map(Percent::probability);
                        let probability = if backend.side == Side::Old { old } else { new };
                        self.streams.health.chance(probability).then_some("Target.ResponseCodeMismatch")
                    }
                    Some(_) => Some("Target.Timeout"),
                    None => Some("Target.FailedHealthChecks"),
                };
                self.elb.check(index, task, failure, at);
            }
            if let Some(group) = self.elb.groups.get_mut(index) {
                group.targets.retain(|target| target.draining_until.is_none_or(|until| at < until));
            }
        }
    }
}

impl Elb {
    fn check(&mut self, group: usize, task: u16, failure: Option<&'static str>, at: Timestamp) {
        let Some(group) = self.groups.get_mut(group) else { return };
        let check = &group.view.health_check;
        for target in group.targets.iter_mut().filter(|target| target.task == task) {
            target.next_check = at + Duration::from_secs(u64::from(check.interval_seconds));
            if target.draining_until.is_none() {
                if target.state == TargetState::Initial {
                    target.reason = Some("Elb.InitialHealthChecking");
                }
                target.checked(failure, check.healthy_threshold, check.unhealthy_threshold);
            }
        }
    }
}
