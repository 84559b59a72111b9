//! A team that has nothing on ECS: no credentials, no endpoint, and nothing that would answer there.

use std::process::{Output, Stdio};

use tempfile::TempDir;
use tokio::process::Command;

use crate::terminal::PROGRAM;

const CONFIG: &str = r#"
[environments.production]
account = "123456789012"
region = "eu-west-1"

[components.site]
driver = "command"
url = "https://site.example.com"
pipeline = "site"

[[pipelines.site.stages]]
name = "publish"
kind = "command"
run = ["sh", "-c", "echo \"$CUTOVER_TO after $CUTOVER_FROM\" > published"]
undo = ["sh", "-c", "rm published"]

[[pipelines.site.stages]]
name = "look"
kind = "command"
run = ["sh", "-c", "test ! -e broken"]
"#;

async fn cutover(dir: &TempDir, arguments: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).env_clear().current_dir(dir.path());
    command.env("PATH", std::env::var("PATH").unwrap_or_default()).env("HOME", dir.path());
    command.env("CUTOVER_CONFIG", dir.path().join("cutover.toml")).env("CUTOVER_JOURNAL", dir.path().join("state"));
    // Nobody looks for a role of this machine.
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command.stdin(Stdio::null()).output().await.unwrap()
}

#[tokio::test]
async fn a_release_by_programs_alone_needs_no_credentials_and_goes_back_without_any() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("cutover.toml"), CONFIG).unwrap();
    let released = cutover(&dir, &["release", "production", "--image", "v2", "--headless"]).await;
    assert_eq!(released.status.code(), Some(0), "{released:?}");
    assert_eq!(std::fs::read_to_string(dir.path().join("published")).unwrap(), "v2 after unknown\n");

    std::fs::write(dir.path().join("broken"), "").unwrap();
    let back = cutover(&dir, &["release", "production", "--image", "v3", "--headless"]).await;
    assert_eq!(back.status.code(), Some(4), "what users met is taken back: {back:?}");
    assert!(!dir.path().join("published").exists(), "undone");

    let looked = cutover(&dir, &["doctor", "production"]).await;
    let said = String::from_utf8_lossy(&looked.stdout).into_owned();
    assert!(said.contains("no credentials, and none are needed"), "{said}");
}
