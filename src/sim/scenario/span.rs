//! Spans and shares as people write them: `90s`, `5m`, `250ms`, `8%`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use crate::document::span;

/// Serde for a span.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    span(&text)
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

/// Serde for how old something is.
pub(super) mod age {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, de};

    use crate::document;

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        document::age(&text)
            .ok_or_else(|| de::Error::custom(format!("`{text}` is not an age such as \"5h\" or \"90d\"")))
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
