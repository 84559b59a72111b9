//! The operations on service deployments and revisions.

use super::super::{Described, Failure};
use super::{HookAction, HookStatus, Revision, RolloutStatus, ServiceDeployment, StopType};
use crate::domain::time::Timestamp;
use crate::sim::world::{ApiError, ApiResult, World};

/// Input of `ListServiceDeployments`.
#[derive(Clone, Debug, Default)]
pub struct ListServiceDeployments {
    /// Cluster name or ARN; the default cluster without it.
    pub cluster: Option<String>,
    /// The service's name or ARN.
    pub service: String,
    /// Only these; all without any.
    pub statuses: Vec<RolloutStatus>,
    /// Only those created after.
    pub after: Option<Timestamp>,
    /// Only those created before.
    pub before: Option<Timestamp>,
}

impl World {
    /// A service's deployments, newest first; the wire layer pages.
    pub fn list_service_deployments(&self, input: &ListServiceDeployments) -> ApiResult<Vec<ServiceDeployment>> {
        self.known_cluster(input.cluster.as_deref())?;
        let missing = || ApiError::new("ServiceNotFoundException", "Service not found.");
        let service = self.service_index(&input.service).ok_or_else(missing)?;
        let of_service = self.ecs.rollouts.iter().rev().filter(|rollout| rollout.service == service);
        let found = of_service.map(|rollout| &rollout.view).filter(|view| {
            (input.statuses.is_empty() || input.statuses.contains(&view.status))
                && input.after.is_none_or(|after| view.created_at > after)
                && input.before.is_none_or(|before| view.created_at < before)
        });
        Ok(found.cloned().collect())
    }

    /// Shows service deployments by ARN.
    pub fn describe_service_deployments(&self, arns: &[String]) -> ApiResult<Described<ServiceDeployment>> {
        if arns.is_empty() {
            return Err(ApiError::new("InvalidParameterException", "serviceDeploymentArns cannot be empty."));
        }
        Ok(described(arns, |arn| {
            self.ecs.rollouts.iter().find(|rollout| rollout.view.arn == arn).map(|rollout| rollout.view.clone())
        }))
    }

    /// Shows service revisions by ARN.
    pub fn describe_service_revisions(&self, arns: &[String]) -> ApiResult<Described<Revision>> {
        if arns.is_empty() {
            return Err(ApiError::new("InvalidParameterException", "serviceRevisionArns cannot be empty."));
        }
        Ok(described(arns, |arn| self.ecs.revisions.iter().find(|one| one.arn == arn).cloned()))
    }

    /// Stops a deployment and has it go back.
    pub fn stop_service_deployment(&mut self, arn: &str, stop: StopType) -> ApiResult<String> {
        let number = self.rollout(arn)?;
        if stop == StopType::Abort {
            return Err(ApiError::new("InvalidParameterException", "The stop type ABORT is not supported."));
        }
        let at = self.now;
        let view = self.ecs.rollouts.get(number).map(|rollout| (rollout.view.status, rollout.view.sources.is_empty()));
        match view {
            Some((RolloutStatus::Pending | RolloutStatus::InProgress, true)) => {
                return Err(ApiError::new(
                    "ConflictException",
                    "There is no earlier service revision to roll back to.",
                ));
            }
            Some((RolloutStatus::Pending | RolloutStatus::InProgress, false)) => {
                self.go_back(number, "Service deployment rolled back because it was stopped by a user.", at);
            }
            // "The service deployment continues the rollback operation."
            Some((
                RolloutStatus::StopRequested | RolloutStatus::RollbackRequested | RolloutStatus::RollbackInProgress,
                _,
            )) => {}
            _ => {
                let message = "The service deployment cannot be stopped: it has completed.";
                return Err(ApiError::new("ConflictException", message));
            }
        }
        self.ledger.change(at, "StopServiceDeployment", vec![("deployment", arn.to_owned())]);
        Ok(arn.to_owned())
    }

    /// Answers a pause. "If no value is specified, the default action is CONTINUE."
    pub fn continue_service_deployment(&mut self, arn: &str, hook: &str, action: HookAction) -> ApiResult<String> {
        let number = self.rollout(arn)?;
        let refuse = |message: &str| Err(ApiError::new("InvalidParameterException", message));
        let Some(rollout) = self.ecs.rollouts.get_mut(number) else {
            return refuse("The service deployment was not found.");
        };
        // "The deployment must be in the IN_PROGRESS state", "the pause hook must be in AWAITING_ACTION status":
        // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/continue-service-deployment.html
        if rollout.view.status != RolloutStatus::InProgress {
            return refuse("The service deployment is not in the IN_PROGRESS state.");
        }
        let Some(found) = rollout.view.hooks.iter_mut().find(|known| known.id == hook) else {
            return refuse("The lifecycle hook was not found.");
        };
        if found.status != HookStatus::AwaitingAction {
            return refuse("The lifecycle hook is not in AWAITING_ACTION status.");
        }
        let at = self.now;
        match action {
            HookAction::Continue => found.status = HookStatus::Succeeded,
            HookAction::Rollback => {
                found.status = HookStatus::Failed;
                self.go_back(number, "Service deployment rolled back at a lifecycle hook by a user.", at);
            }
        }
        let facts =
            vec![("deployment", arn.to_owned()), ("hook", hook.to_owned()), ("action", action.as_str().to_owned())];
        self.ledger.change(at, "ContinueServiceDeployment", facts);
        Ok(arn.to_owned())
    }

    fn rollout(&self, arn: &str) -> ApiResult<usize> {
        let missing = || ApiError::new("ServiceDeploymentNotFoundException", "The service deployment was not found.");
        self.ecs.rollouts.iter().position(|rollout| rollout.view.arn == arn).ok_or_else(missing)
    }
}

fn described<T>(arns: &[String], find: impl Fn(&str) -> Option<T>) -> Described<T> {
    let mut described = Described { found: Vec::new(), failures: Vec::new() };
    for arn in arns {
        match find(arn) {
            Some(found) => described.found.push(found),
            None => described.failures.push(Failure { arn: arn.clone(), reason: "MISSING" }),
        }
    }
    described
}
