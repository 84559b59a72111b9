//! Two engines with journals of their own, as two hosts have them, on one simulated AWS with a lock table.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking, in their helpers too")]

#[path = "../benches/support/place.rs"]
mod place;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cutover::clock::Clock;
use cutover::cloud::aws::Aws;
use cutover::domain::command::{Actor, Command, Order};
use cutover::domain::components::ComponentIndex;
use cutover::domain::ids::{ReleaseId, Version};
use cutover::domain::lease::{Holder, LENGTH, MARGIN, RENEWAL};
use cutover::domain::percent::Percent;
use cutover::domain::plan::Plan;
use cutover::domain::release::Ending;
use cutover::engine::handle::EngineHandle;
use cutover::engine::lease::{NotTaken, Tenure, Terms};
use cutover::engine::run::{Engine, JournalLost, Left};
use cutover::engine::{Exit, Heard, Program, Programs};
use cutover::journal::Journal;
use cutover::journal::sqlite::SqliteJournal;
use cutover::sim::FaultPlan;
use cutover::sim::scenario::{ApiFault, ApiFaultKind, Percent as Share};
use tokio::sync::mpsc;

use crate::place::Place;

const TABLE: &str = "cutover-locks";
const TEN: Percent = Percent::clamped(10);
const LOCK: &str = "cutover/the-rule";
const PIPELINE: &str = r#"
[[pipelines.own.stages]]
name = "gate"
kind = "gate"

[[pipelines.own.stages]]
name = "deploy"
kind = "deploy"

[[pipelines.own.stages]]
name = "shift"
kind = "shift"
steps = [
  { weight = "10 %", bake = "4m" },
  { weight = "50 %", bake = "4m" },
  { weight = "100 %", bake = "1m" },
]
"#;
const NEW: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/api:9ab03d7";

/// Programs that end well at once.
struct Quick;

#[async_trait]
impl Programs for Quick {
    async fn run(&self, _: &Program, _: mpsc::Sender<Heard>) -> Result<Exit, String> {
        Ok(Exit { code: Some(0) })
    }
}

/// A host: a journal of its own, and its own way to the one AWS.
struct Host {
    name: &'static str,
    place: Place,
    dir: tempfile::TempDir,
}

type Running = Pin<Box<dyn Future<Output = Result<Left, JournalLost>>>>;

impl Host {
    fn new(name: &'static str, place: &Place) -> Self {
        let mut place = place.clone();
        place.cloud = Arc::new(Aws::simulated(place.sim.http_client(), place.sim.clock(), "eu-west-1", "shop"));
        Self { name, place, dir: tempfile::tempdir().unwrap() }
    }

    fn clock(&self) -> Clock {
        self.place.sim.clock()
    }

    fn journal(&self) -> Box<SqliteJournal> {
        Box::new(SqliteJournal::open(&self.dir.path().join("journal.sqlite")).unwrap())
    }

    async fn lease(&self) -> Result<Arc<Tenure>, NotTaken> {
        let holder = Holder {
            what: "a release of api in demo".to_owned(),
            name: "maria".to_owned(),
            host: self.name.to_owned(),
            since: self.clock().now(),
        };
        let (table, locks, owner) = (TABLE.to_owned(), vec![LOCK.to_owned()], format!("journal of {}", self.name));
        let terms = Terms { table, locks, owner, holder };
        Tenure::take(Arc::clone(&self.place.cloud), terms, self.clock()).await.map(Arc::new)
    }

    fn begin(&self, plan: &Plan, tenure: &Arc<Tenure>) -> (EngineHandle, Running) {
        let mut parts = self.place.parts(plan, self.journal(), Arc::new(Quick));
        parts.actor.lease = Some(tenure.number());
        let (engine, hub, _stop) = Engine::begin(&mut |_| plan.clone(), parts).unwrap();
        (hub.attach(), Box::pin(engine.under(Some(Arc::clone(tenure))).run()))
    }
}

/// What every host releases.
async fn plan(place: &Place) -> Plan {
    let mut plan = place.plan(place.survey().await, &Version(NEW.to_owned()));
    for (_, component) in plan.components.iter_mut() {
        component.logs.clear();
        for signal in &mut component.signals {
            signal.min_samples = signal.min_samples.min(40);
            signal.warm_up = Duration::ZERO;
        }
    }
    plan
}

/// Runs an engine until `seen` says that it is far enough.
async fn run_until(running: &mut Running, handle: &mut EngineHandle, seen: impl Fn(&EngineHandle) -> bool) {
    let far = async {
        while !seen(handle) {
            handle.snapshot.changed().await.unwrap();
        }
    };
    tokio::select! {
        ended = running => panic!("it ended: {ended:?}"),
        far = tokio::time::timeout(Duration::from_hours(1), far) => far.unwrap(),
    }
}

fn green(handle: &EngineHandle) -> Percent {
    let snapshot = handle.snapshot.borrow();
    let observed = snapshot.release.components[ComponentIndex::FIRST].traffic.observed;
    observed.unwrap_or(Percent::ZERO)
}

/// Calls that changed a service or its traffic.
fn changes(place: &Place) -> usize {
    place.sim.with(|world, _| world.changes().iter().filter(|change| change.operation != "PutItem").count())
}

fn throttle_table(place: &Place) {
    let fault = ApiFault::new(ApiFaultKind::Throttling, Share::all()).on(&["dynamodb:*"]);
    place.sim.wire().set_faults(FaultPlan::of(vec![fault]));
}

#[tokio::test(start_paused = true)]
async fn a_second_host_is_refused_and_told_who_releases() {
    let place = Place::new("healthy", PIPELINE);
    let (one, two) = (Host::new("one", &place), Host::new("two", &place));
    let plan = plan(&place).await;
    let tenure = one.lease().await.unwrap();
    let (_handle, running) = one.begin(&plan, &tenure);
    let refused = async {
        // Also long after a lease that nobody renews would have ended.
        for _ in 0..60 {
            one.clock().sleep(LENGTH / 2).await;
            let refused = two.lease().await.unwrap_err().to_string();
            assert!(refused.contains("maria on one") && refused.contains("a release of api in demo"), "{refused}");
        }
    };
    let left = tokio::select! {
        left = running => left.unwrap(),
        () = refused => panic!("it never ends"),
    };
    assert_eq!((left.release.ended.unwrap().ending, left.stood_down), (Ending::Succeeded, None));
    tenure.give_back().await;
    let next = two.lease().await.unwrap();
    assert!(next.number() > tenure.number() && next.taken_over().is_none());
    let records = one.journal().records(ReleaseId(1)).unwrap();
    let text = serde_json::to_string(&records).unwrap();
    assert!(text.contains("\"lease\":1"), "the fencing number is in the journal");
}

#[tokio::test(start_paused = true)]
async fn the_next_engine_of_a_journal_takes_its_own_lease_back_at_once() {
    let place = Place::new("healthy", PIPELINE);
    let one = Host::new("one", &place);
    let (first, second) = (one.lease().await.unwrap(), one.lease().await.unwrap());
    assert_eq!((first.number(), second.number()), (1, 2));
    assert!(second.taken_over().is_none());
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_wakes_up_after_its_lease_was_taken_over_does_nothing_and_does_not_roll_back() {
    for asks_back in [false, true] {
        let place = Place::new("healthy", PIPELINE);
        let (one, two) = (Host::new("one", &place), Host::new("two", &place));
        let plan = plan(&place).await;
        let tenure = one.lease().await.unwrap();
        let (mut handle, mut running) = one.begin(&plan, &tenure);
        run_until(&mut running, &mut handle, |handle| green(handle) == TEN).await;
        // Suspended: nobody polls it, and time passes.
        one.clock().sleep(LENGTH.checked_sub(RENEWAL).unwrap()).await;
        assert!(two.lease().await.is_err(), "its newest renewal still counts");
        one.clock().sleep(RENEWAL + MARGIN).await;
        let other = two.lease().await.unwrap();
        assert_eq!(other.taken_over().unwrap().holder.host, "one");
        assert_eq!(other.number(), tenure.number() + 1);
        if asks_back {
            let by = Actor::new("maria", "one");
            let command = Command::Rollback { reason: None };
            let orders = handle.orders.clone();
            tokio::spawn(async move { orders.send(Order { command, stage: None, by, seen: None }).await });
            tokio::task::yield_now().await;
        }
        let before = changes(&place);
        let left = tokio::time::timeout(Duration::from_hours(1), running).await.unwrap().unwrap();
        let why = left.stood_down.unwrap();
        assert!(why.contains("maria on two") && why.contains("taken this service over"), "{why}");
        assert_eq!(changes(&place), before, "rollback asked for: {asks_back}");
        assert!(left.release.ended.is_none());
        assert_eq!(handle.snapshot.borrow().engine.trouble.as_ref(), Some(&why));
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_lease_an_engine_that_wakes_up_late_would_go_on() {
    let place = Place::new("healthy", PIPELINE);
    let one = Host::new("one", &place);
    let plan = plan(&place).await;
    let parts = one.place.parts(&plan, one.journal(), Arc::new(Quick));
    let (engine, hub, _stop) = Engine::begin(&mut |_| plan.clone(), parts).unwrap();
    let (mut handle, mut running): (_, Running) = (hub.attach(), Box::pin(engine.run()));
    run_until(&mut running, &mut handle, |handle| green(handle) == TEN).await;
    one.clock().sleep(LENGTH + MARGIN).await;
    let before = changes(&place);
    running.await.unwrap();
    assert!(changes(&place) > before);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_table_delays_no_rollback() {
    for lapsed in [false, true] {
        let place = Place::new("healthy", PIPELINE);
        let one = Host::new("one", &place);
        let plan = plan(&place).await;
        let tenure = one.lease().await.unwrap();
        let (mut handle, mut running) = one.begin(&plan, &tenure);
        run_until(&mut running, &mut handle, |handle| green(handle) == TEN).await;
        throttle_table(&place);
        if lapsed {
            one.clock().sleep(LENGTH).await;
        }
        let asked = one.clock().now();
        let command = Command::Rollback { reason: None };
        let order = Order { command, stage: None, by: Actor::new("maria", "one"), seen: None };
        let orders = handle.orders.clone();
        let sent = tokio::spawn(async move { orders.send(order).await });
        run_until(&mut running, &mut handle, |handle| {
            let snapshot = handle.snapshot.borrow();
            let traffic = &snapshot.release.components[ComponentIndex::FIRST].traffic;
            snapshot.release.unwinding.is_some() && traffic.observed.is_some_and(|green| green == Percent::ZERO)
        })
        .await;
        let took = one.clock().now().since(asked);
        // The look at the table, where there is one, is bounded.
        assert!(took <= Duration::from_secs(if lapsed { 6 } else { 4 }), "{took:?}");
        sent.await.unwrap();
        let left = running.await.unwrap();
        assert_eq!((left.release.ended.unwrap().ending, left.stood_down), (Ending::RolledBack, None));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_raised_under_a_lapsed_lease_and_the_reason_is_shown() {
    let place = Place::new("healthy", PIPELINE);
    let one = Host::new("one", &place);
    let plan = plan(&place).await;
    let tenure = one.lease().await.unwrap();
    let (mut handle, mut running) = one.begin(&plan, &tenure);
    run_until(&mut running, &mut handle, |handle| green(handle) == TEN).await;
    throttle_table(&place);
    one.clock().sleep(LENGTH).await;
    let trouble = |handle: &EngineHandle| handle.snapshot.borrow().engine.trouble.clone();
    run_until(&mut running, &mut handle, |handle| trouble(handle).is_some()).await;
    let said = trouble(&handle).unwrap();
    assert!(said.contains("lapsed") && said.contains(TABLE) && said.contains("Rate exceeded"), "{said}");
    let before = changes(&place);
    let a_while = tokio::time::timeout(Duration::from_mins(8), &mut running).await;
    assert!(a_while.is_err() || green(&handle) == Percent::ZERO, "it waits, or goes back in the end");
    let raised = place.sim.with(|world, _| {
        let late = world.changes()[before..].iter();
        late.filter(|change| change.operation == "ModifyRule").map(|change| format!("{change:?}")).collect::<Vec<_>>()
    });
    let is_raise = |change: &String| change.contains("50") || change.contains("(\"api-green\", \"100");
    assert!(!raised.iter().any(is_raise), "{raised:?}");
}
