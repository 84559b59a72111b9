//! The operations of CodeDeploy that change something.

use super::{
    AppSpec, CreateDeployment, Creator, Deployment, DeploymentConfig, DeploymentGroup, DeploymentStatus,
    LifecycleEvent, LifecycleEventName, Phase, RollbackEvent, Running, Traffic, WaitType,
};
use crate::sim::world::{ApiError, ApiResult, World};

/// Most characters of a description (<https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html>).
const DESCRIPTION: usize = 256;
/// Most alarms of a deployment (<https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_AlarmConfiguration.html>).
const ALARMS: usize = 10;

impl World {
    /// Begins a deployment. Its id.
    pub fn create_deployment(&mut self, input: CreateDeployment) -> ApiResult<String> {
        let group = self.known_deployment_group(&input.application, input.group.as_deref())?;
        let content = input.app_spec.as_deref();
        let content = content.ok_or_else(|| ApiError::new("RevisionRequiredException", "Revision is required."))?;
        if input.description.as_ref().is_some_and(|description| description.chars().count() > DESCRIPTION) {
            return Err(ApiError::new("DescriptionTooLongException", "The description is too long."));
        }
        if input.alarms.as_ref().is_some_and(|alarms| alarms.alarms.len() > ALARMS) {
            return Err(ApiError::new("AlarmsLimitExceededException", "A deployment takes at most 10 alarms."));
        }
        let config = input.config.unwrap_or_else(|| group.config.clone());
        let routing = self.known_config(&config)?.routing;
        let app_spec = AppSpec::read(content)?;
        if let Some(active) = self.codedeploy.active(&group.application, &group.name) {
            let message =
                format!("The Deployment Group '{}' already has an active Deployment '{}'", group.name, active.view.id);
            return Err(ApiError::new("DeploymentLimitExceededException", message));
        }
        let before = self.codedeploy.of_group(&group.application, &group.name).rev();
        let previous = before.map(|one| &one.view).find(|view| view.status == DeploymentStatus::Succeeded);
        let view = Deployment {
            previous_revision: previous.map(|view| view.revision.clone()),
            id: self.deployment_id(),
            application: group.application,
            group: group.name,
            config,
            description: input.description,
            creator: Creator::User,
            status: DeploymentStatus::Created,
            error: None,
            revision: app_spec.sha256.clone(),
            created_at: self.now,
            started_at: None,
            completed_at: None,
            rolled_back_by: None,
            rolls_back: None,
            rollback_message: None,
            auto_rollback: input.auto_rollback.unwrap_or(group.auto_rollback),
            own_alarms: input.alarms,
            termination_wait_started: false,
            events: events(&app_spec),
        };
        let id = view.id.clone();
        let facts = vec![
            ("deployment", id.clone()),
            ("taskDefinition", app_spec.task_definition.clone()),
            ("description", view.description.clone().unwrap_or_default()),
        ];
        self.codedeploy.deployments.push(Running {
            view,
            app_spec: Some(app_spec),
            routing,
            original: None,
            replacement: None,
            phase: Phase::Created,
            stop: None,
            updated_at: self.now,
        });
        self.ledger.change(self.now, "CreateDeployment", facts);
        Ok(id)
    }

    /// Has a deployment stop, soon. Without a word on traffic, the deployment's own settings say whether it comes back.
    pub fn stop_deployment(&mut self, id: &str, brings_traffic_back: Option<bool>) -> ApiResult<()> {
        self.unfinished_deployment(id)?;
        let traffic = match brings_traffic_back {
            Some(true) => Traffic::ComesBack,
            Some(false) => Traffic::Stays,
            None => self.falls_back(id, RollbackEvent::Request),
        };
        if let Some(running) = self.codedeploy.find_mut(id) {
            running.stop.get_or_insert(traffic);
        }
        let comes_back = (traffic == Traffic::ComesBack).to_string();
        self.ledger.change(
            self.now,
            "StopDeployment",
            vec![("deployment", id.to_owned()), ("autoRollback", comes_back)],
        );
        Ok(())
    }

    /// Ends a wait of a deployment: lets traffic through, or lets go of the old task set.
    pub fn continue_deployment(&mut self, id: &str, wait: Option<WaitType>) -> ApiResult<()> {
        self.unfinished_deployment(id)?;
        let phase = self.codedeploy.find(id).map_or(Phase::Over, |running| running.phase);
        let wait = wait.unwrap_or(WaitType::Ready);
        let now = self.now;
        match (wait, phase) {
            (WaitType::Ready, Phase::ReadyWait(_)) => {
                if let Some(running) = self.codedeploy.find_mut(id) {
                    running.let_through(now);
                }
            }
            (WaitType::Termination, Phase::TerminationWait(_)) => self.terminate(id, now),
            (WaitType::Ready, _) => {
                let message = format!("Deployment {id} is not in READY_WAIT.");
                return Err(ApiError::new("DeploymentIsNotInReadyStateException", message));
            }
            (WaitType::Termination, _) => {
                let message = format!("Deployment {id} is not in TERMINATION_WAIT.");
                return Err(ApiError::new("InvalidDeploymentStatusException", message));
            }
        }
        let facts = vec![("deployment", id.to_owned()), ("wait", wait.as_str().to_owned())];
        self.ledger.change(now, "ContinueDeployment", facts);
        Ok(())
    }

    /// `d-` and nine letters or digits.
    pub(super) fn deployment_id(&mut self) -> String {
        const LETTERS: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        let mut bits = self.streams.ids.bits();
        let letters = (0..9).map(|_| {
            let letter = LETTERS.get((bits % 36) as usize).copied().unwrap_or(b'A');
            bits /= 36;
            char::from(letter)
        });
        format!("d-{}", letters.collect::<String>())
    }

    pub(super) fn known_deployment_group(&self, application: &str, group: Option<&str>) -> ApiResult<DeploymentGroup> {
        if !self.codedeploy.applications.iter().any(|known| known == application) {
            let message = format!("No application found for name: {application}");
            return Err(ApiError::new("ApplicationDoesNotExistException", message));
        }
        let group = group
            .ok_or_else(|| ApiError::new("DeploymentGroupNameRequiredException", "Deployment Group name is missing"))?;
        self.codedeploy.group(application, group).cloned().ok_or_else(|| {
            let message = format!("No Deployment Group found for name: {group}");
            ApiError::new("DeploymentGroupDoesNotExistException", message)
        })
    }

    pub(super) fn known_config(&self, name: &str) -> ApiResult<DeploymentConfig> {
        let found = self.codedeploy.configs.iter().find(|config| config.name == name).cloned();
        found.ok_or_else(|| {
            let message = format!("No Deployment Configuration found for name: {name}");
            ApiError::new("DeploymentConfigDoesNotExistException", message)
        })
    }

    pub(super) fn known_deployment(&self, id: &str) -> ApiResult<&Running> {
        let written = id.strip_prefix("d-").is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        });
        if !written {
            let message = format!("Specified DeploymentId is not in the valid format: {id}");
            return Err(ApiError::new("InvalidDeploymentIdException", message));
        }
        self.codedeploy.find(id).ok_or_else(|| {
            let message = format!("The deployment {id} could not be found");
            ApiError::new("DeploymentDoesNotExistException", message)
        })
    }

    fn unfinished_deployment(&self, id: &str) -> ApiResult<()> {
        if self.known_deployment(id)?.view.status.is_final() {
            let message = format!("The deployment {id} is already completed.");
            return Err(ApiError::new("DeploymentAlreadyCompletedException", message));
        }
        Ok(())
    }
}

fn events(app_spec: &AppSpec) -> Vec<LifecycleEvent> {
    let function = |name| app_spec.function_at(name).map(str::to_owned);
    LifecycleEventName::ALL.iter().map(|&name| LifecycleEvent::pending(name, function(name))).collect()
}
