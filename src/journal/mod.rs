//! The journal: everything that was decided, kept before it is done.
//!
//! It is crash recovery, audit trail and history at once. A release is its plan and its events; replaying the events
//! through [`crate::domain::machine::step`] gives its state, and the intents that have no end tell what was under way.

pub mod account;
pub mod anchor;
pub mod audit;
pub mod chain;
mod files;
pub mod format;
pub mod incident;
pub mod sqlite;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use self::format::{Unreadable, Writer};
use crate::domain::command::{Actor, Order, Refusal};
use crate::domain::effect::Intent;
use crate::domain::event::Event;
use crate::domain::ids::{EffectId, ReleaseId, Revision};
use crate::domain::machine;
use crate::domain::observed::Seen;
use crate::domain::plan::Plan;
use crate::domain::release::Release;
use crate::domain::time::Timestamp;

/// One thing that was decided or done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// Something happened, and changed the release.
    Event(Event),
    /// An effect is about to be carried out.
    Intent(Intent),
    /// An order was not carried out.
    Refused {
        /// What was ordered, by whom.
        order: Order,
        /// Why not.
        why: Refusal,
    },
    /// An order was taken: the revision it made.
    Accepted {
        /// The revision after it.
        revision: Revision,
    },
    /// A program was started, in a process group of its own: whoever recovers ends what is left of it.
    Started {
        /// The effect that it carries out.
        effect: EffectId,
        /// Process group.
        group: u32,
    },
    /// Something was seen that moves nothing, and is kept for whoever looks back.
    Seen(Seen),
    /// From here on another version writes than the one that wrote what is before it.
    Writer(Writer),
}

/// An entry with its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When.
    pub at: Timestamp,
    /// What.
    pub entry: Entry,
}

/// A record with its number in the journal, by which an inspection names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbered {
    /// From 1 up over all releases.
    pub number: u64,
    /// The record.
    pub record: Record,
}

/// A release in the list of all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Its number.
    pub id: ReleaseId,
    /// Its plan.
    pub plan: Plan,
    /// When it was created.
    pub created: Timestamp,
    /// Who asked for it.
    pub by: Actor,
    /// Its status's word when the journal last heard of it.
    pub status: String,
    /// Whether it has ended.
    pub ended: bool,
    /// When the journal last heard of it.
    pub touched: Timestamp,
}

/// Releases of a journal, newest first: those that this version can read, and those that it cannot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// Those whose plans it can read.
    pub releases: Vec<Summary>,
    /// Those of which it knows that they are there.
    pub unreadable: Vec<Unreadable>,
}

/// Why the journal cannot be used. An engine without a journal does not act.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be opened.
    #[error("the journal {path} cannot be opened: {reason}")]
    Open {
        /// Its path.
        path: String,
        /// Why.
        reason: String,
    },
    /// It was written by another version.
    #[error(
        "the journal {path} has format {found}, this version writes {known}; use the version that wrote it, or set another CUTOVER_JOURNAL"
    )]
    Format {
        /// Its path.
        path: String,
        /// What it has.
        found: i64,
        /// What this version knows.
        known: i64,
    },
    /// Reading or writing did not work: a full disk, for one.
    #[error("the journal {path} cannot be {what}: {reason}")]
    Broken {
        /// Its path.
        path: String,
        /// `read` or `written`.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// There is no such release.
    #[error("there is no release {0} in the journal")]
    Unknown(ReleaseId),
    /// Another version wrote the release, and this one cannot read it. The others can be read.
    #[error(transparent)]
    Unreadable(Box<Unreadable>),
}

/// Where releases are kept.
pub trait Journal: Send {
    /// Creates a release: `make` is given its number, and gives its plan.
    fn create(
        &mut self,
        make: &mut dyn FnMut(ReleaseId) -> Plan,
        by: &Actor,
        at: Timestamp,
    ) -> Result<(ReleaseId, Plan), JournalError>;

    /// Appends entries, all or none. When it returns, they are on disk.
    fn append(&mut self, id: ReleaseId, records: &[Record], standing: Standing<'_>) -> Result<(), JournalError>;

    /// Everything kept of a release, oldest first.
    fn records(&self, id: ReleaseId) -> Result<Vec<Record>, JournalError>;

    /// Everything kept of a release with its numbers in the journal, oldest first. A journal that numbers nothing counts
    /// from 1.
    fn numbered(&self, id: ReleaseId) -> Result<Vec<Numbered>, JournalError> {
        let records = self.records(id)?;
        Ok((1..).zip(records).map(|(number, record)| Numbered { number, record }).collect())
    }

    /// All releases, newest first, at most `limit`.
    fn list(&self, limit: usize) -> Result<Listing, JournalError>;

    /// The releases that have not ended, newest first, however many have been since.
    fn unfinished(&self) -> Result<Listing, JournalError> {
        let Listing { mut releases, mut unreadable } = self.list(usize::MAX)?;
        releases.retain(|summary| !summary.ended);
        unreadable.retain(|release| !release.ended);
        Ok(Listing { releases, unreadable })
    }

    /// Which version wrote the newest of a release; `None` if that was before versions said so. A journal that no other
    /// version ever sees need not keep it.
    fn writer(&self, _id: ReleaseId) -> Result<Option<Writer>, JournalError> {
        Ok(Some(Writer::this()))
    }

    /// One release.
    fn find(&self, id: ReleaseId) -> Result<Summary, JournalError>;

    /// The directory that incident reports are written to; `None` where none are.
    fn incidents(&self) -> Option<PathBuf> {
        None
    }
}

/// Where a release stands, kept beside its entries so that lists need no replay.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// Its status's word.
    pub status: &'a str,
    /// Whether it has ended.
    pub ended: bool,
}

/// The release that these records tell of.
pub fn replay(id: ReleaseId, plan: Plan, records: &[Record]) -> Release {
    walk(id, plan, records, |_, _| {})
}

/// Goes through records one by one, and shows each with the release as it stood after it. The release at the end comes
/// back.
pub fn walk<'a>(
    id: ReleaseId,
    plan: Plan,
    records: impl IntoIterator<Item = &'a Record>,
    mut see: impl FnMut(&Release, &'a Record),
) -> Release {
    let mut release = Release::planned(id, plan);
    for record in records {
        tell(&mut release, record);
        see(&release, record);
    }
    release
}

/// Tells a release what a record says happened.
pub fn tell(release: &mut Release, record: &Record) {
    if let Entry::Event(event) = &record.entry {
        // Its effects were asked for when it happened; their intents and ends are records of their own.
        let _asked = machine::step(release, event.clone(), record.at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::components::ComponentIndex;
    use crate::domain::signal::{Policy, Ruling, Verdict};

    #[test]
    fn what_was_measured_is_read_back_to_the_last_bit() {
        for value in [12.716_666_666_666_669, 987.999_975_681_304_8, f64::MIN_POSITIVE, 0.1 + 0.2] {
            let verdict = Verdict {
                signal: "errors".into(),
                ruling: Ruling::Pass,
                policy: Policy::Rollback,
                green: Some(value),
                blue: None,
                max: None,
                samples: 0,
                needed: 0,
                evidence: 0.0,
                newest: None,
                reason: String::new(),
            };
            let record = Record {
                at: Timestamp::default(),
                entry: Entry::Event(Event::Judged { component: ComponentIndex::FIRST, verdicts: vec![verdict] }),
            };
            let text = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
        }
    }
}
