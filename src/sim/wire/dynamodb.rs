//! DynamoDB: awsJson 1.0, without awsQuery's error codes.

use serde_json::{Value as Json, json};

use super::input::Input;
use super::service::Service;
use super::value::{Fields, Value};
use crate::sim::world::dynamodb::{Item, Put, Table};
use crate::sim::world::{ApiResult, World};

/// What stands before the names of its refusals.
pub(super) const SHAPES: &str = "com.amazonaws.dynamodb.v20120810#";

pub(super) fn call(world: &mut World, operation: &str, input: Input<'_>) -> ApiResult<Value> {
    let map = |name: &str| input.raw(name).and_then(Json::as_object).cloned().unwrap_or_default();
    let table = input.required("TableName")?;
    match operation {
        "DescribeTable" => Ok(Fields::new().with("Table", described(world.describe_table(table)?)).into()),
        "GetItem" => {
            let found = world.get_item(table, &map("Key"))?;
            Ok(Fields::new().maybe("Item", found.map(written)).into())
        }
        "PutItem" => {
            let condition = input.text("ConditionExpression")?;
            let done = world.put_item(table, map("Item"), condition, &map("ExpressionAttributeValues"))?;
            let tells = input.text("ReturnValuesOnConditionCheckFailure")? == Some("ALL_OLD");
            Ok(match done {
                Put::Done => Value::nothing(),
                Put::NotSo(there) => Fields::new()
                    .with("__type", format!("{SHAPES}ConditionalCheckFailedException"))
                    .with("message", "The conditional request failed")
                    .maybe("Item", there.filter(|_| tells).map(written))
                    .into(),
            })
        }
        _ => Err(Service::DynamoDb.unknown_operation(operation)),
    }
}

fn written(item: Item) -> Value {
    Value::from(&Json::Object(item))
}

fn described(table: &Table) -> Value {
    Value::from(&json!({
        "TableName": table.name,
        "TableStatus": "ACTIVE",
        "AttributeDefinitions": [{ "AttributeName": table.key, "AttributeType": table.key_type }],
        "KeySchema": [{ "AttributeName": table.key, "KeyType": "HASH" }],
        "BillingModeSummary": { "BillingMode": "PAY_PER_REQUEST" },
    }))
}
