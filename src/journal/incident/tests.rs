use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::app::fixture;
use crate::domain::command::{Actor, Command, Order};
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::event::Event;
use crate::domain::ids::Revision;
use crate::domain::log::{Level, LogLine};
use crate::domain::observed::{AlarmSeen, AlarmWord, Points, PointsOf, Seen, StoppedTask};
use crate::domain::plan::{ComponentPlan, Plan};
use crate::domain::release::Release;
use crate::journal::{Entry, Numbered, Record, Summary};

const SECRET: &str = "hunter2hunter2";

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_000_000 + secs)
}

/// A release that was begun, looked at, and taken back by hand, with hostile text wherever text comes from outside.
fn account() -> Account {
    account_of(fixture::plan(), ComponentIndex::FIRST)
}

/// The same of a release of this plan, all about one of its components.
fn account_of(plan: Plan, of: ComponentIndex) -> Account {
    let hostile = format!("| <b>bold</b> `tick` \x1b[31m {SECRET}");
    let by = Actor::new("maria", "bastion");
    let known = Evidence::of(&Release::planned(ReleaseId(4), plan.clone()), Some("arn:aws:sts::1:role/release"));
    let point = |secs: i64, value: f64| Point { at: at(secs), value, samples: 600 }.into();
    let points = |green: Vec<_>| Points {
        component: of,
        period: Duration::from_mins(1),
        of: vec![PointsOf { signal: "errors".into(), blue: Vec::new(), green }],
    };
    let line = LogLine {
        at: at(90),
        component: Some(of),
        side: Some(Side::Green),
        task: "7c1f".to_owned(),
        level: Level::Error,
        text: hostile.clone(),
    };
    let order =
        Order { command: Command::Rollback { reason: Some(hostile.clone()) }, stage: None, by: by.clone(), seen: None };
    let entries = [
        (0, Entry::Event(Event::Requested { by: by.clone() })),
        (60, Entry::Seen(Seen::Points(points(vec![point(0, 0.1), point(60, 7.0)])))),
        // The point of the first minute is corrected; one of long ago is outside the window.
        (80, Entry::Seen(Seen::Points(points(vec![point(0, 0.25), point(-7_200, 99.0)])))),
        (
            85,
            Entry::Seen(Seen::Alarms(vec![AlarmSeen {
                component: of,
                name: "api-5xx-high".into(),
                state: AlarmWord::Firing,
                since: Some(at(84)),
                reason: hostile.clone(),
            }])),
        ),
        (90, Entry::Seen(Seen::Lines(vec![line]))),
        (
            95,
            Entry::Seen(Seen::Stopped(vec![StoppedTask {
                component: of,
                task: "7c1f".to_owned(),
                side: Some(Side::Green),
                reason: "api exited with 137, OutOfMemoryError".to_owned(),
            }])),
        ),
        (100, Entry::Event(Event::Ordered(order))),
        (100, Entry::Accepted { revision: Revision(2) }),
        (100, Entry::Seen(Seen::Evidence(known))),
    ];
    let records: Vec<Numbered> = entries
        .into_iter()
        .zip(1_u64..)
        .map(|((secs, entry), number)| Numbered { number, record: Record { at: at(secs), entry } })
        .collect();
    let summary = Summary {
        id: ReleaseId(4),
        plan,
        created: at(0),
        by,
        status: "aborted".to_owned(),
        ended: true,
        touched: at(100),
    };
    Account::of(&summary, &records)
}

#[test]
fn it_holds_what_there_was_to_see() {
    let account = account();
    let incident = Incident::of(&account).unwrap();
    assert!(incident.evidence.is_some(), "{:?}", account.acts);
    let errors = &incident.window[0];
    let green: Vec<(i64, f64)> = errors.green.iter().map(|point| (point.at.secs() - 1_000_000, point.value)).collect();
    assert_eq!(green, [(0, 0.25), (60, 7.0)], "corrected, and no older than the window");
    let page = incident.to_markdown(&Redactor::default());
    for wanted in ["OutOfMemoryError", "api-5xx-high", "firing", "maria@bastion", "| 13:47:40 | 7.00 |", "7c1f"] {
        assert!(page.contains(wanted), "{wanted} is missing:\n{page}");
    }
    let json: Value = serde_json::from_str(&incident.to_json(&Redactor::default())).unwrap();
    assert_eq!(json["account"]["stopped_tasks"][0]["side"], "green");
    assert_eq!(json["schema"], SCHEMA);
}

#[test]
fn of_several_components_each_is_told_by_its_name() {
    let mut plan = fixture::plan();
    let api = plan.components[ComponentIndex::FIRST].clone();
    let web = ComponentPlan { name: "web".into(), ..api.clone() };
    plan.components = Components::try_from(vec![api, web]).unwrap();
    let web = plan.components.after(ComponentIndex::FIRST);
    let account = account_of(plan, web);
    let incident = Incident::of(&account).unwrap();
    let known = &incident.evidence.as_ref().unwrap().components;
    let names: Vec<&str> = known.iter().flat_map(|known| &known.component).map(ComponentName::as_str).collect();
    assert_eq!(names, ["api", "web"]);
    let page = incident.to_markdown(&Redactor::default());
    for wanted in [
        "# Release 4: api, web in",
        "Green of api set to",
        "Green of web set to",
        "**errors of web**",
        "**api-5xx-high of web** firing",
        "- green of web 7c1f",
        "## Last errors of green of api\n\nNone was read.",
        "## Last errors of green of web\n\n    ",
    ] {
        assert!(page.contains(wanted), "{wanted} is missing:\n{page}");
    }
    let json: Value = serde_json::from_str(&incident.to_json(&Redactor::default())).unwrap();
    for told in ["stopped_tasks", "errors", "alarms"] {
        assert_eq!(json["account"][told][0]["component"], "web", "{told}");
    }
    let of = |name: &str| account.weights.iter().filter(|weight| weight.component == Some(name.into())).count();
    assert_eq!((of("api"), of("web")), (1, 1), "{:?}", account.weights);
    assert_eq!(account.components.len(), 2);
}

#[test]
fn no_secret_and_nothing_that_steers_a_terminal_or_a_page_is_in_it() {
    let account = account();
    let incident = Incident::of(&account).unwrap();
    let redactor = Redactor::new([SECRET.to_owned()]);
    let page = incident.to_markdown(&redactor);
    for text in [&page, &incident.to_json(&redactor)] {
        assert!(!text.contains(SECRET), "{text}");
        assert!(!text.contains('\x1b'), "{text}");
    }
    let outside_code: String = page.lines().filter(|line| !line.starts_with("    ")).collect();
    assert!(!outside_code.contains("<b>") && outside_code.contains("&lt;b>"), "{page}");
    assert!(outside_code.contains("\\`tick\\`"), "{page}");
}

#[test]
fn its_files_are_whole_private_and_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let account = account();
    let incident = Incident::of(&account).unwrap();
    let below = dir.path().join("incidents");
    let page = incident.write(&below, &Redactor::default()).unwrap();
    assert_eq!(page, page_path(&below, ReleaseId(4)));
    incident.write(&below, &Redactor::default()).unwrap();
    let mut names: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(&below).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["release-4.json", "release-4.md"]);
}

#[test]
fn a_release_that_never_went_back_is_no_incident() {
    let mut account = account();
    account.timing.decided = None;
    assert_eq!(Incident::of(&account), None);
}
