//! `cutover doctor`: the launch checklist, looked at item by item. Each file is a group of items: it reads facts and judges
//! them by functions that know nothing of AWS. Nothing is changed.

mod alarms;
mod backups;
mod channels;
mod credentials;
mod host;
mod image;
mod item;
mod logs;
mod people;
mod screen;
mod secrets;
mod services;
mod signals;
#[cfg(test)]
mod tests;
mod traffic;
mod web;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use color_eyre::eyre::Result;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use serde::Serialize;

use self::item::sign;
pub(super) use self::screen::Bedside;
use super::{output, settings};
use crate::cli::{Doctor, Format, Globals};
use crate::clock::Clock;
use crate::cloud::aws::{Aws, Connection};
use crate::cloud::{Cloud, Inspect, Survey};
use crate::config::{Channel, Component, Config, Environment, Request, Site};
use crate::domain::checklist::{self, Group, Item, Mark};
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::gate::Condition;
use crate::domain::ids::{ComponentName, EnvironmentName, ReleaseId, Version};
use crate::domain::percent::Percent;
use crate::domain::plan::{ComponentPlan, Plan, StageKind};
use crate::domain::redact::printable;
use crate::term::{Capabilities, Wishes};
use crate::web::Web;
use crate::web::client::Client;

/// Groups that are looked at side by side: enough to be quick, few enough for AWS's rates.
const AT_ONCE: usize = 6;

/// The exit code when an item is wrong.
const WRONG: u8 = 3;

/// Which description of the fields the JSON follows; see `docs/planning.md`.
const SCHEMA: &str = "cutover.doctor/1";

/// Looks at everything and says what was seen.
pub(super) async fn run(globals: &Globals, arguments: &Doctor) -> Result<u8> {
    let config = settings::load(globals)?;
    let names: Vec<EnvironmentName> = match &arguments.environment {
        Some(name) => {
            config.environment(name)?;
            vec![EnvironmentName::from(name.as_str())]
        }
        None => config.environments.keys().cloned().collect(),
    };
    let clock = Clock::system();
    let mut reports = Vec::new();
    for name in names {
        let environment = config.environment(name.as_str())?;
        let reach = connect(environment, clock).await;
        let around = Around::of_host(&config, clock);
        reports.push(report(&config, &name, environment, &reach, &around).await);
    }
    let code = if reports.iter().any(Report::is_wrong) { WRONG } else { 0 };
    let mut out = output::out();
    match arguments.writing.format() {
        Format::Json => {
            for report in &reports {
                writeln!(out, "{}", serde_json::to_string(report)?)?;
            }
        }
        Format::Text => {
            for report in &reports {
                write(report, config.screen.ascii, &mut out)?;
            }
        }
    }
    Ok(code)
}

/// A way to each component's account and cluster, in the order of the components.
async fn connect(environment: &Environment, clock: Clock) -> Vec<Reach> {
    let mut reach = Vec::new();
    for component in environment.components.values() {
        let aws = Aws::connect(Connection {
            region: environment.region.clone(),
            cluster: component.site.as_ref().map(|site| site.cluster.clone()).unwrap_or_default(),
            profile: environment.profile.clone(),
            role_arn: environment.role.clone(),
            http: None,
            clock,
        });
        reach.push(Reach::new(Arc::new(aws.await)));
    }
    reach
}

/// What an environment's account is looked at through, for one component.
#[derive(Clone)]
struct Reach {
    cloud: Arc<dyn Cloud>,
    inspect: Arc<dyn Inspect>,
}

impl Reach {
    fn new(aws: Arc<Aws>) -> Self {
        Self { cloud: Arc::clone(&aws) as Arc<dyn Cloud>, inspect: aws }
    }
}

/// What is not of AWS.
struct Around {
    clock: Clock,
    web: Arc<dyn Web>,
    /// The journal's directory; `None` where it is kept in memory.
    journal: Option<PathBuf>,
    kept: super::channels::Vault,
    terminal: Capabilities,
}

impl Around {
    /// What is really around.
    fn of_host(config: &Config, clock: Clock) -> Self {
        Self {
            clock,
            web: Arc::new(Client::new(clock)),
            journal: Some(config.engine.journal.clone()),
            kept: super::channels::kept,
            terminal: Capabilities::of_process(Wishes::default()),
        }
    }
}

/// What a group of items about one component is looked at with.
struct Look<'a> {
    environment: &'a Environment,
    name: &'a ComponentName,
    component: &'a Component,
    site: Option<&'a Site>,
    reach: &'a Reach,
    around: &'a Around,
    config: &'a Config,
    /// What a release of what serves would be, if it could be planned; why not, otherwise.
    plan: Result<&'a Plan, &'a str>,
}

impl Look<'_> {
    fn inspect(&self) -> &dyn Inspect {
        self.reach.inspect.as_ref()
    }

    /// An AWS command for this environment, as it is typed.
    fn aws(&self, command: &str) -> String {
        aws(self.environment, command)
    }

    /// The conditions of the pipeline's gates.
    fn conditions(&self) -> Vec<&Condition> {
        let stages = self.plan.map(|plan| plan.stages.as_slice()).unwrap_or_default();
        let gates = stages.iter().filter_map(|stage| match &stage.kind {
            StageKind::Gate(gate) => Some(&gate.conditions),
            _ => None,
        });
        gates.flatten().collect()
    }

    /// An item that cannot be looked at while the plan cannot be made; `None` when it can.
    fn unplanned(&self, name: &str) -> Option<Item> {
        let why = self.plan.err()?;
        Some(Item::unknown(name, format!("not known: {why}"), "correct what the other groups show, and run it again"))
    }

    /// The component's part of the plan.
    fn planned(&self) -> Option<&ComponentPlan> {
        self.plan.ok()?.components.iter().map(|(_, plan)| plan).find(|plan| plan.name == *self.name)
    }

    /// The channels that are told of it.
    fn channels(&self) -> impl Iterator<Item = (&String, &Channel)> {
        self.component.notify.iter().filter_map(|name| self.config.channels.get_key_value(name))
    }
}

/// An AWS command for an environment, as it is typed.
fn aws(environment: &Environment, command: &str) -> String {
    let profile = environment.profile.as_ref().map(|profile| format!(" --profile {profile}")).unwrap_or_default();
    format!("aws --region {}{profile} {command}", environment.region)
}

/// What was found in one environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Report {
    schema: &'static str,
    environment: EnvironmentName,
    account: String,
    region: String,
    fine: usize,
    wrong: usize,
    unknown: usize,
    groups: Vec<Group>,
}

impl Report {
    fn is_wrong(&self) -> bool {
        self.wrong > 0
    }
}

/// Looks at one environment; `reach` is in the order of its components.
async fn report(
    config: &Config,
    name: &EnvironmentName,
    environment: &Environment,
    reach: &[Reach],
    around: &Around,
) -> Report {
    let components: Vec<(&ComponentName, &Component)> = environment.components.iter().collect();
    let plans = plans(config, name, &components, reach).await;
    let looks: Vec<Look<'_>> = components
        .iter()
        .zip(reach)
        .zip(&plans)
        .map(|(((name, component), reach), plan)| Look {
            environment,
            name,
            component,
            site: component.site.as_ref(),
            reach,
            around,
            config,
            plan: plan.as_ref().map_err(String::as_str),
        })
        .collect();
    let mut all: Vec<BoxFuture<'_, Group>> = Vec::new();
    if let Some(first) = looks.first() {
        all.push(Box::pin(group("credentials".to_owned(), credentials::look(first))));
    }
    let several = looks.len() > 1;
    for look in &looks {
        let title = |what: &str| if several { format!("{what} of {}", look.name) } else { what.to_owned() };
        all.push(Box::pin(group(title("services"), services::look(look))));
        all.push(Box::pin(group(title("traffic"), traffic::look(look))));
        all.push(Box::pin(group(title("image and task definition"), image::look(look))));
        all.push(Box::pin(group(title("secrets"), secrets::look(look))));
        all.push(Box::pin(group(title("backups"), backups::look(look))));
        all.push(Box::pin(group(title("signals"), signals::look(look))));
        all.push(Box::pin(group(title("alarms"), alarms::look(look))));
        all.push(Box::pin(group(title("logs"), logs::look(look))));
        all.push(Box::pin(group(title("notifications"), channels::look(look))));
        all.push(Box::pin(group(title("URLs"), web::look(look))));
    }
    let mut groups: Vec<Group> = futures_util::stream::iter(all).buffered(AT_ONCE).collect().await;
    groups.push(Group { title: "this host".to_owned(), items: host::look(config, around) });
    groups.push(Group { title: "people".to_owned(), items: people::items() });
    let [fine, wrong, unknown] = [Mark::Fine, Mark::Wrong, Mark::Unknown].map(|mark| checklist::count(&groups, mark));
    let (account, region) = (environment.account.clone(), environment.region.clone());
    Report { schema: SCHEMA, environment: name.clone(), account, region, fine, wrong, unknown, groups }
}

async fn group(title: String, items: impl Future<Output = Vec<Item>>) -> Group {
    Group { title, items: items.await }
}

/// What a release of what serves would be, for each component: so that everything that a pipeline names is named with its
/// variables filled in.
async fn plans(
    config: &Config,
    environment: &EnvironmentName,
    components: &[(&ComponentName, &Component)],
    reach: &[Reach],
) -> Vec<Result<Plan, String>> {
    let mut plans = Vec::new();
    for (name, _) in components {
        plans.push(plan(config, environment.as_str(), name, components, reach).await);
    }
    plans
}

async fn plan(
    config: &Config,
    environment: &str,
    name: &ComponentName,
    components: &[(&ComponentName, &Component)],
    reach: &[Reach],
) -> Result<Plan, String> {
    let lineup = config.lineup(environment, Some(name.as_str())).map_err(|error| error.to_string())?;
    let context = config.context(environment, &lineup).map_err(|error| error.to_string())?;
    let mut surveys: Components<Option<Survey>> = lineup.map(|_| None);
    for (of, name) in lineup.iter() {
        let reach = components.iter().position(|(known, _)| *known == name).and_then(|index| reach.get(index));
        if let (Some(target), Some(reach)) = (&context.targets[of], reach) {
            let survey = reach.cloud.survey(target).await.map_err(|error| error.to_string())?;
            surveys[of] = Some(as_if_ready(survey));
        }
    }
    let version = |of: ComponentIndex| {
        let serves = surveys[of].as_ref().and_then(|survey| survey.services.get(survey.blue));
        serves.map_or_else(|| Version("unknown".to_owned()), |service| service.version.clone())
    };
    let versions: Vec<Version> = lineup.indices().map(version).collect();
    let versions = Components::try_from(versions).map_err(|error| error.to_string())?;
    let serving = lineup.map(|_| None);
    let request =
        Request { environment, components: &lineup, versions: &versions, serving: &serving, release: ReleaseId(0) };
    config.plan(&request, &surveys).map_err(|error| error.to_string())
}

/// What keeps a release from being planned now is told elsewhere; here the names are wanted all the same.
pub(super) fn as_if_ready(mut survey: Survey) -> Survey {
    survey.weights = match survey.blue {
        0 => [Percent::FULL, Percent::ZERO],
        _ => [Percent::ZERO, Percent::FULL],
    };
    for service in &mut survey.services {
        service.is_deploying = false;
        service.desired = service.desired.max(1);
    }
    survey
}

fn write(report: &Report, ascii: bool, out: &mut dyn Write) -> std::io::Result<()> {
    let Report { environment, account, region, .. } = report;
    writeln!(out, "{environment}: account {account}, {region}")?;
    for group in &report.groups {
        writeln!(out, "\n{}", printable(&group.title))?;
        for item in &group.items {
            let line = format!("  {} {}: {}", sign(item.mark, ascii), item.name, item.seen);
            writeln!(out, "{}", printable(&line))?;
            if let Some(remedy) = &item.remedy {
                writeln!(out, "{}", printable(&format!("      {remedy}")))?;
            }
        }
    }
    let [fine, wrong, unknown] = [Mark::Fine, Mark::Wrong, Mark::Unknown].map(|mark| sign(mark, ascii));
    writeln!(out, "\n{} {fine}   {} {wrong}   {} {unknown}", report.fine, report.wrong, report.unknown)
}
