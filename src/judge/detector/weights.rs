//! How the symptoms are put together.

use super::super::row::Worth;
use super::super::settings::{Deaths, Latencies, Settings};

/// How much each symptom counts. A weighted mean is the one way to put together e-values of which nothing else is known
/// (Vovk and Wang 2021).
#[derive(Clone, Copy, Debug)]
pub(super) struct Weights {
    pub(super) errors: f64,
    pub(super) body: f64,
    pub(super) tail: f64,
    pub(super) traffic: f64,
    pub(super) deaths: f64,
}

impl Weights {
    pub(super) fn of(settings: &Settings) -> Self {
        let (body, tail) = match settings.latencies {
            Latencies::Each => (0.25, 0.15),
            Latencies::AboveLimits => (0.0, 0.4),
        };
        let (traffic, deaths) = match settings.deaths {
            Deaths::Unwatched => (0.05, 0.0),
            Deaths::Watched => (0.035, 0.015),
        };
        Self { errors: 0.55, body, tail, traffic, deaths }
    }

    pub(super) fn mean(self, worth: Worth, traffic: f64, deaths: f64) -> f64 {
        self.errors * worth.errors
            + self.body * worth.body
            + self.tail * worth.tail
            + self.traffic * traffic
            + self.deaths * deaths
    }
}
