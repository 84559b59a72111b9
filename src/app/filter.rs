//! Which log lines are shown.

use regex::{Regex, RegexBuilder};

use crate::domain::ids::Side;
use crate::domain::log::{Level, LogLine};

/// A compiled pattern takes at most this many bytes.
const PATTERN_LIMIT: usize = 1 << 20;

/// A filter over log lines: by text, side and level. The text is searched for as it stands; after `~` it is a regular
/// expression, and after `!` lines with it are left out (`!~` does both). Without capitals, case does not matter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    text: String,
    pattern: Option<Regex>,
    is_inverted: bool,
    side: Option<Side>,
    level: Floor,
}

/// The least loud level let through; the default lets everything through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Floor(Level);

impl Default for Floor {
    fn default() -> Self {
        Self(Level::Debug)
    }
}

/// A regular expression that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a regular expression: {reason}; leave out ~ to search for the text as it stands")]
pub struct PatternError {
    /// What is wrong with it, in one line.
    pub reason: String,
}

impl Filter {
    /// This filter with another text.
    ///
    /// # Errors
    /// A regular expression that does not compile.
    pub fn with_text(mut self, text: &str) -> Result<Self, PatternError> {
        let (is_inverted, wanted) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let expression = match wanted.strip_prefix('~') {
            Some(expression) => expression.to_owned(),
            None => regex::escape(wanted),
        };
        self.pattern = if expression.is_empty() { None } else { Some(compile(&expression)?) };
        self.is_inverted = is_inverted && self.pattern.is_some();
        self.text = text.to_owned();
        Ok(self)
    }

    /// This filter for one side, or for both and for lines of neither.
    #[must_use]
    pub fn on(mut self, side: Option<Side>) -> Self {
        self.side = side;
        self
    }

    /// This filter for lines at least this loud.
    #[must_use]
    pub fn at_least(mut self, level: Level) -> Self {
        self.level = Floor(level);
        self
    }

    /// The text as typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The side shown, if only one is.
    pub fn side(&self) -> Option<Side> {
        self.side
    }

    /// The least loud level shown.
    pub fn level(&self) -> Level {
        self.level.0
    }

    /// Whether every line is let through.
    pub fn is_open(&self) -> bool {
        self.pattern.is_none() && self.side.is_none() && self.level() == Level::Debug
    }

    /// Whether `line` is let through.
    pub fn lets_through(&self, line: &LogLine) -> bool {
        line.level >= self.level()
            && self.side.is_none_or(|side| line.side == Some(side))
            && self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(&line.text) != self.is_inverted)
    }

    /// Byte ranges of `text` that the filter was looking for.
    pub fn hits<'a>(&'a self, text: &'a str) -> impl Iterator<Item = std::ops::Range<usize>> + 'a {
        let pattern = self.pattern.as_ref().filter(|_| !self.is_inverted);
        pattern.into_iter().flat_map(|pattern| pattern.find_iter(text)).map(|hit| hit.range())
    }
}

fn compile(expression: &str) -> Result<Regex, PatternError> {
    let has_capitals = expression.chars().any(char::is_uppercase);
    RegexBuilder::new(expression).case_insensitive(!has_capitals).size_limit(PATTERN_LIMIT).build().map_err(|error| {
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default().trim();
        PatternError { reason: last.strip_prefix("error: ").unwrap_or(last).to_owned() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    fn line(side: Option<Side>, level: Level, text: &str) -> LogLine {
        LogLine { at: Timestamp::default(), component: None, side, task: String::new(), level, text: text.to_owned() }
    }

    fn passes(text: &str, line_text: &str) -> bool {
        Filter::default().with_text(text).unwrap().lets_through(&line(None, Level::Info, line_text))
    }

    #[test]
    fn text_is_searched_for_as_it_stands_and_case_counts_only_when_typed() {
        assert!(passes("get /a.b", "GET /a.b HTTP/1.1"));
        assert!(!passes("get /a.b", "GET /aXb"));
        assert!(!passes("Get", "GET"));
        assert!(passes("", "anything"));
    }

    #[test]
    fn a_tilde_makes_it_a_pattern_and_a_bang_turns_it_round() {
        assert!(passes("~time.*out", "timed out"));
        assert!(!passes("!healthz", "GET /healthz"));
        assert!(passes("!~^GET", "POST /"));
        assert!(passes("!", "everything while nothing is typed yet"));
    }

    #[test]
    fn side_and_level_count_together() {
        let filter = Filter::default().on(Some(Side::Green)).at_least(Level::Warn);
        assert!(filter.lets_through(&line(Some(Side::Green), Level::Error, "")));
        assert!(!filter.lets_through(&line(Some(Side::Green), Level::Info, "")));
        assert!(!filter.lets_through(&line(Some(Side::Blue), Level::Error, "")));
        assert!(!filter.lets_through(&line(None, Level::Error, "")));
        assert!(Filter::default().lets_through(&line(None, Level::Debug, "")));
    }

    #[test]
    fn a_broken_pattern_says_what_is_wrong_with_it() {
        let error = Filter::default().with_text("~(a").unwrap_err();
        assert_eq!(
            error.to_string(),
            "not a regular expression: unclosed group; leave out ~ to search for the text as it stands"
        );
    }

    #[test]
    fn hits_are_found_in_place_and_never_for_an_inverted_filter() {
        let filter = Filter::default().with_text("o").unwrap();
        assert_eq!(filter.hits("foo").collect::<Vec<_>>(), [1..2, 2..3]);
        assert_eq!(Filter::default().with_text("!o").unwrap().hits("foo").count(), 0);
    }
}
