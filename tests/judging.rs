//! The scenarios of the demo, judged by the request log and by CloudWatch alone: whole releases of the example configuration
//! against the simulated AWS, on paused time.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[expect(dead_code, reason = "benchmarks look at more of it")]
#[path = "../benches/support/release.rs"]
mod release;

use std::time::Duration;

use cutover::clock::Clock;
use cutover::domain::components::ComponentIndex;
use cutover::domain::event::Event;
use cutover::domain::ids::ReleaseId;
use cutover::domain::observed::Seen;
use cutover::domain::percent::Percent;
use cutover::domain::release::{Ending, Release, Status};
use cutover::domain::time::{Elapsed, Timestamp};
use cutover::engine::snapshot::{Picture, Recommendation};
use cutover::journal::sqlite::SqliteJournal;
use cutover::journal::{Entry, Journal as _};
use cutover::judge::live::Live;
use cutover::judge::tick::Tick;

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
    run_at(1.0, scenario, by)
}

/// The same on a clock that runs so many times as fast as the engine expects real time to run.
fn run_at(speed: f64, scenario: &str, by: By) -> End {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("journal.sqlite");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (release, picture) = runtime.block_on(async {
        let journal = Box::new(SqliteJournal::open(&file).unwrap());
        let staged = release::stage(scenario, Clock::starting_at(START, speed), journal, |plan, _| {
            if by == By::MinutesAlone {
                for (_, component) in plan.components.iter_mut() {
                    component.logs.clear();
                }
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

/// What the journal alone makes of the requests.
fn judged_again(end: &End) -> Picture {
    let mut live = Live::of(&end.release.plan, API);
    for record in end.journal.records(ReleaseId(1)).unwrap() {
        match record.entry {
            Entry::Event(Event::WeightObserved { green, .. }) => live.weigh(f64::from(green.get()) / 100.0, record.at),
            Entry::Seen(Seen::Requests(requests)) => {
                for tick in &requests.ticks {
                    live.take(&Tick::from(tick));
                }
            }
            _ => {}
        }
    }
    live.picture().unwrap()
}

#[test]
fn errors_go_back_within_seconds_and_the_journal_comes_to_the_same() {
    let (log, minutes) = (run("errors", By::LogAndMinutes), run("errors", By::MinutesAlone));
    assert_eq!(log.ending(), Some(Ending::RolledBack), "{}", log.told);
    assert!(log.told.contains("rolling back: errors: worse than blue, proved after"), "{}", log.told);
    assert!(log.told.contains("CloudWatch has no minute of it yet"), "{}", log.told);
    assert!(log.seconds() <= 30, "{}", log.told);
    // Three times as soon is the least that is promised.
    assert!(3 * log.seconds() <= minutes.seconds(), "{} s and {} s", log.seconds(), minutes.seconds());
    let picture = log.picture.as_ref().unwrap();
    assert_eq!(picture.judgement.recommendation, Recommendation::RollBack);
    assert!(picture.judgement.evidence >= picture.judgement.needed);
    assert_eq!(judged_again(&log).judgement, picture.judgement);
}

#[test]
fn a_slightly_worse_version_goes_back_where_cloudwatch_alone_asks_a_human() {
    let (log, minutes) = (run("subtle", By::LogAndMinutes), run("subtle", By::MinutesAlone));
    assert_eq!(log.ending(), Some(Ending::RolledBack), "{}", log.told);
    assert!(log.told.contains("and no one task explains it"), "{}", log.told);
    assert!(log.seconds() <= 300, "{}", log.told);
    assert_eq!(minutes.release.status(), Status::Paused, "{}", minutes.told);
}

#[test]
fn a_slow_version_goes_back_once_it_can_be_no_cold_start() {
    let (log, minutes) = (run("slow", By::LogAndMinutes), run("slow", By::MinutesAlone));
    assert_eq!(log.ending(), Some(Ending::RolledBack), "{}", log.told);
    assert!(log.told.contains("rolling back: latency-p99: worse than blue, proved after"), "{}", log.told);
    assert!(log.seconds() > 120 && log.seconds() < minutes.seconds(), "{}", log.told);
}

/// A version that is as good as blue reaches all users, and nothing ever spoke against it for long.
fn succeeds(scenario: &str) {
    let end = run(scenario, By::LogAndMinutes);
    assert_eq!(end.ending(), Some(Ending::Succeeded), "{scenario}: {}", end.told);
    let picture = end.picture.as_ref().unwrap();
    let most = picture.track.iter().map(|moment| moment.evidence).fold(0.0, f64::max);
    assert!(most < picture.judgement.needed, "{scenario}: evidence of {most}");
    assert_eq!(judged_again(&end).judgement, picture.judgement, "{scenario}");
}

#[test]
fn a_good_version_is_not_taken_back() {
    succeeds("healthy");
}

#[test]
fn where_logs_are_read_once_a_minute_the_outcomes_are_the_same() {
    for (scenario, ending) in
        [("slow", Ending::RolledBack), ("subtle", Ending::RolledBack), ("healthy", Ending::Succeeded)]
    {
        let end = run_at(60.0, scenario, By::LogAndMinutes);
        assert_eq!(end.ending(), Some(ending), "{scenario}: {}", end.told);
        let cause = if scenario == "slow" { "rolling back: latency-p99" } else { "rolling back: errors" };
        assert_eq!(end.told.contains(cause), ending == Ending::RolledBack, "{scenario}: {}", end.told);
        assert_eq!(judged_again(&end).judgement, end.picture.as_ref().unwrap().judgement, "{scenario}");
    }
}

#[test]
fn what_fails_both_alike_is_not_greens() {
    succeeds("dependency");
}

#[test]
fn a_cold_start_is_waited_for() {
    succeeds("cold-start");
}

#[test]
fn too_few_requests_are_waited_for_and_then_a_human_is_asked() {
    let end = run("quiet", By::LogAndMinutes);
    assert_eq!(end.release.status(), Status::Waiting, "{}", end.told);
    assert!(end.told.contains("waiting for a human: 10 % has not enough evidence"), "{}", end.told);
    // Its bake of five minutes, and the whole of the patience.
    let waited = end.release.stages.iter().filter_map(|stage| stage.started).max().unwrap();
    let asked = end.release.timeline.last().unwrap().at;
    assert!(asked.since(waited) >= Duration::from_mins(15), "{}", end.told);
    assert_eq!(end.release.components[API].traffic.observed.map(Percent::get), Some(10));
    let judgement = &end.picture.as_ref().unwrap().judgement;
    assert_eq!(judgement.recommendation, Recommendation::Continue);
    assert!(judgement.detectable.excess.is_none_or(|excess| excess > 0.05), "{:?}", judgement.detectable);
}
