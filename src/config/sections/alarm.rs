//! `[alarms.NAME]`: alarms that `cutover alarms` makes in CloudWatch.

use std::collections::BTreeMap;

use super::super::reader::{Located, Table};
use super::super::values::{self, Resource};
use super::signal::{limit, measure_of};
use crate::domain::alarm::{Comparison, Missing, Wish};
use crate::domain::ids::{AlarmName, ComponentName};

/// The alarms of an environment, by name; `components` are those that are released to it, each with
/// whether it runs on ECS.
pub(super) fn read_all(
    common: Option<Table<'_>>,
    own: Option<Table<'_>>,
    environment: &str,
    components: &BTreeMap<ComponentName, bool>,
) -> Vec<Wish> {
    let mut wishes = Vec::new();
    let mut known = Vec::new();
    for name in common.as_ref().map(Table::names).unwrap_or_default() {
        known.push(name.value.clone());
        let Some(base) = common.as_ref().and_then(|all| all.table(&name.value)) else { continue };
        let own = own.as_ref().and_then(|own| own.table(&name.value));
        let Some(table) = Table::layered([own, Some(base)]) else { continue };
        wishes.extend(read(table, name, environment, components));
    }
    if let Some(own) = own {
        for name in &own.names() {
            own.reader().known("alarm", name, &known);
        }
    }
    wishes.sort_by(|one, other| one.name.cmp(&other.name));
    wishes
}

fn read(
    table: Table<'_>,
    name: Located<String>,
    environment: &str,
    components: &BTreeMap<ComponentName, bool>,
) -> Option<Wish> {
    let reader = table.reader();
    let named = table.located("component", values::text);
    let measure = measure_of(&table);
    let unit = measure.as_ref().map(crate::domain::signal::Measure::unit);
    let above = table.optional("above", |item| limit(item, unit));
    let below = table.optional("below", |item| limit(item, unit));
    let span = table.or("for", values::some_time, std::time::Duration::from_mins(5));
    let breaches = table.optional("breaches", values::whole(1, 1_440));
    let missing = table.or("missing", values::word("treatment", &Missing::WORDS), Missing::NotBreaching);
    let description = table.or("description", values::text, String::new());
    let tell = table.list("tell", "an array of topics: [\"arn:aws:sns:…:releases\"]", values::arn(Resource::Topic));
    let environments = table.list("environments", "an array of names: [\"production\"]", values::text);
    let spot = table.spot();
    let has_one = table.item("above").is_some() != table.item("below").is_some();
    let what = format!("alarm `{}` has {}", name.value, if has_one { "a limit" } else { "not just one limit" });
    reader.check(has_one, &spot, what, "set either `above` or `below`");
    let periods = span.as_secs() / 60;
    let is_whole = span.subsec_nanos() == 0 && span.as_secs().is_multiple_of(60) && (1..=1_440).contains(&periods);
    reader.check(is_whole, &spot, "`for` counts minutes", "write whole minutes, such as \"5m\", at most \"24h\"");
    let most = breaches.unwrap_or(periods);
    let what = format!("{most} of {periods} minutes cannot breach");
    reader.check(most <= periods.max(1), &spot, what, "make `breaches` no more than the minutes of `for`");
    table.finish();
    if environments.is_some_and(|names| !names.iter().any(|listed| listed.value == environment)) {
        return None;
    }
    let sites: Vec<&ComponentName> = components.iter().filter(|(_, runs)| **runs).map(|(name, _)| name).collect();
    let component = match (&named, sites.as_slice()) {
        (Some(named), _) => {
            let found = sites.iter().find(|site| site.as_str() == named.value);
            let is_elsewhere = !components.keys().any(|known| known.as_str() == named.value);
            // One that is released to another environment only has its alarms there.
            let what = format!("component `{}` has no services to watch", named.value);
            reader.check(found.is_some() || is_elsewhere, &named.spot, what, "name one with `driver = \"alb\"`");
            (*found?).clone()
        }
        (None, [only]) => (*only).clone(),
        (None, []) => return None,
        (None, _) => {
            reader.check(false, &name.spot, "there are several components", "say which with `component = \"api\"`");
            return None;
        }
    };
    let (comparison, threshold) = match (above, below) {
        (Some(limit), _) => (Comparison::Above, limit),
        (None, Some(limit)) => (Comparison::Below, limit),
        (None, None) => return None,
    };
    let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    Some(Wish {
        name: AlarmName(name.value),
        component,
        measure: measure?,
        comparison,
        threshold,
        breaches: count(most),
        periods: count(periods),
        missing,
        description,
        tell: tell.unwrap_or_default().into_iter().map(|topic| topic.value.text).collect(),
    })
}
