//! The simulated world: one deterministic value that time moves forward and AWS operations read and change.
//!
//! Nothing here reads a clock, waits, or does I/O. [`World::advance`] moves everything in ticks of one second; each
//! AWS operation is a method that takes plain input and returns plain output or the refusal AWS would send.

pub mod alarms;
mod app;
pub mod app_config;
pub mod codedeploy;
pub mod dynamodb;
pub mod ecs;
pub mod elb;
mod error;
pub mod estate;
pub mod inbox;
mod ledger;
pub mod logs;
pub mod metrics;
mod random;
mod setup;
pub mod sns;
pub mod sts;
mod traffic;
mod words;

#[cfg(test)]
mod tests;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

pub use app::{AppRequest, AppResponse};
pub use error::{ApiError, ApiResult};
pub use ledger::{Change, Tally, Truth, WeightChange};

use super::scenario::Schema;
use crate::domain::time::Timestamp;

const TICK: Duration = Duration::from_secs(1);

/// The simulated world.
#[derive(Clone, Debug)]
pub struct World {
    /// What operations take for the current time.
    now: Timestamp,
    /// Up to where everything was moved.
    ticked: Timestamp,
    /// When the scenario began; its windows count from here.
    start: Timestamp,
    /// When history began.
    origin: Timestamp,
    schema: Arc<Schema>,
    streams: random::Streams,
    ecs: ecs::Ecs,
    elb: elb::Elb,
    traffic: traffic::Traffic,
    metrics: metrics::Store,
    alarms: alarms::Alarms,
    codedeploy: codedeploy::CodeDeploy,
    logs: logs::Logs,
    sns: sns::Sns,
    inbox: inbox::Inbox,
    estate: estate::Estate,
    app_config: Vec<app_config::Application>,
    tables: Vec<dynamodb::Table>,
    ledger: ledger::Ledger,
}

impl World {
    /// Moves everything forward to `now`, in ticks of one second. A moment in the past changes nothing.
    pub fn advance(&mut self, now: Timestamp) {
        let now = now.max(self.now);
        while self.ticked + TICK <= now {
            let (from, at) = (self.ticked, self.ticked + TICK);
            self.now = at;
            self.tick_traffic(from);
            self.tick_tasks(at);
            self.tick_health(at);
            self.tick_services(at);
            self.tick_metrics(at);
            self.tick_alarms(at);
            self.tick_codedeploy(at);
            self.ticked = at;
        }
        self.now = now;
    }

    /// The moment the world has reached.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// When the scenario began.
    pub fn started_at(&self) -> Timestamp {
        self.start
    }

    /// Every call that changed something since the start, oldest first.
    pub fn changes(&self) -> &[Change] {
        &self.ledger.changes
    }

    /// Every weight that was in force since the start, oldest first; the first ones are those at the start.
    pub fn weight_history(&self) -> &[WeightChange] {
        &self.ledger.weights
    }

    /// What became of users' requests since the start.
    pub fn truth(&self) -> Truth {
        self.ledger.total
    }

    /// The same by minute, oldest first.
    pub fn truth_by_minute(&self) -> &[(Timestamp, Truth)] {
        &self.ledger.minutes
    }

    /// A number that is the same for two worlds in which the same things happened, and hardly ever for others.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.now, self.ledger.total).hash(&mut hasher);
        for (number, request) in self.traffic.ring.since(0) {
            (number, request.at, request.latency.to_bits(), request.salt, request.task, request.status)
                .hash(&mut hasher);
        }
        for member in &self.ecs.roster {
            member.id.hash(&mut hasher);
        }
        for state in self.alarms.states() {
            state.hash(&mut hasher);
        }
        hasher.finish()
    }
}
