//! Where CodeDeploy sends what comes to the listeners of a deployment group.

use super::DeploymentGroup;
use crate::sim::world::World;
use crate::sim::world::elb::{Action, WeightedTargetGroup, forwarded};

impl World {
    /// Splits production traffic: `green` percent to one target group of the pair, the rest to the other. Every rule of
    /// the listener that forwards to either is changed, and the listener's default action.
    pub(super) fn route_production(&mut self, group: &DeploymentGroup, green_group: &str, green: u32) {
        let weights: Vec<(String, u32)> = group
            .target_groups
            .iter()
            .map(|name| (name.clone(), if name == green_group { green } else { 100 - green }))
            .collect();
        self.route(&group.production_listener, group, &weights);
    }

    /// Sends test traffic to one target group of the pair.
    pub(super) fn route_tests(&mut self, group: &DeploymentGroup, to: &str) {
        if let Some(listener) = &group.test_listener {
            self.route(listener, group, &[(to.to_owned(), 1)]);
        }
    }

    /// The share of production traffic that a target group of the pair gets, in percent.
    pub(super) fn production_share(&self, group: &DeploymentGroup, name: &str) -> f64 {
        let pair = self.pair(group);
        let rules = self.elb.rules_of(&group.production_listener);
        let split = rules.iter().map(|(_, actions)| *actions).find(|actions| is_between(actions, &pair));
        let Some(actions) = split else { return 0.0 };
        let total: u32 = forwarded(actions).map(|(_, weight)| weight).sum();
        let own: u32 = forwarded(actions)
            .filter(|(arn, _)| self.elb.group_index(arn).is_some_and(|index| self.is_called(index, name)))
            .map(|(_, weight)| weight)
            .sum();
        if total == 0 { 0.0 } else { f64::from(own) * 100.0 / f64::from(total) }
    }

    fn route(&mut self, listener: &str, group: &DeploymentGroup, weights: &[(String, u32)]) {
        let pair = self.pair(group);
        let target_groups: Vec<WeightedTargetGroup> = weights
            .iter()
            .filter_map(|(name, weight)| {
                let index = (0..self.elb.groups.len()).find(|&index| self.is_called(index, name))?;
                let target_group_arn = self.elb.groups.get(index)?.view.arn.clone();
                Some(WeightedTargetGroup { target_group_arn, weight: *weight })
            })
            .collect();
        let affected: Vec<String> = self
            .elb
            .rules_of(listener)
            .into_iter()
            .filter(|(_, actions)| is_between(actions, &pair))
            .map(|(arn, _)| arn.to_owned())
            .collect();
        let until = self.now + self.schema.consistency.rules;
        for arn in affected {
            self.elb.forward_to(&arn, &target_groups, until);
            self.note_weights(&arn, self.now);
        }
    }

    /// ARNs of the pair of target groups.
    fn pair(&self, group: &DeploymentGroup) -> Vec<String> {
        let is_of_pair = |name: &String| group.target_groups.contains(name);
        let groups = self.elb.groups.iter().filter(|one| is_of_pair(&one.view.name));
        groups.map(|one| one.view.arn.clone()).collect()
    }

    fn is_called(&self, index: usize, name: &str) -> bool {
        self.elb.groups.get(index).is_some_and(|group| group.view.name == name)
    }
}

/// Whether some actions forward to either of a pair of target groups.
fn is_between(actions: &[Action], pair: &[String]) -> bool {
    forwarded(actions).any(|(arn, _)| pair.iter().any(|one| one == arn))
}
