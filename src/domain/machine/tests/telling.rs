//! What channels are told of a release: the facts, and to whom.

use super::*;
use crate::domain::effect::{Notice, Severity};
use crate::domain::notice::{PageStatus, Transition};
use crate::domain::plan::StatusPagePlan;

fn told(bench: &Bench, transition: Transition) -> Vec<Notice> {
    let notices = bench.asked.iter().filter_map(|effect| match effect {
        Effect::Notify(notice) => Some(notice.clone()),
        _ => None,
    });
    notices.filter(|notice| notice.facts.transition == transition).collect()
}

fn hints(notice: &Notice) -> Vec<&str> {
    notice.facts.hints.iter().map(|hint| hint.word.as_str()).collect()
}

#[test]
fn a_message_says_where_the_release_stands_who_did_it_and_what_can_be_typed() {
    let mut bench = Bench::to_bake_at_ten();
    let begun = told(&bench, Transition::Begun).remove(0);
    assert_eq!((begun.facts.actor.clone(), hints(&begun)), (Some(captain()), vec!["rollback", "watch"]));
    bench.judge(Ruling::Marginal, Policy::Rollback);
    bench.order(Command::Pause).expect("pause");
    let paused = told(&bench, Transition::Paused).remove(0);
    let facts = &paused.facts;
    assert_eq!(facts.stage.as_ref().map(crate::domain::ids::StageName::as_str), Some("shift"));
    assert_eq!((facts.weight(), facts.by()), ("set 10 %, observed 10 %".to_owned(), "captain@bastion".to_owned()));
    assert_eq!(facts.findings.iter().map(|it| it.ruling).collect::<Vec<_>>(), [Ruling::Marginal]);
    assert_eq!(hints(&paused), ["resume", "rollback", "watch"]);
    for said in ["stage: shift", "green: set 10 %, observed 10 %", "by: captain@bastion", "errors: marginal"] {
        assert!(paused.body.contains(said), "{said} is missing: {}", paused.body);
    }
    bench.order(Command::Rollback { reason: Some("it fails".to_owned()) }).expect("rollback");
    let back = told(&bench, Transition::GoingBack).remove(0);
    assert_eq!((back.facts.by().as_str(), hints(&back)), ("captain@bastion", vec!["watch"]));
    assert!(back.facts.shifted && back.facts.detail.contains("it fails"), "{back:?}");
    bench.settle();
    let ended = told(&bench, Transition::Ended).remove(0);
    assert_eq!((ended.facts.status, hints(&ended)), (Status::Ended(Ending::RolledBack), Vec::new()));
    let tags: Vec<String> = [begun, paused, back, ended].iter().map(|notice| notice.facts.tag()).collect();
    assert!(tags.iter().all(|tag| *tag == tags[0]), "{tags:?}");
}

#[test]
fn a_phrase_is_quoted_for_a_shell() {
    let mut plan = plan();
    plan.stages[0].kind =
        StageKind::Gate(GatePlan { conditions: Vec::new(), confirm: Some("it's api".to_owned()), approval: None });
    let mut bench = Bench::new(plan);
    let _ = bench.tell(Event::Requested { by: captain() });
    bench.settle();
    let waiting = told(&bench, Transition::Waiting).remove(0);
    let approve = waiting.facts.hints.iter().find(|hint| hint.word == "approve").expect("approve");
    assert_eq!(approve.typed, r"cutover approve --env production --component api 'it'\''s api'");
}

#[test]
fn waiting_is_critical_only_while_users_may_be_harmed() {
    let waits = |ruling, policy| {
        let mut plan = plan();
        if let StageKind::Shift(shift) = &mut plan.stages[4].kind {
            shift.steps[0].gate = GateKind::Human;
        }
        let mut bench = Bench::new(plan);
        let _ = bench.tell(Event::Requested { by: captain() });
        bench.settle();
        bench.judge(ruling, policy);
        if bench.release.hold.is_some() {
            bench.order(Command::Resume).expect("resume");
        }
        bench.wait(6 * MINUTE);
        told(&bench, Transition::Waiting).remove(0).severity
    };
    assert_eq!(waits(Ruling::Pass, Policy::Pause), Severity::Warning);
    assert_eq!(waits(Ruling::Fail, Policy::Pause), Severity::Critical);
    assert_eq!(waits(Ruling::Fail, Policy::Observe), Severity::Warning, "what is only observed speaks against nothing");
}

fn with_page() -> Bench {
    let mut plan = plan();
    plan.notify = vec!["team".to_owned(), "page".to_owned()];
    let page = StatusPagePlan { status: PageStatus::UnderMaintenance, channels: vec!["page".to_owned()] };
    plan.stages.insert(1, stage("announce", StageKind::StatusPage(page)));
    let mut bench = Bench::new(plan);
    let _ = bench.tell(Event::Requested { by: captain() });
    bench.settle();
    bench
}

#[test]
fn a_status_page_is_told_by_its_stage_and_set_right_again_at_the_end() {
    let mut bench = with_page();
    let announced = told(&bench, Transition::StatusPage);
    assert_eq!(announced.iter().map(|notice| notice.channel.as_str()).collect::<Vec<_>>(), ["page"]);
    assert_eq!(announced[0].facts.page, Some(PageStatus::UnderMaintenance));
    bench.order(Command::Rollback { reason: None }).expect("rollback");
    bench.settle();
    let ended = told(&bench, Transition::Ended);
    assert_eq!(ended.iter().map(|notice| notice.facts.page).collect::<Vec<_>>(), [Some(PageStatus::Operational); 2]);

    let mut plain = Bench::to_bake_at_ten();
    plain.order(Command::Rollback { reason: None }).expect("rollback");
    plain.settle();
    assert_eq!(told(&plain, Transition::Ended)[0].facts.page, None, "whoever did not touch the page leaves it");
}

/// Fails every try of the messages that are open, `tries` times at most; the pauses before each further try.
fn pauses(bench: &mut Bench, tries: usize) -> Vec<u128> {
    let is_message = |intent: &&Intent| matches!(intent.effect, Effect::Notify(_));
    let mut pauses = Vec::new();
    while let Some(intent) = bench.open.iter().find(is_message).cloned().filter(|_| pauses.len() < tries) {
        bench.end(&intent, Outcome::Failed(Failure { transient: true, message: "busy".to_owned() }));
        let flight = bench.release.in_flight.iter().find(|flight| flight.id() == intent.id);
        let Some(at) = flight.and_then(|flight| flight.retry_at) else { break };
        pauses.push(at.since(bench.now).as_millis());
        bench.wait(at.since(bench.now));
    }
    pauses
}

fn says(bench: &Bench, text: &str) -> usize {
    bench.release.timeline.iter().filter(|line| line.text.contains(text)).count()
}

#[test]
fn a_message_is_given_up_after_eight_tries_and_a_critical_one_never() {
    let mut bench = Bench::to_bake_at_ten();
    bench.order(Command::Pause).expect("pause");
    assert_eq!(pauses(&mut bench, 100), [500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000]);
    assert_eq!((says(&bench, "could not be sent to team: busy"), says(&bench, "tried again until")), (1, 0));

    let mut bench = Bench::to_bake_at_ten();
    bench.order(Command::Rollback { reason: None }).expect("rollback");
    let pauses = pauses(&mut bench, 100);
    assert_eq!(pauses[..9], [500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 60_000, 60_000]);
    assert_eq!((pauses.len(), pauses[99]), (100, 60_000));
    assert_eq!(says(&bench, "rolling back` could not be sent to team: busy; it is tried again until it can be"), 1);
    // Another engine owes it as well, and begins with it.
    let _ = bench.tell(Event::Recovered { by: captain() });
    let _ = bench.tell(Event::Ticked);
    assert!(
        bench
            .open
            .iter()
            .any(|intent| matches!(&intent.effect, Effect::Notify(notice) if notice.severity == Severity::Critical))
    );
}

#[test]
fn what_is_still_to_be_told_when_the_release_ends_is_tried_then() {
    let mut bench = Bench::to_bake_at_ten();
    bench.order(Command::Rollback { reason: None }).expect("rollback");
    let _late = pauses(&mut bench, 9);
    let is_message = |intent: &Intent| matches!(intent.effect, Effect::Notify(_));
    let open = bench.open.iter().find(|intent| is_message(intent)).cloned().expect("it is tried on");
    bench.end(&open, Outcome::Failed(Failure { transient: true, message: "busy".to_owned() }));
    let late = |bench: &Bench| bench.release.in_flight.iter().find(|flight| flight.id() == open.id).cloned();
    assert!(late(&bench).is_some_and(|flight| flight.retry_at > Some(bench.now)));
    bench.settle();
    assert_eq!(bench.ending(), Some(Ending::RolledBack));
    let _ = bench.tell(Event::Ticked);
    bench.settle();
    assert_eq!(late(&bench), None, "it was told once the channel took it");
}

#[test]
fn an_acknowledgement_is_kept_and_told_and_moves_nothing() {
    let mut bench = Bench::to_bake_at_ten();
    let (before, revision) = (bench.release.status(), bench.release.revision);
    let note = |text: &str| Command::Acknowledge { alarm: "api-5xx".into(), note: text.to_owned() };
    assert!(bench.order(note("  ")).is_err(), "it takes a note");
    bench.order(note("looking at the database")).expect("acknowledge");
    let told = told(&bench, Transition::Acknowledged).remove(0);
    assert_eq!(told.facts.detail, "looking at the database");
    assert_eq!(told.facts.actor.as_ref().map(|actor| actor.name.as_str()), Some("captain"));
    let line = bench.release.timeline.last().unwrap();
    assert!(line.text.contains("api-5xx acknowledged") && line.by.as_deref() == Some("captain"), "{line:?}");
    assert_eq!((bench.release.status(), bench.release.revision), (before, revision));
    bench.order(Command::Rollback { reason: None }).expect("rollback");
    bench.order(note("still on it")).expect("also on the way back");
}
