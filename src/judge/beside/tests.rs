use super::super::tick::Counts;
use super::*;
use crate::domain::signal::{Golden, Percentile, Unit};

fn plan(policy: Policy) -> SignalPlan {
    SignalPlan {
        name: "errors".into(),
        golden: Golden::Errors,
        measure: Measure::TargetErrors,
        unit: Unit::Percent,
        max: Some(5.0),
        over_blue: Some(2.0),
        min_samples: 100,
        breaches: 2,
        warm_up: Duration::ZERO,
        policy,
    }
}

fn points(minutes: std::ops::Range<i64>, value: f64, samples: u64) -> Vec<Point> {
    minutes.map(|minute| Point { at: Timestamp::from_secs(60 * minute), value, samples }).collect()
}

/// Ten minutes of blue alone, then so many with green beside it.
fn verdict(plan: SignalPlan, minutes: i64, green: f64) -> Verdict {
    let (name, now) = (plan.name.clone(), Timestamp::from_secs(60 * (11 + minutes)));
    let blue = [points(0..10, 0.1, 3_000), points(10..10 + minutes, 0.1, 2_700)].concat();
    let green = points(10..10 + minutes, green, 300);
    let since = Some(Timestamp::from_secs(600));
    let measured =
        [Measured { signal: &name, blue: &blue, green: &green, period: Duration::from_mins(1), failed: None }];
    Beside::new(vec![plan]).judge(&measured, Circumstances { now, green_since: since, step_since: since }).remove(0)
}

#[test]
fn what_is_worse_than_blue_and_within_the_limit_is_suspicious_and_then_held() {
    let rulings: Vec<Ruling> = (1..=4).map(|minutes| verdict(plan(Policy::Rollback), minutes, 2.0).ruling).collect();
    assert_eq!(rulings, [Ruling::Marginal, Ruling::Fail, Ruling::Fail, Ruling::Fail]);
    let held = verdict(plan(Policy::Rollback), 3, 2.0);
    assert_eq!((held.policy, held.evidence >= 1.0), (Policy::Pause, true));
    assert!(held.reason.starts_with("worse than blue: requests fail at about"), "{}", held.reason);
    assert_eq!(verdict(plan(Policy::Observe), 3, 2.0).policy, Policy::Observe);
}

#[test]
fn what_is_alike_passes_and_what_breaks_the_limit_still_goes_back() {
    let alike = verdict(plan(Policy::Rollback), 10, 0.1);
    assert_eq!((alike.ruling, alike.reason.as_str()), (Ruling::Pass, "0.10 % on green, limit 5 %"));
    assert!(alike.evidence < 0.1, "{}", alike.evidence);
    let broken = verdict(plan(Policy::Rollback), 2, 40.0);
    assert_eq!((broken.ruling, broken.policy), (Ruling::Fail, Policy::Rollback));
}

#[test]
fn what_is_suspicious_holds_up_nothing_where_blue_serves_no_more() {
    let plan = plan(Policy::Rollback);
    let blue = [points(0..10, 0.1, 3_000), points(10..11, 0.1, 2_700)].concat();
    let green = [points(10..11, 2.0, 300), points(11..15, 0.1, 3_000)].concat();
    let since = Some(Timestamp::from_secs(600));
    let ruling = |green: &[Point], minute: i64| {
        let now = Timestamp::from_secs(60 * minute);
        let measured =
            [Measured { signal: &plan.name, blue: &blue, green, period: Duration::from_mins(1), failed: None }];
        let circumstances = Circumstances { now, green_since: since, step_since: since };
        Beside::new(vec![plan.clone()]).judge(&measured, circumstances).remove(0).ruling
    };
    assert_eq!((ruling(&green[..1], 12), ruling(&green, 16)), (Ruling::Marginal, Ruling::Pass));
}

#[test]
fn signals_without_a_limit_or_of_other_kinds_are_left_alone() {
    let watched = SignalPlan { max: None, ..plan(Policy::Observe) };
    assert_eq!(verdict(watched, 3, 20.0).ruling, Ruling::Pass);
    let other = SignalPlan { measure: Measure::ClientErrors, ..plan(Policy::Rollback) };
    assert_eq!(verdict(other, 3, 2.0).ruling, Ruling::Pass);
}

const START: i64 = 600;

/// Two seconds in which four tasks of each side serve: errors of each of green's tasks, and how much slower they are.
fn tick(end: i64, errors: [u64; 4], slower: f64) -> Tick {
    let side = |requests: u64, errors: [u64; 4], slower: f64| -> Vec<Counts> {
        let tasks = errors.into_iter().zip(0_u8..).map(|(errors, name)| {
            let task = name.to_string().as_str().into();
            let mut counts = Counts { task, requests, errors, ..Counts::default() };
            let millis = |number: u64| slower * (50.0 + (number * 7 % 40) as f64);
            (errors..requests).for_each(|number| counts.latency.add(millis(number)));
            counts
        });
        tasks.collect()
    };
    let end = Timestamp::from_secs(START + end);
    Tick { end, blue: side(20, [0; 4], 1.0), green: side(3, errors, slower), ..Tick::default() }
}

/// A judge that has had so many seconds of both sides in its log.
fn fed(plans: Vec<SignalPlan>, seconds: i64, errors: [u64; 4], slower: f64) -> Beside {
    let settings = Settings { longest_bake: None, ..Settings::default() };
    let mut judge = Beside::new(plans).with_requests(Live::new(settings, Duration::ZERO));
    judge.weigh(0.0, Timestamp::from_secs(0));
    (1..=30).for_each(|number| judge.take(&tick(2 * number - 60, [0; 4], 1.0)));
    judge.weigh(0.13, Timestamp::from_secs(START));
    (1..=seconds / 2).for_each(|number| judge.take(&tick(2 * number, errors, slower)));
    judge
}

fn ruled(judge: &mut Beside, seconds: i64, blue: &[Point], green: &[Point]) -> Verdict {
    let (name, since) = (judge.plans[0].name.clone(), Some(Timestamp::from_secs(START)));
    let now = Timestamp::from_secs(START + seconds);
    let measured = [Measured { signal: &name, blue, green, period: Duration::from_mins(1), failed: None }];
    judge.judge(&measured, Circumstances { now, green_since: since, step_since: since }).remove(0)
}

#[test]
fn what_the_log_proves_follows_the_policy_of_its_signal_before_cloudwatch_has_a_minute() {
    let mut judge = fed(vec![plan(Policy::Rollback)], 20, [1, 1, 0, 1], 1.0);
    assert!(judge.has_news());
    let blue = points(0..10, 0.1, 3_000);
    let found = ruled(&mut judge, 20, &blue, &[]);
    assert_eq!((found.ruling, found.policy), (Ruling::Fail, Policy::Rollback));
    assert!(found.reason.starts_with("worse than blue, proved after 0:"), "{}", found.reason);
    assert!(found.reason.ends_with("from 120 requests; CloudWatch has no minute of it yet"), "{}", found.reason);
    assert!(!judge.has_news() && found.evidence >= 1.0);
    let other = ruled(&mut fed(vec![plan(Policy::Observe)], 20, [1, 1, 0, 1], 1.0), 20, &blue, &[]);
    assert_eq!((other.ruling, other.policy), (Ruling::Fail, Policy::Observe));
    // Minutes that show nothing of it: said, and the proof stands.
    let green = points(10..14, 0.1, 300);
    let told = ruled(&mut judge, 260, &[blue, points(10..14, 0.1, 2_700)].concat(), &green);
    assert!(told.ruling == Ruling::Fail && told.reason.contains("CloudWatch does not show it"), "{}", told.reason);
}

#[test]
fn what_one_task_explains_is_held_after_a_while_and_what_is_alike_passes() {
    let told = |seconds: i64| {
        let blue = points(0..10, 0.1, 3_000);
        ruled(&mut fed(vec![plan(Policy::Rollback)], seconds, [3, 0, 0, 0], 1.0), seconds, &blue, &[])
    };
    let first = told(40);
    assert_eq!(first.ruling, Ruling::NoData, "the gate is shut, and more may come: {}", first.reason);
    let held = told(240);
    assert_eq!((held.ruling, held.policy), (Ruling::Fail, Policy::Pause));
    assert!(first.reason.starts_with("worse than blue, but task 0 alone explains it"), "{}", first.reason);
    assert!(held.reason.starts_with("worse than blue, but task 0 alone explains it"), "{}", held.reason);
    let (blue, green) = (points(0..14, 0.1, 2_700), points(10..14, 0.1, 300));
    let alike = ruled(&mut fed(vec![plan(Policy::Rollback)], 240, [0; 4], 1.0), 300, &blue, &green);
    assert_eq!((alike.ruling, alike.reason.as_str()), (Ruling::Pass, "0.10 % on green, limit 5 %"));
}

#[test]
fn latency_is_proved_for_its_own_signal_alone() {
    let latency = SignalPlan {
        name: "latency".into(),
        golden: Golden::Latency,
        measure: Measure::ResponseTime(Percentile(990)),
        unit: Unit::Milliseconds,
        max: Some(1_000.0),
        ..plan(Policy::Rollback)
    };
    let mut judge = fed(vec![latency, plan(Policy::Rollback)], 260, [0; 4], 2.0);
    let found = ruled(&mut judge, 260, &[], &[]);
    assert_eq!((found.ruling, found.policy), (Ruling::Fail, Policy::Rollback), "{}", found.reason);
    assert!(judge.proved.len() == 1 && judge.proved.contains_key(&"latency".into()), "{:?}", judge.proved);
}

#[test]
fn what_cloudwatch_proves_waits_a_while_for_the_log_and_is_then_held() {
    let blue = [points(0..10, 0.1, 3_000), points(10..18, 0.1, 2_700)].concat();
    let green = points(10..18, 2.0, 300);
    let mut judge = fed(vec![plan(Policy::Rollback)], 240, [0; 4], 1.0);
    let first = ruled(&mut judge, 240, &blue, &green[..4]);
    assert_eq!(first.ruling, Ruling::Marginal, "{}", first.reason);
    assert!(first.reason.starts_with("worse than blue by CloudWatch, not yet by the log"), "{}", first.reason);
    (121..=240).for_each(|number| judge.take(&tick(2 * number, [0; 4], 1.0)));
    let later = ruled(&mut judge, 480, &blue, &green);
    assert_eq!((later.ruling, later.policy), (Ruling::Fail, Policy::Pause), "{}", later.reason);
    assert!(later.reason.contains("and not by the log"), "{}", later.reason);
}

#[test]
fn a_log_that_falls_silent_takes_nothing_back_unless_cloudwatch_agrees() {
    let traffic = SignalPlan {
        name: "traffic".into(),
        golden: Golden::Traffic,
        measure: Measure::RequestRate,
        unit: Unit::PerSecond,
        max: None,
        min_samples: 0,
        ..plan(Policy::Rollback)
    };
    let silent = |green: f64| {
        let mut judge = fed(vec![traffic.clone()], 4, [0; 4], 1.0);
        (3..60).for_each(|number| judge.take(&Tick { green: Vec::new(), ..tick(2 * number, [0; 4], 1.0) }));
        ruled(&mut judge, 130, &points(10..12, 87.0, 5_000), &points(10..12, green, 100))
    };
    let (only_the_log, both) = (silent(13.0), silent(1.0));
    assert_eq!(only_the_log.ruling, Ruling::Marginal, "{}", only_the_log.reason);
    assert!(only_the_log.reason.contains("CloudWatch does not: 13.0 %"), "{}", only_the_log.reason);
    assert_eq!((both.ruling, both.policy), (Ruling::Fail, Policy::Rollback), "{}", both.reason);
}

#[test]
fn memory_that_only_grows_holds_the_release_unless_blues_does() {
    let memory = SignalPlan {
        name: "memory".into(),
        golden: Golden::Saturation,
        measure: Measure::Memory,
        max: Some(90.0),
        min_samples: 0,
        ..plan(Policy::Rollback)
    };
    let ruling = |blue: f64| {
        let used = |slope: f64| -> Vec<Point> {
            let value = |minute: i32| 50.0 + slope * f64::from(minute) + f64::from(minute * 7 % 5) * 0.2;
            let at = |minute: i32| Timestamp::from_secs(START + 60 * i64::from(minute));
            (0..20).map(|minute| Point { at: at(minute), value: value(minute), samples: 0 }).collect()
        };
        let verdict = ruled(&mut Beside::new(vec![memory.clone()]), 1_260, &used(blue), &used(1.0));
        (verdict.ruling, verdict.policy)
    };
    assert_eq!((ruling(0.0), ruling(1.0).0), ((Ruling::Fail, Policy::Pause), Ruling::Pass));
}
