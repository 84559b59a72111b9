//! A gate's conditions, looked at once. What cannot be read does not hold.

use std::sync::Arc;

use crate::cloud::{Alarm, AlarmState, Cloud, CloudError};
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::effect::{CheckResult, Failure, Outcome};
use crate::domain::plan::{ComponentPlan, GatePlan, Plan, Sides};
use crate::domain::time::Timestamp;

/// Looks whether the gate's conditions hold, of one component or of all of them. A call that may work later is a failure
/// to be tried again.
pub(super) async fn check(
    clouds: &Components<Arc<dyn Cloud>>,
    plan: &Plan,
    only: Option<ComponentIndex>,
    gate: &GatePlan,
) -> Outcome {
    let mut results = Vec::new();
    for (of, component) in plan.components.iter().filter(|(of, _)| only.is_none_or(|only| only == *of)) {
        let whose = plan.whose(of);
        match conditions(clouds[of].as_ref(), component, gate).await {
            Ok(found) => results.extend(
                found.into_iter().map(|result| CheckResult { name: format!("{whose}{}", result.name), ..result }),
            ),
            Err(outcome) => return outcome,
        }
    }
    Outcome::Checked(results)
}

async fn conditions(
    cloud: &dyn Cloud,
    component: &ComponentPlan,
    gate: &GatePlan,
) -> Result<Vec<CheckResult>, Outcome> {
    let mut results = Vec::new();
    if let Some(sides) = component.sides.as_ref().filter(|_| gate.healthy) {
        results.push(healthy(cloud, sides).await?);
    }
    if gate.no_alarms {
        results.extend(cloud.alarms(&component.alarms).await.map_err(failed)?.iter().map(quiet));
    }
    Ok(results)
}

async fn healthy(cloud: &dyn Cloud, sides: &Sides) -> Result<CheckResult, Outcome> {
    let weight = cloud.weight(sides).await.map_err(failed)?;
    let both = cloud.capacity(sides).await.map_err(failed)?;
    if let Some(unread) = both.unread() {
        return Err(Outcome::Failed(unread.clone()));
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
    let detail = trouble.clone().unwrap_or_else(|| format!("{}/{wanted} targets healthy, all traffic", blue.healthy));
    Ok(CheckResult { name: "blue is healthy".to_owned(), passed: trouble.is_none(), detail, ..CheckResult::default() })
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
    CheckResult { name: format!("alarm {}", alarm.name), passed, detail, ..CheckResult::default() }
}

/// ` since 11:02 UTC`.
fn since(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default();
    format!(" since {}", at.strftime("%H:%M UTC"))
}

fn failed(error: CloudError) -> Outcome {
    Outcome::Failed(Failure { transient: error.is_transient(), message: error.to_string() })
}
