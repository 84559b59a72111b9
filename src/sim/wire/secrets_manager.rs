//! Secrets Manager. There are no values here to be read.

use super::input::Input;
use super::service::Service;
use super::value::{Fields, Value};
use crate::sim::world::estate::Secret;
use crate::sim::world::{ApiResult, World};

pub(super) fn call(world: &World, operation: &str, input: Input<'_>) -> ApiResult<Value> {
    match operation {
        "DescribeSecret" => Ok(secret(world.describe_secret(input.required("SecretId")?)?).into()),
        _ => Err(Service::SecretsManager.unknown_operation(operation)),
    }
}

fn secret(it: Secret) -> Fields {
    let rules = it.rotation_days.map(|days| Fields::new().with("AutomaticallyAfterDays", i64::from(days)));
    let versions = Value::Map(vec![("current".to_owned(), Value::list(["AWSCURRENT"]))]);
    Fields::new()
        .with("ARN", it.arn)
        .with("Name", it.name)
        .with("RotationEnabled", it.rotation_days.is_some())
        .maybe("RotationRules", rules)
        .maybe("LastRotatedDate", it.rotated_at)
        .with("LastChangedDate", it.rotated_at.unwrap_or(it.created_at))
        .maybe("DeletedDate", it.deleted_at)
        .with("VersionIdsToStages", versions)
        .with("CreatedDate", it.created_at)
}
