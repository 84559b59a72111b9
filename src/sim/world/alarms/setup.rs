//! The alarms that a scenario describes, or the usual four.

use super::{AlarmDefinition, AlarmRule, AlarmSource, Comparison, MetricCondition, MissingData, Suppressor};
use crate::sim::scenario::schema::{self, Compare, Gaps};
use crate::sim::world::metrics::{MetricId, MetricQuery, MetricStat, QuerySource};
use crate::sim::world::{ApiResult, World};

impl World {
    /// Creates the scenario's alarms, or the usual ones if it has none of its own.
    pub(in crate::sim::world) fn set_up_alarms(&mut self) -> ApiResult<()> {
        let definitions: Vec<AlarmDefinition> = match self.schema.alarm.clone() {
            Some(alarms) => alarms.iter().map(|alarm| self.described(alarm)).collect(),
            None => self.usual_alarms(),
        };
        definitions.into_iter().try_for_each(|definition| self.put_alarm(definition))?;
        if self.schema.alarm.is_none() {
            // Alarms that only stand beside must not change the course of events that a seed stands for.
            let course = self.streams.metrics.clone();
            self.set_up_others()?;
            self.streams.metrics = course;
        }
        Ok(())
    }

    fn described(&self, alarm: &schema::Alarm) -> AlarmDefinition {
        let stat = |metric: &schema::AlarmMetric| {
            let dimensions: Vec<(&str, &str)> =
                metric.dimensions.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            MetricStat {
                metric: MetricId::new(&metric.namespace, &metric.name, &dimensions),
                period: metric.period.as_secs() as u32,
                stat: metric.stat.clone(),
            }
        };
        let parts = alarm.metric.iter().map(|metric| (metric.id.clone(), stat(metric))).collect();
        let source = match (&alarm.expression, alarm.metric.as_slice()) {
            (None, [single]) => AlarmSource::Stat(stat(single)),
            (expression, _) => formula(expression.as_deref().unwrap_or("m1"), parts),
        };
        let condition = MetricCondition {
            source,
            comparison: match alarm.comparison {
                Compare::Above => Comparison::GreaterThan,
                Compare::AtLeast => Comparison::GreaterOrEqual,
                Compare::Below => Comparison::LessThan,
                Compare::AtMost => Comparison::LessOrEqual,
            },
            threshold: alarm.threshold,
            evaluation_periods: alarm.periods,
            datapoints_to_alarm: alarm.datapoints.unwrap_or(alarm.periods),
            treat_missing_data: match alarm.missing {
                Gaps::Missing => MissingData::Missing,
                Gaps::Ignore => MissingData::Ignore,
                Gaps::Breaching => MissingData::Breaching,
                Gaps::NotBreaching => MissingData::NotBreaching,
            },
        };
        self.definition(&alarm.name, &alarm.description, condition)
    }

    /// `<family>-5xx-high`, `-latency-p99-high`, `-unhealthy-hosts` and `-cpu-high`.
    fn usual_alarms(&self) -> Vec<AlarmDefinition> {
        let family = &self.schema.app.family;
        let balancer = self.elb.balancer_dimension().unwrap_or_default();
        let of_balancer = |name: &str, stat: &str| MetricStat {
            metric: MetricId::new("AWS/ApplicationELB", name, &[("LoadBalancer", balancer)]),
            period: 60,
            stat: stat.to_owned(),
        };
        let above = |source, threshold, periods, treat_missing_data| MetricCondition {
            source,
            comparison: Comparison::GreaterThan,
            threshold,
            evaluation_periods: periods,
            datapoints_to_alarm: periods,
            treat_missing_data,
        };
        let errors = formula(
            "100 * FILL(errors, 0) / requests",
            vec![
                ("errors".to_owned(), of_balancer("HTTPCode_Target_5XX_Count", "Sum")),
                ("requests".to_owned(), of_balancer("RequestCount", "Sum")),
            ],
        );
        let latency = AlarmSource::Stat(of_balancer("TargetResponseTime", "p99"));
        let groups = self.elb.groups.iter().enumerate().map(|(index, group)| {
            let name = group.view.arn.rsplit_once(':').map_or("", |(_, name)| name);
            let dimensions = [("LoadBalancer", balancer), ("TargetGroup", name)];
            let metric = MetricId::new("AWS/ApplicationELB", "UnHealthyHostCount", &dimensions);
            (format!("m{}", index + 1), MetricStat { metric, period: 60, stat: "Maximum".to_owned() })
        });
        let hosts = formula("SUM(METRICS())", groups.collect());
        let services = self.ecs.services.iter().enumerate().map(|(index, service)| {
            let dimensions = [("ClusterName", self.schema.aws.cluster.as_str()), ("ServiceName", &service.view().name)];
            let metric = MetricId::new("AWS/ECS", "CPUUtilization", &dimensions);
            (format!("m{}", index + 1), MetricStat { metric, period: 60, stat: "Average".to_owned() })
        });
        let cpu = formula("MAX(METRICS())", services.collect());
        [
            ("5xx-high", "More than 5 % of all requests fail.", above(errors, 5.0, 5, MissingData::NotBreaching)),
            (
                "latency-p99-high",
                "One request in a hundred takes over 1 s.",
                above(latency, 1.0, 5, MissingData::NotBreaching),
            ),
            ("unhealthy-hosts", "Targets fail their health checks.", above(hosts, 0.0, 2, MissingData::NotBreaching)),
            ("cpu-high", "A service uses more than 80 % of its CPU.", above(cpu, 80.0, 3, MissingData::Missing)),
        ]
        .into_iter()
        .map(|(name, description, condition)| self.definition(&format!("{family}-{name}"), description, condition))
        .collect()
    }

    /// What stands beside the usual four in an account that has been used: an alarm of the database's own, one whose
    /// metric nobody publishes and that is muted, a composite alarm over the others, and the alarm that keeps that quiet
    /// while somebody works on the database.
    fn set_up_others(&mut self) -> ApiResult<()> {
        let (family, database) = (self.schema.app.family.clone(), self.schema.aws.database.clone());
        let of_database = |name: &str, stat: &str| {
            AlarmSource::Stat(MetricStat {
                metric: MetricId::new("AWS/RDS", name, &[("DBInstanceIdentifier", &database)]),
                period: 60,
                stat: stat.to_owned(),
            })
        };
        let condition = |source, comparison, threshold, treat_missing_data| MetricCondition {
            source,
            comparison,
            threshold,
            evaluation_periods: 3,
            datapoints_to_alarm: 3,
            treat_missing_data,
        };
        let connections = condition(
            of_database("DatabaseConnections", "Average"),
            Comparison::GreaterThan,
            180.0,
            MissingData::Missing,
        );
        let storage =
            condition(of_database("FreeStorageSpace", "Minimum"), Comparison::LessThan, 5.0e9, MissingData::Missing);
        let maintenance = condition(
            of_database("MaintenanceInProgress", "Maximum"),
            Comparison::GreaterOrEqual,
            1.0,
            MissingData::NotBreaching,
        );
        let muted = format!("{database}-storage-low");
        let suppressor = format!("{database}-maintenance");
        let metric = [
            (format!("{database}-connections-high"), "Most connections of the database are in use.", connections),
            (muted.clone(), "The database runs out of disk.", storage),
            (suppressor.clone(), "Somebody works on the database.", maintenance),
        ];
        for (name, description, condition) in metric {
            let definition = self.definition(&name, description, condition);
            self.put_alarm(definition)?;
        }
        self.put_alarm_mute_rule("weekly-storage-report", vec![muted]);
        let topic = self.topic_arn(&self.schema.aws.topic);
        let rule = format!("ALARM(\"{family}-5xx-high\") OR ALARM(\"{family}-unhealthy-hosts\")");
        self.put_alarm(AlarmDefinition {
            name: format!("{family}-down"),
            description: Some("Users cannot be served.".to_owned()),
            actions_enabled: true,
            ok_actions: Vec::new(),
            alarm_actions: vec![topic],
            insufficient_data_actions: Vec::new(),
            rule: AlarmRule::Composite(rule),
            suppressor: Some(Suppressor { alarm: suppressor, wait: 0, extension: 60 }),
        })
    }

    fn definition(&self, name: &str, description: &str, condition: MetricCondition) -> AlarmDefinition {
        let topic = self.topic_arn(&self.schema.aws.topic);
        AlarmDefinition {
            name: name.to_owned(),
            description: (!description.is_empty()).then(|| description.to_owned()),
            actions_enabled: true,
            ok_actions: vec![topic.clone()],
            alarm_actions: vec![topic],
            insufficient_data_actions: Vec::new(),
            rule: AlarmRule::Metric(condition),
            suppressor: None,
        }
    }
}

/// Metric math over named parts; only the formula returns data.
fn formula(expression: &str, parts: Vec<(String, MetricStat)>) -> AlarmSource {
    let source = QuerySource::Expression { expression: expression.to_owned(), period: Some(60) };
    let shown = MetricQuery { id: "result".to_owned(), label: Some(expression.to_owned()), return_data: true, source };
    let parts = parts.into_iter().map(|(id, stat)| MetricQuery {
        id,
        label: None,
        return_data: false,
        source: QuerySource::Stat(stat),
    });
    AlarmSource::Math(std::iter::once(shown).chain(parts).collect())
}
