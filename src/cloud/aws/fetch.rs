//! One HTTP request, over the same client as the SDK's calls: a simulated AWS answers for its services' URLs too.

use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::interceptors::context::{Error, Output};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_runtime_api::client::ser_de::DeserializeResponse;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use aws_smithy_types::timeout::TimeoutConfig;
use http::Uri;
use http_body_util::BodyExt as _;

use super::Aws;
use super::connect::CONNECT_TIMEOUT;
use super::errors::{during, told, unexpected};
use super::pace::Pace;
use crate::cloud::{CloudError, ErrorKind, Fetch, Fetched};

const FETCH: &str = "http:Fetch";

/// Most of a body that is kept, in bytes.
const MOST: usize = 64 * 1024;

/// Who asks.
const USER_AGENT: &str = concat!("cutover/", env!("CARGO_PKG_VERSION"));

/// Fetches one URL. Redirects are answers like any other.
pub(super) async fn fetch(aws: &Aws, request: &Fetch) -> Result<Fetched, CloudError> {
    let begun = aws.clock.now();
    let limit = aws.clock.real(request.timeout);
    let (head, body) = tokio::time::timeout(limit, exchange(aws, request)).await.map_err(|_| {
        told(FETCH, ErrorKind::Timeout, &format!("no whole answer within {} ms", request.timeout.as_millis()))
    })??;
    Ok(Fetched { status: head.status, headers: head.headers, body, took: aws.clock.now().since(begun) })
}

async fn exchange(aws: &Aws, request: &Fetch) -> Result<(Head, Vec<u8>), CloudError> {
    let wrong = |what: &str| unexpected(FETCH, format!("{what}; give a method and an absolute http or https URL"));
    let url: Uri = request.url.parse().map_err(|_| wrong("the URL cannot be read"))?;
    let (Some(scheme), Some(authority)) = (url.scheme_str(), url.authority()) else {
        return Err(wrong("the URL has no host"));
    };
    let path = url.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let method = http::Method::from_bytes(request.method.as_bytes()).map_err(|_| wrong("the method cannot be read"))?;
    let operation = Operation::builder()
        .service_name("http")
        .operation_name("Fetch")
        .http_client(aws.http.clone())
        .endpoint_url(&format!("{scheme}://{authority}"))
        .no_auth()
        .no_retry()
        .sleep_impl(Pace(aws.clock))
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).build())
        .serializer(move |()| {
            let request = http::Request::builder().method(method.clone()).uri(path.as_str());
            Ok(HttpRequest::try_from(request.header("user-agent", USER_AGENT).body(SdkBody::empty())?)?)
        })
        .deserializer_impl::<Head, Unreadable>(TakeBody)
        .build();
    let mut head = operation.invoke(()).await.map_err(during(FETCH))?;
    let body = std::mem::replace(&mut head.body, SdkBody::taken());
    let body = read(body).await.map_err(|error| {
        let lost: SdkError<Unreadable, HttpResponse> = SdkError::dispatch_failure(ConnectorError::io(error));
        during(FETCH)(lost)
    })?;
    Ok((head, body))
}

/// The first part of a body; the rest is left on the wire.
async fn read(mut body: SdkBody) -> Result<Vec<u8>, aws_smithy_types::body::Error> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            let room = MOST - bytes.len();
            bytes.extend_from_slice(data.get(..room).unwrap_or(&data));
        }
        if bytes.len() >= MOST {
            break;
        }
    }
    Ok(bytes)
}

/// An answer up to its body.
#[derive(Debug)]
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
    body: SdkBody,
}

/// Takes the body out of an answer before anything reads it whole.
#[derive(Debug)]
struct TakeBody;

impl DeserializeResponse for TakeBody {
    fn deserialize_streaming_with_config(
        &self,
        response: &mut HttpResponse,
        _: &ConfigBag,
    ) -> Option<Result<Output, OrchestratorError<Error>>> {
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        let status = response.status().as_u16();
        Some(Ok(Output::erase(Head { status, headers, body: response.take_body() })))
    }

    fn deserialize_nonstreaming_with_config(
        &self,
        _: &HttpResponse,
        _: &ConfigBag,
    ) -> Result<Output, OrchestratorError<Error>> {
        Err(OrchestratorError::other("the body was read before it was taken"))
    }
}

/// The service error of an operation that has none: every answer is one.
#[derive(Debug, thiserror::Error)]
#[error("an answer that cannot be read")]
struct Unreadable(ErrorMetadata);

impl ProvideErrorMetadata for Unreadable {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use bytes::Bytes;
    use futures_util::{StreamExt as _, stream};
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    use super::*;
    use crate::cloud::Cloud as _;
    use crate::cloud::aws::testing::{Reply, Script};

    fn get(url: &str) -> Fetch {
        Fetch { method: "GET".to_owned(), url: url.to_owned(), timeout: Duration::from_millis(1_500) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_redirect_is_an_answer_and_a_body_is_cut() {
        let url = "https://green.example.com:8443/health?deep=1";
        let script = Script::new().on(&format!("GET {url}"), Reply::Answer(302, "text/plain", vec![b'x'; MOST + 10]));
        let fetched = script.aws().fetch(&get(url)).await.unwrap();
        assert_eq!((fetched.status, fetched.body.len(), script.count()), (302, MOST, 1));
        assert_eq!(fetched.headers, [("content-type".to_owned(), "text/plain".to_owned())]);
    }

    #[tokio::test]
    async fn what_is_beyond_the_cut_is_not_even_read() {
        let pulled = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&pulled);
        let frames = stream::repeat_with(move || {
            count.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>(Frame::data(Bytes::from_static(&[b'x'; 1_000])))
        });
        let body = read(SdkBody::from_body_1_x(StreamBody::new(frames.take(1_000)))).await.unwrap();
        assert_eq!((body.len(), pulled.load(Ordering::Relaxed)), (MOST, MOST / 1_000 + 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failing_server_is_an_answer_and_asked_once() {
        let script = Script::new().on("GET http://green/", Reply::Answer(503, "text/plain", Vec::new()));
        assert_eq!(script.aws().fetch(&get("http://green")).await.unwrap().status, 503);
        assert_eq!(script.count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_and_lost_connections_are_told_apart() {
        let script = Script::new().on("GET http://silent/", Reply::Silent).on("GET http://gone/", Reply::Lost);
        let aws = script.aws();
        let begun = tokio::time::Instant::now();
        let error = aws.fetch(&get("http://silent/")).await.unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Timeout, "no whole answer within 1500 ms"));
        assert_eq!(begun.elapsed(), Duration::from_millis(1_500));
        assert_eq!(aws.fetch(&get("http://gone/")).await.unwrap_err().kind, ErrorKind::Transport);
    }

    #[tokio::test(start_paused = true)]
    async fn a_url_without_a_host_is_refused() {
        let aws = Script::new().aws();
        for url in ["/health", "green", "http://", "http:// space"] {
            assert_eq!(aws.fetch(&get(url)).await.unwrap_err().kind, ErrorKind::Unexpected, "{url}");
        }
        let odd = Fetch { method: "GE T".to_owned(), ..get("http://green/") };
        assert_eq!(aws.fetch(&odd).await.unwrap_err().kind, ErrorKind::Unexpected);
    }
}
