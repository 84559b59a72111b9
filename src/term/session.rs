//! Taking the terminal over, and giving it back whatever ends the program.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Signal, getpgrp, getsid, kill_current_process_group};
use tokio::sync::watch;

use super::Outlet;

/// Title saved, alternate screen, bracketed paste and focus reports on, cursor hidden. The mouse stays the terminal's
/// own, so that selecting text works as everywhere else.
const TAKE: &[u8] = b"\x1b[22;2t\x1b[?1049h\x1b[?2004h\x1b[?1004h\x1b[?25l";

/// Ends whatever sequence and synchronized frame was cut short, then undoes [`TAKE`] from the end.
const GIVE: &[u8] = b"\x1b\\\x1b[?2026l\x1b[0m\x1b[?25h\x1b[?1004l\x1b[?2004l\x1b[?1049l\x1b[23;2t";

/// How long a terminal that reads nothing may hold up the end of the program.
const PATIENCE: Duration = Duration::from_secs(1);

/// A terminal that cannot be taken over.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Input or output is a file or a pipe.
    #[error("{stream} is not a terminal; run with --headless for plain output")]
    NotATerminal {
        /// Which one.
        stream: &'static str,
    },
    /// The terminal refused.
    #[error("the terminal cannot be set up: {0}; run with --headless for plain output")]
    Setup(#[from] io::Error),
}

/// Whether the program was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspended {
    /// It was, and goes on now; the whole screen has to be drawn again.
    AndContinued,
    /// It was not: nobody is there who could continue it, since it leads its own login session.
    NobodyToReturnTo,
}

/// The terminal, taken over. Dropping it gives the terminal back; so does a panic on any thread, before its report is
/// printed.
#[derive(Debug)]
pub struct Session {
    terminal: Arc<Terminal>,
    crashed: watch::Receiver<bool>,
}

impl Session {
    /// Takes the terminal over and starts the thread that writes to it. Whatever reports panics has to be installed before:
    /// the hook that gives the terminal back runs it afterwards.
    ///
    /// # Errors
    /// When standard input or output is no terminal, or the terminal refuses.
    pub fn enter() -> Result<(Self, Outlet), SessionError> {
        let stdout = stdout();
        for (stream, is_terminal) in
            [("standard input", io::stdin().is_terminal()), ("standard output", stdout.is_terminal())]
        {
            if !is_terminal {
                return Err(SessionError::NotATerminal { stream });
            }
        }
        let file = File::from(stdout.as_fd().try_clone_to_owned()?);
        let terminal = Arc::new(Terminal { file, taken: AtomicBool::new(false) });
        // The theme decides about colours, NO_COLOR included; crossterm would drop them a second time, and with them
        // whatever else was set.
        crossterm::style::force_color_output(true);
        let crashed = give_back_on_panic(Arc::clone(&terminal));
        let session = Self { terminal, crashed };
        session.terminal.take()?;
        let outlet = Outlet::spawn(Gate(Arc::clone(&session.terminal)))?;
        Ok((session, outlet))
    }

    /// The terminal's columns and rows.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        crossterm::terminal::size()
    }

    /// Waits for a panic on any thread. The terminal has been given back by then and the report printed; all that is left
    /// is to end.
    pub async fn crashed(&self) {
        let mut crashed = self.crashed.clone();
        // The sender lives in the panic hook. Should someone replace that hook, no panic can be told any more.
        if crashed.wait_for(|crashed| *crashed).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Gives the terminal back, stops the program's process group as ctrl-z does, and takes the terminal over again once
    /// continued. Blocks while stopped.
    ///
    /// # Errors
    /// When the terminal refuses to be taken again.
    pub fn suspend(&self) -> io::Result<Suspended> {
        // A stopped session leader has no shell that could continue it.
        if getsid(None)? == getpgrp() {
            return Ok(Suspended::NobodyToReturnTo);
        }
        self.terminal.give();
        // SIGTSTP has a handler by now, so the stop itself needs the signal that cannot have one.
        kill_current_process_group(Signal::STOP)?;
        self.terminal.take()?;
        Ok(Suspended::AndContinued)
    }

    /// Takes the terminal over again after something else had it, such as the shell after a stop from outside. The whole
    /// screen has to be drawn again.
    ///
    /// # Errors
    /// When the terminal refuses.
    pub fn retake(&self) -> io::Result<()> {
        crossterm::terminal::disable_raw_mode()?;
        self.terminal.take()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.terminal.give();
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the layer that writes to standard output")]
fn stdout() -> io::Stdout {
    io::stdout()
}

/// Installs a hook that gives the terminal back before the report is printed, since a report on the alternate screen is
/// lost with it. Tells of the panic afterwards: a program with a dead part must end rather than go on half.
fn give_back_on_panic(terminal: Arc<Terminal>) -> watch::Receiver<bool> {
    let (tell, crashed) = watch::channel(false);
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        terminal.give();
        report(panic);
        tell.send_replace(true);
    }));
    crashed
}

/// The terminal's descriptor. Writes bypass the standard library's buffer and lock: one frame stays one write, and a
/// writer that is stuck cannot keep the panic hook out.
#[derive(Debug)]
struct Terminal {
    file: File,
    taken: AtomicBool,
}

impl Terminal {
    fn take(&self) -> io::Result<()> {
        crossterm::terminal::enable_raw_mode()?;
        self.taken.store(true, Ordering::SeqCst);
        (&self.file).write_all(TAKE)
    }

    /// Gives the terminal back, once; what fails on the way out cannot be helped and must not keep the rest from it.
    fn give(self: &Arc<Self>) {
        if !self.taken.swap(false, Ordering::SeqCst) {
            return;
        }
        let (done, written) = mpsc::sync_channel(1);
        let terminal = Arc::clone(self);
        let writing = thread::Builder::new().name("restore".to_owned()).spawn(move || {
            let outcome = (&terminal.file).write_all(GIVE);
            let _ = done.send(outcome);
        });
        if writing.is_ok() {
            let _ = written.recv_timeout(PATIENCE);
        }
        let _ = crossterm::terminal::disable_raw_mode();
    }
}

/// The writer thread's way to the terminal: closed as soon as the terminal is given back, so that no late frame lands on
/// the shell.
struct Gate(Arc<Terminal>);

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            if !self.0.taken.load(Ordering::SeqCst) {
                return Ok(bytes.len());
            }
            match (&self.0.file).write(bytes) {
                // Another program may have made the shared descriptor non-blocking: wait until it has drained.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => rustix::termios::tcdrain(&self.0.file)?,
                outcome => return outcome,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
