use std::collections::BTreeMap;
use std::time::Duration;

use super::{EXAMPLE, LEAST, read};
use crate::cloud::{ServiceSurvey, Survey};
use crate::config::{Channel, Config, ConfigError, Receiver, Request};
use crate::domain::ids::{ReleaseId, TaskDefinitionArn, Version};
use crate::domain::notice::Route;
use crate::domain::percent::Percent;
use crate::domain::plan::{GateKind, OnFailure, Plan, StageKind};

const IMAGE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/api:9ab03d7";

fn survey(blue: usize) -> Survey {
    let service = |name: &str, desired| ServiceSurvey {
        task_definition: TaskDefinitionArn(format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/{name}:1")),
        version: Version(format!("api:{name}")),
        desired,
        is_deploying: false,
    };
    let (first, second) = if blue == 0 { (6, 0) } else { (0, 4) };
    let weights = if blue == 0 { [Percent::FULL, Percent::ZERO] } else { [Percent::ZERO, Percent::FULL] };
    Survey { blue, weights, services: [service("first", first), service("second", second)] }
}

fn plan_of(config: &Config, environment: &str, image: &str, blue: usize) -> Result<Plan, ConfigError> {
    let version = Version(image.to_owned());
    let request = Request { environment, component: None, version: &version, release: ReleaseId(41) };
    config.plan(&request, &survey(blue))
}

fn example(environment: &str, blue: usize) -> Plan {
    plan_of(&read(EXAMPLE).unwrap(), environment, IMAGE, blue).unwrap()
}

fn confirm(plan: &Plan) -> Option<&str> {
    plan.stages.iter().find_map(|stage| match &stage.kind {
        StageKind::Gate(gate) => gate.confirm.as_deref(),
        _ => None,
    })
}

#[test]
fn the_example_makes_the_plan_that_the_requirements_ask_for() {
    let plan = example("demo", 0);
    let stages: Vec<_> = plan.stages.iter().map(|stage| (stage.name.as_str(), stage.kind.word())).collect();
    let wanted = [
        ("gates", "gate"),
        ("migrate", "command"),
        ("deploy", "deploy"),
        ("smoke", "smoke"),
        ("shift", "shift"),
        ("verify", "verify"),
        ("tell", "notify"),
        ("cleanup", "cleanup"),
    ];
    assert_eq!(stages, wanted);
    let shift = plan.shift().unwrap();
    let steps: Vec<_> = shift.steps.iter().map(|step| (step.weight.get(), step.bake, step.gate)).collect();
    let bake = Duration::from_mins(5);
    assert_eq!(steps, [10, 50, 100].map(|weight| (weight, bake, GateKind::Automatic)));
    let limits: Vec<_> = plan.signals.iter().filter_map(|signal| Some((signal.name.as_str(), signal.max?))).collect();
    assert_eq!(limits, [("errors", 5.0), ("latency-p99", 1_000.0), ("cpu", 85.0)]);
    assert_eq!(plan.stages.last().map(|stage| stage.on_failure), Some(OnFailure::Wait));
    insta::assert_snapshot!(serde_json::to_string_pretty(&plan).unwrap());
}

#[test]
fn the_demo_runs_unattended_and_production_asks_for_a_phrase() {
    assert_eq!(confirm(&example("demo", 0)), None);
    let production = example("production", 0);
    assert!(production.production);
    assert_eq!(confirm(&production), Some("deploy api"));
    assert_eq!(production.signals[0].max, Some(1.0));
    assert_eq!(production.signals[0].over_blue, Some(2.0));
    assert!(production.sides.rule.contains(":210987654321:"));
    assert_eq!(production.sides.blue.url.as_deref(), Some("https://blue.api.shop.example"));
}

#[test]
fn production_asks_for_its_own_name_unless_it_is_told_otherwise() {
    let gate = "[[pipelines.standard.stages]]\nname = \"gates\"\nkind = \"gate\"\nGATE\n[[pipelines.standard.stages]]";
    let asked = |environment: &str, of_gate: &str| {
        let text = LEAST.replacen("account", &format!("production = true\n{environment}\naccount"), 1).replacen(
            "[[pipelines.standard.stages]]",
            &gate.replace("GATE", of_gate),
            1,
        );
        confirm(&plan_of(&read(&text).unwrap(), "staging", "api:2", 0).unwrap()).map(str::to_owned)
    };
    assert_eq!(asked("", "").as_deref(), Some("staging"));
    assert_eq!(asked("confirm = false", "").as_deref(), None);
    assert_eq!(asked("confirm = \"ship ${version}\"", "").as_deref(), Some("ship 2"));
    assert_eq!(asked("", "confirm = \"DEPLOY\"").as_deref(), Some("DEPLOY"));
}

#[test]
fn whichever_service_has_the_traffic_is_blue_and_green_becomes_as_large() {
    let sides = |blue| {
        let plan = example("demo", blue);
        (plan.sides.blue.service, plan.sides.green.service, plan.sides.green.desired, plan.from.to_string())
    };
    assert_eq!(sides(0), ("api-blue".into(), "api-green".into(), 6, "first".into()));
    assert_eq!(sides(1), ("api-green".into(), "api-blue".into(), 4, "second".into()));
    let fixed = read(&LEAST.replacen("cluster", "tasks = 9\ncluster", 1)).unwrap();
    let plan = plan_of(&fixed, "staging", "api:2", 0).unwrap();
    assert_eq!((plan.sides.blue.desired, plan.sides.green.desired), (9, 9));
}

#[test]
fn a_release_that_cannot_be_planned_is_refused_with_the_reason() {
    let config = read(EXAMPLE).unwrap();
    let refused = |environment: &str, image: &str| plan_of(&config, environment, image, 0).unwrap_err().to_string();
    assert_eq!(refused("prodution", IMAGE), "unknown environment `prodution`; did you mean `production`?");
    assert_eq!(refused("test", IMAGE), "unknown environment `test`; there is demo, production");
    for image in ["", "api; rm -rf /", "api:$(id)", "-h", "api:`x`", "api:\n1", "api:"] {
        assert!(refused("demo", image).contains("is not an image reference"), "{image}");
    }
    let mut idle = survey(0);
    idle.services[0].desired = 0;
    let version = Version(IMAGE.to_owned());
    let request = Request { environment: "demo", component: Some("api"), version: &version, release: ReleaseId(1) };
    assert!(
        matches!(config.plan(&request, &idle), Err(ConfigError::NothingServes { service, .. }) if service == "api-blue")
    );
}

#[test]
fn several_components_must_be_told_apart() {
    let second = LEAST.split_once("[components.api]").and_then(|(_, rest)| rest.split_once("[signals")).unwrap().0;
    let web = second.replace("components.api", "components.web");
    let config = read(&format!("{LEAST}\n[components.web]{web}")).unwrap();
    assert!(
        matches!(config.component("staging", None), Err(ConfigError::WhichComponent { known, .. }) if known == ["api", "web"])
    );
    let nearly = config.component("staging", Some("wbe")).unwrap_err().to_string();
    assert_eq!(nearly, "unknown component `wbe`; did you mean `web`?");
    assert_eq!(config.component("staging", Some("web")).unwrap().0.as_str(), "web");
}

#[test]
fn a_component_is_only_where_it_says() {
    let other = "[environments.other]\naccount = \"210987654321\"\nregion = \"us-east-1\"\n\n";
    let text = format!("{other}{LEAST}").replacen("cluster", "environments = [\"staging\"]\ncluster", 1);
    let config = read(&text).unwrap();
    assert!(config.component("staging", None).is_ok());
    assert!(matches!(config.component("other", Some("api")), Err(ConfigError::Unknown { kind: "component", .. })));
}

#[test]
fn the_context_holds_what_the_engine_needs_beside_the_plan() {
    let context = read(EXAMPLE).unwrap().context("demo", Some("api")).unwrap();
    assert_eq!(context.logs, ["/ecs/api"]);
    let topic = "arn:aws:sns:eu-west-1:123456789012:releases".to_owned();
    let team = Channel { route: Route::default(), receiver: Receiver::Sns { topic } };
    assert_eq!(context.channels, BTreeMap::from([("team".to_owned(), team)]));
    assert_eq!(context.target.services.each_ref().map(|service| service.service.as_str()), ["api-blue", "api-green"]);
    assert_eq!(context.target.container, "api");
    assert_eq!(context.polls, crate::config::Polls::default());
    assert!(!context.read_only);
    let watched = read(&LEAST.replacen("account", "read_only = true\naccount", 1)).unwrap();
    assert!(watched.context("staging", None).unwrap().read_only);
}

#[test]
fn secrets_are_named_once_and_never_held() {
    let command = "[[pipelines.standard.stages]]\nname = \"migrate\"\nkind = \"command\"\nrun = [\"true\"]\nenv_from = [\"DATABASE_URL\"]\n\n";
    let text = LEAST.replacen("cluster", "secrets = [\"API_TOKEN\", \"DATABASE_URL\"]\ncluster", 1).replacen(
        "[[pipelines.standard.stages]]",
        &format!("{command}[[pipelines.standard.stages]]"),
        1,
    );
    let plan = plan_of(&read(&text).unwrap(), "staging", "api:2", 0).unwrap();
    assert_eq!(plan.secrets, ["API_TOKEN", "DATABASE_URL"]);
}
