//! The web as the engine sees it: a port that asks one HTTP request and brings the answer, or why there is none.
//!
//! [`client`] is the only implementation outside tests.

pub mod client;

use std::time::Duration;

use async_trait::async_trait;

use crate::domain::check::{Fetched, NoAnswer, Request};

/// Asks HTTP servers.
#[async_trait]
pub trait Web: Send + Sync {
    /// One request and its answer. Redirects are answers like any other. It is given up after `timeout`; the body is
    /// cut at [`LONGEST_BODY`].
    async fn fetch(&self, request: &Request, timeout: Duration) -> Result<Fetched, NoAnswer>;
}

/// Most of a body that is read, in bytes.
pub const LONGEST_BODY: usize = 64 * 1024;
