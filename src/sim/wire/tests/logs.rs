use aws_sdk_cloudwatchlogs::operation::filter_log_events::FilterLogEventsError;
use aws_sdk_cloudwatchlogs::operation::start_live_tail::StartLiveTailError;
use aws_sdk_cloudwatchlogs::types::{InputLogEvent, StartLiveTailResponseStream};

use super::*;

const GROUP: &str = "/tests/jobs";
const STREAM: &str = "job/1";

/// Makes a group and a stream and writes `count` numbered lines into it, one a second.
async fn put_lines(account: &Account, count: i64) -> Timestamp {
    let logs = account.logs();
    logs.create_log_group().log_group_name(GROUP).send().await.unwrap();
    logs.create_log_stream().log_group_name(GROUP).log_stream_name(STREAM).send().await.unwrap();
    let start = account.now() - Duration::from_mins(10);
    let line = |n: i64| {
        let message = format!(r#"{{"n":{n},"level":"{}"}}"#, if n % 5 == 0 { "ERROR" } else { "INFO" });
        InputLogEvent::builder().timestamp(start.millis() + n * 1_000).message(message).build().unwrap()
    };
    let events = (0..count).map(line).collect();
    logs.put_log_events()
        .log_group_name(GROUP)
        .log_stream_name(STREAM)
        .set_log_events(Some(events))
        .send()
        .await
        .unwrap();
    account.pass(Duration::from_secs(5)).await;
    start
}

#[tokio::test(start_paused = true)]
async fn groups_and_streams_are_described() {
    let account = Account::new();
    put_lines(&account, 3).await;
    let logs = account.logs();
    let groups = logs.describe_log_groups().log_group_name_prefix("/tests").send().await.unwrap();
    let group = &groups.log_groups()[0];
    assert_eq!(group.log_group_name(), Some(GROUP));
    assert!(group.arn().unwrap().ends_with(":*") && !group.log_group_arn().unwrap().ends_with('*'));
    let streams = logs.describe_log_streams().log_group_name(GROUP).send().await.unwrap();
    assert_eq!(streams.log_streams()[0].log_stream_name(), Some(STREAM));
    assert!(streams.log_streams()[0].last_event_timestamp().is_some());
}

#[tokio::test(start_paused = true)]
async fn events_are_filtered_and_paged() {
    let account = Account::new();
    let start = put_lines(&account, 25).await;
    let mut pages = account
        .logs()
        .filter_log_events()
        .log_group_name(GROUP)
        .start_time(start.millis())
        .limit(10)
        .into_paginator()
        .send();
    let mut seen = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert!(page.events().len() <= 10);
        seen.extend(page.events().iter().map(|event| event.event_id().unwrap().to_owned()));
    }
    seen.dedup();
    assert_eq!(seen.len(), 25);
    let errors = account
        .logs()
        .filter_log_events()
        .log_group_name(GROUP)
        .filter_pattern(r#"{ $.level = "ERROR" }"#)
        .send()
        .await
        .unwrap();
    assert_eq!(errors.events().len(), 5);
    assert_eq!(errors.events()[1].timestamp(), Some(start.millis() + 5_000));
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_read_forwards_until_its_token_repeats() {
    let account = Account::new();
    put_lines(&account, 5).await;
    let read = account.logs().get_log_events().log_group_name(GROUP).log_stream_name(STREAM).start_from_head(true);
    let first = read.clone().limit(3).send().await.unwrap();
    let second = read.clone().limit(3).next_token(first.next_forward_token().unwrap()).send().await.unwrap();
    assert_eq!((first.events().len(), second.events().len()), (3, 2));
    let third = read.next_token(second.next_forward_token().unwrap()).send().await.unwrap();
    assert!(third.events().is_empty());
    assert_eq!(third.next_forward_token(), second.next_forward_token());
}

#[tokio::test(start_paused = true)]
async fn an_answer_holds_at_most_a_mebibyte_and_goes_on_after_it() {
    let account = Account::new();
    let logs = account.logs();
    put_lines(&account, 1).await;
    let long = "x".repeat(200_000);
    for n in 0..8 {
        let at = account.now().millis() + n;
        let event = InputLogEvent::builder().timestamp(at).message(long.clone()).build().unwrap();
        let put = logs.put_log_events().log_group_name(GROUP).log_stream_name(STREAM).log_events(event);
        put.send().await.unwrap();
    }
    account.pass(Duration::from_secs(10)).await;
    let filter = logs.filter_log_events().log_group_name(GROUP).filter_pattern("xxx");
    let first = filter.clone().send().await.unwrap();
    let rest = filter.next_token(first.next_token().unwrap()).send().await.unwrap();
    assert!(first.events().len() < 8, "{}", first.events().len());
    let long_lines = |page: &[aws_sdk_cloudwatchlogs::types::FilteredLogEvent]| {
        page.iter().filter(|event| event.message().is_some_and(|line| line.len() == 200_000)).count()
    };
    assert!(long_lines(first.events()) + long_lines(rest.events()) >= 5);
}

#[tokio::test(start_paused = true)]
async fn a_live_tail_opens_at_once_updates_every_second_and_ends_after_three_hours() {
    let account = Account::new();
    let logs = account.logs();
    let groups = logs.describe_log_groups().log_group_name_prefix("/ecs/api").send().await.unwrap();
    let group = groups.log_groups()[0].log_group_arn().unwrap();
    let before = account.now();
    let tail = logs.start_live_tail().log_group_identifiers(group).send().await.unwrap();
    assert!(account.now().since(before) < Duration::from_secs(1));
    let mut stream = tail.response_stream;
    let Some(StartLiveTailResponseStream::SessionStart(start)) = stream.recv().await.unwrap() else {
        panic!("no session start");
    };
    assert_eq!(start.log_group_identifiers(), [group.to_owned()]);

    let (mut updates, mut lines) = (0, 0);
    let listening = account.now();
    while account.now().since(listening) < Duration::from_secs(10) {
        let Some(StartLiveTailResponseStream::SessionUpdate(update)) = stream.recv().await.unwrap() else {
            panic!("no update");
        };
        updates += 1;
        lines += update.session_results().len();
        assert!(update.session_results().iter().all(|line| line.log_group_identifier() == Some(group)));
    }
    assert!((8..=12).contains(&updates), "{updates} updates in ten seconds");
    assert!(lines > 0, "a service under load logs something within ten seconds");

    account.pass(Duration::from_hours(3)).await;
    let ended = stream.recv().await.unwrap_err().into_service_error();
    assert!(ended.is_session_timeout_exception(), "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn refusals_are_the_sdks_own_error_variants() {
    let logs = Account::new().logs();
    let refused = logs.filter_log_events().log_group_name("/ghost").send().await.unwrap_err().into_service_error();
    assert!(matches!(refused, FilterLogEventsError::ResourceNotFoundException(_)), "{refused:?}");
    let tail = logs.start_live_tail().log_group_identifiers("/ecs/api").send().await;
    let refused = tail.unwrap_err().into_service_error();
    assert!(matches!(refused, StartLiveTailError::InvalidParameterException(_)), "{refused:?}");
}
