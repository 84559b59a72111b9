//! The journal in a SQLite file: write-ahead log, full synchronisation, readable by its owner alone, every record sealed
//! with the one before it.

mod inspect;
mod schema;
#[cfg(test)]
mod tests;

use std::fmt::Display;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde::{Deserialize, Serialize};

use super::anchor::Anchor;
use super::chain::{Head, Link, Seal, Start};
use super::format::{Unreadable, Writer};
use super::{Entry, Journal, JournalError, Listing, Numbered, Record, Standing, Summary, files};
use crate::domain::command::Actor;
use crate::domain::ids::ReleaseId;
use crate::domain::plan::Plan;
use crate::domain::time::Timestamp;

/// Why a release of a newer format cannot be read.
const UNKNOWN: &str = "a newer format";

/// SQLite's name for a database without a file.
const MEMORY: &str = ":memory:";

/// A journal in a file.
#[derive(Debug)]
pub struct SqliteJournal {
    connection: Connection,
    /// Where it is, as errors name it.
    path: PathBuf,
    /// `None` in memory, and where there is none: it is never made anew without being asked for.
    anchor: Option<Anchor>,
    start: Start,
}

/// What the first record of a release says: it seals what is kept of the release outside its records.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum First {
    Created {
        /// SHA-256 of the plan's text.
        plan: String,
        /// Who asked for it.
        by: Actor,
        /// Which version wrote it; `None` if that did not say so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        writer: Option<Writer>,
    },
}

impl First {
    /// Of a release that this version writes.
    fn created(plan: &str, by: &Actor) -> Self {
        let (plan, by) = (Seal::of(plan.as_bytes()).to_string(), by.clone());
        Self::Created { plan, by, writer: Some(Writer::this()) }
    }
}

impl SqliteJournal {
    /// Opens the journal at `path`, and creates it, with its directory, if there is none. One that was written before
    /// records were sealed is brought up to date; its chain begins then.
    ///
    /// # Errors
    ///
    /// When it cannot be opened or created, or was written by a newer version.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let failed = |reason: String| JournalError::Open { path: path.display().to_string(), reason };
        if let Some(parent) = path.parent() {
            files::create_private_dir(parent).map_err(|error| failed(error.to_string()))?;
        }
        files::create_private_file(path).map_err(|error| failed(error.to_string()))?;
        // One process at a time: while another one makes the journal, SQLite waits neither for the tables nor for the
        // change to its write-ahead log.
        let _turn = files::lock_dir(path).map_err(|error| failed(error.to_string()))?;
        let mut connection = Connection::open(path).map_err(|error| failed(error.to_string()))?;
        let prepared = schema::prepare(&mut connection, path)?;
        let place = Anchor::beside(path);
        let known = Anchor::open(&place).ok();
        let is_known = known.as_ref().is_some_and(|anchor| matches!(anchor.read(), Ok(Some(_))));
        // An anchor of records that are gone stays: it is what still knows of them. One that is missing is a finding of
        // the inspection, and no reason not to release.
        let anchor = if prepared.is_new && !is_known {
            let anchor = Anchor::create(&place).map_err(|error| failed(error.to_string()))?;
            if let Some(head) = head(&connection, path)? {
                anchor.note(head).map_err(|error| failed(error.to_string()))?;
            }
            Some(anchor)
        } else {
            known
        };
        Ok(Self { connection, path: path.to_owned(), anchor, start: prepared.start })
    }

    /// A journal in memory, for demonstrations and tests: gone when it is dropped.
    ///
    /// # Errors
    ///
    /// When SQLite has no memory for it.
    pub fn in_memory() -> Result<Self, JournalError> {
        let path = Path::new(MEMORY);
        let mut connection = Connection::open_in_memory()
            .map_err(|error| JournalError::Open { path: path.display().to_string(), reason: error.to_string() })?;
        let prepared = schema::prepare(&mut connection, path)?;
        Ok(Self { connection, path: path.to_owned(), anchor: None, start: prepared.start })
    }

    /// Its file; `None` in memory.
    fn file(&self) -> Option<&Path> {
        (self.path != Path::new(MEMORY)).then_some(&self.path)
    }

    /// Releases, by the rest of a query with one parameter.
    fn select(&self, rest: &str, parameter: i64) -> Result<Listing, JournalError> {
        let unread = unread(&self.path);
        let mut select = self.connection.prepare_cached(&select(rest)).map_err(unread)?;
        let rows = select.query_map([parameter], found).map_err(unread)?;
        let mut listing = Listing::default();
        for found in rows {
            let found = found.map_err(unread)?;
            match found.read() {
                Ok(summary) => listing.releases.push(summary),
                Err(why) => listing.unreadable.push(found.unreadable(self, &why)?),
            }
        }
        Ok(listing)
    }

    /// That a release cannot be read.
    fn unreadable(&self, id: ReleaseId, why: &dyn Display) -> Result<JournalError, JournalError> {
        let unread = unread(&self.path);
        let mut select = self.connection.prepare_cached(&select("WHERE id = ?1")).map_err(unread)?;
        let found = select.query_row([key(id)], found).map_err(unread)?;
        Ok(JournalError::Unreadable(Box::new(found.unreadable(self, why)?)))
    }

    /// The anchor is told of the newest record. That it cannot be is no reason to stop: the records are on disk, and an
    /// anchor that knows less than there is says nothing wrong.
    fn anchor(&self, head: Head) {
        if let Some(anchor) = &self.anchor {
            let _behind = anchor.note(head);
        }
    }
}

impl Journal for SqliteJournal {
    fn create(
        &mut self,
        make: &mut dyn FnMut(ReleaseId) -> Plan,
        by: &Actor,
        at: Timestamp,
    ) -> Result<(ReleaseId, Plan), JournalError> {
        let (path, start) = (self.path.as_path(), self.start);
        let unwritten = unwritten(path);
        // Immediate: nobody else may take the number between the look and the insertion.
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(unwritten)?;
        let taken: Option<i64> = transaction
            .query_row("SELECT seq FROM sqlite_sequence WHERE name = 'releases'", [], |row| row.get(0))
            .optional()
            .map_err(unwritten)?;
        let id = ReleaseId(u64::try_from(taken.unwrap_or(0)).unwrap_or(0) + 1);
        let plan = make(id);
        let text = encode(path, &plan)?;
        let components = plan.components_named();
        transaction
            .execute(
                "INSERT INTO releases (id, environment, component, plan, by, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![key(id), plan.environment.as_str(), components, text, encode(path, by)?, at.millis()],
            )
            .map_err(unwritten)?;
        let first = encode(path, &First::created(&text, by))?;
        let mut tail = Tail::of(&transaction, start, path)?;
        tail.add(&transaction, Row { release: id.0, seq: 0, at, status: "planned", ended: false, entry: &first })?;
        transaction.commit().map_err(unwritten)?;
        let head = tail.head();
        self.anchor(head);
        Ok((id, plan))
    }

    fn append(&mut self, id: ReleaseId, records: &[Record], standing: Standing<'_>) -> Result<(), JournalError> {
        if records.is_empty() {
            return Ok(());
        }
        let (path, start) = (self.path.as_path(), self.start);
        let unwritten = unwritten(path);
        // Immediate: a read that becomes a write fails at once where another engine writes, instead of waiting its turn.
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(unwritten)?;
        let seq: Option<i64> = transaction
            .prepare_cached("SELECT MAX(seq) FROM records WHERE release = ?1")
            .and_then(|mut last| last.query_row([key(id)], |row| row.get(0)))
            .map_err(unwritten)?;
        let last = seq.map(unsigned).ok_or(JournalError::Unknown(id))?;
        let mut tail = Tail::of(&transaction, start, path)?;
        for (seq, record) in (last + 1..).zip(records) {
            let entry = encode(path, &record.entry)?;
            let Standing { status, ended } = standing;
            tail.add(&transaction, Row { release: id.0, seq, at: record.at, status, ended, entry: &entry })?;
        }
        transaction.commit().map_err(unwritten)?;
        let head = tail.head();
        self.anchor(head);
        Ok(())
    }

    fn records(&self, id: ReleaseId) -> Result<Vec<Record>, JournalError> {
        Ok(self.numbered(id)?.into_iter().map(|numbered| numbered.record).collect())
    }

    fn numbered(&self, id: ReleaseId) -> Result<Vec<Numbered>, JournalError> {
        let unread = unread(&self.path);
        let mut select = self
            .connection
            .prepare_cached("SELECT number, at, entry FROM records WHERE release = ?1 AND seq > 0 ORDER BY seq")
            .map_err(unread)?;
        let rows = select
            .query_map([key(id)], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?)))
            .map_err(unread)?;
        let mut records = Vec::new();
        for row in rows {
            let (number, at, entry) = row.map_err(unread)?;
            let entry = match serde_json::from_str(&entry) {
                Ok(Entry::Writer(writer)) if !writer.is_known() => return Err(self.unreadable(id, &UNKNOWN)?),
                Ok(entry) => entry,
                Err(error) => return Err(self.unreadable(id, &error)?),
            };
            let record = Record { at: Timestamp::from_millis(at), entry };
            records.push(Numbered { number: unsigned(number), record });
        }
        Ok(records)
    }

    fn list(&self, limit: usize) -> Result<Listing, JournalError> {
        self.select("ORDER BY id DESC LIMIT ?1", i64::try_from(limit).unwrap_or(i64::MAX))
    }

    fn unfinished(&self) -> Result<Listing, JournalError> {
        self.select("WHERE last.ended = ?1 ORDER BY id DESC", 0)
    }

    fn find(&self, id: ReleaseId) -> Result<Summary, JournalError> {
        let Listing { mut releases, mut unreadable } = self.select("WHERE id = ?1", key(id))?;
        match (releases.pop(), unreadable.pop()) {
            (Some(found), _) => Ok(found),
            (None, Some(unreadable)) => Err(JournalError::Unreadable(Box::new(unreadable))),
            (None, None) => Err(JournalError::Unknown(id)),
        }
    }

    fn writer(&self, id: ReleaseId) -> Result<Option<Writer>, JournalError> {
        let unread = unread(&self.path);
        let newest = self
            .connection
            .prepare_cached(
                "SELECT entry FROM records WHERE release = ?1 AND (seq = 0 OR entry LIKE '{\"writer\":%')
                 ORDER BY seq DESC LIMIT 1",
            )
            .and_then(|mut newest| newest.query_row([key(id)], |row| row.get::<_, String>(0)).optional())
            .map_err(unread)?;
        Ok(newest.and_then(|entry| match serde_json::from_str::<Entry>(&entry) {
            Ok(Entry::Writer(writer)) => Some(writer),
            _ => creator(&entry),
        }))
    }

    fn incidents(&self) -> Option<PathBuf> {
        let dir = self.file()?.parent()?;
        Some(dir.join("incidents"))
    }
}

/// A record about to be sealed.
#[derive(Clone, Copy)]
struct Row<'a> {
    release: u64,
    seq: u64,
    at: Timestamp,
    status: &'a str,
    ended: bool,
    entry: &'a str,
}

/// The end of the chain, inside the transaction that goes on with it.
struct Tail<'a> {
    path: &'a Path,
    number: u64,
    seal: Seal,
}

impl<'a> Tail<'a> {
    fn of(transaction: &Transaction<'_>, start: Start, path: &'a Path) -> Result<Self, JournalError> {
        let Head { number, seal } = head(transaction, path)?.unwrap_or(Head { number: 0, seal: start.seal() });
        Ok(Self { path, number, seal })
    }

    fn add(&mut self, transaction: &Transaction<'_>, row: Row<'_>) -> Result<(), JournalError> {
        let prev = self.seal;
        self.number += 1;
        let Row { release, seq, at, status, ended, entry } = row;
        let link = Link { number: self.number, release, seq, at: at.millis(), status, ended, entry };
        self.seal = link.seal(prev);
        transaction
            .prepare_cached(
                "INSERT INTO records (number, release, seq, at, status, ended, entry, prev, hash)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )
            .and_then(|mut insert| {
                insert.execute(params![
                    signed(self.number),
                    signed(release),
                    signed(seq),
                    at.millis(),
                    status,
                    ended,
                    entry,
                    prev.bytes(),
                    self.seal.bytes()
                ])
            })
            .map_err(unwritten(self.path))?;
        Ok(())
    }

    fn head(&self) -> Head {
        Head { number: self.number, seal: self.seal }
    }
}

/// The newest record.
fn head(connection: &Connection, path: &Path) -> Result<Option<Head>, JournalError> {
    let found = connection
        .prepare_cached("SELECT number, hash FROM records ORDER BY number DESC LIMIT 1")
        .and_then(|mut last| {
            last.query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))).optional()
        })
        .map_err(unread(path))?;
    // A seal that is none is found by the inspection; what comes after it is sealed all the same.
    Ok(found.map(|(number, seal)| Head {
        number: unsigned(number),
        seal: Seal::from_bytes(&seal).unwrap_or_else(|| Seal::of(&seal)),
    }))
}

/// A row of `releases` with its newest record's standing, not yet decoded.
struct Found {
    id: i64,
    plan: String,
    by: String,
    created: i64,
    status: String,
    ended: bool,
    touched: i64,
    environment: String,
    component: String,
    first: String,
}

impl Found {
    /// # Errors
    ///
    /// Why this version cannot read it.
    fn read(&self) -> Result<Summary, String> {
        if creator(&self.first).is_some_and(|writer| !writer.is_known()) {
            return Err(UNKNOWN.to_owned());
        }
        let said = |error: serde_json::Error| error.to_string();
        Ok(Summary {
            id: ReleaseId(unsigned(self.id)),
            plan: serde_json::from_str(&self.plan).map_err(said)?,
            created: Timestamp::from_millis(self.created),
            by: serde_json::from_str(&self.by).map_err(said)?,
            status: self.status.clone(),
            ended: self.ended,
            touched: Timestamp::from_millis(self.touched),
        })
    }

    fn unreadable(&self, journal: &SqliteJournal, why: &dyn Display) -> Result<Unreadable, JournalError> {
        let id = ReleaseId(unsigned(self.id));
        Ok(Unreadable {
            id,
            environment: self.environment.clone(),
            components: self.component.split(", ").map(str::to_owned).collect(),
            created: Timestamp::from_millis(self.created),
            status: self.status.clone(),
            ended: self.ended,
            touched: Timestamp::from_millis(self.touched),
            writer: journal.writer(id)?,
            why: why.to_string(),
        })
    }
}

/// Which version wrote a release's first record, if it says so.
fn creator(first: &str) -> Option<Writer> {
    let First::Created { writer, .. } = serde_json::from_str(first).ok()?;
    writer
}

fn select(rest: &str) -> String {
    format!(
        "SELECT id, plan, by, created, last.status, last.ended, last.at, environment, component,
                (SELECT entry FROM records WHERE release = id AND seq = 0)
         FROM releases JOIN records AS last
           ON last.release = id AND last.seq = (SELECT MAX(seq) FROM records WHERE release = id) {rest}"
    )
}

fn found(row: &rusqlite::Row<'_>) -> rusqlite::Result<Found> {
    Ok(Found {
        id: row.get(0)?,
        plan: row.get(1)?,
        by: row.get(2)?,
        created: row.get(3)?,
        status: row.get(4)?,
        ended: row.get(5)?,
        touched: row.get(6)?,
        environment: row.get(7)?,
        component: row.get(8)?,
        first: row.get(9)?,
    })
}

fn key(id: ReleaseId) -> i64 {
    signed(id.0)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

fn unwritten(path: &Path) -> impl Fn(rusqlite::Error) -> JournalError + Copy {
    move |error| broken(path, "written", error)
}

fn unread(path: &Path) -> impl Fn(rusqlite::Error) -> JournalError + Copy {
    move |error| broken(path, "read", error)
}

fn encode(path: &Path, value: &impl Serialize) -> Result<String, JournalError> {
    serde_json::to_string(value).map_err(|error| broken(path, "written", error))
}

fn decode<T: serde::de::DeserializeOwned>(path: &Path, text: &str) -> Result<T, JournalError> {
    serde_json::from_str(text).map_err(|error| broken(path, "read", error))
}

fn broken(path: &Path, what: &'static str, error: impl std::error::Error) -> JournalError {
    JournalError::Broken { path: path.display().to_string(), what, reason: error.to_string() }
}
