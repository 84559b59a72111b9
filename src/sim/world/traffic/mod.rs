//! What users send, where the load balancer routes it, and what becomes of it: one request at a time.

mod latency;
mod ring;

use std::time::Duration;

use super::World;
use super::elb::Routing;
use super::ledger::Truth;
use super::random::Stream;
use crate::domain::time::Timestamp;
use crate::sim::scenario::schema::{Profile, Schema, Traffic as Users};
pub(super) use latency::{Histogram, Latencies};
pub(super) use ring::{Request, Ring};

/// A request that takes longer counts as slow, in milliseconds.
const SLOW_MILLIS: f32 = 1_000.0;

/// Which version handles a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Side {
    /// The version that the world started with.
    Old,
    /// Any other.
    New,
}

/// Users, and what became of their requests.
#[derive(Clone, Debug)]
pub(super) struct Traffic {
    pub(super) ring: Ring,
    old: Version,
    new: Version,
    /// Requests of this minute that the load balancer answered itself with 502 or 503.
    pub(super) refused: u64,
    next_burst: Timestamp,
    burst_until: Timestamp,
}

/// A profile, ready to draw from.
#[derive(Clone, Debug)]
struct Version {
    latencies: Latencies,
    /// Of all 32-bit numbers, those below fail.
    errors: u32,
    client_errors: u32,
}

impl Version {
    fn new(profile: &Profile) -> Self {
        Self {
            latencies: Latencies::new(profile.latency_p50, profile.latency_p99),
            errors: threshold(profile.errors.probability()),
            client_errors: threshold(profile.client_errors.probability()),
        }
    }
}

/// A task that requests can be routed to, as it is during one tick.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backend {
    pub(super) task: u16,
    pub(super) side: Side,
    /// Whether its process accepts connections.
    pub(super) listening: bool,
    /// How many times slower than its profile it is.
    pub(super) slowness: f32,
}

/// How shared dependencies fare during one tick.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    pub(super) errors: u32,
    pub(super) slowness: f32,
}

/// What becomes of one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    pub(super) status: u16,
    pub(super) latency: f32,
    harmed: bool,
}

impl Traffic {
    pub(super) fn new(schema: &Schema, origin: Timestamp) -> Self {
        Self {
            ring: Ring::default(),
            old: Version::new(&schema.old),
            new: Version::new(&schema.new),
            refused: 0,
            next_burst: origin + schema.traffic.burst_every,
            burst_until: origin,
        }
    }

    /// Requests expected in the second that begins at `at`.
    fn expected(&mut self, users: &Users, at: Timestamp, chance: &mut Stream) -> f64 {
        if !users.burst_every.is_zero() && at >= self.next_burst {
            self.burst_until = at + users.burst_for;
            self.next_burst = at + users.burst_every.mul_f64(chance.between(0.5, 1.5)).max(Duration::from_secs(1));
        }
        let burst = if at < self.burst_until { users.burst } else { 1.0 };
        let turns = at.millis() as f64 / 1_000.0 / users.drift_period.as_secs_f64().max(1.0);
        let drift = 1.0 + users.drift.probability() * (turns * std::f64::consts::TAU).sin();
        users.rate * burst * drift
    }

    /// What becomes of a request to `backend`. The same `random` bits on the old version decide whether the user was
    /// harmed: the high ones whether it fails, the low ones how long it takes.
    pub(super) fn outcome(&self, backend: Backend, weather: Weather, random: u64) -> Outcome {
        let version = if backend.side == Side::Old { &self.old } else { &self.new };
        let luck = (random >> 32) as u32;
        let failed = luck < version.errors.saturating_add(weather.errors);
        let latency = version.latencies.draw(random) * backend.slowness * weather.slowness;
        let mut harmed = false;
        if backend.side == Side::New && (failed || latency > SLOW_MILLIS) {
            let old_failed = luck < self.old.errors.saturating_add(weather.errors);
            let old_latency = self.old.latencies.draw(random) * weather.slowness;
            harmed = !old_failed && (failed || old_latency <= SLOW_MILLIS);
        }
        let status = if failed {
            500
        } else if (random >> 12) as u32 >> 12 < version.client_errors >> 12 {
            404
        } else {
            200
        };
        Outcome { status, latency, harmed }
    }
}

/// A probability as the share of all 32-bit numbers below it.
fn threshold(probability: f64) -> u32 {
    (probability * f64::from(u32::MAX)) as u32
}

impl World {
    /// One second of users' requests, from `at` on.
    pub(super) fn tick_traffic(&mut self, at: Timestamp) {
        let expected = self.traffic.expected(&self.schema.traffic, at, &mut self.streams.traffic);
        let count = self.streams.traffic.poisson(expected);
        let mut routing = self.routing(&self.schema.app.host, "/", at);
        let weather = self.weather(at);
        let base = self.since_origin(at);
        let mut truth = Truth::default();
        // Evenly through the second, in fixed point: a division for each request would show.
        let spacing = (1_000_u64 << 32).checked_div(u64::from(count)).unwrap_or(0);
        for number in 0..u64::from(count) {
            self.one_request(&mut routing, weather, base + ((number * spacing) >> 32) as u32, &mut truth);
        }
        self.elb.remember(&routing);
        for route in &routing.routes {
            for backend in route.used() {
                self.ecs.saw_traffic(backend.task, at);
            }
        }
        self.ledger.count(at.floor_to(Duration::from_mins(1)), &truth);
    }

    fn one_request(&mut self, routing: &mut Routing, weather: Weather, at: u32, truth: &mut Truth) {
        let chance = &mut self.streams.traffic;
        let (fate, luck) = (chance.bits(), chance.bits());
        let Some((group, backend)) = routing.pick((fate >> 32) as u32) else {
            self.traffic.refused += 1;
            truth.unserved.requests += 1;
            truth.unserved.errors += 1;
            truth.unserved.harmed += 1;
            return;
        };
        let tally = if backend.side == Side::Old { &mut truth.old } else { &mut truth.new };
        tally.requests += 1;
        let Some(minute) = self.elb.minute(group) else { return };
        minute.requests += 1;
        if !backend.listening {
            self.traffic.refused += 1;
            tally.errors += 1;
            tally.harmed += u64::from(backend.side == Side::New);
            return;
        }
        let outcome = self.traffic.outcome(backend, weather, luck);
        tally.errors += u64::from(outcome.status >= 500);
        tally.slow += u64::from(outcome.latency > SLOW_MILLIS);
        tally.harmed += u64::from(outcome.harmed);
        minute.count(outcome.status, outcome.latency);
        self.traffic.ring.push(Request {
            at,
            latency: outcome.latency,
            salt: fate as u32,
            task: backend.task,
            status: outcome.status,
        });
    }

    /// How shared dependencies fare at `at`.
    pub(super) fn weather(&self, at: Timestamp) -> Weather {
        let mut weather = Weather { errors: 0, slowness: 1.0 };
        for dependency in &self.schema.dependency {
            let from = self.start + dependency.at;
            if at >= from && at < from + dependency.lasting {
                weather.errors = weather.errors.saturating_add(threshold(dependency.errors.probability()));
                weather.slowness *= dependency.latency as f32;
            }
        }
        weather
    }

    /// Milliseconds since the world's origin, as requests are stamped.
    pub(super) fn since_origin(&self, at: Timestamp) -> u32 {
        u32::try_from(at.since(self.origin).as_millis()).unwrap_or(u32::MAX)
    }
}
