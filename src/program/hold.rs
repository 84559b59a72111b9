//! A release that keeps blue warm, when a new release of the same components comes: the new one takes over, or finishes
//! what is due first.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use color_eyre::eyre::Result;
use rustix::process::{Pid, Signal, kill_process};

use super::channels::Means;
use super::output::Refused;
use super::parts::{parts, redactor};
use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::config::PlanContext;
use crate::domain::command::{Actor, Command, Order};
use crate::domain::components::Components;
use crate::domain::ids::ComponentName;
use crate::domain::plan::{Plan, StageKind};
use crate::domain::release::{Ended, Ending, Release, WarmHold};
use crate::engine::handle::EngineHandle;
use crate::engine::hold::supersede;
use crate::engine::lease::Tenure;
use crate::engine::run::Engine;
use crate::engine::socket::Berth;
use crate::engine::socket::client::attach;
use crate::engine::socket::server::Server;
use crate::journal::sqlite::SqliteJournal;
use crate::journal::{Journal as _, Summary, replay};

/// An engine that is asked to end is gone by then.
const GONE_BY: Duration = Duration::from_secs(20);

/// How often it is looked whether it is.
const LOOK: Duration = Duration::from_millis(100);

/// Taking blue down takes no longer than this where nothing is wrong.
const FINISHED_BY: Duration = Duration::from_mins(3);

/// Whether a new release of these components has every component of an earlier one.
fn covers(lineup: &Components<ComponentName>, environment: &str, earlier: &Plan) -> bool {
    let has = |name: &ComponentName| lineup.iter().any(|(_, ours)| ours == name);
    earlier.environment.as_str() == environment && earlier.components.iter().all(|(_, component)| has(&component.name))
}

/// Ends the engines of releases that only keep blue warm and that a new release takes the place of. What they leave is in
/// the journal.
pub(super) async fn give_way(berth: &Berth, environment: &str, lineup: &Components<ComponentName>) {
    for socket in berth.sockets() {
        let Ok(handle) = attach(&socket).await else { continue };
        let (pid, release) = {
            let snapshot = handle.snapshot.borrow();
            (snapshot.engine.pid, Arc::clone(&snapshot.release))
        };
        let is_holding = release.warm_hold().is_some_and(|hold| !hold.is_ending);
        let engine = i32::try_from(pid).ok().and_then(Pid::from_raw);
        if !is_holding || !covers(lineup, environment, &release.plan) {
            continue;
        }
        if let Some(engine) = engine
            && kill_process(engine, Signal::TERM).is_ok()
        {
            drop(handle);
            let gone = async {
                while rustix::process::test_kill_process(engine).is_ok() {
                    Clock::system().sleep(LOOK).await;
                }
            };
            // If it is not, whoever takes hold of the service next is told who has it.
            let _still_there = tokio::time::timeout(GONE_BY, gone).await;
        }
    }
}

/// An earlier release that only keeps blue warm.
pub(super) struct Holding {
    summary: Summary,
    hold: WarmHold,
}

impl Holding {
    pub(super) fn summary(&self) -> &Summary {
        &self.summary
    }
}

/// What a new release is begun with.
pub(super) struct Successor<'a> {
    pub(super) lineup: &'a Components<ComponentName>,
    pub(super) context: &'a PlanContext,
    pub(super) means: &'a Means,
    pub(super) clock: Clock,
    pub(super) actor: &'a Actor,
    /// Where faces find it while it finishes the earlier release.
    pub(super) socket: PathBuf,
    /// The leases, where hosts share a table for them.
    pub(super) tenure: Option<&'a Arc<Tenure>>,
}

/// The hold of an unfinished release, if a new release may take its place.
pub(super) fn holding(
    journal: &SqliteJournal,
    summary: &Summary,
    environment: &str,
    lineup: &Components<ComponentName>,
) -> Result<Option<Holding>> {
    if !covers(lineup, environment, &summary.plan) {
        return Ok(None);
    }
    let release = replay(summary.id, summary.plan.clone(), &journal.records(summary.id)?);
    Ok(release.warm_hold().map(|hold| Holding { summary: summary.clone(), hold }))
}

impl Successor<'_> {
    /// Sees to it that the earlier release ends: its blue is taken down if that is due, and left to the new release if not.
    pub(super) async fn end(
        &self,
        journal: &mut SqliteJournal,
        open: impl Fn() -> Result<SqliteJournal>,
        held: &Holding,
    ) -> Result<()> {
        let Holding { summary, hold } = held;
        if hold.is_ending || hold.until <= self.clock.now() {
            return self.finish(open()?, summary).await;
        }
        let clouds = summary.plan.components.map(|component| self.cloud_of(&component.name));
        let actor = self.actor.clone();
        let done = supersede(journal, summary.id, &clouds, &redactor(&summary.plan), actor, self.clock).await;
        done.map_err(|why| Refused::policy(format!("{why}; `cutover attach` goes on with release {}", summary.id)))
    }

    fn cloud_of(&self, name: &ComponentName) -> Arc<dyn Cloud> {
        let of = self.lineup.position(|ours| ours == name).unwrap_or_default();
        Arc::clone(&self.means.clouds[of])
    }

    /// Runs the earlier release to its end, without another hold.
    async fn finish(&self, journal: SqliteJournal, summary: &Summary) -> Result<()> {
        let plan = &summary.plan;
        let stays = || {
            let (id, names) = (summary.id, plan.components_named());
            Refused::policy(format!(
                "release {id} of {names} has not taken blue down; `cutover attach` goes on with it"
            ))
        };
        let is_same =
            plan.components.iter().map(|(_, component)| &component.name).eq(self.lineup.iter().map(|(_, name)| name));
        if !is_same {
            return Err(stays());
        }
        let parts = parts(plan, self.context, self.means, Box::new(journal), self.clock, self.actor.clone(), false);
        let (engine, hub, stop) = Engine::recover(summary.id, parts)?;
        let mut engine = std::pin::pin!(engine.under(self.tenure.cloned()).run());
        let handle = hub.attach();
        // It can be rolled back meanwhile like any other.
        let faces = tokio::spawn(Server::bind(&self.socket)?.serve(hub));
        let hurry = self.hurry(handle);
        let left = tokio::select! {
            left = &mut engine => Some(left),
            () = hurry => None,
        };
        let left = match left {
            Some(left) => left,
            None => {
                stop.stop();
                engine.await
            }
        };
        faces.abort();
        // Awaited so that the socket is free for the new release.
        let _aborted = faces.await;
        match left {
            Ok(left) => match &left.release.ended {
                Some(Ended { ending: Ending::Succeeded, .. }) => Ok(()),
                Some(Ended { ending, why, .. }) => Err(Refused::policy(format!(
                    "release {} of {}, whose warm hold was to end first, is {}: {why}",
                    summary.id,
                    plan.components_named(),
                    ending.word()
                ))),
                None => Err(stays()),
            },
            Err(_) => Err(stays()),
        }
    }

    /// Cuts holds short until it takes too long.
    async fn hurry(&self, handle: EngineHandle) {
        let until = self.clock.now() + FINISHED_BY;
        // One that goes back by itself meanwhile is let go back, however long that takes.
        while self.clock.now() < until || handle.snapshot.borrow().release.unwinding.is_some() {
            let release = Arc::clone(&handle.snapshot.borrow().release);
            for stage in held(&release) {
                let order = Order { command: Command::Promote, stage: Some(stage), by: self.actor.clone(), seen: None };
                let _it_may_be_over = handle.orders.send(order).await;
            }
            self.clock.sleep(Duration::from_secs(1)).await;
        }
    }
}

/// The stages that still keep blue warm.
fn held(release: &Release) -> Vec<crate::domain::ids::StageName> {
    let is_held = |index: &usize| {
        let work = release.stages.get(*index).map(|stage| stage.work);
        let kind = release.plan.stage(*index).map(|plan| &plan.kind);
        matches!((kind, work), (Some(StageKind::Cleanup(_)), Some(crate::domain::release::Work::Until(_))))
    };
    release.active().filter(is_held).filter_map(|index| Some(release.plan.stage(index)?.name.clone())).collect()
}
