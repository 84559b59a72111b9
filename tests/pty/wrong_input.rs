//! Mistakes on the way in: each is named with its place and its remedy, and ends with 2.

use std::net::TcpListener;
use std::path::Path;

use crate::site::{Ran, configuration, finish};
use crate::terminal::PROGRAM;

/// Runs the program in `dir`, with nothing set and no terminal.
async fn run(dir: &Path, arguments: &[&str]) -> Ran {
    let mut command = tokio::process::Command::new(PROGRAM);
    command.args(arguments).env_clear().env("HOME", dir).current_dir(dir).kill_on_drop(true);
    command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    finish(command.spawn().unwrap()).await
}

#[track_caller]
fn refused(ran: &Ran, words: &[&str]) {
    assert_eq!(ran.code, 2, "{ran:?}");
    for words in words {
        assert!(ran.err.contains(words), "no {words:?} in {ran:?}");
    }
    assert!(!ran.err.contains("panicked") && !ran.err.contains("Backtrace"), "{ran:?}");
}

#[tokio::test]
async fn a_scenario_that_is_not_there_or_has_a_mistake() {
    let dir = tempfile::tempdir().unwrap();
    for verb in ["demo", "sim"] {
        refused(&run(dir.path(), &[verb, "--scenario", "helthy"]).await, &["helthy", "healthy"]);
        refused(&run(dir.path(), &[verb, "--scenario", "./none.toml"]).await, &["./none.toml cannot be read"]);
        std::fs::write(dir.path().join("broken.toml"), "summary = \"x\"\n[traffic]\nrat = 300.0\n").unwrap();
        refused(&run(dir.path(), &[verb, "--scenario", "./broken.toml"]).await, &["broken.toml:3:1", "rate"]);
    }
}

#[tokio::test]
async fn a_configuration_that_is_not_there_or_has_mistakes() {
    let dir = tempfile::tempdir().unwrap();
    for arguments in [["status"].as_slice(), &["attach"], &[], &["config", "check"]] {
        refused(&run(dir.path(), arguments).await, &["--config", "cutover.toml"]);
    }
    refused(&run(dir.path(), &["--config", "other.toml", "config", "check"]).await, &["other.toml"]);
    let text = configuration(&[("cluster = \"shop\"", "clutser = \"shop\""), ("kind = \"smoke\"", "kind = \"smok\"")]);
    std::fs::write(dir.path().join("cutover.toml"), &text).unwrap();
    let line = |text: &str, part: &str| text.lines().position(|line| line.starts_with(part)).unwrap() + 1;
    let cluster = format!("cutover.toml:{}:1: ", line(&text, "clutser"));
    let kind = format!("cutover.toml:{}:8: ", line(&text, "kind = \"smok\""));
    for arguments in [["config", "check"].as_slice(), &["status"], &["release", "demo", "--image", "registry/api:1"]] {
        refused(&run(dir.path(), arguments).await, &[&cluster, &kind, "`cluster`"]);
    }
}

#[tokio::test]
async fn a_cockpit_without_a_terminal_names_the_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let ran = run(dir.path(), &["demo"]).await;
    refused(&ran, &["is not a terminal; run with --headless for plain output"]);
    assert_eq!(ran.out, "");
}

#[tokio::test]
async fn a_release_nobody_has_begun() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("cutover.toml"), configuration(&[])).unwrap();
    for arguments in [["attach"].as_slice(), &["promote"], &["rollback"]] {
        refused(&run(dir.path(), arguments).await, &["no release is running; begin one with `cutover release"]);
    }
    refused(&run(dir.path(), &["release", "elsewhere", "--image", "registry/api:1"]).await, &["elsewhere", "demo"]);
}

#[tokio::test]
async fn an_address_that_is_taken_or_that_others_reach() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = run(dir.path(), &["sim", "--listen", &address]).await;
    refused(&ran, &[&format!("{address} is in use: choose another port")]);
    let ran = run(dir.path(), &["sim", "--listen", "0.0.0.0:0"]).await;
    refused(&ran, &["0.0.0.0:0 is reachable by other machines", "--expose"]);
}
