//! Log groups, streams and events.

mod types;

pub use types::*;
