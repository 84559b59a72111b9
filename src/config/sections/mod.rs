//! One file a section of the configuration.

mod alarm;
mod channel;
mod check;
mod component;
mod environment;
mod gate;
mod pipeline;
mod policy;
pub(super) mod requests;
mod settings;
mod signal;
mod stage;
mod work;

use std::collections::BTreeMap;
use std::path::Path;

use toml::Spanned;
use toml::de::DeTable;

pub(super) use check::RETRY_ON;

use super::channel::Channel;
use super::model::{Config, Pipeline};
use super::problem::Mistake;
use super::reader::{Located, Reader, Table};
use super::values;
use crate::domain::ids::EnvironmentName;

/// What a component's parts may refer to.
#[derive(Clone, Debug)]
pub(super) struct Defined {
    pub(super) environments: Vec<String>,
    pub(super) pipelines: BTreeMap<String, pipeline::Read>,
    pub(super) pipeline_names: Vec<String>,
    pub(super) channels: Vec<String>,
    /// Those of them that are public status pages.
    pub(super) pages: Vec<String>,
}

/// Reads a whole file; `reader` holds its mistakes, and what has any is left out.
pub(super) fn read<'a>(reader: &'a Reader<'a>, root: &'a Spanned<DeTable<'a>>, file: &str, state_dir: &Path) -> Config {
    let root = Table::root(reader, root);
    let names = |key: &str| root.table(key).map(|table| checked_names(&table)).unwrap_or_default();
    let plain = |names: &[Located<String>]| names.iter().map(|name| name.value.clone()).collect::<Vec<_>>();
    let environments = names("environments");
    let known = plain(&environments);
    let channels: BTreeMap<String, Channel> = named(&root, "channels", |table| channel::read(table, &known));
    let pages = channels.iter().filter(|(_, channel)| channel.is_page()).map(|(name, _)| name.clone());
    let defined = Defined {
        pages: pages.collect(),
        environments: known,
        pipelines: named(&root, "pipelines", |table| pipeline::read(table, None)),
        pipeline_names: plain(&names("pipelines")),
        channels: plain(&names("channels")),
    };
    for (key, example) in [
        ("environments", "[environments.production]"),
        ("components", "[components.api]"),
        ("pipelines", "[[pipelines.standard.stages]]"),
    ] {
        if names(key).is_empty() {
            root.missing(key, example);
        }
    }
    let engine = settings::engine(root.table("engine"), state_dir);
    let screen = settings::screen(root.table("screen"));
    let policy = policy::read(root.table("policy"), &defined.environments);
    let read_only = root.or("read_only", values::flag, false);
    names("components");
    names("signals");
    names("alarms");
    let mut read = BTreeMap::new();
    for name in &environments {
        if let Some(table) = root.table("environments").and_then(|all| all.table(&name.value)) {
            let environment = environment::read(&root, table, &name.value, &defined);
            read.extend(environment.map(|environment| (EnvironmentName(name.value.clone()), environment)));
        }
    }
    component::read_unused(&root, &defined);
    // Also where there is no component whose rollback it could be laid under.
    settings::rollback(root.table("rollback"));
    root.finish();
    let pipelines = defined
        .pipelines
        .into_iter()
        .map(|(name, read)| (name, Pipeline { components: read.components, stages: read.stages }));
    let pipelines = pipelines.collect();
    Config { file: file.to_owned(), environments: read, pipelines, channels, engine, screen, policy, read_only }
}

/// The tables of a table whose keys are names, each read by `read`; those that cannot be read are left out.
fn named<T>(root: &Table<'_>, key: &str, read: impl Fn(Table<'_>) -> Option<T>) -> BTreeMap<String, T> {
    let Some(all) = root.table(key) else { return BTreeMap::new() };
    let names = all.names();
    names.into_iter().filter_map(|name| Some((name.value.clone(), read(all.table(&name.value)?)?))).collect()
}

/// A table's keys, each reported that cannot be a name.
fn checked_names(table: &Table<'_>) -> Vec<Located<String>> {
    let names = table.names();
    for name in &names {
        if !values::is_name(&name.value) {
            table.reader().report(name.spot.clone(), values::bad_name(&name.value));
        }
    }
    names
}

/// Reports every name that an earlier one repeats.
fn refuse_repeats(reader: &Reader<'_>, kind: &'static str, names: &[Located<String>]) {
    for (index, name) in names.iter().enumerate() {
        if let Some(first) = names.iter().take(index).find(|first| first.value == name.value) {
            let first = reader.line(first.spot.start);
            reader.report(name.spot.clone(), Mistake::Repeated { kind, name: name.value.clone(), first });
        }
    }
}
