//! Percentages that cannot leave 0 to 100.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A whole percentage, 0 to 100: the weight of one side's production traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Percent(u8);

impl Percent {
    /// None of it.
    pub const ZERO: Self = Self(0);
    /// All of it.
    pub const FULL: Self = Self(100);

    /// `value` percent, or `None` above 100.
    pub const fn new(value: u8) -> Option<Self> {
        if value <= 100 { Some(Self(value)) } else { None }
    }

    /// `value` percent, at most 100.
    pub const fn clamped(value: u8) -> Self {
        if value <= 100 { Self(value) } else { Self::FULL }
    }

    /// The share that `part` of `whole` is, rounded to a whole percent; zero when `whole` is.
    pub fn share(part: u64, whole: u64) -> Self {
        if whole == 0 {
            return Self::ZERO;
        }
        let rounded = part.saturating_mul(200).saturating_add(whole) / whole.saturating_mul(2);
        Self(u8::try_from(rounded.min(100)).unwrap_or(100))
    }

    /// The number, 0 to 100.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// What is left to 100.
    #[must_use]
    pub const fn rest(self) -> Self {
        Self(100 - self.0)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = u8::deserialize(deserializer)?;
        Self::new(value).ok_or_else(|| serde::de::Error::custom(format!("{value} is not a percentage from 0 to 100")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_round_to_the_nearest_percent_and_add_up() {
        assert_eq!(Percent::share(1, 3).get(), 33);
        assert_eq!(Percent::share(2, 3).get(), 67);
        assert_eq!(Percent::share(5, 0), Percent::ZERO);
        assert_eq!(Percent::share(999, 999), Percent::FULL);
    }

    #[test]
    fn nothing_above_a_hundred_is_read() {
        assert!(serde_json::from_str::<Percent>("100").is_ok());
        assert!(serde_json::from_str::<Percent>("101").is_err());
    }
}
