//! CloudWatch Logs, as it is written: Live Tail.

use async_trait::async_trait;
use aws_sdk_cloudwatchlogs::error::SdkError;
use aws_sdk_cloudwatchlogs::operation::start_live_tail::StartLiveTailOutput;
use aws_sdk_cloudwatchlogs::types::error::StartLiveTailResponseStreamError as StreamError;
use aws_sdk_cloudwatchlogs::types::{LiveTailSessionLogEvent, LiveTailSessionUpdate, StartLiveTailResponseStream};

use super::Aws;
use super::errors::{during, told};
use crate::cloud::{Cloud as _, CloudError, ErrorKind, LogEvent, LogStream, LogUpdate};
use crate::domain::time::Timestamp;

const START: &str = "logs:StartLiveTail";

/// A session of Live Tail.
#[derive(Debug)]
pub(super) struct Session(StartLiveTailOutput);

/// Begins a session over these groups. Live Tail wants them by ARN, without the `:*` that other calls put behind it.
pub(super) async fn follow(aws: &Aws, groups: &[String]) -> Result<Session, CloudError> {
    let mut arns = Vec::with_capacity(groups.len());
    let mut place: Option<String> = None;
    for group in groups {
        if group.starts_with("arn:") {
            arns.push(group.trim_end_matches(":*").to_owned());
            continue;
        }
        let place = match &place {
            Some(place) => place,
            None => place.insert(place_of_groups(aws).await?),
        };
        arns.push(format!("{place}{group}"));
    }
    let call = aws.logs.start_live_tail().set_log_group_identifiers(Some(arns));
    call.send().await.map(Session).map_err(during(START))
}

/// What stands before a group's name in its ARN.
async fn place_of_groups(aws: &Aws) -> Result<String, CloudError> {
    let identity = aws.identity().await?;
    let partition = identity.arn.split(':').nth(1).unwrap_or("aws");
    let region = aws.logs.config().region().map_or("", |region| region.as_ref());
    Ok(format!("arn:{partition}:logs:{region}:{}:log-group:", identity.account))
}

#[async_trait]
impl LogStream for Session {
    async fn next(&mut self) -> Result<Option<LogUpdate>, CloudError> {
        loop {
            match self.0.response_stream.recv().await {
                Ok(Some(StartLiveTailResponseStream::SessionUpdate(update))) => return Ok(Some(read(update))),
                // The session's start, and what later versions of the service may add.
                Ok(Some(_)) => {}
                Ok(None) => return Ok(None),
                Err(error) => return ended(error),
            }
        }
    }
}

/// A session ends by a message that is an error to the SDK: in its time, after three hours, or for a reason.
fn ended<R: std::fmt::Debug>(error: SdkError<StreamError, R>) -> Result<Option<LogUpdate>, CloudError> {
    match &error {
        SdkError::ServiceError(answer) => match answer.err() {
            StreamError::SessionTimeoutException(_) => Ok(None),
            other => Err(told(START, ErrorKind::Unavailable, &other.to_string())),
        },
        SdkError::TimeoutError(_) => Err(told(START, ErrorKind::Timeout, "no answer in time")),
        _ => Err(told(START, ErrorKind::Transport, "the stream broke off")),
    }
}

fn read(update: LiveTailSessionUpdate) -> LogUpdate {
    let is_sampled = update.session_metadata.is_some_and(|metadata| metadata.sampled);
    let events = update.session_results.unwrap_or_default().into_iter().map(event).collect();
    LogUpdate { events, is_sampled }
}

fn event(it: LiveTailSessionLogEvent) -> LogEvent {
    LogEvent {
        id: String::new(),
        at: Timestamp::from_millis(it.timestamp.unwrap_or_default()),
        ingested: it.ingestion_time.map(Timestamp::from_millis),
        stream: it.log_stream_name.unwrap_or_default(),
        message: it.message.unwrap_or_default(),
    }
}
