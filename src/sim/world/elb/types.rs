//! What Elastic Load Balancing shows of load balancers, listeners, rules, target groups and targets.

use crate::domain::time::Timestamp;
use crate::sim::world::words::words;

/// An application load balancer.
#[derive(Clone, Debug)]
pub struct LoadBalancer {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Its public host name.
    pub dns_name: String,
    /// Its network.
    pub vpc_id: String,
    /// When it was created.
    pub created_at: Timestamp,
}

words! {
    /// What a listener speaks.
    Protocol { Http = "HTTP", Https = "HTTPS" }
}

/// A listener.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Its ARN.
    pub arn: String,
    /// The load balancer's ARN.
    pub load_balancer_arn: String,
    /// Its port.
    pub port: u16,
    /// What it speaks.
    pub protocol: Protocol,
    /// Its certificate, when it speaks HTTPS.
    pub certificate_arn: Option<String>,
    /// What happens to requests that no rule matches.
    pub default_actions: Vec<Action>,
}

/// A target group and its share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightedTargetGroup {
    /// The target group's ARN.
    pub target_group_arn: String,
    /// 0–999; the share is this over the sum of all.
    pub weight: u32,
}

/// What a rule does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Hands it to one of these target groups.
    Forward {
        /// The target groups and their shares.
        target_groups: Vec<WeightedTargetGroup>,
        /// How long a client stays with its target group, in seconds; `None` when stickiness is off.
        stickiness_seconds: Option<u32>,
    },
    /// Sends the client elsewhere.
    Redirect {
        /// `HTTP_301` or `HTTP_302`.
        status_code: String,
        /// The protocol to use.
        protocol: String,
        /// The port to use.
        port: String,
    },
    /// Answers by itself.
    FixedResponse {
        /// The status, such as `404`.
        status_code: String,
        /// The body.
        body: String,
    },
}

/// What a request must look like for a rule to apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// `host-header` or `path-pattern`.
    pub field: String,
    /// One of these, with `*` and `?`.
    pub values: Vec<String>,
}

/// A listener rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its ARN.
    pub arn: String,
    /// Its listener's ARN.
    pub listener_arn: String,
    /// 1–50000, lower first; `None` for the default rule.
    pub priority: Option<u32>,
    /// All must match.
    pub conditions: Vec<Condition>,
    /// What happens to a request.
    pub actions: Vec<Action>,
}

/// How the load balancer finds out whether a target is healthy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// The path asked for.
    pub path: String,
    /// Seconds between checks.
    pub interval_seconds: u32,
    /// Seconds until a check counts as failed.
    pub timeout_seconds: u32,
    /// Passed checks in a row until a target is healthy.
    pub healthy_threshold: u32,
    /// Failed checks in a row until it is not.
    pub unhealthy_threshold: u32,
    /// Statuses that count as passed, such as `200`.
    pub matcher: String,
}

/// A target group of IP addresses.
#[derive(Clone, Debug)]
pub struct TargetGroup {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// The port that targets listen on.
    pub port: u16,
    /// Its network.
    pub vpc_id: String,
    /// Load balancers that forward to it.
    pub load_balancer_arns: Vec<String>,
    /// How targets are checked.
    pub health_check: HealthCheck,
    /// Seconds that a leaving target may finish its requests.
    pub deregistration_delay_seconds: u32,
}

words! {
    /// What the load balancer thinks of a target.
    TargetState {
        Initial = "initial", Healthy = "healthy", Unhealthy = "unhealthy", Draining = "draining", Unused = "unused",
    }
}

/// A target and what the load balancer thinks of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetHealth {
    /// The target's IP address.
    pub id: String,
    /// The target's port.
    pub port: u16,
    /// Its availability zone.
    pub availability_zone: String,
    /// What the load balancer thinks of it.
    pub state: TargetState,
    /// Why, such as `Target.Timeout`; nothing for healthy targets.
    pub reason: Option<&'static str>,
    /// The sentence for that.
    pub description: Option<String>,
}
