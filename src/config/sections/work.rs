//! Stages that run something to an end: builds, tasks, migrations, load tests, flags, and what wakes green up.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::model::{AppConfigFlag, Flag, Job, Migration, StageWork, Task};
use super::super::problem::Mistake;
use super::super::reader::{Item, Table};
use super::super::template::{Template, some_template, template};
use super::super::values;
use super::stage::{command, program};
use super::{check, refuse_repeats};
use crate::domain::plan::{Definition, ReportLimit, WaitPlan};

/// The strategy by which AppConfig gives all clients a version at once.
const ALL_AT_ONCE: &str = "AppConfig.AllAtOnce";

/// Requests of a warm-up.
const REQUESTS: u64 = 50;

/// Requests of a warm-up at once.
const AT_ONCE: u64 = 4;

/// The most requests of a warm-up: what is more is a load test.
const MOST_REQUESTS: u64 = 10_000;

pub(super) fn build(table: &Table<'_>) -> Option<StageWork> {
    let command = command(table);
    let example = "repository = \"123456789012.dkr.ecr.eu-west-1.amazonaws.com/api\"";
    let repository = table.required("repository", example, repository);
    Some(StageWork::Build { command: command?, repository: repository?.value })
}

/// A repository has neither tag nor digest.
fn repository(item: Item<'_>) -> Result<Template, Mistake> {
    let repository = some_template(item)?;
    let name = repository.written().rsplit('/').next().unwrap_or_default().to_owned();
    if name.contains(':') || name.contains('@') {
        return Err(values::bad(item, "a repository", "it without its tag or digest: \"registry/api\""));
    }
    Ok(repository)
}

pub(super) fn task(table: &Table<'_>) -> Option<Task> {
    if table.item("run").is_none() {
        table.missing("run", "run = [\"alembic\", \"upgrade\", \"head\"]");
    }
    let run = program(table, "run");
    let definition = table.or("definition", definition, Definition::New);
    let mut env = BTreeMap::new();
    if let Some(variables) = table.table("env") {
        for name in variables.names() {
            env.extend(variables.optional(&name.value, template).map(|value| (name.value, value)));
        }
        variables.finish();
    }
    let (container, logs) = (table.optional("container", values::text), table.optional("logs", values::text));
    Some(Task { definition, container, run: run?, env, logs })
}

fn definition(item: Item<'_>) -> Result<Definition, Mistake> {
    Ok(match values::text(item)?.as_str() {
        "new" => Definition::New,
        "serving" => Definition::Serving,
        other => Definition::Named(other.to_owned()),
    })
}

/// A program here, or on ECS where it says so.
fn job(table: Table<'_>) -> Option<Job> {
    let on = table.or("on", values::word("place", &[("here", false), ("ecs", true)]), false);
    let job = if on { task(&table).map(Job::Task) } else { command(&table).map(Job::Command) };
    table.finish();
    job
}

pub(super) fn migrate(table: &Table<'_>) -> Option<StageWork> {
    let part = |key: &str| table.table(key).map(job);
    if table.item("apply").is_none() {
        table.missing("apply", "apply = { run = [\"alembic\", \"upgrade\", \"head\"] }");
    }
    let (backup, apply, verify, undo) = (part("backup"), part("apply"), part("verify"), part("undo"));
    let undo_is_safe = table.or("undo_is_safe", values::flag, false);
    let what = "`undo_is_safe` is said of a migration without `undo`";
    table.reader().check(!undo_is_safe || undo.is_some(), &table.spot(), what, "say what undoes it, or remove this");
    // A part that is there and could not be read makes no migration without it.
    let whole = |part: Option<Option<Job>>| part.map_or(Some(None), |job| job.map(Some));
    let (backup, verify, undo) = (whole(backup)?, whole(verify)?, whole(undo)?);
    Some(StageWork::Migrate(Box::new(Migration { backup, apply: apply??, verify, undo, undo_is_safe })))
}

pub(super) fn warm_up(table: &Table<'_>) -> Option<StageWork> {
    if table.item("paths").is_none() {
        table.missing("paths", "paths = [\"/\", \"/api/products\"]");
    }
    let paths = table.list("paths", "an array of paths: [\"/\"]", path);
    let (via, ca_file) = (check::via(table), table.optional("ca_file", some_template));
    let requests = table.or("requests", values::whole(1, MOST_REQUESTS), REQUESTS);
    let at_once = table.or("at_once", values::whole(1, 64), AT_ONCE);
    let timeout = table.or("request_timeout", values::some_time, Duration::from_secs(10));
    let paths: Vec<Template> = paths?.into_iter().map(|path| path.value).collect();
    let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    (!paths.is_empty()).then(|| StageWork::WarmUp {
        paths,
        via,
        ca_file,
        requests: number(requests),
        at_once: number(at_once),
        timeout,
    })
}

fn path(item: Item<'_>) -> Result<Template, Mistake> {
    let path = some_template(item)?;
    if path.written().starts_with('/') { Ok(path) } else { Err(values::bad(item, "a path", "one such as \"/\"")) }
}

pub(super) fn load(table: &Table<'_>) -> Option<StageWork> {
    let command = command(table);
    let report = table.optional("report", some_template);
    let example = "limits = [{ name = \"p95\", at = \"/metrics/http_req_duration/p(95)\", below = 500 }]";
    let tables = table.required_tables("limits", example)?;
    let reader = table.reader();
    let (mut names, mut limits) = (Vec::new(), Vec::new());
    for table in tables {
        let name = table.required("name", "name = \"p95\"", values::text);
        names.extend(name.clone());
        let at = table.required("at", "at = \"/latency/p95\"", pointer);
        let (below, above) = (table.optional("below", values::number), table.optional("above", values::number));
        let what = "a limit that limits nothing";
        reader.check(below.is_some() || above.is_some(), &table.spot(), what, "give it `below`, `above`, or both");
        table.finish();
        limits.extend((|| Some(ReportLimit { name: name?.value, at: at?.value, below, above }))());
    }
    refuse_repeats(reader, "limit", &names);
    Some(StageWork::Load { command: command?, report, limits })
}

fn pointer(item: Item<'_>) -> Result<String, Mistake> {
    let pointer = values::text(item)?;
    if pointer.starts_with('/') {
        Ok(pointer)
    } else {
        Err(values::bad(item, "a JSON pointer", "one such as \"/p95\""))
    }
}

pub(super) fn wait(table: &Table<'_>) -> Option<StageWork> {
    let span = table.required("span", "span = \"5m\"", values::some_time)?;
    Some(StageWork::Wait(WaitPlan { span: span.value }))
}

/// Who switches a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Switcher {
    Program,
    AppConfig,
}

pub(super) fn flag(table: &Table<'_>) -> Option<StageWork> {
    let switchers = [("command", Switcher::Program), ("appconfig", Switcher::AppConfig)];
    match table.or("via", values::word("way to switch", &switchers), Switcher::Program) {
        Switcher::Program => flag_command(table),
        Switcher::AppConfig => app_config(table),
    }
}

fn app_config(table: &Table<'_>) -> Option<StageWork> {
    let application = table.required("application", "application = \"shop\"", some_template);
    let environment = table.required("environment", "environment = \"production\"", some_template);
    let profile = table.required("profile", "profile = \"features\"", some_template);
    let flag = table.required("flag", "flag = \"checkout\"", some_template);
    let strategy = table.or("strategy", values::text, ALL_AT_ONCE.to_owned());
    Some(StageWork::Flag(Flag::AppConfig(AppConfigFlag {
        application: application?.value,
        environment: environment?.value,
        profile: profile?.value,
        flag: flag?.value,
        strategy,
    })))
}

/// A flag that could not be switched off again could not be rolled back.
fn flag_command(table: &Table<'_>) -> Option<StageWork> {
    if table.item("undo").is_none() {
        table.missing("undo", "undo = [\"flags\", \"off\", \"checkout\"]");
    }
    let command = command(table)?;
    command.undo.is_some().then_some(StageWork::Flag(Flag::Command(command)))
}
