//! Operations on clusters, tasks and tags.

use super::state::TaskState;
use super::tasks::Stop;
use super::{Cluster, Described, DesiredStatus, Failure, ListTasks, RunTask, StopCode, Tag, Task, TaskStatus};
use crate::sim::world::{ApiError, ApiResult, World};

impl World {
    /// Shows clusters by name or ARN; the default cluster when none is named.
    pub fn describe_clusters(&self, names: &[String]) -> ApiResult<Described<Cluster>> {
        let name = self.schema.aws.cluster.clone();
        let arn = self.ecs_arn(&format!("cluster/{name}"));
        let (running_tasks, pending_tasks) = self.ecs.counts(|_| true);
        let active_services = self.ecs.services.len() as u32;
        let cluster = Cluster { name, arn, running_tasks, pending_tasks, active_services };
        if names.is_empty() {
            return Ok(Described { found: vec![cluster], failures: Vec::new() });
        }
        let mut described = Described { found: Vec::new(), failures: Vec::new() };
        for wanted in names {
            if *wanted == cluster.name || *wanted == cluster.arn {
                described.found.push(cluster.clone());
            } else {
                let short = wanted.rsplit_once('/').map_or(wanted.as_str(), |(_, short)| short);
                let arn = self.ecs_arn(&format!("cluster/{short}"));
                described.failures.push(Failure { arn, reason: "MISSING" });
            }
        }
        Ok(described)
    }

    /// ARNs of all clusters.
    pub fn list_clusters(&self) -> ApiResult<Vec<String>> {
        Ok(vec![self.ecs_arn(&format!("cluster/{}", self.schema.aws.cluster))])
    }

    /// ARNs of tasks; the wire layer pages.
    pub fn list_tasks(&self, input: &ListTasks) -> ApiResult<Vec<String>> {
        self.known_cluster(input.cluster.as_deref())?;
        let service = match &input.service {
            None => None,
            Some(name) => {
                let missing = || ApiError::new("ServiceNotFoundException", "Service not found.");
                Some(self.service_index(name).ok_or_else(missing)?)
            }
        };
        let desired = input.desired_status.unwrap_or(DesiredStatus::Running);
        let family = |task: &TaskState| {
            let short = task.view.task_definition.rsplit_once('/').map_or("", |(_, short)| short);
            short.rsplit_once(':').map_or("", |(family, _)| family).to_owned()
        };
        let tasks = self.ecs.tasks.iter().filter(|task| {
            task.view.desired_status == desired
                && service.is_none_or(|index| task.service == Some(index))
                && input.family.as_ref().is_none_or(|wanted| *wanted == family(task))
                && input.started_by.as_ref().is_none_or(|wanted| task.belongs_to(wanted))
        });
        Ok(tasks.map(|task| task.view.arn.clone()).collect())
    }

    /// Shows tasks by id or ARN; stopped ones for an hour.
    pub fn describe_tasks(&self, cluster: Option<&str>, tasks: &[String]) -> ApiResult<Described<Task>> {
        self.known_cluster(cluster)?;
        if tasks.is_empty() {
            return Err(ApiError::new("InvalidParameterException", "Tasks cannot be empty."));
        }
        let mut described = Described { found: Vec::new(), failures: Vec::new() };
        for name in tasks {
            if let Some(task) = self.find_task(name) {
                described.found.push(task.view.clone());
            } else {
                let short = name.rsplit_once('/').map_or(name.as_str(), |(_, short)| short);
                let arn = self.ecs_arn(&format!("task/{}/{short}", self.schema.aws.cluster));
                described.failures.push(Failure { arn, reason: "MISSING" });
            }
        }
        Ok(described)
    }

    /// Stops a task.
    pub fn stop_task(&mut self, cluster: Option<&str>, task: &str, reason: Option<&str>) -> ApiResult<Task> {
        self.known_cluster(cluster)?;
        let missing = || ApiError::new("InvalidParameterException", "The referenced task was not found.");
        let roster = self.find_task(task).ok_or_else(missing)?.roster;
        let reason = reason.unwrap_or("Task stopped by user").to_owned();
        self.stop(roster, &Stop { code: StopCode::UserInitiated, reason, exit_code: None }, self.now);
        let shown = self.ecs.task(roster).ok_or_else(missing)?.view.clone();
        self.ledger.change(self.now, "StopTask", vec![("task", shown.arn.clone())]);
        Ok(shown)
    }

    /// Starts tasks that belong to no service; each ends by itself as the scenario's `[one_off]` says.
    pub fn run_task(&mut self, input: RunTask) -> ApiResult<Vec<Task>> {
        self.known_cluster(input.cluster.as_deref())?;
        if !(1..=10).contains(&input.count) {
            return Err(ApiError::new("InvalidParameterException", "Count must be between 1 and 10."));
        }
        if let Some(started) = self.started_before(&input)? {
            return Ok(started);
        }
        let definition = self.usable_definition(&input.task_definition)?;
        let named =
            |name: &str| definition.containers.iter().any(|one| one.get("name").and_then(|n| n.as_str()) == Some(name));
        if let Some((name, _)) = input.commands.iter().find(|(name, _)| !named(name)) {
            let message = format!("Override for container named {name} is not a container in the TaskDefinition.");
            return Err(ApiError::new("InvalidParameterException", message));
        }
        let group = input.group.clone().unwrap_or_else(|| format!("family:{}", definition.family));
        let commands: Vec<String> = input.commands.iter().map(|(_, words)| words.join(" ")).collect();
        let commands = commands.join("; ");
        let is_odd = self.schema.one_off.only.as_ref().is_none_or(|only| commands.contains(only));
        let mut started = Vec::new();
        for _ in 0..input.count {
            let roster = self.launch(&definition, None, group.clone(), input.started_by.clone(), self.now);
            if let Some(task) = self.ecs.tasks.last_mut().filter(|task| task.roster == roster) {
                task.view.tags.clone_from(&input.tags);
                task.is_odd = is_odd;
                started.push(task.view.clone());
            }
        }
        if let Some(token) = &input.client_token {
            let tasks = started.iter().map(|task| task.arn.clone()).collect();
            self.ecs.run_tokens.insert(token.clone(), (fingerprint(&input), tasks));
        }
        let facts = vec![
            ("taskDefinition", definition.arn),
            ("count", input.count.to_string()),
            ("startedBy", input.started_by.unwrap_or_default()),
            ("command", commands),
        ];
        self.ledger.change(self.now, "RunTask", facts);
        Ok(started)
    }

    /// The tasks that a request with this client token has started already.
    fn started_before(&self, input: &RunTask) -> ApiResult<Option<Vec<Task>>> {
        let Some(token) = &input.client_token else { return Ok(None) };
        if token.len() > 64 {
            return Err(ApiError::new("InvalidParameterException", "clientToken length must be at most 64."));
        }
        let Some((known, tasks)) = self.ecs.run_tokens.get(token) else { return Ok(None) };
        if *known != fingerprint(input) {
            let message = "The RunTask request could not be processed due to conflicts: the clientToken was used with different parameters.";
            return Err(ApiError::new("ConflictException", message));
        }
        let tasks = tasks.iter().filter_map(|arn| Some(self.find_task(arn)?.view.clone())).collect();
        Ok(Some(tasks))
    }

    /// Tags of a service, task or task definition.
    pub fn list_tags_for_resource(&self, arn: &str) -> ApiResult<Vec<Tag>> {
        let definitions = self.ecs.definitions.values().flatten().map(|one| (&one.arn, &one.tags));
        let services = self.ecs.services.iter().map(|one| (&one.view().arn, &one.view().tags));
        let tasks = self.ecs.tasks.iter().map(|one| (&one.view.arn, &one.view.tags));
        let found = definitions.chain(services).chain(tasks).find(|(known, _)| *known == arn);
        found.map(|(_, tags)| tags.clone()).ok_or_else(|| no_resource(arn))
    }

    /// Adds tags to a service, task or task definition.
    pub fn tag_resource(&mut self, arn: &str, tags: Vec<Tag>) -> ApiResult<()> {
        let definitions = self.ecs.definitions.values_mut().flatten().map(|one| (&one.arn, &mut one.tags));
        let services = self.ecs.services.iter_mut().map(|one| {
            let view = &mut one.lagging.view;
            (&view.arn, &mut view.tags)
        });
        let tasks = self.ecs.tasks.iter_mut().map(|one| (&one.view.arn, &mut one.view.tags));
        let found = definitions.chain(services).chain(tasks).find(|(known, _)| *known == arn);
        let (_, kept) = found.ok_or_else(|| no_resource(arn))?;
        let facts = vec![
            ("arn", arn.to_owned()),
            ("tags", tags.iter().map(|tag| format!("{}={}", tag.key, tag.value)).collect::<Vec<_>>().join(" ")),
        ];
        kept.retain(|old| tags.iter().all(|new| new.key != old.key));
        kept.extend(tags);
        self.ledger.change(self.now, "TagResource", facts);
        Ok(())
    }

    fn find_task(&self, name: &str) -> Option<&TaskState> {
        self.ecs.tasks.iter().find(|task| task.view.arn == name || task.view.id == name)
    }

    /// Ends the process of a task of a service with `exit_code`, as a crash would; false if it has none.
    pub fn crash_task(&mut self, service: &str, exit_code: i32) -> bool {
        let Some(index) = self.service_index(service) else { return false };
        let running = self.ecs.tasks.iter().find(|task| {
            task.service == Some(index) && task.view.last_status == TaskStatus::Running && task.is_wanted()
        });
        let Some(roster) = running.map(|task| task.roster) else { return false };
        let reason = "Essential container in task exited".to_owned();
        self.log_line(roster, self.now, "FATAL", &format!("process ended with exit code {exit_code}"));
        self.stop(
            roster,
            &Stop { code: StopCode::EssentialContainerExited, reason, exit_code: Some(exit_code) },
            self.now,
        );
        self.task_failed(index, roster, self.now);
        true
    }
}

/// What makes two requests to run a task the same.
fn fingerprint(input: &RunTask) -> String {
    format!("{} {} {:?} {:?}", input.task_definition, input.count, input.started_by, input.commands)
}

fn no_resource(arn: &str) -> ApiError {
    ApiError::new("InvalidParameterException", format!("The specified resource is not found: {arn}"))
}
