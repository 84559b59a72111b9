//! Lifecycle hooks: pauses that somebody answers, and functions that answer as the scenario says.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/pause-lifecycle-hooks.html>,
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-lifecycle-hooks.html>

use std::time::Duration;

use super::{HookAction, HookDetail, HookStatus, HookTarget, Stage};
use crate::domain::time::Timestamp;
use crate::sim::world::World;

/// A function that answers `IN_PROGRESS` is run again after this long, unless it says otherwise.
const CALL_BACK: Duration = Duration::from_secs(30);

/// How a hook of the present stage goes on.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// When a function is run next.
    pub(super) next_call: Timestamp,
}

/// What the hooks of a stage have come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Waiting,
    Passed,
    RollBack(String),
}

impl World {
    /// Begins the hooks of a stage.
    pub(super) fn begin_hooks(&mut self, number: usize, stage: Stage, at: Timestamp) {
        let Some(rollout) = self.ecs.rollouts.get(number) else { return };
        let wanted: Vec<_> =
            rollout.view.configuration.hooks.iter().filter(|hook| hook.stages.contains(&stage)).cloned().collect();
        let mut details = Vec::new();
        for hook in wanted {
            let prefix = if hook.target == HookTarget::Pause { "ecs-pause" } else { "ecs-hook" };
            let id = format!("{prefix}-{}", self.streams.ids.hex(32));
            details.push(HookDetail {
                id,
                target: hook.target,
                target_arn: hook.target_arn,
                status: match hook.target {
                    HookTarget::Pause => HookStatus::AwaitingAction,
                    HookTarget::Lambda => HookStatus::InProgress,
                },
                expires_at: at + Duration::from_mins(u64::from(hook.timeout_minutes)),
                timeout_action: hook.timeout_action,
            });
        }
        let Some(rollout) = self.ecs.rollouts.get_mut(number) else { return };
        rollout.hooks = details.iter().map(|_| Run { next_call: at }).collect();
        rollout.view.hooks = details;
    }

    /// Moves the hooks of the present stage on.
    pub(super) fn tick_hooks(&mut self, number: usize, at: Timestamp) -> Verdict {
        let count = self.ecs.rollouts.get(number).map_or(0, |rollout| rollout.view.hooks.len());
        for index in 0..count {
            self.tick_hook(number, index, at);
        }
        let Some(rollout) = self.ecs.rollouts.get(number) else { return Verdict::Waiting };
        let mut verdict = Verdict::Passed;
        for hook in &rollout.view.hooks {
            match (hook.status, hook.timeout_action) {
                (HookStatus::Succeeded, _) | (HookStatus::TimedOut, HookAction::Continue) => {}
                (HookStatus::AwaitingAction | HookStatus::InProgress, _) => verdict = Verdict::Waiting,
                (HookStatus::TimedOut, HookAction::Rollback) => {
                    return Verdict::RollBack(format!(
                        "Service deployment rolled back because lifecycle hook {} timed out.",
                        hook.id
                    ));
                }
                (HookStatus::Failed, _) => {
                    return Verdict::RollBack(format!(
                        "Service deployment rolled back because lifecycle hook {} failed.",
                        hook.id
                    ));
                }
            }
        }
        verdict
    }

    fn tick_hook(&mut self, number: usize, index: usize, at: Timestamp) {
        let Some(rollout) = self.ecs.rollouts.get_mut(number) else { return };
        let Some((hook, run)) = rollout.view.hooks.get_mut(index).zip(rollout.hooks.get_mut(index)) else { return };
        if !matches!(hook.status, HookStatus::AwaitingAction | HookStatus::InProgress) {
            return;
        }
        if at >= hook.expires_at {
            hook.status = HookStatus::TimedOut;
            return;
        }
        if hook.target == HookTarget::Pause || at < run.next_call {
            return;
        }
        let function = hook.target_arn.clone().unwrap_or_default();
        let answer = self.run_function(&function);
        let Some(rollout) = self.ecs.rollouts.get_mut(number) else { return };
        let Some((hook, run)) = rollout.view.hooks.get_mut(index).zip(rollout.hooks.get_mut(index)) else { return };
        match answer.as_str() {
            "SUCCEEDED" => hook.status = HookStatus::Succeeded,
            "IN_PROGRESS" => run.next_call = at + CALL_BACK,
            // "If a hookStatus is not returned, or if the function fails, the deployment rolls back."
            _ => hook.status = HookStatus::Failed,
        }
    }

    /// What a function answers this time: the scenario's next word for it, the last one for ever after.
    fn run_function(&mut self, arn: &str) -> String {
        let name = arn.rsplit(':').next().unwrap_or(arn).to_owned();
        let calls = self.ecs.function_calls.entry(name.clone()).or_insert(0);
        let turn = *calls;
        *calls += 1;
        let scripted = self.schema.hook.iter().find(|hook| hook.function == name);
        let results = scripted.map_or(&[][..], |hook| hook.results.as_slice());
        results.get(turn).or(results.last()).cloned().unwrap_or_else(|| "SUCCEEDED".to_owned())
    }
}
