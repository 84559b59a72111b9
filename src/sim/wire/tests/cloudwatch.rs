use aws_sdk_cloudwatch::error::ProvideErrorMetadata as _;
use aws_sdk_cloudwatch::operation::describe_alarms::DescribeAlarmsError;
use aws_sdk_cloudwatch::operation::set_alarm_state::SetAlarmStateError;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    AlarmType, ComparisonOperator, Dimension, HistoryItemType, Metric, MetricDataQuery, MetricDatum, MetricStat,
    ScanBy, StateValue, Statistic, StatisticSet,
};

use super::*;

const NAMESPACE: &str = "Tests";

fn at(moment: Timestamp) -> DateTime {
    DateTime::from_millis(moment.millis())
}

fn query(id: &str, stat: &str) -> MetricDataQuery {
    let metric = Metric::builder().namespace(NAMESPACE).metric_name("Wait").build();
    let stat = MetricStat::builder().metric(metric).period(60).stat(stat).build();
    MetricDataQuery::builder().id(id).metric_stat(stat).build()
}

/// Writes waits of 1 to 100 ms into one past minute and returns that minute.
async fn put_waits(account: &Account) -> Timestamp {
    let minute = account.now().floor_to(Duration::from_mins(1)) - Duration::from_mins(5);
    let values: Vec<f64> = (1..=100).map(f64::from).collect();
    let datum = MetricDatum::builder().metric_name("Wait").timestamp(at(minute)).set_values(Some(values)).build();
    account.cloudwatch().put_metric_data().namespace(NAMESPACE).metric_data(datum).send().await.unwrap();
    account.pass(Duration::from_mins(3)).await;
    minute
}

#[tokio::test(start_paused = true)]
async fn percentiles_and_metric_math_come_back_over_cbor() {
    let account = Account::new();
    let minute = put_waits(&account).await;
    let found = account
        .cloudwatch()
        .get_metric_data()
        .start_time(at(minute))
        .end_time(at(minute + Duration::from_mins(1)))
        .scan_by(ScanBy::TimestampAscending)
        .metric_data_queries(query("p99", "p99"))
        .metric_data_queries(query("total", "Sum"))
        .metric_data_queries(MetricDataQuery::builder().id("doubled").expression("total * 2").build())
        .send()
        .await
        .unwrap();
    let results = found.metric_data_results();
    let value = |id: &str| results.iter().find(|it| it.id() == Some(id)).unwrap().values()[0];
    assert!((value("p99") - 99.0).abs() < 1.5, "{results:?}");
    assert!((value("total") - 5_050.0).abs() < 1e-6, "{results:?}");
    assert!((value("doubled") - 10_100.0).abs() < 1e-6, "{results:?}");
    assert_eq!(results[0].timestamps()[0], at(minute));
}

#[tokio::test(start_paused = true)]
async fn statistics_and_lists_of_metrics_come_back() {
    let account = Account::new();
    let minute = put_waits(&account).await;
    let set = StatisticSet::builder().sample_count(2.0).sum(6.0).minimum(1.0).maximum(5.0).build();
    let dimension = Dimension::builder().name("Task").value("t-1").build();
    let datum = MetricDatum::builder().metric_name("Batch").dimensions(dimension).statistic_values(set).build();
    account.cloudwatch().put_metric_data().namespace(NAMESPACE).metric_data(datum).send().await.unwrap();
    let found = account
        .cloudwatch()
        .get_metric_statistics()
        .namespace(NAMESPACE)
        .metric_name("Wait")
        .start_time(at(minute))
        .end_time(at(minute + Duration::from_mins(1)))
        .period(60)
        .statistics(Statistic::Maximum)
        .extended_statistics("p50")
        .send()
        .await
        .unwrap();
    let point = &found.datapoints()[0];
    assert_eq!((point.maximum(), point.sum()), (Some(100.0), None));
    assert!((point.extended_statistics().unwrap()["p50"] - 50.0).abs() < 1.5, "{point:?}");
    account.pass(Duration::from_mins(3)).await;
    let listed = account.cloudwatch().list_metrics().namespace(NAMESPACE).send().await.unwrap();
    let names: Vec<_> = listed.metrics().iter().filter_map(|metric| metric.metric_name()).collect();
    assert!(names.contains(&"Wait") && names.contains(&"Batch"), "{names:?}");
}

#[tokio::test(start_paused = true)]
async fn an_alarm_is_put_set_described_switched_off_and_deleted() {
    let account = Account::new();
    let cloudwatch = account.cloudwatch();
    cloudwatch
        .put_metric_alarm()
        .alarm_name("wait-high")
        .namespace(NAMESPACE)
        .metric_name("Wait")
        .extended_statistic("p99")
        .period(60)
        .evaluation_periods(3)
        .datapoints_to_alarm(2)
        .threshold(80.0)
        .comparison_operator(ComparisonOperator::GreaterThanThreshold)
        .treat_missing_data("notBreaching")
        .send()
        .await
        .unwrap();
    cloudwatch
        .set_alarm_state()
        .alarm_name("wait-high")
        .state_value(StateValue::Alarm)
        .state_reason("drill")
        .send()
        .await
        .unwrap();
    cloudwatch.disable_alarm_actions().alarm_names("wait-high").send().await.unwrap();
    let found = cloudwatch.describe_alarms().alarm_names("wait-high").send().await.unwrap();
    let alarm = &found.metric_alarms()[0];
    assert_eq!((alarm.state_value(), alarm.state_reason()), (Some(&StateValue::Alarm), Some("drill")));
    assert_eq!((alarm.extended_statistic(), alarm.threshold()), (Some("p99"), Some(80.0)));
    assert_eq!((alarm.datapoints_to_alarm(), alarm.actions_enabled()), (Some(2), Some(false)));
    assert!(alarm.state_updated_timestamp().is_some());
    cloudwatch.enable_alarm_actions().alarm_names("wait-high").send().await.unwrap();

    let metric = cloudwatch.describe_alarms_for_metric().namespace(NAMESPACE).metric_name("Wait").send().await.unwrap();
    assert_eq!(metric.metric_alarms()[0].alarm_name(), Some("wait-high"));
    let history = cloudwatch
        .describe_alarm_history()
        .alarm_name("wait-high")
        .history_item_type(HistoryItemType::StateUpdate)
        .send()
        .await
        .unwrap();
    let item = &history.alarm_history_items()[0];
    assert!(item.history_summary().unwrap().contains("to ALARM"), "{item:?}");
    serde_json::from_str::<Json>(item.history_data().unwrap()).unwrap();

    cloudwatch.delete_alarms().alarm_names("wait-high").send().await.unwrap();
    let found = cloudwatch.describe_alarms().alarm_names("wait-high").send().await.unwrap();
    assert!(found.metric_alarms().is_empty());
}

#[tokio::test(start_paused = true)]
async fn alarms_are_paged_and_composite_ones_listed_apart() {
    let account = Account::new();
    let cloudwatch = account.cloudwatch();
    cloudwatch.put_composite_alarm().alarm_name("any").alarm_rule("ALARM(\"api-5xx-high\")").send().await.unwrap();
    let mut names = Vec::new();
    let mut pages = cloudwatch.describe_alarms().alarm_name_prefix("api-").max_records(2).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert!(page.metric_alarms().len() <= 2);
        names.extend(page.metric_alarms().iter().map(|alarm| alarm.alarm_name().unwrap().to_owned()));
    }
    assert!(names.len() >= 4 && names.contains(&"api-5xx-high".to_owned()), "{names:?}");
    let found = cloudwatch.describe_alarms().alarm_types(AlarmType::CompositeAlarm).send().await.unwrap();
    assert_eq!(found.composite_alarms()[0].alarm_rule(), Some("ALARM(\"api-5xx-high\")"));
    assert!(found.metric_alarms().is_empty());
}

#[tokio::test(start_paused = true)]
async fn refusals_are_the_sdks_own_error_variants() {
    let cloudwatch = Account::new().cloudwatch();
    let refused = cloudwatch.set_alarm_state().alarm_name("ghost").state_value(StateValue::Ok).state_reason("x").send();
    let refused = refused.await.unwrap_err().into_service_error();
    assert!(matches!(refused, SetAlarmStateError::ResourceNotFound(_)), "{refused:?}");
    let refused = cloudwatch.describe_alarms().next_token("made-up").send().await.unwrap_err().into_service_error();
    assert!(matches!(refused, DescribeAlarmsError::InvalidNextToken(_)), "{refused:?}");
    let (start, end) = (at(Timestamp::from_secs(0)), at(Timestamp::from_secs(60)));
    let many = (0..501).map(|n| query(&format!("q{n}"), "Sum")).collect();
    let asked = cloudwatch.get_metric_data().start_time(start).end_time(end).set_metric_data_queries(Some(many));
    assert_eq!(asked.send().await.unwrap_err().code(), Some("ValidationError"));
}
