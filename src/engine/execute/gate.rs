//! A gate's conditions, looked at once. What cannot be read does not hold.

use crate::cloud::{Alarm, AlarmState, Cloud, CloudError};
use crate::domain::effect::{CheckResult, Failure, Outcome};
use crate::domain::plan::{GatePlan, Plan};
use crate::domain::time::Timestamp;

/// Looks whether the gate's conditions hold. A call that may work later is a failure to be tried again.
pub(super) async fn check(cloud: &dyn Cloud, plan: &Plan, gate: &GatePlan) -> Outcome {
    let mut results = Vec::new();
    if gate.healthy {
        match healthy(cloud, plan).await {
            Ok(result) => results.push(result),
            Err(error) => return failed(error),
        }
    }
    if gate.no_alarms {
        match cloud.alarms(&plan.alarms).await {
            Ok(alarms) => results.extend(alarms.iter().map(quiet)),
            Err(error) => return failed(error),
        }
    }
    Outcome::Checked(results)
}

async fn healthy(cloud: &dyn Cloud, plan: &Plan) -> Result<CheckResult, CloudError> {
    let weight = cloud.weight(&plan.sides).await?;
    let both = cloud.capacity(&plan.sides).await?;
    let (blue, wanted) = (&both.blue, plan.sides.blue.desired);
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
