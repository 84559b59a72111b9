//! `[components.NAME]`: what is released, and where it runs.

use std::time::Duration;

use toml::de::DeValue;

use super::super::model::{Component, Service, Site};
use super::super::problem::Mistake;
use super::super::reader::{Located, Table};
use super::super::values::{self, Arn, Resource};
use super::environment::Place;
use super::signal::{self, Signals};
use super::{Defined, pipeline, refuse_repeats, requests, settings};
use crate::domain::ids::AlarmName;
use crate::domain::plan::{DeploymentGroup, Driver};
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
    let drivers = Driver::ALL.map(|driver| (driver.word(), driver));
    let driver = table.or("driver", values::word("driver", &drivers), Driver::Alb);
    let site = match driver {
        Driver::Alb | Driver::Native | Driver::CodeDeploy | Driver::Rolling => Some(site(&table, driver, place)),
        Driver::Command => None,
    };
    let services = site.as_ref().and_then(|site| Some(&site.as_ref()?.services));
    let logs = names("logs", "an array of log groups: [\"/ecs/api\"]").unwrap_or_default();
    let requests = requests::read(table.table("requests"));
    let alarms = names("alarms", "an array of alarms: [\"api-5xx-high\"]").unwrap_or_default();
    refuse_repeats(reader, "alarm", &alarms);
    let pipeline = table.required("pipeline", "pipeline = \"standard\"", values::text);
    // A signal that could not be read may be the one that judges.
    let all_read = signals.plans.len() == signals.names.len();
    let signals = match driver {
        Driver::Alb | Driver::Native | Driver::CodeDeploy | Driver::Rolling => {
            chosen(&table, names("signals", "an array of signals: [\"errors\"]").as_deref(), signals)
        }
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
            pins: driver != Driver::Command && table.or("pin", values::flag, false),
            driver,
            services,
            has_url: url.is_some(),
        },
        Some(signals.as_slice()).filter(|_| all_read),
        place,
        defined,
    );
    let patience = match driver {
        Driver::Native => table.optional("pause_timeout", values::some_time),
        Driver::Alb | Driver::CodeDeploy | Driver::Rolling | Driver::Command => None,
    };
    let expiry = expiry(&table, driver, pipeline.as_ref(), patience, defined);
    let rollback = settings::rollback(rollback);
    // Read above, laid over the environment's and the common one.
    table.table("rollback");
    table.finish();
    Some(Component {
        driver,
        url,
        site: match site {
            Some(site) => Some(Site { expiry, ..site? }),
            None => None,
        },
        logs: plain(logs),
        requests,
        alarms: plain(alarms).into_iter().map(AlarmName).collect(),
        pipeline: pipeline?.value,
        signals,
        notify: plain(notify),
        rollback,
        secrets: plain(secrets),
    })
}

fn site(table: &Table<'_>, driver: Driver, place: &Place) -> Option<Site> {
    let cluster = table.required("cluster", "cluster = \"shop\"", values::text);
    let container = table.required("container", "container = \"api\"", values::text);
    let rule = "listener_rule = \"arn:aws:elasticloadbalancing:…:listener-rule/app/…\"";
    let rule = table.required("listener_rule", rule, values::arn(Resource::Rule));
    check_place(table, rule.as_ref(), place);
    let services = match driver {
        Driver::Rolling => one_service(table, place),
        Driver::Alb | Driver::Native | Driver::CodeDeploy | Driver::Command => services(table, driver, place),
    };
    let group = (driver == Driver::CodeDeploy).then(|| deployment_group(table));
    let pin = table.or("pin", values::flag, false);
    if driver.is_deployment() {
        refuse_key(table, "tasks", "as many tasks of a new revision come up as the service asks for");
    }
    let tasks = table.optional("tasks", values::whole(1, 10_000)).and_then(|tasks| u32::try_from(tasks).ok());
    Some(Site {
        cluster: cluster?.value,
        container: container?.value,
        listener_rule: rule?.value.text,
        services: services?,
        group: match group {
            Some(group) => Some(group?),
            None => None,
        },
        pin,
        tasks,
        expiry: Duration::ZERO,
    })
}

/// A key that a driver has no use for.
fn refuse_key(table: &Table<'_>, key: &str, why: &str) {
    if let Some(item) = table.item(key) {
        table.reader().check(
            false,
            &item.spot(),
            format!("`{key}` does not go with this driver: {why}"),
            "leave it out",
        );
    }
}

/// How much longer than the longest wait that a pipeline plans for a pause lasts: time to attach again.
const SLACK: Duration = Duration::from_hours(1);

/// The longest that ECS lets a pause last: fourteen days.
const LONGEST_PAUSE: Duration = Duration::from_hours(14 * 24);

/// How long a pause of ECS waits before it goes back by itself: longer than any planned wait at one.
fn expiry(
    table: &Table<'_>,
    driver: Driver,
    pipeline: Option<&Located<String>>,
    asked: Option<Duration>,
    defined: &Defined,
) -> Duration {
    if driver != Driver::Native {
        return Duration::ZERO;
    }
    let read = pipeline.and_then(|name| defined.pipelines.get(&name.value)).filter(|read| read.is_whole);
    let planned = read.map(pipeline::Read::longest_pause).unwrap_or_default();
    let spot = table.item("pause_timeout").map_or(table.spot(), super::super::reader::Item::spot);
    let minutes = planned.as_secs().div_ceil(60);
    let what = format!("the pipeline may wait {minutes} minutes at one pause, and ECS would go back before that");
    let remedy = "make `pause_timeout` longer, or the bake, patience, watch or hold shorter";
    table.reader().check(asked.is_none_or(|asked| asked > planned), &spot, what, remedy);
    let what = "ECS lets a pause last fourteen days at most";
    table.reader().check(asked.unwrap_or(planned) <= LONGEST_PAUSE, &spot, what, "make the waits shorter");
    asked.unwrap_or_else(|| (planned + SLACK).min(LONGEST_PAUSE))
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

/// The deployment group that CodeDeploy shifts traffic by.
fn deployment_group(table: &Table<'_>) -> Option<DeploymentGroup> {
    let application = table.required("application", "application = \"shop\"", values::text);
    let name = table.required("deployment_group", "deployment_group = \"api\"", values::text);
    Some(DeploymentGroup { application: application?.value, name: name?.value })
}

fn services(table: &Table<'_>, driver: Driver, place: &Place) -> Option<[Service; 2]> {
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
    if driver.is_deployment() {
        let is_one = names.iter().all(|name| Some(&name.value) == names.first().map(|first| &first.value));
        let spot = names.last().map_or(table.spot(), |name| name.spot.clone());
        let remedy = "name the same service twice, each time with one of its two target groups";
        reader.check(
            is_one,
            &spot,
            format!("{} shifts between two revisions of one service, and here are two", driver.deployer()),
            remedy,
        );
    } else {
        refuse_repeats(reader, "service", &names);
    }
    refuse_repeats(reader, "target group", &groups);
    let spot = table.item("services").map_or(table.spot(), super::super::reader::Item::spot);
    let what = format!(
        "two services take turns, and here is {}",
        if count == 1 { "one".to_owned() } else { count.to_string() }
    );
    reader.check(count == 2, &spot, what, "name exactly two, each with its own target group");
    services.try_into().ok()
}

/// The one service whose tasks are replaced, as both sides.
fn one_service(table: &Table<'_>, place: &Place) -> Option<[Service; 2]> {
    let example = "services = [{ service = \"api\", target_group = \"arn:…\" }]";
    let tables = table.required_tables("services", example)?;
    let count = tables.len();
    let mut services = Vec::new();
    for table in tables {
        let name = table.required("service", "service = \"api\"", values::text);
        let group = "target_group = \"arn:aws:elasticloadbalancing:…:targetgroup/api/…\"";
        let group = table.required("target_group", group, values::arn(Resource::TargetGroup));
        check_place(&table, group.as_ref(), place);
        let url = table.optional("url", values::url);
        table.finish();
        services.extend((|| Some(Service { service: name?.value, target_group: group?.value.text, url }))());
    }
    let spot = table.item("services").map_or(table.spot(), super::super::reader::Item::spot);
    let what = format!("the tasks of one service are replaced, and here are {count}");
    table.reader().check(count == 1, &spot, what, "name exactly one, with its target group");
    let only = services.into_iter().next()?;
    Some([only.clone(), only])
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
            Driver::Alb | Driver::Native | Driver::CodeDeploy | Driver::Rolling => format!(
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
    check_driver(reader, driver, read, pipeline);
    if let Some(services) = services.filter(|_| driver != Driver::Rolling) {
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

/// What a driver cannot do, no pipeline may ask of it.
fn check_driver(
    reader: &super::super::reader::Reader<'_>,
    driver: Driver,
    read: &pipeline::Read,
    pipeline: &Located<String>,
) {
    let name = &pipeline.value;
    let check = |holds: bool, what: String, remedy: &str| {
        reader.check(holds, &pipeline.spot, what, remedy);
    };
    match driver {
        // What its steps may be says its deployment configuration, which is read when a release is planned.
        Driver::Alb | Driver::CodeDeploy | Driver::Command => {}
        Driver::Native => {
            let odd = read.weights().find(|weight| weight.get() % 10 != 0);
            let what = format!(
                "pipeline `{name}` shifts to {}, and ECS shifts by tenths",
                odd.map(|odd| odd.to_string()).unwrap_or_default()
            );
            check(odd.is_none(), what, "use steps that are multiples of 10");
            let what =
                format!("pipeline `{name}` has no `cleanup` stage, so ECS would wait at its last pause and go back");
            check(!read.shifts() || read.cleans_up(), what, "add one: `kind = \"cleanup\"`");
        }
        Driver::Rolling => {
            let what = format!("pipeline `{name}` shifts in steps, and ECS replaces all tasks in one go");
            check(read.weights().all(|weight| weight.get() == 100), what, "use one step, of 100");
            let what =
                format!("pipeline `{name}` checks green before it has traffic, and there is no green before that");
            check(!read.checks_before_shift(), what, "move the checks into `verify`, or use another driver");
            let what = format!("pipeline `{name}` has a `cleanup` stage, and nothing of blue is left to take down");
            check(!read.cleans_up(), what, "leave it out");
        }
    }
}
