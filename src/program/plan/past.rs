//! What earlier releases took, as far as a plan cannot know: everything that is neither a bake, a watch, a hold nor a
//! wait.

use std::collections::BTreeMap;
use std::time::Duration;

use color_eyre::eyre::Result;

use crate::domain::components::Components;
use crate::domain::ids::ComponentName;
use crate::domain::release::{Ending, StageStatus};
use crate::journal::account::Account;
use crate::journal::{Journal, JournalError, Summary};

/// Releases that are looked at, the newest first.
const LOOKED_AT: usize = 5;

/// Releases looked through for them.
const LOOKED_THROUGH: usize = 200;

/// Medians over the newest releases of the same line-up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Past {
    /// Releases that succeeded and were looked at.
    pub(super) releases: usize,
    /// What each stage took beside what its plan said, by its name.
    pub(super) stages: BTreeMap<String, Duration>,
    /// Rollbacks that were looked at.
    pub(super) rollbacks: usize,
    /// From the decision until blue was observed with all traffic.
    pub(super) rollback: Option<Duration>,
}

impl Past {
    /// What the journal knows of releases of these components to this environment.
    pub(super) fn of(journal: &dyn Journal, environment: &str, lineup: &Components<ComponentName>) -> Result<Self> {
        let is_same = |summary: &&Summary| {
            summary.ended
                && summary.plan.environment.as_str() == environment
                && summary.plan.components.count() == lineup.count()
                && lineup.iter().all(|(_, name)| summary.plan.releases(name.as_str()))
        };
        let all = journal.list(LOOKED_THROUGH)?.releases;
        let mut stages: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
        let (mut releases, mut rollbacks) = (0, Vec::new());
        for summary in all.iter().filter(is_same) {
            let is_success = summary.status == Ending::Succeeded.word() && releases < LOOKED_AT;
            let is_rollback = summary.status == Ending::RolledBack.word() && rollbacks.len() < LOOKED_AT;
            if !is_success && !is_rollback {
                continue;
            }
            let account = match journal.numbered(summary.id) {
                Ok(records) => Account::of(summary, &records),
                Err(JournalError::Unreadable(_)) => continue,
                Err(error) => return Err(error.into()),
            };
            rollbacks.extend(account.timing.rollback().filter(|_| is_rollback));
            if is_success {
                releases += 1;
                for (stage, plan) in account.stages.iter().zip(&summary.plan.stages) {
                    let took = stage.started.zip(stage.ended).map(|(from, to)| to.since(from));
                    if let Some(took) = took.filter(|_| stage.status == StageStatus::Passed) {
                        let beside = took.saturating_sub(plan.kind.waits());
                        stages.entry(stage.name.to_string()).or_default().push(beside);
                    }
                }
            }
        }
        let stages = stages.into_iter().filter_map(|(name, spans)| Some((name, median(spans)?))).collect();
        Ok(Self { releases, stages, rollbacks: rollbacks.len(), rollback: median(rollbacks) })
    }
}

fn median(mut spans: Vec<Duration>) -> Option<Duration> {
    spans.sort_unstable();
    spans.get(spans.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_one_counts_and_of_two_the_longer() {
        let secs = |all: &[u64]| median(all.iter().map(|secs| Duration::from_secs(*secs)).collect());
        assert_eq!(secs(&[9, 1, 5]), Some(Duration::from_secs(5)));
        assert_eq!(secs(&[9, 1]), Some(Duration::from_secs(9)));
        assert_eq!(secs(&[]), None);
    }
}
