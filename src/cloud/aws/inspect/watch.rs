//! Alarms, log groups and topics.

use aws_sdk_cloudwatch::types::{AlarmType, CompositeAlarm, Metric, MetricAlarm};

use super::super::Aws;
use super::super::alarms::state_of;
use super::super::errors::during;
use super::super::services::count;
use crate::cloud::{AlarmFacts, CloudError, ErrorKind, LogGroupFacts, TopicFacts};
use crate::domain::ids::AlarmName;
use crate::domain::time::Timestamp;

const ALARMS: &str = "cloudwatch:DescribeAlarms";
const GROUPS: &str = "logs:DescribeLogGroups";
const TOPIC: &str = "sns:GetTopicAttributes";

/// Most alarms that CloudWatch describes by one call.
const BATCH: usize = 100;

pub(super) async fn alarms(aws: &Aws, names: &[AlarmName]) -> Result<Vec<AlarmFacts>, CloudError> {
    let mut found = Vec::new();
    for batch in names.chunks(BATCH) {
        let names = batch.iter().map(|name| name.as_str().to_owned()).collect();
        found.extend(described(aws, Some(names)).await?);
    }
    Ok(found)
}

pub(super) async fn all_alarms(aws: &Aws) -> Result<Vec<AlarmFacts>, CloudError> {
    described(aws, None).await
}

async fn described(aws: &Aws, names: Option<Vec<String>>) -> Result<Vec<AlarmFacts>, CloudError> {
    let call = aws.cloudwatch.describe_alarms().set_alarm_names(names);
    // Without this, CloudWatch leaves composite alarms out.
    let mut pages =
        call.alarm_types(AlarmType::MetricAlarm).alarm_types(AlarmType::CompositeAlarm).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(during(ALARMS))?;
        found.extend(page.metric_alarms().iter().filter_map(metric));
        found.extend(page.composite_alarms().iter().filter_map(composite));
    }
    Ok(found)
}

fn metric(it: &MetricAlarm) -> Option<AlarmFacts> {
    let of_math = it.metrics().iter().filter_map(|query| query.metric_stat()?.metric()).flat_map(Metric::dimensions);
    let dimensions = it.dimensions().iter().chain(of_math).filter_map(|it| it.value().map(str::to_owned));
    let mut dimensions: Vec<String> = dimensions.collect();
    dimensions.sort_unstable();
    dimensions.dedup();
    let since = it.state_transitioned_timestamp().or(it.state_updated_timestamp());
    Some(AlarmFacts {
        name: AlarmName(it.alarm_name()?.to_owned()),
        state: state_of(it.state_value()),
        since: since.and_then(|at| at.to_millis().ok()).map(Timestamp::from_millis),
        actions_enabled: it.actions_enabled().unwrap_or_default(),
        actions: it.alarm_actions().to_vec(),
        dimensions,
    })
}

fn composite(it: &CompositeAlarm) -> Option<AlarmFacts> {
    let since = it.state_transitioned_timestamp().or(it.state_updated_timestamp());
    Some(AlarmFacts {
        name: AlarmName(it.alarm_name()?.to_owned()),
        state: state_of(it.state_value()),
        since: since.and_then(|at| at.to_millis().ok()).map(Timestamp::from_millis),
        actions_enabled: it.actions_enabled().unwrap_or_default(),
        actions: it.alarm_actions().to_vec(),
        dimensions: Vec::new(),
    })
}

/// Groups whose names go on are found as well, and passed over.
pub(super) async fn log_group(aws: &Aws, name: &str) -> Result<Option<LogGroupFacts>, CloudError> {
    let mut pages = aws.logs.describe_log_groups().log_group_name_prefix(name).into_paginator().items().send();
    while let Some(group) = pages.next().await {
        let group = group.map_err(during(GROUPS))?;
        if group.log_group_name() == Some(name) {
            return Ok(Some(LogGroupFacts { retention_days: group.retention_in_days().map(count) }));
        }
    }
    Ok(None)
}

pub(super) async fn topic(aws: &Aws, arn: &str) -> Result<Option<TopicFacts>, CloudError> {
    let found = match aws.sns.get_topic_attributes().topic_arn(arn).send().await.map_err(during(TOPIC)) {
        Ok(found) => found,
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let number = |name: &str| {
        let text = found.attributes().and_then(|all| all.get(name));
        text.and_then(|text| text.parse().ok()).unwrap_or_default()
    };
    Ok(Some(TopicFacts { confirmed: number("SubscriptionsConfirmed"), pending: number("SubscriptionsPending") }))
}
