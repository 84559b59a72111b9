//! Metrics: what is measured, when it is published, and how it is asked for.

mod expression;
mod operations;
mod parse;
mod publish;
mod query;
mod statistic;
mod store;
mod types;

pub(super) use operations::check_stat;
pub(super) use query::{Evaluation, Window};
pub(super) use statistic::Statistic;
pub(super) use store::{Gauge, Store};
pub use types::*;
