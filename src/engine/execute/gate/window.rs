//! Whether it is a time at which releases go out.

use jiff::tz::TimeZone;

use crate::domain::calendar::{Calendar, Standing};
use crate::domain::effect::CheckResult;
use crate::domain::gate::{Condition, GateVoices, WindowPlan};
use crate::domain::time::Timestamp;

/// A window as it was found.
pub(super) struct Opening {
    pub(super) result: CheckResult,
    opens: Option<Timestamp>,
}

impl Opening {
    /// The result and the next opening, if the window is shut and will open.
    pub(super) fn awaited(self) -> Option<(CheckResult, Timestamp)> {
        let opens = self.opens.filter(|_| !self.result.passed)?;
        Some((self.result, opens))
    }
}

/// Looks at a window as it is at `now`. Whoever goes past it is named.
pub(super) fn look(window: &WindowPlan, now: Timestamp, voices: &GateVoices) -> Opening {
    let name = Condition::Window(window.clone()).name();
    let opening = |passed, detail, opens| Opening { result: CheckResult::new(name, passed, detail), opens };
    let zone = match TimeZone::get(&window.calendar.zone) {
        Ok(zone) => zone,
        Err(error) => return opening(false, format!("time zone {}: {error}", window.calendar.zone), None),
    };
    let show = |at: Timestamp| Calendar::show(&zone, at);
    match window.calendar.standing(&zone, now) {
        Standing::Open { until: Some(until) } => opening(true, format!("open until {}", show(until)), None),
        Standing::Open { until: None } => opening(true, "open".to_owned(), None),
        Standing::Shut { why, opens } => {
            if let Some(past) = &voices.past_window {
                return opening(true, format!("{why}; gone past by {past}"), None);
            }
            let next = match opens {
                Some(at) => format!("opens {}", show(at)),
                None => "no opening in sight".to_owned(),
            };
            // What matters most comes first: a narrow screen cuts the rest.
            opening(false, format!("{next}; {why}"), opens)
        }
    }
}
