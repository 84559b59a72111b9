//! The table of docs/drivers.md: what comes of each scenario on each driver.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use cutover::domain::release::{Ending, Release};
use cutover::domain::time::Elapsed;

use super::DRIVERS;
use super::place::{API, Place};

const HEAD: &str = "| scenario | driver | outcome | to detect | to roll back | green's requests | harmed |";
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

#[tokio::test(start_paused = true)]
async fn the_manual_says_what_comes_of_each_scenario() {
    let span = |span: Option<Duration>| span.map_or_else(|| "–".to_owned(), |span| Elapsed(span).to_string());
    let mut rows = format!("{HEAD}\n|---|---|---|---|---|---|---|\n");
    for scenario in SCENARIOS {
        for driver in DRIVERS {
            let end = Place::new(scenario, driver).release().await;
            let release = &end.release;
            writeln!(
                rows,
                "| `{scenario}` | `{}` | {} | {} | {} | {} | {} |",
                driver.word(),
                outcome(release),
                span(detected(release)),
                span(restored(release)),
                end.truth.new.requests,
                end.truth.harmed()
            )
            .unwrap();
        }
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/drivers.md");
    let text = fs::read_to_string(&page).unwrap();
    let start = text.find(HEAD).unwrap();
    let length = text[start..].find("\n\n").map_or(text.len() - start, |at| at + 1);
    if std::env::var_os("CUTOVER_WRITE_DOCS").is_some() {
        fs::write(&page, format!("{}{rows}{}", &text[..start], &text[start + length..])).unwrap();
    } else {
        let wanted = &text[start..start + length];
        assert_eq!(wanted, rows, "run CUTOVER_WRITE_DOCS=1 cargo test --test drivers, and read what has changed");
    }
}
