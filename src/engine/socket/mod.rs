//! An engine in a process of its own, and the faces that attach to it over a Unix socket.
//!
//! The socket is readable by its owner alone, and both ends check that the other belongs to the same user. Each line is
//! one JSON message. The first message of both sides says which protocol they speak; ends that differ say so and part.

pub mod claim;
pub mod client;
mod protocol;
pub mod server;

use std::path::{Path, PathBuf};

pub use protocol::{Hello, PROTOCOL};

/// Where the engines of one user on one host are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Berth {
    dir: PathBuf,
}

/// The longest path that a Unix socket can have on Linux, less the final zero.
const LONGEST_PATH: usize = 107;

impl Berth {
    /// The berth below the directory that the journal is kept in.
    pub fn below(journal_dir: &Path) -> Self {
        Self { dir: journal_dir.join("engines") }
    }

    /// Creates its directory, for its owner alone.
    ///
    /// # Errors
    ///
    /// When it cannot be created, or its path is too long for a socket.
    pub fn prepare(&self) -> std::io::Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        if self.dir.as_os_str().len() + 40 > LONGEST_PATH {
            let message = format!("{} is too long a path for a socket; set a shorter journal", self.dir.display());
            return Err(std::io::Error::other(message));
        }
        if self.dir.is_dir() {
            return Ok(());
        }
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)
    }

    /// The socket of the engine that releases this component.
    pub fn socket(&self, environment: &str, component: &str) -> PathBuf {
        self.dir.join(format!("{}.sock", name(environment, component)))
    }

    /// The file that its messages go to.
    pub fn log(&self, environment: &str, component: &str) -> PathBuf {
        self.dir.join(format!("{}.log", name(environment, component)))
    }

    /// The file that whoever acts on this resource holds.
    pub fn lock(&self, resource: &str) -> PathBuf {
        self.dir.join(format!("{:016x}.lock", fingerprint(resource)))
    }

    /// What tells the engines of this journal from those of others: drawn once, and kept beside it. A copy of the journal's
    /// directory has the same.
    ///
    /// # Errors
    ///
    /// When it cannot be read or written.
    pub fn owner(&self) -> std::io::Result<String> {
        use std::io::{Read as _, Write as _};
        use std::os::unix::fs::OpenOptionsExt as _;
        let path = self.dir.join("owner");
        if let Ok(known) = std::fs::read_to_string(&path)
            && !known.is_empty()
        {
            return Ok(known);
        }
        let mut drawn = [0_u8; 16];
        std::fs::File::open("/dev/urandom")?.read_exact(&mut drawn)?;
        let drawn = format!("{:032x}", u128::from_be_bytes(drawn));
        // Whole or not at all, and never over another's: two engines that start at once agree on one.
        let made = path.with_extension(&drawn);
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&made)?;
        file.write_all(drawn.as_bytes())?;
        file.sync_all()?;
        let linked = std::fs::hard_link(&made, &path);
        std::fs::remove_file(&made)?;
        match linked {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
            _ => std::fs::read_to_string(&path),
        }
    }

    /// The sockets there are, whether or not an engine still listens.
    pub fn sockets(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(&self.dir) else { return Vec::new() };
        let mut found: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "sock"))
            .collect();
        found.sort();
        found
    }
}

/// A file name for an engine: short whatever the names are.
fn name(environment: &str, component: &str) -> String {
    let plain: String = format!("{environment}.{component}")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' })
        .take(15)
        .collect();
    format!("{plain}-{:08x}", fingerprint(&format!("{environment}\n{component}")) >> 32)
}

/// FNV-1a: the same in every build, unlike the standard library's hashes.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
