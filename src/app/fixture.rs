//! Releases as they look at telling moments, for pictures, tests and benchmarks. Not part of the program's interface.

mod alarms;
mod checklist;
mod plan;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::keymap::{Keymap, KeymapError};
use super::model::Model;
use super::msg::Msg;
use super::update::update;
use crate::domain::capacity::Capacities;
use crate::domain::command::{Actor, Command, Ordered, Progress};
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::effect::{CheckResult, Effect, Intent};
use crate::domain::ids::{EffectId, ReleaseId, Revision};
use crate::domain::percent::Percent;
use crate::domain::release::{
    Begun, Component, Ended, Ending, Hold, InFlight, Moment, Release, Stage, StageStatus, StepPhase, Tone, UnwindPhase,
    Unwinding, Work,
};
use crate::domain::signal::Ruling;
use crate::domain::time::Timestamp;
use crate::engine::handle::LogBatch;
use crate::engine::snapshot::{
    AlarmWord, ComponentView, EngineView, IdentityView, Snapshot, Source, SourceView, Toll, Watching,
};

pub use alarms::{alarm_detail, alarm_list};
pub use checklist::checklist;
pub use plan::plan;
pub use world::{alarm, capacity, line, lines, series, verdict};

/// The moment of all fixtures: 2026-03-12T14:04:31Z.
pub const NOW: Timestamp = Timestamp::from_secs(1_773_324_271);

/// A telling moment of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// The gates are being looked at.
    Gates,
    /// The first gate waits for its window.
    Window,
    /// The first gate waits for a phrase.
    Phrase,
    /// The database is being migrated.
    Migrating,
    /// Green's targets become healthy.
    Deploying,
    /// Green takes 10 % and is watched.
    Baking,
    /// The bake is over, the evidence is not in.
    Evidence,
    /// The step waits for a human.
    Human,
    /// A signal that pauses has failed.
    Paused,
    /// Errors on green: traffic goes back.
    RollingBack,
    /// It went back.
    RolledBack,
    /// Green has it all.
    Succeeded,
    /// The cloud does not answer.
    Stale,
    /// A smoke check failed; a human decides.
    Failed,
}

impl Scene {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Gates,
        Self::Window,
        Self::Phrase,
        Self::Migrating,
        Self::Deploying,
        Self::Baking,
        Self::Evidence,
        Self::Human,
        Self::Paused,
        Self::RollingBack,
        Self::RolledBack,
        Self::Succeeded,
        Self::Stale,
        Self::Failed,
    ];

    /// A word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Gates => "gates",
            Self::Window => "window",
            Self::Phrase => "phrase",
            Self::Migrating => "migrating",
            Self::Deploying => "deploying",
            Self::Baking => "baking",
            Self::Evidence => "evidence",
            Self::Human => "human",
            Self::Paused => "paused",
            Self::RollingBack => "rolling-back",
            Self::RolledBack => "rolled-back",
            Self::Succeeded => "succeeded",
            Self::Stale => "stale",
            Self::Failed => "failed",
        }
    }

    /// How many stages of the plan are behind it.
    fn stages_done(self) -> usize {
        match self {
            Self::Gates | Self::Window | Self::Phrase => 0,
            Self::Migrating => 1,
            Self::Deploying => 2,
            Self::Failed => 3,
            Self::Baking | Self::Evidence | Self::Human | Self::Paused | Self::Stale => 4,
            Self::RollingBack | Self::RolledBack => 4,
            Self::Succeeded => 8,
        }
    }

    fn has_shifted(self) -> bool {
        self.stages_done() >= 4
    }
}

/// Whoever sits in front of the fixtures' screens.
pub fn operator() -> Actor {
    Actor::new("maria", "bastion-1")
}

fn ago(secs: u64) -> Timestamp {
    NOW - Duration::from_secs(secs)
}

fn ahead(secs: u64) -> Timestamp {
    NOW + Duration::from_secs(secs)
}

/// The release of a scene.
pub fn release(scene: Scene) -> Release {
    let mut release = Release::planned(ReleaseId(41), plan());
    release.revision = Revision(12);
    release.begun = Some(Begun { at: ago(372), by: operator() });
    release.timeline = timeline(scene);
    for (index, stage) in release.stages.iter_mut().enumerate() {
        *stage = done_stage(index, scene);
    }
    api(&mut release).traffic.observed = (scene != Scene::Gates).then_some(Percent::ZERO);
    let green_up = scene.stages_done() >= 3;
    api(&mut release).capacities = Some(Capacities {
        blue: capacity(6, 6),
        green: if green_up { capacity(6, 6) } else { capacity(0, 0) },
        deployment: None,
    });
    if scene.has_shifted() {
        api(&mut release).traffic.set = Percent::clamped(10);
        api(&mut release).traffic.observed = Some(Percent::clamped(10));
        api(&mut release).traffic.peak = Percent::clamped(10);
        api(&mut release).traffic.green_since = Some(ago(192));
        api(&mut release).verdicts = world::verdicts();
        release.orders = vec![Ordered {
            command: Command::Approve { phrase: "deploy".to_owned() },
            stage: Some(0),
            by: operator(),
            accepted: ago(368),
            progress: Progress::Observed,
            at: ago(368),
        }];
    }
    dress(&mut release, scene);
    release
}

/// The only component.
fn api(release: &mut Release) -> &mut Component {
    &mut release.components[ComponentIndex::FIRST]
}

/// What is particular about a scene.
fn dress(release: &mut Release, scene: Scene) {
    let shift = |phase, status, note: &str| Stage {
        status,
        started: Some(ago(196)),
        attempts: 1,
        note: note.to_owned(),
        work: Work::Step { index: 0, phase },
        ..Stage::default()
    };
    let baking = StepPhase::Baking { since: ago(192), until: ahead(108) };
    match scene {
        Scene::Gates => set(release, 0, running(Work::Asked, 3, "looking at blue and the alarms")),
        Scene::Window => {
            let why = "opens Mon 23 Nov 09:00 CET; Sat 14:02 is outside mon-fri 09:00-17:00";
            let stage = Stage {
                checks: vec![CheckResult::new("deployment window", false, why)],
                ..running(Work::Until(ahead(43 * 3_600)), 41, why)
            };
            set(release, 0, stage);
        }
        Scene::Phrase => {
            let stage = Stage {
                status: StageStatus::Waiting,
                checks: world::gate_checks(),
                ..running(Work::Confirming, 41, "type `deploy` to begin")
            };
            set(release, 0, stage);
        }
        Scene::Migrating => {
            set(release, 1, Stage { parts: 2, ..running(Work::Asked, 28, "apply") });
            let effect = Effect::RunCommand { stage: 1, part: 1 };
            let intent = Intent { id: EffectId(7), attempt: 1, effect };
            release.in_flight = vec![InFlight { intent, since: ago(21), retry_at: None, error: None }];
        }
        Scene::Deploying => {
            set(release, 2, running(Work::Settling, 74, "4 of 6 targets healthy"));
            api(release).capacities =
                Some(Capacities { blue: capacity(6, 6), green: capacity(4, 6), deployment: None });
        }
        Scene::Baking | Scene::Stale => set(release, 4, shift(baking, StageStatus::Running, "10 % baking")),
        Scene::Evidence => {
            let note = "10 % waits for evidence: errors 212 of 500 requests";
            let phase = StepPhase::AtGate { watched: ago(364), since: ago(64), limit: Some(ahead(536)) };
            set(release, 4, shift(phase, StageStatus::Running, note));
            api(release).verdicts = world::thin_verdicts();
        }
        Scene::Human => {
            let phase = StepPhase::AtGate { watched: ago(395), since: ago(95), limit: None };
            set(release, 4, shift(phase, StageStatus::Waiting, "10 % baked: promote to go on"));
        }
        Scene::Paused => {
            set(release, 4, shift(baking, StageStatus::Running, "10 % baking"));
            let why = "cpu: 91 % on green, limit 80 %".to_owned();
            release.hold = Some(Hold { since: ago(47), by: None, why });
            replace(release, verdict("cpu", Ruling::Fail, Some(91.0), Some(44.0)));
        }
        Scene::RollingBack => going_back(release, UnwindPhase::Traffic),
        Scene::RolledBack => {
            going_back(release, UnwindPhase::Undo { left: 0 });
            api(release).traffic.observed = Some(Percent::ZERO);
            api(release).restored = Some(NOW);
            if let Some(unwinding) = &mut release.unwinding {
                unwinding.restored = Some(NOW);
            }
            end(release, Ending::RolledBack, "errors: 7.42 % on green, limit 1 %");
            for stage in release.stages.iter_mut().skip(1).take(4) {
                stage.status = StageStatus::Undone;
            }
        }
        Scene::Succeeded => {
            api(release).traffic.set = Percent::FULL;
            api(release).traffic.observed = Some(Percent::FULL);
            api(release).traffic.peak = Percent::FULL;
            end(release, Ending::Succeeded, "green observed at 100 %, blue scaled down");
        }
        Scene::Failed => {
            let failed = Stage {
                status: StageStatus::Failed,
                checks: world::smoke_checks(),
                ..running(Work::Idle, 6, "12 of 14 checks passed")
            };
            set(release, 3, failed);
        }
    }
}

fn set(release: &mut Release, index: usize, stage: Stage) {
    if let Some(place) = release.stages.get_mut(index) {
        *place = stage;
    }
}

fn replace(release: &mut Release, verdict: crate::domain::signal::Verdict) {
    if let Some(place) = api(release).verdicts.iter_mut().find(|other| other.signal == verdict.signal) {
        *place = verdict;
    }
}

fn running(work: Work, secs: u64, note: &str) -> Stage {
    Stage {
        status: StageStatus::Running,
        started: Some(ago(secs)),
        attempts: 1,
        note: note.to_owned(),
        work,
        ..Stage::default()
    }
}

fn done_stage(index: usize, scene: Scene) -> Stage {
    /// Begin and end of each stage, in seconds before now, and what came of it.
    const DONE: [(u64, u64, &str); 8] = [
        (372, 369, "4 of 4"),
        (369, 328, "2 revisions"),
        (328, 210, "6 of 6 healthy"),
        (210, 204, "14 of 14"),
        (204, 90, "green at 100 %"),
        (90, 30, "held"),
        (30, 28, "2 channels"),
        (28, 0, "blue scaled down"),
    ];
    let Some((from, to, note)) = DONE.get(index).filter(|_| index < scene.stages_done()) else {
        return Stage::default();
    };
    let checks: Vec<CheckResult> = if index == 3 { world::smoke_checks_passed() } else { Vec::new() };
    Stage {
        status: StageStatus::Passed,
        started: Some(ago(*from)),
        ended: Some(ago(*to)),
        attempts: 1,
        note: (*note).to_owned(),
        checks,
        ..Stage::default()
    }
}

fn going_back(release: &mut Release, phase: UnwindPhase) {
    let cause = "errors: 7.42 % on green, limit 1 %".to_owned();
    set(release, 4, Stage { status: StageStatus::Failed, ended: Some(ago(4)), ..running(Work::Idle, 196, &cause) });
    api(release).traffic.set = Percent::ZERO;
    replace(release, verdict("errors", Ruling::Fail, Some(7.42), Some(0.10)));
    replace(release, verdict("latency-p99", Ruling::Marginal, Some(930.0), Some(590.0)));
    release.unwinding = Some(Unwinding {
        not_before: None,
        since: ago(4),
        cause,
        by: None,
        ending: Ending::RolledBack,
        undo: true,
        phase,
        escalated: false,
        restored: None,
        trouble: None,
    });
    release.orders.push(Ordered {
        command: Command::Promote,
        stage: Some(4),
        by: operator(),
        accepted: ago(9),
        progress: Progress::Overtaken,
        at: ago(4),
    });
}

fn end(release: &mut Release, ending: Ending, why: &str) {
    release.ended = Some(Ended { at: NOW, ending, why: why.to_owned() });
}

fn timeline(scene: Scene) -> Vec<Moment> {
    let moment = |secs, revision, tone, text: &str, by: Option<&str>| Moment {
        number: revision,
        at: ago(secs),
        revision: Revision(revision),
        tone,
        text: text.to_owned(),
        by: by.map(str::to_owned),
    };
    let begun = [
        moment(372, 1, Tone::Plain, "release 41 begins: 4f2c1e9 → 9ab03d7", Some("maria")),
        moment(369, 2, Tone::Plain, "gates passed: 4 of 4", None),
        moment(328, 3, Tone::Plain, "migrate passed: 2 revisions", None),
        moment(210, 4, Tone::Good, "deploy passed: 6 of 6 healthy", None),
        moment(204, 5, Tone::Good, "smoke passed: 14 of 14", None),
    ];
    let mut all: Vec<Moment> = begun.into_iter().take(scene.stages_done() + 1).collect();
    if scene.has_shifted() {
        all.push(moment(192, 6, Tone::Good, "green observed at 10 %, baking for 5:00", None));
    }
    match scene {
        Scene::Human => {
            all.push(moment(95, 12, Tone::Warning, "waiting for a human: 10 % baked: promote to go on", None));
        }
        Scene::Paused => all.push(moment(47, 12, Tone::Warning, "paused: cpu: 91 % on green, limit 80 %", None)),
        Scene::Failed => all.push(moment(2, 12, Tone::Bad, "smoke failed: 12 of 14 checks passed", None)),
        Scene::RollingBack | Scene::RolledBack => {
            all.push(moment(9, 11, Tone::Plain, "10 % → 50 %: promoted", Some("maria")));
            all.push(moment(4, 12, Tone::Bad, "rolling back: errors: 7.42 % on green, limit 1 %", None));
        }
        _ => {}
    }
    all
}

/// What the engine says in a scene.
pub fn snapshot(scene: Scene) -> Snapshot {
    let release = release(scene);
    let failing = matches!(scene, Scene::Stale);
    let sources = Source::ALL.map(|source| {
        let is_bad = failing && matches!(source, Source::Signals | Source::Weights | Source::Identity);
        SourceView {
            source,
            component: ComponentIndex::FIRST,
            last_ok: Some(ago(if is_bad { 96 } else { 2 })),
            failing: is_bad.then(|| (ago(91), "ExpiredToken: the security token has expired".to_owned())),
            stale_after: Duration::from_secs(45),
            calls: 112,
        }
    });
    let mut alarms = vec![
        alarm("api-5xx-high", AlarmWord::Ok, false),
        alarm("api-p99-high", AlarmWord::Ok, false),
        alarm("api-unhealthy-hosts", AlarmWord::Ok, false),
    ];
    if matches!(scene, Scene::RollingBack | Scene::RolledBack) {
        alarms = vec![
            alarm("api-5xx-high", AlarmWord::Firing, false),
            alarm("api-p99-high", AlarmWord::InsufficientData, false),
            alarm("api-unhealthy-hosts", AlarmWord::Ok, false),
        ];
    }
    let output = match scene {
        Scene::Migrating => BTreeMap::from([(1, world::migration_output())]),
        _ => BTreeMap::new(),
    };
    let signals = &release.plan.components[ComponentIndex::FIRST].signals;
    let api = ComponentView {
        requests: world::tally(scene),
        compared: None,
        series: signals.iter().map(|plan| Arc::new(series(plan, scene))).collect(),
        alarms,
        toll: match scene {
            Scene::RollingBack | Scene::RolledBack => Toll { green_requests: 18_240, harmed: 1_335 },
            _ if scene.has_shifted() => Toll { green_requests: 18_240, harmed: 3 },
            _ => Toll::default(),
        },
    };
    Snapshot {
        logs: world::logs_view(scene),
        at: ago(if failing { 94 } else { 1 }),
        speed: 1.0,
        components: Components::one(api),
        sources: sources.to_vec(),
        identity: Some(IdentityView {
            account: "123456789012".to_owned(),
            arn: "arn:aws:sts::123456789012:assumed-role/release/maria".to_owned(),
            expires: Some(if failing { ago(91) } else { ahead(47 * 60 + 12) }),
            is_renewed: false,
        }),
        output,
        engine: EngineView {
            pid: 4_711,
            host: "bastion-1".to_owned(),
            version: "0.1.0".to_owned(),
            ends_with_face: false,
            watching: Watching { calls: 240, metrics: 2_160, micros: 24_000 },
            replay: None,
            trouble: None,
        },
        release: Arc::new(release),
        triage: None,
    }
}

/// The screen in front of a scene, with a few hundred log lines.
///
/// # Errors
/// Only if the built-in keymap is wrong.
pub fn model(scene: Scene, snapshot: &Snapshot) -> Result<Model, KeymapError> {
    let mut model = Model::new(operator(), Keymap::built_in()?);
    for msg in [
        Msg::Tick(NOW),
        Msg::SnapshotChanged,
        Msg::Logs(LogBatch { lines: lines(240, scene.has_shifted()), dropped: 0 }),
    ] {
        let _ = update(&mut model, snapshot, msg);
    }
    Ok(model)
}
