//! What stages run to an end and judge by how it ended: programs on this host, and tasks on ECS.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::check::Request;
use super::flag::{FeatureFlag, Switch};
use super::time::millis;

/// A program on this host with its surroundings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandPlan {
    /// Program and arguments; never through a shell.
    pub run: Vec<String>,
    /// What undoes it, program and arguments, if anything does.
    pub undo: Option<Vec<String>>,
    /// Environment variables on top of the engine's own.
    pub env: BTreeMap<String, String>,
    /// Working directory.
    pub dir: Option<String>,
    /// Running it twice does no harm, so that the engine may run it again when it cannot know how the first run ended.
    /// Its undo is never run again.
    pub repeatable: bool,
    /// The undo also puts right what a run has left that failed or was stopped.
    #[serde(default)]
    pub undo_on_failure: bool,
}

/// A task that ECS runs once, in the network of its component's service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskPlan {
    /// Which task definition it runs.
    pub definition: Definition,
    /// The container whose command is replaced and whose exit code counts.
    pub container: String,
    /// What that container runs, program and arguments.
    pub run: Vec<String>,
    /// Environment variables on top of the task definition's.
    pub env: BTreeMap<String, String>,
    /// The log group that it writes to, to be followed while it runs.
    pub logs: Option<String>,
}

/// Which task definition a task runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Definition {
    /// The one that this release registers: the new version.
    New,
    /// The one that serves.
    Serving,
    /// Another one, as `family` or `family:revision`.
    Named(String),
}

/// Something that runs to an end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Job {
    /// On this host.
    Command(CommandPlan),
    /// On ECS.
    Task(TaskPlan),
}

impl Job {
    /// It, to be looked at.
    pub fn runs(&self) -> Runs<'_> {
        match self {
            Self::Command(command) => Runs::Command(command),
            Self::Task(task) => Runs::Task(task),
        }
    }
}

/// What a part of a stage runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Runs<'a> {
    /// A program on this host.
    Command(&'a CommandPlan),
    /// A task on ECS.
    Task(&'a TaskPlan),
    /// A flag of AppConfig, switched as it says.
    Flag(&'a FeatureFlag),
}

impl Runs<'_> {
    /// Program and arguments in one line.
    pub fn line(self) -> String {
        match self {
            Self::Command(command) => command.run.join(" "),
            Self::Task(task) => task.run.join(" "),
            Self::Flag(flag) => flag.line(flag.to),
        }
    }

    /// Whether it may be run again when how it ended is not known. A task is started with a token, by which ECS tells
    /// repeats: asking for it again finds the one that runs. A flag is asked to be what it is to be.
    pub fn is_repeatable(self) -> bool {
        match self {
            Self::Command(command) => command.repeatable,
            Self::Task(_) | Self::Flag(_) => true,
        }
    }

    /// Whether it runs the version to be released on ECS, so that its task definition must be there first.
    pub fn needs_definition(self) -> bool {
        matches!(self, Self::Task(TaskPlan { definition: Definition::New, .. }))
    }
}

/// A part of what a stage runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part<'a> {
    /// Its name; empty where the stage has only one.
    pub name: &'static str,
    /// What it runs.
    pub runs: Runs<'a>,
}

/// What undoes a stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Undo<'a> {
    /// A program, in the surroundings of the one that it undoes.
    Program {
        /// Whose surroundings.
        of: &'a CommandPlan,
        /// Program and arguments.
        run: &'a [String],
    },
    /// Something of its own.
    Job(&'a Job),
    /// A flag of AppConfig, switched off.
    Flag(&'a FeatureFlag),
}

impl Undo<'_> {
    /// Program and arguments in one line.
    pub fn line(self) -> String {
        match self {
            Self::Program { run, .. } => run.join(" "),
            Self::Job(job) => job.runs().line(),
            Self::Flag(flag) => flag.line(Switch::Off),
        }
    }
}

impl CommandPlan {
    /// What undoes it.
    pub fn undo(&self) -> Option<Undo<'_>> {
        self.undo.as_deref().map(|run| Undo::Program { of: self, run })
    }
}

impl MigrationPlan {
    /// Its parts in order.
    pub fn part(&self, index: usize) -> Option<Part<'_>> {
        let parts = [("backup", self.backup.as_ref()), ("apply", Some(&self.apply)), ("verify", self.verify.as_ref())];
        let mut parts = parts.into_iter().filter_map(|(name, job)| Some(Part { name, runs: job?.runs() }));
        parts.nth(index)
    }

    /// The place of what changes the database among its parts.
    pub fn apply_index(&self) -> usize {
        usize::from(self.backup.is_some())
    }
}

/// A program that builds an image and pushes it; the release then carries its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildPlan {
    /// The program. The last line it writes that ends with a digest, `sha256:` and 64 digits, says what it built.
    pub command: CommandPlan,
    /// The repository that the digest is of, without tag or digest.
    pub repository: String,
}

/// A migration of what the versions share: backed up, applied, verified, and undone as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationPlan {
    /// Makes a copy that one can go back to.
    pub backup: Option<Job>,
    /// Applies it. Run again after a crash: it must find out what is done already.
    pub apply: Job,
    /// Looks whether it has worked.
    pub verify: Option<Job>,
    /// What undoes it.
    pub undo: Option<Job>,
    /// The undo loses nothing, so that a rollback may run it by itself.
    pub undo_is_safe: bool,
}

/// Requests that wake green up before users come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarmUpPlan {
    /// Requests that green alone answers, sent in turn.
    pub visits: Vec<Request>,
    /// Requests in all, at least one.
    pub requests: u32,
    /// Requests under way at once, at least one.
    pub at_once: u32,
    /// A request is given up after this long.
    #[serde(with = "millis")]
    pub timeout: Duration,
}

/// A load test, judged by what it reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadPlan {
    /// The tool.
    pub command: CommandPlan,
    /// The file that its JSON report is in; `None` takes what it writes to standard output.
    pub report: Option<String>,
    /// What must hold of the report.
    pub limits: Vec<ReportLimit>,
}

/// A number in a report and its limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportLimit {
    /// Its name in the table of results.
    pub name: String,
    /// Where the number is, as a JSON pointer.
    pub at: String,
    /// It must be below this.
    pub below: Option<f64>,
    /// It must be above this.
    pub above: Option<f64>,
}
