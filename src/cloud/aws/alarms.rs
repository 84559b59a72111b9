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

pub(super) fn state_of(state: Option<&StateValue>) -> AlarmState {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cloud::Cloud as _;
    use crate::cloud::aws::testing::{Script, cbor};

    #[tokio::test(start_paused = true)]
    async fn metric_and_composite_alarms_of_all_pages_come_in_the_order_asked_for() {
        let first = json!({
            "MetricAlarms": [{ "AlarmName": "errors", "StateValue": "ALARM", "StateReason": "Threshold Crossed",
                "StateUpdatedTimestamp": "@1795161500", "StateTransitionedTimestamp": "@1795161400" }],
            "CompositeAlarms": [{ "AlarmName": "any", "StateValue": "OK", "StateUpdatedTimestamp": "@1795161300" }],
            "NextToken": "more",
        });
        let second = json!({ "MetricAlarms": [{ "AlarmName": "latency", "StateValue": "INSUFFICIENT_DATA" },
            { "AlarmName": "future", "StateValue": "PONDERING" }] });
        let script = Script::new()
            .on("DescribeAlarms MetricAlarm CompositeAlarm", cbor(&first))
            .on("DescribeAlarms MetricAlarm CompositeAlarm", cbor(&second));
        let names = ["any", "gone", "future", "latency", "errors"].map(AlarmName::from);
        let alarms = script.aws().alarms(&names).await.unwrap();
        let states: Vec<_> = alarms.iter().map(|alarm| (alarm.name.as_str(), alarm.state)).collect();
        assert_eq!(
            states,
            [
                ("any", AlarmState::Ok),
                ("gone", AlarmState::Missing),
                ("future", AlarmState::Unknown),
                ("latency", AlarmState::InsufficientData),
                ("errors", AlarmState::Alarm),
            ]
        );
        // Since it changed, not since it was last looked at.
        assert_eq!(alarms[4].since, Some(Timestamp::from_secs(1_795_161_400)));
        assert_eq!(alarms[0].since, Some(Timestamp::from_secs(1_795_161_300)));
    }

    #[tokio::test(start_paused = true)]
    async fn no_names_ask_nothing_and_many_are_asked_for_in_hundreds() {
        let script = Script::new().on("DescribeAlarms", cbor(&json!({})));
        let aws = script.aws();
        // Without names, CloudWatch would show every alarm of the account.
        assert_eq!(aws.alarms(&[]).await.unwrap(), []);
        assert_eq!(script.count(), 0);
        let names: Vec<AlarmName> = (0..201).map(|index| AlarmName(format!("alarm-{index}"))).collect();
        assert_eq!(aws.alarms(&names).await.unwrap().len(), 201);
        assert_eq!(script.count(), 3);
    }
}
