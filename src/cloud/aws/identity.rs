//! Who the credentials belong to, and until when.

use super::Aws;
use super::errors::{during, unexpected};
use crate::cloud::{CloudError, Identity};

const OPERATION: &str = "sts:GetCallerIdentity";

/// `sts:GetCallerIdentity`. It needs no permission.
pub(super) async fn identity(aws: &Aws) -> Result<Identity, CloudError> {
    let answer = aws.sts.get_caller_identity().send().await.map_err(during(OPERATION))?;
    let (Some(account), Some(arn)) = (answer.account, answer.arn) else {
        return Err(unexpected(OPERATION, "an answer without an account"));
    };
    Ok(Identity { account, arn, expires: aws.known.expires(), is_renewed: aws.known.is_renewed() })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::cloud::Cloud as _;
    use crate::cloud::aws::testing::{START, Script, xml};

    #[tokio::test(start_paused = true)]
    async fn the_expiry_is_that_of_the_credentials_in_use() {
        let arn = "arn:aws:sts::123456789012:assumed-role/release/me";
        let said = format!("<Arn>{arn}</Arn><UserId>A:me</UserId><Account>123456789012</Account>");
        let script = Script::new().on("GetCallerIdentity", xml("GetCallerIdentity", &said));
        let aws = script.aws();
        let hour = Duration::from_hours(1);
        let identity = aws.identity().await.unwrap();
        assert_eq!((&*identity.account, &*identity.arn), ("123456789012", arn));
        assert_eq!(identity.expires, Some(START + hour));
        // New ones are taken when the old are about to end.
        tokio::time::advance(hour).await;
        assert_eq!(aws.identity().await.unwrap().expires, Some(START + hour + hour));
    }
}
