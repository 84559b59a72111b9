//! The fleet: every component of every environment that the configuration knows, what serves there, and who releases what.

use super::model::Model;
use crate::domain::ids::{ComponentName, EnvironmentName, ReleaseId, Version};
use crate::domain::percent::Percent;
use crate::domain::release::Tone;
use crate::domain::time::Timestamp;
use crate::engine::snapshot::Snapshot;

/// Everything known of it, in the order of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fleet {
    /// A component of an environment each.
    pub places: Vec<Place>,
}

/// A component of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its environment.
    pub environment: EnvironmentName,
    /// Its account and region.
    pub site: String,
    /// Whether that is production.
    pub production: bool,
    /// Its name.
    pub component: ComponentName,
    /// The newest release, if there was any.
    pub release: Option<Latest>,
    /// What runs.
    pub cloud: Sighting,
}

/// The newest release of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latest {
    /// Its number.
    pub id: ReleaseId,
    /// What it releases of this component; `None` where another version wrote it and this one cannot read it.
    pub to: Option<Version>,
    /// Its status's word.
    pub status: String,
    /// Who asked for it, if that can be read.
    pub by: Option<String>,
    /// When the journal last heard of it.
    pub at: Timestamp,
    /// Whether somebody acts on it.
    pub engine: EngineState,
}

/// Whether an engine acts on a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineState {
    /// One runs.
    Runs,
    /// It has not ended, and none runs on this host.
    Lost,
    /// It has ended.
    NotNeeded,
}

/// What was seen of a component in the cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// It has no services: its pipeline's programs alone know.
    Nothing,
    /// Nobody has looked yet.
    NotYet,
    /// It was looked at.
    Seen {
        /// When.
        at: Timestamp,
        /// What was there.
        state: Running,
    },
    /// It could not be looked at.
    Failed {
        /// When that was tried.
        at: Timestamp,
        /// Why.
        why: String,
    },
}

/// How a component runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// The service that has most of the traffic.
    pub service: String,
    /// What it runs; `None` until that was asked.
    pub version: Option<Version>,
    /// Its share of the traffic.
    pub share: Percent,
    /// Its tasks that run, and that are wanted.
    pub tasks: (u32, u32),
    /// ECS replaces tasks of either service.
    pub is_deploying: bool,
    /// Alarms that are watched.
    pub alarms: Alarms,
}

/// A component's alarms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alarms {
    /// How many are watched.
    pub watched: usize,
    /// Names of those that fire.
    pub firing: Vec<String>,
    /// How many do not exist or say nothing.
    pub silent: usize,
}

/// Moves the selection.
pub(super) fn step(model: &mut Model, by: isize) {
    let last = model.fleet.as_ref().map_or(0, |fleet| fleet.places.len().saturating_sub(1));
    model.place = model.place.saturating_add_signed(by).min(last);
}

/// What to type to see the selected release, for the clipboard.
pub(super) fn command(model: &Model) -> Option<String> {
    let place = model.fleet.as_ref()?.places.get(model.place)?;
    Some(place.command())
}

/// Says how the selected release is come to: this screen stays with its own.
pub(super) fn open(model: &mut Model, snapshot: &Snapshot) {
    if let Some(command) = command(model) {
        model.tell(snapshot.speed, Tone::Plain, format!("`{command}` in another terminal shows it; y copies that"));
    }
}

impl Place {
    /// What to type to see its release, or what became of it.
    pub fn command(&self) -> String {
        let (environment, component) = (&self.environment, &self.component);
        match &self.release {
            Some(Latest { engine: EngineState::Runs | EngineState::Lost, .. }) => {
                format!("cutover attach {environment} {component}")
            }
            Some(Latest { id, engine: EngineState::NotNeeded, .. }) => format!("cutover history show {id}"),
            None => format!("cutover release {environment} {component} --image REF"),
        }
    }
}
