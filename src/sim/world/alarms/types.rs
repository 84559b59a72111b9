//! What CloudWatch takes and shows of alarms.

use crate::domain::time::Timestamp;
use crate::sim::world::metrics::{MetricQuery, MetricStat};
use crate::sim::world::words::words;

words! {
    /// What an alarm says.
    AlarmState { Ok = "OK", Alarm = "ALARM", InsufficientData = "INSUFFICIENT_DATA" }
}
words! {
    /// How a datapoint is compared with the threshold.
    Comparison {
        GreaterThan = "GreaterThanThreshold", GreaterOrEqual = "GreaterThanOrEqualToThreshold",
        LessThan = "LessThanThreshold", LessOrEqual = "LessThanOrEqualToThreshold",
    }
}
words! {
    /// What an alarm makes of periods without a datapoint.
    MissingData { Missing = "missing", Ignore = "ignore", Breaching = "breaching", NotBreaching = "notBreaching" }
}
words! {
    /// What kind of alarm.
    AlarmType { Metric = "MetricAlarm", Composite = "CompositeAlarm" }
}
words! {
    /// What a history item is about.
    HistoryType { ConfigurationUpdate = "ConfigurationUpdate", StateUpdate = "StateUpdate", Action = "Action" }
}

/// What an alarm looks at.
#[derive(Clone, Debug, PartialEq)]
pub enum AlarmSource {
    /// One metric.
    Stat(MetricStat),
    /// Metric math: the query that returns data is compared.
    Math(Vec<MetricQuery>),
}

/// When a metric alarm fires.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricCondition {
    /// What it looks at.
    pub source: AlarmSource,
    /// How a datapoint is compared.
    pub comparison: Comparison,
    /// With what.
    pub threshold: f64,
    /// How many periods are looked at.
    pub evaluation_periods: u32,
    /// How many of them must breach.
    pub datapoints_to_alarm: u32,
    /// What periods without a datapoint count as.
    pub treat_missing_data: MissingData,
}

/// What makes an alarm fire.
#[derive(Clone, Debug, PartialEq)]
pub enum AlarmRule {
    /// A metric.
    Metric(MetricCondition),
    /// Other alarms: `ALARM("a") AND NOT OK(b)`.
    Composite(String),
}

/// Input of `PutMetricAlarm` and `PutCompositeAlarm`.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmDefinition {
    /// Its name.
    pub name: String,
    /// What people should know.
    pub description: Option<String>,
    /// Whether its actions are carried out.
    pub actions_enabled: bool,
    /// Topics to publish to on `OK`.
    pub ok_actions: Vec<String>,
    /// Topics to publish to on `ALARM`.
    pub alarm_actions: Vec<String>,
    /// Topics to publish to on `INSUFFICIENT_DATA`.
    pub insufficient_data_actions: Vec<String>,
    /// What makes it fire.
    pub rule: AlarmRule,
    /// What keeps a composite alarm from telling anybody.
    pub suppressor: Option<Suppressor>,
}

/// An alarm that keeps a composite one from telling anybody while it fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppressor {
    /// Its name or ARN.
    pub alarm: String,
    /// Seconds that the composite alarm waits, after it began to fire, for its suppressor to fire too.
    pub wait: u32,
    /// Seconds that it stays quiet after its suppressor has stopped.
    pub extension: u32,
}

impl Suppressor {
    /// The alarm's name.
    pub fn name(&self) -> &str {
        self.alarm.rsplit(':').next().unwrap_or(&self.alarm)
    }
}

/// What a composite alarm is kept quiet by, as `ActionsSuppressedBy` and `ActionsSuppressedReason` say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// `Alarm`, `WaitPeriod` or `ExtensionPeriod`.
    pub by: &'static str,
    /// Why, as a sentence.
    pub reason: String,
}

/// A rule that keeps alarms from telling anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MuteRule {
    /// Its name.
    pub name: String,
    /// The alarms that it mutes, by name.
    pub alarms: Vec<String>,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// An alarm and its state.
#[derive(Clone, Debug)]
pub struct Alarm {
    /// Its ARN.
    pub arn: String,
    /// What was put.
    pub definition: AlarmDefinition,
    /// When that was.
    pub configuration_updated_at: Timestamp,
    /// What it says.
    pub state: AlarmState,
    /// Why, as a sentence.
    pub state_reason: String,
    /// Why, as JSON; empty when there is none.
    pub state_reason_data: String,
    /// When the state was last written, also to the same value.
    pub state_updated_at: Timestamp,
    /// When the state last changed.
    pub state_transitioned_at: Timestamp,
}

/// One line of an alarm's history.
#[derive(Clone, Debug)]
pub struct HistoryItem {
    /// The alarm's name.
    pub alarm: String,
    /// What kind of alarm.
    pub alarm_type: AlarmType,
    /// When.
    pub at: Timestamp,
    /// What it is about.
    pub kind: HistoryType,
    /// Such as `Alarm updated from OK to ALARM`.
    pub summary: String,
    /// The same as JSON.
    pub data: String,
}

/// Input of `DescribeAlarms`.
#[derive(Clone, Debug, Default)]
pub struct DescribeAlarms {
    /// Only these.
    pub names: Vec<String>,
    /// Only names that begin like this.
    pub name_prefix: Option<String>,
    /// Only those in this state.
    pub state: Option<AlarmState>,
    /// Only these kinds; metric alarms when empty, as in AWS.
    pub types: Vec<AlarmType>,
}

/// Input of `DescribeAlarmHistory`.
#[derive(Clone, Debug, Default)]
pub struct DescribeAlarmHistory {
    /// Only this alarm.
    pub name: Option<String>,
    /// Only such items.
    pub kind: Option<HistoryType>,
    /// From here, inclusive.
    pub start: Option<Timestamp>,
    /// To here, exclusive.
    pub end: Option<Timestamp>,
    /// Newest first unless asked otherwise.
    pub scan_by: crate::sim::world::metrics::ScanBy,
}
