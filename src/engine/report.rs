//! Has the incident report written: soon after the way back begins, and once more when the release has ended. Nothing
//! waits for it, and that it cannot be written changes nothing: it can be made again from the journal.

use std::path::PathBuf;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::domain::redact::Redactor;
use crate::domain::time::Timestamp;
use crate::journal::account::Account;
use crate::journal::incident::Incident;

/// The first report waits this long: traffic goes back first, and why tasks stopped is read meanwhile.
const FIRST: Duration = Duration::from_secs(3);

/// The release has ended, and its end waits for the report at most this long.
const PATIENCE: Duration = Duration::from_secs(2);

/// How far reporting has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Progress {
    /// The release has not gone back.
    #[default]
    Idle,
    /// The first report is due then.
    Waiting(Timestamp),
    /// It has been written; the last one is to come.
    Begun,
    /// All is written.
    Complete,
}

/// Writes reports, one after the other, outside the engine's loop.
#[derive(Debug)]
pub(super) struct Reporter {
    dir: Option<PathBuf>,
    redactor: Redactor,
    progress: Progress,
    writing: Option<JoinHandle<()>>,
}

impl Reporter {
    /// One that writes below `dir`, or nowhere.
    pub(super) fn new(dir: Option<PathBuf>, redactor: Redactor) -> Self {
        Self { dir, redactor, progress: Progress::default(), writing: None }
    }

    /// Whether reports go anywhere.
    pub(super) fn has_place(&self) -> bool {
        self.dir.is_some()
    }

    /// Whether a report of the release, which goes back, is due.
    pub(super) fn is_due(&mut self, now: Timestamp, has_ended: bool) -> bool {
        if !self.has_place() {
            return false;
        }
        match self.progress {
            Progress::Complete => false,
            _ if has_ended => {
                self.progress = Progress::Complete;
                true
            }
            Progress::Idle => {
                self.progress = Progress::Waiting(now + FIRST);
                false
            }
            Progress::Waiting(at) if at <= now => {
                self.progress = Progress::Begun;
                true
            }
            Progress::Waiting(_) | Progress::Begun => false,
        }
    }

    /// When the next report is due, if that is known.
    pub(super) fn due(&self) -> Option<Timestamp> {
        match self.progress {
            Progress::Waiting(at) => Some(at),
            Progress::Idle | Progress::Begun | Progress::Complete => None,
        }
    }

    /// Writes the report that an account gives.
    pub(super) fn write(&mut self, account: Account) {
        let Some(dir) = self.dir.clone() else { return };
        let (redactor, before) = (self.redactor.clone(), self.writing.take());
        self.writing = Some(tokio::spawn(async move {
            if let Some(before) = before {
                // The last one is not to be replaced by the first.
                let _ended = before.await;
            }
            let written = tokio::task::spawn_blocking(move || {
                Incident::of(&account).map(|incident| incident.write(&dir, &redactor))
            });
            let _unwritten = written.await;
        }));
    }

    /// Waits for what is being written, for a while.
    pub(super) async fn finish(&mut self) {
        if let Some(writing) = self.writing.take() {
            let _late = tokio::time::timeout(PATIENCE, writing).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reports_once_after_the_turn_and_once_at_the_end() {
        let at = Timestamp::from_secs;
        let mut reporter = Reporter::new(Some(PathBuf::new()), Redactor::default());
        let asked: Vec<bool> = [(10, false), (12, false), (13, false), (14, false), (20, true), (21, true)]
            .into_iter()
            .map(|(secs, has_ended)| reporter.is_due(at(secs), has_ended))
            .collect();
        assert_eq!(asked, [false, false, true, false, true, false]);
        assert_eq!(reporter.due(), None);
        let mut nowhere = Reporter::new(None, Redactor::default());
        assert!(!nowhere.is_due(at(10), true));
    }
}
