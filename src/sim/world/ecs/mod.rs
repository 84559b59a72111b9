//! Clusters, task definitions, services and tasks.

mod definitions;
mod operations;
mod rollout;
mod scheduler;
mod services;
mod state;
mod task_sets;
mod task_types;
mod tasks;
mod types;

pub use rollout::*;
pub(super) use state::{Ecs, ServiceState};
pub use task_sets::{Stability, TaskSet, TaskSetStatus};
pub use task_types::*;
pub(super) use tasks::digest_of;
pub use types::*;
