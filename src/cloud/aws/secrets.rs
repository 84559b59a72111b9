//! Secrets Manager: a secret's dates. Nothing here can read a value.

use aws_sdk_secretsmanager::primitives::DateTime;

use super::Aws;
use super::errors::during;
use crate::cloud::{CloudError, ErrorKind, Secret};
use crate::domain::time::Timestamp;

const DESCRIBE: &str = "secretsmanager:DescribeSecret";

/// The secret, if it is there.
pub(super) async fn secret(aws: &Aws, name: &str) -> Result<Option<Secret>, CloudError> {
    let found = match aws.secrets.describe_secret().secret_id(name).send().await.map_err(during(DESCRIBE)) {
        Ok(found) => found,
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(Some(Secret {
        name: found.name.unwrap_or_else(|| name.to_owned()),
        rotates: found.rotation_enabled.unwrap_or_default(),
        rotated: found.last_rotated_date.as_ref().and_then(moment),
        created: found.created_date.as_ref().and_then(moment),
        deleted: found.deleted_date.as_ref().and_then(moment),
    }))
}

fn moment(at: &DateTime) -> Option<Timestamp> {
    at.to_millis().ok().map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cloud::Cloud as _;
    use crate::cloud::aws::testing::{Script, json, json_error};

    #[tokio::test(start_paused = true)]
    async fn only_dates_are_asked_for_and_a_missing_secret_is_none() {
        let answer = json!({ "Name": "shop/db", "RotationEnabled": true, "LastRotatedDate": 1_795_161_600.0 });
        let script = Script::new().on("DescribeSecret", json(answer));
        let found = script.aws().estate().secret("shop/db").await.unwrap().unwrap();
        assert!(found.rotates && found.deleted.is_none(), "{found:?}");
        assert_eq!(found.rotated, Some(Timestamp::from_secs(1_795_161_600)));
        assert_eq!(script.sent("DescribeSecret")[0].json(), json!({ "SecretId": "shop/db" }));
        assert_eq!(script.count(), 1);

        let script = Script::new().on("DescribeSecret", json_error("ResourceNotFoundException", "not there"));
        assert_eq!(script.aws().estate().secret("shop/db").await, Ok(None));
    }
}
