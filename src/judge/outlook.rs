//! What can be told at the present traffic, and when.

/// Evidence that a verdict needs, in nats: ln 100 and what the mixtures cost.
const NATS: f64 = 8.0;

/// The evidence of one request against the rate `usual` if the rate is `usual + excess` (Kullback and Leibler), in nats.
pub fn divergence(usual: f64, excess: f64) -> f64 {
    let usual = usual.clamp(1e-6, 1.0 - 1e-6);
    let worse = (usual + excess).clamp(1e-6, 1.0 - 1e-6);
    worse * (worse / usual).ln() + (1.0 - worse) * ((1.0 - worse) / (1.0 - usual)).ln()
}

/// The smallest excess of errors, as a part of one, that so many green requests show, of which green's share of all is
/// `share`; `None` if not even a green that fails always would be told.
pub fn smallest_excess(usual: f64, green: f64, share: f64) -> Option<f64> {
    let shows = |excess: f64| green * (1.0 - share) * divergence(usual, excess) >= NATS;
    let most = 1.0 - usual;
    if !shows(most) {
        return None;
    }
    let (mut low, mut high) = (0.0, most);
    for _ in 0..50 {
        let middle = f64::midpoint(low, high);
        if shows(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

/// The smallest factor of latency that so many green requests show: `deviation` is that of the natural logarithm of blue's
/// latency, `margin` the factor that is tolerated. `None` without green requests, or when it is beyond a hundredfold.
pub fn smallest_factor(deviation: f64, green: f64, share: f64, margin: f64) -> Option<f64> {
    let told = green * (1.0 - share);
    let factor = margin * (deviation * (2.0 * NATS / told).sqrt()).exp();
    (told > 0.0 && factor <= 100.0).then_some(factor)
}

/// Seconds until `needed` is reached from `evidence`, both natural logarithms, if it goes on growing by `growth` a second.
pub fn seconds_until(needed: f64, evidence: f64, growth: f64) -> Option<f64> {
    let seconds = (needed - evidence) / growth;
    (growth > 1e-4 && seconds.is_finite()).then_some(seconds.max(0.0))
}

/// Seconds until an excess of errors would be told that begins now, at so many green requests a second.
pub fn seconds_to_tell(usual: f64, excess: f64, green_rate: f64, share: f64) -> Option<f64> {
    seconds_until(NATS, 0.0, green_rate * (1.0 - share) * divergence(usual, excess))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_traffic_shows_little() {
        // Half a request a second for half an hour.
        let excess = smallest_excess(0.001, 900.0, 0.1).unwrap();
        assert!((0.005..0.01).contains(&excess), "{excess}");
        let factor = smallest_factor(0.866, 900.0, 0.1, 1.05).unwrap();
        assert!((1.15..1.25).contains(&factor), "{factor}");
        assert!(smallest_excess(0.001, 9_000.0, 0.1).unwrap() < excess);
        assert_eq!((smallest_excess(0.001, 1.0, 0.1), smallest_factor(0.866, 0.0, 0.1, 1.05)), (None, None));
        assert_eq!(smallest_excess(1.0, 1e9, 0.1), None);
    }

    #[test]
    fn times_follow_from_the_rate_and_may_be_never() {
        let two_points = seconds_to_tell(0.001, 0.02, 5.0, 0.1).unwrap();
        assert!((30.0..60.0).contains(&two_points), "{two_points}");
        assert_eq!(seconds_to_tell(0.001, 0.02, 0.0, 0.1), None);
        assert_eq!(seconds_until(6.0, 2.0, 0.5), Some(8.0));
        assert_eq!((seconds_until(4.6, 5.0, 0.1), seconds_until(4.6, 1.0, -0.1)), (Some(0.0), None));
    }
}
