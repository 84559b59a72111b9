//! One HTTP request to a receiver of messages, over the same client as the SDK's calls: certificates are checked against
//! the machine's own, the usual proxy variables are honoured, and a simulated AWS answers for its receivers too.

use std::error::Error as StdError;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::interceptors::context::{Error, Output};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::ser_de::DeserializeResponse;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::timeout::TimeoutConfig;
use http::Uri;
use http_body_util::BodyExt as _;
use serde_json::Value;

use super::{refused, transient};
use crate::clock::Clock;
use crate::domain::effect::Failure;
use crate::domain::time::Timestamp;

/// A request is given up after this long, its answer's body included.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Opening a connection is given up after this long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Most of an answer's body that is read, in bytes.
const MOST: usize = 1024 * 1024;

/// Most of an answer's body that is repeated in an error, in characters.
const QUOTED: usize = 160;

/// How long to keep away from a receiver that says that it is too much and not until when.
const UNSAID: Duration = Duration::from_secs(5);

/// The longest that a receiver's wish to be left alone is heeded.
const LONGEST_WAIT: Duration = Duration::from_mins(2);

const USER_AGENT: &str = concat!("cutover/", env!("CARGO_PKG_VERSION"));

/// An HTTP client, and the clock that its waits pass on.
#[derive(Clone, Debug)]
pub struct Http {
    client: SharedHttpClient,
    clock: Clock,
}

impl Http {
    /// Sends by `client`.
    pub fn new(client: SharedHttpClient, clock: Clock) -> Self {
        Self { client, clock }
    }

    /// The clock that its waits pass on.
    pub fn clock(&self) -> Clock {
        self.clock
    }
}

/// A request.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) method: http::Method,
    /// Absolute; it may be a secret, and no error repeats it.
    pub(super) url: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl fmt::Debug for Request {
    /// URL, headers and body may each hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("method", &self.method).finish_non_exhaustive()
    }
}

impl Request {
    /// One that reads.
    pub(super) fn get(url: String) -> Self {
        Self { method: http::Method::GET, url, headers: Vec::new(), body: Vec::new() }
    }

    /// One that sends JSON.
    pub(super) fn json(method: http::Method, url: String, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json; charset=utf-8".to_owned())];
        Self { method, url, headers, body: body.to_string().into_bytes() }
    }

    /// With one more header.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// An answer that is not a refusal.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null when it is none.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// The way to one receiver. It keeps away while the receiver wants to be left alone.
#[derive(Debug)]
pub(super) struct Line {
    http: Http,
    not_before: Mutex<Option<Timestamp>>,
}

impl Line {
    pub(super) fn new(http: Http) -> Self {
        Self { http, not_before: Mutex::new(None) }
    }

    pub(super) fn clock(&self) -> Clock {
        self.http.clock
    }

    /// Sends one request, once, and sorts its answer: whatever is not a success is a failure.
    pub(super) async fn call(&self, request: Request) -> Result<Answer, Failure> {
        let clock = self.http.clock;
        let not_before = *self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = not_before {
            clock.sleep_until(at).await;
        }
        let limit = clock.real(TIMEOUT);
        let late = || transient(format!("no answer within {} s", TIMEOUT.as_secs()));
        let (head, body) = tokio::time::timeout(limit, exchange(&self.http, request)).await.map_err(|_| late())??;
        if (200..300).contains(&head.status) {
            return Ok(Answer { body });
        }
        let is_too_much = matches!(head.status, 420 | 429);
        if is_too_much || (head.status == 503 && head.retry_after.is_some()) {
            let wait = head.retry_after.unwrap_or(UNSAID).min(LONGEST_WAIT);
            *self.not_before.lock().unwrap_or_else(PoisonError::into_inner) = Some(clock.now() + wait);
        }
        let is_transient = is_too_much || matches!(head.status, 408 | 425 | 500..=599);
        let said = super::words::cut(String::from_utf8_lossy(&body).trim(), QUOTED);
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        Err(Failure { transient: is_transient, message: format!("refused with status {}{said}", head.status) })
    }
}

async fn exchange(http: &Http, request: Request) -> Result<(Head, Vec<u8>), Failure> {
    let wrong = || refused("its URL cannot be used; give an absolute http or https URL");
    let url: Uri = request.url.parse().map_err(|_| wrong())?;
    let (Some(scheme), Some(authority)) = (url.scheme_str(), url.authority()) else { return Err(wrong()) };
    let endpoint = format!("{scheme}://{authority}");
    let path = url.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let operation = Operation::builder()
        .service_name("http")
        .operation_name("Notify")
        .http_client(http.client.clone())
        .endpoint_url(&endpoint)
        .no_auth()
        .no_retry()
        .sleep_impl(TokioSleep::new())
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).build())
        .serializer(move |request: Request| {
            let mut made = http::Request::builder().method(request.method).uri(path.as_str());
            made = made.header("user-agent", USER_AGENT);
            for (name, value) in request.headers {
                made = made.header(name, value);
            }
            Ok(HttpRequest::try_from(made.body(SdkBody::from(request.body))?)?)
        })
        .deserializer_impl::<Head, Unreadable>(TakeBody)
        .build();
    let mut head = operation.invoke(request).await.map_err(|error| lost(&error))?;
    let body = std::mem::replace(&mut head.body, SdkBody::taken());
    let body = read(body).await.map_err(|error| transient(format!("the answer broke off: {}", deepest(&*error))))?;
    Ok((head, body))
}

/// A request without an answer. Only one that was never made is not worth another try.
fn lost(error: &SdkError<Unreadable, HttpResponse>) -> Failure {
    match error {
        SdkError::ConstructionFailure(_) => refused("its URL or a header of it cannot be sent"),
        SdkError::TimeoutError(_) => transient("no connection in time"),
        error => transient(format!("no answer: {}", deepest(error))),
    }
}

/// The last error of the chain says what happened; those before it say that something did.
fn deepest<'e>(error: &'e (dyn StdError + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |cause: &&'e (dyn StdError + 'static)| (*cause).source());
    chain.last().map_or_else(String::new, ToString::to_string)
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
    retry_after: Option<Duration>,
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
        // Receivers give seconds; the header's other form, a date, is none that they use.
        let seconds = response.headers().get("retry-after").and_then(|value| value.trim().parse().ok());
        let status = response.status().as_u16();
        let retry_after = seconds.map(Duration::from_secs);
        Some(Ok(Output::erase(Head { status, retry_after, body: response.take_body() })))
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
struct Unreadable;
