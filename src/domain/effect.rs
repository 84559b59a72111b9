//! What the machine asks the outside for, and what comes back.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::components::ComponentIndex;
use super::ids::{EffectId, Side, TaskDefinitionArn, Version};
use super::notice::{Facts, clean_lines};
use super::one_off::OneOff;
use super::percent::Percent;
use super::redact::Redactor;
use super::time::Timestamp;

/// One thing to do outside. Its intent is in the journal before it is carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Look whether a gate's conditions hold. Changes nothing.
    CheckGate {
        /// The stage's index.
        stage: usize,
    },
    /// Run a part of what a stage runs to an end.
    RunCommand {
        /// The stage's index.
        stage: usize,
        /// Which part, from 0 up.
        part: usize,
    },
    /// Send the requests that wake green up. Changes nothing.
    WarmUp {
        /// The stage's index.
        stage: usize,
    },
    /// Run what undoes a stage.
    UndoCommand {
        /// The stage's index.
        stage: usize,
    },
    /// Find a task on ECS that was given up, stop it, and see that it has stopped. Asking twice changes nothing.
    StopTask {
        /// The stage's index.
        stage: usize,
        /// The task.
        task: OneOff,
    },
    /// Register green's task definition with the new image. Looks first whether this release has registered one.
    RegisterTaskDefinition {
        /// Whose.
        component: ComponentIndex,
    },
    /// Make a side's service run `desired` tasks, of `task_definition` if given. Asking twice changes nothing.
    Scale {
        /// Whose.
        component: ComponentIndex,
        /// Which side.
        side: Side,
        /// How many tasks.
        desired: u32,
        /// Of which task definition; `None` leaves it.
        task_definition: Option<TaskDefinitionArn>,
    },
    /// Run HTTP checks against green. Changes nothing.
    RunChecks {
        /// The stage's index.
        stage: usize,
    },
    /// Make green's share of the traffic `green`, and blue's the rest. Asking twice changes nothing.
    SetWeight {
        /// Whose.
        component: ComponentIndex,
        /// Green's weight.
        green: Percent,
    },
    /// Tell one of the release's channels. The key is the same however often it is sent.
    Notify(Notice),
}

impl Effect {
    /// Whether carrying it out twice could do harm.
    pub fn is_repeatable(&self) -> bool {
        match self {
            Self::CheckGate { .. }
            | Self::WarmUp { .. }
            | Self::StopTask { .. }
            | Self::Scale { .. }
            | Self::RunChecks { .. }
            | Self::SetWeight { .. } => true,
            // Looks before it acts.
            Self::RegisterTaskDefinition { .. } => true,
            // Receivers tell repeats by the key; telling nobody is worse.
            Self::Notify(_) => true,
            Self::RunCommand { .. } | Self::UndoCommand { .. } => false,
        }
    }

    /// The stage that it is the work of, if that is written on it.
    pub fn stage(&self) -> Option<usize> {
        match self {
            Self::CheckGate { stage }
            | Self::RunCommand { stage, .. }
            | Self::WarmUp { stage }
            | Self::UndoCommand { stage }
            | Self::StopTask { stage, .. }
            | Self::RunChecks { stage } => Some(*stage),
            Self::RegisterTaskDefinition { .. } | Self::Scale { .. } | Self::SetWeight { .. } | Self::Notify(_) => None,
        }
    }

    /// The component whose place in the cloud it changes.
    pub fn component(&self) -> Option<ComponentIndex> {
        match self {
            Self::RegisterTaskDefinition { component }
            | Self::Scale { component, .. }
            | Self::SetWeight { component, .. } => Some(*component),
            Self::CheckGate { .. }
            | Self::RunCommand { .. }
            | Self::WarmUp { .. }
            | Self::UndoCommand { .. }
            | Self::StopTask { .. }
            | Self::RunChecks { .. }
            | Self::Notify(_) => None,
        }
    }

    /// Whether it changes the traffic split of this component.
    pub fn sets_weight_of(&self, of: ComponentIndex) -> bool {
        matches!(self, Self::SetWeight { component, .. } if *component == of)
    }

    /// Whether it changes a traffic split.
    pub fn sets_weight(&self) -> bool {
        matches!(self, Self::SetWeight { .. })
    }
}

/// How loud a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// As planned.
    Info,
    /// Someone should look.
    Warning,
    /// Someone must act, or something has been undone.
    Critical,
}

/// A transition worth telling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The channel it goes to, by the configuration's name.
    pub channel: String,
    /// Unique in the release and channel, the same for every repeat.
    pub key: String,
    /// How loud.
    pub severity: Severity,
    /// What happened, one line.
    pub subject: String,
    /// Details and the commands to act on it.
    pub body: String,
    /// The same as facts.
    pub facts: Box<Facts>,
}

impl Notice {
    /// The same without secrets and without what could steer a terminal.
    #[must_use]
    pub fn cleaned(self, redactor: &Redactor) -> Self {
        Self {
            subject: redactor.clean(&self.subject),
            body: clean_lines(redactor, &self.body),
            facts: Box::new(self.facts.cleaned(redactor)),
            ..self
        }
    }
}

/// An effect with its number and which try this is, from 1 up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Its number.
    pub id: EffectId,
    /// Which try, from 1 up. From the second on, an earlier try may have taken effect.
    pub attempt: u32,
    /// What to do.
    pub effect: Effect,
}

/// What became of an effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The conditions of a gate, or HTTP checks, with each result.
    Checked(Vec<CheckResult>),
    /// A gate's conditions cannot hold before `until`, whatever else happens; it is worth waiting for.
    NotYet {
        /// What was looked at so far.
        results: Vec<CheckResult>,
        /// When it is to be looked again.
        until: Timestamp,
    },
    /// A program ended.
    Exited {
        /// Its exit code; `None` when a signal ended it.
        code: Option<i32>,
        /// The last lines it wrote, secrets masked.
        tail: Vec<String>,
    },
    /// A task on ECS has come to nothing: it was stopped, its container never ran, or ECS refused to start it. None of it runs.
    NeverRan {
        /// Why.
        why: String,
    },
    /// A load test ended, and its report was read.
    Measured {
        /// The tool's exit code; `None` when a signal ended it.
        code: Option<i32>,
        /// The last lines it wrote, secrets masked.
        tail: Vec<String>,
        /// What the report says about each limit.
        checks: Vec<CheckResult>,
    },
    /// A program ended well, and did not report what it was run for.
    Misreported {
        /// The last lines it wrote, secrets masked.
        tail: Vec<String>,
        /// What is wrong with its report.
        why: String,
    },
    /// An image was built.
    Built {
        /// The last lines the program wrote, secrets masked.
        tail: Vec<String>,
        /// The image, by its digest.
        image: Version,
    },
    /// Green's task definition.
    Registered(TaskDefinitionArn),
    /// The cloud has accepted it.
    Done,
    /// It did not work.
    Failed(Failure),
}

/// One condition of a gate, or one thing that an HTTP check looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// The condition's or the check's name.
    pub name: String,
    /// What of the answer was looked at, such as `status`; empty when there is but one thing to look at.
    #[serde(default)]
    pub aspect: String,
    /// Whether it holds.
    pub passed: bool,
    /// What it must be; empty when the name says so.
    #[serde(default)]
    pub wanted: String,
    /// What was found.
    pub detail: String,
    /// How long the answer took, if there was one.
    #[serde(default)]
    pub took: Option<Duration>,
}

impl CheckResult {
    /// What was found of the one thing that there was to look at.
    pub fn new(name: impl Into<String>, passed: bool, detail: impl Into<String>) -> Self {
        Self { name: name.into(), passed, detail: detail.into(), ..Self::default() }
    }

    /// How many checks passed, of how many. A check passes when everything that it looked at holds.
    pub fn tally(results: &[Self]) -> (usize, usize) {
        let mut checks: BTreeMap<&str, bool> = BTreeMap::new();
        for result in results {
            *checks.entry(&result.name).or_insert(true) &= result.passed;
        }
        (checks.values().filter(|passed| **passed).count(), checks.len())
    }
}

impl fmt::Display for CheckResult {
    /// `login: to host evil.example, wanted accounts.google.com`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name)?;
        if !self.aspect.is_empty() {
            write!(f, "{} ", self.aspect)?;
        }
        f.write_str(&self.detail)?;
        if self.wanted.is_empty() { Ok(()) } else { write!(f, ", wanted {}", self.wanted) }
    }
}

/// Why an effect did not work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Trying again may help: throttling, a time-out, a lost connection, expired credentials.
    pub transient: bool,
    /// In words, secrets masked.
    pub message: String,
}
