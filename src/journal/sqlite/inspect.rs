//! Finding out whether anything in the journal has been changed.

use std::collections::BTreeMap;

use super::{First, SqliteJournal, broken, decode, unread, unsigned};
use crate::domain::command::Actor;
use crate::journal::JournalError;
use crate::journal::anchor::Anchor;
use crate::journal::chain::{Findings, Head, Inspector, Link, Problem, Seal, Witness};

/// A release's first record, and when it was written.
type Firsts = BTreeMap<u64, (Option<First>, i64)>;

impl SqliteJournal {
    /// Looks at every record and release. `noted` is a record that somebody wrote down earlier, elsewhere.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read. That something was changed is no error, but a finding.
    pub fn inspect(&self, noted: Option<Head>) -> Result<Findings, JournalError> {
        // One view of the journal: an engine may append meanwhile. The anchor is read first, so that it never knows more.
        let anchor = self.read_anchor();
        let view = self.connection.unchecked_transaction().map_err(unread(&self.path))?;
        let mut witnesses: Vec<(Witness, Head)> = noted.map(|head| (Witness::Asker, head)).into_iter().collect();
        let mut lost = None;
        match anchor {
            Ok(head) => witnesses.extend(head.map(|head| (Witness::Anchor, head))),
            Err(problem) => lost = Some(problem),
        }
        let mut inspector = Inspector::new(self.start, witnesses);
        let firsts = self.inspect_records(&mut inspector)?;
        self.inspect_releases(firsts, &mut inspector)?;
        if let Some(problem) = lost {
            inspector.add(problem);
        }
        drop(view);
        Ok(inspector.finish())
    }

    /// Makes the anchor anew from the newest record there is.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn renew_anchor(&mut self) -> Result<(), JournalError> {
        let Some(path) = self.file() else { return Ok(()) };
        let failed = |error: std::io::Error| broken(path, "anchored", error);
        let anchor = Anchor::create(&Anchor::beside(path)).map_err(failed)?;
        if let Some(head) = super::head(&self.connection, path)? {
            anchor.note(head).map_err(failed)?;
        }
        self.anchor = Some(anchor);
        Ok(())
    }

    /// What the anchor knows. In memory there is none, and nobody who could cut anything off.
    fn read_anchor(&self) -> Result<Option<Head>, Problem> {
        let Some(path) = self.file() else { return Ok(None) };
        let place = Anchor::beside(path);
        let no_anchor = |why: String| Problem::NoAnchor { path: place.display().to_string(), why };
        let read = Anchor::open(&place).and_then(|anchor| anchor.read());
        match read {
            Ok(Some(head)) => Ok(Some(head)),
            Ok(None) if super::head(&self.connection, path).is_ok_and(|head| head.is_none()) => Ok(None),
            Ok(None) => Err(no_anchor("is empty".to_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(no_anchor("is not there".to_owned())),
            Err(error) => Err(no_anchor(format!("cannot be read ({error})"))),
        }
    }

    fn inspect_records(&self, inspector: &mut Inspector) -> Result<Firsts, JournalError> {
        let unread = unread(&self.path);
        let mut select = self
            .connection
            .prepare("SELECT number, release, seq, at, status, ended, entry, prev, hash FROM records ORDER BY number")
            .map_err(unread)?;
        let mut rows = select.query([]).map_err(unread)?;
        let mut firsts = Firsts::new();
        while let Some(row) = rows.next().map_err(unread)? {
            let read = || -> rusqlite::Result<_> {
                let (number, release, seq) = (row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?);
                let (at, status, ended) = (row.get::<_, i64>(3)?, row.get::<_, String>(4)?, row.get::<_, bool>(5)?);
                let (prev, hash) = (row.get::<_, Vec<u8>>(7)?, row.get::<_, Vec<u8>>(8)?);
                Ok((number, release, seq, at, status, ended, row.get::<_, String>(6)?, prev, hash))
            };
            let (number, release, seq, at, status, ended, entry, prev, hash) = read().map_err(unread)?;
            let (number, release, seq) = (unsigned(number), unsigned(release), unsigned(seq));
            let link = Link { number, release, seq, at, status: &status, ended, entry: &entry };
            inspector.see(link, Seal::from_bytes(&prev), Seal::from_bytes(&hash));
            if seq == 0 {
                firsts.insert(release, (decode(&self.path, &entry).ok(), at));
            }
        }
        Ok(firsts)
    }

    /// Holds every release against its first record.
    fn inspect_releases(&self, mut firsts: Firsts, inspector: &mut Inspector) -> Result<(), JournalError> {
        let unread = unread(&self.path);
        let mut select = self
            .connection
            .prepare("SELECT id, plan, by, created, environment, component FROM releases ORDER BY id")
            .map_err(unread)?;
        let mut rows = select.query([]).map_err(unread)?;
        while let Some(row) = rows.next().map_err(unread)? {
            let read = || -> rusqlite::Result<_> {
                let (id, plan, by) = (row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?);
                Ok((id, plan, by, row.get::<_, i64>(3)?, [row.get::<_, String>(4)?, row.get::<_, String>(5)?]))
            };
            let (id, text, by, created, place) = read().map_err(unread)?;
            let release = unsigned(id);
            inspector.count_release();
            let Some((first, at)) = firsts.remove(&release) else {
                inspector.add(Problem::ReleaseUnlinked { release, is_there: true });
                continue;
            };
            // A first record that says nothing of the kind has been changed, and found to be.
            let Some(First::Created { plan, by: creator, .. }) = first else { continue };
            let named: Option<crate::domain::plan::Plan> = decode(&self.path, &text).ok();
            let is_named = named.is_none_or(|plan| [plan.environment.0.clone(), plan.components_named()] == place);
            for (is_same, what) in [
                (plan == Seal::of(text.as_bytes()).to_string(), "its plan"),
                (decode::<Actor>(&self.path, &by).is_ok_and(|by| by == creator), "who began it"),
                (created == at, "when it was created"),
                (is_named, "what it releases and where"),
            ] {
                if !is_same {
                    inspector.add(Problem::ReleaseEdited { release, what });
                }
            }
        }
        for release in firsts.into_keys() {
            inspector.add(Problem::ReleaseUnlinked { release, is_there: false });
        }
        Ok(())
    }
}
