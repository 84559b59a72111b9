//! The way back to an earlier release while none is running: what of it can be taken up again, and what later releases
//! have done since that must be undone or stays.
//!
//! The plan of such a release is the pipeline's without everything that only makes a new version: green comes up from
//! the earlier release's own task definition, is checked, gets all traffic in one step and is checked again.

use std::collections::BTreeSet;
use std::time::Duration;

use super::components::ComponentIndex;
use super::flag::{FeatureFlag, FlagPlan, Switch};
use super::ids::{ComponentName, EnvironmentName, ReleaseId, StageName, TaskDefinitionArn, Version};
use super::late;
use super::origin::{Earlier, Origin, Undoes};
use super::percent::Percent;
use super::plan::{
    CommandPlan, Definition, GateKind, Job, OnFailure, Plan, ShiftPlan, ShiftStep, StageKind, StagePlan, TaskPlan,
    Undo, VerifyPlan,
};
use super::release::{Ending, Release, Stage, StageStatus, Status};
use super::signal::Policy;

/// Why there is no way back to a release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoWay {
    /// It did not succeed.
    #[error("release {id} never succeeded: it is {status}")]
    NeverSucceeded {
        /// The release.
        id: ReleaseId,
        /// How it ended, or where it stands.
        status: &'static str,
    },
    /// It was released elsewhere.
    #[error("release {id} is of {theirs}, and {ours} is asked for")]
    Elsewhere {
        /// The release.
        id: ReleaseId,
        /// Its environment.
        theirs: EnvironmentName,
        /// The one asked for.
        ours: EnvironmentName,
    },
    /// It released something else.
    #[error("release {id} released {theirs}, and what is released together now is {ours}")]
    OtherComponents {
        /// The release.
        id: ReleaseId,
        /// What it released.
        theirs: String,
        /// What is asked for.
        ours: String,
    },
    /// Something that it did has been undone since.
    #[error(
        "release {id} cannot be taken up as it was: its {stage} was undone by release {by}; release its version anew with `cutover release`"
    )]
    Undone {
        /// The release.
        id: ReleaseId,
        /// Whose stage it was.
        stage: String,
        /// What undid it.
        by: ReleaseId,
    },
    /// It left no task definition behind.
    #[error("release {id} left no task definition of {component}; release its version anew with `cutover release`")]
    NoDefinition {
        /// The release.
        id: ReleaseId,
        /// The component.
        component: ComponentName,
    },
}

/// The way back to an earlier release.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// The release gone back to.
    pub to: ReleaseId,
    /// What it released.
    pub components: Vec<Kept>,
    /// The commit that its versions were made of, where that is known.
    pub git_sha: Option<String>,
    /// Flags that later releases have switched on: they go first.
    flags: Vec<Undoing>,
    /// Everything else that is undone, once no traffic reaches the later version, newest first.
    undos: Vec<Undoing>,
    /// What stays, and why.
    left: Vec<Left>,
    secrets: Vec<String>,
}

/// A component as the earlier release left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its name.
    pub name: ComponentName,
    /// Its version, as it was asked for.
    pub version: Version,
    /// Its image, by the digest where that was pinned.
    pub image: Version,
    /// The task definition that ran it; `None` without services.
    pub task_definition: Option<TaskDefinitionArn>,
    /// How long green took to come up then.
    pub took: Option<Duration>,
}

impl Kept {
    /// Whether its image is named by what cannot come to mean another one.
    pub fn is_pinned(&self) -> bool {
        self.image.digest().is_some()
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Undoing {
    release: ReleaseId,
    stage: StageName,
    component: Option<ComponentName>,
    kind: StageKind,
    timeout: Duration,
    line: String,
}

impl Undoing {
    fn name(&self) -> StageName {
        StageName(format!("undo-{}-{}", self.stage, self.release))
    }

    fn words(&self) -> String {
        format!("undo {} of release {}: {}", self.stage, self.release, self.line)
    }
}

/// Something that stays as a later release left it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Left {
    text: String,
    is_migration: bool,
}

impl Way {
    /// The way back from what the releases after `target`, oldest first, have left. Only those of its environment and
    /// its components count.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn to(target: &Release, later: &[Release]) -> Result<Self, NoWay> {
        let id = target.id;
        if target.status() != Status::Ended(Ending::Succeeded) {
            return Err(NoWay::NeverSucceeded { id, status: target.status().word() });
        }
        let mut components = Vec::new();
        for (of, planned) in target.plan.components.iter() {
            components.push(kept(target, of, planned.sides.is_some())?);
        }
        let later: Vec<&Release> = later.iter().filter(|release| concerns(target, release)).collect();
        let undone = undone_by(&later);
        if let Some(Tried { stage, by, .. }) = undone.iter().find(|tried| tried.release <= id) {
            return Err(NoWay::Undone { id, stage: stage.to_string(), by: *by });
        }
        let secrets = later.iter().copied().chain([target]).flat_map(|release| release.plan.secrets.iter().cloned());
        let secrets: BTreeSet<String> = secrets.collect();
        let mut way = Self {
            to: id,
            components,
            git_sha: target.plan.git_sha.clone(),
            flags: Vec::new(),
            undos: Vec::new(),
            left: Vec::new(),
            secrets: secrets.into_iter().collect(),
        };
        for release in later.into_iter().rev().filter(|release| release.plan.origin.earlier().is_none()) {
            for (plan, stage) in release.plan.stages.iter().zip(&release.stages).rev() {
                match undone.iter().find(|tried| tried.release == release.id && tried.stage == plan.name) {
                    None => way.take(release, plan, stage),
                    Some(tried) if tried.is_done => {}
                    // Never twice by itself: `downgrade -1` would take back one more.
                    Some(Tried { by, .. }) => way.left.push(Left {
                        text: format!(
                            "release {by} tried to undo {} of release {}; how far it came is unknown",
                            plan.name, release.id
                        ),
                        is_migration: true,
                    }),
                }
            }
        }
        Ok(way)
    }

    /// Takes note of what a stage of a later release has left.
    fn take(&mut self, release: &Release, plan: &StagePlan, stage: &Stage) {
        let is_ours = plan.component.is_none_or(|of| {
            let planned = &release.plan.components[of];
            // What the programs of a component without services did, they do again with the earlier version.
            planned.sides.is_some() && self.components.iter().any(|kept| kept.name == planned.name)
        });
        if !is_ours || plan.kind.part(0).is_none() {
            return;
        }
        let (id, name) = (release.id, &plan.name);
        let is_migration = matches!(plan.kind, StageKind::Migrate(_));
        let mut leave = |text: String| self.left.push(Left { text, is_migration });
        if stage.undo_tried && stage.status != StageStatus::Undone {
            return leave(format!("the undo of {name} of release {id} was tried; how far it came is unknown"));
        }
        if !stage.has_left_something(&plan.kind) {
            return;
        }
        match plan.kind.undo() {
            Some(undo) if plan.kind.undoes_itself() => {
                let undoing = Undoing {
                    release: id,
                    stage: name.clone(),
                    component: plan.component.map(|of| release.plan.components[of].name.clone()),
                    kind: as_stage(release, plan, undo),
                    timeout: plan.timeout,
                    line: undo.line(),
                };
                let is_flag = matches!(plan.kind, StageKind::Flag(_));
                if is_flag { self.flags.push(undoing) } else { self.undos.push(undoing) }
            }
            Some(undo) => {
                leave(format!("{name} of release {id} may lose data when undone; by hand: {}", undo.line()));
            }
            None if matches!(plan.kind, StageKind::Load(_) | StageKind::Build(_)) => {}
            None => leave(format!("{name} of release {id} has no undo")),
        }
    }

    /// What stays as later releases left it, and why.
    pub fn left(&self) -> impl Iterator<Item = &str> {
        self.left.iter().map(|left| left.text.as_str())
    }

    /// Migrations among that: what serves then must get along with what they have made of the data.
    pub fn migrations_left(&self) -> impl Iterator<Item = &str> {
        self.left.iter().filter(|left| left.is_migration).map(|left| left.text.as_str())
    }

    /// Whether what it leads to serves already, as `plan` found it.
    pub fn serves_already(&self, plan: &Plan) -> bool {
        plan.components.iter().all(|(_, planned)| {
            let Some(kept) = self.kept(&planned.name) else { return false };
            match &planned.sides {
                Some(sides) => kept.task_definition.as_ref() == Some(&sides.blue.task_definition),
                None => kept.version == planned.from,
            }
        })
    }

    fn kept(&self, name: &ComponentName) -> Option<&Kept> {
        self.components.iter().find(|kept| kept.name == *name)
    }

    /// What will be done, in order, as far as it is known before the services are looked at. `warm` says that the old
    /// side still runs the earlier release.
    pub fn steps(&self, warm: bool, checks: usize) -> Vec<String> {
        let mut steps: Vec<String> = self.flags.iter().map(Undoing::words).collect();
        let several = self.components.len() > 1;
        let whose = |kept: &Kept| if several { format!("{}: ", kept.name) } else { String::new() };
        for kept in &self.components {
            match &kept.task_definition {
                Some(_) if warm => {
                    steps.push(format!("{}nothing is started: {} still runs", whose(kept), kept.version));
                }
                Some(arn) => steps.push(format!("{}start {} from {}", whose(kept), kept.version, arn.short())),
                None => steps.push(format!("{}run its programs for {}", whose(kept), kept.version)),
            }
        }
        if checks > 0 {
            steps.push(format!("{checks} checks before it takes traffic"));
        }
        let shifted = self.components.iter().filter(|kept| kept.task_definition.is_some());
        steps.extend(shifted.map(|kept| format!("{}all traffic to {} in one step", whose(kept), kept.version)));
        steps.extend(self.undos.iter().map(Undoing::words));
        steps
    }

    /// How long it takes, in words, and how many calls change something. The time of tasks coming up is what it took
    /// then.
    pub fn cost(&self, warm: bool) -> String {
        let sides = self.components.iter().filter(|kept| kept.task_definition.is_some()).count();
        // One for its tasks, one for the weight.
        let calls = format!("{} calls", 2 * sides);
        let took = self.components.iter().filter_map(|kept| kept.took).max();
        match took.filter(|_| !warm) {
            Some(took) => format!("{calls}, about {}", super::time::Elapsed(took)),
            None if warm => format!("{calls}, seconds"),
            None => calls,
        }
    }

    /// The plan of the release that goes this way, from the plan that the pipeline has for the same versions. `warm`
    /// says that the old side still runs the earlier release.
    pub fn plan(&self, plan: Plan, reason: Option<String>, warm: bool) -> Plan {
        let mut plan = Plan { stages: self.stages(&plan), ..plan };
        for (_, planned) in plan.components.iter_mut() {
            if let Some(kept) = self.kept(&planned.name) {
                planned.pinned.image = Some(kept.image.clone());
                planned.pinned.task_definition.clone_from(&kept.task_definition);
            }
            for signal in planned.signals.iter_mut().filter(|signal| signal.policy == Policy::Rollback) {
                // What would be gone back to is what this leaves: somebody decides.
                signal.policy = Policy::Pause;
            }
        }
        plan.secrets.extend(self.secrets.iter().cloned());
        plan.secrets.sort_unstable();
        plan.secrets.dedup();
        let named_by_tag =
            self.components.iter().filter(|kept| !warm && kept.task_definition.is_some() && !kept.is_pinned());
        let by_tag = named_by_tag.map(|kept| {
            let (name, id, version) = (&kept.name, self.to, &kept.version);
            format!("{name}: release {id} named its image by a tag; what {version} means now is what starts")
        });
        let left = self.left().map(str::to_owned).chain(by_tag).collect();
        let undoes = self.flags.iter().chain(&self.undos).map(|undoing| Undoes {
            release: undoing.release,
            stage: undoing.stage.clone(),
            by: undoing.name(),
        });
        plan.origin =
            Origin::Earlier(Box::new(Earlier { release: self.to, reason, warm, undoes: undoes.collect(), left }));
        plan
    }

    fn stages(&self, plan: &Plan) -> Vec<StagePlan> {
        let mut stages = Stages { plan, made: Vec::new(), places: Vec::new(), first: Vec::new() };
        for undoing in &self.flags {
            stages.undo(undoing);
        }
        stages.first = stages.last();
        let shifts = plan.stages.iter().rposition(|stage| matches!(stage.kind, StageKind::Shift(_)));
        let (before, after) = plan.stages.split_at(shifts.map_or(0, |last| last + 1));
        for stage in before {
            stages.keep(stage);
        }
        let shifted: Vec<usize> = (0..stages.made.len()).filter(|index| stages.is_shift(*index)).collect();
        for (turn, undoing) in self.undos.iter().enumerate() {
            let waits_for = if turn == 0 { shifted.clone() } else { stages.last() };
            stages.undo_after(undoing, waits_for);
        }
        let undone = if self.undos.is_empty() { Vec::new() } else { stages.last() };
        for stage in after {
            let before = stages.made.len();
            stages.keep(stage);
            if let Some(kept) = stages.made.get_mut(before) {
                kept.after.extend(undone.iter().filter(|index| !kept.after.contains(index)).collect::<Vec<_>>());
            }
        }
        stages.made
    }
}

/// The stages of a way back while they are put together.
struct Stages<'a> {
    plan: &'a Plan,
    made: Vec<StagePlan>,
    /// For each stage of the pipeline looked at so far: what stands for it here.
    places: Vec<Vec<usize>>,
    /// What everything comes after.
    first: Vec<usize>,
}

impl Stages<'_> {
    fn last(&self) -> Vec<usize> {
        self.made.len().checked_sub(1).into_iter().collect()
    }

    fn is_shift(&self, index: usize) -> bool {
        self.made.get(index).is_some_and(|stage| matches!(stage.kind, StageKind::Shift(_)))
    }

    /// Whether any of these stages is a shift, or comes after one.
    fn comes_after_a_shift(&self, stages: &[usize]) -> bool {
        stages.iter().any(|index| {
            // What a stage comes after stands above it, so that this ends.
            let above = |stage: &StagePlan| self.comes_after_a_shift(&stage.after);
            self.is_shift(*index) || self.made.get(*index).is_some_and(above)
        })
    }

    fn undo(&mut self, undoing: &Undoing) {
        let after = self.last();
        self.undo_after(undoing, after);
    }

    fn undo_after(&mut self, undoing: &Undoing, after: Vec<usize>) {
        let component = undoing.component.as_ref();
        let component = component.and_then(|name| self.plan.components.position(|planned| planned.name == *name));
        self.made.push(StagePlan {
            name: undoing.name(),
            component,
            after,
            kind: undoing.kind.clone(),
            timeout: undoing.timeout,
            on_failure: OnFailure::Wait,
        });
    }

    /// Takes over a stage of the pipeline, or leaves it out: then what comes after it comes after what it came after.
    fn keep(&mut self, stage: &StagePlan) {
        let mut after: Vec<usize> =
            stage.after.iter().filter_map(|index| self.places.get(*index)).flatten().copied().collect();
        after.sort_unstable();
        after.dedup();
        if after.is_empty() {
            after.clone_from(&self.first);
        }
        let Some(kind) = self.kind(stage) else { return self.places.push(after) };
        // Once green has traffic, going back would be going to what this leaves: somebody decides. So somebody does about
        // checks: those of today may ask for what the earlier version does not have.
        let has_traffic =
            matches!(kind, StageKind::Shift(_) | StageKind::Verify(_)) || self.comes_after_a_shift(&after);
        let is_asked = has_traffic || matches!(kind, StageKind::Smoke(_));
        let on_failure = if is_asked { OnFailure::Wait } else { stage.on_failure };
        self.places.push(vec![self.made.len()]);
        self.made.push(StagePlan { after, kind, on_failure, ..stage.clone() });
    }

    fn kind(&self, stage: &StagePlan) -> Option<StageKind> {
        let has_services = stage.component.is_none_or(|of| self.plan.components[of].sides.is_some());
        match &stage.kind {
            StageKind::Deploy | StageKind::Smoke(_) | StageKind::Notify | StageKind::Cleanup(_) => {
                Some(stage.kind.clone())
            }
            StageKind::Shift(shift) => {
                let step = ShiftStep { weight: Percent::FULL, bake: Duration::ZERO, gate: GateKind::Automatic };
                Some(StageKind::Shift(ShiftPlan { steps: vec![step], ..shift.clone() }))
            }
            StageKind::Verify(verify) => {
                Some(StageKind::Verify(VerifyPlan { watch: Duration::ZERO, checks: verify.checks.clone() }))
            }
            StageKind::Command(_) if !has_services => Some(stage.kind.clone()),
            StageKind::Gate(_)
            | StageKind::Build(_)
            | StageKind::Command(_)
            | StageKind::Task(_)
            | StageKind::Migrate(_)
            | StageKind::WarmUp(_)
            | StageKind::Load(_)
            | StageKind::Flag(_)
            | StageKind::StatusPage(_)
            | StageKind::Wait(_) => None,
        }
    }
}

fn kept(target: &Release, of: ComponentIndex, has_services: bool) -> Result<Kept, NoWay> {
    let (planned, state) = (&target.plan.components[of], &target.components[of]);
    if has_services && state.task_definition.is_none() {
        return Err(NoWay::NoDefinition { id: target.id, component: planned.name.clone() });
    }
    let deploy = target.deploy_stage(of).and_then(|index| target.stages.get(index));
    let took = deploy.and_then(|stage| Some(stage.ended?.since(stage.started?)));
    Ok(Kept {
        name: planned.name.clone(),
        version: planned.to.clone(),
        image: state.built.clone().unwrap_or_else(|| planned.to.clone()),
        task_definition: state.task_definition.clone(),
        took,
    })
}

fn concerns(target: &Release, other: &Release) -> bool {
    let mut names = target.plan.components.iter().map(|(_, planned)| planned.name.as_str());
    other.id > target.id
        && other.plan.environment == target.plan.environment
        && names.any(|name| other.plan.releases(name))
}

/// A stage that a way back has undone, or tried to.
struct Tried {
    release: ReleaseId,
    stage: StageName,
    by: ReleaseId,
    /// It is known to be undone.
    is_done: bool,
}

/// What ways back among these releases have undone, or tried to.
fn undone_by(releases: &[&Release]) -> Vec<Tried> {
    let mut undone = Vec::new();
    for release in releases {
        let Some(earlier) = release.plan.origin.earlier() else { continue };
        for undoes in &earlier.undoes {
            let mut stages = release.plan.stages.iter().zip(&release.stages);
            if let Some((_, stage)) = stages.find(|(plan, stage)| plan.name == undoes.by && stage.attempts > 0) {
                let is_done = stage.status == StageStatus::Passed;
                undone.push(Tried { release: undoes.release, stage: undoes.stage.clone(), by: release.id, is_done });
            }
        }
    }
    undone
}

/// What undoes a stage of a later release, as a stage of its own, with what that release would have given it.
fn as_stage(release: &Release, plan: &StagePlan, undo: Undo<'_>) -> StageKind {
    let of = plan.component.unwrap_or(ComponentIndex::FIRST);
    let (planned, state) = (&release.plan.components[of], &release.components[of]);
    let to = state.built.as_ref().unwrap_or(&planned.to);
    // A digest that was not known when that release was planned is known by now.
    let digest = to.digest().unwrap_or(late::DIGEST);
    let fill = |text: &String| text.replace(late::DIGEST, digest);
    let command = |command: &CommandPlan, run: &[String]| {
        let own = [
            ("CUTOVER_RELEASE", release.id.to_string()),
            ("CUTOVER_FROM", planned.from.0.clone()),
            ("CUTOVER_TO", to.0.clone()),
        ];
        let mut env: std::collections::BTreeMap<String, String> =
            own.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        env.extend(command.env.iter().map(|(name, value)| (name.clone(), fill(value))));
        let (run, dir) = (run.iter().map(fill).collect(), command.dir.as_ref().map(fill));
        StageKind::Command(CommandPlan { run, undo: None, env, dir, repeatable: false, undo_on_failure: false })
    };
    match undo {
        Undo::Program { of, run } => command(of, run),
        Undo::Job(Job::Command(job)) => command(job, &job.run),
        Undo::Job(Job::Task(task)) => {
            let serving = planned.sides.as_ref().map(|sides| sides.blue.task_definition.0.clone());
            let new = state.task_definition.as_ref().map(|arn| arn.0.clone());
            let definition = match (&task.definition, new, serving) {
                (Definition::New, Some(arn), _) | (Definition::Serving, _, Some(arn)) => Definition::Named(arn),
                (definition, _, _) => definition.clone(),
            };
            late::filled(&StageKind::Task(TaskPlan { definition, ..task.clone() }), late::DIGEST, digest)
        }
        Undo::Flag(flag) => StageKind::Flag(FlagPlan::AppConfig(FeatureFlag { to: Switch::Off, ..flag.clone() })),
    }
}
