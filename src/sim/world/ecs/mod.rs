//! Clusters, task definitions, services and tasks.

mod definitions;
mod operations;
mod scheduler;
mod services;
mod state;
mod task_types;
mod tasks;
mod types;

pub(super) use state::Ecs;
pub use task_types::*;
pub(super) use tasks::digest_of;
pub use types::*;
