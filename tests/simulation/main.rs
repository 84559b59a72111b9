//! The deterministic simulation: whole releases through the real engine, the real SDK and the simulated AWS, with
//! everything going wrong that a seed draws, and the invariants checked from outside after every entry of the journal
//! and every change in the world.
//!
//! `CUTOVER_SEEDS=20000 cargo test --release --test simulation -- --nocapture` runs that many seeds and reports;
//! `CUTOVER_SEED=17` runs one and tells its story.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking, in their helpers too")]

mod chance;
mod cloud;
mod drive;
mod parts;
mod people;
mod trial;
mod watch;
mod wire;

use crate::trial::Trial;

#[test]
fn a_plain_release_succeeds() {
    let report = drive::run(&Trial::plain(1), None);
    println!("{report} {:?} {} calls {} entries {:?}", report.ending, report.calls, report.entries, report.simulated);
    assert!(report.violations.is_empty());
}

#[test]
fn seeds() {
    let from: u64 = std::env::var("CUTOVER_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    let count: u64 = std::env::var("CUTOVER_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    for seed in from..from + count {
        let report = drive::run(&Trial::drawn(seed), None);
        println!(
            "{seed} {} {:?} {} calls {} entries {:?} {:?}",
            report.trial.scenario, report.ending, report.calls, report.entries, report.simulated, report.violations
        );
        if count == 1 {
            println!("{report}");
        }
    }
}
