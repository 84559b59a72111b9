//! What comes of reading the logs.

use std::sync::Arc;

use super::{Acts, Core, share_of};
use crate::domain::components::ComponentIndex;
use crate::domain::event::Event;
use crate::domain::observed::{RequestTick, Requests, Seen};
use crate::domain::time::Timestamp;
use crate::engine::requests::ticks;
use crate::engine::snapshot::Feed;
use crate::engine::tail::Round;
use crate::journal::{Entry, JournalError, Record};
use crate::judge::tick::Tick;

/// Templates of log lines that are shown.
const PATTERNS: usize = 30;

impl Core {
    /// Logs were read.
    pub(in crate::engine) fn logs_read(
        &mut self,
        round: &Round,
        feed: &Feed,
        now: Timestamp,
    ) -> Result<Acts, JournalError> {
        if self.release.ended.is_none() {
            self.witness.lines(&round.lines, now);
        }
        let over = ticks(&mut self.requests, round, now);
        let mut acts = Acts::default();
        for (of, ticks) in over.iter() {
            self.take_requests(of, ticks, now);
            // What changes nothing waits for the next metrics: the journal keeps every ruling.
            if self.watches[of].judge.has_news() {
                acts.join(self.judge(of, now)?);
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
        Ok(acts)
    }

    fn take_requests(&mut self, of: ComponentIndex, ticks: &[Tick], now: Timestamp) {
        let judge = &mut self.watches[of].judge;
        let is_decided = self.release.unwinding.is_some() || self.release.ended.is_some();
        if ticks.is_empty() || is_decided || !judge.wants_requests() {
            return;
        }
        for tick in ticks {
            judge.take(tick);
        }
        self.compared[of] = judge.picture().map(Arc::new);
        let kept = ticks.iter().filter(|tick| !tick.is_empty()).map(RequestTick::from);
        self.witness.requests(of, kept.collect(), now);
        self.dirty = true;
    }

    /// Takes up the comparison where the last engine has left it.
    pub(in crate::engine) fn recall(&mut self, records: &[Record]) {
        for record in records {
            match &record.entry {
                Entry::Event(Event::WeightObserved { component, green }) if self.watches.holds(*component) => {
                    self.watches[*component].judge.weigh(share_of(*green), record.at);
                }
                Entry::Seen(Seen::Requests(Requests { component, ticks })) if self.watches.holds(*component) => {
                    let judge = &mut self.watches[*component].judge;
                    for tick in ticks {
                        judge.take(&Tick::from(tick));
                    }
                }
                _ => {}
            }
        }
        for of in self.watches.indices() {
            self.compared[of] = self.watches[of].judge.picture().map(Arc::new);
        }
    }
}
