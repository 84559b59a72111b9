//! Security Token Service.

use super::input::Input;
use super::service::Service;
use super::value::{Fields, Value};
use crate::sim::world::{ApiResult, World};

pub(super) fn call(world: &World, operation: &str, _input: Input<'_>) -> ApiResult<Value> {
    match operation {
        "GetCallerIdentity" => {
            let caller = world.get_caller_identity()?;
            Ok(Fields::new()
                .with("Arn", caller.arn)
                .with("UserId", caller.user_id)
                .with("Account", caller.account)
                .into())
        }
        _ => Err(Service::Sts.unknown_operation(operation)),
    }
}
