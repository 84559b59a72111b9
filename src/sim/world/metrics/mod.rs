//! Metrics: what is measured, when it is published, and how it is asked for.

mod expression;
mod operations;
mod parse;
mod publish;
mod query;
mod statistic;
mod store;
mod types;

pub(in crate::sim) use operations::check_stat;
pub(super) use query::{Evaluation, Window};
pub(super) use statistic::Statistic;
pub(super) use store::{Gauge, Store};
pub use types::*;

/// What is wrong with a formula of metric math, if anything.
pub(in crate::sim) fn check_expression(text: &str) -> Result<(), String> {
    parse::parse(text).map(drop)
}
