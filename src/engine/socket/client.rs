//! A face's end of the socket: what comes out is a handle like any other.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot, watch};

use super::protocol::{Hello, PROTOCOL, ToEngine, ToFace, read, write};
use super::server::is_ours;
use crate::engine::handle::{EngineHandle, Envelope, Found, Inquiry, LogBatch, OrderSender, QuestionSender, Receipt};
use crate::engine::hub::Arriving;
use crate::engine::snapshot::Snapshot;

/// Orders on their way to the engine.
const ORDERS: usize = 16;

/// Log batches that the face has not looked at yet.
const BATCHES: usize = 64;

/// An engine that runs answers a face at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a face cannot attach.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// Nobody listens.
    #[error("no engine listens at {path}")]
    NoEngine {
        /// The socket.
        path: String,
    },
    /// It is somebody else's.
    #[error("the engine at {path} belongs to another user")]
    NotOurs {
        /// The socket.
        path: String,
    },
    /// It speaks another protocol.
    #[error(
        "the engine is cutover {theirs} and this is {ours}; they do not understand each other: attach with the version \
         that began the release"
    )]
    Version {
        /// The engine's version.
        theirs: String,
        /// Ours.
        ours: String,
    },
    /// It takes the connection and says nothing.
    #[error("the engine at {path} does not answer; see whether its process is stopped, or end it and try again")]
    Silent {
        /// The socket.
        path: String,
    },
    /// The connection broke, or what came made no sense.
    #[error("the engine cannot be understood: {0}")]
    Broken(#[from] io::Error),
}

/// Attaches to the engine that listens at `path`, and waits for its first snapshot.
///
/// # Errors
///
/// When there is none, it is not ours, it speaks another protocol, or it does not answer within five seconds.
pub async fn attach(path: &Path) -> Result<EngineHandle, AttachError> {
    // The system takes connections for a process that is stopped, too.
    match tokio::time::timeout(PATIENCE, greet(path)).await {
        // It ended while it was greeted.
        Ok(Err(AttachError::Broken(error))) if is_hangup(&error) => {
            Err(AttachError::NoEngine { path: path.display().to_string() })
        }
        Ok(outcome) => outcome,
        Err(_) => Err(AttachError::Silent { path: path.display().to_string() }),
    }
}

async fn greet(path: &Path) -> Result<EngineHandle, AttachError> {
    let name = || path.display().to_string();
    let stream = UnixStream::connect(path).await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => AttachError::NoEngine { path: name() },
        _ => AttachError::Broken(error),
    })?;
    if !is_ours(&stream) {
        return Err(AttachError::NotOurs { path: name() });
    }
    let (reading, mut writing) = stream.into_split();
    let mut reading = BufReader::new(reading);
    let hello: Hello = expect(read(&mut reading).await?)?;
    if hello.protocol != PROTOCOL {
        return Err(AttachError::Version { theirs: hello.version, ours: Hello::ours().version });
    }
    write(&mut writing, &Hello::ours()).await?;
    let first = loop {
        match expect(read::<ToFace>(&mut reading).await?)? {
            ToFace::Snapshot(snapshot) => break snapshot,
            ToFace::Logs(_) | ToFace::Receipt { .. } | ToFace::Found { .. } => {}
        }
    };
    let (show, snapshot) = watch::channel(first);
    let (hand_out, logs) = mpsc::channel(BATCHES);
    let (orders, ordered) = mpsc::channel(ORDERS);
    let (questions, asked) = mpsc::channel(ORDERS);
    tokio::spawn(converse(reading, writing, show, hand_out, Arriving { orders: ordered, questions: asked }));
    let (orders, questions) = (OrderSender::new(orders), QuestionSender::new(questions));
    Ok(EngineHandle { snapshot, logs, orders, questions })
}

fn is_hangup(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

fn expect<T>(message: Option<T>) -> io::Result<T> {
    message.ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "it hung up"))
}

/// What comes back from an engine for one who waits.
enum Reply {
    Receipt(u64, Receipt),
    Found(u64, Found),
}

/// Carries messages both ways until either side goes.
async fn converse(
    reading: BufReader<OwnedReadHalf>,
    mut writing: OwnedWriteHalf,
    show: watch::Sender<Arc<Snapshot>>,
    hand_out: mpsc::Sender<LogBatch>,
    mut outgoing: Arriving,
) {
    let mut ordered: HashMap<u64, oneshot::Sender<Receipt>> = HashMap::new();
    let mut asked: HashMap<u64, oneshot::Sender<Found>> = HashMap::new();
    let (reply, mut replies) = mpsc::channel(ORDERS);
    let mut listen = tokio::spawn(listen(reading, show, hand_out, reply));
    let mut last = 0_u64;
    loop {
        let message = tokio::select! {
            biased;
            // The engine has gone: dropping what waits tells everybody.
            _ = &mut listen => return,
            Some(reply) = replies.recv() => {
                // Whoever asked may have gone.
                match reply {
                    Reply::Receipt(id, receipt) => {
                        let _gone = ordered.remove(&id).map(|answer| answer.send(receipt));
                    }
                    Reply::Found(id, found) => {
                        let _gone = asked.remove(&id).map(|answer| answer.send(found));
                    }
                }
                continue;
            }
            envelope = outgoing.orders.recv() => {
                let Some(Envelope { order, answer }) = envelope else {
                    listen.abort();
                    return;
                };
                last += 1;
                ordered.insert(last, answer);
                ToEngine::Order { id: last, order }
            }
            Some(Inquiry { question, answer }) = outgoing.questions.recv() => {
                last += 1;
                asked.insert(last, answer);
                ToEngine::Question { id: last, question }
            }
        };
        if write(&mut writing, &message).await.is_err() {
            listen.abort();
            return;
        }
    }
}

async fn listen(
    mut reading: BufReader<OwnedReadHalf>,
    show: watch::Sender<Arc<Snapshot>>,
    hand_out: mpsc::Sender<LogBatch>,
    replies: mpsc::Sender<Reply>,
) {
    let mut dropped = 0;
    while let Ok(Some(message)) = read::<ToFace>(&mut reading).await {
        match message {
            ToFace::Snapshot(snapshot) => {
                show.send_replace(snapshot);
            }
            ToFace::Logs(mut batch) => {
                batch.dropped += std::mem::take(&mut dropped);
                if let Err(mpsc::error::TrySendError::Full(lost)) = hand_out.try_send(batch) {
                    dropped = lost.dropped + u64::try_from(lost.lines.len()).unwrap_or(u64::MAX);
                }
            }
            ToFace::Receipt { id, receipt } => {
                if replies.send(Reply::Receipt(id, receipt)).await.is_err() {
                    return;
                }
            }
            ToFace::Found { id, found } => {
                if replies.send(Reply::Found(id, found)).await.is_err() {
                    return;
                }
            }
        }
    }
}
