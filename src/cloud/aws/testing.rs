//! An HTTP client that answers from a script and keeps what it was sent.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex};

use aws_smithy_cbor::Encoder;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::DateTime;
use aws_smithy_types::body::SdkBody;
use serde_json::Value;

use super::{Aws, lock};
use std::time::Duration;

use crate::clock::Clock;
use crate::domain::ids::TaskDefinitionArn;
use crate::domain::plan::{Driver, SidePlan, Sides};
use crate::domain::time::Timestamp;

pub(super) const RULE: &str = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/front/0a/1b/2c";
pub(super) const LISTENER: &str = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/front/0a/1b";
pub(super) const BLUE: &str = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/api-a/aa";
pub(super) const GREEN: &str = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/api-b/bb";

/// The moment at which every test begins.
pub(super) const START: Timestamp = Timestamp::from_secs(1_795_161_600);

/// Two sides behind [`RULE`].
pub(super) fn sides() -> Sides {
    let side = |service: &str, target_group: &str| SidePlan {
        service: service.to_owned(),
        target_group: target_group.to_owned(),
        task_definition: TaskDefinitionArn::from("api:41"),
        container: "api".to_owned(),
        desired: 2,
        url: None,
    };
    Sides {
        driver: Driver::Alb,
        expiry: Duration::ZERO,
        group: None,
        rule: RULE.to_owned(),
        blue: side("api-a", BLUE),
        green: side("api-b", GREEN),
    }
}

/// One answer.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    Answer(u16, &'static str, Vec<u8>),
    /// The request was sent, and the connection lost before its answer came.
    Lost,
    /// No answer ever comes.
    Silent,
}

/// An answer of ECS or Logs.
pub(super) fn json(body: Value) -> Reply {
    Reply::Answer(200, "application/x-amz-json-1.1", body.to_string().into_bytes())
}

/// An error of ECS or Logs.
pub(super) fn json_error(code: &str, message: &str) -> Reply {
    let body = serde_json::json!({ "__type": code, "message": message });
    Reply::Answer(400, "application/x-amz-json-1.1", body.to_string().into_bytes())
}

/// An answer of the load balancer, SNS or STS, `result` being what stands inside `<…Result>`.
pub(super) fn xml(operation: &str, result: &str) -> Reply {
    let body = format!("<{operation}Response><{operation}Result>{result}</{operation}Result></{operation}Response>");
    Reply::Answer(200, "text/xml", body.into_bytes())
}

/// An error of the load balancer, SNS or STS.
pub(super) fn xml_error(status: u16, code: &str, message: &str) -> Reply {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>1</RequestId></ErrorResponse>"
    );
    Reply::Answer(status, "text/xml", body.into_bytes())
}

/// An answer of CloudWatch. Strings such as `@1795161600` are moments, in seconds.
pub(super) fn cbor(body: &Value) -> Reply {
    Reply::Answer(200, "application/cbor", encoded(body))
}

/// An error of CloudWatch.
pub(super) fn cbor_error(code: &str, message: &str) -> Reply {
    let body = encoded(&serde_json::json!({ "__type": code, "message": message }));
    Reply::Answer(400, "application/cbor", body)
}

fn encoded(value: &Value) -> Vec<u8> {
    fn write(to: &mut Encoder, value: &Value) {
        match value {
            Value::Null => to.null(),
            Value::Bool(it) => to.boolean(*it),
            Value::Number(it) => match it.as_i64() {
                Some(whole) => to.long(whole),
                None => to.double(it.as_f64().unwrap()),
            },
            Value::String(it) => match it.strip_prefix('@') {
                Some(secs) => to.timestamp(&DateTime::from_secs(secs.parse().unwrap())),
                None => to.str(it),
            },
            Value::Array(items) => {
                to.array(items.len());
                for item in items {
                    write(to, item);
                }
                to
            }
            Value::Object(fields) => {
                to.map(fields.len());
                for (name, value) in fields {
                    to.str(name);
                    write(to, value);
                }
                to
            }
        };
    }
    let mut encoder = Encoder::new(Vec::new());
    write(&mut encoder, value);
    encoder.into_writer()
}

/// A request as it was sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    /// `ModifyRule`; method and URL of what is not AWS's.
    pub(super) operation: String,
    body: Vec<u8>,
}

impl Sent {
    /// The body of a call to ECS or Logs.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Whether the body of a call to CloudWatch holds this value.
    pub(super) fn holds(&self, value: &Value) -> bool {
        let value = encoded(value);
        self.body.windows(value.len()).any(|bytes| bytes == value)
    }

    /// The body of a call to the load balancer, SNS or STS.
    pub(super) fn form(&self) -> HashMap<String, String> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }
}

/// Answers by operation, in order; the last one of an operation again and again.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    replies: Arc<Mutex<HashMap<String, VecDeque<Reply>>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Script {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds an answer to an operation; with more words, such as `ListTasks api-a`, only to requests that hold them.
    pub(super) fn on(self, operation: &str, reply: Reply) -> Self {
        lock(&self.replies).entry(operation.to_owned()).or_default().push_back(reply);
        self
    }

    /// AWS as this script has it.
    pub(super) fn aws(&self) -> Aws {
        let connector = SharedHttpConnector::new(self.clone());
        let http: SharedHttpClient = http_client_fn(move |_, _| connector.clone());
        Aws::simulated(http, Clock::starting_at(START, 1.0), "eu-west-1", "prod")
    }

    /// Every request of an operation so far.
    pub(super) fn sent(&self, operation: &str) -> Vec<Sent> {
        lock(&self.sent).iter().filter(|sent| sent.operation == operation).cloned().collect()
    }

    /// How many requests have been sent.
    pub(super) fn count(&self) -> usize {
        lock(&self.sent).len()
    }

    fn reply_to(&self, operation: &str, body: &[u8]) -> Reply {
        let body = String::from_utf8_lossy(body);
        let mut replies = lock(&self.replies);
        let is_for = |key: &String| {
            let words = key.strip_prefix(operation).and_then(|rest| rest.strip_prefix(' '));
            words.is_some_and(|words| words.split(' ').all(|word| body.contains(word)))
        };
        let key = replies.keys().find(|key| is_for(key)).cloned().unwrap_or_else(|| operation.to_owned());
        let queue = replies.get_mut(&key).unwrap_or_else(|| panic!("nothing scripted for {operation}: {body}"));
        if queue.len() > 1 { queue.pop_front().unwrap() } else { queue.front().cloned().unwrap() }
    }
}

impl HttpConnector for Script {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().unwrap_or_default().to_vec();
        let operation = operation_of(&request, &body);
        let reply = self.reply_to(&operation, &body);
        lock(&self.sent).push(Sent { operation, body });
        HttpConnectorFuture::new(async move {
            match reply {
                Reply::Answer(status, content_type, body) => {
                    let mut answer = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
                    answer.headers_mut().insert("content-type", content_type);
                    if content_type == "application/cbor" {
                        answer.headers_mut().insert("smithy-protocol", "rpc-v2-cbor");
                    }
                    Ok(answer)
                }
                Reply::Lost => Err(ConnectorError::io(io::Error::from(io::ErrorKind::ConnectionReset).into())),
                Reply::Silent => std::future::pending().await,
            }
        })
    }
}

fn operation_of(request: &HttpRequest, body: &[u8]) -> String {
    if let Some(target) = request.headers().get("x-amz-target") {
        return target.rsplit('.').next().unwrap().to_owned();
    }
    if let Some((_, operation)) = request.uri().rsplit_once("/operation/") {
        return operation.to_owned();
    }
    let action = form_urlencoded::parse(body).find(|(name, _)| name == "Action");
    action.map_or_else(|| format!("{} {}", request.method(), request.uri()), |(_, action)| action.into_owned())
}
