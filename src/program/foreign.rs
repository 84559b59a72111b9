//! Looking at what somebody else deploys, to watch it or to take it over.

use std::sync::Arc;

use color_eyre::eyre::{Result, WrapErr};

use super::output::Refused;
use super::parts::Taking;
use crate::cloud::{Cloud, Sight};
use crate::config::PlanContext;
use crate::domain::components::ComponentIndex;
use crate::domain::ids::Version;

/// What is under way at the component.
///
/// # Errors
///
/// When it is to be taken over and that cannot be: it is over, another one is under way, or it goes back already.
pub(super) async fn look(cloud: &Arc<dyn Cloud>, context: &PlanContext, taking: &Taking) -> Result<Sight> {
    let Some(target) = &context.targets[ComponentIndex::FIRST] else {
        return Err(Refused::usage(
            "this component is released by programs alone: there is no deployment on ECS to watch; `cutover history` tells of its releases",
        ));
    };
    let sight = cloud.deployments().afoot(target).await.wrap_err("failed to look at the services as they are")?;
    let Some(wanted) = &taking.deployment else { return Ok(sight) };
    if let Some(obstacle) = &sight.obstacle {
        return Err(Refused::policy(format!("the deployment cannot be taken over: {obstacle}")));
    }
    if sight.afoot.is_nothing() {
        return Err(Refused::policy(format!("deployment {wanted} is over: nothing is under way any more")));
    }
    if sight.afoot.id != *wanted {
        return Err(Refused::policy(format!(
            "deployment {wanted} is over, and {} is under way now; look at it with `cutover watch` first",
            sight.afoot.id
        )));
    }
    Ok(sight)
}

/// What is released: what is being deployed, or else what serves.
pub(super) fn version(sight: &Sight) -> Version {
    if sight.afoot.is_nothing() {
        let serving = sight.survey.services.get(sight.survey.blue);
        return serving.map(|service| service.version.clone()).unwrap_or_default();
    }
    sight.afoot.version.clone()
}
