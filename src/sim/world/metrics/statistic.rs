//! How many samples become one number.

use std::sync::Arc;

/// A way to make one number of many samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::sim::world) enum Statistic {
    Sum,
    Average,
    Minimum,
    Maximum,
    SampleCount,
    /// Percent of the samples that are not larger.
    Percentile(f64),
    /// Mean of the samples between two percentiles.
    TrimmedMean(f64, f64),
    /// How many samples lie between two percentiles.
    TrimmedCount(f64, f64),
    /// Percent of the samples between two values: exclusive, inclusive.
    PercentileRank(f64, f64),
}

impl Statistic {
    pub(in crate::sim::world) fn parse(text: &str) -> Option<Self> {
        match text {
            "Sum" => return Some(Self::Sum),
            "Average" => return Some(Self::Average),
            "Minimum" => return Some(Self::Minimum),
            "Maximum" => return Some(Self::Maximum),
            "SampleCount" => return Some(Self::SampleCount),
            "IQM" => return Some(Self::TrimmedMean(25.0, 75.0)),
            _ => {}
        }
        let percent = |text: &str| text.parse::<f64>().ok().filter(|value| (0.0..=100.0).contains(value));
        if let Some(value) = text.strip_prefix('p').and_then(percent) {
            return Some(Self::Percentile(value));
        }
        if let Some(high) = text.strip_prefix("tm").and_then(percent) {
            return Some(Self::TrimmedMean(0.0, high));
        }
        if let Some(high) = text.strip_prefix("tc").and_then(percent) {
            return Some(Self::TrimmedCount(0.0, high));
        }
        let (name, range) = text.strip_suffix(')')?.split_once('(')?;
        let (low, high) = range.split_once(':')?;
        let bound = |text: &str, open: f64| match text.strip_suffix('%').unwrap_or(text) {
            "" => Some(open),
            number => number.parse::<f64>().ok(),
        };
        match name {
            "TM" => Some(Self::TrimmedMean(bound(low, 0.0)?, bound(high, 100.0)?)),
            "TC" => Some(Self::TrimmedCount(bound(low, 0.0)?, bound(high, 100.0)?)),
            "PR" => Some(Self::PercentileRank(bound(low, f64::NEG_INFINITY)?, bound(high, f64::INFINITY)?)),
            _ => None,
        }
    }
}

/// What a period's samples add up to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::sim::world) struct Summary {
    pub(in crate::sim::world) count: f64,
    pub(in crate::sim::world) sum: f64,
    pub(in crate::sim::world) minimum: f64,
    pub(in crate::sim::world) maximum: f64,
}

impl Default for Summary {
    fn default() -> Self {
        Self { count: 0.0, sum: 0.0, minimum: f64::INFINITY, maximum: f64::NEG_INFINITY }
    }
}

impl Summary {
    pub(in crate::sim::world) fn of(value: f64) -> Self {
        Self { count: 1.0, sum: value, minimum: value, maximum: value }
    }

    pub(in crate::sim::world) fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.minimum = self.minimum.min(other.minimum);
        self.maximum = self.maximum.max(other.maximum);
    }
}

/// Values and how often each was seen, ascending.
pub(in crate::sim::world) type Values = Arc<[(f32, f32)]>;

/// The samples of one period, from one or more datapoints.
#[derive(Clone, Debug, Default)]
pub(in crate::sim::world) struct Samples {
    pub(super) summary: Summary,
    pub(super) values: Vec<(f32, f32)>,
}

impl Samples {
    pub(super) fn add(&mut self, summary: &Summary, values: Option<&Values>) {
        self.summary.add(summary);
        match values {
            Some(values) => self.values.extend(values.iter().copied()),
            // Without the single values, the mean stands for them.
            None => self.values.push(((summary.sum / summary.count.max(1.0)) as f32, summary.count as f32)),
        }
    }

    /// The number, or `None` if there are no samples.
    pub(super) fn reduce(&mut self, statistic: Statistic) -> Option<f64> {
        let Summary { count, sum, minimum, maximum } = self.summary;
        if count <= 0.0 {
            return None;
        }
        Some(match statistic {
            Statistic::Sum => sum,
            Statistic::Average => sum / count,
            Statistic::Minimum => minimum,
            Statistic::Maximum => maximum,
            Statistic::SampleCount => count,
            Statistic::Percentile(percent) => self.percentile(percent).clamp(minimum, maximum),
            Statistic::TrimmedMean(low, high) => {
                let (count, sum) = self.between(low, high);
                if count > 0.0 { sum / count } else { return None }
            }
            Statistic::TrimmedCount(low, high) => self.between(low, high).0,
            Statistic::PercentileRank(low, high) => {
                let inside =
                    self.values.iter().filter(|(value, _)| f64::from(*value) > low && f64::from(*value) <= high);
                100.0 * inside.map(|(_, count)| f64::from(*count)).sum::<f64>() / count
            }
        })
    }

    fn sort(&mut self) {
        if !self.values.is_sorted_by(|a, b| a.0 <= b.0) {
            self.values.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
    }

    fn percentile(&mut self, percent: f64) -> f64 {
        self.sort();
        let total: f64 = self.values.iter().map(|(_, count)| f64::from(*count)).sum();
        let rank = percent / 100.0 * total;
        let mut seen = 0.0;
        let reached = self.values.iter().find(|(_, count)| {
            seen += f64::from(*count);
            seen >= rank
        });
        reached.or(self.values.last()).map_or(0.0, |(value, _)| f64::from(*value))
    }

    /// Count and sum of the samples between two percentiles.
    fn between(&mut self, low: f64, high: f64) -> (f64, f64) {
        self.sort();
        let total: f64 = self.values.iter().map(|(_, count)| f64::from(*count)).sum();
        let (from, to) = (low / 100.0 * total, high / 100.0 * total);
        let mut seen = 0.0;
        self.values.iter().fold((0.0, 0.0), |(count, sum), (value, weight)| {
            let begins = seen;
            seen += f64::from(*weight);
            let inside = (seen.min(to) - f64::max(begins, from)).max(0.0);
            (count + inside, sum + inside * f64::from(*value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_read_as_aws_writes_them() {
        for (text, expected) in [
            ("Sum", Some(Statistic::Sum)),
            ("p99.9", Some(Statistic::Percentile(99.9))),
            ("tm90", Some(Statistic::TrimmedMean(0.0, 90.0))),
            ("TM(5%:95%)", Some(Statistic::TrimmedMean(5.0, 95.0))),
            ("PR(:0.5)", Some(Statistic::PercentileRank(f64::NEG_INFINITY, 0.5))),
            ("p101", None),
            ("Mean", None),
        ] {
            assert_eq!(Statistic::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn reductions_of_known_samples_are_right() {
        let mut samples = Samples::default();
        for value in [10.0, 20.0, 30.0, 400.0] {
            samples.add(&Summary::of(value), None);
        }
        for (text, expected) in [
            ("Average", 115.0),
            ("p50", 20.0),
            ("p99", 400.0),
            ("TM(0%:75%)", 20.0),
            ("PR(:30)", 75.0),
            ("TC(0%:50%)", 2.0),
        ] {
            assert_eq!(
                Statistic::parse(text).and_then(|statistic| samples.reduce(statistic)),
                Some(expected),
                "{text}"
            );
        }
    }
}
