//! The world as a whole: releases, faults, and what AWS shows of them.

mod chaos;
mod codedeploy;
mod ecs;
mod lines;
mod releases;
mod signals;

use std::time::Duration;

use serde_json::json;

use super::alarms::{
    AlarmDefinition, AlarmRule, AlarmState, AlarmType, DescribeAlarmHistory, DescribeAlarms, HistoryType, Suppressor,
};
use super::ecs::{
    CircuitBreaker, DeploymentConfiguration, DeploymentStatus, DesiredStatus, ListTasks, RegisterTaskDefinition,
    RolloutState, RunTask, Service, StopCode, TaskStatus, UpdateService,
};
use super::elb::{Action, TargetState, WeightedTargetGroup};
use super::logs::{FilterLogEvents, GetLogEvents, LiveTail, ReadFrom};
use super::metrics::{GetMetricData, GetMetricStatistics, MetricId, MetricQuery, MetricStat, QuerySource};
use super::{ApiError, AppRequest, AppResponse, Truth, World, logs, metrics};
use crate::domain::time::Timestamp;
use crate::sim::scenario::Scenario;

const START: Timestamp = Timestamp::from_secs(1_795_170_000);
const GREEN_IMAGE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/api:9ab03d7";

fn world(scenario: &str, seed: u64) -> World {
    World::new(&Scenario::named(scenario).unwrap(), seed, START)
}

fn written(text: &str) -> World {
    World::new(&Scenario::parse("test", text).unwrap(), 1, START)
}

impl World {
    fn wait(&mut self, seconds: u64) {
        self.advance(self.now() + Duration::from_secs(seconds));
    }

    fn service(&self, name: &str) -> Service {
        self.describe_services(None, &[name.to_owned()]).unwrap().found.remove(0)
    }

    fn release(&mut self, service: &str, desired: u32) {
        let mut definition = self.describe_task_definition("api").unwrap();
        definition.containers[0]["image"] = json!(GREEN_IMAGE);
        let registered = self
            .register_task_definition(RegisterTaskDefinition {
                family: definition.family,
                containers: definition.containers,
                settings: definition.settings,
                tags: definition.tags,
            })
            .unwrap();
        let task_definition = Some(registered.arn);
        let service = service.to_owned();
        self.update_service(UpdateService {
            service,
            task_definition,
            desired: Some(desired),
            ..UpdateService::default()
        })
        .unwrap();
    }

    fn group(&self, name: &str) -> String {
        self.describe_target_groups(None, &[], &[name.to_owned()]).unwrap().remove(0).arn
    }

    fn rule(&self) -> String {
        let listener = self.describe_listeners(None, &[]).unwrap().remove(0).arn;
        self.describe_rules(Some(&listener), &[]).unwrap().remove(0).arn
    }

    fn shift(&mut self, green: u32) {
        let target_groups = [("api-blue", 100 - green), ("api-green", green)]
            .map(|(name, weight)| WeightedTargetGroup { target_group_arn: self.group(name), weight });
        let action = Action::Forward { target_groups: target_groups.to_vec(), stickiness_seconds: None };
        self.modify_rule(&self.rule(), None, Some(vec![action])).unwrap();
    }

    fn states(&self, group: &str) -> Vec<TargetState> {
        self.describe_target_health(&self.group(group)).unwrap().into_iter().map(|target| target.state).collect()
    }

    fn alarm(&self, name: &str) -> AlarmState {
        let input = DescribeAlarms { names: vec![name.to_owned()], ..DescribeAlarms::default() };
        self.describe_alarms(&input).unwrap()[0].state
    }

    fn get(&mut self, host: &str, path: &str) -> AppResponse {
        let request =
            AppRequest { host: host.to_owned(), method: "GET".to_owned(), path: path.to_owned(), headers: Vec::new() };
        self.http(&request)
    }
}
