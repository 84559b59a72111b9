//! Metrics and alarms as AWS shows them.

use super::*;

#[test]
fn weight_on_an_empty_target_group_is_answered_with_503_by_the_load_balancer() {
    let mut world = world("healthy", 1);
    world.shift(50);
    world.wait(130);
    let truth = world.truth();
    assert!(truth.unserved.requests > 10_000, "{truth:?}");
    assert_eq!(truth.unserved.harmed, truth.unserved.requests);
    let published = world.list_metrics(&metrics::ListMetrics {
        name: Some("HTTPCode_ELB_5XX_Count".to_owned()),
        ..metrics::ListMetrics::default()
    });
    world.wait(60);
    assert_eq!(published.unwrap().len(), 1);
}

#[test]
fn datapoints_appear_only_after_the_publication_delay_and_never_for_quiet_minutes() {
    let mut world = written("summary = \"\"\n[metrics]\ndelay_min = \"40s\"\ndelay_max = \"40s\"\n");
    let balancer = world.elb.balancer_dimension().unwrap().to_owned();
    let metric = MetricId::new("AWS/ApplicationELB", "RequestCount", &[("LoadBalancer", &balancer)]);
    let minute = Duration::from_mins(1);
    let begun = world.now().floor_to(minute);
    let seen = |world: &World| {
        let (stats, metric) = (vec!["Sum".to_owned()], metric.clone());
        let input = GetMetricStatistics { metric, start: begun, end: begun + minute, period: 60, stats };
        world.get_metric_statistics(&input).unwrap().first().map(|point| point.values[0].1)
    };
    world.advance(begun + Duration::from_secs(99));
    assert_eq!(seen(&world), None);
    world.advance(begun + Duration::from_secs(100));
    let sum = seen(&world).unwrap();
    assert!((15_000.0..35_000.0).contains(&sum), "{sum}");

    let mut silent = World::new(&Scenario::named("healthy").unwrap().with_rate(0.0), 1, START);
    silent.wait(600);
    assert!(silent.list_metrics(&metrics::ListMetrics::default()).unwrap().iter().all(|id| id.name != "RequestCount"));
    assert_eq!(silent.truth().old.requests, 0);
}

#[test]
fn published_percentiles_are_those_of_the_requests() {
    let mut world = written("summary = \"\"\n[old]\nlatency_p50 = \"80ms\"\nlatency_p99 = \"600ms\"\n");
    world.wait(300);
    let balancer = world.elb.balancer_dimension().unwrap().to_owned();
    let metric = MetricId::new("AWS/ApplicationELB", "TargetResponseTime", &[("LoadBalancer", &balancer)]);
    let (start, end) = (world.now() - Duration::from_mins(15), world.now());
    let stats = vec!["p50".to_owned(), "p99".to_owned()];
    let points = world.get_metric_statistics(&GetMetricStatistics { metric, start, end, period: 300, stats }).unwrap();
    let of = |index: usize| points[1].values[index].1;
    assert!((of(0) / 0.080 - 1.0).abs() < 0.02, "{}", of(0));
    assert!((of(1) / 0.600 - 1.0).abs() < 0.03, "{}", of(1));
}

#[test]
fn an_alarm_may_fire_before_the_release() {
    assert_eq!(world("alarm-at-start", 1).alarm("api-cpu-high"), AlarmState::Alarm);
}

#[test]
fn a_version_that_leaks_memory_shows_it_minute_by_minute() {
    let mut world = written("summary = \"\"\n[new]\nmemory = \"50%\"\nmemory_growth = \"2%\"\n");
    world.release("api-green", 2);
    world.wait(900);
    let metric =
        MetricId::new("AWS/ECS", "MemoryUtilization", &[("ClusterName", "shop"), ("ServiceName", "api-green")]);
    let (start, end) = (world.started_at(), world.now());
    let input = GetMetricStatistics { metric, start, end, period: 60, stats: vec!["Average".to_owned()] };
    let points = world.get_metric_statistics(&input).unwrap();
    let value = |index: usize| points[index].values[0].1;
    assert!((value(11) - value(1) - 20.0).abs() < 3.0, "{} to {}", value(1), value(11));
}

#[test]
fn queries_page_by_datapoints_and_come_to_the_same() {
    let world = world("healthy", 1);
    let balancer = world.elb.balancer_dimension().unwrap().to_owned();
    let query = |id: &str, name: &str, stat: &str| MetricQuery {
        id: id.to_owned(),
        label: None,
        return_data: true,
        source: QuerySource::Stat(MetricStat {
            metric: MetricId::new("AWS/ApplicationELB", name, &[("LoadBalancer", &balancer)]),
            period: 60,
            stat: stat.to_owned(),
        }),
    };
    let mut input = GetMetricData {
        queries: vec![query("requests", "RequestCount", "Sum"), query("p99", "TargetResponseTime", "p99")],
        start: world.now() - Duration::from_mins(14),
        end: world.now(),
        scan_by: metrics::ScanBy::TimestampAscending,
        ..GetMetricData::default()
    };
    let whole = world.get_metric_data(&input).unwrap();
    assert!(whole.next_token.is_none() && whole.results[0].values.len() >= 10);
    input.max_datapoints = Some(7);
    let mut values = [Vec::new(), Vec::new()];
    loop {
        let page = world.get_metric_data(&input).unwrap();
        for result in page.results {
            values[usize::from(result.id == "p99")].extend(result.values);
        }
        input.next_token = page.next_token;
        if input.next_token.is_none() {
            break;
        }
    }
    assert_eq!(values[0], whole.results[0].values);
    assert_eq!(values[1], whole.results[1].values);
    input.next_token = Some("nonsense".to_owned());
    assert_eq!(world.get_metric_data(&input).unwrap_err().code, "InvalidNextToken");
}

#[test]
fn an_alarm_set_by_hand_stays_until_it_is_looked_at_and_leaves_a_history() {
    let mut world = world("healthy", 1);
    world.set_alarm_state("api-cpu-high", AlarmState::Alarm, "a drill", None).unwrap();
    assert_eq!(world.alarm("api-cpu-high"), AlarmState::Alarm);
    world.wait(61);
    assert_eq!(world.alarm("api-cpu-high"), AlarmState::Ok);
    let input = DescribeAlarmHistory {
        name: Some("api-cpu-high".to_owned()),
        kind: Some(HistoryType::StateUpdate),
        start: Some(world.started_at()),
        ..DescribeAlarmHistory::default()
    };
    let history: Vec<_> = world.describe_alarm_history(&input).unwrap().into_iter().map(|item| item.summary).collect();
    assert_eq!(history, ["Alarm updated from ALARM to OK", "Alarm updated from OK to ALARM"], "newest first");
}

#[test]
fn a_composite_alarm_follows_the_alarms_it_is_made_of() {
    let mut world = world("alarm-at-start", 1);
    let definition = AlarmDefinition {
        name: "release-blocker".to_owned(),
        description: None,
        actions_enabled: true,
        ok_actions: Vec::new(),
        alarm_actions: Vec::new(),
        insufficient_data_actions: Vec::new(),
        rule: AlarmRule::Composite("ALARM(api-cpu-high) AND NOT ALARM(\"api-5xx-high\")".to_owned()),
        suppressor: None,
    };
    world.put_alarm(definition).unwrap();
    world.wait(1);
    let (types, name_prefix) = (vec![AlarmType::Composite], Some("release-".to_owned()));
    let shown = world.describe_alarms(&DescribeAlarms { name_prefix, types, ..DescribeAlarms::default() }).unwrap();
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].state, AlarmState::Alarm);
    assert_eq!(world.describe_alarms(&DescribeAlarms::default()).unwrap().len(), 7, "only metric alarms unless asked");
}

#[test]
fn a_suppressor_and_a_mute_rule_keep_an_alarm_from_telling_anybody() {
    let told = |suppressor: Option<Suppressor>, muted: bool| {
        let mut world = world("alarm-at-start", 1);
        let topic = world.topic_arn("releases");
        if muted {
            world.put_alarm_mute_rule("tonight", vec!["blocker".to_owned()]);
        }
        let definition = AlarmDefinition {
            name: "blocker".to_owned(),
            description: None,
            actions_enabled: true,
            ok_actions: Vec::new(),
            alarm_actions: vec![topic],
            insufficient_data_actions: Vec::new(),
            rule: AlarmRule::Composite("ALARM(api-cpu-high)".to_owned()),
            suppressor,
        };
        world.put_alarm(definition).unwrap();
        world.wait(1);
        let types = vec![AlarmType::Composite];
        let names = vec!["blocker".to_owned()];
        let shown = world.describe_alarms(&DescribeAlarms { names, types, ..DescribeAlarms::default() }).unwrap();
        assert_eq!(shown[0].state, AlarmState::Alarm, "it fires all the same");
        let input = DescribeAlarmHistory {
            name: Some("blocker".to_owned()),
            kind: Some(HistoryType::Action),
            ..DescribeAlarmHistory::default()
        };
        let acted = !world.describe_alarm_history(&input).unwrap().is_empty();
        (acted, world.alarm_suppression(&shown[0]).map(|suppression| suppression.by))
    };
    let by = |alarm: &str, wait| Some(Suppressor { alarm: alarm.to_owned(), wait, extension: 0 });
    assert_eq!(told(None, false), (true, None));
    assert_eq!(told(None, true), (false, None));
    assert_eq!(told(by("api-cpu-high", 0), false), (false, Some("Alarm")));
    assert_eq!(told(by("arn:aws:cloudwatch:eu-west-1:1:alarm:api-5xx-high", 120), false), (false, Some("WaitPeriod")));
    assert_eq!(told(by("api-5xx-high", 0), false), (true, None));
}
