//! What has succeeded in one environment goes to the next, by its digest.

use serde_json::Value;

use crate::site::{IMAGE, Site};

/// A second environment in the same account, and tags that are pinned; the command tells what it is given.
const STAGING: (&str, &str) = (
    "[environments.production]\n",
    "[environments.staging]\naccount = \"123456789012\"\nregion = \"eu-west-1\"\n\n[environments.production]\n",
);
const PINNED: (&str, &str) = ("# pin = true\n", "pin = true\n");
const TELLS: (&str, &str) = (
    r#"for step in lock schema indexes; do echo \"$step: $COMPONENT $VERSION\"; sleep 0.2; done"#,
    r#"echo \"${digest} ${git_sha}\" > told-${environment}"#,
);

/// The digest that the deployed image is named by.
fn digest_in(text: &str) -> String {
    let at = text.find("sha256:").unwrap_or_else(|| panic!("no digest in {text}"));
    text[at..].chars().take("sha256:".len() + 64).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_digest_that_succeeded_is_what_is_released_next() {
    let site = Site::new(&[STAGING, PINNED, TELLS]).await;
    let nothing = site.run(&["release", "demo", "--from", "staging", "--detach"]).await;
    assert_eq!(nothing.code, 8, "{nothing:?}");
    assert!(nothing.err.contains("no release of api has succeeded in staging"), "{nothing:?}");

    // Nothing says of which commit it is, and this is no working directory of git.
    let unknown = site.run(&["release", "staging", "--image", IMAGE, "--detach"]).await;
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(unknown.err.contains("give --git-sha, set CUTOVER_GIT_SHA"), "{unknown:?}");
    let wrong = site.run(&["release", "staging", "--image", IMAGE, "--git-sha", "main"]).await;
    assert!(wrong.code == 2 && wrong.err.contains("7 to 64 hexadecimal digits"), "{wrong:?}");

    site.released(&["release", "staging", "--image", IMAGE, "--git-sha", "0123abc", "--detach"]).await;
    let told = std::fs::read_to_string(site.path().join("told-staging")).unwrap();
    assert!(told.trim().ends_with(" 0123abc"), "{told}");
    let digest = digest_in(&told);

    let ran = site.released(&["release", "demo", "--from", "staging", "--detach"]).await;
    assert!(ran.out.contains(&format!("takes api 9ab03d7 from release 1 of staging, {digest}")), "{ran:?}");
    let again = std::fs::read_to_string(site.path().join("told-demo")).unwrap();
    assert_eq!(again, told, "the same digest, of the same commit");
    let image: Vec<Value> = site.images().await;
    assert!(
        image.iter().any(|image| image.as_str().is_some_and(|image| image.ends_with(&format!("@{digest}")))),
        "{image:?}"
    );
    let history = site.run(&["history"]).await;
    assert!(history.out.lines().next().unwrap().contains("promoted from staging release 1"), "{history:?}");

    for (from, code, said) in [
        ("stagin", 2, "staging"),
        ("demo", 2, "that is where it is to go"),
        ("staging@x", 2, "is not the number of a release"),
        ("staging@9", 2, "there is no release 9"),
        ("staging@2", 2, "release 2 is of demo, not of staging"),
    ] {
        let refused = site.run(&["release", "demo", "--from", from, "--detach"]).await;
        assert_eq!(refused.code, code, "{from}: {refused:?}");
        assert!(refused.err.contains(said), "{from}: {refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_succeed_was_taken_back_or_was_not_pinned_is_not_promoted() {
    let site = Site::new(&[STAGING]).await;
    let promote = async |from: &str| site.run(&["release", "demo", "--from", from, "--detach"]).await;
    site.released(&["release", "staging", "--image", IMAGE, "--detach"]).await;
    let refused = promote("staging").await;
    assert_eq!(refused.code, 8, "{refused:?}");
    assert!(refused.err.contains("by a tag: which image that was is not known; set `pin = true`"), "{refused:?}");

    let other = IMAGE.replace("9ab03d7", "7777777");
    site.released(&["release", "staging", "--image", &other, "--detach"]).await;
    site.released(&["rollback", "--to", "1", "--detach"]).await;
    let refused = promote("staging@2").await;
    assert!(refused.code == 8 && refused.err.contains("has been rolled back since, by release 3"), "{refused:?}");

    let ran = site.run(&["release", "staging", "--image", &other, "--detach"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let refused = promote("staging@4").await;
    assert!(refused.code == 8 && refused.err.contains("has not succeeded yet: it is"), "{refused:?}");
    site.run(&["rollback", "--reason", "not that"]).await;
    site.until("it is back", |status| matches!(status["status"].as_str(), Some("rolled-back" | "failed" | "aborted")))
        .await;
    let refused = promote("staging@4").await;
    assert!(refused.code == 8 && refused.err.contains("did not succeed: it is"), "{refused:?}");
}
