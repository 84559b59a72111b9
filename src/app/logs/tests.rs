use super::*;
use crate::app::filter::Showing;
use crate::domain::log::Level;

fn batch(texts: impl IntoIterator<Item = (Level, String)>) -> LogBatch {
    let line = |(level, text): (Level, String)| LogLine {
        at: Timestamp::from_secs(0),
        component: None,
        side: None,
        task: "7c1f".to_owned(),
        level,
        text,
    };
    LogBatch { lines: texts.into_iter().map(line).collect(), dropped: 0 }
}

fn numbered(range: std::ops::Range<usize>) -> LogBatch {
    batch(range.map(|number| (if number % 10 == 3 { Level::Error } else { Level::Info }, format!("line {number}"))))
}

fn text_at(pane: &LogPane, place: usize) -> String {
    pane.shown_at(place).unwrap().1.text.clone()
}

fn top_text(pane: &LogPane) -> String {
    text_at(pane, pane.top())
}

fn marked(pane: &LogPane) -> String {
    pane.line(pane.marked.unwrap()).unwrap().text.clone()
}

fn pane(lines: usize) -> LogPane {
    let mut pane = LogPane { rows: 5, ..LogPane::default() };
    pane.take(numbered(0..lines));
    pane
}

#[test]
fn what_is_read_does_not_move_under_a_flood_until_it_is_gone() {
    let mut pane = pane(100);
    pane.scroll(-20);
    assert_eq!(top_text(&pane), "line 75");
    pane.take(numbered(100..20_000));
    assert_eq!(top_text(&pane), "line 75");
    assert_eq!(pane.below(), 20_000 - 80);
    pane.take(numbered(20_000..MOST_LINES));
    assert_eq!((top_text(&pane).as_str(), pane.gone), ("line 75", 0));
    pane.take(numbered(MOST_LINES..MOST_LINES + 2_000));
    assert!(pane.gone > 0 && pane.len() >= MOST_LINES, "at least so many are held");
    assert_eq!(pane.len() as u64 + pane.gone, MOST_LINES as u64 + 2_000, "the rest is counted");
    assert_eq!(top_text(&pane), format!("line {}", pane.gone), "the oldest line held takes its place");
}

#[test]
fn every_line_comes_back_out_of_its_page() {
    let pane = pane(5_000);
    for place in [0, 1, 1_023, 1_024, 2_500, 4_999, 3] {
        assert_eq!(text_at(&pane, place), format!("line {place}"));
    }
    let mut all = 0;
    pane.each_shown(|line| {
        assert_eq!(line.text, format!("line {all}"));
        all += 1;
    });
    assert_eq!(all, 5_000);
    assert!(pane.shown_at(5_000).is_none());
}

#[test]
fn bytes_are_bounded_as_well_as_lines() {
    // Noise does not pack.
    let mut seed = 1_u64;
    let mut noise = || {
        (0..1 << 20)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                char::from(b' ' + (seed >> 33) as u8 % 90)
            })
            .collect::<String>()
    };
    let mut pane = LogPane::default();
    pane.take(batch((0..20).map(|_| (Level::Info, noise()))));
    assert!(pane.bytes() <= MOST_BYTES + (1 << 21), "{}", pane.bytes());
    assert!((9..20).contains(&pane.len()) && pane.gone > 0, "{}", pane.len());
}

#[test]
fn filtering_keeps_the_reader_at_the_line_being_read() {
    let mut pane = pane(100);
    pane.scroll(-30);
    assert_eq!(top_text(&pane), "line 65");
    pane.set_filter(Filter::default().at_least(Level::Error));
    assert_eq!(pane.shown_len(), 10);
    assert_eq!(top_text(&pane), "line 53", "full to the end: 53 to 93");
    pane.take(numbered(100..200));
    assert_eq!(top_text(&pane), "line 73", "the first error after what was read");
    pane.set_filter(Filter::default());
    assert_eq!(top_text(&pane), "line 73");
}

#[test]
fn a_filter_over_many_lines_searches_bit_by_bit_and_near_the_reader_first() {
    let long = |number: usize| (Level::Info, format!("line {number} {}", "x".repeat(2_000)));
    let mut pane = LogPane { rows: 5, ..LogPane::default() };
    pane.take(batch((0..4_000).map(long)));
    pane.scroll(-3_000);
    let at = top_text(&pane);
    let filter = Filter::default().with_text("/line \\d*7 /").unwrap();
    pane.set_filter(filter);
    let (left, first) = (pane.unsearched(), pane.shown_len());
    assert!(left > 0 && first > 0, "{left} left, {first} found");
    let below = top_text(&pane);
    assert!(below > at && below[..7] == at[..7], "{} is what is next to {}", &below[..9], &at[..9]);
    while pane.search() {
        assert_eq!(top_text(&pane), below, "what comes to light elsewhere moves nothing");
    }
    assert_eq!((pane.unsearched(), pane.shown_len()), (0, 400));
    assert_eq!(top_text(&pane), below);
}

#[test]
fn errors_are_found_one_after_the_other_both_ways() {
    let mut pane = pane(100);
    assert!(pane.jump(Towards::Older, Landmark::Error));
    assert_eq!(marked(&pane), "line 93");
    assert!(pane.jump(Towards::Older, Landmark::Error));
    assert_eq!(marked(&pane), "line 83");
    assert!(!pane.is_following());
    assert!(pane.jump(Towards::Newer, Landmark::Error));
    assert_eq!(marked(&pane), "line 93");
    assert!(!pane.jump(Towards::Newer, Landmark::Error));
    assert_eq!(marked(&pane), "line 93");
}

#[test]
fn whoever_follows_is_led_to_the_newest_error_wherever_it_is() {
    let mut pane = pane(100);
    pane.take(batch((0..50).map(|_| (Level::Info, "quiet".to_owned()))));
    assert!(pane.jump(Towards::Newer, Landmark::Error));
    assert_eq!(marked(&pane), "line 93");
    assert!(!pane.jump(Towards::Newer, Landmark::Error), "it was the last one");
}

#[test]
fn hits_are_counted_and_jumped_to_while_the_rest_stays() {
    let mut pane = pane(100);
    pane.set_filter(Filter::default().with_text("7").unwrap().showing(Showing::Everything));
    assert_eq!((pane.shown_len(), pane.hits()), (100, (19, None)));
    assert!(pane.jump(Towards::Older, Landmark::Hit));
    assert_eq!((marked(&pane).as_str(), pane.hits()), ("line 97", (19, Some(19))));
    pane.take(numbered(107..108));
    assert_eq!(pane.hits(), (20, Some(19)));
    assert!(pane.jump(Towards::Newer, Landmark::Hit));
    assert_eq!(pane.hits(), (20, Some(20)));
}

#[test]
fn stepping_selects_line_by_line_and_beyond_the_last_one_follows() {
    let mut pane = pane(100);
    pane.step(1);
    assert_eq!(pane.marked, None, "there is nothing below the newest line");
    pane.step(-1);
    assert_eq!(marked(&pane), "line 99");
    pane.take(numbered(100..105));
    pane.step(-1);
    assert_eq!((marked(&pane).as_str(), top_text(&pane).as_str()), ("line 98", "line 95"), "it is held");
    for _ in 0..4 {
        pane.step(-1);
    }
    assert_eq!((marked(&pane).as_str(), top_text(&pane).as_str()), ("line 94", "line 94"), "and scrolled for");
    pane.step(10);
    assert_eq!(marked(&pane), "line 104");
    pane.step(1);
    assert!(pane.is_following() && pane.marked.is_none());
}

#[test]
fn pinned_lines_stay_and_the_oldest_gives_way() {
    let mut pane = pane(100);
    assert!(!pane.toggle_pin(), "nothing is selected");
    for _ in 0..=MOST_PINS {
        pane.step(-1);
        assert!(pane.toggle_pin());
    }
    let pins = |pane: &LogPane| pane.pins.iter().map(|line| line.text.clone()).collect::<Vec<_>>();
    assert_eq!(pins(&pane), ["line 98", "line 97", "line 96", "line 95", "line 94"]);
    pane.toggle_pin();
    assert_eq!(pins(&pane).last().map(String::as_str), Some("line 95"), "pinning twice lets go");
}

#[test]
fn lines_that_never_came_are_counted() {
    let mut pane = LogPane::default();
    pane.take(LogBatch { lines: Vec::new(), dropped: 56 });
    pane.take(LogBatch { lines: Vec::new(), dropped: 4 });
    assert_eq!(pane.lost, 60);
}
