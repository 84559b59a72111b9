//! `cutover audit`: the trail of actions, and whether it is still the one that was written.

use std::io::Write;

use color_eyre::eyre::Result;
use serde_json::json;

use super::history::{is_among, journal, leave_out, unread_among};
use super::telling::{act, local, say};
use super::{output, settings};
use crate::cli::{Audit, AuditVerb, Format, Globals, Verify};
use crate::clock::Clock;
use crate::journal::audit::{Act, acts};
use crate::journal::chain::{Findings, Head};
use crate::journal::{Journal, JournalError, Listing, Summary};

/// Something was changed.
const CHANGED: u8 = 1;

/// Lists actions, or inspects the journal.
pub(super) fn run(globals: &Globals, arguments: &Audit) -> Result<u8> {
    let config = settings::load(globals)?;
    let journal = journal(&config)?;
    match &arguments.verb {
        Some(AuditVerb::Verify(arguments)) => match journal {
            Some(mut journal) => verify(&mut journal, arguments),
            None => {
                writeln!(output::out(), "nothing has been released yet")?;
                Ok(0)
            }
        },
        None => list(journal.as_ref(), arguments),
    }
}

fn list(journal: Option<&crate::journal::sqlite::SqliteJournal>, arguments: &Audit) -> Result<u8> {
    let now = Clock::system().now();
    let mut found: Vec<Act> = Vec::new();
    if let Some(journal) = journal {
        let is_asked_for = |id| arguments.release.is_none_or(|release| release == id);
        let Listing { releases, mut unreadable } = journal.list(usize::MAX)?;
        unreadable.retain(|release| unread_among(release, &arguments.among, now) && is_asked_for(release.id));
        let meant = |summary: &&Summary| is_among(summary, &arguments.among, now) && is_asked_for(summary.id);
        for summary in releases.iter().filter(meant) {
            match journal.numbered(summary.id) {
                Ok(records) => found.extend(acts(summary, &records)),
                Err(JournalError::Unreadable(release)) => unreadable.push(*release),
                Err(error) => return Err(error.into()),
            }
        }
        leave_out(&unreadable);
    }
    let since = arguments.among.since.map(|since| since.moment(now));
    found.retain(|act| since.is_none_or(|since| act.at >= since) && is_by(act, arguments.who.as_deref()));
    found.sort_by_key(|act| act.record);
    let mut out = output::out();
    if found.is_empty() && arguments.writing.format() == Format::Text {
        writeln!(out, "nobody did anything that is meant by that")?;
    }
    for found in &found {
        match arguments.writing.format() {
            Format::Json => writeln!(out, "{}", serde_json::to_string(found)?)?,
            Format::Text => act(found, true, &mut out)?,
        }
    }
    Ok(0)
}

fn is_by(act: &Act, who: Option<&str>) -> bool {
    let has = |text: &str| who.is_none_or(|who| text.contains(who));
    has(&act.who.name) || has(&act.who.host) || act.who.arn.as_deref().is_some_and(has)
}

fn verify(journal: &mut crate::journal::sqlite::SqliteJournal, arguments: &Verify) -> Result<u8> {
    let noted = arguments.head.as_deref().map(str::parse::<Head>).transpose().map_err(output::Refused::usage)?;
    let findings = journal.inspect(noted)?;
    if arguments.renew_anchor {
        journal.renew_anchor()?;
    }
    match arguments.writing.format() {
        Format::Json => {
            let problems: Vec<String> = findings.problems.iter().map(ToString::to_string).collect();
            let head = findings.head.map(|head| head.to_string());
            let line = json!({"intact": problems.is_empty(), "problems": problems, "head": head, "findings": findings});
            writeln!(output::out(), "{line}")?;
        }
        Format::Text => write_findings(&findings, arguments.renew_anchor)?,
    }
    Ok(if findings.problems.is_empty() { 0 } else { CHANGED })
}

fn write_findings(findings: &Findings, is_renewed: bool) -> Result<()> {
    let mut out = output::out();
    for problem in &findings.problems {
        say(&mut out, &format!("{problem}"))?;
    }
    let Findings { records, releases, start, .. } = findings;
    let count = findings.problems.len();
    let verdict = if count == 0 { "nothing was changed".to_owned() } else { format!("{count} findings") };
    let releases = if *releases == 1 { "1 release".to_owned() } else { format!("{releases} releases") };
    writeln!(out, "{records} records of {releases}: {verdict}")?;
    if start.sealed > 0 {
        writeln!(
            out,
            "the chain begins on {}: {} records were written before that by a version that did not seal them; changes \
             made to those before then cannot be told",
            local(start.at, "%Y-%m-%d %H:%M"),
            start.sealed
        )?;
    }
    let behind = findings.head.zip(findings.anchored).map_or(0, |(head, known)| head.number.saturating_sub(known));
    if behind > 0 {
        writeln!(out, "the anchor is {behind} records behind: an engine was stopped as it appended, or still appends")?;
    }
    if is_renewed {
        writeln!(out, "the anchor was made anew")?;
    }
    if let Some(head) = findings.head {
        writeln!(out, "newest record: {head}")?;
    }
    Ok(())
}
