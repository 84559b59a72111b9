//! Alarms that the configuration wishes for: made in CloudWatch from the same words that signals are described in.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Comparison, Condition, Missing};
use crate::domain::formula::{Formula, Metric, Part, Term};
use crate::domain::ids::{AlarmName, ComponentName};
use crate::domain::signal::Measure;

/// An alarm as the configuration has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    /// Its name in CloudWatch.
    pub name: AlarmName,
    /// The component that it watches.
    pub component: ComponentName,
    /// What it looks at, over both sides together.
    pub measure: Measure,
    /// How a value is compared.
    pub comparison: Comparison,
    /// With what, in the measure's unit.
    pub threshold: f64,
    /// How many periods must breach …
    pub breaches: u32,
    /// … of how many, each a minute long.
    pub periods: u32,
    /// What a minute without a point counts as.
    pub missing: Missing,
    /// What people should know.
    pub description: String,
    /// The topics that are told when it fires and when it is over.
    pub tell: Vec<String>,
}

/// Where a component runs, as metrics name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// ECS cluster, by name.
    pub cluster: String,
    /// `app/name/id`.
    pub load_balancer: String,
    /// Both services, by name.
    pub services: [String; 2],
    /// Both target groups: `targetgroup/name/id`.
    pub groups: [String; 2],
}

/// An alarm to be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// Its name.
    pub name: AlarmName,
    /// What people should know, and at its end whose it is.
    pub description: String,
    /// When it fires.
    pub condition: Condition,
    /// Topics to tell.
    pub actions: Vec<String>,
}

/// Length of a period: the shortest that the metrics of load balancers and ECS have.
const MINUTE: Duration = Duration::from_mins(1);

impl Wish {
    /// The alarm as it is to be in CloudWatch. `owner` is who it belongs to, `environment/component`.
    pub fn definition(&self, site: &Site, owner: &str) -> Definition {
        let condition = Condition {
            of: formula(&self.measure, site),
            comparison: self.comparison,
            threshold: Some(match self.measure {
                // CloudWatch counts response times in seconds.
                Measure::ResponseTime(_) => self.threshold / 1_000.0,
                _ => self.threshold,
            }),
            breaches: self.breaches,
            periods: self.periods,
            period: MINUTE,
            missing: self.missing,
        };
        let mark = mark(owner, &self.name);
        let description = format!("{} {mark}", self.description.trim());
        Definition {
            name: self.name.clone(),
            description: description.trim().to_owned(),
            condition,
            actions: self.tell.clone(),
        }
    }
}

/// What the description of an alarm ends with that cutover has made. It names the alarm too, so that a copy under another
/// name belongs to whoever copied it.
fn mark(owner: &str, name: &AlarmName) -> String {
    format!("[cutover {owner} {name}]")
}

/// Whether cutover has made an alarm of this name and description, for this owner.
pub fn is_owned(owner: &str, name: &AlarmName, description: Option<&str>) -> bool {
    description.is_some_and(|text| text.ends_with(&mark(owner, name)))
}

/// A measure over both sides together: counts are added up, of percentiles and loads the worse side counts. A side without
/// points, which is usual for the one that is not in use, takes nothing away.
fn formula(measure: &Measure, site: &Site) -> Formula {
    let of_group = |name: &'static str, statistic: &str| {
        site.groups.each_ref().map(|group| {
            let dimensions = [("LoadBalancer", &site.load_balancer), ("TargetGroup", group)];
            metric("AWS/ApplicationELB", name, &dimensions, statistic)
        })
    };
    let of_service = |name: &'static str, statistic: &str| {
        site.services.each_ref().map(|service| {
            let dimensions = [("ClusterName", &site.cluster), ("ServiceName", service)];
            metric("AWS/ECS", name, &dimensions, statistic)
        })
    };
    let requests = || ("r", of_group("RequestCount", "Sum"));
    let answers = |name| of_group(name, "Sum");
    match measure {
        Measure::TargetErrors => math(
            "5xx in % of requests",
            "100 * SUM(METRICS(\"e\")) / SUM(METRICS(\"r\"))",
            vec![("e", answers("HTTPCode_Target_5XX_Count")), requests()],
        ),
        Measure::ClientErrors => math(
            "4xx in % of requests",
            "100 * SUM(METRICS(\"e\")) / SUM(METRICS(\"r\"))",
            vec![("e", answers("HTTPCode_Target_4XX_Count")), requests()],
        ),
        Measure::Success => math(
            "2xx and 3xx in % of requests",
            "100 * SUM(METRICS(\"s\")) / SUM(METRICS(\"r\"))",
            vec![
                ("s2", answers("HTTPCode_Target_2XX_Count")),
                ("s3", answers("HTTPCode_Target_3XX_Count")),
                requests(),
            ],
        ),
        Measure::ResponseTime(percentile) => math(
            &format!("response time {percentile} in s, of the slower side"),
            "MAX(METRICS(\"t\"))",
            vec![("t", of_group("TargetResponseTime", &percentile.to_string()))],
        ),
        Measure::RequestRate => math("requests a second", "SUM(METRICS(\"r\")) / 60", vec![requests()]),
        Measure::Cpu => {
            let parts = vec![("u", of_service("CPUUtilization", "Average"))];
            math("CPU in %, of the busier side", "MAX(METRICS(\"u\"))", parts)
        }
        Measure::Memory => {
            let parts = vec![("u", of_service("MemoryUtilization", "Average"))];
            math("memory in %, of the busier side", "MAX(METRICS(\"u\"))", parts)
        }
        Measure::RunningTasks => {
            let parts = vec![("n", of_service("CPUUtilization", "SampleCount"))];
            math("running tasks", "SUM(METRICS(\"n\"))", parts)
        }
        Measure::UnhealthyTargets => {
            let parts = vec![("n", of_group("UnHealthyHostCount", "Maximum"))];
            math("unhealthy targets", "SUM(METRICS(\"n\"))", parts)
        }
        Measure::Custom(custom) => {
            let at = |side: usize| {
                let text = |all: &[String; 2]| all.get(side).cloned().unwrap_or_default();
                let (service, group) = (text(&site.services), text(&site.groups));
                custom.of.at(&[
                    ("service", &service),
                    ("target_group", &group),
                    ("load_balancer", &site.load_balancer),
                    ("cluster", &site.cluster),
                ])
            };
            match (at(0), at(1)) {
                (first, second) if first == second => first,
                (Formula::Metric(first), Formula::Metric(second)) => {
                    let label = format!("{}, of the worse side", first.title());
                    math(&label, "MAX(METRICS(\"m\"))", vec![("m", [first, second])])
                }
                // Metric math by side stands for the first side: two results cannot be compared with one limit.
                (first, _) => first,
            }
        }
    }
}

fn metric(namespace: &str, name: &str, dimensions: &[(&str, &String)], statistic: &str) -> Metric {
    let dimensions: BTreeMap<String, String> =
        dimensions.iter().map(|(name, value)| ((*name).to_owned(), (*value).clone())).collect();
    Metric { namespace: namespace.to_owned(), name: name.to_owned(), dimensions, statistic: statistic.to_owned() }
}

/// Metric math over pairs of metrics, named `e1` and `e2` for the pair `e`.
fn math(label: &str, expression: &str, pairs: Vec<(&str, [Metric; 2])>) -> Formula {
    let result = Part {
        id: "result".to_owned(),
        label: Some(label.to_owned()),
        is_result: true,
        is: Term::Expression(expression.to_owned()),
    };
    let parts = pairs.into_iter().flat_map(|(name, both)| {
        (1..).zip(both).map(move |(number, metric)| Part {
            id: format!("{name}{number}"),
            label: None,
            is_result: false,
            is: Term::Metric { metric, period: MINUTE },
        })
    });
    Formula::Math(std::iter::once(result).chain(parts).collect())
}

/// What differs between an alarm as it is and as it is to be, in words; nothing when it is as it should be.
pub fn differences(is: &super::Setup, wanted: &Definition) -> Vec<String> {
    let Some(condition) = is.condition() else { return vec!["it is a composite alarm".to_owned()] };
    let to_be = &wanted.condition;
    let mut found = Vec::new();
    let mut compare = |what: &str, is: String, wanted: String| {
        if is != wanted {
            found.push(format!("{what}: {is} → {wanted}"));
        }
    };
    let number = |value: Option<f64>| value.map_or_else(|| "a band".to_owned(), |value| value.to_string());
    compare("threshold", number(condition.threshold), number(to_be.threshold));
    let compared = |comparison: Comparison| format!("{comparison:?}").to_lowercase();
    compare("fires", compared(condition.comparison), compared(to_be.comparison));
    let periods = |it: &Condition| format!("{} of {} periods of {} s", it.breaches, it.periods, it.period.as_secs());
    compare("after", periods(condition), periods(to_be));
    compare("missing points", condition.missing.word().to_owned(), to_be.missing.word().to_owned());
    compare("tells", is.actions.join(", "), wanted.actions.join(", "));
    compare("description", is.description.clone().unwrap_or_default(), wanted.description.clone());
    if !same(&condition.of, &to_be.of) {
        compare("looks at", shown(&condition.of), shown(&to_be.of));
    }
    found
}

/// Whether two formulas are the same, whatever order their parts come in.
fn same(one: &Formula, other: &Formula) -> bool {
    match (one, other) {
        (Formula::Math(one), Formula::Math(other)) => {
            one.len() == other.len() && one.iter().all(|part| other.contains(part))
        }
        (one, other) => one == other,
    }
}

fn shown(of: &Formula) -> String {
    let metrics: Vec<String> = of
        .metrics()
        .iter()
        .map(|metric| {
            let values: Vec<&str> = metric.dimensions.values().map(String::as_str).collect();
            format!("{} of {}", metric.title(), values.join(" "))
        })
        .collect();
    format!("{} ({})", of.title(), metrics.join("; "))
}

#[cfg(test)]
mod tests {
    use super::super::{Rule, Setup};
    use super::*;
    use crate::domain::signal::Percentile;

    fn site() -> Site {
        Site {
            cluster: "shop".to_owned(),
            load_balancer: "app/shop/1".to_owned(),
            services: ["api-blue", "api-green"].map(str::to_owned),
            groups: ["targetgroup/api-blue/a", "targetgroup/api-green/b"].map(str::to_owned),
        }
    }

    fn wish(measure: Measure, threshold: f64) -> Wish {
        Wish {
            name: "api-slow".into(),
            component: "api".into(),
            measure,
            comparison: Comparison::Above,
            threshold,
            breaches: 5,
            periods: 5,
            missing: Missing::NotBreaching,
            description: "Slow.".to_owned(),
            tell: vec!["arn:aws:sns:eu-west-1:1:releases".to_owned()],
        }
    }

    fn setup(made: &Definition) -> Setup {
        Setup {
            description: Some(made.description.clone()),
            rule: Rule::Metric(Box::new(made.condition.clone())),
            actions: made.actions.clone(),
            ..Setup::default()
        }
    }

    #[test]
    fn an_alarm_is_made_over_both_sides_in_cloudwatchs_units() {
        let made = wish(Measure::ResponseTime(Percentile(950)), 10_000.0).definition(&site(), "production/api");
        assert_eq!(made.condition.threshold, Some(10.0));
        assert_eq!(made.description, "Slow. [cutover production/api api-slow]");
        let groups: Vec<&str> =
            made.condition.of.metrics().iter().map(|metric| metric.dimensions["TargetGroup"].as_str()).collect();
        assert_eq!(groups, ["targetgroup/api-blue/a", "targetgroup/api-green/b"]);
        assert_eq!(made.condition.of.metrics()[0].statistic, "p95");
    }

    #[test]
    fn only_what_carries_the_mark_of_its_own_name_is_owned() {
        let made = wish(Measure::Cpu, 80.0).definition(&site(), "production/api");
        let owned = |owner: &str, name: &str| is_owned(owner, &name.into(), Some(&made.description));
        assert!(owned("production/api", "api-slow"));
        assert!(!owned("staging/api", "api-slow") && !owned("production/api", "copy-of-api-slow"));
        assert!(!is_owned("production/api", &"api-slow".into(), None));
    }

    #[test]
    fn what_differs_is_said_and_what_is_the_same_in_another_order_is_not() {
        let wanted = wish(Measure::TargetErrors, 5.0).definition(&site(), "production/api");
        let mut is = setup(&wanted);
        assert!(differences(&is, &wanted).is_empty());
        if let Rule::Metric(condition) = &mut is.rule {
            if let Formula::Math(parts) = &mut condition.of {
                parts.reverse();
            }
            assert!(differences(&setup(&wanted), &wanted).is_empty());
            condition.threshold = Some(1.0);
            condition.periods = 3;
            condition.breaches = 3;
        }
        is.actions.clear();
        let found = differences(&is, &wanted);
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(found[0], "threshold: 1 → 5");
        assert_eq!(found[1], "after: 3 of 3 periods of 60 s → 5 of 5 periods of 60 s");
        let other = wish(Measure::ClientErrors, 5.0).definition(&site(), "production/api");
        assert!(differences(&setup(&other), &wanted)[0].starts_with("looks at: 4xx in %"));
    }
}
