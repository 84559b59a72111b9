//! The full account of one release, read from its records: for people, for programs, and for the incident report.
//!
//! Its JSON is described in `docs/history.md`; the names of its fields are kept from version to version.

use serde::Serialize;

use super::audit::{Act, acts};
use super::{Entry, Numbered, Record, Summary, walk};
use crate::domain::command::Actor;
use crate::domain::effect::CheckResult;
use crate::domain::facts;
use crate::domain::ids::{AlarmName, ComponentName, EnvironmentName, ReleaseId, Side, SignalName, StageName, Version};
use crate::domain::log::{Level, LogLine};
use crate::domain::metrics::{Run, Stopwatch, Timing};
use crate::domain::observed::{AlarmSeen, AlarmWord, Points, Seen, StoppedTask};
use crate::domain::percent::Percent;
use crate::domain::plan::{ComponentPlan, Plan, StagePlan};
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
    /// What, in the plan's order.
    pub components: Vec<Move>,
    /// How it came about, where nobody named its versions: `rollback to release 39`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
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
    pub stopped_tasks: Vec<TaskStop>,
    /// Lines of errors, a few of each reading.
    pub errors: Vec<ErrorLine>,
    /// Everything that was measured, of which component where there are several; too much for a list of releases, and
    /// not part of the JSON.
    #[serde(skip)]
    pub points: Vec<(Option<ComponentName>, Points)>,
    /// Whether green had production traffic at any time.
    pub reached_users: bool,
}

/// A component from one version to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Move {
    /// Its name.
    pub name: ComponentName,
    /// The version that served before.
    pub from: Version,
    /// The version released.
    pub to: Version,
}

/// A stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageAccount {
    /// About which component, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<ComponentName>,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WeightChange {
    /// Of which component, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<ComponentName>,
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
    /// Of which component, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<ComponentName>,
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
    /// Of which component, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<ComponentName>,
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

/// A task that was found stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TaskStop {
    /// Of which component, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<ComponentName>,
    /// Its id.
    pub task: String,
    /// Whose it was, if known.
    pub side: Option<Side>,
    /// Why it stopped, as ECS says.
    pub reason: String,
}

/// A line of an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorLine {
    /// Of which component, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<ComponentName>,
    /// When the service wrote it.
    pub at: Timestamp,
    /// Whose task wrote it, if known.
    pub side: Option<Side>,
    /// The task's short id.
    pub task: String,
    /// How loud.
    pub level: Level,
    /// The text.
    pub text: String,
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
            components: plan.components.iter().map(|(_, component)| Move::of(component)).collect(),
            origin: plan.origin.words(),
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
            stages: facts::stages(&release).map(|(about, stage)| StageAccount::of(plan, about, stage)).collect(),
            weights: book.weights,
            verdicts: book.verdicts,
            alarms: book.alarms,
            acts,
            timeline: book.timeline,
            stopped_tasks: book.stopped_tasks,
            errors: book.errors,
            points: book.points,
            reached_users: release.has_reached_users(),
        }
    }

    /// Its figures for the release metrics, if it began and has ended.
    pub fn run(&self) -> Option<Run> {
        let ending = crate::domain::release::Ending::ALL.into_iter().find(|ending| ending.word() == self.status)?;
        Some(Run {
            release: self.release,
            environment: self.environment.clone(),
            components: self.components.iter().map(|component| component.name.clone()).collect(),
            begun: self.begun?,
            ended: self.ended?,
            ending,
            reached_users: self.reached_users,
            timing: self.timing,
        })
    }

    /// What was released, in a few words: `api`, or `api, web`.
    pub fn components_named(&self) -> String {
        let names: Vec<&str> = self.components.iter().map(|component| component.name.as_str()).collect();
        names.join(", ")
    }

    /// From which version to which, in a few words, for each component that differs from the one before it.
    pub fn moves(&self) -> String {
        let mut moves: Vec<String> =
            self.components.iter().map(|component| format!("{} → {}", component.from, component.to)).collect();
        moves.dedup();
        moves.join(", ")
    }

    /// Its components, by the names that they go by here: none where there is only one.
    pub fn names(&self) -> Vec<Option<&ComponentName>> {
        match self.components.as_slice() {
            [_] => vec![None],
            several => several.iter().map(|component| Some(&component.name)).collect(),
        }
    }

    /// Whether there is an incident to report: it went back, or could not.
    pub fn is_incident(&self) -> bool {
        self.timing.decided.is_some()
    }
}

impl Move {
    fn of(plan: &ComponentPlan) -> Self {
        Self { name: plan.name.clone(), from: plan.from.clone(), to: plan.to.clone() }
    }
}

impl StageAccount {
    fn of(plan: &Plan, about: &StagePlan, stage: &Stage) -> Self {
        Self {
            component: about.component.and_then(|of| facts::name(plan, of)),
            name: about.name.clone(),
            kind: about.kind.word(),
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
    stopped_tasks: Vec<TaskStop>,
    errors: Vec<ErrorLine>,
    points: Vec<(Option<ComponentName>, Points)>,
}

impl Book {
    fn note(&mut self, release: &Release, record: &Record) {
        let at = record.at;
        if let Entry::Seen(seen) = &record.entry {
            return self.note_seen(&release.plan, seen, at);
        }
        if !matches!(record.entry, Entry::Event(_)) {
            return;
        }
        self.stopwatch.look(release, at);
        for of in facts::components(release) {
            let component = facts::name(&release.plan, of);
            let (set, observed) = facts::weights(release, of);
            let last = self.weights.iter().rev().find(|last| last.component == component);
            if last.is_none_or(|last| (last.set, last.observed) != (set, observed)) {
                self.weights.push(WeightChange { component: component.clone(), at, set, observed });
            }
            for verdict in facts::verdicts(release, of) {
                self.note_verdict(component.as_ref(), verdict, at);
            }
        }
        let known = self.timeline.last().map_or(0, |last| last.number);
        self.timeline.extend(release.timeline.iter().filter(|moment| moment.number > known).cloned());
    }

    fn note_verdict(&mut self, component: Option<&ComponentName>, verdict: &Verdict, at: Timestamp) {
        let is_same = |last: &&VerdictChange| (last.component.as_ref(), &last.signal) == (component, &verdict.signal);
        let last = self.verdicts.iter().rev().find(is_same);
        if last.is_none_or(|last| last.ruling != verdict.ruling) {
            self.verdicts.push(VerdictChange {
                component: component.cloned(),
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

    fn note_seen(&mut self, plan: &Plan, seen: &Seen, at: Timestamp) {
        match seen {
            Seen::Alarms(alarms) => self.alarms.extend(alarms.iter().cloned().map(|alarm| {
                let AlarmSeen { component, name, state, since, reason } = alarm;
                AlarmChange { component: facts::name(plan, component), at, name, state, since, reason }
            })),
            Seen::Stopped(tasks) => self.stopped_tasks.extend(tasks.iter().cloned().map(|stopped| {
                let StoppedTask { component, task, side, reason } = stopped;
                TaskStop { component: facts::name(plan, component), task, side, reason }
            })),
            Seen::Lines(lines) => self.errors.extend(lines.iter().cloned().map(|line| {
                let LogLine { at, component, side, task, level, text } = line;
                let component = component.and_then(|of| facts::name(plan, of));
                ErrorLine { component, at, side, task, level, text }
            })),
            Seen::Points(points) => self.points.push((facts::name(plan, points.component), points.clone())),
            Seen::Evidence(_) | Seen::Requests(_) => {}
        }
    }
}
