//! What is asked of the engine because somebody looks at it: kept with its age, and asked for again before it grows old.

use std::time::Duration;

use super::model::{Connection, Model, View};
use super::msg::Cmd;
use super::signals;
use crate::domain::time::Timestamp;
use crate::engine::handle::{Answer, Found, Question};
use crate::engine::snapshot::Snapshot;

/// How old the list of all alarms, and what is opened, may grow while somebody looks.
const EVERY: Duration = Duration::from_mins(1);

/// After a failure it is asked again this much later.
const AGAIN: Duration = Duration::from_secs(15);

/// An answer, on its way or had.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked<T> {
    /// The last answer.
    pub had: Option<T>,
    /// When it was last asked for.
    sent: Option<Timestamp>,
    /// Whether an answer is still to come.
    is_on_its_way: bool,
    /// Why there was none the last time.
    pub failed: Option<String>,
}

impl<T> Default for Asked<T> {
    fn default() -> Self {
        Self { had: None, sent: None, is_on_its_way: false, failed: None }
    }
}

impl<T> Asked<T> {
    /// Whether it is to be asked for now, so that it is never older than `every`; if so, it counts as asked for.
    fn is_due(&mut self, now: Timestamp, every: Duration) -> bool {
        let wait = if self.failed.is_some() { AGAIN } else { every };
        let is_due = !self.is_on_its_way && self.sent.is_none_or(|at| now.since(at) >= wait);
        if is_due {
            (self.sent, self.is_on_its_way) = (Some(now), true);
        }
        is_due
    }

    fn answered(&mut self, found: Result<T, String>) {
        self.is_on_its_way = false;
        match found {
            Ok(value) => (self.had, self.failed) = (Some(value), None),
            Err(why) => self.failed = Some(why),
        }
    }
}

/// What is to be asked for now: what the view shows, and nothing else.
pub(super) fn due(model: &mut Model, snapshot: &Snapshot) -> Vec<Cmd> {
    let cannot_ask = snapshot.engine.replay.is_some() || matches!(model.connection, Connection::Lost { .. });
    if cannot_ask || model.overlay.is_some() || model.frozen.is_some() {
        return Vec::new();
    }
    let (now, component) = (model.now, model.focus_in(snapshot));
    let mut wanted = Vec::new();
    match model.view {
        View::Alarms => {
            if model.alarms.list.is_due(now, EVERY) {
                wanted.push(Question::Alarms { component });
            }
            if let Some(open) = &mut model.alarms.open
                && open.detail.is_due(now, EVERY)
            {
                wanted.push(Question::Alarm { component, alarm: open.alarm.clone() });
            }
        }
        View::Signals => {
            let wanted_now = signals::wanted(model, snapshot);
            // What was asked for another window is of no use any more.
            if wanted_now.map(|(window, _)| window) != model.signals.long.as_ref().map(|(window, _)| *window) {
                model.signals.long = wanted_now.map(|(window, _)| (window, Asked::default()));
            }
            if let (Some((window, period)), Some((_, long))) = (wanted_now, &mut model.signals.long)
                && long.is_due(now, EVERY.max(period))
            {
                wanted.push(Question::Signals { component, window: window.length(), period });
            }
        }
        View::Release | View::Logs | View::Fleet | View::History | View::Doctor => {}
    }
    wanted.into_iter().map(Cmd::Ask).collect()
}

/// An answer has come, or none will.
pub(super) fn found(model: &mut Model, question: &Question, found: Found) {
    match question {
        Question::Alarms { .. } => {
            model.alarms.list.answered(found.and_then(|answer| match answer {
                Answer::Alarms(list) => Ok(list),
                Answer::Alarm(_) | Answer::Signals(_) => Err("an answer to another question".to_owned()),
            }));
        }
        Question::Alarm { alarm, .. } => {
            // Whoever asked may have closed it, and opened another one.
            let Some(open) = model.alarms.open.as_mut().filter(|open| open.alarm == *alarm) else { return };
            open.detail.answered(found.and_then(|answer| match answer {
                Answer::Alarm(detail) => Ok(detail),
                Answer::Alarms(_) | Answer::Signals(_) => Err("an answer to another question".to_owned()),
            }));
        }
        Question::Signals { window, .. } => {
            let Some((of, long)) = &mut model.signals.long else { return };
            if of.length() != *window {
                return;
            }
            long.answered(found.and_then(|answer| match answer {
                Answer::Signals(series) => Ok(series),
                Answer::Alarms(_) | Answer::Alarm(_) => Err("an answer to another question".to_owned()),
            }));
        }
    }
}
