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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cloud::aws::testing::{self, Reply, Script};
    use crate::cloud::{Cloud as _, ErrorKind};
    use crate::domain::ids::Version;

    const ARN: &str = "arn:aws:ecs:eu-west-1:123456789012:task-definition/api:41";
    const RELEASE: &str = "production/api/41/1795161600000";

    /// Every setting that a task definition can have.
    fn settings() -> Value {
        json!({
            "family": "api",
            "taskRoleArn": "arn:aws:iam::123456789012:role/api",
            "executionRoleArn": "arn:aws:iam::123456789012:role/exec",
            "networkMode": "awsvpc",
            "containerDefinitions": [
                { "name": "api", "image": "api:4f2c1e9", "essential": true, "stopTimeout": 30,
                  "environment": [{ "name": "A", "value": "1" }],
                  "secrets": [{ "name": "DB", "valueFrom": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db" }],
                  "healthCheck": { "command": ["CMD", "true"], "interval": 10, "timeout": 2, "retries": 3 },
                  "dependsOn": [{ "containerName": "proxy", "condition": "START" }] },
                { "name": "proxy", "image": "envoy:1.30" },
            ],
            "volumes": [{ "name": "scratch", "host": {} }],
            "placementConstraints": [{ "type": "memberOf", "expression": "attribute:ecs.os-type == linux" }],
            "requiresCompatibilities": ["FARGATE", "SOMETHING_NEW"],
            "cpu": "512",
            "memory": "1024",
            "pidMode": "task",
            "ipcMode": "task",
            "proxyConfiguration": { "type": "APPMESH", "containerName": "proxy", "properties": [] },
            "ephemeralStorage": { "sizeInGiB": 40 },
            "runtimePlatform": { "cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX" },
            "enableFaultInjection": true,
        })
    }

    /// A revision as ECS describes it: with what ECS adds, which must not be sent back.
    fn described(revision: i32, release: Option<&str>) -> Reply {
        let mut definition = settings();
        let added = json!({
            "taskDefinitionArn": ARN.replace(":41", &format!(":{revision}")), "revision": revision, "status": "ACTIVE",
            "compatibilities": ["EC2", "FARGATE"], "requiresAttributes": [{ "name": "ecs.capability" }],
            "registeredAt": 1_795_161_000, "registeredBy": "arn:aws:iam::123456789012:user/ci",
        });
        definition.as_object_mut().unwrap().extend(added.as_object().unwrap().clone());
        let mut tags = vec![json!({ "key": "team", "value": "core" }), json!({ "key": "aws:stack", "value": "x" })];
        tags.extend(release.map(|release| json!({ "key": RELEASE_TAG, "value": release })));
        testing::json(json!({ "taskDefinition": definition, "tags": tags }))
    }

    fn registered() -> Reply {
        testing::json(json!({ "taskDefinition": { "taskDefinitionArn": ARN.replace(":41", ":43") } }))
    }

    async fn register(script: &Script, container: &str, look_first: bool) -> Result<TaskDefinitionArn, CloudError> {
        let (base, image) = (TaskDefinitionArn::from(ARN), Version("api:9ab03d7".to_owned()));
        let request = Registration { base: &base, container, image: &image, release: RELEASE, look_first };
        script.aws().register(&request).await
    }

    #[tokio::test(start_paused = true)]
    async fn every_setting_is_copied_with_one_image_replaced_and_the_release_tagged() {
        let script = Script::new()
            .on("DescribeTaskDefinition", described(41, Some("production/api/40/1")))
            .on("RegisterTaskDefinition", registered());
        let arn = register(&script, "api", false).await.unwrap();
        assert!(arn.as_str().ends_with(":43"), "{arn}");

        let mut wanted = settings();
        wanted["containerDefinitions"][0]["image"] = json!("api:9ab03d7");
        let tags = json!([{ "key": "team", "value": "core" }, { "key": RELEASE_TAG, "value": RELEASE }]);
        wanted["tags"] = tags;
        let mut sent = script.sent("RegisterTaskDefinition")[0].json();
        // The SDK writes out ECS's default of a number that ECS leaves out.
        for container in sent["containerDefinitions"].as_array_mut().unwrap() {
            container.as_object_mut().unwrap().remove("cpu");
        }
        assert_eq!(sent, wanted);
        assert_eq!(script.sent("ListTaskDefinitions").len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_unknown_container_is_refused_with_the_names_that_there_are() {
        let script = Script::new().on("DescribeTaskDefinition", described(41, None));
        let error = register(&script, "web", false).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unexpected);
        assert!(error.message.ends_with("it has api, proxy"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_answer_surfaces_and_nothing_is_sent_twice() {
        for (reply, kind) in [
            (Reply::Lost, ErrorKind::Transport),
            (Reply::Silent, ErrorKind::Timeout),
            (testing::json_error("ServerException", "try later"), ErrorKind::Unavailable),
        ] {
            let script =
                Script::new().on("DescribeTaskDefinition", described(41, None)).on("RegisterTaskDefinition", reply);
            assert_eq!(register(&script, "api", false).await.unwrap_err().kind, kind);
            assert_eq!(script.sent("RegisterTaskDefinition").len(), 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_try_finds_what_the_lost_one_registered() {
        let arns = [44, 43, 42, 41, 40].map(|revision| ARN.replace(":41", &format!(":{revision}")));
        let script = Script::new()
            .on("DescribeTaskDefinition", described(41, None))
            .on("DescribeTaskDefinition", described(44, Some("staging/api/7/1")))
            .on("DescribeTaskDefinition", described(43, Some(RELEASE)))
            .on("ListTaskDefinitions", testing::json(json!({ "taskDefinitionArns": arns })));
        let arn = register(&script, "api", true).await.unwrap();
        assert!(arn.as_str().ends_with(":43"), "{arn}");
        assert_eq!(script.sent("RegisterTaskDefinition").len(), 0);
        let list = script.sent("ListTaskDefinitions")[0].json();
        assert_eq!((&list["familyPrefix"], &list["sort"]), (&json!("api"), &json!("DESC")));
    }

    #[tokio::test(start_paused = true)]
    async fn looking_stops_at_the_revision_copied_and_then_registers() {
        let arns = [41, 40].map(|revision| ARN.replace(":41", &format!(":{revision}")));
        let script = Script::new()
            .on("DescribeTaskDefinition", described(41, None))
            .on("ListTaskDefinitions", testing::json(json!({ "taskDefinitionArns": arns })))
            .on("RegisterTaskDefinition", registered());
        register(&script, "api", true).await.unwrap();
        assert_eq!(script.sent("DescribeTaskDefinition").len(), 1);
        assert_eq!(script.sent("RegisterTaskDefinition").len(), 1);
    }
}
