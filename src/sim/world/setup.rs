//! Making the world of a scenario.

use std::time::Duration;

use serde_json::{Map, json};

use super::alarms::Alarms;
use super::codedeploy::CodeDeploy;
use super::ecs::{
    AdvancedConfiguration, CircuitBreaker, CreateService, DeploymentConfiguration, DeploymentController, Ecs,
    RegisterTaskDefinition, ServiceLoadBalancer, Tag,
};
use super::elb::Elb;
use super::estate::Estate;
use super::inbox::Inbox;
use super::ledger::Ledger;
use super::logs::Logs;
use super::metrics::Store;
use super::random::Streams;
use super::sns::Sns;
use super::traffic::Traffic;
use super::{Timestamp, World};
use crate::sim::scenario::Scenario;
use crate::sim::scenario::schema::{Breaker, Service};

impl World {
    /// The world of `scenario` at `start`, with as much history behind it as the scenario says. The same seed gives the
    /// same world.
    pub fn new(scenario: &Scenario, seed: u64, start: Timestamp) -> Self {
        let schema = scenario.schema.clone();
        let origin = (start - schema.history).floor_to(Duration::from_mins(1));
        let mut world = Self {
            now: origin,
            ticked: origin,
            start,
            origin,
            streams: Streams::new(seed),
            traffic: Traffic::new(&schema, origin),
            schema: schema.into(),
            ecs: Ecs::default(),
            elb: Elb::default(),
            metrics: Store::default(),
            alarms: Alarms::default(),
            codedeploy: CodeDeploy::default(),
            logs: Logs::default(),
            sns: Sns::default(),
            inbox: Inbox::default(),
            estate: Estate::default(),
            app_config: Vec::new(),
            tables: Vec::new(),
            ledger: Ledger::default(),
        };
        world.set_up(origin);
        world.advance(start);
        // What the world's own making did is no client's doing.
        world.ledger.changes.clear();
        world.ledger.weights.clear();
        world.ledger.minutes.clear();
        world.ledger.total = super::Truth::default();
        world.note_all_weights(start);
        world
    }

    fn set_up(&mut self, at: Timestamp) {
        self.set_up_logs(at);
        self.set_up_elb(at);
        self.set_up_estate();
        self.set_up_app_config();
        self.set_up_tables();
        let topic = self.schema.aws.topic.clone();
        // A scenario is checked when it is read, so that nothing here is refused.
        let made = self
            .create_topic(&topic)
            .and_then(|arn| self.subscribe(&arn, "email", "releases@shop.test"))
            .and_then(|_| self.set_up_services())
            .and_then(|()| self.set_up_alarms())
            .and_then(|()| self.set_up_codedeploy());
        debug_assert_eq!(made, Ok(()));
    }

    /// The services that ECS has: those of the scenario, or the one that CodeDeploy deploys in the place of all.
    fn deployed_services(&self) -> Vec<Service> {
        let services = self.schema.service.clone();
        let Some(codedeploy) = &self.schema.codedeploy else { return services };
        services
            .into_iter()
            .take(1)
            .map(|first| Service {
                target_group: Some(first.target_group().to_owned()),
                name: codedeploy.service.clone(),
                ..first
            })
            .collect()
    }

    fn set_up_services(&mut self) -> super::ApiResult<()> {
        let (app, aws) = (self.schema.app.clone(), self.schema.aws.clone());
        let image = format!("{}.dkr.ecr.{}.amazonaws.com/{}:{}", aws.account, aws.region, app.repository, app.tag);
        self.ecs.start_with(&image);
        let environment: Vec<_> = app.env.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        let definition = self.register_task_definition(RegisterTaskDefinition {
            family: app.family.clone(),
            containers: vec![json!({
                "name": app.container,
                "image": image,
                "cpu": 0,
                "essential": true,
                "portMappings": [{"containerPort": app.port, "hostPort": app.port, "protocol": "tcp"}],
                "environment": environment,
                "mountPoints": [],
                "volumesFrom": [],
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {
                        "awslogs-group": app.log_group,
                        "awslogs-region": aws.region,
                        "awslogs-stream-prefix": app.family,
                    },
                },
            })],
            settings: settings(&aws.account, &app.family),
            tags: vec![Tag { key: "version".to_owned(), value: app.tag.clone() }],
        })?;
        for service in self.deployed_services() {
            let arn = |name: &str| {
                let group = self.elb.groups.iter().find(|group| group.view.name == name);
                group.map(|group| group.view.arn.clone())
            };
            let alternate = service.alternate_target_group.as_deref().and_then(arn);
            let load_balancers = arn(service.target_group()).map(|target_group_arn| {
                let advanced = alternate.and_then(|alternate| {
                    let (production, test) = self.shifting_rules([&target_group_arn, &alternate]);
                    Some(AdvancedConfiguration {
                        alternate_target_group_arn: alternate,
                        production_listener_rule: production?,
                        test_listener_rule: test,
                        role_arn: format!("arn:aws:iam::{}:role/ecsInfrastructureRoleForLoadBalancers", aws.account),
                    })
                });
                ServiceLoadBalancer {
                    target_group_arn,
                    container_name: app.container.clone(),
                    container_port: app.port,
                    advanced,
                }
            });
            let created = self.create_service(CreateService {
                cluster: None,
                name: service.name.clone(),
                task_definition: definition.arn.clone(),
                desired: service.desired,
                controller: self.schema.codedeploy.as_ref().map(|_| DeploymentController::CodeDeploy),
                load_balancers: load_balancers.into_iter().collect(),
                deployment_configuration: DeploymentConfiguration {
                    minimum_healthy_percent: service.minimum_healthy_percent,
                    maximum_percent: service.maximum_percent,
                    circuit_breaker: match service.circuit_breaker {
                        Breaker::Off => CircuitBreaker::Off,
                        Breaker::Fail => CircuitBreaker::Fail,
                        Breaker::Rollback => CircuitBreaker::Rollback,
                    },
                    ..DeploymentConfiguration::default()
                },
                health_check_grace_seconds: service.grace.as_secs() as u32,
                tags: Vec::new(),
            })?;
            self.warm_up(&created.name);
        }
        Ok(())
    }
}

fn settings(account: &str, family: &str) -> Map<String, serde_json::Value> {
    let value = json!({
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "512",
        "memory": "1024",
        "executionRoleArn": format!("arn:aws:iam::{account}:role/{family}-execution"),
        "taskRoleArn": format!("arn:aws:iam::{account}:role/{family}-task"),
        "volumes": [],
    });
    match value {
        serde_json::Value::Object(settings) => settings,
        _ => Map::new(),
    }
}
