//! Engines that die: the release stays where it is, and the next engine takes it up.

use std::time::Duration;

use cutover::domain::command::Actor;
use cutover::domain::event::Event;
use cutover::domain::ids::ReleaseId;
use cutover::domain::plan::Plan;
use cutover::journal::sqlite::SqliteJournal;
use cutover::journal::{Entry, Journal as _, Record, Standing, replay};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::time::{sleep, timeout};

use crate::site::{ASKS_FIRST, IMAGE, LONG_COMMAND, Site, finish, gone, is_alive};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_engine_is_taken_up_again_and_nothing_is_done_twice() {
    let site = Site::new(&[]).await;
    site.release().await;
    let mut watching = site.terminal(&["attach"]);
    watching.shows("RUNNING").await;
    site.until_green_serves().await;
    site.end_engine(Signal::KILL).await;
    let status = site.status().await;
    assert_eq!(status["engine"], false);
    watching.shows("run cutover again to recover").await;
    watching.press("q");
    let ended = watching.ends().await;
    ended.gave_the_terminal_back();
    assert!(ended.last_words().contains("is gone; `cutover attach` takes it up again."), "{}", ended.last_words());
    let said = site.run(&["status"]).await;
    assert!(said.out.contains("its engine is gone: `cutover attach` takes it up again"), "{said:?}");

    // The socket of the dead engine is still there, and misleads nobody.
    assert!(site.socket().exists());
    let mut terminal = site.terminal(&["attach"]);
    terminal.shows("WAITING").await;
    terminal.shows("observed 10 %").await;
    terminal.press("q");
    assert_eq!(terminal.ends().await.code, 0);

    site.end_engine(Signal::TERM).await;
    assert!(!site.socket().exists(), "an engine that was asked to end leaves no socket");
    assert_eq!(site.weights().await, [90, 10]);

    let ran = site.run(&["rollback", "--reason", "the captain says so"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("rollback: accepted by release 1 of api in demo"), "{ran:?}");
    let status = site.until("it has ended", |status| status["status"] == "rolled-back").await;
    assert_eq!((&status["exit_code"], &status["components"][0]["green"]["observed"]), (&4.into(), &0.into()));
    assert_eq!(site.run(&["status"]).await.code, 4);
    assert_eq!(site.weights().await, [100, 0]);
    assert_eq!(site.definitions().await, 2, "one that was there, and one registered, once");
    gone(site.engine()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_killed_while_it_goes_back_goes_back_all_the_same() {
    let site = Site::new(&[]).await;
    site.release().await;
    site.until_green_serves().await;
    let ran = site.run(&["rollback"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    site.end_engine(Signal::KILL).await;
    let terminal = site.terminal(&["attach"]);
    terminal.shows("ROLLED BACK").await;
    assert_eq!(site.status().await["exit_code"], 4);
    assert_eq!((site.weights().await, site.definitions().await), (vec![100, 0], 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_engine_had_running_ends_before_anything_goes_on() {
    let site = Site::new(&[LONG_COMMAND]).await;
    let headless = site.program(&["release", "demo", "--image", IMAGE, "--headless"]).spawn().unwrap();
    site.until("the command runs", |status| status["stages"][1]["status"] == "running").await;
    let group = site.path().join("group");
    site.until("the command has written its group", |_| {
        std::fs::read_to_string(&group).is_ok_and(|text| text.ends_with('\n'))
    })
    .await;
    let group = Pid::from_raw(std::fs::read_to_string(&group).unwrap().trim().parse().unwrap()).unwrap();
    let _leftovers = Leftovers(group);
    site.end_engine(Signal::KILL).await;
    assert!(is_alive(group), "the command was to outlive its engine");
    let watched = finish(headless).await;
    assert_eq!(watched.code, 1, "{watched:?}");
    assert!(watched.err.contains("the engine is gone; `cutover attach` takes the release up again"), "{watched:?}");

    let ran = site.run(&["rollback"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    gone(group).await;
    site.until("it has ended", |status| status["status"] == "aborted" || status["status"] == "rolled-back").await;
}

/// A process group that ends with the test, whatever the test comes to.
struct Leftovers(Pid);

impl Drop for Leftovers {
    fn drop(&mut self) {
        let _gone_already = kill_process_group(self.0, Signal::KILL);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_ended_release_still_owes_is_told_by_whoever_comes_next() {
    let site = Site::new(&[]).await;
    site.release().await;
    site.until_green_serves().await;
    assert_eq!(site.run(&["rollback"]).await.code, 0);
    site.until("it has ended", |status| status["status"] == "rolled-back").await;
    gone(site.engine()).await;
    // One that ended as its engine was lost, with every message still owed.
    let open = || SqliteJournal::open(&site.journal().join("journal.sqlite")).unwrap();
    let owing = {
        let mut journal = open();
        let plan = Plan { stages: Vec::new(), ..journal.find(ReleaseId(1)).unwrap().plan };
        let by = Actor { name: "captain".to_owned(), host: "bastion".to_owned() };
        let at = journal.find(ReleaseId(1)).unwrap().touched;
        let (id, _) = journal.create(&mut |_| plan.clone(), &by, at).unwrap();
        let record = Record { at, entry: Entry::Event(Event::Requested { by }) };
        journal.append(id, &[record], Standing { status: "succeeded", ended: true }).unwrap();
        id
    };
    let owed = || {
        let journal = open();
        let release = replay(owing, journal.find(owing).unwrap().plan, &journal.records(owing).unwrap());
        release.in_flight.len()
    };
    assert!(owed() > 0, "the example tells nobody");
    site.release().await;
    timeout(Duration::from_mins(1), async {
        while owed() > 0 {
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("nobody was told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_waits_for_a_phrase_still_waits_for_it_afterwards() {
    let site = Site::new(&[ASKS_FIRST]).await;
    site.release().await;
    site.until("the gate waits", |status| status["status"] == "waiting").await;
    site.end_engine(Signal::KILL).await;
    let wrong = site.run(&["approve", "gone"]).await;
    assert_eq!(wrong.code, 8, "{wrong:?}");
    let right = site.run(&["approve", "go"]).await;
    assert_eq!(right.code, 0, "{right:?}");
    site.until("the gate has passed", |status| status["stages"][0]["status"] == "passed").await;
}
