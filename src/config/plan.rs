//! From a configuration and a look at the cloud to the plan of a release.

use std::collections::BTreeMap;
use std::time::Duration;

use super::checks::{self, Places};
use super::model::{Channel, Command, Component, Config, Environment, Polls, Service, Stage, StageWork};
use super::problem::{ConfigError, nearest};
use super::template::{Template, Variable};
use crate::cloud::{ServiceTarget, Survey, Target};
use crate::domain::ids::{ComponentName, EnvironmentName, ReleaseId, Version};
use crate::domain::plan::{CommandPlan, GatePlan, Place, Plan, SidePlan, Sides, StageKind, StagePlan, VerifyPlan};

/// The release that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Environment, by name.
    pub environment: &'a str,
    /// Component, by name; `None` takes the only one there is.
    pub component: Option<&'a str>,
    /// The image to release.
    pub version: &'a Version,
    /// The release's number.
    pub release: ReleaseId,
}

/// What an engine needs beside a release's plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanContext {
    /// What to survey before the plan is made.
    pub target: Target,
    /// Where it is.
    pub place: Place,
    /// AWS profile to take credentials from.
    pub profile: Option<String>,
    /// Role to assume, by ARN.
    pub role: Option<String>,
    /// Log groups to tail.
    pub logs: Vec<String>,
    /// The SNS topic of each channel that is told, by the channel's name.
    pub topics: BTreeMap<String, String>,
    /// How often to look.
    pub polls: Polls,
    /// Length of a period that signals are read in.
    pub period: Duration,
    /// Nothing may be changed.
    pub read_only: bool,
}

impl Config {
    /// An environment by name.
    pub fn environment(&self, name: &str) -> Result<&Environment, ConfigError> {
        self.environments
            .get(&EnvironmentName::from(name))
            .ok_or_else(|| unknown("environment", name, self.environments.keys().map(EnvironmentName::as_str)))
    }

    /// A component of an environment, with its name; without a name, the only one there is.
    pub fn component(
        &self,
        environment: &str,
        name: Option<&str>,
    ) -> Result<(&ComponentName, &Component), ConfigError> {
        let components = &self.environment(environment)?.components;
        let known = || components.keys().map(ComponentName::as_str);
        match (name, components.len()) {
            (Some(name), _) => {
                components.get_key_value(&ComponentName::from(name)).ok_or_else(|| unknown("component", name, known()))
            }
            (None, 0) => Err(unknown("component", "", known())),
            (None, 1) => components.iter().next().ok_or_else(|| unknown("component", "", known())),
            (None, _) => Err(ConfigError::WhichComponent {
                environment: environment.to_owned(),
                known: known().map(str::to_owned).collect(),
            }),
        }
    }

    /// What an engine needs beside the plan of a release of this component.
    pub fn context(&self, environment: &str, component: Option<&str>) -> Result<PlanContext, ConfigError> {
        let (_, component) = self.component(environment, component)?;
        let environment = self.environment(environment)?;
        let service = |service: &Service| ServiceTarget {
            service: service.service.clone(),
            target_group: service.target_group.clone(),
        };
        let topic = |name: &String| match self.channels.get(name)? {
            Channel::Sns { topic } => Some((name.clone(), topic.clone())),
        };
        Ok(PlanContext {
            target: Target {
                rule: component.listener_rule.clone(),
                services: component.services.each_ref().map(service),
                container: component.container.clone(),
            },
            place: place(environment, component),
            profile: environment.profile.clone(),
            role: environment.role.clone(),
            logs: component.logs.clone(),
            topics: component.notify.iter().filter_map(topic).collect(),
            polls: self.engine.polls,
            period: self.engine.period,
            read_only: self.read_only || environment.read_only,
        })
    }

    /// The plan of a release, given what the survey found.
    pub fn plan(&self, request: &Request<'_>, survey: &Survey) -> Result<Plan, ConfigError> {
        let (name, component) = self.component(request.environment, request.component)?;
        let environment = self.environment(request.environment)?;
        if !is_image(&request.version.0) {
            return Err(ConfigError::BadVersion { version: request.version.0.clone() });
        }
        let [first, second] = component.services.each_ref();
        let [surveyed_first, surveyed_second] = survey.services.each_ref();
        let sides = match survey.blue {
            0 => [(first, surveyed_first), (second, surveyed_second)],
            _ => [(second, surveyed_second), (first, surveyed_first)],
        };
        let [(_, blue), _] = sides;
        let desired = component.tasks.unwrap_or(blue.desired);
        let [blue_side, green_side] = sides.map(|(service, surveyed)| SidePlan {
            service: service.service.clone(),
            target_group: service.target_group.clone(),
            task_definition: surveyed.task_definition.clone(),
            container: component.container.clone(),
            desired,
            url: service.url.clone(),
        });
        if desired == 0 {
            return Err(ConfigError::NothingServes { service: blue_side.service, component: name.to_string() });
        }
        let release = request.release.to_string();
        let value = |variable: Variable| match variable {
            Variable::Version => request.version.short(),
            Variable::Image => request.version.0.as_str(),
            Variable::From => blue.version.short(),
            Variable::Environment => request.environment,
            Variable::Component => name.as_str(),
            Variable::Release => release.as_str(),
            Variable::Account => environment.account.as_str(),
            Variable::Region => environment.region.as_str(),
            Variable::Cluster => component.cluster.as_str(),
            Variable::Url => component.url.as_deref().unwrap_or_default(),
        };
        let stages = self.pipelines.get(&component.pipeline).map(|pipeline| pipeline.stages.as_slice());
        let stages = stages.unwrap_or_default();
        let mut asks = environment.confirm.as_ref();
        let expand = |template: &Template| template.expand(value);
        let [_, (green, _)] = sides;
        let places = Places { green: green.url.as_deref(), public: component.url.as_deref() };
        let stages = stages.iter().map(|stage| {
            let phrase = if matches!(stage.work, StageWork::Gate { .. }) { asks.take() } else { None };
            stage_plan(stage, phrase, places, &expand)
        });
        Ok(Plan {
            environment: EnvironmentName::from(request.environment),
            production: environment.production,
            component: name.clone(),
            place: place(environment, component),
            driver: component.driver,
            from: blue.version.clone(),
            to: request.version.clone(),
            sides: Sides { rule: component.listener_rule.clone(), blue: blue_side, green: green_side },
            stages: stages.collect(),
            signals: component.signals.clone(),
            alarms: component.alarms.clone(),
            rollback: component.rollback,
            notify: component.notify.clone(),
            secrets: self.secrets(component),
        })
    }

    /// Every variable that a component or its pipeline names as secret, once.
    fn secrets(&self, component: &Component) -> Vec<String> {
        let stages = self.pipelines.get(&component.pipeline).into_iter().flat_map(|pipeline| &pipeline.stages);
        let named = stages.flat_map(|stage| match &stage.work {
            StageWork::Command(command) => command.env_from.iter().collect::<Vec<_>>(),
            StageWork::Smoke(checks) | StageWork::Verify { checks, .. } => {
                checks.all.iter().flat_map(|check| check.headers_from.values()).collect()
            }
            StageWork::Gate { .. }
            | StageWork::Deploy
            | StageWork::Shift(_)
            | StageWork::Notify
            | StageWork::Cleanup(_) => Vec::new(),
        });
        let mut all: Vec<String> = component.secrets.iter().chain(named).cloned().collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

fn place(environment: &Environment, component: &Component) -> Place {
    Place {
        account: environment.account.clone(),
        region: environment.region.clone(),
        cluster: component.cluster.clone(),
    }
}

fn unknown<'a>(kind: &'static str, name: &str, known: impl Iterator<Item = &'a str>) -> ConfigError {
    let known: Vec<String> = known.map(str::to_owned).collect();
    let nearest = nearest(name, known.iter().map(String::as_str));
    ConfigError::Unknown { kind, name: name.to_owned(), nearest, known }
}

/// Whether `reference` can be an image reference. It reaches commands as an argument, so what no reference holds must
/// not pass.
fn is_image(reference: &str) -> bool {
    (1..=1_024).contains(&reference.len())
        && reference.starts_with(|c: char| c.is_ascii_alphanumeric())
        && reference.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && reference.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/:@+".contains(&byte))
}

fn stage_plan(
    stage: &Stage,
    phrase: Option<&Template>,
    places: Places<'_>,
    expand: &impl Fn(&Template) -> String,
) -> StagePlan {
    let kind = match &stage.work {
        StageWork::Gate { healthy, no_alarms, confirm } => StageKind::Gate(GatePlan {
            healthy: *healthy,
            no_alarms: *no_alarms,
            confirm: confirm.as_ref().or(phrase).map(expand),
        }),
        StageWork::Command(command) => StageKind::Command(command_plan(command, expand)),
        StageWork::Deploy => StageKind::Deploy,
        StageWork::Smoke(checks) => StageKind::Smoke(checks::plan(checks, places, expand)),
        StageWork::Shift(plan) => StageKind::Shift(plan.clone()),
        StageWork::Verify { watch, checks } => {
            StageKind::Verify(VerifyPlan { watch: *watch, checks: checks::plan(checks, places, expand) })
        }
        StageWork::Notify => StageKind::Notify,
        StageWork::Cleanup(plan) => StageKind::Cleanup(*plan),
    };
    StagePlan { name: stage.name.clone(), kind, timeout: stage.timeout, on_failure: stage.on_failure }
}

fn command_plan(command: &Command, expand: &impl Fn(&Template) -> String) -> CommandPlan {
    CommandPlan {
        run: command.run.iter().map(expand).collect(),
        undo: command.undo.as_ref().map(|undo| undo.iter().map(expand).collect()),
        env: command.env.iter().map(|(name, value)| (name.clone(), expand(value))).collect(),
        dir: command.dir.as_ref().map(expand),
        repeatable: command.repeatable,
    }
}
