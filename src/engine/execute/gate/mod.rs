//! A gate's conditions, looked at once, each with its own result. What cannot be read does not hold; a call that may
//! work later is a failure of the look, to be tried again.

mod drift;
mod estate;
mod program;
mod window;

use std::sync::Arc;

use tokio::sync::mpsc;

use self::window::Opening;
use super::Said;
use super::checks::Checker;
use super::command::Programs;
use crate::clock::Clock;
use crate::cloud::{Alarm, AlarmState, Cloud, CloudError};
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::effect::{CheckResult, Failure, Outcome};
use crate::domain::gate::{Condition, GatePlan, GateVoices};
use crate::domain::ids::EffectId;
use crate::domain::plan::{ComponentPlan, Plan, Sides};
use crate::domain::redact::Redactor;
use crate::domain::time::Timestamp;

/// Longest detail of a result, in characters.
const LONGEST: usize = 400;

/// What a gate is looked at with.
pub(super) struct Look<'a> {
    pub(super) clouds: &'a Components<Arc<dyn Cloud>>,
    pub(super) programs: &'a dyn Programs,
    pub(super) clock: Clock,
    pub(super) redactor: &'a Redactor,
    pub(super) said: &'a mpsc::Sender<Said>,
    pub(super) effect: EffectId,
    pub(super) plan: &'a Plan,
    /// The component that the gate is about; `None` for all of them.
    pub(super) only: Option<ComponentIndex>,
    /// Asks HTTP servers.
    pub(super) checker: Checker<'a>,
    /// Variables for programs.
    pub(super) variables: Vec<(String, String)>,
    /// What people have said to the gate.
    pub(super) voices: &'a GateVoices,
    /// Other unfinished releases of the same component, or why they are not known.
    pub(super) rivals: &'a Result<Vec<String>, String>,
}

/// Where a component that a gate is about runs.
#[derive(Clone, Copy)]
struct Place<'a> {
    cloud: &'a dyn Cloud,
    plan: &'a ComponentPlan,
    sides: &'a Sides,
}

impl Look<'_> {
    /// The components that the gate is about.
    fn components(&self) -> impl Iterator<Item = (ComponentIndex, &ComponentPlan)> {
        self.plan.components.iter().filter(|(of, _)| self.only.is_none_or(|only| only == *of))
    }

    /// What belongs to the account is asked of any component's cloud.
    fn cloud(&self) -> &dyn Cloud {
        self.clouds[self.only.unwrap_or(ComponentIndex::FIRST)].as_ref()
    }

    /// Looks whether the gate's conditions hold. Outside a window that waits nothing else is looked at: by the time it
    /// opens it would have changed.
    pub(super) async fn check(&self, gate: &GatePlan) -> Outcome {
        match self.outside(gate) {
            Some(outcome) => self.clean(outcome),
            None => match self.all(gate).await {
                Ok(results) => self.clean(Outcome::Checked(results)),
                Err(failure) => Outcome::Failed(failure),
            },
        }
    }

    /// The wait for the next opening, when there is one.
    fn outside(&self, gate: &GatePlan) -> Option<Outcome> {
        let openings = gate.conditions.iter().filter_map(|condition| match condition {
            Condition::Window(window) if window.wait => Some(window::look(window, self.clock.now(), self.voices)),
            _ => None,
        });
        let shut: Vec<(CheckResult, Timestamp)> = openings.filter_map(Opening::awaited).collect();
        let until = shut.iter().map(|(_, opens)| *opens).max()?;
        Some(Outcome::NotYet { results: shut.into_iter().map(|(result, _)| result).collect(), until })
    }

    async fn all(&self, gate: &GatePlan) -> Result<Vec<CheckResult>, Failure> {
        let mut results = Vec::new();
        for condition in &gate.conditions {
            match condition {
                Condition::Alone => results.push(self.alone(condition)),
                Condition::Window(window) => {
                    results.push(window::look(window, self.clock.now(), self.voices).result);
                }
                Condition::Command(command) => results.push(self.command(command).await),
                Condition::Backup(backup) => results.push(self.backup(condition, backup).await.map_err(failure)?),
                Condition::Secret(secret) => results.push(self.secret(condition, secret).await.map_err(failure)?),
                Condition::NoAlarms => {
                    for (of, component) in self.components() {
                        let alarms = self.clouds[of].alarms(&component.alarms).await.map_err(failure)?;
                        results.extend(self.said_of(of, alarms.iter().map(quiet)));
                    }
                }
                Condition::Http(check) => results.extend(self.checker.one(check).await),
                Condition::Healthy | Condition::Image(_) | Condition::Drift(_) => {
                    for (of, plan) in self.components() {
                        let Some(sides) = &plan.sides else { continue };
                        let place = Place { cloud: self.clouds[of].as_ref(), plan, sides };
                        let found = self.at(place, condition).await?;
                        results.extend(self.said_of(of, found.into_iter()));
                    }
                }
            }
        }
        Ok(results)
    }

    /// The results with the name of their component, where there are several.
    fn said_of(
        &self,
        of: ComponentIndex,
        results: impl Iterator<Item = CheckResult>,
    ) -> impl Iterator<Item = CheckResult> {
        let whose = self.plan.whose(of);
        results.map(move |result| CheckResult { name: format!("{whose}{}", result.name), ..result })
    }

    /// A condition that is about where a component runs.
    async fn at(&self, place: Place<'_>, condition: &Condition) -> Result<Vec<CheckResult>, Failure> {
        Ok(match condition {
            Condition::Image(image) => self.image(place, image).await.map_err(failure)?,
            Condition::Drift(drift) => drift::look(place, drift).await.map_err(failure)?,
            _ => vec![healthy(place, condition).await?],
        })
    }

    fn alone(&self, condition: &Condition) -> CheckResult {
        let (passed, detail) = match self.rivals {
            Ok(rivals) if rivals.is_empty() => (true, "none is unfinished".to_owned()),
            Ok(rivals) => (false, format!("{}; attach to it, and end it first", rivals.join(", "))),
            Err(why) => (false, format!("not known: {why}")),
        };
        CheckResult::new(condition.name(), passed, detail)
    }

    /// What came from outside is masked and made harmless before it is kept.
    fn clean(&self, mut outcome: Outcome) -> Outcome {
        if let Outcome::Checked(results) | Outcome::NotYet { results, .. } = &mut outcome {
            for result in results {
                result.detail = self.redactor.clean(&result.detail).chars().take(LONGEST).collect();
            }
        }
        outcome
    }
}

fn failure(error: CloudError) -> Failure {
    Failure { transient: error.is_transient(), message: error.to_string() }
}

async fn healthy(place: Place<'_>, condition: &Condition) -> Result<CheckResult, Failure> {
    let Place { cloud, sides, .. } = place;
    let weight = cloud.weight(sides).await.map_err(failure)?;
    let both = cloud.capacity(sides).await.map_err(failure)?;
    if let Some(unread) = both.unread() {
        return Err(unread.clone());
    }
    let (blue, wanted) = (&both.blue, sides.blue.desired);
    let trouble = if weight.get() > 0 {
        Some(format!("green already has {weight} of the traffic"))
    } else if blue.healthy < wanted {
        Some(format!("{} of {wanted} targets healthy", blue.healthy))
    } else if !blue.steady {
        Some("a deployment of blue is under way".to_owned())
    } else {
        None
    };
    let fine = || format!("{}/{wanted} targets healthy, all traffic", blue.healthy);
    Ok(CheckResult::new(condition.name(), trouble.is_none(), trouble.unwrap_or_else(fine)))
}

/// A result that holds or does not: what was found, or what is wrong.
fn told(name: String, found: Result<String, String>) -> CheckResult {
    let passed = found.is_ok();
    let (Ok(detail) | Err(detail)) = found;
    CheckResult::new(name, passed, detail)
}

fn quiet(alarm: &Alarm) -> CheckResult {
    let (passed, detail) = match alarm.state {
        AlarmState::Ok => (true, "OK".to_owned()),
        // Nothing has come yet that could be judged: a new alarm, or a quiet service.
        AlarmState::InsufficientData => (true, "too little data to say".to_owned()),
        AlarmState::Alarm => (false, format!("firing{}", alarm.since.map(since).unwrap_or_default())),
        AlarmState::Missing => (false, "there is no such alarm".to_owned()),
        AlarmState::Unknown => (false, "in a state this version does not know".to_owned()),
    };
    CheckResult::new(format!("alarm {}", alarm.name), passed, detail)
}

/// ` since 11:02 UTC`.
fn since(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default();
    format!(" since {}", at.strftime("%H:%M UTC"))
}
