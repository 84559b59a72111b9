//! How the account is set up.

mod clock;
mod databases;
mod ecs;
mod elb;
mod watch;

use async_trait::async_trait;

use super::Aws;
use crate::cloud::{
    AlarmFacts, CloudError, ClusterFacts, DefinitionFacts, GroupFacts, Inspect, ListenerFacts, LogGroupFacts,
    RuleFacts, ServiceFacts, TopicFacts,
};
use crate::domain::gate::BackupSource;
use crate::domain::ids::{AlarmName, TaskDefinitionArn};
use crate::domain::time::Timestamp;

#[async_trait]
impl Inspect for Aws {
    async fn cluster(&self) -> Result<Option<ClusterFacts>, CloudError> {
        ecs::cluster(self).await
    }

    async fn service(&self, name: &str) -> Result<Option<ServiceFacts>, CloudError> {
        ecs::service(self, name).await
    }

    async fn services(&self) -> Result<Vec<ServiceFacts>, CloudError> {
        ecs::services(self).await
    }

    async fn task_definition(&self, arn: &TaskDefinitionArn) -> Result<DefinitionFacts, CloudError> {
        ecs::definition(self, arn).await
    }

    async fn rule(&self, arn: &str) -> Result<Option<RuleFacts>, CloudError> {
        elb::rule(self, arn).await
    }

    async fn rules(&self, listener: &str) -> Result<Vec<RuleFacts>, CloudError> {
        elb::rules(self, listener).await
    }

    async fn listeners(&self, load_balancer: &str) -> Result<Vec<ListenerFacts>, CloudError> {
        elb::listeners(self, load_balancer).await
    }

    async fn target_group(&self, arn: &str) -> Result<Option<GroupFacts>, CloudError> {
        elb::target_group(self, arn).await
    }

    async fn alarm_setup(&self, names: &[AlarmName]) -> Result<Vec<AlarmFacts>, CloudError> {
        watch::alarms(self, names).await
    }

    async fn all_alarms(&self) -> Result<Vec<AlarmFacts>, CloudError> {
        watch::all_alarms(self).await
    }

    async fn log_group(&self, name: &str) -> Result<Option<LogGroupFacts>, CloudError> {
        watch::log_group(self, name).await
    }

    async fn topic(&self, arn: &str) -> Result<Option<TopicFacts>, CloudError> {
        watch::topic(self, arn).await
    }

    async fn backup_retention(&self, source: &BackupSource) -> Result<Option<u32>, CloudError> {
        databases::retention(self, source).await
    }

    async fn time(&self) -> Result<Option<Timestamp>, CloudError> {
        clock::time(self).await
    }
}
