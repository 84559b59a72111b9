//! Kayenta's judge, as its source decides (`NetflixACAJudge` and `MannWhitneyClassifier`): a metric is high where the lower end of
//! the 98 % confidence interval of the shift between the sides exceeds a quarter of the estimated shift. The interval is
//! that of R's `wilcox.test` without exact probabilities.

/// The normal quantile of 99 %.
const Z: f64 = 2.326_347_874_040_841;
const TOLERANCE: f64 = 0.25;

/// Whether the experiment's values are higher than the control's.
pub(crate) fn is_high(control: &[f64], experiment: &[f64]) -> bool {
    if control.is_empty() || experiment.is_empty() {
        return false;
    }
    let sorted = |values: &[f64]| {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        values
    };
    let (control, experiment) = (sorted(control), sorted(experiment));
    let least = control[0].min(experiment[0]);
    let most = control[control.len() - 1].max(experiment[experiment.len() - 1]);
    if control == experiment || most <= least {
        return false;
    }
    let lowest = experiment[0] - control[control.len() - 1];
    let highest = experiment[experiment.len() - 1] - control[0];
    let estimate = root(&experiment, &control, lowest, highest, 0.0, Continuity::Ignored);
    let lower = root(&experiment, &control, lowest, highest, Z, Continuity::Corrected);
    lower > TOLERANCE * estimate.abs()
}

#[derive(Clone, Copy, PartialEq)]
enum Continuity {
    Corrected,
    Ignored,
}

/// Where the standardised rank statistic of `x - d` against `y` is `z`.
fn root(x: &[f64], y: &[f64], lowest: f64, highest: f64, z: f64, continuity: Continuity) -> f64 {
    let at = |d: f64| statistic(x, y, d, continuity) - z;
    if at(lowest) <= 0.0 {
        return lowest;
    }
    if at(highest) >= 0.0 {
        return highest;
    }
    let (mut low, mut high) = (lowest, highest);
    while high - low > 1e-4 {
        let middle = f64::midpoint(low, high);
        if at(middle) > 0.0 { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

fn statistic(x: &[f64], y: &[f64], d: f64, continuity: Continuity) -> f64 {
    let mut all: Vec<(f64, bool)> = x.iter().map(|x| (x - d, true)).chain(y.iter().map(|y| (*y, false))).collect();
    all.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (xs, ys) = (x.len() as f64, y.len() as f64);
    let (mut ranks, mut ties, mut before) = (0.0, 0.0, 0.0);
    for group in all.chunk_by(|one, other| one.0.total_cmp(&other.0).is_eq()) {
        let size = group.len() as f64;
        let of_x = group.iter().filter(|(_, is_x)| *is_x).count() as f64;
        ranks += of_x * (before + f64::midpoint(size, 1.0));
        ties += size.powi(3) - size;
        before += size;
    }
    let centred = ranks - xs * (xs + 1.0) / 2.0 - xs * ys / 2.0;
    let correction = if continuity == Continuity::Corrected { 0.5 * sign(centred) } else { 0.0 };
    let variance = xs * ys / 12.0 * (xs + ys + 1.0 - ties / ((xs + ys) * (xs + ys - 1.0)));
    if variance <= 0.0 { 0.0 } else { (centred - correction) / variance.sqrt() }
}

fn sign(value: f64) -> f64 {
    if value > 0.0 {
        1.0
    } else if value < 0.0 {
        -1.0
    } else {
        0.0
    }
}
