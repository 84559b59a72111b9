//! Which version of which component is released, and what serves of those that have no services to ask.

use color_eyre::eyre::Result;

use super::output::Refused;
use crate::cli::Image;
use crate::config::Config;
use crate::domain::back::Way;
use crate::domain::components::Components;
use crate::domain::ids::{ComponentName, Version};
use crate::domain::release::Ending;
use crate::journal::{Journal, JournalError};

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

/// What the last release that succeeded has left serving, of each component.
pub(super) fn serving(
    journal: &dyn Journal,
    environment: &str,
    lineup: &Components<ComponentName>,
) -> Result<Components<Option<Version>>, JournalError> {
    let past = journal.list(LOOKED_THROUGH)?;
    let succeeded = past
        .iter()
        .filter(|past| past.plan.environment.as_str() == environment && past.status == Ending::Succeeded.word());
    let succeeded: Vec<_> = succeeded.collect();
    Ok(lineup.map(|name| {
        let of = |past: &&&crate::journal::Summary| past.plan.releases(name.as_str());
        let newest = succeeded.iter().find(of)?;
        newest.plan.components.iter().find(|(_, plan)| plan.name == *name).map(|(_, plan)| plan.to.clone())
    }))
}
