//! The file: what was found, and in comments what it is, and what was not found.

use std::fmt::Write as _;

use super::find::Found;
use crate::domain::plan::Driver;

/// What was asked for.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) environment: String,
    pub(super) account: String,
    pub(super) region: String,
    pub(super) profile: Option<String>,
    pub(super) role: Option<String>,
    pub(super) cluster: String,
    pub(super) service: String,
}

/// A text as TOML has it.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn list(all: &[String]) -> String {
    format!("[{}]", all.iter().map(|it| quoted(it)).collect::<Vec<_>>().join(", "))
}

/// The whole file.
pub(super) fn draft(asked: &Asked, found: &Found) -> String {
    let mut text = head(asked, found);
    text.push_str(&environment(asked));
    match found.driver() {
        Driver::Alb | Driver::Native | Driver::CodeDeploy => {
            text.push_str(&split(asked, found));
            text.push_str(SIGNALS);
            text.push_str(&pipeline(found, STEPS));
        }
        Driver::Rolling => {
            text.push_str(&split(asked, found));
            text.push_str(SIGNALS);
            text.push_str(&pipeline(found, AT_ONCE));
        }
        Driver::Command => text.push_str(&whole(asked, found)),
    }
    text.push_str(TAIL);
    text
}

fn head(asked: &Asked, found: &Found) -> String {
    let mut text = format!(
        "# Made by `cutover config init` from service {} of cluster {}, as it ran then.\n\
         # Every key is described in docs/configuration.md, with what is not used here in config.example.toml.\n",
        asked.service, asked.cluster
    );
    let lacks = found.lacks();
    if !lacks.is_empty() {
        text.push_str("#\n# The service is not set up for shifting traffic step by step:\n");
        for lack in lacks {
            _ = writeln!(text, "#   - {lack}");
        }
        text.push_str(
            "# That takes two services, each behind a target group of its own, and a listener rule that splits traffic between\n\
             # both target groups by weight; or one service with both, between which ECS shifts (docs/drivers.md). Until then,\n\
             # the pipeline below deploys the service as it is, all at once.\n",
        );
    }
    text
}

fn environment(asked: &Asked) -> String {
    let mut text = format!("\n[environments.{}]\n", asked.environment);
    if asked.environment.starts_with("prod") {
        text.push_str("# Looks different on the screen, and asks for a typed phrase.\nproduction = true\n");
    }
    text.push_str("# The account that the credentials were of; any other is refused.\n");
    _ = writeln!(text, "account = {}\nregion = {}", quoted(&asked.account), quoted(&asked.region));
    if let Some(profile) = &asked.profile {
        _ = writeln!(text, "profile = {}", quoted(profile));
    }
    if let Some(role) = &asked.role {
        _ = writeln!(text, "role = {}", quoted(role));
    }
    text
}

/// The component's name: what both services' names begin with.
fn name(asked: &Asked) -> String {
    let name = ["-blue", "-green", "_blue", "_green"].iter().find_map(|ending| asked.service.strip_suffix(ending));
    let name = name.unwrap_or(&asked.service);
    let is_kept = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = name.chars().filter(is_kept).take(64).collect();
    if name.starts_with(|c: char| c.is_ascii_alphanumeric()) { name } else { "service".to_owned() }
}

/// A key of a table that is written between brackets.
fn key(name: &str) -> String {
    if name.contains('.') { quoted(name) } else { name.to_owned() }
}

fn split(asked: &Asked, found: &Found) -> String {
    let mut text = format!("\n[components.{}]\n", key(&name(asked)));
    let driver = found.driver();
    match driver {
        Driver::Native => text.push_str("# ECS shifts the traffic, and waits for cutover before each tenth.\n"),
        Driver::Rolling => text.push_str("# ECS replaces the tasks; nothing is shifted step by step.\n"),
        Driver::Alb | Driver::CodeDeploy | Driver::Command => {}
    }
    if driver != Driver::Alb {
        _ = writeln!(text, "driver = {}", quoted(driver.word()));
    }
    _ = writeln!(text, "cluster = {}", quoted(&asked.cluster));
    let container = found.container.as_deref().unwrap_or_default();
    if let (Some(image), Some(attachment)) = (&found.image, &found.attachment) {
        _ = writeln!(text, "# It answers on port {}, and runs {image}.", attachment.port);
    }
    _ = writeln!(text, "container = {}", quoted(container));
    if let Some(rule) = &found.rule {
        let conditions =
            if rule.conditions.is_empty() { "all requests".to_owned() } else { rule.conditions.join(", ") };
        _ = writeln!(text, "# The rule for {conditions}.\nlistener_rule = {}", quoted(&rule.arn));
    }
    if let (Driver::Rolling, Some(attachment)) = (driver, &found.attachment) {
        let (service, group) = (quoted(&found.service.name), quoted(&attachment.target_group));
        _ = writeln!(text, "services = [{{ service = {service}, target_group = {group} }}]");
    } else if let (Some(sides), Some(rule)) = (found.sides(), &found.rule) {
        text.push_str("# Whichever has the traffic when a release is made is blue. A `url` that reaches one service alone, on each\n");
        text.push_str("# of them, lets smoke tests look at green before its first user.\nservices = [\n");
        for (service, group) in sides {
            let weight = rule.weights.iter().find(|(arn, _)| arn == group).map_or(0, |(_, weight)| *weight);
            let (service_name, tasks) = (quoted(&service.name), service.desired);
            _ = writeln!(
                text,
                "  {{ service = {service_name}, target_group = {} }}, # weight {weight}, {tasks} tasks",
                quoted(group)
            );
        }
        text.push_str("]\n");
    }
    text.push_str(&watched(found));
    text
}

/// Log groups, alarms, and the pipeline.
fn watched(found: &Found) -> String {
    let mut text = String::new();
    if found.logs.is_empty() {
        text.push_str("# The task definition names no CloudWatch log group.\n");
    }
    _ = writeln!(text, "logs = {}", list(&found.logs));
    if found.alarms.is_empty() {
        text.push_str("# No alarm measures the load balancer, a target group or the services. One that fires keeps a release from beginning.\n");
    } else {
        text.push_str("# All that measure the load balancer, its target groups or the services: leave out what is no reason to roll back.\n");
    }
    _ = writeln!(text, "alarms = {}\npipeline = \"standard\"", list(&found.alarms));
    text
}

const SIGNALS: &str = "
# Green is judged by these at every step; blue is measured beside it.
[signals.errors]
measure = \"target-errors\"
max = \"5 %\"
over_blue = 2.0

[signals.latency-p99]
measure = \"response-time p99\"
max = \"1000ms\"
over_blue = 1.5
warm_up = \"1m\"

[signals.traffic]
measure = \"request-rate\"

[signals.cpu]
measure = \"cpu\"

[signals.memory]
measure = \"memory\"
";

/// What is shifted step by step.
const STEPS: &str = "\
# Once both sides have a `url`:
# [[pipelines.standard.stages]]
# name = \"smoke\"
# kind = \"smoke\"
# checks = [{ name = \"health\", path = PATH }]

[[pipelines.standard.stages]]
name = \"shift\"
kind = \"shift\"
steps = [
  { weight = 10, bake = \"5m\" },
  { weight = 50, bake = \"5m\" },
  { weight = 100, bake = \"5m\" },
]

[[pipelines.standard.stages]]
name = \"cleanup\"
kind = \"cleanup\"
# The old tasks stay up this long, so that a rollback is one call.
hold = \"1h\"
";

/// What is replaced as a whole.
const AT_ONCE: &str = "\
[[pipelines.standard.stages]]
name = \"shift\"
kind = \"shift\"
# All tasks, as fast as the service's bounds allow.
steps = [{ weight = 100, bake = \"5m\" }]
# ECS replaces the tasks and goes on watching the alarms for some minutes within this time.
timeout = \"20m\"

# Once the component has a `url`:
# [[pipelines.standard.stages]]
# name = \"verify\"
# kind = \"verify\"
# watch = \"5m\"
# checks = [{ name = \"health\", path = PATH }]
";

fn pipeline(found: &Found, rest: &str) -> String {
    let mut text = "\n[[pipelines.standard.stages]]\nname = \"gates\"\nkind = \"gate\"\nalone = true\n".to_owned();
    if let Some(check) = found.group.as_ref().map(|group| &group.health_check) {
        let secs = |span: Option<std::time::Duration>| span.map_or(0, |span| span.as_secs());
        text.push_str("# As both target groups check health now; to be told when that changes:\n");
        _ = writeln!(
            text,
            "# drift = {{ health_check = {{ path = {}, interval = \"{}s\", timeout = \"{}s\", healthy = {}, unhealthy = {} }} }}",
            quoted(check.path.as_deref().unwrap_or("/")),
            secs(check.interval),
            secs(check.timeout),
            check.healthy.unwrap_or(2),
            check.unhealthy.unwrap_or(2)
        );
    }
    let path = found.group.as_ref().and_then(|group| group.health_check.path.clone()).unwrap_or_else(|| "/".to_owned());
    text.push_str("\n[[pipelines.standard.stages]]\nname = \"deploy\"\nkind = \"deploy\"\n\n");
    text.push_str(&rest.replace("PATH", &quoted(&path)));
    text
}

/// A service that is deployed as a whole, by programs.
fn whole(asked: &Asked, found: &Found) -> String {
    let mut text = format!("\n[components.{}]\ndriver = \"command\"\n", key(&name(asked)));
    text.push_str(&watched(found));
    let (cluster, service) = (quoted(&asked.cluster), quoted(&asked.service));
    let update = |definition: &str| {
        format!(
            "[\"aws\", \"ecs\", \"update-service\", \"--cluster\", {cluster}, \"--service\", {service}, \"--task-definition\", {definition}]"
        )
    };
    let profile =
        asked.profile.as_ref().map(|profile| format!(", AWS_PROFILE = {}", quoted(profile))).unwrap_or_default();
    let region = format!("env = {{ AWS_REGION = \"${{region}}\"{profile} }}");
    let family = found.service.task_definition.as_str().rsplit('/').next().unwrap_or_default();
    let family = family.split(':').next().unwrap_or_default();
    let (forward, back) =
        (update(&quoted(&format!("{family}:${{version}}"))), update(&quoted(&format!("{family}:${{from}}"))));
    _ = write!(
        text,
        "
[[pipelines.standard.stages]]
name = \"gates\"
kind = \"gate\"
healthy = false
alone = true

# What is released is a revision of the task definition: `cutover release {environment} --image {family}:REVISION`. A rollback
# deploys the one that the release before it left, which the first release does not know.
[[pipelines.standard.stages]]
name = \"deploy\"
kind = \"command\"
run = {forward}
undo = {back}
{region}
repeatable = true

[[pipelines.standard.stages]]
name = \"settled\"
kind = \"command\"
run = [\"aws\", \"ecs\", \"wait\", \"services-stable\", \"--cluster\", {cluster}, \"--services\", {service}]
{region}
repeatable = true
timeout = \"15m\"
",
        environment = asked.environment,
    );
    text
}

const TAIL: &str = "
# Who is told, once `notify = [\"team\"]` stands in the component:
# [channels.team]
# kind = \"sns\"
# topic = \"arn:aws:sns:REGION:ACCOUNT:releases\"
";
