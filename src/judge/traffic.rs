//! Whether green serves its share: one that answers nothing writes no line that says so.
//!
//! The sequential test of a sample ratio (Lindon and Malek 2022), with a margin: green must fall below six tenths of the share
//! that was set before anything speaks against it.

/// What green is bet to serve, of its share.
pub const REMAINDERS: [f64; 3] = [0.02, 0.1, 0.3];

/// A share down to this part of what was set is not held against green.
const TOLERATED: f64 = 0.6;

/// Seconds after a change of the weight from which requests are counted.
pub const SETTLED: f64 = 10.0;

/// The gain of the bet that green serves `remainder` of its share, as a natural logarithm: `share` is green's weight as a
/// part of one, `green` and `blue` the requests that ended.
pub fn gain(share: f64, remainder: f64, green: u64, blue: u64) -> f64 {
    let of = |part: f64| (share * part / (1.0 - share + share * part)).clamp(1e-9, 1.0 - 1e-9);
    let (bet, tolerated) = (of(remainder), of(TOLERATED));
    green as f64 * (bet / tolerated).ln() + blue as f64 * ((1.0 - bet) / (1.0 - tolerated)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_green_is_told_and_a_fair_share_is_not_held_against_it() {
        for remainder in REMAINDERS {
            assert!(gain(0.1, remainder, 0, 90) > 2.0);
            assert!(gain(0.1, remainder, 10, 90) < 0.0);
            assert!(gain(0.1, remainder, 0, 0).abs() < 1e-12);
            assert!(gain(1.0, remainder, 0, u64::MAX).is_finite() && gain(0.0, remainder, u64::MAX, 0).is_finite());
        }
    }
}
