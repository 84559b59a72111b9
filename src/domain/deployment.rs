//! A deployment that AWS carries out by itself, as last read.

use serde::{Deserialize, Serialize};

use super::ids::TaskDefinitionArn;
use super::time::Timestamp;

/// A deployment inside AWS. Its words are AWS's own, as they came: new ones appear, and are shown like the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// Its ARN or id.
    pub id: String,
    /// What it deploys.
    pub task_definition: TaskDefinitionArn,
    /// How it goes about it, such as `LINEAR`.
    pub strategy: String,
    /// Its status, such as `IN_PROGRESS`.
    pub status: String,
    /// Where in its life it is, such as `SCALE_UP`, if it says so.
    pub stage: Option<String>,
    /// What the status means.
    pub course: Course,
    /// Why it is in it, in AWS's words.
    pub reason: Option<String>,
    /// What it waits for.
    pub wait: Option<Wait>,
    /// What becomes of the alarms that it was given, such as `MONITORING`; `None` without any.
    pub alarms: Option<String>,
    /// The parts of its life and its hooks, in the order in which they come, as far as it tells of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<LifecycleEvent>,
    /// Tasks that failed, and how many trip the circuit breaker, where there is one.
    pub failures: Option<(u32, u32)>,
}

/// A part of a deployment's life, or a hook in it. Its words are AWS's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleEvent {
    /// Its name, such as `AfterAllowTestTraffic`, or what a hook runs.
    pub name: String,
    /// Its status, such as `InProgress` or `AWAITING_ACTION`.
    pub status: String,
    /// What that means.
    pub course: Course,
    /// When it began, if it has.
    pub started: Option<Timestamp>,
    /// When it ended, if it has.
    pub ended: Option<Timestamp>,
    /// When its time is up, if it has any.
    pub expires: Option<Timestamp>,
}

/// What the status of a deployment means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Course {
    /// It goes forward, or waits to.
    Underway,
    /// It has done what it was for.
    Completed,
    /// It goes back.
    GoingBack,
    /// It has gone back.
    WentBack,
    /// It has stopped and left things as they were.
    Stopped,
    /// It could not go back.
    Failed,
    /// A status that this version does not know: neither done nor given up.
    #[default]
    Unknown,
}

impl Course {
    /// Whether it goes, or went, another way than forward.
    pub fn is_given_up(self) -> bool {
        match self {
            Self::GoingBack | Self::WentBack | Self::Stopped | Self::Failed => true,
            Self::Underway | Self::Completed | Self::Unknown => false,
        }
    }

    /// Whether it may still move traffic.
    pub fn is_over(self) -> bool {
        match self {
            Self::Completed | Self::WentBack | Self::Stopped | Self::Failed => true,
            Self::Underway | Self::GoingBack | Self::Unknown => false,
        }
    }
}

/// A pause of a deployment: somebody must say how it goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// What is to be named when it is answered.
    pub id: String,
    /// When nobody has answered by then, AWS goes on by itself.
    pub expires: Option<Timestamp>,
    /// What AWS does then, such as `ROLLBACK`.
    pub then: String,
}

/// The waits of CodeDeploy, as it names them.
const READY_WAIT: &str = "READY_WAIT";
const TERMINATION_WAIT: &str = "TERMINATION_WAIT";

impl Wait {
    /// What is so while it waits.
    pub fn words(&self) -> &'static str {
        match self.id.as_str() {
            READY_WAIT => "waits to be let through",
            TERMINATION_WAIT => "all traffic on green, blue is kept",
            _ => "paused",
        }
    }

    /// What keeps `then` from happening, if anything does: somebody who goes on before.
    pub fn is_answered_by_going_on(&self) -> bool {
        self.id != TERMINATION_WAIT
    }
}

impl Deployment {
    /// What it is doing, in AWS's words: `LINEAR IN_PROGRESS, PRE_SCALE_UP`.
    pub fn words(&self) -> String {
        let stage = self.stage.as_ref().map(|stage| format!(", {stage}")).unwrap_or_default();
        format!("{} {}{stage}", self.strategy, self.status).trim().to_owned()
    }

    /// Why it went another way than forward.
    pub fn why_given_up(&self) -> String {
        self.reason.clone().unwrap_or_else(|| format!("its status is {}", self.status))
    }
}
