//! Log lines as AWS shows them.

use super::*;

#[test]
fn filtered_events_page_through_everything_once_and_in_order() {
    let mut world = world("errors", 1);
    world.wait(30);
    let mut input = FilterLogEvents {
        group: "/ecs/api".to_owned(),
        start: Some(START),
        pattern: Some("{ $.status >= 200 }".to_owned()),
        ..FilterLogEvents::default()
    };
    let all = world.filter_log_events(&input).unwrap();
    assert!(all.next_token.is_none() && all.events.len() > 300, "{}", all.events.len());
    input.limit = Some(100);
    let mut paged = Vec::new();
    loop {
        let page = world.filter_log_events(&input).unwrap();
        paged.extend(page.events);
        input.next_token = page.next_token;
        if input.next_token.is_none() {
            break;
        }
    }
    assert_eq!(paged, all.events);
    assert!(paged.is_sorted_by_key(|event| event.at));
    let mut ids: Vec<&String> = paged.iter().map(|event| &event.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), paged.len());
}

#[test]
fn a_stream_is_read_forwards_and_backwards_and_its_ends_repeat_their_token() {
    let mut world = world("healthy", 1);
    let streams = world.describe_log_streams("/ecs/api", None, logs::StreamOrder::Name).unwrap();
    assert_eq!(streams.len(), 6);
    world.wait(30);
    let mut input = GetLogEvents {
        group: "/ecs/api".to_owned(),
        stream: streams[0].name.clone(),
        start: Some(START),
        from: ReadFrom::Head,
        limit: Some(10),
        ..GetLogEvents::default()
    };
    let first = world.get_log_events(&input).unwrap();
    input.next_token = Some(first.next_forward_token.clone());
    let second = world.get_log_events(&input).unwrap();
    assert!(first.events[9].id < second.events[0].id);
    input.next_token = Some(second.next_backward_token.clone());
    assert_eq!(world.get_log_events(&input).unwrap().events, first.events);
    input.limit = None;
    input.next_token = Some(first.next_forward_token);
    let rest = world.get_log_events(&input).unwrap();
    input.next_token = Some(rest.next_forward_token.clone());
    let end = world.get_log_events(&input).unwrap();
    assert!(end.events.is_empty());
    assert_eq!(end.next_forward_token, rest.next_forward_token);
}

#[test]
fn a_live_tail_sees_every_event_once_and_samples_floods() {
    let mut world = world("healthy", 1);
    let tail = LiveTail { groups: vec!["/ecs/api".to_owned()], ..LiveTail::default() };
    let mut cursor = world.live_tail_start(&tail).unwrap();
    world.put_log_events_for_test("late");
    let mut seen = Vec::new();
    for _ in 0..20 {
        world.wait(1);
        let update = world.live_tail_since(&tail, cursor).unwrap();
        cursor = update.cursor;
        assert!(!update.sampled);
        seen.extend(update.events);
    }
    assert_eq!(seen.iter().filter(|event| event.message == "late").count(), 1);
    let mut ids: Vec<_> = seen.iter().map(|event| event.id.clone()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), seen.len());
    assert!(seen.len() > 400, "{}", seen.len());
    world.wait(120);
    let flood = world.live_tail_since(&tail, cursor).unwrap();
    assert_eq!((flood.events.len(), flood.sampled), (500, true));
}

impl World {
    fn put_log_events_for_test(&mut self, message: &str) {
        self.create_log_stream("/ecs/api", "extra").unwrap();
        self.put_log_events("/ecs/api", "extra", vec![(self.now(), message.to_owned())]).unwrap();
    }
}

#[test]
fn hostile_lines_reach_the_reader_as_they_are() {
    let mut world = world("hostile-logs", 1);
    world.wait(60);
    let input = FilterLogEvents { group: "/ecs/api".to_owned(), start: Some(START), ..FilterLogEvents::default() };
    let events = world.filter_log_events(&input).unwrap().events;
    for part in ["\u{1b}[2J", "\u{202e}", "aws_secret_access_key=", "\u{1b}]52;"] {
        assert!(events.iter().any(|event| event.message.contains(part)), "{part:?}");
    }
}
