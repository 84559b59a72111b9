//! The engine that only watches: one for each deployment that comes along, behind a hub that stays the same.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use color_eyre::eyre::Result;
use tokio::task::JoinSet;

use super::triage;
use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::cloud::aws::https_client;
use crate::config::{Config, PlanContext};
use crate::domain::command::Actor;
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::foreign::Then;
use crate::domain::ids::{ComponentName, Version};
use crate::domain::origin::Origin;
use crate::domain::triage::Triage;
use crate::engine::handle::EngineHandle;
use crate::engine::hub::{Arriving, Hub};
use crate::engine::run::{Engine, Stop};
use crate::journal::sqlite::SqliteJournal;
use crate::notify::http::Http;
use crate::program::channels::{self, Means};
use crate::program::parts::{Planner, Taking, Wanted, parts};
use crate::web::client::Client;

/// How often it is looked whether another deployment has begun: three calls or four.
const LOOK: Duration = Duration::from_secs(15);

/// How often what is wrong is looked into anew while nothing is under way.
const TRIAGE: Duration = Duration::from_mins(1);

/// Whoever watches a component.
pub(in crate::program) struct Watcher {
    pub(in crate::program) config: Config,
    pub(in crate::program) environment: String,
    /// The one component.
    pub(in crate::program) lineup: Components<ComponentName>,
    pub(in crate::program) context: PlanContext,
    pub(in crate::program) clouds: Components<Arc<dyn Cloud>>,
    pub(in crate::program) clock: Clock,
    pub(in crate::program) actor: Actor,
    /// Where the releases are kept.
    pub(in crate::program) journal: PathBuf,
}

/// What is being watched.
pub(in crate::program) struct Watched {
    /// What is shown, whichever deployment it is of.
    pub(in crate::program) handle: EngineHandle,
    /// Whoever looks for another deployment; what is read ends with it.
    pub(in crate::program) relay: JoinSet<()>,
}

/// An engine that watches one deployment, or that there is none.
pub(super) struct Inner {
    pub(super) handle: EngineHandle,
    /// The deployment; empty where none is under way.
    pub(super) deployment: String,
    stop: Stop,
    /// Ends with it.
    _engine: JoinSet<()>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop.stop();
    }
}

impl Watcher {
    /// The plan of the release that would take over what is under way, or that shows that nothing is.
    pub(in crate::program) async fn plan(
        &self,
        deployment: Option<String>,
        then: Then,
        reason: Option<String>,
    ) -> Result<Planner> {
        let wanted = Wanted {
            environment: self.environment.clone(),
            lineup: self.lineup.clone(),
            versions: self.lineup.map(|_| Version::default()),
            serving: self.lineup.map(|_| None),
            back: None,
            pinned: self.lineup.map(|_| None),
            origin: Origin::Named,
            git_sha: None,
            foreign: Some(Taking { deployment, then, reason }),
        };
        Planner::new(self.config.clone(), wanted, &self.context, &self.clouds).await
    }

    /// Looks at what is under way, and begins to watch it.
    pub(super) async fn open(&self, since: Duration) -> Result<Inner> {
        let planner = self.plan(None, Then::Judge, None).await?;
        let sight = planner.sight.as_ref();
        let deployment = sight.map(|sight| sight.afoot.id.clone()).unwrap_or_default();
        let triage = match deployment.as_str() {
            "" => Some(self.triage(&planner, since).await),
            _ => None,
        };
        let web = Arc::new(Client::new(self.clock));
        let http = Http::new(https_client(), self.clock);
        let means = Means { clouds: self.clouds.clone(), web, http, vault: channels::kept };
        // What is only watched is kept nowhere.
        let journal = Box::new(SqliteJournal::in_memory()?);
        let parts = parts(&planner.draft, &self.context, &means, journal, self.clock, self.actor.clone(), true);
        let (engine, hub, stop) = Engine::watch(&mut |id| planner.plan(id), triage, parts)?;
        let handle = hub.attach();
        let mut running = JoinSet::new();
        running.spawn(async move {
            // It keeps nothing, so that no journal can be lost.
            let _left = engine.run().await;
        });
        Ok(Inner { handle, deployment, stop, _engine: running })
    }

    /// What is wrong, and what was changed before.
    pub(super) async fn triage(&self, planner: &Planner, since: Duration) -> Triage {
        let place = triage::Place {
            cloud: self.clouds[ComponentIndex::FIRST].as_ref(),
            target: self.context.targets[ComponentIndex::FIRST].as_ref(),
            plan: &planner.draft,
            journal: &self.journal,
            lineup: &self.lineup,
        };
        triage::look(&place, self.clock.now(), since).await
    }

    /// Watches for as long as somebody holds what it answers with.
    pub(in crate::program) async fn start(self: Arc<Self>, since: Duration) -> Result<Watched> {
        let inner = self.open(since).await?;
        let first = inner.handle.snapshot.borrow().as_ref().clone();
        let (hub, arriving) = Hub::new(first);
        let handle = hub.attach();
        let mut relay = JoinSet::new();
        relay.spawn(async move { self.relay(inner, hub, arriving, since).await });
        Ok(Watched { handle, relay })
    }

    async fn relay(self: Arc<Self>, mut inner: Inner, hub: Hub, mut arriving: Arriving, since: Duration) {
        let mut looked = self.clock.now();
        let mut triaged = looked;
        loop {
            let due = looked + LOOK;
            tokio::select! {
                biased;
                Some(envelope) = arriving.orders.recv() => inner.handle.orders.forward(envelope).await,
                Some(inquiry) = arriving.questions.recv() => {
                    let questions = inner.handle.questions.clone();
                    tokio::spawn(async move {
                        // Whoever asked may have gone.
                        let _gone = inquiry.answer.send(questions.ask(inquiry.question).await);
                    });
                }
                Ok(()) = inner.handle.snapshot.changed() => {
                    let snapshot = inner.handle.snapshot.borrow_and_update().as_ref().clone();
                    hub.show(snapshot);
                }
                Some(batch) = inner.handle.logs.recv() => hub.hand_out(batch.lines, batch.dropped),
                () = self.clock.sleep_until(due) => {
                    looked = self.clock.now();
                    let is_due = inner.deployment.is_empty() && looked >= triaged + TRIAGE;
                    if (is_due || self.has_another(&inner).await)
                        && let Ok(newer) = self.open(since).await
                    {
                        triaged = looked;
                        inner = newer;
                        let snapshot = inner.handle.snapshot.borrow_and_update().as_ref().clone();
                        hub.show(snapshot);
                    }
                }
            }
        }
    }

    /// Whether another deployment is under way than the one that is watched. One that is over stays in sight until then.
    async fn has_another(&self, inner: &Inner) -> bool {
        let Some(target) = &self.context.targets[ComponentIndex::FIRST] else { return false };
        let sight = self.clouds[ComponentIndex::FIRST].deployments().afoot(target).await;
        sight.is_ok_and(|sight| !sight.afoot.is_nothing() && sight.afoot.id != inner.deployment)
    }
}
