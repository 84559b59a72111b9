use std::collections::BTreeMap;
use std::time::Duration;

use super::{EXAMPLE, LEAST, read};
use crate::cloud::{ServiceSurvey, Survey};
use crate::config::{Channel, Config, ConfigError, Receiver, Request};
use crate::domain::components::ComponentIndex;
use crate::domain::ids::{ComponentName, ReleaseId, TaskDefinitionArn, Version};
use crate::domain::notice::Route;
use crate::domain::percent::Percent;
use crate::domain::plan::{ComponentPlan, GateKind, OnFailure, Plan, Sides, StageKind};

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
    Survey { blue, weights, services: [service("first", first), service("second", second)], increments: Vec::new() }
}

/// The only component.
fn api(plan: &Plan) -> &ComponentPlan {
    &plan.components[ComponentIndex::FIRST]
}

fn sides(plan: &Plan) -> &Sides {
    api(plan).sides.as_ref().unwrap()
}

fn plan_of(config: &Config, environment: &str, image: &str, blue: usize) -> Result<Plan, ConfigError> {
    plan_after(config, environment, image, survey(blue))
}

fn plan_after(config: &Config, environment: &str, image: &str, survey: Survey) -> Result<Plan, ConfigError> {
    let lineup = config.lineup(environment, None)?;
    let request = Request {
        environment,
        components: &lineup,
        versions: &lineup.map(|_| Version(image.to_owned())),
        serving: &lineup.map(|_| None),
        release: ReleaseId(41),
    };
    let has_services =
        |name: &ComponentName| config.component(environment, Some(name.as_str())).unwrap().1.site.is_some();
    config.plan(&request, &lineup.map(|name| has_services(name).then(|| survey.clone())))
}

/// Why a component that stands like this is not released to.
fn refused(change: impl Fn(&mut Survey)) -> Option<String> {
    let mut survey = survey(1);
    change(&mut survey);
    let error = plan_after(&read(EXAMPLE).unwrap(), "demo", IMAGE, survey).err()?;
    assert!(error.is_about_the_services(), "{error}");
    Some(error.to_string())
}

#[test]
fn nothing_is_planned_while_traffic_is_split_or_somebody_else_deploys() {
    assert_eq!(refused(|_| {}), None);
    let split = refused(|survey| survey.weights = [Percent::clamped(10), Percent::clamped(90)]).unwrap();
    assert!(split.contains("`api-green` has 90 % and `api-blue` has 10 %") && split.contains("to one side"), "{split}");
    let under = refused(|survey| survey.services[1].is_deploying = true).unwrap();
    assert_eq!(under, "a deployment of service `api-green` is under way; wait until it has ended, or end it");
    let going = refused(|survey| survey.services[0].is_deploying = true);
    assert_eq!(going, None, "what is left of an earlier green goes by itself");
    let other = |survey: &mut Survey| (survey.services[0].is_deploying, survey.services[0].desired) = (true, 4);
    assert!(refused(other).unwrap().contains("service `api-blue` is under way"));
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
    let shift = plan.shift(ComponentIndex::FIRST).unwrap();
    let steps: Vec<_> = shift.steps.iter().map(|step| (step.weight.get(), step.bake, step.gate)).collect();
    let bake = Duration::from_mins(5);
    assert_eq!(steps, [10, 50, 100].map(|weight| (weight, bake, GateKind::Automatic)));
    let limits: Vec<_> =
        api(&plan).signals.iter().filter_map(|signal| Some((signal.name.as_str(), signal.max?))).collect();
    assert_eq!(limits, [("errors", 5.0), ("latency-p99", 1_000.0), ("cpu", 85.0), ("db-pool", 80.0)]);
    assert_eq!(plan.stages.last().map(|stage| stage.on_failure), Some(OnFailure::Wait));
    insta::assert_snapshot!(serde_json::to_string_pretty(&plan).unwrap());
}

#[test]
fn the_demo_runs_unattended_and_production_asks_for_a_phrase() {
    assert_eq!(confirm(&example("demo", 0)), None);
    let production = example("production", 0);
    assert!(production.production);
    assert_eq!(confirm(&production), Some("deploy api"));
    assert_eq!(api(&production).signals[0].max, Some(1.0));
    assert_eq!(api(&production).signals[0].over_blue, Some(2.0));
    assert!(sides(&production).rule.contains(":210987654321:"));
    assert_eq!(sides(&production).blue.url.as_deref(), Some("https://blue.api.shop.example"));
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
    let found = |blue| {
        let plan = example("demo", blue);
        let Sides { blue, green, .. } = sides(&plan).clone();
        (blue.service, green.service, green.desired, api(&plan).from.to_string())
    };
    assert_eq!(found(0), ("api-blue".into(), "api-green".into(), 6, "first".into()));
    assert_eq!(found(1), ("api-green".into(), "api-blue".into(), 4, "second".into()));
    let fixed = read(&LEAST.replacen("cluster", "tasks = 9\ncluster", 1)).unwrap();
    let plan = plan_of(&fixed, "staging", "api:2", 0).unwrap();
    assert_eq!((sides(&plan).blue.desired, sides(&plan).green.desired), (9, 9));
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
    assert!(
        matches!(plan_after(&config, "demo", IMAGE, idle), Err(ConfigError::NothingServes { service, .. }) if service == "api-blue")
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
    let config = read(EXAMPLE).unwrap();
    let context = config.context("demo", &config.lineup("demo", Some("api")).unwrap()).unwrap();
    let target = context.targets[ComponentIndex::FIRST].as_ref().unwrap();
    let topic = "arn:aws:sns:eu-west-1:123456789012:releases".to_owned();
    let team = Channel { route: Route::default(), receiver: Receiver::Sns { topic } };
    assert_eq!(context.channels, BTreeMap::from([("team".to_owned(), team)]));
    assert_eq!(target.services.each_ref().map(|service| service.service.as_str()), ["api-blue", "api-green"]);
    assert_eq!(target.container, "api");
    assert_eq!(context.polls, crate::config::Polls::default());
    assert!(!context.read_only);
    let watched = read(&LEAST.replacen("account", "read_only = true\naccount", 1)).unwrap();
    assert!(watched.context("staging", &watched.lineup("staging", None).unwrap()).unwrap().read_only);
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

/// The least configuration with a front end beside the service: programs release it, side by side with the service.
fn together() -> String {
    let web = "[components.web]\ndriver = \"command\"\npipeline = \"standard\"\nnotify = []\n\n\
               [pipelines.standard]\ncomponents = [\"api\", \"web\"]\n";
    let migrate =
        "[[pipelines.standard.stages]]\nname = \"migrate\"\nkind = \"command\"\nrun = [\"migrate\", \"${version}\"]\n";
    let publish = "[[pipelines.standard.stages]]\nname = \"publish\"\nkind = \"command\"\ncomponent = \"web\"\n\
                   after = [\"migrate\"]\nrun = [\"publish\", \"${component}\", \"${version}\", \"${from}\"]\n\
                   undo = [\"publish\", \"${from}\"]\n";
    let last = "[[pipelines.standard.stages]]\nname = \"tell\"\nkind = \"notify\"\nafter = [\"shift\", \"publish\"]\n";
    let (head, stages) = LEAST.split_once("[[pipelines.standard.stages]]").unwrap();
    let stages = stages.replace("kind = \"deploy\"", "kind = \"deploy\"\ncomponent = \"api\"");
    let stages = stages.replace("kind = \"shift\"", "kind = \"shift\"\ncomponent = \"api\"");
    format!("{head}{web}{migrate}[[pipelines.standard.stages]]{stages}\n{publish}{last}")
}

#[test]
fn components_of_a_pipeline_are_released_together_and_independent_stages_side_by_side() {
    let config = read(&together()).unwrap();
    assert_eq!(config.component("staging", None).unwrap().0.as_str(), "api", "the first stands for all");
    let plan = plan_of(&config, "staging", "api:2", 0).unwrap();
    let place = |name: &str| plan.stages.iter().position(|stage| stage.name.as_str() == name).unwrap();
    let [migrate, deploy, shift, publish, tell] = ["migrate", "deploy", "shift", "publish", "tell"].map(place);
    let after = |stage: usize| plan.stages[stage].after.clone();
    assert_eq!((after(migrate), after(deploy), after(publish)), (vec![], vec![migrate], vec![migrate]));
    assert_eq!(after(tell), [shift, publish]);
    let web = plan.components.position(|component| component.name.as_str() == "web").unwrap();
    assert_eq!((plan.stages[publish].component, plan.stages[tell].component), (Some(web), None));
    let StageKind::Command(command) = &plan.stages[publish].kind else { panic!("a command") };
    assert_eq!(command.run, ["publish", "web", "2", "unknown"]);
    assert_eq!(plan.components[web].sides, None);
    assert!(plan.is_sound());
    let shown = read(&config.show()).unwrap();
    assert_eq!(shown.pipelines, config.pipelines);
    assert_eq!(shown.environments, config.environments);
}

#[test]
fn checks_reach_green_of_the_component_that_their_stage_is_about() {
    let smoke = |component: &str, how: &str| {
        format!(
            "\n[[pipelines.standard.stages]]\nname = \"smoke-{component}\"\nkind = \"smoke\"\n{how}\n\
             component = \"{component}\"\nchecks = [{{ name = \"home\", path = \"/home\", body = \"${{url}}\" }}]\n"
        )
    };
    let mut text = together().replacen("pipeline =", "url = \"https://api.shop.example\"\npipeline =", 1);
    text = text.replacen("\"command\"", "\"command\"\nurl = \"https://web.shop.example\"", 1);
    for side in ["blue", "green"] {
        let service = format!("service = \"api-{side}\"");
        text = text.replacen(&service, &format!("{service}\nurl = \"https://{side}.api.shop.example\""), 1);
    }
    text += &smoke("api", "ca_file = \"api.pem\"");
    let header = "via = { header = \"x-release\", value = \"${component}\" }";
    let plan = plan_of(&read(&(text.clone() + &smoke("web", header))).unwrap(), "staging", "api:2", 0).unwrap();
    let asked = |name: &str| {
        let stage = plan.stages.iter().find(|stage| stage.name.as_str() == name).unwrap();
        let StageKind::Smoke(checks) = &stage.kind else { panic!("checks") };
        checks[0].request.clone()
    };
    let (api, web) = (asked("smoke-api"), asked("smoke-web"));
    assert_eq!((api.url.as_str(), api.ca_file.as_deref()), ("https://green.api.shop.example/home", Some("api.pem")));
    assert_eq!((web.url.as_str(), web.ca_file), ("https://web.shop.example/home", None));
    assert_eq!(web.headers["x-release"], "web");
    let users = ["https://api.shop.example", "https://web.shop.example"].map(|url| Some(url.to_owned()));
    assert_eq!([api.body, web.body], users);
    let refused = read(&(text + &smoke("web", "via = \"url\""))).unwrap_err().to_string();
    assert!(refused.contains("checks `web` by its services' own `url`s, and it has no services"), "{refused}");
}

#[test]
fn what_is_released_together_must_fit_together() {
    let said = |text: &str, with: &str| {
        let problems = read(&together().replacen(text, with, 1)).unwrap_err();
        problems.0.iter().map(|problem| problem.mistake.to_string()).collect::<Vec<_>>().join("\n")
    };
    for (text, with, wanted) in [
        ("component = \"web\"", "component = \"wbe\"", "unknown component `wbe`; did you mean `web`?"),
        ("after = [\"migrate\"]", "after = [\"migrte\"]", "unknown stage above `migrte`; did you mean `migrate`?"),
        ("after = [\"migrate\"]", "after = [\"tell\"]", "comes after `tell`, which stands below it"),
        ("kind = \"deploy\"\ncomponent = \"api\"", "kind = \"deploy\"", "does not say which component it is about"),
        ("components = [\"api\", \"web\"]", "components = [\"api\"]", "does not release `web`"),
        ("kind = \"deploy\"\ncomponent = \"api\"", "kind = \"deploy\"\ncomponent = \"web\"", "has no services"),
        ("component = \"api\"\nsteps", "component = \"api\"\nafter = [\"migrate\"]\nsteps", "comes too early"),
        ("driver = \"command\"", "driver = \"command\"\ncluster = \"shop\"", "unknown key `cluster`"),
    ] {
        assert!(said(text, with).contains(wanted), "{wanted}: {}", said(text, with));
    }
}
