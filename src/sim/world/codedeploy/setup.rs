//! The application, deployment group and configurations that a scenario describes.

use std::time::Duration;

use super::{AlarmConfiguration, AutoRollback, BlueGreenOptions, DeploymentConfig, DeploymentGroup};
use super::{ReadyAction, RollbackEvent, TrafficRouting};
use crate::sim::scenario::codedeploy::{CodeDeploy, Configuration, Kind, PREDEFINED, RollsBackOn};
use crate::sim::scenario::schema::Service;
use crate::sim::world::{ApiResult, World};

/// The configurations for ECS that every account has
/// (<https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html#deployment-configuration-ecs>).
const USUAL: [(&str, Kind, u32, u64); 5] = [
    ("ECSAllAtOnce", Kind::AllAtOnce, 0, 0),
    ("ECSLinear10PercentEvery1Minutes", Kind::Linear, 10, 1),
    ("ECSLinear10PercentEvery3Minutes", Kind::Linear, 10, 3),
    ("ECSCanary10Percent5Minutes", Kind::Canary, 10, 5),
    ("ECSCanary10Percent15Minutes", Kind::Canary, 10, 15),
];

impl World {
    /// Creates what `[codedeploy]` describes, if a scenario has it.
    pub(in crate::sim::world) fn set_up_codedeploy(&mut self) -> ApiResult<()> {
        let usual = USUAL.map(|(name, kind, percent, minutes)| Configuration {
            name: format!("{PREDEFINED}{name}"),
            kind,
            percent,
            interval: Duration::from_mins(minutes),
        });
        let schema = self.schema.codedeploy.clone();
        let own = schema.iter().flat_map(|schema| schema.configuration.clone());
        for configuration in usual.into_iter().chain(own) {
            let config = DeploymentConfig {
                id: Self::fixed_uuid(&configuration.name),
                routing: routing(&configuration),
                name: configuration.name,
                created_at: self.now,
            };
            self.codedeploy.configs.push(config);
        }
        if let Some(schema) = schema {
            self.codedeploy.applications.push(schema.application.clone());
            let group = self.deployment_group(&schema)?;
            self.codedeploy.groups.push(group);
        }
        Ok(())
    }

    fn deployment_group(&self, schema: &CodeDeploy) -> ApiResult<DeploymentGroup> {
        self.known_config(&schema.config)?;
        let groups: Vec<&str> = self.schema.service.iter().map(Service::target_group).collect();
        let [first, second] = groups.as_slice() else {
            return Err(crate::sim::world::ApiError::new("InvalidLoadBalancerInfoException", "It takes a pair."));
        };
        let listener = |port| self.elb.listener_on(port).map(|listener| listener.arn.clone());
        let tested = listener(self.schema.app.test_port).filter(|_| schema.test_listener);
        let aws = &self.schema.aws;
        let alarms = schema.alarms.clone().unwrap_or_else(|| self.usual_guards());
        let events = schema.roll_back_on.iter().map(|on| match on {
            RollsBackOn::Failure => RollbackEvent::Failure,
            RollsBackOn::Alarm => RollbackEvent::Alarm,
            RollsBackOn::Stop => RollbackEvent::Request,
        });
        Ok(DeploymentGroup {
            id: Self::fixed_uuid(&schema.group),
            application: schema.application.clone(),
            name: schema.group.clone(),
            config: schema.config.clone(),
            cluster: aws.cluster.clone(),
            service: schema.service.clone(),
            role_arn: format!("arn:aws:iam::{}:role/codedeploy", aws.account),
            target_groups: [(*first).to_owned(), (*second).to_owned()],
            production_listener: listener(443).unwrap_or_default(),
            test_listener: tested,
            options: BlueGreenOptions {
                on_ready_timeout: if schema.ready_wait.is_zero() { ReadyAction::Continue } else { ReadyAction::Stop },
                ready_wait: schema.ready_wait,
                termination_wait: schema.termination_wait,
            },
            alarms: AlarmConfiguration { enabled: !alarms.is_empty(), ignore_poll_failure: false, alarms },
            auto_rollback: AutoRollback { enabled: !schema.roll_back_on.is_empty(), events: events.collect() },
        })
    }

    /// The alarms on errors and latency, if this world has them.
    fn usual_guards(&self) -> Vec<String> {
        let family = &self.schema.app.family;
        let wanted = [format!("{family}-5xx-high"), format!("{family}-latency-p99-high")];
        wanted.into_iter().filter(|name| self.alarms.states().any(|(known, ..)| known == name)).collect()
    }

    /// A UUID that is the same in every world.
    fn fixed_uuid(of: &str) -> String {
        crate::sim::world::random::Stream::new(0, of).uuid()
    }
}

fn routing(configuration: &Configuration) -> TrafficRouting {
    let (percent, interval) = (configuration.percent, configuration.interval);
    match configuration.kind {
        Kind::AllAtOnce => TrafficRouting::AllAtOnce,
        Kind::Canary => TrafficRouting::Canary { percent, interval },
        Kind::Linear => TrafficRouting::Linear { percent, interval },
    }
}
