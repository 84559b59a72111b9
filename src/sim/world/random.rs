//! Chance, split by purpose: what one part of the world draws never changes what another part sees.

use rand::{Rng, RngExt, SeedableRng};
use rand_distr::{Distribution, Poisson, StandardNormal};
use rand_pcg::Pcg64Mcg;

/// One purpose's source of chance.
#[derive(Clone, Debug)]
pub(super) struct Stream(Pcg64Mcg);

/// The sources of chance of a world.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    pub(super) traffic: Stream,
    pub(super) tasks: Stream,
    pub(super) health: Stream,
    pub(super) metrics: Stream,
    pub(super) app: Stream,
    pub(super) ids: Stream,
}

impl Streams {
    pub(super) fn new(seed: u64) -> Self {
        let stream = |purpose| Stream::new(seed, purpose);
        Self {
            traffic: stream("traffic"),
            tasks: stream("tasks"),
            health: stream("health"),
            metrics: stream("metrics"),
            app: stream("app"),
            ids: stream("ids"),
        }
    }
}

impl Stream {
    pub(super) fn new(seed: u64, purpose: &str) -> Self {
        // FNV-1a: any fixed hash does, as long as it never changes between builds.
        let hash = purpose
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(Pcg64Mcg::seed_from_u64(seed ^ hash))
    }

    /// 64 random bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in 0..1.
    pub(super) fn unit(&mut self) -> f64 {
        self.0.random()
    }

    /// A number in `low..=high`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// How many events happen where `mean` are expected.
    pub(super) fn poisson(&mut self, mean: f64) -> u32 {
        Poisson::new(mean).map_or(0, |distribution| distribution.sample(&mut self.0) as u32)
    }

    pub(super) fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.0)
    }

    /// `digits` hexadecimal digits.
    pub(super) fn hex(&mut self, digits: usize) -> String {
        let mut text = format!("{:016x}{:016x}", self.bits(), self.bits());
        text.truncate(digits);
        text
    }

    /// A UUID of version 4.
    pub(super) fn uuid(&mut self) -> String {
        let (high, low) = (self.bits(), self.bits());
        let variant = 0x8000 | ((low >> 48) & 0x3fff);
        let (first, second, third) = (high >> 32, (high >> 16) & 0xffff, high & 0xfff);
        format!("{first:08x}-{second:04x}-4{third:03x}-{variant:04x}-{:012x}", low & 0xffff_ffff_ffff)
    }
}
