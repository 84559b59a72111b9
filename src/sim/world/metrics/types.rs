//! What CloudWatch takes and shows of metrics.

use crate::domain::time::Timestamp;
use crate::sim::world::words::words;

/// One name and value that tell metrics of the same name apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dimension {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// What identifies a metric. The order of the dimensions does not matter; [`MetricId::new`] sorts them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricId {
    /// Such as `AWS/ApplicationELB`.
    pub namespace: String,
    /// Such as `RequestCount`.
    pub name: String,
    /// By name.
    pub dimensions: Vec<Dimension>,
}

impl MetricId {
    /// A metric's identity, with its dimensions sorted.
    pub fn new(namespace: &str, name: &str, dimensions: &[(&str, &str)]) -> Self {
        let dimensions =
            dimensions.iter().map(|&(name, value)| Dimension { name: name.to_owned(), value: value.to_owned() });
        Self { namespace: namespace.to_owned(), name: name.to_owned(), dimensions: dimensions.collect() }.sorted()
    }

    /// The same identity with its dimensions sorted.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.dimensions.sort();
        self
    }
}

/// A metric, reduced to one number a period.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricStat {
    /// Which metric.
    pub metric: MetricId,
    /// Seconds: 1, 5, 10, 30 or a multiple of 60.
    pub period: u32,
    /// `Sum`, `Average`, `Minimum`, `Maximum`, `SampleCount`, `p99`, `TM(5%:95%)`, `TC(…)`, `PR(…)`.
    pub stat: String,
}

/// Where the numbers of a query come from.
#[derive(Clone, Debug, PartialEq)]
pub enum QuerySource {
    /// A metric.
    Stat(MetricStat),
    /// Metric math over other queries.
    Expression {
        /// The formula.
        expression: String,
        /// Seconds; that of the queries it uses without it.
        period: Option<u32>,
    },
}

/// One query of `GetMetricData`, and the parts of a metric-math alarm.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricQuery {
    /// The name that formulas use; a lower-case letter first.
    pub id: String,
    /// The name shown.
    pub label: Option<String>,
    /// Whether to return it; `true` unless given.
    pub return_data: bool,
    /// Where the numbers come from.
    pub source: QuerySource,
}

/// Which datapoint comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScanBy {
    /// Newest first, AWS's default.
    #[default]
    TimestampDescending,
    /// Oldest first.
    TimestampAscending,
}

/// Input of `GetMetricData`.
#[derive(Clone, Debug, Default)]
pub struct GetMetricData {
    /// Up to 500.
    pub queries: Vec<MetricQuery>,
    /// From here, inclusive.
    pub start: Timestamp,
    /// To here, exclusive.
    pub end: Timestamp,
    /// Which datapoint comes first.
    pub scan_by: ScanBy,
    /// At most this many datapoints in one answer, 100 800 without it.
    pub max_datapoints: Option<usize>,
    /// Where the answer before ended.
    pub next_token: Option<String>,
}

words! {
    /// Whether a result holds everything asked for.
    StatusCode { Complete = "Complete", PartialData = "PartialData", InternalError = "InternalError" }
}

/// The datapoints of one query.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricDataResult {
    /// The query's id.
    pub id: String,
    /// The name shown.
    pub label: String,
    /// When each period began.
    pub timestamps: Vec<Timestamp>,
    /// One number a period.
    pub values: Vec<f64>,
    /// Whether this is everything.
    pub status_code: StatusCode,
    /// Why not: (code, sentence).
    pub messages: Vec<(String, String)>,
}

/// Output of `GetMetricData`.
#[derive(Clone, Debug, Default)]
pub struct MetricData {
    /// One for each query that returns data.
    pub results: Vec<MetricDataResult>,
    /// Where to go on.
    pub next_token: Option<String>,
}

/// Input of `GetMetricStatistics`.
#[derive(Clone, Debug)]
pub struct GetMetricStatistics {
    /// Which metric.
    pub metric: MetricId,
    /// From here, inclusive.
    pub start: Timestamp,
    /// To here, exclusive.
    pub end: Timestamp,
    /// Seconds.
    pub period: u32,
    /// `Sum`, `Average`, `Minimum`, `Maximum`, `SampleCount` and percentiles alike.
    pub stats: Vec<String>,
}

/// One period of `GetMetricStatistics`.
#[derive(Clone, Debug, PartialEq)]
pub struct Datapoint {
    /// When the period began.
    pub at: Timestamp,
    /// Each statistic asked for, and its number.
    pub values: Vec<(String, f64)>,
    /// The metric's unit, such as `Count`.
    pub unit: &'static str,
}

/// Input of `ListMetrics`.
#[derive(Clone, Debug, Default)]
pub struct ListMetrics {
    /// Only this namespace.
    pub namespace: Option<String>,
    /// Only this name.
    pub name: Option<String>,
    /// Only metrics that have these dimensions: (name, value if it matters).
    pub dimensions: Vec<(String, Option<String>)>,
}

/// One number of `PutMetricData`, or several at once.
#[derive(Clone, Debug)]
pub struct MetricDatum {
    /// The metric's name.
    pub name: String,
    /// Its dimensions.
    pub dimensions: Vec<Dimension>,
    /// When it was measured; now without it.
    pub at: Option<Timestamp>,
    /// The measured values.
    pub samples: Samples,
    /// AWS's word, `None` unless given.
    pub unit: Option<String>,
    /// Seconds: 1 for high resolution, else 60.
    pub storage_resolution: u32,
}

/// What was measured.
#[derive(Clone, Debug)]
pub enum Samples {
    /// Values and how often each was seen.
    Values(Vec<(f64, f64)>),
    /// Only what they add up to.
    Summary {
        /// How many.
        count: f64,
        /// Their sum.
        sum: f64,
        /// The smallest.
        minimum: f64,
        /// The largest.
        maximum: f64,
    },
}
