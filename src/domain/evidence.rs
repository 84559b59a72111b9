//! What was known at the moment of a decision.

use serde::{Deserialize, Serialize};

use super::components::ComponentIndex;
use super::facts;
use super::ids::{AlarmName, ComponentName, Revision, SignalName};
use super::percent::Percent;
use super::release::Release;
use super::signal::{Ruling, Verdict};

/// What was known of a release when somebody, or the release itself, decided: one compact JSON object in the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// ARN of the AWS identity that the engine acted with, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acting: Option<String>,
    /// The release's revision.
    pub revision: Revision,
    /// The word for its status.
    pub status: String,
    /// What was known of each component, in the plan's order.
    pub components: Vec<Known>,
}

/// What was known of a component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// Its name, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<ComponentName>,
    /// Green's weight as set.
    pub set: Percent,
    /// Green's weight as last read back.
    pub observed: Option<Percent>,
    /// The newest verdict on each signal.
    pub verdicts: Vec<Ruled>,
    /// Alarms that fired.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub firing: Vec<AlarmName>,
}

/// A verdict in its figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ruled {
    /// Which signal.
    pub signal: SignalName,
    /// What was held of it.
    pub ruling: Ruling,
    /// Green's newest value, in the signal's unit.
    pub green: Option<f64>,
    /// Blue's value of the same period.
    pub blue: Option<f64>,
    /// The limit.
    pub max: Option<f64>,
    /// Requests of green's that it rests on.
    pub samples: u64,
}

impl Evidence {
    /// What is known of `release` now; `acting` is the identity that its engine acts with.
    pub fn of(release: &Release, acting: Option<&str>) -> Self {
        Self {
            acting: acting.map(str::to_owned),
            revision: release.revision,
            status: release.status().word().to_owned(),
            components: facts::components(release).map(|of| Known::of(release, of)).collect(),
        }
    }
}

impl Known {
    fn of(release: &Release, of: ComponentIndex) -> Self {
        let (set, observed) = facts::weights(release, of);
        Self {
            component: facts::name(&release.plan, of),
            set,
            observed,
            verdicts: facts::verdicts(release, of).iter().map(Ruled::from).collect(),
            firing: facts::firing(release, of).iter().map(|alarm| alarm.name.clone()).collect(),
        }
    }
}

impl From<&Verdict> for Ruled {
    fn from(verdict: &Verdict) -> Self {
        Self {
            signal: verdict.signal.clone(),
            ruling: verdict.ruling,
            green: verdict.green,
            blue: verdict.blue,
            max: verdict.max,
            samples: verdict.samples,
        }
    }
}
