//! Queries that refer to metrics and to each other.

use std::collections::BTreeMap;
use std::time::Duration;

use super::expression::{Line, Names, Value, evaluate};
use super::parse::parse;
use super::{MetricQuery, QuerySource, Statistic, Store};
use crate::domain::time::Timestamp;

/// A stretch of time: from its first moment up to, not including, its last.
#[derive(Clone, Copy, Debug)]
pub(in crate::sim::world) struct Window {
    pub(in crate::sim::world) from: Timestamp,
    pub(in crate::sim::world) to: Timestamp,
}

/// Works out the queries of one request.
pub(in crate::sim::world) struct Evaluation<'a> {
    store: &'a Store,
    queries: &'a [MetricQuery],
    window: Window,
    now: Timestamp,
    done: BTreeMap<String, Value>,
    /// Queries being worked out, to notice those that refer to themselves.
    open: Vec<String>,
}

impl<'a> Evaluation<'a> {
    pub(in crate::sim::world) fn new(
        store: &'a Store,
        queries: &'a [MetricQuery],
        window: Window,
        now: Timestamp,
    ) -> Self {
        Self { store, queries, window, now, done: BTreeMap::new(), open: Vec::new() }
    }

    /// The numbers of a query, oldest first; several lines if its formula comes to several.
    pub(in crate::sim::world) fn lines(&mut self, id: &str) -> Result<Vec<Line>, String> {
        Ok(match self.value(id)? {
            // A formula that comes to a number stands at every period.
            Value::Number(number) => vec![self.moments().into_iter().map(|at| (at, number)).collect()],
            Value::Line(line) => vec![line],
            Value::Lines(lines) => lines,
        })
    }

    fn work_out(&mut self, query: &MetricQuery) -> Result<Value, String> {
        match &query.source {
            QuerySource::Stat(stat) => {
                let statistic =
                    Statistic::parse(&stat.stat).ok_or_else(|| format!("unknown statistic {}", stat.stat))?;
                let period = Duration::from_secs(u64::from(stat.period));
                Ok(Value::Line(self.store.reduced(&stat.metric, self.window, period, statistic, self.now)))
            }
            QuerySource::Expression { expression, .. } => evaluate(&parse(expression)?, self),
        }
    }

    fn period(&self) -> Duration {
        let longest = self.queries.iter().filter_map(|query| match &query.source {
            QuerySource::Stat(stat) => Some(stat.period),
            QuerySource::Expression { period, .. } => *period,
        });
        Duration::from_secs(u64::from(longest.max().unwrap_or(60)))
    }
}

impl Names for Evaluation<'_> {
    fn value(&mut self, name: &str) -> Result<Value, String> {
        if let Some(value) = self.done.get(name) {
            return Ok(value.clone());
        }
        if self.open.iter().any(|open| open == name) {
            return Err(format!("expression {name} refers to itself"));
        }
        let queries = self.queries;
        let query = queries.iter().find(|query| query.id == name);
        let query = query.ok_or_else(|| format!("no query has the id '{name}'"))?;
        self.open.push(name.to_owned());
        let value = self.work_out(query);
        self.open.pop();
        let value = value?;
        self.done.insert(name.to_owned(), value.clone());
        Ok(value)
    }

    fn metrics(&mut self, part: &str) -> Result<Vec<Line>, String> {
        let queries = self.queries;
        let metrics =
            queries.iter().filter(|query| matches!(query.source, QuerySource::Stat(_)) && query.id.contains(part));
        let mut lines = Vec::new();
        for query in metrics {
            if let Value::Line(line) = self.value(&query.id)? {
                lines.push(line);
            }
        }
        Ok(lines)
    }

    fn moments(&self) -> Vec<Timestamp> {
        let period = self.period();
        let mut moment = self.window.from.floor_to(period);
        let mut moments = Vec::new();
        while moment < self.window.to && !period.is_zero() {
            moments.push(moment);
            moment = moment + period;
        }
        moments
    }
}
