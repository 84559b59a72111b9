//! Clusters, task definitions, services and tasks.

mod types;

pub use types::*;
