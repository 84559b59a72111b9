//! Why a scenario cannot be used.

use std::ops::Range;
use std::path::PathBuf;

use crate::document::{Document, Place, nearest};

/// Why a scenario cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// There is no scenario of that name.
    #[error("no scenario `{name}`{}; known are {known}", did_you_mean(.suggestion.as_deref()))]
    Unknown {
        /// What was asked for.
        name: String,
        /// The nearest name.
        suggestion: Option<String>,
        /// All names.
        known: String,
    },
    /// The file cannot be read.
    #[error("cannot read scenario {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text is not a scenario.
    #[error("{file}:{line}:{column}: {message}{}", did_you_mean(.suggestion.as_deref()))]
    Invalid {
        /// The file, or the name of a scenario that comes with the program.
        file: String,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What is wrong.
        message: String,
        /// The nearest name that would have been right.
        suggestion: Option<String>,
    },
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map(|name| format!(", did you mean `{name}`?")).unwrap_or_default()
}

impl ScenarioError {
    /// A TOML error with its place and, for a name that is nearly right, the right one.
    pub(super) fn invalid(file: &str, text: &str, error: &toml::de::Error) -> Self {
        let message = error.message().lines().next().unwrap_or_default();
        let mut quoted = message.split('`').skip(1).step_by(2);
        let suggestion = match quoted.next() {
            Some(wrong) if message.starts_with("unknown ") => nearest(wrong, quoted).map(str::to_owned),
            _ => None,
        };
        Self::at(file, text, &error.span().unwrap_or_default(), message.to_owned(), suggestion)
    }

    /// An error about the first line that sets `key`.
    pub(super) fn at_key(file: &str, text: &str, key: &str, message: String) -> Self {
        let offset = text.match_indices(key).map(|(at, _)| at).find(|&at| starts_line(text, at)).unwrap_or(0);
        Self::at(file, text, &(offset..offset), message, None)
    }

    fn at(file: &str, text: &str, spot: &Range<usize>, message: String, suggestion: Option<String>) -> Self {
        let Place { file, line, column } = Document { name: file, text }.place(spot);
        Self::Invalid { file, line, column, message, suggestion }
    }
}

fn starts_line(text: &str, at: usize) -> bool {
    text.get(..at).is_some_and(|before| before.is_empty() || before.ends_with('\n') || before.ends_with('['))
}
