//! Every way in which the SDK fails, as one of [`ErrorKind`]'s kinds and a message for people.

use std::error::Error;
use std::iter;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::cloud::{CloudError, ErrorKind};
use crate::domain::redact::Redactor;

/// Longest message kept, in characters: IAM's longest denials still name the action within it.
const LONGEST: usize = 400;

/// Turns the SDK's error of `operation`, such as `ecs:UpdateService`, into the cloud's: for `map_err`.
pub(super) fn during<E>(operation: &'static str) -> impl FnOnce(SdkError<E, HttpResponse>) -> CloudError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    move |error| {
        let (kind, message) = match &error {
            SdkError::ServiceError(answer) => of_answer(answer.err(), answer.raw().status().as_u16()),
            SdkError::ResponseError(answer) => of_status(answer.raw().status().as_u16()),
            SdkError::TimeoutError(_) => (ErrorKind::Timeout, "no answer in time".to_owned()),
            SdkError::DispatchFailure(failure) => of_dispatch(&error, failure.is_timeout(), failure.is_io()),
            failure => of_request(failure),
        };
        told(operation, kind, &message)
    }
}

/// An answer or a state that makes no sense here.
pub(super) fn unexpected(operation: &'static str, message: impl AsRef<str>) -> CloudError {
    told(operation, ErrorKind::Unexpected, message.as_ref())
}

/// What was named is not there.
pub(super) fn not_found(operation: &'static str, message: impl AsRef<str>) -> CloudError {
    told(operation, ErrorKind::NotFound, message.as_ref())
}

/// An error of `kind`, its message on one line, without control characters and secrets, and not too long.
pub(super) fn told(operation: &'static str, kind: ErrorKind, message: &str) -> CloudError {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let clean = Redactor::default().clean(&line);
    let message = match clean.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", clean.get(..end).unwrap_or_default()),
        None => clean,
    };
    CloudError { kind, operation, message }
}

fn of_answer(error: &(impl ProvideErrorMetadata + Error), status: u16) -> (ErrorKind, String) {
    let Some(code) = error.code() else { return of_status(status) };
    let said = error.message().unwrap_or_default();
    let kind = kind_of(code, said, status);
    // These answers repeat the request that was signed, the security token among its headers.
    let message = if is_about_signing(code) {
        format!("the request's signature was not accepted; check this machine's clock and the credentials ({code})")
    } else if said.is_empty() {
        code.to_owned()
    } else {
        format!("{} ({code})", said.trim_end_matches('.'))
    };
    (kind, message)
}

/// An answer that is not the service's own: a proxy's page, or half a body.
fn of_status(status: u16) -> (ErrorKind, String) {
    let kind = kind_of_status(status).unwrap_or(ErrorKind::Unexpected);
    (kind, format!("an answer with status {status} that cannot be read"))
}

fn of_dispatch(error: &(dyn Error + 'static), is_timeout: bool, is_io: bool) -> (ErrorKind, String) {
    if let Some(failure) = credentials_error(error) {
        return of_credentials(failure);
    }
    let kind = match (is_timeout, is_io) {
        (true, _) => ErrorKind::Timeout,
        (_, true) => ErrorKind::Transport,
        _ => ErrorKind::Unexpected,
    };
    (kind, deepest(error))
}

/// The request could not even be made.
fn of_request(error: &(dyn Error + 'static)) -> (ErrorKind, String) {
    credentials_error(error).map_or_else(|| (ErrorKind::Unexpected, deepest(error)), of_credentials)
}

fn of_credentials(error: &CredentialsError) -> (ErrorKind, String) {
    let kind = match error {
        CredentialsError::ProviderTimedOut(_) => ErrorKind::Timeout,
        CredentialsError::InvalidConfiguration(_) => ErrorKind::Denied,
        // A new login brings others: to whoever waits, the same as credentials that have expired.
        _ => ErrorKind::Expired,
    };
    let why = match error {
        // What it says is a list of every place that was looked at.
        CredentialsError::CredentialsNotLoaded(_) => {
            "none in the environment, the profile or the machine's role".into()
        }
        error => deepest(error),
    };
    (kind, format!("no usable credentials ({why}); log in again or check the profile"))
}

fn credentials_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e CredentialsError> {
    chain(error).find_map(|cause| cause.downcast_ref())
}

fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    iter::successors(Some(error), |cause: &&'e (dyn Error + 'static)| (*cause).source())
}

/// The last error of the chain says what happened; those before it say `dispatch failure`.
fn deepest(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map_or_else(String::new, ToString::to_string)
}

fn is_about_signing(code: &str) -> bool {
    matches!(code, "SignatureDoesNotMatch" | "InvalidSignatureException" | "IncompleteSignature")
        || code.starts_with("IncompleteSignature")
}

/// The kind of an AWS error code. The three protocols spell the same trouble differently, hence the prefixes.
fn kind_of(code: &str, message: &str, status: u16) -> ErrorKind {
    let any = |words: &[&str]| words.iter().any(|word| code.contains(word));
    if any(&["Throttl", "TooManyRequests", "RequestLimitExceeded", "SlowDown", "BandwidthLimit"])
        || any(&["ProvisionedThroughputExceeded"])
    {
        ErrorKind::Throttled
    } else if any(&["ExpiredToken", "TokenRefreshRequired", "RequestExpired"]) {
        ErrorKind::Expired
    } else if is_about_signing(code)
        || any(&["AccessDenied", "AuthorizationError", "NotAuthorized", "Unauthorized", "UnrecognizedClient"])
        || any(&["InvalidClientTokenId", "OptInRequired", "MissingAuthenticationToken", "InvalidAccessKeyId"])
    {
        ErrorKind::Denied
    } else if any(&["NotFound", "DoesNotExist"]) || message.contains("Unable to describe task definition") {
        // ECS calls a task definition that is not there a ClientException.
        ErrorKind::NotFound
    } else if any(&["Conflict", "InUse", "UpdateInProgress", "ServiceNotActive", "Concurrent", "OperationAborted"])
        || any(&["DeploymentLimitExceeded", "DeploymentAlreadyCompleted", "DeploymentIsNotInReadyState"])
        || any(&["InvalidDeploymentStatus"])
    {
        ErrorKind::Conflict
    } else if any(&["RequestTimeout"]) {
        ErrorKind::Timeout
    } else if any(&["InternalFailure", "InternalError", "InternalServ", "ServerException", "ServiceUnavailable"]) {
        ErrorKind::Unavailable
    } else {
        kind_of_status(status).unwrap_or(ErrorKind::Unexpected)
    }
}

fn kind_of_status(status: u16) -> Option<ErrorKind> {
    match status {
        408 => Some(ErrorKind::Timeout),
        429 => Some(ErrorKind::Throttled),
        401 | 403 => Some(ErrorKind::Denied),
        500.. => Some(ErrorKind::Unavailable),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::result::ConnectorError;

    use super::*;
    use crate::cloud::aws::testing::{Reply, Script, cbor_error, json, json_error, sides, xml_error};
    use crate::cloud::{Cloud as _, Rollout};
    use crate::domain::ids::{AlarmName, Side};

    #[test]
    fn the_codes_of_all_three_protocols_fall_into_the_kinds_that_can_be_acted_on() {
        let kinds = [
            ("ThrottlingException", 400, ErrorKind::Throttled),
            ("Throttling", 400, ErrorKind::Throttled),
            ("KMSThrottling", 400, ErrorKind::Throttled),
            ("TooManyRequestsException", 429, ErrorKind::Throttled),
            ("RequestLimitExceeded", 503, ErrorKind::Throttled),
            ("ProvisionedThroughputExceededException", 400, ErrorKind::Throttled),
            ("ExpiredToken", 403, ErrorKind::Expired),
            ("ExpiredTokenException", 400, ErrorKind::Expired),
            ("AccessDenied", 403, ErrorKind::Denied),
            ("AccessDeniedException", 400, ErrorKind::Denied),
            ("AuthorizationError", 403, ErrorKind::Denied),
            ("SignatureDoesNotMatch", 403, ErrorKind::Denied),
            ("UnrecognizedClientException", 400, ErrorKind::Denied),
            ("ServiceNotFoundException", 400, ErrorKind::NotFound),
            ("RuleNotFound", 400, ErrorKind::NotFound),
            ("NotFound", 404, ErrorKind::NotFound),
            ("UpdateInProgressException", 400, ErrorKind::Conflict),
            ("DeploymentLimitExceededException", 400, ErrorKind::Conflict),
            ("DeploymentAlreadyCompletedException", 400, ErrorKind::Conflict),
            ("DeploymentGroupDoesNotExistException", 400, ErrorKind::NotFound),
            ("ResourceInUse", 400, ErrorKind::Conflict),
            ("RequestTimeoutException", 400, ErrorKind::Timeout),
            ("InternalServiceFault", 500, ErrorKind::Unavailable),
            ("ServerException", 500, ErrorKind::Unavailable),
            ("SomethingNew", 503, ErrorKind::Unavailable),
            ("InvalidParameterException", 400, ErrorKind::Unexpected),
        ];
        for (code, status, kind) in kinds {
            assert_eq!(kind_of(code, "", status), kind, "{code}");
        }
        assert_eq!(kind_of("ClientException", "Unable to describe task definition.", 400), ErrorKind::NotFound);
    }

    #[test]
    fn a_message_is_one_short_line_without_secrets() {
        let long = format!("first\n\u{1b}[31msecond key AKIAABCDEFGHIJKLMNOP {}", "x".repeat(900));
        let message = unexpected("ecs:UpdateService", long).message;
        assert!(message.starts_with("first "), "{message}");
        assert!(!message.contains(['\n', '\u{1b}']) && !message.contains("AKIA"), "{message}");
        assert_eq!(message.chars().count(), LONGEST + 1);
    }

    async fn kinds(reply: Reply) -> [ErrorKind; 3] {
        let script = Script::new()
            .on("UpdateService", reply.clone())
            .on("DescribeRules", reply.clone())
            .on("DescribeAlarms", reply);
        let aws = script.aws();
        let json = aws.scale(&Rollout::of(&sides()), Side::Blue, 1, None).await.unwrap_err();
        let query = aws.weight(&sides()).await.unwrap_err();
        let cbor = aws.alarms(&[AlarmName::from("api-5xx")]).await.unwrap_err();
        assert_eq!(
            [json.operation, query.operation, cbor.operation],
            ["ecs:UpdateService", "elasticloadbalancing:DescribeRules", "cloudwatch:DescribeAlarms"]
        );
        [json.kind, query.kind, cbor.kind]
    }

    #[tokio::test(start_paused = true)]
    async fn each_protocol_spells_its_errors_its_own_way() {
        let script = Script::new()
            .on("UpdateService", json_error("ServiceNotFoundException", "Service not found."))
            .on("DescribeRules", xml_error(403, "AccessDenied", "User is not authorized"))
            .on("DescribeAlarms", cbor_error("com.amazonaws.cloudwatch#ExpiredTokenException", "expired"));
        let aws = script.aws();
        let json = aws.scale(&Rollout::of(&sides()), Side::Blue, 1, None).await.unwrap_err();
        let query = aws.weight(&sides()).await.unwrap_err();
        let cbor = aws.alarms(&[AlarmName::from("api-5xx")]).await.unwrap_err();
        assert_eq!([json.kind, query.kind, cbor.kind], [ErrorKind::NotFound, ErrorKind::Denied, ErrorKind::Expired]);
        assert_eq!(json.to_string(), "ecs:UpdateService: not found: Service not found (ServiceNotFoundException)");
        assert_eq!(query.message, "User is not authorized (AccessDenied)");
    }

    #[tokio::test(start_paused = true)]
    async fn trouble_below_the_protocols_is_told_by_what_it_means_for_the_next_try() {
        let page = |status| Reply::Answer(status, "text/html", b"<html>Bad Gateway</html>".to_vec());
        assert_eq!(kinds(page(502)).await, [ErrorKind::Unavailable; 3]);
        assert_eq!(kinds(page(429)).await, [ErrorKind::Throttled; 3]);
        assert_eq!(kinds(Reply::Lost).await, [ErrorKind::Transport; 3]);
        assert_eq!(kinds(Reply::Silent).await, [ErrorKind::Timeout; 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_is_not_quoted_and_neither_is_what_was_signed() {
        let page = Reply::Answer(200, "text/html", b"<html>Please log in</html>".to_vec());
        let signed = "The Canonical String should have been 'POST / x-amz-security-token:IQoJb3JpZ2lu'";
        let script = Script::new()
            .on("UpdateService", page)
            .on("DescribeRules", xml_error(403, "SignatureDoesNotMatch", signed));
        let aws = script.aws();
        let page = aws.scale(&Rollout::of(&sides()), Side::Blue, 1, None).await.unwrap_err();
        assert_eq!((page.kind, page.message.contains("log in")), (ErrorKind::Unexpected, false), "{page}");
        let signature = aws.weight(&sides()).await.unwrap_err();
        assert_eq!((signature.kind, signature.message.contains("POST")), (ErrorKind::Denied, false), "{signature}");
    }

    #[tokio::test(start_paused = true)]
    async fn throttled_reads_are_tried_three_times_on_the_clock() {
        let throttled = || json_error("ThrottlingException", "Rate exceeded");
        let patient = Script::new()
            .on("UpdateService", throttled())
            .on("UpdateService", throttled())
            .on("UpdateService", json(serde_json::json!({ "service": {} })));
        let begun = tokio::time::Instant::now();
        patient.aws().scale(&Rollout::of(&sides()), Side::Blue, 1, None).await.unwrap();
        assert_eq!(patient.count(), 3);
        assert!(begun.elapsed() >= std::time::Duration::from_millis(250), "{:?}", begun.elapsed());

        let script = Script::new().on("UpdateService", throttled());
        assert_eq!(
            script.aws().scale(&Rollout::of(&sides()), Side::Blue, 1, None).await.unwrap_err().kind,
            ErrorKind::Throttled
        );
        assert_eq!(script.count(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_that_cannot_be_had_count_as_expired() {
        let failure = CredentialsError::provider_error("the SSO session has expired");
        let lost: SdkError<aws_sdk_ecs::operation::update_service::UpdateServiceError, HttpResponse> =
            SdkError::dispatch_failure(ConnectorError::other(failure.into(), None));
        let error = during("ecs:UpdateService")(lost);
        assert_eq!(error.kind, ErrorKind::Expired);
        assert!(error.message.contains("the SSO session has expired); log in again"), "{error}");
    }
}
