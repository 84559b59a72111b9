//! PagerDuty's Events API v2.

use serde_json::{Value, json};

use super::{Letter, LetterReply};

/// An incident, one for each key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PagerIncident {
    /// Its key.
    pub dedup_key: String,
    /// `triggered`, `acknowledged` or `resolved`.
    pub status: &'static str,
    /// The summary of what opened it.
    pub summary: String,
    /// How loud, as PagerDuty has it.
    pub severity: String,
    /// How many events have triggered it.
    pub triggers: u32,
}

/// All incidents.
#[derive(Clone, Debug, Default)]
pub(super) struct Pager {
    pub(super) incidents: Vec<PagerIncident>,
}

impl Pager {
    pub(super) fn receive(&mut self, letter: &Letter) -> LetterReply {
        let event = letter.json();
        let problem = problem(&event, letter.path.starts_with("/v2/change/"));
        if let Some(problem) = problem {
            let body = json!({ "status": "invalid event", "message": "Event object is invalid", "errors": [problem] });
            return LetterReply::json(400, &body);
        }
        let key = text(&event, "/dedup_key").unwrap_or_default().to_owned();
        match text(&event, "/event_action") {
            Some("trigger") => self.trigger(&key, &event),
            Some("acknowledge") => self.turn(&key, "acknowledged"),
            Some("resolve") => self.turn(&key, "resolved"),
            _ => {}
        }
        let body = json!({ "status": "success", "message": "Event processed", "dedup_key": key });
        LetterReply::json(202, &body)
    }

    fn trigger(&mut self, key: &str, event: &Value) {
        let open = self.incidents.iter_mut().find(|known| known.dedup_key == key && known.status != "resolved");
        if let Some(open) = open {
            open.triggers += 1;
            return;
        }
        self.incidents.push(PagerIncident {
            dedup_key: key.to_owned(),
            status: "triggered",
            summary: text(event, "/payload/summary").unwrap_or_default().to_owned(),
            severity: text(event, "/payload/severity").unwrap_or_default().to_owned(),
            triggers: 1,
        });
    }

    /// An event for an incident that is not open is taken, and changes nothing.
    fn turn(&mut self, key: &str, status: &'static str) {
        let open = self.incidents.iter_mut().find(|known| known.dedup_key == key && known.status != "resolved");
        if let Some(open) = open {
            open.status = status;
        }
    }
}

fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer).and_then(Value::as_str)
}

/// Why PagerDuty would not take an event.
fn problem(event: &Value, is_change: bool) -> Option<&'static str> {
    let length = |pointer: &str| text(event, pointer).map_or(0, |text| text.chars().count());
    let needs_payload = is_change || text(event, "/event_action") == Some("trigger");
    if length("/routing_key") != 32 {
        return Some("'routing_key' must be 32 characters");
    }
    if !is_change && !matches!(text(event, "/event_action"), Some("trigger" | "acknowledge" | "resolve")) {
        return Some("'event_action' is invalid");
    }
    if needs_payload && !(1..=1_024).contains(&length("/payload/summary")) {
        return Some("'payload.summary' is missing or too long");
    }
    if !is_change && !(1..=255).contains(&length("/dedup_key")) {
        return Some("'dedup_key' is missing or too long");
    }
    let severities = ["critical", "error", "warning", "info"];
    let is_severity = text(event, "/payload/severity").is_some_and(|severity| severities.contains(&severity));
    if needs_payload && !is_change && (!is_severity || length("/payload/source") == 0) {
        return Some("'payload.severity' or 'payload.source' is invalid");
    }
    None
}
