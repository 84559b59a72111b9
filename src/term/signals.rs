//! Signals as events of the cockpit's loop.

use std::io;

use tokio::signal::unix::{self, SignalKind};

/// Why the system wants the program to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// Interrupted, by ctrl-c from outside raw mode or by `kill -INT`.
    Interrupt,
    /// Asked to end.
    Terminate,
    /// The terminal hung up.
    Hangup,
}

/// What a signal asks for. Leaving only ever detaches: the release goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Leave.
    Detach(Departure),
    /// Give the terminal back and stop until continued.
    Suspend,
    /// Continued: whatever the terminal shows and whichever mode it is in is not known any more.
    Continue,
    /// The terminal may have another size.
    Resize,
}

/// The signals that the cockpit listens to. From its making on, none of them ends or stops the process by itself.
#[derive(Debug)]
pub struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    hangup: unix::Signal,
    suspend: unix::Signal,
    resume: unix::Signal,
    resize: unix::Signal,
}

impl Signals {
    /// Starts to listen. Needs a running tokio runtime.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: unix::signal(SignalKind::interrupt())?,
            terminate: unix::signal(SignalKind::terminate())?,
            hangup: unix::signal(SignalKind::hangup())?,
            suspend: unix::signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?,
            resume: unix::signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
            // crossterm tells of it as well, but forgets to when a key comes at the same moment.
            resize: unix::signal(SignalKind::window_change())?,
        })
    }

    /// The next signal. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Detach(Departure::Terminate),
            _ = self.hangup.recv() => Signal::Detach(Departure::Hangup),
            _ = self.interrupt.recv() => Signal::Detach(Departure::Interrupt),
            _ = self.suspend.recv() => Signal::Suspend,
            _ = self.resume.recv() => Signal::Continue,
            _ = self.resize.recv() => Signal::Resize,
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal as Raw, getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn every_signal_arrives_as_what_it_asks_for() {
        let mut signals = Signals::listen().unwrap();
        for (raw, meant) in [
            (Raw::TERM, Signal::Detach(Departure::Terminate)),
            (Raw::HUP, Signal::Detach(Departure::Hangup)),
            (Raw::INT, Signal::Detach(Departure::Interrupt)),
            (Raw::TSTP, Signal::Suspend),
            (Raw::CONT, Signal::Continue),
            (Raw::WINCH, Signal::Resize),
        ] {
            kill_process(getpid(), raw).unwrap();
            assert_eq!(signals.next().await, meant);
        }
    }
}
