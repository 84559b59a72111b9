//! The ways in which traffic is shifted, one file a driver. Each answers the same questions: how a component stands, where
//! its traffic is, what of it is there to serve, and how it is moved.

pub(super) mod alb;
mod codedeploy;
mod deployments;
pub(super) mod foreign;
mod native;
mod rolling;

use super::errors::unexpected;
use super::{Aws, capacity, services};
use crate::cloud::{CloudError, Progress, Rollout, Survey, Target};
use crate::domain::capacity::Capacities;
use crate::domain::ids::{Side, TaskDefinitionArn};
use crate::domain::percent::Percent;
use crate::domain::plan::{Driver, Sides};

/// Looks at a component as it stands.
pub(super) async fn survey(aws: &Aws, target: &Target) -> Result<Survey, CloudError> {
    match target.driver {
        Driver::Alb => services::survey(aws, target).await,
        Driver::Native => Box::pin(native::survey(aws, target)).await,
        Driver::CodeDeploy => Box::pin(codedeploy::survey(aws, target)).await,
        Driver::Rolling => Box::pin(rolling::survey(aws, target)).await,
        Driver::Command => Err(nothing_to_shift()),
    }
}

/// Green's weight as it is.
pub(super) async fn weight(aws: &Aws, sides: &Sides) -> Result<Percent, CloudError> {
    match sides.driver {
        // What ECS says of the weights that it asked for are snapshots: the rule is what requests follow.
        Driver::Alb | Driver::Native => alb::weight(aws, sides).await,
        Driver::CodeDeploy => codedeploy::weight(aws, sides).await,
        Driver::Rolling => rolling::weight(aws, sides).await,
        Driver::Command => Err(nothing_to_shift()),
    }
}

/// Brings green's weight to this, or a step nearer.
pub(super) async fn set_weight(aws: &Aws, rollout: &Rollout<'_>, green: Percent) -> Result<Progress, CloudError> {
    match rollout.sides.driver {
        Driver::Alb => alb::set_weight(aws, rollout.sides, green).await.map(|()| Progress::Done),
        Driver::Native => native::set_weight(aws, rollout, green).await,
        Driver::CodeDeploy => codedeploy::set_weight(aws, rollout, green).await,
        Driver::Rolling => rolling::set_weight(aws, rollout, green).await,
        Driver::Command => Err(nothing_to_shift()),
    }
}

/// What of both sides is there to serve.
pub(super) async fn capacity(aws: &Aws, sides: &Sides) -> Result<Capacities, CloudError> {
    match sides.driver {
        Driver::Alb => capacity::capacity(aws, sides).await,
        Driver::Native => Box::pin(native::capacity(aws, sides)).await,
        Driver::CodeDeploy => Box::pin(codedeploy::capacity(aws, sides)).await,
        Driver::Rolling => Box::pin(rolling::capacity(aws, sides)).await,
        Driver::Command => Err(nothing_to_shift()),
    }
}

/// Makes a side run so many tasks, or brings it a step nearer.
pub(super) async fn scale(
    aws: &Aws,
    rollout: &Rollout<'_>,
    side: Side,
    desired: u32,
    task_definition: Option<&TaskDefinitionArn>,
) -> Result<Progress, CloudError> {
    match rollout.sides.driver {
        Driver::Alb => {
            let service = &rollout.sides.of(side).service;
            services::scale(aws, service, desired, task_definition).await.map(|()| Progress::Done)
        }
        Driver::Native => native::scale(aws, rollout, side, desired, task_definition).await,
        Driver::CodeDeploy => codedeploy::scale(aws, rollout, side, desired, task_definition).await,
        // ECS replaces the tasks themselves: no side has any of its own to bring up or take down.
        Driver::Rolling => Ok(Progress::Done),
        Driver::Command => Err(nothing_to_shift()),
    }
}

fn nothing_to_shift() -> CloudError {
    unexpected("ecs:DescribeServices", "this component is released by programs: there is nothing to shift")
}
