//! Frames of `application/vnd.amazon.eventstream`, which carry a live tail.

use aws_smithy_eventstream::error::Error;
use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::Bytes;

use super::value::Value;

/// One frame that carries an event: its type is the member of the stream's union.
pub(crate) fn event(kind: &'static str, payload: &Value) -> Result<Bytes, Error> {
    frame([(":message-type", "event"), (":event-type", kind), (":content-type", "application/json")], payload)
}

/// One frame that ends the stream with an error.
pub(crate) fn exception(kind: &'static str, payload: &Value) -> Result<Bytes, Error> {
    frame([(":message-type", "exception"), (":exception-type", kind), (":content-type", "application/json")], payload)
}

fn frame(headers: [(&'static str, &'static str); 3], payload: &Value) -> Result<Bytes, Error> {
    let headers = headers.map(|(name, value)| Header::new(name, HeaderValue::String(value.into()))).to_vec();
    let payload = serde_json::to_vec(payload).unwrap_or_default();
    let mut buffer = Vec::with_capacity(payload.len() + 128);
    write_message_to(&Message::new_from_parts(headers, payload), &mut buffer)?;
    Ok(buffer.into())
}

#[cfg(test)]
mod tests {
    use aws_smithy_eventstream::frame::read_message_from;

    use super::super::value::Fields;
    use super::*;

    #[test]
    fn a_frame_says_what_it_is_and_carries_its_payload_as_json() {
        let mut written = event("sessionStart", &Fields::new().with("sessionId", "s-1").into()).unwrap();
        let read = read_message_from(&mut written).unwrap();
        let headers: Vec<_> =
            read.headers().iter().map(|h| (h.name().as_str(), h.value().as_string().unwrap().as_str())).collect();
        assert_eq!(
            headers,
            [(":message-type", "event"), (":event-type", "sessionStart"), (":content-type", "application/json")]
        );
        assert_eq!(read.payload().as_ref(), br#"{"sessionId":"s-1"}"#);
    }
}
