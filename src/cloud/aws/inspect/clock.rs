//! What time it is for AWS: the `Date` of an answer.

use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use jiff::fmt::rfc2822;

use super::super::errors::during;
use super::super::{Aws, lock};
use crate::cloud::CloudError;
use crate::domain::time::Timestamp;

const OPERATION: &str = "sts:GetCallerIdentity";

pub(super) async fn time(aws: &Aws) -> Result<Option<Timestamp>, CloudError> {
    let seen = Arc::new(Mutex::new(None));
    let call = aws.sts.get_caller_identity().customize().interceptor(Watch(Arc::clone(&seen)));
    call.send().await.map_err(during(OPERATION))?;
    let date: Option<String> = lock(&seen).take();
    Ok(date.and_then(|date| parsed(&date)))
}

/// `Fri, 20 Nov 2026 08:00:00 GMT`.
fn parsed(date: &str) -> Option<Timestamp> {
    let at = rfc2822::parse(date).ok()?;
    Some(Timestamp::from_secs(at.timestamp().as_second()))
}

/// Keeps the `Date` of the last answer.
#[derive(Debug)]
struct Watch(Arc<Mutex<Option<String>>>);

#[dyn_dispatch_hint]
impl Intercept for Watch {
    fn name(&self) -> &'static str {
        "Watch"
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        *lock(&self.0) = context.response().headers().get("date").map(str::to_owned);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_an_answer_is_read() {
        assert_eq!(parsed("Fri, 20 Nov 2026 08:00:00 GMT"), Some(Timestamp::from_secs(1_795_161_600)));
        assert_eq!(parsed("yesterday"), None);
    }
}
