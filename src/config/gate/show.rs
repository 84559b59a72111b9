//! A gate written as configuration.

use toml::Value;

use super::{Backup, BackupOf, Gate, Looker, Secrets};
use crate::config::show::{checks, named, span, table, template, text, texts};
use crate::config::values::show_age;
use crate::domain::gate::{ApprovalPlan, DriftPlan, HealthCheckPlan, ImagePlan, OnMissing, WindowPlan};

/// The keys of a gate.
pub(in crate::config) fn show(gate: &Gate) -> Value {
    // A gate's checks are of what serves, which its own URL reaches: there is no choice of ways.
    let [_, ca_file, all] = checks::keys(&gate.checks);
    table([
        ("healthy", Some(gate.healthy.into())),
        ("no_alarms", Some(gate.no_alarms.into())),
        ("alone", Some(gate.alone.into())),
        ("window", gate.window.as_ref().map(window)),
        ca_file,
        all,
        ("commands", Some(Value::Array(gate.commands.iter().map(|looker| looker_with(looker, None)).collect()))),
        ("backups", Some(Value::Array(gate.backups.iter().map(backup).collect()))),
        ("image", gate.image.as_ref().map(image)),
        ("secrets", gate.secrets.as_ref().map(secrets)),
        ("drift", gate.drift.as_ref().map(drift)),
        ("approval", gate.approval.as_ref().map(approval)),
        ("confirm", gate.confirm.as_ref().map(template)),
    ])
}

fn window(window: &WindowPlan) -> Value {
    let calendar = &window.calendar;
    let hours = calendar.hours.iter().map(|hours| {
        let days = texts(hours.days.iter().map(|day| day.word()));
        table([("days", Some(days)), ("from", Some(text(hours.from))), ("to", Some(text(hours.to)))])
    });
    let freezes = calendar.freezes.iter().map(|freeze| {
        let (from, to, reason) = (text(freeze.from), text(freeze.to), text(&freeze.reason));
        table([("from", Some(from)), ("to", Some(to)), ("reason", Some(reason))])
    });
    table([
        ("zone", Some(text(&calendar.zone))),
        ("hours", Some(Value::Array(hours.collect()))),
        ("holidays", Some(texts(&calendar.holidays))),
        ("freezes", Some(Value::Array(freezes.collect()))),
        ("wait", Some(window.wait.into())),
    ])
}

fn looker_with(looker: &Looker, fresher_than: Option<Value>) -> Value {
    table([
        ("name", Some(text(&looker.name))),
        ("run", Some(Value::Array(looker.run.iter().map(template).collect()))),
        ("env", Some(named(&looker.env, template))),
        ("env_from", Some(texts(&looker.env_from))),
        ("dir", looker.dir.as_ref().map(template)),
        ("timeout", Some(span(looker.timeout))),
        ("fresher_than", fresher_than),
    ])
}

fn backup(backup: &Backup) -> Value {
    let fresher_than = Some(text(show_age(backup.fresher_than)));
    match &backup.of {
        BackupOf::Database(name) => table([("database", Some(template(name))), ("fresher_than", fresher_than)]),
        BackupOf::Cluster(name) => table([("cluster", Some(template(name))), ("fresher_than", fresher_than)]),
        BackupOf::Command(looker) => looker_with(looker, fresher_than),
    }
}

fn image(image: &ImagePlan) -> Value {
    let on_missing = match image.on_missing {
        OnMissing::Fail => "fail",
        OnMissing::Pass => "pass",
    };
    table([
        ("findings_below", image.findings_below.map(text)),
        ("on_missing", Some(text(on_missing))),
        ("patience", Some(span(image.patience))),
    ])
}

fn secrets(secrets: &Secrets) -> Value {
    table([
        ("names", Some(Value::Array(secrets.names.iter().map(template).collect()))),
        ("rotated_within", secrets.rotated_within.map(|within| text(show_age(within)))),
    ])
}

fn drift(drift: &DriftPlan) -> Value {
    let number = |number: u32| i64::from(number).into();
    let is_checked = drift.health_check != HealthCheckPlan::default();
    let health_check = is_checked.then(|| {
        table([
            ("path", drift.health_check.path.as_ref().map(text)),
            ("interval", drift.health_check.interval.map(span)),
            ("timeout", drift.health_check.timeout.map(span)),
            ("healthy", drift.health_check.healthy.map(number)),
            ("unhealthy", drift.health_check.unhealthy.map(number)),
        ])
    });
    table([
        ("circuit_breaker", drift.circuit_breaker.map(|breaker| text(breaker.word()))),
        ("min_healthy", drift.min_healthy.map(number)),
        ("max_healthy", drift.max_healthy.map(number)),
        ("health_check", health_check),
        ("env", Some(texts(&drift.env))),
    ])
}

fn approval(approval: &ApprovalPlan) -> Value {
    table([
        ("by", Some(texts(&approval.by))),
        ("count", Some(i64::from(approval.count).into())),
        ("not_requester", Some(approval.not_requester.into())),
        ("expires", approval.expires.map(span)),
    ])
}
