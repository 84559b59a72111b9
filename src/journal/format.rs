//! The format of what is kept of a release, the version that wrote it, and releases that this version cannot read.
//!
//! A release's first record says which version wrote it, and in which format; a version that goes on with it and differs
//! says so in a record of its own. A journal may so hold releases of several versions.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Entry, Journal, JournalError, Record, Standing};
use crate::domain::ids::ReleaseId;
use crate::domain::release::Release;
use crate::domain::time::Timestamp;

/// The format in which this version keeps plans and entries. It is raised by one whenever a stored shape changes; a test
/// holds the shapes against those kept for this number.
pub const FORMAT: u32 = 3;

/// Which version of this program wrote something, and in which format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writer {
    /// The program's version.
    pub version: String,
    /// The format of the release's plan and entries; see [`FORMAT`].
    pub format: u32,
}

impl Writer {
    /// This version.
    pub fn this() -> Self {
        Self { version: env!("CARGO_PKG_VERSION").to_owned(), format: FORMAT }
    }

    /// Whether this version knows the format at all. One that is known may still have shapes that cannot be read any more.
    pub fn is_known(&self) -> bool {
        self.format <= FORMAT
    }
}

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cutover {} (release format {})", self.version, self.format)
    }
}

/// A release that is in the journal and whose plan or entries this version cannot read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.words())]
pub struct Unreadable {
    /// Its number.
    pub id: ReleaseId,
    /// Its environment.
    pub environment: String,
    /// The names of its components.
    pub components: Vec<String>,
    /// When it was created.
    pub created: Timestamp,
    /// Its status's word when the journal last heard of it.
    pub status: String,
    /// Whether it has ended.
    pub ended: bool,
    /// When the journal last heard of it.
    pub touched: Timestamp,
    /// Who wrote the newest of it; `None` if that was before versions said so.
    pub writer: Option<Writer>,
    /// What could not be read.
    pub why: String,
}

impl Unreadable {
    /// Whether it is of this environment and has this component, as far as either is asked for.
    pub fn is_of(&self, environment: Option<&str>, component: Option<&str>) -> bool {
        environment.is_none_or(|name| name == self.environment)
            && component.is_none_or(|name| self.components.iter().any(|ours| ours == name))
    }

    /// Why it cannot be read, and what helps.
    pub fn remedy(&self) -> String {
        let writer = self.writer.as_ref().map_or("an earlier version".to_owned(), ToString::to_string);
        let verb = if self.ended { "read" } else { "finish" };
        format!(
            "written by {writer}, which this one, {}, cannot read ({}); {verb} it with that version",
            Writer::this(),
            self.why
        )
    }

    fn words(&self) -> String {
        let (id, components, environment) = (self.id, self.components.join(", "), &self.environment);
        let status = if self.ended { String::new() } else { format!(", which has not ended: it is {}", self.status) };
        format!("release {id} of {components} in {environment}{status}: {}", self.remedy())
    }
}

/// Has the journal say that this version goes on with a release, if another one wrote the newest of it. The number of
/// records that this took.
pub fn sign(journal: &mut dyn Journal, release: &Release, now: Timestamp) -> Result<usize, JournalError> {
    let this = Writer::this();
    if journal.writer(release.id)?.as_ref() == Some(&this) {
        return Ok(0);
    }
    let standing = Standing { status: release.status().word(), ended: release.ended.is_some() };
    journal.append(release.id, &[Record { at: now, entry: Entry::Writer(this) }], standing)?;
    Ok(1)
}
