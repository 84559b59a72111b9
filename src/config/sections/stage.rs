//! One stage of a pipeline, by its kind.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::de::DeValue;

use super::super::model::{Command, Flag, Stage, StageWork};
use super::super::reader::{Located, Table};
use super::super::template::{Template, some_template, template};
use super::super::values;
use super::{check, gate, work};
use crate::domain::ids::{ComponentName, StageName};
use crate::domain::notice::PageStatus;
use crate::domain::percent::Percent;
use crate::domain::plan::{CleanupPlan, GateKind, OnFailure, ShiftPlan, ShiftStep};

const MINUTE: Duration = Duration::from_mins(1);

/// What `after` may be.
pub(super) const AFTER: &str = "an array of stages: [\"migrate\"]";

const PROGRAM: &str = "the program and its arguments as an array: [\"alembic\", \"upgrade\", \"head\"]";

#[derive(Clone, Copy, Debug)]
enum Kind {
    Gate,
    Build,
    Command,
    Task,
    Migrate,
    Deploy,
    Smoke,
    WarmUp,
    Load,
    Shift,
    Flag,
    Verify,
    Notify,
    StatusPage,
    Wait,
    Cleanup,
}

const KINDS: [(&str, Kind); 16] = [
    ("gate", Kind::Gate),
    ("build", Kind::Build),
    ("command", Kind::Command),
    ("task", Kind::Task),
    ("migrate", Kind::Migrate),
    ("deploy", Kind::Deploy),
    ("smoke", Kind::Smoke),
    ("warm-up", Kind::WarmUp),
    ("load", Kind::Load),
    ("shift", Kind::Shift),
    ("flag", Kind::Flag),
    ("verify", Kind::Verify),
    ("notify", Kind::Notify),
    ("status-page", Kind::StatusPage),
    ("wait", Kind::Wait),
    ("cleanup", Kind::Cleanup),
];

/// The word that stands for this kind of work.
pub(super) fn word(work: &StageWork) -> &'static str {
    match work {
        StageWork::Gate(_) => "gate",
        StageWork::Build { .. } => "build",
        StageWork::Command(_) => "command",
        StageWork::Task(_) => "task",
        StageWork::Migrate(_) => "migrate",
        StageWork::Deploy => "deploy",
        StageWork::Smoke(_) => "smoke",
        StageWork::WarmUp { .. } => "warm-up",
        StageWork::Load { .. } => "load",
        StageWork::Shift(_) => "shift",
        StageWork::Flag(_) => "flag",
        StageWork::Verify { .. } => "verify",
        StageWork::Notify => "notify",
        StageWork::StatusPage(_) => "status-page",
        StageWork::Wait(_) => "wait",
        StageWork::Cleanup(_) => "cleanup",
    }
}

pub(super) fn read(table: Table<'_>) -> Option<Stage> {
    let name = table.required("name", "name = \"deploy\"", values::name);
    let kind = table.required("kind", "kind = \"deploy\"", values::word("kind of stage", &KINDS));
    let component = table.optional("component", values::name).map(ComponentName);
    let after = table.list("after", AFTER, values::name);
    let timeout = table.optional("timeout", values::some_time);
    let words = [("rollback", OnFailure::Rollback), ("wait", OnFailure::Wait)];
    let on_failure = table.optional("on_failure", values::word("way to fail", &words));
    // What else may stand here depends on the kind, so an unknown one says nothing about the rest.
    let kind = kind?.value;
    let work = match kind {
        Kind::Gate => Some(StageWork::Gate(Box::new(gate::read(&table)))),
        Kind::Build => work::build(&table),
        Kind::Command => command_stage(&table),
        Kind::Task => work::task(&table).map(StageWork::Task),
        Kind::Migrate => work::migrate(&table),
        Kind::Deploy => Some(StageWork::Deploy),
        Kind::Smoke => smoke(&table),
        Kind::WarmUp => work::warm_up(&table),
        Kind::Load => work::load(&table),
        Kind::Flag => work::flag(&table),
        Kind::Wait => work::wait(&table),
        Kind::Shift => shift(&table).map(StageWork::Shift),
        Kind::Verify => verify(&table),
        Kind::Notify => Some(StageWork::Notify),
        Kind::StatusPage => status_page(&table),
        Kind::Cleanup => cleanup(&table),
    };
    table.finish();
    let default = match kind {
        // AppConfig watches its alarms for ten minutes after it has given a version to all clients.
        Kind::Flag if matches!(work, Some(StageWork::Flag(Flag::AppConfig(_)))) => MINUTE * 15,
        Kind::Notify | Kind::StatusPage | Kind::Wait => MINUTE,
        Kind::Gate | Kind::Smoke | Kind::Shift | Kind::Flag => MINUTE * 2,
        Kind::Verify | Kind::Cleanup | Kind::WarmUp => MINUTE * 5,
        Kind::Command | Kind::Task | Kind::Load => MINUTE * 10,
        Kind::Deploy | Kind::Migrate => MINUTE * 15,
        Kind::Build => MINUTE * 30,
    };
    let default_failure = match kind {
        // By then the release has done its work: a clean-up that fails is no reason to take it back.
        Kind::Cleanup | Kind::Notify | Kind::StatusPage => OnFailure::Wait,
        _ => OnFailure::Rollback,
    };
    Some(Stage {
        name: StageName(name?.value),
        component,
        after: after.map(|after| after.into_iter().map(|name| StageName(name.value)).collect()),
        timeout: timeout.unwrap_or(default),
        on_failure: on_failure.unwrap_or(default_failure),
        work: work?,
    })
}

fn command_stage(table: &Table<'_>) -> Option<StageWork> {
    let undo_on_failure = table.or("undo_on_failure", values::flag, false);
    let has_undo = table.item("undo").is_some();
    let what = "`undo_on_failure` is said of a command without `undo`";
    table.reader().check(!undo_on_failure || has_undo, &table.spot(), what, "say what undoes it, or remove this");
    Some(StageWork::Command(Command { undo_on_failure, ..command(table)? }))
}

pub(super) fn command(table: &Table<'_>) -> Option<Command> {
    if table.item("run").is_none() {
        table.missing("run", "run = [\"alembic\", \"upgrade\", \"head\"]");
    }
    let run = program(table, "run");
    let undo = program(table, "undo");
    let mut env = BTreeMap::new();
    if let Some(variables) = table.table("env") {
        for name in variables.names() {
            env.extend(variables.optional(&name.value, template).map(|value| (name.value, value)));
        }
        variables.finish();
    }
    let env_from =
        table.list("env_from", "an array of names: [\"DATABASE_URL\"]", values::variable).unwrap_or_default();
    Some(Command {
        run: run?,
        undo,
        env,
        env_from: env_from.into_iter().map(|name| name.value).collect(),
        dir: table.optional("dir", some_template),
        repeatable: table.or("repeatable", values::flag, false),
        undo_on_failure: false,
    })
}

/// A program with its arguments; the program itself must not be empty.
pub(super) fn program(table: &Table<'_>, key: &str) -> Option<Vec<Template>> {
    let words: Vec<Template> =
        table.list(key, PROGRAM, template)?.into_iter().map(|Located { value, .. }| value).collect();
    let item = table.item(key)?;
    if matches!(item.get(), DeValue::Array(array) if array.is_empty()) {
        table.reader().report(item.spot(), values::bad(item, "a program", PROGRAM));
    }
    Some(words)
}

fn smoke(table: &Table<'_>) -> Option<StageWork> {
    if table.item("checks").is_none() {
        table.missing("checks", "checks = [{ name = \"health\", path = \"/healthz\" }]");
    }
    check::read_set(table).map(StageWork::Smoke)
}

fn shift(table: &Table<'_>) -> Option<ShiftPlan> {
    let patience = table.or("patience", values::duration, MINUTE * 10);
    let unhealthy_for = table.or("unhealthy_for", values::some_time, MINUTE);
    let example = "steps = [{ weight = 10, bake = \"5m\" }, { weight = 100, bake = \"5m\" }]";
    let tables = table.required_tables("steps", example)?;
    let expected = tables.len();
    let steps: Vec<Located<ShiftStep>> = tables.into_iter().filter_map(step).collect();
    if steps.len() == expected {
        check_steps(table, &steps);
    }
    Some(ShiftPlan { steps: steps.into_iter().map(|step| step.value).collect(), patience, unhealthy_for })
}

fn step(table: Table<'_>) -> Option<Located<ShiftStep>> {
    let weight = table.required("weight", "weight = 10", values::percent);
    let bake = table.required("bake", "bake = \"5m\"", values::duration);
    let words = [("automatic", GateKind::Automatic), ("human", GateKind::Human)];
    let gate = table.or("gate", values::word("gate", &words), GateKind::Automatic);
    table.finish();
    let Located { value: weight, spot } = weight?;
    Some(Located { value: ShiftStep { weight, bake: bake?.value, gate }, spot })
}

fn check_steps(table: &Table<'_>, steps: &[Located<ShiftStep>]) {
    let reader = table.reader();
    let mut before = Percent::ZERO;
    for step in steps {
        let weight = step.value.weight;
        let what = format!("weight {weight} does not rise above {before}");
        reader.check(weight > before, &step.spot, what, "each step must shift more than the one before it");
        before = before.max(weight);
    }
    let spot = steps.last().map_or(table.spot(), |step| step.spot.clone());
    let what = match steps {
        [] => "there is no step".to_owned(),
        _ => format!("the last step ends at {before}"),
    };
    reader.check(before == Percent::FULL, &spot, what, "end with `{ weight = 100, bake = \"5m\" }`");
}

fn verify(table: &Table<'_>) -> Option<StageWork> {
    let watch = table.required("watch", "watch = \"5m\"", values::duration);
    let checks = check::read_set(table).unwrap_or_default();
    Some(StageWork::Verify { watch: watch?.value, checks })
}

fn status_page(table: &Table<'_>) -> Option<StageWork> {
    let word = values::word("status", &PageStatus::WORDS);
    let status = table.required("status", "status = \"under-maintenance\"", word)?;
    Some(StageWork::StatusPage(status.value))
}

fn cleanup(table: &Table<'_>) -> Option<StageWork> {
    let hold = table.required("hold", "hold = \"1h\"", values::duration)?;
    Some(StageWork::Cleanup(CleanupPlan { hold: hold.value }))
}
