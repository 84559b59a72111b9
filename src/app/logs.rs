//! The log lines held for the screen: bounded, filtered as they come, and scrolled by what is being read.

use std::collections::VecDeque;

use super::filter::Filter;
use super::scroll::{Anchor, Extent};
use crate::domain::log::{Level, LogLine};
use crate::domain::time::Timestamp;
use crate::engine::handle::LogBatch;

/// Lines held at most: an hour of a busy service, at the price of a few megabytes.
pub const MOST_LINES: usize = 50_000;

/// Bytes held at most, so that a service which logs whole documents cannot fill the memory.
pub const MOST_BYTES: usize = 13 * 1024 * 1024;

/// The log lines, which of them are shown, and where the reader is.
#[derive(Clone, Debug, Default)]
pub struct LogPane {
    lines: VecDeque<LogLine>,
    /// Number of the oldest line held.
    first: u64,
    bytes: usize,
    /// Numbers of the lines that the filter lets through, oldest first.
    shown: VecDeque<u64>,
    /// How many lines were let through before the oldest of `shown`.
    shown_first: u64,
    filter: Filter,
    /// Where the reader is, in places among the lines let through.
    pub anchor: Anchor,
    /// The line that a jump has led to.
    pub marked: Option<u64>,
    /// Lines that never came because this side was too slow.
    pub lost: u64,
    /// Long lines take several rows.
    pub wrap: bool,
    /// Columns scrolled to the right while lines are cut.
    pub shift: usize,
    /// Rows that the last picture had for lines.
    pub rows: usize,
}

/// Which way to look from where the reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Towards {
    /// Newer lines.
    Newer,
    /// Older lines.
    Older,
}

impl LogPane {
    /// Takes new lines, and lets the oldest go once there are too many.
    pub fn take(&mut self, batch: LogBatch) {
        self.lost = self.lost.saturating_add(batch.dropped);
        for line in batch.lines {
            if self.filter.lets_through(&line) {
                self.shown.push_back(self.first.saturating_add(self.lines.len() as u64));
            }
            self.bytes = self.bytes.saturating_add(weight(&line));
            self.lines.push_back(line);
            while self.lines.len() > MOST_LINES || (self.bytes > MOST_BYTES && self.lines.len() > 1) {
                self.let_go();
            }
        }
    }

    fn let_go(&mut self) {
        let Some(line) = self.lines.pop_front() else { return };
        self.bytes = self.bytes.saturating_sub(weight(&line));
        self.first = self.first.saturating_add(1);
        while self.shown.front().is_some_and(|number| *number < self.first) {
            self.shown.pop_front();
            self.shown_first = self.shown_first.saturating_add(1);
        }
        self.marked = self.marked.filter(|number| *number >= self.first);
    }

    /// The filter in force.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Shows what `filter` lets through. A reader who has scrolled back stays at the line that is at the top, or at the
    /// next one that is still shown.
    pub fn set_filter(&mut self, filter: Filter) {
        let top = match self.anchor {
            Anchor::Follow => None,
            Anchor::Line(_) => self.number_at(self.anchor.top(self.extent())),
        };
        self.filter = filter;
        self.shown = (self.first..)
            .zip(&self.lines)
            .filter(|(_, line)| self.filter.lets_through(line))
            .map(|(number, _)| number)
            .collect();
        self.shown_first = 0;
        if let Some(top) = top {
            self.anchor = Anchor::at(self.place_of(top), self.extent());
        }
        self.marked = self.marked.filter(|number| self.shown.binary_search(number).is_ok());
    }

    /// The lines let through, as far as scrolling is concerned.
    pub fn extent(&self) -> Extent {
        Extent { first: self.shown_first, len: self.shown.len(), height: self.rows }
    }

    /// How many lines are held.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether no line has come yet, or none is left.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many lines the filter lets through.
    pub fn shown_len(&self) -> usize {
        self.shown.len()
    }

    /// Bytes that the held lines take, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Number and text of the line at this place among those let through.
    pub fn shown_at(&self, place: usize) -> Option<(u64, &LogLine)> {
        let number = self.number_at(place)?;
        Some((number, self.line(number)?))
    }

    /// The line of this number, if it is still held.
    pub fn line(&self, number: u64) -> Option<&LogLine> {
        self.lines.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    fn number_at(&self, place: usize) -> Option<u64> {
        self.shown.get(place).copied()
    }

    /// The place of the line of this number, or of the first one after it.
    fn place_of(&self, number: u64) -> usize {
        self.shown.partition_point(|shown| *shown < number)
    }

    /// Scrolls by so many lines.
    pub fn scroll(&mut self, lines: isize) {
        self.anchor = self.anchor.by(lines, self.extent());
    }

    /// To the oldest line.
    pub fn to_top(&mut self) {
        self.anchor = Anchor::at(0, self.extent());
    }

    /// Follows the newest line.
    pub fn follow(&mut self) {
        self.anchor = Anchor::Follow;
        self.marked = None;
    }

    /// Follows, or holds what is on the screen now.
    pub fn toggle_follow(&mut self) {
        match self.anchor {
            Anchor::Follow => self.anchor = Anchor::at(self.anchor.top(self.extent()), self.extent()),
            Anchor::Line(_) => self.follow(),
        }
    }

    /// Jumps to the nearest shown line this way that is at least this loud; whether there is one. A reader who follows
    /// is led to the newest one, whichever way is asked for.
    pub fn jump(&mut self, towards: Towards, at_least: Level) -> bool {
        let is_loud = |place: &usize| self.shown_at(*place).is_some_and(|(_, line)| line.level >= at_least);
        let from = self.marked.map(|number| self.place_of(number));
        let top = self.anchor.top(self.extent());
        let is_following = self.anchor == Anchor::Follow && from.is_none();
        let found = match towards {
            Towards::Newer if is_following => (0..self.shown.len()).rev().find(is_loud),
            Towards::Newer => (from.map_or(top, |place| place.saturating_add(1))..self.shown.len()).find(is_loud),
            Towards::Older => {
                let from = from.unwrap_or_else(|| top.saturating_add(self.rows).min(self.shown.len()));
                (0..from).rev().find(is_loud)
            }
        };
        let Some(place) = found else { return false };
        self.marked = self.number_at(place);
        self.hold_at(place);
        true
    }

    /// Shows the minute of `at`; whether any line of then, or later, is held.
    pub fn show_time(&mut self, at: Timestamp) -> bool {
        let found = (0..self.shown.len()).find(|place| self.shown_at(*place).is_some_and(|(_, line)| line.at >= at));
        let Some(place) = found else { return false };
        self.marked = self.number_at(place);
        self.anchor = Anchor::at(place, self.extent());
        true
    }

    /// Holds the screen so that the line of this place is on it, with a third of the screen above it when it moves.
    fn hold_at(&mut self, place: usize) {
        let extent = self.extent();
        let top = self.anchor.top(extent);
        let is_in_sight = (top..top.saturating_add(self.rows)).contains(&place);
        self.anchor = Anchor::at(if is_in_sight { top } else { place.saturating_sub(self.rows / 3) }, extent);
    }
}

fn weight(line: &LogLine) -> usize {
    size_of::<LogLine>() + line.text.len() + line.task.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(texts: impl IntoIterator<Item = (Level, String)>) -> LogBatch {
        let line = |(level, text): (Level, String)| LogLine {
            at: Timestamp::from_secs(0),
            component: None,
            side: None,
            task: "7c1f".to_owned(),
            level,
            text,
        };
        LogBatch { lines: texts.into_iter().map(line).collect(), dropped: 0 }
    }

    fn numbered(range: std::ops::Range<usize>) -> LogBatch {
        batch(range.map(|number| (if number % 10 == 3 { Level::Error } else { Level::Info }, format!("line {number}"))))
    }

    fn top_text(pane: &LogPane) -> String {
        pane.shown_at(pane.anchor.top(pane.extent())).unwrap().1.text.clone()
    }

    fn pane(lines: usize) -> LogPane {
        let mut pane = LogPane { rows: 5, ..LogPane::default() };
        pane.take(numbered(0..lines));
        pane
    }

    #[test]
    fn what_is_read_does_not_move_under_a_flood_until_it_is_gone() {
        let mut pane = pane(100);
        pane.scroll(-20);
        assert_eq!(top_text(&pane), "line 75");
        pane.take(numbered(100..MOST_LINES));
        assert_eq!(top_text(&pane), "line 75");
        assert_eq!(pane.anchor.below(pane.extent()), MOST_LINES - 80);
        pane.take(numbered(MOST_LINES..MOST_LINES + 60));
        assert_eq!(top_text(&pane), "line 75");
        pane.take(numbered(0..100));
        assert_eq!(top_text(&pane), "line 160", "the oldest line held takes its place");
        assert_eq!(pane.len(), MOST_LINES);
    }

    #[test]
    fn bytes_are_bounded_as_well_as_lines() {
        let mut pane = LogPane::default();
        pane.take(batch((0..40).map(|_| (Level::Info, "x".repeat(1024 * 1024)))));
        assert!(pane.bytes() <= MOST_BYTES, "{}", pane.bytes());
        assert!((11..=12).contains(&pane.len()), "{}", pane.len());
    }

    #[test]
    fn filtering_keeps_the_reader_at_the_line_being_read() {
        let mut pane = pane(100);
        pane.scroll(-30);
        assert_eq!(top_text(&pane), "line 65");
        pane.set_filter(Filter::default().at_least(Level::Error));
        assert_eq!(pane.shown_len(), 10);
        assert_eq!(top_text(&pane), "line 53", "full to the end: 53 to 93");
        pane.take(numbered(100..200));
        pane.set_filter(Filter::default());
        assert_eq!(top_text(&pane), "line 53");
    }

    #[test]
    fn errors_are_found_one_after_the_other_both_ways() {
        let mut pane = pane(100);
        assert!(pane.jump(Towards::Older, Level::Error));
        let marked = |pane: &LogPane| pane.line(pane.marked.unwrap()).unwrap().text.clone();
        assert_eq!(marked(&pane), "line 93");
        assert!(pane.jump(Towards::Older, Level::Error));
        assert_eq!(marked(&pane), "line 83");
        assert!(matches!(pane.anchor, Anchor::Line(_)));
        assert!(pane.jump(Towards::Newer, Level::Error));
        assert_eq!(marked(&pane), "line 93");
        assert!(!pane.jump(Towards::Newer, Level::Error));
        assert_eq!(marked(&pane), "line 93");
    }

    #[test]
    fn whoever_follows_is_led_to_the_newest_error_wherever_it_is() {
        let mut pane = pane(100);
        pane.take(batch((0..50).map(|_| (Level::Info, "quiet".to_owned()))));
        assert!(pane.jump(Towards::Newer, Level::Error));
        assert_eq!(pane.line(pane.marked.unwrap()).unwrap().text, "line 93");
        assert!(!pane.jump(Towards::Newer, Level::Error), "it was the last one");
    }

    #[test]
    fn lines_that_never_came_are_counted() {
        let mut pane = LogPane::default();
        pane.take(LogBatch { lines: Vec::new(), dropped: 56 });
        pane.take(LogBatch { lines: Vec::new(), dropped: 4 });
        assert_eq!(pane.lost, 60);
    }
}
