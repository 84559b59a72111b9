//! Whole releases, good and bad.

use super::*;

#[test]
fn a_world_starts_with_blue_serving_healthy_and_green_idle() {
    let world = world("healthy", 1);
    let (blue, green) = (world.service("api-blue"), world.service("api-green"));
    assert_eq!((blue.desired, blue.running, blue.pending), (6, 6, 0));
    assert_eq!(blue.deployments[0].rollout_state, RolloutState::Completed);
    assert_eq!((green.desired, green.running), (0, 0));
    assert_eq!(world.states("api-blue"), [TargetState::Healthy; 6]);
    let name_prefix = Some("api-".to_owned());
    let alarms = world.describe_alarms(&DescribeAlarms { name_prefix, ..DescribeAlarms::default() }).unwrap();
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
fn places_of_a_scenario_s_own_say_which_version_answers_and_when() {
    let mut world = written(
        "[[page]]\npath = \"/health\"\nbody = '{\"version\": \"${version}\", \"at\": \"${time}\"}'\n[[page]]\npath = \
         \"/leave\"\nmethod = \"POST\"\nstatus = 302\nheaders = { Location = \"https://elsewhere.example/\" }\n",
    );
    let AppResponse::Answered { status: 200, body, headers, .. } = world.get("api.shop.test", "/health") else {
        panic!("it is not there")
    };
    assert!(body.starts_with(r#"{"version": "4f2c1e9", "at": "20"#), "{body}");
    assert!(headers.contains(&("content-type".to_owned(), "application/json".to_owned())), "{headers:?}");
    let request = AppRequest {
        host: "api.shop.test".to_owned(),
        method: "POST".to_owned(),
        path: "/leave?now".to_owned(),
        headers: Vec::new(),
    };
    let AppResponse::Answered { status: 302, headers, .. } = world.http(&request) else { panic!("it is not there") };
    assert!(headers.contains(&("location".to_owned(), "https://elsewhere.example/".to_owned())), "{headers:?}");
    let AppResponse::Answered { status, .. } = world.get("api.shop.test", "/leave") else { panic!("nobody answers") };
    assert_eq!(status, 404, "another method is another place");
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
fn refusals_are_aws_own() {
    let mut world = world("healthy", 1);
    let code = |result: Result<(), ApiError>| result.unwrap_err().code;
    let nowhere = UpdateService { service: "nowhere".to_owned(), ..UpdateService::default() };
    assert_eq!(code(world.update_service(nowhere).map(drop)), "ServiceNotFoundException");
    assert_eq!(code(world.list_services(Some("nowhere")).map(drop)), "ClusterNotFoundException");
    assert_eq!(code(world.describe_target_health("nowhere").map(drop)), "TargetGroupNotFound");
    assert_eq!(code(world.modify_rule("nowhere", None, None).map(drop)), "RuleNotFound");
    assert_eq!(
        code(world.describe_log_streams("nowhere", None, logs::StreamOrder::Name).map(drop)),
        "ResourceNotFoundException"
    );
    assert_eq!(code(world.set_alarm_state("nowhere", AlarmState::Ok, "", None)), "ResourceNotFound");
    assert_eq!(code(world.get_topic("nowhere").map(drop)), "NotFound");
    assert!(world.changes().is_empty(), "a refused call changes nothing");
}
