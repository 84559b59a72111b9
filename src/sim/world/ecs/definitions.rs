//! Task definitions.

use serde_json::Value;

use super::{DefinitionStatus, ListOrder, ListTaskDefinitions, RegisterTaskDefinition, TaskDefinition};
use crate::sim::world::{ApiError, ApiResult, World};

impl TaskDefinition {
    /// The image of a container; of the first one when no name is given.
    pub fn image(&self, container: Option<&str>) -> Option<&str> {
        let named =
            |value: &&Value| container.is_none_or(|name| value.get("name").and_then(Value::as_str) == Some(name));
        self.containers.iter().find(named)?.get("image")?.as_str()
    }
}

impl World {
    /// Registers the next revision of a family.
    pub fn register_task_definition(&mut self, input: RegisterTaskDefinition) -> ApiResult<TaskDefinition> {
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if input.family.is_empty() || input.family.len() > 255 || !input.family.chars().all(valid) {
            return Err(ApiError::new("ClientException", "Family contains invalid characters."));
        }
        if input.containers.is_empty() {
            return Err(ApiError::new("ClientException", "Container list cannot be empty."));
        }
        for container in &input.containers {
            for key in ["name", "image"] {
                if container.get(key).and_then(Value::as_str).is_none_or(str::is_empty) {
                    return Err(ApiError::new(
                        "ClientException",
                        format!("Container.{key} should not be null or empty."),
                    ));
                }
            }
        }
        let revision = self.ecs.definitions.get(&input.family).map_or(0, Vec::len) as u32 + 1;
        let definition = TaskDefinition {
            arn: self.ecs_arn(&format!("task-definition/{}:{revision}", input.family)),
            family: input.family,
            revision,
            status: DefinitionStatus::Active,
            containers: input.containers,
            settings: input.settings,
            tags: input.tags,
            registered_at: self.now,
            deregistered_at: None,
        };
        let image = definition.image(None).unwrap_or_default().to_owned();
        let facts = vec![("arn", definition.arn.clone()), ("image", image)];
        self.ledger.change(self.now, "RegisterTaskDefinition", facts);
        self.ecs.definitions.entry(definition.family.clone()).or_default().push(definition.clone());
        Ok(definition)
    }

    /// Shows a revision: `family` (newest active), `family:revision` or ARN.
    pub fn describe_task_definition(&self, name: &str) -> ApiResult<TaskDefinition> {
        self.find_definition(name).cloned()
    }

    pub(super) fn find_definition(&self, name: &str) -> ApiResult<&TaskDefinition> {
        let short = name.rsplit_once('/').map_or(name, |(_, short)| short);
        let missing = || ApiError::new("ClientException", "Unable to describe task definition.");
        let (family, revision) = match short.rsplit_once(':') {
            Some((family, revision)) => (family, Some(revision.parse::<u32>().map_err(|_| missing())?)),
            None => (short, None),
        };
        let revisions = self.ecs.definitions.get(family).ok_or_else(missing)?;
        match revision {
            Some(revision) => revisions.iter().find(|one| one.revision == revision),
            None => revisions.iter().rev().find(|one| one.status == DefinitionStatus::Active),
        }
        .ok_or_else(missing)
    }

    /// A revision that tasks may still be started from.
    pub(in crate::sim::world) fn usable_definition(&self, name: &str) -> ApiResult<TaskDefinition> {
        let definition =
            self.find_definition(name).map_err(|_| ApiError::new("ClientException", "TaskDefinition not found."))?;
        if definition.status == DefinitionStatus::Inactive {
            return Err(ApiError::new("ClientException", "TaskDefinition is inactive"));
        }
        Ok(definition.clone())
    }

    /// ARNs of revisions, all of them; the wire layer pages.
    pub fn list_task_definitions(&self, input: &ListTaskDefinitions) -> ApiResult<Vec<String>> {
        let status = input.status.unwrap_or(DefinitionStatus::Active);
        let families = self.ecs.definitions.iter();
        let of_family = families.filter(|(family, _)| input.family.as_ref().is_none_or(|wanted| wanted == *family));
        let revisions = of_family.flat_map(|(_, revisions)| revisions).filter(|one| one.status == status);
        let mut arns: Vec<String> = revisions.map(|one| one.arn.clone()).collect();
        if input.order == ListOrder::Descending {
            arns.reverse();
        }
        Ok(arns)
    }

    /// Makes a revision inactive.
    pub fn deregister_task_definition(&mut self, name: &str) -> ApiResult<TaskDefinition> {
        if !name.contains(':') {
            return Err(ApiError::new(
                "InvalidParameterException",
                "The task definition must be family:revision or an ARN",
            ));
        }
        let arn = self.find_definition(name)?.arn.clone();
        let now = self.now;
        let mut all = self.ecs.definitions.values_mut().flatten();
        let definition = all.find(|one| one.arn == arn);
        let definition =
            definition.ok_or_else(|| ApiError::new("ClientException", "Unable to describe task definition."))?;
        definition.status = DefinitionStatus::Inactive;
        definition.deregistered_at = Some(now);
        let shown = definition.clone();
        self.ledger.change(now, "DeregisterTaskDefinition", vec![("arn", arn)]);
        Ok(shown)
    }

    /// All revisions that carry a tag, oldest first.
    pub fn task_definitions_tagged(&self, key: &str, value: &str) -> Vec<TaskDefinition> {
        let all = self.ecs.definitions.values().flatten();
        all.filter(|one| one.tags.iter().any(|tag| tag.key == key && tag.value == value)).cloned().collect()
    }
}
