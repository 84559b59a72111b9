//! The settings in force, written as a configuration: reading it gives the same settings again.

pub(super) mod checks;

use std::collections::BTreeMap;
use std::time::Duration;

use toml::{Table, Value};

use super::channel::{Address, Channel, Receiver, SecretSource};
use super::gate;
use super::model::{
    Color, Command, Component, Config, Environment, Flag, Job, Pipeline, Screen, Service, Stage, StageWork, Task,
    ThemeChoice,
};
use super::policy::PolicyRules;
use super::sections::requests::UNITS;
use super::template::Template;
use super::values::show_duration;
use crate::domain::alarm::{Comparison, Wish};
use crate::domain::formula::{Formula, Metric, Term};
use crate::domain::ids::AlarmName;
use crate::domain::log::request::{Format, RequestLog};
use crate::domain::plan::{Definition, Driver, GateKind, OnFailure, ReportLimit, ShiftPlan};
use crate::domain::policy::{Deed, Rule};
use crate::domain::signal::{Custom, Measure, Policy, SignalPlan};

impl Config {
    /// The settings in force as TOML, every default spelt out and every environment's own settings in its own place.
    pub fn show(&self) -> String {
        let mut where_released: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let mut signals = Table::new();
        let mut alarms = Table::new();
        for (name, environment) in &self.environments {
            for wish in &environment.alarms {
                // Its limits are said in each environment.
                let named = [("environments", Some(Value::Array(Vec::new())))];
                let entry = alarms.entry(wish.name.to_string()).or_insert_with(|| alarm(wish, named));
                if let Some(Value::Array(all)) = entry.get_mut("environments") {
                    all.push(text(name));
                }
            }
            for (component, settings) in &environment.components {
                where_released.entry(component.to_string()).or_default().push(text(name));
                for signal in &settings.signals {
                    // Enough to be a signal where an environment releases nothing.
                    signals.insert(signal.name.to_string(), table([("measure", Some(measure(&signal.measure)))]));
                }
            }
        }
        // What is common is said in each environment; here only the names are.
        let components = where_released
            .into_iter()
            .map(|(name, environments)| (name, table([("environments", Some(Value::Array(environments)))])));
        let polls = self.engine.polls;
        let polls = table([
            ("weight", Some(span(polls.weight))),
            ("capacity", Some(span(polls.capacity))),
            ("signals", Some(span(polls.signals))),
            ("alarms", Some(span(polls.alarms))),
            ("logs", Some(span(polls.logs))),
            ("identity", Some(span(polls.identity))),
            ("most_cents", Some(i64::from(polls.most_cents).into())),
        ]);
        let engine = table([
            ("journal", Some(text(self.engine.journal.display()))),
            ("period", Some(span(self.engine.period))),
            ("live_tail", Some(self.engine.live_tail.into())),
            ("polls", Some(polls)),
        ]);
        let whole = table([
            ("read_only", Some(self.read_only.into())),
            ("environments", Some(named(&self.environments, environment))),
            ("components", Some(Value::Table(components.collect()))),
            ("signals", Some(Value::Table(signals))),
            ("alarms", (!alarms.is_empty()).then_some(Value::Table(alarms))),
            ("pipelines", Some(named(&self.pipelines, pipeline))),
            ("channels", Some(named(&self.channels, channel))),
            ("policy", self.policy.as_ref().map(policy)),
            ("engine", Some(engine)),
            ("screen", Some(screen(&self.screen))),
        ]);
        // Tables of strings, numbers and truth values are always TOML.
        toml::to_string_pretty(&whole).unwrap_or_default()
    }
}

fn policy(policy: &PolicyRules) -> Value {
    let deeds = |deeds: &[Deed]| texts(deeds.iter().map(|deed| deed.word()));
    let rule = |(rule, environments): &(Rule, Option<Vec<String>>)| {
        table([
            ("name", Some(text(&rule.name))),
            ("who", Some(texts(rule.who.iter().map(|pattern| &pattern.0)))),
            ("may", Some(deeds(&rule.may))),
            ("environments", environments.as_ref().map(texts)),
        ])
    };
    table([
        ("environments", policy.environments.as_ref().map(texts)),
        ("everybody", Some(deeds(&policy.everybody))),
        ("rules", Some(Value::Array(policy.rules.iter().map(rule).collect()))),
    ])
}

pub(super) fn text(text: impl ToString) -> Value {
    Value::String(text.to_string())
}

pub(super) fn texts<T: ToString>(all: impl IntoIterator<Item = T>) -> Value {
    Value::Array(all.into_iter().map(text).collect())
}

pub(super) fn span(span: Duration) -> Value {
    text(show_duration(span))
}

pub(super) fn template(template: &Template) -> Value {
    text(template.written())
}

pub(super) fn table<const N: usize>(entries: [(&str, Option<Value>); N]) -> Value {
    Value::Table(entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect())
}

pub(super) fn named<K: ToString, V>(all: &BTreeMap<K, V>, show: impl Fn(&V) -> Value) -> Value {
    Value::Table(all.iter().map(|(name, value)| (name.to_string(), show(value))).collect())
}

fn environment(environment: &Environment) -> Value {
    let mut signals = Table::new();
    for plan in environment.components.values().flat_map(|component| &component.signals) {
        signals.insert(plan.name.to_string(), signal(plan));
    }
    table([
        ("production", Some(environment.production.into())),
        ("read_only", Some(environment.read_only.into())),
        ("account", Some(text(&environment.account))),
        ("region", Some(text(&environment.region))),
        ("profile", environment.profile.as_ref().map(text)),
        ("role", environment.role.as_ref().map(text)),
        ("lock", environment.lock_table.as_ref().map(|name| table([("table", Some(text(name)))]))),
        ("confirm", Some(environment.confirm.as_ref().map_or(Value::Boolean(false), template))),
        ("components", Some(named(&environment.components, component))),
        ("signals", Some(Value::Table(signals))),
        ("stages", (!environment.stages.is_empty()).then(|| own_stages(environment))),
    ])
}

/// An environment's own stages, without what it cannot say of them.
fn own_stages(environment: &Environment) -> Value {
    let shown = environment.stages.values().flatten().map(|own| {
        let mut shown = stage(own);
        if let Value::Table(keys) = &mut shown {
            for fixed in ["name", "kind", "component", "after"] {
                keys.remove(fixed);
            }
        }
        (own.name.to_string(), shown)
    });
    Value::Table(shown.collect())
}

fn component(component: &Component) -> Value {
    let site = component.site.as_ref();
    let service = |service: &Service| {
        table([
            ("service", Some(text(&service.service))),
            ("target_group", Some(text(&service.target_group))),
            ("url", service.url.as_ref().map(text)),
        ])
    };
    let sides = if component.driver == Driver::Rolling { 1 } else { 2 };
    let services = site.map(|site| Value::Array(site.services.iter().take(sides).map(service).collect()));
    let pause = site.filter(|_| component.driver == Driver::Native).map(|site| span(site.expiry));
    let group = site.and_then(|site| site.group.as_ref());
    let signals = site.map(|_| texts(component.signals.iter().map(|signal| &signal.name)));
    let rollback = table([
        ("escalate_after", Some(span(component.rollback.escalate_after))),
        ("min_healthy", Some(text(component.rollback.min_healthy))),
        ("keep_green", Some(component.rollback.keep_green.into())),
        ("one_by_one", Some(component.rollback.one_by_one.into())),
    ]);
    table([
        ("driver", Some(text(component.driver.word()))),
        ("cluster", site.map(|site| text(&site.cluster))),
        ("container", site.map(|site| text(&site.container))),
        ("application", group.map(|group| text(&group.application))),
        ("deployment_group", group.map(|group| text(&group.name))),
        ("listener_rule", site.map(|site| text(&site.listener_rule))),
        ("pause_timeout", pause),
        ("url", component.url.as_ref().map(text)),
        ("services", services),
        ("pin", site.map(|site| site.pin.into())),
        ("tasks", site.and_then(|site| site.tasks).map(|tasks| i64::from(tasks).into())),
        ("logs", Some(texts(&component.logs))),
        ("requests", Some(requests(&component.requests))),
        ("alarms", Some(texts(component.alarms.iter().map(AlarmName::as_str)))),
        ("pipeline", Some(text(&component.pipeline))),
        ("signals", signals),
        ("notify", Some(texts(&component.notify))),
        ("secrets", Some(texts(&component.secrets))),
        ("rollback", Some(rollback)),
    ])
}

fn requests(log: &RequestLog) -> Value {
    let (format, status, latency, pattern) = match &log.format {
        Format::Json { status, latency } => ("json", Some(texts(status)), Some(texts(latency)), None),
        Format::Common => ("common", None, None, None),
        Format::Pattern(source) => ("regex", None, None, Some(text(source))),
    };
    let unit = log.unit.and_then(|unit| UNITS.into_iter().find(|(_, other)| *other == unit));
    table([
        ("format", Some(text(format))),
        ("status", status),
        ("latency", latency),
        ("pattern", pattern),
        ("unit", unit.map(|(word, _)| text(word))),
    ])
}

/// An alarm with every default spelt out, and what else is said of it.
fn alarm(wish: &Wish, more: [(&str, Option<Value>); 1]) -> Value {
    let limit = Some(Value::Float(wish.threshold));
    let (above, below) = match wish.comparison {
        Comparison::Below | Comparison::AtMost => (None, limit),
        Comparison::Above | Comparison::AtLeast | Comparison::OutsideBand => (limit, None),
    };
    let [environments] = more;
    table([
        ("component", Some(text(&wish.component))),
        ("measure", Some(measure(&wish.measure))),
        ("above", above),
        ("below", below),
        ("for", Some(span(Duration::from_mins(u64::from(wish.periods))))),
        ("breaches", Some(i64::from(wish.breaches).into())),
        ("missing", Some(text(wish.missing.word()))),
        ("description", (!wish.description.is_empty()).then(|| text(&wish.description))),
        ("tell", Some(texts(&wish.tell))),
        environments,
    ])
}

/// A measure as it is written.
fn measure(measure: &Measure) -> Value {
    let word = match measure {
        Measure::TargetErrors => "target-errors",
        Measure::ClientErrors => "client-errors",
        Measure::Success => "success",
        Measure::ResponseTime(percentile) => return text(format!("response-time {percentile}")),
        Measure::RequestRate => "request-rate",
        Measure::Cpu => "cpu",
        Measure::Memory => "memory",
        Measure::RunningTasks => "running-tasks",
        Measure::UnhealthyTargets => "unhealthy-targets",
        Measure::Custom(custom) => return of_custom(custom),
    };
    text(word)
}

fn of_custom(custom: &Custom) -> Value {
    let metric = |metric: &Metric| {
        let dimensions = metric.dimensions.iter().map(|(name, value)| (name.clone(), text(value)));
        [
            ("namespace", Some(text(&metric.namespace))),
            ("metric", Some(text(&metric.name))),
            ("dimensions", Some(Value::Table(dimensions.collect()))),
            ("statistic", Some(text(&metric.statistic))),
        ]
    };
    let unit = ("unit", Some(text(custom.unit.word())));
    match &custom.of {
        Formula::Metric(of) => {
            let [namespace, name, dimensions, statistic] = metric(of);
            table([namespace, name, dimensions, statistic, unit])
        }
        Formula::Math(parts) => {
            let math = parts.iter().find_map(|part| match &part.is {
                Term::Expression(expression) => Some(text(expression)),
                Term::Metric { .. } => None,
            });
            let metrics = parts.iter().filter_map(|part| match &part.is {
                Term::Metric { metric: of, .. } => Some((part.id.clone(), table(metric(of)))),
                Term::Expression(_) => None,
            });
            table([("math", math), ("metrics", Some(Value::Table(metrics.collect()))), unit])
        }
    }
}

fn signal(signal: &SignalPlan) -> Value {
    let policy = match signal.policy {
        Policy::Rollback => "rollback",
        Policy::Pause => "pause",
        Policy::Observe => "observe",
    };
    table([
        ("golden", Some(text(signal.golden.word()))),
        ("measure", Some(measure(&signal.measure))),
        ("max", signal.max.map(Value::Float)),
        ("over_blue", signal.over_blue.map(Value::Float)),
        ("min_samples", Some(Value::Integer(i64::try_from(signal.min_samples).unwrap_or(i64::MAX)))),
        ("breaches", Some(i64::from(signal.breaches).into())),
        ("warm_up", Some(span(signal.warm_up))),
        ("policy", Some(text(policy))),
    ])
}

fn pipeline(pipeline: &Pipeline) -> Value {
    table([
        ("components", (!pipeline.components.is_empty()).then(|| texts(&pipeline.components))),
        ("stages", Some(Value::Array(pipeline.stages.iter().map(stage).collect()))),
    ])
}

fn stage(stage: &Stage) -> Value {
    let on_failure = match stage.on_failure {
        OnFailure::Rollback => "rollback",
        OnFailure::Wait => "wait",
    };
    let (kind, work) = work(&stage.work);
    let common = table([
        ("name", Some(text(&stage.name))),
        ("kind", Some(text(kind))),
        ("component", stage.component.as_ref().map(text)),
        ("after", stage.after.as_ref().map(texts)),
        ("timeout", Some(span(stage.timeout))),
        ("on_failure", Some(text(on_failure))),
    ]);
    match (common, work) {
        (Value::Table(mut common), Value::Table(work)) => {
            common.extend(work);
            Value::Table(common)
        }
        (common, _) => common,
    }
}

fn program(program: &[Template]) -> Value {
    Value::Array(program.iter().map(template).collect())
}

fn command(command: &Command) -> Value {
    table([
        ("run", Some(program(&command.run))),
        ("undo", command.undo.as_deref().map(program)),
        ("env", Some(named(&command.env, template))),
        ("env_from", Some(texts(&command.env_from))),
        ("dir", command.dir.as_ref().map(template)),
        ("repeatable", Some(command.repeatable.into())),
    ])
}

fn task(task: &Task) -> Value {
    let definition = match &task.definition {
        Definition::New => "new",
        Definition::Serving => "serving",
        Definition::Named(name) => name,
    };
    table([
        ("definition", Some(text(definition))),
        ("container", task.container.as_ref().map(text)),
        ("run", Some(program(&task.run))),
        ("env", Some(named(&task.env, template))),
        ("logs", task.logs.as_ref().map(text)),
    ])
}

fn job(job: &Job) -> Value {
    match job {
        Job::Command(program) => with(command(program), [("on", Some(text("here")))]),
        Job::Task(run) => with(task(run), [("on", Some(text("ecs")))]),
    }
}

/// A table with more keys.
fn with<const N: usize>(base: Value, entries: [(&str, Option<Value>); N]) -> Value {
    match (base, table(entries)) {
        (Value::Table(mut base), Value::Table(entries)) => {
            base.extend(entries);
            Value::Table(base)
        }
        (base, _) => base,
    }
}

/// The word for a kind of work, and the keys that go with it.
fn work(work: &StageWork) -> (&'static str, Value) {
    match work {
        StageWork::Gate(gate) => ("gate", gate::show::show(gate)),
        StageWork::Build { command: build, repository } => {
            ("build", with(command(build), [("repository", Some(template(repository)))]))
        }
        StageWork::Command(program) => {
            let undoes = program.undo.is_some().then(|| program.undo_on_failure.into());
            ("command", with(command(program), [("undo_on_failure", undoes)]))
        }
        StageWork::Task(run) => ("task", task(run)),
        StageWork::Migrate(migration) => (
            "migrate",
            table([
                ("backup", migration.backup.as_ref().map(job)),
                ("apply", Some(job(&migration.apply))),
                ("verify", migration.verify.as_ref().map(job)),
                ("undo", migration.undo.as_ref().map(job)),
                ("undo_is_safe", Some(migration.undo_is_safe.into())),
            ]),
        ),
        StageWork::WarmUp { paths, via, ca_file, requests, at_once, timeout } => (
            "warm-up",
            table([
                ("paths", Some(program(paths))),
                ("via", Some(checks::way(via))),
                ("ca_file", ca_file.as_ref().map(template)),
                ("requests", Some(i64::from(*requests).into())),
                ("at_once", Some(i64::from(*at_once).into())),
                ("request_timeout", Some(span(*timeout))),
            ]),
        ),
        StageWork::Load { command: tool, report, limits } => {
            let limit = |limit: &ReportLimit| {
                table([
                    ("name", Some(text(&limit.name))),
                    ("at", Some(text(&limit.at))),
                    ("below", limit.below.map(Value::Float)),
                    ("above", limit.above.map(Value::Float)),
                ])
            };
            let limits = Value::Array(limits.iter().map(limit).collect());
            let own = [("report", report.as_ref().map(template)), ("limits", Some(limits))];
            ("load", with(command(tool), own))
        }
        StageWork::Flag(Flag::Command(switch)) => ("flag", command(switch)),
        StageWork::Flag(Flag::AppConfig(flag)) => (
            "flag",
            table([
                ("via", Some(text("appconfig"))),
                ("application", Some(template(&flag.application))),
                ("environment", Some(template(&flag.environment))),
                ("profile", Some(template(&flag.profile))),
                ("flag", Some(template(&flag.flag))),
                ("strategy", Some(text(&flag.strategy))),
            ]),
        ),
        StageWork::Wait(plan) => ("wait", table([("span", Some(span(plan.span)))])),
        StageWork::Deploy => ("deploy", table([])),
        StageWork::Smoke(set) => ("smoke", table(checks::keys(set))),
        StageWork::Shift(plan) => ("shift", shift(plan)),
        StageWork::Verify { watch, checks: set } => {
            let [via, ca_file, all] = checks::keys(set);
            ("verify", table([("watch", Some(span(*watch))), via, ca_file, all]))
        }
        StageWork::Notify => ("notify", table([])),
        StageWork::StatusPage(status) => ("status-page", table([("status", Some(text(status.word())))])),
        StageWork::Cleanup(plan) => ("cleanup", table([("hold", Some(span(plan.hold)))])),
    }
}

fn shift(plan: &ShiftPlan) -> Value {
    let steps = plan.steps.iter().map(|step| {
        let gate = match step.gate {
            GateKind::Automatic => "automatic",
            GateKind::Human => "human",
        };
        let weight = Value::Integer(step.weight.get().into());
        table([("weight", Some(weight)), ("bake", Some(span(step.bake))), ("gate", Some(text(gate)))])
    });
    table([
        ("steps", Some(Value::Array(steps.collect()))),
        ("patience", Some(span(plan.patience))),
        ("unhealthy_for", Some(span(plan.unhealthy_for))),
    ])
}

fn channel(channel: &Channel) -> Value {
    let Channel { route, receiver } = channel;
    let mut shown = Table::new();
    let mut put = |key: &str, value: Value| shown.insert(key.to_owned(), value);
    put("kind", text(channel.kind()));
    if !channel.is_page() {
        put("min_severity", text(route.min_severity.word()));
        put("events", texts(route.events.iter().map(|event| event.word())));
    }
    if let Some(environments) = &route.environments {
        put("environments", texts(environments));
    }
    match receiver {
        Receiver::Sns { topic } => {
            put("topic", text(topic));
        }
        Receiver::SlackWebhook { url } => {
            let (key, value) = source("url", url);
            put(&key, value);
        }
        Receiver::SlackThread { token, channel, url } => {
            let (key, value) = source("token", token);
            put(&key, value);
            put("channel", text(channel));
            put("url", text(url));
        }
        Receiver::PagerDuty { routing_key, url } => {
            let (key, value) = source("routing_key", routing_key);
            put(&key, value);
            put("url", text(url));
        }
        Receiver::Webhook { url, secret } => {
            let (key, value) = match url {
                Address::Plain(url) => ("url".to_owned(), text(url)),
                Address::Secret(url) => source("url", url),
            };
            put(&key, value);
            if let Some(secret) = secret {
                let (key, value) = source("secret", secret);
                put(&key, value);
            }
        }
        Receiver::Statuspage { api_key, page, component, title, url } => {
            let (key, value) = source("api_key", api_key);
            put(&key, value);
            put("page_id", text(page));
            put("component_id", text(component));
            put("title", text(title));
            put("url", text(url));
        }
    }
    Value::Table(shown)
}

/// The key and value that say where a secret is kept.
fn source(name: &str, source: &SecretSource) -> (String, Value) {
    match source {
        SecretSource::Variable(variable) => (format!("{name}_env"), text(variable)),
        SecretSource::File(file) => (format!("{name}_file"), text(file.display())),
    }
}

fn screen(screen: &Screen) -> Value {
    let color = Color::WORDS.iter().find(|(_, color)| *color == screen.color).map(|(word, _)| text(word));
    let theme = match &screen.theme {
        ThemeChoice::File(path) => Some(text(path.display())),
        choice => ThemeChoice::WORDS.iter().find(|(_, known)| known == choice).map(|(word, _)| text(word)),
    };
    table([
        ("color", color),
        ("ascii", Some(screen.ascii.into())),
        ("theme", theme),
        ("keymap", screen.keymap.as_ref().map(|path| text(path.display()))),
        ("bell", Some(screen.bell.into())),
        ("notifications", Some(screen.notifications.into())),
    ])
}
