//! The engine's end of the socket.

use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::BufReader;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::protocol::{Hello, PROTOCOL, ToEngine, ToFace, read, write};
use crate::engine::handle::{EngineHandle, OrderSender, QuestionSender};
use crate::engine::hub::Hub;

/// A face is shown at most this many snapshots a second; it misses nothing, since each is whole.
const BETWEEN_SNAPSHOTS: Duration = Duration::from_millis(50);

/// An engine that runs shows a fresh snapshot within this time of a face attaching.
const FIRST_SNAPSHOT: Duration = Duration::from_millis(250);

/// Answers on their way to one face.
const RECEIPTS: usize = 16;

/// The socket of an engine; removed when it is dropped.
#[derive(Debug)]
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
    /// Which file it is: another engine may have put its own there since.
    inode: u64,
    faces: watch::Sender<Attendance>,
}

/// Faces now, and faces ever.
#[derive(Clone, Copy, Debug, Default)]
struct Attendance {
    now: usize,
    ever: usize,
}

/// How many faces are attached.
#[derive(Clone, Debug)]
pub struct Faces(watch::Receiver<Attendance>);

impl Faces {
    /// Waits until a face has come at all: whoever began the release may still be on the way.
    pub async fn came(&mut self) {
        // The server itself may be gone, and its faces with it.
        let _server_gone = self.0.wait_for(|faces| faces.ever > 0).await;
    }

    /// Waits until no face is attached.
    pub async fn gone(&mut self) {
        let _server_gone = self.0.wait_for(|faces| faces.now == 0).await;
    }
}

impl Server {
    /// Listens at `path`. A socket that a dead engine left there is replaced: whoever calls this holds the claim.
    ///
    /// # Errors
    ///
    /// When the socket cannot be made.
    pub fn bind(path: &Path) -> io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        let inode = std::fs::metadata(path)?.ino();
        Ok(Self { listener, path: path.to_owned(), inode, faces: watch::Sender::default() })
    }

    /// How many faces are attached.
    pub fn faces(&self) -> Faces {
        Faces(self.faces.subscribe())
    }

    /// Serves faces until it is dropped.
    pub async fn serve(self, hub: Hub) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    let Ok((stream, _)) = accepted else {
                        // Out of file descriptors, for one: what is attached goes on.
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    };
                    if is_ours(&stream) {
                        connections.spawn(attend(stream, hub.clone(), self.faces.clone()));
                    }
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let is_ours = std::fs::metadata(&self.path).is_ok_and(|file| file.ino() == self.inode);
        if is_ours {
            let _gone_already = std::fs::remove_file(&self.path);
        }
    }
}

/// Whether the other end belongs to the user that we run as.
pub(super) fn is_ours(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == rustix::process::geteuid().as_raw())
}

/// Counts a face while it lives.
struct Counted(watch::Sender<Attendance>);

impl Counted {
    fn new(faces: watch::Sender<Attendance>) -> Self {
        faces.send_modify(|faces| {
            faces.now += 1;
            faces.ever += 1;
        });
        Self(faces)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|faces| faces.now = faces.now.saturating_sub(1));
    }
}

/// One face, until it goes. Errors only mean that it went.
async fn attend(stream: UnixStream, hub: Hub, faces: watch::Sender<Attendance>) {
    let (reading, mut writing) = stream.into_split();
    let mut reading = BufReader::new(reading);
    if write(&mut writing, &Hello::ours()).await.is_err() {
        return;
    }
    match read::<Hello>(&mut reading).await {
        Ok(Some(hello)) if hello.protocol == PROTOCOL => {}
        // It has our hello and can say why we do not talk.
        Ok(_) | Err(_) => return,
    }
    let _counted = Counted::new(faces);
    let EngineHandle { snapshot, logs, orders, questions } = hub.attach();
    let (receipts, answered) = mpsc::channel(RECEIPTS);
    let listen = listen(reading, orders, questions, receipts);
    let speak = speak(writing, snapshot, logs, answered);
    // Either end of it ends both.
    tokio::select! {
        () = listen => {}
        _ = speak => {}
    }
}

async fn listen(
    mut reading: BufReader<OwnedReadHalf>,
    orders: OrderSender,
    questions: QuestionSender,
    answers: mpsc::Sender<ToFace>,
) {
    let mut waiting = JoinSet::new();
    while let Ok(Some(message)) = read(&mut reading).await {
        let answers = answers.clone();
        match message {
            ToEngine::Order { id, order } => {
                let orders = orders.clone();
                waiting.spawn(async move {
                    let receipt = orders.send(order).await;
                    // The face may be gone.
                    let _gone = answers.send(ToFace::Receipt { id, receipt }).await;
                });
            }
            ToEngine::Question { id, question } => {
                let questions = questions.clone();
                waiting.spawn(async move {
                    let found = questions.ask(question).await;
                    let _gone = answers.send(ToFace::Found { id, found }).await;
                });
            }
        }
        while waiting.try_join_next().is_some() {}
    }
    // A script that sends and leaves: its order is carried out all the same.
    while waiting.join_next().await.is_some() {}
}

async fn speak(
    mut writing: OwnedWriteHalf,
    mut snapshot: watch::Receiver<Arc<crate::engine::snapshot::Snapshot>>,
    mut logs: mpsc::Receiver<crate::engine::handle::LogBatch>,
    mut answered: mpsc::Receiver<ToFace>,
) -> io::Result<()> {
    let mut shown = tokio::time::Instant::now();
    // While nobody looked, the snapshot was not kept up to date: the first one is awaited, unless the engine has ended.
    let _ended = tokio::time::timeout(FIRST_SNAPSHOT, snapshot.changed()).await;
    snapshot.mark_changed();
    loop {
        let message = tokio::select! {
            biased;
            Some(receipt) = answered.recv() => receipt,
            changed = next_snapshot(&mut snapshot, shown) => {
                if changed.is_err() {
                    return Ok(());
                }
                shown = tokio::time::Instant::now() + BETWEEN_SNAPSHOTS;
                let newest = Arc::clone(&snapshot.borrow_and_update());
                ToFace::Snapshot(newest)
            }
            Some(batch) = logs.recv() => ToFace::Logs(batch),
        };
        write(&mut writing, &message).await?;
    }
}

async fn next_snapshot(
    snapshot: &mut watch::Receiver<Arc<crate::engine::snapshot::Snapshot>>,
    not_before: tokio::time::Instant,
) -> Result<(), watch::error::RecvError> {
    tokio::time::sleep_until(not_before).await;
    snapshot.changed().await
}
