//! A small AWS in one process: a pure, seeded world behind the wire protocols of the services it imitates.

pub mod app;
mod connector;
pub mod listen;
pub mod scenario;
pub mod wire;
pub mod world;

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::clock::Clock;
use crate::domain::time::Timestamp;

pub use scenario::{Layout, Scenario, ScenarioError};
pub use wire::{APP_DOMAIN, FaultPlan, Wire};
pub use world::World;

/// A running simulated AWS. Clones share one world.
#[derive(Clone)]
pub struct Sim {
    world: Arc<Mutex<World>>,
    wire: Arc<Wire>,
    clock: Clock,
    scenario: Arc<Scenario>,
    seed: u64,
    /// Made when somebody first comes over TLS.
    identity: Arc<OnceLock<app::Identity>>,
}

impl Sim {
    /// The world of `scenario` as it is at the moment that `clock` reads. The same seed gives the same world.
    pub fn new(scenario: Scenario, seed: u64, clock: Clock) -> Self {
        let world = World::new(&scenario, seed, clock.now());
        let wire = Wire::new(FaultPlan::of(scenario.api_faults.clone()), seed, clock.now());
        Self {
            world: Arc::new(Mutex::new(world)),
            wire: Arc::new(wire),
            clock,
            scenario: Arc::new(scenario),
            seed,
            identity: Arc::default(),
        }
    }

    /// Brings the world up to now and hands it to `act`, which must not wait for anything.
    pub fn with<R>(&self, act: impl FnOnce(&mut World, Timestamp) -> R) -> R {
        // A panic while the lock was held can only be a bug in the world itself; its data is still the best there is.
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        world.advance(now);
        act(&mut world, now)
    }

    /// The protocols in front of the world: their faults and their counts.
    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// The clock that the world follows.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// What the world was made from.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// What the world's chance was seeded with.
    pub fn seed(&self) -> u64 {
        self.seed
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("scenario", &self.scenario.name).field("seed", &self.seed).finish_non_exhaustive()
    }
}
