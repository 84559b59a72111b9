//! `cutover plan`: what a release would do, found by rehearsing it. The account is read, nothing is changed.

mod calls;
mod outline;
mod past;
mod stage;
#[cfg(test)]
mod tests;
mod traffic;
mod words;

use std::io::Write;

use color_eyre::eyre::{Result, WrapErr};

use self::outline::{Known, Outline};
use self::past::Past;
use super::{engine, history, output, parts, settings, versions};
use crate::cli::{Format, Globals, Image, Plan as Arguments};
use crate::clock::Clock;
use crate::cloud::{Cloud, Survey};
use crate::config::{Config, PlanContext, Request};
use crate::domain::components::Components;
use crate::domain::ids::{ComponentName, ReleaseId, Version};
use crate::domain::time::Timestamp;
use crate::journal::Journal;

/// Plans a release and says what it would do.
pub(super) async fn run(globals: &Globals, arguments: &Arguments) -> Result<u8> {
    let config = settings::load(globals)?;
    let lineup = config.lineup(&arguments.environment, arguments.component.as_deref())?;
    let context = config.context(&arguments.environment, &lineup)?;
    let (clouds, _) = engine::connect(&context, Clock::system()).await?;
    let journal = history::journal(&config)?;
    let wanted = Wanted {
        environment: &arguments.environment,
        lineup: &lineup,
        lead: arguments.component.as_deref(),
        images: &arguments.images,
    };
    let journal = journal.as_ref().map(|journal| journal as &dyn Journal);
    let outline = outline(&config, &wanted, &context, &clouds, journal, Clock::system().now()).await?;
    let mut out = output::out();
    match arguments.writing.format() {
        Format::Json => writeln!(out, "{}", serde_json::to_string(&outline)?)?,
        Format::Text => words::write(&outline, &mut out)?,
    }
    Ok(0)
}

/// What is to be planned.
struct Wanted<'a> {
    environment: &'a str,
    lineup: &'a Components<ComponentName>,
    lead: Option<&'a str>,
    images: &'a [Image],
}

/// Surveys the components and lays the release out.
async fn outline(
    config: &Config,
    wanted: &Wanted<'_>,
    context: &PlanContext,
    clouds: &Components<std::sync::Arc<dyn Cloud>>,
    journal: Option<&dyn Journal>,
    now: Timestamp,
) -> Result<Outline> {
    let Wanted { environment, lineup, lead, images } = *wanted;
    let mut surveys: Components<Option<Survey>> = context.targets.map(|_| None);
    for (of, target) in context.targets.iter() {
        if let Some(target) = target {
            let survey = clouds[of].survey(target).await.wrap_err("failed to look at the services as they are")?;
            surveys[of] = Some(survey);
        }
    }
    let serving = match journal {
        Some(journal) => versions::serving(journal, environment, lineup)?,
        None => lineup.map(|_| None),
    };
    let without_image = images.is_empty();
    let versions = if without_image {
        surveys.pair(&serving, |survey, serving| what_serves(survey.as_ref(), serving.as_ref()))
    } else {
        versions::wanted(config, environment, lineup, lead, images)?
    };
    let newest = journal.map(|journal| journal.list(1)).transpose()?.unwrap_or_default();
    let unread = newest.unreadable.first().map(|newest| newest.id);
    let newest = newest.releases.first().map(|newest| newest.id).or(unread);
    let number = ReleaseId(newest.map_or(0, |ReleaseId(newest)| newest) + 1);
    let request = Request { environment, components: lineup, versions: &versions, serving: &serving, release: number };
    let plan = config.plan(&request, &surveys)?;
    let past = journal.map(|journal| Past::of(journal, environment, lineup)).transpose()?.unwrap_or_default();
    let polls = parts::polls(&context.polls);
    let traffic = traffic::expected(&plan, clouds, config.engine.period, now).await;
    Ok(Outline::of(&Known {
        plan: &plan,
        number,
        context,
        surveys: &surveys,
        past: &past,
        polls: &polls,
        traffic: &traffic,
        without_image,
    }))
}

/// The version that a component runs; of one without services what the journal says.
fn what_serves(survey: Option<&Survey>, serving: Option<&Version>) -> Version {
    let surveyed = survey.and_then(|survey| survey.services.get(survey.blue));
    let known = surveyed.map(|service| &service.version).or(serving).cloned();
    known.unwrap_or_else(|| Version("unknown".to_owned()))
}
