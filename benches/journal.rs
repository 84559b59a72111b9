//! What it costs to keep something: one append is one transaction with one sync, and the seals of its records.

use std::error::Error;

use cutover::app::fixture;
use cutover::domain::components::ComponentIndex;
use cutover::domain::event::Event;
use cutover::domain::evidence::Evidence;
use cutover::domain::observed::Seen;
use cutover::domain::time::Timestamp;
use cutover::journal::chain::{Link, Seal};
use cutover::journal::sqlite::SqliteJournal;
use cutover::journal::{Entry, Journal as _, Record, Standing};
use divan::{Bencher, black_box};

const STANDING: Standing<'static> = Standing { status: "running", ended: false };

fn main() {
    divan::main();
}

/// What a decision leaves: verdicts, evidence, and a tick.
fn records() -> Vec<Record> {
    let release = fixture::release(fixture::Scene::Baking);
    let evidence = Evidence::of(&release, Some("arn:aws:sts::123456789012:assumed-role/release-captain/captain"));
    let verdicts = release.components[ComponentIndex::FIRST].verdicts.clone();
    let judged = Event::Judged { component: ComponentIndex::FIRST, verdicts };
    [Entry::Event(judged), Entry::Seen(Seen::Evidence(evidence)), Entry::Event(Event::Ticked)]
        .map(|entry| Record { at: Timestamp::from_secs(5), entry })
        .into()
}

fn journal(dir: &std::path::Path) -> Result<SqliteJournal, Box<dyn Error>> {
    let mut journal = SqliteJournal::open(&dir.join("journal.sqlite"))?;
    journal.create(&mut |_| fixture::plan(), &fixture::operator(), Timestamp::default())?;
    Ok(journal)
}

/// Three records to the disk, as an engine waits for them before it acts.
#[divan::bench(sample_count = 200)]
fn append(bencher: Bencher<'_, '_>) {
    let Ok(dir) = tempfile::tempdir() else { return };
    let Ok(mut journal) = journal(dir.path()) else { return };
    let records = records();
    let id = cutover::domain::ids::ReleaseId(1);
    bencher.bench_local(|| journal.append(id, black_box(&records), STANDING));
}

/// The seal of one record of the usual size.
#[divan::bench]
fn seal(bencher: Bencher<'_, '_>) {
    let entries: Vec<String> =
        records().iter().filter_map(|record| serde_json::to_string(&record.entry).ok()).collect();
    let Some(entry) = entries.first() else { return };
    let link = Link { number: 7, release: 1, seq: 3, at: 5, status: "running", ended: false, entry };
    let prev = Seal::of(b"before");
    bencher.bench_local(|| black_box(link).seal(black_box(prev)));
}

/// Whether a journal of a thousand records is still the one that was written.
#[divan::bench(sample_count = 20)]
fn inspect_a_thousand(bencher: Bencher<'_, '_>) {
    let Ok(dir) = tempfile::tempdir() else { return };
    let Ok(mut journal) = journal(dir.path()) else { return };
    let many: Vec<Record> = records().into_iter().cycle().take(1_000).collect();
    let kept = journal.append(cutover::domain::ids::ReleaseId(1), &many, STANDING);
    if kept.is_ok() {
        bencher.bench_local(|| journal.inspect(None).map(|findings| findings.problems.len()));
    }
}
