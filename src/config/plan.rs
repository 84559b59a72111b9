//! From a configuration and a look at the cloud to the plan of a release.

use std::collections::BTreeMap;
use std::time::Duration;

use super::channel::Channel;
use super::checks::{self, Places};
use super::model::{
    Command, Component, Config, Environment, Flag, Job as ConfiguredJob, Polls, Service, Site, Stage, StageWork, Task,
};
use super::problem::{ConfigError, nearest};
use super::template::{Template, Variable};
use crate::cloud::{Increment, ServiceSurvey, ServiceTarget, Survey, Target};
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::flag::{FeatureFlag, FlagPlan, Switch};
use crate::domain::ids::{ComponentName, EnvironmentName, ReleaseId, StageName, Version};
use crate::domain::late;
use crate::domain::origin::Origin;
use crate::domain::percent::Percent;
use crate::domain::plan::{
    BuildPlan, CommandPlan, ComponentPlan, Driver, GateKind, Job, LoadPlan, MigrationPlan, Pinned, Place, Plan,
    ShiftPlan, SidePlan, Sides, StageKind, StagePlan, StatusPagePlan, TaskPlan, VerifyPlan, WarmUpPlan,
};
use crate::domain::time::Elapsed;

/// The release that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Environment, by name.
    pub environment: &'a str,
    /// What is released, by name, as [`Config::lineup`] has it.
    pub components: &'a Components<ComponentName>,
    /// The version of each: an image, or whatever the programs of a component without services understand.
    pub versions: &'a Components<Version>,
    /// What is known to serve of each component without services; of the others the survey tells.
    pub serving: &'a Components<Option<Version>>,
    /// The release's number.
    pub release: ReleaseId,
}

/// What an engine needs beside a release's plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanContext {
    /// What to survey of each component before the plan is made; nothing of one without services.
    pub targets: Components<Option<Target>>,
    /// The ECS cluster of each component; empty without services.
    pub clusters: Components<String>,
    /// Where it is.
    pub place: Place,
    /// AWS profile to take credentials from.
    pub profile: Option<String>,
    /// Role to assume, by ARN.
    pub role: Option<String>,
    /// DynamoDB table in which hosts lock what they release.
    pub lock_table: Option<String>,
    /// The channels that are told, by name.
    pub channels: BTreeMap<String, Channel>,
    /// How often to look.
    pub polls: Polls,
    /// Logs are streamed by Live Tail where that is allowed.
    pub live_tail: bool,
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

    /// A component of an environment, with its name; without a name, the only one there is, or the only one of those
    /// that are released together.
    pub fn component(
        &self,
        environment: &str,
        name: Option<&str>,
    ) -> Result<(&ComponentName, &Component), ConfigError> {
        let components = &self.environment(environment)?.components;
        let known = || components.keys().map(ComponentName::as_str);
        let Some(name) = name else {
            let mut together = components.iter().filter(|(name, component)| self.leads(name, component));
            return match (together.next(), together.next()) {
                (Some(only), None) => Ok(only),
                (None, _) => Err(unknown("component", "", known())),
                (Some(_), Some(_)) => Err(ConfigError::WhichComponent {
                    environment: environment.to_owned(),
                    known: known().map(str::to_owned).collect(),
                }),
            };
        };
        components.get_key_value(&ComponentName::from(name)).ok_or_else(|| unknown("component", name, known()))
    }

    /// The stages of a pipeline in an environment, what the environment says of its own laid over them.
    pub fn stages<'a>(&'a self, environment: &'a Environment, pipeline: &str) -> &'a [Stage] {
        let common = || self.pipelines.get(pipeline).map(|pipeline| &pipeline.stages);
        environment.stages.get(pipeline).or_else(common).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a component stands for its pipeline: the first of those released together.
    fn leads(&self, name: &ComponentName, component: &Component) -> bool {
        let together = self.pipelines.get(&component.pipeline).and_then(|pipeline| pipeline.components.first());
        together.is_none_or(|first| first == name)
    }

    /// What is released when a component is: itself, or all that its pipeline releases together.
    pub fn lineup(&self, environment: &str, component: Option<&str>) -> Result<Components<ComponentName>, ConfigError> {
        let (name, component) = self.component(environment, component)?;
        let together = self.pipelines.get(&component.pipeline).map(|pipeline| pipeline.components.clone());
        let together = Components::try_from(together.unwrap_or_default());
        Ok(together.unwrap_or_else(|_| Components::one(name.clone())))
    }

    /// A channel by name.
    pub fn channel(&self, name: &str) -> Result<&Channel, ConfigError> {
        self.channels.get(name).ok_or_else(|| unknown("channel", name, self.channels.keys().map(String::as_str)))
    }

    /// The settings of each component of a line-up.
    fn settings(
        &self,
        environment: &str,
        lineup: &Components<ComponentName>,
    ) -> Result<Components<&Component>, ConfigError> {
        let all = lineup.iter().map(|(_, name)| Ok(self.component(environment, Some(name.as_str()))?.1));
        let all: Vec<&Component> = all.collect::<Result<_, ConfigError>>()?;
        // As many as the line-up has, which is some.
        Components::try_from(all).map_err(|_| unknown("component", "", std::iter::empty()))
    }

    /// What an engine needs beside the plan of a release of these components.
    pub fn context(&self, environment: &str, lineup: &Components<ComponentName>) -> Result<PlanContext, ConfigError> {
        let components = self.settings(environment, lineup)?;
        let environment = self.environment(environment)?;
        let service = |service: &Service| ServiceTarget {
            service: service.service.clone(),
            target_group: service.target_group.clone(),
        };
        let target = |driver, site: &Site| Target {
            driver,
            group: site.group.clone(),
            rule: site.listener_rule.clone(),
            services: site.services.each_ref().map(service),
            container: site.container.clone(),
        };
        let channel = |name: &String| Some((name.clone(), self.channels.get(name)?.clone()));
        let sites = components.map(|component| component.site.as_ref());
        Ok(PlanContext {
            targets: components.map(|component| component.site.as_ref().map(|site| target(component.driver, site))),
            clusters: sites.map(|site| site.map(|site| site.cluster.clone()).unwrap_or_default()),
            place: place(environment),
            profile: environment.profile.clone(),
            role: environment.role.clone(),
            lock_table: environment.lock_table.clone(),
            channels: components.iter().flat_map(|(_, one)| one.notify.iter().filter_map(channel)).collect(),
            polls: self.engine.polls,
            live_tail: self.engine.live_tail,
            period: self.engine.period,
            read_only: self.read_only || environment.read_only,
        })
    }

    /// The plan of a release, given what the surveys of its components found.
    pub fn plan(&self, request: &Request<'_>, surveys: &Components<Option<Survey>>) -> Result<Plan, ConfigError> {
        let lineup = request.components;
        let settings = self.settings(request.environment, lineup)?;
        let environment = self.environment(request.environment)?;
        let first = settings[ComponentIndex::FIRST];
        let mut components = Vec::new();
        for (of, name) in lineup.iter() {
            let found = Found {
                name,
                version: &request.versions[of],
                serving: request.serving[of].as_ref(),
                survey: surveys[of].as_ref(),
            };
            components.push(component_plan(settings[of], &found)?);
        }
        let components = Components::try_from(components).map_err(|_| unknown("component", "", std::iter::empty()))?;
        let release = request.release.to_string();
        let value = |of: ComponentIndex| {
            let (planned, release) = (&components[of], release.as_str());
            let url = settings[of].url.as_deref().unwrap_or_default();
            move |variable: Variable| match variable {
                Variable::Version => planned.to.short(),
                Variable::Image => planned.to.0.as_str(),
                Variable::Digest => planned.to.digest().unwrap_or(late::DIGEST),
                Variable::GitSha => late::GIT_SHA,
                Variable::From => planned.from.short(),
                Variable::Environment => request.environment,
                Variable::Component => planned.name.as_str(),
                Variable::Release => release,
                Variable::Account => environment.account.as_str(),
                Variable::Region => environment.region.as_str(),
                Variable::Cluster => planned.cluster.as_str(),
                Variable::Url => url,
            }
        };
        let stages = self.stages(environment, &first.pipeline);
        let mut asks = environment.confirm.as_ref();
        let is_page = |name: &&String| self.channels.get(*name).is_some_and(Channel::is_page);
        let pages = settings.iter().flat_map(|(_, component)| component.notify.iter().filter(is_page).cloned());
        let pages: Vec<String> = pages.collect();
        let stages_planned = stages.iter().enumerate().map(|(index, stage)| {
            let phrase = if matches!(stage.work, StageWork::Gate(_)) { asks.take() } else { None };
            let named = stage.component.as_ref().and_then(|name| lineup.position(|other| other == name));
            let only = (lineup.count() == 1 && is_about_traffic(&stage.work)).then_some(ComponentIndex::FIRST);
            let component = named.or(only);
            let of = component.unwrap_or(ComponentIndex::FIRST);
            let value = value(of);
            let expand = |template: &Template| template.expand(value);
            let green = components[of].sides.as_ref().and_then(|sides| sides.green.url.as_deref());
            let public = settings[of].url.as_deref();
            let places = Places { side: green, public };
            let blue = components[of].sides.as_ref().and_then(|sides| sides.blue.url.as_deref());
            let serving = Places { side: blue, public };
            StagePlan {
                name: stage.name.clone(),
                component,
                after: comes_after(stages, index, stage),
                kind: stage_kind(stage, phrase, settings[of], [places, serving], &pages, &expand),
                timeout: stage.timeout,
                on_failure: stage.on_failure,
            }
        });
        let stages: Vec<StagePlan> = stages_planned.collect();
        for stage in &stages {
            let StageKind::Shift(shift) = &stage.kind else { continue };
            let of = stage.component.unwrap_or(ComponentIndex::FIRST);
            let increments = surveys[of].as_ref().map_or(&[][..], |survey| &survey.increments);
            refuse_out_of_step(&components[of].name, shift, increments)?;
        }
        let mut notify: Vec<String> =
            settings.iter().flat_map(|(_, component)| component.notify.iter().cloned()).collect();
        notify.sort_unstable();
        notify.dedup();
        Ok(Plan {
            environment: EnvironmentName::from(request.environment),
            production: environment.production,
            place: place(environment),
            stages,
            rollback: first.rollback,
            notify,
            secrets: self.secrets(environment, &settings),
            components,
            origin: Origin::Named,
            git_sha: None,
            policy: self.policy.as_ref().and_then(|policy| policy.of(&EnvironmentName::from(request.environment))),
        })
    }

    /// Every variable that a component, its pipeline or its channels name as secret, once.
    fn secrets(&self, environment: &Environment, components: &Components<&Component>) -> Vec<String> {
        let first = components[ComponentIndex::FIRST];
        let stages = self.stages(environment, &first.pipeline).iter();
        let named = stages.flat_map(|stage| {
            let others: Vec<&String> = match &stage.work {
                StageWork::Gate(gate) => gate.env_from().collect(),
                StageWork::Smoke(checks) | StageWork::Verify { checks, .. } => checks.env_from().collect(),
                _ => Vec::new(),
            };
            stage.work.commands().into_iter().flat_map(|command| &command.env_from).chain(others)
        });
        let own = components.iter().flat_map(|(_, component)| &component.secrets);
        let mut all: Vec<String> = own.chain(named).cloned().collect();
        let told = components.iter().flat_map(|(_, component)| &component.notify);
        let channels = told.filter_map(|name| self.channels.get(name));
        all.extend(channels.flat_map(Channel::variables).map(str::to_owned));
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// What is known of a component when its release is planned.
struct Found<'a> {
    name: &'a ComponentName,
    version: &'a Version,
    serving: Option<&'a Version>,
    survey: Option<&'a Survey>,
}

/// The version of a component of which nothing is known yet.
const UNKNOWN: &str = "unknown";

/// A release begins with one side that has all the traffic and changes by nobody else, and one that has none: green's
/// tasks are replaced. Blue comes first.
fn refuse_unready(sides: [(&str, &ServiceSurvey); 2], weights: [Percent; 2]) -> Result<(), ConfigError> {
    let [(blue, blue_is), (green, green_is)] = sides;
    if weights.iter().all(|weight| *weight > Percent::ZERO) {
        let [one, other] = weights;
        let (more, less) = (one.max(other), one.min(other));
        return Err(ConfigError::SplitTraffic { weights: [(blue.to_owned(), more), (green.to_owned(), less)] });
    }
    // Green's old tasks on their way out, after an earlier release, hinder nobody.
    let service = if blue_is.is_deploying {
        blue
    } else if green_is.is_deploying && green_is.desired > 0 {
        green
    } else {
        return Ok(());
    };
    Err(ConfigError::UnderDeployment { service: service.to_owned() })
}

/// How much longer than a bake its share must last where AWS shifts on a clock of its own: what is seen there is seen late,
/// and its gate must open before the next share.
const LEEWAY: Duration = Duration::from_mins(1);

/// Where AWS shifts on a clock of its own, steps can only be shares that it goes through, for as long as it stays there.
fn refuse_out_of_step(
    component: &ComponentName,
    shift: &ShiftPlan,
    increments: &[Increment],
) -> Result<(), ConfigError> {
    if increments.is_empty() {
        return Ok(());
    }
    for step in &shift.steps {
        let found = increments.iter().find(|increment| increment.weight == step.weight);
        let problem = match found {
            None => "it never is there",
            Some(_) if step.weight == Percent::FULL => continue,
            Some(_) if step.gate == GateKind::Human => "it does not wait there for a human",
            Some(increment) if step.bake + LEEWAY > increment.lasting => {
                "it goes on before that has baked and been judged"
            }
            Some(_) => continue,
        };
        let course: Vec<String> = increments
            .iter()
            .map(|increment| match increment.lasting {
                Duration::ZERO => increment.weight.to_string(),
                lasting => format!("{} for {}", increment.weight, Elapsed(lasting)),
            })
            .collect();
        return Err(ConfigError::OutOfStep {
            component: component.to_string(),
            weight: step.weight,
            problem,
            course: course.join(", then "),
        });
    }
    Ok(())
}

fn component_plan(component: &Component, found: &Found<'_>) -> Result<ComponentPlan, ConfigError> {
    if !is_version(&found.version.0) {
        return Err(ConfigError::BadVersion { version: found.version.0.clone() });
    }
    let (from, sides) = match component.site.as_ref().zip(found.survey) {
        Some((site, survey)) => {
            let (from, sides) = sides(found.name, component.driver, site, survey)?;
            (from, Some(sides))
        }
        None => (found.serving.cloned().unwrap_or_else(|| Version(UNKNOWN.to_owned())), None),
    };
    Ok(ComponentPlan {
        name: found.name.clone(),
        from,
        to: found.version.clone(),
        sides,
        cluster: component.site.as_ref().map(|site| site.cluster.clone()).unwrap_or_default(),
        logs: component.logs.clone(),
        requests: component.requests.clone(),
        signals: component.signals.clone(),
        alarms: component.alarms.clone(),
        pinned: Pinned::default(),
    })
}

/// What serves, and both sides: blue is whichever has the traffic.
fn sides(name: &ComponentName, driver: Driver, site: &Site, survey: &Survey) -> Result<(Version, Sides), ConfigError> {
    let [first, second] = site.services.each_ref();
    let [surveyed_first, surveyed_second] = survey.services.each_ref();
    let sides = match survey.blue {
        0 => [(first, surveyed_first), (second, surveyed_second)],
        _ => [(second, surveyed_second), (first, surveyed_first)],
    };
    let [(_, blue), _] = sides;
    refuse_unready(sides.map(|(service, surveyed)| (service.service.as_str(), surveyed)), survey.weights)?;
    let desired = site.tasks.unwrap_or(blue.desired);
    let [blue_side, green_side] = sides.map(|(service, surveyed)| SidePlan {
        service: service.service.clone(),
        target_group: service.target_group.clone(),
        task_definition: surveyed.task_definition.clone(),
        container: site.container.clone(),
        desired,
        url: service.url.clone(),
    });
    if desired == 0 {
        return Err(ConfigError::NothingServes { service: blue_side.service, component: name.to_string() });
    }
    let rule = site.listener_rule.clone();
    let (expiry, group) = (site.expiry, site.group.clone());
    Ok((blue.version.clone(), Sides { driver, rule, blue: blue_side, green: green_side, expiry, group }))
}

/// Whether a stage is about a component's traffic, so that in a pipeline with one component it is about that one.
fn is_about_traffic(work: &StageWork) -> bool {
    work.needs_site() || matches!(work, StageWork::Smoke(_) | StageWork::Verify { .. })
}

/// The stages that a stage comes after: those it names, or the one before it.
fn comes_after(stages: &[Stage], index: usize, stage: &Stage) -> Vec<usize> {
    match &stage.after {
        None => index.checked_sub(1).into_iter().collect(),
        Some(names) => {
            let place = |name: &StageName| stages.iter().take(index).position(|other| other.name == *name);
            names.iter().filter_map(place).collect()
        }
    }
}

fn place(environment: &Environment) -> Place {
    Place { account: environment.account.clone(), region: environment.region.clone() }
}

fn unknown<'a>(kind: &'static str, name: &str, known: impl Iterator<Item = &'a str>) -> ConfigError {
    let known: Vec<String> = known.map(str::to_owned).collect();
    let nearest = nearest(name, known.iter().map(String::as_str));
    ConfigError::Unknown { kind, name: name.to_owned(), nearest, known }
}

/// Whether `reference` can be an image reference, or a version. It reaches commands as an argument, so what no reference
/// holds must not pass.
fn is_version(reference: &str) -> bool {
    (1..=1_024).contains(&reference.len())
        && reference.starts_with(|c: char| c.is_ascii_alphanumeric())
        && reference.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && reference.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/:@+".contains(&byte))
}

fn stage_kind(
    stage: &Stage,
    phrase: Option<&Template>,
    site: &Component,
    [places, serving]: [Places<'_>; 2],
    pages: &[String],
    expand: &impl Fn(&Template) -> String,
) -> StageKind {
    match &stage.work {
        StageWork::Gate(gate) => StageKind::Gate(gate.plan(phrase, serving, expand)),
        StageWork::Build { command, repository } => {
            StageKind::Build(BuildPlan { command: command_plan(command, expand), repository: expand(repository) })
        }
        StageWork::Command(command) => StageKind::Command(command_plan(command, expand)),
        StageWork::Task(task) => StageKind::Task(task_plan(task, site, expand)),
        StageWork::Migrate(migration) => StageKind::Migrate(Box::new(MigrationPlan {
            backup: migration.backup.as_ref().map(|job| job_plan(job, site, expand)),
            apply: job_plan(&migration.apply, site, expand),
            verify: migration.verify.as_ref().map(|job| job_plan(job, site, expand)),
            undo: migration.undo.as_ref().map(|job| job_plan(job, site, expand)),
            undo_is_safe: migration.undo_is_safe,
        })),
        StageWork::Deploy => StageKind::Deploy,
        StageWork::Smoke(checks) => StageKind::Smoke(checks::plan(checks, places, expand)),
        StageWork::WarmUp { paths, via, ca_file, requests, at_once, timeout } => StageKind::WarmUp(WarmUpPlan {
            visits: paths.iter().map(|path| checks::visit(path, (via, ca_file.as_ref()), places, expand)).collect(),
            requests: *requests,
            at_once: *at_once,
            timeout: *timeout,
        }),
        StageWork::Load { command, report, limits } => StageKind::Load(LoadPlan {
            command: command_plan(command, expand),
            report: report.as_ref().map(expand),
            limits: limits.clone(),
        }),
        StageWork::Shift(plan) => StageKind::Shift(plan.clone()),
        StageWork::Flag(Flag::Command(command)) => StageKind::Flag(FlagPlan::Command(command_plan(command, expand))),
        StageWork::Flag(Flag::AppConfig(flag)) => StageKind::Flag(FlagPlan::AppConfig(FeatureFlag {
            application: expand(&flag.application),
            environment: expand(&flag.environment),
            profile: expand(&flag.profile),
            flag: expand(&flag.flag),
            strategy: flag.strategy.clone(),
            to: Switch::On,
        })),
        StageWork::Verify { watch, checks } => {
            StageKind::Verify(VerifyPlan { watch: *watch, checks: checks::plan(checks, places, expand) })
        }
        StageWork::Notify => StageKind::Notify,
        StageWork::StatusPage(status) => {
            StageKind::StatusPage(StatusPagePlan { status: *status, channels: pages.to_vec() })
        }
        StageWork::Wait(plan) => StageKind::Wait(*plan),
        StageWork::Cleanup(plan) => StageKind::Cleanup(*plan),
    }
}

fn command_plan(command: &Command, expand: &impl Fn(&Template) -> String) -> CommandPlan {
    CommandPlan {
        run: command.run.iter().map(expand).collect(),
        undo: command.undo.as_ref().map(|undo| undo.iter().map(expand).collect()),
        env: command.env.iter().map(|(name, value)| (name.clone(), expand(value))).collect(),
        dir: command.dir.as_ref().map(expand),
        repeatable: command.repeatable,
        undo_on_failure: command.undo_on_failure,
    }
}

/// What a task leaves out is its component's.
fn task_plan(task: &Task, component: &Component, expand: &impl Fn(&Template) -> String) -> TaskPlan {
    let own = component.site.as_ref().map(|site| site.container.clone()).unwrap_or_default();
    TaskPlan {
        definition: task.definition.clone(),
        container: task.container.clone().unwrap_or(own),
        run: task.run.iter().map(expand).collect(),
        env: task.env.iter().map(|(name, value)| (name.clone(), expand(value))).collect(),
        logs: task.logs.clone().or_else(|| component.logs.first().cloned()),
    }
}

fn job_plan(job: &ConfiguredJob, component: &Component, expand: &impl Fn(&Template) -> String) -> Job {
    match job {
        ConfiguredJob::Command(command) => Job::Command(command_plan(command, expand)),
        ConfiguredJob::Task(task) => Job::Task(task_plan(task, component, expand)),
    }
}
