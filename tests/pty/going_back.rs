//! Back to an earlier release while none is running.

use crate::site::{ASKS_FIRST, Site};

/// Releases a version and promotes it to its end.
async fn release(site: &Site, tag: &str) {
    let image = format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/api:{tag}");
    site.released(&["release", "demo", "--image", &image, "--detach"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_release_serves_again_and_what_cannot_be_gone_back_to_is_refused() {
    let site = Site::new(&[]).await;
    let nothing = site.run(&["rollback"]).await;
    assert_eq!((nothing.code, nothing.err.contains("no release is running; begin one")), (2, true), "{nothing:?}");
    release(&site, "9ab03d7").await;
    release(&site, "7777777").await;
    let definitions = site.definitions().await;

    for (arguments, code, said) in [
        (
            &["rollback"][..],
            2,
            "no release is running; earlier ones to go back to with `cutover rollback --to RELEASE`: 1 (9ab03d7 of api in demo)",
        ),
        (&["rollback", "--to", "9"], 2, "there is no release 9; earlier ones to go back to"),
        (&["rollback", "--to", "2"], 8, "7777777 of release 2 serves already"),
        (&["rollback", "--to", "1", "production"], 2, "release 1 is of demo, and production is asked for"),
        (&["rollback", "demo"], 2, "--to"),
        (&["--read-only", "rollback", "--to", "1"], 8, "read-only"),
    ] {
        let refused = site.run(arguments).await;
        assert_eq!(refused.code, code, "{arguments:?}: {refused:?}");
        assert!(refused.err.contains(said), "{arguments:?}: {refused:?}");
    }

    let ran = site.run(&["rollback", "--to", "1", "demo", "api", "--reason", "orders are wrong", "--headless"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    for said in [
        "will: start 6 tasks of 9ab03d7 from api:",
        "will: all traffic to 9ab03d7, in one step",
        "will: undo migrate of release 2: sh -c",
        "will not: api: release 1 named its image by a tag; what 9ab03d7 means now is what starts",
        "rollback to release 1: orders are wrong",
    ] {
        assert!(ran.out.contains(said), "no {said:?} in {}", ran.out);
    }
    assert_eq!(site.definitions().await, definitions, "none was registered");
    let status = site.status().await;
    assert_eq!((&status["origin"], &status["status"]), (&"rollback to release 1".into(), &"succeeded".into()));
    let history = site.run(&["history"]).await;
    assert!(history.out.lines().next().unwrap().contains("rollback to release 1"), "{history:?}");
    let shown = site.run(&["history", "show", "3"]).await;
    assert!(shown.out.contains("what:   rollback to release 1"), "{shown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_release_runs_the_way_back_is_its_own_rollback() {
    let site = Site::new(&[ASKS_FIRST]).await;
    site.release().await;
    site.until("the gate waits", |status| status["status"] == "waiting").await;
    let refused = site.run(&["rollback", "--to", "1"]).await;
    assert_eq!(refused.code, 8, "{refused:?}");
    assert!(refused.err.contains("`cutover rollback --env demo --component api` takes it back"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_release_is_chosen_and_gone_back_to_on_the_screen() {
    let site = Site::new(&[]).await;
    release(&site, "9ab03d7").await;
    release(&site, "7777777").await;
    let mut terminal = site.terminal(&["replay", "2"]);
    terminal.shows("replay").await;
    terminal.press("R");
    terminal.shows("earlier releases").await;
    terminal.press("R");
    terminal.shows("roll back api in demo to release 1").await;
    terminal.shows("undo migrate of release 2").await;
    terminal.press("y");
    terminal.shows("rollback to release 1").await;
    site.until("it serves again", |status| status["status"] == "succeeded" && status["release"] == 3).await;
    terminal.press("q");
    terminal.ends().await.gave_the_terminal_back();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_start_any_more_is_not_gone_back_to() {
    let site = Site::new(&[]).await;
    // The registry has no such image: as after an expiry.
    release(&site, "7777777").await;
    release(&site, "9ab03d7").await;
    let refused = site.run(&["rollback", "--to", "1"]).await;
    assert_eq!(refused.code, 8, "{refused:?}");
    assert!(refused.err.contains("api:7777777 of release 1 is no longer in ECR"), "{refused:?}");
}
