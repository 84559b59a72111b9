use super::*;
use crate::domain::gate::ApprovalPlan;
use crate::domain::release::{Stage, Work};

fn approval(by: &[&str], count: u32) -> ApprovalPlan {
    ApprovalPlan {
        by: by.iter().map(|name| (*name).to_owned()).collect(),
        count,
        not_requester: true,
        expires: Some(Duration::from_hours(1)),
    }
}

/// A release, asked for by the captain, whose first stage is this gate.
fn begun(gate: GatePlan, on_failure: OnFailure) -> Bench {
    let mut plan = plan();
    plan.stages[0].kind = StageKind::Gate(gate);
    plan.stages[0].on_failure = on_failure;
    let mut bench = Bench::new(plan);
    let _ = bench.tell(Event::Requested { by: captain() });
    bench
}

fn asking(approval: ApprovalPlan) -> GatePlan {
    GatePlan { conditions: vec![Condition::Healthy], confirm: None, approval: Some(approval) }
}

fn approve(bench: &mut Bench, name: &str, phrase: &str) -> Result<Revision, Refusal> {
    let by = Actor::new(name, "elsewhere");
    let command = Command::Approve { phrase: phrase.to_owned() };
    let seen = Some(bench.release.revision);
    bench.tell(Event::Ordered(Order { command, stage: None, by, seen })).answer.expect("answered")
}

fn refused(answer: Result<Revision, Refusal>) -> String {
    answer.expect_err("must be refused").to_string()
}

fn gate(bench: &Bench) -> &Stage {
    &bench.release.stages[0]
}

fn look_of_gate(bench: &Bench) -> Intent {
    let is_look = |intent: &&Intent| matches!(intent.effect, Effect::CheckGate { .. });
    bench.open.iter().find(is_look).cloned().expect("the gate is looked at")
}

fn shut(bench: &mut Bench, until: Timestamp) {
    let intent = look_of_gate(bench);
    let window = CheckResult::new("deployment window", false, "Sat");
    bench.end(&intent, Outcome::NotYet { results: vec![window], until });
}

#[test]
fn a_gate_opens_when_enough_different_people_have_approved_and_never_for_the_requester() {
    let mut bench = begun(asking(approval(&["captain", "ann", "bob"], 2)), OnFailure::Rollback);
    bench.settle();
    assert_eq!(bench.release.status(), Status::Waiting);
    assert!(gate(&bench).note.starts_with("needs 2 approvals of captain, ann, bob"), "{}", gate(&bench).note);
    let own = refused(approve(&mut bench, "captain", ""));
    assert_eq!(own, "captain asked for this release; somebody else must approve it");
    assert_eq!(refused(approve(&mut bench, "eve", "")), "eve may not approve this; captain, ann, bob may");
    approve(&mut bench, "ann", "").expect("the first");
    assert_eq!(refused(approve(&mut bench, "ann", "")), "ann has approved already; 1 more must");
    assert_eq!(gate(&bench).status, StageStatus::Waiting);
    assert!(gate(&bench).note.ends_with("given by ann"), "{}", gate(&bench).note);
    approve(&mut bench, "bob", "").expect("the second");
    assert_eq!((gate(&bench).status, gate(&bench).note.as_str()), (StageStatus::Passed, "approved by ann, bob"));
}

#[test]
fn two_people_who_saw_the_same_release_may_both_approve_it() {
    let mut bench = begun(asking(approval(&[], 2)), OnFailure::Rollback);
    bench.settle();
    let seen = Some(bench.release.revision);
    for name in ["ann", "bob"] {
        let by = Actor::new(name, "elsewhere");
        let order = Order { command: Command::Approve { phrase: String::new() }, stage: None, by, seen };
        bench.tell(Event::Ordered(order)).answer.expect("answered").expect("not stale");
    }
    assert_eq!(gate(&bench).status, StageStatus::Passed);
}

#[test]
fn an_approval_lapses_and_may_be_given_again() {
    let mut bench = begun(asking(approval(&[], 2)), OnFailure::Rollback);
    bench.settle();
    approve(&mut bench, "ann", "").expect("in time");
    let lapses = bench.now + Duration::from_hours(1);
    assert_eq!(deadline(&bench.release, bench.now), Some(lapses), "somebody looks when it lapses");
    bench.wait(Duration::from_hours(1));
    assert!(gate(&bench).voices.approvals.is_empty());
    approve(&mut bench, "bob", "").expect("the only one that counts");
    assert_eq!(gate(&bench).status, StageStatus::Waiting);
    approve(&mut bench, "ann", "").expect("again");
    bench.settle();
    assert_eq!(gate(&bench).status, StageStatus::Passed);
}

#[test]
fn whoever_approves_types_the_phrase_if_there_is_one() {
    let gate_plan = GatePlan { confirm: Some("ship it".to_owned()), ..asking(approval(&[], 1)) };
    let mut bench = begun(gate_plan, OnFailure::Rollback);
    bench.settle();
    assert_eq!(approve(&mut bench, "ann", "ship"), Err(Refusal::WrongPhrase { wanted: "ship it".to_owned() }));
    approve(&mut bench, "ann", " ship it ").expect("typed");
    assert_eq!(gate(&bench).status, StageStatus::Passed);
}

#[test]
fn what_held_long_ago_is_looked_at_again_before_the_gate_opens() {
    let mut bench = begun(asking(approval(&[], 1)), OnFailure::Rollback);
    bench.settle();
    bench.wait(Duration::from_mins(30));
    approve(&mut bench, "ann", "").expect("approved");
    assert_eq!(gate(&bench).status, StageStatus::Running);
    let intent = look_of_gate(&bench);
    let firing = CheckResult::new("alarm x", false, "firing");
    bench.end(&intent, Outcome::Checked(vec![firing]));
    assert_eq!(gate(&bench).status, StageStatus::Failed, "an approval does not outweigh a condition");
    bench.settle();
    assert_eq!(bench.ending(), Some(Ending::Failed));
}

#[test]
fn a_gate_waits_for_its_window_and_looks_again_when_it_opens() {
    let mut bench =
        begun(GatePlan { conditions: vec![Condition::Healthy], ..GatePlan::default() }, OnFailure::Rollback);
    let opens = bench.now + Duration::from_hours(60);
    shut(&mut bench, opens);
    assert_eq!((gate(&bench).work, bench.release.status()), (Work::Until(opens), Status::Running));
    assert!(deadline(&bench.release, bench.now).is_some());
    bench.wait(Duration::from_hours(59));
    assert_eq!(gate(&bench).work, Work::Until(opens), "the wait is no time-out");
    bench.wait(Duration::from_hours(1));
    assert_eq!(gate(&bench).work, Work::Asked);
    bench.wait(4 * MINUTE);
    assert_eq!(gate(&bench).status, StageStatus::Running, "the time-out counts from the opening");
    bench.settle();
    assert_eq!(gate(&bench).status, StageStatus::Passed);
}

#[test]
fn a_paused_release_does_not_go_through_a_window_that_opens() {
    let mut bench = begun(GatePlan::default(), OnFailure::Rollback);
    let opens = bench.now + Duration::from_hours(1);
    shut(&mut bench, opens);
    bench.order(Command::Pause).expect("pause");
    bench.wait(Duration::from_hours(2));
    assert_eq!(gate(&bench).work, Work::Until(opens));
    bench.order(Command::Resume).expect("resume");
    assert_eq!(gate(&bench).work, Work::Asked);
}

#[test]
fn going_past_a_window_needs_a_reason_is_kept_and_leaves_the_other_conditions_standing() {
    let mut bench = begun(asking(approval(&["ann"], 1)), OnFailure::Rollback);
    let opens = bench.now + Duration::from_hours(60);
    shut(&mut bench, opens);
    assert!(bench.order(Command::Promote).is_err(), "a promotion is no way past it");
    assert!(bench.order(Command::Skip { reason: " ".to_owned() }).is_err());
    bench.order(Command::Skip { reason: "hotfix 7".to_owned() }).expect("past the window");
    assert_eq!(gate(&bench).voices.past_window.as_deref(), Some("captain: hotfix 7"));
    assert!(bench.release.timeline.iter().any(|line| line.text == "gates goes past its window: hotfix 7"));
    bench.settle();
    assert_eq!((gate(&bench).status, gate(&bench).work), (StageStatus::Waiting, Work::Confirming));
    approve(&mut bench, "ann", "").expect("still asked for");
    assert_eq!(gate(&bench).status, StageStatus::Passed);
}

#[test]
fn approvals_may_come_while_the_window_is_shut() {
    let mut bench = begun(asking(approval(&["ann"], 1)), OnFailure::Rollback);
    let opens = bench.now + MINUTE;
    shut(&mut bench, opens);
    approve(&mut bench, "ann", "").expect("early");
    assert_eq!(gate(&bench).work, Work::Until(opens), "it still waits");
    bench.wait(MINUTE);
    let intent = look_of_gate(&bench);
    bench.end(&intent, Outcome::Checked(Vec::new()));
    assert_eq!((gate(&bench).status, gate(&bench).note.as_str()), (StageStatus::Passed, "approved by ann"));
}

#[test]
fn leaving_failed_conditions_out_does_not_leave_the_approvers_out() {
    let mut bench = begun(asking(approval(&["ann"], 1)), OnFailure::Wait);
    let fail = |bench: &mut Bench| {
        let intent = look_of_gate(bench);
        let stale = CheckResult::new("backup", false, "30 h old");
        bench.end(&intent, Outcome::Checked(vec![stale]));
    };
    fail(&mut bench);
    assert_eq!(gate(&bench).status, StageStatus::Failed);
    bench.order(Command::Skip { reason: "dumped by hand".to_owned() }).expect("skip");
    assert_eq!(gate(&bench).status, StageStatus::Waiting, "nobody has approved yet");
    approve(&mut bench, "ann", "").expect("approved");
    assert_eq!(gate(&bench).status, StageStatus::Skipped);
    assert_eq!(gate(&bench).note, "skipped by captain: dumped by hand; approved by ann");
    bench.finish_well();
    assert_eq!(bench.ending(), Some(Ending::Succeeded));
}

#[test]
fn a_retried_gate_asks_everybody_again() {
    let mut bench = begun(asking(approval(&[], 2)), OnFailure::Wait);
    bench.settle();
    approve(&mut bench, "ann", "").expect("first");
    bench.wait(30 * MINUTE);
    approve(&mut bench, "bob", "").expect("second");
    let intent = look_of_gate(&bench);
    bench.end(&intent, Outcome::Failed(Failure { transient: false, message: "denied".to_owned() }));
    bench.order(Command::Retry).expect("retry");
    bench.settle();
    assert!(gate(&bench).voices.approvals.is_empty());
    assert_eq!(gate(&bench).status, StageStatus::Waiting);
}
