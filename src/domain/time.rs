//! Moments and spans as plain numbers. Nothing here reads a clock.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// The moment `secs` seconds after the epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000))
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// How long ago `earlier` was at this moment; zero if it is still to come.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This moment rounded down to a multiple of `period`; itself when `period` is zero.
    #[must_use]
    pub fn floor_to(self, period: Duration) -> Self {
        match millis_of(period) {
            0 => self,
            step => Self(self.0.div_euclid(step).saturating_mul(step)),
        }
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(millis_of(span)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(millis_of(span)))
    }
}

fn millis_of(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// A span the way an operator reads it: `0:07`, `12:40`, `3:05:09`.
#[derive(Clone, Copy, Debug)]
pub struct Elapsed(pub Duration);

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.0.as_secs();
        let (hours, minutes, seconds) = (all / 3_600, all / 60 % 60, all % 60);
        if hours > 0 { write!(f, "{hours}:{minutes:02}:{seconds:02}") } else { write!(f, "{minutes}:{seconds:02}") }
    }
}

/// Serde for spans as whole milliseconds, for journals and sockets.
pub mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes a span as its milliseconds.
    pub fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
    }

    /// Reads a span from its milliseconds.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_operators_write_them() {
        let shown = |secs| Elapsed(Duration::from_secs(secs)).to_string();
        assert_eq!([shown(7), shown(760), shown(11_109)], ["0:07", "12:40", "3:05:09"]);
    }

    #[test]
    fn moments_never_overflow_and_never_run_backwards() {
        let end = Timestamp::from_millis(i64::MAX);
        assert_eq!(end + Duration::from_secs(1), end);
        assert_eq!(Timestamp::from_millis(5).since(end), Duration::ZERO);
    }

    #[test]
    fn flooring_is_towards_the_past_on_both_sides_of_the_epoch() {
        let minute = Duration::from_mins(1);
        assert_eq!(Timestamp::from_secs(119).floor_to(minute), Timestamp::from_secs(60));
        assert_eq!(Timestamp::from_secs(-1).floor_to(minute), Timestamp::from_secs(-60));
        assert_eq!(Timestamp::from_millis(7).floor_to(Duration::ZERO), Timestamp::from_millis(7));
    }
}
