//! Reading the cloud regularly: one call in flight for each source, and what the release waits for more often.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::settings::Polls;
use super::snapshot::{Source, SourceView};
use crate::cloud::{Alarm, Cloud, CloudError, Identity, SeriesPair, SignalRequest, TaskBrief};
use crate::domain::capacity::Capacities;
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::ids::{AlarmName, SignalName};
use crate::domain::percent::Percent;
use crate::domain::plan::{ComponentPlan, Plan, Sides};
use crate::domain::release::{Release, StepPhase, UnwindPhase, Work};
use crate::domain::signal::Measure;
use crate::domain::time::Timestamp;

/// What the release waits for right now is read this often.
const EAGER: Duration = Duration::from_secs(2);

/// Tasks coming up are looked at this often.
const COMING_UP: Duration = Duration::from_secs(5);

/// After a failure, the next try comes no sooner than this.
const AFTER_FAILURE: Duration = Duration::from_secs(3);

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Topic {
    Weight,
    Capacity,
    Alarms,
    Signals,
    Identity,
    Tasks,
}

impl Topic {
    const ALL: [Self; 6] = [Self::Weight, Self::Capacity, Self::Alarms, Self::Signals, Self::Identity, Self::Tasks];

    /// The source whose life an answer proves. Which task belongs to which side is asked for the log lines' sake, and
    /// proves nothing of the capacity that is judged.
    pub(super) fn source(self) -> Option<Source> {
        (self != Self::Tasks).then(|| self.counted_as())
    }

    /// The source that its calls are counted for.
    fn counted_as(self) -> Source {
        match self {
            Self::Weight => Source::Weights,
            Self::Capacity | Self::Tasks => Source::Capacity,
            Self::Alarms => Source::Alarms,
            Self::Signals => Source::Signals,
            Self::Identity => Source::Identity,
        }
    }

    fn calls(self) -> u64 {
        match self {
            Self::Weight | Self::Alarms | Self::Signals | Self::Identity => 1,
            Self::Capacity => 3,
            Self::Tasks => 4,
        }
    }
}

/// What was read.
#[derive(Debug)]
pub(super) enum Reading {
    Weight(Percent),
    Capacity(Capacities),
    Alarms(Vec<Alarm>),
    Signals(Vec<SeriesPair>),
    Identity(Identity),
    Tasks(Vec<TaskBrief>),
}

/// A read that has come to its end.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) topic: Topic,
    pub(super) component: ComponentIndex,
    /// Which state of the writes it belongs to: one that began before a write says nothing about what came after.
    pub(super) generation: u64,
    pub(super) result: Result<Reading, CloudError>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    topic: Topic,
    component: ComponentIndex,
    due: Timestamp,
    running: bool,
}

/// Reads what is due.
pub(super) struct Poller {
    clouds: Components<Arc<dyn Cloud>>,
    polls: Polls,
    slots: Vec<Slot>,
    reads: JoinSet<Read>,
}

/// What a read of the signals asks for.
#[derive(Clone, Debug)]
pub(super) struct SignalsWanted {
    pub(super) signals: Vec<(SignalName, Measure)>,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) period: Duration,
}

impl Poller {
    pub(super) fn new(clouds: Components<Arc<dyn Cloud>>, polls: Polls, plan: &Plan, now: Timestamp) -> Self {
        let slots = topics(plan).map(|(topic, component)| Slot { topic, component, due: now, running: false });
        Self { clouds, polls, slots: slots.collect(), reads: JoinSet::new() }
    }

    /// When the next read is due; `None` while all are under way.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.slots.iter().filter(|slot| !slot.running).map(|slot| slot.due).min()
    }

    /// Makes a topic due at once.
    pub(super) fn hurry(&mut self, topic: Topic, of: ComponentIndex, now: Timestamp) {
        for slot in self.slots.iter_mut().filter(|slot| slot.topic == topic && slot.component == of) {
            slot.due = slot.due.min(now);
        }
    }

    /// Starts what is due; `generation` marks the reads, `signals` says what to ask of CloudWatch.
    pub(super) fn start_due(
        &mut self,
        release: &Release,
        now: Timestamp,
        generation: u64,
        signals: impl Fn(ComponentIndex) -> SignalsWanted,
    ) -> Vec<(Source, ComponentIndex, u64)> {
        let mut started = Vec::new();
        for slot in &mut self.slots {
            if slot.running || slot.due > now {
                continue;
            }
            slot.running = true;
            slot.due = now + period(slot.topic, slot.component, &self.polls, release);
            started.push((slot.topic.counted_as(), slot.component, slot.topic.calls()));
            let (topic, component) = (slot.topic, slot.component);
            let Some(look) = Look::of(topic, release, component, || signals(component)) else { continue };
            let cloud = Arc::clone(&self.clouds[component]);
            self.reads.spawn(async move {
                let result = look.read(cloud.as_ref()).await;
                Read { topic, component, generation, result }
            });
        }
        started
    }

    /// The next read that ends; pending for ever while none is under way.
    pub(super) async fn next(&mut self) -> Read {
        loop {
            match self.reads.join_next().await {
                Some(Ok(read)) => return read,
                // A read that panicked or was cancelled: its slot must not stay taken.
                Some(Err(_)) => self.slots.iter_mut().for_each(|slot| slot.running = false),
                None => std::future::pending().await,
            }
        }
    }

    /// A read has ended: its topic may be read again.
    pub(super) fn ended(&mut self, topic: Topic, of: ComponentIndex, failed: bool, now: Timestamp) {
        for slot in self.slots.iter_mut().filter(|slot| slot.topic == topic && slot.component == of) {
            slot.running = false;
            if failed {
                slot.due = slot.due.max(now + AFTER_FAILURE).min(now + AFTER_FAILURE * 3);
            }
        }
    }
}

/// One read with what it needs to know, taken when it begins.
enum Look {
    Weight(Sides),
    Capacity(Sides),
    Tasks(Sides),
    Alarms(Vec<AlarmName>),
    Signals { sides: Sides, cluster: String, wanted: SignalsWanted },
    Identity,
}

impl Look {
    /// `None` where there is nothing to look at.
    fn of(
        topic: Topic,
        release: &Release,
        of: ComponentIndex,
        signals: impl FnOnce() -> SignalsWanted,
    ) -> Option<Self> {
        let plan = &release.plan.components[of];
        Some(match topic {
            Topic::Weight => Self::Weight(plan.sides.clone()?),
            Topic::Capacity => Self::Capacity(plan.sides.clone()?),
            Topic::Tasks => Self::Tasks(plan.sides.clone()?),
            Topic::Alarms => Self::Alarms(plan.alarms.clone()),
            Topic::Signals => {
                Self::Signals { sides: plan.sides.clone()?, cluster: plan.cluster.clone(), wanted: signals() }
            }
            Topic::Identity => Self::Identity,
        })
    }

    async fn read(&self, cloud: &dyn Cloud) -> Result<Reading, CloudError> {
        match self {
            Self::Weight(sides) => cloud.weight(sides).await.map(Reading::Weight),
            Self::Capacity(sides) => cloud.capacity(sides).await.map(Reading::Capacity),
            Self::Tasks(sides) => cloud.tasks(sides).await.map(Reading::Tasks),
            Self::Alarms(names) => cloud.alarms(names).await.map(Reading::Alarms),
            Self::Signals { sides, cluster, wanted } => {
                let SignalsWanted { signals, from, to, period } = wanted;
                let (from, to, period) = (*from, *to, *period);
                let request = SignalRequest { signals, sides, cluster, from, to, period };
                cloud.signals(&request).await.map(Reading::Signals)
            }
            Self::Identity => cloud.identity().await.map(Reading::Identity),
        }
    }
}

/// What is read of a release: of a component without sides only its alarms. Whose credentials these are matters where AWS is
/// asked anything: a release by programs alone needs none.
fn topics(plan: &Plan) -> impl Iterator<Item = (Topic, ComponentIndex)> {
    let is_asked = |component: &ComponentPlan| {
        component.sides.is_some() || !component.alarms.is_empty() || !component.logs.is_empty()
    };
    let asks_aws = plan.components.iter().any(|(_, component)| is_asked(component));
    plan.components.iter().flat_map(move |(of, component)| {
        let is_read = move |topic: &Topic| match topic {
            Topic::Weight | Topic::Capacity | Topic::Tasks | Topic::Signals => component.sides.is_some(),
            Topic::Alarms => component.sides.is_some() || !component.alarms.is_empty(),
            Topic::Identity => asks_aws && of == ComponentIndex::FIRST,
        };
        Topic::ALL.into_iter().filter(is_read).map(move |topic| (topic, of))
    })
}

/// How often a topic is read while the release stands where it does.
fn period(topic: Topic, of: ComponentIndex, polls: &Polls, release: &Release) -> Duration {
    match topic {
        Topic::Weight if waits_for_weight(release, of) => EAGER.min(polls.weights),
        Topic::Capacity if waits_for_capacity(release, of) => COMING_UP.min(polls.capacity),
        topic => at_rest(topic, polls),
    }
}

/// How often a topic is read while nothing waits for it.
fn at_rest(topic: Topic, polls: &Polls) -> Duration {
    match topic {
        Topic::Weight => polls.weights,
        Topic::Capacity => polls.capacity,
        Topic::Alarms => polls.alarms,
        Topic::Signals => polls.signals,
        Topic::Identity => polls.identity,
        Topic::Tasks => polls.tasks,
    }
}

fn waits_for_weight(release: &Release, of: ComponentIndex) -> bool {
    is_going_back(release)
        || release.components[of].traffic.observed.is_none()
        || release
            .step(of)
            .is_some_and(|(_, phase)| matches!(phase, StepPhase::Raising { .. } | StepPhase::Settling { .. }))
}

fn waits_for_capacity(release: &Release, of: ComponentIndex) -> bool {
    let is_deploying = release
        .deploy_stage(of)
        .and_then(|index| release.stages.get(index))
        .is_some_and(|stage| stage.work == Work::Settling);
    let component = &release.components[of];
    is_deploying || is_going_back(release) || component.unhealthy_since.is_some() || component.capacities.is_none()
}

fn is_going_back(release: &Release) -> bool {
    release.unwinding.as_ref().is_some_and(|unwinding| unwinding.phase == UnwindPhase::Traffic)
}

/// How old an answer of a source may be before it counts as stale: three of its periods, and never less than a minute.
pub(super) fn stale_after(source: Source, polls: &Polls) -> Duration {
    let period = match source {
        Source::Weights => polls.weights,
        Source::Capacity => polls.capacity,
        Source::Signals => polls.signals,
        Source::Alarms => polls.alarms,
        Source::Logs => polls.logs,
        Source::Identity => polls.identity,
    };
    (period * 3).max(Duration::from_mins(1))
}

/// How many calls a minute each source takes while the release waits for nothing in particular: what it waits for is
/// read more often.
pub fn load(plan: &Plan, polls: &Polls) -> Vec<(Source, f64)> {
    let mut load: Vec<(Source, f64)> = Vec::new();
    let logs =
        plan.components.iter().flat_map(|(_, component)| &component.logs).collect::<std::collections::BTreeSet<_>>();
    let logs = u64::try_from(logs.len()).unwrap_or(u64::MAX);
    let read = topics(plan).map(|(topic, _)| (topic.counted_as(), topic.calls(), at_rest(topic, polls)));
    for (source, calls, every) in read.chain([(Source::Logs, logs, polls.logs)]) {
        // No source is asked as many times as would not fit.
        let calls = u32::try_from(calls).unwrap_or(u32::MAX);
        let a_minute = f64::from(calls) * 60.0 / every.as_secs_f64().max(f64::MIN_POSITIVE);
        match load.iter_mut().find(|(known, _)| *known == source) {
            Some((_, all)) => *all += a_minute,
            None => load.push((source, a_minute)),
        }
    }
    load.retain(|(_, calls)| *calls > 0.0);
    load
}

/// The sources of a new engine, none of them heard of.
pub(super) fn sources(polls: &Polls, plan: &Plan) -> Vec<SourceView> {
    let view = |(source, component)| SourceView {
        source,
        component,
        last_ok: None,
        failing: None,
        stale_after: stale_after(source, polls),
        calls: 0,
    };
    let logs = plan.components.iter().any(|(_, component)| !component.logs.is_empty());
    let mut read: Vec<_> = topics(plan).filter_map(|(topic, of)| Some((of, topic.source()?))).collect();
    read.extend(logs.then_some((ComponentIndex::FIRST, Source::Logs)));
    read.sort_unstable();
    read.dedup();
    read.into_iter().map(|(of, source)| (source, of)).map(view).collect()
}
