//! How much of a side is there to serve traffic.

use serde::{Deserialize, Serialize};

use super::ids::{Side, TaskDefinitionArn};

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
}

/// Both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacities {
    /// What serves.
    pub blue: Capacity,
    /// What is released.
    pub green: Capacity,
}

impl Capacities {
    /// The capacity of one side.
    pub fn of(&self, side: Side) -> &Capacity {
        match side {
            Side::Blue => &self.blue,
            Side::Green => &self.green,
        }
    }
}
