//! What `cutover plan` says, as data: the text is written from it, and it is the JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::calls::{Call, Teller, counted};
use super::past::Past;
use super::stage;
use super::traffic::Traffic;
use crate::cloud::Survey;
use crate::config::PlanContext;
use crate::domain::components::Components;
use crate::domain::effect::Effect;
use crate::domain::ids::{ComponentName, EnvironmentName, ReleaseId, StageName, Version};
use crate::domain::percent::Percent;
use crate::domain::plan::{Place, Plan, StageKind, StagePlan};
use crate::domain::rehearsal::{Rehearsal, rehearse};
use crate::domain::time::millis;
use crate::engine::poll;
use crate::engine::settings::Polls;

/// Which description of the fields an outline follows; see `docs/planning.md`.
pub(super) const SCHEMA: &str = "cutover.plan/1";

/// A release that has not begun.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Outline {
    pub(super) schema: &'static str,
    pub(super) environment: EnvironmentName,
    pub(super) production: bool,
    pub(super) place: Place,
    /// No image was named: what serves is planned once more.
    pub(super) without_image: bool,
    pub(super) components: Vec<Standing>,
    /// Calls before it begins.
    pub(super) beforehand: Vec<Call>,
    pub(super) stages: Vec<Stage>,
    /// Messages, in order: SNS alone is AWS.
    pub(super) messages: Vec<Call>,
    pub(super) totals: Totals,
    /// Calls a minute while it waits for nothing in particular, by source.
    pub(super) polling: BTreeMap<&'static str, f64>,
    pub(super) times: Times,
    pub(super) ways_back: Vec<Back>,
    /// What nobody can know before it runs.
    pub(super) unknown: Vec<String>,
}

/// A component as it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Standing {
    pub(super) name: ComponentName,
    pub(super) driver: &'static str,
    pub(super) from: Version,
    pub(super) to: Version,
    /// The rule or listener; `None` without services.
    pub(super) rule: Option<String>,
    /// Blue, then green; empty without services.
    pub(super) sides: Vec<SideStanding>,
}

/// A side as it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct SideStanding {
    pub(super) side: &'static str,
    pub(super) service: String,
    pub(super) version: Version,
    pub(super) task_definition: String,
    /// Tasks wanted now.
    pub(super) tasks: u32,
    /// Tasks wanted while it serves.
    pub(super) tasks_to_serve: u32,
    pub(super) weight: Percent,
}

/// A stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Stage {
    pub(super) name: StageName,
    pub(super) kind: &'static str,
    /// What it is about, where there are several components.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) component: Option<ComponentName>,
    /// The stages that must be done before it begins.
    pub(super) after: Vec<StageName>,
    /// What it does, line by line.
    pub(super) does: Vec<String>,
    #[serde(rename = "timeout_ms", with = "millis")]
    pub(super) timeout: Duration,
    /// `rollback` or `wait`.
    pub(super) on_failure: &'static str,
    /// What is tried again by itself.
    pub(super) retries: &'static str,
    /// What undoes it.
    pub(super) undo: Undo,
    /// Who or what must agree before it goes on.
    pub(super) gates: Vec<String>,
    /// For how long it bakes, watches, holds or waits.
    #[serde(rename = "planned_ms", with = "millis")]
    pub(super) planned: Duration,
    /// What it took beside that in earlier releases.
    #[serde(rename = "measured_ms")]
    pub(super) measured: Option<Millis>,
    pub(super) calls: Vec<Call>,
}

/// A span, as its milliseconds in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct Millis(#[serde(with = "millis")] pub(super) Duration);

/// What undoes a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Undo {
    /// In words.
    pub(super) what: String,
    /// A rollback does it without asking.
    pub(super) automatic: bool,
}

/// All calls together, polling left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Totals {
    pub(super) changing: u64,
    pub(super) reading: u64,
}

/// How long it takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Times {
    /// Bakes, watches, holds and waits up to the last weight.
    #[serde(rename = "planned_to_promote_ms")]
    pub(super) planned_to_promote: Option<Millis>,
    /// The same to the end.
    #[serde(rename = "planned_to_end_ms", with = "millis")]
    pub(super) planned_to_end: Duration,
    /// With what earlier releases took beside that.
    #[serde(rename = "expected_to_promote_ms")]
    pub(super) expected_to_promote: Option<Millis>,
    #[serde(rename = "expected_to_end_ms")]
    pub(super) expected_to_end: Option<Millis>,
    /// How many releases that rests on.
    pub(super) releases: usize,
    /// From the decision to go back until blue was observed with all traffic, in earlier rollbacks.
    #[serde(rename = "measured_rollback_ms")]
    pub(super) measured_rollback: Option<Millis>,
    /// How many rollbacks that rests on.
    pub(super) rollbacks: usize,
    /// Everybody is told when it takes longer.
    #[serde(rename = "rollback_overdue_after_ms", with = "millis")]
    pub(super) overdue_after: Duration,
}

/// A rollback from one place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Back {
    pub(super) from: String,
    /// What it does, in words.
    pub(super) does: Vec<String>,
    /// What it leaves as it is, and why.
    pub(super) leaves: Vec<String>,
    /// Calls that change something until all traffic is back on blue.
    pub(super) calls_to_restore: u64,
    /// All calls that change something, without messages.
    pub(super) changes: Vec<Call>,
    /// All that only read.
    pub(super) reading: u64,
    pub(super) ending: String,
}

/// What is known when an outline is made.
pub(super) struct Known<'a> {
    pub(super) plan: &'a Plan,
    /// The number that it would get.
    pub(super) number: ReleaseId,
    pub(super) context: &'a PlanContext,
    pub(super) surveys: &'a Components<Option<Survey>>,
    pub(super) past: &'a Past,
    pub(super) polls: &'a Polls,
    /// The traffic that is to be expected.
    pub(super) traffic: &'a Components<Option<Traffic>>,
    pub(super) without_image: bool,
}

impl Outline {
    /// Lays a release out.
    pub(super) fn of(known: &Known<'_>) -> Self {
        let Known { plan, number, context, surveys, past, polls, traffic, without_image } = *known;
        let rehearsal = rehearse(plan, number);
        let mut teller = Teller::new(plan, &context.channels, surveys);
        let mut beforehand = teller.beforehand(context.role.is_some());
        if let Some(table) = &context.lock_table {
            beforehand.extend(super::calls::lease(table, plan.components.count()));
        }
        let mut calls: Vec<Vec<Call>> = plan.stages.iter().map(|_| Vec::new()).collect();
        let mut messages = Vec::new();
        let (mut ways_back, mut live) = (Vec::new(), rehearsal.ways_back.iter().peekable());
        for asked in &rehearsal.asked {
            // Each way back begins where the way forward stands by then.
            while let Some(back) = live.next_if(|back| back.is_before(asked.number)) {
                ways_back.push(Back::of(back, &teller));
            }
            let made = teller.calls(&asked.effect);
            match (asked.stage.and_then(|index| calls.get_mut(index)), &asked.effect) {
                (Some(calls), _) => calls.extend(made),
                (None, Effect::Notify(_)) => messages.extend(made),
                (None, _) => {}
            }
        }
        ways_back.extend(live.map(|back| Back::of(back, &teller)));
        let all = || beforehand.iter().chain(calls.iter().flatten()).chain(&messages).cloned().collect::<Vec<Call>>();
        let (changing, reading) = counted(&all());
        Self {
            schema: SCHEMA,
            environment: plan.environment.clone(),
            production: plan.production,
            place: plan.place.clone(),
            without_image,
            components: standings(plan, surveys),
            totals: Totals { changing, reading },
            polling: poll::load(plan, polls).into_iter().map(|(source, calls)| (source.word(), calls)).collect(),
            times: times(plan, &rehearsal, past),
            unknown: unknown(plan, past, &rehearsal),
            stages: stages(plan, &rehearsal, past, traffic, calls),
            beforehand,
            messages,
            ways_back,
        }
    }

    /// Calls a minute while it waits for nothing in particular.
    pub(super) fn polling_altogether(&self) -> f64 {
        self.polling.values().sum()
    }
}

impl Back {
    fn of(back: &crate::domain::rehearsal::WayBack, teller: &Teller<'_>) -> Self {
        let mut teller = teller.clone();
        let (mut changes, mut reading, mut calls_to_restore) = (Vec::new(), 0, 0);
        for (index, effect) in back.asked.iter().enumerate() {
            if matches!(effect, Effect::Notify(_)) {
                continue;
            }
            let (changing, others): (Vec<Call>, Vec<Call>) =
                teller.calls(effect).into_iter().partition(|call| call.change.is_some());
            reading += counted(&others).1;
            if index < back.restored {
                calls_to_restore += counted(&changing).0;
            }
            changes.extend(changing);
        }
        let (does, leaves) = (back.preview.steps.clone(), back.preview.left.clone());
        Self { from: back.from.clone(), does, leaves, calls_to_restore, changes, reading, ending: back.ending.clone() }
    }
}

fn standings(plan: &Plan, surveys: &Components<Option<Survey>>) -> Vec<Standing> {
    let standing = |(of, component): (_, &crate::domain::plan::ComponentPlan)| {
        let sides = component.sides.as_ref().zip(surveys[of].as_ref()).map(|(sides, survey)| {
            let green = 1 - survey.blue.min(1);
            [("blue", &sides.blue, survey.blue.min(1)), ("green", &sides.green, green)]
                .into_iter()
                .filter_map(|(side, planned, index)| {
                    let found = survey.services.get(index)?;
                    Some(SideStanding {
                        side,
                        service: planned.service.clone(),
                        version: found.version.clone(),
                        task_definition: super::calls::short(&found.task_definition).to_owned(),
                        tasks: found.desired,
                        tasks_to_serve: planned.desired,
                        weight: *survey.weights.get(index)?,
                    })
                })
                .collect()
        });
        Standing {
            name: component.name.clone(),
            driver: component.driver().word(),
            from: component.from.clone(),
            to: component.to.clone(),
            rule: component.sides.as_ref().map(|sides| sides.rule.clone()),
            sides: sides.unwrap_or_default(),
        }
    };
    plan.components.iter().map(standing).collect()
}

fn stages(
    plan: &Plan,
    rehearsal: &Rehearsal,
    past: &Past,
    traffic: &Components<Option<Traffic>>,
    calls: Vec<Vec<Call>>,
) -> Vec<Stage> {
    let spans = rehearsal.spans.iter().copied();
    let each = plan.stages.iter().zip(spans).zip(calls);
    each.map(|((planned, span), calls)| Stage {
        name: planned.name.clone(),
        kind: planned.kind.word(),
        component: planned.component.filter(|_| plan.components.count() > 1).map(|of| plan.components[of].name.clone()),
        after: planned.after.iter().filter_map(|index| Some(plan.stage(*index)?.name.clone())).collect(),
        does: stage::does(plan, planned, planned.component.and_then(|of| traffic[of])),
        timeout: planned.timeout,
        on_failure: stage::on_failure(planned),
        retries: stage::retries(&planned.kind),
        undo: stage::undo(plan, planned),
        gates: stage::gates(&planned.kind),
        planned: span,
        measured: past.stages.get(planned.name.as_str()).copied().map(Millis),
        calls,
    })
    .collect()
}

fn times(plan: &Plan, rehearsal: &Rehearsal, past: &Past) -> Times {
    let is_shift = |stage: &StagePlan| matches!(stage.kind, StageKind::Shift(_));
    // The last weight is set before its own bake.
    let to_promote = |spans: &[Duration]| {
        let done = finished(plan, spans);
        let shifts = plan.stages.iter().zip(done).filter(|(stage, _)| is_shift(stage));
        shifts.map(|(stage, done)| done.saturating_sub(last_bake(stage))).max()
    };
    let with_past: Vec<Duration> = plan
        .stages
        .iter()
        .zip(&rehearsal.spans)
        .map(|(stage, span)| *span + past.stages.get(stage.name.as_str()).copied().unwrap_or_default())
        .collect();
    let is_known = past.releases > 0;
    Times {
        planned_to_promote: to_promote(&rehearsal.spans).map(Millis),
        planned_to_end: rehearsal.length,
        expected_to_promote: to_promote(&with_past).filter(|_| is_known).map(Millis),
        expected_to_end: finished(plan, &with_past).into_iter().max().filter(|_| is_known).map(Millis),
        releases: past.releases,
        measured_rollback: past.rollback.map(Millis),
        rollbacks: past.rollbacks,
        overdue_after: plan.rollback.escalate_after,
    }
}

/// When each stage is done if it takes as long as `spans` says, and begins when those before it are done.
fn finished(plan: &Plan, spans: &[Duration]) -> Vec<Duration> {
    let mut done: Vec<Duration> = Vec::new();
    for (stage, span) in plan.stages.iter().zip(spans) {
        let begins = stage.after.iter().filter_map(|index| done.get(*index)).max().copied().unwrap_or_default();
        done.push(begins + *span);
    }
    done
}

fn last_bake(stage: &StagePlan) -> Duration {
    match &stage.kind {
        StageKind::Shift(shift) => shift.steps.last().map(|step| step.bake).unwrap_or_default(),
        _ => Duration::ZERO,
    }
}

/// What nobody can know before it runs.
fn unknown(plan: &Plan, past: &Past, rehearsal: &Rehearsal) -> Vec<String> {
    let mut all: Vec<String> = plan.stages.iter().filter_map(stage::unknown).collect();
    if past.releases == 0 {
        all.push(
            "how long gates, programs, deployments and changes of the weight take: no earlier release has succeeded here"
                .to_owned(),
        );
    }
    if past.rollbacks == 0 {
        all.push("how long a rollback takes: none was done here before".to_owned());
    }
    all.push(
        "calls that are tried again, and reads in the seconds in which the release waits for what they show".to_owned(),
    );
    if rehearsal.ending != "succeeded" {
        all.push(format!("how it ends: rehearsed, it {}", rehearsal.ending));
    }
    all
}
