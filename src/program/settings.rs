//! The configuration and the places it names.

use std::path::PathBuf;

use color_eyre::eyre::Result;

use crate::cli::Globals;
use crate::config::{Config, Surroundings};
use crate::journal::{Journal, Summary};

/// Releases looked through for ones that have not ended.
const LOOKED_THROUGH: usize = 200;

/// Reads the configuration.
pub(super) fn load(globals: &Globals) -> Result<Config> {
    Ok(Config::load(&Surroundings::of_process(), globals.overrides())?)
}

/// The journal's file.
pub(super) fn journal_file(config: &Config) -> PathBuf {
    config.engine.journal.join("journal.sqlite")
}

/// Why nothing may be changed in an environment from here; `None` where it may.
pub(super) fn read_only(config: &Config, environment: &str) -> Option<&'static str> {
    if config.read_only {
        return Some("the settings say read-only");
    }
    let is_so = config.environment(environment).is_ok_and(|environment| environment.read_only);
    is_so.then_some("this environment is read-only")
}

/// Releases that have not ended, newest first.
pub(super) fn unfinished(journal: &dyn Journal) -> Result<Vec<Summary>> {
    let all = journal.list(LOOKED_THROUGH)?;
    Ok(all.into_iter().filter(|summary| !summary.ended && summary.status != "planned").collect())
}
