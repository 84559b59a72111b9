//! The demo in a terminal: its screen, its keys, every size, and how it leaves the terminal.

use std::os::unix::ffi::OsStrExt as _;
use std::process::Stdio;

use rustix::process::Signal;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::site::finish;
use crate::terminal::{PROGRAM, Terminal, command};

/// The demo in a terminal, and the home directory that it has for itself.
struct Demo {
    terminal: Terminal,
    _home: TempDir,
}

fn demo(arguments: &str) -> Demo {
    let home = tempfile::tempdir().unwrap();
    let mut demo = command(PROGRAM, home.path());
    demo.arg("demo");
    demo.args(arguments.split_whitespace());
    Demo { terminal: Terminal::start(demo), _home: home }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_captain_looks_around_pauses_goes_on_and_rolls_back() {
    let Demo { mut terminal, _home } = demo("--speed 20");
    terminal.shows("pipeline").await;
    terminal.shows("9ab03d7").await;

    terminal.press("?");
    terminal.shows("ctrl-l").await;
    terminal.press("\x1b");
    terminal.hides("ctrl-l").await;

    terminal.press(":signals");
    terminal.shows("view-signals").await;
    terminal.press("\x1b");
    terminal.hides("view-signals").await;

    terminal.press("4/GET");
    terminal.shows("/GET").await;
    terminal.press("\r");
    for view in ["2", "3", "4", "5", "6"] {
        let before = terminal.screen();
        terminal.press(view);
        terminal.until(&format!("view {view}"), |screen| screen != before && !screen.contains("╭ pipeline")).await;
    }
    terminal.press("1");
    terminal.shows("╭ pipeline").await;

    terminal.shows("baking").await;
    terminal.press(" ");
    terminal.shows("PAUSED").await;
    terminal.press(" ");
    terminal.shows("resume").await;
    terminal.press("\r");
    terminal.hides("PAUSED").await;

    terminal.press("R");
    terminal.shows("roll back now").await;
    terminal.press("\r");
    terminal.shows("ROLLED BACK").await;
    terminal.press("q");
    let ended = terminal.ends().await;
    ended.gave_the_terminal_back();
    assert_eq!(ended.code, 4, "{}", ended.last_words());
    let words = "The demo has ended with its screen; its release was rolled-back. Nothing goes on.";
    assert!(ended.last_words().contains(words), "{}", ended.last_words());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_into_a_question_goes_with_the_rollback() {
    let Demo { mut terminal, _home } = demo("--speed 20");
    terminal.shows("baking").await;
    terminal.press("R\tcheckout fails");
    terminal.shows("checkout fails").await;
    terminal.press("\r");
    terminal.shows("ROLLED BACK").await;
    terminal.shows("rollback ordered: checkout fails").await;
    terminal.press("\x03");
    assert_eq!(terminal.ends().await.code, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_size_is_drawn_whole_and_the_first_one_again() {
    let Demo { mut terminal, _home } = demo("--speed 10");
    terminal.shows("╭ pipeline").await;
    for (columns, rows) in [(80, 24), (60, 15), (20, 5), (200, 60), (120, 40)] {
        terminal.resize(columns, rows);
        let is_tiny = columns < 60;
        let is_whole = |screen: &str| {
            let ends = (screen.lines().next().unwrap_or_default(), screen.lines().last().unwrap_or_default());
            ends.0.contains("DEMO") && ends.1.contains(if is_tiny { "more on 60 x 15" } else { "? help" })
        };
        terminal.until(&format!("a picture of {columns} x {rows}"), is_whole).await;
    }
    // A key that comes together with the last change of many hides none of them.
    for columns in 100..120 {
        terminal.resize(columns, 30);
        terminal.press("j");
    }
    terminal.resize(90, 30);
    terminal.press("k");
    terminal
        .until("a picture of 90 x 30", |screen| {
            screen.lines().any(|line| line.ends_with('╮') && line.chars().count() == 90)
        })
        .await;
    terminal.press("q");
    terminal.ends().await.gave_the_terminal_back();
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_detach_and_give_the_terminal_back() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let Demo { terminal, _home } = demo("--speed 10");
        terminal.shows("╭ pipeline").await;
        terminal.signal(signal);
        let ended = terminal.ends().await;
        ended.gave_the_terminal_back();
        assert_eq!((ended.code, &ended.signal), (130, &None), "{signal:?}: {}", ended.last_words());
        assert!(ended.last_words().contains("Nothing goes on."), "{signal:?}: {}", ended.last_words());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_z_gives_the_shell_its_terminal_and_the_picture_comes_back() {
    let home = tempfile::tempdir().unwrap();
    let mut shell = command("sh", home.path());
    // A shell that minds jobs: it continues the demo once the demo has stopped.
    shell.args(["-c", r#"set -m; "$0" demo --speed 10; echo "the shell is back"; fg"#, PROGRAM]);
    let mut terminal = Terminal::start(shell);
    terminal.shows("╭ pipeline").await;
    terminal.press("\x1a");
    terminal.wrote("the shell is back").await;
    terminal.shows("╭ pipeline").await;
    terminal.press("q");
    let ended = terminal.ends().await;
    ended.gave_the_terminal_back();
    let (stopped, continued) = ended.output.split_once("the shell is back").unwrap();
    assert!(stopped.contains("\x1b[?1049l") && stopped.contains("\x1b[?25h"), "{stopped:?}");
    // Taken over once: a second time would save the cockpit's own title and cursor in place of the shell's.
    assert_eq!(continued.matches("\x1b[?1049h").count(), 1, "{continued:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_screen_the_exit_code_says_how_it_ended() {
    let home = tempfile::tempdir().unwrap();
    for (scenario, code, end) in [("errors", 4, "\nrolled-back after "), ("crash-loop", 3, "\nfailed after ")] {
        let mut demo = Command::new(PROGRAM);
        demo.args(["demo", "--headless", "--speed", "30", "--scenario", scenario]).env("HOME", home.path());
        let demo = demo.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn();
        let ran = finish(demo.unwrap()).await;
        assert_eq!(ran.code, code, "{scenario}: {ran:?}");
        assert!(ran.out.contains(end), "{scenario}: {ran:?}");
    }
}

/// The course of a demo without a screen: the moment it begins, and what happens, figures aside. They depend on how long
/// a busy machine takes between two polls.
async fn course(seed: &str) -> (i64, Vec<String>) {
    let home = tempfile::tempdir().unwrap();
    let mut demo = Command::new(PROGRAM);
    demo.args(["demo", "--headless", "--format", "json", "--scenario", "errors", "--speed", "30", "--seed", seed]);
    demo.env("HOME", home.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ran = finish(demo.kill_on_drop(true).spawn().unwrap()).await;
    assert_eq!(ran.code, 4, "{ran:?}");
    let lines = ran.out.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let moments: Vec<_> = lines.filter(|line| line["type"] == "moment").map(|line| line["moment"].clone()).collect();
    let words = |text: &str| text.split(|sign: char| sign.is_ascii_digit() || sign == '.').collect::<String>();
    let begun = moments[0]["at"].as_i64().unwrap();
    (begun, moments.iter().map(|moment| words(moment["text"].as_str().unwrap())).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_gives_the_same_course_of_events_whenever_it_is_run() {
    let ((first, course_of_first), (second, course_of_second)) = tokio::join!(course("7"), course("7"));
    assert_eq!(course_of_first, course_of_second);
    // Whatever the time is, and but for what starting takes, thirty times as fast.
    let begins = 1_773_324_000_000..1_773_324_060_000;
    assert!(begins.contains(&first) && begins.contains(&second), "{first}, {second}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_that_is_not_text_harms_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut demo = Command::new(PROGRAM);
    demo.args(["demo", "--headless"]).env("HOME", home.path()).env("ODD", std::ffi::OsStr::from_bytes(b"\xff"));
    let mut demo = demo.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let line = BufReader::new(demo.stdout.take().unwrap()).lines().next_line().await.unwrap();
    assert!(line.as_ref().is_some_and(|line| line.contains("release 1 begins")), "{line:?}");
}

/// A pipeline of somebody's own, of another account, with programs that must not be run.
const OWN: &str = r#"
[environments.staging]
account = "555566667777"
region = "us-east-1"

[components.shop]
cluster = "theirs"
container = "web"
listener_rule = "arn:aws:elasticloadbalancing:us-east-1:555566667777:listener-rule/app/theirs/1/2/3"
pipeline = "ours"
services = [
  { service = "web-a", target_group = "arn:aws:elasticloadbalancing:us-east-1:555566667777:targetgroup/web-a/1" },
  { service = "web-b", target_group = "arn:aws:elasticloadbalancing:us-east-1:555566667777:targetgroup/web-b/2" },
]

[signals.errors]
measure = "target-errors"
max = "5 %"

[policy]
everybody = []

[[pipelines.ours.stages]]
name = "look"
kind = "gate"

[[pipelines.ours.stages]]
name = "bake-the-image"
kind = "build"
run = ["touch", "built"]
repository = "555566667777.dkr.ecr.us-east-1.amazonaws.com/shop"

[[pipelines.ours.stages]]
name = "alter-tables"
kind = "command"
run = ["touch", "altered"]

[[pipelines.ours.stages]]
name = "bring-up"
kind = "deploy"

[[pipelines.ours.stages]]
name = "all-at-once"
kind = "shift"
steps = [{ weight = 100, bake = "4m" }]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_of_ones_own_is_rehearsed_without_its_programs_or_refused_with_the_reason() {
    let home = tempfile::tempdir().unwrap();
    let run = async |text: &str, more: &[&str]| {
        std::fs::write(home.path().join("own.toml"), text).unwrap();
        let mut demo = Command::new(PROGRAM);
        demo.args(["demo", "--config", "own.toml", "--headless", "--speed", "200"]).args(more);
        demo.current_dir(home.path()).env_clear().env("HOME", home.path()).stdin(Stdio::null());
        finish(demo.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap()).await
    };
    let rehearsed = run(OWN, &[]).await;
    assert_eq!(rehearsed.code, 0, "{rehearsed:?}");
    for stage in
        ["look passed", "bake-the-image passed", "alter-tables passed", "bring-up passed", "all-at-once passed"]
    {
        assert!(rehearsed.out.contains(stage), "no {stage:?} in {}", rehearsed.out);
    }
    assert!(rehearsed.err.contains("rehearsing own.toml in staging"), "{rehearsed:?}");
    assert!(!home.path().join("built").exists() && !home.path().join("altered").exists(), "its programs were run");

    let bad = run(OWN, &["--scenario", "errors"]).await;
    assert_eq!(bad.code, 4, "its own limit takes it back: {bad:?}");

    let load = "[[pipelines.ours.stages]]\nname = \"push\"\nkind = \"load\"\nrun = [\"k6\"]\n\
                limits = [{ name = \"p95\", at = \"/p95\", below = 500 }]\n";
    let other = "[environments.production]\naccount = \"555566667777\"\nregion = \"us-east-1\"\nproduction = true\n";
    for (text, more, said) in [
        (format!("{OWN}{load}"), &[][..], "stage `push` is judged by the report of a program"),
        (format!("{OWN}{other}"), &[], "say with --env which of production, staging to rehearse"),
        (OWN.to_owned(), &["--env", "stagin"], "staging"),
        (OWN.replacen("kind = \"deploy\"", "kind = \"deplyo\"", 1), &[], "deplyo"),
    ] {
        let refused = run(&text, more).await;
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.err.contains(said), "{said}: {refused:?}");
    }
    let production = run(&format!("{OWN}{other}"), &["--env", "production"]).await;
    assert_eq!(production.code, 0, "{production:?}");
}
