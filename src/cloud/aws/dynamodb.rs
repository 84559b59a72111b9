//! DynamoDB's JSON protocol, as far as leases need it. See the [API reference][api].
//!
//! A lease is one item. A write names the number and the end of the lease that it replaces: no two writes leave the same
//! of both, so that a write that comes late, or twice, replaces nothing.
//!
//! [api]: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/Welcome.html

use aws_config::SdkConfig;
use aws_sdk_ecs::config::retry::RetryPartition;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::metadata::ErrorMetadata;
use serde_json::{Value, json};

use super::errors::{during, unexpected};
use super::plain::{self, Service};
use crate::cloud::{CloudError, LockTable, Written};
use crate::domain::lease::{Holder, Lease};
use crate::domain::time::Timestamp;

const DYNAMODB: Service = Service { id: "DynamoDB", name: "dynamodb" };

const GET: &str = "dynamodb:GetItem";
const PUT: &str = "dynamodb:PutItem";
const DESCRIBE: &str = "dynamodb:DescribeTable";

/// The key: the one that the tables of Terraform's S3 backend have.
const KEY: &str = "LockID";

/// What a refused condition is called.
const NOT_SO: &str = "ConditionalCheckFailedException";

/// A request.
#[derive(Debug)]
struct Ask {
    operation: &'static str,
    body: Value,
}

/// An answer.
#[derive(Debug)]
enum Told {
    Done(Vec<u8>),
    /// The condition does not hold.
    NotSo(Vec<u8>),
}

/// A client of DynamoDB.
#[derive(Debug)]
pub(super) struct DynamoDb(Operation<Ask, Told, ErrorMetadata>);

impl DynamoDb {
    /// A client with the settings and credentials of `config`.
    pub(super) fn new(config: &SdkConfig, http: SharedHttpClient, allowance: RetryPartition) -> Self {
        Self(plain::operation(DYNAMODB, config, http, allowance).serializer(request).deserializer(answer).build())
    }

    /// See [`Leases::lease`](crate::cloud::Leases::lease).
    pub(super) async fn lease(&self, table: &str, lock: &str) -> Result<Option<Lease>, CloudError> {
        let body = json!({ "TableName": table, "Key": { KEY: { "S": lock } }, "ConsistentRead": true });
        let said = self.ask(GET, "GetItem", body).await?;
        said.get("Item").map(|item| lease_of(GET, item)).transpose()
    }

    /// See [`Leases::write_lease`](crate::cloud::Leases::write_lease).
    pub(super) async fn write(
        &self,
        table: &str,
        lock: &str,
        lease: &Lease,
        instead_of: Option<&Lease>,
    ) -> Result<Written, CloudError> {
        let mut body = json!({
            "TableName": table,
            "Item": item(lock, lease),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        });
        let condition = match instead_of {
            None => json!({ "ConditionExpression": format!("attribute_not_exists({KEY})") }),
            Some(there) => json!({
                "ConditionExpression": "Fence = :fence AND LeaseUntil = :until",
                "ExpressionAttributeValues": {
                    ":fence": { "N": there.number.to_string() },
                    ":until": { "N": millis(there.until).to_string() },
                },
            }),
        };
        if let (Some(body), Value::Object(condition)) = (body.as_object_mut(), condition) {
            body.extend(condition);
        }
        let ask = Ask { operation: "PutItem", body };
        match self.0.invoke(ask).await.map_err(during(PUT))? {
            Told::Done(_) => Ok(Written::Done),
            Told::NotSo(said) => {
                let said: Value = serde_json::from_slice(&said).unwrap_or_default();
                let there = match said.get("Item") {
                    Some(item) => Some(lease_of(PUT, item)?),
                    // It is not told by everything that speaks this protocol.
                    None => self.lease(table, lock).await?,
                };
                // A repeat of a write whose answer was lost.
                Ok(if there.as_ref() == Some(lease) { Written::Done } else { Written::Not(there) })
            }
        }
    }

    /// See [`Leases::lock_table`](crate::cloud::Leases::lock_table).
    pub(super) async fn table(&self, table: &str) -> Result<LockTable, CloudError> {
        let said = self.ask(DESCRIBE, "DescribeTable", json!({ "TableName": table })).await?;
        let table = said.get("Table").ok_or_else(|| unexpected(DESCRIBE, "an answer without a table"))?;
        let all = |member: &str| table.get(member).and_then(Value::as_array).cloned().unwrap_or_default();
        let types = all("AttributeDefinitions");
        let typed = |name: &str| {
            let it = types.iter().find(|it| text(it, "AttributeName") == Some(name));
            format!("{name} ({})", it.and_then(|it| text(it, "AttributeType")).unwrap_or("?"))
        };
        let key = all("KeySchema").iter().filter_map(|it| text(it, "AttributeName").map(typed)).collect();
        Ok(LockTable { status: text(table, "TableStatus").unwrap_or_default().to_owned(), key })
    }

    async fn ask(&self, name: &'static str, operation: &'static str, body: Value) -> Result<Value, CloudError> {
        match self.0.invoke(Ask { operation, body }).await.map_err(during(name))? {
            Told::Done(said) => serde_json::from_slice(&said).map_err(|error| unexpected(name, error.to_string())),
            Told::NotSo(_) => Err(unexpected(name, "a condition that was not asked for does not hold")),
        }
    }
}

/// A lease as it lies in the table. A number cannot be nothing: one that was given back ended at 0.
fn item(lock: &str, lease: &Lease) -> Value {
    let Lease { number, owner, until, holder } = lease;
    json!({
        KEY: { "S": lock },
        "Fence": { "N": number.to_string() },
        "LeaseOwner": { "S": owner },
        "LeaseUntil": { "N": millis(*until).to_string() },
        "HeldFor": { "S": holder.what },
        "HeldBy": { "S": holder.name },
        "HeldOn": { "S": holder.host },
        "HeldSince": { "N": holder.since.millis().to_string() },
    })
}

fn millis(until: Option<Timestamp>) -> i64 {
    until.map_or(0, Timestamp::millis)
}

fn lease_of(operation: &'static str, item: &Value) -> Result<Lease, CloudError> {
    let text = |name: &str| item.get(name).and_then(|it| text(it, "S")).unwrap_or_default().to_owned();
    let number = |name: &str| item.get(name).and_then(text_number);
    let (Some(fence), Some(until)) = (number("Fence"), number("LeaseUntil")) else {
        let lock = text(KEY);
        return Err(unexpected(
            operation,
            format!("item {lock} is no lease of cutover's: it has no Fence or LeaseUntil"),
        ));
    };
    Ok(Lease {
        number: fence.unsigned_abs(),
        owner: text("LeaseOwner"),
        until: (until != 0).then(|| Timestamp::from_millis(until)),
        holder: Holder {
            what: text("HeldFor"),
            name: text("HeldBy"),
            host: text("HeldOn"),
            since: Timestamp::from_millis(number("HeldSince").unwrap_or_default()),
        },
    })
}

fn text_number(value: &Value) -> Option<i64> {
    text(value, "N")?.parse().ok()
}

fn text<'v>(value: &'v Value, member: &str) -> Option<&'v str> {
    value.get(member)?.as_str()
}

fn request(ask: Ask) -> Result<HttpRequest, BoxError> {
    let body = ask.body.to_string();
    let length = body.len().to_string();
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("POST")?;
    request.set_uri("/")?;
    request.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    request.headers_mut().insert("content-length", length);
    request.headers_mut().insert("x-amz-target", format!("DynamoDB_20120810.{}", ask.operation));
    Ok(request)
}

fn answer(response: &HttpResponse) -> Result<Told, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return Ok(Told::Done(body.to_vec()));
    }
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    // `com.amazonaws.dynamodb.v20120810#ResourceNotFoundException`, or without what comes before the hash.
    let code = text(&said, "__type").map(|kind| kind.rsplit('#').next().unwrap_or(kind));
    if code == Some(NOT_SO) {
        return Ok(Told::NotSo(body.to_vec()));
    }
    let mut refusal = ErrorMetadata::builder();
    if let Some(code) = code {
        refusal = refusal.code(code);
    }
    if let Some(message) = text(&said, "message").or_else(|| text(&said, "Message")) {
        refusal = refusal.message(message);
    }
    Err(OrchestratorError::operation(refusal.build()))
}
