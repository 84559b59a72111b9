//! `[environments.NAME]`: where releases go, with settings of its own laid over the common ones.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::super::model::{Environment, Stage};
use super::super::problem::Mistake;
use super::super::reader::{Item, Table};
use super::super::template::{Template, Variable, some_template};
use super::super::values::{self, Resource};
use super::{Defined, alarm, component, pipeline, settings, signal};
use crate::domain::ids::ComponentName;

/// Where an environment's resources must lie.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) name: String,
    pub(super) account: Option<String>,
    pub(super) region: Option<String>,
    pub(super) asks: bool,
}

pub(super) fn read<'a>(root: &Table<'a>, environment: Table<'a>, name: &str, defined: &Defined) -> Option<Environment> {
    let production = environment.or("production", values::flag, false);
    let read_only = environment.or("read_only", values::flag, false);
    let account = environment.required("account", "account = \"123456789012\"", values::account);
    let region = environment.required("region", "region = \"eu-west-1\"", values::region);
    let profile = environment.optional("profile", values::text);
    let role = environment.optional("role", values::arn(Resource::Role)).map(|role| role.text);
    let lock_table = environment.table("lock").and_then(|lock| {
        let table = lock.required("table", "table = \"cutover-locks\"", lock_table).map(|table| table.value);
        lock.finish();
        table
    });
    // Production asks for its own name unless it is told otherwise.
    let default = || Template::parse("${environment}").ok().filter(|_| production);
    let confirm = environment.optional("confirm", confirm).unwrap_or_else(default);
    let place = Place {
        name: name.to_owned(),
        account: account.as_ref().map(|account| account.value.clone()),
        region: region.as_ref().map(|region| region.value.clone()),
        asks: confirm.is_some(),
    };
    let signals = signal::read_all(root.table("signals"), environment.table("signals"));
    let mut components = BTreeMap::new();
    let own = environment.table("components");
    let common = root.table("components");
    let own_stages = environment.table("stages");
    let used = pipelines_used(common.as_ref(), own.as_ref(), name);
    let (here, stages) = stages(root, own_stages.as_ref(), &used, defined);
    let defined = &here;
    for name in common.as_ref().map(Table::names).unwrap_or_default() {
        let Some(base) = common.as_ref().and_then(|all| all.table(&name.value)) else { continue };
        let own = own.as_ref().and_then(|own| own.table(&name.value));
        if !component::is_released_to(&base, &place.name) {
            if let Some(own) = own {
                let what = format!("component `{}` is not released to `{}`", name.value, place.name);
                own.reader().check(
                    false,
                    &own.spot(),
                    what,
                    "add the environment to its `environments`, or remove this",
                );
            }
            continue;
        }
        let Some(table) = Table::layered([own, Some(base)]) else { continue };
        let rollback = Table::layered([table.table("rollback"), environment.table("rollback"), root.table("rollback")]);
        let component = component::read(&name.value, table, rollback, &place, &signals, defined);
        components.extend(component.map(|component| (ComponentName(name.value), component)));
    }
    if let Some(own) = own {
        let known: Vec<String> =
            common.map(|all| all.names().into_iter().map(|name| name.value).collect()).unwrap_or_default();
        for name in &own.names() {
            own.reader().known("component", name, &known);
        }
    }
    let run: BTreeMap<ComponentName, bool> =
        components.iter().map(|(name, component)| (name.clone(), component.site.is_some())).collect();
    let alarms = alarm::read_all(root.table("alarms"), environment.table("alarms"), name, &run);
    // Also where there is no component whose rollback it could be laid under.
    settings::rollback(environment.table("rollback"));
    environment.finish();
    let (account, region) = (account?.value, region?.value);
    Some(Environment {
        production,
        read_only,
        account,
        region,
        profile,
        role,
        lock_table,
        confirm,
        components,
        stages,
        alarms,
    })
}

/// The names of the pipelines that components of an environment are released by.
fn pipelines_used(common: Option<&Table<'_>>, own: Option<&Table<'_>>, environment: &str) -> Vec<String> {
    let mut used = Vec::new();
    for name in common.map(Table::names).unwrap_or_default() {
        let Some(base) = common.and_then(|all| all.table(&name.value)) else { continue };
        if !component::is_released_to(&base, environment) {
            continue;
        }
        let table = Table::layered([own.and_then(|own| own.table(&name.value)), Some(base)]);
        let pipeline = table.and_then(|table| table.item("pipeline")?.get().as_str().map(str::to_owned));
        used.extend(pipeline.filter(|pipeline| !used.contains(pipeline)));
    }
    used
}

/// The pipelines as they are in an environment that says something of their stages, and the stages of those that differ.
fn stages<'a>(
    root: &Table<'a>,
    own: Option<&Table<'a>>,
    used: &[String],
    defined: &Defined,
) -> (Defined, BTreeMap<String, Vec<Stage>>) {
    let (mut here, mut differing) = (defined.clone(), BTreeMap::new());
    let Some(own) = own else { return (here, differing) };
    let all = root.table("pipelines");
    let mut known = Vec::new();
    for name in used {
        let Some(table) = all.as_ref().and_then(|all| all.table(name)) else { continue };
        // Those that have mistakes of their own are known all the same.
        let names = table.tables("stages").unwrap_or_default();
        known.extend(names.iter().filter_map(|stage| stage.item("name")?.get().as_str().map(str::to_owned)));
        let Some(read) = pipeline::read(table, Some(own)) else { continue };
        let common = defined.pipelines.get(name).map(|common| common.stages.as_slice()).unwrap_or_default();
        if read.stages != common {
            differing.insert(name.clone(), read.stages.clone());
        }
        here.pipelines.insert(name.clone(), read);
    }
    for name in &own.names() {
        // Also below a name that no stage has, so that nothing there goes unread.
        let _its_keys = own.table(&name.value);
        own.reader().known("stage", name, &known);
    }
    (here, differing)
}

/// A name that DynamoDB takes for a table.
fn lock_table(item: Item<'_>) -> Result<String, Mistake> {
    let name = values::text(item)?;
    let may = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if (3..=255).contains(&name.len()) && name.chars().all(may) {
        return Ok(name);
    }
    Err(values::bad(item, "the name of a DynamoDB table", "3 to 255 letters, digits, `_`, `-` and `.`"))
}

/// The phrase to ask for, or `false` to ask for none.
fn confirm(item: Item<'_>) -> Result<Option<Template>, Mistake> {
    match item.get() {
        DeValue::Boolean(false) => Ok(None),
        DeValue::String(_) => match some_template(item)? {
            phrase if phrase.holds(Variable::Digest) => Err(Mistake::Contradiction {
                what: "`${digest}` is not known in every release to an environment".to_owned(),
                remedy: "ask for `${version}`, or give the pipeline's gate a `confirm` of its own".to_owned(),
            }),
            phrase => Ok(Some(phrase)),
        },
        _ => Err(item.wrong_type("the phrase to type, in quotes, or false to ask for none")),
    }
}
