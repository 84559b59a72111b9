use proptest::prelude::*;

use super::*;
use crate::domain::time::Timestamp;

const REQUEST: &str = r#"{"time":"x","level":"ERROR","request_id":"03be","method":"GET","route":"/cart","status":500,"duration_ms":73,"message":"payments did not answer","error":{"kind":"Timeout"}}"#;

fn line(side: Option<Side>, level: Level, text: &str) -> LineRef<'_> {
    LineRef { at: Timestamp::default(), component: None, side, task: "7c1f3a", level, text }
}

fn finds(query: &str, text: &str) -> bool {
    let filter = Filter::default().with_text(query).unwrap();
    let line = line(Some(Side::Green), Level::Error, text);
    let found = filter.verdict(line) != Verdict::Hidden;
    assert!(!found || filter.may_hit(text), "{query}: the quick look says no where the thorough one says yes");
    found
}

#[test]
fn text_is_searched_for_in_what_is_read_and_case_counts_only_when_typed() {
    assert!(finds("get /a.b", "GET /a.b HTTP/1.1"));
    assert!(!finds("get /a.b", "GET /aXb"));
    assert!(!finds("Get", "GET"));
    assert!(finds("", "anything"));
    assert!(finds("\"GET /cart 500 73 ms  payments\"", REQUEST), "as it is shown, not as it is written");
    assert!(finds("ms", REQUEST), "what only the reading has");
    assert!(!finds("duration_ms", REQUEST), "what only the writing has");
    assert!(finds("answer payments", REQUEST), "words in any order");
    assert!(!finds("\"answer payments\"", REQUEST));
    assert!(finds(r#""say \"no\"""#, r#"{"message":"they say \"no\""}"#));
}

#[test]
fn slashes_make_a_pattern_and_a_bang_turns_anything_round() {
    assert!(finds("/time.*out/", "timed out"));
    assert!(finds("/time.*out now/", "timed out now"));
    assert!(!finds("!healthz", "GET /healthz"));
    assert!(finds("!/^GET/ post", "POST /"));
    assert!(finds("!", "everything while nothing is typed yet"));
    assert!(finds("! get", "GET"));
    assert!(finds("/cart /orders", "from /cart to /orders"), "paths are no patterns");
    assert!(finds("/api/v1", "GET /api/v1/x"));
    assert!(finds(r"/a\/b/", "a/b"));
    assert!(!finds(r"/\S+X/", "aax"), "a capital in the pattern itself counts");
    assert!(finds(r"/\Sx/", "AAX"), "one behind a backslash does not");
}

#[test]
fn fields_are_compared_as_numbers_as_texts_and_by_pattern() {
    assert!(finds("status=500", REQUEST) && !finds("status=50", REQUEST));
    assert!(finds("status>=500 duration_ms<100", REQUEST) && !finds("status<500", REQUEST));
    assert!(finds("status=500.0", REQUEST));
    assert!(!finds("status!=500", REQUEST) && finds("!status=200", REQUEST));
    assert!(!finds("missing!=1", REQUEST), "a field that is not there is not unequal");
    assert!(finds("error.kind=timeout", REQUEST) && !finds("error.kind=TIMEOUT", REQUEST));
    assert!(finds("route=/^.c/ method!=/P/", REQUEST));
    assert!(finds("message=\"payments did not answer\"", REQUEST));
    assert!(finds("conn=19 ms>800", "pool wait ms=812 conn=19"));
}

#[test]
fn level_side_and_task_are_known_of_every_line() {
    assert!(
        finds("level>=warn", "x") && finds("level=e", "x") && !finds("level<error", "x") && finds("level!=info", "x")
    );
    assert!(finds("side=green", "x") && !finds("side=b", "x") && finds("side!=other", "x"));
    assert!(finds("task=7c1f", "x") && !finds("task=a0", "x"));
    let filter = Filter::default().on(Whose::Of(Side::Green)).at_least(Level::Warn);
    assert_eq!(filter.verdict(line(Some(Side::Green), Level::Error, "")), Verdict::Shown);
    assert_eq!(filter.verdict(line(Some(Side::Green), Level::Info, "")), Verdict::Hidden);
    assert_eq!(filter.verdict(line(Some(Side::Blue), Level::Error, "")), Verdict::Hidden);
    assert_eq!(filter.clone().on(Whose::Other).verdict(line(None, Level::Error, "")), Verdict::Shown);
    assert_eq!(Filter::default().verdict(line(None, Level::Debug, "")), Verdict::Shown);
}

#[test]
fn lines_that_are_no_hits_can_stay() {
    let filter = Filter::default().with_text("boom").unwrap().showing(Showing::Everything);
    assert_eq!(filter.verdict(line(None, Level::Info, "boom")), Verdict::Hit);
    assert_eq!(filter.verdict(line(None, Level::Info, "quiet")), Verdict::Shown);
    assert_eq!(filter.at_least(Level::Warn).verdict(line(None, Level::Info, "boom")), Verdict::Hidden);
}

#[test]
fn every_mistake_is_said_with_its_place_and_its_remedy() {
    let said = |text: &str| {
        let error = text.parse::<Query>().unwrap_err();
        format!("{} | {error}", text.get(error.place.clone()).unwrap())
    };
    let all: Vec<String> = [
        "ok /a(b/ x",
        "\"open",
        "level>=loud",
        "side=red",
        "side>=blue",
        "status>",
        "a status>high",
        "x=/*/",
        "task>=7",
    ]
    .map(said)
    .to_vec();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn hits_are_found_in_place_once_and_never_for_what_is_left_out() {
    let hits = |query: &str, text: &str| Filter::default().with_text(query).unwrap().hits(text);
    assert_eq!(hits("o", "foo"), [1..2, 2..3]);
    assert!(hits("!o", "foo").is_empty());
    assert_eq!(hits("oo fo /o$/", "foo"), [0..2, 2..3]);
    assert!(hits("/x*/", "foo").is_empty());
}

proptest! {
    #[test]
    fn nothing_that_is_typed_breaks_the_reader(text in r#"([!"/=<>~\\ a-z0-9.]|level|side|\PC){0,30}"#, subject in "\\PC{0,40}") {
        match text.parse::<Query>() {
            Ok(_) => {
                let filter = Filter::default().with_text(&text).unwrap();
                let line = line(None, Level::Info, &subject);
                if filter.verdict(line) == Verdict::Hit {
                    prop_assert!(filter.may_hit(&subject));
                }
                for hit in filter.hits(&subject) {
                    prop_assert!(subject.get(hit).is_some_and(|hit| !hit.is_empty()));
                }
            }
            Err(error) => prop_assert!(text.get(error.place.clone()).is_some(), "{:?}", error),
        }
    }
}
