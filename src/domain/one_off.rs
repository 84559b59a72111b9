//! Tasks that ECS runs once for a stage, from when they are asked for until they are known to have ended.

use serde::{Deserialize, Serialize};

use super::plan::{StageKind, TaskPlan, Undo};
use super::program::Runs;
use super::time::Timestamp;

/// What of a stage a task runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Piece {
    /// The part with this index.
    Part(usize),
    /// What undoes it.
    Undo,
}

impl Piece {
    /// The task of a stage of this kind; `None` when it runs something else, or nothing.
    pub fn task(self, kind: &StageKind) -> Option<&TaskPlan> {
        let runs = match self {
            Self::Part(part) => kind.part(part)?.runs,
            Self::Undo => match kind.undo()? {
                Undo::Job(job) => job.runs(),
                Undo::Program { .. } | Undo::Flag(_) => return None,
            },
        };
        match runs {
            Runs::Task(task) => Some(task),
            Runs::Command(_) | Runs::Flag(_) => None,
        }
    }
}

/// A task that may be running. A stage has one at a time: the next is not asked for before this one is known to have ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneOff {
    /// What it runs.
    pub piece: Piece,
    /// The stage's try that it belongs to. With the piece it tells the release's tasks apart.
    pub attempt: u32,
    /// When it was asked for.
    pub asked: Timestamp,
    /// Its id, once ECS has said it.
    pub task: Option<String>,
    /// It was given up and could not be stopped: why. It may still run.
    pub unstopped: Option<String>,
}

impl OneOff {
    /// It in words.
    pub fn named(&self) -> String {
        match &self.task {
            Some(task) => format!("task {task}"),
            None => "its task".to_owned(),
        }
    }
}
