//! The simulated world: one deterministic value that time moves forward and AWS operations read and change.
//!
//! Nothing here reads a clock, waits, or does I/O. [`World::advance`] moves everything in ticks of one second; each
//! AWS operation is a method that takes plain input and returns plain output or the refusal AWS would send.

pub mod alarms;
mod app;
pub mod ecs;
pub mod elb;
mod error;
pub mod logs;
pub mod metrics;
pub mod sns;
pub mod sts;
mod stubs;
mod words;

pub use app::{AppRequest, AppResponse};
pub use error::{ApiError, ApiResult};

use super::scenario::Scenario;
use crate::domain::time::Timestamp;

/// The simulated world.
#[derive(Debug)]
pub struct World {
    now: Timestamp,
}

impl World {
    /// The world of `scenario` at `start`. The same seed gives the same world.
    pub fn new(_scenario: &Scenario, _seed: u64, start: Timestamp) -> Self {
        Self { now: start }
    }

    /// Moves everything forward to `now`, in ticks of one second.
    pub fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// The simulated service's answer to an HTTP request.
    pub fn http(&mut self, _request: &AppRequest) -> AppResponse {
        AppResponse::UnknownHost
    }
}
