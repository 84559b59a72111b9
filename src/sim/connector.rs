//! The simulated AWS as an HTTP client of the AWS SDK: calls are answered in process, on the simulation's clock.

use std::io;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;

use super::Sim;
use super::wire::{Answer, ConnectionFault, EVENT_STREAM, answer};

impl Sim {
    /// An HTTP client for the AWS SDK that reaches this simulated AWS whatever endpoint is asked for. Latencies pass
    /// on the simulation's clock, and with it on tokio's paused time.
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(InProcess { sim: self.clone(), read_timeout: None })
    }
}

#[derive(Clone, Debug)]
struct InProcess {
    sim: Sim,
    read_timeout: Option<Duration>,
}

impl HttpClient for InProcess {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Self { sim: self.sim.clone(), read_timeout: settings.read_timeout() })
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { sim, read_timeout } = self.clone();
        HttpConnectorFuture::new(async move {
            let response = respond(sim, request);
            let Some(limit) = read_timeout else { return response.await };
            tokio::time::timeout(limit, response)
                .await
                .unwrap_or_else(|elapsed| Err(ConnectorError::timeout(elapsed.into())))
        })
    }
}

async fn respond(sim: Sim, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (parts, body) = request.into_parts();
    let body = match body.bytes() {
        Some(held) => Bytes::copy_from_slice(held),
        None => body.collect().await.map_err(ConnectorError::user)?.to_bytes(),
    };
    let response = match answer(&sim, http::Request::from_parts(parts, body)) {
        Answer::Reply { response, after } => {
            sim.clock().sleep(after).await;
            response.map(SdkBody::from)
        }
        Answer::Stream { tail, after } => {
            sim.clock().sleep(after).await;
            let frames = StreamBody::new(tail.frames().map_ok(Frame::data));
            let mut response = http::Response::new(SdkBody::from_body_1_x(frames));
            response.headers_mut().insert(CONTENT_TYPE, EVENT_STREAM);
            response
        }
        Answer::Broken { connection, after } => {
            sim.clock().sleep(after).await;
            return Err(broken(connection).await);
        }
    };
    response
        .try_into()
        .map_err(|error: aws_smithy_runtime_api::http::HttpError| ConnectorError::other(error.into(), None))
}

async fn broken(connection: ConnectionFault) -> ConnectorError {
    match connection {
        // Only the client's own time-out ends this.
        ConnectionFault::TimedOut => std::future::pending().await,
        ConnectionFault::Reset => ConnectorError::io(
            io::Error::new(io::ErrorKind::ConnectionReset, "connection reset by the simulation").into(),
        ),
        ConnectionFault::Refused => {
            ConnectorError::io(io::Error::new(io::ErrorKind::ConnectionRefused, "nothing listens there").into())
                .never_connected()
        }
    }
}
