//! Answers and refusals in the shape of each protocol.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Response, StatusCode};

use super::app_config::PAYLOAD;
use super::route::Call;
use super::service::{Protocol, Service};
use super::value::{Fields, Value};
use super::{cbor, dynamodb, json, query};
use crate::sim::world::ApiError;

/// A successful answer.
pub(super) fn accept(call: &Call, request_id: &str, body: &Value) -> Response<Bytes> {
    let bytes = match call.protocol {
        Protocol::Rest => return rest(request_id, body),
        Protocol::Json10 | Protocol::Json11 => json::encode(body),
        Protocol::Cbor => cbor::encode(body),
        Protocol::Query => query::encode(&call.operation, call.service.namespace(), request_id, body).into_bytes(),
    };
    // DynamoDB's refusals may tell more than their message.
    let is_refusal = call.service == Service::DynamoDb
        && matches!(body, Value::Struct(fields) if fields.iter().any(|(name, _)| name == "__type"));
    let status = if is_refusal { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    response(call.protocol, status, request_id, bytes)
}

/// A refusal; the protocols that took over from awsQuery carry its short code in a header.
pub(super) fn refuse(call: &Call, request_id: &str, error: &ApiError) -> Response<Bytes> {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
    let shapes = if call.service == Service::DynamoDb { dynamodb::SHAPES } else { "" };
    let body = json::error(&format!("{shapes}{}", error.code), &error.message);
    let bytes = match call.protocol {
        Protocol::Rest => json::encode(&Fields::new().with("Message", &error.message).into()),
        Protocol::Json10 | Protocol::Json11 => json::encode(&body),
        Protocol::Cbor => cbor::encode(&body),
        Protocol::Query => {
            query::encode_error(call.service.namespace(), request_id, error.status, error.code, &error.message)
                .into_bytes()
        }
    };
    let mut response = response(call.protocol, status, request_id, bytes);
    if call.protocol == Protocol::Rest {
        response
            .headers_mut()
            .insert(HeaderName::from_static("x-amzn-errortype"), HeaderValue::from_static(error.code));
    }
    if call.service == Service::CloudWatch && matches!(call.protocol, Protocol::Json10 | Protocol::Cbor) {
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
        Protocol::Rest => "application/json",
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

/// An answer whose body may be one of its members; the others are headers then.
fn rest(request_id: &str, body: &Value) -> Response<Bytes> {
    let Value::Struct(fields) = body else {
        return response(Protocol::Rest, StatusCode::OK, request_id, json::encode(body));
    };
    let Some((_, payload)) = fields.iter().find(|(name, _)| *name == PAYLOAD) else {
        return response(Protocol::Rest, StatusCode::OK, request_id, json::encode(body));
    };
    let mut response = response(Protocol::Rest, StatusCode::OK, request_id, json::encode(payload));
    if let Some((_, Value::Text(number))) = fields.iter().find(|(name, _)| *name == "VersionNumber")
        && let Ok(number) = HeaderValue::from_str(number)
    {
        response.headers_mut().insert(HeaderName::from_static("version-number"), number);
    }
    response
}

/// A page that no AWS service wrote.
pub(super) fn html(status: StatusCode, title: &str) -> Response<Bytes> {
    let page = format!("<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>");
    let mut response = Response::new(Bytes::from(page));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}
