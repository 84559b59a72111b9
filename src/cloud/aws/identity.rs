//! Who the credentials belong to, and until when.

use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

use super::errors::{during, unexpected};
use super::pace::timestamp;
use super::{Aws, lock};
use crate::cloud::{CloudError, Identity};
use crate::domain::time::Timestamp;

const OPERATION: &str = "sts:GetCallerIdentity";

/// `sts:GetCallerIdentity`. It needs no permission.
pub(super) async fn identity(aws: &Aws) -> Result<Identity, CloudError> {
    let answer = aws.sts.get_caller_identity().send().await.map_err(during(OPERATION))?;
    let (Some(account), Some(arn)) = (answer.account, answer.arn) else {
        return Err(unexpected(OPERATION, "an answer without an account"));
    };
    Ok(Identity { account, arn, expires: aws.expiry.get() })
}

/// When the credentials in use expire, as of the last time the SDK was given any.
#[derive(Clone, Debug, Default)]
pub(super) struct Expiry(Arc<Mutex<Option<Timestamp>>>);

impl Expiry {
    fn get(&self) -> Option<Timestamp> {
        *lock(&self.0)
    }

    fn set(&self, credentials: &Credentials) {
        *lock(&self.0) = credentials.expiry().map(timestamp);
    }
}

/// Hands out another provider's credentials and notes when they expire: the SDK keeps that to itself, and asking the
/// provider again would run a login or a program once more.
#[derive(Debug)]
pub(super) struct Noted {
    inner: SharedCredentialsProvider,
    expiry: Expiry,
}

impl Noted {
    pub(super) fn new(inner: SharedCredentialsProvider, expiry: Expiry) -> Self {
        Self { inner, expiry }
    }
}

impl ProvideCredentials for Noted {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let credentials = self.inner.provide_credentials().await?;
            self.expiry.set(&credentials);
            Ok(credentials)
        })
    }
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
