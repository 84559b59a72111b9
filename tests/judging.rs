//! The scenarios of the demo, judged by the request log and by CloudWatch alone: whole releases of the example configuration
//! against the simulated AWS, on paused time.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

#[expect(dead_code, reason = "benchmarks look at more of it")]
#[path = "../benches/support/release.rs"]
mod release;

use std::time::Duration;

use cutover::clock::Clock;
use cutover::domain::components::ComponentIndex;
use cutover::domain::ids::ReleaseId;
use cutover::domain::release::{Ending, Release, Status};
use cutover::domain::time::{Elapsed, Timestamp};
use cutover::engine::snapshot::Picture;
use cutover::journal::Journal as _;
use cutover::journal::sqlite::SqliteJournal;

const START: Timestamp = Timestamp::from_secs(1_795_170_000);

const API: ComponentIndex = ComponentIndex::FIRST;

/// What a release is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    LogAndMinutes,
    MinutesAlone,
}

/// How a release came out.
struct End {
    release: Release,
    picture: Option<Picture>,
    /// How long after green got traffic it went back, or was held.
    decided: Option<Duration>,
    told: String,
    _dir: tempfile::TempDir,
    journal: SqliteJournal,
}

impl End {
    fn ending(&self) -> Option<Ending> {
        self.release.ended.as_ref().map(|ended| ended.ending)
    }

    fn seconds(&self) -> u64 {
        self.decided.unwrap_or_else(|| panic!("nothing was decided: {}", self.told)).as_secs()
    }
}

/// Runs a scenario until it ends or waits for a human.
fn run(scenario: &str, by: By) -> End {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("journal.sqlite");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (release, picture) = runtime.block_on(async {
        let journal = Box::new(SqliteJournal::open(&file).unwrap());
        let staged = release::stage(scenario, Clock::starting_at(START, 1.0), journal, |plan, _| {
            if by == By::MinutesAlone {
                plan.components.iter_mut().for_each(|(_, component)| component.logs.clear());
            }
        });
        let staged = staged.await.unwrap();
        let handle = staged.hub.attach();
        let engine = tokio::spawn(staged.engine.run());
        let mut snapshots = handle.snapshot.clone();
        let over = snapshots.wait_for(|snapshot| {
            let release = &snapshot.release;
            let is_asking = release.status() == Status::Waiting || release.hold.is_some();
            release.ended.is_some() || is_asking
        });
        let last = over.await.unwrap().clone();
        staged.stop.stop();
        drop(engine.await.unwrap().unwrap());
        (Release::clone(&last.release), last.components[API].compared.as_deref().cloned())
    });
    let began = release.components[API].traffic.green_since;
    let back = release.unwinding.as_ref().map(|unwinding| unwinding.since);
    let at = back.or(release.hold.as_ref().map(|hold| hold.since));
    let lines = release.timeline.iter().map(|moment| format!("\n{} {}", Elapsed(moment.at.since(START)), moment.text));
    End {
        decided: at.zip(began).map(|(at, began)| at.since(began)),
        told: lines.collect(),
        picture,
        release,
        journal: SqliteJournal::open(&file).unwrap(),
        _dir: dir,
    }
}

#[test]
fn probe() {
    for scenario in ["errors", "subtle", "slow", "cold-start", "dependency", "healthy", "quiet"] {
        for by in [By::LogAndMinutes, By::MinutesAlone] {
            let begun = std::time::Instant::now();
            let end = run(scenario, by);
            println!(
                "{scenario} {by:?}: {:?} {:?} after {:?} in {:?}{}",
                end.ending(),
                end.release.status(),
                end.decided,
                begun.elapsed(),
                end.told
            );
            if let Some(p) = &end.picture {
                println!(
                    "{:?} {:?} {:?} {:?}",
                    p.judgement.recommendation, p.judgement.evidence, p.judgement.reason, p.judgement.requests
                );
                println!("{:?}\n{:?}\n{:?}\n{:?}", p.green, p.blue, p.judgement.findings, p.judgement.allowed_factor);
            }
            let size: usize = end
                .journal
                .records(ReleaseId(1))
                .unwrap()
                .iter()
                .map(|r| serde_json::to_string(r).unwrap().len())
                .sum();
            println!("journal {size}");
        }
    }
}
