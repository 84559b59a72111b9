//! The verbs that look back: lists, accounts, exports and release metrics.

use std::io::Write;

use color_eyre::eyre::{Result, WrapErr};
use serde_json::json;

use super::telling::{self, say};
use super::{output, parts, settings};
use crate::cli::{Among, Export, Format, Globals, History, HistoryVerb, Metrics, Show};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::ids::ReleaseId;
use crate::domain::metrics::{Run, metrics};
use crate::domain::plan::Plan;
use crate::domain::redact::printable;
use crate::domain::time::Timestamp;
use crate::journal::account::Account;
use crate::journal::format::Unreadable;
use crate::journal::incident::{Incident, page_path};
use crate::journal::sqlite::SqliteJournal;
use crate::journal::{Journal, JournalError, Listing, Summary};

/// The name of an export's fields; see `docs/history.md`.
const EXPORT: &str = "cutover.export/1";

/// Looks back.
pub(super) fn run(globals: &Globals, arguments: &History) -> Result<u8> {
    let config = settings::load(globals)?;
    match &arguments.verb {
        None => list(&config, arguments),
        Some(HistoryVerb::Show(arguments)) => show(&config, arguments),
        Some(HistoryVerb::Export(arguments)) => export(&config, arguments),
        Some(HistoryVerb::Metrics(arguments)) => figures(&config, arguments),
    }
}

/// The journal, if anything was ever released.
pub(super) fn journal(config: &Config) -> Result<Option<SqliteJournal>> {
    let file = settings::journal_file(config);
    Ok(if file.exists() { Some(SqliteJournal::open(&file)?) } else { None })
}

/// One release of the journal; that there is none is the caller's mistake.
pub(super) fn find(config: &Config, id: ReleaseId) -> Result<(SqliteJournal, Summary)> {
    let unknown =
        || output::Refused::usage(format!("there is no release {id}; `cutover history` lists those there are"));
    let journal = journal(config)?.ok_or_else(unknown)?;
    match journal.find(id) {
        Ok(summary) => Ok((journal, summary)),
        Err(JournalError::Unknown(_)) => Err(unknown()),
        Err(error) => Err(error.into()),
    }
}

/// Everything known of a release.
pub(super) fn account(journal: &SqliteJournal, summary: &Summary) -> Result<Account, JournalError> {
    Ok(Account::of(summary, &journal.numbered(summary.id)?))
}

/// Says on standard error which releases are not in what is written, because another version wrote them.
pub(super) fn leave_out(unreadable: &[Unreadable]) {
    for release in unreadable {
        output::tell(&format!("left out: {}", printable(&release.to_string())));
    }
}

/// Whether a release is one of those meant. One that has been heard of since then counts.
pub(super) fn is_among(summary: &Summary, among: &Among, now: Timestamp) -> bool {
    is_of(&summary.plan, among.environment.as_deref(), among.component.as_deref())
        && among.since.is_none_or(|since| summary.touched >= since.moment(now))
}

/// The same for one that cannot be read.
pub(super) fn unread_among(release: &Unreadable, among: &Among, now: Timestamp) -> bool {
    release.is_of(among.environment.as_deref(), among.component.as_deref())
        && among.since.is_none_or(|since| release.touched >= since.moment(now))
}

fn is_of(plan: &Plan, environment: Option<&str>, component: Option<&str>) -> bool {
    environment.is_none_or(|name| name == plan.environment.as_str()) && component.is_none_or(|name| plan.releases(name))
}

fn list(config: &Config, arguments: &History) -> Result<u8> {
    let now = Clock::system().now();
    let all = journal(config)?.map(|journal| journal.list(usize::MAX)).transpose()?.unwrap_or_default();
    let is_wanted = |status: &str| arguments.status.as_deref().is_none_or(|wanted| wanted == status);
    let Listing { releases, unreadable } = &all;
    let read = releases.iter().filter(|summary| is_among(summary, &arguments.among, now) && is_wanted(&summary.status));
    let unread =
        unreadable.iter().filter(|release| unread_among(release, &arguments.among, now) && is_wanted(&release.status));
    let mut lines: Vec<Line<'_>> = read.map(Line::Read).chain(unread.map(Line::Unread)).collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.id()));
    lines.truncate(usize::try_from(arguments.limit).unwrap_or(usize::MAX));
    let mut out = output::out();
    if lines.is_empty() && arguments.writing.format() == Format::Text {
        let is_empty = releases.is_empty() && unreadable.is_empty();
        let nothing = if is_empty { "nothing has been released yet" } else { "no release is meant by that" };
        writeln!(out, "{nothing}")?;
    }
    for line in lines {
        match (line, arguments.writing.format()) {
            (Line::Unread(release), Format::Json) => {
                let line = json!({
                    "release": release.id, "environment": release.environment,
                    "components": release.components.iter().map(|name| json!({"name": name})).collect::<Vec<_>>(),
                    "status": release.status, "ended": release.ended,
                    "created": release.created, "touched": release.touched,
                    "unreadable": {"writer": release.writer, "why": release.why},
                });
                writeln!(out, "{line}")?;
            }
            (Line::Unread(release), Format::Text) => say(&mut out, &telling::unreadable(release))?,
            (Line::Read(summary), Format::Json) => {
                let plan = &summary.plan;
                let line = json!({
                    "release": summary.id, "environment": plan.environment,
                    "components": plan.components.iter()
                        .map(|(_, plan)| json!({"name": plan.name, "from": plan.from, "to": plan.to}))
                        .collect::<Vec<_>>(),
                    "origin": plan.origin.words(), "status": summary.status, "ended": summary.ended,
                    "by": summary.by, "created": summary.created, "touched": summary.touched,
                });
                writeln!(out, "{line}")?;
            }
            (Line::Read(summary), Format::Text) => say(&mut out, &telling::summary(summary))?,
        }
    }
    Ok(0)
}

/// A line of the list.
#[derive(Clone, Copy)]
enum Line<'a> {
    Read(&'a Summary),
    Unread(&'a Unreadable),
}

impl Line<'_> {
    fn id(self) -> ReleaseId {
        match self {
            Self::Read(summary) => summary.id,
            Self::Unread(release) => release.id,
        }
    }
}

fn show(config: &Config, arguments: &Show) -> Result<u8> {
    let (journal, summary) = find(config, arguments.release)?;
    let account = account(&journal, &summary)?;
    let mut out = output::out();
    if !arguments.incident {
        match arguments.writing.format() {
            Format::Json => writeln!(out, "{}", serde_json::to_string(&account)?)?,
            Format::Text => telling::account(&account, journal.incidents(), &mut out)?,
        }
        return Ok(0);
    }
    let Some(incident) = Incident::of(&account) else {
        let id = summary.id;
        return Err(output::Refused::usage(format!("release {id} never went back: there is no incident to report")));
    };
    // From the journal and not from the file: it is the same, and it is whole even where the file could not be written.
    let redactor = parts::redactor(&summary.plan);
    match arguments.writing.format() {
        Format::Json => write!(out, "{}", incident.to_json(&redactor))?,
        Format::Text => write!(out, "{}", incident.to_markdown(&redactor))?,
    }
    Ok(0)
}

/// Where the report on a release lies, if it was written.
pub(super) fn report_file(dir: Option<std::path::PathBuf>, id: ReleaseId) -> Option<std::path::PathBuf> {
    dir.map(|dir| page_path(&dir, id)).filter(|page| page.exists())
}

fn export(config: &Config, arguments: &Export) -> Result<u8> {
    let now = Clock::system().now();
    let Some(journal) = journal(config)? else { return write_export(arguments, &[], now) };
    let mut listing = journal.list(usize::MAX)?;
    listing.releases.retain(|summary| is_among(summary, &arguments.among, now));
    listing.unreadable.retain(|release| unread_among(release, &arguments.among, now));
    let mut accounts = accounts(&journal, listing)?;
    accounts.reverse();
    write_export(arguments, &accounts, now)
}

/// Everything known of releases that can be read, in their order.
fn accounts(journal: &SqliteJournal, listing: Listing) -> Result<Vec<Account>> {
    let Listing { releases, mut unreadable } = listing;
    let mut accounts = Vec::new();
    for summary in &releases {
        match account(journal, summary) {
            Ok(account) => accounts.push(account),
            Err(JournalError::Unreadable(release)) => unreadable.push(*release),
            Err(error) => return Err(error.into()),
        }
    }
    leave_out(&unreadable);
    Ok(accounts)
}

fn write_export(arguments: &Export, accounts: &[Account], now: Timestamp) -> Result<u8> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut out: Box<dyn Write> = match &arguments.output {
        None => Box::new(output::out()),
        Some(path) => {
            let file = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(path);
            Box::new(file.wrap_err_with(|| format!("failed to write {}", path.display()))?)
        }
    };
    if arguments.document {
        let version = env!("CARGO_PKG_VERSION");
        let document = json!({"schema": EXPORT, "version": version, "at": now, "releases": accounts});
        writeln!(out, "{document}")?;
    } else {
        for account in accounts {
            writeln!(out, "{}", serde_json::to_string(account)?)?;
        }
    }
    out.flush()?;
    Ok(0)
}

fn figures(config: &Config, arguments: &Metrics) -> Result<u8> {
    let now = Clock::system().now();
    let from = now - std::time::Duration::from_hours(24) * arguments.days;
    let mut runs: Vec<Run> = Vec::new();
    if let Some(journal) = journal(config)? {
        let (environment, component) = (arguments.environment.as_deref(), arguments.component.as_deref());
        let mut listing = journal.list(usize::MAX)?;
        listing
            .releases
            .retain(|summary| summary.ended && summary.touched >= from && is_of(&summary.plan, environment, component));
        listing
            .unreadable
            .retain(|release| release.ended && release.touched >= from && release.is_of(environment, component));
        runs.extend(accounts(&journal, listing)?.iter().filter_map(Account::run));
    }
    let figures = metrics(&runs, from, now);
    let mut out = output::out();
    match arguments.writing.format() {
        Format::Json => writeln!(out, "{}", serde_json::to_string(&figures)?)?,
        Format::Text => telling::metrics(&figures, arguments.days, &mut out)?,
    }
    Ok(0)
}
