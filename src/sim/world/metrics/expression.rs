//! Metric math, worked out.

use super::parse::{Formula, Operator};
use crate::domain::time::Timestamp;

/// Numbers by time, oldest first.
pub(super) type Line = Vec<(Timestamp, f64)>;

/// What a formula comes to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Number(f64),
    Line(Line),
    Lines(Vec<Line>),
}

/// What formulas may refer to.
pub(super) trait Names {
    /// What a name stands for.
    fn value(&mut self, name: &str) -> Result<Value, String>;
    /// Every metric of the request whose id contains `part`.
    fn metrics(&mut self, part: &str) -> Result<Vec<Line>, String>;
    /// When each period of the request begins, for filling gaps.
    fn moments(&self) -> Vec<Timestamp>;
}

/// Works a formula out.
pub(super) fn evaluate(formula: &Formula, names: &mut dyn Names) -> Result<Value, String> {
    match formula {
        Formula::Number(number) => Ok(Value::Number(*number)),
        Formula::Text(text) => Err(format!("unexpected string \"{text}\"")),
        Formula::Name(name) => names.value(name),
        Formula::Negated(inner) => Ok(each(evaluate(inner, names)?, |value| -value)),
        Formula::Binary(left, operator, right) => {
            let (left, right) = (evaluate(left, names)?, evaluate(right, names)?);
            binary(&left, *operator, &right)
        }
        Formula::List(items) => {
            let values = items.iter().map(|item| evaluate(item, names)).collect::<Result<Vec<_>, _>>()?;
            Ok(Value::Lines(values.into_iter().flat_map(lines).collect()))
        }
        Formula::Call(function, arguments) => call(function, arguments, names),
    }
}

fn call(function: &str, arguments: &[Formula], names: &mut dyn Names) -> Result<Value, String> {
    match (function, arguments) {
        ("METRICS", []) => names.metrics("").map(Value::Lines),
        ("METRICS", [Formula::Text(part)]) => names.metrics(part).map(Value::Lines),
        ("FILL", [series, filling]) => {
            let moments = names.moments();
            let series = evaluate(series, names)?;
            let filling = match filling {
                Formula::Name(word) if word == "REPEAT" => None,
                filling => match evaluate(filling, names)? {
                    Value::Number(number) => Some(number),
                    Value::Line(_) | Value::Lines(_) => return Err("FILL takes a number or REPEAT".to_owned()),
                },
            };
            Ok(match series {
                Value::Number(number) => Value::Number(number),
                Value::Line(line) => Value::Line(fill(&line, filling, &moments)),
                Value::Lines(lines) => Value::Lines(lines.iter().map(|line| fill(line, filling, &moments)).collect()),
            })
        }
        ("IF", [condition, then]) => choose(&evaluate(condition, names)?, &evaluate(then, names)?, None),
        ("IF", [condition, then, otherwise]) => {
            let otherwise = evaluate(otherwise, names)?;
            choose(&evaluate(condition, names)?, &evaluate(then, names)?, Some(&otherwise))
        }
        ("ABS", [one]) => Ok(each(evaluate(one, names)?, f64::abs)),
        ("CEIL", [one]) => Ok(each(evaluate(one, names)?, f64::ceil)),
        ("FLOOR", [one]) => Ok(each(evaluate(one, names)?, f64::floor)),
        ("SUM", [one]) => Ok(gather(evaluate(one, names)?, |values| values.iter().sum())),
        ("AVG", [one]) => Ok(gather(evaluate(one, names)?, |values| values.iter().sum::<f64>() / values.len() as f64)),
        ("MAX", [one]) => {
            Ok(gather(evaluate(one, names)?, |values| values.iter().copied().fold(f64::NEG_INFINITY, f64::max)))
        }
        ("MIN", [one]) => {
            Ok(gather(evaluate(one, names)?, |values| values.iter().copied().fold(f64::INFINITY, f64::min)))
        }
        _ => Err(format!("unsupported function {function} with {} arguments", arguments.len())),
    }
}

fn lines(value: Value) -> Vec<Line> {
    match value {
        Value::Number(_) => Vec::new(),
        Value::Line(line) => vec![line],
        Value::Lines(lines) => lines,
    }
}

fn each(value: Value, change: impl Fn(f64) -> f64 + Copy) -> Value {
    let changed = |line: Line| line.into_iter().map(|(at, value)| (at, change(value))).collect();
    match value {
        Value::Number(number) => Value::Number(change(number)),
        Value::Line(line) => Value::Line(changed(line)),
        Value::Lines(lines) => Value::Lines(lines.into_iter().map(changed).collect()),
    }
}

/// One line becomes a number; several become one line of what they come to at each moment any of them has.
fn gather(value: Value, reduce: impl Fn(&[f64]) -> f64) -> Value {
    match value {
        Value::Number(number) => Value::Number(number),
        Value::Line(line) if line.is_empty() => Value::Line(line),
        Value::Line(line) => Value::Number(reduce(&line.iter().map(|(_, value)| *value).collect::<Vec<_>>())),
        Value::Lines(lines) => {
            let mut all: Line = lines.into_iter().flatten().collect();
            all.sort_by_key(|(at, _)| *at);
            let moments = all.chunk_by(|a, b| a.0 == b.0);
            let reduced = moments.filter_map(|chunk| {
                let values: Vec<f64> = chunk.iter().map(|(_, value)| *value).collect();
                Some((chunk.first()?.0, reduce(&values)))
            });
            Value::Line(reduced.collect())
        }
    }
}

fn at(line: &Line, moment: Timestamp) -> Option<f64> {
    let index = line.binary_search_by_key(&moment, |(at, _)| *at).ok()?;
    line.get(index).map(|(_, value)| *value)
}

fn fill(line: &Line, filling: Option<f64>, moments: &[Timestamp]) -> Line {
    let mut last = None;
    let filled = moments.iter().filter_map(|&moment| {
        last = at(line, moment).or(filling).or(last);
        last.map(|value| (moment, value))
    });
    filled.collect()
}

fn choose(condition: &Value, then: &Value, otherwise: Option<&Value>) -> Result<Value, String> {
    let moments: Vec<Timestamp> = match (condition, then, otherwise) {
        (Value::Line(line), ..) | (_, Value::Line(line), _) | (_, _, Some(Value::Line(line))) => {
            line.iter().map(|(at, _)| *at).collect()
        }
        (Value::Number(condition), Value::Number(then), Some(Value::Number(otherwise))) => {
            return Ok(Value::Number(if *condition == 0.0 { *otherwise } else { *then }));
        }
        _ => return Err("IF takes numbers and single series".to_owned()),
    };
    let part = |value: &Value, moment| match value {
        Value::Number(number) => Some(*number),
        Value::Line(line) => at(line, moment),
        Value::Lines(_) => None,
    };
    let chosen = moments.into_iter().filter_map(|moment| {
        let holds = part(condition, moment)? != 0.0;
        let value = if holds { part(then, moment)? } else { part(otherwise?, moment)? };
        Some((moment, value))
    });
    Ok(Value::Line(chosen.collect()))
}

fn binary(left: &Value, operator: Operator, right: &Value) -> Result<Value, String> {
    let join = |a: f64, b: f64| operate(a, operator, b);
    Ok(match (left, right) {
        (Value::Number(a), Value::Number(b)) => Value::Number(join(*a, *b).ok_or("the expression divides by zero")?),
        (Value::Line(line), Value::Number(b)) => Value::Line(combine(line, |_, a| join(a, *b))),
        (Value::Number(a), Value::Line(line)) => Value::Line(combine(line, |_, b| join(*a, b))),
        (Value::Line(a), Value::Line(b)) => Value::Line(combine(a, |moment, value| join(value, at(b, moment)?))),
        (Value::Lines(lines), right) => {
            let joined = lines.iter().map(|line| binary(&Value::Line(line.clone()), operator, right));
            Value::Lines(joined.collect::<Result<Vec<_>, _>>()?.into_iter().flat_map(self::lines).collect())
        }
        (left, Value::Lines(lines)) => {
            let joined = lines.iter().map(|line| binary(left, operator, &Value::Line(line.clone())));
            Value::Lines(joined.collect::<Result<Vec<_>, _>>()?.into_iter().flat_map(self::lines).collect())
        }
    })
}

fn combine(line: &Line, join: impl Fn(Timestamp, f64) -> Option<f64>) -> Line {
    line.iter().filter_map(|&(at, value)| Some((at, join(at, value)?))).collect()
}

/// `None` where the result is no number: such moments are left out, as CloudWatch does.
fn operate(a: f64, operator: Operator, b: f64) -> Option<f64> {
    let truth = |holds: bool| f64::from(u8::from(holds));
    let result = match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide => a / b,
        Operator::Power => a.powf(b),
        Operator::Less => truth(a < b),
        Operator::LessOrEqual => truth(a <= b),
        Operator::Greater => truth(a > b),
        Operator::GreaterOrEqual => truth(a >= b),
        Operator::Equal => truth((a - b).abs() < f64::EPSILON),
        Operator::NotEqual => truth((a - b).abs() >= f64::EPSILON),
        Operator::And => truth(a != 0.0 && b != 0.0),
        Operator::Or => truth(a != 0.0 || b != 0.0),
    };
    result.is_finite().then_some(result)
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    struct Fixed;

    fn line(values: &[(i64, f64)]) -> Line {
        values.iter().map(|&(minute, value)| (Timestamp::from_secs(minute * 60), value)).collect()
    }

    impl Names for Fixed {
        fn value(&mut self, name: &str) -> Result<Value, String> {
            match name {
                "requests" => Ok(Value::Line(line(&[(0, 100.0), (1, 200.0), (2, 50.0)]))),
                "errors" => Ok(Value::Line(line(&[(1, 10.0)]))),
                _ => Err(format!("unknown {name}")),
            }
        }

        fn metrics(&mut self, _part: &str) -> Result<Vec<Line>, String> {
            Ok(vec![line(&[(0, 1.0), (1, 2.0)]), line(&[(1, 4.0)])])
        }

        fn moments(&self) -> Vec<Timestamp> {
            (0..3).map(|minute| Timestamp::from_secs(minute * 60)).collect()
        }
    }

    fn value(text: &str) -> Result<Value, String> {
        evaluate(&parse(text)?, &mut Fixed)
    }

    #[test]
    fn formulas_come_to_what_cloudwatch_makes_of_them() {
        for (text, expected) in [
            ("1 + 2 * 3", Value::Number(7.0)),
            ("(1 + 2) * -3", Value::Number(-9.0)),
            ("8 - 4 - 2", Value::Number(2.0)),
            ("100 * errors / requests", Value::Line(line(&[(1, 5.0)]))),
            ("100 * FILL(errors, 0) / requests", Value::Line(line(&[(0, 0.0), (1, 5.0), (2, 0.0)]))),
            ("FILL(errors, REPEAT)", Value::Line(line(&[(1, 10.0), (2, 10.0)]))),
            ("IF(requests > 60, 1, 0)", Value::Line(line(&[(0, 1.0), (1, 1.0), (2, 0.0)]))),
            ("SUM(requests)", Value::Number(350.0)),
            ("SUM(METRICS())", Value::Line(line(&[(0, 1.0), (1, 6.0)]))),
            ("MAX([requests, errors])", Value::Line(line(&[(0, 100.0), (1, 200.0), (2, 50.0)]))),
            ("AVG(METRICS(\"m\"))", Value::Line(line(&[(0, 1.0), (1, 3.0)]))),
            ("errors / (requests - 200)", Value::Line(Vec::new())),
        ] {
            assert_eq!(value(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn broken_formulas_are_refused() {
        for text in ["", "1 +", "(1", "SUM(", "nobody", "EVAL(1)", "1 2", "a $ b", "\"x", &"(".repeat(500)] {
            assert!(value(text).is_err(), "{text}");
        }
    }
}
