//! A terminal with a stopwatch: a program in a pseudo-terminal, what it shows, and when each byte of it came.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use tokio::time::Instant;

use super::Failure;

/// The end of a frame: DECSET 2026 reset. Titles and bells may follow it.
const FRAME_END: &[u8] = b"\x1b[?2026l";

/// A program that shows nothing for this long has failed.
const PATIENCE: Duration = Duration::from_mins(1);

/// A program in a pseudo-terminal.
pub(crate) struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    output: Receiver<(Instant, Vec<u8>)>,
    screen: vt100::Parser,
    started: Instant,
    bytes: u64,
    /// Held so that the terminal is not hung up.
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    pub(crate) fn start(program: &str, arguments: &[&str], columns: u16, rows: u16) -> Result<Self, Failure> {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pty = native_pty_system().openpty(size)?;
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        for (name, value) in [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8")] {
            command.env(name, value);
        }
        let mut reader = pty.master.try_clone_reader()?;
        let keys = pty.master.take_writer()?;
        let started = Instant::now();
        let child = pty.slave.spawn_command(command)?;
        let (send, output) = channel();
        std::thread::spawn(move || {
            let mut chunk = vec![0; 1 << 16];
            while let Ok(read @ 1..) = reader.read(&mut chunk) {
                let bytes = chunk.get(..read).unwrap_or_default().to_vec();
                if send.send((Instant::now(), bytes)).is_err() {
                    return;
                }
            }
        });
        let screen = vt100::Parser::new(rows.try_into()?, columns.try_into()?, 0);
        Ok(Self { child, keys, output, screen, started, bytes: 0, _master: pty.master })
    }

    /// When the program was started.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// Bytes that have come so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn press(&mut self, key: &str) -> Result<Instant, Failure> {
        let at = Instant::now();
        self.keys.write_all(key.as_bytes())?;
        self.keys.flush()?;
        Ok(at)
    }

    /// Waits until a whole frame shows `text`; when its last byte came.
    pub(crate) fn shown(&mut self, text: &str) -> Result<Instant, Failure> {
        let end = Instant::now() + PATIENCE;
        while let Some((at, is_whole)) = self.take(end.saturating_duration_since(Instant::now()))? {
            if is_whole && self.screen.screen().contents().contains(text) {
                return Ok(at);
            }
        }
        Err(format!("no `{text}` on the screen:\n{}", self.screen.screen().contents()).into())
    }

    /// Takes what comes for `span`; the bytes of it.
    pub(crate) fn listen(&mut self, span: Duration) -> Result<u64, Failure> {
        let (before, end) = (self.bytes, Instant::now() + span);
        while self.take(end.saturating_duration_since(Instant::now()))?.is_some() {}
        Ok(self.bytes - before)
    }

    /// Takes the next bytes: when they came, and whether a frame ends among them. `None` when nothing comes in time.
    fn take(&mut self, patience: Duration) -> Result<Option<(Instant, bool)>, Failure> {
        match self.output.recv_timeout(patience) {
            Ok((at, bytes)) => {
                self.bytes += bytes.len() as u64;
                self.screen.process(&bytes);
                Ok(Some((at, bytes.windows(FRAME_END.len()).any(|part| part == FRAME_END))))
            }
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err("the program has ended".into()),
        }
    }

    /// Resident memory in bytes, as Linux counts it.
    pub(crate) fn resident(&self) -> Result<u64, Failure> {
        let id = self.child.process_id().ok_or("the program has no id")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
        let kilobytes: u64 = line.split_whitespace().nth(1).ok_or("no number")?.parse()?;
        Ok(kilobytes * 1_024)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Either may find it gone already.
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}
