//! `cutover demo --config FILE`: somebody's own pipeline against the simulated AWS. The stages, signals and gates are
//! theirs; where it runs is the simulated service's place; their programs are named and not run.

use std::sync::Arc;

use async_trait::async_trait;
use color_eyre::eyre::Result;
use tokio::sync::mpsc;

use super::output::Refused;
use crate::clock::Clock;
use crate::config::{Component, Config, Site, StageWork};
use crate::domain::components::Components;
use crate::domain::flag::{FeatureFlag, FlagPlan};
use crate::domain::ids::{ComponentName, EnvironmentName};
use crate::domain::plan::{Plan, StageKind};
use crate::engine::{Exit, Heard, Program, Programs};
use crate::sim::Sim;

/// Puts the simulated service in the place of the one that `own` names, in the environment that is rehearsed: `named`,
/// else the one called `like`, else the only one. `model` is a configuration that runs in the simulated AWS, in its
/// environment `like`.
///
/// # Errors
///
/// Why it cannot be rehearsed.
pub(super) fn prepare(own: &mut Config, model: &Config, like: &str, named: Option<&str>) -> Result<String> {
    let environment = chosen(own, like, named)?;
    let lineup = own.lineup(&environment, None)?;
    refuse_impossible(own, &environment, &lineup)?;
    let (_, simulated) = model.component(like, None)?;
    let place = model.environment(like)?.clone();
    own.policy = None;
    own.read_only = false;
    if let Some(settings) = own.environments.get_mut(&EnvironmentName(environment.clone())) {
        (settings.account, settings.region) = (place.account, place.region);
        (settings.profile, settings.role, settings.read_only) = (None, None, false);
        for component in settings.components.values_mut() {
            move_to(component, simulated);
        }
    }
    Ok(environment)
}

fn chosen(own: &Config, like: &str, named: Option<&str>) -> Result<String> {
    if let Some(name) = named {
        own.environment(name)?;
        return Ok(name.to_owned());
    }
    let names: Vec<&str> = own.environments.keys().map(EnvironmentName::as_str).collect();
    match names.as_slice() {
        [only] => Ok((*only).to_owned()),
        several if several.contains(&like) => Ok(like.to_owned()),
        several => {
            let several = several.join(", ");
            Err(Refused::usage(format!(
                "{} has several environments: say with --env which of {several} to rehearse",
                own.file
            )))
        }
    }
}

fn refuse_impossible(own: &Config, environment: &str, lineup: &Components<ComponentName>) -> Result<()> {
    let mut sited = Vec::new();
    for (_, name) in lineup.iter() {
        let (_, component) = own.component(environment, Some(name.as_str()))?;
        if component.site.is_some() {
            sited.push(name.as_str());
        }
    }
    let file = &own.file;
    if sited.len() > 1 {
        let names = sited.join(" and ");
        return Err(Refused::usage(format!(
            "{file} cannot be rehearsed: it releases {names} together, and the simulated AWS runs one service"
        )));
    }
    let settings = own.environment(environment)?;
    let (_, lead) =
        own.component(environment, Some(lineup[crate::domain::components::ComponentIndex::FIRST].as_str()))?;
    let stages = own.stages(settings, &lead.pipeline);
    if let Some(stage) = stages.iter().find(|stage| matches!(stage.work, StageWork::Load { .. })) {
        return Err(Refused::usage(format!(
            "{file} cannot be rehearsed: stage `{}` is judged by the report of a program, and programs are not run in a rehearsal",
            stage.name
        )));
    }
    Ok(())
}

/// What the component is told apart by stays its own; where it runs, and what is there, is the simulated service's.
fn move_to(component: &mut Component, simulated: &Component) {
    let Some((site, place)) = component.site.as_mut().zip(simulated.site.as_ref()) else { return };
    *site = Site { pin: site.pin, tasks: site.tasks, ..place.clone() };
    component.url.clone_from(&simulated.url);
    component.logs.clone_from(&simulated.logs);
    if !component.alarms.is_empty() {
        component.alarms.clone_from(&simulated.alarms);
    }
}

/// Gives the simulated AWS the feature flags that a release switches.
pub(super) fn provide_flags(sim: &Sim, plan: &Plan) {
    for stage in &plan.stages {
        if let StageKind::Flag(FlagPlan::AppConfig(flag)) = &stage.kind {
            let FeatureFlag { application, environment, profile, flag, .. } = flag;
            sim.with(|world, _| world.has_flag(application, environment, profile, flag));
        }
    }
}

/// Says what a program would be, and that all went well. What reads something out of a program's last line finds it: the
/// digest that a build has made, or when a backup was taken.
pub(super) struct Pretended {
    /// The digest that builds have made.
    pub(super) digest: &'static str,
    /// Now.
    pub(super) clock: Clock,
}

#[async_trait]
impl Programs for Pretended {
    async fn run(&self, program: &Program, heard: mpsc::Sender<Heard>) -> Result<Exit, String> {
        let now = self.clock.now().secs();
        let lines = [
            format!("not run in a rehearsal: {}", program.run.join(" ")),
            format!("a build would have made {}", self.digest),
            format!("{now}"),
        ];
        for line in lines {
            // Nobody may listen any more.
            let _unheard = heard.send(Heard::Line(line)).await;
        }
        Ok(Exit { code: Some(0) })
    }
}

/// Programs that are not run.
pub(super) fn programs(digest: &'static str, clock: Clock) -> Arc<dyn Programs> {
    Arc::new(Pretended { digest, clock })
}
