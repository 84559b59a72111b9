//! The operations of Elastic Load Balancing.

use super::state::Lagging;
use super::{Action, Condition, Listener, LoadBalancer, Rule, TargetGroup, TargetHealth};
use crate::sim::world::ecs::Tag;
use crate::sim::world::{ApiError, ApiResult, World};

impl World {
    /// Shows load balancers; all without arguments.
    pub fn describe_load_balancers(&self, arns: &[String], names: &[String]) -> ApiResult<Vec<LoadBalancer>> {
        let all = self.elb.balancers.iter().cloned();
        let missing = || ApiError::new("LoadBalancerNotFound", "One or more load balancers not found");
        chosen(all, arns, names, |one| (&one.arn, &one.name), missing)
    }

    /// Shows the listeners of a load balancer, or those with these ARNs.
    pub fn describe_listeners(&self, load_balancer: Option<&str>, arns: &[String]) -> ApiResult<Vec<Listener>> {
        if let Some(balancer) = load_balancer {
            self.known_balancer(balancer)?;
        }
        let shown = self.elb.listeners.iter().map(|listener| listener.seen(self.now).clone());
        let of_balancer = shown.filter(|listener| load_balancer.is_none_or(|arn| listener.load_balancer_arn == arn));
        let missing = || ApiError::new("ListenerNotFound", "One or more listeners not found");
        chosen(of_balancer, arns, &[], |one| (&one.arn, &one.arn), missing)
    }

    /// Shows the rules of a listener, or those with these ARNs; the default rule last.
    pub fn describe_rules(&self, listener: Option<&str>, arns: &[String]) -> ApiResult<Vec<Rule>> {
        let known = |arn: &str| self.elb.listeners.iter().any(|listener| listener.view.arn == arn);
        if let Some(arn) = listener.filter(|&arn| !known(arn)) {
            return Err(ApiError::new("ListenerNotFound", format!("Listener '{arn}' not found")));
        }
        if listener.is_none() && arns.is_empty() {
            return Err(ApiError::new("ValidationError", "Either a listener ARN or rule ARNs must be specified"));
        }
        let rules = self.elb.rules.iter().map(|rule| rule.seen(self.now).clone());
        let defaults = self.elb.listeners.iter().map(|listener| default_rule(listener.seen(self.now)));
        let all = rules.chain(defaults).filter(|rule| listener.is_none_or(|arn| rule.listener_arn == arn));
        let missing = || ApiError::new("RuleNotFound", "One or more rules not found");
        chosen(all, arns, &[], |one| (&one.arn, &one.arn), missing)
    }

    /// Shows target groups; all without arguments.
    pub fn describe_target_groups(
        &self,
        load_balancer: Option<&str>,
        arns: &[String],
        names: &[String],
    ) -> ApiResult<Vec<TargetGroup>> {
        if let Some(balancer) = load_balancer {
            self.known_balancer(balancer)?;
        }
        let all = self.elb.groups.iter().map(|group| {
            let mut view = group.view.clone();
            if !self.elb.in_use(&view.arn) {
                view.load_balancer_arns.clear();
            }
            view
        });
        let of_balancer =
            all.filter(|group| load_balancer.is_none_or(|arn| group.load_balancer_arns.iter().any(|one| one == arn)));
        let missing = || ApiError::new("TargetGroupNotFound", "One or more target groups not found");
        chosen(of_balancer, arns, names, |one| (&one.arn, &one.name), missing)
    }

    /// Shows the targets of a target group.
    pub fn describe_target_health(&self, target_group: &str) -> ApiResult<Vec<TargetHealth>> {
        let group = self.elb.groups.iter().find(|group| group.view.arn == target_group);
        let group = group.ok_or_else(|| ApiError::new("TargetGroupNotFound", "One or more target groups not found"))?;
        let in_use = self.elb.in_use(target_group);
        Ok(group.targets.iter().map(|target| target.shown(in_use)).collect())
    }

    /// Changes a rule other than the default rule.
    pub fn modify_rule(
        &mut self,
        arn: &str,
        conditions: Option<Vec<Condition>>,
        actions: Option<Vec<Action>>,
    ) -> ApiResult<Rule> {
        if arn.ends_with(DEFAULT_SUFFIX) {
            return Err(ApiError::new("OperationNotPermitted", format!("Default rule '{arn}' cannot be modified")));
        }
        if let Some(actions) = &actions {
            self.check_actions(actions)?;
        }
        let until = self.now + self.schema.consistency.rules;
        let rule = self.elb.rules.iter_mut().find(|rule| rule.view.arn == arn);
        let rule = rule.ok_or_else(|| ApiError::new("RuleNotFound", "One or more rules not found"))?;
        rule.lag_until(until);
        let weighs = actions.is_some();
        rule.view.conditions = conditions.unwrap_or_else(|| rule.view.conditions.clone());
        rule.view.actions = actions.unwrap_or_else(|| rule.view.actions.clone());
        let view = rule.view.clone();
        self.weights_changed("ModifyRule", arn, &view.actions, weighs);
        Ok(view)
    }

    /// Changes what a listener does with requests that no rule matches.
    pub fn modify_listener(&mut self, arn: &str, default_actions: Option<Vec<Action>>) -> ApiResult<Listener> {
        if let Some(actions) = &default_actions {
            self.check_actions(actions)?;
        }
        let until = self.now + self.schema.consistency.rules;
        let listener = self.elb.listeners.iter_mut().find(|listener| listener.view.arn == arn);
        let listener = listener.ok_or_else(|| ApiError::new("ListenerNotFound", "One or more listeners not found"))?;
        listener.lag_until(until);
        let weighs = default_actions.is_some();
        listener.view.default_actions = default_actions.unwrap_or_else(|| listener.view.default_actions.clone());
        let view = listener.view.clone();
        self.weights_changed("ModifyListener", arn, &view.default_actions, weighs);
        Ok(view)
    }

    /// Tags by ARN. Load-balancing resources of this world carry none.
    pub fn describe_elb_tags(&self, arns: &[String]) -> ApiResult<Vec<(String, Vec<Tag>)>> {
        let balancers = self.elb.balancers.iter().map(|one| &one.arn);
        let groups = self.elb.groups.iter().map(|one| &one.view.arn);
        let listeners = self.elb.listeners.iter().map(|one| &one.view.arn);
        let rules = self.elb.rules.iter().map(|one| &one.view.arn);
        let known: Vec<&String> = balancers.chain(groups).chain(listeners).chain(rules).collect();
        match arns.iter().find(|arn| !known.contains(arn)) {
            Some(arn) => Err(ApiError::new("TargetGroupNotFound", format!("'{arn}' not found"))),
            None => Ok(arns.iter().map(|arn| (arn.clone(), Vec::new())).collect()),
        }
    }

    /// Splits what a rule, or a listener, forwards between two target groups: `second` gets this much of 100. What else it
    /// forwards to is left as it is.
    pub(in crate::sim::world) fn weigh_rule(&mut self, arn: &str, (first, second): (&str, &str), share: f64) {
        let until = self.now + self.schema.consistency.rules;
        let weigh = |actions: &mut Vec<Action>| {
            let groups = actions.iter_mut().filter_map(|action| match action {
                Action::Forward { target_groups, .. } => Some(target_groups),
                Action::Redirect { .. } | Action::FixedResponse { .. } => None,
            });
            for target in groups.flatten() {
                if target.target_group_arn == first {
                    target.weight = (100.0 - share).round() as u32;
                } else if target.target_group_arn == second {
                    target.weight = share.round() as u32;
                }
            }
        };
        if let Some(rule) = self.elb.rules.iter_mut().find(|rule| rule.view.arn == arn) {
            rule.lag_until(until);
            weigh(&mut rule.view.actions);
        } else if let Some(listener) = self.elb.listeners.iter_mut().find(|listener| listener.view.arn == arn) {
            listener.lag_until(until);
            weigh(&mut listener.view.default_actions);
        }
        self.note_weights(arn, self.now);
    }

    fn known_balancer(&self, arn: &str) -> ApiResult<()> {
        if self.elb.balancers.iter().any(|balancer| balancer.arn == arn) {
            return Ok(());
        }
        Err(ApiError::new("LoadBalancerNotFound", format!("Load balancer '{arn}' not found")))
    }

    fn check_actions(&self, actions: &[Action]) -> ApiResult<()> {
        if actions.is_empty() {
            return Err(ApiError::new("ValidationError", "At least one action must be specified"));
        }
        for action in actions {
            let Action::Forward { target_groups, .. } = action else { continue };
            if target_groups.is_empty() || target_groups.len() > 5 {
                return Err(ApiError::new("ValidationError", "A forward action takes between 1 and 5 target groups"));
            }
            for target in target_groups {
                if target.weight > 999 {
                    let message = format!("Weight '{}' must be between 0 and 999", target.weight);
                    return Err(ApiError::new("ValidationError", message));
                }
                if self.elb.group_index(&target.target_group_arn).is_none() {
                    let message = format!("Target group '{}' not found", target.target_group_arn);
                    return Err(ApiError::new("TargetGroupNotFound", message));
                }
            }
        }
        Ok(())
    }

    fn weights_changed(&mut self, operation: &'static str, arn: &str, actions: &[Action], weighs: bool) {
        let name = |arn: &str| {
            self.elb.group_index(arn).and_then(|index| self.elb.groups.get(index)).map_or("?", |group| &group.view.name)
        };
        let weights: Vec<String> =
            super::forwarded(actions).map(|(arn, weight)| format!("{}={weight}", name(arn))).collect();
        let facts = vec![("arn", arn.to_owned()), ("weights", weights.join(" "))];
        self.ledger.change(self.now, operation, facts);
        if weighs {
            self.note_weights(arn, self.now);
        }
    }
}

/// How the ARN of a default rule ends here.
const DEFAULT_SUFFIX: &str = "/default";

fn default_rule(listener: &Listener) -> Rule {
    Rule {
        arn: format!("{}{DEFAULT_SUFFIX}", listener.arn.replacen(":listener/", ":listener-rule/", 1)),
        listener_arn: listener.arn.clone(),
        priority: None,
        conditions: Vec::new(),
        actions: listener.default_actions.clone(),
    }
}

/// Those with these ARNs or names, or all; an error if one is missing.
fn chosen<T>(
    all: impl Iterator<Item = T>,
    arns: &[String],
    names: &[String],
    key: impl Fn(&T) -> (&String, &String),
    missing: impl Fn() -> ApiError,
) -> ApiResult<Vec<T>> {
    if arns.is_empty() && names.is_empty() {
        return Ok(all.collect());
    }
    let found: Vec<T> = all
        .filter(|one| {
            let (arn, name) = key(one);
            arns.contains(arn) || names.contains(name)
        })
        .collect();
    let complete = arns.iter().all(|arn| found.iter().any(|one| key(one).0 == arn))
        && names.iter().all(|name| found.iter().any(|one| key(one).1 == name));
    if complete { Ok(found) } else { Err(missing()) }
}

impl World {
    /// What users' traffic really follows now, whatever reads show: each rule's ARN and (target group name, weight).
    pub fn current_weights(&self) -> Vec<(String, Vec<(String, u32)>)> {
        let rules = self.elb.rules.iter().map(|rule: &Lagging<Rule>| (&rule.view.arn, &rule.view.actions));
        let listeners = self.elb.listeners.iter().map(|listener| (&listener.view.arn, &listener.view.default_actions));
        let name =
            |arn: &str| self.elb.groups.iter().find(|group| group.view.arn == arn).map(|group| group.view.name.clone());
        rules
            .chain(listeners)
            .map(|(arn, actions)| {
                let weights = super::forwarded(actions).filter_map(|(arn, weight)| Some((name(arn)?, weight)));
                (arn.clone(), weights.collect())
            })
            .collect()
    }

    /// Targets of a target group as they are now: (healthy, all that are registered and not draining).
    pub fn healthy_targets(&self, target_group_name: &str) -> (usize, usize) {
        let group = self.elb.groups.iter().find(|group| group.view.name == target_group_name);
        let Some(group) = group else { return (0, 0) };
        let registered = group.targets.iter().filter(|target| target.draining_until.is_none());
        let healthy = registered.clone().filter(|target| target.state == super::TargetState::Healthy).count();
        (healthy, registered.count())
    }
}
