//! `cutover release --from`: what has succeeded in one environment goes to the next, by its digest.

use color_eyre::eyre::Result;

use super::output::Refused;
use super::settings;
use crate::config::Config;
use crate::domain::components::Components;
use crate::domain::ids::{ComponentName, EnvironmentName, ReleaseId, Version};
use crate::domain::origin::Origin;
use crate::domain::release::{Ending, Release};
use crate::journal::{Journal, JournalError, Listing, Summary, replay};

/// Releases looked through for the one that is promoted.
const LOOKED_THROUGH: usize = 1_000;

/// What is promoted, of each component.
#[derive(Clone, Debug)]
pub(super) struct Promotion {
    /// The versions, as they were asked for then.
    pub(super) versions: Components<Version>,
    /// The images by their digests; none of a component without services.
    pub(super) pinned: Components<Option<Version>>,
    /// Where from.
    pub(super) origin: Origin,
    /// The commit that they were made of, where it is known and the same.
    pub(super) git_sha: Option<String>,
}

/// What is promoted from `from`, `staging` or `staging@41`.
pub(super) fn find(
    journal: &dyn Journal,
    config: &Config,
    environment: &str,
    lineup: &Components<ComponentName>,
    from: &str,
) -> Result<Promotion> {
    let (source, id) = match from.split_once('@') {
        Some((source, id)) => {
            let wrong =
                || Refused::usage(format!("--from {from}: `{id}` is not the number of a release; write {source}@41"));
            (source, Some(ReleaseId(id.parse().map_err(|_| wrong())?)))
        }
        None => (from, None),
    };
    config.environment(source)?;
    if source == environment {
        return Err(Refused::usage(format!("--from {from}: that is where it is to go; name another environment")));
    }
    let Listing { releases: all, unreadable } = journal.list(LOOKED_THROUGH)?;
    let of_source: Vec<&Summary> = all.iter().filter(|summary| summary.plan.environment.as_str() == source).collect();
    let (mut versions, mut pinned, mut releases) = (Vec::new(), Vec::new(), Vec::new());
    let mut commits: Vec<Option<String>> = Vec::new();
    for (_, name) in lineup.iter() {
        let summary = chosen(journal, &of_source, source, name, id)?;
        // It may be the one that is meant, or have taken back the one that is.
        settings::refuse_unreadable(&unreadable, |other| {
            other.id > summary.id && other.is_of(Some(source), Some(name.as_str()))
        })?;
        let records = journal.records(summary.id)?;
        let release = replay(summary.id, summary.plan.clone(), &records);
        let (version, image) = promoted(&release, source, name)?;
        versions.push(version);
        pinned.push(image);
        releases.push(summary.id);
        commits.push(summary.plan.git_sha.clone());
    }
    commits.dedup();
    let git_sha = if let [only] = commits.as_mut_slice() { only.take() } else { None };
    Ok(Promotion {
        versions: Components::try_from(versions)?,
        pinned: Components::try_from(pinned)?,
        origin: Origin::Promoted { from: EnvironmentName::from(source), releases },
        git_sha,
    })
}

/// The release that is meant: the one named, or the newest that succeeded.
fn chosen<'a>(
    journal: &dyn Journal,
    of_source: &[&'a Summary],
    source: &str,
    name: &ComponentName,
    id: Option<ReleaseId>,
) -> Result<&'a Summary> {
    let released: Vec<&Summary> =
        of_source.iter().copied().filter(|summary| summary.plan.releases(name.as_str())).collect();
    let has_succeeded = |summary: &&Summary| summary.status == Ending::Succeeded.word();
    let newest = || released.iter().copied().find(has_succeeded).map(|summary| summary.id);
    let Some(id) = id.or_else(newest) else {
        let why = format!("no release of {name} has succeeded in {source}, so there is nothing to promote");
        return Err(Refused::policy(why));
    };
    let found = released.iter().copied().find(|summary| summary.id == id);
    let Some(found) = found else {
        let why = match journal.find(id) {
            Ok(other) if other.plan.environment.as_str() != source => {
                format!("release {id} is of {}, not of {source}", other.plan.environment)
            }
            Ok(_) => format!("release {id} did not release {name}"),
            Err(JournalError::Unknown(_)) => {
                format!("there is no release {id}; `cutover history --env {source}` lists them")
            }
            Err(error) => return Err(error.into()),
        };
        return Err(Refused::usage(why));
    };
    if !has_succeeded(&found) {
        let what = if found.ended { "did not succeed: it is" } else { "has not succeeded yet: it is" };
        return Err(Refused::policy(format!("release {id} of {source} {what} {}", found.status)));
    }
    let taken_back = released.iter().find(|later| {
        let back = later.plan.origin.earlier().is_some_and(|earlier| earlier.release < id);
        later.id > id && back && (has_succeeded(later) || !later.ended)
    });
    match taken_back {
        Some(later) if later.ended => Err(Refused::policy(format!(
            "release {id} of {source} has been rolled back since, by release {}",
            later.id
        ))),
        Some(later) => {
            Err(Refused::policy(format!("release {id} of {source} is being rolled back, by release {}", later.id)))
        }
        None => Ok(found),
    }
}

/// The version of a component, and its image by the digest that was released.
fn promoted(release: &Release, source: &str, name: &ComponentName) -> Result<(Version, Option<Version>)> {
    let id = release.id;
    let Some(of) = release.plan.components.position(|planned| planned.name == *name) else {
        return Err(Refused::usage(format!("release {id} did not release {name}")));
    };
    let planned = &release.plan.components[of];
    if planned.sides.is_none() {
        return Ok((planned.to.clone(), None));
    }
    let image = release.components[of].built.as_ref().unwrap_or(&planned.to);
    match image.digest() {
        Some(_) => Ok((planned.to.clone(), Some(image.clone()))),
        None => Err(Refused::policy(format!(
            "release {id} of {source} released {name} as `{}`, by a tag: which image that was is not known; set `pin = true` in [components.{name}] and release it there again, or name a digest with --image",
            image.0
        ))),
    }
}

/// What is taken, in words: one line a component.
pub(super) fn in_words(plan: &crate::domain::plan::Plan) -> Vec<String> {
    let Origin::Promoted { from, releases } = &plan.origin else { return Vec::new() };
    let lines = plan.components.iter().zip(releases).map(|((_, planned), id)| {
        let digest = planned.pinned.image.as_ref().and_then(Version::digest);
        let digest = digest.map(|digest| format!(", {digest}")).unwrap_or_default();
        format!("{} {} from release {id} of {from}{digest}", planned.name, planned.to)
    });
    lines.collect()
}
