//! Any HTTP receiver: JSON, signed as [Standard Webhooks](https://www.standardwebhooks.com) has it, so that there are
//! libraries that check it. The schema is in docs/notifications.md.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::http::{Http, Line, Request};
use super::words::rfc3339;
use super::{Notifier, Secret, refused};
use crate::domain::command::Actor;
use crate::domain::effect::{Failure, Notice};

/// What a key begins with that is written in base64.
const ENCODED: &str = "whsec_";

/// A receiver of JSON.
#[derive(Debug)]
pub struct Webhook {
    line: Line,
    url: Secret,
    secret: Option<Secret>,
}

impl Webhook {
    /// The receiver at `url`; with a secret, every message is signed with it.
    pub fn new(http: Http, url: Secret, secret: Option<Secret>) -> Self {
        Self { line: Line::new(http), url, secret }
    }
}

#[async_trait]
impl Notifier for Webhook {
    async fn send(&self, notice: &Notice, _attempt: u32) -> Result<(), Failure> {
        let id = id(&notice.key);
        let at = self.line.clock().now().secs();
        let mut request = Request::json(http::Method::POST, self.url.expose().to_owned(), &document(notice));
        if let Some(secret) = &self.secret {
            let signature = sign(secret, &id, at, &request.body)?;
            request = request.with("webhook-signature", signature);
        }
        let request = request.with("webhook-id", id).with("webhook-timestamp", at.to_string());
        self.line.call(request).await.map(drop)
    }
}

/// The key as a receiver tells repeats by it. The signature's parts are parted by full stops.
fn id(key: &str) -> String {
    key.chars().map(|c| if c.is_ascii_graphic() && c != '.' { c } else { '-' }).collect()
}

/// `v1,` and the HMAC-SHA256 of id, time and body in base64.
fn sign(secret: &Secret, id: &str, at: i64, body: &[u8]) -> Result<String, Failure> {
    let text = secret.expose();
    let decoded = text.strip_prefix(ENCODED).and_then(|encoded| STANDARD.decode(encoded).ok());
    let key = decoded.unwrap_or_else(|| text.as_bytes().to_vec());
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| refused("the secret cannot sign"))?;
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(body);
    Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

fn document(notice: &Notice) -> Value {
    let facts = &notice.facts;
    let verdicts: Vec<Value> = facts
        .findings
        .iter()
        .map(|finding| json!({ "signal": finding.signal, "ruling": finding.ruling.word(), "reason": finding.reason }))
        .collect();
    let commands: serde_json::Map<String, Value> =
        facts.hints.iter().map(|hint| (hint.word.clone(), json!(hint.typed))).collect();
    json!({
        "type": format!("release.{}", facts.transition.word()),
        "timestamp": rfc3339(facts.at),
        "data": {
            "key": notice.key,
            "severity": notice.severity.word(),
            "subject": notice.subject,
            "text": notice.body,
            "environment": facts.environment,
            "production": facts.production,
            "component": facts.component,
            "release": facts.release,
            "revision": facts.revision,
            "status": facts.status.word(),
            "from": facts.from.0,
            "to": facts.to.0,
            "stage": facts.stage,
            "weight": { "set": facts.set, "observed": facts.observed },
            "verdicts": verdicts,
            "detail": facts.detail,
            "actor": actor(facts.actor.as_ref()),
            "begun_by": actor(facts.begun_by.as_ref()),
            "commands": commands,
        },
    })
}

fn actor(actor: Option<&Actor>) -> Value {
    actor.map_or(Value::Null, |actor| json!({ "name": actor.name, "host": actor.host }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_standard() {
        // The example of the standard's own libraries.
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let body = br#"{"test": 2432232314}"#;
        let signature = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body).unwrap();
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_that_is_not_encoded_signs_as_it_is() {
        let plain = sign(&Secret::new("a secret of ours\n"), "id", 1, b"{}").unwrap();
        let encoded = format!("{ENCODED}{}", STANDARD.encode("a secret of ours"));
        assert_eq!(plain, sign(&Secret::new(&encoded), "id", 1, b"{}").unwrap());
        assert_ne!(plain, sign(&Secret::new("another"), "id", 1, b"{}").unwrap());
    }

    #[test]
    fn an_id_holds_nothing_that_parts_the_signed_text() {
        assert_eq!(id("prod/api.v2/41/r7/waiting-go on"), "prod/api-v2/41/r7/waiting-go-on");
    }
}
