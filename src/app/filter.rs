//! Which log lines are shown, and which of them are hits.

mod query;
mod test;

pub use query::{Query, QueryError};

use std::borrow::Cow;
use std::ops::Range;

use crate::domain::ids::Side;
use crate::domain::log::reading::read;
use crate::domain::log::{Level, LineRef};

/// A filter over log lines: by what is typed, by side and by level. docs/logs.md has the language.
#[derive(Clone, Debug)]
pub struct Filter {
    query: Query,
    whose: Whose,
    level: Level,
    showing: Showing,
}

/// Whose lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Whose {
    /// Everybody's.
    #[default]
    All,
    /// One side's.
    Of(Side),
    /// Of tasks that belong to neither side.
    Other,
}

/// What is done with lines that are no hits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Showing {
    /// They are hidden.
    #[default]
    Hits,
    /// They are shown, too: hits are marked and jumped to.
    Everything,
}

impl Showing {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Hits => Self::Everything,
            Self::Everything => Self::Hits,
        }
    }
}

/// What a filter says of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not shown.
    Hidden,
    /// It is shown.
    Shown,
    /// It is shown, and what was looked for was found in it.
    Hit,
}

impl Default for Filter {
    fn default() -> Self {
        Self { query: Query::default(), whose: Whose::All, level: Level::Debug, showing: Showing::Hits }
    }
}

impl Whose {
    /// Whether a line of `side` is one of these.
    pub fn has(self, side: Option<Side>) -> bool {
        match self {
            Self::All => true,
            Self::Of(wanted) => side == Some(wanted),
            Self::Other => side.is_none(),
        }
    }
}

impl Filter {
    /// This filter with another text.
    ///
    /// # Errors
    /// A text that the language does not have, with the place and the remedy.
    pub fn with_text(mut self, text: &str) -> Result<Self, QueryError> {
        self.query = text.parse()?;
        Ok(self)
    }

    /// This filter for other lines by side.
    #[must_use]
    pub fn on(mut self, whose: Whose) -> Self {
        self.whose = whose;
        self
    }

    /// This filter for lines at least this loud.
    #[must_use]
    pub fn at_least(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// This filter with lines that are no hits hidden or shown.
    #[must_use]
    pub fn showing(mut self, showing: Showing) -> Self {
        self.showing = showing;
        self
    }

    /// The text as typed.
    pub fn text(&self) -> &str {
        self.query.text()
    }

    /// Whose lines are shown.
    pub fn whose(&self) -> Whose {
        self.whose
    }

    /// The least loud level shown.
    pub fn level(&self) -> Level {
        self.level
    }

    /// What is done with lines that are no hits.
    pub fn shows(&self) -> Showing {
        self.showing
    }

    /// Whether every line is let through and nothing is looked for.
    pub fn is_open(&self) -> bool {
        !self.searches() && self.whose == Whose::All && self.level == Level::Debug
    }

    /// Whether anything is looked for.
    pub fn searches(&self) -> bool {
        !self.query.is_empty()
    }

    /// What becomes of `line`.
    pub fn verdict(&self, line: LineRef<'_>) -> Verdict {
        if self.hides(line) {
            Verdict::Hidden
        } else if !self.searches() {
            Verdict::Shown
        } else if self.query.finds(line) {
            Verdict::Hit
        } else {
            self.of_others()
        }
    }

    /// What becomes of a line among which [`Self::may_hit`] has said that there is no hit.
    pub fn verdict_without_hit(&self, line: LineRef<'_>) -> Verdict {
        if self.hides(line) { Verdict::Hidden } else { self.of_others() }
    }

    /// Whether there may be a hit among lines whose texts stand together in `text`: a quick look before a thorough one.
    pub fn may_hit(&self, text: &str) -> bool {
        self.query.may_find(text)
    }

    /// Byte ranges of what people read of a line that were looked for, from left to right.
    pub fn hits(&self, shown: &str) -> Vec<Range<usize>> {
        self.query.hits(shown)
    }

    fn hides(&self, line: LineRef<'_>) -> bool {
        line.level < self.level || !self.whose.has(line.side)
    }

    fn of_others(&self) -> Verdict {
        match self.showing {
            Showing::Hits => Verdict::Hidden,
            Showing::Everything => Verdict::Shown,
        }
    }
}

/// A line whose reading is made when somebody asks for it, once.
struct Looked<'a> {
    line: LineRef<'a>,
    shown: Option<Cow<'a, str>>,
}

impl Looked<'_> {
    fn shown(&mut self) -> &str {
        let line = self.line;
        self.shown.get_or_insert_with(|| read(line.text))
    }
}

#[cfg(test)]
mod tests;
