//! The deterministic simulation: whole releases through the real engine, the real SDK and the simulated AWS, with
//! everything going wrong that a seed draws, and the invariants checked from outside after every entry of the journal
//! and every change in the world.
//!
//! `CUTOVER_SEEDS=20000 cargo test --release --test simulation -- --nocapture` runs that many seeds and reports
//! what they came to. `CUTOVER_SEED=17` begins with seed 17; with `CUTOVER_SEEDS=1` it tells that one's story.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking, in their helpers too")]
#![expect(clippy::print_stdout, reason = "tells what the simulation came to")]

mod chance;
mod cloud;
mod drive;
mod format;
mod found;
mod more;
mod mutants;
mod pair;
mod parts;
mod people;
mod place;
mod tally;
mod trial;
mod watch;
#[path = "../../benches/support/web.rs"]
mod web;
mod wire;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use cutover::domain::command::CommandKind;
use cutover::domain::plan::Driver;
use cutover::domain::release::Ending;

use crate::drive::Report;
use crate::more::More;
use crate::pair::Pair;
use crate::trial::{Press, Seen, Trial};

/// A number from the environment; anything else there stops the test.
fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Seeds that every run of the tests goes through.
const SEEDS: u64 = 120;

#[test]
fn whatever_goes_wrong_the_invariants_hold() {
    let (from, count) = (variable("CUTOVER_SEED").unwrap_or(0), variable("CUTOVER_SEEDS").unwrap_or(SEEDS));
    let began = wall_clock();
    let tally = tally::run(from..from + count);
    let (took, cores) = (began.elapsed(), std::thread::available_parallelism().map_or(1, usize::from));
    println!("{tally}took          {took:.1?} on {cores} cores: {:.1} releases/s a core", {
        tally.releases as f64 / took.as_secs_f64() / cores as f64
    });
    if count == 1 {
        println!("{}", drive::run(&Trial::drawn(from), None));
    }
    for report in &tally.failed {
        println!("{report}");
    }
    assert!(
        tally.failed.is_empty(),
        "seeds {:?} failed",
        tally.failed.iter().map(|it| it.trial.seed).collect::<Vec<_>>()
    );
    if count >= SEEDS {
        // A simulation in which nothing happens would pass as well.
        for ending in [Ending::Succeeded, Ending::RolledBack, Ending::RollbackFailed, Ending::Failed, Ending::Aborted] {
            assert!(tally.ended(ending) > 0, "nothing {}", ending.word());
        }
        for ending in [Ending::Succeeded, Ending::RolledBack, Ending::Failed] {
            assert!(tally.ended_as_pair(ending) > 0, "no pair {}", ending.word());
        }
        for driver in [Driver::Alb, Driver::Native, Driver::CodeDeploy, Driver::Rolling] {
            for ending in [Ending::Succeeded, Ending::RolledBack, Ending::Failed] {
                assert!(tally.ended_by(driver, ending) > 0, "nothing {} by {}", ending.word(), driver.word());
            }
        }
        assert_eq!(tally.kinds(), 9, "every kind of fault strikes");
        assert!(tally.lines > 0, "no log line was shown");
        assert!(tally.tasks.0 > tally.tasks.1 && tally.tasks.1 > 0, "no task was run, or none given up");
        assert!(tally.migrated_back > 0, "no migration was taken back");
    }
}

#[test]
fn the_same_seed_gives_the_same_journal() {
    let pair = (0..1_000).find(|seed| Trial::drawn(*seed).pair.is_some());
    for seed in (0..5).chain(pair) {
        let run = || drive::run(&Trial::drawn(seed), None);
        let (one, other) = (run(), run());
        for (first, second) in one.journal.iter().zip(&other.journal) {
            assert_eq!(first, second, "seed {seed}");
        }
        let numbers = |report: &Report| (report.journal.len(), report.calls, report.simulated);
        assert_eq!(numbers(&one), numbers(&other), "seed {seed}");
    }
}

#[test]
fn a_plain_release_succeeds_without_a_word_of_trouble() {
    let report = drive::run(&Trial::plain(1), None);
    assert_eq!((report.ending, report.violations.len()), (Some(Ending::Succeeded), 0), "{report}");
}

#[test]
fn a_plain_release_succeeds_on_every_driver() {
    for driver in [Driver::Native, Driver::CodeDeploy, Driver::Rolling] {
        let report = drive::run(&Trial::plain(1).driven_by(driver), None);
        assert_eq!((report.ending, report.violations.len()), (Some(Ending::Succeeded), 0), "{report}");
    }
}

#[test]
fn a_release_through_every_kind_of_stage_succeeds_with_one_component_or_two() {
    for pair in [None, Some(Pair::plain())] {
        let mut trial = Trial { more: Some(More::plain()), pair, ..Trial::plain(1) };
        trial.more.as_mut().unwrap().asks_approval = true;
        let at = Duration::from_secs(5);
        trial.presses = vec![Press { at, operator: 0, command: CommandKind::Approve, seen: Seen::Newest, aim: None }];
        let report = drive::run(&trial, None);
        assert_eq!((report.ending, report.violations.len()), (Some(Ending::Succeeded), 0), "{report}");
        let kinds: BTreeSet<&str> = report.release.plan.stages.iter().map(|stage| stage.kind.word()).collect();
        assert_eq!(kinds.len(), 16, "{kinds:?}");
    }
}

#[test]
fn two_components_are_released_side_by_side_or_in_turn() {
    for (verifies_each, in_turn, at_once) in [(false, false, 2), (true, false, 2), (true, true, 1)] {
        let mut trial = Trial::plain(1);
        trial.pair = Some(Pair { verifies_each, in_turn, ..Pair::plain() });
        let report = drive::run(&trial, None);
        assert_eq!((report.ending, report.violations.len()), (Some(Ending::Succeeded), 0), "{report}");
        assert_eq!(report.side_by_side, at_once, "{report}");
    }
}

#[test]
fn each_component_is_heard_wherever_it_logs() {
    let mut trial = Trial::plain(1);
    trial.pair = Some(Pair::plain());
    trial.shape.tails_logs = true;
    let report = drive::run(&trial, None);
    assert_eq!((report.ending, report.heard.len()), (Some(Ending::Succeeded), 2), "{report}");
}

#[test]
fn trouble_of_one_component_takes_back_the_traffic_of_both() {
    for (api, web) in [("errors", "healthy"), ("healthy", "errors")] {
        for back_in_turn in [false, true] {
            let mut trial = Trial::plain(3);
            trial.scenario = api;
            trial.pair = Some(Pair { scenario: web, back_in_turn, ..Pair::plain() });
            let report = drive::run(&trial, None);
            assert_eq!((report.ending, report.violations.len()), (Some(Ending::RolledBack), 0), "{report}");
            let back = report.release.components.iter().filter(|(_, component)| component.restored.is_some());
            assert_eq!(back.count(), 2, "{report}");
        }
    }
}

/// How long the simulation takes is told in real time.
#[expect(clippy::disallowed_methods, reason = "measures the simulation, not the release in it")]
fn wall_clock() -> Instant {
    Instant::now()
}
