//! Telling people. A channel that does not answer never delays a release.

pub mod sns;

use async_trait::async_trait;

use crate::domain::effect::{Failure, Notice};

/// Sends messages to channels.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Sends one message to its channel. Sending it again sends the same key.
    async fn send(&self, notice: &Notice) -> Result<(), Failure>;
}

/// Sends nothing: for releases without channels.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

#[async_trait]
impl Notifier for Silent {
    async fn send(&self, _notice: &Notice) -> Result<(), Failure> {
        Ok(())
    }
}
