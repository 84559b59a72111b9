//! CloudWatch alarms by name, metric and composite alike.

use std::collections::HashMap;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{AlarmType, CompositeAlarm, MetricAlarm, StateValue};

use super::Aws;
use super::errors::during;
use crate::cloud::{Alarm, AlarmState, CloudError};
use crate::domain::ids::AlarmName;
use crate::domain::time::Timestamp;

const DESCRIBE: &str = "cloudwatch:DescribeAlarms";

/// Most names that CloudWatch takes by one call.
const BATCH: usize = 100;

/// The state of these alarms, in the order asked for.
pub(super) async fn alarms(aws: &Aws, names: &[AlarmName]) -> Result<Vec<Alarm>, CloudError> {
    let mut found = HashMap::new();
    for batch in names.chunks(BATCH) {
        let call = aws
            .cloudwatch
            .describe_alarms()
            .set_alarm_names(Some(batch.iter().map(|name| name.0.clone()).collect()))
            // Without its type named, a composite alarm is left out.
            .alarm_types(AlarmType::MetricAlarm)
            .alarm_types(AlarmType::CompositeAlarm)
            .max_records(100);
        let mut pages = call.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(during(DESCRIBE))?;
            let metric = page.metric_alarms.unwrap_or_default().into_iter().filter_map(of_metric);
            let composite = page.composite_alarms.unwrap_or_default().into_iter().filter_map(of_composite);
            found.extend(metric.chain(composite).map(|alarm| (alarm.name.clone(), alarm)));
        }
    }
    Ok(names.iter().map(|name| found.get(name).cloned().unwrap_or_else(|| missing(name))).collect())
}

fn of_metric(it: MetricAlarm) -> Option<Alarm> {
    let since = it.state_transitioned_timestamp.or(it.state_updated_timestamp);
    alarm(it.alarm_name, it.state_value.as_ref(), since, it.state_reason)
}

fn of_composite(it: CompositeAlarm) -> Option<Alarm> {
    let since = it.state_transitioned_timestamp.or(it.state_updated_timestamp);
    alarm(it.alarm_name, it.state_value.as_ref(), since, it.state_reason)
}

fn alarm(
    name: Option<String>,
    state: Option<&StateValue>,
    since: Option<DateTime>,
    reason: Option<String>,
) -> Option<Alarm> {
    Some(Alarm {
        name: AlarmName(name?),
        state: state_of(state),
        since: since.and_then(|at| at.to_millis().ok()).map(Timestamp::from_millis),
        reason: reason.unwrap_or_default(),
    })
}

fn state_of(state: Option<&StateValue>) -> AlarmState {
    match state {
        Some(StateValue::Ok) => AlarmState::Ok,
        Some(StateValue::Alarm) => AlarmState::Alarm,
        Some(StateValue::InsufficientData) => AlarmState::InsufficientData,
        Some(_) | None => AlarmState::Unknown,
    }
}

fn missing(name: &AlarmName) -> Alarm {
    let reason = format!("there is no alarm `{name}`");
    Alarm { name: name.clone(), state: AlarmState::Missing, since: None, reason }
}
