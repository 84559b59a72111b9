//! Messages to receivers that are not AWS's. They pass the same faults as calls do: `slack:*`, `pagerduty:*`,
//! `statuspage:*` and `webhook:*` in a fault's operations mean them.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};

use super::{Answer, ConnectionFault, reply};
use crate::domain::time::Timestamp;
use crate::sim::Sim;
use crate::sim::scenario::ApiFaultKind;
use crate::sim::world::inbox::{Letter, LetterReply, Receiver};

/// The request as a receiver sees it; `None` when it is for none.
pub(super) fn letter(parts: &Parts, body: &Bytes) -> Option<Letter> {
    let path = parts.uri.path();
    let receiver = Receiver::of_path(path)?;
    let header = |(name, value): (&http::HeaderName, &HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    Some(Letter {
        at: Timestamp::default(),
        receiver,
        method: parts.method.to_string(),
        path: path.to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers.iter().map(header).collect(),
        body: String::from_utf8_lossy(body).into_owned(),
        status: 0,
    })
}

/// Hands the request to its receiver, unless a fault keeps it or its answer from arriving.
pub(super) fn deliver(sim: &Sim, letter: Letter) -> Answer {
    let operation = operation(&letter);
    let (struck, mut after) = sim.wire().strike_letter(letter.receiver.name(), &operation, sim.clock().now());
    let refused = |status: u16, retry: Option<Duration>| Answer::Reply { response: refusal(status, retry), after };
    match struck {
        Some((ApiFaultKind::Throttling, delay)) => return refused(429, Some(delay)),
        Some((ApiFaultKind::ServerError, _)) => return refused(500, None),
        Some((ApiFaultKind::ExpiredCredentials, _)) => return refused(401, None),
        Some((ApiFaultKind::AccessDenied, _)) => return refused(403, None),
        Some((ApiFaultKind::HtmlError, _)) => {
            return Answer::Reply { response: reply::html(StatusCode::BAD_GATEWAY, "502 Bad Gateway"), after };
        }
        Some((ApiFaultKind::LostRequest, _)) => {
            return Answer::Broken { connection: ConnectionFault::Reset, after };
        }
        Some((ApiFaultKind::Timeout, _)) => return Answer::Broken { connection: ConnectionFault::TimedOut, after },
        Some((ApiFaultKind::LostResponse, _)) => {
            let _unheard = sim.with(|world, _| world.receive(letter));
            return Answer::Broken { connection: ConnectionFault::Reset, after };
        }
        Some((ApiFaultKind::Slow, delay)) => after += delay,
        // A receiver's lists are read too seldom to be stale.
        Some((ApiFaultKind::StaleRead, _)) | None => {}
    }
    let reply = sim.with(|world, _| world.receive(letter));
    Answer::Reply { response: written(&reply), after }
}

/// What a fault's operations name: the Web API's method, or what the request is for.
fn operation(letter: &Letter) -> String {
    match letter.receiver {
        Receiver::Slack if letter.path.starts_with("/services/") => "webhook".to_owned(),
        Receiver::Slack => letter.path.rsplit('/').next().unwrap_or_default().to_owned(),
        Receiver::PagerDuty => "enqueue".to_owned(),
        Receiver::Statuspage => format!("{} {}", letter.method, letter.path.split('/').nth(4).unwrap_or_default()),
        Receiver::Webhook => "post".to_owned(),
    }
}

fn written(reply: &LetterReply) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(reply.body.clone()));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let is_json = reply.body.starts_with(['{', '[']);
    let kind = if is_json { "application/json" } else { "text/plain" };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn refusal(status: u16, retry: Option<Duration>) -> Response<Bytes> {
    let mut response = written(&LetterReply { status, body: "not now".to_owned() });
    if let Some(seconds) = retry.map(|delay| HeaderValue::from(delay.as_secs().max(1))) {
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    response
}
