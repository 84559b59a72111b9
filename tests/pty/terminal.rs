//! A program in a terminal of its own: what it shows, what it writes, and in which state it leaves the terminal.

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

/// The longest that anything on a screen is waited for. It only ever passes when a test fails.
const PATIENCE: Duration = Duration::from_secs(40);

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_cutover");

/// What a terminal has been sent so far.
struct Seen {
    screen: vt100::Parser,
    bytes: Vec<u8>,
}

/// A terminal with a program in it. Dropping it hangs up and ends the program.
pub(crate) struct Terminal {
    master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn Write + Send>,
    seen: watch::Sender<Seen>,
    pid: u32,
    ended: oneshot::Receiver<ExitStatus>,
    before: String,
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code; 1 if a signal ended it.
    pub(crate) code: u32,
    /// The signal that ended it.
    pub(crate) signal: Option<String>,
    /// All that it wrote.
    pub(crate) output: String,
    /// Whether the terminal is in the modes it was in before.
    pub(crate) is_restored: bool,
    /// What is on the terminal.
    pub(crate) screen: vt100::Screen,
}

/// An example of this package, which `cargo test` builds beside the program.
pub(crate) fn example(name: &str) -> String {
    let path = Path::new(PROGRAM).with_file_name("examples").join(name);
    assert!(path.is_file(), "{} is not there; `cargo build --example {name}` makes it", path.display());
    path.to_str().unwrap().to_owned()
}

/// A command in an environment that depends on nobody's own settings.
pub(crate) fn command(program: &str, home: &Path) -> CommandBuilder {
    let mut command = CommandBuilder::new(program);
    command.env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", home);
    command.env("TERM", "xterm-256color");
    command.env("LANG", "C.UTF-8");
    command.env("TZ", "UTC");
    command.cwd(home);
    command
}

impl Terminal {
    /// Starts a command in a terminal of 120 columns and 40 rows.
    pub(crate) fn start(command: CommandBuilder) -> Self {
        let (columns, rows) = (120, 40);
        let pty = native_pty_system().openpty(size(columns, rows)).expect("the system has no pseudo-terminal");
        let before = modes(pty.master.as_ref());
        let child = pty.slave.spawn_command(command).expect("the program does not start");
        let reader = pty.master.try_clone_reader().unwrap();
        let keyboard = pty.master.take_writer().unwrap();
        let seen = watch::Sender::new(Seen { screen: parser(columns, rows), bytes: Vec::new() });
        let pid = child.process_id().unwrap();
        let ended = watch_over(child, reader, seen.clone());
        Self { master: pty.master, keyboard, seen, pid, ended, before }
    }

    /// Waits until the screen holds `text`.
    pub(crate) async fn shows(&self, text: &str) {
        self.until(&format!("`{text}` on the screen"), |screen| screen.contains(text)).await;
    }

    /// Waits until the screen no longer holds `text`.
    pub(crate) async fn hides(&self, text: &str) {
        self.until(&format!("`{text}` gone from the screen"), |screen| !screen.contains(text)).await;
    }

    /// Waits until the screen is as it should be.
    pub(crate) async fn until(&self, what: &str, mut is_so: impl FnMut(&str) -> bool) {
        self.saw(what, |seen| is_so(&seen.screen.screen().contents())).await;
    }

    /// Waits until `text` has been written at all, whether or not it is still on the screen.
    pub(crate) async fn wrote(&self, text: &str) {
        self.saw(&format!("{text:?} written"), |seen| holds(&seen.bytes, text.as_bytes())).await;
    }

    async fn saw(&self, what: &str, is_so: impl FnMut(&Seen) -> bool) {
        let mut seen = self.seen.subscribe();
        let outcome = timeout(PATIENCE, seen.wait_for(is_so)).await.map(drop);
        assert!(outcome.is_ok(), "waited {PATIENCE:?} in vain for {what}; the screen is:\n{}", self.screen());
    }

    /// Waits until nothing has been written for `span`.
    pub(crate) async fn stands_still(&self, span: Duration) {
        let mut seen = self.seen.subscribe();
        let quiet = async { while timeout(span, seen.changed()).await.is_ok_and(|changed| changed.is_ok()) {} };
        let outcome = timeout(PATIENCE, quiet).await;
        assert!(outcome.is_ok(), "something is written every {span:?}; the screen is:\n{}", self.screen());
    }

    /// Waits until anything at all is written.
    pub(crate) async fn moves(&self) {
        let mut seen = self.seen.subscribe();
        let _ended = seen.changed().await;
    }

    /// Types.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Changes the terminal's size, as dragging a window's corner does.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.seen.send_modify(|seen| seen.screen.screen_mut().set_size(cells(rows), cells(columns)));
        self.master.resize(size(columns, rows)).unwrap();
    }

    /// Sends the program a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.process(), signal).unwrap();
    }

    /// The program's process.
    pub(crate) fn process(&self) -> Pid {
        Pid::from_raw(self.pid.try_into().unwrap()).unwrap()
    }

    /// What the screen shows now.
    pub(crate) fn screen(&self) -> String {
        self.seen.borrow().screen.screen().contents()
    }

    /// How many bytes have been written so far.
    pub(crate) fn written(&self) -> usize {
        self.seen.borrow().bytes.len()
    }

    /// Waits until the program has ended.
    pub(crate) async fn ends(mut self) -> Ended {
        let Ok(status) = timeout(PATIENCE, &mut self.ended).await else {
            panic!("the program has not ended within {PATIENCE:?}; the screen is:\n{}", self.screen());
        };
        let status = status.unwrap();
        let is_restored = modes(self.master.as_ref()) == self.before;
        let seen = self.seen.borrow();
        let output = String::from_utf8_lossy(&seen.bytes).into_owned();
        let (code, signal) = (status.exit_code(), status.signal().map(str::to_owned));
        Ended { code, signal, output, is_restored, screen: seen.screen.screen().clone() }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Only a process that has not been waited for yet still has this number.
        if matches!(self.ended.try_recv(), Err(oneshot::error::TryRecvError::Empty)) {
            let _gone_already = kill_process(self.process(), Signal::KILL);
        }
    }
}

impl Ended {
    /// Asserts that the terminal is as it was found: the screen left once and the cursor shown, after everything else
    /// that was drawn, and the line discipline's modes as they were.
    pub(crate) fn gave_the_terminal_back(&self) {
        let last = |text: &str| self.output.rfind(text).unwrap_or_else(|| panic!("no {text:?} in {:?}", self.output));
        assert!(last("\x1b[?1049h") < last("\x1b[?1049l"), "{:?}", self.output);
        assert!(last("\x1b[?25l") < last("\x1b[?25h"), "{:?}", self.output);
        assert!(last("\x1b[?2004h") < last("\x1b[?2004l"), "{:?}", self.output);
        assert!(last("\x1b[?1004h") < last("\x1b[?1004l"), "{:?}", self.output);
        let after = &self.output[last("\x1b[?1049l")..];
        assert!(!after.contains("\x1b[?2026h"), "a frame was drawn after the screen was left: {after:?}");
        assert!(self.is_restored, "the terminal is not in the modes it was in before");
    }

    /// What was written after the screen was left, without escape sequences' introducers.
    pub(crate) fn last_words(&self) -> &str {
        self.output.rsplit_once("\x1b[23;2t").map_or(self.output.as_str(), |(_, words)| words)
    }
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, ..PtySize::default() }
}

fn parser(columns: u16, rows: u16) -> vt100::Parser {
    vt100::Parser::new(cells(rows), cells(columns), 0)
}

fn cells(number: u16) -> NonZero<u16> {
    NonZero::new(number).unwrap()
}

fn modes(master: &(dyn MasterPty + Send)) -> String {
    format!("{:?}", master.get_termios())
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Follows what the program writes, and tells how it ends once all of that has been taken in.
fn watch_over(
    mut child: Box<dyn Child + Send + Sync>,
    mut reader: Box<dyn Read + Send>,
    seen: watch::Sender<Seen>,
) -> oneshot::Receiver<ExitStatus> {
    let (tell, ended) = oneshot::channel();
    let reading = std::thread::spawn(move || {
        let mut part = [0; 16_384];
        // Linux reports the end of a pseudo-terminal as an error.
        while let Ok(read @ 1..) = reader.read(&mut part) {
            seen.send_modify(|seen| {
                seen.screen.process(&part[..read]);
                seen.bytes.extend_from_slice(&part[..read]);
            });
        }
    });
    std::thread::spawn(move || {
        let status = child.wait();
        let _read = reading.join();
        if let Ok(status) = status {
            let _nobody_waits = tell.send(status);
        }
    });
    ended
}
