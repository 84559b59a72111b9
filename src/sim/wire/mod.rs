//! The AWS wire protocols in front of the simulated world.
//!
//! One request goes through three steps: it is recognised (which service, operation and protocol), the account's
//! request rates and the fault plan have their say, and the service's file reads the parameters, asks the world and
//! writes the answer field by field. The unmodified AWS SDKs and the AWS CLI are the clients.

mod app_config;
mod cbor;
mod cloudwatch;
mod codedeploy;
mod dynamodb;
mod ecr;
mod ecs;
mod elbv2;
mod eventstream;
mod fault;
mod gate;
mod input;
mod json;
mod letters;
mod limits;
mod live_tail;
mod logs;
mod page;
mod query;
mod rds;
mod reply;
mod route;
mod secrets_manager;
mod service;
mod sns;
mod sts;
mod value;

#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use serde_json::Value as Json;

pub use self::fault::FaultPlan;
pub use self::gate::Wire;
pub use self::live_tail::LiveTail;
pub use self::route::APP_DOMAIN;
pub use self::service::Service;

use self::gate::{Admission, Passage};
use self::input::Input;
use self::route::{Call, Route};
use self::service::Protocol;
use self::value::Value;
use super::Sim;
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

/// Answers one request to the simulated AWS, to the simulated application when it is addressed to one of its hosts, or to a
/// receiver of messages when it is for one of their paths.
pub fn answer(sim: &Sim, request: http::Request<Bytes>) -> Answer {
    match route::recognise(request) {
        Route::App(request) => route::ask_app(sim, &request),
        Route::Aws(call) => dated(answer_call(sim, &call), sim.clock().now()),
        Route::Letter(letter) => letters::deliver(sim, letter),
        Route::Nowhere => {
            Answer::Reply { response: reply::html(StatusCode::NOT_FOUND, "404 Not Found"), after: Duration::ZERO }
        }
    }
}

/// The answer with its date, as every AWS service sends one.
fn dated(mut answer: Answer, now: Timestamp) -> Answer {
    if let Answer::Reply { response, after } = &mut answer
        && let Ok(at) = jiff::Timestamp::from_millisecond((now + *after).millis())
        && let Ok(date) = HeaderValue::from_str(&at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
    {
        response.headers_mut().insert(http::header::DATE, date);
    }
    answer
}

/// Answers one request to the simulated application. A host that it does not have behaves like a name that does not
/// resolve.
pub fn answer_app(sim: &Sim, request: http::Request<Bytes>) -> Answer {
    route::ask_app(sim, &route::app_request(request))
}

fn answer_call(sim: &Sim, call: &Call) -> Answer {
    let now = sim.clock().now();
    let Admission { passage, after, request_id } = sim.wire().admit(call, now);
    match passage {
        Passage::Served => serve(sim, call, now, &request_id, after),
        Passage::Unheard => {
            // The effect takes place; what the service says about it reaches no one.
            drop(serve(sim, call, now, &request_id, after));
            Answer::Broken { connection: ConnectionFault::Reset, after }
        }
        Passage::Refused(error) => Answer::Reply { response: reply::refuse(call, &request_id, &error), after },
        Passage::Instead(response) => Answer::Reply { response, after },
        Passage::Broken(connection) => Answer::Broken { connection, after },
    }
}

fn serve(sim: &Sim, call: &Call, now: Timestamp, request_id: &str, after: Duration) -> Answer {
    let refused = |error: ApiError| Answer::Reply { response: reply::refuse(call, request_id, &error), after };
    let input = match decode(call) {
        Ok(input) => input,
        Err(error) => return refused(error),
    };
    let input = Input::new(call.service, &input);
    if call.service == Service::Logs && call.operation == "StartLiveTail" {
        let started = LiveTail::start(sim, request_id, input);
        return started.map_or_else(refused, |tail| Answer::Stream { tail: Box::new(tail), after });
    }
    match dispatch(sim, call, input) {
        Ok(body) => {
            let response = reply::accept(call, request_id, &body);
            sim.wire().remember(call, now, &response);
            Answer::Reply { response, after }
        }
        Err(error) => refused(error),
    }
}

fn decode(call: &Call) -> Result<Json, ApiError> {
    match call.protocol {
        Protocol::Json10 | Protocol::Json11 | Protocol::Rest => {
            json::decode(&call.body).map_err(|_| call.service.malformed())
        }
        Protocol::Cbor => cbor::decode(&call.body).map_err(|_| call.service.malformed()),
        Protocol::Query => Ok(query::decode(&call.body)),
    }
}

fn dispatch(sim: &Sim, call: &Call, input: Input<'_>) -> Result<Value, ApiError> {
    sim.with(|world, now| match call.service {
        Service::Sts => sts::call(world, &call.operation, input),
        Service::Ecs => ecs::call(world, now, &call.operation, input),
        Service::Elbv2 => elbv2::call(world, &call.operation, input),
        Service::CloudWatch => cloudwatch::call(world, &call.operation, input),
        Service::Logs => logs::call(world, now, &call.operation, input),
        Service::Sns => sns::call(world, &call.operation, input),
        Service::Ecr => ecr::call(world, &call.operation, input),
        Service::SecretsManager => secrets_manager::call(world, &call.operation, input),
        Service::Rds => rds::call(world, &call.operation, input),
        Service::CodeDeploy => codedeploy::call(world, &call.operation, input),
        Service::AppConfig => app_config::call(world, &call.operation, input),
        Service::DynamoDb => dynamodb::call(world, &call.operation, input),
    })
}
