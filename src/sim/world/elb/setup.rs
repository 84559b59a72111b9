//! The load balancer that a scenario describes.

use super::routing::forwarded;
use super::state::{Group, Lagging, Minute};
use super::{Action, Condition, HealthCheck, Listener, LoadBalancer, Protocol, Rule, TargetGroup, WeightedTargetGroup};
use crate::domain::time::Timestamp;
use crate::sim::scenario::schema;
use crate::sim::world::World;
use crate::sim::world::random::Stream;

/// Sixteen hexadecimal digits that are the same in every world: a configuration names these resources by their ARNs.
fn fixed_id(of: &[&str]) -> String {
    let purpose = of.join("/");
    Stream::new(0, &purpose).hex(16)
}

impl World {
    /// The ARN of a load-balancing resource.
    fn elb_arn(&self, resource: &str) -> String {
        format!("arn:aws:elasticloadbalancing:{}:{}:{resource}", self.schema.aws.region, self.schema.aws.account)
    }

    /// Creates the load balancer, its listeners, rules and target groups.
    pub(in crate::sim::world) fn set_up_elb(&mut self, created_at: Timestamp) {
        let name = self.schema.aws.load_balancer.clone();
        let (balancer_id, listener_id) = (fixed_id(&["balancer", &name]), fixed_id(&["listener", &name]));
        let balancer_arn = self.elb_arn(&format!("loadbalancer/app/{name}/{balancer_id}"));
        let dns_name = format!("{name}-1618033988.{}.elb.amazonaws.com", self.schema.aws.region);
        let vpc_id = "vpc-0a1b2c3d4e5f67890".to_owned();
        let names: Vec<String> = self.schema.groups().map(|(name, _)| name.to_owned()).collect();
        for name in names {
            let id = fixed_id(&["target group", &name]);
            let arn = self.elb_arn(&format!("targetgroup/{name}/{id}"));
            let view = self.target_group(arn, &name, &balancer_arn, &vpc_id);
            self.elb.groups.push(Group { view, targets: Vec::new(), next: 0, minute: Minute::default() });
        }
        self.elb.balancers.push(LoadBalancer {
            arn: balancer_arn.clone(),
            name: name.clone(),
            dns_name,
            vpc_id,
            created_at,
        });

        let listener_arn = self.elb_arn(&format!("listener/app/{name}/{balancer_id}/{listener_id}"));
        let default_actions = self.schema.rule.first().map_or_else(Vec::new, |rule| self.forward(rule));
        let region = &self.schema.aws.region;
        let certificate = format!(
            "arn:aws:acm:{region}:{}:certificate/7b1c5a0e-2f4d-4c39-9d8a-0f6e1b2a3c4d",
            self.schema.aws.account
        );
        let listener = |arn: String, port, protocol, certificate_arn, default_actions| {
            Lagging::new(Listener {
                arn,
                load_balancer_arn: balancer_arn.clone(),
                port,
                protocol,
                certificate_arn,
                default_actions,
            })
        };
        let redirect = Action::Redirect {
            status_code: "HTTP_301".to_owned(),
            protocol: "HTTPS".to_owned(),
            port: "443".to_owned(),
        };
        self.elb.listeners.push(listener(
            listener_arn.clone(),
            443,
            Protocol::Https,
            Some(certificate.clone()),
            default_actions,
        ));
        let plain_arn = format!("{listener_arn}80");
        self.elb.listeners.push(listener(plain_arn, 80, Protocol::Http, None, vec![redirect]));
        if self.schema.codedeploy.as_ref().is_some_and(|codedeploy| codedeploy.test_listener) {
            // It begins where users are: https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html
            let first = self.elb.groups.first().map(|group| group.view.arn.clone());
            let weighted = first.map(|target_group_arn| WeightedTargetGroup { target_group_arn, weight: 1 });
            let forward = Action::Forward { target_groups: weighted.into_iter().collect(), stickiness_seconds: None };
            let port = self.schema.app.test_port;
            let arn = format!("{listener_arn}{port}");
            self.elb.listeners.push(listener(arn, port, Protocol::Https, Some(certificate.clone()), vec![forward]));
        }

        for (index, rule) in self.schema.rule.clone().iter().enumerate() {
            let rule_id = fixed_id(&["rule", &name, &index.to_string()]);
            let arn = self.elb_arn(&format!("listener-rule/app/{name}/{balancer_id}/{listener_id}/{rule_id}"));
            let condition = |field: &str, value: &Option<String>| {
                value.as_ref().map(|value| Condition { field: field.to_owned(), values: vec![value.clone()] })
            };
            let conditions = [condition("host-header", &rule.host), condition("path-pattern", &rule.path)];
            self.elb.rules.push(Lagging::new(Rule {
                arn: arn.clone(),
                listener_arn: listener_arn.clone(),
                priority: Some(10 * (index as u32 + 1)),
                conditions: conditions.into_iter().flatten().collect(),
                actions: self.forward(rule),
            }));
        }
        self.set_up_test_listener(&balancer_arn, &listener_arn, &name);
    }

    /// A test listener with a rule of its own for each service whose deployments shift traffic.
    fn set_up_test_listener(&mut self, balancer: &str, listener: &str, name: &str) {
        let services: Vec<_> =
            self.schema.service.iter().filter(|one| one.alternate_target_group.is_some()).cloned().collect();
        if services.is_empty() {
            return;
        }
        let arn = format!("{listener}{}", self.schema.app.test_port);
        self.elb.listeners.push(Lagging::new(Listener {
            arn: arn.clone(),
            load_balancer_arn: balancer.to_owned(),
            port: self.schema.app.test_port,
            protocol: Protocol::Https,
            certificate_arn: None,
            default_actions: vec![Action::FixedResponse { status_code: "404".to_owned(), body: String::new() }],
        }));
        for (index, service) in services.iter().enumerate() {
            let groups = [(Some(service.target_group()), 100), (service.alternate_target_group.as_deref(), 0)];
            let weights = groups.into_iter().filter_map(|(name, weight)| Some((name?.to_owned(), weight))).collect();
            let rule = schema::Rule { host: Some(self.schema.app.host.clone()), path: None, weights };
            let rule_id = fixed_id(&["test rule", name, &index.to_string()]);
            self.elb.rules.push(Lagging::new(Rule {
                arn: format!("{}/{rule_id}", arn.replacen(":listener/", ":listener-rule/", 1)),
                listener_arn: arn.clone(),
                priority: Some(10 * (index as u32 + 1)),
                conditions: vec![Condition {
                    field: "host-header".to_owned(),
                    values: vec![self.schema.app.host.clone()],
                }],
                actions: self.forward(&rule),
            }));
        }
    }

    /// The production and the test rule of a service whose deployments shift traffic between these target groups.
    pub(in crate::sim::world) fn shifting_rules(&self, groups: [&str; 2]) -> (Option<String>, Option<String>) {
        let serving = self.elb.serving_listener().map(|listener| listener.view.arn.clone());
        let splits = |rule: &&Lagging<Rule>| {
            groups.iter().all(|group| forwarded(&rule.view.actions).any(|(arn, _)| arn == *group))
        };
        let find = |is_serving: bool| {
            let mut rules = self.elb.rules.iter().filter(splits);
            let found = rules.find(|rule| (Some(&rule.view.listener_arn) == serving.as_ref()) == is_serving);
            found.map(|rule| rule.view.arn.clone())
        };
        (find(true), find(false))
    }

    fn target_group(&self, arn: String, name: &str, balancer_arn: &str, vpc_id: &str) -> TargetGroup {
        let check = &self.schema.health_check;
        TargetGroup {
            arn,
            name: name.to_owned(),
            port: self.schema.app.port,
            vpc_id: vpc_id.to_owned(),
            load_balancer_arns: vec![balancer_arn.to_owned()],
            health_check: HealthCheck {
                path: check.path.clone(),
                interval_seconds: check.interval.as_secs() as u32,
                timeout_seconds: check.timeout.as_secs() as u32,
                healthy_threshold: check.healthy,
                unhealthy_threshold: check.unhealthy,
                matcher: "200".to_owned(),
            },
            deregistration_delay_seconds: check.deregistration_delay.as_secs() as u32,
        }
    }

    fn forward(&self, rule: &schema::Rule) -> Vec<Action> {
        let groups = self.elb.groups.iter().filter_map(|group| {
            let weight = *rule.weights.get(&group.view.name)?;
            Some(WeightedTargetGroup { target_group_arn: group.view.arn.clone(), weight })
        });
        vec![Action::Forward { target_groups: groups.collect(), stickiness_seconds: None }]
    }

    /// Writes the weights of every rule into the ledger.
    pub(in crate::sim::world) fn note_all_weights(&mut self, at: Timestamp) {
        let rules = self.elb.rules.iter().map(|rule| rule.view.arn.clone());
        let listeners = self.elb.listeners.iter().map(|listener| listener.view.arn.clone());
        for arn in rules.chain(listeners).collect::<Vec<_>>() {
            self.note_weights(&arn, at);
        }
    }

    /// Writes a rule's (or a listener's) weights into the ledger.
    pub(in crate::sim::world) fn note_weights(&mut self, arn: &str, at: Timestamp) {
        let rule = self.elb.rules.iter().find(|rule| rule.view.arn == arn).map(|rule| &rule.view.actions);
        let listener = || self.elb.listeners.iter().find(|listener| listener.view.arn == arn);
        let Some(actions) = rule.or_else(|| listener().map(|listener| &listener.view.default_actions)) else { return };
        let name =
            |arn: &str| self.elb.groups.iter().find(|group| group.view.arn == arn).map(|group| group.view.name.clone());
        let weights = forwarded(actions).filter_map(|(arn, weight)| Some((name(arn)?, weight))).collect();
        self.ledger.weigh(at, arn, weights);
    }
}
