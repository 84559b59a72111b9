//! Whether what runs is what the configuration says.

use std::time::Duration;

use tokio::try_join;

use super::estate::short;
use super::{Place, told};
use crate::cloud::{CloudError, Deployed, ErrorKind};
use crate::domain::effect::CheckResult;
use crate::domain::gate::{DriftPlan, HealthCheckPlan};
use crate::domain::ids::Side;

/// What is wrong with one aspect of a side, and what it is.
type Found = (Vec<String>, String);

/// A result for each aspect. Both sides are to be set up alike: either of them serves next.
pub(super) async fn look(place: Place<'_>, plan: &DriftPlan) -> Result<Vec<CheckResult>, CloudError> {
    let (sides, estate) = (place.sides, place.cloud.estate());
    let (blue, green, weight) =
        try_join!(estate.deployed(&sides.blue), estate.deployed(&sides.green), place.cloud.weight(sides))?;
    let weights = match weight.get() {
        0 => (Vec::new(), "all traffic on blue".to_owned()),
        _ => (vec![format!("green has {weight} of the traffic")], String::new()),
    };
    let mut found = vec![
        ("image", image_drift(place, &blue).await?),
        ("tasks", tasks(&blue, sides.blue.desired)),
        ("weights", weights),
    ];
    let both = [(Side::Blue, &blue), (Side::Green, &green)];
    let each = |aspect: &dyn Fn(&Deployed) -> Vec<String>| -> Vec<String> {
        both.iter().flat_map(|(side, it)| aspect(it).into_iter().map(move |wrong| format!("{side}: {wrong}"))).collect()
    };
    if let Some(wanted) = plan.circuit_breaker {
        let wrong = each(&|it| differs("it", it.breaker.word(), wanted.word()));
        found.push(("circuit breaker", (wrong, wanted.word().to_owned())));
    }
    if plan.min_healthy.is_some() || plan.max_healthy.is_some() {
        let wrong = each(&|it| bounds(it, plan));
        found.push(("deployment bounds", (wrong, "as configured".to_owned())));
    }
    if plan.health_check != HealthCheckPlan::default() {
        let wrong = each(&|it| health_check(it, &plan.health_check));
        found.push(("health check", (wrong, "as configured".to_owned())));
    }
    if !plan.env.is_empty() {
        let missing: Vec<String> = plan.env.iter().filter(|name| !blue.env.contains(name)).cloned().collect();
        let wrong = if missing.is_empty() { missing } else { vec![format!("lacks {}", missing.join(", "))] };
        found.push(("environment", (wrong, format!("has all {} names", plan.env.len()))));
    }
    Ok(found.into_iter().map(|(aspect, (wrong, fine))| result(aspect, &wrong, fine)).collect())
}

/// Whether blue's tasks run the image that the plan found, and its tag still means that image.
async fn image_drift(place: Place<'_>, blue: &Deployed) -> Result<Found, CloudError> {
    let planned = &place.sides.blue.task_definition;
    if blue.task_definition != *planned {
        let (now, then) = (last_part(blue.task_definition.as_str()), last_part(planned.as_str()));
        return Ok((vec![format!("blue runs {now}; the release was planned from {then}")], String::new()));
    }
    if blue.image != place.plan.from {
        return Ok((vec![format!("blue runs {}, not {}", blue.image.0, place.plan.from.0)], String::new()));
    }
    let running = match blue.digests.as_slice() {
        [] => return Ok((Vec::new(), format!("{}, no running task tells its digest", blue.image))),
        [one] => one,
        several => {
            let all = several.iter().map(|digest| short(digest)).collect::<Vec<_>>().join(", ");
            return Ok((vec![format!("blue's tasks run {} images: {all}", several.len())], String::new()));
        }
    };
    let found = match place.cloud.estate().image(&blue.image).await {
        Ok(Some(image)) if image.digest == *running => (Vec::new(), format!("{} {}", blue.image, short(running))),
        Ok(Some(image)) => {
            let (now, then) = (short(&image.digest), short(running));
            (vec![format!("{} now means {now}, blue's tasks run {then}", blue.image)], String::new())
        }
        Ok(None) => (vec![format!("{} is no longer in ECR: no task of it can start", blue.image)], String::new()),
        Err(error) if error.is_transient() => return Err(error),
        Err(error) if error.kind == ErrorKind::Unexpected => {
            (Vec::new(), format!("{} {}, not an image of ECR", blue.image, short(running)))
        }
        Err(error) => (vec![error.to_string()], String::new()),
    };
    Ok(found)
}

fn result(aspect: &str, wrong: &[String], fine: String) -> CheckResult {
    let found = if wrong.is_empty() { Ok(fine) } else { Err(wrong.join("; ")) };
    told(format!("drift: {aspect}"), found)
}

fn tasks(blue: &Deployed, wanted: u32) -> Found {
    (differs("the number of tasks", blue.desired, wanted), format!("{wanted} wanted"))
}

fn bounds(it: &Deployed, plan: &DriftPlan) -> Vec<String> {
    [("min_healthy", plan.min_healthy, it.min_healthy), ("max_healthy", plan.max_healthy, it.max_healthy)]
        .into_iter()
        .flat_map(|(name, wanted, is)| compared(name, wanted, is))
        .collect()
}

fn health_check(it: &Deployed, wanted: &HealthCheckPlan) -> Vec<String> {
    let is = &it.health_check;
    let span = |span: Duration| format!("{} s", span.as_secs_f64());
    [
        compared("path", wanted.path.as_deref(), is.path.as_deref()),
        compared("interval", wanted.interval.map(span), is.interval.map(span)),
        compared("timeout", wanted.timeout.map(span), is.timeout.map(span)),
        compared("healthy", wanted.healthy, is.healthy),
        compared("unhealthy", wanted.unhealthy, is.unhealthy),
    ]
    .concat()
}

/// What is wrong with a value that the configuration may say something about.
fn compared<T: PartialEq + ToString>(name: &str, wanted: Option<T>, is: Option<T>) -> Vec<String> {
    match (wanted, is) {
        (None, _) => Vec::new(),
        (Some(wanted), Some(is)) => differs(name, is, wanted),
        (Some(wanted), None) => vec![format!("{name} is not set, wanted {}", wanted.to_string())],
    }
}

fn differs<T: PartialEq + ToString>(name: &str, is: T, wanted: T) -> Vec<String> {
    if is == wanted {
        return Vec::new();
    }
    vec![format!("{name} is {}, wanted {}", is.to_string(), wanted.to_string())]
}

fn last_part(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
