//! Budgets that can be counted, on paused time: bytes, calls, and how soon a failure is answered. What can only be
//! timed is in the benchmarks; docs/performance.md has all of it.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking, in their helpers too")]
#![expect(clippy::print_stdout, reason = "the counts themselves, for whoever asks with --nocapture")]

#[path = "../benches/support/face.rs"]
mod face;
#[path = "../benches/support/release.rs"]
mod release;

use std::sync::Arc;
use std::time::Duration;

use cutover::clock::Clock;
use cutover::cloud::{Cloud, SignalRequest};
use cutover::domain::components::ComponentIndex;
use cutover::domain::plan::Plan;
use cutover::domain::release::Ending;
use cutover::domain::signal::{Policy, Ruling};
use cutover::domain::time::Timestamp;
use cutover::engine::settings::Settings;
use cutover::engine::snapshot::Snapshot;
use cutover::journal::sqlite::SqliteJournal;
use cutover::judge::threshold::Threshold;
use cutover::judge::{Circumstances, Judge as _, Measured};
use cutover::sim::Sim;
use cutover::sim::world::alarms::{DescribeAlarmHistory, HistoryType};
use tokio::sync::watch;

use face::Face;
use release::{Staged, stage};

const START: Timestamp = Timestamp::from_secs(1_795_170_000);
const MINUTE: Duration = Duration::from_mins(1);
const API: ComponentIndex = ComponentIndex::FIRST;

/// Calls a minute while one release is watched.
const CALLS_A_MINUTE: f64 = 30.0;

/// Bytes a second of tokio's time at 120 × 40.
const BYTES_A_SECOND: f64 = 10_240.0;

async fn staged(scenario: &str, clock: Clock, adapt: impl FnOnce(&mut Plan, &mut Settings)) -> Staged {
    stage(scenario, clock, Box::new(SqliteJournal::in_memory().unwrap()), adapt).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn watching_a_release_takes_few_calls() {
    let Staged { sim, engine, .. } = staged("healthy", Clock::starting_at(START, 1.0), |_, _| {}).await;
    let before = sim.wire().calls();
    let left = engine.run().await.unwrap();
    assert_eq!(left.release.ended.as_ref().unwrap().ending, Ending::Succeeded);
    let minutes = left.release.ended.unwrap().at.since(left.release.begun.unwrap().at).as_secs_f64() / 60.0;
    let mut total = 0.0;
    println!("{minutes:.1} minutes");
    for ((service, operation), count) in sim.wire().calls() {
        let count = count - before.get(&(service, operation.clone())).unwrap_or(&0);
        println!("{service:?} {operation}: {count}, {:.2} a minute", count as f64 / minutes);
        total += count as f64;
    }
    println!("in all {total}, {:.2} a minute", total / minutes);
    assert!(total / minutes <= CALLS_A_MINUTE, "{:.1} calls a minute", total / minutes);
}

async fn bytes_a_second(speed: f64, real: Duration) -> f64 {
    let clock = Clock::starting_at(START, speed);
    let Staged { engine, hub, stop, .. } = staged("healthy", clock, |_, settings| settings.is_demo = true).await;
    let mut face = Face::attach(hub.attach(), clock, 120, 40).unwrap();
    let engine = tokio::spawn(engine.run());
    // The first picture is a whole screen, once.
    let first = face.watch(Duration::from_secs(1)).await.unwrap();
    let all = face.watch(real).await.unwrap();
    stop.stop();
    engine.await.unwrap().unwrap();
    let (bytes, frames) = (all.bytes - first.bytes, all.frames - first.frames);
    println!("speed {speed}: first {} bytes, then {bytes} bytes in {frames} frames over {real:?}", first.bytes);
    assert!(frames > 0, "nothing was shown");
    bytes as f64 / real.as_secs_f64()
}

#[tokio::test(start_paused = true)]
async fn a_live_release_fits_through_a_slow_link() {
    let bytes = bytes_a_second(1.0, 10 * MINUTE).await;
    assert!(bytes <= BYTES_A_SECOND, "{bytes:.0} bytes a second");
}

#[tokio::test(start_paused = true)]
async fn so_does_the_demonstration_at_its_own_pace() {
    let bytes = bytes_a_second(10.0, 2 * MINUTE).await;
    assert!(bytes <= BYTES_A_SECOND, "{bytes:.0} bytes a second");
}

#[tokio::test(start_paused = true)]
async fn a_release_that_has_ended_writes_nothing() {
    let clock = Clock::starting_at(START, 60.0);
    let Staged { engine, hub, .. } = staged("errors", clock, |_, _| {}).await;
    let mut face = Face::attach(hub.attach(), clock, 120, 40).unwrap();
    drop(hub);
    let engine = tokio::spawn(engine.run());
    while !face.has_ended() {
        face.watch(Duration::from_secs(1)).await.unwrap();
    }
    engine.await.unwrap().unwrap();
    // Notes go by themselves.
    let settled = face.watch(Duration::from_secs(30)).await.unwrap();
    assert_eq!(face.watch(60 * MINUTE).await.unwrap(), settled);
}

/// When green's weight went back to zero.
fn taken_back(sim: &Sim) -> Timestamp {
    sim.with(|world, _| {
        let green = |weights: &[(String, u32)]| weights.iter().find(|(name, _)| name == "api-green").unwrap().1;
        let mut history = world.weight_history().iter().skip_while(|change| green(&change.weights) == 0);
        history.find(|change| green(&change.weights) == 0).unwrap().at
    })
}

/// What may pass between the end of a poll and the call that takes traffic back.
const REACTION: Duration = Duration::from_millis(50);

/// The slowest answer of the simulated AWS.
const ANSWER: Duration = Duration::from_millis(60);

/// Seconds after a full minute at which the engine starts: metrics appear by the minute, so each makes the polls fall
/// differently upon them.
const OFFSETS: [u64; 3] = [0, 7, 13];

fn clock_from(offset: u64) -> Clock {
    Clock::starting_at(START + Duration::from_secs(offset), 1.0)
}

#[tokio::test(start_paused = true)]
async fn an_alarm_takes_traffic_back_within_one_poll() {
    let only_alarms = |plan: &mut Plan, _: &mut Settings| {
        plan.components[API].signals.iter_mut().for_each(|signal| signal.policy = Policy::Observe);
    };
    for offset in OFFSETS {
        let Staged { sim, engine, settings, .. } = staged("errors", clock_from(offset), only_alarms).await;
        let left = engine.run().await.unwrap();
        assert_eq!(left.release.ended.unwrap().ending, Ending::RolledBack);
        let since = left.release.begun.unwrap().at;
        let fired = sim.with(|world, _| {
            let kind = Some(HistoryType::StateUpdate);
            let all = DescribeAlarmHistory { kind, start: Some(since), ..DescribeAlarmHistory::default() };
            let items = world.describe_alarm_history(&all).unwrap();
            items.iter().filter(|item| item.summary.ends_with("to ALARM")).map(|item| item.at).min().unwrap()
        });
        let took = taken_back(&sim).since(fired);
        println!("an alarm fired {} ms before green's weight was zero", took.as_millis());
        assert!(took <= settings.polls.alarms + ANSWER + REACTION, "{took:?}");
    }
}

/// Looks of a bystander that tell when a failure could first be seen.
const LOOK: Duration = Duration::from_millis(250);

/// The last moment at which no signal that rolls back could be seen to fail.
async fn last_clean(
    clock: Clock,
    plan: Plan,
    period: Duration,
    cloud: Arc<dyn Cloud>,
    seen: watch::Receiver<Arc<Snapshot>>,
) -> Timestamp {
    let api = &plan.components[API];
    let sides = api.sides.as_ref().unwrap();
    let mut judge = Threshold::new(api.signals.clone());
    let signals: Vec<_> = api.signals.iter().map(|signal| (signal.name.clone(), signal.measure.clone())).collect();
    let mut clean = clock.now();
    loop {
        clock.sleep(LOOK).await;
        let (now, green_since) = (clock.now(), seen.borrow().release.components[API].traffic.green_since);
        if green_since.is_some() {
            let (from, cluster) = ((now - 10 * MINUTE).floor_to(period), &api.cluster);
            let request = SignalRequest { signals: &signals, sides, cluster, from, to: now, period };
            let pairs = cloud.signals(&request).await.unwrap();
            let measured: Vec<_> = pairs
                .iter()
                .map(|pair| Measured {
                    signal: &pair.signal,
                    blue: &pair.blue,
                    green: &pair.green,
                    period,
                    failed: None,
                })
                .collect();
            let verdicts = judge.judge(&measured, Circumstances { now, green_since, step_since: None });
            if verdicts.iter().any(|verdict| verdict.ruling == Ruling::Fail && verdict.policy == Policy::Rollback) {
                return clean;
            }
        }
        clean = now;
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_signal_takes_traffic_back_within_one_poll() {
    for offset in OFFSETS {
        let clock = clock_from(offset);
        // Without logs: they prove green worse before a minute of CloudWatch does.
        let only_signals = |plan: &mut Plan, _: &mut Settings| {
            plan.components[API].alarms.clear();
            plan.components[API].logs.clear();
        };
        let Staged { sim, engine, settings, cloud, plan, hub, .. } = staged("errors", clock, only_signals).await;
        let bystander = tokio::spawn(last_clean(clock, plan, settings.period, cloud, hub.attach().snapshot));
        let left = engine.run().await.unwrap();
        assert_eq!(left.release.ended.unwrap().ending, Ending::RolledBack);
        let took = taken_back(&sim).since(bystander.await.unwrap());
        println!("a signal could be seen to fail {} ms before green's weight was zero", took.as_millis());
        assert!(took <= settings.polls.signals + LOOK + 2 * ANSWER + REACTION, "{took:?}");
    }
}
