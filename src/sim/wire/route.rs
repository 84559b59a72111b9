//! Which service, operation and protocol a request is for.

use std::io::Read as _;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::header::{CONTENT_ENCODING, HOST};
use http::request::Parts;
use serde_json::Value as Json;

use super::service::{Protocol, Service};
use super::{Answer, ConnectionFault};
use crate::sim::Sim;
use crate::sim::world::inbox::Letter;
use crate::sim::world::{AppRequest, AppResponse};

/// The simulated application answers at every host below this one.
pub const APP_DOMAIN: &str = ".shop.test";
/// A body that unpacks to more than this is not a request of any AWS client.
const MAX_BODY: u64 = 16 * 1024 * 1024;
const CBOR_PREFIX: &str = "/service/GraniteServiceVersion20100801/operation/";

/// Where a request goes.
pub(super) enum Route {
    Aws(Call),
    App(AppRequest),
    Letter(Letter),
    Nowhere,
}

/// One call of an AWS operation.
pub(super) struct Call {
    pub(super) service: Service,
    pub(super) operation: String,
    pub(super) protocol: Protocol,
    pub(super) body: Bytes,
}

/// Recognises a request. One port serves all: the CBOR path, then the target header, then the paths of AppConfig, then the
/// form's version tell the services apart. The URI may be absolute, as clients send it to a proxy.
pub(super) fn recognise(request: http::Request<Bytes>) -> Route {
    let (parts, body) = request.into_parts();
    let host = host_of(&parts);
    if host.ends_with(APP_DOMAIN) {
        // Whoever asks a proxy for this scheme does without TLS.
        let is_plain = parts.uri.scheme() == Some(&http::uri::Scheme::HTTP);
        let mut request = application(&parts, host);
        if is_plain {
            request.headers.insert(0, ("x-forwarded-proto".to_owned(), "http".to_owned()));
        }
        return Route::App(request);
    }
    let Some(body) = unpack(&parts, body) else { return Route::Nowhere };
    if let Some(letter) = super::letters::letter(&parts, &body) {
        return Route::Letter(letter);
    }
    if let Some(operation) = parts.uri.path().strip_prefix(CBOR_PREFIX) {
        return aws(Service::CloudWatch, operation, Protocol::Cbor, body);
    }
    if let Some(target) = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()) {
        let known = target.split_once('.').and_then(|(prefix, operation)| {
            Service::of_target(prefix).map(|(service, protocol)| (service, operation, protocol))
        });
        return match known {
            Some((service, operation, protocol)) => aws(service, operation, protocol, body),
            None => Route::Nowhere,
        };
    }
    if let Some((operation, parameters)) = super::app_config::recognise(&parts, &body) {
        return aws(Service::AppConfig, operation, Protocol::Rest, parameters);
    }
    let form = super::query::decode(&body);
    let service = form.get("Version").and_then(Json::as_str).and_then(Service::of_version);
    match (service, form.get("Action").and_then(Json::as_str)) {
        (Some(service), Some(operation)) => aws(service, operation, Protocol::Query, body),
        _ => Route::Nowhere,
    }
}

fn aws(service: Service, operation: &str, protocol: Protocol, body: Bytes) -> Route {
    Route::Aws(Call { service, operation: operation.to_owned(), protocol, body })
}

fn host_of(parts: &Parts) -> String {
    let header = || parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    let authority = parts.uri.authority().map(http::uri::Authority::as_str).or_else(header).unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _port)| host);
    host.to_ascii_lowercase()
}

/// The body without its compression; `None` when it cannot be unpacked.
fn unpack(parts: &Parts, body: Bytes) -> Option<Bytes> {
    match parts.headers.get(CONTENT_ENCODING).map(http::HeaderValue::as_bytes) {
        Some(b"gzip") => {
            let mut unpacked = Vec::new();
            let read = GzDecoder::new(body.as_ref()).take(MAX_BODY + 1).read_to_end(&mut unpacked).ok()?;
            (read as u64 <= MAX_BODY).then(|| unpacked.into())
        }
        Some(_) => None,
        None => Some(body),
    }
}

/// A request that is the application's, whatever its host.
pub(super) fn app_request(request: http::Request<Bytes>) -> AppRequest {
    let (parts, _) = request.into_parts();
    let host = host_of(&parts);
    application(&parts, host)
}

fn application(parts: &Parts, host: String) -> AppRequest {
    let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    AppRequest { host, method: parts.method.to_string(), path: path.to_owned(), headers }
}

/// The simulated application's own answer. A host without an owner behaves like a name that does not resolve.
pub(super) fn ask_app(sim: &Sim, request: &AppRequest) -> Answer {
    match sim.with(|world, _| world.http(request)) {
        AppResponse::Answered { status, headers, body, latency } => {
            let mut response = http::Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            let response = response
                .body(Bytes::from(body))
                .unwrap_or_else(|_| super::reply::html(http::StatusCode::BAD_GATEWAY, "502 Bad Gateway"));
            Answer::Reply { response, after: latency }
        }
        AppResponse::Refused | AppResponse::UnknownHost => {
            Answer::Broken { connection: ConnectionFault::Refused, after: std::time::Duration::ZERO }
        }
    }
}
