//! How a service deploys, and what of that ECS refuses.

use super::super::{CircuitBreaker, ServiceLoadBalancer};
use super::{DeploymentAlarms, HookTarget, LifecycleHook, MonitorStatus, Strategy};
use crate::sim::world::{ApiError, ApiResult};

/// How a service deploys.
#[derive(Clone, Debug, PartialEq)]
pub struct DeploymentConfiguration {
    /// Percent of the desired count that must stay healthy, 0–100 or more.
    pub minimum_healthy_percent: u32,
    /// Percent of the desired count that may run at once, 100–200.
    pub maximum_percent: u32,
    /// What happens when tasks keep failing.
    pub circuit_breaker: CircuitBreaker,
    /// How the old revision is replaced.
    pub strategy: Strategy,
    /// Minutes that both revisions run after all traffic has shifted.
    pub bake_minutes: u32,
    /// LINEAR: percent of the traffic that each step shifts, 3–100.
    pub step_percent: f64,
    /// LINEAR: minutes between steps, 0–1440.
    pub step_bake_minutes: u32,
    /// CANARY: percent of the traffic that is shifted first, 0.1–100.
    pub canary_percent: f64,
    /// CANARY: minutes until the rest follows, 0–1440.
    pub canary_bake_minutes: u32,
    /// What runs, or pauses, between.
    pub hooks: Vec<LifecycleHook>,
    /// The alarms that a deployment is given up at.
    pub alarms: DeploymentAlarms,
}

impl Default for DeploymentConfiguration {
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LinearConfiguration.html> and
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CanaryConfiguration.html>
    fn default() -> Self {
        Self {
            minimum_healthy_percent: 100,
            maximum_percent: 200,
            circuit_breaker: CircuitBreaker::Off,
            strategy: Strategy::Rolling,
            bake_minutes: 0,
            step_percent: 10.0,
            step_bake_minutes: 6,
            canary_percent: 5.0,
            canary_bake_minutes: 10,
            hooks: Vec::new(),
            alarms: DeploymentAlarms::default(),
        }
    }
}

impl DeploymentConfiguration {
    /// The percent of the traffic after the next step, and the minutes until the one after that.
    pub(super) fn next_weight(&self, now: f64) -> (f64, u32) {
        let (weight, bake) = match self.strategy {
            Strategy::Rolling | Strategy::BlueGreen => (100.0, 0),
            Strategy::Linear => (now + self.step_percent, self.step_bake_minutes),
            Strategy::Canary if now <= 0.0 => (self.canary_percent, self.canary_bake_minutes),
            Strategy::Canary => (100.0, 0),
        };
        // "This bake time is not applied after reaching 100 percent traffic." What is left of a last step goes with it.
        if weight + 0.05 >= 100.0 { (100.0, 0) } else { (weight, bake) }
    }

    /// `0.5 * desired task count`, 3 at least and 200 at most:
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeploymentCircuitBreaker.html>
    pub(super) fn breaker_at_first(&self, desired: u32) -> (MonitorStatus, u32, u32) {
        let is_on = self.circuit_breaker != CircuitBreaker::Off;
        let status = if is_on { MonitorStatus::Monitoring } else { MonitorStatus::Disabled };
        (status, 0, desired.div_ceil(2).clamp(3, 200))
    }

    /// Refuses what ECS refuses.
    pub(in crate::sim::world::ecs) fn check(&self, balancers: &[ServiceLoadBalancer]) -> ApiResult<()> {
        let refuse = |message: &str| Err(ApiError::new("InvalidParameterException", message));
        if self.strategy == Strategy::Rolling && !self.hooks.is_empty() {
            return refuse("Lifecycle hooks of rolling deployments are not simulated.");
        }
        if self.strategy != Strategy::Rolling && balancers.iter().all(|one| one.advanced.is_none()) {
            return refuse(
                "Blue/green deployments require a load balancer with an advancedConfiguration, or Service Connect.",
            );
        }
        if self.bake_minutes > 1_440 || self.step_bake_minutes > 1_440 || self.canary_bake_minutes > 1_440 {
            return refuse("Bake times must be between 0 and 1440 minutes.");
        }
        if !(3.0..=100.0).contains(&self.step_percent) {
            return refuse("stepPercent must be between 3.0 and 100.0.");
        }
        if !(0.1..=100.0).contains(&self.canary_percent) {
            return refuse("canaryPercent must be between 0.1 and 100.0.");
        }
        for hook in &self.hooks {
            if hook.stages.is_empty() {
                return refuse("A lifecycle hook must have at least one lifecycle stage.");
            }
            if hook.target == HookTarget::Lambda && (hook.target_arn.is_none() || hook.role_arn.is_none()) {
                return refuse("A lifecycle hook of type AWS_LAMBDA must have a hookTargetArn and a roleArn.");
            }
            if let Some(stage) = hook.stages.iter().find(|stage| !stage.takes_hooks(hook.target)) {
                let (target, stage) = (hook.target.as_str(), stage.as_str());
                return refuse(&format!("{target} hooks cannot be configured at {stage}."));
            }
            if !(1..=20_160).contains(&hook.timeout_minutes) {
                return refuse("timeoutInMinutes must be between 1 and 20160.");
            }
        }
        Ok(())
    }
}

impl ServiceLoadBalancer {
    /// The target group that takes turns with this one.
    pub(super) fn other_than(&self, group: &str) -> String {
        match &self.advanced {
            Some(advanced) if group == self.target_group_arn => advanced.alternate_target_group_arn.clone(),
            _ => self.target_group_arn.clone(),
        }
    }
}
