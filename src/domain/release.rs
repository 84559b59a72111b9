//! A release: everything that is known of it, and nothing that can be derived.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::capacity::Capacities;
use super::command::{Actor, Ordered};
use super::components::{ComponentIndex, Components};
use super::effect::{CheckResult, Intent};
use super::event::FiringAlarm;
use super::gate::GateVoices;
use super::ids::{EffectId, ReleaseId, Revision, SignalName, TaskDefinitionArn, Version};
use super::one_off::OneOff;
use super::percent::Percent;
use super::plan::{Plan, StageKind};
use super::signal::Verdict;
use super::time::Timestamp;

/// One run of a pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// Its number.
    pub id: ReleaseId,
    /// What it is to do. It never changes, and is shared by all pictures of the release.
    pub plan: Arc<Plan>,
    /// How often it changed in a way that matters to whoever steers it.
    pub revision: Revision,
    /// When and by whom it was begun; `None` while it is only planned.
    pub begun: Option<Begun>,
    /// Its stages, one for each of the plan's.
    pub stages: Vec<Stage>,
    /// Its components, one for each of the plan's.
    pub components: Components<Component>,
    /// Set while nothing may go forward.
    pub hold: Option<Hold>,
    /// Set once it goes back.
    pub unwinding: Option<Unwinding>,
    /// Set once it has ended.
    pub ended: Option<Ended>,
    /// Effects under way.
    pub in_flight: Vec<InFlight>,
    /// Effects asked for so far.
    pub effects: u64,
    /// Commands accepted so far, oldest first.
    pub orders: Vec<Ordered>,
    /// What happened, oldest first.
    pub timeline: Vec<Moment>,
}

/// A component as far as it has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// Where its traffic is.
    pub traffic: Traffic,
    /// On the way back: when all its traffic was observed on blue again.
    pub restored: Option<Timestamp>,
    /// The image that was built for it, or settled on when it was planned, by its digest: what is deployed in place of
    /// the plan's.
    pub built: Option<Version>,
    /// Green's task definition, once registered.
    pub task_definition: Option<TaskDefinitionArn>,
    /// Both sides' capacity as last read; `None` until read by this engine.
    pub capacities: Option<Capacities>,
    /// Since when green has been less than fully healthy while it took traffic.
    pub unhealthy_since: Option<Timestamp>,
    /// Its alarms that fire.
    pub firing: Vec<FiringAlarm>,
    /// Set while its alarms cannot be read, with what came instead.
    pub alarms_lost: Option<String>,
    /// The newest verdicts.
    pub verdicts: Vec<Verdict>,
    /// Signals whose failure a human has seen and gone on with, until the next step.
    pub waived: Vec<SignalName>,
}

/// The start of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: Actor,
}

/// A stage as far as it has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Where it stands.
    pub status: StageStatus,
    /// When its present or last try began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Tries so far.
    pub attempts: u32,
    /// One line: what it does now, or what came of it.
    pub note: String,
    /// Last lines of its program, or the trouble it met.
    pub output: Vec<String>,
    /// Results of its checks.
    pub checks: Vec<CheckResult>,
    /// Inner state of a running stage.
    pub work: Work,
    /// What people have said to it, if it is a gate.
    #[serde(default)]
    pub voices: GateVoices,
    /// Parts of what it runs that were asked for so far, in any try: as many may have done something.
    #[serde(default)]
    pub parts: usize,
    /// What undoes it has been run, or was begun: it is not run again.
    #[serde(default)]
    pub undo_tried: bool,
    /// The task on ECS that may be running for it.
    #[serde(default)]
    pub one_off: Option<OneOff>,
}

impl Stage {
    /// Whether it may have changed something that its undo is for: it is done, or what of it changes something was
    /// begun, whatever became of that since. False once its undo was tried.
    pub fn has_left_something(&self, kind: &StageKind) -> bool {
        !self.undo_tried && (self.status == StageStatus::Passed || kind.is_begun_for_good(self.parts))
    }
}

/// A stage's status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StageStatus {
    /// Not begun.
    #[default]
    Pending,
    /// At work.
    Running,
    /// Waiting for a human.
    Waiting,
    /// Done.
    Passed,
    /// Did not work.
    Failed,
    /// Left out by a human.
    Skipped,
    /// Done, and undone again.
    Undone,
}

impl StageStatus {
    /// Whether what comes after may begin.
    pub fn is_done(self) -> bool {
        matches!(self, Self::Passed | Self::Skipped)
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Undone => "undone",
        }
    }
}

/// Inner state of a running stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Nothing asked for yet.
    #[default]
    Idle,
    /// An effect has been asked for; its end moves the stage.
    Asked,
    /// The part with this index runs.
    Part(usize),
    /// The task definition is being registered that the part with this index runs.
    Registering(usize),
    /// A gate's conditions hold; somebody must still agree.
    Confirming,
    /// Deploy: the service has been told; targets must become healthy.
    Settling,
    /// Shift: the step with this index.
    Step {
        /// Index into the shift plan's steps.
        index: usize,
        /// How far the step has come.
        phase: StepPhase,
    },
    /// Verify, wait and cleanup: watching, waiting or holding until then. Gate: waiting for its window.
    Until(Timestamp),
}

/// How far a step of the shift has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepPhase {
    /// The weight is to be set, or has been asked for.
    Raising {
        /// Since when.
        since: Timestamp,
    },
    /// Set; to be read back.
    Settling {
        /// Since when.
        since: Timestamp,
    },
    /// Watched.
    Baking {
        /// Since when.
        since: Timestamp,
        /// Its gate is tried then.
        until: Timestamp,
    },
    /// The bake is over and the gate is shut: for want of evidence until `limit`, or for a human.
    AtGate {
        /// Since when the step is watched: the start of its bake.
        watched: Timestamp,
        /// Since when it waits.
        since: Timestamp,
        /// Until when evidence may still open it; `None` when only a human can.
        limit: Option<Timestamp>,
    },
}

/// Where production traffic is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Green's weight as last accepted by the load balancer from this release.
    pub set: Percent,
    /// Green's weight as last read back; `None` until this engine has read it.
    pub observed: Option<Percent>,
    /// When green first took traffic.
    pub green_since: Option<Timestamp>,
    /// The most that green may ever have had: raised when a weight is asked for, before it is known to be set.
    pub peak: Percent,
    /// A change of the weight was given up whose call may still take effect: what green has is not known until the next
    /// change has been accepted.
    pub unsure: bool,
    /// Since when the weight read differs from the one set without this release having asked for a change.
    pub drift_since: Option<Timestamp>,
}

/// Why nothing goes forward.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Since when.
    pub since: Timestamp,
    /// Who paused it; `None` when the release did so itself.
    pub by: Option<Actor>,
    /// Why.
    pub why: String,
}

/// The way back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unwinding {
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub cause: String,
    /// Who asked; `None` when the release decided itself.
    pub by: Option<Actor>,
    /// What it will be called when all goes well.
    pub ending: Ending,
    /// Whether done stages are undone.
    pub undo: bool,
    /// How far it has come.
    pub phase: UnwindPhase,
    /// Until then a call that was given up may still land: traffic is watched, and nothing is taken down.
    pub not_before: Option<Timestamp>,
    /// Everybody has been told that traffic is not back in time.
    pub escalated: bool,
    /// When all traffic was observed on blue again.
    pub restored: Option<Timestamp>,
    /// What could not be undone.
    pub trouble: Option<String>,
}

/// All that is left of a release that has done what it was for: blue stays warm, and is then taken down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WarmHold {
    /// When the last hold ends.
    pub until: Timestamp,
    /// A blue is being taken down already.
    pub is_ending: bool,
}

/// How far the way back has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnwindPhase {
    /// Traffic is to go back to blue, and to be seen there.
    Traffic,
    /// Stages are undone from the last to the first; this many are still to be looked at.
    Undo {
        /// Stages not yet looked at.
        left: usize,
    },
}

/// The end of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// How.
    pub ending: Ending,
    /// Why, in words.
    pub why: String,
}

/// How a release ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// Green was observed at 100 %.
    Succeeded,
    /// Blue was observed at 100 % again with healthy capacity.
    RolledBack,
    /// Something of the way back did not work.
    RollbackFailed,
    /// Stopped before any traffic shifted.
    Failed,
    /// Stopped by a human.
    Aborted,
}

/// A release's status, derived from its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Not begun.
    Planned,
    /// Going forward.
    Running,
    /// Waiting for a human.
    Waiting,
    /// Held.
    Paused,
    /// Going back.
    RollingBack,
    /// Ended.
    Ended(Ending),
}

impl Status {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::RollingBack => "rolling-back",
            Self::Ended(ending) => ending.word(),
        }
    }
}

impl Ending {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Succeeded, Self::RolledBack, Self::RollbackFailed, Self::Failed, Self::Aborted];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::RolledBack => "rolled-back",
            Self::RollbackFailed => "rollback-failed",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
        }
    }
}

/// An effect under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InFlight {
    /// What was asked for.
    pub intent: Intent,
    /// When it was first asked for.
    pub since: Timestamp,
    /// When it is tried again; `None` while a try is under way.
    pub retry_at: Option<Timestamp>,
    /// What the last try met.
    pub error: Option<String>,
}

impl InFlight {
    /// Its number.
    pub fn id(&self) -> EffectId {
        self.intent.id
    }
}

/// A line of the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Its number, from 1 up.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// The revision it made, or happened in.
    pub revision: Revision,
    /// How it is to be taken.
    pub tone: Tone,
    /// What happened.
    pub text: String,
    /// Who did it, if a human did.
    pub by: Option<String>,
}

/// How a line of the timeline is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// As planned.
    Plain,
    /// Something was reached.
    Good,
    /// Someone should look.
    Warning,
    /// Something went wrong.
    Bad,
}

impl Component {
    /// Whether green may have taken production traffic at any time.
    pub fn has_shifted(&self) -> bool {
        self.traffic.peak > Percent::ZERO
    }

    /// Whether green takes production traffic now, as far as is known.
    pub fn is_green_live(&self) -> bool {
        self.traffic.set > Percent::ZERO || self.traffic.observed.is_some_and(|green| green > Percent::ZERO)
    }

    /// From when green has had production traffic, and until when if it has lost it again.
    pub fn traffic_span(&self) -> Option<(Timestamp, Option<Timestamp>)> {
        self.traffic.green_since.map(|since| (since, self.restored))
    }
}

impl Release {
    /// A release that has not begun.
    pub fn planned(id: ReleaseId, plan: impl Into<Arc<Plan>>) -> Self {
        let plan = plan.into();
        let stages = plan.stages.iter().map(|_| Stage::default()).collect();
        let components = plan.components.map(|planned| Component {
            built: planned.pinned.image.clone(),
            task_definition: planned.pinned.task_definition.clone(),
            // What somebody else has given green is where this begins.
            traffic: plan.origin.foreign().map(Traffic::of).unwrap_or_default(),
            ..Component::default()
        });
        Self {
            id,
            plan,
            revision: Revision::default(),
            begun: None,
            stages,
            components,
            hold: None,
            unwinding: None,
            ended: None,
            in_flight: Vec::new(),
            effects: 0,
            orders: Vec::new(),
            timeline: Vec::new(),
        }
    }

    /// Where it stands.
    pub fn status(&self) -> Status {
        if let Some(ended) = &self.ended {
            Status::Ended(ended.ending)
        } else if self.begun.is_none() {
            Status::Planned
        } else if self.unwinding.is_some() {
            Status::RollingBack
        } else if self.hold.is_some() {
            Status::Paused
        } else if self.waits_for_human() {
            Status::Waiting
        } else {
            Status::Running
        }
    }

    /// Whether a stage waits for a human while no other is at work.
    fn waits_for_human(&self) -> bool {
        let mut active = self.active().filter_map(|index| self.stages.get(index)).peekable();
        active.peek().is_some()
            && active.all(|stage| matches!(stage.status, StageStatus::Waiting | StageStatus::Failed))
    }

    /// Indices of the stages whose turn it is: not done themselves, and all that they come after is. In order.
    pub fn active(&self) -> impl Iterator<Item = usize> {
        let done = |index: &usize| self.stages.get(*index).is_some_and(|stage| stage.status.is_done());
        let stages = self.plan.stages.iter().enumerate();
        stages.filter(move |(index, plan)| !done(index) && plan.after.iter().all(done)).map(|(index, _)| index)
    }

    /// The stage of which an operator is to be told first: one that waits for a human, else the first whose turn it is.
    pub fn foremost(&self) -> Option<usize> {
        let waits = |index: &usize| {
            let status = self.stages.get(*index).map(|stage| stage.status);
            matches!(status, Some(StageStatus::Waiting | StageStatus::Failed))
        };
        self.active().find(waits).or_else(|| self.active().next())
    }

    /// The same among the stages about one component, if its turn it is; else whatever is foremost.
    pub fn foremost_of(&self, of: ComponentIndex) -> Option<usize> {
        let is_of = |index: &usize| self.plan.stage(*index).is_some_and(|stage| stage.component == Some(of));
        self.active().find(is_of).or_else(|| self.foremost())
    }

    /// The warm hold, when that is all that is left of a release that nothing stands in the way of.
    pub fn warm_hold(&self) -> Option<WarmHold> {
        let is_quiet = self.begun.is_some() && self.ended.is_none() && self.unwinding.is_none() && self.hold.is_none();
        let mut left = self.plan.stages.iter().zip(&self.stages).filter(|(_, stage)| !stage.status.is_done());
        let is_clean_up = left.clone().all(|(plan, stage)| {
            let at_work = matches!(stage.status, StageStatus::Pending | StageStatus::Running);
            at_work && matches!(plan.kind, StageKind::Cleanup(_))
        });
        if !is_quiet || !is_clean_up {
            return None;
        }
        let is_ending = left.clone().any(|(_, stage)| stage.work == Work::Asked);
        let until = left.clone().filter_map(|(_, stage)| match stage.work {
            Work::Until(until) => Some(until),
            _ => None,
        });
        let until = until.max().or_else(|| left.find_map(|(_, stage)| stage.started));
        Some(WarmHold { until: until?, is_ending })
    }

    /// Whether any component's green may have taken production traffic at any time.
    pub fn has_shifted(&self) -> bool {
        self.components.iter().any(|(_, component)| component.has_shifted())
    }

    /// Whether users may have met what is released: green of a component has had production traffic, or a program has run
    /// that releases components without traffic to shift.
    pub fn has_reached_users(&self) -> bool {
        let mut stages = self.plan.stages.iter().zip(&self.stages);
        self.has_shifted()
            || stages.any(|(plan, stage)| {
                self.plan.is_switch(plan) && (stage.undo_tried || stage.has_left_something(&plan.kind))
            })
    }

    /// Whether any component's green takes production traffic now, as far as is known.
    pub fn is_green_live(&self) -> bool {
        self.components.iter().any(|(_, component)| component.is_green_live())
    }

    /// The step that a component's shift is in: its index and phase.
    pub fn step(&self, of: ComponentIndex) -> Option<(usize, StepPhase)> {
        self.stages.iter().zip(&self.plan.stages).find_map(|(stage, plan)| match (stage.status, stage.work) {
            (StageStatus::Running | StageStatus::Waiting, Work::Step { index, phase })
                if plan.component == Some(of) =>
            {
                Some((index, phase))
            }
            _ => None,
        })
    }

    /// Index of the stage that deploys a component's green, if there is one.
    pub fn deploy_stage(&self, of: ComponentIndex) -> Option<usize> {
        self.plan.stages.iter().position(|stage| matches!(stage.kind, StageKind::Deploy) && stage.component == Some(of))
    }

    /// The exit code of a program that followed it: 0 succeeded, or with nothing left but its warm hold, 3 stopped before any traffic shifted, 4 rolled back,
    /// 5 the way back failed, 6 waiting for a human, 7 still running.
    pub fn exit_code(&self) -> u8 {
        match self.status() {
            Status::Ended(Ending::Succeeded) => 0,
            Status::Ended(Ending::RolledBack) => 4,
            Status::Ended(Ending::Aborted) if self.has_shifted() => 4,
            Status::Ended(Ending::Failed | Ending::Aborted) => 3,
            Status::Ended(Ending::RollbackFailed) => 5,
            Status::Waiting | Status::Paused => 6,
            Status::Running if self.warm_hold().is_some() => 0,
            Status::Planned | Status::Running | Status::RollingBack => 7,
        }
    }
}
