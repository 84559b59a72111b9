//! CloudWatch Logs, page by page.

use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;

use super::Aws;
use super::errors::during;
use crate::cloud::{CloudError, LogEvent, LogPage, LogRequest};
use crate::domain::time::Timestamp;

const FILTER: &str = "logs:FilterLogEvents";

/// Most events that CloudWatch Logs gives by one call.
const LIMIT: u32 = 10_000;

/// One page of a group's events. A page may be empty and still have one after it.
pub(super) async fn logs(aws: &Aws, request: &LogRequest<'_>) -> Result<LogPage, CloudError> {
    let limit = request.limit.clamp(1, LIMIT);
    let call = aws
        .logs
        .filter_log_events()
        .start_time(request.since.millis().max(0))
        .limit(i32::try_from(limit).unwrap_or(i32::MAX))
        .set_next_token(request.cursor.map(str::to_owned));
    let call = if request.group.starts_with("arn:") {
        call.log_group_identifier(request.group)
    } else {
        call.log_group_name(request.group)
    };
    let page = call.send().await.map_err(during(FILTER))?;
    let events = page.events.unwrap_or_default().into_iter().map(event).collect();
    Ok(LogPage { events, cursor: page.next_token.filter(|token| !token.is_empty()) })
}

fn event(it: FilteredLogEvent) -> LogEvent {
    LogEvent {
        id: it.event_id.unwrap_or_default(),
        at: Timestamp::from_millis(it.timestamp.unwrap_or_default()),
        stream: it.log_stream_name.unwrap_or_default(),
        message: it.message.unwrap_or_default(),
    }
}
