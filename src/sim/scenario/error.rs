//! Why a scenario cannot be used.

use std::path::PathBuf;

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
