//! `[components.NAME]`: what is released, and where it runs.

use toml::de::DeValue;

use super::super::model::{Component, Service, Site};
use super::super::problem::Mistake;
use super::super::reader::{Located, Table};
use super::super::values::{self, Arn, Resource};
use super::environment::Place;
use super::signal::{self, Signals};
use super::{Defined, pipeline, refuse_repeats, settings};
use crate::domain::ids::AlarmName;
use crate::domain::plan::Driver;
use crate::domain::signal::{Policy, SignalPlan};

/// Reads the components that no environment has, for the sake of their mistakes.
pub(super) fn read_unused(root: &Table<'_>, defined: &Defined) {
    let signals = signal::read_all(root.table("signals"), None);
    let nowhere = Place { name: String::new(), account: None, region: None, asks: false };
    let Some(all) = root.table("components") else { return };
    for name in all.names() {
        let Some(table) = all.table(&name.value) else { continue };
        let is_used = defined.environments.iter().any(|environment| is_released_to(&table, environment));
        if !is_used {
            read(&name.value, table, root.table("rollback"), &nowhere, &signals, defined);
        }
    }
}

/// Whether a component is in this environment: its list has it, or there is no list.
pub(super) fn is_released_to(table: &Table<'_>, environment: &str) -> bool {
    let Some(item) = table.item("environments") else { return true };
    let DeValue::Array(names) = item.get() else { return true };
    names.iter().any(|name| name.get_ref().as_str() == Some(environment))
}

/// Reads a component as it is in one environment. `None` when it has mistakes.
pub(super) fn read(
    name: &str,
    table: Table<'_>,
    rollback: Option<Table<'_>>,
    place: &Place,
    signals: &Signals,
    defined: &Defined,
) -> Option<Component> {
    let names = |key, example| table.list(key, example, values::text);
    let reader = table.reader();
    let environments = names("environments", "an array of names: [\"production\"]");
    for name in environments.iter().flatten() {
        reader.known("environment", name, &defined.environments);
    }
    let url = table.optional("url", values::url);
    let drivers = [Driver::Alb, Driver::Command].map(|driver| (driver.word(), driver));
    let driver = table.or("driver", values::word("driver", &drivers), Driver::Alb);
    let site = match driver {
        Driver::Alb => Some(site(&table, place)),
        Driver::Command => None,
    };
    let services = site.as_ref().and_then(|site| Some(&site.as_ref()?.services));
    let logs = names("logs", "an array of log groups: [\"/ecs/api\"]").unwrap_or_default();
    let alarms = names("alarms", "an array of alarms: [\"api-5xx-high\"]").unwrap_or_default();
    refuse_repeats(reader, "alarm", &alarms);
    let pipeline = table.required("pipeline", "pipeline = \"standard\"", values::text);
    // A signal that could not be read may be the one that judges.
    let all_read = signals.plans.len() == signals.names.len();
    let signals = match driver {
        Driver::Alb => chosen(&table, names("signals", "an array of signals: [\"errors\"]").as_deref(), signals),
        // Nothing to measure two sides of.
        Driver::Command => Vec::new(),
    };
    let notify = names("notify", "an array of channels: [\"team\"]").unwrap_or_default();
    for name in &notify {
        reader.known("channel", name, &defined.channels);
    }
    refuse_repeats(reader, "channel", &notify);
    let has_page = notify.iter().any(|name| defined.pages.contains(&name.value));
    check_page(&table, pipeline.as_ref(), has_page, defined);
    let secrets =
        table.list("secrets", "an array of variables: [\"DATABASE_URL\"]", values::variable).unwrap_or_default();
    check_pipeline(
        &table,
        pipeline.as_ref(),
        &Checked {
            component: name,
            pins: driver == Driver::Alb && table.or("pin", values::flag, false),
            driver,
            services,
            has_url: url.is_some(),
        },
        Some(signals.as_slice()).filter(|_| all_read),
        place,
        defined,
    );
    let rollback = settings::rollback(rollback);
    // Read above, laid over the environment's and the common one.
    table.table("rollback");
    table.finish();
    Some(Component {
        driver,
        url,
        site: match site {
            Some(site) => Some(site?),
            None => None,
        },
        logs: plain(logs),
        alarms: plain(alarms).into_iter().map(AlarmName).collect(),
        pipeline: pipeline?.value,
        signals,
        notify: plain(notify),
        rollback,
        secrets: plain(secrets),
    })
}

fn site(table: &Table<'_>, place: &Place) -> Option<Site> {
    let cluster = table.required("cluster", "cluster = \"shop\"", values::text);
    let container = table.required("container", "container = \"api\"", values::text);
    let rule = "listener_rule = \"arn:aws:elasticloadbalancing:…:listener-rule/app/…\"";
    let rule = table.required("listener_rule", rule, values::arn(Resource::Rule));
    check_place(table, rule.as_ref(), place);
    let services = services(table, place);
    let pin = table.or("pin", values::flag, false);
    let tasks = table.optional("tasks", values::whole(1, 10_000)).and_then(|tasks| u32::try_from(tasks).ok());
    Some(Site {
        cluster: cluster?.value,
        container: container?.value,
        listener_rule: rule?.value.text,
        services: services?,
        pin,
        tasks,
    })
}

fn plain(located: Vec<Located<String>>) -> Vec<String> {
    located.into_iter().map(|name| name.value).collect()
}

/// The signals that are named, or all.
fn chosen(table: &Table<'_>, named: Option<&[Located<String>]>, signals: &Signals) -> Vec<SignalPlan> {
    let Some(named) = named else { return signals.plans.clone() };
    refuse_repeats(table.reader(), "signal", named);
    let is_known = |name: &&Located<String>| table.reader().known("signal", name, &signals.names);
    let named = named.iter().filter(is_known);
    named.filter_map(|name| signals.plans.iter().find(|plan| plan.name.as_str() == name.value)).cloned().collect()
}

fn services(table: &Table<'_>, place: &Place) -> Option<[Service; 2]> {
    let example = "services = [{ service = \"api-blue\", target_group = \"arn:…\" }, { service = \"api-green\", target_group = \"arn:…\" }]";
    let tables = table.required_tables("services", example)?;
    let reader = table.reader();
    let (mut names, mut groups, mut services) = (Vec::new(), Vec::new(), Vec::new());
    let count = tables.len();
    for table in tables {
        let name = table.required("service", "service = \"api-blue\"", values::text);
        let group = "target_group = \"arn:aws:elasticloadbalancing:…:targetgroup/api-blue/…\"";
        let group = table.required("target_group", group, values::arn(Resource::TargetGroup));
        check_place(&table, group.as_ref(), place);
        let url = table.optional("url", values::url);
        table.finish();
        names.extend(name.clone());
        groups.extend(group.clone().map(|group| Located { value: group.value.text, spot: group.spot }));
        services.extend((|| Some(Service { service: name?.value, target_group: group?.value.text, url }))());
    }
    refuse_repeats(reader, "service", &names);
    refuse_repeats(reader, "target group", &groups);
    let spot = table.item("services").map_or(table.spot(), super::super::reader::Item::spot);
    let what = format!(
        "two services take turns, and here is {}",
        if count == 1 { "one".to_owned() } else { count.to_string() }
    );
    reader.check(count == 2, &spot, what, "name exactly two, each with its own target group");
    services.try_into().ok()
}

/// A pipeline that changes a status page must find one among the component's channels.
fn check_page(table: &Table<'_>, pipeline: Option<&Located<String>>, has_page: bool, defined: &Defined) {
    let Some(pipeline) = pipeline else { return };
    let needs_page = defined.pipelines.get(&pipeline.value).is_some_and(pipeline::Read::has_page);
    let what = format!("pipeline `{}` changes a status page, and none is told", pipeline.value);
    let remedy = "name a channel of `kind = \"statuspage\"` in `notify`";
    table.reader().check(has_page || !needs_page, &pipeline.spot, what, remedy);
}

/// An ARN must lie where its environment does.
fn check_place(table: &Table<'_>, arn: Option<&Located<Arn>>, place: &Place) {
    let Some(Located { value: arn, spot }) = arn else { return };
    let pairs = [("region", &arn.region, &place.region), ("account", &arn.account, &place.account)];
    for (what, found, wanted) in pairs {
        if let Some(wanted) = wanted.as_ref().filter(|wanted| *wanted != found) {
            let name = &place.name;
            let what = format!("this lies in {what} {found}, environment `{name}` in {wanted}");
            let remedy =
                format!("correct the ARN, or give the environment its own under [environments.{name}.components]");
            table.reader().report(spot.clone(), Mistake::Contradiction { what, remedy });
        }
    }
}

/// What of a component its pipeline may need.
struct Checked<'a> {
    component: &'a str,
    pins: bool,
    driver: Driver,
    services: Option<&'a [Service; 2]>,
    has_url: bool,
}

/// A pipeline must find in the component what it needs.
fn check_pipeline(
    table: &Table<'_>,
    pipeline: Option<&Located<String>>,
    about: &Checked<'_>,
    signals: Option<&[SignalPlan]>,
    place: &Place,
    defined: &Defined,
) {
    let Some(pipeline) = pipeline else { return };
    let reader = table.reader();
    reader.known("pipeline", pipeline, &defined.pipeline_names);
    // What could not be read whole has mistakes enough of its own.
    let Some(read) = defined.pipelines.get(&pipeline.value).filter(|read| read.is_whole) else { return };
    let name = &pipeline.value;
    let Checked { component, pins, driver, services, has_url } = *about;
    for (stage, spot) in read.early_digests(component).filter(|_| !pins) {
        let what = format!("`${{digest}}` is not known yet when stage `{stage}` begins");
        let remedy = match driver {
            Driver::Alb => format!(
                "set `pin = true` in [components.{component}], which looks it up before, or put the stage after a `build` stage, unless it is a gate"
            ),
            Driver::Command => format!("`{component}` has no image: write `${{version}}`"),
        };
        reader.check(false, spot, what, remedy);
    }
    let is_listed = read.components.is_empty() || read.components.iter().any(|listed| listed.as_str() == component);
    let what = format!("pipeline `{name}` does not release `{component}`");
    let remedy = "add it to the pipeline's `components`, or name another pipeline";
    reader.check(is_listed, &pipeline.spot, what, remedy);
    let what = format!("pipeline `{name}` reaches green by the URL that users ask, and there is none");
    let remedy = "give the component a `url`, such as \"https://api.shop.example\"";
    reader.check(!read.needs_public_url(component) || has_url, &pipeline.spot, what, remedy);
    if driver == Driver::Command {
        let what = format!("pipeline `{name}` deploys or shifts `{component}`, which has no services");
        let remedy = "give the stages of the component `kind = \"command\"`, or the component `driver = \"alb\"`";
        reader.check(!read.needs_site(component), &pipeline.spot, what, remedy);
        let what =
            format!("pipeline `{name}` checks `{component}` by its services' own `url`s, and it has no services");
        let remedy = "give the checks absolute URLs, such as \"https://shop.example/healthz\"";
        reader.check(!read.needs_side_url(component), &pipeline.spot, what, remedy);
        return;
    }
    if let Some(services) = services {
        let has_urls = services.iter().all(|service| service.url.is_some());
        let what = format!("pipeline `{name}` checks each side on its own, and a service has no `url`");
        reader.check(
            !read.needs_side_url(component) || has_urls,
            &pipeline.spot,
            what,
            "give both services a `url` that reaches them alone",
        );
    }
    let judged = signals.is_none_or(|signals| signals.iter().any(|signal| signal.policy != Policy::Observe));
    let what = format!("pipeline `{name}` has automatic gates, and no signal judges");
    reader.check(
        !read.judges(component) || judged,
        &pipeline.spot,
        what,
        "give a signal a `max`, or the steps `gate = \"human\"`",
    );
    let what =
        format!("environment `{}` asks for a typed phrase, and pipeline `{name}` has no gate to ask it", place.name);
    let remedy = "begin the pipeline with a `gate` stage, or set `confirm = false` in the environment";
    reader.check(!place.asks || read.has_gate(), &pipeline.spot, what, remedy);
}
