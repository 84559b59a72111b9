//! The tables, and bringing those of earlier versions up to date.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::{First, Row, Tail, decode, encode, unread, unsigned, unwritten};
use crate::domain::time::Timestamp;
use crate::journal::JournalError;
use crate::journal::chain::{Seal, Start};

/// The format this version writes, in SQLite's `user_version`.
pub(super) const FORMAT: i64 = 2;

/// The last format whose records were not sealed.
const UNSEALED: i64 = 1;

/// Nothing in it is ever changed: what a release has come to is what its newest record says.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS releases (
        id          INTEGER PRIMARY KEY AUTOINCREMENT,
        environment TEXT NOT NULL,
        component   TEXT NOT NULL,
        plan        TEXT NOT NULL,
        by          TEXT NOT NULL,
        created     INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE records (
        number  INTEGER PRIMARY KEY,
        release INTEGER NOT NULL REFERENCES releases (id),
        seq     INTEGER NOT NULL,
        at      INTEGER NOT NULL,
        status  TEXT NOT NULL,
        ended   INTEGER NOT NULL,
        entry   TEXT NOT NULL,
        prev    BLOB NOT NULL,
        hash    BLOB NOT NULL,
        UNIQUE (release, seq)
    ) STRICT;
    CREATE TABLE chain (
        sealed INTEGER NOT NULL,
        at     INTEGER NOT NULL
    ) STRICT;
";

/// A journal that is ready.
pub(super) struct Prepared {
    pub(super) start: Start,
    /// Its chain has just begun.
    pub(super) is_new: bool,
}

/// Makes the tables, or brings them up to date.
pub(super) fn prepare(connection: &mut Connection, path: &Path) -> Result<Prepared, JournalError> {
    let failed =
        |error: rusqlite::Error| JournalError::Open { path: path.display().to_string(), reason: error.to_string() };
    connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(failed)?;
    // FULL: what was appended is on the disk itself, not only with the operating system.
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
        .map_err(failed)?;
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
    let is_new = match found {
        0 | UNSEALED => {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
            if found == UNSEALED {
                seal_all(&transaction, path)?;
            } else {
                create(&transaction, path, 0)?;
            }
            transaction.pragma_update(None, "user_version", FORMAT).map_err(failed)?;
            transaction.commit().map_err(failed)?;
            true
        }
        FORMAT => false,
        found => {
            return Err(JournalError::Format { path: path.display().to_string(), found, known: FORMAT });
        }
    };
    let start = connection
        .query_row("SELECT sealed, at FROM chain", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .map(|(sealed, at)| Start { sealed: unsigned(sealed), at: Timestamp::from_millis(at) })
        .map_err(failed)?;
    Ok(Prepared { start, is_new })
}

fn create(transaction: &Transaction<'_>, path: &Path, sealed: i64) -> Result<Start, JournalError> {
    let (unwritten, unread) = (unwritten(path), unread(path));
    transaction.execute_batch(SCHEMA).map_err(unwritten)?;
    let now = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";
    transaction.execute(&format!("INSERT INTO chain (sealed, at) VALUES (?1, {now})"), [sealed]).map_err(unwritten)?;
    let at: i64 = transaction.query_row("SELECT at FROM chain", [], |row| row.get(0)).map_err(unread)?;
    Ok(Start { sealed: unsigned(sealed), at: Timestamp::from_millis(at) })
}

/// A release of the unsealed format.
struct Unsealed {
    id: i64,
    plan: String,
    by: String,
    created: i64,
    status: String,
    ended: bool,
}

/// Seals every record as it is found, in the order of their times.
fn seal_all(transaction: &Transaction<'_>, path: &Path) -> Result<(), JournalError> {
    let (unwritten, unread) = (unwritten(path), unread(path));
    transaction.execute_batch("ALTER TABLE records RENAME TO unsealed").map_err(unwritten)?;
    let releases: Vec<Unsealed> = {
        let mut select = transaction
            .prepare("SELECT id, plan, by, created, status, ended FROM releases ORDER BY id")
            .map_err(unread)?;
        let rows = select
            .query_map([], |row| {
                Ok(Unsealed {
                    id: row.get(0)?,
                    plan: row.get(1)?,
                    by: row.get(2)?,
                    created: row.get(3)?,
                    status: row.get(4)?,
                    ended: row.get(5)?,
                })
            })
            .map_err(unread)?;
        rows.collect::<Result<_, _>>().map_err(unread)?
    };
    let count: i64 = transaction
        .query_row("SELECT (SELECT COUNT(*) FROM unsealed) + (SELECT COUNT(*) FROM releases)", [], |row| row.get(0))
        .map_err(unread)?;
    let start = create(transaction, path, count)?;
    let mut tail = Tail::of(transaction, start, path)?;
    for release in releases {
        seal_release(transaction, &mut tail, &release)?;
    }
    let unused = ["status", "ended", "touched"].map(|column| format!("ALTER TABLE releases DROP COLUMN {column};"));
    transaction.execute_batch(&format!("DROP TABLE unsealed; {}", unused.concat())).map_err(unwritten)
}

fn seal_release(transaction: &Transaction<'_>, tail: &mut Tail<'_>, release: &Unsealed) -> Result<(), JournalError> {
    let (path, unread) = (tail.path, unread(tail.path));
    let plan = Seal::of(release.plan.as_bytes()).to_string();
    let first = First::Created { plan, by: decode(path, &release.by)?, writer: None };
    let id = unsigned(release.id);
    let at = Timestamp::from_millis(release.created);
    tail.add(
        transaction,
        Row { release: id, seq: 0, at, status: "planned", ended: false, entry: &encode(path, &first)? },
    )?;
    let mut select = transaction
        .prepare_cached("SELECT seq, at, entry FROM unsealed WHERE release = ?1 ORDER BY seq")
        .map_err(unread)?;
    let mut rows = select.query(params![release.id]).map_err(unread)?;
    while let Some(row) = rows.next().map_err(unread)? {
        let (seq, at, entry): (i64, i64, String) =
            (|| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))().map_err(unread)?;
        let (seq, at) = (unsigned(seq), Timestamp::from_millis(at));
        // The standing of the release was kept once, not with each record: it is that of the newest.
        let (status, ended) = (release.status.as_str(), release.ended);
        tail.add(transaction, Row { release: id, seq, at, status, ended, entry: &entry })?;
    }
    Ok(())
}
