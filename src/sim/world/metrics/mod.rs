//! Metrics: what is measured, when it is published, and how it is asked for.

mod types;

pub use types::*;
