//! Reading the fleet for the cockpit: who releases what from the journal and the engines of this host, and what runs from
//! AWS, by few calls and only while somebody looks.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use color_eyre::eyre::Result;
use futures_util::future::{BoxFuture, join_all};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{output, settings};
use crate::app::fleet::{Alarms, EngineState, Fleet, Latest, Place, Running, Sighting};
use crate::clock::Clock;
use crate::cloud::{Alarm, AlarmState, Cloud, CloudError, Glance, Target};
use crate::config::{Config, PlanContext};
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::ids::{AlarmName, ReleaseId, TaskDefinitionArn, Version};
use crate::domain::redact::printable;
use crate::domain::time::Timestamp;
use crate::engine::snapshot::Snapshot;
use crate::engine::socket::Berth;
use crate::engine::socket::client::attach;
use crate::journal::sqlite::SqliteJournal;
use crate::journal::{Journal as _, Listing};
use crate::runtime::FleetFeed;

/// How often AWS is asked. Each time takes, of 100 services, 10 calls for the services, 3 for the rules of 50 components,
/// and one for each 100 alarms.
const ROUND: Duration = Duration::from_secs(30);

/// How often the journal and the engines are looked at, which costs AWS nothing.
const LOOK: Duration = Duration::from_secs(5);

/// Task definitions looked up in one round: each costs a call, and is never looked up again.
const DEFINITIONS: usize = 30;

/// Releases looked through for the newest of each component.
const LOOKED_THROUGH: usize = 200;

/// An engine that does not say what it runs by then is not waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Connects to a cluster; in words why not.
pub(super) type Connect =
    Box<dyn Fn(PlanContext, String) -> BoxFuture<'static, Result<Arc<dyn Cloud>, String>> + Send + Sync>;

/// Where it is known who releases what.
pub(super) enum Releases {
    /// From the journal and the engines' sockets.
    Kept,
    /// From the only release that there is.
    Shown(watch::Receiver<Arc<Snapshot>>),
}

/// Reads the fleet of a configuration, or of one environment of it, for as long as the feed is held.
pub(super) fn feed(
    config: &Config,
    environment: Option<&str>,
    releases: Releases,
    connect: Connect,
    clock: Clock,
) -> Result<FleetFeed> {
    let reader = Reader::new(config, environment, releases, connect, clock)?;
    let (show, seen) = watch::channel(Arc::new(reader.fleet.clone()));
    let (is_wanted, wanted) = watch::channel(false);
    let mut readers = JoinSet::new();
    readers.spawn(reader.run(show, wanted));
    Ok(FleetFeed { seen, is_wanted, reader: readers })
}

struct Reader {
    config: Config,
    releases: Releases,
    connect: Connect,
    clock: Clock,
    fleet: Fleet,
    /// What to ask of each cluster.
    clusters: Vec<Cluster>,
    /// Images of task definitions, which never change; `None` of one that is gone.
    versions: HashMap<(TaskDefinitionArn, String), Option<Version>>,
}

/// A cluster of an environment.
struct Cluster {
    context: PlanContext,
    name: String,
    cloud: Option<Arc<dyn Cloud>>,
    /// Components there, by their place in the fleet.
    spots: Vec<(usize, Target, Vec<AlarmName>)>,
}

/// What was found of a component, whose task definition is still to be looked up.
struct Found {
    place: usize,
    sighting: Sighting,
    definition: Option<(TaskDefinitionArn, String)>,
}

impl Reader {
    fn new(config: &Config, only: Option<&str>, releases: Releases, connect: Connect, clock: Clock) -> Result<Self> {
        let mut fleet = Fleet::default();
        let mut clusters: BTreeMap<(String, String), Cluster> = BTreeMap::new();
        for (name, environment) in &config.environments {
            if only.is_some_and(|only| only != name.as_str()) {
                continue;
            }
            for (component, settings) in &environment.components {
                let context = config.context(name.as_str(), &Components::one(component.clone()))?;
                let place = fleet.places.len();
                let target = context.targets[ComponentIndex::FIRST].clone();
                fleet.places.push(Place {
                    environment: name.clone(),
                    site: format!("{} {}", environment.account, environment.region),
                    production: environment.production,
                    component: component.clone(),
                    release: None,
                    cloud: if target.is_some() { Sighting::NotYet } else { Sighting::Nothing },
                });
                let Some(target) = target else { continue };
                let cluster = context.clusters[ComponentIndex::FIRST].clone();
                let key = (name.to_string(), cluster.clone());
                let cluster = clusters.entry(key).or_insert_with(|| Cluster {
                    context,
                    name: cluster,
                    cloud: None,
                    spots: Vec::new(),
                });
                cluster.spots.push((place, target, settings.alarms.clone()));
            }
        }
        let clusters = clusters.into_values().collect();
        Ok(Self { config: config.clone(), releases, connect, clock, fleet, clusters, versions: HashMap::new() })
    }

    async fn run(mut self, show: watch::Sender<Arc<Fleet>>, mut wanted: watch::Receiver<bool>) {
        let mut due: Option<Timestamp> = None;
        loop {
            if wanted.wait_for(|wanted| *wanted).await.is_err() {
                return;
            }
            self.read_releases().await;
            self.show(&show);
            let now = self.clock.now();
            if due.is_none_or(|due| now >= due) {
                due = Some(now + ROUND);
                self.round().await;
                self.show(&show);
            }
            self.clock.sleep(LOOK).await;
        }
    }

    fn show(&self, show: &watch::Sender<Arc<Fleet>>) {
        show.send_if_modified(|shown| {
            let is_news = **shown != self.fleet;
            if is_news {
                *shown = Arc::new(self.fleet.clone());
            }
            is_news
        });
    }

    /// Asks every cluster once, side by side, and then for versions that are not known.
    async fn round(&mut self) {
        let (clock, connect) = (self.clock, &self.connect);
        let looks = self.clusters.iter_mut().map(|cluster| cluster.look(connect, clock));
        let found: Vec<Vec<Found>> = join_all(looks).await;
        let mut left = DEFINITIONS;
        for (cluster, found) in self.clusters.iter().zip(found) {
            for Found { place, mut sighting, definition } in found {
                if let (Some(key), Sighting::Seen { state, .. }) = (definition, &mut sighting) {
                    if !self.versions.contains_key(&key)
                        && left > 0
                        && let Some(cloud) = &cluster.cloud
                    {
                        left -= 1;
                        // What could not be asked is asked again.
                        if let Ok(version) = cloud.estate().definition(&key.0, &key.1).await {
                            self.versions.insert(key.clone(), version);
                        }
                    }
                    state.version = self.versions.get(&key).cloned().flatten();
                }
                if let Some(place) = self.fleet.places.get_mut(place) {
                    place.cloud = sighting;
                }
            }
        }
    }

    async fn read_releases(&mut self) {
        match &self.releases {
            Releases::Shown(snapshot) => {
                let snapshot = Arc::clone(&snapshot.borrow());
                let (release, at) = (&snapshot.release, snapshot.at);
                for place in &mut self.fleet.places {
                    let planned = release.plan.components.iter().find(|(_, planned)| planned.name == place.component);
                    let Some((_, planned)) = planned else { continue };
                    let ended = release.ended.as_ref().map(|ended| ended.at);
                    place.release = Some(Latest {
                        id: release.id,
                        to: Some(planned.to.clone()),
                        status: release.status().word().to_owned(),
                        by: release.begun.as_ref().map(|begun| begun.by.name.clone()),
                        at: ended.or_else(|| release.begun.as_ref().map(|begun| begun.at)).unwrap_or(at),
                        engine: if ended.is_some() { EngineState::NotNeeded } else { EngineState::Runs },
                    });
                }
            }
            Releases::Kept => {
                let file = settings::journal_file(&self.config);
                let listing = tokio::task::spawn_blocking(move || {
                    file.exists().then(|| SqliteJournal::open(&file)?.list(LOOKED_THROUGH)).transpose()
                });
                let Ok(Ok(Some(listing))) = listing.await else { return };
                let running = running(&Berth::below(&self.config.engine.journal)).await;
                for place in &mut self.fleet.places {
                    place.release = newest(place, &listing, &running);
                }
            }
        }
    }
}

impl Cluster {
    async fn look(&mut self, connect: &Connect, clock: Clock) -> Vec<Found> {
        let read = self.read(connect).await;
        let at = clock.now();
        let failed = |why: String| Sighting::Failed { at, why: printable(&why).into_owned() };
        let mut found = Vec::new();
        let (glances, alarms) = match read {
            Ok(read) => read,
            Err(why) => {
                let spots = self.spots.iter();
                let lost = |(place, ..): &(usize, Target, Vec<AlarmName>)| Found {
                    place: *place,
                    sighting: failed(why.clone()),
                    definition: None,
                };
                return spots.map(lost).collect();
            }
        };
        for ((place, target, names), glance) in self.spots.iter().zip(glances) {
            let (sighting, definition) = match glance {
                Err(error) => (failed(error.to_string()), None),
                Ok(glance) => {
                    let serving = glance.serving();
                    let (service, definition) = target
                        .services
                        .get(serving)
                        .zip(glance.services.get(serving))
                        .map(|(named, seen)| (named.service.clone(), seen.task_definition.clone()))
                        .unwrap_or_default();
                    let state = running_of(&glance, service, watched(names, &alarms));
                    (Sighting::Seen { at, state }, Some((definition, target.container.clone())))
                }
            };
            found.push(Found { place: *place, sighting, definition });
        }
        found
    }

    /// Both sides and the alarms of all its components.
    async fn read(
        &mut self,
        connect: &Connect,
    ) -> Result<(Vec<Result<Glance, CloudError>>, HashMap<AlarmName, AlarmState>), String> {
        let cloud = match &self.cloud {
            Some(cloud) => Arc::clone(cloud),
            None => {
                let cloud = connect(self.context.clone(), self.name.clone()).await?;
                Arc::clone(self.cloud.insert(cloud))
            }
        };
        let targets: Vec<Target> = self.spots.iter().map(|(_, target, _)| target.clone()).collect();
        let mut names: Vec<AlarmName> = self.spots.iter().flat_map(|(.., names)| names.clone()).collect();
        names.sort_unstable();
        names.dedup();
        let glances = cloud.estate().glance(&targets).await.map_err(|error| error.to_string())?;
        // Alarms that cannot be read say nothing, and are shown so.
        let alarms = cloud.alarms(&names).await.unwrap_or_default();
        Ok((glances, alarms.into_iter().map(|Alarm { name, state, .. }| (name, state)).collect()))
    }
}

fn running_of(glance: &Glance, service: String, alarms: Alarms) -> Running {
    let serving = glance.serving();
    let seen = glance.services.get(serving);
    Running {
        service,
        version: None,
        share: glance.weights.get(serving).copied().unwrap_or_default(),
        tasks: seen.map_or((0, 0), |seen| (seen.running, seen.desired)),
        is_deploying: glance.services.iter().any(|service| service.is_deploying),
        alarms,
    }
}

fn watched(names: &[AlarmName], known: &HashMap<AlarmName, AlarmState>) -> Alarms {
    let mut alarms = Alarms { watched: names.len(), ..Alarms::default() };
    for name in names {
        match known.get(name) {
            Some(AlarmState::Alarm) => alarms.firing.push(printable(name.as_str()).into_owned()),
            Some(AlarmState::Ok | AlarmState::InsufficientData) => {}
            Some(AlarmState::Missing | AlarmState::Unknown) | None => alarms.silent += 1,
        }
    }
    alarms
}

/// The releases that engines of this host act on, with their status.
async fn running(berth: &Berth) -> HashMap<ReleaseId, String> {
    let ask = |socket: std::path::PathBuf| async move {
        let handle = tokio::time::timeout(PATIENCE, attach(&socket)).await.ok()?.ok()?;
        let release = Arc::clone(&handle.snapshot.borrow().release);
        Some((release.id, release.status().word().to_owned()))
    };
    join_all(berth.sockets().into_iter().map(ask)).await.into_iter().flatten().collect()
}

/// The newest release of a place.
fn newest(place: &Place, listing: &Listing, running: &HashMap<ReleaseId, String>) -> Option<Latest> {
    let (environment, component) = (place.environment.as_str(), place.component.as_str());
    let engine = |id, ended: bool, status: &str| match running.contains_key(&id) {
        _ if ended || status == "planned" => EngineState::NotNeeded,
        true => EngineState::Runs,
        false => EngineState::Lost,
    };
    let is_ours = |summary: &&crate::journal::Summary| {
        summary.plan.environment.as_str() == environment && summary.plan.releases(component)
    };
    let read = listing.releases.iter().find(is_ours).map(|summary| {
        let planned = summary.plan.components.iter().find(|(_, planned)| planned.name == place.component);
        let status = running.get(&summary.id).filter(|_| !summary.ended).unwrap_or(&summary.status);
        Latest {
            id: summary.id,
            to: planned.map(|(_, planned)| planned.to.clone()),
            status: status.clone(),
            by: Some(summary.by.name.clone()),
            at: summary.touched,
            engine: engine(summary.id, summary.ended, &summary.status),
        }
    });
    let unread = listing.unreadable.iter().find(|release| release.is_of(Some(environment), Some(component)));
    let unread = unread.map(|release| Latest {
        id: release.id,
        to: None,
        status: release.status.clone(),
        by: None,
        at: release.touched,
        engine: engine(release.id, release.ended, &release.status),
    });
    [read, unread].into_iter().flatten().max_by_key(|latest| latest.id)
}

/// Connects as an engine of the environment would, which makes sure of its account.
pub(super) fn connect(clock: Clock) -> Connect {
    Box::new(move |context, cluster| {
        Box::pin(async move {
            let connected = super::engine::connect_to(&cluster, &context, clock).await;
            connected.map(|(cloud, _)| cloud).map_err(|why| output::in_words(&why).replace("\n  because: ", ": "))
        })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::super::testing::{EXAMPLE, Shop};
    use super::*;
    use crate::app::fixture;
    use crate::domain::event::Event;
    use crate::domain::percent::Percent;
    use crate::journal::{Entry, Record, Standing};
    use crate::sim::Sim;
    use crate::sim::world::ecs::{CreateService, RegisterTaskDefinition};

    /// AWS calls a minute that watching a hundred services may take.
    const CALLS_A_MINUTE: u64 = 120;

    fn simulated(sim: &Sim, clock: Clock) -> Connect {
        let http = sim.http_client();
        Box::new(move |context, cluster| {
            let aws = crate::cloud::aws::Aws::simulated(http.clone(), clock, &context.place.region, &cluster);
            Box::pin(async move { Ok(Arc::new(aws) as Arc<dyn Cloud>) })
        })
    }

    /// The example's environment with fifty components more, of two services each.
    fn fifty() -> (Shop, Config) {
        let (head, rest) = EXAMPLE.split_once("[components.api]").unwrap();
        let (head, _) = head.split_once("[environments.production]").unwrap();
        let (component, rest) = rest.split_once("\n[").unwrap();
        let rest = rest.replace(", \"production\"]", "]");
        // With several components, an alarm says whose it is.
        let owned = |section: &str| match section.split_once('\n') {
            Some((name, keys)) if name.starts_with("alarms.") && !keys.contains("\ncomponent = ") => {
                format!("{name}\ncomponent = \"api\"\n{keys}")
            }
            _ => section.to_owned(),
        };
        let rest = rest.split("\n[").map(owned).collect::<Vec<_>>().join("\n[");
        let mut text = format!("{head}[components.api]{component}\n");
        for number in 0..50 {
            let own = component.replace("service = \"api-", &format!("service = \"shop{number}-"));
            text.push_str(&format!("[components.shop{number}]{own}\n"));
        }
        text.push_str(&format!("\n[{rest}"));
        let shop = Shop::of(EXAMPLE, "demo", "healthy");
        let config = Config::read("cutover.toml", &text, std::path::Path::new("."));
        let config = config.unwrap_or_else(|wrong| panic!("{wrong}"));
        shop.sim.with(|world, _| {
            for number in 0..50 {
                let image = format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:v{number}");
                let definition = RegisterTaskDefinition {
                    family: format!("shop{number}"),
                    containers: vec![json!({ "name": "api", "image": image })],
                    settings: Map::new(),
                    tags: Vec::new(),
                };
                world.register_task_definition(definition).unwrap();
                for side in ["blue", "green"] {
                    let service = CreateService {
                        cluster: Some("shop".to_owned()),
                        name: format!("shop{number}-{side}"),
                        task_definition: format!("shop{number}"),
                        ..CreateService::default()
                    };
                    world.create_service(service).unwrap();
                }
            }
        });
        (shop, config)
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_services_are_watched_by_few_calls_a_minute() {
        let (shop, mut config) = fifty();
        let dir = tempfile::tempdir().unwrap();
        config.engine.journal = dir.path().to_owned();
        let clock = shop.sim.clock();
        let connect = simulated(&shop.sim, clock);
        let mut feed = feed(&config, Some("demo"), Releases::Kept, connect, clock).unwrap();
        let calls = || shop.sim.wire().calls().values().sum::<u64>();
        let before = calls();
        clock.sleep(Duration::from_mins(5)).await;
        assert_eq!(calls(), before, "nobody looks, and AWS is asked");
        feed.is_wanted.send_replace(true);
        let mut most = 0;
        for _ in 0..5 {
            let before = calls();
            clock.sleep(Duration::from_mins(1)).await;
            most = most.max(calls() - before);
        }
        let fleet = Arc::clone(&feed.seen.borrow_and_update());
        println!("{} places, at most {most} calls in a minute", fleet.places.len());
        assert!(most <= CALLS_A_MINUTE, "{most} calls in a minute");
        let (seen, known): (Vec<_>, Vec<_>) = fleet
            .places
            .iter()
            .map(|place| match &place.cloud {
                Sighting::Seen { state, .. } => (1, usize::from(state.version.is_some())),
                _ => (0, 0),
            })
            .unzip();
        assert_eq!((seen.iter().sum::<i32>(), known.iter().sum::<usize>()), (51, 51), "{fleet:?}");
        let api = fleet.places.iter().find(|place| place.component.as_str() == "api").unwrap();
        let Sighting::Seen { state, .. } = &api.cloud else { panic!("{api:?}") };
        assert_eq!((state.share, state.tasks, state.alarms.silent), (Percent::FULL, (6, 6), 0), "{state:?}");
        assert!(state.alarms.watched > 0);
    }

    #[tokio::test(start_paused = true)]
    async fn who_releases_what_is_read_from_the_journal_and_a_lost_engine_is_told() {
        let shop = Shop::of(EXAMPLE, "demo", "healthy");
        let dir = tempfile::tempdir().unwrap();
        let mut config = shop.config.clone();
        config.engine.journal = dir.path().to_owned();
        let clock = shop.sim.clock();
        let mut journal = SqliteJournal::open(&settings::journal_file(&config)).unwrap();
        let plan = crate::domain::plan::Plan { environment: "demo".into(), ..fixture::plan() };
        let by = fixture::operator();
        let (first, _) = journal.create(&mut |_| plan.clone(), &by, clock.now()).unwrap();
        let (newest, _) = journal.create(&mut |_| plan.clone(), &by, clock.now()).unwrap();
        let record = Record { at: clock.now(), entry: Entry::Event(Event::Requested { by: by.clone() }) };
        let standing = Standing { status: "running", ended: false };
        journal.append(newest, std::slice::from_ref(&record), standing).unwrap();
        let connect = simulated(&shop.sim, clock);
        let mut reader = Reader::new(&config, None, Releases::Kept, connect, clock).unwrap();
        reader.read_releases().await;
        let latest = |reader: &Reader, environment: &str| {
            let place = reader.fleet.places.iter().find(|place| place.environment.as_str() == environment).unwrap();
            place.release.clone()
        };
        let found = latest(&reader, "demo").unwrap();
        assert_eq!((found.id, found.engine, found.status.as_str()), (newest, EngineState::Lost, "running"));
        assert_eq!(
            (found.by, found.to),
            (Some(by.name.clone()), Some(plan.components[ComponentIndex::FIRST].to.clone()))
        );
        assert_eq!(latest(&reader, "production"), None);
        journal.append(newest, &[record], Standing { status: "succeeded", ended: true }).unwrap();
        reader.read_releases().await;
        assert_eq!(latest(&reader, "demo").map(|latest| latest.engine), Some(EngineState::NotNeeded));
        assert!(first < newest);
    }
}
