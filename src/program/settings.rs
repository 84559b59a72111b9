//! The configuration and the places it names.

use std::path::PathBuf;
use std::time::Duration;

use color_eyre::eyre::Result;

use super::output::Refused;
use crate::cli::Globals;
use crate::config::{Config, Surroundings};
use crate::domain::effect::Effect;
use crate::domain::plan::Plan;
use crate::domain::time::Timestamp;
use crate::journal::format::Unreadable;
use crate::journal::{Journal, JournalError, Listing, Summary, replay};

/// Releases looked through for messages that are still owed.
const LOOKED_THROUGH: usize = 200;

/// Ended releases looked through for messages that are still owed, the newest first.
const OWING: usize = 3;

/// Nobody is told any more what ended longer ago than this.
const NEWS: Duration = Duration::from_hours(24);

/// Reads the configuration.
pub(super) fn load(globals: &Globals) -> Result<Config> {
    Ok(Config::load(&Surroundings::of_process(), globals.overrides())?)
}

/// The journal's file.
pub(super) fn journal_file(config: &Config) -> PathBuf {
    config.engine.journal.join("journal.sqlite")
}

/// Why nothing may be changed in an environment from here; `None` where it may.
pub(super) fn read_only(config: &Config, environment: &str) -> Option<&'static str> {
    if config.read_only {
        return Some("the settings say read-only");
    }
    let is_so = config.environment(environment).is_ok_and(|environment| environment.read_only);
    is_so.then_some("this environment is read-only")
}

/// Releases that have not ended, newest first.
///
/// # Errors
///
/// When one that `is_meant` is of another version and cannot be read: that version is needed to finish it.
pub(super) fn unfinished(journal: &dyn Journal, is_meant: impl Fn(&Unreadable) -> bool) -> Result<Vec<Summary>> {
    let Listing { mut releases, unreadable } = journal.unfinished()?;
    refuse_unreadable(&unreadable, |release| release.status != "planned" && is_meant(release))?;
    releases.retain(|summary| summary.status != "planned");
    Ok(releases)
}

/// Refuses what cannot be told without a release that cannot be read.
pub(super) fn refuse_unreadable(unreadable: &[Unreadable], is_meant: impl Fn(&Unreadable) -> bool) -> Result<()> {
    match unreadable.iter().find(|release| is_meant(release)) {
        Some(release) => Err(Refused::policy(release.to_string())),
        None => Ok(()),
    }
}

/// Releases of `is_meant` that have ended and whose channels have not been told everything, newest first.
pub(super) fn owing(journal: &dyn Journal, now: Timestamp, is_meant: impl Fn(&Plan) -> bool) -> Result<Vec<Summary>> {
    let all = journal.list(LOOKED_THROUGH)?.releases;
    let ended = all.into_iter().filter(|summary| summary.ended && is_meant(&summary.plan));
    let mut owing = Vec::new();
    for summary in ended.take(OWING).filter(|summary| now.since(summary.touched) < NEWS) {
        let records = match journal.records(summary.id) {
            Ok(records) => records,
            // It has ended, and holds up nothing else.
            Err(JournalError::Unreadable(_)) => continue,
            Err(error) => return Err(error.into()),
        };
        let release = replay(summary.id, summary.plan.clone(), &records);
        if release.in_flight.iter().any(|flight| matches!(flight.intent.effect, Effect::Notify(_))) {
            owing.push(summary);
        }
    }
    Ok(owing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::fixture::{self, NOW};
    use crate::domain::effect::Outcome;
    use crate::domain::event::Event;
    use crate::domain::ids::{EffectId, ReleaseId};
    use crate::journal::sqlite::SqliteJournal;
    use crate::journal::{Entry, Record, Standing};

    /// Keeps a release without stages, which ends as it begins, and the ends of this many of its messages.
    fn keep(journal: &mut SqliteJournal, sent: u64, at: Timestamp) -> ReleaseId {
        let plan = Plan { stages: Vec::new(), notify: vec!["team".to_owned()], ..fixture::plan() };
        let by = fixture::operator();
        let (id, _) = journal.create(&mut |_| plan.clone(), &by, at).unwrap();
        let sent = (1..=sent).map(|id| Event::EffectEnded { id: EffectId(id), attempt: 1, outcome: Outcome::Done });
        let events = std::iter::once(Event::Requested { by: by.clone() }).chain(sent);
        let records: Vec<_> = events.map(|event| Record { at, entry: Entry::Event(event) }).collect();
        journal.append(id, &records, Standing { status: "succeeded", ended: true }).unwrap();
        id
    }

    #[test]
    fn what_has_ended_and_not_been_told_is_found_while_it_is_news() {
        let mut journal = SqliteJournal::in_memory().unwrap();
        let long_ago = NOW - Duration::from_hours(30);
        keep(&mut journal, 0, long_ago);
        let untold = keep(&mut journal, 1, NOW);
        keep(&mut journal, 2, NOW);
        let found = |is_meant: fn(&Plan) -> bool| {
            owing(&journal, NOW, is_meant).unwrap().into_iter().map(|summary| summary.id).collect::<Vec<_>>()
        };
        assert_eq!(found(|_| true), [untold]);
        assert_eq!(found(|plan| plan.environment.as_str() == "elsewhere"), []);
        for _ in 0..OWING {
            keep(&mut journal, 2, NOW);
        }
        assert_eq!(owing(&journal, NOW, |_| true).unwrap(), [], "only the newest are looked through");
    }
}
