//! What the verbs that look back say, in words. Whatever comes from a journal is made harmless to a terminal.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use super::history::report_file;
use crate::domain::command::Actor;
use crate::domain::evidence::{Evidence, Known};
use crate::domain::ids::ComponentName;
use crate::domain::metrics::{Metrics, Spread};
use crate::domain::redact::printable;
use crate::domain::signal::Ruling;
use crate::domain::time::{Elapsed, Timestamp};
use crate::journal::Summary;
use crate::journal::account::Account;
use crate::journal::audit::Act;
use crate::journal::format::Unreadable;

/// Writes a line, without anything that could steer a terminal.
pub(super) fn say(out: &mut dyn Write, line: &str) -> std::io::Result<()> {
    writeln!(out, "{}", printable(line))
}

/// A release in a list.
pub(super) fn summary(summary: &Summary) -> String {
    let plan = &summary.plan;
    format!(
        "{:>5}  {}  {:<12} {:<10} {}  {:<15} {:>8}  {}{}",
        summary.id.to_string(),
        local(summary.created, "%Y-%m-%d %H:%M"),
        plan.environment.as_str(),
        plan.components_named(),
        plan.moves(),
        summary.status,
        Elapsed(summary.touched.since(summary.created)).to_string(),
        summary.by.name,
        plan.origin.words().map(|words| format!("  {words}")).unwrap_or_default()
    )
}

/// A release in a list that this version cannot read.
pub(super) fn unreadable(release: &Unreadable) -> String {
    format!(
        "{:>5}  {}  {:<12} {:<10} {:<15} {}",
        release.id.to_string(),
        local(release.created, "%Y-%m-%d %H:%M"),
        release.environment,
        release.components.join(", "),
        release.status,
        release.remedy()
    )
}

/// A release in full.
pub(super) fn account(account: &Account, incidents: Option<PathBuf>, out: &mut dyn Write) -> std::io::Result<()> {
    let Account { release, environment, status, .. } = account;
    let (components, moves) = (account.components_named(), account.moves());
    say(out, &format!("release {release} of {components} in {environment}: {moves}, {status}"))?;
    if let Some(origin) = &account.origin {
        say(out, &format!("  what:   {origin}"))?;
    }
    if let Some(why) = &account.why {
        say(out, &format!("  why:    {why}"))?;
    }
    say(out, &format!("  by:     {}", who(&account.by)))?;
    say(out, &format!("  where:  account {}, {}", account.account, account.region))?;
    let span = |at: Option<Timestamp>| at.map_or("not yet".to_owned(), |at| local(at, "%Y-%m-%d %H:%M:%S"));
    say(out, &format!("  begun:  {}", span(account.begun)))?;
    say(out, &format!("  ended:  {}", span(account.ended)))?;
    let timing = account.timing;
    let (working, waiting) = (Elapsed(timing.working), Elapsed(timing.waiting));
    say(out, &format!("  time:   {working} working, {waiting} waiting for people or paused"))?;
    if let Some(took) = timing.rollback() {
        say(
            out,
            &format!(
                "  back:   {:.1} s from the decision until blue was observed with all traffic",
                took.as_secs_f64()
            ),
        )?;
    }
    if account.is_incident() {
        let file = report_file(incidents, *release).map(|path| format!("; its report is {}", path.display()));
        say(out, &format!("  report: cutover history show {release} --incident{}", file.unwrap_or_default()))?;
    }
    section(out, "stages")?;
    for stage in &account.stages {
        let took = stage.started.zip(stage.ended).map(|(from, to)| Elapsed(to.since(from)).to_string());
        let begun = stage.started.map(clock).unwrap_or_default();
        let (name, status) = (stage.name.as_str(), stage.status.word());
        say(out, &format!("  {begun:>8} {:>8}  {name:<12} {status:<8} {}", took.unwrap_or_default(), stage.note))?;
        for check in stage.checks.iter().filter(|check| !check.passed) {
            say(out, &format!("{:>22}not {}: {}", "", check.name, check.detail))?;
        }
    }
    section(out, "weights of green")?;
    for weight in &account.weights {
        let observed = weight.observed.map_or("not read".to_owned(), |observed| observed.to_string());
        say(
            out,
            &format!(
                "  {}  set {:>5}  observed {observed:>5}{}",
                clock(weight.at),
                weight.set.to_string(),
                of(weight.component.as_ref())
            ),
        )?;
    }
    section(out, "verdicts")?;
    for verdict in &account.verdicts {
        let signal = format!("{}{}", verdict.signal, of(verdict.component.as_ref()));
        let ruling = verdict.ruling.word();
        say(out, &format!("  {}  {signal:<14} {ruling:<8} {}", clock(verdict.at), verdict.reason))?;
    }
    if !account.alarms.is_empty() {
        section(out, "alarms")?;
    }
    for alarm in &account.alarms {
        say(
            out,
            &format!("  {}  {:<28} {:<18} {}", clock(alarm.at), alarm.name.as_str(), alarm.state.word(), alarm.reason),
        )?;
    }
    section(out, "who did what")?;
    for act in &account.acts {
        self::act(act, false, out)?;
    }
    section(out, "what happened")?;
    for moment in &account.timeline {
        let by = moment.by.as_ref().map(|by| format!("  ({by})")).unwrap_or_default();
        say(out, &format!("  {}  {}{by}", clock(moment.at), moment.text))?;
    }
    Ok(())
}

fn section(out: &mut dyn Write, title: &str) -> std::io::Result<()> {
    writeln!(out, "\n{title}")
}

/// One action; `alone` says which release it was on.
pub(super) fn act(act: &Act, alone: bool, out: &mut dyn Write) -> std::io::Result<()> {
    let place = if alone {
        format!(
            "{}  release {} of {} in {}  ",
            local(act.at, "%Y-%m-%d %H:%M:%S"),
            act.release,
            act.components_named(),
            act.environment
        )
    } else {
        format!("  {}  ", clock(act.at))
    };
    say(out, &format!("{place}{:<12} {}: {}", act.action_named(), who(&act.who), act.answer.text()))?;
    let indent = if alone { "    " } else { "            " };
    if let Some(reason) = &act.reason {
        say(out, &format!("{indent}because: {reason}"))?;
    }
    if let Some(known) = &act.evidence {
        let seen = act.seen.map(|seen| format!("saw revision {seen}, ")).unwrap_or_default();
        say(out, &format!("{indent}{seen}{}", evidence(known)))?;
    }
    Ok(())
}

/// What was known, in one line.
fn evidence(known: &Evidence) -> String {
    let each: Vec<String> = known.components.iter().map(evidence_of).collect();
    let mut text = format!("at revision {}: {}", known.revision, each.join("; "));
    if let Some(acting) = &known.acting {
        text.push_str(&format!("; the engine acts as {acting}"));
    }
    text
}

/// What was known of a component.
fn evidence_of(known: &Known) -> String {
    let observed = known.observed.map_or("not read".to_owned(), |observed| observed.to_string());
    let mut text = format!("green{} set {}, observed {observed}", of(known.component.as_ref()), known.set);
    let passes = known.verdicts.iter().filter(|ruled| ruled.ruling == Ruling::Pass).count();
    if passes > 0 {
        text.push_str(&format!("; {passes} signals pass"));
    }
    for ruled in known.verdicts.iter().filter(|ruled| ruled.ruling != Ruling::Pass) {
        let figure = |value: Option<f64>| value.map_or("none".to_owned(), |value| format!("{value:.2}"));
        let limit = ruled.max.map(|max| format!(", limit {max:.2}")).unwrap_or_default();
        let values = format!("green {}, blue {}{limit}", figure(ruled.green), figure(ruled.blue));
        text.push_str(&format!("; {} {} ({values}, {} requests)", ruled.signal, ruled.ruling.word(), ruled.samples));
    }
    for alarm in &known.firing {
        text.push_str(&format!("; {alarm} fires"));
    }
    text
}

/// Whose it is, where there are several.
fn of(component: Option<&ComponentName>) -> String {
    component.map(|name| format!(" of {name}")).unwrap_or_default()
}

fn who(actor: &Actor) -> String {
    let host = if actor.host.is_empty() { String::new() } else { format!("@{}", actor.host) };
    let arn = actor.arn.as_ref().map(|arn| format!(" ({arn})")).unwrap_or_default();
    format!("{}{host}{arn}", actor.name)
}

/// The release metrics.
pub(super) fn metrics(figures: &Metrics, days: u32, out: &mut dyn Write) -> std::io::Result<()> {
    let Metrics { releases, succeeded, failed_changes, stopped_before_traffic, .. } = figures;
    say(
        out,
        &format!(
            "{releases} releases ended in the last {days} days: {succeeded} succeeded, {failed_changes} failed with \
             production traffic, {stopped_before_traffic} were stopped before any"
        ),
    )?;
    let rate = figures.change_failure_percent.map_or("none reached users".to_owned(), |rate| format!("{rate:.1} %"));
    say(out, &format!("  deployment frequency  {:.2} a day", figures.deployments_a_day))?;
    say(out, &format!("  change failure rate   {rate}"))?;
    for (name, spread) in [
        ("deployment time", figures.deployment),
        ("  of it working", figures.working),
        ("  of it waiting", figures.waiting),
        ("rollback time", figures.rollback),
        ("time to restore", figures.restore),
    ] {
        say(out, &format!("  {name:<21} {}", spread_text(spread)))?;
    }
    if figures.not_restored > 0 {
        say(out, &format!("  not restored yet      {}", figures.not_restored))?;
    }
    Ok(())
}

fn spread_text(spread: Spread) -> String {
    let span = |millis: u64| match Duration::from_millis(millis) {
        span if span < Duration::from_mins(1) => format!("{:.1} s", span.as_secs_f64()),
        span => Elapsed(span).to_string(),
    };
    match (spread.median_ms, spread.longest_ms) {
        (Some(median), Some(longest)) => {
            format!("median {}, longest {} (of {})", span(median), span(longest), spread.count)
        }
        _ => "none".to_owned(),
    }
}

fn clock(at: Timestamp) -> String {
    local(at, "%H:%M:%S")
}

/// A moment in local time.
pub(super) fn local(at: Timestamp, form: &str) -> String {
    let at = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default();
    at.to_zoned(jiff::tz::TimeZone::system()).strftime(form).to_string()
}
