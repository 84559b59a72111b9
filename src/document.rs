//! Strict reading of the program's TOML documents: every mistake is told with its place and the nearest right name.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use jiff::fmt::friendly::SpanParser;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A place in a document, counted from one; columns count characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The document's name, as its reader knows it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A document that is not TOML, or not of the shape that its reader expects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Not TOML at all.
    #[error("{place}: {message}")]
    Syntax {
        /// Where the parser gave up.
        place: Place,
        /// What it said.
        message: String,
    },
    /// A value of the wrong kind.
    #[error("{place}: expected {expected}, found {found}")]
    Kind {
        /// Where the value stands.
        place: Place,
        /// What belongs there.
        expected: &'static str,
        /// What is there, in TOML's words.
        found: &'static str,
    },
}

/// The text of a document with the name under which its mistakes are reported.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// A file name or a built-in's name.
    pub name: &'a str,
    /// The TOML text.
    pub text: &'a str,
}

impl<'a> Document<'a> {
    /// The document's top-level table.
    pub fn table(&self) -> Result<DeTable<'a>, DocumentError> {
        DeTable::parse(self.text).map(Spanned::into_inner).map_err(|error| DocumentError::Syntax {
            place: self.place(&error.span().unwrap_or_default()),
            message: error.message().to_owned(),
        })
    }

    /// `value` as a table, or what it is instead.
    pub fn as_table<'v>(&self, value: &'v Spanned<DeValue<'a>>) -> Result<&'v DeTable<'a>, DocumentError> {
        value.get_ref().as_table().ok_or_else(|| self.wrong_kind(value, "a table"))
    }

    /// `value` as a string, or what it is instead.
    pub fn as_str<'v>(&self, value: &'v Spanned<DeValue<'a>>) -> Result<&'v str, DocumentError> {
        value.get_ref().as_str().ok_or_else(|| self.wrong_kind(value, "a string"))
    }

    /// The error for a value of the wrong kind.
    pub fn wrong_kind(&self, value: &Spanned<DeValue<'_>>, expected: &'static str) -> DocumentError {
        DocumentError::Kind { place: self.place(&value.span()), expected, found: value.get_ref().type_str() }
    }

    /// Where a span of bytes begins.
    pub fn place(&self, span: &Range<usize>) -> Place {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place {
            file: self.name.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        }
    }
}

/// The name that `wrong` is most likely a slip of, if any is near enough: one letter in three may be wrong.
pub fn nearest<'n>(wrong: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let wrong = wrong.to_lowercase();
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&wrong, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// No span in a document is longer: a longer one is a slip.
const LONGEST: Duration = Duration::from_hours(31 * 24);

/// A span as people write it, such as `90s`, `5m`, `1h30m` or `2 minutes`: at most 31 days, to the millisecond.
/// `None` when it is none.
pub fn span(text: &str) -> Option<Duration> {
    let text = text.trim();
    // ISO 8601 and `ago` would be read as well, but nobody reads them here.
    let span = SpanParser::new().parse_unsigned_duration(text).ok().filter(|_| !text.starts_with(['P', '-', '+']))?;
    (span <= LONGEST && span.subsec_nanos().is_multiple_of(1_000_000)).then_some(span)
}

/// How old something is or may be: a span, or whole days such as `90d`, at most ten years. `None` when it is neither.
pub fn age(text: &str) -> Option<Duration> {
    let days = text.trim().strip_suffix('d').and_then(|days| days.trim_end().parse::<u32>().ok());
    match days {
        Some(days) => (days <= 3_650).then(|| Duration::from_hours(24) * days),
        None => span(text),
    }
}

/// The end of a message about a wrong name: `; did you mean "promote"?`, or nothing when no name is near.
pub fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean \"{name}\"?")).unwrap_or_default()
}

/// Declares an enum whose variants are named in documents: each has a stable name and a one-line description.
macro_rules! named {
    ($(#[$meta:meta])* $kind:ident { $($variant:ident $name:literal $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $kind {
            $(#[doc = $text] $variant,)+
        }

        impl $kind {
            /// Every one of them, in the order of the declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name used in files and documentation.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// One line for help and documentation.
            pub const fn describe(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// The one that goes by `name`.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == name)
            }
        }

        impl ::std::fmt::Display for $kind {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}
pub(crate) use named;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let document = Document { name: "keys.toml", text: "a = 1\né = 2\n" };
        assert_eq!(document.place(&(0..1)).to_string(), "keys.toml:1:1");
        assert_eq!(document.place(&(9..10)).to_string(), "keys.toml:2:3");
        assert_eq!(document.place(&(99..100)).to_string(), "keys.toml:3:1");
    }

    #[test]
    fn broken_toml_is_told_with_its_place() {
        let error = Document { name: "t.toml", text: "a = 1\nb = = 2\n" }.table().unwrap_err();
        assert!(error.to_string().starts_with("t.toml:2:5: "), "{error}");
    }

    #[test]
    fn spans_are_read_as_they_are_written() {
        let millis = |text| span(text).map(|span| span.as_millis());
        assert_eq!(millis("250ms"), Some(250));
        assert_eq!(millis("1m30s"), Some(90_000));
        assert_eq!(millis("1.5h"), Some(5_400_000));
        for wrong in ["", "5", "s", "5x", "-5s", "1e400s", "PT5S", "5s ago", "32d"] {
            assert_eq!(millis(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn ages_may_be_whole_days() {
        assert_eq!(age("90d"), Some(Duration::from_hours(90 * 24)));
        assert_eq!(age("12h"), Some(Duration::from_hours(12)));
        for wrong in ["3651d", "-1d", "1.5 days of rest", "d", "2400h"] {
            assert_eq!(age(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_a_name_that_is_near_is_offered() {
        let names = ["promote", "pause", "rollback"];
        assert_eq!(nearest("promtoe", names), Some("promote"));
        assert_eq!(nearest("roll-back", names), Some("rollback"));
        assert_eq!(nearest("xyz", names), None);
    }
}
