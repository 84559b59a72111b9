//! The language of the filter: parts with spaces between them, all of which must hold.
//!
//! ```text
//! part  = ["!"] ( text | "\"" text "\"" | "/" regex "/" | name operator value )
//! value = word | "\"" text "\"" | "/" regex "/"        the regex after = and != alone
//! ```

use std::ops::Range;
use std::str::FromStr;

use regex::{Regex, RegexBuilder};

use super::test::{Case, Comparison, Equality, Same, Test, Wanted};
use super::{Looked, Whose};
use crate::domain::ids::Side;
use crate::domain::log::fields::is_of_name;
use crate::domain::log::{Level, LineRef};

/// A compiled pattern takes at most this many bytes.
const PATTERN_LIMIT: usize = 1 << 20;

/// What compares, the longer before those that they begin with.
const OPERATORS: [(&str, Comparison); 6] = [
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    ("!=", Comparison::Unequal),
    ("=", Comparison::Equal),
    (">", Comparison::More),
    ("<", Comparison::Less),
];

/// What is looked for in lines.
#[derive(Clone, Debug, Default)]
pub struct Query {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
struct Part {
    test: Test,
    is_inverted: bool,
}

/// A text that the language does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}; {remedy}")]
pub struct QueryError {
    /// Where, in bytes of what was typed.
    pub place: Range<usize>,
    /// What is wrong there.
    pub what: String,
    /// What to do about it.
    pub remedy: &'static str,
}

impl Query {
    /// As typed.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    pub(super) fn finds(&self, line: LineRef<'_>) -> bool {
        let mut looked = Looked { line, shown: None };
        self.parts.iter().all(|part| part.test.holds(&mut looked) != part.is_inverted)
    }

    pub(super) fn may_find(&self, text: &str) -> bool {
        self.parts.iter().all(|part| part.is_inverted || part.test.may_hold(text))
    }

    pub(super) fn hits(&self, shown: &str) -> Vec<Range<usize>> {
        let wanted = self.parts.iter().filter(|part| !part.is_inverted).filter_map(|part| part.test.marks());
        let mut all: Vec<Range<usize>> =
            wanted.flat_map(|pattern| pattern.find_iter(shown).map(|hit| hit.range())).collect();
        all.retain(|hit| !hit.is_empty());
        all.sort_unstable_by_key(|hit| (hit.start, hit.end));
        let mut end = 0;
        all.retain_mut(|hit| {
            hit.start = hit.start.max(end);
            end = end.max(hit.end);
            hit.start < hit.end
        });
        all
    }
}

impl FromStr for Query {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        let mut reader = Reader { text, at: 0 };
        let mut parts = Vec::new();
        while let Some(part) = reader.part()? {
            parts.push(part);
        }
        Ok(Self { text: text.to_owned(), parts })
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

/// A value as it was typed.
enum Typed<'a> {
    Word(&'a str),
    Quoted(String),
    Pattern(Regex),
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn part(&mut self) -> Result<Option<Part>, QueryError> {
        self.at += self.rest().len() - self.rest().trim_start().len();
        let is_inverted = self.rest().starts_with('!');
        if is_inverted {
            self.at += 1;
        }
        if self.rest().is_empty() || (is_inverted && self.rest().starts_with(char::is_whitespace)) {
            // Nothing is typed yet after the `!`.
            return if self.rest().is_empty() { Ok(None) } else { self.part() };
        }
        let test = match self.field()? {
            Some(test) => test,
            None => match self.value()? {
                Typed::Word(word) => plain(word),
                Typed::Quoted(text) => plain(&text),
                Typed::Pattern(pattern) => Ok(Test::Pattern(pattern)),
            }
            .or_else(|what| wrong(0..self.text.len(), what, "look for something shorter"))?,
        };
        Ok(Some(Part { test, is_inverted }))
    }

    /// A word, a text in quotes or a pattern.
    fn value(&mut self) -> Result<Typed<'a>, QueryError> {
        let (start, rest) = (self.at, self.rest());
        if let Some(inside) = rest.strip_prefix('"') {
            let Some(end) = unescaped_end(inside, |c, _| c == '"') else {
                let place = start..self.text.len();
                return wrong(place, "the quote is not closed".to_owned(), "end it with \"");
            };
            self.at += end + 2;
            let text = inside.get(..end).unwrap_or_default();
            return Ok(Typed::Quoted(text.replace("\\\"", "\"").replace("\\\\", "\\")));
        }
        let closes = |c: char, after: &str| c == '/' && (after.is_empty() || after.starts_with(char::is_whitespace));
        if let Some(inside) = rest.strip_prefix('/')
            && let Some(end) = unescaped_end(inside, closes).filter(|end| *end > 0)
        {
            let source = inside.get(..end).unwrap_or_default();
            self.at += end + 2;
            return match compiled(source, Case::of(source)) {
                Ok(pattern) => Ok(Typed::Pattern(pattern)),
                Err((what, at)) => {
                    let at = (start + 1 + at).min(start + end);
                    let remedy = "leave out the slashes, or put it in quotes, to look for the text as it stands";
                    wrong(at..start + 1 + end, format!("not a regular expression: {what}"), remedy)
                }
            };
        }
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        self.at += end;
        Ok(Typed::Word(rest.get(..end).unwrap_or_default()))
    }

    /// A field and what it must be, if that is what comes next.
    fn field(&mut self) -> Result<Option<Test>, QueryError> {
        let (start, rest) = (self.at, self.rest());
        let name = rest.get(..rest.find(|c| !is_of_name(c)).unwrap_or(rest.len())).unwrap_or_default();
        let begins = name.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '@'));
        let after = rest.get(name.len()..).unwrap_or_default();
        let operator = OPERATORS.into_iter().find(|(sign, _)| after.starts_with(sign));
        let Some((sign, comparison)) = operator.filter(|_| begins && !name.ends_with(['-', '.'])) else {
            return Ok(None);
        };
        self.at += name.len() + sign.len();
        let from = self.at;
        let value = self.value()?;
        let place = from..self.at.max(from);
        if matches!(value, Typed::Word("")) {
            let what = format!("nothing stands after {name}{sign}");
            return wrong(start..self.at, what, "write the value, or put it all in quotes to look for it as it stands");
        }
        match name.to_ascii_lowercase().as_str() {
            "level" => level(comparison, &value, place).map(Some),
            "side" => side(comparison, &value, place).map(Some),
            "task" => match (equality(comparison), value) {
                (Some(equality), Typed::Word(word)) => Ok(Some(Test::Task(equality, word.to_owned()))),
                (Some(equality), Typed::Quoted(text)) => Ok(Some(Test::Task(equality, text))),
                (None, _) | (_, Typed::Pattern(_)) => {
                    wrong(place, "a task has an id".to_owned(), "write task= and how the id begins")
                }
            },
            _ => wanted(comparison, value, place).map(|wanted| Some(Test::Field { name: name.to_owned(), wanted })),
        }
    }
}

fn wanted(comparison: Comparison, value: Typed<'_>, place: Range<usize>) -> Result<Wanted, QueryError> {
    let same = |text: &str| {
        let case = Case::of(text);
        let text = if case == Case::Ignored { text.to_lowercase() } else { text.to_owned() };
        Same { number: text.parse().ok().filter(|number: &f64| number.is_finite()), text, case }
    };
    match (equality(comparison), value) {
        (Some(equality), Typed::Word(word)) => Ok(Wanted::Same(equality, same(word))),
        (Some(equality), Typed::Quoted(text)) => Ok(Wanted::Same(equality, Same { number: None, ..same(&text) })),
        (Some(equality), Typed::Pattern(pattern)) => Ok(Wanted::Pattern(equality, pattern)),
        (None, Typed::Word(word)) if word.parse::<f64>().is_ok_and(f64::is_finite) => {
            Ok(Wanted::Number(comparison, word.parse().unwrap_or_default()))
        }
        (None, Typed::Word(_) | Typed::Quoted(_) | Typed::Pattern(_)) => {
            let remedy = "write a number after it, or put it all in quotes to look for it as it stands";
            wrong(place, "only numbers are more or less than others".to_owned(), remedy)
        }
    }
}

fn level(comparison: Comparison, value: &Typed<'_>, place: Range<usize>) -> Result<Test, QueryError> {
    let typed = word_of(value).to_ascii_lowercase();
    let begins = |level: &Level| !typed.is_empty() && level.word().to_ascii_lowercase().starts_with(&typed);
    match Level::named(&typed).or_else(|| Level::ALL.into_iter().find(begins)) {
        Some(level) => Ok(Test::Level(comparison, level)),
        None => wrong(place, "there is no such level".to_owned(), "levels are debug, info, warn and error"),
    }
}

fn side(comparison: Comparison, value: &Typed<'_>, place: Range<usize>) -> Result<Test, QueryError> {
    const WORDS: [(&str, Whose); 3] =
        [("blue", Whose::Of(Side::Blue)), ("green", Whose::Of(Side::Green)), ("other", Whose::Other)];
    let typed = word_of(value).to_ascii_lowercase();
    let found = WORDS.into_iter().find(|(word, _)| !typed.is_empty() && word.starts_with(&typed));
    match (equality(comparison), found) {
        (Some(equality), Some((_, whose))) => Ok(Test::Side(equality, whose)),
        (None, _) | (_, None) => {
            wrong(place, "there is no such side".to_owned(), "write side=blue, side=green or side=other")
        }
    }
}

/// What is wrong, where, and what to do about it.
fn wrong<T>(place: Range<usize>, what: String, remedy: &'static str) -> Result<T, QueryError> {
    Err(QueryError { place, what, remedy })
}

fn word_of<'v>(value: &'v Typed<'_>) -> &'v str {
    match value {
        Typed::Word(word) => word,
        Typed::Quoted(text) => text,
        Typed::Pattern(_) => "",
    }
}

fn equality(comparison: Comparison) -> Option<Equality> {
    match comparison {
        Comparison::Equal => Some(Equality::Equal),
        Comparison::Unequal => Some(Equality::Unequal),
        Comparison::Less | Comparison::AtMost | Comparison::More | Comparison::AtLeast => None,
    }
}

/// The place of the first character, not behind a backslash, that `ends` says ends it, given what comes after.
fn unescaped_end(text: &str, ends: impl Fn(char, &str) -> bool) -> Option<usize> {
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        if !is_escaped && ends(c, text.get(at + c.len_utf8()..).unwrap_or_default()) {
            return Some(at);
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    None
}

/// A text to be found as it stands.
fn plain(text: &str) -> Result<Test, String> {
    /// What a reading puts between the parts of a line.
    const BETWEEN: [char; 4] = [' ', '=', '"', '\\'];
    /// What a reading adds of its own.
    const ADDED: &str = "ms";
    let case = Case::of(&text.replace('\\', " "));
    let escaped = |part: &str| compiled(&regex::escape(part), case).map_err(|(what, _)| what);
    let longest = text.split(BETWEEN).max_by_key(|part| part.len()).unwrap_or_default();
    let written = (!ADDED.contains(&longest.to_lowercase())).then(|| escaped(longest)).transpose()?;
    Ok(Test::Text { pattern: escaped(text)?, written })
}

/// A pattern, or what is wrong with it and where, in bytes.
fn compiled(source: &str, case: Case) -> Result<Regex, (String, usize)> {
    RegexBuilder::new(source).case_insensitive(case == Case::Ignored).size_limit(PATTERN_LIMIT).build().map_err(
        |error| {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default().trim();
            // The message shows the pattern, four columns in, and below it a caret.
            let caret = text.lines().find(|line| !line.is_empty() && line.chars().all(|c| matches!(c, ' ' | '^')));
            let column = caret.and_then(|line| line.find('^')).map_or(0, |column| column.saturating_sub(4));
            let at = source.char_indices().nth(column).map_or(source.len(), |(at, _)| at);
            (last.strip_prefix("error: ").unwrap_or(last).to_owned(), at)
        },
    )
}
