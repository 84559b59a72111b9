//! What can go wrong in a stage, made from the stage itself: a new stage, condition, part or limit is a new case.

use cutover::domain::gate::Condition;
use cutover::domain::ids::{AlarmName, ComponentName};
use cutover::domain::plan::{Plan, StageKind};
use cutover::domain::program::Runs;
use cutover::domain::signal::{Measure, Policy};

use cutover::sim::scenario::{ApiFault, ApiFaultKind, Percent};
use cutover::sim::world::alarms::{AlarmRule, DescribeAlarms};
use cutover::sim::{FaultPlan, Sim};

use crate::place::Wrongs;
use crate::stand_in::Bench;

/// Something that goes wrong in one stage.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// A gate's condition does not hold.
    Condition(Condition),
    /// Nobody approves.
    Unapproved,
    /// Nobody types the phrase.
    Untyped,
    /// A program of this host ends with 3. Its part's name, and what it runs.
    Program(&'static str, Vec<String>),
    /// A task on ECS ends with 3. Its part's name, and its command.
    Task(&'static str, String),
    /// A figure of a load test is over its limit.
    Figure(usize, String),
    /// The new version's tasks die.
    Crash,
    /// Whatever the stage asks for answers with 500.
    Broken,
    /// The new version fails its users.
    Errors(String),
    /// The new version keeps its users waiting.
    Slow(String),
    /// An alarm fires once the stage has begun.
    Alarm(AlarmName),
    /// No channel answers.
    Deaf,
    /// ECS takes no more changes.
    Stuck,
}

/// Everything that can go wrong in the stage with this index.
pub(crate) fn faults(plan: &Plan, at: usize) -> Vec<Fault> {
    let stage = &plan.stages[at];
    match &stage.kind {
        StageKind::Gate(gate) => {
            let alarms = plan.components.iter().any(|(_, one)| !one.alarms.is_empty());
            let conditions = gate.conditions.iter().filter(|one| alarms || **one != Condition::NoAlarms);
            let mut faults: Vec<Fault> = conditions.cloned().map(Fault::Condition).collect();
            faults.extend(gate.approval.as_ref().map(|_| Fault::Unapproved));
            faults.extend(gate.confirm.as_ref().filter(|_| gate.approval.is_none()).map(|_| Fault::Untyped));
            faults
        }
        StageKind::Load(load) => {
            let figures = load.limits.iter().enumerate().map(|(index, limit)| Fault::Figure(index, limit.name.clone()));
            figures.chain([Fault::Program("", load.command.run.clone())]).collect()
        }
        StageKind::Deploy => vec![Fault::Crash],
        StageKind::Smoke(_) | StageKind::WarmUp(_) | StageKind::Verify(_) => vec![Fault::Broken],
        StageKind::Shift(_) => {
            let component = &plan.components[stage.component.unwrap()];
            let judging = component.signals.iter().filter(|signal| signal.policy == Policy::Rollback);
            let faults = judging.map(|signal| match signal.measure {
                Measure::ResponseTime(_) => Fault::Slow(signal.name.to_string()),
                _ => Fault::Errors(signal.name.to_string()),
            });
            faults.chain(component.alarms.iter().cloned().map(Fault::Alarm)).collect()
        }
        StageKind::Notify | StageKind::StatusPage(_) => vec![Fault::Deaf],
        StageKind::Cleanup(_) => vec![Fault::Stuck],
        StageKind::Wait(_) => panic!("no pipeline has had a wait so far"),
        StageKind::Build(_)
        | StageKind::Command(_)
        | StageKind::Task(_)
        | StageKind::Migrate(_)
        | StageKind::Flag(_) => {
            let parts = (0..).map_while(|index| stage.kind.part(index));
            let fault = |part: cutover::domain::plan::Part<'_>| match part.runs {
                Runs::Command(command) => Fault::Program(part.name, command.run.clone()),
                Runs::Task(task) => Fault::Task(part.name, task.run.join(" ")),
                Runs::Flag(_) => panic!("no pipeline has had a flag of AppConfig so far"),
            };
            parts.map(fault).collect()
        }
    }
}

impl Fault {
    /// What is wrong with the worlds from the beginning.
    pub(crate) fn wrongs(&self, plan: &Plan, at: usize) -> Wrongs {
        let mut wrongs = Wrongs::default();
        let of = plan.stages.get(at).and_then(|stage| stage.component);
        let whose: Option<ComponentName> = of.map(|of| plan.components[of].name.clone());
        let mut keys = |text: &str| wrongs.keys.push((whose.clone(), text.to_owned()));
        match self {
            Self::Condition(Condition::Healthy) => keys("[old]\nhealth_check_failures = \"100%\"\n"),
            Self::Condition(condition) => wrongs.unmet = Some(condition.clone()),
            Self::Task(_, command) => keys(&format!("[one_off]\nexit_code = 3\nonly = \"{command}\"\n")),
            Self::Crash => keys("[new.crash]\nafter = \"1s\"\n"),
            Self::Errors(_) => keys("[new]\nerrors = \"40%\"\n"),
            Self::Slow(_) => keys("[new]\nlatency_p50 = \"6s\"\nlatency_p99 = \"20s\"\n"),
            Self::None
            | Self::Unapproved
            | Self::Untyped
            | Self::Program(..)
            | Self::Figure(..)
            | Self::Broken
            | Self::Alarm(_)
            | Self::Deaf
            | Self::Stuck => {}
        }
        wrongs
    }

    /// What is wrong on the host.
    pub(crate) fn prepare(&self, bench: &Bench, plan: &Plan, at: usize) {
        match (self, plan.stages.get(at).map(|stage| &stage.kind)) {
            (Self::Program(_, run), _) => bench.fail(run),
            (Self::Condition(Condition::Command(command)), _) => bench.fail(&command.run),
            (Self::Figure(index, _), Some(StageKind::Load(load))) => bench.report(load, Some(*index)),
            _ => {}
        }
    }

    /// It goes wrong only once its stage has begun.
    pub(crate) fn strikes_late(&self) -> bool {
        matches!(self, Self::Alarm(_) | Self::Stuck)
    }

    /// Makes it go wrong in the stage's account.
    pub(crate) fn strike(&self, sim: &Sim) {
        match self {
            Self::Stuck => {
                let fault = ApiFault::new(ApiFaultKind::ServerError, Percent::all()).on(&["ecs:UpdateService"]);
                sim.wire().set_faults(FaultPlan::of(vec![fault]));
            }
            Self::Alarm(name) => sim.with(|world, _| {
                let input = DescribeAlarms { names: vec![name.to_string()], ..DescribeAlarms::default() };
                let mut definition = world.describe_alarms(&input).unwrap().remove(0).definition;
                let AlarmRule::Metric(condition) = &mut definition.rule else { panic!("{definition:?}") };
                // Whatever is measured is above.
                condition.threshold = -1.0;
                world.put_alarm(definition).unwrap();
            }),
            other => panic!("{other:?} does not come late"),
        }
    }

    pub(crate) fn is_out_of_hours(&self) -> bool {
        matches!(self, Self::Condition(Condition::Window(_)))
    }

    pub(crate) fn has_rival(&self) -> bool {
        matches!(self, Self::Condition(Condition::Alone))
    }

    pub(crate) fn breaks_answers(&self) -> bool {
        matches!(self, Self::Broken | Self::Condition(Condition::Http(_)))
    }

    /// In a few words, for people.
    pub(crate) fn words(&self) -> String {
        let of = |part: &str| if part.is_empty() { "its program".to_owned() } else { format!("`{part}`") };
        match self {
            Self::None => "nothing".to_owned(),
            Self::Condition(condition) => unmet(condition),
            Self::Unapproved => "nobody approves".to_owned(),
            Self::Untyped => "nobody types the phrase".to_owned(),
            Self::Program(part, _) => format!("{} fails", of(part)),
            Self::Task(part, _) => format!("{} fails on ECS", of(part)),
            Self::Figure(_, name) => format!("{name} over its limit"),
            Self::Crash => "the new tasks die".to_owned(),
            Self::Broken => "what it asks for answers with 500".to_owned(),
            Self::Errors(signal) => format!("users get errors: {signal}"),
            Self::Slow(signal) => format!("users wait: {signal}"),
            Self::Alarm(name) => format!("{name} fires"),
            Self::Deaf => "no channel answers".to_owned(),
            Self::Stuck => "ECS takes no changes".to_owned(),
        }
    }
}

/// What is so when a condition does not hold, in a few words.
fn unmet(condition: &Condition) -> String {
    match condition {
        Condition::Healthy => "blue's targets are unhealthy".to_owned(),
        Condition::NoAlarms => "an alarm fires".to_owned(),
        Condition::Alone => "another release is unfinished".to_owned(),
        Condition::Window(_) => "it is Sunday".to_owned(),
        Condition::Http(check) => format!("`{}` answers with 500", check.name),
        Condition::Command(command) => format!("`{}` fails", command.name),
        Condition::Backup(backup) => format!("no backup of {}", backup.source.what()),
        Condition::Image(_) => "a critical finding in the image".to_owned(),
        Condition::Secret(secret) => format!("no secret {}", secret.name),
        Condition::Drift(_) => "blue lacks variables".to_owned(),
    }
}
