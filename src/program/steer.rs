//! The one-shot verbs: a command to a release, where a release stands, and what was released before.

use std::io::{IsTerminal, Write};

use color_eyre::eyre::Result;
use serde_json::json;

use super::launch::{self, Running};
use super::{output, settings, who};
use crate::cli::{Aim, Consent, Format, Globals, Status};
use crate::domain::command::{Command, CommandKind, Order};
use crate::domain::components::ComponentIndex;
use crate::domain::guard;
use crate::domain::ids::Revision;
use crate::domain::outlook::{Wait, left_behind, outlook, promotion_ends, rollback_preview};
use crate::domain::release::{Release, Traffic};
use crate::engine::handle::Receipt;
use crate::journal::sqlite::SqliteJournal;
use crate::journal::{Journal, Listing, replay};

/// Sends a command to the release that is meant.
pub(super) async fn send(globals: &Globals, command: Command, aim: &Aim, consent: Consent) -> Result<u8> {
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
    let ends = Some(command.kind()).filter(|kind| *kind == CommandKind::Promote);
    let meant = ends.and_then(|kind| guard::target(&release, kind, aim.stage.as_ref()).ok());
    let ends = meant.and_then(|stage| promotion_ends(&release, stage));
    let mut seen = aim.if_revision;
    if ends == Some(Wait::Cleanup) {
        agree_to_take_blue_down(&release, meant.flatten(), consent)?;
        // What was agreed to is what was shown.
        seen = seen.or(Some(release.revision));
    }
    let by = who::sender(&config, &release.plan, command.kind()).await;
    let order = Order { command, stage: aim.stage.clone(), by, seen };
    let plan = &release.plan;
    let name = format!("release {} of {} in {}", release.id, plan.components_named(), plan.environment);
    match handle.orders.send(order).await {
        Receipt::Accepted(revision) => {
            let what = ends.map(receipt).unwrap_or_default();
            writeln!(output::out(), "{word}: accepted by {name}, now at revision {revision}{what}")?;
            Ok(0)
        }
        Receipt::Refused(refusal) => Err(output::Refused::policy(format!("{name} refuses {word}: {refusal}"))),
        Receipt::Lost(why) => Err(color_eyre::eyre::eyre!("{word} was sent to {name} and not answered: {why}")),
    }
}

/// What a promotion has ended.
fn receipt(wait: Wait) -> &'static str {
    match wait {
        Wait::Verify => "; verify ends early",
        Wait::Cleanup => "; the warm hold ends: blue is scaled down now",
    }
}

/// Says that going back will no longer be one call, and makes sure that it is meant.
fn agree_to_take_blue_down(release: &Release, stage: Option<usize>, consent: Consent) -> Result<()> {
    let of = stage.and_then(|stage| release.plan.stage(stage)?.component).unwrap_or(ComponentIndex::FIRST);
    if let Some(sides) = &release.plan.components[of].sides {
        let (tasks, service) = (sides.blue.desired, &sides.blue.service);
        writeln!(output::out(), "  will: end the warm hold: blue ({tasks} tasks of {service}) is scaled down now")?;
    }
    writeln!(output::out(), "  then: going back is no longer one call")?;
    if consent == Consent::Given {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(output::Refused::policy("promote would scale blue down now; say --yes if that is meant"));
    }
    write!(std::io::stderr(), "scale blue down now? [y/N] ")?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        Ok(())
    } else {
        Err(output::Refused::policy("not promoted: blue stays warm"))
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
    let Listing { releases, unreadable } = journal.list(200)?;
    let found = releases.into_iter().find(|summary| {
        which.environment.as_deref().is_none_or(|name| name == summary.plan.environment.as_str())
            && which.component.as_deref().is_none_or(|name| summary.plan.releases(name))
    });
    let newest = found.as_ref().map(|summary| summary.id);
    let (environment, component) = (which.environment.as_deref(), which.component.as_deref());
    settings::refuse_unreadable(&unreadable, |other| Some(other.id) > newest && other.is_of(environment, component))?;
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
                "release": release.id, "environment": release.plan.environment,
                "origin": release.plan.origin.words(), "status": release.status().word(),
                "exit_code": release.exit_code(), "revision": release.revision, "engine": has_engine,
                "outlook": outlook, "possible": possible,
                "components": release.plan.components.iter().zip(release.components.iter())
                    .map(|((_, plan), (_, component))| json!({
                        "name": plan.name, "from": plan.from, "to": plan.to, "verdicts": component.verdicts,
                        "green": {"set": component.traffic.set, "observed": component.traffic.observed},
                    }))
                    .collect::<Vec<_>>(),
                "left": left_behind(release).iter().map(|(_, left)| left).collect::<Vec<_>>(),
                "stages": release.plan.stages.iter().zip(&release.stages)
                    .map(|(plan, stage)| json!({"name": plan.name, "component": release.plan.subject(plan), "status": stage.status, "note": stage.note}))
                    .collect::<Vec<_>>(),
            });
            writeln!(out, "{status}")?;
        }
        Format::Text => {
            let Revision(revision) = release.revision;
            let origin = release.plan.origin.suffix();
            writeln!(out, "{}: {}{origin}", launch::describe(release), release.plan.moves())?;
            for (plan, stage) in release.plan.stages.iter().zip(&release.stages) {
                writeln!(out, "  {:<10} {:<8} {}", plan.name.as_str(), stage.status.word(), stage.note)?;
            }
            for (of, planned) in release.plan.components.iter().filter(|(_, planned)| planned.sides.is_some()) {
                let Traffic { set, observed, .. } = release.components[of].traffic;
                let observed = observed.map_or("not read".to_owned(), |green| green.to_string());
                writeln!(out, "  {} green: set {set}, observed {observed}", planned.name)?;
            }
            writeln!(out, "  now:  {}\n  then: {}", outlook.now, outlook.then)?;
            for (_, left) in left_behind(release) {
                writeln!(out, "  left as it is: {left}")?;
            }
            if !has_engine && release.ended.is_none() {
                writeln!(out, "  its engine is gone: `cutover attach` takes it up again")?;
            }
            writeln!(out, "  revision {revision}; possible: {}", possible.join(", "))?;
        }
    }
    Ok(())
}
