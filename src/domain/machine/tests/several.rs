//! Several components in one release, and stages side by side.

use super::*;

const WEB: &str = "web";

/// The second component.
fn web() -> ComponentIndex {
    two().components.position(|component| component.name.as_str() == WEB).unwrap()
}

fn of(component: ComponentIndex, after: &[usize], stage: StagePlan) -> StagePlan {
    StagePlan { component: Some(component), after: after.to_vec(), ..stage }
}

/// A migration for both; then each is deployed and shifted on its own, side by side; then they are verified together.
fn two() -> Plan {
    let components = Components::try_from(vec![component("api"), component(WEB)]).unwrap();
    let second = components.indices().next_back().unwrap();
    let verify = || StageKind::Verify(VerifyPlan { watch: MINUTE, checks: Vec::new() });
    Plan {
        components,
        stages: vec![
            stage("migrate", command(true, false)),
            of(API, &[0], stage("deploy-api", StageKind::Deploy)),
            of(second, &[0], stage("deploy-web", StageKind::Deploy)),
            of(API, &[1], stage("shift-api", StageKind::Shift(shift()))),
            of(second, &[2], stage("shift-web", StageKind::Shift(shift()))),
            StagePlan { component: None, after: vec![3, 4], ..stage("verify", verify()) },
        ],
        ..plan()
    }
}

fn begun(plan: Plan) -> Bench {
    let mut bench = Bench::new(plan);
    let _ = bench.tell(Event::Requested { by: captain() });
    bench
}

fn weights(bench: &Bench, component: ComponentIndex) -> Vec<u8> {
    let weight = |effect: &Effect| match effect {
        Effect::SetWeight { component: asked, green } if *asked == component => Some(green.get()),
        _ => None,
    };
    bench.asked.iter().filter_map(weight).collect()
}

fn told(bench: &mut Bench, command: Command, stage: Option<&str>) -> Result<Revision, Refusal> {
    let stage = stage.map(Into::into);
    bench.tell(Event::Ordered(Order { command, stage, by: captain(), seen: None })).answer.unwrap()
}

#[test]
fn both_go_up_side_by_side_and_the_release_ends_when_both_are_up() {
    let mut bench = begun(two());
    bench.settle();
    assert_eq!(bench.release.active().collect::<Vec<_>>(), [3, 4]);
    assert_eq!((weights(&bench, API), weights(&bench, web())), (vec![10], vec![10]));
    bench.finish_well();
    assert_eq!(bench.ending(), Some(Ending::Succeeded), "{:#?}", bench.release.timeline);
    assert_eq!((weights(&bench, API), weights(&bench, web())), (vec![10, 50, 100], vec![10, 50, 100]));
}

#[test]
fn one_that_fails_takes_both_back_at_once_and_everything_is_undone() {
    let mut bench = begun(two());
    bench.settle();
    let verdicts = vec![verdict(Ruling::Fail, Policy::Rollback)];
    let reaction = bench.tell(Event::Judged { component: web(), verdicts });
    let zero = |intent: &&Intent| matches!(intent.effect, Effect::SetWeight { green: Percent::ZERO, .. });
    assert_eq!(reaction.start.iter().filter(zero).count(), 2, "neither waits for the other");
    bench.settle();
    assert_eq!(bench.ending(), Some(Ending::RolledBack), "{:#?}", bench.release.timeline);
    assert!(bench.release.components.iter().all(|(_, component)| component.restored.is_some()));
    assert!(bench.spots.iter().all(|(_, spot)| spot.weight == Percent::ZERO && spot.capacity.green.desired == 0));
    assert!(bench.asked.contains(&Effect::UndoCommand { stage: 0 }));
    assert!(bench.release.timeline.iter().any(|moment| moment.text.starts_with("rolling back: web: ")));
}

#[test]
fn one_by_one_the_second_goes_back_only_when_the_first_was_seen_there() {
    let mut plan = two();
    plan.rollback.one_by_one = true;
    let mut bench = begun(plan);
    bench.settle();
    told(&mut bench, Command::Rollback { reason: None }, None).unwrap();
    assert_eq!((weights(&bench, API), weights(&bench, web())), (vec![10, 0], vec![10]));
    while bench.carry_out() {}
    assert_eq!(weights(&bench, web()), [10], "set is not observed");
    bench.settle();
    assert_eq!(weights(&bench, web()), [10, 0]);
    assert_eq!(bench.ending(), Some(Ending::RolledBack));
}

#[test]
fn one_whose_green_never_had_traffic_is_only_taken_down() {
    let mut bench = begun(two());
    bench.spots[web()].capacity.green.desired = 0;
    while weights(&bench, API).is_empty() {
        let deploys_web =
            |intent: &Intent| matches!(intent.effect, Effect::Scale { component, .. } if component == web());
        if let Some(place) = bench.open.iter().position(|intent| !deploys_web(intent)) {
            let intent = bench.open.remove(place);
            bench.open.insert(0, intent);
            bench.carry_out();
        }
        bench.look();
    }
    told(&mut bench, Command::Rollback { reason: None }, None).unwrap();
    bench.settle();
    // The raise that was given up may still land: it is waited for.
    bench.wait(MINUTE);
    bench.settle();
    assert_eq!((weights(&bench, API), weights(&bench, web())), (vec![10, 0], vec![]));
    assert_eq!(bench.ending(), Some(Ending::RolledBack), "{:#?}", bench.release);
}

#[test]
fn a_command_that_could_mean_two_stages_is_refused_until_one_is_named() {
    let mut bench = begun(two());
    bench.settle();
    let refusal = told(&mut bench, Command::Promote, None).unwrap_err().to_string();
    assert!(refusal.contains("shift-api") && refusal.contains("shift-web"), "{refusal}");
    assert!(guard::possible(&bench.release, CommandKind::Promote).is_ok());
    told(&mut bench, Command::Promote, Some("shift-web")).unwrap();
    bench.settle();
    assert_eq!((weights(&bench, API), weights(&bench, web())), (vec![10], vec![10, 50]));
    let refusal = told(&mut bench, Command::Promote, Some("deploy-api")).unwrap_err().to_string();
    assert!(refusal.contains("deploy-api is not at work"), "{refusal}");
    let refusal = told(&mut bench, Command::Promote, Some("shfit-web")).unwrap_err().to_string();
    assert!(refusal.contains("there is no stage shfit-web"), "{refusal}");
}

#[test]
fn a_stage_that_waits_for_a_human_does_not_stop_its_neighbour() {
    let mut plan = two();
    plan.stages[1].on_failure = OnFailure::Wait;
    let mut bench = begun(plan);
    bench.carry_out();
    bench.carry_out();
    let register = |intent: &Intent| intent.effect == Effect::RegisterTaskDefinition { component: API };
    while !bench.open.iter().any(register) {
        bench.carry_out();
    }
    let intent = bench.open.iter().find(|intent| register(intent)).cloned().unwrap();
    bench.end(&intent, Outcome::Failed(Failure { transient: false, message: "denied".to_owned() }));
    bench.settle();
    assert_eq!(bench.release.stages[1].status, StageStatus::Failed);
    assert_eq!((weights(&bench, API), weights(&bench, web())), (vec![], vec![10]));
    assert_eq!(bench.release.status(), Status::Running, "the neighbour is at work");
    told(&mut bench, Command::Retry, None).unwrap();
    bench.finish_well();
    assert_eq!(bench.ending(), Some(Ending::Succeeded), "{:#?}", bench.release.timeline);
}

#[test]
fn what_is_said_of_a_component_that_is_not_there_is_not_heard() {
    let mut bench = Bench::to_bake_at_ten();
    let before = bench.release.clone();
    let stranger: ComponentIndex = serde_json::from_str("7").unwrap();
    let reaction = bench.tell(Event::WeightObserved { component: stranger, green: Percent::FULL });
    assert!(!reaction.changed && before == bench.release);
}
