//! The warm hold, and what the next release makes of it.

use cutover::domain::ids::ReleaseId;
use cutover::domain::release::{Ending, Release, StageStatus};
use cutover::journal::sqlite::SqliteJournal;
use cutover::journal::{Journal as _, replay};
use rustix::process::Signal;
use tokio::time::sleep;

use crate::site::{IMAGE, Site};

const OTHER: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/api:4f2c1e9";

/// A release as the journal tells it.
fn kept(site: &Site, id: u64) -> Release {
    let journal = SqliteJournal::open(&site.journal().join("journal.sqlite")).unwrap();
    let id = ReleaseId(id);
    replay(id, journal.find(id).unwrap().plan, &journal.records(id).unwrap())
}

fn cleanup(release: &Release) -> StageStatus {
    release.stages.last().unwrap().status
}

fn blue(release: &Release) -> &str {
    release.plan.components.iter().next().unwrap().1.sides.as_ref().map(|sides| sides.blue.service.as_str()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_release_takes_the_place_of_one_that_only_keeps_blue_warm() {
    let site = Site::new(&[(r#"hold = "1s""#, r#"hold = "10m""#)]).await;
    site.release().await;
    // Before the hold it is refused, and the engine is left alone.
    site.until_green_serves().await;
    let engine = site.engine();
    let early = site.run(&["release", "demo", "--image", OTHER, "--detach"]).await;
    assert_eq!(early.code, 8, "{early:?}");
    assert_eq!(site.engine(), engine);
    let status = site.promote_to_the_hold().await;
    assert_eq!(status["exit_code"], 0, "all that is left is the hold");

    // From an engine that lives, and that is gone afterwards.
    let ran = site.run(&["release", "demo", "--image", OTHER, "--detach"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_ne!(site.engine(), engine);
    let first = kept(&site, 1);
    assert_eq!(first.ended.as_ref().map(|ended| ended.ending), Some(Ending::Succeeded));
    assert_eq!((cleanup(&first), blue(&first)), (StageStatus::Skipped, "api-blue"));
    assert_eq!(blue(&kept(&site, 2)), "api-green");
    let telling = first.in_flight.len();
    site.until("the first release's end is told", |_| kept(&site, 1).in_flight.is_empty()).await;
    assert!(telling > 0, "it was owed");

    // From one that was lost.
    site.promote_to_the_hold().await;
    site.end_engine(Signal::KILL).await;
    let ran = site.run(&["release", "demo", "--image", IMAGE, "--detach"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(cleanup(&kept(&site, 2)), StageStatus::Skipped);
    assert_eq!(blue(&kept(&site, 3)), "api-blue");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_is_finished_before_a_new_release_begins() {
    let site = Site::new(&[(r#"hold = "1s""#, r#"hold = "4s""#)]).await;
    site.release().await;
    let status = site.promote_to_the_hold().await;
    site.end_engine(Signal::KILL).await;
    assert_eq!(cleanup(&kept(&site, 1)), StageStatus::Running, "{status:#}");
    sleep(std::time::Duration::from_secs(4)).await;
    let ran = site.run(&["release", "demo", "--image", OTHER, "--detach"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let first = kept(&site, 1);
    assert_eq!(first.ended.as_ref().map(|ended| ended.ending), Some(Ending::Succeeded));
    assert_eq!(cleanup(&first), StageStatus::Passed, "{:#?}", first.timeline);
}
