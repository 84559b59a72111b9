//! The AWS adapter against the simulated AWS: real serialisation, retries and time-outs, on paused time.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking, in their helpers too")]

use std::time::Duration;

use cutover::clock::Clock;
use cutover::cloud::aws::Aws;
use cutover::cloud::{
    AlarmState, Cloud as _, CloudError, ErrorKind, LogRequest, Message, Registration, Rollout, ServiceTarget,
    SignalRequest, Span, Target,
};
use cutover::domain::alarm::{Comparison, explain};
use cutover::domain::capacity::Capacities;
use cutover::domain::ids::{AlarmName, Side, SignalName, TaskDefinitionArn, Version};
use cutover::domain::observed::AlarmWord;
use cutover::domain::percent::Percent;
use cutover::domain::plan::{Driver, SidePlan, Sides};
use cutover::domain::signal::{Measure, Percentile};
use cutover::domain::time::Timestamp;
use cutover::sim::world::ecs::UpdateService;
use cutover::sim::{Scenario, Sim};

const RELEASE: &str = "production/api/1/1795161600000";
const MINUTE: Duration = Duration::from_mins(1);

/// A simulated AWS, the adapter in front of it, and the component in it.
struct Stage {
    sim: Sim,
    aws: Aws,
    sides: Sides,
}

impl Stage {
    /// The world of an embedded scenario's name, or of a scenario's text.
    fn of(scenario: &str) -> Self {
        let scenario = Scenario::named(scenario).or_else(|_| Scenario::parse("test", scenario)).unwrap();
        let clock = Clock::starting_at(Timestamp::from_secs(1_795_161_600), 1.0);
        let sim = Sim::new(scenario, 11, clock);
        let aws = Aws::simulated(sim.http_client(), clock, "eu-west-1", "shop");
        let (groups, rule, definition) = sim.with(|world, _| {
            let balancer = world.describe_load_balancers(&[], &[]).unwrap().remove(0).arn;
            let listener = world.describe_listeners(Some(&balancer), &[]).unwrap().remove(0).arn;
            let rule = world.describe_rules(Some(&listener), &[]).unwrap().remove(0).arn;
            let groups = world.describe_target_groups(None, &[], &[]).unwrap();
            (groups, rule, world.describe_task_definition("api").unwrap().arn)
        });
        let side = |name: &str| SidePlan {
            service: name.to_owned(),
            target_group: groups.iter().find(|group| group.name == name).unwrap().arn.clone(),
            task_definition: TaskDefinitionArn(definition.clone()),
            container: "api".to_owned(),
            desired: 6,
            url: None,
        };
        let sides = Sides {
            driver: Driver::Alb,
            expiry: Duration::ZERO,
            group: None,
            rule,
            blue: side("api-blue"),
            green: side("api-green"),
        };
        Self { sim, aws, sides }
    }

    fn target(&self) -> Target {
        let service =
            |side: &SidePlan| ServiceTarget { service: side.service.clone(), target_group: side.target_group.clone() };
        let services = [service(&self.sides.blue), service(&self.sides.green)];
        Target {
            driver: Driver::Alb,
            group: None,
            rule: self.sides.rule.clone(),
            services,
            container: "api".to_owned(),
        }
    }

    async fn register(&self, look_first: bool) -> Result<TaskDefinitionArn, CloudError> {
        let (base, image) = (&self.sides.blue.task_definition, Version("api:9ab03d7".to_owned()));
        let request = Registration { base, container: "api", image: &image, release: RELEASE, look_first };
        self.aws.register(&request).await
    }

    /// Green's task definition registered and its service scaled to six tasks.
    async fn deploy(&self) -> TaskDefinitionArn {
        let definition = self.register(false).await.unwrap();
        self.aws.scale(&Rollout::of(&self.sides), Side::Green, 6, Some(&definition)).await.unwrap();
        definition
    }

    /// Reads capacity every five seconds until `enough`, for ten minutes at most.
    async fn capacity_until(&self, enough: impl Fn(&Capacities) -> bool) -> Capacities {
        for _ in 0..120 {
            let capacities = self.aws.capacity(&self.sides).await.unwrap();
            if enough(&capacities) {
                return capacities;
            }
            self.sim.clock().sleep(Duration::from_secs(5)).await;
        }
        panic!("not within ten minutes: {:?}", self.aws.capacity(&self.sides).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_can_be_made_by_hand_from_survey_to_full_weight() {
    let stage = Stage::of("healthy");
    let survey = stage.aws.survey(&stage.target()).await.unwrap();
    assert_eq!((survey.blue, survey.weights.map(Percent::get)), (0, [100, 0]));
    assert_eq!(survey.services.each_ref().map(|service| service.desired), [6, 0]);
    assert_eq!(survey.services[0].version.short(), "4f2c1e9");

    let definition = stage.deploy().await;
    assert_eq!(stage.register(true).await.unwrap(), definition, "looking first finds it");
    let up = |both: &Capacities| both.green.steady && both.green.healthy == 6;
    let both = stage.capacity_until(up).await;
    assert_eq!((both.green.task_definition, both.green.trouble), (definition, None));
    assert_eq!((both.blue.healthy, both.blue.running, both.blue.steady), (6, 6, true));

    for weight in [10, 50, 100, 0] {
        let weight = Percent::clamped(weight);
        stage.aws.set_weight(&Rollout::of(&stage.sides), weight).await.unwrap();
        assert_eq!(stage.aws.weight(&stage.sides).await.unwrap(), weight);
    }
    let split: Vec<u32> =
        stage.sim.with(|world, _| world.weight_history().iter().map(|change| change.weights[1].1).collect());
    assert!(split.ends_with(&[10, 50, 100, 0]), "{split:?}");
}

#[tokio::test(start_paused = true)]
async fn signals_of_both_sides_rest_on_the_requests_that_each_has_served() {
    let stage = Stage::of("errors");
    stage.deploy().await;
    stage.capacity_until(|both| both.green.healthy == 6).await;
    let clock = stage.sim.clock();
    let from = clock.now();
    stage.aws.set_weight(&Rollout::of(&stage.sides), Percent::clamped(10)).await.unwrap();
    clock.sleep(5 * MINUTE).await;

    let measures = [
        Measure::TargetErrors,
        Measure::ClientErrors,
        Measure::ResponseTime(Percentile(990)),
        Measure::RequestRate,
        Measure::Cpu,
        Measure::Memory,
    ];
    let signals: Vec<_> =
        measures.iter().map(|measure| (SignalName(format!("{measure:?}")), measure.clone())).collect();
    let request = SignalRequest {
        signals: &signals,
        sides: &stage.sides,
        cluster: "shop",
        from: from + MINUTE,
        to: clock.now(),
        period: MINUTE,
    };
    let pairs = stage.aws.signals(&request).await.unwrap();
    let [errors, client_errors, p99, rate, cpu, memory] = &pairs[..] else { panic!("{pairs:?}") };
    for pair in &pairs {
        assert!(pair.blue.len() >= 2 && pair.green.len() >= 2, "{pair:?}");
        assert!(pair.green.is_sorted_by_key(|point| point.at), "{pair:?}");
    }
    let mean = |points: &[cutover::domain::signal::Point]| {
        points.iter().map(|point| point.value).sum::<f64>() / points.len() as f64
    };
    assert!((5.0..11.0).contains(&mean(&errors.green)) && mean(&errors.blue) < 1.0, "{errors:?}");
    assert!((0.2..3.0).contains(&mean(&client_errors.blue)), "{client_errors:?}");
    assert!((300.0..1_200.0).contains(&mean(&p99.blue)), "{p99:?}");
    assert!((15.0..60.0).contains(&mean(&rate.green)) && mean(&rate.blue) > 5.0 * mean(&rate.green), "{rate:?}");
    assert!((20.0..70.0).contains(&mean(&cpu.blue)) && (40.0..80.0).contains(&mean(&memory.blue)), "{cpu:?}");
    assert!(errors.green.iter().all(|point| point.samples > 500), "{errors:?}");
    assert!(cpu.green.iter().all(|point| point.samples == 0), "{cpu:?}");
}

#[tokio::test(start_paused = true)]
async fn every_alarm_is_read_with_its_setup_its_past_what_mutes_it_and_its_points() {
    let stage = Stage::of("alarm-at-start");
    stage.sim.clock().sleep(Duration::from_mins(12)).await;
    let alarming = stage.aws.alarming();
    let roll = alarming.every_alarm(500).await.unwrap();
    assert!(!roll.is_cut);
    let of = |name: &str| roll.alarms.iter().find(|alarm| alarm.name.as_str() == name).unwrap();
    let cpu = of("api-cpu-high");
    assert_eq!(cpu.state, AlarmState::Alarm);
    let condition = cpu.setup.condition().unwrap();
    assert_eq!((condition.comparison, condition.threshold, condition.period), (Comparison::Above, Some(80.0), MINUTE));
    let said = explain(AlarmWord::Firing, &cpu.reason, &cpu.setup);
    assert!(said.contains("is above 80: ") && said.contains(" points (1 min each), newest "), "{said}");
    assert_eq!(of("api-down").setup.children(), ["api-5xx-high".into(), "api-unhealthy-hosts".into()]);
    assert_eq!(alarming.muted().await.unwrap(), [("shop-storage-low".into(), "weekly-storage-report".to_owned())]);

    let now = stage.sim.clock().now();
    let span = Span { from: now - Duration::from_mins(10), to: now, period: MINUTE };
    let points = alarming.watched_points(&condition.of, span).await.unwrap();
    assert!(points.len() >= 8 && points.iter().all(|(_, value)| *value > 50.0), "{points:?}");
    assert!(points.is_sorted_by_key(|(at, _)| *at));
    assert_eq!(alarming.watched_points(&condition.of, Span { from: now, ..span }).await.unwrap(), []);

    let past = alarming.transitions(Some(&cpu.name), now - Duration::from_hours(24)).await.unwrap();
    let turns: Vec<_> = past.transitions.iter().map(|turn| (turn.from, turn.to)).collect();
    assert_eq!(turns, [(AlarmWord::InsufficientData, AlarmWord::Firing)]);
    assert_eq!(past.known_since, now - Duration::from_hours(24));
    let all = alarming.transitions(None, now - Duration::from_hours(24)).await.unwrap().transitions;
    assert!(all.len() > turns.len() && all.is_sorted_by_key(|turn| std::cmp::Reverse(turn.at)));
}

#[tokio::test(start_paused = true)]
async fn alarms_logs_tasks_messages_and_identity_read_as_the_world_has_them() {
    let stage = Stage::of("healthy");
    let clock = stage.sim.clock();
    clock.sleep(MINUTE).await;

    let names = [AlarmName::from("api-5xx-high"), AlarmName::from("ghost")];
    let states: Vec<AlarmState> =
        stage.aws.alarms(&names).await.unwrap().into_iter().map(|alarm| alarm.state).collect();
    assert_eq!(states, [AlarmState::Ok, AlarmState::Missing]);

    let tasks = stage.aws.tasks(&stage.sides).await.unwrap();
    assert_eq!(tasks.iter().filter(|task| task.side == Side::Blue && task.stopped.is_none()).count(), 6);

    let since = clock.now() - MINUTE;
    let mut request = LogRequest { group: "/ecs/api", since, cursor: None, limit: 50 };
    let first = stage.aws.logs(&request).await.unwrap();
    request.cursor = first.cursor.as_deref();
    let second = stage.aws.logs(&request).await.unwrap();
    assert_eq!(first.events.len(), 50);
    assert!(first.events.is_sorted_by_key(|event| event.at) && first.events[0].at >= since);
    assert!(!second.events.is_empty() && second.events.iter().all(|event| !first.events.contains(event)));
    let of_task = |stream: &str| tasks.iter().any(|task| stream.ends_with(&task.id));
    assert!(first.events.iter().all(|event| of_task(&event.stream)), "{:?}", first.events[0]);

    let topic = stage.sim.with(|world, _| world.list_topics().unwrap().remove(0));
    let attributes = &[("severity", "info")];
    let message = Message { key: "production/api/1/begun", subject: "api → 9ab03d7", body: "begun", attributes };
    stage.aws.publish(&topic, &message).await.unwrap();
    let delivered = stage.sim.with(|world, _| world.deliveries().last().cloned()).unwrap();
    assert_eq!((delivered.subject.as_deref(), &*delivered.message), (Some("api -> 9ab03d7"), "begun"));
    let mut attributes = delivered.attributes;
    attributes.sort();
    let wanted = [("cutover.key", message.key), ("severity", "info")];
    assert_eq!(attributes, wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));

    let identity = stage.aws.identity().await.unwrap();
    assert_eq!(identity.account, "123456789012");
    assert!(identity.expires.is_some_and(|until| until > clock.now()));
}

#[tokio::test(start_paused = true)]
async fn a_registration_whose_answer_was_lost_happens_once_and_is_found() {
    let stage = Stage::of("[[api_faults]]\nkind = \"lost-response\"\noperations = [\"RegisterTaskDefinition\"]");
    let error = stage.register(false).await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Transport | ErrorKind::Timeout), "{error}");
    let found = stage.register(true).await.unwrap();
    let tagged = stage.sim.with(|world, _| world.task_definitions_tagged("cutover:release", RELEASE));
    assert_eq!(tagged.iter().map(|one| one.arn.as_str()).collect::<Vec<_>>(), [found.as_str()]);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_does_not_start_is_told_with_its_tasks_own_reason() {
    let stage = Stage::of("crash-loop");
    let definition = stage.deploy().await;
    let both = stage.capacity_until(|both| both.green.rollout_failed).await;
    assert_eq!(both.green.task_definition, definition);
    assert!(both.green.failed_tasks >= 3 && !both.green.steady && both.green.healthy < 6, "{:?}", both.green);
    let trouble = both.green.trouble.unwrap();
    assert!(trouble.contains("api exited with 1") && trouble.contains("tasks failed to start"), "{trouble}");
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_failed_is_tried_anew_with_the_same_task_definition() {
    let stage = Stage::of("crash-loop");
    let definition = stage.deploy().await;
    stage.capacity_until(|both| both.green.rollout_failed).await;
    let deployments = || {
        stage.sim.with(|world, _| {
            let services = world.describe_services(None, &["api-green".to_owned()]).unwrap().found;
            services[0].deployments.iter().map(|deployment| deployment.id.clone()).collect::<Vec<_>>()
        })
    };
    // Asked in the plain way, ECS does nothing: the service is on that task definition already.
    let before = deployments();
    let plain = UpdateService {
        service: "api-green".to_owned(),
        task_definition: Some(definition.0.clone()),
        desired: Some(6),
        ..UpdateService::default()
    };
    stage.sim.with(|world, _| world.update_service(plain).unwrap());
    assert_eq!(deployments(), before);

    stage.aws.scale(&Rollout::of(&stage.sides), Side::Green, 6, Some(&definition)).await.unwrap();
    assert_ne!(deployments()[0], before[0], "a deployment of its own");
    let both = stage.aws.capacity(&stage.sides).await.unwrap();
    assert_eq!(
        (both.green.rollout_failed, both.green.failed_tasks),
        (false, 0),
        "the old failure is not the new one's"
    );
    stage.aws.scale(&Rollout::of(&stage.sides), Side::Green, 6, Some(&definition)).await.unwrap();
    assert_eq!(deployments().len(), before.len() + 1, "asking twice starts one");
    stage.capacity_until(|both| both.green.failed_tasks > 0).await;
}

#[tokio::test(start_paused = true)]
async fn targets_are_told_while_ecs_cannot_be_asked() {
    for (fault, kind) in [("throttling", ErrorKind::Throttled), ("server-error", ErrorKind::Unavailable)] {
        let stage = Stage::of(&format!("[[api_faults]]\nkind = \"{fault}\"\noperations = [\"DescribeServices\"]"));
        let both = stage.aws.capacity(&stage.sides).await.unwrap();
        let unread = both.unread().unwrap();
        assert!(unread.transient && unread.message.contains(&kind.to_string()), "{unread:?}");
        assert_eq!((both.blue.healthy, both.blue.registered, both.blue.dependable()), (6, 6, 6));
        assert_eq!((both.green.dependable(), both.green.steady), (0, false));
    }
}

#[tokio::test(start_paused = true)]
async fn each_fault_of_the_api_is_told_by_its_kind() {
    for (fault, kind) in [
        ("throttling", ErrorKind::Throttled),
        ("server-error", ErrorKind::Unavailable),
        ("html-error", ErrorKind::Unavailable),
        ("lost-request", ErrorKind::Transport),
        ("timeout", ErrorKind::Timeout),
        ("expired-credentials", ErrorKind::Expired),
        ("access-denied", ErrorKind::Denied),
    ] {
        let stage = Stage::of(&format!("[[api_faults]]\nkind = \"{fault}\""));
        let aws = &stage.aws;
        let names = [AlarmName::from("api-5xx-high")];
        let logs = LogRequest { group: "/ecs/api", since: Timestamp::default(), cursor: None, limit: 1 };
        let kinds = [
            aws.weight(&stage.sides).await.unwrap_err().kind,
            aws.capacity(&stage.sides).await.unwrap_err().kind,
            aws.alarms(&names).await.unwrap_err().kind,
            aws.logs(&logs).await.unwrap_err().kind,
            aws.identity().await.unwrap_err().kind,
        ];
        assert_eq!(kinds, [kind; 5], "{fault}");
    }
}
