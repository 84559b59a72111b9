//! The journal in a SQLite file: write-ahead log, full synchronisation, readable by its owner alone.

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::{Journal, JournalError, Record, Standing, Summary};
use crate::domain::command::Actor;
use crate::domain::ids::ReleaseId;
use crate::domain::plan::Plan;
use crate::domain::time::Timestamp;

/// The format this version writes, in SQLite's `user_version`.
const FORMAT: i64 = 1;

const SCHEMA: &str = "
    CREATE TABLE releases (
        id          INTEGER PRIMARY KEY AUTOINCREMENT,
        environment TEXT NOT NULL,
        component   TEXT NOT NULL,
        plan        TEXT NOT NULL,
        by          TEXT NOT NULL,
        created     INTEGER NOT NULL,
        status      TEXT NOT NULL,
        ended       INTEGER NOT NULL,
        touched     INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE records (
        release INTEGER NOT NULL REFERENCES releases (id),
        seq     INTEGER NOT NULL,
        at      INTEGER NOT NULL,
        entry   TEXT NOT NULL,
        PRIMARY KEY (release, seq)
    ) STRICT, WITHOUT ROWID;
";

/// A journal in a file.
#[derive(Debug)]
pub struct SqliteJournal {
    connection: Connection,
    path: PathBuf,
}

impl SqliteJournal {
    /// Opens the journal at `path`, and creates it, with its directory, if there is none.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let failed = |reason: String| JournalError::Open { path: path.display().to_string(), reason };
        if let Some(parent) = path.parent() {
            create_private_dir(parent).map_err(|error| failed(error.to_string()))?;
        }
        create_private_file(path).map_err(|error| failed(error.to_string()))?;
        // One process at a time: while another one makes the journal, SQLite waits neither for the tables nor for the
        // change to its write-ahead log.
        let _turn = lock_dir(path).map_err(|error| failed(error.to_string()))?;
        let connection = Connection::open(path).map_err(|error| failed(error.to_string()))?;
        Self::prepare(connection, path)
    }

    /// A journal in memory, for demonstrations and tests: gone when it is dropped.
    pub fn in_memory() -> Result<Self, JournalError> {
        let path = Path::new(":memory:");
        let connection = Connection::open_in_memory()
            .map_err(|error| JournalError::Open { path: path.display().to_string(), reason: error.to_string() })?;
        Self::prepare(connection, path)
    }

    fn prepare(connection: Connection, path: &Path) -> Result<Self, JournalError> {
        let failed =
            |error: rusqlite::Error| JournalError::Open { path: path.display().to_string(), reason: error.to_string() };
        connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(failed)?;
        // FULL: what was appended is on the disk itself, not only with the operating system.
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
            .map_err(failed)?;
        let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
        match found {
            0 => {
                let create = format!("BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;");
                connection.execute_batch(&create).map_err(failed)?;
            }
            FORMAT => {}
            found => {
                return Err(JournalError::Format { path: path.display().to_string(), found, known: FORMAT });
            }
        }
        Ok(Self { connection, path: path.to_owned() })
    }
}

impl Journal for SqliteJournal {
    fn create(
        &mut self,
        make: &mut dyn FnMut(ReleaseId) -> Plan,
        by: &Actor,
        at: Timestamp,
    ) -> Result<(ReleaseId, Plan), JournalError> {
        let unwritten = |error: rusqlite::Error| broken(&self.path, "written", error);
        // Immediate: nobody else may take the number between the look and the insertion.
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(unwritten)?;
        let taken: Option<i64> = transaction
            .query_row("SELECT seq FROM sqlite_sequence WHERE name = 'releases'", [], |row| row.get(0))
            .optional()
            .map_err(unwritten)?;
        let id = ReleaseId(u64::try_from(taken.unwrap_or(0)).unwrap_or(0) + 1);
        let plan = make(id);
        let components = plan.components_named();
        transaction
            .execute(
                "INSERT INTO releases (id, environment, component, plan, by, created, status, ended, touched)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'planned', 0, ?6)",
                params![
                    key(id),
                    plan.environment.as_str(),
                    components,
                    encode(&self.path, &plan)?,
                    encode(&self.path, by)?,
                    at.millis()
                ],
            )
            .map_err(unwritten)?;
        transaction.commit().map_err(unwritten)?;
        Ok((id, plan))
    }

    fn append(&mut self, id: ReleaseId, records: &[Record], standing: Standing<'_>) -> Result<(), JournalError> {
        let Some(touched) = records.last().map(|record| record.at) else { return Ok(()) };
        let release = key(id);
        let unwritten = |error: rusqlite::Error| broken(&self.path, "written", error);
        // Immediate: a read that becomes a write fails at once where another engine writes, instead of waiting its turn.
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(unwritten)?;
        let mut seq: i64 = transaction
            .prepare_cached("SELECT COALESCE(MAX(seq), 0) FROM records WHERE release = ?1")
            .and_then(|mut last| last.query_row([release], |row| row.get(0)))
            .map_err(unwritten)?;
        {
            let mut insert = transaction
                .prepare_cached("INSERT INTO records (release, seq, at, entry) VALUES (?1, ?2, ?3, ?4)")
                .map_err(unwritten)?;
            for record in records {
                seq += 1;
                let entry = encode(&self.path, &record.entry)?;
                insert.execute(params![release, seq, record.at.millis(), entry]).map_err(unwritten)?;
            }
        }
        let known = transaction
            .prepare_cached("UPDATE releases SET status = ?2, ended = ?3, touched = ?4 WHERE id = ?1")
            .and_then(|mut stand| stand.execute(params![release, standing.status, standing.ended, touched.millis()]))
            .map_err(unwritten)?;
        if known == 0 {
            return Err(JournalError::Unknown(id));
        }
        transaction.commit().map_err(unwritten)
    }

    fn records(&self, id: ReleaseId) -> Result<Vec<Record>, JournalError> {
        let unread = |error: rusqlite::Error| broken(&self.path, "read", error);
        let mut select = self
            .connection
            .prepare_cached("SELECT at, entry FROM records WHERE release = ?1 ORDER BY seq")
            .map_err(unread)?;
        let rows =
            select.query_map([key(id)], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))).map_err(unread)?;
        rows.map(|row| {
            let (at, entry) = row.map_err(unread)?;
            Ok(Record { at: Timestamp::from_millis(at), entry: decode(&self.path, &entry)? })
        })
        .collect()
    }

    fn list(&self, limit: usize) -> Result<Vec<Summary>, JournalError> {
        let unread = |error: rusqlite::Error| broken(&self.path, "read", error);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut select = self.connection.prepare_cached(&select("ORDER BY id DESC LIMIT ?1")).map_err(unread)?;
        let rows = select.query_map([limit], row).map_err(unread)?;
        rows.map(|found| found.map_err(unread)?.read(&self.path)).collect()
    }

    fn find(&self, id: ReleaseId) -> Result<Summary, JournalError> {
        let unread = |error: rusqlite::Error| broken(&self.path, "read", error);
        let mut select = self.connection.prepare_cached(&select("WHERE id = ?1")).map_err(unread)?;
        match select.query_row([key(id)], row).optional().map_err(unread)? {
            Some(found) => found.read(&self.path),
            None => Err(JournalError::Unknown(id)),
        }
    }
}

/// A row of `releases`, not yet decoded.
struct Row {
    id: i64,
    plan: String,
    by: String,
    created: i64,
    status: String,
    ended: bool,
    touched: i64,
}

impl Row {
    fn read(self, path: &Path) -> Result<Summary, JournalError> {
        Ok(Summary {
            id: ReleaseId(u64::try_from(self.id).unwrap_or_default()),
            plan: decode(path, &self.plan)?,
            created: Timestamp::from_millis(self.created),
            by: decode(path, &self.by)?,
            status: self.status,
            ended: self.ended,
            touched: Timestamp::from_millis(self.touched),
        })
    }
}

fn select(rest: &str) -> String {
    format!("SELECT id, plan, by, created, status, ended, touched FROM releases {rest}")
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        id: row.get(0)?,
        plan: row.get(1)?,
        by: row.get(2)?,
        created: row.get(3)?,
        status: row.get(4)?,
        ended: row.get(5)?,
        touched: row.get(6)?,
    })
}

fn key(id: ReleaseId) -> i64 {
    i64::try_from(id.0).unwrap_or(i64::MAX)
}

fn encode(path: &Path, value: &impl serde::Serialize) -> Result<String, JournalError> {
    serde_json::to_string(value).map_err(|error| broken(path, "written", error))
}

fn decode<T: serde::de::DeserializeOwned>(path: &Path, text: &str) -> Result<T, JournalError> {
    serde_json::from_str(text).map_err(|error| broken(path, "read", error))
}

fn broken(path: &Path, what: &'static str, error: impl std::error::Error) -> JournalError {
    JournalError::Broken { path: path.display().to_string(), what, reason: error.to_string() }
}

/// Creates a directory that only its owner may enter, if it is not there.
fn create_private_dir(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Waits until nobody else holds the directory of `path`, and holds it until the file is dropped.
fn lock_dir(path: &Path) -> std::io::Result<File> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let dir = File::open(parent.unwrap_or(Path::new(".")))?;
    dir.lock()?;
    Ok(dir)
}

/// Creates a file that only its owner may read, and makes an existing one so: SQLite gives its side files the same
/// mode.
fn create_private_file(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let file = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Barrier;

    use super::*;
    use crate::app::fixture;
    use crate::domain::event::Event;
    use crate::journal::{Entry, replay};

    fn actor() -> Actor {
        Actor { name: "maria".to_owned(), host: "bastion".to_owned() }
    }

    fn plan() -> Plan {
        fixture::release(fixture::Scene::Baking).plan
    }

    fn record(millis: i64, event: Event) -> Record {
        Record { at: Timestamp::from_millis(millis), entry: Entry::Event(event) }
    }

    #[test]
    fn what_was_appended_is_there_after_reopening_and_replays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state/journal.sqlite");
        let at = Timestamp::from_millis(5);
        let records = [record(6, Event::Requested { by: actor() }), record(7, Event::Ticked)];
        {
            let mut journal = SqliteJournal::open(&path).unwrap();
            let mut numbers = Vec::new();
            for _ in 0..2 {
                let (id, _) = journal
                    .create(
                        &mut |id| {
                            numbers.push(id);
                            plan()
                        },
                        &actor(),
                        at,
                    )
                    .unwrap();
                assert_eq!(numbers.last(), Some(&id), "the plan was made for the number it got");
            }
            assert_eq!(numbers, [ReleaseId(1), ReleaseId(2)]);
            journal.append(ReleaseId(2), &records, Standing { status: "running", ended: false }).unwrap();
        }
        let journal = SqliteJournal::open(&path).unwrap();
        assert_eq!(journal.records(ReleaseId(2)).unwrap(), records);
        let summary = journal.find(ReleaseId(2)).unwrap();
        assert_eq!((summary.status.as_str(), summary.ended, summary.touched.millis()), ("running", false, 7));
        assert_eq!(journal.list(1).unwrap(), std::slice::from_ref(&summary));
        let release = replay(ReleaseId(2), summary.plan, &records);
        assert_eq!(release.begun.map(|begun| begun.by), Some(actor()));
    }

    #[test]
    fn only_its_owner_can_read_it_and_its_side_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state/journal.sqlite");
        let mut journal = SqliteJournal::open(&path).unwrap();
        journal.create(&mut |_| plan(), &actor(), Timestamp::default()).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        for entry in std::fs::read_dir(path.parent().unwrap()).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }

    #[test]
    fn a_journal_of_another_version_or_no_journal_at_all_is_refused_with_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let newer = dir.path().join("newer.sqlite");
        drop(SqliteJournal::open(&newer).unwrap());
        Connection::open(&newer).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
        let refused = SqliteJournal::open(&newer).unwrap_err();
        assert!(matches!(refused, JournalError::Format { found: 99, known: FORMAT, .. }), "{refused}");
        let text = dir.path().join("text.sqlite");
        std::fs::write(&text, "this is not a database, whatever its name says").unwrap();
        let refused = SqliteJournal::open(&text).unwrap_err().to_string();
        assert!(refused.contains("text.sqlite"), "{refused}");
    }

    #[test]
    fn an_unknown_release_is_not_appended_to() {
        let mut journal = SqliteJournal::in_memory().unwrap();
        let standing = Standing { status: "running", ended: false };
        let refused = journal.append(ReleaseId(7), &[record(1, Event::Ticked)], standing);
        assert!(refused.is_err());
        assert!(matches!(journal.find(ReleaseId(7)), Err(JournalError::Unknown(ReleaseId(7)))));
    }

    #[test]
    fn a_full_journal_says_where_it_is_and_keeps_what_it_has() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.sqlite");
        let mut journal = SqliteJournal::open(&path).unwrap();
        let (id, _) = journal.create(&mut |_| plan(), &actor(), Timestamp::default()).unwrap();
        let pages: i64 = journal.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        journal.connection.execute_batch(&format!("PRAGMA max_page_count = {}", pages + 1)).unwrap();
        let standing = Standing { status: "running", ended: false };
        let mut kept = Vec::new();
        let refused = loop {
            let batch = vec![record(1, Event::Requested { by: actor() }); 20];
            match journal.append(id, &batch, standing) {
                Ok(()) => kept.extend(batch),
                Err(error) => break error.to_string(),
            }
        };
        assert!(refused.contains("journal.sqlite") && refused.contains("full"), "{refused}");
        assert_eq!(journal.records(id).unwrap(), kept, "all of an append or nothing of it");
    }

    #[test]
    fn whoever_opens_a_new_journal_at_the_same_time_finds_the_same_one() {
        for _ in 0..20 {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("journal.sqlite");
            let start = Barrier::new(4);
            std::thread::scope(|scope| {
                let open = || {
                    start.wait();
                    SqliteJournal::open(&path).map(drop)
                };
                let opened = [(); 4].map(|()| scope.spawn(open));
                for opened in opened {
                    assert_eq!(opened.join().unwrap().map_err(|error| error.to_string()), Ok(()));
                }
            });
        }
    }
}
