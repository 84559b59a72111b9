//! How well a bet did in one tick, against all ways of telling the same requests into green and blue.
//!
//! If the versions are alike, which of a tick's requests are green's is chance: each choice of as many is equally likely,
//! whatever happened to all of them. So a bet that pays `f` for each of green's requests, divided by its average over all
//! those choices, has an expected value of one, and the product over ticks is a martingale: by Ville's inequality it
//! reaches 1/α with a probability of at most α, however often one looks. It is the likelihood ratio of betting on labels
//! (Lhéritier and Cazals 2018; Podkopaev and Ramdas 2023), with the risk set of the sequential log-rank test (ter Schure
//! et al. 2024) as its stratum.

/// Up to this many steps the average is computed exactly; beyond, by the saddlepoint, which is then as good.
const EXACT_STEPS: f64 = 600.0;

/// Requests of one bin: how many in all, and what the bet pays for each.
pub type Stake = (f64, f64);

/// The natural logarithm of the average of `Π f` over all choices of `green` requests out of the `pool`.
///
/// `f` must be positive. Zero for an empty choice.
pub fn ln_average(pool: &[Stake], green: u64) -> f64 {
    let total: f64 = pool.iter().map(|(count, _)| count).sum();
    let green = green as f64;
    if green <= 0.0 || total <= 0.0 || green > total {
        return 0.0;
    }
    if green * 2.0 > total {
        // What is not chosen is the smaller part: choosing it with 1/f is the same choice.
        let all: f64 = pool.iter().map(|(count, f)| count * f.ln()).sum();
        let inverse: Vec<Stake> = pool.iter().map(|(count, f)| (*count, f.recip())).collect();
        return all + smaller(&inverse, total, total - green);
    }
    smaller(pool, total, green)
}

fn smaller(pool: &[Stake], total: f64, green: f64) -> f64 {
    if green <= 0.0 {
        0.0
    } else if total * green <= EXACT_STEPS {
        exact(pool, green as usize)
    } else {
        saddlepoint(pool, total, green)
    }
}

/// By the recursion over requests: `a[m]` is the average over choices of `m` among the first `i`.
fn exact(pool: &[Stake], green: usize) -> f64 {
    // Paying the mean for each request keeps every average at or below one (Hoeffding 1963, theorem 4).
    let (requests, paid) = pool.iter().fold((0.0, 0.0), |(n, sum), (count, f)| (n + count, sum + count * f));
    let mean = paid / requests;
    let mut averages = vec![0.0_f64; green + 1];
    if let Some(none) = averages.first_mut() {
        *none = 1.0;
    }
    let mut seen = 0.0;
    for (count, f) in pool {
        let f = f / mean;
        for _ in 0..*count as u64 {
            seen += 1.0;
            let share = f64::recip(seen);
            let mut before = 1.0;
            for (m, average) in averages.iter_mut().enumerate().skip(1) {
                let chosen = m as f64 * share;
                if chosen > 1.0 {
                    break;
                }
                let was = *average;
                *average = (1.0 - chosen) * was + chosen * f * before;
                before = was;
            }
        }
    }
    averages.last().map_or(0.0, |average| average.ln()) + green as f64 * mean.ln()
}

/// By the saddlepoint of the conditional distribution, with its second-order term, relative to the same at `f = 1`.
fn saddlepoint(pool: &[Stake], total: f64, green: f64) -> f64 {
    let p = green / total;
    let mean = pool.iter().map(|(count, f)| count * f).sum::<f64>() / total;
    let mut ln_c = -mean.ln();
    for _ in 0..60 {
        let c = p * ln_c.exp();
        let (mut first, mut second) = (-green, 0.0);
        for (count, f) in pool {
            let q = share(c * f, p);
            first += count * q;
            second += count * q * (1.0 - q);
        }
        let step = (first / second).clamp(-2.0, 2.0);
        ln_c -= step;
        if step.abs() < 1e-9 {
            break;
        }
    }
    let c = p * ln_c.exp();
    let (mut sum, mut cumulants) = (0.0, Cumulants::default());
    for (count, f) in pool {
        sum += count * (1.0 - p + c * f).ln();
        cumulants.add(*count, share(c * f, p));
    }
    let mut alike = Cumulants::default();
    alike.add(total, p);
    sum - green * ln_c - 0.5 * (cumulants.second / alike.second).ln() + cumulants.correction() - alike.correction()
}

fn share(c_f: f64, p: f64) -> f64 {
    c_f / (1.0 - p + c_f)
}

/// Cumulants of the number chosen.
#[derive(Default)]
struct Cumulants {
    second: f64,
    third: f64,
    fourth: f64,
}

impl Cumulants {
    fn add(&mut self, count: f64, q: f64) {
        let variance = q * (1.0 - q);
        self.second += count * variance;
        self.third += count * variance * (1.0 - 2.0 * q);
        self.fourth += count * variance * (1.0 - 6.0 * variance);
    }

    fn correction(&self) -> f64 {
        self.fourth / (8.0 * self.second.powi(2)) - 5.0 * self.third.powi(2) / (24.0 * self.second.powi(3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The average by listing every choice.
    fn listed(requests: &[f64], green: usize) -> f64 {
        let choices = (0_u32..1 << requests.len()).filter(|choice| choice.count_ones() as usize == green);
        let (mut sum, mut number) = (0.0, 0.0);
        for choice in choices {
            let chosen = requests.iter().enumerate().filter(|(index, _)| choice >> index & 1 == 1);
            sum += chosen.map(|(_, f)| f).product::<f64>();
            number += 1.0;
        }
        f64::ln(sum / number)
    }

    fn pool(scale: f64) -> Vec<Stake> {
        [(40.0, 0.2), (30.0, 0.8), (20.0, 1.3), (9.0, 3.0), (1.0, 5.0)].map(|(count, f)| (count * scale, f)).to_vec()
    }

    #[test]
    fn the_recursion_is_the_average_over_all_choices() {
        let requests = [0.2, 0.2, 0.9, 1.4, 1.4, 1.4, 3.0, 5.0, 0.7, 1.0];
        let pool: Vec<Stake> = requests.iter().map(|f| (1.0, *f)).collect();
        for green in 1..=requests.len() {
            let (by_list, found) = (listed(&requests, green), ln_average(&pool, green as u64));
            assert!((by_list - found).abs() < 1e-12, "{green}: {by_list} {found}");
        }
    }

    #[test]
    fn the_saddlepoint_agrees_with_the_recursion() {
        for (scale, green, within) in [(1.0, 10, 1e-4), (1.0, 50, 1e-4), (10.0, 100, 2e-6), (10.0, 500, 2e-6)] {
            let pool = pool(scale);
            let total: f64 = pool.iter().map(|(count, _)| count).sum();
            let (recursion, saddlepoint) = (exact(&pool, green), saddlepoint(&pool, total, green as f64));
            assert!((recursion - saddlepoint).abs() < within, "{green} of {total}: {recursion} {saddlepoint}");
        }
    }

    #[test]
    fn hoeffdings_bound_is_never_below_the_average() {
        for green in 1..=100 {
            let pool = pool(1.0);
            let bound = green as f64 * (pool.iter().map(|(count, f)| count * f).sum::<f64>() / 100.0).ln();
            assert!(ln_average(&pool, green) <= bound + 1e-9, "{green}");
        }
    }

    #[test]
    fn nothing_overflows_and_nothing_is_left_undefined() {
        for (count, green) in [(0.0, 0), (1.0, 0), (1.0, 1), (1e9, 1), (1e9, 500_000_000), (1e9, 1_999_999_999)] {
            let found = ln_average(&[(count, 5.0), (count, 0.2)], green);
            assert!(found.is_finite(), "{count} {green}: {found}");
        }
        assert!(ln_average(&[(1e6, 1.0)], 1_000).abs() < 1e-9, "a bet that pays one is worth one");
    }
}
