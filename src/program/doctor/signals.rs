//! Signals: that each has points of what serves.

use std::time::Duration;

use super::Look;
use super::item::{unconfigured, unread};
use crate::cloud::SignalRequest;
use crate::domain::checklist::Item;
use crate::domain::signal::{Policy, SignalPlan};

/// Points are looked for this far back: what CloudWatch has not shown by then it will not.
const BACK: Duration = Duration::from_mins(15);

pub(super) async fn look(look: &Look<'_>) -> Vec<Item> {
    if look.component.signals.is_empty() {
        let key = "some: `[signals.errors]` with `measure = \"target-errors\"` and a `max`";
        return vec![unconfigured("signals", key)];
    }
    let Some(sides) = look.planned().and_then(|planned| planned.sides.as_ref()) else {
        return look.unplanned("signals").into_iter().collect();
    };
    let signals: Vec<_> =
        look.component.signals.iter().map(|signal| (signal.name.clone(), signal.measure.clone())).collect();
    let now = look.around.clock.now();
    let cluster = look.site.map(|site| site.cluster.as_str()).unwrap_or_default();
    let period = look.config.engine.period;
    let request =
        SignalRequest { signals: &signals, sides, cluster, from: now - BACK.max(period * 3), to: now, period };
    match look.reach.cloud.signals(&request).await {
        Ok(found) => {
            let points = |signal: &SignalPlan| {
                found.iter().find(|pair| pair.signal == signal.name).map_or(0, |pair| pair.blue.len())
            };
            look.component.signals.iter().map(|signal| judge(signal, points(signal))).collect()
        }
        Err(error) => vec![unread("signals", &error)],
    }
}

fn judge(signal: &SignalPlan, points: usize) -> Item {
    let name = format!("signal {}", signal.name);
    let minutes = BACK.as_secs() / 60;
    if points > 0 {
        return Item::fine(name, format!("{points} points of blue in {minutes} minutes"));
    }
    let seen = format!("no point of blue in {minutes} minutes");
    let remedy = "send requests to what serves; for `cpu` and `memory`, see that ECS publishes them for the service";
    // A release would wait for it in vain.
    match signal.policy {
        Policy::Observe => Item::unknown(name, seen, remedy),
        Policy::Rollback | Policy::Pause => Item::wrong(name, seen, remedy),
    }
}
