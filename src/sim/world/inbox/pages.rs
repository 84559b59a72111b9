//! Atlassian Statuspage.

use serde_json::{Value, json};

use super::{Letter, LetterReply};

/// An incident on the page.
#[derive(Clone, Debug, PartialEq)]
pub struct PageIncident {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `investigating`, `identified`, `monitoring` or `resolved`.
    pub status: String,
    /// What readers were told, oldest first.
    pub updates: Vec<String>,
    /// What was attached.
    pub metadata: Value,
}

/// The page.
#[derive(Clone, Debug, Default)]
pub(super) struct Pages {
    pub(super) incidents: Vec<PageIncident>,
    /// Component and what was said of it, oldest first.
    pub(super) statuses: Vec<(String, String)>,
}

impl Pages {
    pub(super) fn receive(&mut self, letter: &Letter) -> LetterReply {
        if !letter.header("authorization").is_some_and(|value| value.starts_with("OAuth ")) {
            return LetterReply::json(401, &json!({ "error": "Could not authenticate" }));
        }
        let body = letter.json();
        let rest = letter.path.splitn(5, '/').nth(4).unwrap_or_default();
        let parts: Vec<&str> = rest.split('/').collect();
        match (letter.method.as_str(), parts.as_slice()) {
            ("GET", ["components", id]) => LetterReply::json(200, &json!({ "id": id, "status": self.status(id) })),
            ("PATCH", ["components", id]) => match word(&body, "/component/status") {
                Some(status) if is_component_status(status) => {
                    self.statuses.push(((*id).to_owned(), status.to_owned()));
                    LetterReply::json(200, &json!({ "id": id, "status": status }))
                }
                _ => invalid("component status"),
            },
            ("GET", ["incidents", "unresolved"]) => {
                let open = self.incidents.iter().filter(|incident| incident.status != "resolved");
                LetterReply::json(200, &Value::Array(open.map(shown).collect()))
            }
            ("POST", ["incidents"]) => self.open(&body),
            ("PATCH", ["incidents", id]) => self.change(id, &body),
            _ => LetterReply::json(404, &json!({ "error": "Not found" })),
        }
    }

    fn status(&self, component: &str) -> &str {
        let said = self.statuses.iter().rev().find(|(of, _)| of == component);
        said.map_or("operational", |(_, status)| status.as_str())
    }

    fn open(&mut self, body: &Value) -> LetterReply {
        let Some(name) = word(body, "/incident/name") else { return invalid("name") };
        let incident = PageIncident {
            id: format!("incident{}", self.incidents.len() + 1),
            name: name.to_owned(),
            status: String::new(),
            updates: Vec::new(),
            metadata: body.pointer("/incident/metadata").cloned().unwrap_or(Value::Null),
        };
        let id = incident.id.clone();
        self.incidents.push(incident);
        match self.change(&id, body) {
            reply if reply.status == 200 => LetterReply { status: 201, ..reply },
            refused => {
                self.incidents.pop();
                refused
            }
        }
    }

    fn change(&mut self, id: &str, body: &Value) -> LetterReply {
        let statuses = ["investigating", "identified", "monitoring", "resolved"];
        let status = word(body, "/incident/status").filter(|status| statuses.contains(status));
        let (Some(status), Some(text)) = (status, word(body, "/incident/body")) else {
            return invalid("incident status or body");
        };
        let components = body.pointer("/incident/components").and_then(Value::as_object);
        let components: Vec<(String, String)> = components
            .into_iter()
            .flatten()
            .filter_map(|(id, status)| Some((id.clone(), status.as_str()?.to_owned())))
            .collect();
        if !components.iter().all(|(_, status)| is_component_status(status)) {
            return invalid("component status");
        }
        let Some(incident) = self.incidents.iter_mut().find(|incident| incident.id == id) else {
            return LetterReply::json(404, &json!({ "error": "Not found" }));
        };
        incident.status = status.to_owned();
        incident.updates.push(text.to_owned());
        let reply = LetterReply::json(200, &shown(incident));
        self.statuses.extend(components);
        reply
    }
}

fn shown(incident: &PageIncident) -> Value {
    let updates: Vec<Value> = incident.updates.iter().rev().map(|body| json!({ "body": body })).collect();
    json!({
        "id": incident.id,
        "name": incident.name,
        "status": incident.status,
        "incident_updates": updates,
        "metadata": incident.metadata,
    })
}

fn word<'v>(body: &'v Value, pointer: &str) -> Option<&'v str> {
    body.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn is_component_status(status: &str) -> bool {
    ["operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage"].contains(&status)
}

fn invalid(what: &str) -> LetterReply {
    LetterReply::json(422, &json!({ "error": [format!("{what} is invalid")] }))
}
