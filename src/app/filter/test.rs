//! What one part of a query asks of a line.

use regex::Regex;

use super::{Looked, Whose};
use crate::domain::log::Level;
use crate::domain::log::fields::{Value, field};

/// A question to a line.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// What people read of it has this text.
    Text {
        pattern: Regex,
        /// What must stand in the line as written for that: the longest part that both have in common. `None` where there is
        /// no such part.
        written: Option<Regex>,
    },
    /// What people read of it fits this pattern.
    Pattern(Regex),
    /// It has this field, and that holds.
    Field { name: String, wanted: Wanted },
    /// It is this loud.
    Level(Comparison, Level),
    /// It is of this side.
    Side(Equality, Whose),
    /// Its task's id begins so.
    Task(Equality, String),
}

/// What a field must be.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    /// The same number, or the same text.
    Same(Equality, Same),
    /// A number that compares so.
    Number(Comparison, f64),
    /// Something that fits this pattern, or does not.
    Pattern(Equality, Regex),
}

/// A value to be found again.
#[derive(Clone, Debug)]
pub(super) struct Same {
    pub(super) text: String,
    pub(super) number: Option<f64>,
    pub(super) case: Case,
}

/// Whether capitals count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Counts,
    Ignored,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Equality {
    Equal,
    Unequal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Equality {
    fn holds(self, is_equal: bool) -> bool {
        match self {
            Self::Equal => is_equal,
            Self::Unequal => !is_equal,
        }
    }
}

impl Comparison {
    fn holds<T: PartialOrd>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Unequal => left != right,
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::More => left > right,
            Self::AtLeast => left >= right,
        }
    }
}

impl Case {
    /// Capitals count where some are typed. What follows a backslash is no capital: `\S`.
    pub(super) fn of(typed: &str) -> Self {
        let mut is_escaped = false;
        let has_capitals = typed.chars().any(|c| {
            let is_capital = c.is_uppercase() && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            is_capital
        });
        if has_capitals { Self::Counts } else { Self::Ignored }
    }
}

impl Same {
    fn is(&self, value: &Value<'_>) -> bool {
        if let (Some(wanted), Some(found)) = (self.number, value.number()) {
            return wanted.total_cmp(&found).is_eq();
        }
        match self.case {
            Case::Counts => value.shown() == self.text,
            Case::Ignored => value.shown().to_lowercase() == self.text,
        }
    }
}

impl Test {
    pub(super) fn holds(&self, looked: &mut Looked<'_>) -> bool {
        let line = looked.line;
        match self {
            Self::Text { pattern, written } => {
                written.as_ref().is_none_or(|written| written.is_match(line.text)) && pattern.is_match(looked.shown())
            }
            Self::Pattern(pattern) => pattern.is_match(looked.shown()),
            Self::Field { name, wanted } => field(line.text, name).is_some_and(|value| wanted.holds(&value)),
            Self::Level(comparison, level) => comparison.holds(&line.level, level),
            Self::Side(equality, whose) => equality.holds(whose.has(line.side)),
            Self::Task(equality, start) => equality.holds(line.task.starts_with(start.as_str())),
        }
    }

    /// Whether any line whose text is part of `text` may pass.
    pub(super) fn may_hold(&self, text: &str) -> bool {
        match self {
            Self::Text { written: Some(written), .. } => written.is_match(text),
            Self::Field { name, .. } => {
                // A name with dots may lead into objects.
                name.split('.').all(|part| text.contains(part)) || text.contains("\\u")
            }
            Self::Text { written: None, .. } | Self::Pattern(_) | Self::Level(..) | Self::Side(..) | Self::Task(..) => {
                true
            }
        }
    }

    /// What is marked where it holds.
    pub(super) fn marks(&self) -> Option<&Regex> {
        match self {
            Self::Text { pattern, .. } | Self::Pattern(pattern) => Some(pattern),
            Self::Field { .. } | Self::Level(..) | Self::Side(..) | Self::Task(..) => None,
        }
    }
}

impl Wanted {
    fn holds(&self, value: &Value<'_>) -> bool {
        match self {
            Self::Same(equality, same) => equality.holds(same.is(value)),
            Self::Number(comparison, wanted) => value.number().is_some_and(|found| comparison.holds(&found, wanted)),
            Self::Pattern(equality, pattern) => equality.holds(pattern.is_match(value.shown())),
        }
    }
}
