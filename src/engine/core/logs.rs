//! What comes of reading the logs.

use std::sync::Arc;

use super::Core;
use crate::domain::time::Timestamp;
use crate::engine::requests::ticks;
use crate::engine::snapshot::Feed;
use crate::engine::tail::Round;

/// Templates of log lines that are shown.
const PATTERNS: usize = 30;

impl Core {
    /// Logs were read.
    pub(in crate::engine) fn logs_read(&mut self, round: &Round, feed: &Feed, now: Timestamp) {
        if self.release.ended.is_none() {
            self.witness.lines(&round.lines, now);
        }
        let over = ticks(&mut self.requests, round, now);
        for (of, ticks) in over.iter() {
            for tick in ticks {
                self.watches[of].judge.take(tick);
            }
        }
        for line in &round.lines {
            self.patterns.take(line.by_ref());
        }
        let view = &mut self.logs;
        if view.feed != *feed {
            view.feed = feed.clone();
            self.dirty = true;
        }
        view.late += round.late;
        view.left_out += round.left_out;
        if round.is_sampled {
            view.sampled = Some(now);
        }
        if let Some(lag) = round.lag {
            view.lag = u64::try_from(lag.as_millis()).ok();
        }
        if !round.lines.is_empty() {
            view.patterns = Arc::new(self.patterns.top(PATTERNS));
            view.lines = self.patterns.lines();
            self.dirty = true;
        }
    }
}
