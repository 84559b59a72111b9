//! The one source of time.
//!
//! Every layer that waits or stamps takes a [`Clock`], so that the same code runs on real time, on time that passes
//! `speed` times faster (the demo), and on tokio's paused time (tests and simulation), where a thirty-minute release
//! takes milliseconds. Clippy forbids the standard library's clocks everywhere else.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::time::Timestamp;

/// A clock that starts at a given moment and runs `speed` times as fast as tokio's.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Timestamp,
    started: Instant,
    speed: f64,
    /// It began with the machine's time, and passes like it.
    is_machines: bool,
}

impl Clock {
    /// The machine's own time, at its own pace.
    pub fn system() -> Self {
        Self { is_machines: true, ..Self::starting_at(wall_now(), 1.0) }
    }

    /// The machine's own time now, passing `speed` times as fast from here on.
    pub fn accelerated(speed: f64) -> Self {
        Self::starting_at(wall_now(), speed)
    }

    /// A clock that reads `origin` now and runs `speed` times as fast as tokio's clock. A speed that is not a
    /// positive finite number counts as 1.
    pub fn starting_at(origin: Timestamp, speed: f64) -> Self {
        let speed = if speed.is_finite() && speed > 0.0 { speed } else { 1.0 };
        Self { origin, started: Instant::now(), speed, is_machines: false }
    }

    /// What this clock reads.
    pub fn now(&self) -> Timestamp {
        self.origin + self.started.elapsed().mul_f64(self.speed)
    }

    /// The later of what this clock reads and, if it follows the machine's, what that reads. This clock stands while the
    /// machine is suspended; whatever ends for others meanwhile has ended here too.
    pub fn latest(&self) -> Timestamp {
        if self.is_machines { self.now().max(wall_now()) } else { self.now() }
    }

    /// How many times faster than real time this clock runs.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// Waits until `span` has passed on this clock.
    pub async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span.div_f64(self.speed)).await;
    }

    /// Waits until this clock reads at least `at`.
    pub async fn sleep_until(&self, at: Timestamp) {
        self.sleep(at.since(self.now())).await;
    }

    /// How long `span` of this clock takes on tokio's clock.
    pub fn real(&self, span: Duration) -> Duration {
        span.div_f64(self.speed)
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
fn wall_now() -> Timestamp {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_accelerated_clock_covers_its_span_in_a_fraction_of_tokios_time() {
        let before = Instant::now();
        let clock = Clock::starting_at(Timestamp::from_millis(1_000), 20.0);
        clock.sleep(Duration::from_mins(1)).await;
        assert_eq!(before.elapsed().as_secs(), 3);
        assert_eq!(clock.now(), Timestamp::from_millis(61_000));
    }

    #[tokio::test(start_paused = true)]
    async fn sleeping_until_a_moment_past_returns_at_once() {
        let clock = Clock::starting_at(Timestamp::from_millis(5_000), 1.0);
        clock.sleep_until(Timestamp::from_millis(10)).await;
        assert_eq!(clock.now(), Timestamp::from_millis(5_000));
    }
}
