//! CodeDeploy.

mod show;

use super::input::Input;
use super::page::page;
use super::service::Service;
use super::value::{Fields, Value};
use crate::sim::world::codedeploy::{
    AlarmConfiguration, AutoRollback, CreateDeployment, DeploymentStatus, ListDeployments, RollbackEvent, WaitType,
};
use crate::sim::world::{ApiError, ApiResult, World};

/// Names or ids on a page.
const PAGE: usize = 100;
/// Most deployments or targets of one batch
/// (<https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_BatchGetDeployments.html>).
const BATCH: usize = 25;

pub(super) fn call(world: &mut World, operation: &str, input: Input<'_>) -> ApiResult<Value> {
    match operation {
        "ListApplications" => listed(operation, input, "applications", world.list_applications()?),
        "ListDeploymentGroups" => {
            let application = input.required("applicationName")?;
            let found = world.list_deployment_groups(application)?;
            let listed = paged(operation, input, "deploymentGroups", found)?;
            Ok(listed.with("applicationName", application).into())
        }
        "GetDeploymentGroup" => {
            let (application, group) = (input.required("applicationName")?, input.required("deploymentGroupName")?);
            let shown = world.get_deployment_group(application, group)?;
            Ok(Fields::new().with("deploymentGroupInfo", show::group(shown)).into())
        }
        "GetDeploymentConfig" => {
            let config = world.get_deployment_config(input.required("deploymentConfigName")?)?;
            Ok(Fields::new().with("deploymentConfigInfo", show::config(config)).into())
        }
        "CreateDeployment" => {
            let id = world.create_deployment(creation(input)?)?;
            Ok(Fields::new().with("deploymentId", id).into())
        }
        "GetDeployment" => {
            let shown = world.get_deployment(input.required("deploymentId")?)?;
            Ok(Fields::new().with("deploymentInfo", show::deployment(shown)).into())
        }
        "BatchGetDeployments" => {
            let found = world.batch_get_deployments(&batch(input, "deploymentIds", "deploymentId")?)?;
            Ok(Fields::new().with("deploymentsInfo", Value::list(found.into_iter().map(show::deployment))).into())
        }
        "ListDeployments" => {
            let found = world.list_deployments(&deployments_wanted(input)?)?;
            listed(operation, input, "deployments", found)
        }
        "StopDeployment" => {
            world.stop_deployment(input.required("deploymentId")?, input.flag("autoRollbackEnabled")?)?;
            // https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_StopDeployment.html
            Ok(Fields::new().with("status", "Pending").with("statusMessage", "Deployment is being stopped.").into())
        }
        "ContinueDeployment" => {
            let wait = match input.text("deploymentWaitType")? {
                None => None,
                Some(word) => Some(WaitType::parse(word).ok_or_else(|| {
                    let message = format!("The deployment wait type {word} is not valid.");
                    ApiError::new("InvalidDeploymentWaitTypeException", message)
                })?),
            };
            world.continue_deployment(input.required("deploymentId")?, wait)?;
            Ok(Value::nothing())
        }
        "ListDeploymentTargets" => {
            let found = world.list_deployment_targets(input.required("deploymentId")?)?;
            listed(operation, input, "targetIds", found)
        }
        "GetDeploymentTarget" => {
            let (deployment, target) = (input.required("deploymentId")?, input.required("targetId")?);
            let shown = world.get_deployment_target(deployment, target)?;
            Ok(Fields::new().with("deploymentTarget", show::target(shown)).into())
        }
        "BatchGetDeploymentTargets" => {
            let deployment = input.required("deploymentId")?;
            let wanted = batch(input, "targetIds", "targetId")?;
            let found = wanted.iter().map(|target| world.get_deployment_target(deployment, target));
            let found = found.collect::<ApiResult<Vec<_>>>()?;
            Ok(Fields::new().with("deploymentTargets", Value::list(found.into_iter().map(show::target))).into())
        }
        _ => Err(Service::CodeDeploy.unknown_operation(operation)),
    }
}

/// CodeDeploy has an exception of its own for each parameter that has to be there.
pub(super) fn missing(name: &str) -> ApiError {
    let (code, what) = match name {
        "applicationName" => ("ApplicationNameRequiredException", "Application name"),
        "deploymentGroupName" => ("DeploymentGroupNameRequiredException", "Deployment Group name"),
        "deploymentConfigName" => ("DeploymentConfigNameRequiredException", "Deployment Configuration name"),
        "deploymentId" => ("DeploymentIdRequiredException", "Deployment ID"),
        "targetId" => ("DeploymentTargetIdRequiredException", "Deployment target ID"),
        _ => return ApiError::new("InvalidInputException", format!("{name} is missing")),
    };
    ApiError::new(code, format!("{what} is missing"))
}

fn paged(operation: &str, input: Input<'_>, name: &'static str, found: Vec<String>) -> ApiResult<Fields> {
    let (shown, next) = page(Service::CodeDeploy, operation, found, input.text("nextToken")?, PAGE)?;
    Ok(Fields::new().with(name, shown).maybe("nextToken", next))
}

fn listed(operation: &str, input: Input<'_>, name: &'static str, found: Vec<String>) -> ApiResult<Value> {
    paged(operation, input, name, found).map(Value::from)
}

/// The ids of a batch; `one` names the parameter that an empty one lacks.
fn batch(input: Input<'_>, name: &str, one: &str) -> ApiResult<Vec<String>> {
    let ids = input.texts(name)?;
    match ids.len() {
        0 => Err(missing(one)),
        count if count > BATCH => {
            let message = format!("{name} can have at most {BATCH} items.");
            Err(ApiError::new("BatchLimitExceededException", message))
        }
        _ => Ok(ids),
    }
}

fn creation(input: Input<'_>) -> ApiResult<CreateDeployment> {
    let application = input.required("applicationName")?.to_owned();
    let revision = input.member("revision");
    if let Some(kind) = revision.map(|it| it.text("revisionType")).transpose()?.flatten()
        && kind != "AppSpecContent"
    {
        let message = format!("Revisions of the type {kind} are not simulated: send the AppSpec itself.");
        return Err(ApiError::new("InvalidRevisionException", message));
    }
    let content = revision.and_then(|it| it.member("appSpecContent"));
    Ok(CreateDeployment {
        application,
        group: input.string("deploymentGroupName")?,
        config: input.string("deploymentConfigName")?,
        description: input.string("description")?,
        app_spec: content.map(|it| it.string("content")).transpose()?.flatten(),
        auto_rollback: input.member("autoRollbackConfiguration").map(auto_rollback).transpose()?,
        alarms: input.member("overrideAlarmConfiguration").map(alarms).transpose()?,
    })
}

fn auto_rollback(it: Input<'_>) -> ApiResult<AutoRollback> {
    let events = it.texts("events")?.into_iter().map(|word| {
        RollbackEvent::parse(&word).ok_or_else(|| {
            ApiError::new("InvalidAutoRollbackConfigException", format!("{word} is no event that rolls back."))
        })
    });
    Ok(AutoRollback { enabled: it.flag("enabled")?.unwrap_or(false), events: events.collect::<ApiResult<_>>()? })
}

fn alarms(it: Input<'_>) -> ApiResult<AlarmConfiguration> {
    let names = it.members("alarms")?.into_iter().filter_map(|alarm| alarm.string("name").transpose());
    Ok(AlarmConfiguration {
        enabled: it.flag("enabled")?.unwrap_or(false),
        ignore_poll_failure: it.flag("ignorePollAlarmFailure")?.unwrap_or(false),
        alarms: names.collect::<ApiResult<_>>()?,
    })
}

fn deployments_wanted(input: Input<'_>) -> ApiResult<ListDeployments> {
    // https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_ListDeployments.html: both, or neither.
    let of = match (input.string("applicationName")?, input.string("deploymentGroupName")?) {
        (Some(application), Some(group)) => Some((application, group)),
        (None, None) => None,
        (Some(_), None) => return Err(missing("deploymentGroupName")),
        (None, Some(_)) => return Err(missing("applicationName")),
    };
    let statuses = input.texts("includeOnlyStatuses")?.into_iter().map(|word| {
        DeploymentStatus::parse(&word).ok_or_else(|| {
            ApiError::new("InvalidDeploymentStatusException", format!("{word} is no status of a deployment."))
        })
    });
    let range = input.member("createTimeRange");
    Ok(ListDeployments {
        of,
        statuses: statuses.collect::<ApiResult<_>>()?,
        from: range.map(|it| it.time("start")).transpose()?.flatten(),
        to: range.map(|it| it.time("end")).transpose()?.flatten(),
    })
}
