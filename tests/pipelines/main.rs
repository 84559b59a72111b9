//! The pipeline files of `assets/pipelines` and the stages of `assets/stages`, released through: once to success, and once
//! for everything that can go wrong in each of their stages. What comes of it is a table of `docs/pipelines.md`, which
//! `CUTOVER_WRITE_DOCS=1 cargo test --test pipelines` writes anew.

#![cfg(test)]

mod channels;
mod course;
mod fault;
mod page;
mod place;
mod program;
mod run;
mod stages;
mod stand_in;
mod subjects;
mod visitor;
#[path = "../../benches/support/web.rs"]
mod web;

use fault::{Fault, faults};
use run::Subject;

/// Releases through a pipeline: well, and then with each fault of each stage.
async fn try_everything(subject: Subject) {
    let draft = subject.plan().await;
    let well = subject.release(&draft, 0, &Fault::None).await;
    course::succeeded(&subject, &well);
    let plan = &well.release.plan;
    let mut rows = vec![format!("| – | nothing | succeeded, 0 | – | {} |", well.told.join("; "))];
    for at in 0..plan.stages.len() {
        let faults = faults(plan, at);
        assert!(!faults.is_empty(), "nothing can go wrong in {}", plan.stages[at].name);
        for fault in faults {
            let run = subject.release(&draft, at, &fault).await;
            rows.push(course::judge(&subject, &run, at, &fault));
        }
    }
    page::holds(subject, &rows);
}

macro_rules! try_everything {
    ($($name:ident),+ $(,)?) => { $(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            try_everything(subjects::$name()).await;
        }
    )+ };
}

try_everything!(
    content_aggregation_production,
    plccoach_production,
    conflicto_dev,
    conflicto_production,
    experimentation_production,
    optimization_staging,
    optimization_production,
);

/// The same pipeline as in production, where it is practised.
#[tokio::test(start_paused = true)]
async fn experimentation_staging() {
    let subject = Subject { environment: "staging", ..subjects::experimentation_production() };
    let draft = subject.plan().await;
    course::succeeded(&subject, &subject.release(&draft, 0, &Fault::None).await);
}
