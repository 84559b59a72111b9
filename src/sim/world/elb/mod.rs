//! Load balancers, listeners, rules, target groups and targets.

mod types;

pub use types::*;
