//! `[signals.NAME]`: what is measured, where its limit is, and what a failure leads to.

use toml::de::DeValue;

use super::super::problem::Mistake;
use super::super::reader::{Item, Located, Table};
use super::super::values;
use crate::domain::formula::{Formula, Metric, Part, Term};
use crate::domain::ids::SignalName;
use crate::domain::signal::{Custom, Golden, Measure, Percentile, Policy, SignalPlan, Unit};

const MEASURES: &str = "\"target-errors\", \"client-errors\", \"success\", \"response-time p99\", \"request-rate\", \"cpu\", \"memory\", \"running-tasks\", \"unhealthy-targets\" or a table";

/// The signals of an environment, in the order of the file, and the names that are defined.
#[derive(Debug, Default)]
pub(super) struct Signals {
    pub(super) plans: Vec<SignalPlan>,
    pub(super) names: Vec<String>,
}

/// Reads all signals, an environment's own settings laid over the common ones.
pub(super) fn read_all(common: Option<Table<'_>>, own: Option<Table<'_>>) -> Signals {
    let mut signals = Signals::default();
    for name in common.as_ref().map(Table::names).unwrap_or_default() {
        signals.names.push(name.value.clone());
        let Some(base) = common.as_ref().and_then(|all| all.table(&name.value)) else { continue };
        let own = own.as_ref().and_then(|own| own.table(&name.value));
        let Some(table) = Table::layered([own, Some(base)]) else { continue };
        signals.plans.extend(read(table, name.value));
    }
    if let Some(own) = own {
        for name in &own.names() {
            own.reader().known("signal", name, &signals.names);
        }
    }
    signals
}

fn read(table: Table<'_>, name: String) -> Option<SignalPlan> {
    let measure = measure_of(&table);
    let golden =
        table.optional("golden", values::word("golden signal", &Golden::ALL.map(|golden| (golden.word(), golden))));
    let kind = measure.as_ref();
    let max = table.located("max", |item| limit(item, kind.map(Measure::unit)));
    let over_blue = table.located("over_blue", values::factor);
    // Shares and percentiles of a handful of requests say nothing.
    let default_samples = match kind {
        Some(Measure::RequestRate) | None => 0,
        Some(measure) => {
            if measure.rests_on_requests() {
                100
            } else {
                0
            }
        }
    };
    let min_samples = table.or("min_samples", values::whole(0, 1_000_000_000), default_samples);
    let breaches = table.or("breaches", values::whole(1, 60), 2);
    let warm_up = table.or("warm_up", values::duration, std::time::Duration::ZERO);
    let words = [("rollback", Policy::Rollback), ("pause", Policy::Pause), ("observe", Policy::Observe)];
    let policy = table.located("policy", values::word("policy", &words));
    let has_limit = table.item("max").is_some();
    let reader = table.reader();
    if let Some(policy) = &policy {
        reader.check(
            has_limit || policy.value == Policy::Observe,
            &policy.spot,
            format!("signal `{name}` has no `max`, so it cannot fail"),
            "set `max`, or `policy = \"observe\"`",
        );
    }
    if let Some(over_blue) = &over_blue {
        let (what, remedy) = (
            format!("signal `{name}` compares with blue and has no `max`"),
            "set `max`: the floor below which nothing fails",
        );
        reader.check(has_limit, &over_blue.spot, what, remedy);
    }
    table.finish();
    let measure = measure?;
    let default_policy = if has_limit { Policy::Rollback } else { Policy::Observe };
    Some(SignalPlan {
        name: SignalName(name),
        golden: golden.unwrap_or_else(|| golden_of(&measure)),
        unit: measure.unit(),
        measure,
        max: max.map(|Located { value, .. }| value),
        over_blue: over_blue.map(|over| over.value),
        min_samples,
        breaches: u32::try_from(breaches).unwrap_or(u32::MAX),
        warm_up,
        policy: policy.map_or(default_policy, |policy| policy.value),
    })
}

fn golden_of(measure: &Measure) -> Golden {
    match measure {
        Measure::TargetErrors | Measure::ClientErrors | Measure::Success => Golden::Errors,
        Measure::ResponseTime(_) => Golden::Latency,
        Measure::RequestRate => Golden::Traffic,
        Measure::Cpu | Measure::Memory | Measure::RunningTasks | Measure::UnhealthyTargets | Measure::Custom(_) => {
            Golden::Saturation
        }
    }
}

/// A measure, by its word or as a table of its own.
pub(super) fn measure_of(table: &Table<'_>) -> Option<Measure> {
    let is_table = table.item("measure").is_some_and(|item| matches!(item.get(), DeValue::Table(_)));
    if is_table {
        return table.table("measure").and_then(custom).map(|custom| Measure::Custom(Box::new(custom)));
    }
    table.required("measure", "measure = \"target-errors\"", measure).map(|measure| measure.value)
}

/// `{ namespace, metric, dimensions, statistic }`, or `{ math, metrics }`, with a `unit`.
fn custom(table: Table<'_>) -> Option<Custom> {
    let unit = table.or("unit", values::word("unit", &Unit::WORDS), Unit::Count);
    // Known here whichever of the two it is.
    let _known = ["metrics", "namespace", "metric", "dimensions", "statistic"].map(|key| table.item(key).is_some());
    let of = if table.item("math").is_some() {
        let math = table.optional("math", values::text);
        let metrics = table.table("metrics");
        if metrics.is_none() {
            table.missing("metrics", "metrics = { used = { namespace = \"App\", metric = \"Used\" } }");
        }
        let parts = metrics.map(parts).unwrap_or_default();
        math.map(|math| {
            let result = Part { id: "result".to_owned(), label: None, is_result: true, is: Term::Expression(math) };
            Formula::Math(std::iter::once(result).chain(parts).collect())
        })
    } else {
        metric(&table).map(Formula::Metric)
    };
    table.finish();
    Some(Custom { of: of?, unit })
}

fn parts(table: Table<'_>) -> Vec<Part> {
    let mut parts = Vec::new();
    for name in table.names() {
        let is_id = name.value.starts_with(|first: char| first.is_ascii_lowercase())
            && name.value.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '_')
            && name.value != "result";
        let what = format!("`{}` cannot be named in metric math", name.value);
        let remedy = "begin with a small letter, go on with letters, digits and `_`, and do not call it `result`";
        table.reader().check(is_id, &name.spot, what, remedy);
        let Some(inner) = table.table(&name.value) else { continue };
        let read = metric(&inner);
        inner.finish();
        let term = |metric| Term::Metric { metric, period: std::time::Duration::from_mins(1) };
        parts.extend(read.map(|of| Part { id: name.value.clone(), label: None, is_result: false, is: term(of) }));
    }
    table.finish();
    parts
}

fn metric(table: &Table<'_>) -> Option<Metric> {
    let namespace = table.required("namespace", "namespace = \"AWS/RDS\"", values::text);
    let name = table.required("metric", "metric = \"DatabaseConnections\"", values::text);
    let statistic = table.or("statistic", values::text, "Average".to_owned());
    let mut dimensions = std::collections::BTreeMap::new();
    if let Some(inner) = table.table("dimensions") {
        for name in inner.names() {
            dimensions.extend(inner.optional(&name.value, dimension).map(|value| (name.value.clone(), value)));
        }
        inner.finish();
    }
    Some(Metric { namespace: namespace?.value, name: name?.value, dimensions, statistic })
}

/// A dimension's value: only what differs by side may be left open in it.
fn dimension(item: Item<'_>) -> Result<String, Mistake> {
    const OPEN: [&str; 4] = ["${service}", "${target_group}", "${load_balancer}", "${cluster}"];
    let text = values::text(item)?;
    let rest = OPEN.iter().fold(text.clone(), |rest, open| rest.replace(open, ""));
    if rest.contains("${") { Err(values::bad(item, "a dimension", &OPEN.join(", "))) } else { Ok(text) }
}

fn measure(item: Item<'_>) -> Result<Measure, Mistake> {
    let text = values::text(item)?;
    let bad = || values::bad(item, "a measure", MEASURES);
    let mut words = text.split_whitespace();
    let measure = match words.next().unwrap_or_default() {
        "target-errors" => Measure::TargetErrors,
        "client-errors" => Measure::ClientErrors,
        "success" => Measure::Success,
        "request-rate" => Measure::RequestRate,
        "cpu" => Measure::Cpu,
        "memory" => Measure::Memory,
        "running-tasks" => Measure::RunningTasks,
        "unhealthy-targets" => Measure::UnhealthyTargets,
        "response-time" => Measure::ResponseTime(words.next().and_then(percentile).ok_or_else(bad)?),
        _ => return Err(bad()),
    };
    if words.next().is_none() { Ok(measure) } else { Err(bad()) }
}

/// `p99`, `p99.9`.
fn percentile(text: &str) -> Option<Percentile> {
    let (whole, tenth) = match text.strip_prefix('p')?.split_once('.') {
        Some((whole, tenth)) if tenth.len() == 1 => (whole, tenth),
        Some(_) => return None,
        None => (text.strip_prefix('p')?, "0"),
    };
    let digits =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u16>().ok()).flatten();
    let tenths = digits(whole)?.checked_mul(10)?.checked_add(digits(tenth)?)?;
    (1..=999).contains(&tenths).then_some(Percentile(tenths))
}

/// A limit in the measure's unit.
pub(super) fn limit(item: Item<'_>, unit: Option<Unit>) -> Result<f64, Mistake> {
    let plain = |item| {
        values::number(item).and_then(|number| match number {
            number if number >= 0.0 => Ok(number),
            _ => Err(values::bad(item, "a limit", "zero or more")),
        })
    };
    match (unit, item.get()) {
        (Some(Unit::Percent), _) => values::share(item),
        (Some(Unit::Milliseconds), DeValue::String(_)) => {
            values::duration(item).map(|span| span.as_secs_f64() * 1_000.0)
        }
        (Some(Unit::PerSecond), DeValue::String(text)) => {
            let number = text.trim().strip_suffix("/s").and_then(|number| number.trim_end().parse::<f64>().ok());
            let number = number.filter(|number| number.is_finite() && *number >= 0.0);
            number.ok_or_else(|| values::bad(item, "a rate", "\"300/s\" or 300"))
        }
        (Some(Unit::Count), DeValue::String(_)) => Err(values::bad(item, "a limit", "a number, without quotes")),
        // What it is measured in is not known: that mistake is reported where it was made.
        (None, DeValue::String(_)) => Ok(0.0),
        (Some(Unit::Milliseconds | Unit::PerSecond | Unit::Count) | None, _) => plain(item),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_read_to_a_tenth() {
        assert_eq!(percentile("p99"), Some(Percentile(990)));
        assert_eq!(percentile("p99.9"), Some(Percentile(999)));
        for wrong in ["p100", "p0", "99", "p99.99", "p", "p-1", "p9.", "p65535"] {
            assert_eq!(percentile(wrong), None, "{wrong}");
        }
    }
}
