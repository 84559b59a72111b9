//! The chain over all records of a journal: each one is sealed together with the seal of the one before it, so that none
//! can be changed, taken out, put in or moved without the rest no longer fitting.
//!
//! The encoding that is hashed is written down in `docs/history.md`, so that anybody can check a journal without this
//! program.

use std::fmt;

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::domain::time::Timestamp;

/// What a chain's first seal is made of, before its start.
const NAME: &[u8] = b"cutover journal 2";

/// A SHA-256 sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seal([u8; 32]);

impl Seal {
    /// The seal of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// From its 32 bytes; `None` if they are not 32.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// From its 64 hexadecimal digits; `None` if they are not that.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// Its 32 bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Seal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Where a chain begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Start {
    /// Records that were written before there was a chain, and sealed as they were found when it began. Nothing is known
    /// of changes to them before that.
    pub sealed: u64,
    /// When it began.
    pub at: Timestamp,
}

impl Start {
    /// The seal that the first record follows.
    pub fn seal(self) -> Seal {
        let mut hash = Sha256::new();
        hash.update(NAME);
        hash.update(self.sealed.to_be_bytes());
        hash.update(self.at.millis().to_be_bytes());
        Seal(hash.finalize().into())
    }
}

/// A record as it lies in the journal: everything that its seal covers, apart from the seal before it.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// Its number in the journal, from 1 up without gaps.
    pub number: u64,
    /// Its release.
    pub release: u64,
    /// Its number in the release, from 0, which creates it.
    pub seq: u64,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// The release's status after it.
    pub status: &'a str,
    /// Whether the release has ended by then.
    pub ended: bool,
    /// What, as JSON text.
    pub entry: &'a str,
}

impl Link<'_> {
    /// Its seal, after a record sealed with `prev`.
    pub fn seal(&self, prev: Seal) -> Seal {
        let mut hash = Sha256::new();
        hash.update(prev.0);
        for number in [self.number, self.release, self.seq] {
            hash.update(number.to_be_bytes());
        }
        hash.update(self.at.to_be_bytes());
        hash.update([u8::from(self.ended)]);
        for text in [self.status, self.entry] {
            // With its length before it: no text can be taken for the end of another.
            hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(text);
        }
        Seal(hash.finalize().into())
    }

    fn place(&self) -> Place {
        Place { number: self.number, release: self.release, seq: self.seq }
    }
}

/// Which record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Its number in the journal.
    pub number: u64,
    /// Its release.
    pub release: u64,
    /// Its number in the release.
    pub seq: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {} (number {} of release {})", self.number, self.seq, self.release)
    }
}

/// The newest record and its seal: whoever keeps it elsewhere can tell whether anything up to it has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Head {
    /// Its number.
    pub number: u64,
    /// Its seal.
    pub seal: Seal,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, self.seal)
    }
}

impl std::str::FromStr for Head {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once(':').and_then(|(number, seal)| Some((number.parse().ok()?, Seal::from_hex(seal)?)));
        let (number, seal) = parts.ok_or("write a record's number and hash, as `cutover audit verify` shows them")?;
        Ok(Self { number, seal })
    }
}

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Problem {
    /// A record's content is not the one that was sealed.
    #[error("{0} has been changed: its content is not the one that was sealed")]
    Edited(Place),
    /// A record's seal does not follow from the record before it.
    #[error("{0} does not follow from the record before it: one of the two was changed, put in or moved")]
    Unlinked(Place),
    /// Records are not there.
    #[error("{}", missing(*from, *to))]
    Missing {
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
    /// Records at the end are not there.
    #[error(
        "the journal ends at record {last}, and record {known} was written: what came after {last} has been cut off"
    )]
    Truncated {
        /// The last that is there.
        last: u64,
        /// The last that is known to have been written.
        known: u64,
    },
    /// A record is not the one that was noted elsewhere.
    #[error("record {number} is not the one that {witness} knows: the journal up to it has been written anew")]
    Rewritten {
        /// Which.
        number: u64,
        /// Who noted it.
        witness: Witness,
    },
    /// The anchor is not there or cannot be read.
    #[error(
        "the anchor {path} {why}: whether records were cut off at the end cannot be told; if that has a harmless reason, `cutover audit verify --renew-anchor` makes a new one"
    )]
    NoAnchor {
        /// Its path.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A release's plan, or who began it and when, is not what its first record says.
    #[error("release {release} has been changed: {what} is not the one that it was created with")]
    ReleaseEdited {
        /// Which.
        release: u64,
        /// What of it.
        what: &'static str,
    },
    /// A release has no first record, or a first record no release.
    #[error("release {release} has been {}", if *is_there { "put in: no record created it" } else { "taken out: its records are there, and it is not" })]
    ReleaseUnlinked {
        /// Which.
        release: u64,
        /// It is there, and the record is not.
        is_there: bool,
    },
}

/// Who noted a record's seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Witness {
    /// The file beside the journal.
    Anchor,
    /// Whoever asks.
    Asker,
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anchor => "the anchor",
            Self::Asker => "--head",
        })
    }
}

fn missing(from: u64, to: u64) -> String {
    if from == to {
        format!("record {from} is missing: it has been taken out")
    } else {
        format!("records {from} to {to} are missing: they have been taken out")
    }
}

/// What was found of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// Records looked at.
    pub records: u64,
    /// Releases looked at.
    pub releases: u64,
    /// Where the chain begins.
    pub start: Start,
    /// The newest record; `None` if there is none.
    pub head: Option<Head>,
    /// The record that the anchor knows; `None` where there is none to compare with.
    pub anchored: Option<u64>,
    /// What is not as it was written, in the journal's order.
    pub problems: Vec<Problem>,
}

/// Looks at the records of a journal, one after the other.
#[derive(Debug)]
pub struct Inspector {
    /// The seal that the next record must follow; `None` after a gap, which is a finding of its own.
    prev: Option<Seal>,
    witnesses: Vec<(Witness, Head)>,
    findings: Findings,
}

impl Inspector {
    /// One that begins at the start of a chain, and knows what others noted.
    pub fn new(start: Start, witnesses: Vec<(Witness, Head)>) -> Self {
        let anchored = witnesses.iter().find(|(witness, _)| *witness == Witness::Anchor).map(|(_, head)| head.number);
        let findings = Findings { records: 0, releases: 0, start, head: None, anchored, problems: Vec::new() };
        Self { prev: Some(start.seal()), witnesses, findings }
    }

    /// Looks at the next record, in the order of their numbers: its content, and both seals stored with it.
    pub fn see(&mut self, link: Link<'_>, prev: Option<Seal>, seal: Option<Seal>) {
        let next = self.findings.head.map_or(1, |head| head.number.saturating_add(1));
        if link.number > next {
            self.findings.problems.push(Problem::Missing { from: next, to: link.number - 1 });
            self.prev = None;
        }
        let is_sealed = prev.zip(seal).is_some_and(|(prev, seal)| link.seal(prev) == seal);
        if !is_sealed {
            self.findings.problems.push(Problem::Edited(link.place()));
        } else if self.prev.is_some() && self.prev != prev {
            self.findings.problems.push(Problem::Unlinked(link.place()));
        }
        // What comes next is held against what is stored here: one change is one finding.
        self.prev = seal;
        let seal = seal.unwrap_or(Seal([0; 32]));
        self.findings.records += 1;
        self.findings.head = Some(Head { number: link.number, seal });
        for (witness, head) in &self.witnesses {
            if head.number == link.number && head.seal != seal {
                self.findings.problems.push(Problem::Rewritten { number: link.number, witness: *witness });
            }
        }
    }

    /// Adds something that was found beside the chain.
    pub fn add(&mut self, problem: Problem) {
        self.findings.problems.push(problem);
    }

    /// Counts a release.
    pub fn count_release(&mut self) {
        self.findings.releases += 1;
    }

    /// What was found.
    pub fn finish(mut self) -> Findings {
        let last = self.findings.head.map_or(0, |head| head.number);
        let known = self.witnesses.iter().map(|(_, head)| head.number).max().unwrap_or(0);
        if known > last {
            self.findings.problems.push(Problem::Truncated { last, known });
        }
        self.findings
    }
}

#[cfg(test)]
mod tests;
