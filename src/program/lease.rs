//! The leases of what is released, in an environment whose hosts share a table for them.

use std::sync::Arc;

use color_eyre::eyre::{Result, WrapErr};

use super::output::Refused;
use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::config::PlanContext;
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::ids::ComponentName;
use crate::domain::lease::Holder;
use crate::engine::lease::{NotTaken, Tenure, Terms};
use crate::engine::socket::Berth;
use crate::engine::socket::claim;

/// What is locked of each component: the same for all hosts, whatever their journals.
pub(super) fn locks(context: &PlanContext, environment: &str, lineup: &Components<ComponentName>) -> Vec<String> {
    let place = &context.place;
    let lock = |(of, name): (ComponentIndex, &ComponentName)| match &context.targets[of] {
        Some(target) => format!("cutover/{}", target.rule),
        None => format!("cutover/{}/{}/{environment}/{name}", place.account, place.region),
    };
    lineup.iter().map(lock).collect()
}

/// Takes the leases; `None` where there is no table for them.
pub(super) async fn take(
    berth: &Berth,
    environment: &str,
    lineup: &Components<ComponentName>,
    context: &PlanContext,
    cloud: &Arc<dyn Cloud>,
    holder: &claim::Holder,
    clock: Clock,
) -> Result<Option<Arc<Tenure>>> {
    let Some(table) = &context.lock_table else { return Ok(None) };
    let claim::Holder { what, name, host, since, .. } = holder.clone();
    let terms = Terms {
        table: table.clone(),
        locks: locks(context, environment, lineup),
        owner: berth.owner().wrap_err("failed to read or write what tells this journal's engines from others'")?,
        holder: Holder { what, name, host, since },
    };
    match Tenure::take(Arc::clone(cloud), terms, clock).await {
        Ok(tenure) => {
            if let Some(lapsed) = tenure.taken_over() {
                super::output::tell(&format!(
                    "took over a lease that had lapsed: {lapsed}; that engine does nothing any more"
                ));
            }
            Ok(Some(Arc::new(tenure)))
        }
        Err(refused @ NotTaken::Held { .. }) => Err(Refused::policy(refused.to_string())),
        Err(refused @ NotTaken::Cloud { .. }) => Err(refused.into()),
    }
}
