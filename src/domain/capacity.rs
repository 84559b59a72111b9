//! How much of a side is there to serve traffic.

use serde::{Deserialize, Serialize};

use super::deployment::Deployment;
use super::effect::Failure;
use super::ids::{Side, TaskDefinitionArn};

/// Deaths of new tasks after which a deployment counts as failed: ECS would go on starting them.
pub const CRASH_LOOP: u32 = 3;

/// One side's tasks and targets, as last read from ECS and the load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    /// Task definition of the newest deployment.
    pub task_definition: TaskDefinitionArn,
    /// Tasks that the service is asked to run.
    pub desired: u32,
    /// Tasks that run.
    pub running: u32,
    /// Tasks on their way up.
    pub pending: u32,
    /// Targets that the load balancer holds healthy.
    pub healthy: u32,
    /// Targets registered, whatever their health.
    pub registered: u32,
    /// Tasks of the newest deployment that failed to start or died, as ECS counts them.
    pub failed_tasks: u32,
    /// Why ECS or the load balancer says that this side is not well, in their own words.
    pub trouble: Option<String>,
    /// ECS gave the newest deployment up (its rollout state is FAILED).
    pub rollout_failed: bool,
    /// The newest deployment runs the wanted number of tasks and nothing else runs beside it.
    pub steady: bool,
    /// Why ECS could not be asked, if it could not: then only the load balancer's part is known, `healthy` and
    /// `registered`, and everything else here says nothing.
    #[serde(default)]
    pub unread: Option<Failure>,
}

impl Capacity {
    /// Targets that traffic may be sent to and that will not be gone the next moment: healthy ones, but no more than
    /// the service is to run. While ECS cannot be asked, the load balancer's word alone counts: a way back must not
    /// wait for ECS.
    pub fn dependable(&self) -> u32 {
        match self.unread {
            Some(_) => self.healthy,
            None => self.healthy.min(self.desired),
        }
    }
}

/// Both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacities {
    /// What serves.
    pub blue: Capacity,
    /// What is released.
    pub green: Capacity,
    /// The newest deployment inside AWS, where the shift is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Box<Deployment>>,
}

impl Capacities {
    /// Why ECS could not be asked, if it could not.
    pub fn unread(&self) -> Option<&Failure> {
        self.blue.unread.as_ref().or(self.green.unread.as_ref())
    }

    /// The capacity of one side.
    pub fn of(&self, side: Side) -> &Capacity {
        match side {
            Side::Blue => &self.blue,
            Side::Green => &self.green,
        }
    }
}
