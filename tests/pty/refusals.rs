//! What is refused, and how it is said.

use std::io::Write as _;

use cutover::engine::socket::{Hello, PROTOCOL};
use rustix::process::{Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::site::{ASKS_FIRST, IMAGE, Site, configuration, is_holding};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_engine_is_refused_and_told_who_holds_the_service() {
    let site = Site::new(&[ASKS_FIRST]).await;
    site.release().await;
    let second = site.run(&["release", "demo", "--image", IMAGE, "--detach"]).await;
    assert_eq!(second.code, 8, "{second:?}");
    let engine = site.engine().as_raw_nonzero();
    for part in ["a release of api in demo", "by captain", &format!("process {engine}"), "`cutover attach` joins it"] {
        assert!(second.err.contains(part), "no {part:?} in {second:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_for_a_release_that_has_changed_is_refused() {
    let site = Site::new(&[ASKS_FIRST]).await;
    site.release().await;
    let status = site.until("the gate waits", |status| status["status"] == "waiting").await;
    let seen = status["revision"].to_string();
    let paused = site.run(&["pause"]).await;
    assert_eq!(paused.code, 0, "{paused:?}");
    let resumed = site.run(&["resume"]).await;
    assert_eq!(resumed.code, 0, "{resumed:?}");
    for order in [["promote", "--if-revision", &seen].as_slice(), &["approve", "go", "--if-revision", &seen]] {
        let stale = site.run(order).await;
        assert_eq!(stale.code, 8, "{stale:?}");
        assert!(stale.err.contains("captain"), "who changed it is not said: {stale:?}");
    }
    let now = site.status().await["revision"].to_string();
    let fresh = site.run(&["approve", "go", "--if-revision", &now]).await;
    assert_eq!(fresh.code, 0, "{fresh:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_that_would_take_blue_down_is_asked_for() {
    let site = Site::new(&[(r#"hold = "1s""#, r#"hold = "10m""#)]).await;
    site.release().await;
    site.promote_to_the_hold().await;
    let asked = site.run(&["promote"]).await;
    assert_eq!(asked.code, 8, "{asked:?}");
    assert!(asked.out.contains("will: end the warm hold: blue (6 tasks of api-blue) is scaled down now"), "{asked:?}");
    assert!(asked.err.contains("say --yes"), "{asked:?}");
    assert!(is_holding(&site.status().await));
    let agreed = site.run(&["promote", "--yes"]).await;
    assert_eq!(agreed.code, 0, "{agreed:?}");
    assert!(agreed.out.contains("the warm hold ends: blue is scaled down now"), "{agreed:?}");
    site.until("it has ended", |status| status["status"] == "succeeded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_changed_read_only() {
    let site = Site::new(&[ASKS_FIRST]).await;
    let refused = site.run(&["--read-only", "release", "demo", "--image", IMAGE, "--detach"]).await;
    assert_eq!(refused.code, 8, "{refused:?}");
    assert!(refused.err.contains("read-only"), "{refused:?}");
    site.release().await;
    let refused = site.run(&["--read-only", "rollback"]).await;
    assert_eq!(refused.code, 8, "{refused:?}");
    assert!(refused.err.contains("read-only"), "{refused:?}");

    // What the file says holds for a cockpit, too.
    let text = configuration(&[ASKS_FIRST, ("ascii = false", "ascii = true")]);
    std::fs::write(site.path().join("looking.toml"), format!("read_only = true\n{text}")).unwrap();
    let mut terminal = site.terminal(&["--config", "looking.toml", "attach"]);
    terminal.shows("WAITING").await;
    assert!(!terminal.screen().contains('╭'), "{}", terminal.screen());
    terminal.press("R");
    terminal.shows("the settings say read-only").await;
    terminal.press("\x03");
    terminal.ends().await.gave_the_terminal_back();

    // Nor is a lost engine replaced by one that acts.
    site.end_engine(Signal::KILL).await;
    let refused = site.run(&["--read-only", "attach"]).await;
    assert_eq!(refused.code, 8, "{refused:?}");
    assert_eq!(site.status().await["engine"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_another_account_release_nothing() {
    let site = Site::new(&[("123456789012", "111122223333")]).await;
    let refused = site.run(&["release", "demo", "--image", IMAGE, "--detach"]).await;
    assert_eq!(refused.code, 8, "{refused:?}");
    let words = "these credentials are of account 123456789012";
    assert!(
        refused.err.contains(words) && refused.err.contains("the environment is account 111122223333"),
        "{refused:?}"
    );
    assert_eq!(site.definitions().await, 1);
    let history = site.run(&["history"]).await;
    assert!(history.out.contains("nothing has been released yet"), "{history:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_of_another_protocol_is_told_apart_from_none() {
    let site = Site::new(&[]).await;
    site.berth().prepare().unwrap();
    let listener = UnixListener::bind(site.socket()).unwrap();
    let stranger = tokio::spawn(async move {
        let hello = Hello { program: "cutover".to_owned(), version: "9.8.7".to_owned(), protocol: PROTOCOL + 1 };
        let hello = format!("{}\n", serde_json::to_string(&hello).unwrap());
        loop {
            let (mut face, _) = listener.accept().await.unwrap();
            face.write_all(hello.as_bytes()).await.unwrap();
        }
    });
    for verb in ["status", "attach", "rollback"] {
        let ran = site.run(&[verb]).await;
        assert_eq!(ran.code, 8, "{verb}: {ran:?}");
        let words = ["the engine is cutover 9.8.7", "attach with the version that began the release"];
        assert!(words.iter().all(|words| ran.err.contains(words)), "{verb}: {ran:?}");
    }
    stranger.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_face_of_another_protocol_gets_a_greeting_and_no_more() {
    let site = Site::new(&[ASKS_FIRST]).await;
    site.release().await;
    let mut face = BufReader::new(UnixStream::connect(site.socket()).await.unwrap());
    let mut lines = String::new();
    face.read_line(&mut lines).await.unwrap();
    let hello: Hello = serde_json::from_str(&lines).unwrap();
    assert_eq!((hello.program.as_str(), hello.protocol), ("cutover", PROTOCOL));
    let ours = Hello { protocol: PROTOCOL + 1, ..hello };
    face.write_all(format!("{}\n", serde_json::to_string(&ours).unwrap()).as_bytes()).await.unwrap();
    lines.clear();
    assert_eq!(face.read_line(&mut lines).await.unwrap(), 0, "{lines}");
    assert_eq!(site.status().await["engine"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_nobody_listens_at_confuses_nobody() {
    let site = Site::new(&[ASKS_FIRST]).await;
    site.berth().prepare().unwrap();
    drop(std::os::unix::net::UnixListener::bind(site.socket()).unwrap());
    let status = site.run(&["status"]).await;
    assert!(status.code == 0 && status.out.starts_with("nothing has been released yet"), "{status:?}");
    site.release().await;
    assert_eq!(site.status().await["engine"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_cannot_be_used_is_named_and_left_alone() {
    let site = Site::new(&[]).await;
    let file = site.journal().join("journal.sqlite");
    std::fs::create_dir(site.journal()).unwrap();
    let name = file.display().to_string();
    let refuses = async |words: &str| {
        for order in
            [["status"].as_slice(), &["history"], &["attach"], &["release", "demo", "--image", IMAGE, "--detach"]]
        {
            let ran = site.run(order).await;
            assert_eq!(ran.code, 1, "{order:?}: {ran:?}");
            assert!(ran.err.contains(&name) && ran.err.contains(words), "{order:?}: {ran:?}");
        }
    };

    std::fs::File::create(&file).unwrap().write_all(&[b'x'; 8_192]).unwrap();
    refuses("cannot be opened").await;
    assert_eq!(std::fs::read(&file).unwrap(), [b'x'; 8_192]);

    std::fs::remove_file(&file).unwrap();
    rusqlite::Connection::open(&file).unwrap().pragma_update(None, "user_version", 99).unwrap();
    refuses("has format 99").await;

    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    refuses("cannot be opened").await;
    assert_eq!(site.definitions().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_stopped_is_said_not_to_answer() {
    let site = Site::new(&[ASKS_FIRST]).await;
    site.release().await;
    kill_process(site.engine(), Signal::STOP).unwrap();
    for verb in ["status", "rollback"] {
        let ran = site.run(&[verb]).await;
        assert_eq!(ran.code, 8, "{verb}: {ran:?}");
        assert!(ran.err.contains("does not answer"), "{verb}: {ran:?}");
    }
    kill_process(site.engine(), Signal::CONT).unwrap();
    assert_eq!(site.run(&["rollback"]).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_of_another_version_is_named_with_it_and_stops_new_ones_only_until_it_has_ended() {
    let site = Site::new(&[ASKS_FIRST]).await;
    site.release().await;
    site.until("the gate waits", |status| status["status"] == "waiting").await;
    site.end_engine(Signal::KILL).await;
    // As a version would leave it whose plans are of another shape.
    let behind = || rusqlite::Connection::open(site.journal().join("journal.sqlite")).unwrap();
    let harm = "UPDATE releases SET plan = '{\"steps\": []}';
                UPDATE records SET entry = replace(entry, '\"version\":\"', '\"version\":\"9.') WHERE seq = 0";
    behind().execute_batch(harm).unwrap();
    let writer = format!("written by cutover 9.{} (release format", env!("CARGO_PKG_VERSION"));
    let begin = ["release", "demo", "--image", IMAGE, "--detach"];
    for refused in [&begin[..], &["attach"], &["status"], &["history", "show", "1"]] {
        let ran = site.run(refused).await;
        assert_eq!(ran.code, 8, "{refused:?}: {ran:?}");
        for part in ["release 1 of api in demo, which has not ended", &writer, "finish it with that version"] {
            assert!(ran.err.contains(part), "{refused:?}: no {part:?} in {ran:?}");
        }
    }
    behind().execute_batch("UPDATE records SET status = 'failed', ended = 1").unwrap();
    let history = site.run(&["history"]).await;
    assert_eq!(history.code, 0, "{history:?}");
    assert!(history.out.contains(&writer) && history.out.contains("read it with that version"), "{history:?}");
    let export = site.run(&["history", "export"]).await;
    assert!(export.code == 0 && export.err.contains("left out: release 1"), "{export:?}");
    site.release().await;
    let status = site.until("the gate waits", |status| status["status"] == "waiting").await;
    assert_eq!(status["release"], 2, "{status}");
}
