//! Which target a request goes to.

use super::state::Elb;
use super::{Action, Condition, Listener, Rule, TargetState};
use crate::domain::time::Timestamp;
use crate::sim::world::World;
use crate::sim::world::traffic::Backend;

/// Where requests of one host and path go during one tick.
#[derive(Clone, Debug, Default)]
pub(in crate::sim::world) struct Routing {
    pub(in crate::sim::world) routes: Vec<Route>,
    total_weight: u32,
}

/// One target group of a rule.
#[derive(Clone, Debug)]
pub(in crate::sim::world) struct Route {
    group: usize,
    weight: u32,
    backends: Vec<Backend>,
    /// Where the round robin began this tick, and where it stands.
    first: usize,
    next: usize,
    requests: usize,
}

impl Route {
    /// The backends that got requests.
    pub(in crate::sim::world) fn used(&self) -> impl Iterator<Item = &Backend> {
        self.backends.iter().cycle().skip(self.first).take(self.requests.min(self.backends.len()))
    }
}

impl Routing {
    /// The target group and backend of the next request; `luck` chooses the group, round robin the backend.
    pub(in crate::sim::world) fn pick(&mut self, luck: u32) -> Option<(usize, Backend)> {
        let mut share = ((u64::from(luck) * u64::from(self.total_weight)) >> 32) as u32;
        let route = self.routes.iter_mut().find(|route| {
            let chosen = share < route.weight;
            share = share.saturating_sub(route.weight);
            chosen
        })?;
        let backend = *route.backends.get(route.next)?;
        route.next = if route.next + 1 < route.backends.len() { route.next + 1 } else { 0 };
        route.requests += 1;
        Some((route.group, backend))
    }

    /// The target group that gets least of the requests; of equals the last one.
    pub(in crate::sim::world) fn least(&self) -> Option<usize> {
        self.routes.iter().rev().min_by_key(|route| route.weight).map(|route| route.group)
    }

    /// The target group that gets most of the requests; of equals the first one.
    pub(in crate::sim::world) fn most(&self) -> Option<usize> {
        self.routes.iter().rev().max_by_key(|route| route.weight).map(|route| route.group)
    }

    fn add(&mut self, group: usize, weight: u32, next: usize, backends: Vec<Backend>) {
        let next = if next < backends.len() { next } else { 0 };
        self.total_weight += weight;
        self.routes.push(Route { group, weight, backends, first: next, next, requests: 0 });
    }
}

impl Elb {
    /// What the listener that serves users does with a request.
    fn actions(&self, host: &str, path: &str) -> &[Action] {
        self.serving_listener().map_or(&[], |listener| self.actions_at(&listener.view, host, path))
    }

    /// What a listener does with a request.
    fn actions_at<'e>(&'e self, listener: &'e Listener, host: &str, path: &str) -> &'e [Action] {
        let own = self.rules.iter().map(|rule| &rule.view).filter(|rule| rule.listener_arn == listener.arn);
        let matching = own.filter(|rule| applies(rule, host, path));
        matching.min_by_key(|rule| rule.priority).map_or(&listener.default_actions, |rule| &rule.actions)
    }

    /// What the test listener does with a request, if there is one of its own.
    fn test_actions(&self, port: u16, host: &str, path: &str) -> Option<&[Action]> {
        let listener = self.listeners.iter().find(|listener| listener.view.port == port)?;
        Some(self.actions_at(&listener.view, host, path))
    }

    /// Keeps the round robin's place for the next tick.
    pub(in crate::sim::world) fn remember(&mut self, routing: &Routing) {
        for route in &routing.routes {
            if let Some(group) = self.groups.get_mut(route.group) {
                group.next = route.next;
            }
        }
    }
}

impl World {
    /// Where requests for `host` and `path` go at `at`.
    pub(in crate::sim::world) fn routing(&self, host: &str, path: &str, at: Timestamp) -> Routing {
        self.routing_by(self.elb.actions(host, path), at)
    }

    /// The target group that the test listener leads to, if it has a rule of its own; otherwise the one that users get
    /// least of.
    pub(in crate::sim::world) fn tested_group(&self, host: &str, path: &str) -> Option<usize> {
        match self.elb.test_actions(self.schema.app.test_port, host, path) {
            Some(actions) => self.routing_by(actions, self.now).most(),
            None => self.routing(host, path, self.now).least(),
        }
    }

    fn routing_by(&self, actions: &[Action], at: Timestamp) -> Routing {
        let mut routing = Routing::default();
        for action in actions {
            let Action::Forward { target_groups, .. } = action else { continue };
            for weighted in target_groups {
                if let Some(group) = self.elb.group_index(&weighted.target_group_arn) {
                    let next = self.elb.groups.get(group).map_or(0, |group| group.next);
                    routing.add(group, weighted.weight, next, self.backends(group, at));
                }
            }
        }
        routing
    }

    /// The backends of a target group: the healthy ones, or all that are registered if none is (the group fails open).
    pub(in crate::sim::world) fn backends(&self, group: usize, at: Timestamp) -> Vec<Backend> {
        let Some(group) = self.elb.groups.get(group) else { return Vec::new() };
        let registered = || group.targets.iter().filter(|target| target.draining_until.is_none());
        let healthy: Vec<u16> =
            registered().filter(|target| target.state == TargetState::Healthy).map(|target| target.task).collect();
        let chosen = if healthy.is_empty() { registered().map(|target| target.task).collect() } else { healthy };
        chosen.into_iter().filter_map(|task| self.backend(task, at)).collect()
    }
}

/// Whether all of a rule's conditions hold.
fn applies(rule: &Rule, host: &str, path: &str) -> bool {
    rule.conditions.iter().all(|Condition { field, values }| {
        let subject = if field == "host-header" { host } else { path };
        values.iter().any(|pattern| wildcard(pattern.as_bytes(), subject.as_bytes()))
    })
}

/// AWS's patterns: `*` for any run of characters, `?` for one; letters match in either case.
fn wildcard(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, rest) => rest.is_none(),
        (Some((b'*', after)), rest) => wildcard(after, text) || rest.is_some_and(|(_, rest)| wildcard(pattern, rest)),
        (Some((b'?', after)), Some((_, rest))) => wildcard(after, rest),
        (Some((want, after)), Some((have, rest))) => want.eq_ignore_ascii_case(have) && wildcard(after, rest),
        (Some(_), None) => false,
    }
}

/// The target groups of some actions and their weights, with the groups' ARNs.
pub(in crate::sim::world) fn forwarded(actions: &[Action]) -> impl Iterator<Item = (&str, u32)> {
    actions
        .iter()
        .flat_map(|action| match action {
            Action::Forward { target_groups, .. } => target_groups.as_slice(),
            Action::Redirect { .. } | Action::FixedResponse { .. } => &[],
        })
        .map(|weighted| (weighted.target_group_arn.as_str(), weighted.weight))
}

/// Whether a listener's default actions or a rule forward to the target group.
pub(in crate::sim::world) fn in_use(elb: &Elb, group_arn: &str) -> bool {
    let of_listeners = elb
        .listeners
        .iter()
        .map(|listener| &listener.view)
        .flat_map(|view: &Listener| forwarded(&view.default_actions));
    let of_rules = elb.rules.iter().flat_map(|rule| forwarded(&rule.view.actions));
    of_listeners.chain(of_rules).any(|(arn, _)| arn == group_arn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::world::random::Stream;
    use crate::sim::world::traffic::Side;

    fn backend(task: u16) -> Backend {
        Backend { task, side: Side::Old, listening: true, slowness: 1.0 }
    }

    #[test]
    fn requests_follow_the_weights_within_what_chance_allows() {
        let mut routing = Routing::default();
        routing.add(0, 90, 0, vec![backend(1), backend(2)]);
        routing.add(1, 10, 0, vec![backend(3)]);
        let mut chance = Stream::new(7, "traffic");
        let picks: Vec<_> = (0..100_000).filter_map(|_| routing.pick(chance.bits() as u32)).collect();
        let green = picks.iter().filter(|(group, _)| *group == 1).count() as f64;
        // Five standard deviations of a binomial distribution around its mean.
        let deviation = (100_000.0_f64 * 0.1 * 0.9).sqrt();
        assert!((green - 10_000.0).abs() < 5.0 * deviation, "{green} of 100000 at weight 10");
        let first = picks.iter().filter(|(_, backend)| backend.task == 1).count();
        let second = picks.iter().filter(|(_, backend)| backend.task == 2).count();
        assert!(first.abs_diff(second) <= 1, "round robin is even: {first} and {second}");
    }

    #[test]
    fn only_the_backends_that_got_requests_count_as_used() {
        let mut routing = Routing::default();
        routing.add(0, 100, 2, vec![backend(1), backend(2), backend(3)]);
        let picked: Vec<u16> = (0..2).filter_map(|_| routing.pick(0)).map(|(_, backend)| backend.task).collect();
        let used: Vec<u16> = routing.routes[0].used().map(|backend| backend.task).collect();
        assert_eq!((picked, used), (vec![3, 1], vec![3, 1]));
    }

    #[test]
    fn weight_zero_gets_nothing_and_an_empty_group_refuses() {
        let mut routing = Routing::default();
        routing.add(0, 0, 0, vec![backend(1)]);
        routing.add(1, 100, 0, Vec::new());
        assert!(routing.pick(0).is_none());
        assert!(routing.pick(u32::MAX).is_none());
    }

    #[test]
    fn patterns_match_as_the_load_balancer_matches_them() {
        for (pattern, text, expected) in [
            ("api.shop.test", "API.shop.test", true),
            ("*.shop.test", "green.api.shop.test", true),
            ("api?.shop.test", "api.shop.test", false),
            ("/v1/*", "/v1/", true),
            ("/v1/*", "/v2/x", false),
        ] {
            assert_eq!(wildcard(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} on {text}");
        }
    }
}
