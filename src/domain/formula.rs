//! Metrics by name, wherever one is named: by an alarm, by a signal of the configuration's own.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::time::millis;

/// One metric with the statistic of it that is looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Metric {
    /// `AWS/ApplicationELB`, or the application's own.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What it is of.
    #[serde(default)]
    pub dimensions: BTreeMap<String, String>,
    /// `Average`, `Sum`, `p99`, …
    pub statistic: String,
}

/// Something that has points: a metric, or metric math over several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Formula {
    /// One metric.
    Metric(Metric),
    /// Metric math. The part that is not hidden is the result.
    Math(Vec<Part>),
}

/// One part of metric math.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The name by which the others refer to it.
    pub id: String,
    /// What it is called on charts.
    #[serde(default)]
    pub label: Option<String>,
    /// Whether it is the result, of which there is one.
    pub is_result: bool,
    /// What it is.
    pub is: Term,
}

/// What a part of metric math is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Term {
    /// A metric.
    Metric {
        /// Which.
        metric: Metric,
        /// Length of its periods.
        #[serde(with = "millis")]
        period: Duration,
    },
    /// An expression over other parts.
    Expression(String),
}

impl Formula {
    /// What it is called: `TargetResponseTime p99`, or the label or expression of the math.
    pub fn title(&self) -> String {
        match self {
            Self::Metric(metric) => metric.title(),
            Self::Math(parts) => {
                let result = parts.iter().find(|part| part.is_result).or(parts.first());
                let Some(part) = result else { return "metric math".to_owned() };
                match (&part.label, &part.is) {
                    (Some(label), _) if !label.is_empty() => label.clone(),
                    (_, Term::Expression(expression)) => expression.clone(),
                    (_, Term::Metric { metric, .. }) => metric.title(),
                }
            }
        }
    }

    /// It with every `${name}` in the values of its dimensions replaced by what `place` says of it.
    #[must_use]
    pub fn at(&self, place: &[(&str, &str)]) -> Self {
        let fill = |metric: &Metric| {
            let mut metric = metric.clone();
            for value in metric.dimensions.values_mut() {
                for (name, filling) in place {
                    *value = value.replace(&format!("${{{name}}}"), filling);
                }
            }
            metric
        };
        match self {
            Self::Metric(metric) => Self::Metric(fill(metric)),
            Self::Math(parts) => {
                let part = |part: &Part| match &part.is {
                    Term::Metric { metric, period } => {
                        Part { is: Term::Metric { metric: fill(metric), period: *period }, ..part.clone() }
                    }
                    Term::Expression(_) => part.clone(),
                };
                Self::Math(parts.iter().map(part).collect())
            }
        }
    }

    /// Every metric that it is made of.
    pub fn metrics(&self) -> Vec<&Metric> {
        match self {
            Self::Metric(metric) => vec![metric],
            Self::Math(parts) => parts
                .iter()
                .filter_map(|part| match &part.is {
                    Term::Metric { metric, .. } => Some(metric),
                    Term::Expression(_) => None,
                })
                .collect(),
        }
    }

    /// A value of it as people read it: what a metric is counted in is told by its name, since CloudWatch seldom says.
    pub fn amount(&self, value: f64) -> String {
        let name = match self {
            Self::Metric(metric) => metric.name.as_str(),
            Self::Math(_) => "",
        };
        if name == "TargetResponseTime" || name.ends_with("Latency") && name.starts_with("Origin") {
            return seconds(value);
        }
        let is_percent = name.ends_with("Utilization") || name.ends_with("Percent") || self.title().contains('%');
        if is_percent { format!("{} %", plain(value)) } else { plain(value) }
    }
}

impl Metric {
    /// `TargetResponseTime p99`.
    pub fn title(&self) -> String {
        match self.statistic.as_str() {
            "Sum" | "SampleCount" => self.name.clone(),
            "Average" => format!("{} on average", self.name),
            "Maximum" => format!("highest {}", self.name),
            "Minimum" => format!("lowest {}", self.name),
            percentile => format!("{} {percentile}", self.name),
        }
    }
}

fn seconds(value: f64) -> String {
    if value.abs() < 0.9995 { format!("{} ms", plain(value * 1_000.0)) } else { format!("{} s", plain(value)) }
}

/// A number to three digits that say something, without a tail of zeros.
fn plain(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let size = value.abs();
    let digits = match size {
        _ if size >= 100.0 || size == 0.0 => 0,
        _ if size >= 10.0 => 1,
        _ if size >= 0.01 => 2,
        _ => 5,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(name: &str, statistic: &str) -> Metric {
        Metric {
            namespace: "App".to_owned(),
            name: name.to_owned(),
            dimensions: BTreeMap::new(),
            statistic: statistic.to_owned(),
        }
    }

    #[test]
    fn amounts_are_in_what_the_metric_is_counted_in() {
        let shown = |name: &str, value| Formula::Metric(metric(name, "p99")).amount(value);
        assert_eq!(shown("TargetResponseTime", 0.8402), "840 ms");
        assert_eq!(shown("TargetResponseTime", 1.84), "1.84 s");
        assert_eq!(shown("TargetResponseTime", 10.0), "10 s");
        assert_eq!(shown("CPUUtilization", 91.24), "91.2 %");
        assert_eq!(shown("UnHealthyHostCount", 2.0), "2");
        assert_eq!(shown("Odd", f64::NAN), "–");
        assert_eq!(shown("Odd", 0.000_41), "0.00041");
    }

    #[test]
    fn a_formula_is_called_by_its_label_or_by_what_it_says() {
        let part = |id: &str, label: Option<&str>, is_result, is| Part {
            id: id.to_owned(),
            label: label.map(str::to_owned),
            is_result,
            is,
        };
        let requests = Term::Metric { metric: metric("RequestCount", "Sum"), period: Duration::from_mins(1) };
        let share = Term::Expression("100 * e / r".to_owned());
        let parts = vec![part("r", None, false, requests), part("x", None, true, share)];
        assert_eq!(Formula::Math(parts.clone()).title(), "100 * e / r");
        assert_eq!(Formula::Math(parts.clone()).metrics().len(), 1);
        let mut named = parts;
        named[1].label = Some("5xx in %".to_owned());
        assert_eq!(Formula::Math(named).amount(7.25), "7.25 %");
        assert_eq!(Formula::Metric(metric("RequestCount", "Sum")).title(), "RequestCount");
    }
}
