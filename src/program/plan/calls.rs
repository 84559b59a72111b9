//! Which AWS calls each effect takes when it works at the first try, in their order: the executor's looks beside what it
//! does, and the calls of the port's methods as `cloud::aws` lists them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cloud::Survey;
use crate::config::{Channel, Receiver};
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::effect::{Effect, Notice};
use crate::domain::flag::{FeatureFlag, Switch};
use crate::domain::gate::{BackupSource, Condition, GatePlan};
use crate::domain::ids::{Side, TaskDefinitionArn};
use crate::domain::percent::Percent;
use crate::domain::plan::{ComponentPlan, Definition, Plan, Sides, StageKind, TaskPlan, Undo};
use crate::domain::program::Runs;
use crate::domain::rehearsal::NEW_DEFINITION;

const DESCRIBE_SERVICES: &str = "ecs:DescribeServices";
const DESCRIBE_DEFINITION: &str = "ecs:DescribeTaskDefinition";
const TARGET_HEALTH: &str = "elasticloadbalancing:DescribeTargetHealth";

/// Most alarms that CloudWatch describes by one call.
const ALARMS: usize = 100;

/// One or several calls of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Call {
    /// The operation, by the IAM action that allows it.
    pub(super) operation: &'static str,
    /// How many, one after the other.
    pub(super) times: u64,
    /// What it changes, in words; `None` when it only reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) change: Option<Change>,
}

/// What a call changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Change {
    /// What is changed: a service, a rule, a family, a topic.
    pub(super) on: String,
    /// From what to what.
    pub(super) to: String,
}

impl Call {
    fn read(operation: &'static str, times: usize) -> Self {
        Self { operation, times: u64::try_from(times).unwrap_or(u64::MAX), change: None }
    }

    fn change(operation: &'static str, on: &str, to: impl Into<String>) -> Self {
        Self { operation, times: 1, change: Some(Change { on: on.to_owned(), to: to.into() }) }
    }
}

/// Follows a release's effects, so that each call can say from what to what it changes.
#[derive(Clone, Debug)]
pub(super) struct Teller<'a> {
    plan: &'a Plan,
    channels: &'a BTreeMap<String, Channel>,
    desired: Components<[u32; 2]>,
    weight: Components<Percent>,
}

impl<'a> Teller<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        channels: &'a BTreeMap<String, Channel>,
        surveys: &Components<Option<Survey>>,
    ) -> Self {
        let desired = surveys.map(|survey| match survey {
            Some(Survey { blue: 0, services: [blue, green], .. } | Survey { services: [green, blue], .. }) => {
                [blue.desired, green.desired]
            }
            None => [0, 0],
        });
        let weight = surveys.map(|_| Percent::ZERO);
        Self { plan, channels, desired, weight }
    }

    /// What is called before a release begins: whose credentials these are, and how its services stand.
    pub(super) fn beforehand(&self, takes_a_role: bool) -> Vec<Call> {
        let mut calls = Vec::new();
        if takes_a_role {
            calls.push(Call::read("sts:AssumeRole", 1));
        }
        let connections = self.plan.components.count() + usize::from(takes_a_role);
        calls.push(Call::read("sts:GetCallerIdentity", connections));
        for (_, component) in self.plan.components.iter() {
            let Some(sides) = &component.sides else { continue };
            calls.push(Call::read(reads_rule(sides), 1));
            calls.push(Call::read(DESCRIBE_SERVICES, 1));
            calls.push(Call::read(DESCRIBE_DEFINITION, 2));
        }
        calls
    }

    /// The calls of one effect. What the programs of a stage call themselves is theirs, and not among them.
    pub(super) fn calls(&mut self, effect: &Effect) -> Vec<Call> {
        match effect {
            Effect::CheckGate { stage } => match self.plan.stage(*stage).map(|stage| (&stage.kind, stage.component)) {
                Some((StageKind::Gate(gate), only)) => self.gate(gate, only),
                _ => Vec::new(),
            },
            Effect::RunCommand { stage, part } => match self.plan.stage(*stage).and_then(|it| it.kind.part(*part)) {
                Some(part) => self.runs(part.runs, *stage),
                None => Vec::new(),
            },
            Effect::UndoCommand { stage } => match self.plan.stage(*stage).and_then(|stage| stage.kind.undo()) {
                Some(Undo::Job(job)) => self.runs(job.runs(), *stage),
                Some(Undo::Flag(flag)) => switch_flag(flag, Switch::Off),
                Some(Undo::Program { .. }) | None => Vec::new(),
            },
            Effect::StopTask { task, .. } => vec![
                Call::read("ecs:ListTasks", 1),
                Call::change("ecs:StopTask", &task.named(), "it was given up".to_owned()),
                Call::read("ecs:DescribeTasks", 1),
            ],
            Effect::RegisterTaskDefinition { component } => match self.sides(*component) {
                Some((planned, sides)) => {
                    let family = family(&sides.blue.task_definition);
                    let copy = format!("a copy of {} with {}", short(&sides.blue.task_definition), planned.to.0);
                    vec![Call::read(DESCRIBE_DEFINITION, 1), Call::change("ecs:RegisterTaskDefinition", family, copy)]
                }
                None => Vec::new(),
            },
            Effect::Scale { component, side, desired, task_definition } => {
                self.scale(*component, *side, *desired, task_definition.as_ref())
            }
            Effect::SetWeight { component, green } => self.set_weight(*component, *green),
            Effect::Notify(notice) => self.notify(notice),
            // Requests to green, not to AWS.
            Effect::RunChecks { .. } | Effect::WarmUp { .. } => Vec::new(),
        }
    }

    fn sides(&self, of: ComponentIndex) -> Option<(&'a ComponentPlan, &'a Sides)> {
        let component = &self.plan.components[of];
        Some((component, component.sides.as_ref()?))
    }

    fn gate(&self, gate: &GatePlan, only: Option<ComponentIndex>) -> Vec<Call> {
        let about = self.plan.components.iter().filter(|(of, _)| only.is_none_or(|only| only == *of));
        let about: Vec<&ComponentPlan> = about.map(|(_, component)| component).collect();
        gate.conditions.iter().flat_map(|condition| condition_calls(condition, &about)).collect()
    }

    fn runs(&self, runs: Runs<'_>, stage: usize) -> Vec<Call> {
        let task = match runs {
            Runs::Task(task) => task,
            Runs::Flag(flag) => return switch_flag(flag, flag.to),
            Runs::Command(_) => return Vec::new(),
        };
        let of = self.plan.stage(stage).and_then(|stage| stage.component).unwrap_or(ComponentIndex::FIRST);
        let Some((_, sides)) = self.sides(of) else { return Vec::new() };
        vec![Call::read(DESCRIBE_SERVICES, 1), Call::change("ecs:RunTask", definition(task, sides), task.run.join(" "))]
    }

    fn scale(
        &mut self,
        of: ComponentIndex,
        side: Side,
        to: u32,
        task_definition: Option<&TaskDefinitionArn>,
    ) -> Vec<Call> {
        let Some((_, sides)) = self.sides(of) else { return Vec::new() };
        let mut calls = Vec::new();
        // Traffic is looked at just before tasks are replaced or taken down.
        if side == Side::Green || to == 0 {
            calls.push(Call::read(reads_rule(sides), 1));
        }
        if side == Side::Blue && to == 0 {
            calls.extend(capacity());
        }
        if task_definition.is_some() {
            calls.push(Call::read(DESCRIBE_SERVICES, 1));
        }
        let [blue, green] = &mut self.desired[of];
        let from = std::mem::replace(if side == Side::Blue { blue } else { green }, to);
        let with = task_definition.map(|arn| format!(" of {}", shown(arn))).unwrap_or_default();
        let change = format!("{from} → {to} tasks{with}");
        calls.push(Call::change("ecs:UpdateService", &sides.of(side).service, change));
        calls
    }

    fn set_weight(&mut self, of: ComponentIndex, green: Percent) -> Vec<Call> {
        let Some((_, sides)) = self.sides(of) else { return Vec::new() };
        let mut calls = Vec::new();
        // Green's targets are looked at just before it is raised; the way back waits for no look.
        if green > Percent::ZERO {
            calls.extend(capacity());
        }
        let from = std::mem::replace(&mut self.weight[of], green);
        let (blue, to) = (&sides.blue.service, &sides.green.service);
        let change = format!("{blue} {} → {}, {to} {from} → {green}", from.rest(), green.rest());
        calls.push(Call::change(writes_rule(sides), last_parts(&sides.rule), change));
        calls
    }

    fn notify(&self, notice: &Notice) -> Vec<Call> {
        match self.channels.get(&notice.channel) {
            Some(Channel { route, receiver: Receiver::Sns { topic } })
                if route.wants(notice.severity, &notice.facts) =>
            {
                vec![Call::change("sns:Publish", topic.rsplit(':').next().unwrap_or(topic), notice.subject.clone())]
            }
            _ => Vec::new(),
        }
    }
}

fn condition_calls(condition: &Condition, about: &[&ComponentPlan]) -> Vec<Call> {
    let placed: Vec<&Sides> = about.iter().filter_map(|component| component.sides.as_ref()).collect();
    let each = |calls: fn(&Sides) -> Vec<Call>| placed.iter().flat_map(|sides| calls(sides)).collect();
    match condition {
        Condition::Healthy => each(|sides| {
            let mut calls = vec![Call::read(reads_rule(sides), 1)];
            calls.extend(capacity());
            calls
        }),
        Condition::NoAlarms => {
            let batches = about.iter().map(|component| component.alarms.len().div_ceil(ALARMS)).sum();
            if batches == 0 { Vec::new() } else { vec![Call::read("cloudwatch:DescribeAlarms", batches)] }
        }
        Condition::Image(image) => {
            let mut calls = vec![Call::read("ecr:DescribeImages", placed.len())];
            if image.findings_below.is_some() {
                calls.push(Call::read("ecr:DescribeImageScanFindings", placed.len()));
            }
            calls
        }
        Condition::Secret(_) => vec![Call::read("secretsmanager:DescribeSecret", 1)],
        Condition::Backup(backup) => match backup.source {
            BackupSource::Database(_) => vec![Call::read("rds:DescribeDBSnapshots", 1)],
            BackupSource::Cluster(_) => vec![Call::read("rds:DescribeDBClusterSnapshots", 1)],
            BackupSource::Command(_) => Vec::new(),
        },
        Condition::Drift(_) => each(|sides| {
            vec![
                Call::read(reads_rule(sides), 1),
                Call::read(DESCRIBE_SERVICES, 2),
                Call::read("elasticloadbalancing:DescribeTargetGroups", 2),
                Call::read("ecs:ListTasks", 2),
                Call::read("ecs:DescribeTasks", 1),
                Call::read(DESCRIBE_DEFINITION, 2),
                Call::read("ecr:DescribeImages", 1),
            ]
        }),
        // Of this host, its clock, its journal, and of servers that are not AWS.
        Condition::Alone | Condition::Window(_) | Condition::Http(_) | Condition::Command(_) => Vec::new(),
    }
}

/// The leases of the components are taken at the beginning, renewed every two minutes, and given back at the end.
pub(super) fn lease(table: &str, components: usize) -> Vec<Call> {
    let mut calls = vec![Call::read("dynamodb:GetItem", components)];
    for to in ["taken for this release, then renewed every 2 minutes", "given back at its end"] {
        calls.extend((0..components).map(|_| Call::change("dynamodb:PutItem", table, format!("a lease, {to}"))));
    }
    calls
}

/// A flag is looked up and switched from what is deployed; then its deployment is looked at.
fn switch_flag(flag: &FeatureFlag, to: Switch) -> Vec<Call> {
    let on = format!("{}/{}", flag.application, flag.profile);
    vec![
        Call::read("appconfig:ListApplications", 1),
        Call::read("appconfig:ListEnvironments", 1),
        Call::read("appconfig:ListConfigurationProfiles", 1),
        Call::read("appconfig:ListDeployments", 2),
        Call::read("appconfig:GetDeployment", 2),
        Call::read("appconfig:GetHostedConfigurationVersion", 2),
        Call::change(
            "appconfig:CreateHostedConfigurationVersion",
            &on,
            format!("what is deployed, with {} {}", flag.flag, to.word()),
        ),
        Call::change("appconfig:StartDeployment", &flag.environment, format!("that version of {on}")),
    ]
}

/// Both sides' services, and each target group.
fn capacity() -> [Call; 2] {
    [Call::read(DESCRIBE_SERVICES, 1), Call::read(TARGET_HEALTH, 2)]
}

fn is_rule(sides: &Sides) -> bool {
    sides.rule.contains(":listener-rule/")
}

fn reads_rule(sides: &Sides) -> &'static str {
    if is_rule(sides) { "elasticloadbalancing:DescribeRules" } else { "elasticloadbalancing:DescribeListeners" }
}

fn writes_rule(sides: &Sides) -> &'static str {
    if is_rule(sides) { "elasticloadbalancing:ModifyRule" } else { "elasticloadbalancing:ModifyListener" }
}

fn definition<'t>(task: &'t TaskPlan, sides: &'t Sides) -> &'t str {
    match &task.definition {
        Definition::New => NEW_DEFINITION,
        Definition::Serving => short(&sides.blue.task_definition),
        Definition::Named(name) => name,
    }
}

/// `api:41` of a task definition's ARN.
pub(super) fn short(arn: &TaskDefinitionArn) -> &str {
    arn.as_str().rsplit('/').next().unwrap_or(arn.as_str())
}

fn shown(arn: &TaskDefinitionArn) -> &str {
    if arn.as_str() == NEW_DEFINITION { NEW_DEFINITION } else { short(arn) }
}

fn family(arn: &TaskDefinitionArn) -> &str {
    short(arn).split(':').next().unwrap_or_default()
}

/// `app/shop/…` of a rule's ARN: enough to find it by.
fn last_parts(arn: &str) -> &str {
    arn.split_once(":listener-rule/").or_else(|| arn.split_once(":listener/")).map_or(arn, |(_, rest)| rest)
}

/// Calls of the same operation that only read, together, in the order in which they are first made.
pub(super) fn reads(calls: &[Call]) -> Vec<(&'static str, u64)> {
    let mut all: Vec<(&'static str, u64)> = Vec::new();
    for call in calls.iter().filter(|call| call.change.is_none()) {
        match all.iter_mut().find(|(operation, _)| *operation == call.operation) {
            Some((_, times)) => *times += call.times,
            None => all.push((call.operation, call.times)),
        }
    }
    all
}

/// How many calls change something, and how many only read.
pub(super) fn counted(calls: &[Call]) -> (u64, u64) {
    let count =
        |changes: bool| calls.iter().filter(|call| call.change.is_some() == changes).map(|call| call.times).sum();
    (count(true), count(false))
}
