//! The AWS wire protocols in front of the simulated world.
//!
//! One request goes through three steps: it is recognised (which service, operation and protocol), the account's
//! request rates and the fault plan have their say, and the service's file reads the parameters, asks the world and
//! writes the answer field by field. The unmodified AWS SDKs and the AWS CLI are the clients.

mod cbor;
mod cloudwatch;
mod ecs;
mod elbv2;
mod eventstream;
mod fault;
mod input;
mod json;
mod limits;
mod live_tail;
mod logs;
mod page;
mod query;
mod route;
mod service;
mod sns;
mod sts;
mod value;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Response, StatusCode};
use serde_json::Value as Json;

pub use self::fault::FaultPlan;
pub use self::live_tail::LiveTail;
pub use self::service::Service;

use self::fault::Faults;
use self::input::Input;
use self::limits::Limits;
use self::route::{Call, Route};
use self::service::Protocol;
use self::value::Value;
use super::Sim;
use super::scenario::ApiFaultKind;
use super::world::ApiError;
use crate::domain::time::Timestamp;

/// The media type of an answer that streams.
pub const EVENT_STREAM: HeaderValue = HeaderValue::from_static("application/vnd.amazon.eventstream");

/// What comes back for one request, and after how long.
#[derive(Debug)]
pub enum Answer {
    /// A whole response.
    Reply {
        /// Status, headers and body.
        response: Response<Bytes>,
        /// Simulated time until it arrives.
        after: Duration,
    },
    /// A response whose body goes on for as long as the client listens.
    Stream {
        /// The body.
        tail: Box<LiveTail>,
        /// Simulated time until its headers arrive.
        after: Duration,
    },
    /// No response at all.
    Broken {
        /// How the connection fails.
        connection: ConnectionFault,
        /// Simulated time until it does.
        after: Duration,
    },
}

/// A connection that carries no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionFault {
    /// Nothing ever comes; only the client's own time-out ends the wait.
    TimedOut,
    /// The connection is closed under the client.
    Reset,
    /// Nothing listens at the address.
    Refused,
}

/// The state of the wire that is not the world's: faults, request rates, and counts.
#[derive(Debug)]
pub struct Wire {
    started: Timestamp,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    faults: Faults,
    limits: Limits,
    requests: u64,
    calls: BTreeMap<(Service, String), u64>,
}

impl Wire {
    /// A wire with a fault plan, whose spans count from `started`.
    pub fn new(plan: FaultPlan, seed: u64, started: Timestamp) -> Self {
        let state =
            State { faults: Faults::new(plan, seed), limits: Limits::default(), requests: 0, calls: BTreeMap::new() };
        Self { started, state: Mutex::new(state) }
    }

    /// Replaces the fault plan from here on; the counts stay.
    pub fn set_faults(&self, plan: FaultPlan) {
        self.state().faults.set(plan);
    }

    /// How many faults of each kind have been carried out.
    pub fn injected(&self) -> BTreeMap<ApiFaultKind, u64> {
        self.state().faults.injected().clone()
    }

    /// How many calls each operation has received, faulty and throttled ones included.
    pub fn calls(&self) -> BTreeMap<(Service, String), u64> {
        self.state().calls.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that is decided before the service sees the call.
    fn admit(&self, call: &Call, now: Timestamp) -> Admission {
        let elapsed = now.since(self.started);
        let mut state = self.state();
        state.requests += 1;
        *state.calls.entry((call.service, call.operation.clone())).or_default() += 1;
        let latency = state.faults.latency();
        let struck = state.faults.strike(call.service, &call.operation, elapsed);
        let stale = match struck {
            Some((ApiFaultKind::StaleRead, age)) => {
                state.faults.stale(call.service, &call.operation, &call.body, elapsed, age)
            }
            _ => None,
        };
        let fault = struck.filter(|(kind, _)| *kind != ApiFaultKind::StaleRead || stale.is_some());
        if let Some((kind, _)) = fault {
            state.faults.count(kind);
        }
        Admission {
            fault,
            coin: state.requests.is_multiple_of(2),
            stale,
            latency,
            elapsed,
            request_id: request_id(state.requests),
            within_rate: state.limits.admit(call.service, &call.operation, elapsed),
        }
    }
}

struct Admission {
    fault: Option<(ApiFaultKind, Duration)>,
    /// Tells a 500 from a 503.
    coin: bool,
    stale: Option<Response<Bytes>>,
    latency: Duration,
    elapsed: Duration,
    request_id: String,
    within_rate: bool,
}

/// The same run gives the same ids: they are a mixed counter in the shape of a UUID.
fn request_id(number: u64) -> String {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{number:012x}",
        mixed >> 32,
        (mixed >> 16) & 0xffff,
        (mixed >> 4) & 0xfff,
        mixed & 0xfff
    )
}

/// Answers one request to the simulated AWS, or to the simulated application when it is addressed to one of its hosts.
pub fn answer(sim: &Sim, request: http::Request<Bytes>) -> Answer {
    match route::recognise(request) {
        Route::App(request) => route::ask_app(sim, &request),
        Route::Aws(call) => answer_call(sim, &call),
        Route::Nowhere => {
            Answer::Reply { response: html(StatusCode::NOT_FOUND, "404 Not Found"), after: Duration::ZERO }
        }
    }
}

fn answer_call(sim: &Sim, call: &Call) -> Answer {
    let now = sim.clock().now();
    let admission = sim.wire().admit(call, now);
    let mut after = admission.latency;
    let refused = |error: ApiError| refuse(call, &admission.request_id, &error);
    let mut lost = false;
    let early = match admission.fault {
        Some((ApiFaultKind::Throttling, _)) => Some(refused(call.service.throttled())),
        Some((ApiFaultKind::ServerError, _)) if admission.coin => Some(refused(call.service.internal())),
        Some((ApiFaultKind::ServerError, _)) => Some(refused(call.service.unavailable())),
        Some((ApiFaultKind::ExpiredCredentials, _)) => Some(refused(call.service.expired())),
        Some((ApiFaultKind::HtmlError, _)) => Some(html(StatusCode::BAD_GATEWAY, "502 Bad Gateway")),
        Some((ApiFaultKind::LostRequest, _)) => return Answer::Broken { connection: ConnectionFault::Reset, after },
        Some((ApiFaultKind::Timeout, _)) => return Answer::Broken { connection: ConnectionFault::TimedOut, after },
        Some((ApiFaultKind::LostResponse, _)) => {
            lost = true;
            None
        }
        Some((ApiFaultKind::Slow, delay)) => {
            after += delay;
            None
        }
        Some((ApiFaultKind::StaleRead, _)) => admission.stale,
        None => None,
    };
    if let Some(response) = early {
        return Answer::Reply { response, after };
    }
    if !admission.within_rate {
        return Answer::Reply { response: refused(call.service.throttled()), after };
    }
    if call.service == Service::Logs && call.operation == "StartLiveTail" {
        return match decode(call)
            .and_then(|input| LiveTail::start(sim, &admission.request_id, Input::new(call.service, &input)))
        {
            Ok(_) if lost => Answer::Broken { connection: ConnectionFault::Reset, after },
            Ok(tail) => Answer::Stream { tail: Box::new(tail), after },
            Err(error) => Answer::Reply { response: refused(error), after },
        };
    }
    let response = match decode(call).and_then(|input| dispatch(sim, call, &input)) {
        Ok(body) => {
            let response = accept(call, &admission.request_id, &body);
            let mut state = sim.wire().state();
            state.faults.remember(call.service, &call.operation, &call.body, admission.elapsed, &response);
            response
        }
        Err(error) => refused(error),
    };
    if lost {
        return Answer::Broken { connection: ConnectionFault::Reset, after };
    }
    Answer::Reply { response, after }
}

fn decode(call: &Call) -> Result<Json, ApiError> {
    match call.protocol {
        Protocol::Json10 | Protocol::Json11 => json::decode(&call.body).map_err(|_| call.service.malformed()),
        Protocol::Cbor => cbor::decode(&call.body).map_err(|_| call.service.malformed()),
        Protocol::Query => Ok(query::decode(&call.body)),
    }
}

fn dispatch(sim: &Sim, call: &Call, input: &Json) -> Result<Value, ApiError> {
    let input = Input::new(call.service, input);
    sim.with(|world, now| match call.service {
        Service::Sts => sts::call(world, &call.operation, input),
        Service::Ecs => ecs::call(world, now, &call.operation, input),
        Service::Elbv2 => elbv2::call(world, &call.operation, input),
        Service::CloudWatch => cloudwatch::call(world, &call.operation, input),
        Service::Logs => logs::call(world, now, &call.operation, input),
        Service::Sns => sns::call(world, &call.operation, input),
    })
}

fn accept(call: &Call, request_id: &str, body: &Value) -> Response<Bytes> {
    let bytes = match call.protocol {
        Protocol::Json10 | Protocol::Json11 => json::encode(body),
        Protocol::Cbor => cbor::encode(body),
        Protocol::Query => query::encode(&call.operation, call.service.namespace(), request_id, body).into_bytes(),
    };
    response(call.protocol, StatusCode::OK, request_id, bytes)
}

fn refuse(call: &Call, request_id: &str, error: &ApiError) -> Response<Bytes> {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
    let body = json::error(error.code, &error.message);
    let bytes = match call.protocol {
        Protocol::Json10 | Protocol::Json11 => json::encode(&body),
        Protocol::Cbor => cbor::encode(&body),
        Protocol::Query => {
            query::encode_error(call.service.namespace(), request_id, error.status, error.code, &error.message)
                .into_bytes()
        }
    };
    let mut response = response(call.protocol, status, request_id, bytes);
    if matches!(call.protocol, Protocol::Json10 | Protocol::Cbor) {
        let fault = if error.status >= 500 { "Receiver" } else { "Sender" };
        if let Ok(code) = HeaderValue::from_str(&format!("{};{fault}", error.code)) {
            response.headers_mut().insert(HeaderName::from_static("x-amzn-query-error"), code);
        }
    }
    response
}

fn response(protocol: Protocol, status: StatusCode, request_id: &str, body: Vec<u8>) -> Response<Bytes> {
    let kind = match protocol {
        Protocol::Json10 => "application/x-amz-json-1.0",
        Protocol::Json11 => "application/x-amz-json-1.1",
        Protocol::Query => "text/xml",
        Protocol::Cbor => "application/cbor",
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(HeaderName::from_static("x-amzn-requestid"), id);
    }
    if protocol == Protocol::Cbor {
        headers.insert(HeaderName::from_static("smithy-protocol"), HeaderValue::from_static("rpc-v2-cbor"));
    }
    response
}

fn html(status: StatusCode, title: &str) -> Response<Bytes> {
    let page = format!("<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>");
    let mut response = Response::new(Bytes::from(page));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}
