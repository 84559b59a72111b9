//! Drives one whole release: real engine, real SDK, simulated AWS, one thread, paused time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cutover::clock::Clock;
use cutover::cloud::Cloud;
use cutover::config::Receiver;
use cutover::domain::command::Actor;
use cutover::domain::components::{ComponentIndex, Components};
use cutover::domain::flag::FlagPlan;
use cutover::domain::ids::ReleaseId;
use cutover::domain::plan::{Plan, StageKind};
use cutover::domain::redact::Redactor;
use cutover::domain::release::{Ending, Release};
use cutover::domain::time::Timestamp;
use cutover::engine::hub::Hub;
use cutover::engine::run::{Engine, JournalLost, Left, TrafficLeft};
use cutover::engine::settings::{LogFeed, Parts, Polls, Settings};
use cutover::journal::sqlite::SqliteJournal;
use cutover::judge::Judge;
use cutover::judge::beside::Beside;
use cutover::notify::Channels;
use cutover::notify::sns::SnsChannel;
use cutover::sim::FaultPlan;
use cutover::sim::scenario::{ApiFault, ApiFaultKind};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::cloud::Watched;
use crate::parts::{Judging, Sabotage, Scripted, SharedJournal, Telling};
use crate::people::{self, Desk};
use crate::place::Place;
use crate::trial::{Fate, Life, SECRET, Trial};
use crate::watch::{Invariant, Violation, Watch};
use crate::web::InProcess;
use crate::wire;

const START: Timestamp = Timestamp::from_secs(1_795_161_600);

/// How long after its end a release's work is looked at once more: tasks that died meanwhile have been replaced.
const AFTERMATH: Duration = Duration::from_mins(3);

/// Polls of an engine without time passing after which it is taken to spin.
const SPIN: u32 = 100_000;

/// What a simulated release came to.
pub(crate) struct Report {
    pub(crate) trial: Trial,
    pub(crate) release: Release,
    pub(crate) ending: Option<Ending>,
    pub(crate) faults: BTreeMap<ApiFaultKind, u64>,
    pub(crate) engines_lost: u64,
    pub(crate) orders: usize,
    pub(crate) calls: u64,
    pub(crate) simulated: Duration,
    pub(crate) journal: Vec<String>,
    pub(crate) lines: usize,
    /// Components whose lines were shown.
    pub(crate) heard: BTreeSet<ComponentIndex>,
    /// Tasks on ECS that were run, and calls that stopped one.
    pub(crate) tasks: (usize, usize),
    /// The most components that were shifted at the same time.
    pub(crate) side_by_side: usize,
    /// Where engines without a journal left the traffic.
    pub(crate) left: Vec<TrafficLeft>,
    /// Messages that told of a lost journal.
    pub(crate) told_of_lost_journal: usize,
    pub(crate) violations: Vec<Violation>,
}

impl fmt::Display for Report {
    /// All that is needed to understand a failure; the seed alone replays it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {0} (CUTOVER_SEED={0} CUTOVER_SEEDS=1 replays it)", self.trial.seed)?;
        for violation in &self.violations {
            writeln!(f, "  {violation}")?;
        }
        let trial = &self.trial;
        let driver = trial.driver.word();
        writeln!(f, "{driver}, scenario {}, calm after {:?}, {:?}", trial.scenario, trial.calm, trial.shape)?;
        writeln!(f, "{:?}", trial.pair)?;
        writeln!(f, "{:?}", trial.more)?;
        writeln!(f, "{:?}", trial.script)?;
        trial.lives.iter().try_for_each(|life| writeln!(f, "  {life:?}"))?;
        trial.faults.iter().try_for_each(|fault| writeln!(f, "  {fault:?}"))?;
        trial.disturbances.iter().try_for_each(|disturbance| writeln!(f, "  {disturbance:?}"))?;
        trial.presses.iter().try_for_each(|press| writeln!(f, "  {press:?}"))?;
        writeln!(f, "  {:?}", trial.ambush)?;
        writeln!(f, "faults: {:?}; engines lost: {}", self.faults, self.engines_lost)?;
        for moment in &self.release.timeline {
            let at = moment.at.millis() - START.millis();
            let by = moment.by.as_deref().unwrap_or("-");
            writeln!(f, "  {:>9} ms  r{:<3} {by:<12} {}", at, moment.revision, moment.text)?;
        }
        Ok(())
    }
}

/// Runs a release on a runtime of its own.
pub(crate) fn run(trial: &Trial, sabotage: Option<Sabotage>) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    // All of it inside: a clock that is made outside the runtime would begin with real time.
    runtime.block_on(async { Box::pin(Drive::new(trial, sabotage).run()).await })
}

struct Drive<'a> {
    trial: &'a Trial,
    sabotage: Option<Sabotage>,
    places: Vec<Place>,
}

impl<'a> Drive<'a> {
    fn new(trial: &'a Trial, sabotage: Option<Sabotage>) -> Self {
        Self { trial, sabotage, places: Place::all(trial, Clock::starting_at(START, 1.0)) }
    }

    async fn plan(&self) -> Plan {
        let mut plans = Vec::new();
        for place in &self.places {
            let mut plan = place.plan().await;
            self.trial.alter(&mut plan);
            plans.push(plan);
        }
        match &self.trial.pair {
            Some(pair) => pair.join(&plans),
            None => plans.remove(0),
        }
    }

    fn set_faults(&self, faults: &[ApiFault]) {
        for place in &self.places {
            place.sim.wire().set_faults(FaultPlan::of(faults.to_vec()));
        }
    }

    async fn run(self) -> Report {
        let plan = self.plan().await;
        let sims: Vec<_> = self.places.iter().map(|place| place.sim.clone()).collect();
        let watch = Watch::new(Components::try_from(sims).unwrap(), plan.clone(), self.trial);
        self.set_faults(&self.trial.faults);
        let desk = Desk { sabotage: self.sabotage, ..Desk::default() };
        let mut people = JoinSet::new();
        for operator in 0..2 {
            people.spawn(people::operate(operator, self.trial.presses.clone(), desk.clone(), watch.clone()));
        }
        people.spawn(people::ambush(self.trial.ambush, desk.clone(), watch.clone()));
        people.spawn(people::disturb(self.trial.clone(), plan.clone(), watch.clone()));
        let began = Instant::now();
        let mut lost = 0;
        tokio::select! {
            left = self.live(&plan, &watch, &desk, &mut lost) => {
                let behaves = began.elapsed() > self.trial.calm;
                watch.told_all(behaves);
                watch.compare(&left.release);
                people.abort_all();
                self.set_faults(&[]);
                tokio::time::sleep(AFTERMATH).await;
                watch.aftermath();
            }
            () = people::look_after(self.trial.clone(), desk.clone(), watch.clone()) => {}
        }
        let release = watch.release();
        Report {
            trial: self.trial.clone(),
            ending: release.ended.as_ref().map(|ended| ended.ending),
            orders: release.orders.len(),
            release,
            faults: self.injected(),
            engines_lost: lost,
            calls: self.places.iter().flat_map(|place| place.sim.wire().calls().into_values()).sum(),
            simulated: began.elapsed(),
            journal: watch.journal(),
            lines: watch.lines(),
            heard: watch.heard(),
            tasks: (self.changes("RunTask"), self.changes("StopTask")),
            side_by_side: watch.side_by_side(),
            left: watch.left(),
            told_of_lost_journal: watch.told_of_lost_journal(),
            violations: watch.violations(),
        }
    }

    /// One engine after the other, until one has brought the release to its end.
    async fn live(&self, plan: &Plan, watch: &Watch, desk: &Desk, lost: &mut u64) -> Left {
        let journal = Arc::new(Mutex::new(SqliteJournal::in_memory().unwrap()));
        let began = Instant::now();
        let born = Life { skew: 0, speed: 1.0, fate: Fate::Lives, gap: Duration::ZERO };
        let mut lives = self.trial.lives.iter().cloned().chain(std::iter::repeat(born));
        let mut id = None;
        loop {
            let life = lives.next().unwrap();
            // Once everything behaves, engines live.
            let fate = if began.elapsed() < self.trial.calm { life.fate } else { Fate::Lives };
            let clock = Clock::starting_at(skewed(watch.now(), life.skew), life.speed);
            let parts = self.parts(plan, watch, clock, Arc::clone(&journal), fate);
            let begun = match id {
                Some(id) => Engine::recover(id, parts),
                None => Engine::begin(&mut |_| self.told(plan), parts),
            };
            let (engine, hub, _stop) = begun.unwrap();
            id = Some(ReleaseId(1));
            *desk.hub.lock().unwrap() = Some(hub.clone());
            let watching = tokio::spawn(show(hub, watch.clone()));
            let ended = until(fate, engine.run(), watch).await;
            *desk.hub.lock().unwrap() = None;
            watching.abort();
            if let Some(Err(without)) = &ended {
                watch.journal_lost(&without.traffic);
            }
            watch.engine_gone();
            match ended {
                Some(Ok(left)) => return left,
                Some(Err(_)) | None => *lost += 1,
            }
            tokio::time::sleep(life.gap).await;
        }
    }

    /// The plan as the engine is told it.
    fn told(&self, plan: &Plan) -> Plan {
        let mut plan = plan.clone();
        if self.sabotage == Some(Sabotage::FlagsAreCommands) {
            for stage in &mut plan.stages {
                if let StageKind::Flag(FlagPlan::Command(command)) = &stage.kind {
                    stage.kind = StageKind::Command(command.clone());
                }
            }
        }
        plan
    }

    /// How often something was changed by this operation.
    fn changes(&self, operation: &str) -> usize {
        let of = |place: &Place| {
            place.sim.with(|world, _| world.changes().iter().filter(|change| change.operation == operation).count())
        };
        self.places.iter().map(of).sum()
    }

    fn injected(&self) -> BTreeMap<ApiFaultKind, u64> {
        let mut all = BTreeMap::new();
        for (kind, count) in self.places.iter().flat_map(|place| place.sim.wire().injected()) {
            *all.entry(kind).or_default() += count;
        }
        all
    }

    /// Whether what is broken is broken for this component: the last.
    fn is_sabotaged(of: ComponentIndex, plan: &Plan) -> bool {
        plan.components.indices().next_back() == Some(of)
    }

    /// The cloud as a component's adapter shows it.
    fn cloud(&self, of: ComponentIndex, place: &Place, plan: &Plan, watch: &Watch, clock: Clock) -> Arc<dyn Cloud> {
        let line = wire::watched(place.sim.http_client(), watch.clone());
        let aws = place.aws(line, clock);
        let lie = match self.sabotage {
            Some(Sabotage::Cloud(lie)) if Self::is_sabotaged(of, plan) => Some(lie),
            _ => None,
        };
        Arc::new(Watched { of, aws, watch: watch.clone(), lie, said: Mutex::default(), stopped: Mutex::default() })
    }

    fn parts(&self, plan: &Plan, watch: &Watch, clock: Clock, journal: Arc<Mutex<SqliteJournal>>, fate: Fate) -> Parts {
        let places = plan.components.indices().zip(&self.places);
        let clouds = places.map(|(of, place)| self.cloud(of, place, plan, watch, clock));
        let clouds: Components<Arc<dyn Cloud>> = Components::try_from(clouds.collect::<Vec<_>>()).unwrap();
        let first = Arc::clone(&clouds[ComponentIndex::FIRST]);
        let mut channels = Channels::default();
        for (name, channel) in &self.places[0].context.channels {
            if let Receiver::Sns { topic } = &channel.receiver {
                channels.add(name, Arc::new(SnsChannel::new(Arc::clone(&first), topic.clone())));
            }
        }
        let is = |sabotage| self.sabotage == Some(sabotage);
        let secrets = if is(Sabotage::NoRedactor) { Vec::new() } else { vec![SECRET.to_owned()] };
        let judges = plan.components.iter().map(|(of, component)| -> Box<dyn Judge> {
            let passes = is(Sabotage::JudgePasses) && Self::is_sabotaged(of, plan);
            Box::new(Judging { judge: Beside::new(component.signals.clone()), passes })
        });
        let judges = Components::try_from(judges.collect::<Vec<_>>()).unwrap();
        Parts {
            clouds,
            web: Arc::new(InProcess(self.places.iter().map(|place| place.sim.clone()).collect())),
            journal: Box::new(SharedJournal {
                journal,
                watch: watch.clone(),
                sabotage: self.sabotage,
                fate,
                born: Instant::now(),
                is_gone: false,
                appends: 0,
            }),
            judges,
            notifier: Arc::new(Telling { channels, sabotage: self.sabotage }),
            programs: Arc::new(Scripted {
                script: self.trial.script.clone(),
                is_repeatable: self.trial.shape.is_repeatable,
                is_more_repeatable: self.trial.more.as_ref().is_some_and(|more| more.is_repeatable),
                watch: watch.clone(),
                twice: is(Sabotage::ProgramsRunTwice),
            }),
            clock,
            actor: Actor::new("engine", "bastion"),
            settings: Settings {
                polls: Polls::default(),
                period: self.places[0].context.period,
                redactor: Redactor::new(secrets),
                variables: BTreeMap::from([("DATABASE_URL".to_owned(), SECRET.to_owned())]),
                logs: LogFeed::Polled,
                is_demo: false,
            },
        }
    }
}

fn skewed(now: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_millis(now.millis() + seconds * 1_000)
}

/// A face: takes log lines as they come and snapshots now and then.
async fn show(hub: Hub, watch: Watch) {
    let mut handle = hub.attach();
    drop(hub);
    let mut shown = 0_u32;
    loop {
        tokio::select! {
            Some(batch) = handle.logs.recv() => watch.lines_shown(&batch.lines),
            changed = handle.snapshot.changed() => {
                if changed.is_err() {
                    return;
                }
                shown += 1;
                if shown.is_multiple_of(40) {
                    let snapshot = Arc::clone(&handle.snapshot.borrow_and_update());
                    watch.snapshot_shown(&serde_json::to_string(&*snapshot).unwrap());
                }
            }
        }
    }
}

/// Runs an engine until it ends or its fate meets it.
async fn until(
    fate: Fate,
    engine: impl Future<Output = Result<Left, JournalLost>>,
    watch: &Watch,
) -> Option<Result<Left, JournalLost>> {
    let mut engine = Box::pin(engine);
    let (mut polls, mut since, mut idle) = (0_u64, Instant::now(), 0_u32);
    let living = poll_fn(|context| {
        polls += 1;
        if Instant::now() == since {
            idle += 1;
        } else {
            (since, idle) = (Instant::now(), 0);
        }
        if idle == SPIN {
            watch.violate(Invariant::I7, "the engine spins without time passing".to_owned());
        }
        if idle >= SPIN || matches!(fate, Fate::DiesAtPoll(poll) if poll == polls) {
            return std::task::Poll::Ready(None);
        }
        engine.as_mut().poll(context).map(Some)
    });
    let living = pin!(living);
    match fate {
        Fate::DiesAt(at) => tokio::time::timeout(at, living).await.ok().flatten(),
        Fate::Lives
        | Fate::DiesAtPoll(_)
        | Fate::LosesJournal { .. }
        | Fate::JournalFalters { .. }
        | Fate::LosesJournalAt(_)
        | Fate::DiesAtTheEnd => living.await,
    }
}
