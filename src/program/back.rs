//! `cutover rollback --to`: back to an earlier release while none is running.

use std::io::Write;
use std::sync::Arc;

use color_eyre::eyre::{Result, WrapErr};

use super::launch::{self, Purpose};
use super::output::{self, Refused};
use super::parts::Surveys;
use super::{release, settings};
use crate::app::past::{BackWish, PastPreview, PastRelease};
use crate::cli::{Globals, Rollback, Which};
use crate::cloud::{Cloud, ErrorKind};
use crate::config::Config;
use crate::domain::back::Way;
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::ids::{ComponentName, ReleaseId, Side, Version};
use crate::domain::outlook::back_preview;
use crate::domain::plan::{Plan, StageKind};
use crate::domain::release::{Ending, Release};
use crate::journal::format::Unreadable;
use crate::journal::sqlite::SqliteJournal;
use crate::journal::{Journal, JournalError, Listing, Summary, replay};
use crate::runtime::Past;

/// Releases looked through for ways back.
const LOOKED_THROUGH: usize = 1_000;

/// Earlier releases named to somebody who has not said which.
const NAMED: usize = 5;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    /// The release to go back to.
    pub(super) to: ReleaseId,
    /// Why, if said.
    pub(super) reason: Option<String>,
    /// Migrations may stay as they are.
    pub(super) leave_migrations: bool,
}

/// A way back that is to be gone.
#[derive(Clone, Debug)]
pub(super) struct Back {
    /// The way.
    pub(super) way: Way,
    /// What was asked for.
    pub(super) wish: Wish,
}

/// Goes back to the release that is named.
pub(super) async fn run(globals: &Globals, arguments: &Rollback, to: ReleaseId) -> Result<u8> {
    let config = settings::load(globals)?;
    let which = arguments.meant();
    let file = settings::journal_file(&config);
    let Some(target) =
        file.exists().then(|| SqliteJournal::open(&file)).transpose()?.map(|journal| found(&journal, to))
    else {
        return Err(no_such(&config, to, &which));
    };
    let Some(target) = target? else { return Err(no_such(&config, to, &which)) };
    let environment = which.environment.clone().unwrap_or_else(|| target.plan.environment.to_string());
    let lead = which.component.clone().or_else(|| {
        let mut names = target.plan.components.iter().map(|(_, planned)| planned.name.to_string());
        names.next()
    });
    let lineup = config.lineup(&environment, lead.as_deref())?;
    let wish = Wish { to, reason: arguments.reason.clone(), leave_migrations: arguments.leave_migrations };
    // Seen here before an engine is started, and again by it.
    let journal = SqliteJournal::open(&file)?;
    refuse_running(&journal, &environment, &lineup)?;
    agree(&find(&journal, &environment, &lineup, wish.clone())?)?;
    let purpose = Purpose::Back(wish);
    let watching = release::Watching {
        headless: arguments.headless,
        detach: arguments.detach,
        timeout: arguments.timeout,
        approve: false,
    };
    release::begin(globals, &config, &environment, &lineup, &purpose, watching, write_preview).await
}

fn write_preview(plan: &Plan) -> Result<()> {
    let mut out = output::out();
    let preview = back_preview(plan);
    for step in &preview.steps {
        writeln!(out, "  will: {step}")?;
    }
    for left in &preview.left {
        writeln!(out, "  will not: {left}")?;
    }
    Ok(())
}

fn found(journal: &SqliteJournal, id: ReleaseId) -> Result<Option<Summary>> {
    match journal.find(id) {
        Ok(summary) => Ok(Some(summary)),
        Err(JournalError::Unknown(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn no_such(config: &Config, id: ReleaseId, which: &Which) -> color_eyre::eyre::Report {
    let none = || "none has succeeded that could be gone back to; `cutover history` lists all".to_owned();
    Refused::usage(format!("there is no release {id}; {}", offered(config, which).unwrap_or_else(none)))
}

/// The way back to a release, from what the journal keeps of it and of those after it.
pub(super) fn find(
    journal: &dyn Journal,
    environment: &str,
    lineup: &Components<ComponentName>,
    wish: Wish,
) -> Result<Back> {
    let id = wish.to;
    let target = journal.find(id).wrap_err_with(|| format!("release {id} cannot be gone back to"))?;
    if target.plan.environment.as_str() != environment {
        let theirs = &target.plan.environment;
        return Err(Refused::usage(format!("release {id} is of {theirs}, and {environment} is asked for")));
    }
    let names = |names: &mut dyn Iterator<Item = &ComponentName>| {
        let mut names: Vec<&str> = names.map(ComponentName::as_str).collect();
        names.sort_unstable();
        names.join(", ")
    };
    let theirs = names(&mut target.plan.components.iter().map(|(_, planned)| &planned.name));
    let ours = names(&mut lineup.iter().map(|(_, name)| name));
    if theirs != ours {
        return Err(Refused::usage(format!(
            "release {id} released {theirs}, and what is released together now is {ours}; choose one that released the same"
        )));
    }
    let is_later = |summary: &Summary| {
        summary.id > id
            && summary.plan.environment.as_str() == environment
            && lineup.iter().any(|(_, name)| summary.plan.releases(name.as_str()))
    };
    let Listing { releases, unreadable } = journal.list(LOOKED_THROUGH)?;
    // What it has left behind, a migration for one, could not be told.
    settings::refuse_unreadable(&unreadable, |other| other.id > id && is_of_any(other, environment, lineup))?;
    let later: Vec<Summary> = releases.into_iter().filter(is_later).collect();
    let read = |summary: Summary| {
        let records = journal.records(summary.id)?;
        Ok::<_, JournalError>(replay(summary.id, summary.plan, &records))
    };
    let target = read(target)?;
    let mut later: Vec<_> = later.into_iter().map(read).collect::<Result<_, _>>()?;
    later.reverse();
    let way = Way::to(&target, &later).map_err(|why| Refused::policy(why.to_string()))?;
    Ok(Back { way, wish })
}

fn is_of_any(other: &Unreadable, environment: &str, lineup: &Components<ComponentName>) -> bool {
    lineup.iter().any(|(_, name)| other.is_of(Some(environment), Some(name.as_str())))
}

/// What stays of the data's shape is only left behind by somebody who has said so.
pub(super) fn agree(back: &Back) -> Result<()> {
    let left: Vec<&str> = back.way.migrations_left().collect();
    if left.is_empty() || back.wish.leave_migrations {
        return Ok(());
    }
    Err(Refused::policy(format!(
        "release {} would run on what later migrations have left: {}; say --leave-migrations if it can",
        back.way.to,
        left.join("; ")
    )))
}

/// A release that runs is taken back in another way.
pub(super) fn refuse_running(
    journal: &dyn Journal,
    environment: &str,
    lineup: &Components<ComponentName>,
) -> Result<()> {
    let is_meant = |summary: &Summary| {
        summary.plan.environment.as_str() == environment
            && lineup.iter().any(|(_, name)| summary.plan.releases(name.as_str()))
    };
    let is_unread = |other: &Unreadable| is_of_any(other, environment, lineup);
    match settings::unfinished(journal, is_unread)?.into_iter().find(is_meant) {
        Some(summary) => {
            let component = summary.plan.components.iter().next().map(|(_, planned)| planned.name.to_string());
            Err(Refused::policy(format!(
                "release {} of {} in {environment} has not ended: it is {}; `cutover rollback --env {environment} --component {}` takes it back",
                summary.id,
                summary.plan.components_named(),
                summary.status,
                component.unwrap_or_default()
            )))
        }
        None => Ok(()),
    }
}

/// Holds the way against what is there: something else must serve, and what it needs must still be had.
pub(super) async fn refuse_impossible(
    back: &Back,
    draft: &Plan,
    surveys: &Surveys,
    clouds: &Components<Arc<dyn Cloud>>,
) -> Result<()> {
    let id = back.way.to;
    if back.way.serves_already(draft) {
        let versions: Vec<String> = back.way.components.iter().map(|kept| kept.version.to_string()).collect();
        return Err(Refused::policy(format!("{} of release {id} serves already", versions.join(", "))));
    }
    let anew = "release its version anew with `cutover release`";
    for (of, planned) in draft.components.iter() {
        let kept = back.way.components.iter().find(|kept| kept.name == planned.name);
        let Some((kept, sides)) = kept.zip(planned.sides.as_ref()) else { continue };
        let Some(arn) = kept.task_definition.as_ref() else { continue };
        let serves = sides.blue.task_definition == *arn;
        if serves || is_warm(back, draft, surveys) {
            continue;
        }
        let estate = clouds[of].estate();
        let image = estate.definition(arn, &sides.green.container).await;
        let image = image.wrap_err("failed to look at the earlier task definition")?;
        let Some(image) = image else {
            return Err(Refused::policy(format!(
                "{}: the task definition {} of release {id} is gone or deregistered; {anew}",
                planned.name,
                arn.short()
            )));
        };
        refuse_lost_image(&planned.name, &image, id, estate).await?;
    }
    Ok(())
}

async fn refuse_lost_image(
    name: &ComponentName,
    image: &Version,
    id: ReleaseId,
    estate: &dyn crate::cloud::Estate,
) -> Result<()> {
    match estate.image(image).await {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(Refused::policy(format!(
            "{name}: the image {} of release {id} is no longer in ECR, so that no task of it can start; push it again, or choose another release",
            image.0
        ))),
        // Of another registry, or one that may not be asked: ECS will say so when it cannot be had.
        Err(error) if matches!(error.kind, ErrorKind::Unexpected | ErrorKind::Denied) => Ok(()),
        Err(error) => Err(error).wrap_err("failed to look whether the earlier image is still there"),
    }
}

/// Whether the old side of every component still runs what is gone back to.
pub(super) fn is_warm(back: &Back, plan: &Plan, surveys: &Surveys) -> bool {
    plan.components.iter().all(|(of, planned)| {
        let Some(sides) = &planned.sides else { return true };
        let kept = back.way.components.iter().find(|kept| kept.name == planned.name);
        let green = surveys[of].as_ref().and_then(|survey| survey.services.get(1 - survey.blue.min(1)));
        kept.zip(green).is_some_and(|(kept, green)| {
            kept.task_definition.as_ref() == Some(&green.task_definition) && green.desired >= sides.green.desired
        })
    })
}

/// Says which earlier releases there are to go back to; `None` if there is none.
fn offered(config: &Config, which: &Which) -> Option<String> {
    let file = settings::journal_file(config);
    let journal = file.exists().then(|| SqliteJournal::open(&file).ok()).flatten()?;
    let named: Vec<String> = earlier(&journal, which).ok()?.iter().take(NAMED).map(in_words).collect();
    (!named.is_empty())
        .then(|| format!("earlier ones to go back to with `cutover rollback --to RELEASE`: {}", named.join("; ")))
}

fn in_words(summary: &Summary) -> String {
    let plan = &summary.plan;
    format!("{} ({} of {} in {})", summary.id, versions(plan), plan.components_named(), plan.environment)
}

/// Releases that succeeded and that something else has replaced since, newest first.
pub(super) fn earlier(journal: &dyn Journal, which: &Which) -> Result<Vec<Summary>> {
    let meant = |summary: &Summary| {
        let plan = &summary.plan;
        which.environment.as_deref().is_none_or(|name| name == plan.environment.as_str())
            && which.component.as_deref().is_none_or(|name| plan.releases(name))
    };
    let Listing { releases, unreadable } = journal.list(LOOKED_THROUGH)?;
    let succeeded = releases.into_iter().filter(|summary| meant(summary) && summary.status == Ending::Succeeded.word());
    let mut serving: Vec<(String, String)> = Vec::new();
    let mut earlier = Vec::new();
    for summary in succeeded {
        let key = (summary.plan.environment.to_string(), summary.plan.components_named());
        let has_replaced = |other: &&Unreadable| other.id > summary.id && other.status == Ending::Succeeded.word();
        let is_replaced = unreadable
            .iter()
            .filter(has_replaced)
            .any(|other| (&other.environment, other.components.join(", ")) == (&key.0, key.1.clone()));
        if is_replaced || serving.contains(&key) {
            earlier.push(summary);
        } else {
            serving.push(key);
        }
    }
    Ok(earlier)
}

/// Nothing runs that could be taken back: says what can be gone back to instead.
pub(super) async fn refuse_idle(globals: &Globals, which: &Which) -> Result<()> {
    let config = settings::load(globals)?;
    let engines = launch::running(&config, which).await?;
    if engines.iter().any(|running| running.release.ended.is_none()) || !launch::lost(&config, which)?.is_empty() {
        return Ok(());
    }
    match offered(&config, which) {
        Some(offered) => Err(Refused::with(output::NOTHING, format!("no release is running; {offered}"))),
        None => Ok(()),
    }
}

/// The journal as the cockpit sees it: earlier releases of what it shows.
#[derive(Debug)]
pub(super) struct Shelf {
    file: std::path::PathBuf,
    environment: String,
    lineup: Components<ComponentName>,
    /// Checks that green must pass before it takes traffic.
    checks: usize,
}

impl Shelf {
    /// For what this plan releases.
    pub(super) fn of(config: &Config, plan: &Plan) -> Self {
        let checks = plan.stages.iter().map(|stage| match &stage.kind {
            StageKind::Smoke(checks) => checks.len(),
            _ => 0,
        });
        Self {
            file: settings::journal_file(config),
            environment: plan.environment.to_string(),
            lineup: plan.components.map(|planned| planned.name.clone()),
            checks: checks.sum(),
        }
    }

    fn find(&self, to: ReleaseId) -> Result<Back> {
        let journal = SqliteJournal::open(&self.file)?;
        refuse_running(&journal, &self.environment, &self.lineup)?;
        find(&journal, &self.environment, &self.lineup, Wish { to, reason: None, leave_migrations: true })
    }
}

impl Past for Shelf {
    fn earlier(&self, shown: &Release) -> Vec<PastRelease> {
        let component = shown.plan.components[ComponentIndex::FIRST].name.to_string();
        let which = Which { environment: Some(self.environment.clone()), component: Some(component) };
        let found = SqliteJournal::open(&self.file).ok().and_then(|journal| earlier(&journal, &which).ok());
        let names = shown.plan.components_named();
        let same = found.unwrap_or_default().into_iter().filter(|summary| summary.plan.components_named() == names);
        let past = same.map(|summary| PastRelease {
            id: summary.id,
            versions: versions(&summary.plan),
            ended: summary.touched,
            by: summary.by.name,
        });
        past.collect()
    }

    fn preview(&self, shown: &Release, to: ReleaseId) -> Result<PastPreview, String> {
        let back = self.find(to).map_err(|why| output::in_words(&why))?;
        let warm = shown.plan.components.iter().all(|(of, planned)| {
            let kept = back.way.components.iter().find(|kept| kept.name == planned.name);
            let blue = shown.components[of].capacities.as_ref().map(|both| &both.blue);
            let is_warm = kept.zip(blue).is_some_and(|(kept, blue)| {
                kept.task_definition.as_ref() == Some(&blue.task_definition)
                    && blue.healthy >= planned.wanted(Side::Blue)
            });
            planned.sides.is_none() || is_warm
        });
        Ok(PastPreview {
            to,
            warm,
            steps: back.way.steps(warm, self.checks),
            left: back.way.left().map(str::to_owned).collect(),
            leaves_migrations: back.way.migrations_left().next().is_some(),
            cost: back.way.cost(warm),
        })
    }
}

impl From<BackWish> for Wish {
    fn from(wish: BackWish) -> Self {
        Self { to: wish.to, reason: wish.reason, leave_migrations: wish.leave_migrations }
    }
}

/// The versions of a plan, in a few words.
fn versions(plan: &Plan) -> String {
    let mut versions: Vec<String> = plan.components.iter().map(|(_, planned)| planned.to.to_string()).collect();
    versions.dedup();
    versions.join(", ")
}
