//! Services as clients create, change and see them.

use std::collections::VecDeque;

use super::state::ServiceState;
use super::{
    CreateService, Deployment, DeploymentController, DeploymentStatus, Described, Failure, Revision, RolloutState,
    Service, ServiceStatus, TaskDefinition, UpdateService,
};
use crate::sim::world::elb::Lagging;
use crate::sim::world::{ApiError, ApiResult, World};

/// The network that services are created in.
const SUBNETS: [&str; 2] = ["subnet-0a1b2c3d4e5f60718", "subnet-08f7e6d5c4b3a2910"];

impl World {
    /// Creates a service and starts its first deployment.
    pub fn create_service(&mut self, input: CreateService) -> ApiResult<Service> {
        self.known_cluster(input.cluster.as_deref())?;
        let definition = self.usable_definition(&input.task_definition)?;
        if self.ecs.services.iter().any(|service| service.view().name == input.name) {
            let message = "Creation of service was not idempotent.";
            return Err(ApiError::new("InvalidParameterException", message));
        }
        let unknown = |arn: &&String| self.elb.group_index(arn).is_none();
        if let Some(arn) = input.load_balancers.iter().map(|one| &one.target_group_arn).find(unknown) {
            let message = format!("The target group {arn} does not have an associated load balancer.");
            return Err(ApiError::new("InvalidParameterException", message));
        }
        input.deployment_configuration.check(&input.load_balancers)?;
        let cluster = &self.schema.aws.cluster;
        let view = Service {
            arn: self.ecs_arn(&format!("service/{cluster}/{}", input.name)),
            cluster_arn: self.ecs_arn(&format!("cluster/{cluster}")),
            name: input.name,
            status: ServiceStatus::Active,
            task_definition: definition.arn.clone(),
            desired: input.desired,
            running: 0,
            pending: 0,
            controller: input.controller.unwrap_or(DeploymentController::Ecs),
            deployments: Vec::new(),
            task_sets: Vec::new(),
            events: VecDeque::new(),
            load_balancers: input.load_balancers,
            deployment_configuration: input.deployment_configuration,
            health_check_grace_seconds: input.health_check_grace_seconds,
            subnets: SUBNETS.map(str::to_owned).to_vec(),
            created_at: self.now,
            tags: input.tags,
        };
        let index = self.ecs.services.len();
        let (now, name, controller) = (self.now, view.name.clone(), view.controller);
        let lagging = Lagging::new(view);
        let (failures, start_after, steady, settled, last_good) = (0, now, false, None, None);
        self.ecs.services.push(ServiceState { lagging, failures, start_after, steady, settled, last_good });
        match controller {
            DeploymentController::Ecs => self.begin_rollout(index, &definition),
            DeploymentController::CodeDeploy => self.create_first_task_set(index, &definition),
        }
        self.ledger.change(now, "CreateService", vec![("service", name)]);
        self.shown_service(index)
    }

    /// Shows services by name or ARN.
    pub fn describe_services(&self, cluster: Option<&str>, services: &[String]) -> ApiResult<Described<Service>> {
        self.known_cluster(cluster)?;
        if services.is_empty() {
            return Err(ApiError::new("InvalidParameterException", "Services cannot be empty."));
        }
        let mut described = Described { found: Vec::new(), failures: Vec::new() };
        for name in services {
            match self.service_index(name).and_then(|index| self.ecs.services.get(index)) {
                Some(service) => described.found.push(service.lagging.seen(self.now).clone()),
                None => {
                    let short = name.rsplit_once('/').map_or(name.as_str(), |(_, short)| short);
                    let arn = self.ecs_arn(&format!("service/{}/{short}", self.schema.aws.cluster));
                    described.failures.push(Failure { arn, reason: "MISSING" });
                }
            }
        }
        Ok(described)
    }

    /// ARNs of all services; the wire layer pages.
    pub fn list_services(&self, cluster: Option<&str>) -> ApiResult<Vec<String>> {
        self.known_cluster(cluster)?;
        Ok(self.ecs.services.iter().map(|service| service.view().arn.clone()).collect())
    }

    /// Changes a service; a changed task definition or a forced deployment starts a new deployment.
    pub fn update_service(&mut self, input: UpdateService) -> ApiResult<Service> {
        self.known_cluster(input.cluster.as_deref())?;
        let index = self.service_index(&input.service);
        let index = index.ok_or_else(|| ApiError::new("ServiceNotFoundException", "Service not found."))?;
        let definition = match &input.task_definition {
            Some(name) => Some(self.usable_definition(name)?),
            None => None,
        };
        let (now, until) = (self.now, self.now + self.schema.consistency.services);
        let Some(service) = self.ecs.services.get_mut(index) else {
            return Err(ApiError::new("ServiceNotFoundException", "Service not found."));
        };
        if service.view().status != ServiceStatus::Active {
            return Err(ApiError::new("ServiceNotActiveException", "Service was not ACTIVE."));
        }
        check_controller(&input, service.view().controller)?;
        let balancers = input.load_balancers.as_ref().unwrap_or(&service.view().load_balancers);
        input.deployment_configuration.as_ref().map_or(Ok(()), |wanted| wanted.check(balancers))?;
        service.lagging.lag_until(until);
        let view = &mut service.lagging.view;
        if let Some(balancers) = input.load_balancers {
            view.load_balancers = balancers;
        }
        if let Some(configuration) = input.deployment_configuration {
            view.deployment_configuration = configuration;
        }
        view.health_check_grace_seconds = input.health_check_grace_seconds.unwrap_or(view.health_check_grace_seconds);
        let has_moved = input.subnets.as_ref().is_some_and(|subnets| *subnets != view.subnets);
        if let Some(subnets) = input.subnets {
            view.subnets = subnets;
        }
        if let Some(desired) = input.desired {
            view.desired = desired;
            (service.steady, service.settled) = (false, None);
            if let Some(primary) = service.primary() {
                primary.desired = desired;
                primary.updated_at = now;
            }
        }
        let current = service.view().task_definition.clone();
        let changed = definition.as_ref().is_some_and(|definition| definition.arn != current);
        let name = service.view().name.clone();
        let desired = service.view().desired;
        let facts = vec![
            ("service", name),
            ("taskDefinition", definition.as_ref().map_or_else(|| current.clone(), |one| one.arn.clone())),
            ("desiredCount", desired.to_string()),
            ("forceNewDeployment", input.force_new_deployment.to_string()),
        ];
        if changed || has_moved || input.force_new_deployment {
            let definition = match definition {
                Some(definition) => definition,
                None => self.find_definition(&current)?.clone(),
            };
            self.begin_rollout(index, &definition);
        }
        self.ledger.change(now, "UpdateService", facts);
        self.shown_service(index)
    }

    /// Makes `definition` the primary deployment of a service.
    pub(super) fn start_deployment(&mut self, index: usize, definition: &TaskDefinition, revision: &Revision) {
        let number = self.streams.ids.bits();
        let id = format!("ecs-svc/{:019}", number % 10_000_000_000_000_000_000);
        let at = self.now;
        let Some(service) = self.ecs.services.get_mut(index) else { return };
        (service.steady, service.failures, service.start_after) = (false, 0, at);
        service.settled = None;
        let view = &mut service.lagging.view;
        for deployment in &mut view.deployments {
            deployment.status = DeploymentStatus::Active;
            deployment.updated_at = at;
        }
        view.task_definition.clone_from(&definition.arn);
        view.deployments.insert(
            0,
            Deployment {
                rollout_state_reason: format!("ECS deployment {id} in progress."),
                id,
                revision: revision.arn.clone(),
                target_group: revision.target_group.clone(),
                status: DeploymentStatus::Primary,
                task_definition: definition.arn.clone(),
                desired: view.desired,
                running: 0,
                pending: 0,
                failed_tasks: 0,
                created_at: at,
                updated_at: at,
                rollout_state: RolloutState::InProgress,
            },
        );
    }

    fn shown_service(&self, index: usize) -> ApiResult<Service> {
        let service = self.ecs.services.get(index);
        let service = service.ok_or_else(|| ApiError::new("ServiceNotFoundException", "Service not found."))?;
        Ok(service.view().clone())
    }

    pub(super) fn service_index(&self, name: &str) -> Option<usize> {
        let matches = |service: &ServiceState| service.view().arn == name || service.view().name == name;
        self.ecs.services.iter().position(matches)
    }

    pub(super) fn known_cluster(&self, cluster: Option<&str>) -> ApiResult<()> {
        let name = &self.schema.aws.cluster;
        match cluster {
            Some(given) if given != name && given != self.ecs_arn(&format!("cluster/{name}")) => {
                Err(ApiError::new("ClusterNotFoundException", "Cluster not found."))
            }
            _ => Ok(()),
        }
    }
}

/// What may be asked of a service whose tasks CodeDeploy replaces: another count, configuration or grace, and nothing that
/// would need a deployment (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html>).
fn check_controller(input: &UpdateService, controller: DeploymentController) -> ApiResult<()> {
    let asked = match controller {
        DeploymentController::Ecs => return Ok(()),
        DeploymentController::CodeDeploy if input.task_definition.is_some() => "update task definition",
        DeploymentController::CodeDeploy if input.subnets.is_some() => "update network parameters",
        DeploymentController::CodeDeploy if input.force_new_deployment => "force a new deployment",
        DeploymentController::CodeDeploy => return Ok(()),
    };
    let message = format!(
        "Unable to {asked} on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to trigger a new \
         deployment."
    );
    Err(ApiError::new("InvalidParameterException", message))
}
