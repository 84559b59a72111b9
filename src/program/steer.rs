//! The one-shot verbs: a command to a release, where a release stands, and what was released before.

use std::io::Write;

use color_eyre::eyre::Result;
use serde_json::json;

use super::launch::{self, Running};
use super::{output, settings, who};
use crate::cli::{Aim, Format, Globals, Status};
use crate::domain::command::{Command, CommandKind, Order};
use crate::domain::guard;
use crate::domain::ids::Revision;
use crate::domain::outlook::{outlook, rollback_preview};
use crate::domain::release::Release;
use crate::engine::handle::Receipt;
use crate::journal::sqlite::SqliteJournal;
use crate::journal::{Journal, replay};

/// Sends a command to the release that is meant.
pub(super) async fn send(globals: &Globals, command: Command, aim: &Aim) -> Result<u8> {
    let config = settings::load(globals)?;
    if config.read_only {
        return Err(output::Refused::policy("nothing may be changed from here: read-only"));
    }
    let Running { handle, release } = launch::join(globals, &config, &aim.which).await?;
    if let Some(why) = settings::read_only(&config, release.plan.environment.as_str()) {
        return Err(output::Refused::policy(format!("{why}: nothing may be changed from here")));
    }
    let kind = command.kind();
    let word = kind.word();
    if matches!(command, Command::Rollback { .. }) && guard::possible(&release, CommandKind::Rollback).is_ok() {
        write_preview(&release)?;
    }
    let order = Order { command, by: who::sender(&config, &release.plan, kind).await, seen: aim.if_revision };
    let name = format!("release {} of {} in {}", release.id, release.plan.component, release.plan.environment);
    match handle.orders.send(order).await {
        Receipt::Accepted(revision) => {
            writeln!(output::out(), "{word}: accepted by {name}, now at revision {revision}")?;
            Ok(0)
        }
        Receipt::Refused(refusal) => Err(output::Refused::policy(format!("{name} refuses {word}: {refusal}"))),
        Receipt::Lost(why) => Err(color_eyre::eyre::eyre!("{word} was sent to {name} and not answered: {why}")),
    }
}

/// What the rollback will do, before it does it.
fn write_preview(release: &Release) -> Result<()> {
    let preview = rollback_preview(release);
    let mut out = output::out();
    for step in &preview.steps {
        writeln!(out, "  will: {step}")?;
    }
    for left in &preview.left {
        writeln!(out, "  will not: {left}")?;
    }
    Ok(())
}

/// Says where the release stands that runs, or the newest one if none does.
pub(super) async fn status(globals: &Globals, arguments: &Status) -> Result<u8> {
    let config = settings::load(globals)?;
    let engines = launch::running(&config, &arguments.which).await?;
    let mut code = None;
    for running in &engines {
        write_status(&running.release, true, arguments.format)?;
        code = Some(code.unwrap_or(0).max(running.release.exit_code()));
    }
    if let Some(code) = code {
        return Ok(code);
    }
    let file = settings::journal_file(&config);
    let newest = if file.exists() { newest(&SqliteJournal::open(&file)?, arguments)? } else { None };
    let Some(release) = newest else {
        match arguments.format {
            Format::Json => writeln!(output::out(), "{}", json!({"release": null}))?,
            Format::Text => writeln!(
                output::out(),
                "nothing has been released yet (the journal is in {})",
                config.engine.journal.display()
            )?,
        }
        return Ok(0);
    };
    write_status(&release, false, arguments.format)?;
    Ok(release.exit_code())
}

fn newest(journal: &SqliteJournal, arguments: &Status) -> Result<Option<Release>> {
    let which = &arguments.which;
    let found = journal.list(200)?.into_iter().find(|summary| {
        which.environment.as_deref().is_none_or(|name| name == summary.plan.environment.as_str())
            && which.component.as_deref().is_none_or(|name| name == summary.plan.component.as_str())
    });
    let Some(summary) = found else { return Ok(None) };
    let records = journal.records(summary.id)?;
    Ok(Some(replay(summary.id, summary.plan, &records)))
}

fn write_status(release: &Release, has_engine: bool, format: Format) -> Result<()> {
    let outlook = outlook(release);
    let possible: Vec<&str> = CommandKind::ALL
        .into_iter()
        .filter(|kind| guard::possible(release, *kind).is_ok())
        .map(CommandKind::word)
        .collect();
    let mut out = output::out();
    match format {
        Format::Json => {
            let status = json!({
                "release": release.id, "environment": release.plan.environment, "component": release.plan.component,
                "from": release.plan.from, "to": release.plan.to, "status": release.status().word(),
                "exit_code": release.exit_code(), "revision": release.revision, "engine": has_engine,
                "green": {"set": release.traffic.set, "observed": release.traffic.observed},
                "outlook": outlook, "possible": possible, "verdicts": release.verdicts,
                "stages": release.plan.stages.iter().zip(&release.stages)
                    .map(|(plan, stage)| json!({"name": plan.name, "status": stage.status, "note": stage.note}))
                    .collect::<Vec<_>>(),
            });
            writeln!(out, "{status}")?;
        }
        Format::Text => {
            let Revision(revision) = release.revision;
            writeln!(out, "{}: {} → {}", launch::describe(release), release.plan.from, release.plan.to)?;
            for (plan, stage) in release.plan.stages.iter().zip(&release.stages) {
                writeln!(out, "  {:<10} {:<8} {}", plan.name.as_str(), stage.status.word(), stage.note)?;
            }
            let observed = release.traffic.observed.map_or("not read".to_owned(), |green| green.to_string());
            writeln!(out, "  green: set {}, observed {observed}", release.traffic.set)?;
            writeln!(out, "  now:  {}\n  then: {}", outlook.now, outlook.then)?;
            if !has_engine && release.ended.is_none() {
                writeln!(out, "  its engine is gone: `cutover attach` takes it up again")?;
            }
            writeln!(out, "  revision {revision}; possible: {}", possible.join(", "))?;
        }
    }
    Ok(())
}
