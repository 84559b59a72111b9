use super::{LEAST, RARE, read};
use crate::cloud::{ServiceSurvey, Survey};
use crate::config::Request;
use crate::domain::gate::GatePlan;
use crate::domain::ids::{ReleaseId, TaskDefinitionArn, Version};
use crate::domain::percent::Percent;
use crate::domain::plan::StageKind;

/// The least configuration with a gate that says this, on line 26.
fn with_gate(keys: &str) -> String {
    let gate = format!("[[pipelines.standard.stages]]\nname = \"gates\"\nkind = \"gate\"\n{keys}\n\n");
    let first = "[[pipelines.standard.stages]]\nname = \"deploy\"";
    LEAST.replacen(first, &format!("{gate}{first}"), 1)
}

/// What is written in a gate, and what is said of it.
const MISTAKES: [(&str, &str); 22] = [
    ("windw = {}", "unknown key `windw` in [pipelines.standard.stages]; did you mean `window`?"),
    ("window = { zone = \"Europe/Zurrich\" }", "unknown time zone `Europe/Zurrich`; did you mean `Europe/Zurich`?"),
    ("window = {}", "missing key `zone`"),
    (
        "window = { zone = \"UTC\", hours = [{ days = [\"mon-fry\"], from = \"09:00\", to = \"17:00\" }] }",
        "unknown day `fry`; did you mean `fri`?",
    ),
    (
        "window = { zone = \"UTC\", hours = [{ days = [\"mon\"], from = \"9:00\", to = \"17:00\" }] }",
        "`9:00` is not a time of day; write one such as \"09:30\"",
    ),
    (
        "window = { zone = \"UTC\", hours = [{ days = [\"mon\"], from = \"09:00\", to = \"09:00\" }] }",
        "this window is never open; end it later than it begins",
    ),
    (
        "window = { zone = \"UTC\", hours = [{ days = [], from = \"09:00\", to = \"10:00\" }] }",
        "this window opens on no day; name one",
    ),
    (
        "window = { zone = \"UTC\", holidays = [\"25 December\"] }",
        "`25 December` is not a date; write one such as \"2026-12-25\"",
    ),
    (
        "window = { zone = \"UTC\", freezes = [{ from = 2026-12-20, to = 2026-12-01, reason = \"x\" }] }",
        "this freeze ends before it begins; write `from` before `to`",
    ),
    (
        "window = { zone = \"UTC\", freezes = [{ from = 2026-12-20, to = 2026-12-24T00:00:00Z, reason = \"x\" }] }",
        "is not a date, or a date with its time",
    ),
    ("window = { zone = \"UTC\", freezes = [{ from = 2026-12-20, to = 2026-12-24 }] }", "missing key `reason`"),
    (
        "backups = [{ fresher_than = \"1d\" }]",
        "this backup is of nothing; give one of `database`, `cluster`, or `name` with `run`",
    ),
    ("backups = [{ database = \"a\", cluster = \"b\", fresher_than = \"1d\" }]", "this backup is of several things"),
    ("backups = [{ database = \"a\", fresher_than = \"9999d\" }]", "`9999d` is not an age; write \"12h\" or \"90d\""),
    ("backups = [{ database = \"a\" }]", "missing key `fresher_than`"),
    ("image = { findings_below = \"hihg\" }", "unknown severity `hihg`; did you mean `high`?"),
    ("secrets = {}", "missing key `names`"),
    ("drift = { circuit_breaker = \"on\" }", "unknown circuit breaker `on`"),
    ("drift = { health_check = { healthy = 1 } }", "`1` is not within bounds; write a whole number from 2 to 10"),
    (
        "approval = { by = [\"ann\"], count = 2 }",
        "2 approvals are wanted of 1 people; name more in `by`, or want fewer in `count`",
    ),
    ("approval = { by = [\"ann\", \"ann\"] }", "approver `ann` is there already"),
    ("commands = [{ name = \"a\", run = [\"x\"] }, { name = \"a\", run = [\"y\"] }]", "command `a` is there already"),
];

#[test]
fn every_mistake_in_a_gate_is_said_with_its_place_and_its_remedy() {
    for (keys, said) in MISTAKES {
        let problems = read(&with_gate(keys)).expect_err(keys).to_string();
        assert!(problems.contains(said), "{keys}\n{problems}");
        assert!(problems.starts_with("cutover.toml:26:"), "{keys}\n{problems}");
    }
}

fn gate_of(text: &str, environment: &str) -> GatePlan {
    let config = read(text).unwrap_or_else(|problems| panic!("{problems}"));
    let service = || ServiceSurvey {
        task_definition: TaskDefinitionArn::from("api:41"),
        version: Version("api:4f2c1e9".to_owned()),
        desired: 2,
        is_deploying: false,
    };
    let survey = Survey {
        blue: 0,
        weights: [Percent::FULL, Percent::ZERO],
        services: [service(), service()],
        increments: Vec::new(),
    };
    let lineup = config.lineup(environment, None).unwrap();
    let request = Request {
        environment,
        components: &lineup,
        versions: &lineup.map(|_| Version("api:9ab03d7".to_owned())),
        serving: &lineup.map(|_| None),
        release: ReleaseId(1),
    };
    let plan = config.plan(&request, &lineup.map(|_| Some(survey.clone()))).unwrap();
    let mut gates = plan.stages.into_iter().filter_map(|stage| match stage.kind {
        StageKind::Gate(gate) => Some(gate),
        _ => None,
    });
    gates.next_back().unwrap()
}

#[test]
fn a_gate_says_what_it_will_look_at_in_the_order_in_which_it_does() {
    let environment = read(RARE).unwrap().environments.keys().next().unwrap().to_string();
    insta::assert_snapshot!(gate_of(RARE, &environment).describe().join("\n"));
}

#[test]
fn a_gate_that_says_nothing_looks_at_health_and_alarms() {
    let plan = gate_of(&with_gate(""), "staging");
    let said = [
        "blue has all targets healthy, all traffic, and no deployment under way",
        "no alarm of the release fires or cannot be read",
    ];
    assert_eq!(plan.describe(), said);
    assert_eq!(plan.asks(), None);
}
