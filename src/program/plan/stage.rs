//! A stage in words: what it does, what undoes it, who must agree, and what is not known before it runs.

use std::time::Duration;

use super::outline::Undo;
use super::traffic::Traffic;
use crate::domain::flag::FlagPlan;
use crate::domain::gate::ApprovalPlan;
use crate::domain::ids::Side;
use crate::domain::plan::{Definition, GateKind, OnFailure, Plan, StageKind, StagePlan};
use crate::domain::program::{Job, Runs};
use crate::domain::time::Elapsed;

/// What a stage does, line by line.
pub(super) fn does(plan: &Plan, stage: &StagePlan, traffic: Option<Traffic>) -> Vec<String> {
    let of = stage.component.map(|of| &plan.components[of]);
    let wanted = |side| of.map_or(0, |component| component.wanted(side));
    match &stage.kind {
        StageKind::Gate(gate) => {
            let conditions: Vec<String> =
                gate.conditions.iter().map(|it| format!("looks whether {}", it.describe())).collect();
            if conditions.is_empty() { vec!["looks at nothing".to_owned()] } else { conditions }
        }
        StageKind::Build(build) => vec![
            format!("runs `{}`", build.command.run.join(" ")),
            format!("pins the digest of {} that it writes", build.repository),
        ],
        StageKind::Command(command) => vec![format!("runs `{}`", command.run.join(" "))],
        StageKind::Flag(FlagPlan::Command(command)) => {
            vec![format!("switches the flag on: `{}`", command.run.join(" "))]
        }
        StageKind::Flag(FlagPlan::AppConfig(flag)) => vec![
            format!("deploys a version of {}/{} with {} {}", flag.application, flag.profile, flag.flag, flag.to.word()),
            format!("to {}, by {}, and waits until that is complete", flag.environment, flag.strategy),
        ],
        StageKind::Load(load) => {
            let limits = load.limits.iter().map(|limit| {
                let bounds = [limit.below.map(|it| format!("below {it}")), limit.above.map(|it| format!("above {it}"))];
                format!("{} {}", limit.name, bounds.into_iter().flatten().collect::<Vec<_>>().join(" and "))
            });
            let limits = limits.collect::<Vec<_>>().join(", ");
            vec![format!("runs `{}`", load.command.run.join(" ")), format!("its report must have {limits}")]
        }
        StageKind::Task(task) => vec![runs(Runs::Task(task))],
        StageKind::Migrate(migration) => {
            let parts = [("backs up", &migration.backup), ("looks at the result", &migration.verify)];
            let [backup, verify] =
                parts.map(|(what, job)| job.as_ref().map(|job| format!("{what}: {}", job_in_words(job))));
            let apply = format!("applies: {}", job_in_words(&migration.apply));
            backup.into_iter().chain([apply]).chain(verify).collect()
        }
        StageKind::Deploy => vec![
            "registers green's task definition: blue's with the new image".to_owned(),
            format!("runs {} tasks of it, and waits until all are healthy", wanted(Side::Green)),
        ],
        StageKind::Smoke(checks) => checks.iter().map(|check| format!("{}: {check}", check.name)).collect(),
        StageKind::WarmUp(warm_up) => vec![format!(
            "sends {} requests to {}, {} at a time",
            warm_up.requests,
            warm_up.visits.iter().map(|visit| visit.url.as_str()).collect::<Vec<_>>().join(", "),
            warm_up.at_once
        )],
        StageKind::Shift(shift) => shift
            .steps
            .iter()
            .map(|step| {
                let gate = match step.gate {
                    GateKind::Automatic => "then the verdicts",
                    GateKind::Human => "then a human",
                };
                let shown = traffic.map(|traffic| format!(": {}", traffic.shown(*step))).unwrap_or_default();
                format!("green to {}, watched for {}, {gate}{shown}", step.weight, Elapsed(step.bake))
            })
            .collect(),
        StageKind::Verify(verify) => {
            let checks = verify.checks.iter().map(|check| format!("{}: {check}", check.name));
            checks.chain([format!("watches green for {}", Elapsed(verify.watch))]).collect()
        }
        StageKind::Notify => vec![match plan.notify.as_slice() {
            [] => "tells nobody: no channel is named".to_owned(),
            names => format!("tells {}", names.join(", ")),
        }],
        StageKind::StatusPage(page) => vec![format!("sets {} to {}", page.channels.join(", "), page.status.word())],
        StageKind::Wait(wait) => vec![format!("waits for {}", Elapsed(wait.span))],
        StageKind::Cleanup(cleanup) => vec![
            format!("keeps blue's {} tasks warm for {}", wanted(Side::Blue), Elapsed(cleanup.hold)),
            "scales blue to 0".to_owned(),
        ],
    }
}

fn job_in_words(job: &Job) -> String {
    runs(job.runs())
}

fn runs(runs: Runs<'_>) -> String {
    match runs {
        Runs::Command(command) => format!("runs `{}`", command.run.join(" ")),
        Runs::Flag(flag) => flag.line(flag.to),
        Runs::Task(task) => {
            let of = match &task.definition {
                Definition::New => "the new task definition",
                Definition::Serving => "the task definition that serves",
                Definition::Named(name) => name,
            };
            format!("runs `{}` on ECS, as a task of {of}", task.run.join(" "))
        }
    }
}

/// What a stage's failure leads to.
pub(super) fn on_failure(stage: &StagePlan) -> &'static str {
    match stage.on_failure {
        OnFailure::Rollback => "rollback",
        OnFailure::Wait => "wait",
    }
}

/// What of a stage is tried again without anybody asking.
pub(super) fn retries(kind: &StageKind) -> &'static str {
    match kind {
        StageKind::Gate(_) => "reads that fail for the moment, until the time-out",
        StageKind::Flag(FlagPlan::AppConfig(_)) => "calls that fail for the moment, until the time-out",
        StageKind::Build(_) | StageKind::Command(_) | StageKind::Load(_) | StageKind::Flag(FlagPlan::Command(_)) => {
            "nothing: a human may"
        }
        StageKind::Migrate(_) | StageKind::Task(_) => "starting a task on ECS, until the time-out",
        StageKind::Deploy | StageKind::Shift(_) | StageKind::Cleanup(_) => {
            "calls that fail for the moment, until the time-out"
        }
        StageKind::Smoke(_) | StageKind::Verify(_) => {
            let is_tried_again = kind.checks().unwrap_or_default().iter().any(|check| check.retries > 0);
            if is_tried_again { "checks, as often as each says" } else { "nothing" }
        }
        StageKind::WarmUp(_) | StageKind::Wait(_) => "nothing",
        StageKind::Notify | StageKind::StatusPage(_) => "each message, up to eight times",
    }
}

/// What undoes a stage.
pub(super) fn undo(plan: &Plan, stage: &StagePlan) -> Undo {
    let none = |what: &str| Undo { what: what.to_owned(), automatic: false };
    if let Some(undo) = stage.kind.undo() {
        return Undo { what: format!("`{}`", undo.line()), automatic: stage.kind.undoes_itself() };
    }
    match &stage.kind {
        StageKind::Deploy if plan.rollback.keep_green => {
            none("none: green's tasks stay up, for whoever looks for the cause")
        }
        StageKind::Deploy => Undo { what: "green is scaled to 0".to_owned(), automatic: true },
        StageKind::Shift(_) => Undo { what: "all traffic to blue, by one call".to_owned(), automatic: true },
        StageKind::Cleanup(_) => {
            Undo { what: "blue is scaled up again, then takes all traffic".to_owned(), automatic: true }
        }
        StageKind::StatusPage(_) => Undo { what: "the page says operational again".to_owned(), automatic: true },
        StageKind::Command(_) | StageKind::Task(_) | StageKind::Migrate(_) => none("none: what it did stays done"),
        StageKind::Build(_) => none("none: the image stays in its repository"),
        StageKind::Gate(_)
        | StageKind::Smoke(_)
        | StageKind::WarmUp(_)
        | StageKind::Load(_)
        | StageKind::Flag(_)
        | StageKind::Verify(_)
        | StageKind::Notify
        | StageKind::Wait(_) => none("none needed: it changes nothing"),
    }
}

/// Who or what must agree before the release goes on.
pub(super) fn gates(kind: &StageKind) -> Vec<String> {
    match kind {
        StageKind::Gate(gate) => {
            let approval = gate.approval.as_ref().map(ApprovalPlan::describe);
            let typed = gate.confirm.as_ref().map(|phrase| format!("somebody types `{phrase}`"));
            approval.into_iter().chain(typed).collect()
        }
        StageKind::Shift(shift) => {
            let patience = if shift.patience > Duration::ZERO {
                format!("; without enough evidence for {}, a human is asked", Elapsed(shift.patience))
            } else {
                String::new()
            };
            let gate = |step: &crate::domain::plan::ShiftStep| match step.gate {
                GateKind::Automatic => format!("at {}: every signal within its limits{patience}", step.weight),
                GateKind::Human => format!("at {}: somebody promotes", step.weight),
            };
            shift.steps.iter().map(gate).collect()
        }
        StageKind::Verify(_) => vec!["every signal within its limits".to_owned()],
        _ => Vec::new(),
    }
}

/// What of a stage nobody can know before it runs.
pub(super) fn unknown(stage: &StagePlan) -> Option<String> {
    let name = &stage.name;
    let asks = gates(&stage.kind).iter().any(|gate| gate.contains("omebody") || gate.contains("approval"));
    match &stage.kind {
        StageKind::Build(build) => {
            Some(format!("{name}: the digest of {}, and what the build itself calls", build.repository))
        }
        StageKind::Flag(FlagPlan::AppConfig(_)) => {
            Some(format!("{name}: how often the deployment is looked at, every 5 s"))
        }
        StageKind::Command(_) | StageKind::Flag(FlagPlan::Command(_)) | StageKind::Load(_) => {
            Some(format!("{name}: what the program itself does and calls"))
        }
        StageKind::Task(_) | StageKind::Migrate(_) => Some(format!(
            "{name}: what the migration or task itself does; how often its state and logs are read, every 3 s while it runs"
        )),
        StageKind::Gate(_) | StageKind::Shift(_) if asks => Some(format!("{name}: how long people take to agree")),
        _ => None,
    }
}
