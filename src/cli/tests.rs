use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use clap_complete::Shell;

use super::*;
use crate::config::{Color, Overrides};
use crate::domain::ids::Revision;
use crate::domain::time::Timestamp;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("cutover").chain(line.split_whitespace()))
}

fn verb(line: &str) -> Verb {
    parse(line).unwrap_or_else(|error| panic!("{error}")).verb.unwrap()
}

#[test]
fn the_definitions_hold_together() {
    Cli::command().debug_assert();
}

#[test]
fn without_a_verb_it_attaches() {
    assert_eq!(parse("").unwrap().verb, None);
}

#[test]
fn flags_stand_before_or_after_the_verb_and_say_nothing_when_left_out() {
    let wanted = Overrides {
        config: Some("c.toml".into()),
        color: Some(Color::Never),
        ascii: Some(true),
        read_only: Some(true),
        ..Overrides::default()
    };
    let flags = "--config c.toml --color never --ascii --read-only";
    for line in [format!("{flags} status"), format!("status {flags}")] {
        assert_eq!(parse(&line).unwrap().globals.overrides(), wanted, "{line}");
    }
    assert_eq!(parse("status").unwrap().globals.overrides(), Overrides::default());
}

#[test]
fn every_verb_that_steers_sends_its_command() {
    let sent = |line: &str| verb(line).command();
    let plain = Aim::default();
    let why = Some("why".to_owned());
    for (line, command) in [
        ("promote", Command::Promote),
        ("promote --full", Command::PromoteFull),
        ("pause", Command::Pause),
        ("resume", Command::Resume),
        ("rollback", Command::Rollback { reason: None }),
        ("rollback --reason why", Command::Rollback { reason: why.clone() }),
        ("abort --reason why", Command::Abort { reason: why }),
        ("retry", Command::Retry),
        ("skip --reason why", Command::Skip { reason: "why".to_owned() }),
        ("approve", Command::Approve { phrase: String::new() }),
        ("approve deploy api", Command::Approve { phrase: "deploy api".to_owned() }),
    ] {
        assert_eq!(sent(line), Some((command, plain.clone())), "{line}");
    }
    let (_, aim) = sent("resume --env production --component api --if-revision 12").unwrap();
    assert_eq!(aim.which.environment.as_deref(), Some("production"));
    assert_eq!(aim.which.component.as_deref(), Some("api"));
    assert_eq!(aim.if_revision, Some(Revision(12)));
    assert_eq!(sent("status"), None);
}

#[test]
fn a_release_is_read_with_all_it_takes() {
    let Verb::Release(release) =
        verb("release production api --image r/api:2 --headless --format json --yes --timeout 1h30m")
    else {
        panic!("not a release");
    };
    assert_eq!(release.what.environment, "production");
    assert_eq!(release.what.component.as_deref(), Some("api"));
    assert_eq!(release.what.images[0].version.short(), "2");
    assert_eq!(release.headless, Headless { headless: true, format: Format::Json });
    assert_eq!((release.yes, release.timeout, release.detach), (true, Some(Duration::from_mins(90)), false));
}

#[test]
fn a_plan_needs_no_image() {
    let Verb::Plan(plan) = verb("plan production") else { panic!("not a plan") };
    assert_eq!((plan.component, plan.images, plan.writing.format()), (None, Vec::new(), Format::Text));
    let Verb::Plan(plan) = verb("plan production api --image api=r/api:2 --image web=r/web:3 --json") else {
        panic!("not a plan");
    };
    assert_eq!((plan.images.len(), plan.writing.format()), (2, Format::Json));
}

#[test]
fn looking_back_takes_a_verb_or_lists() {
    let Verb::History(list) = verb("history --limit 3 --env production --since 7d --status failed") else {
        panic!("not the history");
    };
    assert_eq!((list.verb, list.limit, list.status.as_deref()), (None, 3, Some("failed")));
    let week = Duration::from_hours(24 * 7);
    assert_eq!((list.among.since, list.among.environment.as_deref()), (Some(Since::Ago(week)), Some("production")));
    let Verb::History(show) = verb("history show 41 --incident --json") else { panic!("not the history") };
    let Some(HistoryVerb::Show(show)) = show.verb else { panic!("not one release") };
    assert_eq!((show.release.0, show.incident, show.writing.format()), (41, true, Format::Json));
    let Verb::Audit(audit) = verb("audit verify --renew-anchor") else { panic!("not the audit trail") };
    let Some(AuditVerb::Verify(verify)) = audit.verb else { panic!("not its inspection") };
    assert!(verify.renew_anchor && verify.writing.format() == Format::Text);
    let Verb::Audit(audit) = verb("audit --since 2026-11-20T09:00Z --who maria") else { panic!("not the audit trail") };
    let at = Timestamp::from_secs(1_795_165_200);
    assert_eq!((audit.among.since, audit.who.as_deref()), (Some(Since::At(at)), Some("maria")));
    assert_eq!(Since::Ago(Duration::from_secs(5)).moment(at), Timestamp::from_secs(1_795_165_195));
    let Verb::Replay(replay) = verb("replay 41 --speed 60") else { panic!("not a replay") };
    assert_eq!((replay.release.0, replay.speed), (41, Some(60.0)));
}

#[test]
fn the_demo_needs_nothing_said() {
    let Verb::Demo(demo) = verb("demo") else { panic!("not the demo") };
    assert_eq!((demo.scenario.as_str(), demo.seed, demo.exit_at_end), ("healthy", 1, false));
    let Verb::Demo(demo) = verb("demo --scenario errors --speed 60x --seed 7 --driver alb --headless --exit-at-end")
    else {
        panic!("not the demo");
    };
    assert!((demo.speed - 60.0).abs() < f64::EPSILON);
    assert!(demo.headless.headless && demo.exit_at_end);
}

#[test]
fn wrong_usage_is_refused_with_exit_code_2() {
    for line in [
        "deploy",
        "release",
        "release staging",
        "release --image r/api:2",
        "release staging --image",
        "release staging --image r/api:2 --timeout 30m",
        "release staging --image r/api:2 --headless --timeout 30",
        "release staging --image r/api:2 --headless --timeout 0s",
        "release staging --image r/api:2 --headless --detach",
        "release staging --image r/api:2 --format json",
        "demo --speed 0",
        "demo --speed fast",
        "demo --speed inf",
        "demo --driver lambda",
        "demo --format json",
        "skip",
        "promote --if-revision latest",
        "rollback --if-revision 3",
        "status --if-revision 3",
        "history --limit 0",
        "history show",
        "history show api",
        "history --limit 3 show 41",
        "history --since yesterday",
        "history metrics --days 0",
        "history --format json --json",
        "audit --since 7x",
        "replay",
        "replay 41 --speed 0",
        "config",
        "sim --listen here",
        "completions tcsh",
        "--color blue",
    ] {
        let error = parse(line).expect_err(line);
        assert_eq!(error.exit_code(), 2, "{line}");
    }
    let empty = Cli::try_parse_from(["cutover", "skip", "--reason", "  "]).unwrap_err();
    assert_eq!(empty.kind(), ErrorKind::ValueValidation);
}

#[test]
fn help_is_for_people() {
    let mut shown = String::new();
    let mut command = Cli::command().term_width(100);
    command.build();
    shown.push_str(&command.render_help().to_string());
    for verb in command.get_subcommands_mut() {
        let help = verb.clone().term_width(100).render_help();
        shown.push_str(&format!("\n── {}\n{help}", verb.get_name()));
    }
    for (name, _) in crate::config::VARIABLES {
        assert!(shown.contains(name), "the help lacks {name}");
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn completions_and_the_manual_know_every_verb() {
    let mut bash = Vec::new();
    write_completions(Shell::Bash, &mut bash).unwrap();
    let mut man = Vec::new();
    write_man(&mut man).unwrap();
    let pages = tempfile::tempdir().unwrap();
    write_man_pages(pages.path()).unwrap();
    let (bash, man) = (String::from_utf8(bash).unwrap(), String::from_utf8(man).unwrap());
    for verb in Cli::command().get_subcommands().filter(|verb| !verb.is_hide_set()) {
        assert!(bash.contains(verb.get_name()), "completions lack {}", verb.get_name());
        assert!(man.contains(verb.get_name()), "the manual lacks {}", verb.get_name());
        let page = pages.path().join(format!("cutover-{}.1", verb.get_name()));
        assert!(page.exists(), "{} is missing", page.display());
    }
}
