use std::os::unix::fs::PermissionsExt;
use std::sync::Barrier;

use super::schema::FORMAT;
use super::*;
use crate::app::fixture;
use crate::domain::event::Event;
use crate::journal::chain::{Problem, Witness};
use crate::journal::format::sign;
use crate::journal::{Entry, replay};

fn actor() -> Actor {
    Actor::new("maria", "bastion")
}

fn plan() -> Plan {
    (*fixture::release(fixture::Scene::Baking).plan).clone()
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
    assert_eq!(journal.list(1).unwrap().releases, std::slice::from_ref(&summary));
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

/// A journal of two releases, whose records take turns, and its file.
fn two_releases(dir: &Path) -> PathBuf {
    let path = dir.join("journal.sqlite");
    let mut journal = SqliteJournal::open(&path).unwrap();
    let standing = Standing { status: "running", ended: false };
    for _ in 0..2 {
        journal.create(&mut |_| plan(), &actor(), Timestamp::from_millis(1)).unwrap();
    }
    for millis in 2..6 {
        for id in [1, 2] {
            let records = [record(millis, Event::Ticked), record(millis, Event::Requested { by: actor() })];
            journal.append(ReleaseId(id), &records, standing).unwrap();
        }
    }
    path
}

/// What an inspection says after `harm` was done to the journal behind its back.
fn found_after(harm: &str) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let path = two_releases(dir.path());
    let behind = Connection::open(&path).unwrap();
    behind.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    behind.execute_batch(harm).unwrap();
    drop(behind);
    let findings = SqliteJournal::open(&path).unwrap().inspect(None).unwrap();
    findings.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn an_untouched_journal_has_no_findings_and_its_anchor_knows_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = two_releases(dir.path());
    let findings = SqliteJournal::open(&path).unwrap().inspect(None).unwrap();
    assert_eq!(findings.problems, []);
    // Two first records, and sixteen others.
    assert_eq!((findings.records, findings.releases, findings.anchored), (18, 2, Some(18)));
    assert_eq!(findings.head.map(|head| head.number), Some(18));
    let memory = SqliteJournal::in_memory().unwrap().inspect(None).unwrap();
    assert_eq!((memory.problems.len(), memory.records), (0, 0));
}

#[test]
fn every_kind_of_change_is_found_and_its_record_named() {
    let ticked = r#"'{"event":"ticked"}'"#;
    for (harm, wanted) in [
        (
            "UPDATE records SET entry = replace(entry, 'maria', 'nobody') WHERE number = 6",
            "record 6 (number 2 of release 2)",
        ),
        ("UPDATE records SET at = at + 1 WHERE number = 7", "record 7 "),
        ("UPDATE records SET status = 'succeeded' WHERE number = 18", "record 18 "),
        ("UPDATE records SET ended = 1 WHERE number = 18", "record 18 "),
        ("UPDATE records SET release = 2, seq = 99 WHERE number = 5", "record 5 "),
        ("UPDATE records SET hash = x'00' WHERE number = 5", "record 5 "),
        ("DELETE FROM records WHERE number = 9", "record 9 is missing"),
        ("DELETE FROM records WHERE number BETWEEN 4 AND 6", "records 4 to 6 are missing"),
        ("DELETE FROM records WHERE number > 15", "the journal ends at record 15, and record 18 was written"),
        ("DELETE FROM records WHERE release = 2; DELETE FROM releases WHERE id = 2", "are missing"),
        ("DELETE FROM releases WHERE id = 2", "release 2 has been taken out"),
        ("UPDATE releases SET by = replace(by, 'maria', 'eve') WHERE id = 1", "who began it"),
        ("UPDATE releases SET plan = replace(plan, '9ab03d7', '0000000') WHERE id = 1", "its plan"),
        ("UPDATE releases SET created = 0 WHERE id = 1", "when it was created"),
        ("UPDATE releases SET environment = 'staging' WHERE id = 2", "what it releases and where"),
        ("UPDATE chain SET at = at + 1", "record 1 "),
        ("UPDATE chain SET sealed = 5", "record 1 "),
    ] {
        let found = found_after(harm);
        assert!(found.iter().any(|problem| problem.contains(wanted)), "{harm}: {found:?}");
    }
    // Two records that change places, and one put in between with the others moved on.
    let swap = "UPDATE records SET number = -1 WHERE number = 5; UPDATE records SET number = 5 WHERE number = 6;
                UPDATE records SET number = 6 WHERE number = -1;";
    let found = found_after(swap);
    assert!(found[0].contains("record 5 ") && found[1].contains("record 6 "), "{found:?}");
    let insert = format!(
        "UPDATE records SET number = -number WHERE number > 9; UPDATE records SET number = 1 - number WHERE number < 0;
         INSERT INTO records SELECT 10, release, 77, at, status, ended, {ticked}, prev, hash FROM records WHERE number = 9"
    );
    let found = found_after(&insert);
    assert!(found[0].contains("record 10 (number 77"), "{found:?}");
}

#[test]
fn a_record_written_anew_with_a_seal_that_fits_no_longer_fits_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let path = two_releases(dir.path());
    let behind = Connection::open(&path).unwrap();
    let (prev, entry): (Vec<u8>, String) = behind
        .query_row("SELECT prev, entry FROM records WHERE number = 18", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    let forged = entry.replace("maria", "eve");
    assert_ne!(forged, entry);
    let forge = |number: u64, prev: &[u8], entry: &str| {
        let (release, seq, at, status): (i64, i64, i64, String) = behind
            .query_row("SELECT release, seq, at, status FROM records WHERE number = ?1", [signed(number)], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .unwrap();
        let (release, seq) = (unsigned(release), unsigned(seq));
        let link = Link { number, release, seq, at, status: &status, ended: false, entry };
        let seal = link.seal(Seal::from_bytes(prev).unwrap());
        behind
            .execute(
                "UPDATE records SET entry = ?2, hash = ?3 WHERE number = ?1",
                params![signed(number), entry, seal.bytes()],
            )
            .unwrap();
    };
    // The newest record: nothing follows it, and the anchor knows it.
    forge(18, &prev, &forged);
    let journal = SqliteJournal::open(&path).unwrap();
    let problems = journal.inspect(None).unwrap().problems;
    assert!(matches!(problems[..], [Problem::Rewritten { number: 18, witness: Witness::Anchor }]), "{problems:?}");
    // One in the middle: the next one gives it away.
    let (prev, entry): (Vec<u8>, String) = behind
        .query_row("SELECT prev, entry FROM records WHERE number = 4", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    forge(4, &prev, &entry.replace("maria", "eve"));
    let problems = journal.inspect(None).unwrap().problems;
    assert!(
        problems.iter().any(|found| matches!(found, Problem::Unlinked(place) if place.number == 5)),
        "{problems:?}"
    );
}

#[test]
fn what_was_noted_elsewhere_is_held_against_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let path = two_releases(dir.path());
    let mut journal = SqliteJournal::open(&path).unwrap();
    let head = journal.inspect(None).unwrap().head.unwrap();
    journal.append(ReleaseId(1), &[record(9, Event::Ticked)], Standing { status: "running", ended: false }).unwrap();
    assert_eq!(journal.inspect(Some(head)).unwrap().problems, []);
    let other = Head { seal: Seal::of(b"another"), ..head };
    let problems = journal.inspect(Some(other)).unwrap().problems;
    assert_eq!(problems, [Problem::Rewritten { number: 18, witness: Witness::Asker }]);
    let later = Head { number: 40, ..head };
    assert_eq!(journal.inspect(Some(later)).unwrap().problems, [Problem::Truncated { last: 19, known: 40 }]);
}

#[test]
fn a_missing_anchor_is_said_to_be_and_only_made_anew_when_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = two_releases(dir.path());
    std::fs::remove_file(Anchor::beside(&path)).unwrap();
    let mut journal = SqliteJournal::open(&path).unwrap();
    journal.append(ReleaseId(1), &[record(9, Event::Ticked)], Standing { status: "running", ended: false }).unwrap();
    assert!(matches!(journal.inspect(None).unwrap().problems[..], [Problem::NoAnchor { .. }]));
    journal.renew_anchor().unwrap();
    assert_eq!(journal.inspect(None).unwrap().problems, []);
    assert_eq!(journal.inspect(None).unwrap().anchored, Some(19));
}

#[test]
fn a_journal_that_was_removed_is_missed_by_its_anchor() {
    let dir = tempfile::tempdir().unwrap();
    let path = two_releases(dir.path());
    for side in ["", "-wal", "-shm"] {
        let _not_there = std::fs::remove_file(format!("{}{side}", path.display()));
    }
    let mut journal = SqliteJournal::open(&path).unwrap();
    journal.create(&mut |_| plan(), &actor(), Timestamp::from_millis(1)).unwrap();
    assert_eq!(journal.inspect(None).unwrap().problems, [Problem::Truncated { last: 1, known: 18 }]);
}

#[test]
fn a_journal_without_seals_is_sealed_as_it_is_found_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(
        "CREATE TABLE releases (id INTEGER PRIMARY KEY AUTOINCREMENT, environment TEXT NOT NULL,
             component TEXT NOT NULL, plan TEXT NOT NULL, by TEXT NOT NULL, created INTEGER NOT NULL,
             status TEXT NOT NULL, ended INTEGER NOT NULL, touched INTEGER NOT NULL) STRICT;
         CREATE TABLE records (release INTEGER NOT NULL REFERENCES releases (id), seq INTEGER NOT NULL,
             at INTEGER NOT NULL, entry TEXT NOT NULL, PRIMARY KEY (release, seq)) STRICT, WITHOUT ROWID;
         PRAGMA user_version = 1;",
    )
    .unwrap();
    let text = serde_json::to_string(&plan()).unwrap();
    let (environment, component) = (plan().environment.0, plan().components_named());
    old.execute(
        "INSERT INTO releases VALUES (7, ?1, ?2, ?3, '{\"name\":\"maria\",\"host\":\"bastion\"}', 5, 'failed', 1, 8)",
        [environment, component, text],
    )
    .unwrap();
    for (seq, at, event) in [(1, 6, Event::Requested { by: actor() }), (2, 8, Event::Ticked)] {
        let entry = serde_json::to_string(&Entry::Event(event)).unwrap();
        old.execute("INSERT INTO records VALUES (7, ?1, ?2, ?3)", params![seq, at, entry]).unwrap();
    }
    drop(old);
    let mut journal = SqliteJournal::open(&path).unwrap();
    let records = [record(6, Event::Requested { by: actor() }), record(8, Event::Ticked)];
    assert_eq!(journal.records(ReleaseId(7)).unwrap(), records);
    let summary = journal.find(ReleaseId(7)).unwrap();
    assert_eq!((summary.status.as_str(), summary.ended, summary.touched.millis()), ("failed", true, 8));
    assert_eq!((summary.by, summary.created.millis()), (actor(), 5));
    let findings = journal.inspect(None).unwrap();
    assert_eq!((findings.problems.len(), findings.start.sealed, findings.anchored), (0, 3, Some(3)), "{findings:?}");
    // It goes on from there, and the next number is not one that was used.
    let (id, _) = journal.create(&mut |_| plan(), &actor(), Timestamp::from_millis(9)).unwrap();
    assert_eq!(id, ReleaseId(8));
    drop(journal);
    let again = SqliteJournal::open(&path).unwrap().inspect(None).unwrap();
    assert_eq!((again.problems.len(), again.start.sealed, again.records), (0, 3, 4));
}

/// Has a journal be written by another version, whose plans have no stages: as that release, or as its first entry.
fn by_another_version(path: &Path, harm: &str) {
    let behind = Connection::open(path).unwrap();
    behind.execute_batch(harm).unwrap();
}

const OTHER_PLAN: &str = r#"UPDATE releases SET plan = '{"steps": []}' WHERE id = 1;
    UPDATE records SET entry = replace(entry, '"version":"', '"version":"9.') WHERE release = 1 AND seq = 0;"#;

#[test]
fn a_release_that_cannot_be_read_is_listed_with_the_version_that_wrote_it_and_stops_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = two_releases(dir.path());
    by_another_version(&path, OTHER_PLAN);
    let mut journal = SqliteJournal::open(&path).unwrap();
    let listing = journal.list(10).unwrap();
    assert_eq!(listing.releases.iter().map(|summary| summary.id).collect::<Vec<_>>(), [ReleaseId(2)]);
    let [unread] = listing.unreadable.as_slice() else { panic!("{listing:?}") };
    let version = concat!("9.", env!("CARGO_PKG_VERSION"));
    assert_eq!(unread.writer.as_ref().map(|writer| writer.version.as_str()), Some(version));
    assert!(unread.is_of(Some("production"), Some("api")) && !unread.is_of(Some("staging"), None));
    let words = unread.to_string();
    for wanted in ["release 1 of api in production", version, "has not ended", "missing field", "finish it with"] {
        assert!(words.contains(wanted), "{wanted}: {words}");
    }
    assert_eq!(journal.unfinished().unwrap(), listing);
    assert!(matches!(journal.find(ReleaseId(1)), Err(JournalError::Unreadable(found)) if *found == *unread));
    let (id, _) = journal.create(&mut |_| plan(), &actor(), Timestamp::from_millis(9)).unwrap();
    assert_eq!((id, journal.records(id).unwrap()), (ReleaseId(3), Vec::new()));
}

#[test]
fn entries_of_another_version_and_newer_formats_are_not_read_and_its_own_are() {
    let dir = tempfile::tempdir().unwrap();
    let path = two_releases(dir.path());
    let newer = Writer { version: "9.1.0".to_owned(), format: super::super::format::FORMAT + 1 };
    let mut journal = SqliteJournal::open(&path).unwrap();
    let signed = Record { at: Timestamp::from_millis(9), entry: Entry::Writer(newer.clone()) };
    journal.append(ReleaseId(1), &[signed], Standing { status: "succeeded", ended: true }).unwrap();
    by_another_version(&path, "UPDATE records SET entry = '{\"told\":1}' WHERE release = 2 AND seq = 2");
    let unread = |id| match journal.records(ReleaseId(id)) {
        Err(JournalError::Unreadable(found)) => *found,
        other => panic!("{other:?}"),
    };
    let (taken_over, changed) = (unread(1), unread(2));
    assert_eq!(taken_over.writer, Some(newer));
    assert!(taken_over.ended && taken_over.to_string().contains("read it with that version"), "{taken_over}");
    assert_eq!(changed.writer, Some(Writer::this()));
    assert!(changed.why.contains("unknown variant"), "{changed}");
    // A whole release of a newer format is not looked into, even if it could be.
    let raise = format!(
        "UPDATE records SET entry = replace(entry, '\"format\":{}', '\"format\":99') WHERE seq = 0",
        super::super::format::FORMAT
    );
    by_another_version(&path, &raise);
    let listing = journal.list(10).unwrap();
    assert_eq!((listing.releases.len(), listing.unreadable.len()), (0, 2));
}

#[test]
fn a_version_that_goes_on_with_anothers_release_says_so_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = two_releases(dir.path());
    by_another_version(
        &path,
        "UPDATE records SET entry = replace(entry, '\"version\":\"', '\"version\":\"9.') WHERE seq = 0",
    );
    let mut journal = SqliteJournal::open(&path).unwrap();
    let release = |journal: &SqliteJournal| replay(ReleaseId(1), plan(), &journal.records(ReleaseId(1)).unwrap());
    let first = release(&journal);
    assert_eq!(sign(&mut journal, &first, Timestamp::from_millis(9)).unwrap(), 1);
    assert_eq!(journal.writer(ReleaseId(1)).unwrap(), Some(Writer::this()));
    let again = release(&journal);
    assert_eq!(sign(&mut journal, &again, Timestamp::from_millis(9)).unwrap(), 0);
    assert_ne!(journal.writer(ReleaseId(2)).unwrap(), Some(Writer::this()));
}

#[test]
fn engines_that_append_at_the_same_time_make_one_chain() {
    let dir = tempfile::tempdir().unwrap();
    let path = two_releases(dir.path());
    std::thread::scope(|scope| {
        for id in [1, 2] {
            let path = &path;
            scope.spawn(move || {
                let mut journal = SqliteJournal::open(path).unwrap();
                for millis in 0..50 {
                    let standing = Standing { status: "running", ended: false };
                    journal.append(ReleaseId(id), &[record(millis, Event::Ticked)], standing).unwrap();
                }
            });
        }
    });
    let findings = SqliteJournal::open(&path).unwrap().inspect(None).unwrap();
    assert_eq!((findings.problems.len(), findings.records), (0, 118), "{:?}", findings.problems);
}
