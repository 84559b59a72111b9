//! The real AWS SDK clients against the simulated AWS, in process and on tokio's paused time.

mod cloudwatch;
mod codedeploy;
mod ecs;
mod elbv2;
mod estate;
mod faults;
mod logs;
mod protocols;
mod sns;

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_elasticloadbalancingv2::types::{ActionTypeEnum, ForwardActionConfig, TargetGroupTuple};

use super::*;
use crate::clock::Clock;
use crate::sim::Scenario;
use crate::sim::scenario::{ApiFault, ApiFaultKind};

/// A simulated AWS and the SDK's clients of it.
struct Account {
    sim: Sim,
    config: SdkConfig,
}

impl Account {
    fn new() -> Self {
        Self::with_faults(Vec::new())
    }

    /// An account whose calls fail as these rules say.
    fn with_faults(rules: Vec<ApiFault>) -> Self {
        Self::of(Scenario::named("healthy").unwrap(), rules)
    }

    /// An account with the world of a scenario.
    fn of(scenario: Scenario, rules: Vec<ApiFault>) -> Self {
        let clock = Clock::starting_at(Timestamp::from_secs(1_795_161_600), 1.0);
        let sim = Sim::new(scenario, 7, clock);
        sim.wire().set_faults(FaultPlan::of(rules));
        let credentials = Credentials::new("AKIASIMULATED", "secret", None, None, "tests");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(sim.http_client())
            .build();
        Self { sim, config }
    }

    fn ecs(&self) -> aws_sdk_ecs::Client {
        aws_sdk_ecs::Client::new(&self.config)
    }

    fn codedeploy(&self) -> aws_sdk_codedeploy::Client {
        aws_sdk_codedeploy::Client::new(&self.config)
    }

    fn elbv2(&self) -> aws_sdk_elasticloadbalancingv2::Client {
        aws_sdk_elasticloadbalancingv2::Client::new(&self.config)
    }

    fn cloudwatch(&self) -> aws_sdk_cloudwatch::Client {
        aws_sdk_cloudwatch::Client::new(&self.config)
    }

    fn logs(&self) -> aws_sdk_cloudwatchlogs::Client {
        aws_sdk_cloudwatchlogs::Client::new(&self.config)
    }

    fn sns(&self) -> aws_sdk_sns::Client {
        aws_sdk_sns::Client::new(&self.config)
    }

    fn sts(&self) -> aws_sdk_sts::Client {
        aws_sdk_sts::Client::new(&self.config)
    }

    fn ecr(&self) -> aws_sdk_ecr::Client {
        aws_sdk_ecr::Client::new(&self.config)
    }

    fn secrets_manager(&self) -> aws_sdk_secretsmanager::Client {
        aws_sdk_secretsmanager::Client::new(&self.config)
    }

    /// Lets simulated time pass.
    async fn pass(&self, span: Duration) {
        self.sim.clock().sleep(span).await;
    }

    fn now(&self) -> Timestamp {
        self.sim.clock().now()
    }

    /// The ARN of the first listener.
    async fn listener(&self) -> String {
        let elb = self.elbv2();
        let balancers = elb.describe_load_balancers().names("shop").send().await.unwrap();
        let balancer = balancers.load_balancers()[0].load_balancer_arn().unwrap().to_owned();
        let listeners = elb.describe_listeners().load_balancer_arn(balancer).send().await.unwrap();
        listeners.listeners()[0].listener_arn().unwrap().to_owned()
    }

    /// The ARN of a target group.
    async fn target_group(&self, name: &str) -> String {
        let groups = self.elbv2().describe_target_groups().names(name).send().await.unwrap();
        groups.target_groups()[0].target_group_arn().unwrap().to_owned()
    }
}

/// A weighted forward action.
fn forward(shares: &[(&str, i32)]) -> aws_sdk_elasticloadbalancingv2::types::Action {
    let groups = shares
        .iter()
        .map(|(arn, weight)| TargetGroupTuple::builder().target_group_arn(*arn).weight(*weight).build())
        .collect();
    aws_sdk_elasticloadbalancingv2::types::Action::builder()
        .r#type(ActionTypeEnum::Forward)
        .forward_config(ForwardActionConfig::builder().set_target_groups(Some(groups)).build())
        .build()
}
