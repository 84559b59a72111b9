//! Leases in a table with conditional writes: what keeps two hosts' engines off one service.

use async_trait::async_trait;

use super::CloudError;
use crate::domain::lease::Lease;

/// Where leases lie. A table may hold those of many services, and other things besides.
#[async_trait]
pub trait Leases: Send + Sync {
    /// The lease of `lock`, as it is now.
    async fn lease(&self, table: &str, lock: &str) -> Result<Option<Lease>, CloudError>;

    /// Writes the lease of `lock` if what is there is `instead_of`, and nothing if it is something else. Asking twice for
    /// the same writes once.
    async fn write_lease(
        &self,
        table: &str,
        lock: &str,
        lease: &Lease,
        instead_of: Option<&Lease>,
    ) -> Result<Written, CloudError>;

    /// The table: what its items are told apart by. [`ErrorKind::NotFound`](super::ErrorKind::NotFound) when there is none.
    async fn lock_table(&self, table: &str) -> Result<LockTable, CloudError>;
}

/// What came of a conditional write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is there.
    Done,
    /// Nothing was written: this is there instead.
    Not(Option<Lease>),
}

/// A table as it is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockTable {
    /// AWS's word for its state; `ACTIVE` when it can be used.
    pub status: String,
    /// The attributes of its key with their types, as in `LockID (S)`.
    pub key: Vec<String>,
}

/// The key that a lock table must have.
pub const LOCK_KEY: &str = "LockID (S)";
