//! Who may do what, held by the engine.

use crate::site::{ASKS_FIRST, IMAGE, Site};

/// The simulated AWS says that everybody is a session of this role.
const CAPTAIN: &str = "arn:aws:sts::123456789012:assumed-role/release-captain/captain";

/// The example with this policy.
async fn under(policy: &str) -> Site {
    let text = format!("[policy]\n{policy}\n\n[environments.demo]\n");
    Site::new(&[ASKS_FIRST, ("[environments.demo]\n", &text)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_no_rule_allows_is_refused_by_the_engine_and_kept() {
    let rule = "[[policy.rules]]\nname = \"captains\"\nwho = [\"arn:aws:iam::123456789012:role/release-captain\"]\n\
                may = [\"release\", \"resume\"]\n[[policy.rules]]\nname = \"approvers\"\n\
                who = [\"arn:aws:iam::123456789012:role/approver\"]\nmay = [\"approve\"]";
    let site = under(&format!("everybody = [\"pause\", \"rollback\"]\n{rule}")).await;
    site.release().await;
    site.until("the gate waits", |status| status["status"] == "waiting").await;
    let refused = site.run(&["approve", "go"]).await;
    assert_eq!(refused.code, 8, "{refused:?}");
    let said =
        format!("policy: rule `captains` names {CAPTAIN} and does not allow approve; rule `approvers` allows it");
    assert!(refused.err.contains(&said), "{refused:?}");
    assert_eq!(site.status().await["status"], "waiting");

    for allowed in [["pause"].as_slice(), &["resume"]] {
        let ran = site.run(allowed).await;
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let mut terminal = site.terminal(&["attach"]);
    terminal.shows("WAITING").await;
    terminal.press("a");
    terminal.shows("does not allow approve").await;
    terminal.press("q");
    terminal.ends().await.gave_the_terminal_back();

    let audit = site.run(&["audit"]).await;
    let line = audit.out.lines().find(|line| line.contains("approve")).unwrap_or_else(|| panic!("{audit:?}"));
    assert!(line.contains(CAPTAIN) && line.contains("refused: policy"), "{line}");
    let back = site.run(&["rollback", "--reason", "enough"]).await;
    assert_eq!(back.code, 0, "{back:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_no_rule_names_begins_nothing_where_the_policy_governs() {
    let site = under("environments = [\"demo\"]").await;
    let refused = site.run(&["release", "demo", "--image", IMAGE, "--detach"]).await;
    assert_eq!(refused.code, 8, "{refused:?}");
    let said = format!("policy: no rule names {CAPTAIN}, which may only look; no rule allows it to anybody");
    assert!(refused.err.contains(&said), "{refused:?}");
    assert_eq!(site.definitions().await, 1);

    let elsewhere = under("environments = [\"production\"]").await;
    elsewhere.release().await;
}
