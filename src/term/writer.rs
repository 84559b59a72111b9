//! The thread that owns the terminal's output.
//!
//! It takes one frame at a time and writes it in one go. While it is at it no other frame is taken, and so none is drawn:
//! the rate of frames follows the link, and a terminal that has stopped reading stops nothing but itself.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use tokio::sync::watch;

/// What the writer has done and is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Frames written.
    pub frames: u64,
    /// Bytes written.
    pub bytes: u64,
    /// A frame is under way.
    pub busy: bool,
    /// Why the terminal takes no more frames, once it does not.
    pub failure: Option<io::ErrorKind>,
}

/// The last frame is still under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the terminal has not taken the last frame yet; wait until the outlet is idle")]
pub struct NotReady;

/// The way to the writer thread. The thread ends when this is dropped and the frame under way is written.
#[derive(Debug)]
pub struct Outlet {
    frames: SyncSender<Vec<u8>>,
    progress: watch::Sender<Progress>,
}

impl Outlet {
    /// Starts a writer thread over `sink`, which it owns from now on.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn(sink: impl Write + Send + 'static) -> io::Result<Self> {
        let (frames, inbox) = sync_channel(1);
        let progress = watch::Sender::new(Progress::default());
        let report = progress.clone();
        thread::Builder::new().name("terminal".to_owned()).spawn(move || write_frames(sink, &inbox, &report))?;
        Ok(Self { frames, progress })
    }

    /// Hands over a frame; an empty one is nothing to do. Once the terminal has failed frames are dropped, so that nobody
    /// waits for it; see [`Outlet::failed`].
    ///
    /// # Errors
    /// When the last frame is still under way; nothing has been sent then.
    pub fn send(&self, frame: Vec<u8>) -> Result<(), NotReady> {
        let progress = *self.progress.borrow();
        if frame.is_empty() || progress.failure.is_some() {
            return Ok(());
        }
        if progress.busy {
            return Err(NotReady);
        }
        self.progress.send_modify(|progress| progress.busy = true);
        self.frames.try_send(frame).map_err(|_| NotReady)
    }

    /// Whether the last frame has been written.
    pub fn is_idle(&self) -> bool {
        !self.progress.borrow().busy
    }

    /// Waits until the last frame has been written. Dropping the future loses nothing.
    pub async fn idle(&self) {
        self.until(|progress| !progress.busy).await;
    }

    /// Waits until the terminal takes no more frames: it was closed, or the connection to it was lost.
    pub async fn failed(&self) -> io::ErrorKind {
        self.until(|progress| progress.failure.is_some()).await.failure.unwrap_or(io::ErrorKind::Other)
    }

    /// What has been written so far.
    pub fn progress(&self) -> Progress {
        *self.progress.borrow()
    }

    async fn until(&self, reached: impl FnMut(&Progress) -> bool) -> Progress {
        let mut progress = self.progress.subscribe();
        // The sender is `self`'s own and outlives the wait, so the channel cannot close under it.
        progress.wait_for(reached).await.map_or_else(|_| Progress::default(), |progress| *progress)
    }
}

fn write_frames(mut sink: impl Write, inbox: &Receiver<Vec<u8>>, report: &watch::Sender<Progress>) {
    while let Ok(frame) = inbox.recv() {
        let written = sink.write_all(&frame).and_then(|()| sink.flush());
        report.send_modify(|progress| {
            progress.busy = false;
            match written {
                Ok(()) => {
                    progress.frames += 1;
                    progress.bytes += frame.len() as u64;
                }
                Err(error) => progress.failure = Some(error.kind()),
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Condvar, Mutex};
    use std::time::Duration;

    use super::*;

    #[derive(Default)]
    struct Reading {
        resumed: bool,
        writes: Vec<Vec<u8>>,
    }

    /// A terminal that reads nothing until it is let.
    #[derive(Clone, Default)]
    struct Stopped {
        state: Arc<(Mutex<Reading>, Condvar)>,
    }

    impl Stopped {
        fn resume(&self) {
            self.state.0.lock().unwrap().resumed = true;
            self.state.1.notify_all();
        }

        fn writes(&self) -> Vec<Vec<u8>> {
            self.state.0.lock().unwrap().writes.clone()
        }
    }

    impl Write for Stopped {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut state = self.state.1.wait_while(self.state.0.lock().unwrap(), |state| !state.resumed).unwrap();
            state.writes.push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_stopped_terminal_takes_one_frame_and_refuses_the_next_without_blocking() {
        let terminal = Stopped::default();
        let outlet = Outlet::spawn(terminal.clone()).unwrap();
        assert_eq!(outlet.send(b"one".to_vec()), Ok(()));
        assert_eq!(outlet.send(b"two".to_vec()), Err(NotReady));
        assert!(!outlet.is_idle());
        assert!(tokio::time::timeout(Duration::from_millis(20), outlet.idle()).await.is_err());

        terminal.resume();
        outlet.idle().await;
        assert_eq!(outlet.send(b"three".to_vec()), Ok(()));
        outlet.idle().await;
        assert_eq!(terminal.writes(), [b"one".to_vec(), b"three".to_vec()]);
        assert_eq!(outlet.progress(), Progress { frames: 2, bytes: 8, busy: false, failure: None });
    }

    #[tokio::test]
    async fn a_lost_terminal_is_told_and_holds_nobody_up() {
        let outlet = Outlet::spawn(Gone).unwrap();
        assert_eq!(outlet.send(b"one".to_vec()), Ok(()));
        assert_eq!(outlet.failed().await, io::ErrorKind::BrokenPipe);
        assert_eq!(outlet.send(b"two".to_vec()), Ok(()));
        outlet.idle().await;
        assert_eq!(outlet.progress().frames, 0);
    }

    #[tokio::test]
    async fn nothing_to_say_is_no_frame() {
        let outlet = Outlet::spawn(io::sink()).unwrap();
        assert_eq!(outlet.send(Vec::new()), Ok(()));
        assert!(outlet.is_idle());
        assert_eq!(outlet.progress(), Progress::default());
    }
}
