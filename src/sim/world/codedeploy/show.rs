//! The operations of CodeDeploy that only look.

use super::{
    DeploymentConfig, DeploymentStatus, DeploymentTarget, LastDeployment, ListDeployments, Phase, Running,
    ShownDeployment, ShownGroup, TargetStatus, TargetTaskSet,
};
use crate::sim::world::ecs::ServiceState;
use crate::sim::world::{ApiError, ApiResult, World};

impl World {
    /// Names of all applications; the wire layer pages.
    pub fn list_applications(&self) -> ApiResult<Vec<String>> {
        Ok(self.codedeploy.applications.clone())
    }

    /// Names of an application's deployment groups; the wire layer pages.
    pub fn list_deployment_groups(&self, application: &str) -> ApiResult<Vec<String>> {
        if !self.codedeploy.applications.iter().any(|known| known == application) {
            let message = format!("No application found for name: {application}");
            return Err(ApiError::new("ApplicationDoesNotExistException", message));
        }
        let groups = self.codedeploy.groups.iter().filter(|group| group.application == application);
        Ok(groups.map(|group| group.name.clone()).collect())
    }

    /// Shows a deployment group.
    pub fn get_deployment_group(&self, application: &str, group: &str) -> ApiResult<ShownGroup> {
        let group = self.known_deployment_group(application, Some(group))?;
        let last = |one: &Running| LastDeployment {
            id: one.view.id.clone(),
            status: one.view.status,
            created_at: one.view.created_at,
            ended_at: one.view.completed_at,
        };
        let newest = || self.codedeploy.of_group(&group.application, &group.name).rev();
        let successful = newest().find(|one| one.view.status == DeploymentStatus::Succeeded);
        let last_successful = successful.map(last);
        let last_attempted = newest().next().map(last);
        let target_revision = newest().next().map(|one| one.view.revision.clone()).filter(|it| !it.is_empty());
        Ok(ShownGroup { group, last_successful, last_attempted, target_revision })
    }

    /// Shows a deployment configuration.
    pub fn get_deployment_config(&self, name: &str) -> ApiResult<DeploymentConfig> {
        self.known_config(name)
    }

    /// Shows a deployment.
    pub fn get_deployment(&self, id: &str) -> ApiResult<ShownDeployment> {
        let view = self.known_deployment(id)?.view.clone();
        let group = self.known_deployment_group(&view.application, Some(&view.group))?;
        Ok(ShownDeployment { deployment: view, group })
    }

    /// Shows those of these deployments that exist.
    pub fn batch_get_deployments(&self, ids: &[String]) -> ApiResult<Vec<ShownDeployment>> {
        Ok(ids.iter().filter_map(|id| self.get_deployment(id).ok()).collect())
    }

    /// Ids of deployments, newest first; the wire layer pages.
    pub fn list_deployments(&self, input: &ListDeployments) -> ApiResult<Vec<String>> {
        if let Some((application, group)) = &input.of {
            self.known_deployment_group(application, Some(group))?;
        }
        let deployments = self.codedeploy.deployments.iter().rev().map(|one| &one.view);
        let wanted = deployments.filter(|view| {
            input
                .of
                .as_ref()
                .is_none_or(|(application, group)| view.application == *application && view.group == *group)
                && (input.statuses.is_empty() || input.statuses.contains(&view.status))
                && input.from.is_none_or(|from| view.created_at >= from)
                && input.to.is_none_or(|to| view.created_at <= to)
        });
        Ok(wanted.map(|view| view.id.clone()).collect())
    }

    /// Ids of a deployment's targets: its service.
    pub fn list_deployment_targets(&self, deployment: &str) -> ApiResult<Vec<String>> {
        Ok(vec![self.target(deployment)?.id])
    }

    /// Shows a target of a deployment.
    pub fn get_deployment_target(&self, deployment: &str, target: &str) -> ApiResult<DeploymentTarget> {
        let found = self.target(deployment)?;
        if found.id != target {
            let message = format!("The deployment target {target} does not exist in deployment {deployment}");
            return Err(ApiError::new("DeploymentTargetDoesNotExistException", message));
        }
        Ok(found)
    }

    fn target(&self, id: &str) -> ApiResult<DeploymentTarget> {
        let running = self.known_deployment(id)?;
        let group = self.known_deployment_group(&running.view.application, Some(&running.view.group))?;
        if running.view.started_at.is_none() && !running.view.status.is_final() {
            let message = format!("The deployment {id} has not started.");
            return Err(ApiError::new("DeploymentNotStartedException", message));
        }
        let service = self.ecs.services.iter().map(ServiceState::view).find(|service| service.name == group.service);
        let task_sets = service.iter().flat_map(|service| &service.task_sets).map(|set| {
            let first = set.load_balancers.first();
            let index = first.and_then(|one| self.elb.group_index(&one.target_group_arn));
            let target_group = index.and_then(|index| self.elb.groups.get(index));
            let target_group = target_group.map(|group| group.view.name.clone()).unwrap_or_default();
            TargetTaskSet {
                id: set.id.clone(),
                counts: [set.desired, set.pending, set.running],
                status: set.status.as_str(),
                weight: self.production_share(&group, &target_group),
                target_group,
                label: if running.replacement.as_ref() == Some(&set.id) { "Green" } else { "Blue" },
            }
        });
        Ok(DeploymentTarget {
            deployment: id.to_owned(),
            id: format!("{}:{}", group.cluster, group.service),
            arn: service.map(|service| service.arn.clone()).unwrap_or_default(),
            status: running.target_status(),
            updated_at: running.updated_at,
            events: running.view.events.clone(),
            task_sets: task_sets.collect(),
        })
    }
}

impl Running {
    /// CodeDeploy takes the target for done before it waits to let go of the old task set.
    fn target_status(&self) -> TargetStatus {
        match (self.view.status, self.phase) {
            (DeploymentStatus::Created | DeploymentStatus::Queued, _) => TargetStatus::Pending,
            (DeploymentStatus::Ready, _) => TargetStatus::Ready,
            (_, Phase::TerminationWait(_)) | (DeploymentStatus::Succeeded, _) => TargetStatus::Succeeded,
            (DeploymentStatus::InProgress | DeploymentStatus::Baking, _) => TargetStatus::InProgress,
            (DeploymentStatus::Failed | DeploymentStatus::Stopped, _) => TargetStatus::Failed,
        }
    }
}
