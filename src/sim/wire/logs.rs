//! CloudWatch Logs.

use super::input::Input;
use super::page::page;
use super::service::Service;
use super::value::{Fields, Value};
use crate::domain::time::Timestamp;
use crate::sim::world::logs::{FilterLogEvents, GetLogEvents, LogEvent, LogGroup, LogStream, ReadFrom, StreamOrder};
use crate::sim::world::{ApiResult, World};

/// Events of one `PutLogEvents`.
const MAX_EVENTS: usize = 10_000;
/// Bytes of one answer of `GetLogEvents`, as AWS caps them.
const MAX_BYTES: usize = 1_048_576;
/// What AWS counts for each event on top of its message.
const EVENT_OVERHEAD: usize = 26;
/// Groups or streams a page, at most and unless asked otherwise.
const PAGE: i64 = 50;

pub(super) fn call(world: &mut World, now: Timestamp, operation: &str, input: Input<'_>) -> ApiResult<Value> {
    match operation {
        "CreateLogGroup" => {
            world.create_log_group(input.required("logGroupName")?)?;
            Ok(Value::nothing())
        }
        "CreateLogStream" => {
            world.create_log_stream(input.required("logGroupName")?, input.required("logStreamName")?)?;
            Ok(Value::nothing())
        }
        "DescribeLogGroups" => {
            let (prefix, pattern) = (input.text("logGroupNamePrefix")?, input.text("logGroupNamePattern")?);
            paged(operation, input, "logGroups", world.describe_log_groups(prefix, pattern)?, group)
        }
        "DescribeLogStreams" => {
            let order = order(input)?;
            let found = world.describe_log_streams(group_of(input)?, input.text("logStreamNamePrefix")?, order)?;
            paged(operation, input, "logStreams", found, |it| stream(it, now))
        }
        "FilterLogEvents" => filter_events(world, input),
        "GetLogEvents" => get_events(world, input),
        "PutLogEvents" => {
            let events = input.members("logEvents")?;
            if events.len() > MAX_EVENTS {
                return Err(input.invalid(format!("logEvents can have at most {MAX_EVENTS} items")));
            }
            let events = events
                .into_iter()
                .map(|it| {
                    let at = it.millis("timestamp")?.ok_or_else(|| it.missing("timestamp"))?;
                    Ok((at, it.required("message")?.to_owned()))
                })
                .collect::<ApiResult<_>>()?;
            world.put_log_events(input.required("logGroupName")?, input.required("logStreamName")?, events)?;
            Ok(Fields::new().with("nextSequenceToken", format!("{:056}", now.millis())).into())
        }
        _ => Err(Service::Logs.unknown_operation(operation)),
    }
}

fn group_of(input: Input<'_>) -> ApiResult<&str> {
    match input.text("logGroupIdentifier")? {
        Some(identifier) => Ok(identifier),
        None => input.required("logGroupName"),
    }
}

fn paged<T>(
    operation: &str,
    input: Input<'_>,
    name: &'static str,
    found: Vec<T>,
    encode: impl Fn(T) -> Fields,
) -> ApiResult<Value> {
    let size = input.count("limit", 1..=PAGE)?.unwrap_or(PAGE as usize);
    let (shown, next) = page(Service::Logs, operation, found, input.text("nextToken")?, size)?;
    Ok(Fields::new().with(name, Value::list(shown.into_iter().map(encode))).maybe("nextToken", next).into())
}

fn order(input: Input<'_>) -> ApiResult<StreamOrder> {
    match (input.text("orderBy")?, input.flag("descending")?.unwrap_or(false)) {
        (Some("LogStreamName") | None, false) => Ok(StreamOrder::Name),
        (Some("LogStreamName") | None, true) => Ok(StreamOrder::NameDescending),
        (Some("LastEventTime"), _) if input.text("logStreamNamePrefix")?.is_some() => {
            Err(input.invalid("Cannot order by LastEventTime with a logStreamNamePrefix."))
        }
        (Some("LastEventTime"), false) => Ok(StreamOrder::LastEvent),
        (Some("LastEventTime"), true) => Ok(StreamOrder::LastEventDescending),
        (Some(other), _) => Err(input.invalid(format!("orderBy cannot be {other}"))),
    }
}

fn group(it: LogGroup) -> Fields {
    let arn = it.arn.strip_suffix(":*").unwrap_or(&it.arn).to_owned();
    Fields::new()
        .with("logGroupName", it.name)
        .with("creationTime", it.created_at.millis())
        .maybe("retentionInDays", it.retention_days)
        .with("metricFilterCount", 0_i64)
        .with("arn", it.arn)
        .with("storedBytes", it.stored_bytes)
        .with("logGroupClass", "STANDARD")
        .with("logGroupArn", arn)
}

fn stream(it: LogStream, now: Timestamp) -> Fields {
    Fields::new()
        .with("logStreamName", it.name)
        .with("creationTime", it.created_at.millis())
        .maybe("firstEventTimestamp", it.first_event_at.map(Timestamp::millis))
        .maybe("lastEventTimestamp", it.last_event_at.map(Timestamp::millis))
        .maybe("lastIngestionTime", it.last_event_at.map(|at| at.min(now).millis()))
        .with("arn", it.arn)
        // AWS stopped counting the bytes of single streams in 2019.
        .with("storedBytes", 0_i64)
}

fn filter_events(world: &World, input: Input<'_>) -> ApiResult<Value> {
    let wanted = FilterLogEvents {
        group: group_of(input)?.to_owned(),
        streams: input.texts("logStreamNames")?,
        stream_prefix: input.string("logStreamNamePrefix")?,
        start: input.millis("startTime")?,
        end: input.millis("endTime")?,
        pattern: input.string("filterPattern")?.filter(|pattern| !pattern.is_empty()),
        limit: limit(input)?,
        next_token: input.string("nextToken")?,
    };
    if !wanted.streams.is_empty() && wanted.stream_prefix.is_some() {
        return Err(input.invalid("logStreamNames and logStreamNamePrefix cannot both be given."));
    }
    let found = world.filter_log_events(&wanted)?;
    let events = found.events.into_iter().map(|it| {
        Fields::new()
            .with("logStreamName", it.stream)
            .with("timestamp", it.at.millis())
            .with("message", it.message)
            .with("ingestionTime", it.ingested_at.millis())
            .with("eventId", it.id)
    });
    Ok(Fields::new()
        .with("events", Value::list(events))
        .with("searchedLogStreams", Vec::<Fields>::new())
        .maybe("nextToken", found.next_token)
        .into())
}

fn get_events(world: &World, input: Input<'_>) -> ApiResult<Value> {
    let from = if input.flag("startFromHead")?.unwrap_or(false) { ReadFrom::Head } else { ReadFrom::Tail };
    let mut wanted = GetLogEvents {
        group: group_of(input)?.to_owned(),
        stream: input.required("logStreamName")?.to_owned(),
        start: input.millis("startTime")?,
        end: input.millis("endTime")?,
        from,
        limit: limit(input)?,
        next_token: input.string("nextToken")?,
    };
    let mut found = world.get_log_events(&wanted)?;
    while found.events.len() > 1 && found.events.iter().map(size).sum::<usize>() > MAX_BYTES {
        wanted.limit = Some(found.events.len() / 2);
        found = world.get_log_events(&wanted)?;
    }
    let events = found.events.into_iter().map(|it| {
        Fields::new()
            .with("timestamp", it.at.millis())
            .with("message", it.message)
            .with("ingestionTime", it.ingested_at.millis())
    });
    Ok(Fields::new()
        .with("events", Value::list(events))
        .with("nextForwardToken", found.next_forward_token)
        .with("nextBackwardToken", found.next_backward_token)
        .into())
}

fn limit(input: Input<'_>) -> ApiResult<Option<usize>> {
    Ok(input.natural("limit")?.map(|limit| limit as usize))
}

fn size(event: &LogEvent) -> usize {
    event.message.len() + EVENT_OVERHEAD
}
