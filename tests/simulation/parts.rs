//! The other parts of an engine: journal, judge, notifier and programs, each honest or broken in one way.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use cutover::domain::command::Actor;
use cutover::domain::effect::{Failure, Notice};
use cutover::domain::ids::ReleaseId;
use cutover::domain::plan::Plan;
use cutover::domain::signal::{Ruling, Verdict};
use cutover::domain::time::Timestamp;
use cutover::engine::{Exit, Heard, Program, Programs};
use cutover::journal::sqlite::SqliteJournal;
use cutover::journal::{Entry, Journal, JournalError, Listing, Record, Standing, Summary};
use cutover::judge::beside::Beside;
use cutover::judge::{Circumstances, Judge, Measured};
use cutover::notify::{Channels, Notifier};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::cloud::Lie;
use crate::trial::{Fate, SECRET, Script};
use crate::watch::Watch;

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    Cloud(Lie),
    /// The journal forgets what it is told of effects.
    JournalDropsIntents,
    /// The journal forgets what happens after the end.
    JournalDropsTheEnd,
    /// The journal says that it has written what it has not.
    JournalHidesItsFailure,
    /// The judge passes everything.
    JudgePasses,
    /// Messages are taken and not sent.
    NotifierDrops,
    /// Messages are sent twice.
    NotifierDoubles,
    /// Programs run twice.
    ProgramsRunTwice,
    /// Nothing is masked.
    NoRedactor,
    /// Orders are lost on their way.
    OrdersAreLost,
    /// Features are switched off in their turn, and not first.
    FlagsAreCommands,
}

/// One journal for all engines of a release; the watch sees each append as it happens.
pub(crate) struct SharedJournal {
    pub(crate) journal: Arc<Mutex<SqliteJournal>>,
    pub(crate) watch: Watch,
    pub(crate) sabotage: Option<Sabotage>,
    pub(crate) fate: Fate,
    pub(crate) born: Instant,
    pub(crate) is_gone: bool,
    pub(crate) appends: u64,
}

/// What becomes of an append.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Append {
    Works,
    /// It is on disk, and said not to be.
    IsDenied,
    /// It is on disk, and nothing is ever heard of the journal again.
    IsTheLast,
    Fails,
}

impl SharedJournal {
    fn fares(&self, standing: Standing<'_>, has_ended: bool) -> Append {
        let failed = |is_kept| if is_kept { Append::IsDenied } else { Append::Fails };
        match self.fate {
            _ if self.is_gone => Append::Fails,
            Fate::LosesJournal { append, is_kept } | Fate::JournalFalters { append, is_kept }
                if append == self.appends =>
            {
                failed(is_kept)
            }
            Fate::LosesJournal { append, .. } if append < self.appends => Append::Fails,
            Fate::LosesJournalAt(at) if self.born.elapsed() >= at => Append::Fails,
            Fate::DiesAtTheEnd if standing.ended && !has_ended => Append::IsTheLast,
            _ => Append::Works,
        }
    }
}

fn full() -> JournalError {
    JournalError::Broken { path: "journal".to_owned(), what: "written", reason: "the disk is full".to_owned() }
}

impl Journal for SharedJournal {
    fn create(
        &mut self,
        make: &mut dyn FnMut(ReleaseId) -> Plan,
        by: &Actor,
        at: Timestamp,
    ) -> Result<(ReleaseId, Plan), JournalError> {
        let (id, plan) = self.journal.lock().unwrap().create(make, by, at)?;
        self.watch.created(id, &plan);
        Ok((id, plan))
    }

    fn append(&mut self, id: ReleaseId, records: &[Record], standing: Standing<'_>) -> Result<(), JournalError> {
        self.appends += 1;
        // Asked only where it matters: the look costs more than the append.
        let asks = matches!(self.fate, Fate::DiesAtTheEnd) || self.sabotage == Some(Sabotage::JournalDropsTheEnd);
        let has_ended = asks && self.journal.lock().unwrap().find(id)?.ended;
        let fares = self.fares(standing, has_ended);
        let mut records = records.to_vec();
        match self.sabotage {
            Some(Sabotage::JournalDropsIntents) => records.retain(|record| !matches!(record.entry, Entry::Intent(_))),
            Some(Sabotage::JournalDropsTheEnd) if has_ended => return Ok(()),
            _ => {}
        }
        if fares != Append::Fails {
            self.journal.lock().unwrap().append(id, &records, standing)?;
            self.watch.appended(&records);
        }
        self.is_gone |= fares == Append::IsTheLast;
        self.watch.journal_works(!matches!(fares, Append::Fails | Append::IsTheLast));
        match fares {
            Append::Works => Ok(()),
            _ if self.sabotage == Some(Sabotage::JournalHidesItsFailure) => Ok(()),
            Append::IsDenied | Append::IsTheLast | Append::Fails => Err(full()),
        }
    }

    fn records(&self, id: ReleaseId) -> Result<Vec<Record>, JournalError> {
        if self.is_gone {
            return Err(full());
        }
        self.journal.lock().unwrap().records(id)
    }

    fn list(&self, limit: usize) -> Result<Listing, JournalError> {
        self.journal.lock().unwrap().list(limit)
    }

    fn find(&self, id: ReleaseId) -> Result<Summary, JournalError> {
        self.journal.lock().unwrap().find(id)
    }
}

/// The real judge, or one whose rulings are all the same.
pub(crate) struct Judging {
    pub(crate) judge: Beside,
    pub(crate) passes: bool,
}

impl Judge for Judging {
    fn judge(&mut self, measured: &[Measured<'_>], circumstances: Circumstances) -> Vec<Verdict> {
        let mut verdicts = self.judge.judge(measured, circumstances);
        if self.passes {
            for verdict in &mut verdicts {
                verdict.ruling = Ruling::Pass;
            }
        }
        verdicts
    }
}

/// The real channels, or broken ones.
pub(crate) struct Telling {
    pub(crate) channels: Channels,
    pub(crate) sabotage: Option<Sabotage>,
}

#[async_trait]
impl Notifier for Telling {
    async fn send(&self, notice: &Notice, attempt: u32) -> Result<(), Failure> {
        match self.sabotage {
            Some(Sabotage::NotifierDrops) => Ok(()),
            Some(Sabotage::NotifierDoubles) => {
                self.channels.send(notice, attempt).await?;
                self.channels.send(notice, attempt).await
            }
            _ => self.channels.send(notice, attempt).await,
        }
    }
}

/// Runs the script in the programs' place: no process is ever started.
pub(crate) struct Scripted {
    pub(crate) script: Script,
    pub(crate) is_repeatable: bool,
    /// The same of the stages that the example has none of.
    pub(crate) is_more_repeatable: bool,
    pub(crate) watch: Watch,
    pub(crate) twice: bool,
}

/// A program while it runs: it ends by itself, or is ended with the engine's interest in it.
struct Running {
    name: String,
    code: Option<i32>,
    watch: Watch,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.watch.program_ended(&self.name, self.code);
    }
}

/// A process group that no machine has: whoever recovers ends what is left of a program's group.
const NO_GROUP: u32 = 2_000_000_000;

#[async_trait]
impl Programs for Scripted {
    async fn run(&self, program: &Program, heard: mpsc::Sender<Heard>) -> Result<Exit, String> {
        let name = program.run.first().map(String::as_str).unwrap_or_default();
        let is_undo = name.starts_with("un") || name.starts_with("flag-off");
        let is_repeatable = if name.ends_with("migrate") { self.is_repeatable } else { self.is_more_repeatable };
        for _ in 0..if self.twice { 2 } else { 1 } {
            self.watch.program_started(name, is_undo, is_repeatable && !is_undo);
        }
        let mut running = Running { name: name.to_owned(), code: None, watch: self.watch.clone() };
        let _told = heard.send(Heard::Started(NO_GROUP)).await;
        let database = program.environment.iter().find(|(name, _)| name == "DATABASE_URL");
        let said = format!("{name}: connecting with {}\u{1b}[2J", database.map_or("nothing", |(_, value)| value));
        let _heard = heard.send(Heard::Line(said)).await;
        tokio::time::sleep(self.script.takes).await;
        let _heard = heard.send(Heard::Line(format!("done, and password={SECRET}"))).await;
        if name.starts_with("build") {
            let digest = "9ab03d7e".repeat(8);
            let registry = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
            let image = format!("{registry}/{}@sha256:{digest}", name.trim_start_matches("build-"));
            let _heard = heard.send(Heard::Line(image)).await;
        }
        if name.starts_with("load") {
            let _heard = heard.send(Heard::Line("{\"p95\": 431.0}".to_owned())).await;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        let code = if is_undo { self.script.undo_code } else { self.script.code };
        running.code = code;
        Ok(Exit { code })
    }
}
