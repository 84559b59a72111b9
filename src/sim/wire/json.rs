//! awsJson: JSON requests and answers.

use serde_json::{Map, Value as Json};

use super::value::{Fields, Value};

/// Reads a request body; an empty one is an empty structure.
pub(crate) fn decode(body: &[u8]) -> Result<Json, serde_json::Error> {
    if body.is_empty() { Ok(Json::Object(Map::new())) } else { serde_json::from_slice(body) }
}

/// Writes an answer's body.
pub(crate) fn encode(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// The body of a refusal, shared by JSON and CBOR.
pub(crate) fn error(code: &str, message: &str) -> Value {
    Fields::new().with("__type", code).with("message", message).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn moments_are_seconds_and_absent_members_are_left_out() {
        let body = Fields::new()
            .with("createdAt", Timestamp::from_millis(1_795_161_479_240))
            .maybe("stoppedAt", None::<Timestamp>)
            .unless_empty("tags", Vec::<Value>::new())
            .with("count", 2_i64);
        assert_eq!(encode(&body.into()), br#"{"createdAt":1795161479.24,"count":2}"#);
    }
}
