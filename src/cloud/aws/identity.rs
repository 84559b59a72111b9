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
