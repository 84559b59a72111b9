//! Filter patterns: terms, phrases, regular expressions, and conditions on JSON fields.

use regex::Regex;
use serde_json::Value;

/// A filter pattern, read.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    Everything,
    Terms { all: Vec<Term>, any: Vec<Term>, none: Vec<Term> },
    Json(Condition),
}

#[derive(Clone, Debug)]
pub(super) enum Term {
    Text(String),
    Regex(Regex),
}

/// A condition on a line of JSON.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Compare(Vec<Step>, Relation, Operand),
    Exists(Vec<Step>, bool),
    Is(Vec<Step>, Value),
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Field(String),
    Index(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug)]
pub(super) enum Operand {
    Number(f64),
    /// Text in which `*` stands for anything.
    Text(String),
    Regex(Regex),
}

impl Pattern {
    /// Reads a pattern; the error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self::Everything);
        }
        if let Some(inner) = text.strip_prefix('{') {
            let inner = inner.strip_suffix('}').ok_or("a JSON pattern ends with }")?;
            let mut reader = Reader { rest: inner.trim(), depth: 0 };
            let condition = reader.or()?;
            return if reader.rest.is_empty() {
                Ok(Self::Json(condition))
            } else {
                Err(format!("unexpected `{}`", reader.rest))
            };
        }
        if text.starts_with('[') {
            return Err("space-delimited patterns are not supported".to_owned());
        }
        terms(text)
    }

    pub(super) fn matches(&self, line: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Terms { all, any, none } => {
                // As in CloudWatch, optional terms count only when there are no others.
                let wanted = if all.is_empty() && !any.is_empty() {
                    any.iter().any(|term| term.is_in(line))
                } else {
                    all.iter().all(|term| term.is_in(line))
                };
                wanted && !none.iter().any(|term| term.is_in(line))
            }
            Self::Json(condition) => serde_json::from_str(line).is_ok_and(|value| condition.holds(&value)),
        }
    }
}

impl Term {
    fn is_in(&self, line: &str) -> bool {
        match self {
            Self::Text(text) => line.contains(text.as_str()),
            Self::Regex(regex) => regex.is_match(line),
        }
    }
}

fn terms(text: &str) -> Result<Pattern, String> {
    let (mut all, mut any, mut none) = (Vec::new(), Vec::new(), Vec::new());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let list = match first {
            '?' => &mut any,
            '-' => &mut none,
            _ => &mut all,
        };
        let body = rest.strip_prefix(['?', '-']).unwrap_or(rest);
        let (term, after) = if let Some(quoted) = body.strip_prefix('"') {
            let (phrase, after) = quoted.split_once('"').ok_or("a phrase is not closed")?;
            (Term::Text(phrase.to_owned()), after)
        } else if let Some(quoted) = body.strip_prefix('%') {
            let (regex, after) = quoted.split_once('%').ok_or("a regular expression is not closed")?;
            (Term::Regex(regex_of(regex)?), after)
        } else {
            let end = body.find(char::is_whitespace).unwrap_or(body.len());
            let (word, after) = body.split_at(end);
            if word.is_empty() {
                return Err("a term is empty".to_owned());
            }
            // CloudWatch wants everything but letters, digits and underscores in quotes.
            if let Some(odd) =
                word.chars().find(|c| !c.is_alphanumeric() && !matches!(c, '_' | '.' | '-' | ':' | '/' | '*'))
            {
                return Err(format!("unquoted `{odd}` in the term {word}"));
            }
            (Term::Text(word.to_owned()), after)
        };
        list.push(term);
        rest = after.trim_start();
    }
    Ok(Pattern::Terms { all, any, none })
}

fn regex_of(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|_| format!("`{text}` is not a regular expression"))
}

struct Reader<'a> {
    rest: &'a str,
    depth: u32,
}

impl<'a> Reader<'a> {
    fn take(&mut self, word: &str) -> bool {
        match self.rest.strip_prefix(word) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn or(&mut self) -> Result<Condition, String> {
        self.depth += 1;
        if self.depth > 32 {
            return Err("the pattern is nested too deeply".to_owned());
        }
        let mut left = self.and()?;
        while self.take("||") {
            left = Condition::Or(Box::new(left), Box::new(self.and()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn and(&mut self) -> Result<Condition, String> {
        let mut left = self.one()?;
        while self.take("&&") {
            left = Condition::And(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<Condition, String> {
        if self.take("(") {
            let inner = self.or()?;
            return if self.take(")") { Ok(inner) } else { Err("a parenthesis is not closed".to_owned()) };
        }
        let path = self.path()?;
        if self.take("NOT EXISTS") {
            return Ok(Condition::Exists(path, false));
        }
        if self.take("EXISTS") {
            return Ok(Condition::Exists(path, true));
        }
        if self.take("IS") {
            for (word, value) in [("NULL", Value::Null), ("TRUE", Value::Bool(true)), ("FALSE", Value::Bool(false))] {
                if self.take(word) {
                    return Ok(Condition::Is(path, value));
                }
            }
            return Err("IS takes NULL, TRUE or FALSE".to_owned());
        }
        for (sign, relation) in [
            ("!=", Relation::NotEqual),
            ("<=", Relation::LessOrEqual),
            (">=", Relation::GreaterOrEqual),
            ("=", Relation::Equal),
            ("<", Relation::Less),
            (">", Relation::Greater),
        ] {
            if self.take(sign) {
                return Ok(Condition::Compare(path, relation, self.operand()?));
            }
        }
        Err(format!("expected a comparison at `{}`", self.rest))
    }

    fn path(&mut self) -> Result<Vec<Step>, String> {
        let selector = self
            .rest
            .strip_prefix('$')
            .ok_or_else(|| format!("expected a field such as $.status at `{}`", self.rest))?;
        let end = selector.find(|c: char| c.is_whitespace() || "=!<>&|()".contains(c)).unwrap_or(selector.len());
        let (text, rest) = selector.split_at(end);
        self.rest = rest.trim_start();
        let mut steps = Vec::new();
        for part in text.split('.').skip(1) {
            let (name, indices) = part.split_once('[').map_or((part, None), |(name, indices)| (name, Some(indices)));
            if name.is_empty() {
                return Err(format!("`${text}` is not a field"));
            }
            steps.push(Step::Field(name.to_owned()));
            for index in indices.into_iter().flat_map(|indices| indices.split('[')) {
                let number = index.strip_suffix(']').and_then(|number| number.parse().ok());
                steps.push(Step::Index(number.ok_or_else(|| format!("`${text}` is not a field"))?));
            }
        }
        if steps.is_empty() { Err(format!("`${text}` is not a field")) } else { Ok(steps) }
    }

    fn operand(&mut self) -> Result<Operand, String> {
        let quoted = |rest: &'a str, quote| rest.strip_prefix(quote).and_then(|rest| rest.split_once(quote));
        if let Some((text, rest)) = quoted(self.rest, '"') {
            self.rest = rest.trim_start();
            return Ok(Operand::Text(text.to_owned()));
        }
        if let Some((text, rest)) = quoted(self.rest, '%') {
            self.rest = rest.trim_start();
            return Ok(Operand::Regex(regex_of(text)?));
        }
        let end = self.rest.find(|c: char| c.is_whitespace() || "&|()".contains(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        match word.parse::<f64>() {
            Ok(number) => Ok(Operand::Number(number)),
            Err(_) if word.is_empty() || word.contains('"') => Err("a value is missing or not closed".to_owned()),
            Err(_) => Ok(Operand::Text(word.to_owned())),
        }
    }
}

impl Condition {
    fn holds(&self, line: &Value) -> bool {
        match self {
            Self::And(left, right) => left.holds(line) && right.holds(line),
            Self::Or(left, right) => left.holds(line) || right.holds(line),
            Self::Exists(path, wanted) => find(line, path).is_some() == *wanted,
            Self::Is(path, value) => find(line, path) == Some(value),
            Self::Compare(path, relation, operand) => {
                find(line, path).is_some_and(|value| compare(value, *relation, operand))
            }
        }
    }
}

fn find<'a>(value: &'a Value, path: &[Step]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, step| match step {
        Step::Field(name) => value.get(name),
        Step::Index(index) => value.get(index),
    })
}

fn compare(value: &Value, relation: Relation, operand: &Operand) -> bool {
    match operand {
        Operand::Number(wanted) => {
            let Some(number) = value.as_f64() else { return relation == Relation::NotEqual };
            match relation {
                Relation::Equal => (number - wanted).abs() < f64::EPSILON,
                Relation::NotEqual => (number - wanted).abs() >= f64::EPSILON,
                Relation::Less => number < *wanted,
                Relation::LessOrEqual => number <= *wanted,
                Relation::Greater => number > *wanted,
                Relation::GreaterOrEqual => number >= *wanted,
            }
        }
        Operand::Text(_) | Operand::Regex(_) => {
            let same = value.as_str().is_some_and(|text| match operand {
                Operand::Regex(regex) => regex.is_match(text),
                Operand::Text(wanted) => wildcard(wanted, text),
                Operand::Number(_) => false,
            });
            match relation {
                Relation::Equal => same,
                Relation::NotEqual => !same,
                Relation::Less | Relation::LessOrEqual | Relation::Greater | Relation::GreaterOrEqual => false,
            }
        }
    }
}

fn wildcard(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(head) else { return false };
    let mut parts = tail.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str =
        r#"{"level":"ERROR","status":503,"route":"/cart/7","tags":["a","b"],"user":{"vip":true},"trace":null}"#;

    #[test]
    fn patterns_select_the_lines_that_cloudwatch_would() {
        for (pattern, expected) in [
            ("", true),
            ("ERROR", true),
            ("error", false),
            ("ERROR WARN", false),
            ("?ERROR ?WARN", true),
            ("?FATAL ?WARN", false),
            ("ERROR -cart", false),
            ("\"level\":\"ERR", false),
            ("\"/cart/7\" -FATAL", true),
            ("%/cart/[0-9]+%", true),
            ("{ $.status >= 500 }", true),
            ("{ $.status >= 500 && $.level = \"ERROR\" }", true),
            ("{ $.status < 500 || ($.level = WARN) }", false),
            ("{ $.route = \"/cart/*\" }", true),
            ("{ $.route != \"/cart/*\" }", false),
            ("{ $.tags[1] = \"b\" }", true),
            ("{ $.user.vip IS TRUE }", true),
            ("{ $.trace IS NULL }", true),
            ("{ $.missing NOT EXISTS }", true),
            ("{ $.missing = 1 }", false),
            ("{ $.level = %^ERR% }", true),
        ] {
            match Pattern::parse(pattern) {
                Ok(parsed) => assert_eq!(parsed.matches(LINE), expected, "{pattern}"),
                // The one broken on purpose: its phrase is followed by an unquoted colon and quote.
                Err(_) => assert_eq!(pattern, "\"level\":\"ERR"),
            }
        }
    }

    #[test]
    fn broken_patterns_are_refused() {
        for pattern in [
            "{ $.status }",
            "{ $.status >= 500",
            "{ status = 1 }",
            "\"open",
            "a$b",
            "[ip, user]",
            "%(%",
            "{ ($.a = 1 }",
            "?",
        ] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }
}
