//! Which version of which component is released, and what serves of those that have no services to ask.

use std::process::{Command, Stdio};
use std::sync::Arc;

use color_eyre::eyre::{Result, WrapErr};

use super::output::Refused;
use super::parts::Wanted;
use crate::cli::{Image, is_commit};
use crate::cloud::Cloud;
use crate::config::Config;
use crate::domain::back::Way;
use crate::domain::components::Components;
use crate::domain::ids::{ComponentName, Version};
use crate::domain::origin::Origin;
use crate::domain::release::Ending;
use crate::journal::format::Unreadable;
use crate::journal::{Journal, JournalError, Listing};

/// Releases that are looked through for what serves.
const LOOKED_THROUGH: usize = 1_000;

/// The version of each component: the one named for it, or the one that names none for `lead`, the component that was
/// asked for. One without services takes the lead's version where it has none of its own.
pub(super) fn wanted(
    config: &Config,
    environment: &str,
    lineup: &Components<ComponentName>,
    lead: Option<&str>,
    images: &[Image],
) -> Result<Components<Version>> {
    let names: Vec<&str> = lineup.iter().map(|(_, name)| name.as_str()).collect();
    let lead = lead.or(names.first().copied()).unwrap_or_default();
    let mut named: Vec<(&str, &Version)> = Vec::new();
    for image in images {
        let component = image.component.as_deref().unwrap_or(lead);
        if !names.contains(&component) {
            let known = names.join(", ");
            return Err(Refused::usage(format!("--image names `{component}`, and what is released is {known}")));
        }
        if named.iter().any(|(name, _)| *name == component) {
            return Err(Refused::usage(format!("two images are given for {component}; give one")));
        }
        named.push((component, &image.version));
    }
    let of = |name: &str| named.iter().find(|(named, _)| *named == name).map(|(_, version)| *version);
    let mut versions = Vec::new();
    for name in names {
        let has_services = config.component(environment, Some(name))?.1.site.is_some();
        let version = match (of(name), of(lead)) {
            (Some(version), _) => version.clone(),
            (None, Some(version)) if !has_services => Version(version.short().to_owned()),
            _ => {
                let what = format!("{name} is released together with {lead}; say which image: --image {name}=REF");
                return Err(Refused::usage(what));
            }
        };
        versions.push(version);
    }
    Ok(Components::try_from(versions)?)
}

/// The version of each component on the way back to an earlier release.
pub(super) fn kept(way: &Way, lineup: &Components<ComponentName>) -> Result<Components<Version>> {
    let of = |name: &ComponentName| way.components.iter().find(|kept| kept.name == *name);
    let versions: Option<Vec<Version>> =
        lineup.iter().map(|(_, name)| of(name).map(|kept| kept.version.clone())).collect();
    let missing = || Refused::usage(format!("release {} did not release all of these", way.to));
    Ok(Components::try_from(versions.ok_or_else(missing)?)?)
}

/// Looks up the digests of tags, where the configuration says so.
pub(super) async fn pin(config: &Config, wanted: &mut Wanted, clouds: &Components<Arc<dyn Cloud>>) -> Result<()> {
    if wanted.back.is_some() || wanted.foreign.is_some() {
        return Ok(());
    }
    for (of, name) in wanted.lineup.iter() {
        let (_, component) = config.component(&wanted.environment, Some(name.as_str()))?;
        let version = &wanted.versions[of];
        let is_asked = component.site.as_ref().is_some_and(|site| site.pin);
        if wanted.pinned[of].is_some() {
            continue;
        }
        if is_asked && version.digest().is_none() {
            let found = clouds[of].estate().image(version).await;
            let found = found.wrap_err_with(|| format!("failed to look up the digest of {}", version.0))?;
            let Some(image) = found else {
                return Err(Refused::policy(format!("{name}: there is no image {} in ECR", version.0)));
            };
            wanted.pinned[of] = Some(version.at(&image.digest));
        }
    }
    Ok(())
}

/// The commit that is checked out here, or that the CI system says it runs for.
pub(super) fn git_sha(origin: &Origin) -> Result<String> {
    let said = ["CUTOVER_GIT_SHA", "GITHUB_SHA"].into_iter().find_map(|name| {
        let value = std::env::var(name).ok().filter(|value| !value.is_empty())?;
        Some((name, value))
    });
    if let Some((name, value)) = said {
        return if is_commit(&value) {
            Ok(value)
        } else {
            Err(Refused::usage(format!("{name} is not a commit: write 7 to 64 hexadecimal digits")))
        };
    }
    if !origin.is_named() {
        // What is checked out here is another version.
        let words = origin.words().unwrap_or_default();
        return Err(Refused::usage(format!(
            "the pipeline asks for `${{git_sha}}`, and the release it takes ({words}) has not kept its commit: set CUTOVER_GIT_SHA to it"
        )));
    }
    let asked = Command::new("git").args(["rev-parse", "--verify", "HEAD"]).stdin(Stdio::null()).output();
    let head = asked.ok().filter(|output| output.status.success());
    let head = head.and_then(|output| String::from_utf8(output.stdout).ok()).map(|head| head.trim().to_owned());
    head.filter(|head| is_commit(head)).ok_or_else(|| {
        Refused::usage(
            "the pipeline asks for `${git_sha}`, and it is not known: give --git-sha, set CUTOVER_GIT_SHA, or release from a git working directory",
        )
    })
}

/// What the last release that succeeded has left serving, of each component.
pub(super) fn serving(
    journal: &dyn Journal,
    environment: &str,
    lineup: &Components<ComponentName>,
) -> Result<Components<Option<Version>>, JournalError> {
    let Listing { releases: past, unreadable } = journal.list(LOOKED_THROUGH)?;
    let succeeded = past
        .iter()
        .filter(|past| past.plan.environment.as_str() == environment && past.status == Ending::Succeeded.word());
    let succeeded: Vec<_> = succeeded.collect();
    Ok(lineup.map(|name| {
        let of = |past: &&&crate::journal::Summary| past.plan.releases(name.as_str());
        let newest = succeeded.iter().find(of)?;
        let is_newer = |other: &Unreadable| {
            let is_of = other.is_of(Some(environment), Some(name.as_str()));
            is_of && other.id > newest.id && other.status == Ending::Succeeded.word()
        };
        if unreadable.iter().any(is_newer) {
            return None;
        }
        newest.plan.components.iter().find(|(_, plan)| plan.name == *name).map(|(_, plan)| plan.to.clone())
    }))
}
