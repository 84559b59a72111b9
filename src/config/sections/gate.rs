//! The keys of a gate.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz;
use toml::de::DeValue;

use super::super::gate::{Backup, BackupOf, Gate, Looker, Secrets};
use super::super::problem::{Mistake, nearest};
use super::super::reader::{Item, Located, Table};
use super::super::template::{some_template, template};
use super::super::values;
use super::check;
use super::refuse_repeats;
use super::stage::program;
use crate::domain::calendar::{Calendar, Day, Freeze, Hours, Minute};
use crate::domain::gate::{ApprovalPlan, Breaker, DriftPlan, HealthCheckPlan, ImagePlan, OnMissing, Risk, WindowPlan};

const DAYS: &str = "days of the week: [\"mon-fri\"] or [\"mon\", \"wed\"]";

/// The most that a count may be.
const MANY: u64 = 1_000;

pub(super) fn read(table: &Table<'_>) -> Gate {
    Gate {
        healthy: table.or("healthy", values::flag, true),
        no_alarms: table.or("no_alarms", values::flag, true),
        alone: table.or("alone", values::flag, false),
        window: table.table("window").and_then(window),
        checks: check::read_of_blue(table),
        commands: commands(table),
        backups: table.tables("backups").unwrap_or_default().into_iter().filter_map(backup).collect(),
        image: table.table("image").map(image),
        secrets: table.table("secrets").and_then(secrets),
        drift: table.table("drift").map(drift),
        approval: table.table("approval").map(approval),
        confirm: table.optional("confirm", some_template),
    }
}

fn window(table: Table<'_>) -> Option<WindowPlan> {
    let zone = table.required("zone", "zone = \"Europe/Zurich\"", zone);
    let hours = table.tables("hours").unwrap_or_default().into_iter().filter_map(hours).collect();
    let holidays = table.list("holidays", "an array of dates: [\"2026-12-25\"]", date).unwrap_or_default();
    let freezes: Vec<Freeze> = table.tables("freezes").unwrap_or_default().into_iter().filter_map(freeze).collect();
    let wait = table.or("wait", values::flag, false);
    table.finish();
    let calendar =
        Calendar { zone: zone?.value, hours, holidays: holidays.into_iter().map(|date| date.value).collect(), freezes };
    Some(WindowPlan { calendar, wait })
}

fn zone(item: Item<'_>) -> Result<String, Mistake> {
    let name = values::text(item)?;
    if tz::db().get(&name).is_ok() {
        return Ok(name);
    }
    let known: Vec<String> = tz::db().available().map(|name| name.to_string()).collect();
    let nearest = nearest(&name, known.iter().map(String::as_str));
    // All of the hundreds there are would help nobody.
    let known = ["Europe/Zurich", "America/New_York", "UTC"].map(str::to_owned).to_vec();
    Err(Mistake::UnknownName { kind: "time zone", name, nearest, known })
}

fn hours(table: Table<'_>) -> Option<Hours> {
    let days = table.list("days", DAYS, days);
    if days.is_none() && table.item("days").is_none() {
        table.missing("days", "days = [\"mon-fri\"]");
    }
    let from = table.required("from", "from = \"09:00\"", minute);
    let to = table.required("to", "to = \"17:00\"", minute);
    let spot = table.spot();
    let reader = table.reader();
    table.finish();
    let mut days: Vec<Day> = days?.into_iter().flat_map(|days| days.value).collect();
    days.sort_unstable();
    days.dedup();
    let (from, to) = (from?, to?);
    reader.check(!days.is_empty(), &spot, "this window opens on no day", "name one: `days = [\"mon-fri\"]`");
    let is_some = from.value != to.value && from.value != Minute::END;
    reader.check(is_some, &to.spot, "this window is never open", "end it later than it begins");
    Some(Hours { days, from: from.value, to: to.value })
}

/// `mon`, or a run of days such as `mon-fri`.
fn days(item: Item<'_>) -> Result<Vec<Day>, Mistake> {
    let written = values::text(item)?;
    let known = || Day::WORDS.iter().map(|(word, _)| *word);
    let day = |name: &str| {
        let found = Day::WORDS.iter().position(|(word, _)| *word == name);
        found.ok_or_else(|| Mistake::UnknownName {
            kind: "day",
            name: name.to_owned(),
            nearest: nearest(name, known()),
            known: known().map(str::to_owned).collect(),
        })
    };
    let (first, last) = written.split_once('-').unwrap_or((&written, &written));
    let (first, last) = (day(first.trim())?, day(last.trim())?);
    // `sat-mon` goes over the end of the week.
    let length = (last + Day::WORDS.len() - first) % Day::WORDS.len() + 1;
    let run = Day::WORDS.iter().cycle().skip(first).take(length);
    Ok(run.map(|(_, day)| *day).collect())
}

fn minute(item: Item<'_>) -> Result<Minute, Mistake> {
    let text = values::text(item)?;
    Minute::parse(&text).ok_or_else(|| values::bad(item, "a time of day", "one such as \"09:30\", up to \"24:00\""))
}

fn freeze(table: Table<'_>) -> Option<Freeze> {
    let from = table.required("from", "from = \"2026-12-20\"", moment);
    let to = table.required("to", "to = \"2027-01-03\"", moment);
    let reason = table.required("reason", "reason = \"year end\"", values::text);
    let reader = table.reader();
    table.finish();
    let (from, to) = (from?, to?);
    let (first, end) = (from.value.first(), to.value.end());
    reader.check(first < end, &to.spot, "this freeze ends before it begins", "write `from` before `to`");
    Some(Freeze { from: first, to: end, reason: reason?.value })
}

/// A day, or a moment of one.
#[derive(Clone, Copy)]
enum Moment {
    Day(Date),
    At(DateTime),
}

impl Moment {
    fn first(self) -> DateTime {
        match self {
            Self::Day(date) => date.to_datetime(Time::midnight()),
            Self::At(at) => at,
        }
    }

    /// The moment after it: a day is meant as a whole.
    fn end(self) -> DateTime {
        match self {
            Self::Day(date) => date.tomorrow().unwrap_or(Date::MAX).to_datetime(Time::midnight()),
            Self::At(at) => at,
        }
    }
}

/// As TOML writes dates and times, with quotes or without.
fn written(item: Item<'_>, wanted: &str) -> Result<String, Mistake> {
    match item.get() {
        DeValue::Datetime(at) => Ok(at.to_string()),
        DeValue::String(text) => Ok(text.trim().to_owned()),
        _ => Err(item.wrong_type(wanted)),
    }
}

fn date(item: Item<'_>) -> Result<Date, Mistake> {
    let wanted = "one such as \"2026-12-25\"";
    let text = written(item, wanted)?;
    let is_date = text.len() == "2026-12-25".len();
    text.parse().ok().filter(|_| is_date).ok_or_else(|| values::bad(item, "a date", wanted))
}

fn moment(item: Item<'_>) -> Result<Moment, Mistake> {
    let wanted = "one such as \"2026-12-20\" or \"2026-12-20T18:00\", by the window's clocks";
    let text = written(item, wanted)?;
    if let Ok(date) = date(item) {
        return Ok(Moment::Day(date));
    }
    // An offset would say something else than the window's zone.
    let is_local = text.contains(['T', ' ']) && !text.contains(['Z', '+', '[']) && text.matches('-').count() == 2;
    let at = text.parse().ok().filter(|_| is_local).map(Moment::At);
    at.ok_or_else(|| values::bad(item, "a date, or a date with its time", wanted))
}

fn commands(table: &Table<'_>) -> Vec<Looker> {
    let mut names = Vec::new();
    let mut commands = Vec::new();
    for table in table.tables("commands").unwrap_or_default() {
        names.extend(table.item("name").and_then(|item| {
            let value = values::text(item).ok()?;
            Some(Located { value, spot: item.spot() })
        }));
        let looker = looker(&table);
        table.finish();
        commands.extend(looker);
    }
    refuse_repeats(table.reader(), "command", &names);
    commands
}

fn looker(table: &Table<'_>) -> Option<Looker> {
    let name = table.required("name", "name = \"no open incident\"", values::text);
    if table.item("run").is_none() {
        table.missing("run", "run = [\"./check-incidents\"]");
    }
    let run = program(table, "run");
    let mut env = BTreeMap::new();
    if let Some(variables) = table.table("env") {
        for name in variables.names() {
            env.extend(variables.optional(&name.value, template).map(|value| (name.value, value)));
        }
        variables.finish();
    }
    let env_from = table.list("env_from", "an array of names: [\"PAGER_TOKEN\"]", values::variable);
    let dir = table.optional("dir", some_template);
    let timeout = table.or("timeout", values::some_time, Duration::from_secs(30));
    Some(Looker {
        name: name?.value,
        run: run?,
        env,
        env_from: env_from.unwrap_or_default().into_iter().map(|name| name.value).collect(),
        dir,
        timeout,
    })
}

/// Of a database, of a cluster, or as a program says: one of the three.
fn backup(table: Table<'_>) -> Option<Backup> {
    let fresher_than = table.required("fresher_than", "fresher_than = \"24h\"", values::age);
    let database = table.located("database", some_template);
    let cluster = table.located("cluster", some_template);
    let is_program = table.item("run").is_some() || table.item("name").is_some();
    let looker = is_program.then(|| looker(&table));
    if !is_program {
        // So that they are known when a key is misspelt.
        for key in ["run", "name", "env", "env_from", "dir", "timeout"] {
            let _known = table.item(key);
        }
    }
    let given = usize::from(table.item("database").is_some())
        + usize::from(table.item("cluster").is_some())
        + usize::from(is_program);
    let (spot, reader) = (table.spot(), table.reader());
    table.finish();
    let what = if given == 0 { "this backup is of nothing" } else { "this backup is of several things" };
    let remedy = "give one of `database`, `cluster`, or `name` with `run`";
    reader.check(given == 1, &spot, what, remedy);
    let of = match (database, cluster, looker) {
        (Some(name), None, None) => BackupOf::Database(name.value),
        (None, Some(name), None) => BackupOf::Cluster(name.value),
        (None, None, Some(looker)) => BackupOf::Command(looker?),
        _ => return None,
    };
    Some(Backup { of, fresher_than: fresher_than?.value })
}

fn image(table: Table<'_>) -> ImagePlan {
    let words = [("fail", OnMissing::Fail), ("pass", OnMissing::Pass)];
    let plan = ImagePlan {
        findings_below: table.optional("findings_below", values::word("severity", &Risk::WORDS)),
        on_missing: table.or("on_missing", values::word("way to go on", &words), OnMissing::Fail),
        patience: table.or("patience", values::duration, Duration::from_secs(90)),
    };
    table.finish();
    plan
}

fn secrets(table: Table<'_>) -> Option<Secrets> {
    let names = table.list("names", "an array of names: [\"shop/api/database\"]", some_template);
    if table.item("names").is_none() {
        table.missing("names", "names = [\"shop/api/database\"]");
    }
    let rotated_within = table.optional("rotated_within", values::age);
    table.finish();
    Some(Secrets { names: names?.into_iter().map(|name| name.value).collect(), rotated_within })
}

fn drift(table: Table<'_>) -> DriftPlan {
    let percent =
        |key: &str, most: u64| table.optional(key, values::whole(0, most)).and_then(|it| u32::try_from(it).ok());
    let plan = DriftPlan {
        circuit_breaker: table.optional("circuit_breaker", values::word("circuit breaker", &Breaker::WORDS)),
        min_healthy: percent("min_healthy", 100),
        max_healthy: percent("max_healthy", 200),
        health_check: table.table("health_check").map(health_check).unwrap_or_default(),
        env: table
            .list("env", "an array of names: [\"DATABASE_URL\"]", values::variable)
            .unwrap_or_default()
            .into_iter()
            .map(|name| name.value)
            .collect(),
    };
    table.finish();
    plan
}

fn health_check(table: Table<'_>) -> HealthCheckPlan {
    let count = |key: &str| table.optional(key, values::whole(2, 10)).and_then(|it| u32::try_from(it).ok());
    let plan = HealthCheckPlan {
        path: table.optional("path", values::text),
        interval: table.optional("interval", values::some_time),
        timeout: table.optional("timeout", values::some_time),
        healthy: count("healthy"),
        unhealthy: count("unhealthy"),
    };
    table.finish();
    plan
}

fn approval(table: Table<'_>) -> ApprovalPlan {
    let by = table.list("by", "an array of names: [\"maria\", \"ken\"]", values::text).unwrap_or_default();
    refuse_repeats(table.reader(), "approver", &by);
    let count = table.located("count", values::whole(1, MANY));
    let not_requester = table.or("not_requester", values::flag, false);
    let expires = table.optional("expires", values::some_time);
    let many = count.as_ref().map_or(1, |count| count.value);
    let spot = count.map_or(table.spot(), |count| count.spot);
    let enough = by.is_empty() || u64::try_from(by.len()).is_ok_and(|named| named >= many);
    let what = format!("{many} approvals are wanted of {} people", by.len());
    table.reader().check(enough, &spot, what, "name more in `by`, or want fewer in `count`");
    table.finish();
    ApprovalPlan {
        by: by.into_iter().map(|name| name.value).collect(),
        count: u32::try_from(many).unwrap_or(u32::MAX),
        not_requester,
        expires,
    }
}
