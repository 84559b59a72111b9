//! The only way from a face to an engine. The face cannot tell whether the engine runs in its own process or behind a
//! Unix socket.

mod question;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot, watch};

use crate::domain::command::{Order, Refusal};
use crate::domain::ids::Revision;
use crate::domain::log::LogLine;
use crate::engine::snapshot::Snapshot;

pub use super::snapshot::{AlarmDetail, AlarmList, Passage};
pub use question::{Answer, Found, Inquiry, Question, QuestionSender};

/// Log lines on their way to a face; older ones are dropped first, and counted.
pub const LOG_LANE: usize = 4_096;

/// A face's hold on an engine.
#[derive(Debug)]
pub struct EngineHandle {
    /// The newest snapshot; skipped ones are not missed.
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    /// New log lines, oldest first, in batches.
    pub logs: mpsc::Receiver<LogBatch>,
    /// Where orders go.
    pub orders: OrderSender,
    /// Where questions go.
    pub questions: QuestionSender,
}

/// Log lines that came together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogBatch {
    /// Oldest first.
    pub lines: Vec<LogLine>,
    /// Lines that were dropped since the last batch because the face was too slow.
    pub dropped: u64,
}

/// Sends orders to an engine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct OrderSender(mpsc::Sender<Envelope>);

/// An order with the place for its answer.
#[derive(Debug)]
pub struct Envelope {
    /// The order.
    pub order: Order,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Receipt>,
}

/// An engine's answer to an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Receipt {
    /// Taken; the release is at this revision now.
    Accepted(Revision),
    /// Not taken, and why.
    Refused(Refusal),
    /// Nobody answered: the engine has ended or cannot be reached.
    Lost(String),
}

/// What somebody who is shown a past release may wish for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Playback {
    /// Stand still, or go on.
    Pause,
    /// Twice as fast.
    Faster,
    /// Half as fast.
    Slower,
    /// On to the next thing that happened.
    Next,
}

impl OrderSender {
    /// A sender into `channel`.
    pub fn new(channel: mpsc::Sender<Envelope>) -> Self {
        Self(channel)
    }

    /// Sends an order on with the place for its answer. Where nobody takes it, whoever waits for the answer is told so.
    pub async fn forward(&self, envelope: Envelope) {
        let _answered_by_its_end = self.0.send(envelope).await;
    }

    /// Sends an order and waits for its answer.
    pub async fn send(&self, order: Order) -> Receipt {
        let (answer, reply) = oneshot::channel();
        if self.0.send(Envelope { order, answer }).await.is_err() {
            return Receipt::Lost("the engine has ended".to_owned());
        }
        reply.await.unwrap_or_else(|_| Receipt::Lost("the engine ended before it answered".to_owned()))
    }
}
