//! Lines of many groups and tasks in order of time.

use std::collections::BTreeMap;
use std::time::Duration;

use super::sides::TaskSides;
use crate::domain::log::LogLine;
use crate::domain::time::Timestamp;

/// A line waits so long for older ones. What comes later than that stands behind newer lines, and is counted.
pub(in crate::engine) const LATENESS: Duration = Duration::from_secs(2);

/// Lines that wait at most: beyond that the oldest go first, whatever may still come.
const MOST: usize = 20_000;

/// Lines that wait for older ones.
#[derive(Debug, Default)]
pub(super) struct Merge {
    /// By the moment that they wait from, and the how manieth came.
    waiting: BTreeMap<(Timestamp, u64), LogLine>,
    came: u64,
    /// Everything up to here has been handed on.
    done: Timestamp,
}

impl Merge {
    /// Takes a line. One of a clock that is ahead waits no longer than one that was written now.
    pub(super) fn put(&mut self, line: LogLine, now: Timestamp) {
        self.came += 1;
        self.waiting.insert((line.at.min(now), self.came), line);
    }

    /// The tasks of the lines that wait.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &str> {
        self.waiting.values().map(|line| line.task.as_str())
    }

    /// When the next line has waited long enough.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.waiting.first_key_value().map(|((at, _), _)| *at + LATENESS)
    }

    /// The lines that have waited long enough at `now`, with what is known of their tasks by now, and how many of them come
    /// too late.
    pub(super) fn take(&mut self, now: Timestamp, sides: &TaskSides) -> (Vec<LogLine>, u64) {
        let (mut lines, mut late) = (Vec::new(), 0);
        while let Some(first) = self.waiting.first_entry() {
            let at = first.key().0;
            if at + LATENESS > now && self.waiting.len() <= MOST {
                break;
            }
            let Some((_, mut line)) = self.waiting.pop_first() else { break };
            late += u64::from(at < self.done);
            self.done = self.done.max(at);
            if let Some((component, side)) = sides.of(&line.task) {
                (line.component, line.side) = (Some(component), Some(side));
            }
            lines.push(line);
        }
        self.done = self.done.max(now - LATENESS);
        (lines, late)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::log::Level;

    fn line(millis: i64) -> LogLine {
        let at = Timestamp::from_millis(millis);
        LogLine { at, component: None, side: None, task: "t".to_owned(), level: Level::Info, text: millis.to_string() }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn lines_wait_for_older_ones_and_what_comes_later_is_counted() {
        let (mut merge, sides) = (Merge::default(), TaskSides::default());
        let taken = |merge: &mut Merge, now| {
            let (lines, late) = merge.take(at(now), &sides);
            (lines.iter().map(|line| line.at.millis()).collect::<Vec<_>>(), late)
        };
        merge.put(line(9_000), at(10_000));
        merge.put(line(8_500), at(10_000));
        assert_eq!(merge.due(), Some(at(10_500)));
        assert_eq!(taken(&mut merge, 10_000), (vec![], 0));
        merge.put(line(8_700), at(10_400));
        assert_eq!(taken(&mut merge, 11_000), (vec![8_500, 8_700, 9_000], 0));
        merge.put(line(8_900), at(11_100));
        assert_eq!(taken(&mut merge, 11_100), (vec![8_900], 1));
        merge.put(line(99_000), at(12_000));
        assert_eq!(taken(&mut merge, 14_000), (vec![99_000], 0), "a clock that is ahead holds nothing up");
    }

    proptest! {
        #[test]
        fn lines_that_come_within_the_window_come_out_in_order_and_none_is_lost(
            steps in prop::collection::vec((0..400_i64, 0..2_000_i64), 0..60)
        ) {
            let (mut merge, sides) = (Merge::default(), TaskSides::default());
            let (mut now, mut out) = (100_000, Vec::new());
            for (pass, age) in &steps {
                now += pass;
                merge.put(line(now - age), at(now));
                let (lines, late) = merge.take(at(now), &sides);
                prop_assert_eq!(late, 0);
                out.extend(lines);
            }
            out.extend(merge.take(at(now + 10_000), &sides).0);
            prop_assert_eq!(out.len(), steps.len());
            prop_assert!(out.is_sorted_by_key(|line| line.at));
        }
    }
}
