//! The anchor: number and seal of the newest record, in a file of its own beside the journal. Records that are cut off at
//! the journal's end leave a chain that fits; the anchor still knows them.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::chain::{Head, Seal};

/// Digits of the number, so that every anchor is as long as any other and is replaced in place.
const DIGITS: usize = 20;

/// Bytes of an anchor: number, space, seal, end of line.
const LENGTH: usize = DIGITS + 1 + 64 + 1;

/// The file.
#[derive(Debug)]
pub struct Anchor {
    file: File,
}

impl Anchor {
    /// Where the anchor of the journal at `journal` is.
    pub fn beside(journal: &Path) -> PathBuf {
        journal.with_extension("anchor")
    }

    /// Opens the one there is.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::options().read(true).write(true).open(path)? })
    }

    /// Creates one, readable by its owner alone, or empties the one there is.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = File::options().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)?;
        Ok(Self { file })
    }

    /// What it knows; `None` as long as nothing was noted.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or holds something else.
    pub fn read(&self) -> io::Result<Option<Head>> {
        let mut bytes = [0; LENGTH];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, u64::try_from(filled).unwrap_or(u64::MAX))? {
                0 => break,
                read => filled += read,
            }
        }
        if filled == 0 {
            return Ok(None);
        }
        let text = bytes.get(..filled).and_then(|bytes| std::str::from_utf8(bytes).ok());
        let parts = text.and_then(|text| text.trim_end().split_once(' '));
        let head =
            parts.and_then(|(number, seal)| Some(Head { number: number.parse().ok()?, seal: Seal::from_hex(seal)? }));
        head.map(Some).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "is no anchor"))
    }

    /// Notes the newest record. Of several engines that append at the same time, the one that is further wins.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn note(&self, head: Head) -> io::Result<()> {
        match self.file.try_lock() {
            Ok(()) => {}
            // Whoever holds it notes a record of about now: an engine never waits for another one here.
            Err(TryLockError::WouldBlock) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let noted = self.note_held(head);
        self.file.unlock()?;
        noted
    }

    fn note_held(&self, head: Head) -> io::Result<()> {
        if self.read().is_ok_and(|known| known.is_some_and(|known| known.number >= head.number)) {
            return Ok(());
        }
        let line = format!("{:0DIGITS$} {}\n", head.number, head.seal);
        // In place and in one piece. Not synced: after a loss of power an older anchor may be there, which knows less and
        // nothing that is wrong.
        self.file.write_all_at(line.as_bytes(), 0)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_knows_the_newest_record_and_never_goes_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = Anchor::beside(&dir.path().join("journal.sqlite"));
        let anchor = Anchor::create(&path).unwrap();
        assert_eq!(anchor.read().unwrap(), None);
        let head = |number| Head { number, seal: Seal::of(&[7]) };
        anchor.note(head(9)).unwrap();
        Anchor::open(&path).unwrap().note(head(7)).unwrap();
        assert_eq!(anchor.read().unwrap(), Some(head(9)));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, "something else").unwrap();
        assert!(anchor.read().is_err());
    }
}
