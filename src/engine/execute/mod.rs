//! Carrying effects out. Each runs on its own, so that a slow one holds nothing up; giving one up ends it.

mod checks;
pub(crate) mod command;
mod flag;
mod gate;
mod report;
mod task;
mod warm_up;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use self::command::{Program, Programs};
use super::lease::{Tenure, Warrant};
use super::settings::Settings;
use crate::clock::Clock;
use crate::cloud::{Cloud, CloudError, Progress, Registration, Rollout, TaskRun, release_tag};
use crate::domain::capacity::Capacities;
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::effect::{Effect, Failure, Intent, Outcome};
use crate::domain::facts;
use crate::domain::flag::{FeatureFlag, Switch};
use crate::domain::gate::GateVoices;
use crate::domain::ids::{EffectId, Side, TaskDefinitionArn, Version};
use crate::domain::late;
use crate::domain::one_off::OneOff;
use crate::domain::percent::Percent;
use crate::domain::plan::{CommandPlan, ComponentPlan, Definition, Plan, Sides, StageKind, TaskPlan, Undo};
use crate::domain::program::Runs;
use crate::domain::release::Release;
use crate::notify::Notifier;
use crate::web::Web;

/// How often a deployment inside AWS is looked at while it is on its way.
const NEXT_STEP: Duration = Duration::from_secs(2);

/// What a running program says.
#[derive(Debug)]
pub(super) enum Said {
    /// It runs, in this process group.
    Started { effect: EffectId, group: u32 },
    /// It has written a line, masked and harmless.
    Line { effect: EffectId, line: String },
    /// ECS runs this task for it.
    Task { effect: EffectId, task: String },
}

/// An effect that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) intent: Intent,
    pub(super) outcome: Outcome,
}

/// Carries effects out.
pub(super) struct Executor {
    tools: Arc<Tools>,
    running: JoinSet<Ended>,
    handles: HashMap<EffectId, (Intent, AbortHandle)>,
    /// The leases of what is released, where hosts share a table for them.
    pub(super) tenure: Option<Arc<Tenure>>,
}

struct Tools {
    clouds: Components<Arc<dyn Cloud>>,
    web: Arc<dyn Web>,
    notifier: Arc<dyn Notifier>,
    programs: Arc<dyn Programs>,
    clock: Clock,
    settings: Settings,
    said: mpsc::Sender<Said>,
}

impl Executor {
    pub(super) fn new(
        clouds: Components<Arc<dyn Cloud>>,
        web: Arc<dyn Web>,
        notifier: Arc<dyn Notifier>,
        programs: Arc<dyn Programs>,
        clock: Clock,
        settings: Settings,
        said: mpsc::Sender<Said>,
    ) -> Self {
        let tools = Arc::new(Tools { clouds, web, notifier, programs, clock, settings, said });
        Self { tools, running: JoinSet::new(), handles: HashMap::new(), tenure: None }
    }

    /// Begins an effect; `rivals` are other unfinished releases, which only a gate asks about.
    pub(super) fn start(&mut self, intent: Intent, release: &Release, rivals: Rivals) {
        let tools = Arc::clone(&self.tools);
        let job = Job::of(&intent, release, rivals);
        let warrant = Warrant::of(self.tenure.as_ref(), &intent.effect, facts::way_back(release).is_some());
        let kept = intent.clone();
        let handle = self.running.spawn(async move {
            let outcome = warrant.cover(tools.carry_out(&intent, job)).await;
            Ended { intent, outcome }
        });
        self.handles.insert(kept.id, (kept, handle));
    }

    /// Leaves everything to whoever comes next.
    pub(super) fn cancel_all(&mut self) {
        self.handles.clear();
        self.running.abort_all();
    }

    /// Gives an effect up. A call under way is dropped, a program is ended with its whole group. A task on ECS goes on: the
    /// machine has it stopped.
    pub(super) fn cancel(&mut self, id: EffectId) {
        if let Some((_, handle)) = self.handles.remove(&id) {
            handle.abort();
        }
    }

    /// The next effect that ends; pending for ever while none runs.
    pub(super) async fn next(&mut self) -> Ended {
        loop {
            match self.running.join_next().await {
                Some(Ok(ended)) => {
                    self.handles.remove(&ended.intent.id);
                    return ended;
                }
                Some(Err(error)) if error.is_panic() => {
                    if let Some(ended) = self.panicked(error.id()) {
                        return ended;
                    }
                }
                // Given up.
                Some(Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// An effect whose carrying out has a defect fails like any other.
    fn panicked(&mut self, task: tokio::task::Id) -> Option<Ended> {
        let id = self.handles.iter().find(|(_, (_, handle))| handle.id() == task).map(|(id, _)| *id)?;
        let (intent, _) = self.handles.remove(&id)?;
        let message = "a defect in cutover stopped this effect".to_owned();
        Some(Ended { intent, outcome: Outcome::Failed(Failure { transient: false, message }) })
    }
}

/// What an effect needs of the release, taken when it begins.
struct Job {
    plan: Arc<Plan>,
    /// The component that it is about; the first where it is about the whole release.
    component: ComponentIndex,
    tag: String,
    /// The image that was built for it.
    image: Option<Version>,
    /// The task definition that the release has registered for the component.
    task_definition: Option<TaskDefinitionArn>,
    /// The task on ECS that the stage is about to run, or may be running.
    one_off: Option<OneOff>,
    variables: Vec<(String, String)>,
    voices: GateVoices,
    rivals: Rivals,
}

/// Other unfinished releases of the same component, or why they are not known.
pub(super) type Rivals = Result<Vec<String>, String>;

impl Job {
    fn of(intent: &Intent, release: &Release, rivals: Rivals) -> Self {
        let plan = &release.plan;
        let begun = release.begun.as_ref().map(|begun| begun.at).unwrap_or_default();
        let of_stage = intent.effect.stage().and_then(|stage| plan.stage(stage)?.component);
        let index = intent.effect.component().or(of_stage).unwrap_or(ComponentIndex::FIRST);
        let component = &plan.components[index];
        let state = &release.components[index];
        let built = state.built.as_ref();
        let stage = intent.effect.stage().and_then(|stage| release.stages.get(stage));
        let tag = release_tag(plan.environment.as_str(), component.name.as_str(), release.id, begun);
        let variables = [
            ("CUTOVER_ENVIRONMENT", plan.environment.to_string()),
            ("CUTOVER_COMPONENT", component.name.to_string()),
            ("CUTOVER_RELEASE", release.id.to_string()),
            ("CUTOVER_FROM", component.from.0.clone()),
            ("CUTOVER_TO", built.unwrap_or(&component.to).0.clone()),
            ("CUTOVER_ATTEMPT", intent.attempt.to_string()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let voices = match intent.effect {
            Effect::CheckGate { .. } => stage.map(|stage| stage.voices.clone()),
            _ => None,
        };
        let mut plan = Arc::clone(plan);
        if let Some((stage, digest)) = intent.effect.stage().zip(built.and_then(Version::digest))
            && let Some(stage) = Arc::make_mut(&mut plan).stages.get_mut(stage)
        {
            stage.kind = late::filled(&stage.kind, late::DIGEST, digest);
        }
        Self {
            plan,
            component: index,
            tag,
            image: state.built.clone(),
            task_definition: state.task_definition.clone(),
            one_off: stage.and_then(|stage| stage.one_off.clone()),
            variables,
            voices: voices.unwrap_or_default(),
            rivals,
        }
    }
}

impl Tools {
    async fn carry_out(&self, intent: &Intent, job: Job) -> Outcome {
        let plan = &job.plan;
        let cloud = self.clouds[job.component].as_ref();
        match &intent.effect {
            Effect::CheckGate { stage } => match plan.stage(*stage).map(|stage| (&stage.kind, stage.component)) {
                Some((StageKind::Gate(gate), only)) => {
                    let look = gate::Look {
                        clouds: &self.clouds,
                        programs: self.programs.as_ref(),
                        clock: self.clock,
                        redactor: &self.settings.redactor,
                        said: &self.said,
                        effect: intent.id,
                        plan,
                        only,
                        checker: self.checker(),
                        variables: self.environment(&job),
                        voices: &job.voices,
                        rivals: &job.rivals,
                    };
                    look.check(gate).await
                }
                _ => no_such_stage(*stage),
            },
            Effect::RunChecks { stage } => match plan.stage(*stage).and_then(|stage| stage.kind.checks()) {
                Some(checks) => self.checker().run(checks).await,
                None => no_such_stage(*stage),
            },
            Effect::RunCommand { stage, part } => self.run_part(intent, &job, *stage, *part).await,
            Effect::UndoCommand { stage } => self.run_undo(intent, &job, *stage).await,
            Effect::StopTask { stage, task } => match plan.stage(*stage).and_then(|of| task.piece.task(&of.kind)) {
                Some(runs) => {
                    let mark = task::Mark::new(plan, *stage, &job.tag, task);
                    task::stop(cloud, self.clock, task, &mark, &runs.container).await
                }
                None => no_such_stage(*stage),
            },
            Effect::WarmUp { stage } => match plan.stage(*stage).map(|stage| &stage.kind) {
                Some(StageKind::WarmUp(warm_up)) => warm_up::run(&self.web, self.clock, warm_up).await,
                _ => no_such_stage(*stage),
            },
            Effect::RegisterTaskDefinition { component } => {
                let component = &plan.components[*component];
                let Some(sides) = &component.sides else { return no_sides(component) };
                let request = Registration {
                    base: &sides.blue.task_definition,
                    container: &sides.green.container,
                    image: job.image.as_ref().unwrap_or(&component.to),
                    release: &job.tag,
                    look_first: intent.attempt > 1,
                };
                cloud.register(&request).await.map_or_else(failed, Outcome::Registered)
            }
            Effect::Scale { component, side, desired, task_definition } => {
                let component = &plan.components[*component];
                let Some(sides) = &component.sides else { return no_sides(component) };
                let is_safe = match side {
                    Side::Green => is_green_idle(cloud, sides, *desired).await,
                    Side::Blue if *desired == 0 => is_green_alone(cloud, sides).await,
                    Side::Blue => Ok(()),
                };
                if let Err(outcome) = is_safe {
                    return outcome;
                }
                let rollout = rollout(component, sides, &job);
                loop {
                    let step = cloud.scale(&rollout, *side, *desired, task_definition.as_ref()).await;
                    if let Some(outcome) = self.at_its_end(step.map_err(failed)).await {
                        return outcome;
                    }
                }
            }
            Effect::SetWeight { component, green } => {
                let component = &plan.components[*component];
                let Some(sides) = &component.sides else { return no_sides(component) };
                let rollout = rollout(component, sides, &job);
                loop {
                    if let Some(outcome) = self.at_its_end(set_weight(cloud, &rollout, *green).await).await {
                        return outcome;
                    }
                }
            }
            Effect::Notify(notice) => match self.notifier.send(notice, intent.attempt).await {
                Ok(()) => Outcome::Done,
                Err(failure) => Outcome::Failed(failure),
            },
        }
    }

    /// What came of a change. A deployment inside AWS stops before each of its steps: that it is under way is answered by a
    /// pause and nothing, so that it is asked for again.
    async fn at_its_end(&self, step: Result<Progress, Outcome>) -> Option<Outcome> {
        match step {
            Ok(Progress::Done) => Some(Outcome::Done),
            Ok(Progress::Underway) => {
                self.clock.sleep(NEXT_STEP).await;
                None
            }
            Err(outcome) => Some(outcome),
        }
    }

    fn checker(&self) -> checks::Checker<'_> {
        checks::Checker { web: self.web.as_ref(), clock: self.clock, variables: &self.settings.variables }
    }

    /// What every program is given on top of the engine's own variables.
    fn environment(&self, job: &Job) -> Vec<(String, String)> {
        let settings = self.settings.variables.iter().map(|(name, value)| (name.clone(), value.clone()));
        job.variables.iter().cloned().chain(settings).collect()
    }

    /// Runs a part of what a stage runs to an end.
    async fn run_part(&self, intent: &Intent, job: &Job, stage: usize, part: usize) -> Outcome {
        let effect = intent.id;
        let Some(kind) = job.plan.stage(stage).map(|stage| &stage.kind) else { return no_such_stage(stage) };
        match (kind, kind.part(part).map(|part| part.runs)) {
            (StageKind::Build(build), _) => {
                let run = self.program(effect, job, &build.command, &build.command.run, report::LONGEST).await;
                run.map_or_else(Outcome::Failed, |run| report::built(run, &build.repository))
            }
            (StageKind::Load(load), _) => {
                let keeps = if load.report.is_some() { 0 } else { report::LONGEST };
                let file = report::ReportFile::of(load).await;
                let run = self.program(effect, job, &load.command, &load.command.run, keeps).await;
                match run {
                    Ok(run) => report::measured(run, load, file.as_ref()).await,
                    Err(failure) => Outcome::Failed(failure),
                }
            }
            (_, Some(Runs::Command(command))) => self.command(effect, job, command, &command.run).await,
            (_, Some(Runs::Task(task))) => self.task(intent, job, stage, task).await,
            (_, Some(Runs::Flag(flag))) => self.flag(effect, job, flag, flag.to).await,
            (_, None) => no_such_stage(stage),
        }
    }

    async fn run_undo(&self, intent: &Intent, job: &Job, stage: usize) -> Outcome {
        let effect = intent.id;
        match job.plan.stage(stage).and_then(|stage| stage.kind.undo()) {
            Some(Undo::Program { of, run }) => self.command(effect, job, of, run).await,
            Some(Undo::Job(undo)) => match undo.runs() {
                Runs::Command(command) => self.command(effect, job, command, &command.run).await,
                Runs::Task(task) => self.task(intent, job, stage, task).await,
                Runs::Flag(flag) => self.flag(effect, job, flag, flag.to).await,
            },
            Some(Undo::Flag(flag)) => self.flag(effect, job, flag, Switch::Off).await,
            None => no_such_stage(stage),
        }
    }

    async fn command(&self, effect: EffectId, job: &Job, command: &CommandPlan, run: &[String]) -> Outcome {
        self.program(effect, job, command, run, 0).await.map_or_else(Outcome::Failed, Outcome::from)
    }

    async fn program(
        &self,
        effect: EffectId,
        job: &Job,
        command: &CommandPlan,
        run: &[String],
        keeps: usize,
    ) -> Result<command::Run, Failure> {
        let mut environment = self.environment(job);
        environment.extend(command.env.iter().map(|(name, value)| (name.clone(), value.clone())));
        let program = Program { run: run.to_vec(), environment, dir: command.dir.clone() };
        command::run(self.programs.as_ref(), effect, &program, &self.settings.redactor, &self.said, keeps).await
    }

    /// Switches a flag of AppConfig, or goes on with that.
    async fn flag(&self, effect: EffectId, job: &Job, flag: &FeatureFlag, to: Switch) -> Outcome {
        let cloud = self.clouds[job.component].as_ref();
        let lever = flag::Lever { cloud, clock: self.clock, said: &self.said, effect, flag, tag: &job.tag };
        lever.switch(to).await
    }

    /// Runs a task on ECS, or goes on with it.
    async fn task(&self, intent: &Intent, job: &Job, stage: usize, task: &TaskPlan) -> Outcome {
        let Some(one_off) = &job.one_off else { return no_such_stage(stage) };
        let component = &job.plan.components[job.component];
        let Some(sides) = &component.sides else { return no_sides(component) };
        let definition = match (&task.definition, &job.task_definition) {
            (Definition::New, Some(arn)) => arn.as_str(),
            (Definition::New, None) => {
                let message = "the new task definition has not been registered".to_owned();
                return Outcome::Failed(Failure { transient: false, message });
            }
            (Definition::Serving, _) => sides.blue.task_definition.as_str(),
            (Definition::Named(name), _) => name,
        };
        let mark = task::Mark::new(&job.plan, stage, &job.tag, one_off);
        let run = TaskRun {
            service: &sides.blue.service,
            task_definition: definition,
            container: &task.container,
            command: &task.run,
            env: &task.env,
            token: &mark.token,
            started_by: &mark.started_by,
        };
        let follow = task::Follow {
            cloud: &self.clouds[job.component],
            clock: self.clock,
            intent,
            one_off,
            redactor: &self.settings.redactor,
            said: &self.said,
            logs: task.logs.as_deref(),
        };
        task::run(follow, &run).await
    }
}

/// What a driver must know of a component's release.
fn rollout<'a>(component: &'a ComponentPlan, sides: &'a Sides, job: &'a Job) -> Rollout<'a> {
    Rollout { sides, green: job.task_definition.as_ref(), alarms: &component.alarms }
}

/// Green is only raised onto targets that were seen healthy just now, before each step if there are several. The way back
/// does not wait for a look: the machine has made sure of blue.
async fn set_weight(cloud: &dyn Cloud, rollout: &Rollout<'_>, green: Percent) -> Result<Progress, Outcome> {
    let sides = rollout.sides;
    if green > Percent::ZERO && sides.driver.is_side_by_side() {
        let both = whole_capacity(cloud, sides).await?;
        let (healthy, wanted) = (both.of(Side::Green).healthy, sides.green.desired);
        if healthy < wanted {
            let message = format!("green has {healthy} of {wanted} healthy targets");
            return Err(Outcome::Failed(Failure { transient: true, message }));
        }
    }
    cloud.set_weight(rollout, green).await.map_err(failed)
}

/// Blue is only taken down while green was seen just now to have all the traffic and the targets for it.
async fn is_green_alone(cloud: &dyn Cloud, sides: &Sides) -> Result<(), Outcome> {
    let weight = cloud.weight(sides).await.map_err(failed)?;
    let both = whole_capacity(cloud, sides).await?;
    let (healthy, wanted) = (both.of(Side::Green).healthy, sides.green.desired);
    let blue = both.of(Side::Blue);
    if blue.desired > 0 && blue.task_definition != sides.blue.task_definition {
        // The machine leaves it alone as soon as it has seen it, too.
        let message = format!("blue runs {} by now: somebody else has use for it", blue.task_definition);
        return Err(Outcome::Failed(Failure { transient: true, message }));
    }
    if weight == Percent::FULL && healthy >= wanted {
        return Ok(());
    }
    let message = format!("green has {weight} of the traffic and {healthy} of {wanted} healthy targets");
    Err(Outcome::Failed(Failure { transient: true, message }))
}

/// Green's tasks are only replaced, or taken down, while green was seen just now to have no traffic.
async fn is_green_idle(cloud: &dyn Cloud, sides: &Sides, desired: u32) -> Result<(), Outcome> {
    let weight = cloud.weight(sides).await.map_err(failed)?;
    if weight == Percent::ZERO {
        return Ok(());
    }
    let is_undo = desired == 0;
    let what = if is_undo { "taken down" } else { "replaced" };
    let message =
        format!("green has {weight} of the traffic: its tasks are not {what} under it; bring its weight to 0 first");
    // On the way back the machine brings the traffic away as soon as it has seen it, too.
    Err(Outcome::Failed(Failure { transient: is_undo, message }))
}

/// Both sides' capacity, all of it: what goes forward does not go by half of it.
async fn whole_capacity(cloud: &dyn Cloud, sides: &Sides) -> Result<Capacities, Outcome> {
    let both = cloud.capacity(sides).await.map_err(failed)?;
    match both.unread() {
        Some(unread) => Err(Outcome::Failed(unread.clone())),
        None => Ok(both),
    }
}

fn no_such_stage(stage: usize) -> Outcome {
    Outcome::Failed(Failure { transient: false, message: format!("stage {stage} has no such work") })
}

fn no_sides(component: &ComponentPlan) -> Outcome {
    Outcome::Failed(Failure { transient: false, message: format!("{} has no services to act on", component.name) })
}

fn failed(error: CloudError) -> Outcome {
    Outcome::Failed(Failure { transient: error.is_transient(), message: error.to_string() })
}
