//! Which component and side each task belongs to.

use std::collections::{HashMap, HashSet};

use crate::cloud::TaskBrief;
use crate::domain::components::ComponentIndex;
use crate::domain::ids::Side;
use crate::domain::log::LogLine;

/// Which component and side each task belongs to.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct TaskSides {
    known: HashMap<String, (ComponentIndex, Side)>,
    /// Tasks that were asked about in vain: of other services that share the log group.
    foreign: HashSet<String>,
}

impl TaskSides {
    pub(in crate::engine) fn learn(&mut self, tasks: &[TaskBrief], of: ComponentIndex) {
        self.known.extend(tasks.iter().map(|task| (task.id.clone(), (of, task.side))));
    }

    /// Whether the tasks have been asked about at all.
    pub(in crate::engine) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether there is a task among these that was not asked about yet.
    pub(in crate::engine) fn misses(&mut self, strangers: &[String]) -> bool {
        let mut is_new = false;
        for task in strangers {
            is_new |= !self.foreign.contains(task) && self.foreign.insert(task.clone());
        }
        is_new
    }

    /// Names the sides of lines whose tasks became known while they were read.
    pub(in crate::engine) fn complete(&self, lines: &mut [LogLine]) {
        for line in lines.iter_mut().filter(|line| line.side.is_none()) {
            if let Some((component, side)) = self.of(&line.task) {
                (line.component, line.side) = (Some(component), Some(side));
            }
        }
    }

    pub(super) fn of(&self, task: &str) -> Option<(ComponentIndex, Side)> {
        self.known.get(task).copied()
    }
}
