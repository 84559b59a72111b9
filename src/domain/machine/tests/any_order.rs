//! Whatever happens, in whatever order.

use proptest::prelude::*;

use super::*;

/// Anything that may happen, in any order.
#[derive(Clone, Debug)]
enum Happening {
    CarryOut(usize),
    Fail { index: usize, transient: bool },
    Look,
    LookStale(u8),
    Lose { side: bool, healthy: u32 },
    Wait(u64),
    Judge(Ruling),
    Alarm(Option<bool>),
    Order(u8, bool),
    Recover,
    RepeatLast,
}

fn happening() -> impl Strategy<Value = Happening> {
    let ruling = prop_oneof![
        4 => Just(Ruling::Pass),
        1 => Just(Ruling::Fail),
        1 => Just(Ruling::NoData),
        1 => Just(Ruling::Marginal),
    ];
    prop_oneof![
        8 => (0..3_usize).prop_map(Happening::CarryOut),
        2 => (0..3_usize, any::<bool>()).prop_map(|(index, transient)| Happening::Fail { index, transient }),
        8 => Just(Happening::Look),
        1 => (0..=100_u8).prop_map(Happening::LookStale),
        1 => (any::<bool>(), 0..=4_u32).prop_map(|(side, healthy)| Happening::Lose { side, healthy }),
        6 => (1..200_u64).prop_map(Happening::Wait),
        4 => ruling.prop_map(Happening::Judge),
        1 => any::<Option<bool>>().prop_map(Happening::Alarm),
        2 => (0..9_u8, any::<bool>()).prop_map(|(kind, stale)| Happening::Order(kind, stale)),
        1 => Just(Happening::Recover),
        1 => Just(Happening::RepeatLast),
    ]
}

fn happen(bench: &mut Bench, happening: Happening, last: &mut Option<Event>) {
    match happening {
        Happening::CarryOut(index) => {
            if index < bench.open.len() {
                bench.open.rotate_left(index);
                if let Some(intent) = bench.open.first() {
                    let (id, attempt) = (intent.id, intent.attempt);
                    *last = Some(Event::EffectEnded { id, attempt, outcome: Outcome::Done });
                }
                bench.carry_out();
            }
        }
        Happening::Fail { index, transient } => {
            if let Some(intent) = bench.open.get(index).cloned() {
                bench.end(&intent, Outcome::Failed(Failure { transient, message: "trouble".to_owned() }));
            }
        }
        Happening::Look => bench.look(),
        Happening::LookStale(weight) => {
            let _ = bench.tell(Event::WeightObserved { component: API, green: Percent::clamped(weight) });
        }
        Happening::Lose { side, healthy } => {
            let capacity = if side { &mut bench.api().capacity.blue } else { &mut bench.api().capacity.green };
            capacity.healthy = healthy.min(capacity.desired);
        }
        Happening::Wait(secs) => bench.wait(Duration::from_secs(secs)),
        Happening::Judge(ruling) => bench.judge(ruling, Policy::Rollback),
        Happening::Alarm(fires) => {
            let alarm = FiringAlarm { name: "a".into(), since: bench.now, reason: String::new() };
            bench.api().firing = fires.filter(|fires| *fires).map(|_| alarm.clone()).into_iter().collect();
            let _ = bench.tell(match fires {
                Some(true) => Event::AlarmsObserved { component: API, firing: vec![alarm] },
                Some(false) => Event::AlarmsObserved { component: API, firing: Vec::new() },
                None => Event::AlarmsLost { component: API, why: "throttled".to_owned(), firing: Vec::new() },
            });
        }
        Happening::Order(kind, stale) => {
            let command = match kind {
                0 => Command::Promote,
                1 => Command::PromoteFull,
                2 => Command::Pause,
                3 | 4 => Command::Resume,
                5 => Command::Rollback { reason: None },
                6 => Command::Abort { reason: None },
                7 => Command::Retry,
                _ => Command::Skip { reason: "why not".to_owned() },
            };
            let seen = (!stale).then_some(bench.release.revision);
            let order = Order { command, stage: None, by: captain(), seen };
            assert!(bench.tell(Event::Ordered(order)).answer.is_some(), "I7: every order is answered");
        }
        Happening::Recover => {
            bench.open.clear();
            let _ = bench.tell(Event::Recovered { by: captain() });
        }
        Happening::RepeatLast => {
            if let Some(event) = last.clone() {
                let _ = bench.tell(event);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order, the invariants hold; and once the world behaves, the release ends or waits
    /// for a human within a bounded time (I7).
    #[test]
    fn any_order_of_events_keeps_the_invariants(happenings in prop::collection::vec(happening(), 0..120)) {
        let mut bench = Bench::begun();
        let mut last = None;
        for happening in happenings {
            happen(&mut bench, happening, &mut last);
        }
        let _ = bench.tell(Event::AlarmsObserved { component: API, firing: Vec::new() });
        bench.api().firing.clear();
        bench.api().capacity.blue.healthy = bench.api().capacity.blue.desired;
        bench.api().capacity.green.healthy = bench.api().capacity.green.desired;
        for _ in 0..200 {
            bench.settle();
            bench.wait(MINUTE);
            bench.judge(Ruling::Pass, Policy::Rollback);
        }
        let status = bench.release.status();
        prop_assert!(
            matches!(status, Status::Ended(_) | Status::Waiting | Status::Paused),
            "stuck in {status:?} with {:?}: {:#?}", deadline(&bench.release, bench.now), bench.release.timeline
        );
    }

    /// Every state survives the journal's encoding, and replaying the same events gives the same state.
    #[test]
    fn replay_gives_the_same_release(happenings in prop::collection::vec(happening(), 0..60)) {
        let mut bench = Bench::begun();
        let mut last = None;
        for happening in happenings {
            happen(&mut bench, happening, &mut last);
        }
        let text = serde_json::to_string(&bench.release).expect("encodes");
        let back: Release = serde_json::from_str(&text).expect("decodes");
        prop_assert_eq!(back, bench.release);
    }
}
