//! Drives one whole release: real engine, real SDK, simulated AWS, one thread, paused time.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cutover::clock::Clock;
use cutover::cloud::Cloud;
use cutover::cloud::aws::Aws;
use cutover::config::{Config, PlanContext, Request};
use cutover::domain::command::Actor;
use cutover::domain::ids::{ReleaseId, Version};
use cutover::domain::plan::Plan;
use cutover::domain::redact::Redactor;
use cutover::domain::release::{Ending, Release};
use cutover::domain::time::Timestamp;
use cutover::engine::hub::Hub;
use cutover::engine::run::{Engine, Left};
use cutover::engine::settings::{Parts, Polls, Settings};
use cutover::journal::JournalError;
use cutover::journal::sqlite::SqliteJournal;
use cutover::judge::threshold::Threshold;
use cutover::notify::sns::SnsChannels;
use cutover::sim::scenario::ApiFaultKind;
use cutover::sim::{FaultPlan, Scenario, Sim};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::cloud::Watched;
use crate::parts::{Judging, Sabotage, Scripted, SharedJournal, Telling};
use crate::people::{self, Desk};
use crate::trial::{Fate, Life, SECRET, Trial};
use crate::watch::{Invariant, Violation, Watch};
use crate::web::InProcess;
use crate::wire;

const START: Timestamp = Timestamp::from_secs(1_795_161_600);
const CONFIG: &str = include_str!("../../config.example.toml");
const IMAGE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/api:9ab03d7";

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
        writeln!(f, "scenario {}, calm after {:?}, {:?}", trial.scenario, trial.calm, trial.shape)?;
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
    runtime.block_on(async { Drive::new(trial, sabotage).run().await })
}

struct Drive<'a> {
    trial: &'a Trial,
    sabotage: Option<Sabotage>,
    sim: Sim,
    config: Config,
    context: PlanContext,
}

impl<'a> Drive<'a> {
    fn new(trial: &'a Trial, sabotage: Option<Sabotage>) -> Self {
        let text = Scenario::named(trial.scenario).unwrap();
        let scenario = text.with_rate(trial.rate);
        let sim = Sim::new(scenario, trial.seed, Clock::starting_at(START, 1.0));
        sim.with(|world, _| world.create_topic("oncall").unwrap());
        let config = Config::read("config.example.toml", CONFIG, Path::new(".")).unwrap();
        let mut context = config.context("demo", None).unwrap();
        let topic = context.topics["team"].replace(":releases", ":oncall");
        context.topics.insert("oncall".to_owned(), topic);
        Self { trial, sabotage, sim, config, context }
    }

    async fn run(self) -> Report {
        self.sim.wire().set_faults(FaultPlan::default());
        let place = &self.context.place;
        let aws = Aws::simulated(self.sim.http_client(), self.sim.clock(), &place.region, &place.cluster);
        let survey = aws.survey(&self.context.target).await.unwrap();
        let version = Version(IMAGE.to_owned());
        let request = Request { environment: "demo", component: None, version: &version, release: ReleaseId(1) };
        let mut plan = self.config.plan(&request, &survey).unwrap();
        self.trial.alter(&mut plan);

        let watch = Watch::new(self.sim.clone(), plan.clone(), self.trial);
        self.sim.wire().set_faults(FaultPlan::of(self.trial.faults.clone()));
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
                self.sim.wire().set_faults(FaultPlan::default());
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
            faults: self.sim.wire().injected(),
            engines_lost: lost,
            calls: self.sim.wire().calls().values().sum(),
            simulated: began.elapsed(),
            journal: watch.journal(),
            lines: watch.lines(),
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
                None => Engine::begin(&mut |_| plan.clone(), parts),
            };
            let (engine, hub, _stop) = begun.unwrap();
            id = Some(ReleaseId(1));
            *desk.hub.lock().unwrap() = Some(hub.clone());
            let watching = tokio::spawn(show(hub, watch.clone()));
            let ended = until(fate, engine.run(), watch).await;
            *desk.hub.lock().unwrap() = None;
            watch.engine_gone();
            watching.abort();
            match ended {
                Some(Ok(left)) => return left,
                Some(Err(_)) | None => *lost += 1,
            }
            tokio::time::sleep(life.gap).await;
        }
    }

    fn parts(&self, plan: &Plan, watch: &Watch, clock: Clock, journal: Arc<Mutex<SqliteJournal>>, fate: Fate) -> Parts {
        let place = &self.context.place;
        let line = wire::watched(self.sim.http_client(), watch.clone());
        let aws = Aws::simulated(line, clock, &place.region, &place.cluster);
        let lie = match self.sabotage {
            Some(Sabotage::Cloud(lie)) => Some(lie),
            _ => None,
        };
        let cloud: Arc<dyn Cloud> = Arc::new(Watched { aws, watch: watch.clone(), lie, said: Mutex::default() });
        let channels = SnsChannels::new(Arc::clone(&cloud), self.context.topics.clone());
        let is = |sabotage| self.sabotage == Some(sabotage);
        let secrets = if is(Sabotage::NoRedactor) { Vec::new() } else { vec![SECRET.to_owned()] };
        Parts {
            cloud,
            web: Arc::new(InProcess(self.sim.clone())),
            journal: Box::new(SharedJournal {
                journal,
                watch: watch.clone(),
                sabotage: self.sabotage,
                fate,
                appends: 0,
            }),
            judge: Box::new(Judging { judge: Threshold::new(plan.signals.clone()), passes: is(Sabotage::JudgePasses) }),
            notifier: Arc::new(Telling { channels, sabotage: self.sabotage }),
            programs: Arc::new(Scripted {
                script: self.trial.script.clone(),
                is_repeatable: self.trial.shape.is_repeatable,
                watch: watch.clone(),
                twice: is(Sabotage::ProgramsRunTwice),
            }),
            clock,
            actor: Actor { name: "engine".to_owned(), host: "bastion".to_owned() },
            settings: Settings {
                log_groups: if self.trial.shape.tails_logs { self.context.logs.clone() } else { Vec::new() },
                polls: Polls::default(),
                period: self.context.period,
                redactor: Redactor::new(secrets),
                variables: BTreeMap::from([("DATABASE_URL".to_owned(), SECRET.to_owned())]),
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
    engine: impl Future<Output = Result<Left, JournalError>>,
    watch: &Watch,
) -> Option<Result<Left, JournalError>> {
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
        Fate::Lives | Fate::DiesAtPoll(_) | Fate::LosesJournal { .. } | Fate::DiesAtTheEnd => living.await,
    }
}
