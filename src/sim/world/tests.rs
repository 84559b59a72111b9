//! The world as a whole: releases, faults, and what AWS shows of them.

use std::time::Duration;

use serde_json::json;

use super::alarms::{AlarmState, DescribeAlarms};
use super::ecs::{
    CircuitBreaker, DeploymentConfiguration, DesiredStatus, ListTasks, RegisterTaskDefinition, RolloutState, Service,
    StopCode, TaskStatus, UpdateService,
};
use super::elb::{Action, TargetState, WeightedTargetGroup};
use super::logs::{FilterLogEvents, GetLogEvents, LiveTail, ReadFrom};
use super::metrics::{GetMetricStatistics, MetricId};
use super::{AppRequest, AppResponse, World};
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

#[test]
fn a_world_starts_with_blue_serving_healthy_and_green_idle() {
    let world = world("healthy", 1);
    let (blue, green) = (world.service("api-blue"), world.service("api-green"));
    assert_eq!((blue.desired, blue.running, blue.pending), (6, 6, 0));
    assert_eq!(blue.deployments[0].rollout_state, RolloutState::Completed);
    assert_eq!((green.desired, green.running), (0, 0));
    assert_eq!(world.states("api-blue"), [TargetState::Healthy; 6]);
    let alarms = world.describe_alarms(&DescribeAlarms::default()).unwrap();
    let shown: Vec<_> = alarms.iter().map(|alarm| (alarm.definition.name.as_str(), alarm.state)).collect();
    let names = ["api-5xx-high", "api-cpu-high", "api-latency-p99-high", "api-unhealthy-hosts"];
    assert_eq!(shown, names.map(|name| (name, AlarmState::Ok)));
    assert!(world.changes().is_empty());
    assert_eq!(world.weight_history()[0].weights, [("api-blue".to_owned(), 100), ("api-green".to_owned(), 0)]);
}

#[test]
fn the_same_seed_gives_the_same_world_and_another_seed_another() {
    let play = |seed| {
        let mut world = world("errors", seed);
        world.release("api-green", 6);
        world.wait(90);
        world.shift(10);
        world.wait(120);
        world.fingerprint()
    };
    assert_eq!(play(7), play(7));
    assert_ne!(play(7), play(8));
}

#[test]
fn advancing_in_small_steps_or_at_once_comes_to_the_same() {
    let (mut steps, mut leap) = (world("healthy", 3), world("healthy", 3));
    for _ in 0..600 {
        steps.advance(steps.now() + Duration::from_millis(100));
    }
    leap.wait(60);
    assert_eq!(steps.fingerprint(), leap.fingerprint());
}

#[test]
fn green_becomes_healthy_takes_traffic_by_weight_and_a_good_version_harms_nobody() {
    let mut world = world("healthy", 1);
    world.release("api-green", 6);
    world.wait(60);
    assert_eq!(world.states("api-green"), [TargetState::Healthy; 6]);
    assert_eq!(world.service("api-green").deployments[0].rollout_state, RolloutState::Completed);
    let before = world.truth();
    assert_eq!(before.new.requests, 0, "weight 0 gets no user");
    world.shift(10);
    world.wait(120);
    let truth = world.truth();
    let share = truth.new.requests as f64 / (truth.new.requests + truth.old.requests - before.old.requests) as f64;
    assert!((share - 0.1).abs() < 0.01, "{share}");
    assert_eq!(truth.harmed(), 0);
}

#[test]
fn a_broken_version_harms_in_proportion_and_rolling_back_ends_it() {
    let mut world = world("errors", 1);
    world.release("api-green", 6);
    world.wait(60);
    world.shift(50);
    world.wait(300);
    let harmed = world.truth().new.harmed as f64 / world.truth().new.requests as f64;
    assert!((harmed - 0.079).abs() < 0.005, "8 % fail, of which 0.1 % would have failed before: {harmed}");
    assert_eq!(world.alarm("api-5xx-high"), AlarmState::Ok, "half of the traffic at 8 % is 4 %, below 5 %");
    world.shift(100);
    world.wait(420);
    assert_eq!(world.alarm("api-5xx-high"), AlarmState::Alarm);
    let topic = world.list_topics().unwrap().remove(0);
    let told = world
        .deliveries()
        .iter()
        .any(|one| one.topic_arn == topic && one.message.contains("\"NewStateValue\":\"ALARM\""));
    assert!(told, "the alarm publishes to its topic");
    world.shift(0);
    let harmed = world.truth().new.harmed;
    world.wait(400);
    assert_eq!(world.truth().new.harmed, harmed);
    assert_eq!(world.alarm("api-5xx-high"), AlarmState::Ok);
}

#[test]
fn a_dependency_fails_both_sides_and_blames_neither() {
    let mut world = world("dependency", 1);
    world.release("api-green", 6);
    world.wait(60);
    world.shift(50);
    world.wait(6 * 60 + 120);
    let truth = world.truth();
    assert!(truth.old.errors > 1_000 && truth.new.errors > 1_000, "{truth:?}");
    assert_eq!(truth.harmed(), 0);
}

#[test]
fn a_crash_loop_fails_the_deployment_and_leaves_what_serves_alone() {
    let mut world = world("crash-loop", 1);
    world.release("api-green", 6);
    world.wait(40);
    assert!(matches!(world.get("green.api.shop.test", "/healthz"), AppResponse::Refused));
    world.wait(300);
    let green = world.service("api-green");
    assert_eq!(green.deployments[0].rollout_state, RolloutState::Failed);
    assert_eq!(green.deployments[0].rollout_state_reason, "ECS deployment circuit breaker: tasks failed to start.");
    assert!(green.deployments[0].failed_tasks >= 3);
    let stopped = ListTasks { desired_status: Some(DesiredStatus::Stopped), ..ListTasks::default() };
    let tasks = world.list_tasks(&stopped).unwrap();
    let task = world.describe_tasks(None, &tasks).unwrap().found.remove(0);
    assert_eq!(task.stop_code, Some(StopCode::EssentialContainerExited));
    assert_eq!(task.containers[0].exit_code, Some(1));
    assert_eq!(task.last_status, TaskStatus::Stopped);
    assert_eq!(world.service("api-blue").running, 6);
    world.wait(3_700);
    assert!(world.describe_tasks(None, &tasks).unwrap().found.is_empty(), "stopped tasks are forgotten after an hour");
}

#[test]
fn a_rolling_deployment_stays_within_its_bounds() {
    for (minimum, maximum) in [(100, 200), (50, 100), (100, 150)] {
        let mut world = world("healthy", 5);
        let deployment_configuration = Some(DeploymentConfiguration {
            minimum_healthy_percent: minimum,
            maximum_percent: maximum,
            circuit_breaker: CircuitBreaker::Fail,
        });
        let service = "api-blue".to_owned();
        world.update_service(UpdateService { service, deployment_configuration, ..UpdateService::default() }).unwrap();
        world.release("api-blue", 6);
        let (mut least, mut most) = (u32::MAX, 0);
        let mut finished = false;
        for _ in 0..900 {
            world.wait(1);
            let states = world.states("api-blue");
            let healthy = states.iter().filter(|state| **state == TargetState::Healthy).count() as u32;
            let service = world.service("api-blue");
            least = least.min(healthy);
            most = most.max(service.running + service.pending);
            finished =
                service.deployments.len() == 1 && service.deployments[0].rollout_state == RolloutState::Completed;
            if finished {
                break;
            }
        }
        assert!(finished, "{minimum}/{maximum} never completed");
        assert!(least * 100 >= 6 * minimum, "{least} healthy of 6 at {minimum}%");
        assert!(most * 100 <= 6 * maximum, "{most} tasks for 6 at {maximum}%");
    }
}

#[test]
fn a_leaving_task_drains_for_the_deregistration_delay() {
    let mut world = written("summary = \"\"\n[health_check]\nderegistration_delay = \"20s\"\n");
    let service = "api-blue".to_owned();
    world.update_service(UpdateService { service, desired: Some(4), ..UpdateService::default() }).unwrap();
    world.wait(2);
    let draining =
        |world: &World| world.states("api-blue").iter().filter(|state| **state == TargetState::Draining).count();
    assert_eq!(draining(&world), 2);
    let requests = world.truth().unserved;
    world.wait(17);
    assert_eq!(draining(&world), 2);
    world.wait(4);
    assert_eq!(draining(&world), 0);
    assert_eq!(world.states("api-blue").len(), 4);
    assert_eq!(world.truth().unserved, requests, "nobody noticed");
}

#[test]
fn weight_on_an_empty_target_group_is_answered_with_503_by_the_load_balancer() {
    let mut world = world("healthy", 1);
    world.shift(50);
    world.wait(130);
    let truth = world.truth();
    assert!(truth.unserved.requests > 10_000, "{truth:?}");
    assert_eq!(truth.unserved.harmed, truth.unserved.requests);
    let published = world.list_metrics(&super::metrics::ListMetrics {
        name: Some("HTTPCode_ELB_5XX_Count".to_owned()),
        ..super::metrics::ListMetrics::default()
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
    assert!(
        silent
            .list_metrics(&super::metrics::ListMetrics::default())
            .unwrap()
            .iter()
            .all(|id| id.name != "RequestCount")
    );
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
fn the_service_answers_over_http_whatever_its_weight() {
    let mut world = world("healthy", 1);
    world.release("api-green", 2);
    world.wait(60);
    for (host, expected) in
        [("green.api.shop.test", "9ab03d7"), ("blue.api.shop.test", "4f2c1e9"), ("api.shop.test", "4f2c1e9")]
    {
        let AppResponse::Answered { status, body, .. } = world.get(host, "/version") else {
            panic!("{host} does not answer")
        };
        assert_eq!(status, 200);
        assert!(body.contains(&format!("\"version\":\"{expected}\"")), "{host}: {body}");
    }
    assert!(matches!(world.get("elsewhere.test", "/"), AppResponse::UnknownHost));
}

#[test]
fn reads_lag_behind_writes_when_the_scenario_says_so() {
    let mut world = world("throttled", 1);
    world.release("api-green", 6);
    world.shift(10);
    let weights = |world: &World| match &world.describe_rules(None, &[world.rule()]).unwrap()[0].actions[0] {
        Action::Forward { target_groups, .. } => target_groups[1].weight,
        _ => panic!("not a forward"),
    };
    assert_eq!((world.service("api-green").desired, weights(&world)), (0, 0));
    assert_eq!(world.current_weights()[0].1[1].1, 10, "traffic follows at once");
    world.wait(2);
    assert_eq!((world.service("api-green").desired, weights(&world)), (6, 10));
}

#[test]
fn an_alarm_may_fire_before_the_release() {
    assert_eq!(world("alarm-at-start", 1).alarm("api-cpu-high"), AlarmState::Alarm);
}

#[test]
fn a_cold_version_is_slow_for_its_first_traffic_only() {
    let mut world = world("cold-start", 1);
    world.release("api-green", 6);
    world.wait(120);
    world.shift(50);
    world.wait(89);
    let cold = world.truth().new;
    assert!(cold.harmed * 50 > cold.requests, "more than 2 % are slowed: {cold:?}");
    world.wait(10);
    let warm = world.truth().new.harmed;
    world.wait(120);
    assert_eq!(world.truth().new.harmed, warm);
}

#[test]
fn filtered_events_page_through_everything_once_and_in_order() {
    let mut world = world("errors", 1);
    world.wait(30);
    let mut input = FilterLogEvents {
        group: "/ecs/api".to_owned(),
        start: Some(START),
        pattern: Some("{ $.status >= 200 }".to_owned()),
        ..FilterLogEvents::default()
    };
    let all = world.filter_log_events(&input).unwrap();
    assert!(all.next_token.is_none() && all.events.len() > 300, "{}", all.events.len());
    input.limit = Some(100);
    let mut paged = Vec::new();
    loop {
        let page = world.filter_log_events(&input).unwrap();
        paged.extend(page.events);
        input.next_token = page.next_token;
        if input.next_token.is_none() {
            break;
        }
    }
    assert_eq!(paged, all.events);
    assert!(paged.is_sorted_by_key(|event| event.at));
    let mut ids: Vec<&String> = paged.iter().map(|event| &event.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), paged.len());
}

#[test]
fn a_stream_is_read_forwards_and_backwards_and_its_ends_repeat_their_token() {
    let mut world = world("healthy", 1);
    let streams = world.describe_log_streams("/ecs/api", None, super::logs::StreamOrder::Name).unwrap();
    assert_eq!(streams.len(), 6);
    world.wait(30);
    let mut input = GetLogEvents {
        group: "/ecs/api".to_owned(),
        stream: streams[0].name.clone(),
        start: Some(START),
        from: ReadFrom::Head,
        limit: Some(10),
        ..GetLogEvents::default()
    };
    let first = world.get_log_events(&input).unwrap();
    input.next_token = Some(first.next_forward_token.clone());
    let second = world.get_log_events(&input).unwrap();
    assert!(first.events[9].id < second.events[0].id);
    input.next_token = Some(second.next_backward_token.clone());
    assert_eq!(world.get_log_events(&input).unwrap().events, first.events);
    input.limit = None;
    input.next_token = Some(first.next_forward_token);
    let rest = world.get_log_events(&input).unwrap();
    input.next_token = Some(rest.next_forward_token.clone());
    let end = world.get_log_events(&input).unwrap();
    assert!(end.events.is_empty());
    assert_eq!(end.next_forward_token, rest.next_forward_token);
}

#[test]
fn a_live_tail_sees_every_event_once_and_samples_floods() {
    let mut world = world("healthy", 1);
    let tail = LiveTail { groups: vec!["/ecs/api".to_owned()], ..LiveTail::default() };
    let mut cursor = world.live_tail_start(&tail).unwrap();
    world.put_log_events_for_test("late");
    let mut seen = Vec::new();
    for _ in 0..20 {
        world.wait(1);
        let update = world.live_tail_since(&tail, cursor).unwrap();
        cursor = update.cursor;
        assert!(!update.sampled);
        seen.extend(update.events);
    }
    assert_eq!(seen.iter().filter(|event| event.message == "late").count(), 1);
    let mut ids: Vec<_> = seen.iter().map(|event| event.id.clone()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), seen.len());
    assert!(seen.len() > 400, "{}", seen.len());
    world.wait(120);
    let flood = world.live_tail_since(&tail, cursor).unwrap();
    assert_eq!((flood.events.len(), flood.sampled), (500, true));
}

impl World {
    fn put_log_events_for_test(&mut self, message: &str) {
        self.create_log_stream("/ecs/api", "extra").unwrap();
        self.put_log_events("/ecs/api", "extra", vec![(self.now(), message.to_owned())]).unwrap();
    }
}

#[test]
fn hostile_lines_reach_the_reader_as_they_are() {
    let mut world = world("hostile-logs", 1);
    world.wait(60);
    let input = FilterLogEvents { group: "/ecs/api".to_owned(), start: Some(START), ..FilterLogEvents::default() };
    let events = world.filter_log_events(&input).unwrap().events;
    for part in ["\u{1b}[2J", "\u{202e}", "aws_secret_access_key=", "\u{1b}]52;"] {
        assert!(events.iter().any(|event| event.message.contains(part)), "{part:?}");
    }
}

#[test]
fn refusals_are_aws_own() {
    let mut world = world("healthy", 1);
    let code = |result: Result<(), super::ApiError>| result.unwrap_err().code;
    let nowhere = UpdateService { service: "nowhere".to_owned(), ..UpdateService::default() };
    assert_eq!(code(world.update_service(nowhere).map(drop)), "ServiceNotFoundException");
    assert_eq!(code(world.list_services(Some("nowhere")).map(drop)), "ClusterNotFoundException");
    assert_eq!(code(world.describe_target_health("nowhere").map(drop)), "TargetGroupNotFound");
    assert_eq!(code(world.modify_rule("nowhere", None, None).map(drop)), "RuleNotFound");
    assert_eq!(
        code(world.describe_log_streams("nowhere", None, super::logs::StreamOrder::Name).map(drop)),
        "ResourceNotFoundException"
    );
    assert_eq!(code(world.set_alarm_state("nowhere", AlarmState::Ok, "", None)), "ResourceNotFound");
    assert_eq!(code(world.get_topic("nowhere").map(drop)), "NotFound");
    assert!(world.changes().is_empty(), "a refused call changes nothing");
}
