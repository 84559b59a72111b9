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
        ingested: it.ingestion_time.map(Timestamp::from_millis),
        stream: it.log_stream_name.unwrap_or_default(),
        message: it.message.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cloud::Cloud as _;
    use crate::cloud::aws::testing::{self, Script};

    #[tokio::test(start_paused = true)]
    async fn a_page_says_where_the_next_one_begins() {
        let event = json!({ "eventId": "e1", "timestamp": 1_795_161_600_123_i64, "logStreamName": "api/api/t1",
            "message": "WARN pool wait" });
        let script = Script::new()
            .on("FilterLogEvents", testing::json(json!({ "events": [event], "nextToken": "n1" })))
            .on("FilterLogEvents", testing::json(json!({ "events": [] })));
        let aws = script.aws();
        let since = Timestamp::from_secs(1_795_161_600);
        let request = LogRequest { group: "/ecs/api", since, cursor: None, limit: 1_000_000 };
        let page = aws.logs(&request).await.unwrap();
        assert_eq!(page.cursor.as_deref(), Some("n1"));
        assert_eq!(page.events[0].at, Timestamp::from_millis(1_795_161_600_123));
        assert_eq!(page.events[0].stream, "api/api/t1");
        let group = "arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/api";
        let page = aws.logs(&LogRequest { group, cursor: page.cursor.as_deref(), limit: 0, ..request }).await.unwrap();
        assert_eq!(page, LogPage::default());

        let sent: Vec<_> = script.sent("FilterLogEvents").iter().map(testing::Sent::json).collect();
        let start = since.millis();
        assert_eq!(
            sent,
            [
                json!({ "logGroupName": "/ecs/api", "startTime": start, "limit": 10_000 }),
                json!({ "logGroupIdentifier": group, "startTime": start, "limit": 1, "nextToken": "n1" }),
            ]
        );
    }
}
