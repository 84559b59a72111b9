//! How long the state machine takes over one event: journals of whole releases, told again from the beginning.

#[expect(dead_code, reason = "the tests of the budgets look at more of it")]
#[path = "support/release.rs"]
mod release;

use cutover::clock::Clock;
use cutover::domain::event::Event;
use cutover::domain::ids::ReleaseId;
use cutover::domain::machine::step;
use cutover::domain::plan::Plan;
use cutover::domain::release::Release;
use cutover::domain::time::Timestamp;
use cutover::journal::sqlite::SqliteJournal;
use cutover::journal::{Entry, Journal as _};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

const START: Timestamp = Timestamp::from_secs(1_795_170_000);

/// One that succeeds, and one that is rolled back.
const SCENARIOS: [&str; 2] = ["healthy", "errors"];

type Journal = (Plan, Vec<(Event, Timestamp)>);

fn main() {
    divan::main();
}

/// Runs the scenario on paused time, and reads its journal.
fn journal(scenario: &str) -> Result<Journal, release::Failure> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("journal.sqlite");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    runtime.block_on(async {
        let journal = Box::new(SqliteJournal::open(&file)?);
        let staged = release::stage(scenario, Clock::starting_at(START, 1.0), journal, |_, _| {}).await?;
        staged.engine.run().await?;
        Ok::<_, release::Failure>(())
    })?;
    let journal = SqliteJournal::open(&file)?;
    let plan = journal.find(ReleaseId(1))?.plan;
    let events = journal.records(ReleaseId(1))?.into_iter().filter_map(|record| match record.entry {
        Entry::Event(event) => Some((event, record.at)),
        Entry::Intent(_)
        | Entry::Refused { .. }
        | Entry::Accepted { .. }
        | Entry::Started { .. }
        | Entry::Seen(_)
        | Entry::Writer(_) => None,
    });
    Ok((plan, events.collect()))
}

/// All events of a release, the verdicts among them: the time of one is the reciprocal of the items per second.
#[divan::bench(args = SCENARIOS)]
fn whole_release(bencher: Bencher<'_, '_>, scenario: &str) {
    let Ok((plan, events)) = journal(scenario) else { return };
    bencher
        .counter(ItemsCount::new(events.len()))
        .with_inputs(|| (Release::planned(ReleaseId(1), plan.clone()), events.clone()))
        .bench_local_values(|(mut release, events)| {
            for (event, at) in events {
                let _reaction = black_box(step(&mut release, event, at));
            }
            release
        });
}

/// A reading that says what is known already, as most do: the last verdicts once more, in the middle of a bake.
#[divan::bench]
fn verdicts_again(bencher: Bencher<'_, '_>) {
    let Ok((plan, events)) = journal("healthy") else { return };
    let middle = events.len() / 2;
    let mut release = Release::planned(ReleaseId(1), plan);
    let mut judged = None;
    for (event, at) in events.into_iter().take(middle) {
        if matches!(event, Event::Judged { .. }) {
            judged = Some((event.clone(), at));
        }
        let _reaction = step(&mut release, event, at);
    }
    let Some((event, at)) = judged else { return };
    bencher.with_inputs(|| event.clone()).bench_local_values(|event| black_box(step(&mut release, event, at)));
}
