//! Alarms, their states and their history.

mod types;

pub use types::*;
