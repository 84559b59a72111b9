//! The messages between an engine and its faces.

use std::io;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::domain::command::Order;
use crate::engine::handle::{Found, LogBatch, Question, Receipt};
use crate::engine::snapshot::Snapshot;

/// The protocol that this version speaks. It changes whenever a message does.
pub const PROTOCOL: u32 = 4;

/// No message is longer.
const LONGEST: u64 = 16 * 1_024 * 1_024;

/// The first message of either side; its shape never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The program's name: `cutover`.
    pub program: String,
    /// Its version.
    pub version: String,
    /// The protocol it speaks.
    pub protocol: u32,
}

impl Hello {
    /// Ours.
    pub fn ours() -> Self {
        Self { program: "cutover".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned(), protocol: PROTOCOL }
    }
}

/// From an engine to a face.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ToFace {
    Snapshot(Arc<Snapshot>),
    Logs(LogBatch),
    Receipt { id: u64, receipt: Receipt },
    Found { id: u64, found: Found },
}

/// From a face to an engine.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ToEngine {
    Order { id: u64, order: Order },
    Question { id: u64, question: Question },
}

/// Reads the next message; `None` at the end. Only to be used where the future is not dropped half-way.
pub(super) async fn read<T: DeserializeOwned>(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    let read = from.take(LONGEST).read_until(b'\n', &mut line).await?;
    if read == 0 {
        return Ok(None);
    }
    if !line.ends_with(b"\n") && line.len() < usize::try_from(LONGEST).unwrap_or(usize::MAX) {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it hung up in the middle of a message"));
    }
    serde_json::from_slice(&line).map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Writes a message.
pub(super) async fn write(to: &mut (impl AsyncWrite + Unpin), message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line).await?;
    to.flush().await
}
