//! The log lines held for the screen: bounded, filtered as they come, and scrolled by what is being read.

mod bits;
mod page;
mod store;

use std::sync::Arc;

use super::filter::Filter;
use super::scroll::{Anchor, Extent};
use crate::domain::log::{LineRef, LogLine};
use crate::domain::time::Timestamp;
use crate::engine::handle::LogBatch;
use store::{Store, Which};

/// Lines held at least, as long as their bytes allow it: some hours of a busy service. Older ones go by the page, some
/// hundred at a time.
pub const MOST_LINES: usize = 200_000;

/// Bytes held at most, packed, so that a service which logs whole documents cannot fill the memory. 200 000 lines of a
/// usual request log take half of it.
pub const MOST_BYTES: usize = 10 * 1024 * 1024;

/// Bytes that are searched before keys are looked at again: about two milliseconds' work.
const SLICE: usize = 256 * 1024;

/// Lines pinned at most.
pub const MOST_PINS: usize = 5;

/// The log lines, which of them are shown, and where the reader is.
#[derive(Clone, Debug, Default)]
pub struct LogPane {
    store: Store,
    filter: Filter,
    /// Where the reader is: the number of the line at the top, unless the newest are followed.
    anchor: Anchor,
    /// The line that is selected, or that a jump has led to.
    pub marked: Option<u64>,
    /// Lines that stay in sight, oldest first.
    pub pins: Vec<Arc<LogLine>>,
    /// Lines that never came because this side was too slow.
    pub lost: u64,
    /// Lines that came and have been let go.
    pub gone: u64,
    /// Long lines take several rows.
    pub wrap: bool,
    /// How moments are written.
    pub stamps: Stamps,
    /// Columns scrolled to the right while lines are cut.
    pub shift: usize,
    /// Rows that the last picture had for lines.
    pub rows: usize,
}

/// How moments are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stamps {
    /// In the reader's time zone.
    #[default]
    Local,
    /// In UTC.
    Utc,
    /// As time since the release began.
    Relative,
}

impl Stamps {
    /// The next of them, round and round.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Local => Self::Utc,
            Self::Utc => Self::Relative,
            Self::Relative => Self::Local,
        }
    }
}

/// Which way to look from where the reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Towards {
    /// Newer lines.
    Newer,
    /// Older lines.
    Older,
}

/// What is jumped to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landmark {
    /// Lines that tell of errors.
    Error,
    /// Lines that what is looked for was found in; any line when nothing is looked for.
    Hit,
}

impl LogPane {
    /// Takes new lines, and lets the oldest go once there are too many.
    pub fn take(&mut self, batch: LogBatch) {
        self.lost = self.lost.saturating_add(batch.dropped);
        for line in batch.lines {
            self.store.push(line.by_ref(), &self.filter);
            let gone = self.store.let_go(MOST_LINES, MOST_BYTES);
            if gone > 0 {
                self.gone = self.gone.saturating_add(gone as u64);
                self.marked = self.marked.filter(|number| *number >= self.store.first());
            }
        }
    }

    /// The filter in force.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Shows what `filter` lets through, once it has been looked for: [`Self::search`] goes on until it has. A reader who has
    /// scrolled back stays at the line that is at the top, or at the next one that is still shown.
    pub fn set_filter(&mut self, filter: Filter) {
        // What is at the top stays there even where the anchor was beyond the last full screen.
        self.anchor = match self.anchor {
            Anchor::Follow => Anchor::Follow,
            Anchor::Line(_) => self.number_at(self.top()).map_or(self.anchor, Anchor::Line),
        };
        self.filter = filter;
        self.store.forget_found(&self.filter);
        self.search();
    }

    /// Searches some of the lines that have not been; whether any are left.
    pub fn search(&mut self) -> bool {
        let reader = match self.anchor {
            Anchor::Follow => self.marked,
            Anchor::Line(number) => Some(number),
        };
        let has_more = self.store.search(&self.filter, reader, SLICE);
        if !has_more {
            self.marked = self.marked.filter(|number| self.store.is(Which::Shown, *number));
        }
        has_more
    }

    /// How many lines have still to be searched.
    pub fn unsearched(&self) -> usize {
        self.store.unsearched_len()
    }

    /// How many lines are held.
    pub fn len(&self) -> usize {
        self.store.len()
    }

    /// Whether no line has come yet, or none is left.
    pub fn is_empty(&self) -> bool {
        self.store.len() == 0
    }

    /// How many lines the filter lets through.
    pub fn shown_len(&self) -> usize {
        self.store.count(Which::Shown)
    }

    /// How many lines what is looked for was found in, and which of them the marked one is, counted from one.
    pub fn hits(&self) -> (usize, Option<usize>) {
        let which = self.marked.filter(|number| self.store.is(Which::Hit, *number));
        (self.store.count(Which::Hit), which.map(|number| self.store.rank(Which::Hit, number) + 1))
    }

    /// Bytes that the held lines take, about.
    pub fn bytes(&self) -> usize {
        self.store.bytes()
    }

    /// The line of this number, if it is still held.
    pub fn line(&self, number: u64) -> Option<Arc<LogLine>> {
        self.store.line(number)
    }

    /// The lines let through from this place on, with their numbers.
    pub fn shown_from(&self, place: usize) -> impl Iterator<Item = (u64, Arc<LogLine>)> + '_ {
        self.store.numbers_from(Which::Shown, place).filter_map(|number| Some((number, self.line(number)?)))
    }

    /// Number and text of the line at this place among those let through.
    pub fn shown_at(&self, place: usize) -> Option<(u64, Arc<LogLine>)> {
        self.shown_from(place).next()
    }

    /// Every line that is let through, oldest first.
    pub fn each_shown(&self, each: impl FnMut(LineRef<'_>)) {
        self.store.each_shown(each);
    }

    /// Whether the newest lines are followed.
    pub fn is_following(&self) -> bool {
        self.anchor == Anchor::Follow
    }

    /// The place of the line at the top of a screen of `rows`.
    pub fn top_of(&self, rows: usize) -> usize {
        let last = self.shown_len().saturating_sub(rows);
        match self.anchor {
            Anchor::Follow => last,
            Anchor::Line(number) => self.store.rank(Which::Shown, number).min(last),
        }
    }

    /// The place of the line at the top.
    pub fn top(&self) -> usize {
        self.top_of(self.rows)
    }

    /// How many lines are hidden below the screen: those not yet read while scrolled back.
    pub fn below(&self) -> usize {
        self.shown_len().saturating_sub(self.rows).saturating_sub(self.top())
    }

    fn extent(&self) -> Extent {
        Extent { first: 0, len: self.shown_len(), height: self.rows }
    }

    fn number_at(&self, place: usize) -> Option<u64> {
        self.store.number_at(Which::Shown, place)
    }

    /// Where the reader is, by place among the lines let through.
    fn places(&self) -> Anchor {
        match self.anchor {
            Anchor::Follow => Anchor::Follow,
            Anchor::Line(_) => Anchor::Line(self.top() as u64),
        }
    }

    fn go(&mut self, to: Anchor) {
        self.anchor = match to {
            Anchor::Follow => Anchor::Follow,
            Anchor::Line(place) => {
                let number = usize::try_from(place).ok().and_then(|place| self.number_at(place));
                Anchor::Line(number.unwrap_or_else(|| self.store.first()))
            }
        };
    }

    /// Scrolls by so many lines; what is selected moves along.
    pub fn scroll(&mut self, lines: isize) {
        self.go(self.places().by(lines, self.extent()));
        if self.marked.is_some() && !self.is_following() {
            self.select_by(lines);
        } else if self.is_following() {
            self.marked = None;
        }
    }

    /// Selects the line so many lines further on, the lowest in sight when none is selected. Going on beyond the last line
    /// follows again.
    pub fn step(&mut self, lines: isize) {
        if self.marked.is_none() {
            if self.is_following() && lines > 0 {
                return;
            }
            let last = self.top().saturating_add(self.rows.max(1)).min(self.shown_len()).checked_sub(1);
            self.marked = last.and_then(|place| self.number_at(place));
            self.hold();
            return;
        }
        let place = self.marked.map_or(0, |number| self.store.rank(Which::Shown, number));
        if lines > 0 && place.saturating_add_signed(lines) >= self.shown_len() {
            self.follow();
        } else {
            self.select_by(lines);
        }
    }

    fn select_by(&mut self, lines: isize) {
        let Some(number) = self.marked else { return };
        let last = self.shown_len().saturating_sub(1);
        let place = self.store.rank(Which::Shown, number).saturating_add_signed(lines).min(last);
        self.marked = self.number_at(place);
        let held = match self.places() {
            Anchor::Follow => Anchor::at(self.top(), self.extent()),
            anchor @ Anchor::Line(_) => anchor,
        };
        self.go(held.showing(place, self.extent()));
    }

    /// Holds what is on the screen.
    fn hold(&mut self) {
        self.go(Anchor::at(self.top(), self.extent()));
    }

    /// To the oldest line.
    pub fn to_top(&mut self) {
        self.go(Anchor::at(0, self.extent()));
        self.marked = None;
    }

    /// Follows the newest line.
    pub fn follow(&mut self) {
        self.anchor = Anchor::Follow;
        self.marked = None;
    }

    /// Follows, or holds what is on the screen now.
    pub fn toggle_follow(&mut self) {
        if self.is_following() { self.hold() } else { self.follow() }
    }

    /// Pins the selected line, or lets it go if it is pinned; whether there is one. The oldest pin gives way to one too many.
    pub fn toggle_pin(&mut self) -> bool {
        let Some(line) = self.marked.and_then(|number| self.line(number)) else { return false };
        let before = self.pins.len();
        self.pins.retain(|pin| **pin != *line);
        if self.pins.len() == before {
            self.pins.push(line);
            let over = self.pins.len().saturating_sub(MOST_PINS);
            self.pins.drain(..over);
        }
        true
    }

    /// Jumps to the nearest such line this way; whether there is one. A reader who follows is led to the newest one, whichever
    /// way is asked for.
    pub fn jump(&mut self, towards: Towards, to: Landmark) -> bool {
        let which = match to {
            Landmark::Error => Which::Error,
            Landmark::Hit if self.filter.searches() => Which::Hit,
            Landmark::Hit => Which::Shown,
        };
        let count = self.store.count(which);
        let at_top = self.number_at(self.top()).unwrap_or_else(|| self.store.first());
        let found = match (towards, self.marked) {
            (Towards::Newer, None) if self.is_following() => count.checked_sub(1),
            (Towards::Newer, from) => {
                Some(from.map_or_else(|| self.store.rank(which, at_top), |from| self.store.rank(which, from + 1)))
            }
            (Towards::Older, from) => {
                let below = self.number_at(self.top().saturating_add(self.rows));
                let from = from.or(below);
                from.map_or(count, |from| self.store.rank(which, from)).checked_sub(1)
            }
        };
        let Some(number) = found.and_then(|nth| self.store.number_at(which, nth)) else { return false };
        self.show(number);
        true
    }

    /// Shows the minute of `at`; whether any line of then, or later, is held.
    pub fn show_time(&mut self, at: Timestamp) -> bool {
        let Some(number) = self.store.number_since(at) else { return false };
        self.marked = Some(number);
        self.go(Anchor::at(self.store.rank(Which::Shown, number), self.extent()));
        true
    }

    /// Marks this line and holds the screen so that it is in sight, with a third of the screen above it when that moves.
    fn show(&mut self, number: u64) {
        self.marked = Some(number);
        let (place, top) = (self.store.rank(Which::Shown, number), self.top());
        let is_in_sight = (top..top.saturating_add(self.rows)).contains(&place);
        self.go(Anchor::at(if is_in_sight { top } else { place.saturating_sub(self.rows / 3) }, self.extent()));
    }
}

#[cfg(test)]
mod tests;
