//! Whole releases on paused time, looked back at: the account, the figures, the incident report, the replay and the
//! audit trail must tell of what happened, from the journal alone.

#[expect(dead_code, reason = "benchmarks look at more of it")]
#[path = "../benches/support/release.rs"]
mod release;

use std::path::{Path, PathBuf};
use std::time::Duration;

use cutover::clock::Clock;
use cutover::domain::components::ComponentIndex;
use cutover::domain::ids::ReleaseId;
use cutover::domain::log::request::Format;
use cutover::domain::metrics::metrics;
use cutover::domain::observed::Seen;
use cutover::domain::percent::Percent;
use cutover::domain::release::{Ending, Release};
use cutover::domain::signal::Ruling;
use cutover::domain::time::Timestamp;
use cutover::engine::replay::Tape;
use cutover::journal::account::Account;
use cutover::journal::audit::Answer;
use cutover::journal::sqlite::SqliteJournal;
use cutover::journal::{Entry, Journal as _, replay};

const START: Timestamp = Timestamp::from_secs(1_795_170_000);

type Outcome = Result<(), release::Failure>;

/// What a release is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judged {
    /// As it is by default.
    ByRequestsAndMinutes,
    /// By CloudWatch alone, which takes so long that there is something to look back at.
    ByMinutes,
}

/// Runs a scenario to its end with a journal below `dir`; the journal and the release as its engine left it.
fn run(scenario: &str, judged: Judged, dir: &Path) -> Result<(SqliteJournal, PathBuf, Release), release::Failure> {
    let file = dir.join("journal.sqlite");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    let left = runtime.block_on(async {
        let journal = Box::new(SqliteJournal::open(&file)?);
        let clock = Clock::starting_at(START, 1.0);
        let staged = release::stage(scenario, clock, journal, |plan, _| {
            if judged == Judged::ByMinutes {
                // Its log lines are not of this format: nobody reads requests from them.
                plan.components.iter_mut().for_each(|(_, component)| component.requests.format = Format::Common);
            }
        });
        let staged = staged.await?;
        Ok::<_, release::Failure>(staged.engine.run().await?.release)
    })?;
    Ok((SqliteJournal::open(&file)?, file, left))
}

fn account(journal: &SqliteJournal) -> Result<Account, release::Failure> {
    let summary = journal.find(ReleaseId(1))?;
    Ok(Account::of(&summary, &journal.numbered(ReleaseId(1))?))
}

#[test]
fn a_rollback_is_told_in_full() -> Outcome {
    let dir = tempfile::tempdir()?;
    let (journal, _, left) = run("errors", Judged::ByMinutes, dir.path())?;
    let account = account(&journal)?;
    assert_eq!(account.status, "rolled-back");
    let back = left.unwinding.as_ref().ok_or("it did not go back")?;
    assert_eq!((account.timing.decided, account.timing.restored), (Some(back.since), back.restored));
    let rollback = account.timing.rollback().ok_or("there is no rollback time")?;
    assert!(rollback < Duration::from_secs(30), "{rollback:?}");
    let harmed = account.timing.harmed.ok_or("nothing shows harm")?;
    let exposed = left.components[ComponentIndex::FIRST].traffic.green_since.ok_or("green never had traffic")?;
    assert!(exposed <= harmed && harmed < back.since, "{:?}: harm is seen later than it is done", account.timing);
    assert_eq!(account.timing.deployed, None);

    let decision = account.acts.iter().find(|act| act.answer == Answer::Decided).ok_or("nobody decided")?;
    assert_eq!((decision.action.as_str(), decision.at), ("rollback", back.since));
    let evidence = decision.evidence.as_ref().ok_or("it was decided on no evidence")?;
    assert_eq!(evidence.components[0].set.get(), 10);
    assert!(evidence.components[0].verdicts.iter().any(|ruled| ruled.ruling == Ruling::Fail), "{evidence:?}");
    assert!(evidence.acting.as_deref().is_some_and(|arn| arn.starts_with("arn:aws")), "{evidence:?}");

    let weights: Vec<u8> = account.weights.iter().filter_map(|change| change.observed).map(Percent::get).collect();
    assert_eq!((weights.contains(&10), weights.last()), (true, Some(&0)), "{weights:?}");
    assert!(account.verdicts.iter().any(|change| change.ruling == Ruling::Fail));
    assert!(account.stages.iter().any(|stage| stage.started.is_some() && stage.ended.is_some()));
    assert_eq!(account.timeline.len(), left.timeline.len());
    assert!(!account.errors.is_empty(), "green wrote errors, and none was kept");
    let run = account.run().ok_or("it has ended")?;
    let figures = metrics(&[run], START, START + Duration::from_hours(24));
    assert_eq!((figures.failed_changes, figures.change_failure_percent), (1, Some(100.0)));
    Ok(())
}

#[test]
fn the_report_is_written_without_being_asked_for_and_is_complete() -> Outcome {
    let dir = tempfile::tempdir()?;
    let (journal, _, _) = run("errors", Judged::ByMinutes, dir.path())?;
    let below = journal.incidents().ok_or("reports go nowhere")?;
    let page = std::fs::read_to_string(below.join("release-1.md"))?;
    for wanted in ["Why it went back", "| errors | fail |", "## Last errors of green", "## Signals around the decision"]
    {
        assert!(page.contains(wanted), "{wanted} is missing:\n{page}");
    }
    let json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(below.join("release-1.json"))?)?;
    assert_eq!((&json["is_complete"], &json["account"]["status"]), (&true.into(), &"rolled-back".into()));
    let windows = json["window"].as_array().ok_or("nothing was measured")?;
    let errors = windows.iter().find(|window| window["signal"] == "errors").ok_or("errors were not measured")?;
    let worst = errors["green"].as_array().into_iter().flatten().filter_map(|point| point["value"].as_f64());
    assert!(worst.fold(0.0, f64::max) > 5.0, "{errors}");
    Ok(())
}

#[test]
fn why_tasks_stopped_is_in_the_report_of_a_release_that_failed_before_any_traffic() -> Outcome {
    let dir = tempfile::tempdir()?;
    let (journal, _, left) = run("crash-loop", Judged::ByRequestsAndMinutes, dir.path())?;
    assert_eq!(left.ended.map(|ended| ended.ending), Some(Ending::Failed));
    let account = account(&journal)?;
    assert!(!account.stopped_tasks.is_empty(), "{:?}", account.timeline);
    let below = journal.incidents().ok_or("reports go nowhere")?;
    let page = std::fs::read_to_string(below.join("release-1.md"))?;
    let task = &account.stopped_tasks[0].task;
    assert!(page.contains(task.as_str()), "{page}");
    Ok(())
}

#[test]
fn that_the_report_cannot_be_written_changes_nothing() -> Outcome {
    let dir = tempfile::tempdir()?;
    // A file where the directory is to be.
    std::fs::write(dir.path().join("incidents"), "")?;
    let (_, _, left) = run("errors", Judged::ByMinutes, dir.path())?;
    assert_eq!(left.ended.map(|ended| ended.ending), Some(Ending::RolledBack));
    Ok(())
}

#[test]
fn a_success_has_its_times_apart_and_no_incident() -> Outcome {
    let dir = tempfile::tempdir()?;
    let (journal, file, left) = run("healthy", Judged::ByRequestsAndMinutes, dir.path())?;
    let account = account(&journal)?;
    let timing = account.timing;
    let begun = account.begun.ok_or("it never began")?;
    let deployed = timing.deployed.ok_or("green never had all traffic")?;
    assert_eq!(timing.deployment(), Some(deployed.since(begun)), "working and waiting add up");
    assert_eq!(timing.waiting, Duration::ZERO, "nobody was asked");
    assert!(account.ended.is_some_and(|ended| ended > deployed), "it is watched and cleaned up after that");
    assert_eq!((timing.decided, timing.harmed, timing.restored), (None, None, None));
    assert!(!journal.incidents().is_some_and(|dir| dir.exists()), "there is a report and no incident");

    // Everything is still as it was written, and what replays is what its engine left.
    assert_eq!(journal.inspect(None)?.problems, []);
    let records = journal.records(ReleaseId(1))?;
    let summary = journal.find(ReleaseId(1))?;
    assert_eq!(replay(ReleaseId(1), summary.plan.clone(), &records), left);

    let size = |kept: &dyn Fn(&Entry) -> bool| -> usize {
        let texts =
            records.iter().filter(|record| kept(&record.entry)).map(|record| serde_json::to_string(&record.entry));
        texts.map(|text| text.map_or(0, |text| text.len())).sum()
    };
    let (all, seen) = (size(&|_| true), size(&|entry| matches!(entry, Entry::Seen(_))));
    let minutes = summary.touched.since(summary.created).as_secs() / 60;
    let on_disk = std::fs::metadata(&file)?.len();
    let points = size(&|entry| matches!(entry, Entry::Seen(Seen::Points(_))));
    let lines = size(&|entry| matches!(entry, Entry::Seen(Seen::Lines(_))));
    println!(
        "{} records in {minutes} min: {all} bytes, of them {seen} seen ({points} points, {lines} lines); {on_disk} bytes on \
         disk",
        records.len()
    );
    assert!(seen < 400_000, "{seen} bytes of what was seen in {minutes} minutes");
    Ok(())
}

#[test]
fn a_replay_shows_what_was_measured_and_ends_where_the_release_did() -> Outcome {
    let dir = tempfile::tempdir()?;
    let (journal, _, left) = run("errors", Judged::ByMinutes, dir.path())?;
    let summary = journal.find(ReleaseId(1))?;
    let mut tape = Tape::new(&summary, journal.records(ReleaseId(1))?);
    let mut statuses = Vec::new();
    let (mut points, mut lines, mut moments) = (0, 0, 0);
    while let Some(at) = tape.next_moment() {
        lines += tape.wind_to(at).len();
        moments += 1;
        let shown = tape.snapshot(1.0, false);
        assert_eq!(shown.at, at);
        statuses.push(shown.release.status().word());
        points = shown.components[ComponentIndex::FIRST]
            .series
            .iter()
            .map(|series| series.green.len() + series.blue.len())
            .max()
            .unwrap_or(0);
    }
    statuses.dedup();
    assert!(statuses.ends_with(&["running", "rolling-back", "rolled-back"]), "{statuses:?}");
    assert!(moments > 5 && points > 10 && lines > 10, "{moments} moments, {points} points, {lines} lines");
    tape.wind_to(summary.touched);
    let last = tape.snapshot(1.0, false);
    assert_eq!(*last.release, left);
    let api = &last.components[ComponentIndex::FIRST];
    assert!(api.toll.green_requests > 0 && !api.alarms.is_empty());
    Ok(())
}
