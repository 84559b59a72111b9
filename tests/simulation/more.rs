//! Stages of the kinds that the example's pipeline has none of, as a seed draws them.

use std::collections::BTreeMap;
use std::time::Duration;

use cutover::domain::check::Request;
use cutover::domain::components::ComponentIndex;
use cutover::domain::flag::FlagPlan;
use cutover::domain::gate::ApprovalPlan;
use cutover::domain::notice::PageStatus;
use cutover::domain::plan::{
    BuildPlan, CommandPlan, Definition, Job, LoadPlan, MigrationPlan, OnFailure, Plan, ReportLimit, StageKind,
    StagePlan, StatusPagePlan, TaskPlan, WaitPlan, WarmUpPlan,
};

use crate::chance::Chance;

/// What is drawn of them.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own, thrown by chance")]
pub(crate) struct More {
    pub(crate) builds: bool,
    /// A task on ECS, and what its failure leads to.
    pub(crate) seeds: Option<OnFailure>,
    pub(crate) migration: Option<Migration>,
    pub(crate) warms_up: bool,
    pub(crate) loads: bool,
    pub(crate) has_flag: bool,
    pub(crate) waits: bool,
    pub(crate) tells_page: bool,
    pub(crate) asks_approval: bool,
    pub(crate) is_repeatable: bool,
    /// How long a task on ECS may take.
    pub(crate) patience: Duration,
    /// How long one takes.
    pub(crate) lasts: Duration,
    /// How it ends.
    pub(crate) exit_code: i32,
}

/// A migration: where its parts run.
#[derive(Clone, Debug)]
pub(crate) struct Migration {
    pub(crate) backup: Option<Place>,
    pub(crate) apply: Place,
    pub(crate) verify: Option<Place>,
    pub(crate) undo: Option<Place>,
    pub(crate) undo_is_safe: bool,
    pub(crate) on_failure: OnFailure,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Here,
    Ecs,
}

impl More {
    /// All of them, and all goes well.
    pub(crate) fn plain() -> Self {
        Self {
            builds: true,
            seeds: Some(OnFailure::Rollback),
            migration: Some(Migration {
                backup: Some(Place::Here),
                apply: Place::Ecs,
                verify: Some(Place::Here),
                undo: Some(Place::Ecs),
                undo_is_safe: true,
                on_failure: OnFailure::Rollback,
            }),
            warms_up: true,
            loads: true,
            has_flag: true,
            waits: true,
            tells_page: true,
            asks_approval: false,
            is_repeatable: false,
            patience: Duration::from_mins(3),
            lasts: Duration::from_secs(12),
            exit_code: 0,
        }
    }

    /// What is drawn.
    pub(crate) fn drawn(chance: &mut Chance) -> Self {
        let place = |chance: &mut Chance| chance.pick(&[Place::Here, Place::Ecs]);
        let ways = [OnFailure::Rollback, OnFailure::Wait];
        Self {
            builds: chance.is(0.4),
            seeds: chance.is(0.5).then(|| chance.pick(&ways)),
            migration: chance.is(0.8).then(|| Migration {
                backup: chance.is(0.5).then(|| place(chance)),
                apply: chance.pick(&[Place::Here, Place::Ecs, Place::Ecs]),
                verify: chance.is(0.5).then(|| place(chance)),
                undo: chance.is(0.8).then(|| chance.pick(&[Place::Here, Place::Ecs, Place::Ecs])),
                undo_is_safe: chance.is(0.7),
                on_failure: chance.pick(&ways),
            }),
            warms_up: chance.is(0.4),
            loads: chance.is(0.3),
            has_flag: chance.is(0.5),
            waits: chance.is(0.3),
            tells_page: chance.is(0.3),
            asks_approval: chance.is(0.15),
            is_repeatable: chance.is(0.5),
            patience: chance.seconds(60..=240),
            lasts: if chance.is(0.75) { chance.seconds(3..=50) } else { chance.seconds(50..=600) },
            exit_code: if chance.is(0.85) { 0 } else { 3 },
        }
    }

    /// Puts them into the plan of one component.
    pub(crate) fn add(&self, plan: &mut Plan) {
        let first = &plan.components[ComponentIndex::FIRST];
        let name = first.name.to_string();
        // Where tasks are replaced, what comes up is reached where all of it is.
        let url = first.sides.as_ref().unwrap().green.url.clone();
        let url = url.unwrap_or_else(|| format!("https://{name}.shop.test"));
        let registry = first.to.0.rsplit_once(':').unwrap().0.to_owned();
        let log = first.logs.first().cloned();
        let stage = |word: &str, kind, on_failure, timeout| StagePlan {
            name: word.into(),
            component: Some(ComponentIndex::FIRST),
            after: Vec::new(),
            kind,
            timeout,
            on_failure,
        };
        let (back, usual) = (OnFailure::Rollback, Duration::from_mins(3));
        let command = |word: &str, undo: Option<&str>| CommandPlan {
            run: vec![format!("{word}-{name}")],
            undo: undo.map(|undo| vec![format!("{undo}-{name}")]),
            env: BTreeMap::new(),
            dir: None,
            repeatable: self.is_repeatable,
            undo_on_failure: false,
        };
        let task = |word: &str, definition| TaskPlan {
            definition,
            container: name.clone(),
            run: vec![format!("{word}-{name}")],
            env: BTreeMap::new(),
            logs: log.clone(),
        };
        let job = |word: &str, place| match place {
            Place::Here => Job::Command(command(word, None)),
            Place::Ecs => Job::Task(task(word, Definition::Serving)),
        };
        let mut before = Vec::new();
        if self.builds {
            let build = BuildPlan { command: command("build", None), repository: registry };
            before.push(stage("image", StageKind::Build(build), back, usual));
        }
        if let Some(on_failure) = self.seeds {
            before.push(stage("seed", StageKind::Task(task("seed", Definition::New)), on_failure, self.patience));
        }
        if let Some(drawn) = &self.migration {
            let migration = MigrationPlan {
                backup: drawn.backup.map(|place| job("backup", place)),
                apply: job("apply", drawn.apply),
                verify: drawn.verify.map(|place| job("verify", place)),
                undo: drawn.undo.map(|place| job("unapply", place)),
                undo_is_safe: drawn.undo_is_safe,
            };
            let kind = StageKind::Migrate(Box::new(migration));
            before.push(stage("schema", kind, drawn.on_failure, self.patience));
        }
        let mut after = Vec::new();
        if self.warms_up {
            let visits = vec![Request::get(format!("{url}/healthz"))];
            let warm_up = WarmUpPlan { visits, requests: 8, at_once: 2, timeout: Duration::from_secs(5) };
            after.push(stage("wake", StageKind::WarmUp(warm_up), back, usual));
        }
        if self.loads {
            let limit = ReportLimit { name: "p95".into(), at: "/p95".into(), below: Some(500.0), above: None };
            let load = LoadPlan { command: command("load", None), report: None, limits: vec![limit] };
            after.push(stage("load", StageKind::Load(load), OnFailure::Wait, usual));
        }
        if self.has_flag {
            let flag = StageKind::Flag(FlagPlan::Command(command("flag-on", Some("flag-off"))));
            after.push(stage("switch", flag, back, usual));
        }
        if self.waits {
            let wait = StageKind::Wait(WaitPlan { span: Duration::from_secs(40) });
            after.push(stage("calm", wait, back, usual));
        }
        if self.tells_page {
            let page = StatusPagePlan { status: PageStatus::UnderMaintenance, channels: vec!["oncall".to_owned()] };
            after.push(stage("page", StageKind::StatusPage(page), back, usual));
        }
        let at = |plan: &Plan, pick: &dyn Fn(&StageKind) -> bool| {
            plan.stages.iter().position(|stage| pick(&stage.kind)).unwrap()
        };
        let deploy = at(plan, &|kind| matches!(kind, StageKind::Deploy));
        plan.stages.splice(deploy..deploy, before);
        let shift = at(plan, &|kind| matches!(kind, StageKind::Shift(_)));
        plan.stages.splice(shift..shift, after);
        for (index, stage) in plan.stages.iter_mut().enumerate() {
            stage.after = index.checked_sub(1).into_iter().collect();
            if let StageKind::Gate(gate) = &mut stage.kind
                && self.asks_approval
            {
                let approval = ApprovalPlan { by: Vec::new(), count: 1, not_requester: true, expires: None };
                gate.approval = Some(approval);
            }
        }
        assert!(plan.is_sound());
    }
}
