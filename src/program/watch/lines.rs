//! Watching without a screen: a line for each change, as text or as JSON.

use std::io::Write;
use std::time::Duration;

use color_eyre::eyre::Result;
use serde_json::{Value, json};

use super::inner::Watcher;
use crate::app::watch;
use crate::cli::Format;
use crate::domain::components::ComponentIndex;
use crate::domain::deployment::{Course, Deployment};
use crate::domain::foreign::Then;
use crate::domain::release::Release;
use crate::domain::time::{Elapsed, Timestamp};
use crate::domain::triage::Triage;
use crate::engine::snapshot::Snapshot;

/// What was under way is over: its exit code.
fn code(course: Course) -> u8 {
    match course {
        Course::WentBack | Course::Stopped => 4,
        Course::Failed => 5,
        Course::Completed | Course::Underway | Course::GoingBack | Course::Unknown => 0,
    }
}

/// Timed out.
const TIMED_OUT: u8 = 7;

/// Follows a deployment to its end, or says what is wrong where there is none.
pub(super) async fn follow(
    watcher: &Watcher,
    format: Format,
    since: Duration,
    timeout: Option<Duration>,
    out: &mut (dyn Write + Send),
) -> Result<u8> {
    let mut inner = watcher.open(since).await?;
    let until = timeout.map(|timeout| watcher.clock.now() + timeout);
    let mut said = Value::Null;
    loop {
        let snapshot = inner.handle.snapshot.borrow_and_update().clone();
        if let Some(triage) = &snapshot.triage {
            write_triage(&snapshot.release, triage, format, out)?;
            return Ok(0);
        }
        if let Some((line, over)) = line(&snapshot) {
            if line != said {
                write_line(&snapshot, &line, format, out)?;
                said = line;
            }
            if let Some(course) = over {
                return Ok(code(course));
            }
        }
        let limit = async {
            match until {
                Some(until) => watcher.clock.sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            changed = inner.handle.snapshot.changed() => if changed.is_err() { return Ok(1) },
            () = limit => return Ok(TIMED_OUT),
        }
    }
}

/// What there is to say, and how it ended if it did; nothing before the cloud has been read.
fn line(snapshot: &Snapshot) -> Option<(Value, Option<Course>)> {
    let release = &snapshot.release;
    let foreign = watch::afoot(release)?;
    let component = &release.components[ComponentIndex::FIRST];
    let planned = &release.plan.components[ComponentIndex::FIRST];
    let both = component.capacities.as_ref()?;
    let green = component.traffic.observed?;
    let seen = watch::seen(release);
    let possible = |then: Then| watch::possible(release, then).err();
    let line = json!({
        "environment": release.plan.environment,
        "component": planned.name,
        "driver": planned.driver(),
        "deployment": foreign.deployment,
        "strategy": foreign.strategy,
        "began": foreign.began,
        "from": planned.from,
        "to": planned.to,
        "status": seen.map(|seen| &seen.status),
        "stage": seen.and_then(|seen| seen.stage.as_ref()),
        "course": seen.map(|seen| seen.course),
        "reason": seen.and_then(|seen| seen.reason.as_ref()),
        "wait": seen.and_then(|seen| seen.wait.as_ref()),
        "events": seen.map(|seen| &seen.events).filter(|events| !events.is_empty()),
        "alarm_monitoring": seen.and_then(|seen| seen.alarms.as_ref()),
        "green": {"weight": green, "healthy": both.green.healthy, "wanted": both.green.desired},
        "blue": {"healthy": both.blue.healthy, "wanted": both.blue.desired},
        "firing": component.firing.iter().map(|alarm| &alarm.name).collect::<Vec<_>>(),
        "signals": component.verdicts.iter().map(|verdict| json!({"name": verdict.signal, "ruling": verdict.ruling})).collect::<Vec<_>>(),
        "refused": {"take-over": possible(Then::Judge), "go-on": possible(Then::GoOn), "back": possible(Then::Back)},
    });
    // Weights that somebody sets are at their end with all of the traffic on one side.
    let by_weights = seen.is_none() && green.get() == 100 && !planned.driver().is_deployment();
    let over = seen.map(|seen| seen.course).filter(|course| course.is_over());
    Some((line, over.or(by_weights.then_some(Course::Completed))))
}

fn write_line(snapshot: &Snapshot, line: &Value, format: Format, out: &mut (dyn Write + Send)) -> Result<()> {
    match format {
        Format::Json => {
            let mut line = line.clone();
            if let Some(fields) = line.as_object_mut() {
                fields.insert("at".to_owned(), json!(snapshot.at));
            }
            writeln!(out, "{line}")?;
        }
        Format::Text => writeln!(out, "{}", text(snapshot))?,
    }
    Ok(out.flush()?)
}

fn text(snapshot: &Snapshot) -> String {
    let release = &snapshot.release;
    let component = &release.components[ComponentIndex::FIRST];
    let planned = &release.plan.components[ComponentIndex::FIRST];
    let green = component.traffic.observed.unwrap_or_default();
    let words = watch::seen(release).map_or_else(|| "weights set by others".to_owned(), Deployment::words);
    let mut parts = vec![
        format!("{} {words}", planned.driver().word()),
        format!("{} → {}: green {green}", planned.from, planned.to.short()),
    ];
    if let Some(both) = &component.capacities {
        parts.push(format!("{}/{} healthy", both.green.healthy, both.green.desired));
    }
    if let Some(wait) = watch::seen(release).and_then(|seen| seen.wait.as_ref()) {
        let left = wait.expires.map(|at| format!(" in {}", Elapsed(at.since(snapshot.at)))).unwrap_or_default();
        parts.push(format!("waits: {}{left} unless somebody answers", wait.then));
    }
    parts.extend(component.firing.iter().map(|alarm| format!("alarm {} fires", alarm.name)));
    if let Some(reason) = watch::seen(release).and_then(|seen| seen.reason.as_ref()) {
        parts.push(reason.clone());
    }
    format!("{} {}", stamp(snapshot.at), parts.join("; "))
}

/// `2026-11-20 08:00:00`, in UTC.
fn stamp(at: Timestamp) -> String {
    let moment = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default();
    moment.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn write_triage(release: &Release, triage: &Triage, format: Format, out: &mut (dyn Write + Send)) -> Result<()> {
    let planned = &release.plan.components[ComponentIndex::FIRST];
    let environment = &release.plan.environment;
    let remedy = triage.back_to.map(|to| format!("cutover rollback --to {to} {environment} {}", planned.name));
    if format == Format::Json {
        let line = json!({
            "environment": environment, "component": planned.name, "driver": planned.driver(),
            "deployment": null, "serves": planned.from, "triage": triage, "remedy": remedy,
        });
        writeln!(out, "{line}")?;
        return Ok(out.flush()?);
    }
    writeln!(
        out,
        "{} in {environment} ({}): {} serves, nothing is being deployed",
        planned.name,
        planned.driver().word(),
        planned.from
    )?;
    writeln!(out, "now: {}", triage.headline())?;
    for line in triage.wrong.iter().skip(1) {
        writeln!(out, "     {line}")?;
    }
    for (index, change) in triage.changes.iter().enumerate() {
        let mark = if triage.suspect == Some(index) { ">" } else { " " };
        writeln!(out, "{mark} {} {:<10} {}", stamp(change.at), change.kind.word(), change.text)?;
    }
    for unread in &triage.unread {
        writeln!(out, "  could not be read: {unread}")?;
    }
    if let Some(remedy) = remedy {
        writeln!(out, "to undo it: {remedy}")?;
    }
    Ok(out.flush()?)
}
