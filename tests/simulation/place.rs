//! Where a component runs: a simulated AWS of its own. A scenario describes one application and its users, so that
//! two components have two worlds, with one clock.

use std::path::Path;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use cutover::clock::Clock;
use cutover::cloud::Cloud;
use cutover::cloud::aws::Aws;
use cutover::config::{Config, PlanContext, Receiver, Request};
use cutover::domain::components::{ComponentIndex, Components};
use cutover::domain::ids::{ComponentName, ReleaseId, Version};
use cutover::domain::plan::{Driver, Plan};
use cutover::sim::{FaultPlan, Layout, Scenario, Sim};

use crate::trial::{API, Trial, WEB};

const CONFIG: &str = include_str!("../../config.example.toml");
const NATIVE: &str = include_str!("../../assets/drivers/native.toml");
const CODEDEPLOY: &str = include_str!("../../assets/drivers/codedeploy.toml");
const ROLLING: &str = include_str!("../../assets/drivers/rolling.toml");
const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/scenarios");
const REGISTRY: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

/// What makes a scenario's world the second component's.
const WEB_WORLD: &str = r#"
[aws]
cluster = "web"
load_balancer = "web"

[app]
family = "web"
container = "web"
repository = "web"
log_group = "/ecs/web"
host = "web.shop.test"

[[service]]
name = "web-blue"
desired = 6
test_host = "blue.web.shop.test"

[[service]]
name = "web-green"
desired = 0
test_host = "green.web.shop.test"
"#;

/// A component's world and what is configured for it.
pub(crate) struct Place {
    pub(crate) sim: Sim,
    pub(crate) context: PlanContext,
    config: Config,
    lineup: Components<ComponentName>,
}

/// A configuration of one component, for one of several: each alarm says whose it is.
fn owned(config: &str) -> String {
    let owned = |section: &str| match section.split_once('\n') {
        Some((name, keys)) if name.starts_with("alarms.") && !keys.contains("\ncomponent = ") => {
            format!("{name}\ncomponent = \"api\"\n{keys}")
        }
        _ => section.to_owned(),
    };
    config.split("\n[").map(owned).collect::<Vec<_>>().join("\n[")
}

impl Place {
    /// The worlds of a trial's components, in the order of its plan.
    pub(crate) fn all(trial: &Trial, clock: Clock) -> Vec<Self> {
        let scenario = one_offs(Scenario::named(trial.scenario).unwrap(), trial).with_rate(trial.rate);
        let (layout, config) = laid_out(trial.driver);
        let first = Self::new(Sim::new(scenario.laid_out(layout), trial.seed, clock), &config, API.component);
        let second = trial.pair.as_ref().map(|pair| {
            let file = format!("{SCENARIOS}/{}.toml", pair.scenario);
            let text = std::fs::read_to_string(&file).unwrap() + WEB_WORLD;
            let scenario = one_offs(Scenario::parse(&file, &text).unwrap(), trial).with_rate(pair.rate);
            let sim = Sim::new(scenario, trial.seed.wrapping_add(1 << 32), clock);
            let config = format!("{}\n{}", owned(CONFIG), web_config(&sim));
            Self::new(sim, &config, WEB.component)
        });
        std::iter::once(first).chain(second).collect()
    }

    fn new(sim: Sim, config: &str, component: &'static str) -> Self {
        sim.with(|world, _| world.create_topic("oncall").unwrap());
        let config = Config::read("config.example.toml", config, Path::new(".")).unwrap();
        let lineup = config.lineup("demo", Some(component)).unwrap();
        let mut context = config.context("demo", &lineup).unwrap();
        let mut oncall = context.channels["team"].clone();
        if let Receiver::Sns { topic } = &mut oncall.receiver {
            *topic = topic.replace(":releases", ":oncall");
        }
        context.channels.insert("oncall".to_owned(), oncall);
        Self { sim, context, config, lineup }
    }

    /// The adapter for this world, at the end of `line`.
    pub(crate) fn aws(&self, line: SharedHttpClient, clock: Clock) -> Aws {
        Aws::simulated(line, clock, &self.context.place.region, &self.context.clusters[ComponentIndex::FIRST])
    }

    /// The plan of a release of this component alone.
    pub(crate) async fn plan(&self) -> Plan {
        self.sim.wire().set_faults(FaultPlan::default());
        let target = self.context.targets[ComponentIndex::FIRST].as_ref().unwrap();
        let survey = self.aws(self.sim.http_client(), self.sim.clock()).survey(target).await.unwrap();
        let request = Request {
            environment: "demo",
            components: &self.lineup,
            versions: &self.lineup.map(|name| Version(format!("{REGISTRY}/{name}:9ab03d7"))),
            serving: &self.lineup.map(|_| None),
            release: ReleaseId(1),
        };
        self.config.plan(&request, &Components::one(Some(survey))).unwrap()
    }
}

/// What a driver finds in its world, and its configuration: with the example's program, which the drivers' have not.
fn laid_out(driver: Driver) -> (Layout, String) {
    let (layout, config) = match driver {
        Driver::Alb | Driver::Command => return (Layout::TwoServices, CONFIG.to_owned()),
        Driver::Native => (Layout::TwoRevisions, NATIVE),
        Driver::CodeDeploy => (Layout::TwoTaskSets, CODEDEPLOY),
        Driver::Rolling => (Layout::OneService, ROLLING),
    };
    let stages = |config: &'static str| config.split("[[pipelines.standard.stages]]\n");
    let named = |name: &str, stage: &str| stage.starts_with(&format!("name = \"{name}\"\n"));
    let migrate = stages(CONFIG).find(|stage| named("migrate", stage)).unwrap();
    let mut all: Vec<&str> = stages(config).collect();
    let deploy = all.iter().position(|stage| named("deploy", stage)).unwrap();
    all.insert(deploy, migrate);
    (layout, all.join("[[pipelines.standard.stages]]\n"))
}

/// The scenario with the trial's own tasks on ECS.
fn one_offs(scenario: Scenario, trial: &Trial) -> Scenario {
    match &trial.more {
        Some(more) => scenario.with_one_off(more.lasts, more.exit_code),
        None => scenario,
    }
}

/// The second component in the example's configuration.
fn web_config(sim: &Sim) -> String {
    sim.with(|world, _| {
        let (rule, _) = world.current_weights().remove(0);
        let group = |name: &str| world.describe_target_groups(None, &[], &[name.to_owned()]).unwrap().remove(0).arn;
        let (blue, green) = (group("web-blue"), group("web-green"));
        format!(
            r#"
[components.web]
driver = "alb"
cluster = "web"
container = "web"
listener_rule = "{rule}"
url = "https://web.shop.test"
services = [
  {{ service = "web-blue", target_group = "{blue}", url = "https://blue.web.shop.test" }},
  {{ service = "web-green", target_group = "{green}", url = "https://green.web.shop.test" }},
]
logs = ["/ecs/web"]
alarms = ["web-5xx-high", "web-latency-p99-high", "web-unhealthy-hosts", "web-cpu-high"]
pipeline = "standard"
signals = ["errors", "latency-p99", "traffic", "cpu", "memory"]
notify = ["team"]
environments = ["demo"]
"#
        )
    })
}
