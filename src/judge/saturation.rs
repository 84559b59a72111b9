//! Tasks that die, and memory that only grows.

/// Deaths of a task in an hour that are usual, and that are bet on.
const USUAL: f64 = 0.05;
const BET: f64 = 6.0;

/// The gain of the bet that green's tasks die often, as a natural logarithm: so many deaths in so many task-hours.
///
/// The likelihood ratio of two Poisson rates: 6 an hour against 0.05.
pub fn gain_of_deaths(deaths: u64, task_hours: f64) -> f64 {
    deaths as f64 * (BET / USUAL).ln() - (BET - USUAL) * task_hours
}

/// Minutes of a task's life that say nothing about its memory: it fills caches.
const WARM_UP: f64 = 6.0;
const FEWEST_MINUTES: usize = 8;
/// 99 % of a bell curve lies below so many standard deviations.
const CERTAIN: f64 = 2.326;
const FULL: f64 = 90.0;

/// In how many minutes a task's memory passes 90 %, if it certainly grows: `used` is the percentage at minutes since the task
/// began.
///
/// The slope is the median of those between all pairs (Theil 1950, Sen 1968), its uncertainty that of a straight line, widened
/// for residuals that follow each other. `None` while it may as well stand still.
pub fn minutes_until_full(used: &[(f64, f64)]) -> Option<f64> {
    let points: Vec<(f64, f64)> = used.iter().copied().filter(|(minute, _)| *minute >= WARM_UP).collect();
    if points.len() < FEWEST_MINUTES {
        return None;
    }
    let mut slopes: Vec<f64> = Vec::with_capacity(points.len() * points.len() / 2);
    for (index, (minute, percent)) in points.iter().enumerate() {
        let earlier = points.iter().take(index).filter(|before| before.0 < *minute);
        slopes.extend(earlier.map(|(before, then)| (percent - then) / (minute - before)));
    }
    let slope = middle(&mut slopes)?;
    let mut levels: Vec<f64> = points.iter().map(|(minute, percent)| percent - slope * minute).collect();
    let level = middle(&mut levels)?;
    let residuals: Vec<f64> = points.iter().map(|(minute, percent)| percent - level - slope * minute).collect();
    let number = points.len() as f64;
    let mean = points.iter().map(|(minute, _)| minute).sum::<f64>() / number;
    let spread: f64 = points.iter().map(|(minute, _)| (minute - mean).powi(2)).sum();
    let squares: f64 = residuals.iter().map(|residual| residual.powi(2)).sum();
    let follow: f64 = residuals.iter().zip(residuals.iter().skip(1)).map(|(one, next)| one * next).sum();
    let correlation = if squares > 0.0 { (follow / squares).clamp(0.0, 0.95) } else { 0.0 };
    let widened = (1.0 + correlation) / (1.0 - correlation);
    let deviation = (squares / (number - 2.0) / spread * widened).sqrt();
    if spread <= 0.0 || slope - CERTAIN * deviation <= 0.0 {
        return None;
    }
    let (last, _) = points.last()?;
    Some(((FULL - level - slope * last) / slope).max(0.0))
}

fn middle(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deaths_add_up_and_quiet_hours_take_away() {
        let quiet = gain_of_deaths(0, 4.0 * 0.5);
        assert!(quiet < -11.0 && gain_of_deaths(0, 0.0).abs() < 1e-12);
        // Twelve deaths a task-hour on four tasks: one each 75 s. Two or three of them are proof.
        let each = gain_of_deaths(1, 4.0 * 75.0 / 3_600.0);
        assert!(each > 4.0 && each < 4.5, "{each}");
        assert!(gain_of_deaths(u64::MAX, 1e12).is_finite());
    }

    fn memory(minutes: u32, percent: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        // A fixed ripple in place of noise.
        let ripple = |minute: u32| f64::from((minute * 7) % 5) * 0.2;
        (0..minutes).map(|minute| (f64::from(minute), percent(f64::from(minute)) + ripple(minute))).collect()
    }

    #[test]
    fn a_leak_is_forecast_and_a_warm_up_is_not() {
        let leak = minutes_until_full(&memory(20, |minute| 50.0 + minute)).unwrap();
        assert!((leak - 21.0).abs() < 2.0, "{leak}");
        assert_eq!(minutes_until_full(&memory(30, |minute| 50.0 + 15.0 * (minute / 5.0).min(1.0))), None);
        assert_eq!(minutes_until_full(&memory(30, |_| 60.0)), None);
        assert_eq!(minutes_until_full(&memory(13, |minute| 50.0 + minute)), None, "too soon");
        assert_eq!(minutes_until_full(&[(7.0, 50.0); 20]), None, "the same minute again and again");
    }
}
