//! Many seeds, on all cores, and what they came to.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cutover::domain::plan::{Driver, StageKind};
use cutover::domain::release::{Ending, StageStatus};
use cutover::sim::scenario::ApiFaultKind;

use crate::drive::{self, Report};
use crate::trial::Trial;

/// What many releases came to.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) releases: u64,
    endings: BTreeMap<&'static str, u64>,
    /// The same of the releases of two components.
    pairs: BTreeMap<&'static str, u64>,
    /// The same by driver.
    drivers: BTreeMap<(&'static str, &'static str), u64>,
    /// Releases that shifted two components at the same time.
    side_by_side: u64,
    faults: BTreeMap<ApiFaultKind, u64>,
    /// Releases through stages that the example has none of, by how they ended.
    more: BTreeMap<&'static str, u64>,
    /// Tasks on ECS that were run, and that had to be stopped.
    pub(crate) tasks: (usize, usize),
    /// Migrations that were taken back.
    pub(crate) migrated_back: usize,
    disturbances: usize,
    engines_lost: u64,
    orders: usize,
    entries: usize,
    calls: u64,
    /// Log lines shown.
    pub(crate) lines: usize,
    simulated: Duration,
    /// The first that failed.
    pub(crate) failed: Vec<Report>,
}

/// Failures after which no more seeds are run.
const ENOUGH: usize = 3;

/// Runs seeds on every core, each release on a thread of its own from beginning to end.
pub(crate) fn run(seeds: std::ops::Range<u64>) -> Tally {
    let next = AtomicU64::new(seeds.start);
    let tally = Mutex::new(Tally::default());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || tally.lock().unwrap().failed.len() >= ENOUGH {
                        return;
                    }
                    let report = drive::run(&Trial::drawn(seed), None);
                    tally.lock().unwrap().add(report);
                }
            });
        }
    });
    tally.into_inner().unwrap()
}

impl Tally {
    fn add(&mut self, report: Report) {
        self.releases += 1;
        let ending = report.ending.map_or("unfinished", Ending::word);
        *self.endings.entry(ending).or_default() += 1;
        *self.drivers.entry((report.trial.driver.word(), ending)).or_default() += 1;
        if report.trial.pair.is_some() {
            *self.pairs.entry(ending).or_default() += 1;
        }
        if report.trial.more.is_some() {
            *self.more.entry(ending).or_default() += 1;
        }
        self.tasks.0 += report.tasks.0;
        self.tasks.1 += report.tasks.1;
        let stages = report.release.plan.stages.iter().zip(&report.release.stages);
        self.migrated_back += stages
            .filter(|(plan, stage)| matches!(plan.kind, StageKind::Migrate(_)) && stage.status == StageStatus::Undone)
            .count();
        self.side_by_side += u64::from(report.side_by_side > 1);
        for (kind, count) in &report.faults {
            *self.faults.entry(*kind).or_default() += count;
        }
        self.disturbances += report.trial.disturbances.len();
        self.engines_lost += report.engines_lost;
        self.orders += report.orders;
        self.entries += report.journal.len();
        self.calls += report.calls;
        self.lines += report.lines;
        self.simulated += report.simulated;
        if !report.violations.is_empty() {
            self.failed.push(report);
        }
    }

    /// How many releases ended so.
    pub(crate) fn ended(&self, ending: Ending) -> u64 {
        self.endings.get(ending.word()).copied().unwrap_or_default()
    }

    /// How many of those had two components.
    pub(crate) fn ended_as_pair(&self, ending: Ending) -> u64 {
        self.pairs.get(ending.word()).copied().unwrap_or_default()
    }

    /// How many of those by a driver.
    pub(crate) fn ended_by(&self, driver: Driver, ending: Ending) -> u64 {
        self.drivers.get(&(driver.word(), ending.word())).copied().unwrap_or_default()
    }

    /// Kinds of faults that struck at least once.
    pub(crate) fn kinds(&self) -> usize {
        self.faults.len()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "releases      {} over {} simulated hours", self.releases, self.simulated.as_secs() / 3_600)?;
        writeln!(f, "AWS calls     {}, journal entries {}, log lines {}", self.calls, self.entries, self.lines)?;
        writeln!(f, "endings       {:?}", self.endings)?;
        for driver in Driver::ALL {
            let of: Vec<_> = self.drivers.iter().filter(|((word, _), _)| *word == driver.word()).collect();
            let of: BTreeMap<_, _> = of.into_iter().map(|((_, ending), count)| (ending, count)).collect();
            if !of.is_empty() {
                writeln!(f, "by {:<11}{of:?}", driver.word())?;
            }
        }
        writeln!(f, "of pairs      {:?}, {} of them side by side", self.pairs, self.side_by_side)?;
        writeln!(
            f,
            "other stages  {:?}, {} tasks on ECS, {} stopped, {} migrations taken back",
            self.more, self.tasks.0, self.tasks.1, self.migrated_back
        )?;
        writeln!(f, "API faults    {:?}", self.faults)?;
        writeln!(
            f,
            "beside them   {} engines lost, {} orders taken, {} crashes, alarms and strange weights",
            self.engines_lost, self.orders, self.disturbances
        )
    }
}
