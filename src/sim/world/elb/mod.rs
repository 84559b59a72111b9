//! Load balancers, listeners, rules, target groups and targets.

mod operations;
mod routing;
mod setup;
mod state;
mod types;

pub(super) use routing::{Routing, forwarded};
pub(super) use state::{Elb, Lagging, NewTarget};
pub use types::*;
