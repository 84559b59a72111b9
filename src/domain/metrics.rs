//! Release metrics over releases that have ended: how long, how often, how many failed, how soon it was well again.
//!
//! Pure functions; the definitions, and where they come from, are in `docs/metrics.md`.

use std::time::Duration;

use serde::Serialize;

use super::components::ComponentIndex;
use super::facts;
use super::ids::{ComponentName, EnvironmentName, ReleaseId};
use super::release::{Ending, Release, Status};
use super::signal::{Policy, Ruling, Verdict};
use super::time::{Timestamp, millis};

/// One release in the figures that metrics are made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Its number.
    pub release: ReleaseId,
    /// Where.
    pub environment: EnvironmentName,
    /// What, in the plan's order.
    pub components: Vec<ComponentName>,
    /// When it began.
    pub begun: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// How.
    pub ending: Ending,
    /// Whether green had production traffic at any time.
    pub reached_users: bool,
    /// Its times.
    pub timing: Timing,
}

/// The times of one release.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Timing {
    /// When all production traffic was first observed on green.
    pub deployed: Option<Timestamp>,
    /// Time until then, or until the end if it never was, in which it did something or watched, in milliseconds.
    #[serde(rename = "working_ms", with = "millis")]
    pub working: Duration,
    /// Time until then in which it waited for a human, or was paused, in milliseconds.
    #[serde(rename = "waiting_ms", with = "millis")]
    pub waiting: Duration,
    /// The first sign of harm to users that it did not recover from.
    pub harmed: Option<Timestamp>,
    /// When it was decided to go back.
    pub decided: Option<Timestamp>,
    /// When blue was observed with all traffic again.
    pub restored: Option<Timestamp>,
}

impl Timing {
    /// From the beginning until all traffic was on green.
    pub fn deployment(&self) -> Option<Duration> {
        self.deployed.map(|_| self.working + self.waiting)
    }

    /// From the decision to go back until blue was observed with all traffic.
    pub fn rollback(&self) -> Option<Duration> {
        Some(self.restored?.since(self.decided?))
    }
}

/// Takes the times of a release that is stepped through its events.
#[derive(Clone, Debug, Default)]
pub struct Stopwatch {
    timing: Timing,
    last: Option<(Timestamp, bool)>,
}

impl Stopwatch {
    /// Looks at the release after something happened at `now`.
    pub fn look(&mut self, release: &Release, now: Timestamp) {
        if release.begun.is_none() {
            return;
        }
        self.pass_to(now);
        let is_waiting = matches!(release.status(), Status::Waiting | Status::Paused);
        let is_over = release.ended.is_some() || self.timing.deployed.is_some();
        if !is_over && facts::is_fully_on_green(release) && facts::way_back(release).is_none() {
            self.timing.deployed = Some(now);
        }
        self.last = (release.ended.is_none() && self.timing.deployed.is_none()).then_some((now, is_waiting));
        match facts::way_back(release) {
            Some(back) => {
                if self.timing.decided.is_none() {
                    self.timing.decided = Some(back.since);
                    if release.has_shifted() {
                        let sign = sign_of_harm(release, facts::was_exposed, now).unwrap_or(back.since);
                        self.timing.harmed = Some(self.timing.harmed.unwrap_or(sign));
                    }
                }
                self.timing.restored = back.restored.filter(|_| release.has_shifted());
            }
            None => self.watch_harm(release, now),
        }
    }

    /// Time passes in the state that it was in.
    fn pass_to(&mut self, now: Timestamp) {
        let Some((since, is_waiting)) = self.last else { return };
        let span = now.since(since);
        if is_waiting {
            self.timing.waiting += span;
        } else {
            self.timing.working += span;
        }
    }

    /// A sign of harm counts from where it began, and no longer once it has gone.
    fn watch_harm(&mut self, release: &Release, now: Timestamp) {
        let sign = sign_of_harm(release, facts::is_exposed, now);
        self.timing.harmed = sign.map(|sign| self.timing.harmed.map_or(sign, |known| known.min(sign)));
    }

    /// The times taken.
    pub fn timing(&self) -> Timing {
        let mut timing = self.timing;
        if timing.decided.is_none() {
            timing.harmed = None;
        }
        timing
    }
}

/// Since when there have been signs that a green does harm, of those that `is_looked_at` picks.
fn sign_of_harm(
    release: &Release,
    is_looked_at: impl Fn(&Release, ComponentIndex) -> bool,
    now: Timestamp,
) -> Option<Timestamp> {
    let looked_at = facts::components(release).filter(|of| is_looked_at(release, *of));
    looked_at.filter_map(|of| sign_of_harm_by(release, of, now)).min()
}

/// The same of one component: not when the signs were read counts, but what they are of. It is never before green had
/// production traffic.
fn sign_of_harm_by(release: &Release, of: ComponentIndex, now: Timestamp) -> Option<Timestamp> {
    let fails = |verdict: &&Verdict| verdict.ruling == Ruling::Fail && verdict.policy != Policy::Observe;
    let failing = facts::verdicts(release, of).iter().filter(fails).map(|verdict| verdict.newest.unwrap_or(now));
    let firing = facts::firing(release, of).iter().map(|alarm| alarm.since);
    let first = failing.chain(firing).chain(facts::unhealthy_since(release, of)).min()?;
    let exposed = facts::exposed_since(release, of).unwrap_or(first);
    Some(first.max(exposed).min(now))
}

/// Releases of a while in a few figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metrics {
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// Releases that ended in that time.
    pub releases: usize,
    /// Of those, the ones that succeeded.
    pub succeeded: usize,
    /// Of those, the ones that had production traffic and were taken back, or could not be.
    pub failed_changes: usize,
    /// Of those, the ones that were stopped before any production traffic.
    pub stopped_before_traffic: usize,
    /// Successful releases a day.
    pub deployments_a_day: f64,
    /// Share of the releases that reached users and failed there, in percent; `None` when none reached them.
    pub change_failure_percent: Option<f64>,
    /// From the beginning until all traffic was on green.
    pub deployment: Spread,
    /// The part of it in which it worked or watched.
    pub working: Spread,
    /// The part of it in which it waited for a human, or was paused.
    pub waiting: Spread,
    /// From the decision to go back until blue was observed with all traffic.
    pub rollback: Spread,
    /// From the first sign of harm until users were served well again.
    pub restore: Spread,
    /// Failed changes after which nothing is known to serve well yet.
    pub not_restored: usize,
}

/// Spans in three figures, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// How many.
    pub count: usize,
    /// Half of them took no longer; the lower of the two middle ones if their number is even.
    pub median_ms: Option<u64>,
    /// The longest.
    pub longest_ms: Option<u64>,
}

impl Spread {
    fn of(mut spans: Vec<Duration>) -> Self {
        spans.sort_unstable();
        let at = |index: Option<usize>| {
            index.and_then(|index| spans.get(index)).map(|span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
        };
        let last = spans.len().checked_sub(1);
        Self { count: spans.len(), median_ms: at(last.map(|last| last / 2)), longest_ms: at(last) }
    }
}

impl Run {
    /// It reached users, and was taken back or could not be.
    pub fn is_failed_change(&self) -> bool {
        self.reached_users && self.ending != Ending::Succeeded
    }
}

/// The metrics of the releases that ended between `from` and `to`. `runs` may hold others: a failed change whose own way
/// back did not work is restored by later successes of the same components in the same environment.
pub fn metrics(runs: &[Run], from: Timestamp, to: Timestamp) -> Metrics {
    let ended: Vec<&Run> = runs.iter().filter(|run| from <= run.ended && run.ended <= to).collect();
    let reached = ended.iter().filter(|run| run.reached_users || run.ending == Ending::Succeeded).count();
    let failed: Vec<&&Run> = ended.iter().filter(|run| run.is_failed_change()).collect();
    let succeeded: Vec<&&Run> = ended.iter().filter(|run| run.ending == Ending::Succeeded).collect();
    let of = |span: &dyn Fn(&Run) -> Option<Duration>| Spread::of(ended.iter().filter_map(|run| span(run)).collect());
    let done = |span: &dyn Fn(&Run) -> Duration| Spread::of(succeeded.iter().map(|run| span(run)).collect());
    let restores: Vec<Option<Duration>> = failed.iter().map(|run| restore(run, runs)).collect();
    let days = to.since(from).as_secs_f64() / 86_400.0;
    Metrics {
        from,
        to,
        releases: ended.len(),
        succeeded: succeeded.len(),
        failed_changes: failed.len(),
        stopped_before_traffic: ended.len() - reached,
        deployments_a_day: if days > 0.0 { succeeded.len() as f64 / days } else { 0.0 },
        change_failure_percent: (reached > 0).then(|| 100.0 * failed.len() as f64 / reached as f64),
        deployment: done(&|run| run.timing.working + run.timing.waiting),
        working: done(&|run| run.timing.working),
        waiting: done(&|run| run.timing.waiting),
        rollback: of(&|run| run.timing.rollback()),
        restore: Spread::of(restores.iter().flatten().copied().collect()),
        not_restored: restores.iter().filter(|restore| restore.is_none()).count(),
    }
}

/// How long users were served badly by a failed change.
fn restore(run: &Run, runs: &[Run]) -> Option<Duration> {
    let since = run.timing.harmed.or(run.timing.decided).unwrap_or(run.ended);
    if let Some(restored) = run.timing.restored {
        return Some(restored.since(since));
    }
    let later: Vec<&Run> = runs
        .iter()
        .filter(|other| {
            other.ending == Ending::Succeeded && other.ended > run.ended && other.environment == run.environment
        })
        .collect();
    let served = |component: &ComponentName| {
        let others = later.iter().filter(|other| other.components.contains(component));
        others.map(|other| other.timing.deployed.unwrap_or(other.ended)).min()
    };
    // All of it serves well once the last of its components does.
    let each: Option<Vec<Timestamp>> = run.components.iter().map(served).collect();
    Some(each?.into_iter().max()?.since(since))
}

#[cfg(test)]
mod tests;
