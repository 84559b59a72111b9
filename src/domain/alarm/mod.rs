//! Alarms of CloudWatch: how they are set up, why they are in their state, and what they went through.

mod history;
mod reason;
mod wish;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::formula::Formula;
use super::ids::AlarmName;
use super::time::{Timestamp, millis};

pub use history::{Transition, strip};
pub use reason::{evaluated, explain};
pub use wish::{Definition, Site, Wish, differences, is_owned};

/// How an alarm is set up, and what it last looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// What people should know of it.
    #[serde(default)]
    pub description: Option<String>,
    /// What makes it fire.
    #[serde(default)]
    pub rule: Rule,
    /// Why it tells nobody, if it does not.
    #[serde(default)]
    pub quiet: Option<Quiet>,
    /// What happens when it fires: ARNs.
    #[serde(default)]
    pub actions: Vec<String>,
    /// The points that it last judged by, oldest first; of a composite alarm there are none.
    #[serde(default)]
    pub evaluated: Vec<Evaluated>,
}

/// What makes an alarm fire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Points of a metric.
    Metric(Box<Condition>),
    /// Other alarms.
    Composite {
        /// As written: `ALARM("a") OR ALARM("b")`.
        formula: String,
        /// The alarms that it names, in its order.
        children: Vec<AlarmName>,
    },
    /// Not known.
    #[default]
    Unknown,
}

/// When a metric alarm fires.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// What it looks at.
    pub of: Formula,
    /// How a point is compared.
    pub comparison: Comparison,
    /// With what; `None` where the limit is a band that CloudWatch works out.
    pub threshold: Option<f64>,
    /// How many points must breach …
    pub breaches: u32,
    /// … of how many.
    pub periods: u32,
    /// Length of a period.
    #[serde(with = "millis")]
    pub period: Duration,
    /// What a period without a point counts as.
    pub missing: Missing,
}

/// How a point is compared with the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Comparison {
    /// Breaches above it.
    Above,
    /// Breaches at it or above.
    AtLeast,
    /// Breaches below it.
    Below,
    /// Breaches at it or below.
    AtMost,
    /// Breaches outside of a band that CloudWatch works out.
    OutsideBand,
}

impl Comparison {
    /// Whether this value breaches this threshold; nothing breaches a band that is not known.
    pub fn breaches(self, value: f64, threshold: Option<f64>) -> bool {
        threshold.is_some_and(|threshold| match self {
            Self::Above => value > threshold,
            Self::AtLeast => value >= threshold,
            Self::Below => value < threshold,
            Self::AtMost => value <= threshold,
            Self::OutsideBand => false,
        })
    }
}

/// What a period without a point counts as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// As a breach.
    Breaching,
    /// As none.
    NotBreaching,
    /// The alarm stays as it is.
    Ignore,
    /// As missing: without any point, there is too little data.
    #[default]
    Missing,
}

impl Missing {
    /// All of them, by the words that the configuration has for them.
    pub const WORDS: [(&'static str, Self); 4] = [
        ("breaching", Self::Breaching),
        ("not-breaching", Self::NotBreaching),
        ("ignore", Self::Ignore),
        ("missing", Self::Missing),
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, known)| *known == self).map_or("", |(word, _)| *word)
    }
}

/// Why an alarm that fires tells nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quiet {
    /// Its actions are switched off.
    SwitchedOff,
    /// A mute rule is in force.
    Muted {
        /// The rule's name.
        rule: String,
    },
    /// Another alarm keeps it quiet.
    Suppressed {
        /// Which.
        by: AlarmName,
        /// In CloudWatch's words.
        why: String,
    },
}

/// A point that an alarm judged by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluated {
    /// Start of its period.
    pub at: Timestamp,
    /// Its value; `None` where there was no point.
    pub value: Option<f64>,
}

impl Setup {
    /// When it fires, of a metric alarm.
    pub fn condition(&self) -> Option<&Condition> {
        match &self.rule {
            Rule::Metric(condition) => Some(condition),
            Rule::Composite { .. } | Rule::Unknown => None,
        }
    }

    /// The alarms that a composite one is made of.
    pub fn children(&self) -> &[AlarmName] {
        match &self.rule {
            Rule::Composite { children, .. } => children,
            Rule::Metric(_) | Rule::Unknown => &[],
        }
    }

    /// Whether one of its metrics is of one of these: values of dimensions.
    pub fn is_about(&self, places: &[String]) -> bool {
        let metrics = self.condition().map(|condition| condition.of.metrics()).unwrap_or_default();
        metrics.iter().flat_map(|metric| metric.dimensions.values()).any(|value| places.contains(value))
    }
}

/// The alarms that a composite alarm's rule names, each once, in its order: `ALARM("a b") AND NOT OK(c)`.
pub fn children(rule: &str) -> Vec<AlarmName> {
    let mut found: Vec<AlarmName> = Vec::new();
    let mut rest = rule;
    while let Some((_, after)) = rest.split_once('(') {
        let inner = after.trim_start();
        let quote = inner.chars().next().filter(|sign| matches!(sign, '"' | '\''));
        let (name, tail) = match quote {
            Some(quote) => inner.get(1..).unwrap_or_default().split_once(quote).unwrap_or_default(),
            None => match inner.find(['(', ')']) {
                // A parenthesis that groups.
                Some(at) if inner.get(at..).is_some_and(|tail| tail.starts_with('(')) => ("", inner),
                Some(at) => inner.split_at(at),
                None => ("", ""),
            },
        };
        let name = name.trim();
        let name = if name.starts_with("arn:") { name.rsplit_once(':').map_or(name, |(_, short)| short) } else { name };
        if !name.is_empty() && !found.iter().any(|known| known.as_str() == name) {
            found.push(AlarmName(name.to_owned()));
        }
        rest = tail;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_composite_alarms_children_are_those_that_its_rule_names() {
        let named = |rule: &str| children(rule).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(named("ALARM(\"a b\") AND NOT (OK(c) OR ALARM('a b'))"), ["a b", "c"]);
        assert_eq!(named("ALARM(arn:aws:cloudwatch:eu-west-1:1:alarm:errors) OR FALSE"), ["errors"]);
        assert_eq!(named("((ALARM(a)) OR (INSUFFICIENT_DATA( b )))"), ["a", "b"]);
        assert!(named("TRUE").is_empty());
        assert!(named("ALARM(").is_empty());
    }

    #[test]
    fn a_value_breaches_as_its_comparison_says() {
        let breaches = |comparison: Comparison, value| comparison.breaches(value, Some(5.0));
        assert!(breaches(Comparison::Above, 5.1) && !breaches(Comparison::Above, 5.0));
        assert!(breaches(Comparison::AtLeast, 5.0) && breaches(Comparison::AtMost, 5.0));
        assert!(breaches(Comparison::Below, 4.9) && !breaches(Comparison::Below, 5.0));
        assert!(!Comparison::Above.breaches(f64::NAN, Some(5.0)) && !Comparison::Above.breaches(9.0, None));
    }
}
