//! An engine in a process of its own, and the faces that come and go.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::time::timeout;

use crate::site::{ASKS_FIRST, IMAGE, LONG_COMMAND, Site, finish, is_alive};

#[tokio::test(flavor = "multi_thread")]
async fn a_release_goes_on_whatever_becomes_of_its_faces() {
    let site = Site::new(&[ASKS_FIRST]).await;
    site.release().await;
    site.until("the gate waits", |status| status["status"] == "waiting").await;
    let status = site.run(&["status"]).await;
    assert_eq!(status.code, 6, "{status:?}");
    assert!(status.out.contains("release 1 of api in demo (waiting): 4f2c1e9 → 9ab03d7"), "{status:?}");

    let killed = site.terminal(&["attach"]);
    killed.shows("WAITING").await;
    killed.signal(Signal::KILL);
    assert_eq!(killed.ends().await.signal.as_deref(), Some("Killed"));
    assert!(is_alive(site.engine()));

    let mut first = site.terminal(&["attach"]);
    let second = site.terminal(&[]);
    first.shows("WAITING").await;
    second.shows("WAITING").await;
    first.press(" ");
    first.shows("PAUSED").await;
    second.shows("PAUSED").await;
    let status = site.status().await;
    assert_eq!((&status["status"], &status["engine"]), (&"paused".into(), &true.into()));

    first.press("q");
    let ended = first.ends().await;
    ended.gave_the_terminal_back();
    assert_eq!(ended.code, 0, "{}", ended.last_words());
    let words = "Detached. release 1 of api in demo (paused) goes on in its engine; `cutover attach` watches it again.";
    assert!(ended.last_words().contains(words), "{}", ended.last_words());

    second.signal(Signal::TERM);
    let ended = second.ends().await;
    ended.gave_the_terminal_back();
    assert_eq!(ended.code, 130, "{}", ended.last_words());
    assert!(is_alive(site.engine()));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_colours_are_the_captains_own() {
    let own = ("ascii = false\n", "ascii = false\ntheme = \"./mine.toml\"\nkeymap = \"./keys.toml\"\n");
    let site = Site::new(&[ASKS_FIRST, own]).await;
    std::fs::write(site.path().join("mine.toml"), "extends = \"sixteen\"\n[roles]\nground = \"on #010203\"\n").unwrap();
    std::fs::write(site.path().join("keys.toml"), "[global]\npause-or-resume = \"W\"\n").unwrap();
    site.release().await;
    let mut terminal = site.terminal(&["attach"]);
    terminal.shows("W pause").await;
    terminal.wrote("48;2;1;2;3").await;
    terminal.press("W");
    terminal.shows("PAUSED").await;

    // A mistake is told before anything begins, and before the lock of the release that runs is looked at.
    std::fs::write(site.path().join("keys.toml"), "[global]\npromte = \"W\"\n").unwrap();
    let release = ["release", "demo", "--image", IMAGE, "--detach"];
    for arguments in [["config", "check"].as_slice(), &["attach"], &release] {
        let ran = site.run(arguments).await;
        assert_eq!(ran.code, 2, "{arguments:?}: {ran:?}");
        let told = "keys.toml:2:1: unknown action \"promte\"; did you mean \"promote\"?";
        assert!(ran.err.contains(told), "{arguments:?}: {ran:?}");
    }
    std::fs::write(site.path().join("keys.toml"), "").unwrap();
    std::fs::remove_file(site.path().join("mine.toml")).unwrap();
    let ran = site.run(&["config", "check"]).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("mine.toml, which [screen] names as its theme, cannot be read"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_face_orders_all_of_them_see() {
    let site = Site::new(&[LONG_COMMAND]).await;
    let headless =
        site.program(&["release", "demo", "--image", IMAGE, "--headless", "--format", "json"]).spawn().unwrap();
    site.until("the command runs", |status| status["stages"][1]["status"] == "running").await;
    let mut first = site.terminal(&["attach"]);
    let second = site.terminal(&["attach"]);
    first.shows("RUNNING").await;
    second.shows("RUNNING").await;

    first.press("R");
    first.shows("roll back now").await;
    first.press("\r");
    let ended = finish(headless).await;
    first.shows("ABORTED").await;
    second.shows("ABORTED").await;
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.out.contains("rollback ordered") && ended.out.contains(r#""by":"captain""#), "{ended:?}");

    // The engine has done its work and the picture stands still: not a byte more.
    second.stands_still(Duration::from_secs(2)).await;
    let written = second.written();
    let moved = timeout(Duration::from_secs(2), second.moves()).await;
    assert!(moved.is_err(), "{} bytes were written; the screen is:\n{}", second.written() - written, second.screen());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_headless_face_only_detaches() {
    let site = Site::new(&[LONG_COMMAND]).await;
    let mut headless = site.program(&["release", "demo", "--image", IMAGE, "--headless"]).spawn().unwrap();
    let mut lines = BufReader::new(headless.stdout.take().unwrap()).lines();
    loop {
        let line = timeout(Duration::from_secs(30), lines.next_line()).await.expect("it has fallen silent").unwrap();
        if line.expect("it has ended").contains("migrate begins") {
            break;
        }
    }
    let process = Pid::from_raw(headless.id().unwrap().try_into().unwrap()).unwrap();
    kill_process(process, Signal::INT).unwrap();
    let ended = finish(headless).await;
    assert_eq!(ended.code, 130, "{ended:?}");
    assert!(ended.err.contains("detached; the release goes on"), "{ended:?}");
    let status = site.run(&["status", "--format", "json"]).await;
    assert_eq!(status.code, 7, "{status:?}");
    assert!(status.out.contains(r#""status":"running""#) && status.out.contains(r#""engine":true"#), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_kept_is_anybody_elses_to_read() {
    let site = Site::new(&[ASKS_FIRST]).await;
    site.release().await;
    let mut seen = Vec::new();
    for dir in [site.journal(), site.journal().join("engines")] {
        let mode = |path: &std::path::Path| std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&dir), 0o700, "{}", dir.display());
        for entry in std::fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            if !path.is_dir() {
                assert_eq!(mode(&path), 0o600, "{}", path.display());
                seen.push(path.extension().unwrap().to_string_lossy().into_owned());
            }
        }
    }
    for kind in ["sqlite", "sqlite-wal", "sock", "lock", "log"] {
        assert!(seen.iter().any(|extension| extension == kind), "no {kind} in {seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_face_calls_for_attention_unless_it_is_told_not_to() {
    let silence = ("bell = true\nnotifications = true\n", "bell = false\nnotifications = false\n");
    for (changes, is_loud) in [(vec![ASKS_FIRST], true), (vec![ASKS_FIRST, silence], false)] {
        let site = Site::new(&changes).await;
        site.release().await;
        let mut face = site.terminal(&["attach"]);
        face.shows("WAITING").await;
        let ordered = site.run(&["rollback"]).await;
        assert_eq!(ordered.code, 0, "{ordered:?}");
        face.shows("ABORTED").await;
        face.press("q");
        let output = face.ends().await.output;
        // The title's own end, the bell, and the notification.
        let called = output.contains("\x07\x07\x1b]9;api in demo: ");
        assert_eq!(called, is_loud, "{output:?}");
        assert_eq!(output.contains("\x1b]9;"), is_loud, "{output:?}");
    }
}
