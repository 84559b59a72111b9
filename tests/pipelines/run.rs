//! One release through a pipeline file: the real configuration, engine, SDK and headless face, on simulated accounts and
//! paused time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cutover::clock::Clock;
use cutover::cloud::Cloud;
use cutover::cloud::aws::Aws;
use cutover::config::{Config, PlanContext, Request};
use cutover::domain::command::{Actor, Command, Order};
use cutover::domain::components::{ComponentIndex, Components};
use cutover::domain::ids::{ComponentName, ReleaseId, Version};
use cutover::domain::plan::{Plan, StageKind};
use cutover::domain::redact::Redactor;
use cutover::domain::release::{Release, StageStatus, Work};
use cutover::domain::time::Timestamp;
use cutover::engine::handle::Receipt;
use cutover::engine::hub::Hub;
use cutover::engine::run::Engine;
use cutover::engine::settings::{LogFeed, Parts, Polls, Settings};
use cutover::headless::{self, End, Headless, Style};
use cutover::journal::Journal;
use cutover::journal::sqlite::SqliteJournal;
use cutover::judge::Judge;
use cutover::judge::threshold::Threshold;
use cutover::sim::FaultPlan;
use cutover::sim::scenario::{ApiFault, ApiFaultKind, Percent};

use crate::channels;
use crate::fault::Fault;
use crate::place::{Estate, NEW, Place, Wrongs};
use crate::stand_in::{Bench, OnPath};
use crate::visitor::Visitor;
use crate::web::InProcess;

/// A Tuesday, 12:00 in New York.
const OFFICE_HOURS: Timestamp = Timestamp::from_secs(1_795_539_600);

/// The Sunday before.
const SUNDAY: Timestamp = Timestamp::from_secs(1_795_366_800);

/// Blue stays up for a day in earnest. Nothing changes in that time but the time, so that a few minutes tell as much.
const LONGEST_HOLD: Duration = Duration::from_mins(3);

/// A pipeline file in one of its environments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject {
    pub(crate) file: &'static str,
    pub(crate) text: &'static str,
    pub(crate) environment: &'static str,
    /// What is released; the only thing that can be, if that is left open.
    pub(crate) component: Option<&'static str>,
    /// What the application answers at places of its own, as scenario keys.
    pub(crate) pages: &'static str,
    /// The plan's figures.
    pub(crate) figures: Figures,
}

/// How long the team's plan lets things take, as far as it says so.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    /// From the beginning to where nothing but cleaning up is left.
    pub(crate) release: Option<Duration>,
    /// From the decision to go back to the end.
    pub(crate) rollback: Option<Duration>,
}

/// A release that has come to its end, or waits for somebody.
pub(crate) struct Run {
    pub(crate) release: Release,
    pub(crate) code: u8,
    pub(crate) bench: Arc<Bench>,
    pub(crate) place: Place,
    pub(crate) told: Vec<String>,
    /// What the headless face wrote.
    pub(crate) lines: String,
}

impl Subject {
    /// The file's name alone.
    pub(crate) fn name(&self) -> &str {
        Path::new(self.file).file_stem().unwrap().to_str().unwrap()
    }

    fn config(&self) -> Config {
        Config::read(self.file, self.text, Path::new(".")).unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    /// The images that the comment at the file's top releases, in this environment's account.
    fn versions(&self, config: &Config, lineup: &Components<ComponentName>) -> Components<Version> {
        let account = &config.environment(self.environment).unwrap().account;
        lineup.map(|name| {
            let typed = format!("--image {name}=");
            let line = self.text.lines().find_map(|line| line.split_once(&typed));
            let Some((_, rest)) = line else { return Version(NEW.to_owned()) };
            let image = rest.split_whitespace().next().unwrap();
            let image = image.replace("GIT_SHA", NEW).replace("VERSION", NEW);
            let registry = image.find(".dkr.").map(|end| image[..end].to_owned());
            Version(registry.map_or(image.clone(), |registry| image.replace(&registry, account)))
        })
    }

    /// The plan of a release, on an account where all is well.
    pub(crate) async fn plan(&self) -> Plan {
        self.prepare(None, &Wrongs::default(), OFFICE_HOURS).await.0
    }

    async fn prepare(
        &self,
        known: Option<&Plan>,
        wrongs: &Wrongs,
        at: Timestamp,
    ) -> (Plan, PlanContext, Place, Clouds) {
        let clock = Clock::starting_at(at, 1.0);
        let config = self.config();
        let lineup = config.lineup(self.environment, self.component).unwrap();
        let versions = self.versions(&config, &lineup);
        let estate = Estate {
            config: &config,
            environment: self.environment,
            lineup: &lineup,
            versions: &versions,
            pages: self.pages,
            clock,
        };
        let place = estate.build(known, wrongs);
        let context = config.context(self.environment, &lineup).unwrap();
        let clouds = place.sims.map(|_| None::<Arc<dyn Cloud>>);
        let mut clouds = clouds;
        for (of, sim) in place.sims.iter() {
            let aws = Aws::simulated(sim.http_client(), clock, &context.place.region, &context.clusters[of]);
            clouds[of] = Some(Arc::new(aws));
        }
        let clouds = clouds.map(|cloud| Arc::clone(cloud.as_ref().unwrap()));
        let mut surveys = context.targets.map(|_| None);
        for (of, target) in context.targets.iter() {
            if let Some(target) = target {
                surveys[of] = Some(clouds[of].survey(target).await.unwrap());
            }
        }
        let serving = lineup.map(|_| Some(Version("4f2c1e9".to_owned())));
        let request = Request {
            environment: self.environment,
            components: &lineup,
            versions: &versions,
            serving: &serving,
            release: ReleaseId(1),
        };
        let mut plan = config.plan(&request, &surveys).unwrap();
        for stage in &mut plan.stages {
            if let StageKind::Cleanup(cleanup) = &mut stage.kind {
                cleanup.hold = cleanup.hold.min(LONGEST_HOLD);
            }
        }
        (plan, context, place, clouds)
    }

    /// Releases, `fault` going wrong in the stage with the index `at`.
    pub(crate) async fn release(&self, draft: &Plan, at: usize, fault: &Fault) -> Run {
        let wrongs = fault.wrongs(draft, at);
        let begins = if fault.is_out_of_hours() { SUNDAY } else { OFFICE_HOURS };
        let (mut plan, context, place, clouds) = self.prepare(Some(draft), &wrongs, begins).await;
        let bench = Bench::new();
        for stage in &mut plan.stages {
            if let StageKind::Load(load) = &mut stage.kind {
                let beside = |file: &String| bench.path().join(file).display().to_string();
                load.report = load.report.as_ref().map(beside);
                bench.report(load, None);
            }
        }
        fault.prepare(&bench, &plan, at);
        let clock = place.worlds[0].clock();
        let seen = Arc::new(OnceLock::new());
        let web = Visitor {
            apps: InProcess(place.worlds.clone()),
            seen: Arc::clone(&seen),
            broken_in: fault.breaks_answers().then_some(at),
        };
        let mut journal = SqliteJournal::in_memory().unwrap();
        if fault.has_rival() {
            journal.create(&mut |_| plan.clone(), &requester(), begins).unwrap();
        }
        if matches!(fault, Fault::Deaf) {
            for sim in &place.worlds {
                let receivers = ["slack:*", "pagerduty:*", "statuspage:*", "sns:Publish"];
                let fault = ApiFault::new(ApiFaultKind::Timeout, Percent::all()).on(&receivers);
                sim.wire().set_faults(FaultPlan::of(vec![fault]));
            }
        }
        let parts = Parts {
            notifier: Arc::new(channels::open(&context, &clouds[ComponentIndex::FIRST], &place.worlds[0])),
            clouds,
            web: Arc::new(web),
            journal: Box::new(journal),
            judges: plan.components.map(|one| -> Box<dyn Judge> { Box::new(Threshold::new(one.signals.clone())) }),
            programs: Arc::new(OnPath(Arc::clone(&bench))),
            clock,
            actor: requester(),
            settings: Settings {
                polls: polls(),
                period: context.period,
                redactor: Redactor::default(),
                variables: secrets(&plan),
                logs: LogFeed::Polled,
                is_demo: false,
            },
        };
        let (engine, hub, stop) = Engine::begin(&mut |_| plan.clone(), parts).unwrap();
        let handle = hub.attach();
        let watched = handle.snapshot.clone();
        seen.set(watched.clone()).unwrap();
        drop(handle);
        let running = tokio::spawn(engine.run());
        let late = fault.strikes_late().then(|| {
            let (sim, mut watched) = (place.sims[plan.stages[at].component.unwrap()].clone(), watched.clone());
            let fault = fault.clone();
            tokio::spawn(async move {
                let is_there = |release: &Release| release.stages[at].status == StageStatus::Running;
                watched.wait_for(|snapshot| is_there(&snapshot.release)).await.unwrap();
                fault.strike(&sim);
            })
        });
        let mut lines = Vec::new();
        let code = follow(&hub, clock, fault, &mut lines).await;
        let release = if code == 6 {
            let release = watched.borrow().release.as_ref().clone();
            stop.stop();
            running.await.unwrap().unwrap();
            release
        } else {
            running.await.unwrap().unwrap().release
        };
        drop(late);
        let told = channels::told(&context, &place.worlds[0]);
        Run { release, code, bench, place, told, lines: String::from_utf8(lines).unwrap() }
    }
}

type Clouds = Components<Arc<dyn Cloud>>;

fn requester() -> Actor {
    Actor::new("captain", "bastion")
}

/// Follows the release as a script would, and approves as those would who may.
async fn follow(hub: &Hub, clock: Clock, fault: &Fault, out: &mut Vec<u8>) -> u8 {
    loop {
        let run = Headless {
            style: Style::Text,
            approve: !matches!(fault, Fault::Untyped),
            timeout: Some(Duration::from_hours(6)),
            actor: requester(),
            clock,
        };
        let handle = hub.attach();
        let (orders, watched) = (handle.orders.clone(), handle.snapshot.clone());
        let code = match headless::follow(handle, run, out).await.unwrap() {
            End::Release(code) => code,
            end => panic!("{end:?}\n{}", String::from_utf8_lossy(out)),
        };
        let release = Arc::clone(&watched.borrow().release);
        let Some(approvers) = approvers(&release).filter(|_| code == 6 && !matches!(fault, Fault::Unapproved)) else {
            return code;
        };
        for name in approvers {
            let command = Command::Approve { phrase: phrase(&release) };
            let order = Order { command, stage: None, by: Actor::new(name, "elsewhere"), seen: None };
            let receipt = orders.send(order).await;
            assert!(matches!(receipt, Receipt::Accepted(_)), "{receipt:?}");
        }
    }
}

/// Whose approval the release waits for.
fn approvers(release: &Release) -> Option<Vec<String>> {
    let index = release.foremost()?;
    let StageKind::Gate(gate) = &release.plan.stages[index].kind else { return None };
    let approval = gate.approval.as_ref().filter(|_| release.stages[index].work == Work::Confirming)?;
    let anybody = vec!["colleague".to_owned()];
    let named = if approval.by.is_empty() { anybody } else { approval.by.clone() };
    Some(named.into_iter().take(usize::try_from(approval.count).unwrap()).collect())
}

/// What whoever approves types.
fn phrase(release: &Release) -> String {
    release
        .plan
        .stages
        .iter()
        .zip(&release.stages)
        .find_map(|(plan, stage)| match &plan.kind {
            StageKind::Gate(gate) if stage.work == Work::Confirming => gate.confirm.clone(),
            _ => None,
        })
        .unwrap_or_default()
}

/// Slower than usual, for the sake of the test's time: what the release waits for is read more often by itself.
fn polls() -> Polls {
    let (slow, never) = (Duration::from_secs(40), Duration::from_hours(1));
    Polls {
        weights: slow,
        capacity: slow,
        alarms: slow,
        signals: slow,
        logs: never,
        identity: never,
        ..Polls::default()
    }
}

/// A value for each variable that holds a secret. A session is what the application takes for one.
fn secrets(plan: &Plan) -> BTreeMap<String, String> {
    plan.secrets.iter().map(|name| (name.clone(), "session=0123456789abcdef".to_owned())).collect()
}
