//! One engine for one service: whoever acts on it holds a lock that ends with the process, however that ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;

/// Who holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// What it is doing: `release 41 of api in production`.
    pub what: String,
    /// Operating-system user.
    pub name: String,
    /// Host.
    pub host: String,
    /// Process id.
    pub pid: u32,
    /// Since when.
    pub since: Timestamp,
}

/// Held until it is dropped or the process ends.
#[derive(Debug)]
pub struct Claim(File);

/// Why there is no claim.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Somebody else has it.
    #[error("{}", held(holder.as_ref()))]
    Held {
        /// Who, if they said so.
        holder: Option<Holder>,
    },
    /// The lock file cannot be used.
    #[error("the lock {path} cannot be used: {source}")]
    Io {
        /// Its path.
        path: String,
        /// Why.
        source: io::Error,
    },
}

fn held(holder: Option<&Holder>) -> String {
    match holder {
        Some(Holder { what, name, host, pid, .. }) => {
            format!(
                "another engine holds this service: {what}, by {name} on {host}, process {pid}; `cutover attach` joins it"
            )
        }
        None => "another engine holds this service; `cutover attach` joins it".to_owned(),
    }
}

impl Claim {
    /// Takes the lock at `path` and writes who holds it into it.
    ///
    /// # Errors
    ///
    /// When somebody else holds it, or the file cannot be used.
    pub fn take(path: &Path, holder: &Holder) -> Result<Self, ClaimError> {
        let failed = |source| ClaimError::Io { path: path.display().to_string(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let _unreadable = file.read_to_string(&mut text);
                return Err(ClaimError::Held { holder: serde_json::from_str(&text).ok() });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mut claim = Self(file);
        claim.write(holder).map_err(failed)?;
        Ok(claim)
    }

    fn write(&mut self, holder: &Holder) -> io::Result<()> {
        self.0.set_len(0)?;
        self.0.seek(SeekFrom::Start(0))?;
        self.0.write_all(&serde_json::to_vec(holder)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_claim_is_refused_and_names_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.lock");
        let holder = |pid| Holder {
            what: "release 41 of api in production".to_owned(),
            name: "maria".to_owned(),
            host: "bastion".to_owned(),
            pid,
            since: Timestamp::default(),
        };
        let first = Claim::take(&path, &holder(7)).unwrap();
        let refused = Claim::take(&path, &holder(8)).unwrap_err().to_string();
        assert!(
            refused.contains("release 41") && refused.contains("maria") && refused.contains("process 7"),
            "{refused}"
        );
        drop(first);
        assert!(Claim::take(&path, &holder(8)).is_ok());
    }
}
