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
        StageKind::Gate(GatePlan { healthy: true, no_alarms: true, confirm: Some("it's api".to_owned()) });
    let mut bench = Bench::new(plan);
    let _ = bench.tell(Event::Requested { by: captain() });
    bench.settle();
    let waiting = told(&bench, Transition::Waiting).remove(0);
    let approve = waiting.facts.hints.iter().find(|hint| hint.word == "approve").expect("approve");
    assert_eq!(approve.typed, r"cutover approve --env production --component api 'it'\''s api'");
}

#[test]
fn waiting_is_critical_only_while_users_may_be_harmed() {
    let waits = |ruling| {
        let mut plan = plan();
        if let StageKind::Shift(shift) = &mut plan.stages[4].kind {
            shift.steps[0].gate = GateKind::Human;
        }
        let mut bench = Bench::new(plan);
        let _ = bench.tell(Event::Requested { by: captain() });
        bench.settle();
        bench.judge(ruling, Policy::Observe);
        bench.wait(6 * MINUTE);
        told(&bench, Transition::Waiting).remove(0).severity
    };
    assert_eq!(waits(Ruling::Pass), Severity::Warning);
    assert_eq!(waits(Ruling::Fail), Severity::Critical);
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

#[test]
fn a_rollback_does_not_hurry_messages() {
    let mut bench = Bench::to_bake_at_ten();
    bench.order(Command::Rollback { reason: None }).expect("rollback");
    let is_message = |intent: &&Intent| matches!(intent.effect, Effect::Notify(_));
    let mut pauses = Vec::new();
    while let Some(intent) = bench.open.iter().find(is_message).cloned() {
        bench.end(&intent, Outcome::Failed(Failure { transient: true, message: "busy".to_owned() }));
        let flight = bench.release.in_flight.iter().find(|flight| flight.id() == intent.id);
        let Some(at) = flight.and_then(|flight| flight.retry_at) else { break };
        pauses.push(at.since(bench.now).as_millis());
        bench.wait(at.since(bench.now));
    }
    assert_eq!(pauses, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000]);
    assert!(bench.release.timeline.iter().any(|line| line.text.contains("could not be sent to team: busy")));
}
