//! What people order, and what becomes of it.

use std::sync::Arc;

use super::*;
use crate::domain::policy::{self, Deed, Pattern, Rule};

#[test]
fn a_rollback_outranks_a_weight_change_under_way() {
    let mut bench = Bench::to_bake_at_ten();
    bench.wait(6 * MINUTE);
    bench.judge(Ruling::Pass, Policy::Rollback);
    let raising = bench.open.iter().find(|intent| intent.effect.sets_weight()).cloned().expect("raising to 50 %");
    let reaction = {
        let seen = None;
        let order = Order { command: Command::Rollback { reason: None }, stage: None, by: captain(), seen };
        bench.tell(Event::Ordered(order))
    };
    assert!(reaction.cancel.contains(&raising.id));
    assert!(
        reaction.start.iter().any(|intent| intent.effect == Effect::SetWeight { component: API, green: Percent::ZERO })
    );
    // The raise had landed after all: its late answer changes nothing, and what is seen is put right.
    bench.api().weight = Percent::clamped(50);
    bench.end(&raising, Outcome::Done);
    bench.settle();
    assert_eq!(bench.ending(), None, "a call that was given up may still land: nothing is taken down yet");
    bench.wait(Duration::from_secs(16));
    bench.settle();
    assert_eq!(bench.ending(), Some(Ending::RolledBack));
    assert_eq!(bench.api().weight, Percent::ZERO);
}

#[test]
fn a_stale_order_is_refused_with_what_changed_but_pause_and_rollback_never_are() {
    let mut bench = Bench::to_bake_at_ten();
    let seen = Some(bench.release.revision);
    bench.order(Command::Pause).expect("pause");
    let send = |bench: &mut Bench, command| {
        bench.tell(Event::Ordered(Order { command, stage: None, by: captain(), seen })).answer.expect("answered")
    };
    match send(&mut bench, Command::Resume) {
        Err(Refusal::Stale { what, by, .. }) => assert_eq!((what.as_str(), by.as_deref()), ("paused", Some("captain"))),
        other => panic!("{other:?}"),
    }
    assert!(send(&mut bench, Command::Rollback { reason: None }).is_ok());
}

#[test]
fn guard_and_machine_agree_on_every_command_in_every_stage() {
    let mut bench = Bench::begun();
    for _ in 0..120 {
        for kind in CommandKind::ALL {
            let command = match kind {
                CommandKind::Promote => Command::Promote,
                CommandKind::PromoteFull => Command::PromoteFull,
                CommandKind::Pause => Command::Pause,
                CommandKind::Resume => Command::Resume,
                CommandKind::Rollback => Command::Rollback { reason: None },
                CommandKind::Abort => Command::Abort { reason: None },
                CommandKind::Retry => Command::Retry,
                CommandKind::Skip => Command::Skip { reason: "known".to_owned() },
                CommandKind::Approve => Command::Approve { phrase: "production".to_owned() },
                CommandKind::Acknowledge => Command::Acknowledge { alarm: "api-5xx".into(), note: "known".to_owned() },
            };
            let mut copy = bench.release.clone();
            let order = Order { command, stage: None, by: captain(), seen: None };
            let answer = step(&mut copy, Event::Ordered(order), bench.now).answer.expect("answered");
            assert_eq!(guard::possible(&bench.release, kind).is_ok(), answer.is_ok(), "{kind:?}: {answer:?}");
        }
        if !bench.carry_out() {
            bench.look();
            bench.wait(Duration::from_secs(30));
            bench.judge(Ruling::Pass, Policy::Rollback);
        }
    }
    assert_eq!(bench.ending(), Some(Ending::Succeeded), "the walk must have seen every stage");
}

#[test]
fn a_typed_gate_opens_for_the_phrase_only() {
    let mut typed = plan();
    typed.stages[0].kind = StageKind::Gate(GatePlan { confirm: Some("production".to_owned()), ..GatePlan::default() });
    let mut bench = Bench::new(typed);
    let _ = bench.tell(Event::Requested { by: captain() });
    bench.settle();
    assert_eq!(bench.release.status(), Status::Waiting);
    let wrong = bench.order(Command::Approve { phrase: "prod".to_owned() });
    assert_eq!(wrong, Err(Refusal::WrongPhrase { wanted: "production".to_owned() }));
    bench.order(Command::Approve { phrase: "production".to_owned() }).expect("approved");
    assert_eq!(bench.release.stages[0].status, StageStatus::Passed);
}

#[test]
fn a_failed_stage_that_waits_can_be_retried_or_skipped() {
    let mut waiting = plan();
    waiting.stages[1].on_failure = OnFailure::Wait;
    let mut bench = Bench::new(waiting);
    let _ = bench.tell(Event::Requested { by: captain() });
    let failing = |bench: &mut Bench| {
        while !matches!(bench.open.first().map(|intent| &intent.effect), Some(Effect::RunCommand { .. })) {
            assert!(bench.carry_out());
        }
        let intent = bench.open[0].clone();
        bench.end(&intent, Outcome::Exited { code: Some(2), tail: vec!["no such table".to_owned()] });
    };
    failing(&mut bench);
    assert_eq!(bench.release.status(), Status::Waiting);
    bench.order(Command::Retry).expect("retry");
    failing(&mut bench);
    assert_eq!(bench.release.stages[1].attempts, 2);
    assert!(bench.order(Command::Skip { reason: " ".to_owned() }).is_err());
    bench.order(Command::Skip { reason: "done by hand".to_owned() }).expect("skip");
    bench.finish_well();
    assert_eq!(bench.ending(), Some(Ending::Succeeded));
    assert_eq!(bench.release.stages[1].status, StageStatus::Skipped);
}

#[test]
fn promote_is_followed_until_it_is_seen() {
    let mut bench = Bench::to_bake_at_ten();
    bench.order(Command::Promote).expect("promote");
    assert_eq!(bench.release.orders[0].progress, Progress::Accepted);
    bench.settle();
    assert_eq!(bench.release.orders[0].progress, Progress::Observed);
    assert_eq!(bench.asked_weights(), [10, 50]);
    bench.order(Command::PromoteFull).expect("promote-full");
    bench.order(Command::Rollback { reason: None }).expect("rollback");
    assert_eq!(bench.release.orders[1].progress, Progress::Overtaken);
    bench.settle();
    assert_eq!(bench.api().weight, Percent::ZERO);
}

#[test]
fn what_the_policy_does_not_allow_is_refused_whatever_the_face_thought() {
    let mut bench = Bench::to_bake_at_ten();
    let captain_arn = "arn:aws:sts::1:assumed-role/captain/maria";
    let rule = Rule {
        name: "captains".to_owned(),
        who: vec![Pattern("arn:aws:iam::1:role/captain".to_owned())],
        may: vec![Deed::Order(CommandKind::Promote)],
    };
    Arc::make_mut(&mut bench.release.plan).policy =
        Some(policy::Policy { everybody: vec![Deed::Order(CommandKind::Rollback)], rules: vec![rule] });
    let before = bench.release.clone();
    let send = |bench: &mut Bench, command, arn: Option<&str>| {
        let by = Actor { arn: arn.map(str::to_owned), ..captain() };
        bench.tell(Event::Ordered(Order { command, stage: None, by, seen: None })).answer.expect("answered")
    };
    for arn in [None, Some("arn:aws:sts::1:assumed-role/developer/ken")] {
        match send(&mut bench, Command::Promote, arn) {
            Err(Refusal::NotAllowed { why }) => assert!(why.contains("rule `captains` allows it"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(send(&mut bench, Command::Pause, Some(captain_arn)), Err(Refusal::NotAllowed { .. })));
    assert_eq!(bench.release, before, "nothing has changed");
    assert!(send(&mut bench, Command::Promote, Some(captain_arn)).is_ok());
    assert!(send(&mut bench, Command::Rollback { reason: None }, None).is_ok(), "everybody may");
}
