//! `[[pipelines.NAME.stages]]`: the stages of a release and what must hold between them.

use super::super::model::{Stage, StageWork, Via};
use super::super::reader::{Located, Reader, Spot, Table};
use super::super::values;
use super::{refuse_repeats, stage};
use crate::domain::plan::GateKind;

/// A pipeline and what it needs of the components that use it.
#[derive(Debug)]
pub(in super::super) struct Read {
    pub(in super::super) stages: Vec<Stage>,
    /// Every stage could be read.
    pub(super) is_whole: bool,
}

impl Read {
    /// A check needs the side's own URL.
    pub(super) fn needs_side_url(&self) -> bool {
        self.stages.iter().filter_map(below).any(|via| *via == Via::Url)
    }

    /// A check needs the URL that users ask.
    pub(super) fn needs_public_url(&self) -> bool {
        self.stages.iter().filter_map(below).any(|via| *via != Via::Url)
    }

    /// The verdicts open a gate.
    pub(super) fn judges(&self) -> bool {
        self.stages.iter().any(judges)
    }

    pub(super) fn has_gate(&self) -> bool {
        self.stages.iter().any(|stage| matches!(stage.work, StageWork::Gate { .. }))
    }
}

pub(super) fn read(table: Table<'_>) -> Option<Read> {
    let (reader, spot, place) = (table.reader(), table.spot(), table.place());
    let tables = table.required_tables("stages", "[[pipelines.standard.stages]]");
    table.finish();
    let tables = tables?;
    let expected = tables.len();
    let mut names = Vec::new();
    let mut stages = Vec::new();
    for table in tables {
        // The name is asked for by the stage's reader as well, which reports what is wrong with it.
        names.extend(table.item("name").and_then(|item| {
            let value = values::name(item).ok()?;
            Some(Located { value, spot: item.spot() })
        }));
        let spot = table.spot();
        stages.extend(stage::read(table).map(|value| Located { value, spot }));
    }
    refuse_repeats(reader, "stage", &names);
    let is_whole = stages.len() == expected;
    if is_whole {
        check_order(reader, &stages, &spot, &place);
    }
    let stages: Vec<Stage> = stages.into_iter().map(|stage| stage.value).collect();
    Some(Read { stages, is_whole })
}

/// How a stage's checks reach green, if any of them has a path below that.
fn below(stage: &Stage) -> Option<&Via> {
    match &stage.work {
        StageWork::Smoke(checks) | StageWork::Verify { checks, .. } => {
            checks.all.iter().any(|check| check.path.written().starts_with('/')).then_some(&checks.via)
        }
        StageWork::Gate { .. }
        | StageWork::Command(_)
        | StageWork::Deploy
        | StageWork::Shift(_)
        | StageWork::Notify
        | StageWork::Cleanup(_) => None,
    }
}

fn judges(stage: &Stage) -> bool {
    matches!(&stage.work, StageWork::Shift(plan) if plan.steps.iter().any(|step| step.gate == GateKind::Automatic))
}

/// A pipeline deploys once, then shifts once, and takes down what served last of all.
fn check_order(reader: &Reader<'_>, stages: &[Located<Stage>], spot: &Spot, place: &str) {
    let is_deploy = |work: &StageWork| matches!(work, StageWork::Deploy);
    let is_shift = |work: &StageWork| matches!(work, StageWork::Shift(_));
    let all = |wanted: &dyn Fn(&StageWork) -> bool| -> Vec<usize> {
        stages.iter().enumerate().filter(|(_, stage)| wanted(&stage.value.work)).map(|(index, _)| index).collect()
    };
    let (deploys, shifts) = (all(&is_deploy), all(&is_shift));
    for (word, found) in [("deploy", &deploys), ("shift", &shifts)] {
        let (what, remedy) = (format!("{place} has no `{word}` stage"), format!("add one: `kind = \"{word}\"`"));
        reader.check(!found.is_empty(), spot, what, remedy);
        if let Some(second) = found.get(1).and_then(|index| stages.get(*index)) {
            let remedy = "keep one; a second component is a release of its own";
            reader.check(false, &second.spot, format!("a second `{word}` stage"), remedy);
        }
    }
    let deploy = deploys.first().copied().unwrap_or_default();
    let shift = shifts.first().copied().unwrap_or(usize::MAX);
    for (index, stage) in stages.iter().enumerate() {
        let (name, word) = (&stage.value.name, stage::word(&stage.value.work));
        let (is_right, after) = match stage.value.work {
            StageWork::Smoke(_) | StageWork::Shift(_) => (index > deploy, "`deploy` stage"),
            StageWork::Verify { .. } | StageWork::Cleanup(_) => (index > shift || shifts.is_empty(), "`shift` stage"),
            StageWork::Gate { .. } | StageWork::Command(_) | StageWork::Deploy | StageWork::Notify => (true, ""),
        };
        if !deploys.is_empty() {
            reader.check(
                is_right,
                &stage.spot,
                format!("`{word}` stage `{name}` comes too early"),
                format!("put it after the {after}"),
            );
        }
    }
}
