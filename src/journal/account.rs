//! The full account of one release, read from its records: for people, for programs, and for the incident report.
//!
//! Its JSON is described in `docs/history.md`; the names of its fields are kept from version to version.

use serde::Serialize;

use super::audit::{Act, acts};
use super::{Entry, Numbered, Record, Summary, walk};
use crate::domain::command::Actor;
use crate::domain::effect::CheckResult;
use crate::domain::facts;
use crate::domain::ids::{AlarmName, ComponentName, EnvironmentName, ReleaseId, SignalName, StageName, Version};
use crate::domain::log::LogLine;
use crate::domain::metrics::{Run, Stopwatch, Timing};
use crate::domain::observed::{AlarmSeen, AlarmWord, Points, Seen, StoppedTask};
use crate::domain::percent::Percent;
use crate::domain::plan::StagePlan;
use crate::domain::release::{Moment, Release, Stage, StageStatus};
use crate::domain::signal::{Ruling, Verdict};
use crate::domain::time::Timestamp;

/// Which description of the fields an account follows.
pub const SCHEMA: &str = "cutover.release/1";

/// One release from its beginning to its end, or to where it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Account {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Its number.
    pub release: ReleaseId,
    /// Where.
    pub environment: EnvironmentName,
    /// What.
    pub component: ComponentName,
    /// The version that served before.
    pub from: Version,
    /// The version released.
    pub to: Version,
    /// AWS account.
    pub account: String,
    /// AWS region.
    pub region: String,
    /// The word for its status.
    pub status: String,
    /// Why it ended as it did; `None` while it goes on.
    pub why: Option<String>,
    /// Who asked for it.
    pub by: Actor,
    /// When it was created.
    pub created: Timestamp,
    /// When it began.
    pub begun: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// When the journal last heard of it.
    pub touched: Timestamp,
    /// Its times.
    pub timing: Timing,
    /// Its stages, in the pipeline's order.
    pub stages: Vec<StageAccount>,
    /// Green's weight, whenever it changed.
    pub weights: Vec<WeightChange>,
    /// The verdicts, whenever a ruling changed.
    pub verdicts: Vec<VerdictChange>,
    /// The alarms, whenever one changed.
    pub alarms: Vec<AlarmChange>,
    /// Every action on it, with its evidence.
    pub acts: Vec<Act>,
    /// Everything that happened, in words.
    pub timeline: Vec<Moment>,
    /// Tasks that were found stopped.
    pub stopped_tasks: Vec<StoppedTask>,
    /// Lines of errors, a few of each reading.
    pub errors: Vec<LogLine>,
    /// Everything that was measured; too much for a list of releases, and not part of the JSON.
    #[serde(skip)]
    pub points: Vec<Points>,
    /// Whether green had production traffic at any time.
    pub reached_users: bool,
}

/// A stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageAccount {
    /// Its name.
    pub name: StageName,
    /// The configuration's word for what it does.
    pub kind: &'static str,
    /// Its status.
    pub status: StageStatus,
    /// When its last try began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Tries.
    pub attempts: u32,
    /// What came of it.
    pub note: String,
    /// Its checks.
    pub checks: Vec<CheckResult>,
    /// The last lines of its program.
    pub output: Vec<String>,
}

/// Green's weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WeightChange {
    /// When.
    pub at: Timestamp,
    /// As set.
    pub set: Percent,
    /// As read back.
    pub observed: Option<Percent>,
}

/// A ruling that differs from the one before.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VerdictChange {
    /// When.
    pub at: Timestamp,
    /// Which signal.
    pub signal: SignalName,
    /// What is held of it.
    pub ruling: Ruling,
    /// Green's newest value.
    pub green: Option<f64>,
    /// Blue's value of the same period.
    pub blue: Option<f64>,
    /// The limit.
    pub max: Option<f64>,
    /// Requests of green's that it rests on.
    pub samples: u64,
    /// Why, in words.
    pub reason: String,
}

/// An alarm in another state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlarmChange {
    /// When it was seen.
    pub at: Timestamp,
    /// Which.
    pub name: AlarmName,
    /// Its state.
    pub state: AlarmWord,
    /// Since when, as CloudWatch says.
    pub since: Option<Timestamp>,
    /// CloudWatch's reason.
    pub reason: String,
}

impl Account {
    /// The account that these records give.
    pub fn of(summary: &Summary, records: &[Numbered]) -> Self {
        let acts = acts(summary, records);
        let mut book = Book::default();
        let release = walk(
            summary.id,
            summary.plan.clone(),
            records.iter().map(|numbered| &numbered.record),
            |release, record| book.note(release, record),
        );
        let plan = &summary.plan;
        Self {
            schema: SCHEMA,
            release: summary.id,
            environment: plan.environment.clone(),
            component: plan.component.clone(),
            from: plan.from.clone(),
            to: plan.to.clone(),
            account: plan.place.account.clone(),
            region: plan.place.region.clone(),
            status: release.status().word().to_owned(),
            why: release.ended.as_ref().map(|ended| ended.why.clone()),
            by: summary.by.clone(),
            created: summary.created,
            begun: release.begun.as_ref().map(|begun| begun.at),
            ended: release.ended.as_ref().map(|ended| ended.at),
            touched: summary.touched,
            timing: book.stopwatch.timing(),
            stages: facts::stages(&release).map(|(plan, stage)| StageAccount::of(plan, stage)).collect(),
            weights: book.weights,
            verdicts: book.verdicts,
            alarms: book.alarms,
            acts,
            timeline: book.timeline,
            stopped_tasks: book.stopped_tasks,
            errors: book.errors,
            points: book.points,
            reached_users: release.has_shifted(),
        }
    }

    /// Its figures for the release metrics, if it began and has ended.
    pub fn run(&self) -> Option<Run> {
        let ending = crate::domain::release::Ending::ALL.into_iter().find(|ending| ending.word() == self.status)?;
        Some(Run {
            release: self.release,
            environment: self.environment.clone(),
            component: self.component.clone(),
            begun: self.begun?,
            ended: self.ended?,
            ending,
            reached_users: self.reached_users,
            timing: self.timing,
        })
    }

    /// Whether there is an incident to report: it went back, or could not.
    pub fn is_incident(&self) -> bool {
        self.timing.decided.is_some()
    }
}

impl StageAccount {
    fn of(plan: &StagePlan, stage: &Stage) -> Self {
        Self {
            name: plan.name.clone(),
            kind: plan.kind.word(),
            status: stage.status,
            started: stage.started,
            ended: stage.ended,
            attempts: stage.attempts,
            note: stage.note.clone(),
            checks: stage.checks.clone(),
            output: stage.output.clone(),
        }
    }
}

/// Takes down what changes from record to record.
#[derive(Default)]
struct Book {
    stopwatch: Stopwatch,
    weights: Vec<WeightChange>,
    verdicts: Vec<VerdictChange>,
    alarms: Vec<AlarmChange>,
    timeline: Vec<Moment>,
    stopped_tasks: Vec<StoppedTask>,
    errors: Vec<LogLine>,
    points: Vec<Points>,
}

impl Book {
    fn note(&mut self, release: &Release, record: &Record) {
        let at = record.at;
        if let Entry::Seen(seen) = &record.entry {
            return self.note_seen(seen, at);
        }
        if !matches!(record.entry, Entry::Event(_)) {
            return;
        }
        self.stopwatch.look(release, at);
        let (set, observed) = facts::weights(release);
        if self.weights.last().is_none_or(|last| (last.set, last.observed) != (set, observed)) {
            self.weights.push(WeightChange { at, set, observed });
        }
        for verdict in facts::verdicts(release) {
            self.note_verdict(verdict, at);
        }
        let known = self.timeline.last().map_or(0, |last| last.number);
        self.timeline.extend(release.timeline.iter().filter(|moment| moment.number > known).cloned());
    }

    fn note_verdict(&mut self, verdict: &Verdict, at: Timestamp) {
        let last = self.verdicts.iter().rev().find(|change| change.signal == verdict.signal);
        if last.is_none_or(|last| last.ruling != verdict.ruling) {
            self.verdicts.push(VerdictChange {
                at,
                signal: verdict.signal.clone(),
                ruling: verdict.ruling,
                green: verdict.green,
                blue: verdict.blue,
                max: verdict.max,
                samples: verdict.samples,
                reason: verdict.reason.clone(),
            });
        }
    }

    fn note_seen(&mut self, seen: &Seen, at: Timestamp) {
        match seen {
            Seen::Alarms(alarms) => self.alarms.extend(alarms.iter().cloned().map(|alarm| {
                let AlarmSeen { name, state, since, reason } = alarm;
                AlarmChange { at, name, state, since, reason }
            })),
            Seen::Stopped(tasks) => self.stopped_tasks.extend(tasks.iter().cloned()),
            Seen::Lines(lines) => self.errors.extend(lines.iter().cloned()),
            Seen::Points(points) => self.points.push(points.clone()),
            Seen::Evidence(_) => {}
        }
    }
}
