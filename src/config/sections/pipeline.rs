//! `[[pipelines.NAME.stages]]`: the stages of a release and what must hold between them.

use std::time::Duration;

use super::super::model::{Checks, Stage, StageWork, Via};
use super::super::reader::{Located, Reader, Spot, Table};
use super::super::values;
use super::{refuse_repeats, stage};
use crate::domain::ids::{ComponentName, StageName};
use crate::domain::percent::Percent;
use crate::domain::plan::GateKind;

/// A pipeline and what it needs of the components that use it.
#[derive(Clone, Debug)]
pub(in super::super) struct Read {
    pub(in super::super) components: Vec<ComponentName>,
    pub(in super::super) stages: Vec<Stage>,
    /// Every stage could be read.
    pub(super) is_whole: bool,
    /// Texts with `${digest}` of stages before which nothing builds the image, by the stages' names.
    digests: Vec<(StageName, Option<ComponentName>, Spot)>,
}

impl Read {
    /// A check of a stage about this component needs the side's own URL.
    pub(super) fn needs_side_url(&self, component: &str) -> bool {
        self.ways(component).any(|via| *via == Via::Url)
    }

    /// A check of a stage about this component needs the URL that users ask.
    pub(super) fn needs_public_url(&self, component: &str) -> bool {
        self.ways(component).any(|via| *via != Via::Url)
    }

    /// How the checks of stages about this component reach green.
    fn ways(&self, component: &str) -> impl Iterator<Item = &Via> {
        self.stages.iter().filter(move |stage| is_about(stage, component)).filter_map(below)
    }

    /// The verdicts on this component open a gate.
    pub(super) fn judges(&self, component: &str) -> bool {
        self.stages.iter().any(|stage| is_about(stage, component) && judges(stage))
    }

    /// A stage acts on this component's services.
    pub(super) fn needs_site(&self, component: &str) -> bool {
        self.stages.iter().any(|stage| is_about(stage, component) && stage.work.needs_site())
    }

    /// A stage changes a status page.
    pub(super) fn has_page(&self) -> bool {
        self.stages.iter().any(|stage| matches!(stage.work, StageWork::StatusPage(_)))
    }

    /// Where the digest of this component's image is asked for before any stage has made it.
    pub(super) fn early_digests(&self, component: &str) -> impl Iterator<Item = (&StageName, &Spot)> {
        let is_first = self.components.first().is_none_or(|first| first.as_str() == component);
        let is_about = move |about: &Option<ComponentName>| match about {
            Some(name) => name.as_str() == component,
            None => is_first,
        };
        let of_it = self.digests.iter().filter(move |(_, about, _)| is_about(about));
        of_it.map(|(name, _, spot)| (name, spot))
    }

    /// The weights that its shifts set.
    pub(super) fn weights(&self) -> impl Iterator<Item = Percent> {
        self.stages.iter().flat_map(|stage| match &stage.work {
            StageWork::Shift(plan) => plan.steps.iter().map(|step| step.weight).collect(),
            _ => Vec::new(),
        })
    }

    /// A stage shifts traffic.
    pub(super) fn shifts(&self) -> bool {
        self.weights().next().is_some()
    }

    /// A stage takes blue down.
    pub(super) fn cleans_up(&self) -> bool {
        self.stages.iter().any(|stage| matches!(stage.work, StageWork::Cleanup(_)))
    }

    /// A stage asks green for something before it has traffic.
    pub(super) fn checks_before_shift(&self) -> bool {
        self.stages.iter().any(|stage| matches!(stage.work, StageWork::Smoke(_) | StageWork::WarmUp { .. }))
    }

    /// The longest that it plans to wait while a deployment inside AWS stands still: before the first step whatever comes
    /// between deploying and shifting, at a step its bake and patience, after the last one also everything that follows.
    pub(super) fn longest_pause(&self) -> Duration {
        let mut longest = Duration::ZERO;
        let mut pause = Duration::ZERO;
        for stage in &self.stages {
            match &stage.work {
                StageWork::Shift(plan) => {
                    for step in &plan.steps {
                        longest = longest.max(pause);
                        pause = step.bake + plan.patience + stage.timeout;
                    }
                }
                StageWork::Verify { watch, .. } => pause += *watch + stage.timeout,
                StageWork::Cleanup(plan) => pause += plan.hold + stage.timeout,
                StageWork::Wait(plan) => pause += plan.span,
                _ => pause += stage.timeout,
            }
        }
        longest.max(pause)
    }

    pub(super) fn has_gate(&self) -> bool {
        self.stages.iter().any(|stage| matches!(stage.work, StageWork::Gate(_)))
    }
}

/// What stays as the pipeline has it: other pipelines have other stages.
const FIXED: [&str; 3] = ["name", "component", "after"];

/// An environment's own settings of a stage; `None` where it has none. What makes the pipeline is not among them.
fn own_settings<'a>(own: Option<&Table<'a>>, stage: &Table<'a>) -> Option<Table<'a>> {
    let text = |table: &Table<'a>, key: &str| table.item(key).and_then(|item| item.get().as_str().map(str::to_owned));
    let name = text(stage, "name")?;
    let own = own?.table(&name)?;
    let reader = own.reader();
    let mut is_right = true;
    for key in FIXED {
        if let Some(item) = own.item(key) {
            let what = format!("`{key}` of stage `{name}` is the pipeline's, in every environment");
            reader.check(false, &item.spot(), what, "leave it out here, or make another pipeline for this environment");
            is_right = false;
        }
    }
    if let (Some(item), Some(kind)) = (own.item("kind"), text(stage, "kind"))
        && item.get().as_str() != Some(kind.as_str())
    {
        let what = format!("stage `{name}` is of `kind = \"{kind}\"`");
        let remedy = "leave the kind out here, or make another pipeline for this environment";
        reader.check(false, &item.spot(), what, remedy);
        is_right = false;
    }
    // What else is said there is of another stage: it would only be told more that follows from this.
    is_right.then_some(own)
}

/// Reads a pipeline; `own` is what an environment says of its stages, by their names.
pub(super) fn read<'a>(table: Table<'a>, own: Option<&Table<'a>>) -> Option<Read> {
    let (reader, spot, place) = (table.reader(), table.spot(), table.place());
    let components = table.list("components", "an array of components: [\"api\", \"web\"]", values::name);
    let components = components.unwrap_or_default();
    refuse_repeats(reader, "component", &components);
    let tables = table.required_tables("stages", "[[pipelines.standard.stages]]");
    table.finish();
    let tables = tables?;
    let expected = tables.len();
    let mut names = Vec::new();
    let mut afters = Vec::new();
    let mut stages = Vec::new();
    let mut digests = Vec::new();
    for table in tables {
        let Some(table) = Table::layered([own_settings(own, &table), Some(table)]) else { continue };
        let asked = table.texts_with("${digest}");
        let at = stages.len();
        // The name is asked for by the stage's reader as well, which reports what is wrong with it.
        names.extend(table.item("name").and_then(|item| {
            let value = values::name(item).ok()?;
            Some(Located { value, spot: item.spot() })
        }));
        // So are the stages that it comes after.
        afters.push(table.list("after", stage::AFTER, values::name).unwrap_or_default());
        let spot = table.spot();
        stages.extend(stage::read(table).map(|value| Located { value, spot }));
        digests.extend(asked.into_iter().map(|spot| (at, spot)));
    }
    refuse_repeats(reader, "stage", &names);
    let is_whole = stages.len() == expected;
    let components: Vec<ComponentName> = components.into_iter().map(|name| ComponentName(name.value)).collect();
    if is_whole {
        check_references(reader, &stages, &afters, &components);
        if components.len() < 2 {
            check_order(reader, &stages, None, &spot, &place);
        }
        for component in components.iter().filter(|_| components.len() > 1) {
            check_order(reader, &stages, Some(component), &spot, &place);
        }
    }
    let digests = if is_whole { early(&stages, digests) } else { Vec::new() };
    let stages: Vec<Stage> = stages.into_iter().map(|stage| stage.value).collect();
    Some(Read { components, stages, is_whole, digests })
}

/// Of the texts that ask for a digest, those whose stage begins before any build of its component's image has ended. A
/// gate's phrase is typed by people, who must be told it before.
fn early(stages: &[Located<Stage>], asked: Vec<(usize, Spot)>) -> Vec<(StageName, Option<ComponentName>, Spot)> {
    let asked = asked.into_iter().filter_map(|(at, spot)| Some((at, &stages.get(at)?.value, spot)));
    let is_built = |at: usize, stage: &Stage| {
        let mut builds = stages.iter().enumerate().filter(|(_, build)| {
            matches!(build.value.work, StageWork::Build { .. }) && build.value.component == stage.component
        });
        !matches!(stage.work, StageWork::Gate(_)) && builds.any(|(build, _)| is_after(stages, at, build))
    };
    let early = asked.filter(|(at, stage, _)| !is_built(*at, stage));
    early.map(|(_, stage, spot)| (stage.name.clone(), stage.component.clone(), spot)).collect()
}

/// Whether a stage is about a component: it says so, or says nothing in a pipeline that leaves no choice.
fn is_about(stage: &Stage, component: &str) -> bool {
    stage.component.as_ref().is_none_or(|name| name.as_str() == component)
}

/// Components and stages that stages name must be there, and those that come after others must stand after them.
fn check_references(
    reader: &Reader<'_>,
    stages: &[Located<Stage>],
    afters: &[Vec<Located<String>>],
    components: &[ComponentName],
) {
    let known: Vec<String> = components.iter().map(ToString::to_string).collect();
    for (index, stage) in stages.iter().enumerate() {
        let (name, spot) = (&stage.value.name, &stage.spot);
        if let Some(component) = &stage.value.component {
            let located = Located { value: component.to_string(), spot: spot.clone() };
            reader.known("component", &located, &known);
        } else if components.len() > 1 && (needs_component(&stage.value) || below(&stage.value).is_some()) {
            let what = format!("stage `{name}` does not say which component it is about");
            reader.check(false, spot, what, "add `component = \"…\"`, one of those of the pipeline");
        }
        let earlier: Vec<String> = stages.iter().take(index).map(|stage| stage.value.name.to_string()).collect();
        for after in afters.get(index).into_iter().flatten() {
            let mut later = stages.iter().skip(index).map(|stage| stage.value.name.as_str());
            let is_itself = after.value == name.as_str();
            if is_itself {
                let what = format!("stage `{name}` comes after itself");
                reader.check(false, &after.spot, what, "name another, or leave it out");
            } else if later.any(|later| later == after.value) {
                let what = format!("stage `{name}` comes after `{}`, which stands below it", after.value);
                reader.check(false, &after.spot, what, "put it below the stages that it comes after");
            } else {
                reader.known("stage above", after, &earlier);
            }
        }
    }
}

/// Whether a stage of a pipeline of several components must say which it is about.
fn needs_component(stage: &Stage) -> bool {
    stage.work.needs_site() || matches!(stage.work, StageWork::Build { .. })
}

/// How a stage's checks reach green, if any of them has a path below that.
fn below(stage: &Stage) -> Option<&Via> {
    match &stage.work {
        StageWork::Smoke(checks) | StageWork::Verify { checks, .. } => has_paths(checks).then_some(&checks.via),
        StageWork::Gate(gate) => has_paths(&gate.checks).then_some(&gate.checks.via),
        StageWork::WarmUp { via, .. } => Some(via),
        _ => None,
    }
}

fn has_paths(checks: &Checks) -> bool {
    checks.all.iter().any(|check| check.path.written().starts_with('/'))
}

fn judges(stage: &Stage) -> bool {
    matches!(&stage.work, StageWork::Shift(plan) if plan.steps.iter().any(|step| step.gate == GateKind::Automatic))
}

/// A component is deployed once, then shifted once, and what served is taken down last of all. `component` is `None`
/// where the pipeline has only one.
fn check_order(
    reader: &Reader<'_>,
    stages: &[Located<Stage>],
    component: Option<&ComponentName>,
    spot: &Spot,
    place: &str,
) {
    let whose = component.map(|name| format!(" for `{name}`")).unwrap_or_default();
    let is_meant = |stage: &Stage| component.is_none() || stage.component.as_ref() == component;
    let all = |wanted: &dyn Fn(&StageWork) -> bool| -> Vec<usize> {
        let stages = stages.iter().enumerate();
        stages.filter(|(_, it)| is_meant(&it.value) && wanted(&it.value.work)).map(|(index, _)| index).collect()
    };
    let deploys = all(&|work| matches!(work, StageWork::Deploy));
    let shifts = all(&|work| matches!(work, StageWork::Shift(_)));
    let is_optional = deploys.is_empty() && shifts.is_empty();
    for (word, found) in [("deploy", &deploys), ("shift", &shifts)] {
        let (what, remedy) = (format!("{place} has no `{word}` stage{whose}"), format!("add one: `kind = \"{word}\"`"));
        reader.check(!found.is_empty() || is_optional, spot, what, remedy);
        if let Some(second) = found.get(1).and_then(|index| stages.get(*index)) {
            let remedy = "keep one, or say with `component` which component each is about";
            reader.check(false, &second.spot, format!("a second `{word}` stage{whose}"), remedy);
        }
    }
    let builds = all(&|work| matches!(work, StageWork::Build { .. }));
    if let Some(second) = builds.get(1).and_then(|index| stages.get(*index)) {
        let remedy = "a release of a component has one image: keep one";
        reader.check(false, &second.spot, format!("a second `build` stage{whose}"), remedy);
    }
    let comes_after = |index: usize, earlier: &[usize]| earlier.iter().all(|one| is_after(stages, index, *one));
    for (index, stage) in stages.iter().enumerate().filter(|(_, stage)| is_meant(&stage.value)) {
        let (name, word) = (&stage.value.name, stage::word(&stage.value.work));
        let (is_right, after) = match stage.value.work {
            StageWork::Smoke(_) | StageWork::WarmUp { .. } | StageWork::Shift(_) => {
                (comes_after(index, &deploys), "`deploy` stage")
            }
            StageWork::Verify { .. } | StageWork::Cleanup(_) => (comes_after(index, &shifts), "`shift` stage"),
            _ => (true, ""),
        };
        let what = format!("`{word}` stage `{name}` comes too early");
        if stage.value.work.registers() {
            let remedy = format!("put it after the `build` stage{whose}");
            reader.check(comes_after(index, &builds), &stage.spot, what.clone(), remedy);
        }
        reader.check(is_right || deploys.is_empty(), &stage.spot, what, format!("put it after the {after}{whose}"));
    }
}

/// Whether the stage at `index` only begins when the one at `earlier` is done.
fn is_after(stages: &[Located<Stage>], index: usize, earlier: usize) -> bool {
    if index <= earlier {
        return false;
    }
    let Some(stage) = stages.get(index) else { return false };
    let position = |name: &StageName| stages.iter().position(|stage| stage.value.name == *name);
    let direct: Vec<usize> = match &stage.value.after {
        None => index.checked_sub(1).into_iter().collect(),
        Some(names) => names.iter().filter_map(position).filter(|place| *place < index).collect(),
    };
    direct.iter().any(|place| *place == earlier || is_after(stages, *place, earlier))
}
