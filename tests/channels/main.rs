//! Each channel against its receiver in the simulated world: what arrives, how often, and what becomes of trouble.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking, in their helpers too")]

mod page;
mod pager;
mod program;
mod releases;
mod slack;
mod trouble;
#[path = "../../benches/support/web.rs"]
mod web;
mod webhook;

use std::time::Duration;

use cutover::app::fixture::{self, Scene};
use cutover::clock::Clock;
use cutover::domain::command::Actor;
use cutover::domain::effect::{Notice, Severity};
use cutover::domain::notice::{Facts, Route, Transition};
use cutover::domain::release::{Ending, Status};
use cutover::domain::time::Timestamp;
use cutover::notify::http::Http;
use cutover::sim::scenario::{ApiFault, ApiFaultKind, Percent};
use cutover::sim::world::inbox::{Letter, Receiver};
use cutover::sim::{FaultPlan, Scenario, Sim};

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// A simulated world, and the way to its receivers.
struct Post {
    sim: Sim,
}

impl Post {
    fn new() -> Self {
        Self::of("healthy")
    }

    fn of(scenario: &str) -> Self {
        let clock = Clock::starting_at(Timestamp::from_secs(1_795_161_600), 1.0);
        Self { sim: Sim::new(Scenario::named(scenario).unwrap(), 3, clock) }
    }

    fn http(&self) -> Http {
        Http::new(self.sim.http_client(), self.sim.clock())
    }

    /// From here on these calls go wrong in this way.
    fn trouble(&self, kind: ApiFaultKind, operation: &str) {
        let fault = ApiFault::new(kind, Percent::all()).on(&[operation]);
        self.sim.wire().set_faults(FaultPlan::of(vec![fault]));
    }

    fn peace(&self) {
        self.sim.wire().set_faults(FaultPlan::default());
    }

    fn letters(&self, receiver: Receiver) -> Vec<Letter> {
        self.sim.with(|world, _| world.letters(receiver))
    }

    async fn pass(&self, span: Duration) {
        self.sim.clock().sleep(span).await;
    }
}

/// What a release says at a transition, the scenes of the cockpit being the release.
fn notice(transition: Transition, severity: Severity) -> Notice {
    let (scene, ending) = match transition {
        Transition::Begun | Transition::Step | Transition::Stage => (Scene::Baking, None),
        Transition::GoingBack | Transition::Overdue => (Scene::RollingBack, None),
        Transition::Ended => (Scene::RolledBack, Some(Ending::RolledBack)),
        _ => (Scene::Baking, None),
    };
    let release = &fixture::snapshot(scene).release;
    let mut facts = Facts::of(release, transition, "because of <this> & that", fixture::NOW);
    // One release, whichever scene it is taken from; later transitions have later revisions.
    facts.begun = Timestamp::from_secs(1_795_161_590);
    facts.release = cutover::domain::ids::ReleaseId(41);
    facts.revision = cutover::domain::ids::Revision(transition as u64 + 2);
    facts.shifted = true;
    facts.actor = None;
    if let Some(ending) = ending {
        facts.status = Status::Ended(ending);
    }
    let key = format!("production/api/41/r{}/{}", facts.revision, transition.word());
    let subject = format!("[production] api 41: {}", transition.word());
    Notice { channel: "x".to_owned(), key, severity, subject, body: facts.in_words(), facts: Box::new(facts) }
}

/// The same, brought about by somebody.
fn by_somebody(mut notice: Notice) -> Notice {
    notice.facts.actor = Some(Actor::new("captain", "bastion"));
    notice
}

/// The same, ended in another way.
fn ended(ending: Ending) -> Notice {
    let mut notice = notice(Transition::Ended, Severity::Critical);
    notice.facts.status = Status::Ended(ending);
    notice
}

#[test]
fn a_route_chooses_by_severity_event_and_environment() {
    let route = Route {
        min_severity: Severity::Warning,
        events: vec![Transition::Waiting, Transition::Ended],
        environments: Some(vec!["production".to_owned()]),
    };
    let wants = |notice: &Notice| route.wants(notice.severity, &notice.facts);
    assert!(wants(&notice(Transition::Waiting, Severity::Warning)));
    assert!(!wants(&notice(Transition::Waiting, Severity::Info)), "too quiet");
    assert!(!wants(&notice(Transition::GoingBack, Severity::Critical)), "another event");
    let mut elsewhere = notice(Transition::Waiting, Severity::Critical);
    elsewhere.facts.environment = "staging".into();
    assert!(!wants(&elsewhere), "another environment");
    let mut test = notice(Transition::Test, Severity::Info);
    test.facts.environment = "staging".into();
    assert!(wants(&test), "a test always arrives");
}
