//! The table of docs/drivers.md: what comes of each scenario on each driver.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use cutover::domain::plan::Driver;
use cutover::domain::release::{Ending, Release};
use cutover::domain::time::Elapsed;

use super::DRIVERS;
use super::place::{API, Place};

const HEAD: &str = "| scenario | driver | outcome | to detect | to roll back | green's requests | harmed |";
const REMEDY: &str = "run CUTOVER_WRITE_DOCS=1 cargo test --release --test drivers, and read what has changed";
const SCENARIOS: [&str; 10] = [
    "healthy",
    "errors",
    "slow",
    "subtle",
    "crash-loop",
    "dependency",
    "cold-start",
    "quiet",
    "throttled",
    "alarm-at-start",
];

/// From when green first had traffic until the release turned round.
fn detected(release: &Release) -> Option<Duration> {
    let since = release.components[API].traffic.green_since?;
    Some(release.unwinding.as_ref()?.since.since(since))
}

/// From there until all traffic was seen on blue.
fn restored(release: &Release) -> Option<Duration> {
    let unwinding = release.unwinding.as_ref()?;
    Some(unwinding.restored?.since(unwinding.since))
}

fn outcome(release: &Release) -> String {
    match release.ended.as_ref().map(|ended| ended.ending) {
        Some(Ending::Succeeded) => "succeeded".to_owned(),
        Some(Ending::RolledBack) => "rolled back".to_owned(),
        Some(Ending::Failed) => "failed, nothing shifted".to_owned(),
        Some(ending) => ending.word().to_owned(),
        None => "waits for a human".to_owned(),
    }
}

/// Builds without optimisation, which take minutes for all of it, try these.
const SOME: [&str; 3] = ["errors", "crash-loop", "alarm-at-start"];

fn scenarios() -> &'static [&'static str] {
    if cfg!(debug_assertions) { &SOME } else { &SCENARIOS }
}

/// The rows of a driver, one for each scenario.
fn rows(driver: Driver) -> Vec<String> {
    let span = |span: Option<Duration>| span.map_or_else(|| "–".to_owned(), |span| Elapsed(span).to_string());
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let row = |scenario: &str| {
        let end = runtime().block_on(async { Place::new(scenario, driver).release().await });
        let release = &end.release;
        format!(
            "| `{scenario}` | `{}` | {} | {} | {} | {} | {} |\n",
            driver.word(),
            outcome(release),
            span(detected(release)),
            span(restored(release)),
            end.truth.new.requests,
            end.truth.harmed()
        )
    };
    scenarios().iter().copied().map(row).collect()
}

#[test]
fn the_manual_says_what_comes_of_each_scenario() {
    let columns = thread::scope(|scope| {
        let threads = DRIVERS.map(|driver| scope.spawn(move || rows(driver)));
        threads.map(|thread| thread.join().unwrap())
    });
    let rows = (0..scenarios().len()).flat_map(|number| columns.iter().map(move |column| column[number].as_str()));
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/drivers.md");
    let text = fs::read_to_string(&page).unwrap();
    if cfg!(debug_assertions) {
        for row in rows {
            assert!(text.contains(row), "docs/drivers.md has another row than\n{row}{REMEDY}");
        }
        return;
    }
    let mut table = format!("{HEAD}\n|---|---|---|---|---|---|---|\n");
    table.extend(rows);
    let start = text.find(HEAD).unwrap();
    let length = text[start..].find("\n\n").map_or(text.len() - start, |at| at + 1);
    if std::env::var_os("CUTOVER_WRITE_DOCS").is_some() {
        fs::write(&page, format!("{}{table}{}", &text[..start], &text[start + length..])).unwrap();
    } else {
        assert_eq!(&text[start..start + length], table, "{REMEDY}");
    }
}
