//! What the program tells of releases that are over.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::Value;

use crate::site::{LONG_COMMAND, Ran, Site};

/// The lines that a program wrote, as JSON.
fn objects(ran: &Ran) -> Vec<Value> {
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// A place where a release was begun, refused something, and taken back.
async fn taken_back() -> Site {
    let site = Site::new(&[LONG_COMMAND]).await;
    site.release().await;
    site.until("the command runs", |status| status["stages"][1]["status"] == "running").await;
    let refused = site.run(&["resume"]).await;
    assert_eq!(refused.code, 8, "{refused:?}");
    let back = site.run(&["rollback", "--reason", "checkout \u{1b}[31m fails"]).await;
    assert_eq!(back.code, 0, "{back:?}");
    site.until("it has ended", |status| status["status"] == "aborted").await;
    site
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_did_is_listed_sealed_and_missed_when_it_is_gone() {
    let site = taken_back().await;
    let acts = objects(&site.run(&["audit", "--json"]).await);
    let told: Vec<(&str, &str)> =
        acts.iter().map(|act| (act["action"].as_str().unwrap(), act["answer"]["outcome"].as_str().unwrap())).collect();
    assert_eq!(told, [("begin", "accepted"), ("resume", "refused"), ("rollback", "accepted")]);
    assert!(acts.iter().all(|act| act["who"]["name"] == "captain"), "{acts:#?}");
    let arn = acts[0]["who"]["arn"].as_str();
    assert!(arn.is_some_and(|arn| arn.starts_with("arn:aws")), "{:#}", acts[0]);
    assert_eq!(acts[1]["evidence"]["components"][0]["set"], 0, "{:#}", acts[1]);
    assert!(acts[2]["evidence"]["acting"].as_str().is_some_and(|arn| arn.starts_with("arn:aws")), "{:#}", acts[2]);
    assert!(objects(&site.run(&["audit", "--json", "--who", "nobody"]).await).is_empty());
    assert_eq!(objects(&site.run(&["audit", "--json", "--who", "captain", "--since", "1h"]).await).len(), 3);

    let text = site.run(&["audit"]).await;
    assert!(text.out.contains("because: checkout ␛[31m fails") && !text.out.contains('\u{1b}'), "{text:?}");

    let verified = site.run(&["audit", "verify"]).await;
    assert_eq!(verified.code, 0, "{verified:?}");
    assert!(verified.out.contains("nothing was changed"), "{verified:?}");
    let head = verified.out.lines().last().and_then(|line| line.strip_prefix("newest record: ")).unwrap().to_owned();
    assert_eq!(site.run(&["audit", "verify", "--head", &head]).await.code, 0);

    let journal = site.journal().join("journal.sqlite");
    for side in ["", "-wal", "-shm"] {
        let _not_there = std::fs::remove_file(format!("{}{side}", journal.display()));
    }
    drop(cutover::journal::sqlite::SqliteJournal::open(&journal).unwrap());
    let missed = site.run(&["audit", "verify"]).await;
    assert_eq!(missed.code, 1, "{missed:?}");
    assert!(missed.out.contains("has been cut off"), "{missed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_told_exported_counted_and_reported() {
    let site = taken_back().await;
    let shown = site.run(&["history", "show", "1"]).await;
    assert_eq!(shown.code, 0, "{shown:?}");
    for wanted in ["release 1 of api in demo: 4f2c1e9 → 9ab03d7, aborted", "weights of green", "rollback", "refused"]
    {
        assert!(shown.out.contains(wanted), "{wanted} is missing: {}", shown.out);
    }
    let account = &objects(&site.run(&["history", "show", "1", "--json"]).await)[0];
    assert_eq!((&account["schema"], &account["status"]), (&"cutover.release/1".into(), &"aborted".into()));
    let exported = objects(&site.run(&["history", "export", "--since", "1d"]).await);
    assert_eq!(exported.len(), 1);
    let document = &objects(&site.run(&["history", "export", "--document", "--env", "elsewhere"]).await)[0];
    assert_eq!(
        (&document["schema"], document["releases"].as_array().map(Vec::len)),
        (&"cutover.export/1".into(), Some(0))
    );
    let figures = &objects(&site.run(&["history", "metrics", "--json"]).await)[0];
    assert_eq!((&figures["releases"], &figures["stopped_before_traffic"]), (&1.into(), &1.into()));
    assert_eq!(objects(&site.run(&["history", "--json", "--status", "succeeded"]).await).len(), 0);

    let report = site.run(&["history", "show", "1", "--incident"]).await;
    assert!(
        report.code == 0 && report.out.contains("Why it went back") && !report.out.contains('\u{1b}'),
        "{report:?}"
    );
    let file = site.journal().join("incidents/release-1.md");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), report.out);
    let told: Value =
        serde_json::from_str(&site.run(&["history", "show", "1", "--incident", "--json"]).await.out).unwrap();
    let written: Value = serde_json::from_slice(&std::fs::read(file.with_extension("json")).unwrap()).unwrap();
    assert_eq!((&written["is_complete"], &written["account"]["acts"]), (&true.into(), &told["account"]["acts"]));

    let unknown = site.run(&["history", "show", "9"]).await;
    assert!(unknown.code == 2 && unknown.err.contains("there is no release 9"), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_shown_again_line_by_line_and_on_the_screen() {
    let site = taken_back().await;
    let printed = site.run(&["replay", "1", "--headless"]).await;
    assert!(printed.code == 0 && printed.out.contains("aborted after"), "{printed:?}");

    let mut screen = site.terminal(&["replay", "1", "--speed", "0.3"]);
    screen.shows("replay").await;
    screen.press(" ");
    screen.shows("replay held").await;
    // From one thing that happened to the next, up to the end.
    for _ in 0..40 {
        screen.press(".");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    screen.shows("at its end").await;
    screen.shows("ABORTED").await;
    screen.press("q");
    let ended = screen.ends().await;
    ended.gave_the_terminal_back();
    assert_eq!(ended.code, 0, "{}", ended.last_words());
}
