//! Task definitions: green's is blue's with another image.

use aws_sdk_ecs::config;
use aws_sdk_ecs::operation::register_task_definition::builders::RegisterTaskDefinitionFluentBuilder;
use aws_sdk_ecs::types::{SortOrder, Tag, TaskDefinition, TaskDefinitionField, TaskDefinitionStatus};

use super::Aws;
use super::connect::sent_once;
use super::errors::{during, unexpected};
use crate::cloud::{CloudError, RELEASE_TAG, Registration};
use crate::domain::ids::TaskDefinitionArn;

/// The operation that reads a task definition.
pub(super) const DESCRIBE: &str = "ecs:DescribeTaskDefinition";
const LIST: &str = "ecs:ListTaskDefinitions";
const REGISTER: &str = "ecs:RegisterTaskDefinition";

/// How many of the newest revisions are looked at for a release's own.
const LOOKED_AT: usize = 40;

/// Registers green's task definition, or finds the one that an earlier try has registered.
pub(super) async fn register(aws: &Aws, request: &Registration<'_>) -> Result<TaskDefinitionArn, CloudError> {
    let (base, tags) = describe(aws, request.base.as_str()).await?;
    if request.look_first
        && let Some(found) = find(aws, &base, request.release).await?
    {
        return Ok(found);
    }
    let call = copy(aws.ecs.register_task_definition(), base, request)?;
    let call = call.set_tags(Some(tags_of(tags, request.release)));
    let once = config::Builder::new().retry_config(sent_once());
    let answer = call.customize().config_override(once).send().await.map_err(during(REGISTER))?;
    let arn = answer.task_definition.and_then(|definition| definition.task_definition_arn);
    arn.map(TaskDefinitionArn).ok_or_else(|| unexpected(REGISTER, "an answer without an ARN"))
}

/// A task definition with its tags.
pub(super) async fn describe(aws: &Aws, arn: &str) -> Result<(TaskDefinition, Vec<Tag>), CloudError> {
    let call = aws.ecs.describe_task_definition().task_definition(arn).include(TaskDefinitionField::Tags);
    let answer = call.send().await.map_err(during(DESCRIBE))?;
    let definition = answer.task_definition.ok_or_else(|| unexpected(DESCRIBE, format!("nothing about {arn}")))?;
    Ok((definition, answer.tags.unwrap_or_default()))
}

/// The revision after `base` that carries the release's tag, if there is one.
async fn find(aws: &Aws, base: &TaskDefinition, release: &str) -> Result<Option<TaskDefinitionArn>, CloudError> {
    let call = aws
        .ecs
        .list_task_definitions()
        .family_prefix(base.family().unwrap_or_default())
        .status(TaskDefinitionStatus::Active)
        .sort(SortOrder::Desc)
        .max_results(i32::try_from(LOOKED_AT).unwrap_or(i32::MAX));
    let newest = call.send().await.map_err(during(LIST))?.task_definition_arns.unwrap_or_default();
    // A copy is always newer than what it was made of.
    for arn in newest.into_iter().take_while(|arn| revision_of(arn).is_some_and(|revision| revision > base.revision)) {
        let (_, tags) = describe(aws, &arn).await?;
        if tags.iter().any(|tag| tag.key() == Some(RELEASE_TAG) && tag.value() == Some(release)) {
            return Ok(Some(TaskDefinitionArn(arn)));
        }
    }
    Ok(None)
}

fn revision_of(arn: &str) -> Option<i32> {
    arn.rsplit(':').next()?.parse().ok()
}

/// Copies every setting of `base` with the container's image replaced. What ECS itself adds stays behind, and so do
/// inference accelerators, which AWS no longer has.
fn copy(
    call: RegisterTaskDefinitionFluentBuilder,
    base: TaskDefinition,
    request: &Registration<'_>,
) -> Result<RegisterTaskDefinitionFluentBuilder, CloudError> {
    let missing = no_such_container(REGISTER, &base, request.container);
    let mut containers = base.container_definitions.unwrap_or_default();
    let released = containers.iter_mut().find(|container| container.name() == Some(request.container));
    released.ok_or(missing)?.image = Some(request.image.0.clone());
    Ok(call
        .set_family(base.family)
        .set_task_role_arn(base.task_role_arn)
        .set_execution_role_arn(base.execution_role_arn)
        .set_network_mode(base.network_mode)
        .set_container_definitions(Some(containers))
        .set_volumes(base.volumes)
        .set_placement_constraints(base.placement_constraints)
        .set_requires_compatibilities(base.requires_compatibilities)
        .set_cpu(base.cpu)
        .set_memory(base.memory)
        .set_pid_mode(base.pid_mode)
        .set_ipc_mode(base.ipc_mode)
        .set_proxy_configuration(base.proxy_configuration)
        .set_ephemeral_storage(base.ephemeral_storage)
        .set_runtime_platform(base.runtime_platform)
        .set_enable_fault_injection(base.enable_fault_injection))
}

/// The error for a container that a task definition does not have.
pub(super) fn no_such_container(operation: &'static str, definition: &TaskDefinition, container: &str) -> CloudError {
    let names: Vec<&str> = definition.container_definitions().iter().filter_map(|found| found.name()).collect();
    let family = definition.family().unwrap_or("?");
    unexpected(
        operation,
        format!("`{family}` has no container `{container}` with an image; it has {}", names.join(", ")),
    )
}

/// The base's tags and the release's own. Tags under `aws:` are AWS's, and it refuses them from others.
fn tags_of(base: Vec<Tag>, release: &str) -> Vec<Tag> {
    let is_kept = |tag: &Tag| tag.key().is_some_and(|key| !key.starts_with("aws:") && key != RELEASE_TAG);
    let own = Tag::builder().key(RELEASE_TAG).value(release).build();
    base.into_iter().filter(is_kept).chain([own]).collect()
}
