//! Spans and shares as people write them: `90s`, `5m`, `250ms`, `8%`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// Reads `250ms`, `90s`, `5m`, `2h` or combinations such as `1m30s`.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at_checked(digits)?;
        let unit_len = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(unit_len)?;
        let seconds = match unit.trim() {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            _ => return None,
        };
        total += Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
        rest = next;
    }
    Some(total)
}

/// Serde for a span.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text)
        .ok_or_else(|| de::Error::custom(format!("`{text}` is not a span such as \"250ms\", \"90s\" or \"1m30s\"")))
}

/// Serde for a span that may be missing.
pub(super) mod option {
    use std::time::Duration;

    use serde::Deserializer;

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        super::deserialize(deserializer).map(Some)
    }
}

/// A share of a whole, 0–100.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Percent(f64);

impl Percent {
    /// `percent` percent, kept between 0 and 100.
    pub const fn new(percent: f64) -> Self {
        Self(percent.clamp(0.0, 100.0))
    }

    /// 100 percent.
    pub const fn all() -> Self {
        Self(100.0)
    }

    /// The share as a probability, 0–1.
    pub const fn probability(self) -> f64 {
        self.0 / 100.0
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = text.trim().strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        match number {
            Some(percent) if (0.0..=100.0).contains(&percent) => Ok(Self(percent)),
            _ => Err(de::Error::custom(format!("`{text}` is not a share such as \"0.5%\" or \"8%\""))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_they_are_written() {
        let millis = |text| parse(text).map(|span| span.as_millis());
        assert_eq!(millis("250ms"), Some(250));
        assert_eq!(millis("1m30s"), Some(90_000));
        assert_eq!(millis("1.5h"), Some(5_400_000));
        for wrong in ["", "5", "s", "5x", "-5s", "1e400s"] {
            assert_eq!(millis(wrong), None, "{wrong}");
        }
    }
}
